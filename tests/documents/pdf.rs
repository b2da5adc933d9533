//! PDF files: whole, cut, locked, packed, and made to harm.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gradphoto::check::Status;
use gradphoto::limits::Limits;
use gradphoto::photo::pdf::{PdfFacts, PdfState};
use gradphoto::photo::{self, Format};
use gradphoto::{Report, Verdict};

use super::pen::{BLACK, PLAIN};
use super::{anhui, check, chongqing, jpeg, normalize, page, status};

fn facts(bytes: &[u8]) -> PdfFacts {
    let (facts, photo) = photo::decode(bytes, Some("a.pdf"), &Limits::default());
    assert!(photo.is_err() && facts.container.format == Format::Pdf);
    facts.container.pdf.unwrap()
}

/// A file of these objects, numbered from 1, the first of them the catalogue, with a table of cross-references.
fn file(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        writeln!(out, "{} 0 obj", i + 1).unwrap();
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let start = out.len();
    write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    places.iter().for_each(|place| writeln!(out, "{place:010} 00000 n ").unwrap());
    write!(out, "trailer\n<< /Size {} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1)
        .unwrap();
    out
}

fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    let mut out = format!("<< {dict} /Length {} >>\nstream\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\nendstream");
    out
}

/// Text pages in a tree of two levels.
fn pages(count: usize) -> Vec<u8> {
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 9 /MediaBox [0 0 595 842] >>".to_vec(),
    ];
    let kids: Vec<String> = (0..count).map(|i| format!("{} 0 R", i + 4)).collect();
    objects.push(format!("<< /Type /Pages /Parent 2 0 R /Kids [{}] >>", kids.join(" ")).into_bytes());
    objects
        .extend((0..count).map(|_| b"<< /Type /Page /Parent 3 0 R /Resources << /Font << /F1 9 0 R >> >> >>".to_vec()));
    file(&objects, "")
}

/// One page with one picture.
fn scan(jpeg: &[u8], rotate: i32) -> Vec<u8> {
    let image = "/Type /XObject /Subtype /Image /Width 900 /Height 700 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode";
    file(
        &[
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            format!("<< /Type /Page /Rotate {rotate} /Resources << /XObject << /Im0 4 0 R >> >> /Contents 5 0 R >>")
                .into_bytes(),
            stream(image, jpeg),
            stream("", b"q 595 0 0 842 0 0 cm /Im0 Do Q"),
        ],
        "",
    )
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Catalogue and pages inside of a stream, as PDF 1.5 and later have them.
fn modern() -> Vec<u8> {
    let bodies = [
        "<< /Type /Catalog /Pages 11 0 R >>",
        "<< /Type /Pages /Kids [12 0 R 13 0 R] >>",
        "<< /Type /Page >>",
        "<< /Type /Page >>",
    ];
    let (mut head, mut body) = (String::new(), String::new());
    for (i, text) in bodies.iter().enumerate() {
        head += &format!("{} {} ", 10 + i, body.len());
        body += &format!("{text} ");
    }
    let dict = format!("/Type /ObjStm /N 4 /First {} /Filter /FlateDecode", head.len());
    let mut out = b"%PDF-1.6\n1 0 obj\n".to_vec();
    out.extend(stream(&dict, &packed((head + &body).as_bytes())));
    out.extend(b"\nendobj\n2 0 obj\n");
    out.extend(stream("/Type /XRef /Root 10 0 R /Size 14 /W [1 2 1] /Filter /FlateDecode", &packed(&[0; 56])));
    out.extend(b"\nendobj\nstartxref\n9\n%%EOF");
    out
}

fn said(report: &Report, id: &str) -> String {
    report.check(id).unwrap().message.en.clone()
}

#[test]
fn pages_and_version_are_read() {
    for count in [1, 2, 7] {
        let bytes = pages(count);
        assert_eq!(
            facts(&bytes),
            PdfFacts { version: Some((1, 7)), pages: Some(count), state: PdfState::Whole, picture: None, turns: 0 }
        );
        let report = check(&bytes, "a.pdf", &anhui());
        assert_eq!(report.verdict, Verdict::Review, "{:#?}", report.checks);
        assert!(said(&report, "file.format").contains(&format!("{count} page")), "{}", said(&report, "file.format"));
        assert_eq!(status(&report, "file.integrity"), Status::Pass);
        assert_eq!(status(&report, "document.legibility"), Status::Undetermined);
        assert!(said(&report, "document.legibility").contains("not rendered"));
        assert_eq!(status(&check(&bytes, "a.pdf", &chongqing()), "file.format"), Status::Fail);
    }
    let modern = facts(&modern());
    assert_eq!((modern.version, modern.pages, modern.state), (Some((1, 6)), Some(2), PdfState::Whole));
}

#[test]
fn a_scanned_page_is_judged_by_its_picture() {
    let rgb = PLAIN.picture(&[(&page(900, 700, 24.0, 3), BLACK)], 1);
    let report = check(&scan(&jpeg(&rgb, 80, None), 0), "a.pdf", &anhui());
    assert_eq!(report.verdict, Verdict::Accept, "{:#?}", report.checks);
    let turned = check(&scan(&jpeg(&rgb, 80, None), 90), "a.pdf", &anhui());
    assert_eq!(status(&turned, "document.orientation"), Status::Warn);
    // A JPEG with a turn of its own that the page's turn undoes.
    let sideways = image::imageops::rotate270(&rgb);
    assert_eq!(check(&scan(&jpeg(&sideways, 80, None), 90), "a.pdf", &anhui()).verdict, Verdict::Accept);
    match normalize(&scan(&jpeg(&rgb, 80, None), 0), &anhui()) {
        Err(error) => assert!(error.code() == "pdf" && error.text().zh.contains("PDF"), "{error}"),
        Ok(made) => panic!("{:?}", made.report.actions),
    }
}

#[test]
fn locked_and_empty_files_are_refused_by_name() {
    let locked = file(
        &[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [] >>".to_vec()],
        "/Encrypt 3 0 R",
    );
    assert_eq!(facts(&locked).state, PdfState::Encrypted);
    let report = check(&locked, "a.pdf", &anhui());
    assert_eq!((status(&report, "file.integrity"), report.verdict), (Status::Fail, Verdict::Reject));
    assert!(said(&report, "file.integrity").contains("password"));
    // An escape in the name hides nothing.
    let hidden = String::from_utf8_lossy(&locked).replace("/Encrypt", "/Encr#79pt").into_bytes();
    assert_eq!(facts(&hidden).state, PdfState::Encrypted);
    let empty = file(&[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [] >>".to_vec()], "");
    assert_eq!(facts(&empty).state, PdfState::Damaged);
    assert_eq!(status(&check(b"%PDF-1.4 %%EOF", "a.pdf", &anhui()), "file.integrity"), Status::Fail);
}

#[test]
fn a_file_cut_anywhere_is_said_to_be_cut_and_never_panics() {
    let rgb = PLAIN.picture(&[(&page(120, 90, 16.0, 3), BLACK)], 1);
    for whole in [pages(3), modern(), scan(&jpeg(&rgb, 40, None), 0)] {
        assert_eq!(facts(&whole).state, PdfState::Whole);
        let end = whole.windows(5).rposition(|part| part == b"%%EOF").unwrap();
        for length in 5..whole.len() {
            let state = facts(&whole[..length]).state;
            assert_eq!(state == PdfState::Cut, length < end + 5, "{length} of {}: {state:?}", whole.len());
        }
        // A byte changed anywhere: an answer, whatever it is.
        for at in 5..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x15;
            let _ = facts(&changed);
        }
    }
}

#[test]
fn bombs_and_knots_cost_little() {
    let start = std::time::Instant::now();
    let dict = "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode";
    let bomb = file(&[stream(dict, &packed(&vec![b' '; 80 << 20]))], "");
    assert!(bomb.len() < 1 << 20);
    assert_eq!(facts(&bomb).state, PdfState::Bomb);
    assert_eq!(status(&check(&bomb, "a.pdf", &anhui()), "file.integrity"), Status::Fail);
    // A tree that is its own branch, references in a ring, open brackets without end.
    let knot = file(
        &[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [2 0 R 2 0 R 1 0 R] >>".to_vec()],
        "",
    );
    assert_eq!(facts(&knot).state, PdfState::Damaged);
    let ring = file(&[b"2 0 R".to_vec(), b"1 0 R".to_vec()], "");
    assert_eq!(facts(&ring).state, PdfState::Damaged);
    for piece in ["1 0 obj (", "1 0 obj <", "1 0 obj <<>> stream ", "[", "1 0 obj <</A ", "1 0 obj [1 0 R "] {
        let mut bytes = b"%PDF-1.4 ".to_vec();
        bytes.extend(piece.as_bytes().repeat((2 << 20) / piece.len()));
        bytes.extend(b" startxref 0 %%EOF");
        assert_ne!(facts(&bytes).state, PdfState::Whole, "{piece}");
    }
    // Many nodes that share one long list.
    let kids = "2 0 R ".repeat(20_000);
    let inline = format!("<< /Type /Pages /Kids [{}] >>", "<< /Kids 3 0 R >> ".repeat(5000));
    let wide = file(
        &[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), inline.into_bytes(), format!("[{kids}]").into_bytes()],
        "",
    );
    assert_ne!(facts(&wide).state, PdfState::Whole);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

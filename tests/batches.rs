//! Batches through the router: what is sent, what comes back, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "server")]

#[path = "common/batches.rs"]
mod batches;
mod common;
#[path = "common/reviews.rs"]
mod reviews;

use std::io::{Cursor, Read};
use std::num::{NonZeroU64, NonZeroUsize};

use axum::body::{Body, Bytes};
use batches::{FORM, Fake, ZIP, events, form, inside, patched, pieces, rows, send, sent, service, until, zip};
use gradphoto::report::Verdict;
use reviews::Service;
use serde_json::Value;

fn plain() -> Service {
    service(Fake::default(), |_| {}, false)
}

/// The answer of an address of a batch as text.
async fn text(service: &Service, uri: &str) -> String {
    let answer = service.get("", uri).await;
    assert_eq!(answer.status, 200, "{uri}: {}", String::from_utf8_lossy(&answer.body));
    String::from_utf8(answer.body).unwrap()
}

#[tokio::test]
async fn every_file_of_a_zip_has_its_row_in_order() {
    let service = plain();
    let archive = zip(&[
        ("一班/1.jpg", b"a photo"),
        ("../../etc/2.jpg", b"r photo"),
        ("GBKK.jpg", b"a photo"),
        ("twinA.jpg", b"a first"),
        ("twinB.jpg", b"r second"),
        ("inner.zip", b"PK"),
        ("lock.jpg", b"a secret"),
        ("notes.docx", b"no photo"),
        ("empty.jpg", b""),
        ("panic.jpg", b"panic"),
        ("__MACOSX/._1.jpg", b"x"),
        ("folder/", b""),
    ]);
    let archive = patched(archive, b"GBKK", b"\xd5\xc5\xc8\xfd");
    let mut archive = patched(archive, b"twinA.jpg", b"twinB.jpg");
    // The flag of an encrypted member, in the list of members.
    let central = archive.windows(4).rposition(|at| at == b"PK\x01\x02").unwrap();
    let of_lock = (0..central)
        .rev()
        .find(|&at| archive[at..].starts_with(b"lock.jpg") && archive[at - 46..].starts_with(b"PK\x01\x02"));
    archive[of_lock.unwrap() - 46 + 8] |= 1;
    let location = sent(&service, "", "?captured-before=2026-06-30", ZIP, archive).await;
    let rows = rows(&service, "", &location).await;
    let paths: Vec<_> = rows.iter().map(|row| row.path.as_str()).collect();
    let expected = [
        "一班/1.jpg",
        "etc/2.jpg",
        "张三.jpg",
        "twinB.jpg",
        "inner.zip",
        "lock.jpg",
        "notes.docx",
        "empty.jpg",
        "panic.jpg",
    ];
    assert_eq!(paths, expected, "of two with one name the last counts");
    let verdicts: Vec<_> = rows.iter().map(|row| row.report.as_ref().map(|report| report.verdict)).collect();
    let (accept, reject) = (Some(Verdict::Accept), Some(Verdict::Reject));
    assert_eq!(verdicts, [accept, reject, accept, reject, None, None, reject, reject, None]);
    for (place, says) in [(4, "not opened"), (5, "encrypted"), (8, "internal fault")] {
        assert!(rows[place].error.as_ref().unwrap().en.contains(says), "{:?}", rows[place]);
    }
    assert_eq!(rows[0].report.as_ref().unwrap().file.name.as_deref(), Some("1.jpg"));

    let status = service.get("", &location).await.json();
    assert_eq!((&status["state"], &status["profile"]), (&"done".into(), &"zikao-graduation".into()));
    let counts: Vec<_> = ["total", "done", "accept", "review", "reject", "errors", "skipped"]
        .iter()
        .map(|name| status["counts"][name].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [9, 9, 2, 0, 4, 3, 1]);
    assert_eq!((&status["reasons"][0]["id"], &status["reasons"][0]["fail"]), (&"face.eye-line".into(), &4.into()));
    assert!(
        ["received_at", "started_at", "ended_at", "kept_until"].iter().all(|at| status[at].is_string()),
        "{status}"
    );
    assert_eq!(status["links"]["photos"], Value::Null);
    assert_eq!(service.get("", "/v1/batches").await.json()["batches"], serde_json::json!([status]));
    // What was sent is gone, and so is the server's own path.
    let [folder] = inside(&service).try_into().unwrap();
    assert!(!folder.join("sent").exists() && folder.join("results.jsonl").exists());
}

#[tokio::test]
async fn the_same_rows_come_as_lines_table_and_workbook() {
    let service = plain();
    let location = sent(&service, "", "", ZIP, zip(&[("=1+1.jpg", b"a"), ("2.jpg", b"r")])).await;
    assert_eq!(rows(&service, "", &location).await.len(), 2);
    let results = format!("{location}/results");
    let table = text(&service, &format!("{results}?format=csv&lang=en")).await;
    assert!(table.starts_with("\u{feff}kind,No.,file,verdict") && table.contains("'=1+1.jpg"), "{table}");
    assert_eq!(csv::Reader::from_reader(table.as_bytes()).records().count(), 2);
    assert!(text(&service, &format!("{results}?format=csv&lang=zh")).await.contains("结论"));
    for (accept, kind, ending) in [
        ("text/csv", "text/csv", "csv"),
        (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, text/csv;q=0.5",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
        ("*/*", "application/x-ndjson", "jsonl"),
    ] {
        let request = axum::http::Request::get(&results).header("accept", accept).body(Body::empty()).unwrap();
        let answer = service.send(request).await;
        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, kind));
        assert_eq!(answer.headers["content-disposition"], format!("attachment; filename=\"results.{ending}\""));
        assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
        assert_eq!(answer.headers["cache-control"], "private, no-store");
    }
    let workbook = service.get("", &format!("{results}?format=xlsx")).await.body;
    let mut workbook = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    assert!(workbook.by_name("xl/workbook.xml").is_ok());
    assert_eq!(service.get("", &format!("{results}?format=pdf")).await.problem(), (400, "bad-parameter".into()));
    let request = axum::http::Request::get(&results).header("accept", "text/html").body(Body::empty()).unwrap();
    assert_eq!(service.send(request).await.problem(), (406, "not-acceptable".into()));
}

#[tokio::test]
async fn a_form_with_many_photos_is_a_batch() {
    let service = plain();
    let photos =
        [("一班/1.jpg", "a"), ("..\\\\2.jpg", "r"), ("", "a"), ("1.zip", "PK"), ("same.jpg", "a"), ("same.jpg", "r")];
    let body = form(&photos, &[("profile", "gaokao"), ("lang", "en")]);
    let location = sent(&service, "", "?profile=anhui-graduation", FORM, body).await;
    let rows = rows(&service, "", &location).await;
    let paths: Vec<_> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths, ["一班/1.jpg", "2.jpg", "photo-3", "1.zip", "same.jpg", "same.jpg"]);
    assert!(rows[3].report.is_none() && rows[4].report != rows[5].report);
    assert_eq!(service.get("", &location).await.json()["profile"], "gaokao", "the form counts");
}

#[tokio::test]
async fn normalized_photos_come_in_a_zip_under_names_of_their_own() {
    let service = plain();
    let long = format!("{}.jpg", "长".repeat(150));
    let members: [(&str, &[u8]); 6] = [
        ("a/1.png", b"a 1"),
        ("b/1.jpg", b"a 2"),
        ("3.jpg", b"r 3"),
        ("4.jpg", b"none"),
        ("..", b"a 5"),
        (&long, b"a 6"),
    ];
    let location = sent(&service, "", "?normalize=true&background=auto&rotate=true", ZIP, zip(&members)).await;
    let rows = rows(&service, "", &location).await;
    let outputs: Vec<_> = rows.iter().map(|row| row.output.as_deref()).collect();
    assert_eq!(outputs[..5], [Some("1.jpg"), Some("1-2.jpg"), None, None, Some("_.jpg")]);
    assert!(rows[2].report.is_some() && rows[2].error.as_ref().unwrap().en.contains("not written"), "{:?}", rows[2]);
    assert_eq!(rows[3].error.as_ref().unwrap().en, "there is no face");
    let answer = service.get("", &format!("{location}/photos.zip")).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/zip".parse().unwrap()));
    let mut photos = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let names: Vec<String> = photos.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.len() <= 230 && !name.contains(['/', '\\'])), "{names:?}");
    let mut made = String::new();
    photos.by_name("1-2.jpg").unwrap().read_to_string(&mut made).unwrap();
    assert_eq!(made, "made of a 2");

    let judged = sent(&service, "", "", ZIP, zip(&[("1.jpg", b"a")])).await;
    events(&service, "", &judged).await;
    assert_eq!(service.get("", &format!("{judged}/photos.zip")).await.problem(), (404, "not-found".into()));
}

/// An archive whose one member claims to expand to so many bytes.
fn claims(bytes: u32) -> Vec<u8> {
    let mut archive = zip(&[("1.jpg", &[0; 1000])]);
    let central = archive.windows(4).position(|at| at == b"PK\x01\x02").unwrap();
    archive[central + 24..central + 28].copy_from_slice(&bytes.to_le_bytes());
    archive
}

#[tokio::test]
async fn what_is_no_batch_is_refused_and_leaves_nothing() {
    let limits = |config: &mut gradphoto::http::config::Config| {
        config.batches.max_photos = NonZeroUsize::new(3).unwrap();
        config.batches.max_bytes = NonZeroU64::new(1 << 20).unwrap();
        config.batches.max_expanded_bytes = NonZeroU64::new(1 << 24).unwrap();
    };
    let service = service(Fake::default(), limits, false);
    let whole = zip(&[("1.jpg", b"a"), ("2.jpg", b"r")]);
    let four: Vec<(String, &[u8])> = (0..4).map(|n| (format!("{n}.jpg"), b"a".as_slice())).collect();
    let four: Vec<_> = four.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let cut = whole[..whole.len() - 10].to_vec();
    let no_end =
        format!("--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\nX-Endless: {}", "x".repeat(900_000));
    let endless = vec![b'x'; 700_000];
    let parts = |form: &str| form.as_bytes().to_vec();
    for (body, kind, query, status, code) in [
        (Vec::new(), ZIP, "", 400, "missing-photo"),
        (zip(&[("folder/", b""), (".hidden", b"x")]), ZIP, "", 400, "missing-photo"),
        (cut, ZIP, "", 422, "bad-archive"),
        (b"no archive at all".to_vec(), ZIP, "", 422, "bad-archive"),
        (claims(0xf000_0000), ZIP, "", 422, "bad-archive"),
        (claims((1 << 24) + 1), ZIP, "", 422, "bad-archive"),
        (zip(&four), ZIP, "", 413, "too-large"),
        (vec![0; (1 << 20) + 1], ZIP, "", 413, "too-large"),
        (parts(&form(&[("1.jpg", &"x".repeat(1 << 20))], &[])), FORM, "", 413, "too-large"),
        (parts(&form(&[("1.jpg", "a"); 4], &[])), FORM, "", 413, "too-large"),
        (parts(&form(&[], &[("lang", "en")])), FORM, "", 400, "missing-photo"),
        (parts(&form(&[("1.jpg", "a")], &[("foto", "x")])), FORM, "", 400, "bad-parameter"),
        (parts(&form(&[("1.jpg", "a")], &[("lang", "en"), ("lang", "en")])), FORM, "", 400, "bad-parameter"),
        (parts(&form(&[("1.jpg", "a")], &[("profile", &"x".repeat(900))])), FORM, "", 400, "malformed-body"),
        (parts(&form(&[("1.jpg", "a")], &[("profile", "gaoka")])), FORM, "", 404, "unknown-profile"),
        (
            parts("--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nhalf"),
            FORM,
            "",
            400,
            "malformed-body",
        ),
        (parts(&no_end), FORM, "", 400, "malformed-body"),
        (endless, FORM, "", 400, "malformed-body"),
        (whole.clone(), "multipart/form-data", "", 400, "malformed-body"),
        (whole.clone(), "image/jpeg", "", 415, "unsupported-type"),
        (whole.clone(), "", "", 415, "unsupported-type"),
        (whole.clone(), ZIP, "?profile=gaoka", 404, "unknown-profile"),
        (whole.clone(), ZIP, "?normalize=perhaps", 400, "bad-parameter"),
        (whole.clone(), ZIP, "?background=Pink%21&normalize=true", 400, "bad-parameter"),
        (whole.clone(), ZIP, "?reference=1", 400, "bad-parameter"),
    ] {
        let answer = send(&service, "", query, kind, body).await;
        assert_eq!(
            answer.problem(),
            (status, code.to_owned()),
            "{kind} {query} {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    until(|| inside(&service).is_empty()).await;
    assert_eq!(service.get("", "/v1/batches").await.json()["batches"], serde_json::json!([]));
    // All places are free again.
    let location = sent(&service, "", "", ZIP, whole).await;
    assert_eq!(rows(&service, "", &location).await.len(), 2);
}

#[tokio::test]
async fn a_form_that_says_too_much_between_photos_fills_no_memory() {
    let service = plain();
    let (pieces, body) = pieces();
    let sending = send(&service, "", "", FORM, body);
    let feeding = async {
        // Heads without an end, for as long as somebody takes them.
        let head = b"--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\nX-Endless: ";
        let mut taken = 0;
        let mut piece = Bytes::from_static(head);
        while taken < (64 << 20) && pieces.send(Ok(piece)).await.is_ok() {
            piece = Bytes::from(vec![b'x'; 16 << 10]);
            taken += piece.len();
        }
        drop(pieces);
        taken
    };
    let (answer, taken) = tokio::join!(sending, feeding);
    assert_eq!(answer.problem(), (400, "malformed-body".into()));
    assert!(taken < 1 << 20, "{taken} bytes were taken");
}

#[tokio::test]
async fn who_leaves_while_sending_leaves_nothing() {
    let service = plain();
    for kind in [ZIP, FORM] {
        let (pieces, body) = pieces();
        let start = Bytes::from_static(b"--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nhalf of it");
        {
            let sending = send(&service, "", "", kind, body);
            tokio::pin!(sending);
            tokio::select! {
                _ = &mut sending => panic!("the body has no end"),
                () = async {
                    pieces.send(Ok(start)).await.unwrap();
                    until(|| inside(&service).iter().any(|batch| batch.join("sent").read_dir().is_ok_and(|mut all| all.next().is_some()))).await;
                } => {}
            }
            // Here the client is gone: the future of its request is dropped.
        }
        until(|| inside(&service).is_empty()).await;
    }
    let (pieces, body) = pieces();
    pieces.send(Ok(Bytes::from_static(b"PK"))).await.unwrap();
    let breaks = async {
        pieces.send(Err(std::io::ErrorKind::ConnectionReset.into())).await.unwrap();
    };
    let (answer, ()) = tokio::join!(send(&service, "", "", ZIP, body), breaks);
    assert_eq!(answer.problem(), (400, "malformed-body".into()));
    until(|| inside(&service).is_empty()).await;
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let service = service(Fake::default(), |config| config.limits.body_seconds = NonZeroU64::MIN, false);
    let (pieces, body) = pieces();
    pieces.send(Ok(Bytes::from_static(b"PK"))).await.unwrap();
    assert_eq!(send(&service, "", "", ZIP, body).await.problem(), (408, "slow-body".into()));
    until(|| inside(&service).is_empty()).await;
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_nothing_is_half_there() {
    let service = plain();
    // While the body comes, somebody takes the place of what is to be written.
    let (pieces, body) = pieces();
    let archive = Bytes::from(zip(&[("1.jpg", b"a")]));
    let spoil = async {
        pieces.send(Ok(archive)).await.unwrap();
        until(|| !inside(&service).is_empty()).await;
        let [folder] = inside(&service).try_into().unwrap();
        std::fs::create_dir(folder.join("results.jsonl")).unwrap();
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(send(&service, "", "", ZIP, body), spoil);
    assert_eq!(answer.status, 202);
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    assert!(events(&service, "", &location).await.contains("\"state\":\"failed\""));
    assert_eq!(service.get("", &location).await.json()["state"], "failed");
    assert_eq!(service.get("", &format!("{location}/results")).await.problem(), (409, "batch-failed".into()));
    assert!(inside(&service).is_empty());

    std::fs::remove_dir_all(service.dir.path().join("batches")).unwrap();
    std::fs::write(service.dir.path().join("batches"), "in the way").unwrap();
    let answer = send(&service, "", "", ZIP, zip(&[("1.jpg", b"a")])).await;
    assert_eq!(answer.problem(), (500, "storage-failed".into()));
}

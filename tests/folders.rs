//! Folder runs for an office: journals, early ends, archives, sorting, lists of candidates.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use common::{check, report};
use gradphoto::Report;
use gradphoto::batch::journal::{By, Head, Journal, JournalError};
use gradphoto::batch::sort::{Method, SortError, Sorter};
use gradphoto::batch::{Entry, Found, WalkOptions, find};
use gradphoto::check::Status;
use gradphoto::cli::Outcome;
use gradphoto::cli::check::CheckArgs;
use gradphoto::cli::reports::{Format, ReportFile, View};
use gradphoto::cli::run::{Checked, FolderRun, Undone};
use gradphoto::report::json::Document;
use gradphoto::report::{Finding, FindingKind, Row, text};
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A folder of files that hold their number.
fn folder(files: usize) -> (tempfile::TempDir, Found) {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..files {
        fs::write(dir.path().join(format!("{n:03}.jpg")), n.to_string()).unwrap();
    }
    let found = find(&[dir.path().to_owned()], &WalkOptions::default());
    (dir, found)
}

/// Rejects odd numbers, accepts the rest.
fn by_content(_: usize, _: &Entry, bytes: &[u8]) -> Result<Checked, Undone> {
    let odd = bytes.last().is_some_and(|digit| digit % 2 == 1);
    let mut made: Report = if odd { common::rejected() } else { report(vec![check("face.count", Status::Pass)]) };
    made.file.sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    // As times are: not a round number.
    made.timings_ms.total = 0.1 + f64::from(bytes.len() as u32) / 3.0;
    Ok(made.into())
}

fn view() -> View {
    View { format: Format::Jsonl, text: text::Options::default(), quiet: false }
}

fn head() -> Head {
    Head::new("check", &common::profile(&["face.count"]), [("day", "1".to_owned())])
}

/// Runs with a journal; the output, and how many photos were worked on.
fn journaled(found: &Found, journal: &Path, by: By) -> (String, usize) {
    let (mut out, worked, view) = (Vec::new(), AtomicUsize::new(0), view());
    let journal = Some(Journal::open(journal, &head(), by).unwrap());
    let run = FolderRun { journal, ..FolderRun::new(found, None, &view) };
    run.run(&mut out, |place, entry, bytes| {
        worked.fetch_add(1, Ordering::Relaxed);
        by_content(place, entry, bytes)
    })
    .unwrap();
    (String::from_utf8(out).unwrap(), worked.into_inner())
}

#[test]
fn a_run_that_was_killed_anywhere_goes_on_to_the_same_report() {
    let (dir, found) = folder(20);
    let path = dir.path().join("journal");
    for by in [By::Time, By::Hash] {
        let _ = fs::remove_file(&path);
        let (whole, worked) = journaled(&found, &path, by);
        assert_eq!(worked, 20);
        let bytes = fs::read(&path).unwrap();
        let ends: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
        assert_eq!(ends.len(), 21);
        // Nothing, half of the head, and then between and within the rows.
        for cut in [0, 5, ends[0], ends[0] + 1, ends[0] + 9, ends[7], ends[7] + 1, ends[8] - 1, bytes.len()] {
            fs::write(&path, &bytes[..cut]).unwrap();
            let kept = ends.iter().filter(|&&end| end < cut).count().saturating_sub(1);
            assert_eq!(journaled(&found, &path, by), (whole.clone(), 20 - kept), "cut at {cut}");
            // And now nothing is left to do.
            assert_eq!(journaled(&found, &path, by), (whole.clone(), 0));
        }
    }
}

#[test]
fn a_photo_that_changed_is_judged_again() {
    let (dir, found) = folder(4);
    let path = dir.path().join("journal");
    journaled(&found, &path, By::Hash);
    fs::write(dir.path().join("002.jpg"), "3").unwrap();
    let (out, worked) = journaled(&found, &path, By::Hash);
    assert_eq!(worked, 1);
    assert!(out.lines().nth(2).unwrap().contains("\"reject\""));
    // By time, the same bytes written anew count as changed when length or time differ.
    let path = dir.path().join("journal2");
    journaled(&found, &path, By::Time);
    fs::write(dir.path().join("002.jpg"), "33").unwrap();
    assert_eq!(journaled(&found, &path, By::Time).1, 1);
}

#[test]
fn a_journal_of_another_run_is_refused() {
    let (dir, found) = folder(2);
    let path = dir.path().join("journal");
    journaled(&found, &path, By::Time);
    let other = Head::new("check", &common::profile(&["face.count"]), [("day", "2".to_owned())]);
    let error = Journal::open(&path, &other, By::Time).unwrap_err();
    assert!(
        matches!(&error, JournalError::OtherRun { what, was, now, .. } if what == "day" && was == "1" && now == "2")
    );
    let other = Head::new("check", &common::profile(&["face.count", "eyes.open"]), [("day", "1".to_owned())]);
    assert!(
        matches!(Journal::open(&path, &other, By::Time), Err(JournalError::OtherRun { what, .. }) if what == "profile")
    );
    let held = Journal::open(&path, &head(), By::Time).unwrap();
    assert!(matches!(Journal::open(&path, &head(), By::Time), Err(JournalError::InUse { .. })));
    drop(held);
    assert!(matches!(Journal::open(dir.path(), &head(), By::Time), Err(JournalError::NotAJournal { .. })));
    // A file that is something else stays as it is.
    let photo = dir.path().join("000.jpg");
    assert!(matches!(Journal::open(&photo, &head(), By::Time), Err(JournalError::NotAJournal { .. })));
    assert_eq!(fs::read(photo).unwrap(), b"0");
    let mut bytes = fs::read(&path).unwrap();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    bytes[second] = b'x';
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Journal::open(&path, &head(), By::Time), Err(JournalError::Damaged { line: 2, .. })));
}

#[test]
fn a_run_that_is_asked_to_end_hands_out_what_it_began() {
    let (dir, found) = folder(100);
    let (reports, view) = (["a.json", "a.csv", "a.xlsx", "a.html"], view());
    let files = reports.map(|name| ReportFile::parse(dir.path().join(name).to_str().unwrap()).unwrap());
    let run = FolderRun { reports: &files, ..FolderRun::new(&found, None, &view) };
    let (cancel, mut out) = (run.options.cancel.clone(), Vec::new());
    let outcome = run.run(&mut out, |place, entry, bytes| {
        if entry.path.ends_with("007.jpg") {
            cancel.ask();
        }
        by_content(place, entry, bytes)
    });
    assert_eq!(outcome.unwrap(), Outcome::Interrupted);
    let rows: Vec<Row> = String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!((8..100).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().enumerate().all(|(n, row)| row.path.ends_with(&format!("{n:03}.jpg"))));
    let document: Document = serde_json::from_slice(&fs::read(dir.path().join("a.json")).unwrap()).unwrap();
    assert_eq!(document.rows, rows);
    assert_eq!(document.summary.not_reached, 100 - rows.len() as u64);
    assert!(reports.iter().all(|name| dir.path().join(name).is_file()));
}

#[test]
fn reports_appear_whole_or_not_at_all() {
    let (dir, found) = folder(30);
    let view = view();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let files = ["a.csv", "a.html", "a.xlsx", "a.jsonl"]
        .map(|name| ReportFile::parse(out.join(name).to_str().unwrap()).unwrap());
    let run = FolderRun { reports: &files, ..FolderRun::new(&found, None, &view) };
    /// A disk with no room left.
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(run.run(&mut Full, by_content).is_err());
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Replaces all of `from` by `to`, of the same length.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

fn walk_archive(bytes: &[u8]) -> (tempfile::TempDir, Found) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("班.ZIP");
    fs::write(&path, bytes).unwrap();
    let found = find(&[path], &WalkOptions::default());
    (dir, found)
}

#[test]
fn members_of_an_archive_are_rows() {
    let zip = archive(&[
        ("a/1.jpg", b"1"),
        ("../../2.jpg", b"2"),
        ("GBKK.jpg", b"4"),
        ("inner.zip", b"PK"),
        ("__MACOSX/._1.jpg", b"x"),
        ("empty/", b""),
    ]);
    let zip = patched(zip, b"GBKK", b"\xd5\xc5\xc8\xfd");
    let (_dir, found) = walk_archive(&zip);
    let relative: Vec<_> = found.entries.iter().map(|entry| entry.relative.to_str().unwrap()).collect();
    assert_eq!(relative, ["a/1.jpg", "2.jpg", "张三.jpg", "inner.zip"]);
    assert_eq!(found.skipped, 1);
    let (mut out, view) = (Vec::new(), view());
    FolderRun::new(&found, None, &view).run(&mut out, by_content).unwrap();
    let rows: Vec<Row> = String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(rows[0].path.ends_with("班.ZIP/a/1.jpg") && rows[2].path.ends_with("班.ZIP/张三.jpg"));
    let verdicts: Vec<_> = rows.iter().map(|row| row.report.as_ref().map(|r| r.failing().count() > 0)).collect();
    assert_eq!(verdicts, [Some(true), Some(false), Some(false), None]);
    assert!(rows[3].error.as_ref().unwrap().en.contains("not opened"));
}

#[test]
fn a_zip_in_a_folder_is_a_row_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.zip"), archive(&[("1.jpg", b"1")])).unwrap();
    let found = find(&[dir.path().to_owned()], &WalkOptions::default());
    assert!(found.entries[0].problem.as_ref().unwrap().zh.contains("直接指定"));
}

#[test]
fn a_damaged_archive_is_rows_with_errors_at_every_length() {
    let whole = archive(&[("1.jpg", &[7; 3000]), ("2.jpg", &[8; 3000])]);
    for cut in 0..whole.len() {
        let (_dir, found) = walk_archive(&whole[..cut]);
        assert!(found.entries.iter().all(|entry| entry.read(1 << 20).is_err()), "cut at {cut}");
        assert_eq!(found.entries.len(), 1);
    }
    // Other bytes inside: the archive's own sum finds them.
    let mut bytes = whole;
    bytes[40] ^= 0x55;
    let (_dir, found) = walk_archive(&bytes);
    assert!(found.entries[0].read(1 << 20).is_err());
    assert_eq!(found.entries[1].read(1 << 20).unwrap(), [8; 3000]);
}

#[test]
fn an_archive_that_claims_too_much_is_not_expanded() {
    let bytes = archive(&[("1.jpg", &[0; 100_000])]);
    let central = (0..bytes.len()).find(|&at| bytes[at..].starts_with(b"PK\x01\x02")).unwrap();
    let mut bomb = bytes.clone();
    bomb[central + 24..central + 28].copy_from_slice(&0xf000_0000u32.to_le_bytes());
    let (_dir, found) = walk_archive(&bomb);
    assert!(found.entries[0].problem.as_ref().unwrap().en.contains("claims to expand"), "{found:?}");
    // A member over the limit of a photo is refused by what it says, and one that says too little by what it holds.
    let (_dir, found) = walk_archive(&bytes);
    assert!(found.entries[0].read(99_999).unwrap_err().en.contains("larger"));
    let mut liar = bytes;
    liar[central + 24..central + 28].copy_from_slice(&10u32.to_le_bytes());
    let (_dir, found) = walk_archive(&liar);
    assert!(found.entries[0].read(1 << 20).is_err());
}

fn sorted(found: &Found, into: &Path, method: Method, again: bool) -> Vec<String> {
    let view = view();
    let sorter = Some(Sorter::create(into, method, &found.entries, again, 1 << 20).unwrap());
    let run = FolderRun { sorter, ..FolderRun::new(found, None, &view) };
    run.run(&mut Vec::new(), by_content).unwrap();
    let mut paths = Vec::new();
    for folder in ["accept", "reject", "review", "unreadable"] {
        let names = fs::read_dir(into.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        paths.extend(names.map(|name| format!("{folder}/{}", name.to_str().unwrap())));
    }
    paths.sort();
    paths
}

/// The same name in two folders, and a file too large to be read.
fn clashing() -> (tempfile::TempDir, Found) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in [("a/1.jpg", "1"), ("b/1.jpg", "2"), ("b/2.jpg", "4")] {
        let path = dir.path().join("in").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let mut found = find(&[dir.path().join("in")], &WalkOptions { recursive: true, except: Vec::new() });
    found.entries.push(Entry::file(dir.path().join("in/gone.jpg")));
    (dir, found)
}

#[test]
fn photos_are_sorted_by_verdict_under_names_of_their_own() {
    let (dir, found) = clashing();
    let expected = ["accept/1-2.jpg", "accept/2.jpg", "reject/1.jpg"];
    let out = dir.path().join("copied");
    assert_eq!(sorted(&found, &out, Method::Copy, false), expected);
    assert_eq!(fs::read(out.join("accept/1-2.jpg")).unwrap(), b"2");
    // What is there is not mixed with another run's, but a run that goes on mends it.
    let create = |again| Sorter::create(&out, Method::Copy, &found.entries, again, 100).map(drop);
    assert!(matches!(create(false), Err(SortError::NotEmpty { .. })));
    fs::write(dir.path().join("in/a/1.jpg"), "8").unwrap();
    assert_eq!(sorted(&found, &out, Method::Copy, true), ["accept/1-2.jpg", "accept/1.jpg", "accept/2.jpg"]);
    assert_eq!(fs::read(dir.path().join("in/b/1.jpg")).unwrap(), b"2");
}

#[cfg(unix)]
#[test]
fn links_lead_to_the_photos() {
    use std::os::unix::fs::MetadataExt;

    let (dir, found) = clashing();
    let (hard, soft) = (dir.path().join("hard"), dir.path().join("soft"));
    assert_eq!(sorted(&found, &hard, Method::Hardlink, false).len(), 3);
    assert_eq!(fs::metadata(hard.join("reject/1.jpg")).unwrap().nlink(), 2);
    assert_eq!(sorted(&found, &soft, Method::Symlink, false).len(), 3);
    assert!(fs::symlink_metadata(soft.join("reject/1.jpg")).unwrap().is_symlink());
    assert_eq!(fs::read(soft.join("reject/1.jpg")).unwrap(), b"1");
}

#[test]
fn photos_are_sorted_into_a_zip() {
    let (dir, found) = clashing();
    let (path, view) = (dir.path().join("out.zip"), view());
    let link = Sorter::create(&path, Method::Symlink, &found.entries, false, 100);
    assert!(matches!(link, Err(SortError::LinkIntoZip)));
    let mut twice = Vec::new();
    for _ in 0..2 {
        let sorter = Some(Sorter::create(&path, Method::Copy, &found.entries, false, 100).unwrap());
        let run = FolderRun { sorter, ..FolderRun::new(&found, None, &view) };
        run.run(&mut Vec::new(), by_content).unwrap();
        twice.push(fs::read(&path).unwrap());
    }
    assert_eq!(twice[0], twice[1]);
    let mut zip = zip::ZipArchive::new(Cursor::new(twice.remove(0))).unwrap();
    let mut bytes = Vec::new();
    zip.by_name("accept/1-2.jpg").unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes.as_slice(), zip.len()), (b"2".as_slice(), 3));
    // The archive of photos is never sorted into itself.
    let input = find(std::slice::from_ref(&path), &WalkOptions::default());
    let itself = Sorter::create(&path, Method::Copy, &input.entries, false, 100);
    assert!(matches!(itself, Err(SortError::IsInput { .. })));
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    check: CheckArgs,
}

fn findings(found: &Found, arguments: &[&str]) -> Vec<Finding> {
    let args = Arguments::try_parse_from(["check", "x"].iter().chain(arguments)).unwrap().check;
    let office = args.office.office(&common::profile(&["face.count"])).unwrap();
    let (mut out, view) = (Vec::new(), View { format: Format::Json, ..view() });
    FolderRun { office, ..FolderRun::new(found, None, &view) }.run(&mut out, by_content).unwrap();
    serde_json::from_slice::<Document>(&out).unwrap().findings.unwrap().list
}

#[test]
fn names_and_candidates_are_laid_against_the_photos() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for (name, content) in [("110105194912310021.jpg", "2"), ("11010519491231002X.jpg", "4"), ("张三.jpg", "4")] {
        fs::write(photos.join(name), content).unwrap();
    }
    let found = find(&[photos], &WalkOptions::default());
    let kinds = |list: &[Finding]| list.iter().map(|finding| finding.kind).collect::<Vec<_>>();
    let names = findings(&found, &["--names=id-number"]);
    assert_eq!(kinds(&names), [FindingKind::FileName, FindingKind::FileName]);
    assert!(names[0].text.zh.contains("校验位"));

    let rows = [["姓名", "身份证号"], ["李四", "11010519491231002x"], ["张三", "1"], ["王五", "2"]];
    let csv = dir.path().join("list.csv");
    fs::write(&csv, rows.map(|row| row.join(",")).join("\r\n")).unwrap();
    let xlsx = dir.path().join("list.xlsx");
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, row) in (0..).zip(rows) {
        sheet.write_row(at, 0, row).unwrap();
    }
    workbook.save(&xlsx).unwrap();
    for list in [csv, xlsx] {
        let found = findings(&found, &["--roster", list.to_str().unwrap()]);
        let expected = [FindingKind::MissingPhoto, FindingKind::NoCandidate, FindingKind::SameBytes];
        assert_eq!(kinds(&found), expected);
        assert_eq!(found[0].name.as_deref(), Some("王五"));
        assert!(found[2].paths.len() == 2 && found[2].paths[1].ends_with("张三.jpg"));
    }
}

#[test]
fn a_profile_without_a_rule_for_names_says_what_to_do() {
    let args = Arguments::try_parse_from(["check", "x", "--names"]).unwrap().check;
    let error = args.office.office(&common::profile(&["face.count"])).unwrap_err();
    assert!(error.to_string().contains("--names=id-number"), "{error}");
}

#[cfg(target_os = "linux")]
mod command {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    fn gradphoto() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradphoto"));
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    fn sample() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-photos/collins-derived-gray.jpg")
    }

    /// Reports without the times of work, which no two runs share.
    fn timeless(mut document: Document) -> Document {
        document.rows.iter_mut().flat_map(|row| &mut row.report).for_each(|r| r.timings_ms = Default::default());
        document
    }

    #[test]
    fn an_interrupt_ends_the_run_with_its_report_and_the_journal_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let photos = dir.path().join("photos");
        fs::create_dir(&photos).unwrap();
        for n in 0..40 {
            fs::copy(sample(), photos.join(format!("{n:02}.jpg"))).unwrap();
        }
        let run = |report: &str, journal: &str| {
            let mut command = gradphoto();
            command.args(["check", "--format", "jsonl", "--jobs", "1", "--report"]).arg(dir.path().join(report));
            command.arg("--resume").arg(dir.path().join(journal)).arg(&photos);
            command
        };
        let read = |name: &str| -> Document {
            timeless(serde_json::from_slice(&fs::read(dir.path().join(name)).unwrap()).unwrap())
        };
        let mut child = run("a.json", "a").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let early = read("a.json");
        assert_eq!(early.rows.len() as u64 + early.summary.not_reached, 40);
        assert!(early.summary.not_reached > 0);

        // Killed without a word, too: no report, but the journal has what was done.
        let mut child = run("a.json", "a").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..early.rows.len() + 2 {
            out.read_line(&mut String::new()).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(read("a.json"), early);

        assert_eq!(run("a.json", "a").output().unwrap().status.code(), Some(1));
        assert_eq!(run("b.json", "b").output().unwrap().status.code(), Some(1));
        assert_eq!(read("a.json"), read("b.json"));
        assert_eq!(read("a.json").rows.len(), 40);
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_nothing() {
        for format in ["text", "json", "jsonl", "csv", "xlsx", "html", "summary"] {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let output = gradphoto().args(["check", "--format", format]).arg(sample()).stdout(full).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{format}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("No space left"), "{format}: {said}");
        }
        for argument in ["--report=/proc/a.csv", "--resume=/dev/full", "--report=/no/such/folder/a.html"] {
            let output = gradphoto().args(["check", argument]).arg(sample()).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{argument}");
        }
    }

    #[test]
    fn a_report_is_never_written_over_an_input() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("a.csv");
        fs::write(&input, "mine").unwrap();
        let output = gradphoto().arg("check").arg(&input).arg("--report").arg(&input).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(fs::read(input).unwrap(), b"mine");
    }
}

//! Folder runs and the command, with a check that needs no nets.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use clap::Parser;
use common::{check, report};
use gradphoto::batch::{self, Entry, Found, PoolError, WINDOW_PER_JOB, WalkOptions, find};
use gradphoto::check::Status;
use gradphoto::cli::check::{CheckArgs, prepare};
use gradphoto::cli::overlays::Overlays;
use gradphoto::cli::reports::{Format, View};
use gradphoto::cli::run::{Checked, FolderRun, Undone};
use gradphoto::cli::{CliError, LangChoice, Outcome};
use gradphoto::report::json::Document;
use gradphoto::report::{Report, Row, text};

#[derive(Debug)]
enum Stop {
    Pool,
    Asked,
}

impl From<PoolError> for Stop {
    fn from(_: PoolError) -> Self {
        Stop::Pool
    }
}

fn options(jobs: usize, max_bytes: u64) -> batch::Options {
    batch::Options { max_bytes, ..batch::Options::of_jobs(NonZeroUsize::new(jobs)) }
}

/// A folder of files named by number.
fn folder(files: usize) -> (tempfile::TempDir, Vec<Entry>) {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..files {
        fs::write(dir.path().join(format!("{n:04}.jpg")), n.to_string()).unwrap();
    }
    let found = find(&[dir.path().to_owned()], &WalkOptions::default());
    assert_eq!(found.entries.len(), files);
    (dir, found.entries)
}

fn number(entry: &Entry) -> usize {
    entry.path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn accept() -> Report {
    report(vec![check("face.count", Status::Pass)])
}

fn rows(entries: &[Entry], options: &batch::Options, check: impl Fn(&Entry, &[u8]) -> Report + Sync) -> Vec<Row> {
    let mut rows = Vec::new();
    batch::run(entries, options, check, |index, row| {
        assert_eq!(index, rows.len());
        rows.push(row);
        Ok::<_, Stop>(())
    })
    .unwrap();
    rows
}

#[test]
fn rows_come_in_input_order_though_the_first_is_slowest() {
    let (_dir, entries) = folder(40);
    let (done, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let rows = rows(&entries, &options(2, 100), |entry, _| {
        match number(entry) {
            // The first photo ends only when the second has.
            0 => wait.lock().unwrap().recv().unwrap(),
            1 => done.send(()).unwrap(),
            _ => {}
        }
        accept()
    });
    let paths: Vec<_> = rows.iter().map(|row| row.path.clone()).collect();
    assert_eq!(paths, entries.iter().map(|e| e.path.to_str().unwrap().to_owned()).collect::<Vec<_>>());
}

#[test]
fn the_run_never_gets_far_ahead_of_the_output() {
    let (_dir, entries) = folder(200);
    for jobs in [1, 3] {
        let (out, furthest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        batch::run(
            &entries,
            &options(jobs, 100),
            |entry, _| {
                furthest.fetch_max(number(entry), Ordering::SeqCst);
                assert!(number(entry) < out.load(Ordering::SeqCst) + jobs * WINDOW_PER_JOB);
                accept()
            },
            |_, row| {
                assert!(row.report.is_some(), "{:?}", row.error);
                out.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Stop>(())
            },
        )
        .unwrap();
        assert_eq!(furthest.load(Ordering::SeqCst), 199);
    }
}

#[test]
fn a_sink_that_fails_ends_the_run() {
    let (_dir, entries) = folder(100);
    let checked = AtomicUsize::new(0);
    let result = batch::run(
        &entries,
        &options(1, 100),
        |_, _| {
            checked.fetch_add(1, Ordering::SeqCst);
            accept()
        },
        |index, _| if index == 3 { Err(Stop::Asked) } else { Ok(()) },
    );
    assert!(matches!(result, Err(Stop::Asked)));
    assert!(checked.load(Ordering::SeqCst) <= 4 + WINDOW_PER_JOB);
}

#[test]
fn a_panic_is_a_row() {
    let (_dir, entries) = folder(3);
    let rows = rows(&entries, &options(2, 100), |entry, _| {
        assert_ne!(number(entry), 1, "this panic is part of the test");
        accept()
    });
    assert_eq!(rows.iter().map(|row| row.report.is_some()).collect::<Vec<_>>(), [true, false, true]);
    assert!(rows[1].error.as_ref().unwrap().zh.contains("内部错误"));
}

#[test]
fn a_file_over_the_limit_or_gone_is_a_row_and_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let [small, big, gone] = ["small.jpg", "big.jpg", "gone.jpg"].map(|name| dir.path().join(name));
    fs::write(&small, vec![0; 100]).unwrap();
    fs::write(&big, vec![0; 101]).unwrap();
    let entries = [small, big, gone, dir.path().to_owned()].map(Entry::file);
    let rows = rows(&entries, &options(1, 100), |_, bytes| {
        assert_eq!(bytes.len(), 100);
        accept()
    });
    assert!(rows[0].report.is_some());
    let errors: Vec<_> = rows[1..].iter().map(|row| row.error.as_ref().unwrap().en.as_str()).collect();
    assert!(errors[0].contains("larger") && errors[1].contains("does not exist") && errors[2].contains("regular"));
}

#[test]
fn a_folder_gives_every_file_but_the_systems_own() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["b/2.jpg", "b/10.jpg", "a.docx", "Thumbs.db", "desktop.ini", ".hidden.jpg", ".git/x.jpg", "out/a.svg"]
    {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let except = vec![dir.path().join("out").canonicalize().unwrap()];
    let root = [dir.path().to_owned()];
    let found = find(&root, &WalkOptions { recursive: true, except: except.clone() });
    let relative: Vec<_> = found.entries.iter().map(|entry| entry.relative.to_str().unwrap()).collect();
    assert_eq!(relative, ["a.docx", "b/10.jpg", "b/2.jpg"]);
    assert_eq!(found.skipped, 5);
    let flat = find(&root, &WalkOptions { recursive: false, except });
    assert_eq!(flat.entries.len(), 1);
    // A hidden file that is given by name is wanted.
    assert_eq!(find(&[dir.path().join(".hidden.jpg")], &WalkOptions::default()).entries.len(), 1);
}

#[cfg(unix)]
#[test]
fn links_in_a_loop_broken_links_and_strange_names_are_rows() {
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    symlink("..", dir.path().join("a/loop")).unwrap();
    symlink("nowhere", dir.path().join("broken.jpg")).unwrap();
    fs::write(dir.path().join("real.jpg"), "x").unwrap();
    symlink("real.jpg", dir.path().join("to-real.jpg")).unwrap();
    fs::write(dir.path().join(OsString::from_vec(b"zh\xd5\xc5.jpg".to_vec())), "x").unwrap();
    let found = find(&[dir.path().to_owned()], &WalkOptions { recursive: true, except: Vec::new() });
    let rows = rows(&found.entries, &options(2, 100), |_, _| accept());
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.path.rsplit('/').next().unwrap(), row.error.as_ref().map(|error| error.zh.as_str())))
        .collect();
    let expected = [
        ("loop", Some("链接指回上级文件夹，形成循环")),
        ("broken.jpg", Some("文件不存在或已被移走")),
        ("real.jpg", None),
        ("to-real.jpg", None),
        ("zh张.jpg", None),
    ];
    assert_eq!(seen, expected);
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    check: CheckArgs,
}

fn args(paths: &[&Path], overlay: Option<&Path>) -> CheckArgs {
    let paths = paths.iter().map(|path| path.as_os_str());
    let overlay = overlay.map(|folder| [OsStr::new("--overlay"), folder.as_os_str()]);
    Arguments::parse_from([OsStr::new("check")].into_iter().chain(paths).chain(overlay.into_iter().flatten())).check
}

fn view(format: Format, quiet: bool) -> View {
    View { format, text: text::Options::default(), quiet }
}

/// Accepts what holds "good", rejects the rest.
fn by_content(_: usize, _: &Entry, bytes: &[u8]) -> Result<Checked, Undone> {
    Ok(if bytes == b"good" { accept().into() } else { common::rejected().into() })
}

fn output(found: &Found, view: &View) -> (Outcome, String) {
    let mut out = Vec::new();
    let outcome = FolderRun::new(found, None, view).run(&mut out, by_content).unwrap();
    (outcome, String::from_utf8(out).unwrap())
}

#[test]
fn formats_and_outcomes() {
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("good.jpg"), dir.path().join("bad.jpg"));
    fs::write(&good, "good").unwrap();
    fs::write(&bad, "bad").unwrap();
    let both = find(&[good.clone(), bad], &WalkOptions::default());
    let one = find(std::slice::from_ref(&good), &WalkOptions::default());

    let (outcome, out) = output(&one, &view(Format::Text, false));
    assert_eq!(outcome, Outcome::Accepted);
    assert!(out.contains("good.jpg  合格") && !out.contains("共 1"), "{out}");
    let (outcome, out) = output(&both, &view(Format::Text, true));
    assert_eq!(outcome, Outcome::NotAccepted);
    assert!(!out.contains("good.jpg") && out.contains("bad.jpg") && out.contains("共 2 个文件"), "{out}");

    let (_, out) = output(&both, &view(Format::Json, false));
    let document: Document = serde_json::from_str(&out).unwrap();
    assert_eq!((document.rows.len(), document.summary.accept, document.summary.reject), (2, 1, 1));
    let (_, out) = output(&both, &view(Format::Jsonl, false));
    let lines: Vec<Row> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, document.rows);
    // A file without a report is not accepted.
    let gone = find(&[dir.path().join("gone.jpg")], &WalkOptions::default());
    assert_eq!(output(&gone, &view(Format::Jsonl, false)).0, Outcome::NotAccepted);
}

fn draw(found: &Found, overlays: Option<&Overlays>) {
    let view = view(Format::Jsonl, false);
    let run = FolderRun { overlays, ..FolderRun::new(found, None, &view) };
    run.run(&mut Vec::new(), by_content).unwrap();
}

#[test]
fn overlays_are_written_beside_nothing_they_replace() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("photos"), dir.path().join("photos/overlays"));
    fs::create_dir_all(photos.join("class")).unwrap();
    for path in ["a.jpg", "a.png", "class/a.jpg", "class__a.jpg"] {
        fs::write(photos.join(path), "bad").unwrap();
    }
    // Run twice: the second run neither checks the overlays of the first nor keeps them from being renewed.
    for _ in 0..2 {
        let (found, overlays) = prepare(&args(&[&photos], Some(&out))).unwrap();
        assert_eq!(found.entries.len(), 4);
        draw(&found, overlays.as_ref());
        let mut names: Vec<_> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["a.jpg.svg", "a.png.svg", "class__a.jpg-2.svg", "class__a.jpg.svg"]);
    }
    // Overlays into the folder of the photos themselves leave an input of that name alone.
    fs::write(photos.join("a.jpg.svg"), "mine").unwrap();
    let (found, overlays) = prepare(&args(&[&photos], Some(&photos))).unwrap();
    draw(&found, overlays.as_ref());
    assert_eq!(fs::read(photos.join("a.jpg.svg")).unwrap(), b"mine");
    assert!(photos.join("a.jpg-2.svg").is_file());
}

#[test]
fn nothing_to_check_and_no_place_to_write_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(prepare(&args(&[dir.path()], None)), Err(CliError::NoPhotos(_))));
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(prepare(&args(&[&file], Some(&file))), Err(CliError::Overlay(_))));
}

/// A reader that goes away after the first row, as `head -1` does.
struct Closed(usize);

impl Write for Closed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let (_dir, entries) = folder(50);
    let found = Found { entries, skipped: 0 };
    let result = FolderRun::new(&found, None, &view(Format::Text, false)).run(&mut Closed(1), by_content);
    assert!(matches!(result, Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe));
}

#[test]
fn the_language_is_that_of_the_locale() {
    let of = |set: &[(&str, &str)]| {
        LangChoice::of_locale(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    };
    assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), LangChoice::Zh);
    assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), LangChoice::En);
    assert_eq!(of(&[("LANG", "en_US"), ("LC_ALL", ""), ("LC_MESSAGES", "zh")]), LangChoice::Zh);
    assert_eq!(of(&[]), LangChoice::En);
}

fn gradphoto(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradphoto"));
    command.args(args).stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    for args in [
        &["check"][..],
        &["check", "x", "--jobs", "0"],
        &["check", "x", "--format", "pdf"],
        &["check", "x", "--report", "a.pdf"],
        &["nothing"],
    ] {
        let output = gradphoto(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let output = gradphoto(&["evaluate", ".", "--labels", "t.csv", "--skin-bounds", "70,50"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = gradphoto(&["completions", shell]).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("gradphoto"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut child = gradphoto(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

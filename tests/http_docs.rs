//! What `docs/http.md`, `docs/batches.md` and `docs/review.md` tell people to type is typed here: curl lines, the Java snippet, the Rust client.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(all(feature = "server", unix))]

#[path = "common/server.rs"]
mod server;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use server::{PHOTO, Server, gradphoto};

const PAGE: &str = include_str!("../docs/http.md");
const BATCHES: &str = include_str!("../docs/batches.md");
const REVIEW: &str = include_str!("../docs/review.md");

/// The blocks of code of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    blocks_of(PAGE, language)
}

fn blocks_of(page: &'static str, language: &str) -> Vec<&'static str> {
    let open = format!("```{language}\n");
    page.split(open.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Whether a program is there; says so when it is not.
fn there(program: &str, flag: &str) -> bool {
    let there = Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: there is no {program}");
    }
    there
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&[out.stdout.clone(), out.stderr].concat()).into_owned();
    assert!(out.status.success(), "{command:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_curl_lines_work() {
    if !there("curl", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(root.join("sample-photos"), dir.path().join("sample-photos")).unwrap();
    let key = run(gradphoto(&["keys", "add", "admin", "docs"]).current_dir(dir.path()));
    let keys = dir.path().join("keys.toml");
    let server = Server::start(&["--keys", keys.to_str().unwrap()]);
    let lines: Vec<&str> = blocks("sh").into_iter().filter(|block| block.contains("curl")).collect();
    assert!(lines.len() >= 3, "{lines:?}");
    for block in lines {
        let script = block.replace("http://127.0.0.1:8080", &format!("http://{}", server.address));
        let script = format!("set -euo pipefail\n{script}");
        let said = run(Command::new("bash").args(["-c", &script]).current_dir(dir.path()).env("KEY", key.trim()));
        assert!(
            !said.contains("unauthorized") && !said.contains("bad-parameter") && !said.is_empty(),
            "{block}: {said}"
        );
    }
}

/// All of them in one script: they go on with what the ones before got.
#[test]
fn the_lines_about_reviews_work_one_after_the_other() {
    if !there("curl", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(root.join("sample-photos"), dir.path().join("sample-photos")).unwrap();
    let key = run(gradphoto(&["keys", "add", "admin", "docs"]).current_dir(dir.path()));
    let [keys, reviews] = ["keys.toml", "reviews"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let server = Server::start(&["--keys", &keys, "--review", &reviews]);
    let lines: Vec<&str> = blocks_of(REVIEW, "sh").into_iter().filter(|block| block.contains("curl")).collect();
    assert!(lines.len() >= 4, "{lines:?}");
    let program = env!("CARGO_BIN_EXE_gradphoto");
    let script = lines.concat().replace("http://127.0.0.1:8080", &format!("http://{}", server.address));
    let script = format!("set -euo pipefail\n{}", script.replace("\ngradphoto ", &format!("\n{program} ")));
    let said = run(Command::new("bash").args(["-c", &script]).current_dir(dir.path()).env("KEY", key.trim()));
    assert!(!said.contains("\"code\""), "no problems: {said}");
    let table = std::fs::read_to_string(dir.path().join("decisions.csv")).unwrap();
    assert!(table.ends_with(".jpg,reject\r\n"), "{table}");
    assert!(said.contains("1") && said.contains("reject"), "{said}");
    assert!(std::fs::read_to_string(dir.path().join("overlay.svg")).unwrap().contains("<svg"));
}

#[test]
fn the_lines_about_batches_work_one_after_the_other() {
    if !there("curl", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(root.join("sample-photos"), dir.path().join("sample-photos")).unwrap();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(dir.path().join("photos.zip")).unwrap());
    for name in ["collins-derived-gray.jpg", "样例-蓝底.jpg"] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&std::fs::read(root.join("sample-photos").join(name)).unwrap()).unwrap();
    }
    archive.finish().unwrap();
    let key = run(gradphoto(&["keys", "add", "staff", "docs"]).current_dir(dir.path()));
    let [keys, batches] = ["keys.toml", "batches"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let set = format!("batches.dir={batches}");
    let server = Server::start(&["--keys", &keys, "--set", &set]);
    let lines = blocks_of(BATCHES, "sh").concat();
    let script = lines.replace("http://127.0.0.1:8080", &format!("http://{}", server.address));
    let script = format!("set -euo pipefail\n{script}");
    let said = run(Command::new("bash").args(["-c", &script]).current_dir(dir.path()).env("KEY", key.trim()));
    assert!(!said.contains("\"code\"") && said.contains("event: end"), "{said}");
    assert!(said.contains("\"state\":\"done\",\"counts\":{\"total\":2,\"done\":2"), "{said}");
    for name in ["results.xlsx", "made.zip"] {
        let bytes = std::fs::read(dir.path().join(name)).unwrap();
        assert!(zip::ZipArchive::new(std::io::Cursor::new(bytes)).is_ok(), "{name}");
    }
    server.terminate();
    let log = server.log();
    assert!(log.contains("a batch ended") && !log.contains("collins") && !log.contains("样例"), "{log}");
    assert_eq!(server.wait().code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(&batches).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "the batch that was not deleted went with the service");
}

#[test]
fn the_java_snippet_compiles_and_runs() {
    if !there("javac", "-version") || !there("java", "-version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [snippet] = blocks("java").try_into().unwrap();
    std::fs::write(dir.path().join("CheckPhoto.java"), snippet).unwrap();
    run(Command::new("javac")
        .args(["-Xlint:all", "-Werror", "--release", "17", "CheckPhoto.java"])
        .current_dir(dir.path()));
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address);
    let java = |photo: &str| run(Command::new("java").args(["CheckPhoto", &url, photo]).current_dir(dir.path()));
    assert!(java(PHOTO).starts_with("200 reject"), "{}", java(PHOTO));
    let empty = dir.path().join("empty.jpg");
    std::fs::write(&empty, "").unwrap();
    assert!(java(empty.to_str().unwrap()).starts_with("400 "));
}

#[test]
fn the_rust_client_runs() {
    let client = Path::new(env!("CARGO_BIN_EXE_gradphoto")).with_file_name("examples").join("client");
    if !client.exists() {
        println!("skipped: examples are not built; `cargo test` builds them");
        return;
    }
    let server = Server::start(&[]);
    let out = Command::new(client).args([&format!("http://{}", server.address), PHOTO]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.starts_with("Reject\n") && said.contains("mouth.closed: "), "{said}");
}

#[test]
fn the_nginx_example_is_taken_by_nginx_and_proxies() {
    if !there("nginx", "-v") {
        return;
    }
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("portal.crt"), pair.cert.pem()).unwrap();
    std::fs::write(dir.path().join("portal.key"), pair.signing_key.serialize_pem()).unwrap();
    // A free port, for a moment; nginx cannot be asked for one.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let [example] = blocks("nginx").try_into().unwrap();
    let example = example
        .replace("127.0.0.1:8080", &server.address.to_string())
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
        .replace("/etc/ssl/portal", &dir.path().join("portal").to_string_lossy());
    let folder = dir.path().display();
    let config = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
         uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{example}\n}}\n"
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    run(Command::new("nginx").args(["-t", "-c"]).arg(&file));
    // One process, so that it ends when it is killed.
    let mut nginx =
        Command::new("nginx").arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let url = format!("https://127.0.0.1:{port}/v1/check");
    let curl = Command::new("curl")
        .args(["-sSk", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", "-F"])
        .args([&format!("photo=@{PHOTO}"), &url])
        .output();
    let _ = nginx.kill();
    let _ = nginx.wait();
    let curl = String::from_utf8(curl.unwrap().stdout).unwrap();
    assert!(curl.contains("\"verdict\":\"reject\""), "{curl}");
}

//! A service that takes batches, with a fake that judges by a photo's first letter and waits where it is told to.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};

use axum::body::{Body, Bytes};
use gradphoto::engine::Input;
use gradphoto::http::config::Config;
use gradphoto::http::{Judge, Refusal};
use gradphoto::normalize::{Normalized, Options};
use gradphoto::profile::Profile;
use gradphoto::report::{Report, Row};
use gradphoto::units::Text;
use http_body_util::BodyExt;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::common::{accepted, rejected};
use crate::reviews::{Answer, Service};

pub const ZIP: &str = "application/zip";
pub const FORM: &str = "multipart/form-data; boundary=edge";

/// Accepts `a...`, rejects what begins otherwise, panics on `panic`, cannot normalize `none`. On `wait` it says that it has begun
/// and waits to be released.
#[derive(Default)]
pub struct Fake {
    gate: Option<Gate>,
    pub judged: Mutex<Vec<String>>,
}

struct Gate {
    begun: Mutex<mpsc::Sender<()>>,
    release: Mutex<mpsc::Receiver<()>>,
}

/// The test's side of the gate.
pub struct Keeper {
    begun: Arc<Mutex<mpsc::Receiver<()>>>,
    release: mpsc::Sender<()>,
}

impl Fake {
    pub fn gated() -> (Self, Keeper) {
        let ((begun, started), (release, wait)) = (mpsc::channel(), mpsc::channel());
        let gate = Gate { begun: Mutex::new(begun), release: Mutex::new(wait) };
        let keeper = Keeper { begun: Arc::new(Mutex::new(started)), release };
        (Self { gate: Some(gate), ..Self::default() }, keeper)
    }

    fn look_at(&self, input: Input<'_>) -> Report {
        match input.bytes {
            b"panic" => std::panic::resume_unwind(Box::new("quietly")),
            b"wait" => {
                let gate = self.gate.as_ref().unwrap();
                // Nobody may be there any more at the end of a test.
                let _ = gate.begun.lock().unwrap().send(());
                let _ = gate.release.lock().unwrap().recv();
            }
            _ => {}
        }
        let mut report = if input.bytes.starts_with(b"a") { accepted() } else { rejected() };
        report.file.name = input.name.map(str::to_owned);
        self.judged.lock().unwrap().push(report.file.name.clone().unwrap_or_default());
        report
    }
}

impl Keeper {
    /// Returns when a photo waits at the gate.
    pub async fn begun(&self) {
        let begun = Arc::clone(&self.begun);
        tokio::task::spawn_blocking(move || begun.lock().unwrap().recv().unwrap()).await.unwrap();
    }

    /// Lets one photo pass.
    pub fn release(&self) {
        self.release.send(()).unwrap();
    }
}

impl Judge for Fake {
    fn memory(&self, bytes: &[u8], _: bool) -> u64 {
        bytes.len() as u64
    }

    fn check(&self, input: Input<'_>, _: &Profile) -> Report {
        self.look_at(input)
    }

    fn normalize(&self, input: Input<'_>, _: &Profile, _: &Options) -> Result<Normalized, Refusal> {
        if input.bytes == b"none" {
            return Err(Refusal { code: "no-face", text: Text::new("没有人脸", "there is no face") });
        }
        let jpeg = [b"made of ", input.bytes].concat();
        let report = self.look_at(input);
        Ok(Normalized { jpeg, report, already_compliant: false, plan: None, source_sha256: String::new() })
    }
}

/// A service with one thread and a named folder of batches.
pub fn service(fake: Fake, change: impl FnOnce(&mut Config), keys: bool) -> Service {
    let set = |config: &mut Config| {
        config.work.threads = 1;
        // Beside the folder of reviews, which is in the test's own.
        config.batches.dir = config.review.dir.as_ref().map(|dir| dir.with_file_name("batches"));
        change(config);
    };
    Service::judged_by(Arc::new(fake), set, keys)
}

/// What is in the folder of batches, but its lock.
pub fn inside(service: &Service) -> Vec<PathBuf> {
    let all = std::fs::read_dir(service.dir.path().join("batches")).unwrap();
    all.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("lock")).collect()
}

/// Returns when `now` holds. Nothing is measured by it, and a test that waits for ever says so by not ending.
pub async fn until(mut now: impl FnMut() -> bool) {
    while !now() {
        tokio::task::yield_now().await;
    }
}

pub async fn send(service: &Service, who: &str, query: &str, kind: &str, body: impl Into<Body>) -> Answer {
    service.ask(who, "POST", &format!("/v1/batches{query}"), kind, body).await
}

/// Sends a batch that is taken, and gives its address.
pub async fn sent(service: &Service, who: &str, query: &str, kind: &str, body: impl Into<Body>) -> String {
    let answer = send(service, who, query, kind, body).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/batches/{}", answer.json()["id"].as_str().unwrap()));
    location
}

/// The events of a batch until its end.
pub async fn events(service: &Service, who: &str, location: &str) -> String {
    let answer = service.get(who, &format!("{location}/events")).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    String::from_utf8(answer.body).unwrap()
}

/// The rows of a batch, when it is done.
pub async fn rows(service: &Service, who: &str, location: &str) -> Vec<Row> {
    let said = events(service, who, location).await;
    assert!(said.contains("event: end") && said.contains("\"state\":\"done\""), "{said}");
    let answer = service.get(who, &format!("{location}/results")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let text = String::from_utf8(answer.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Replaces all of `from` by `to`, of the same length.
pub fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// A form with photos by their names, none where it is empty, and parameters.
pub fn form(photos: &[(&str, &str)], parameters: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, content) in photos {
        let name = if name.is_empty() { String::new() } else { format!("; filename=\"{name}\"") };
        body += &format!("--edge\r\nContent-Disposition: form-data; name=\"photo\"{name}\r\n\r\n{content}\r\n");
    }
    for (name, value) in parameters {
        body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body + "--edge--\r\n"
}

/// A body that comes in pieces when the test says so; it breaks off when the sender is dropped after `Err`.
pub fn pieces() -> (tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>, Body) {
    let (send, receive) = tokio::sync::mpsc::channel(1);
    (send, Body::new(Pieces(receive).boxed_unsync()))
}

struct Pieces(tokio::sync::mpsc::Receiver<Result<Bytes, std::io::Error>>);

impl axum::body::HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
}

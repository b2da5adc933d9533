//! A service with a queue for reviewers over a folder of its own, and a fake that judges by the photo's first letter.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use gradphoto::check::Status;
use gradphoto::engine::Input;
use gradphoto::http::config::Config;
use gradphoto::http::keys::{KeyFile, Role};
use gradphoto::http::{AppState, Judge, Refusal, app};
use gradphoto::normalize::{Normalized, Options};
use gradphoto::profile::Profile;
use gradphoto::report::Report;
use gradphoto::units::Text;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::common::{accepted, check, rejected, report};

/// Accepts `accept...`, rejects `reject...`, and does not know about the rest.
pub struct Fake;

impl Judge for Fake {
    fn memory(&self, bytes: &[u8], _: bool) -> u64 {
        bytes.len() as u64
    }

    fn check(&self, input: Input<'_>, _: &Profile) -> Report {
        let mut judged = match input.bytes {
            [b'a', ..] => accepted(),
            [b'r', ..] => rejected(),
            _ => report(vec![check("eyes.open", Status::Warn)]),
        };
        judged.file.name = input.name.map(str::to_owned);
        judged
    }

    fn normalize(&self, _: Input<'_>, _: &Profile, _: &Options) -> Result<Normalized, Refusal> {
        Err(Refusal { code: "no-face", text: Text::new("没有人脸", "there is no face") })
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        (self.status, self.json()["code"].as_str().unwrap().to_owned())
    }

    pub fn id(&self) -> String {
        assert_eq!(self.status, 201, "{}", String::from_utf8_lossy(&self.body));
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A service over a folder of its own; the keys are those of the roles, by their names, when `keys`.
pub struct Service {
    pub router: Router,
    pub state: AppState,
    pub keys: Vec<(String, String)>,
    pub dir: tempfile::TempDir,
}

impl Service {
    pub fn with(change: impl FnOnce(&mut Config), keys: bool) -> Self {
        Self::judged_by(Arc::new(Fake), change, keys)
    }

    pub fn judged_by(judge: Arc<dyn Judge>, change: impl FnOnce(&mut Config), keys: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.review.dir = Some(dir.path().join("review"));
        // Limits of rate are tested elsewhere.
        config.keys.burst = NonZeroU32::new(10_000).unwrap();
        let mut made = Vec::new();
        if keys {
            let mut file = KeyFile::default();
            let others = [(Role::Portal, "other portal"), (Role::Staff, "other staff")];
            let named = Role::ALL.iter().map(|role| (*role, role.name())).chain(others);
            for (role, name) in named {
                made.push((name.to_owned(), file.add(role, name).unwrap().expose().to_owned()));
            }
            let path = dir.path().join("keys.toml");
            file.save(&path).unwrap();
            config.keys.file = Some(path);
        }
        change(&mut config);
        let state = AppState::new(config, judge).unwrap();
        Self { router: app(state.clone()), state, keys: made, dir }
    }

    pub fn open() -> Self {
        Self::with(|_| {}, false)
    }

    pub fn keyed() -> Self {
        Self::with(|_| {}, true)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// A request with the key called `who`; with none when there is no such key.
    pub async fn ask(&self, who: &str, method: &str, uri: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(uri);
        if let Some((_, key)) = self.keys.iter().find(|(name, _)| name == who) {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn get(&self, who: &str, uri: &str) -> Answer {
        self.ask(who, "GET", uri, "", Body::empty()).await
    }

    pub async fn submit(&self, who: &str, query: &str, photo: &'static str) -> Answer {
        self.ask(who, "POST", &format!("/v1/submissions{query}"), "image/jpeg", photo).await
    }

    pub async fn decide(&self, who: &str, id: &str, body: Value) -> Answer {
        let uri = format!("/v1/submissions/{id}/decisions");
        self.ask(who, "POST", &uri, "application/json", body.to_string()).await
    }
}

/// A form with a photo whose file is called `name`.
pub fn form(name: &str, fields: &[(&str, &str)]) -> String {
    let mut body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{name}\"\r\n\r\nwhat is this\r\n"
    );
    for (field, value) in fields {
        body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
    }
    body + "--edge--\r\n"
}

pub const FORM: &str = "multipart/form-data; boundary=edge";

/// Names of all files below a folder.
pub fn walk(folder: &Path, out: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            walk(&entry.path(), out);
        } else {
            out.push(entry.file_name().into_string().unwrap());
        }
    }
}

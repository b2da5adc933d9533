//! The service through its router, with fakes that judge at once or when they are told to.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "server")]

mod common;

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, mpsc};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use common::{accepted, rejected};
use gradphoto::engine::Input;
use gradphoto::http::config::Config;
use gradphoto::http::keys::{KeyFile, Role};
use gradphoto::http::{AppState, Code, Judge, Refusal, StateError, app};
use gradphoto::normalize::{Background, Normalized, Options};
use gradphoto::profile::Profile;
use gradphoto::report::{Action, Report};
use gradphoto::units::Text;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// Judges by the photo's bytes: `panic` panics, `wait` waits to be released, `no` cannot be normalized.
#[derive(Default)]
struct Fake {
    begun: Mutex<Option<mpsc::Sender<()>>>,
    release: Mutex<Option<mpsc::Receiver<()>>>,
    seen: Mutex<Vec<String>>,
}

impl Judge for Fake {
    fn memory(&self, bytes: &[u8], _: bool) -> u64 {
        bytes.len() as u64
    }

    fn check(&self, input: Input<'_>, profile: &Profile) -> Report {
        let seen = format!("{} {:?} {:?}", profile.id, input.name, input.captured_before.map(|day| day.to_string()));
        self.seen.lock().unwrap().push(seen);
        match input.bytes {
            b"panic" => std::panic::resume_unwind(Box::new("quietly")),
            b"wait" => {
                self.begun.lock().unwrap().as_ref().unwrap().send(()).unwrap();
                let _ = self.release.lock().unwrap().as_ref().unwrap().recv();
            }
            _ => {}
        }
        rejected()
    }

    fn normalize(&self, input: Input<'_>, _: &Profile, options: &Options) -> Result<Normalized, Refusal> {
        self.seen.lock().unwrap().push(format!("{options:?}"));
        if input.bytes == b"no" {
            return Err(Refusal { code: "no-face", text: Text::new("没有人脸", "there is no face") });
        }
        let actions = vec![Action { id: "crop".into(), text: Text::new("裁剪", "cropped") }];
        let report = Report { actions, ..accepted() };
        Ok(Normalized {
            jpeg: b"\xFF\xD8made".to_vec(),
            report,
            already_compliant: false,
            plan: None,
            source_sha256: String::new(),
        })
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of the problem, whose form is tested on the way.
    fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert!(["type", "title", "detail"].iter().all(|key| !problem[key].as_str().unwrap().is_empty()));
        problem["code"].as_str().unwrap().to_owned()
    }
}

fn service(config: Config, fake: Fake) -> (Router, AppState, Arc<Fake>) {
    let fake = Arc::new(fake);
    let state = AppState::new(config, Arc::clone(&fake) as Arc<dyn Judge>).unwrap();
    (app(state.clone()), state, fake)
}

fn plain() -> Router {
    service(Config::default(), Fake::default()).0
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    assert!(head.headers.contains_key("x-request-id"));
    Answer { status: head.status, headers: head.headers, body }
}

async fn get(router: &Router, uri: &str) -> Answer {
    send(router, Request::get(uri).body(Body::empty()).unwrap()).await
}

fn post(uri: &str, body: &'static [u8]) -> Request<Body> {
    Request::post(uri).header("content-type", "image/jpeg").body(Body::from(body)).unwrap()
}

/// A form with these fields; `photo` as a file.
fn form(uri: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, value) in fields {
        let file = if *name == "photo" { "; filename=\"C:\\\\photos\\\\张三.jpg\"" } else { "" };
        body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
    }
    body += "--edge--\r\n";
    Request::post(uri).header("content-type", "multipart/form-data; boundary=edge").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn a_photo_that_breaks_rules_is_answered_with_its_report() {
    let answer = send(&plain(), post("/v1/check", b"photo")).await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let report: Report = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(report, rejected());
    assert_eq!(answer.headers["gradphoto-verdict"], "reject");
    assert_eq!(answer.headers["gradphoto-failing"], "file.bytes, face.eye-line");
    assert_eq!(answer.headers["gradphoto-undetermined"], "cover.face");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(!answer.headers.contains_key("gradphoto-actions"));
}

#[tokio::test]
async fn a_form_is_as_good_as_a_body_and_a_query() {
    let (router, _, fake) = service(Config::default(), Fake::default());
    let fields = [("profile", "gaokao"), ("captured-before", "2026-06-30"), ("photo", "x")];
    assert_eq!(send(&router, form("/v1/check?profile=anhui-graduation", &fields)).await.status, StatusCode::OK);
    assert_eq!(send(&router, post("/v1/check?captured-before=2026-06-30", b"x")).await.status, StatusCode::OK);
    let seen = fake.seen.lock().unwrap();
    assert_eq!(seen[0], "gaokao Some(\"张三.jpg\") Some(\"2026-06-30\")");
    assert_eq!(seen[1], "zikao-graduation None Some(\"2026-06-30\")");
}

#[tokio::test]
async fn a_form_may_be_as_large_as_a_body() {
    let photo = "x".repeat(3 << 20);
    assert_eq!(send(&plain(), form("/v1/check", &[("photo", &photo)])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_normalized_photo_comes_as_json_or_as_itself() {
    let (router, _, fake) = service(Config::default(), Fake::default());
    let answer = send(&router, post("/v1/normalize?background=blue&rotate=true", b"x")).await;
    assert_eq!(answer.json()["jpeg"], "/9htYWRl");
    assert_eq!(answer.json()["report"]["verdict"], "accept");
    assert_eq!(
        fake.seen.lock().unwrap()[0],
        format!("{:?}", Options { background: Background::Color("light-blue".into()), rotate: true })
    );
    let mut request = post("/v1/normalize", b"x");
    request.headers_mut().insert("accept", "image/jpeg".parse().unwrap());
    let answer = send(&router, request).await;
    assert_eq!(
        (answer.headers["content-type"].to_str().unwrap(), &answer.body[..]),
        ("image/jpeg", &b"\xFF\xD8made"[..])
    );
    assert_eq!(answer.headers["gradphoto-verdict"], "accept");
    assert_eq!(answer.headers["gradphoto-actions"], "crop");
    assert_eq!(answer.headers["gradphoto-already-compliant"], "false");
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem_with_its_code() {
    let router = plain();
    let mut encoded = post("/v1/check", b"x");
    encoded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let mut text = post("/v1/check", b"x");
    text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let mut html = post("/v1/check", b"x");
    html.headers_mut().insert("accept", "text/html".parse().unwrap());
    let mut long = post("/v1/check", b"x");
    long.headers_mut().insert("content-length", "99999999999".parse().unwrap());
    let cut = Request::post("/v1/check")
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(Body::from("--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nhalf"))
        .unwrap();
    let nameless =
        Request::post("/v1/check").header("content-type", "multipart/form-data").body(Body::empty()).unwrap();
    for (request, status, code) in [
        (post("/v1/check", b""), 400, "missing-photo"),
        (form("/v1/check", &[("photo", "")]), 400, "missing-photo"),
        (form("/v1/check", &[("lang", "en")]), 400, "missing-photo"),
        (form("/v1/check", &[("photo", "x"), ("photo", "y")]), 400, "bad-parameter"),
        (form("/v1/check", &[("photo", "x"), ("foto", "y")]), 400, "bad-parameter"),
        (form("/v1/check", &[("photo", "x"), ("lang", "en"), ("lang", "en")]), 400, "bad-parameter"),
        (post("/v1/check?captured-before=yesterday", b"x"), 400, "bad-parameter"),
        (post("/v1/check?background=auto", b"x"), 400, "bad-parameter"),
        (post("/v1/normalize?background=Pink%21", b"x"), 400, "bad-parameter"),
        (cut, 400, "malformed-body"),
        (nameless, 400, "malformed-body"),
        (post("/v1/check?profile=gaoka", b"x"), 404, "unknown-profile"),
        (Request::get("/v1/check").body(Body::empty()).unwrap(), 405, "method-not-allowed"),
        (Request::get("/v2").body(Body::empty()).unwrap(), 404, "not-found"),
        (html, 406, "not-acceptable"),
        (long, 413, "too-large"),
        (encoded, 415, "unsupported-type"),
        (text, 415, "unsupported-type"),
        (post("/v1/normalize", b"no"), 422, "cannot-normalize"),
        (post("/v1/check", b"panic"), 500, "internal"),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = send(&router, request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}");
    }
    let answer = send(&router, post("/v1/normalize", b"no")).await;
    assert_eq!((&answer.json()["reason"], &answer.json()["detail"]), (&"no-face".into(), &"没有人脸".into()));
    assert_eq!(send(&router, post("/v1/check", b"x")).await.status, StatusCode::OK, "a panic costs one answer");
}

#[tokio::test]
async fn problems_are_told_in_the_language_of_the_request() {
    let router = plain();
    let mut request = post("/v1/check?profile=gaoka", b"x");
    request.headers_mut().insert("accept-language", "en-GB, zh;q=0.5".parse().unwrap());
    let answer = send(&router, request).await;
    assert_eq!(answer.headers["content-language"], "en");
    assert!(answer.json()["detail"].as_str().unwrap().contains("did you mean `gaokao`?"));
    let mut request = post("/v1/check?lang=zh&profile=gaoka", b"x");
    request.headers_mut().insert("accept-language", "en".parse().unwrap());
    assert_eq!(send(&router, request).await.headers["content-language"], "zh");
    let answer = send(&router, form("/v1/check", &[("photo", "x"), ("lang", "en"), ("profile", "gaoka")])).await;
    assert_eq!(answer.headers["content-language"], "en");
}

/// A request that stands in the queue when this returns.
async fn waiting(router: &Router, state: &AppState) -> tokio::task::JoinHandle<Answer> {
    let router = router.clone();
    let task = tokio::spawn(async move { send(&router, post("/v1/check", b"x")).await });
    while state.pool().load().queued == 0 {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_full_queue_says_so_at_once_and_who_leaves_frees_the_place() {
    let ((begun, started), (release, wait)) = (mpsc::channel(), mpsc::channel());
    let fake = Fake { begun: Mutex::new(Some(begun)), release: Mutex::new(Some(wait)), ..Fake::default() };
    let mut config = Config::default();
    (config.work.threads, config.work.queue) = (1, 1);
    let (router, state, _) = service(config, fake);

    let worked = tokio::spawn({
        let router = router.clone();
        async move { send(&router, post("/v1/check", b"wait")).await }
    });
    tokio::task::spawn_blocking(move || started.recv().unwrap()).await.unwrap();
    let left = waiting(&router, &state).await;
    let refused = send(&router, post("/v1/check", b"x")).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "queue-full"));
    assert_eq!(refused.headers["retry-after"], "1");
    let metrics = String::from_utf8(get(&router, "/metrics").await.body).unwrap();
    assert!(
        metrics.contains("gradphoto_queue_length 1\n") && metrics.contains("gradphoto_workers_busy 1\n"),
        "{metrics}"
    );

    left.abort();
    assert!(left.await.is_err());
    let stays = waiting(&router, &state).await;
    release.send(()).unwrap();
    assert_eq!(stays.await.unwrap().status, StatusCode::OK);
    assert_eq!(worked.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn who_drains_takes_no_photo_and_says_so() {
    let (router, state, _) = service(Config::default(), Fake::default());
    assert_eq!(get(&router, "/readyz").await.status, StatusCode::OK);
    state.drain();
    let answer = send(&router, post("/v1/check", b"x")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "shutting-down"));
    assert_eq!(get(&router, "/readyz").await.code(), "shutting-down");
    assert_eq!(get(&router, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn keys_open_what_their_role_includes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    let mut file = KeyFile::default();
    let [portal, reviewer, admin] =
        [Role::Portal, Role::Reviewer, Role::Admin].map(|role| file.add(role, role.name()).unwrap());
    file.save(&path).unwrap();
    let mut config = Config { listen: "0.0.0.0:1".parse().unwrap(), ..Config::default() };
    config.keys.file = Some(path.clone());
    config.keys.reload_seconds = 0;
    (config.keys.per_second, config.keys.burst) = (NonZeroU32::MIN, NonZeroU32::new(4).unwrap());
    let (router, ..) = service(config, Fake::default());
    let with = |key: &str, mut request: Request<Body>| {
        request.headers_mut().insert("authorization", format!("bearer {key}").parse().unwrap());
        request
    };
    let read = |uri: &str| Request::get(uri).body(Body::empty()).unwrap();

    let answer = send(&router, post("/v1/check", b"x")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"));
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"gradphoto\"");
    assert_eq!(send(&router, with("gp_wrong", read("/v1/checks"))).await.status.as_u16(), 401);
    assert_eq!(send(&router, with(reviewer.expose(), post("/v1/check", b"x"))).await.code(), "forbidden");
    assert_eq!(send(&router, with(reviewer.expose(), read("/v1/checks"))).await.status.as_u16(), 200);
    assert_eq!(send(&router, with(portal.expose(), read("/metrics"))).await.code(), "forbidden");
    assert_eq!(send(&router, with(admin.expose(), read("/metrics"))).await.status.as_u16(), 200);
    for _ in 0..4 {
        assert_eq!(send(&router, with(portal.expose(), post("/v1/check", b"x"))).await.status.as_u16(), 200);
    }
    let answer = send(&router, with(portal.expose(), post("/v1/check", b"x"))).await;
    assert_eq!((answer.code().as_str(), &answer.headers["retry-after"]), ("rate-limited", &"1".parse().unwrap()));
    // What a balancer and a browser need is open.
    for uri in ["/healthz", "/readyz", "/openapi.json", "/try", "/try.js", "/try.css"] {
        assert_eq!(get(&router, uri).await.status.as_u16(), 200, "{uri}");
    }
    file.revoke("admin").unwrap();
    file.save(&path).unwrap();
    assert_eq!(send(&router, with(admin.expose(), read("/metrics"))).await.status.as_u16(), 401);
}

#[test]
fn off_loopback_without_keys_nothing_starts() {
    let config = Config { listen: "0.0.0.0:8080".parse().unwrap(), ..Config::default() };
    let refused = AppState::new(config.clone(), Arc::new(Fake::default())).unwrap_err();
    assert!(matches!(refused, StateError::Open(_)) && refused.to_string().contains("gradphoto keys add"), "{refused}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    KeyFile::default().save(&path).unwrap();
    let mut empty = config;
    empty.keys.file = Some(path);
    assert!(matches!(AppState::new(empty, Arc::new(Fake::default())), Err(StateError::Open(_))));
}

#[tokio::test]
async fn profiles_and_checks_are_listed_and_shown() {
    let router = plain();
    let profiles = get(&router, "/v1/profiles").await.json();
    assert!(
        profiles
            .as_array()
            .unwrap()
            .iter()
            .any(|profile| profile["id"] == "zikao-graduation" && profile["default"] == true)
    );
    assert_eq!(get(&router, "/v1/profiles/gaokao").await.json()["id"], "gaokao");
    let checks = get(&router, "/v1/checks").await.json();
    for check in checks.as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        let details = get(&router, &format!("/v1/checks/{id}")).await.json();
        assert_eq!((&details["id"], &details["title"]), (&check["id"], &check["title"]));
    }
    let missing = get(&router, "/v1/checks/eye-line?lang=en").await;
    assert_eq!(missing.code(), "unknown-check");
    assert!(missing.json()["detail"].as_str().unwrap().contains("did you mean `face.eye-line`?"));
    assert_eq!(get(&router, "/v1/profiles/%FF").await.code(), "unknown-profile");
    assert_eq!(get(&router, "/v1/checks?x=1").await.code(), "bad-parameter");
    let problems = get(&router, "/v1/problems").await.json();
    assert_eq!(problems.as_array().unwrap().len(), Code::ALL.len());
}

#[tokio::test]
async fn other_origins_are_let_in_only_when_named() {
    let asked = |router: Router| async move {
        let request = Request::get("/healthz").header("origin", "https://portal.example").body(Body::empty()).unwrap();
        send(&router, request).await.headers.get("access-control-allow-origin").cloned()
    };
    assert_eq!(asked(plain()).await, None);
    let mut config = Config::default();
    config.cors.origins = vec!["https://portal.example".into()];
    assert_eq!(asked(service(config, Fake::default()).0).await.unwrap(), "https://portal.example");
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let mut config = Config::default();
    config.limits.body_bytes = NonZeroUsize::new(1 << 10).unwrap();
    config.limits.buffered_bytes = NonZeroUsize::new(1 << 10).unwrap();
    let (router, ..) = service(config, Fake::default());
    for _ in 0..3 {
        // The share of each is given back.
        assert_eq!(send(&router, post("/v1/check", &[7; 1024])).await.status, StatusCode::OK);
    }
    assert_eq!(send(&router, post("/v1/check", &[7; 1025])).await.code(), "too-large");
}

/// Every `$ref` in `value`.
fn refs(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            out.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| refs(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| refs(value, out)),
        _ => {}
    }
}

#[tokio::test]
async fn the_openapi_document_holds_together_and_answers_follow_it() {
    let router = plain();
    let document = get(&router, "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut all = Vec::new();
    refs(&document, &mut all);
    assert!(all.len() > 50);
    for reference in all {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let operations: Vec<&Value> =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values()).collect();
    let mut ids: Vec<&str> = operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), operations.len(), "operation ids are unique");

    // Every header about a photo is described, and nothing else is.
    for (path, only) in [("/v1/check", 0), ("/v1/normalize", 2)] {
        let pointer = format!("/paths/{}/post/responses/200/headers", path.replace('/', "~1"));
        let described = document.pointer(&pointer).unwrap().as_object().unwrap();
        assert_eq!(described.len(), 7 + only, "{path}");
        let answer = send(&router, post(path, b"x")).await;
        let sent: Vec<&str> =
            answer.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("gradphoto-")).collect();
        assert!(sent.len() > 3, "{sent:?}");
        for name in sent {
            assert!(described.keys().any(|known| known.eq_ignore_ascii_case(name)), "{path}: {name}");
        }
    }

    // The document as a schema of its own, so that answers are tested against it.
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("http://api/openapi.json", document.clone()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut follows = |name: &str, value: &Value| {
        let at = format!("http://api/openapi.json#/components/schemas/{name}");
        let schema = compiler.compile(&at, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(value, schema) {
            panic!("{name}: {error}");
        }
    };
    follows("Report", &send(&router, post("/v1/check", b"x")).await.json());
    follows("NormalizedAnswer", &send(&router, post("/v1/normalize", b"x")).await.json());
    follows("ProblemDocument", &send(&router, post("/v1/normalize", b"no")).await.json());
    follows("ProfileList", &get(&router, "/v1/profiles").await.json());
    follows("Profile", &get(&router, "/v1/profiles/tianjin-graduation").await.json());
    follows("CheckList", &get(&router, "/v1/checks").await.json());
    follows("CheckDetails", &get(&router, "/v1/checks/face.eye-line").await.json());
    follows("ProblemList", &get(&router, "/v1/problems").await.json());
    follows("Health", &get(&router, "/healthz").await.json());
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let router = plain();
    for uri in ["/try", "/try.js", "/try.css"] {
        let answer = get(&router, uri).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"), "{uri}");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
    assert_eq!(get(&router, "/").await.headers["location"], "/try");
}

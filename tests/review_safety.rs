//! Who may do what in the queue for reviewers, and what hostile requests, names and pages come to.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "server")]

mod common;
#[path = "common/reviews.rs"]
mod reviews;

use std::num::NonZeroUsize;

use axum::body::Body;
use axum::http::Request;
use gradphoto::http::keys::Role;
use reviews::{FORM, Service, form, walk};
use serde_json::{Value, json};

#[tokio::test]
async fn each_role_does_what_it_is_for() {
    let service = Service::keyed();
    let id = service.submit("portal", "", "what").await.id();
    let one = format!("/v1/submissions/{id}");
    let (photo, overlay, decisions) = (format!("{one}/photo"), format!("{one}/overlay"), format!("{one}/decisions"));
    // Who gets further than the guard; what comes then is not asked here.
    for (method, uri, allowed) in [
        ("POST", "/v1/submissions", ["portal", "staff", "admin"].as_slice()),
        ("GET", "/v1/submissions", &["staff", "reviewer", "admin"]),
        ("GET", &one, &["portal", "staff", "reviewer", "admin"]),
        ("GET", &photo, &["portal", "staff", "reviewer", "admin"]),
        ("GET", &overlay, &["portal", "staff", "reviewer", "admin"]),
        ("POST", &decisions, &["reviewer", "admin"]),
        ("GET", "/v1/decisions.csv", &["staff", "reviewer", "admin"]),
        ("GET", "/v1/audit", &["admin"]),
        ("DELETE", &one, &["admin"]),
    ] {
        for role in Role::ALL {
            let answer = service.ask(role.name(), method, uri, "text/plain", "x").await;
            let let_in = answer.status != 403;
            assert_eq!(let_in, allowed.contains(&role.name()), "{} {method} {uri}: {}", role.name(), answer.status);
        }
        assert_eq!(service.ask("nobody", method, uri, "text/plain", "x").await.problem().0, 401, "{method} {uri}");
    }
}

#[tokio::test]
async fn a_portal_sees_what_it_sent_and_no_names_of_reviewers() {
    let service = Service::keyed();
    let id = service.submit("portal", "", "what").await.id();
    let decision = json!({ "outcome": "reject", "reasons": ["eyes.open"], "note": "闭眼", "after": 0 });
    let decided = service.decide("reviewer", &id, decision).await;
    assert_eq!((decided.status, &decided.json()["by"]), (201, &"reviewer".into()));
    for part in ["", "/photo", "/overlay"] {
        let uri = format!("/v1/submissions/{id}{part}");
        assert_eq!(service.get("portal", &uri).await.status, 200, "{part}");
        assert_eq!(service.get("other portal", &uri).await.problem(), (404, "unknown-submission".into()), "{part}");
    }
    let seen = |who: &'static str| {
        let service = &service;
        let uri = format!("/v1/submissions/{id}");
        async move { service.get(who, &uri).await.json()["decisions"][0].clone() }
    };
    let told = seen("portal").await;
    assert_eq!((&told["outcome"], &told["note"], &told["by"]), (&"reject".into(), &"闭眼".into(), &Value::Null));
    assert_eq!(seen("staff").await["by"], "reviewer");
}

#[tokio::test]
async fn hostile_requests_are_refused_in_words() {
    let service = Service::open();
    let id = service.submit("", "", "what").await.id();
    let long = "长".repeat(201);
    for (query, code) in [
        ("?reference=a%0Ab", "bad-parameter"),
        ("?reference=%E2%80%AEgpj", "bad-parameter"),
        (&format!("?reference={long}"), "bad-parameter"),
        ("?referenc=a", "bad-parameter"),
        ("?profile=..%2F..%2Fx", "unknown-profile"),
    ] {
        let answer = service.ask("", "POST", &encode(&format!("/v1/submissions{query}")), "image/jpeg", "what").await;
        assert_eq!(answer.problem().1, code, "{query}");
    }
    for odd in ["..%2F..%2Fetc%2Fpasswd", "%FF", "x", &"f".repeat(32), &"F".repeat(32), "%00"] {
        for part in ["", "/photo", "/overlay"] {
            let answer = service.get("", &format!("/v1/submissions/{odd}{part}")).await;
            assert_eq!(answer.problem(), (404, "unknown-submission".into()), "{odd}{part}");
        }
    }
    for (body, code) in [
        (json!({ "outcome": "accept", "after": 0, "note": "长".repeat(2001) }), "bad-decision"),
        (json!({ "outcome": "accept", "after": 0, "note": "\u{1b}[2J" }), "bad-decision"),
        (json!({ "outcome": "accept", "after": 0, "note": "x".repeat(100_000) }), "too-large"),
        (json!({ "outcome": "accept", "after": 0, "reasons": ["eyes.opne"] }), "bad-decision"),
        (json!({ "outcome": "reject", "after": 0 }), "bad-decision"),
        (json!({ "outcome": "perhaps", "after": 0 }), "malformed-body"),
        (json!({ "outcome": "accept" }), "malformed-body"),
        (json!({ "outcome": "accept", "after": -1 }), "malformed-body"),
        (json!({ "outcome": "accept", "after": 0, "by": "somebody else" }), "malformed-body"),
        (json!([]), "malformed-body"),
        (json!({ "outcome": "accept", "after": 1 }), "already-decided"),
    ] {
        assert_eq!(service.decide("", &id, body.clone()).await.problem().1, code, "{body:.80}");
    }
    let uri = format!("/v1/submissions/{id}/decisions");
    let text = json!({ "outcome": "accept", "after": 0 }).to_string();
    assert_eq!(service.ask("", "POST", &uri, "text/plain", text).await.problem(), (415, "unsupported-type".into()));
    let seen = service.get("", &format!("/v1/submissions/{id}")).await.json();
    assert_eq!((&seen["state"], &seen["decisions"]), (&"waiting".into(), &json!([])));
    for query in ["limit=0", "limit=201", "after=x", "state=lost", "order=random", "x=1", "limit=1&limit=2"] {
        assert_eq!(service.get("", &format!("/v1/submissions?{query}")).await.problem().1, "bad-parameter", "{query}");
    }
    for uri in ["/v1/audit?submission=..%2F", "/v1/decisions.csv?file=all"] {
        assert_eq!(service.get("", uri).await.problem().1, "bad-parameter", "{uri}");
    }
}

#[tokio::test]
async fn the_page_is_there_with_the_queue_and_loads_nothing_from_elsewhere() {
    let service = Service::keyed();
    for uri in ["/review", "/review.js", "/review.css"] {
        let answer = service.get("nobody", uri).await;
        assert_eq!(answer.status, 200, "{uri} needs no key, as it holds nothing");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"), "{uri}");
        assert!(!text.contains("innerHTML") && !text.contains("insertAdjacent") && !text.contains("style="), "{uri}");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
}

/// An address with what is not ASCII written as an address has it.
fn encode(uri: &str) -> String {
    uri.bytes().map(|byte| if byte.is_ascii() { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[tokio::test]
async fn names_of_files_are_tamed_and_make_no_paths() {
    let service = Service::open();
    let long = format!("{}.jpg", "长".repeat(240));
    for (name, kept) in [
        ("../../张三.jpg", "张三.jpg"),
        ("a\u{202e}gpj.exe", "a\u{fffd}gpj.exe"),
        ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
        (&long, &"长".repeat(200)),
    ] {
        let fields = [("reference", "长".repeat(200)), ("profile", "gaokao".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = service.ask("", "POST", "/v1/submissions", FORM, form(name, &fields)).await;
        answer.id();
        let answer = answer.json();
        assert_eq!((&answer["file"], &answer["report"]["file"]["name"]), (&kept.into(), &kept.into()));
        assert_eq!(answer["reference"].as_str().unwrap().chars().count(), 200);
    }
    let mut names = Vec::new();
    walk(&service.dir.path().join("review/photos"), &mut names);
    assert_eq!(names.len(), 1, "one photo, sent four times: {names:?}");
    assert!(names[0].strip_suffix(".jpg").unwrap().bytes().all(|byte| byte.is_ascii_hexdigit()), "{names:?}");
}

#[tokio::test]
async fn photo_and_drawing_come_as_what_they_are_and_can_do_nothing() {
    let service = Service::open();
    let id = service.submit("", "", "reject <script>").await.id();
    let photo = service.get("", &format!("/v1/submissions/{id}/photo")).await;
    assert_eq!(photo.body, b"reject <script>");
    let drawing = service.get("", &format!("/v1/submissions/{id}/overlay")).await;
    let marks = service.get("", &format!("/v1/submissions/{id}/overlay?photo=false")).await;
    for (answer, kind) in [(&photo, "image/jpeg"), (&drawing, "image/svg+xml"), (&marks, "image/svg+xml")] {
        assert_eq!((answer.status, &answer.headers["content-type"]), (200, &kind.parse().unwrap()));
        assert_eq!(answer.headers["cache-control"], "private, no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    }
    let [drawing, marks] = [drawing, marks].map(|answer| String::from_utf8(answer.body).unwrap());
    assert!(drawing.contains("data:image/jpeg;base64,cmVqZWN0"));
    assert!(!marks.contains("data:") && marks.starts_with("<svg xmlns="));
    roxmltree::Document::parse(&marks).unwrap();
    let english = service.get("", &format!("/v1/submissions/{id}/overlay?photo=false&lang=en")).await;
    let english = String::from_utf8(english.body).unwrap();
    let chinese = |text: &str| text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
    assert!(chinese(&marks) && !chinese(&english), "{english}");
    assert_eq!(service.get("", &format!("/v1/submissions/{id}/overlay?photo=no")).await.problem().1, "bad-parameter");
    // What is about to be sent takes its share of the memory for bodies.
    let small = Service::with(
        |config| {
            config.limits.body_bytes = NonZeroUsize::new(4096).unwrap();
            config.limits.buffered_bytes = NonZeroUsize::new(4096).unwrap();
        },
        false,
    );
    let photo: &'static str = Box::leak("what ".repeat(400).into_boxed_str());
    let id = small.submit("", "", photo).await.id();
    assert_eq!(small.get("", &format!("/v1/submissions/{id}/photo")).await.status, 200);
    assert_eq!(small.get("", &format!("/v1/submissions/{id}/overlay")).await.problem(), (503, "queue-full".into()));
}

#[tokio::test]
async fn without_keys_only_pages_of_the_service_ask() {
    let service = Service::open();
    let ask = |header: &'static str, value: &'static str| {
        Request::get("/v1/submissions").header(header, value).body(Body::empty()).unwrap()
    };
    for (header, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
        ("host", "evil.example:8080", 403),
        ("host", "127.0.0.1:8080", 200),
        ("host", "localhost:8080", 200),
    ] {
        assert_eq!(service.send(ask(header, value)).await.status, status, "{header}: {value}");
    }
    // With keys, a page of a stranger's has none.
    let keyed = Service::keyed();
    assert_eq!(keyed.send(ask("host", "photos.office.example")).await.problem().0, 401);
}

//! The queue for reviewers through the router: what is kept, decided, listed, exported, deleted.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "server")]

mod common;
#[path = "common/reviews.rs"]
mod reviews;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::accepted;
use gradphoto::http::config::Config;
use gradphoto::http::{AppState, StateError, app};
use gradphoto::store::{NewSubmission, Signed, State, Store, StoreError, Waits};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use reviews::{FORM, Fake, Service, form, walk};
use serde_json::{Value, json};
use tower::ServiceExt;

#[tokio::test]
async fn a_photo_is_judged_kept_and_found_again() {
    let service = Service::open();
    for (photo, state, verdict) in [
        ("accept it", "accepted", "accept"),
        ("reject it", "rejected", "reject"),
        ("what is this", "waiting", "review"),
    ] {
        let answer = service.submit("", "?reference=A%2F7", photo).await;
        let kept = answer.json();
        let id = answer.id();
        assert_eq!(
            (&kept["state"], &kept["verdict"], &kept["reference"]),
            (&state.into(), &verdict.into(), &"A/7".into())
        );
        assert_eq!(answer.headers["location"], format!("/v1/submissions/{id}"));
        assert_eq!(answer.headers["gradphoto-verdict"], verdict);
        assert_eq!((&kept["submitted_by"], &kept["decisions"]), (&"local".into(), &json!([])));
        // The report is that of a check.
        let checked = service.ask("", "POST", "/v1/check", "image/jpeg", photo).await.json();
        assert_eq!(kept["report"], checked);
        assert_eq!(service.get("", &format!("/v1/submissions/{id}")).await.json(), kept);
    }
    let found = service.get("", "/v1/submissions?reference=A%2F7&state=rejected").await.json();
    assert_eq!(found["submissions"].as_array().unwrap().len(), 1);
    assert!(found["submissions"][0].get("report").is_none(), "a list has no reports");
    let metrics = String::from_utf8(service.get("", "/metrics").await.body).unwrap();
    for line in
        ["submissions_total{state=\"waiting\"} 1", "review_waiting 1", "submissions_total{state=\"rejected\"} 1"]
    {
        assert!(metrics.contains(&format!("gradphoto_{line}\n")), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn the_office_says_what_waits() {
    for (what, states) in [
        (Waits::Review, ["accepted", "rejected", "waiting"]),
        (Waits::Rejected, ["accepted", "waiting", "waiting"]),
        (Waits::All, ["waiting"; 3]),
    ] {
        let service = Service::with(|config| config.review.what = what, false);
        for (photo, state) in ["accept", "reject", "what"].into_iter().zip(states) {
            assert_eq!(service.submit("", "", photo).await.json()["state"], state, "{what:?} {photo}");
        }
    }
}

#[tokio::test]
async fn without_a_folder_there_is_no_queue() {
    let state = AppState::new(Config::default(), Arc::new(Fake)).unwrap();
    let router = app(state);
    let get = async |uri: &str| {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    for uri in ["/v1/submissions", "/v1/decisions.csv", "/v1/audit", "/review", "/review.js"] {
        assert_eq!(get(uri).await.status(), StatusCode::NOT_FOUND, "{uri}");
    }
    let document = get("/openapi.json").await.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&document).contains("ubmission"));
}

#[tokio::test]
async fn the_first_of_two_reviewers_wins() {
    let service = Service::open();
    let id = service.submit("", "", "what").await.id();
    let accept = |after: u32| json!({ "outcome": "accept", "after": after });
    assert_eq!(service.decide("", &id, accept(0)).await.json()["number"], 1);
    let late = service.decide("", &id, json!({ "outcome": "reject", "note": "too dark", "after": 0 })).await;
    assert_eq!(late.problem(), (409, "already-decided".into()));
    assert_eq!(
        service.decide("", &id, json!({ "outcome": "reject", "note": "too dark", "after": 1 })).await.status,
        201
    );
    let kept = service.get("", &format!("/v1/submissions/{id}")).await.json();
    assert_eq!(
        (&kept["state"], &kept["outcome"], &kept["decision_count"]),
        (&"decided".into(), &"reject".into(), &2.into())
    );
    assert_eq!(kept["decisions"].as_array().unwrap().len(), 2, "all are kept");
    // What the machine settled can be decided on too.
    let id = service.submit("", "", "reject").await.id();
    assert_eq!(service.decide("", &id, accept(0)).await.status, 201);
}

#[tokio::test]
async fn decisions_made_at_once_are_one_decision() {
    let service = Service::open();
    let id = service.submit("", "", "what").await.id();
    let uri = format!("/v1/submissions/{id}/decisions");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let body = json!({ "outcome": "accept", "after": 0 }).to_string();
        let request = Request::post(&uri).header("content-type", "application/json").body(Body::from(body)).unwrap();
        tasks.spawn(service.router.clone().oneshot(request));
    }
    let mut statuses: Vec<u16> =
        tasks.join_all().await.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[201_u16][..], &[409; 7]].concat());
}

#[tokio::test]
async fn pages_lead_to_the_end_without_gaps() {
    let service = Service::open();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(service.submit("", "", "what").await.id());
        service.submit("", "", "accept").await.id();
    }
    for (order, limit) in [("oldest", 3), ("newest", 3), ("oldest", 7), ("newest", 200)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let uri = format!("/v1/submissions?state=waiting&order={order}&limit={limit}{after}");
            let page = service.get("", &uri).await.json();
            let rows = page["submissions"].as_array().unwrap();
            assert!(!rows.is_empty() && rows.len() <= limit);
            seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        if order == "newest" {
            seen.reverse();
        }
        assert_eq!(seen, ids, "{order} {limit}");
    }
    let audit = service.get("", "/v1/audit?limit=10").await.json();
    let next = audit["next"].as_str().unwrap();
    let rest = service.get("", &format!("/v1/audit?limit=10&after={next}")).await.json();
    let count = |page: &Value| page["entries"].as_array().unwrap().len();
    assert_eq!((count(&audit), count(&rest), &rest["next"]), (10, 4, &Value::Null));
}

#[cfg(feature = "cli")]
#[tokio::test]
async fn what_is_exported_is_read_by_evaluate() {
    use gradphoto::evaluate::{parse_labels, resolve};
    let service = Service::open();
    let named = async |name: &str| service.ask("", "POST", "/v1/submissions", FORM, form(name, &[])).await.id();
    let (first, second, nameless) =
        (named("张,三 2.jpg").await, named("=1+1.jpg").await, service.submit("", "", "reject").await.id());
    service.submit("", "", "accept, and nobody decides").await.id();
    service.decide("", &first, json!({ "outcome": "reject", "reasons": ["eyes.open"], "after": 0 })).await;
    service.decide("", &first, json!({ "outcome": "accept", "after": 1 })).await;
    service.decide("", &second, json!({ "outcome": "reject", "note": "x", "after": 0 })).await;
    service.decide("", &nameless, json!({ "outcome": "accept", "after": 0 })).await;
    let table = service.get("", "/v1/decisions.csv").await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    let labels = parse_labels(table.body.as_slice()).unwrap();
    let decisions: Vec<_> = labels.iter().map(|label| label.decision.unwrap()).collect();
    use gradphoto::Verdict::{Accept, Reject};
    assert_eq!(decisions, [Accept, Reject, Accept], "the last decision of each");
    let photos = service.dir.path().join("review/photos");
    for label in &labels {
        assert!(resolve(&label.file, &photos, Path::new("decisions.csv")).is_file(), "{}", label.file);
    }
    let table = service.get("", "/v1/decisions.csv?file=name").await;
    let names: Vec<_> = parse_labels(table.body.as_slice()).unwrap().into_iter().map(|label| label.file).collect();
    assert_eq!(names, ["张,三 2.jpg", "=1+1.jpg"]);
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_the_audit_tells_of_it() {
    let service = Service::keyed();
    let id = service.submit("portal", "?reference=SECRET", "what").await.id();
    service.decide("reviewer", &id, json!({ "outcome": "accept", "note": "SECRET", "after": 0 })).await;
    let uri = format!("/v1/submissions/{id}");
    assert_eq!(service.ask("admin", "DELETE", &uri, "", Body::empty()).await.status, 204);
    assert_eq!(service.ask("admin", "DELETE", &uri, "", Body::empty()).await.problem().1, "unknown-submission");
    assert_eq!(service.get("portal", &uri).await.problem().1, "unknown-submission");
    let mut files = Vec::new();
    walk(&service.dir.path().join("review/photos"), &mut files);
    assert_eq!(files, [] as [&str; 0]);
    let audit = service.get("admin", &format!("/v1/audit?submission={id}")).await;
    assert!(!String::from_utf8_lossy(&audit.body).contains("SECRET"));
    let told: Vec<_> =
        audit.json()["entries"].as_array().unwrap().iter().map(|e| (e["who"].clone(), e["event"].clone())).collect();
    let expected = [("portal", "submitted"), ("reviewer", "decided"), ("admin", "deleted")];
    assert_eq!(told, expected.map(|(who, event)| (who.into(), event.into())));
}

#[tokio::test]
async fn what_is_too_old_is_deleted_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.review.dir = Some(dir.path().to_owned());
    config.review.retention_days = NonZeroU32::new(30).unwrap();
    let store = Store::open(dir.path()).unwrap();
    let report = accepted();
    let now = Timestamp::now();
    let mut ids = Vec::new();
    for days in [31, 29] {
        let new =
            NewSubmission { photo: b"x", report: &report, reference: None, file_name: None, state: State::Accepted };
        let at = now - SignedDuration::from_hours(24 * days);
        ids.push(store.submit(&new, Signed { by: "portal", at }).unwrap().id);
    }
    drop(store);
    let state = AppState::new(config.clone(), Arc::new(Fake)).unwrap();
    let kept = |id: &gradphoto::store::SubmissionId| {
        let router = app(state.clone());
        let request = Request::get(format!("/v1/submissions/{id}")).body(Body::empty()).unwrap();
        async move { router.oneshot(request).await.unwrap().status() }
    };
    assert_eq!((kept(&ids[0]).await, kept(&ids[1]).await), (StatusCode::NOT_FOUND, StatusCode::OK));
    // The folder is taken while the service runs.
    let refused = AppState::new(config, Arc::new(Fake)).unwrap_err();
    assert!(matches!(refused, StateError::Store(StoreError::InUse { .. })), "{refused}");
}

#[tokio::test]
async fn who_drains_keeps_no_photo() {
    let service = Service::open();
    service.state.drain();
    assert_eq!(service.submit("", "", "what").await.problem(), (503, "shutting-down".into()));
    assert_eq!(service.get("", "/v1/submissions").await.json()["submissions"], json!([]));
}

#[tokio::test]
async fn the_description_holds_together_and_answers_follow_it() {
    let service = Service::open();
    let document = service.get("", "/openapi.json").await.json();
    let mut ids: Vec<&str> = Vec::new();
    for path in document["paths"].as_object().unwrap().values() {
        ids.extend(path.as_object().unwrap().values().map(|operation| operation["operationId"].as_str().unwrap()));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), document["paths"]["/v1/submissions"].as_object().unwrap().len()), (count, 2), "{ids:?}");
    let answers = |path: &str, method: &str| {
        document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        answers("/v1/submissions/{id}/decisions", "post"),
        ["201", "400", "401", "403", "404", "408", "409", "413", "415", "429", "500", "503"]
    );
    assert_eq!(answers("/v1/submissions/{id}", "delete"), ["204", "400", "401", "403", "404", "429", "500"]);

    let id = service.submit("", "", "what").await.id();
    let one = format!("/v1/submissions/{id}");
    let details = service.get("", &one).await.json();
    let decision = json!({ "outcome": "reject", "reasons": ["eyes.open"], "note": "x", "after": 0 });
    let decided = service.decide("", &id, decision.clone()).await.json();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("http://api/openapi.json", document.clone()).unwrap();
    let mut schemas = boon::Schemas::new();
    for (name, value) in [
        ("SubmissionDetails", details),
        ("SubmissionDetails", service.get("", &one).await.json()),
        ("SubmissionList", service.get("", "/v1/submissions").await.json()),
        ("DecisionForm", decision),
        ("DecisionEntry", decided),
        ("AuditList", service.get("", "/v1/audit").await.json()),
    ] {
        let at = format!("http://api/openapi.json#/components/schemas/{name}");
        let schema = compiler.compile(&at, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(&value, schema) {
            panic!("{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_sent_again() {
    let service = Service::keyed();
    let send = |who: &'static str, key: &'static str, query: &'static str, photo: &'static str| {
        let (_, secret) = service.keys.iter().find(|(name, _)| name == who).unwrap();
        let request = axum::http::Request::post(format!("/v1/submissions{query}"))
            .header("authorization", format!("Bearer {secret}"))
            .header("idempotency-key", key);
        service.send(request.body(axum::body::Body::from(photo)).unwrap())
    };
    let id = send("portal", "\"8e03978e-40d5\"", "?reference=1", "what").await.id();
    service.decide("reviewer", &id, json!({ "outcome": "accept", "after": 0 })).await;
    let again = send("portal", "8e03978e-40d5", "?reference=1", "what").await;
    assert_eq!(again.headers["location"], format!("/v1/submissions/{id}"));
    assert_eq!(
        (again.id(), &again.json()["state"], &again.json()["decisions"][0]["by"]),
        (id.clone(), &"decided".into(), &Value::Null)
    );
    for (query, photo) in [("?reference=1", "other"), ("?reference=2", "what"), ("?reference=1&profile=gaokao", "what")]
    {
        let answer = send("portal", "8e03978e-40d5", query, photo).await;
        assert_eq!(answer.problem(), (422, "idempotency-key-reused".into()), "{query} {photo}");
    }
    assert_ne!(send("other portal", "8e03978e-40d5", "?reference=1", "what").await.id(), id);
    for odd in ["", "\"\"", "a b"] {
        assert_eq!(send("portal", odd, "", "what").await.problem(), (400, "bad-parameter".into()), "{odd}");
    }
    let listed = service.get("staff", "/v1/submissions").await.json();
    assert_eq!(listed["submissions"].as_array().unwrap().len(), 2);
    let at_once = tokio::join!(send("portal", "twice", "", "what"), send("portal", "twice", "", "what"));
    assert_eq!(at_once.0.id(), at_once.1.id(), "of two at once one is kept");
    // With the submission its name goes too.
    assert_eq!(service.ask("admin", "DELETE", &format!("/v1/submissions/{id}"), "", "").await.status, 204);
    assert_ne!(send("portal", "8e03978e-40d5", "?reference=1", "other").await.id(), id);
}

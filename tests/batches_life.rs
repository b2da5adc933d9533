//! Batches through the router: who sees them, how they give way to requests, and how they end.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(feature = "server")]

#[path = "common/batches.rs"]
mod batches;
mod common;
#[path = "common/reviews.rs"]
mod reviews;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use batches::{FORM, Fake, Keeper, ZIP, events, form, inside, rows, send, sent, service, until, zip};
use gradphoto::http::config::Config;
use gradphoto::http::keys::Role;
use reviews::Service;
use serde_json::Value;

fn gated(change: impl FnOnce(&mut Config)) -> (Service, Keeper) {
    let (fake, keeper) = Fake::gated();
    (service(fake, change, false), keeper)
}

/// A ZIP whose first photo waits at the gate, before so many others.
fn waits_before(others: usize) -> Vec<u8> {
    let names: Vec<String> = (0..others).map(|n| format!("{n}.jpg")).collect();
    let mut members: Vec<(&str, &[u8])> = vec![("wait.jpg", b"wait")];
    members.extend(names.iter().map(|name| (name.as_str(), b"a".as_slice())));
    zip(&members)
}

fn at_most(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

async fn state_of(service: &Service, who: &str, location: &str) -> Value {
    service.get(who, location).await.json()["state"].clone()
}

#[tokio::test]
async fn staff_see_their_own_batches_and_admins_all() {
    let service = service(Fake::default(), |_| {}, true);
    let archive = zip(&[("1.jpg", b"a")]);
    for role in Role::ALL {
        let taken = send(&service, role.name(), "", ZIP, archive.clone()).await.status == 202;
        assert_eq!(taken, matches!(role, Role::Staff | Role::Admin), "{role:?}");
    }
    assert_eq!(send(&service, "nobody", "", ZIP, archive.clone()).await.problem(), (401, "unauthorized".into()));
    let location = sent(&service, "staff", "?normalize=true", ZIP, archive).await;
    assert_eq!(rows(&service, "staff", &location).await.len(), 1);
    for part in ["", "/events", "/results", "/photos.zip"] {
        let uri = format!("{location}{part}");
        for who in ["staff", "admin"] {
            assert_eq!(service.get(who, &uri).await.status, 200, "{who} {part}");
        }
        assert_eq!(service.get("other staff", &uri).await.problem(), (404, "unknown-batch".into()), "{part}");
        assert_eq!(service.get("portal", &uri).await.problem(), (403, "forbidden".into()), "{part}");
        assert_eq!(service.get("nobody", &uri).await.status, 401, "{part}");
    }
    let listed = |who: &'static str| {
        let service = &service;
        async move { service.get(who, "/v1/batches").await.json()["batches"].as_array().unwrap().len() }
    };
    assert_eq!((listed("staff").await, listed("other staff").await, listed("admin").await), (2, 0, 3));
    let delete = |who: &'static str| service.ask(who, "DELETE", &location, "", Body::empty());
    assert_eq!(delete("other staff").await.problem(), (404, "unknown-batch".into()));
    assert_eq!(delete("admin").await.status, 204);
    assert_eq!(service.get("staff", &location).await.status, 404);
}

#[tokio::test]
async fn ids_that_are_none_and_pages_of_others_get_nothing() {
    let service = service(Fake::default(), |_| {}, false);
    for odd in ["..%2F..%2Fetc%2Fpasswd", "%FF", "x", &"f".repeat(32), &"F".repeat(32), "%00"] {
        for part in ["", "/events", "/results", "/photos.zip"] {
            let answer = service.get("", &format!("/v1/batches/{odd}{part}")).await;
            assert_eq!(answer.problem(), (404, "unknown-batch".into()), "{odd}{part}");
        }
    }
    let foreign = Request::post("/v1/batches").header("sec-fetch-site", "cross-site").header("content-type", FORM);
    let answer = service.send(foreign.body(Body::from(form(&[("1.jpg", "a")], &[]))).unwrap()).await;
    assert_eq!(answer.problem(), (403, "forbidden".into()));
}

#[tokio::test]
async fn a_request_does_not_wait_for_the_batch_before_it() {
    let (service, keeper) = gated(|_| {});
    let location = sent(&service, "", "", ZIP, waits_before(300)).await;
    keeper.begun().await;
    // The one thread is taken, and three hundred photos stand behind. The request comes last and is next.
    let check = service.ask("", "POST", "/v1/check", "image/jpeg", "a single photo");
    let release = async {
        until(|| service.state.pool().load().queued == 1).await;
        keeper.release();
    };
    let (answer, ()) = tokio::join!(check, release);
    assert_eq!((answer.status, &answer.headers["gradphoto-verdict"]), (200, &"accept".parse().unwrap()));
    assert_eq!(rows(&service, "", &location).await.len(), 301);
    let metrics = String::from_utf8(service.get("", "/metrics").await.body).unwrap();
    let begun = |action: &str| metrics.contains(&format!("gradphoto_work_seconds_count{{action=\"{action}\"}}"));
    assert!(begun("check") && begun("batch"), "{metrics}");
}

#[tokio::test]
async fn the_request_is_begun_before_all_photos_that_wait() {
    let (fake, keeper) = Fake::gated();
    let fake = std::sync::Arc::new(fake);
    let service = Service::judged_by(std::sync::Arc::clone(&fake) as _, |config| config.work.threads = 1, false);
    sent(&service, "", "", ZIP, waits_before(50)).await;
    keeper.begun().await;
    let check = service.ask("", "POST", "/v1/check", FORM, form(&[("the request.jpg", "a")], &[]));
    let release = async {
        until(|| service.state.pool().load().queued == 1).await;
        keeper.release();
    };
    let (answer, ()) = tokio::join!(check, release);
    assert_eq!(answer.status, 200);
    until(|| fake.judged.lock().unwrap().len() == 52).await;
    assert_eq!(fake.judged.lock().unwrap()[..3], ["wait.jpg", "the request.jpg", "0.jpg"]);
}

#[tokio::test]
async fn progress_is_told_as_it_comes_and_results_when_they_are_whole() {
    let (service, keeper) = gated(|_| {});
    let location = sent(&service, "", "?normalize=true", ZIP, waits_before(3)).await;
    keeper.begun().await;
    assert_eq!(state_of(&service, "", &location).await, "running");
    for part in ["results", "results?format=xlsx", "photos.zip"] {
        let answer = service.get("", &format!("{location}/{part}")).await;
        assert_eq!(answer.problem(), (409, "batch-running".into()), "{part}");
    }
    let metrics = String::from_utf8(service.get("", "/metrics").await.body).unwrap();
    assert!(metrics.contains("gradphoto_batches_running 1\n"), "{metrics}");
    let follow = events(&service, "", &location);
    let release = async { keeper.release() };
    let (said, ()) = tokio::join!(follow, release);
    let blocks: Vec<&str> = said.trim_end().split("\n\n").filter(|block| block.starts_with("id:")).collect();
    assert!(blocks[0].starts_with("id: 0\nevent: progress\ndata: {\"state\":\"running\""), "{said}");
    let (last, before) = blocks.split_last().unwrap();
    assert!(
        last.starts_with("id: 4\nevent: end\ndata: {\"state\":\"done\",\"counts\":{\"total\":4,\"done\":4"),
        "{said}"
    );
    assert!(before.iter().all(|block| block.contains("event: progress")), "{said}");
    // Whoever comes back is told where it stands.
    assert!(events(&service, "", &location).await.starts_with("id: 4\nevent: end\n"));
    let metrics = String::from_utf8(service.get("", "/metrics").await.body).unwrap();
    for line in [
        "gradphoto_batches_running 0\n",
        "gradphoto_batches_total{state=\"done\"} 1\n",
        "gradphoto_batch_photos_total 4\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn a_batch_that_is_deleted_ends_and_is_gone() {
    let (service, keeper) = gated(|_| {});
    let location = sent(&service, "", "", ZIP, waits_before(200)).await;
    keeper.begun().await;
    let follow = events(&service, "", &location);
    let delete = async {
        let delete = service.ask("", "DELETE", &location, "", Body::empty());
        let release = async {
            until(|| service.state.batches().unwrap().seen_by(&admin()).is_empty()).await;
            // The photo at hand is finished; none is begun after it.
            keeper.release();
        };
        tokio::join!(delete, release).0
    };
    let (said, deleted) = tokio::join!(follow, delete);
    assert_eq!(deleted.status, 204);
    assert!(said.contains("event: end") && said.contains("\"state\":\"cancelled\""), "{said}");
    assert!(inside(&service).is_empty(), "gone when the answer comes");
    assert_eq!(service.get("", &location).await.problem(), (404, "unknown-batch".into()));
    assert_eq!(service.ask("", "DELETE", &location, "", Body::empty()).await.status, 404);
}

#[tokio::test]
async fn a_batch_is_deleted_while_requests_have_all_threads() {
    let (service, keeper) = gated(|_| {});
    let check = service.ask("", "POST", "/v1/check", "image/jpeg", "wait");
    let meanwhile = async {
        keeper.begun().await;
        let location = sent(&service, "", "", ZIP, zip(&[("1.jpg", b"a"), ("2.jpg", b"a")])).await;
        until(|| inside(&service)[0].join("results.jsonl").exists()).await;
        // By now, or in a moment, the run waits for its first photo. The test holds in either case.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(service.ask("", "DELETE", &location, "", Body::empty()).await.status, 204);
        assert!(inside(&service).is_empty());
        keeper.release();
    };
    assert_eq!(tokio::join!(check, meanwhile).0.status, 200);
}

fn admin() -> gradphoto::http::keys::Identity {
    gradphoto::http::keys::Identity { name: "local".into(), role: Role::Admin }
}

#[tokio::test]
async fn results_are_kept_for_their_time_and_no_longer() {
    let service = service(Fake::default(), |_| {}, false);
    let archive = zip(&[("1.jpg", b"a")]);
    let location = sent(&service, "", "", ZIP, archive).await;
    rows(&service, "", &location).await;
    let day = Duration::from_secs(24 * 3600);
    let batches = service.state.batches().unwrap();
    batches.forget(Instant::now() + day - Duration::from_secs(60));
    assert_eq!(service.get("", &location).await.status, 200);
    batches.forget(Instant::now() + day);
    assert_eq!(service.get("", &format!("{location}/results")).await.problem(), (404, "unknown-batch".into()));
    until(|| inside(&service).is_empty()).await;
}

#[tokio::test]
async fn a_batch_that_runs_is_never_too_old() {
    let (service, keeper) = gated(|_| {});
    let location = sent(&service, "", "", ZIP, waits_before(1)).await;
    keeper.begun().await;
    service.state.batches().unwrap().forget(Instant::now() + Duration::from_secs(1 << 30));
    assert_eq!(state_of(&service, "", &location).await, "running");
    keeper.release();
    assert_eq!(rows(&service, "", &location).await.len(), 2);
}

#[tokio::test]
async fn batches_wait_for_their_turn_and_no_more_are_taken_than_may_be_kept() {
    let (service, keeper) = gated(|config| {
        (config.batches.max_running, config.batches.max_kept) = (at_most(1), at_most(2));
    });
    let first = sent(&service, "", "", ZIP, waits_before(1)).await;
    keeper.begun().await;
    let second = sent(&service, "", "", ZIP, waits_before(1)).await;
    assert_eq!(state_of(&service, "", &second).await, "waiting");
    let full = send(&service, "", "", ZIP, waits_before(1)).await;
    assert!(full.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(full.problem(), (503, "batches-full".into()));
    // One that waits can be deleted like any other, and makes place.
    assert_eq!(service.ask("", "DELETE", &second, "", Body::empty()).await.status, 204);
    let third = async { sent(&service, "", "", ZIP, zip(&[("1.jpg", b"a")])).await };
    let third = third.await;
    assert_eq!(state_of(&service, "", &third).await, "waiting");
    keeper.release();
    assert_eq!(rows(&service, "", &first).await.len(), 2);
    assert_eq!(rows(&service, "", &third).await.len(), 1);
}

#[tokio::test]
async fn a_service_that_ends_takes_no_batch_and_leaves_none() {
    let (service, keeper) = gated(|config| config.batches.max_running = at_most(1));
    let running = sent(&service, "", "", ZIP, waits_before(100)).await;
    let waiting = sent(&service, "", "", ZIP, waits_before(1)).await;
    keeper.begun().await;
    let (pieces, body) = batches::pieces();
    let sending = send(&service, "", "", ZIP, body);
    let end = async {
        until(|| inside(&service).len() == 3).await;
        service.state.drain();
        keeper.release();
    };
    let (cut_off, ()) = tokio::join!(sending, end);
    assert_eq!(cut_off.problem(), (503, "shutting-down".into()));
    drop(pieces);
    assert_eq!(send(&service, "", "", ZIP, waits_before(1)).await.problem(), (503, "shutting-down".into()));
    let batches = service.state.batches().unwrap();
    batches.end().await;
    for location in [&running, &waiting] {
        assert_eq!(state_of(&service, "", location).await, "cancelled");
        assert_eq!(service.get("", &format!("{location}/results")).await.problem(), (409, "batch-failed".into()));
    }
    batches.remove_all().await;
    until(|| inside(&service).is_empty()).await;
}

#[tokio::test]
async fn without_batches_their_addresses_do_not_exist() {
    let service = service(Fake::default(), |config| config.batches.on = false, false);
    let answer = send(&service, "", "", ZIP, zip(&[("1.jpg", b"a")])).await;
    assert_eq!(answer.problem(), (404, "not-found".into()));
    let document = service.get("", "/openapi.json").await.json();
    assert!(
        document["paths"].get("/v1/batches").is_none()
            && document["components"]["schemas"].get("BatchStatus").is_none()
    );
    assert!(!service.dir.path().join("batches").exists());
}

#[tokio::test]
async fn answers_follow_the_openapi_document() {
    let service = service(Fake::default(), |_| {}, false);
    let document = service.get("", "/openapi.json").await.json();
    let location = sent(&service, "", "?normalize=true", ZIP, zip(&[("1.jpg", b"a"), ("2.jpg", b"none")])).await;
    let said = events(&service, "", &location).await;
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("http://api/openapi.json", document).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut follows = |name: &str, value: &Value| {
        let at = format!("http://api/openapi.json#/components/schemas/{name}");
        let schema = compiler.compile(&at, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(value, schema) {
            panic!("{name}: {error}");
        }
    };
    follows("BatchStatus", &service.get("", &location).await.json());
    follows("BatchList", &service.get("", "/v1/batches").await.json());
    let data = said.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    follows("BatchProgress", &serde_json::from_str(&data[6..]).unwrap());
    let rows = service.get("", &format!("{location}/results")).await.body;
    for row in String::from_utf8(rows).unwrap().lines() {
        follows("Row", &serde_json::from_str(row).unwrap());
    }
}

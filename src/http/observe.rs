//! What happens around every request: an id, one line in the log, the metrics, and the body of problems.
//!
//! The log has no photos, no names and no keys: the pattern of the path instead of the path, the role instead of the
//! key's name, the length of the photo instead of its name.

use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::accept;
use super::keys::Role;
use super::metrics::{Answer, Route};
use super::params::lang_of_query;
use super::problem::Problem;
use super::state::AppState;
use super::telemetry::{Answered, Stages};

/// The header with the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header in which a proxy names the span above this request (W3C Trace Context).
const PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Runs a request and tells about it.
pub async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let (wall, start) = (SystemTime::now(), Instant::now());
    let stages = Stages::default();
    request.extensions_mut().insert(stages.clone());
    let id = request_id(request.headers());
    let lang = lang_of_query(request.uri().query()).unwrap_or_else(|| accept::language(request.headers()));
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let (method, parent) = (request.method().clone(), request.headers().get(PARENT).cloned());
    let span = tracing::info_span!("request", id = %id, method = %method, route = %route);

    let mut response = next.run(request).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let problem = response.extensions_mut().remove::<Problem>();
    let code = problem.as_ref().map_or("", |problem| problem.code().id());
    if let Some(problem) = problem {
        problem.render(&mut response, lang, &id);
    }
    let status = response.status().as_u16();
    let end = Instant::now();
    let elapsed = end.saturating_duration_since(start);
    let [waited, worked] = stages.ms(end);
    let role = response.extensions().get::<Role>().map_or("", |role| role.name());
    span.in_scope(|| {
        let ms = elapsed.as_secs_f64() * 1e3;
        // 503 is the service protecting itself; other failures are bugs.
        match status {
            500 | 501 | 502 | 504.. => tracing::error!(status, code, role, ms, waited, worked, "failed"),
            _ => tracing::info!(status, code, role, ms, waited, worked, "answered"),
        }
    });
    let answered = Answered {
        method: &method,
        route: &route,
        parent: parent.as_ref().and_then(|parent| parent.to_str().ok()),
        status,
        code,
        start: (wall, start),
        end,
        stages: &stages,
    };
    state.telemetry.tell(&answered);
    state.metrics.request_seconds.get_or_create(&Route { route: route.clone() }).observe(elapsed.as_secs_f64());
    state.metrics.requests.get_or_create(&Answer { route, status, code }).inc();
    response
}

/// The id a proxy gave the request, when it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    given.filter(plain).map_or_else(new_id, str::to_owned)
}

fn new_id() -> String {
    let mut bytes = [0_u8; 8];
    // Without random bytes ids repeat; no reason to refuse a photo.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_strangers_are_taken_only_when_plain() {
        let of = |value: &str| request_id(&HeaderMap::from_iter([(REQUEST_ID, value.parse().expect("a value"))]));
        assert_eq!(of("abc-1_2"), "abc-1_2");
        for odd in ["", "a b", "x\"y", &"a".repeat(65)] {
            assert_eq!(of(odd).len(), 16, "{odd}");
        }
        assert_ne!(new_id(), new_id());
    }
}

//! For whoever runs the service: is it alive, does it take photos, how is it doing.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::http::{metrics as names, openapi};

/// How the service is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// Version of the program.
    pub version: String,
}

impl Health {
    fn ok() -> Json<Self> {
        Json(Self { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
    }
}

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/healthz",
    tag = openapi::OPERATIONS,
    responses((status = 200, description = "It does", body = ref("#/components/schemas/Health"), content_type = "application/json")),
)]
pub async fn healthz() -> Json<Health> {
    Health::ok()
}

/// Whether photos are taken
///
/// Says no while the service is ending, so that a balancer sends new requests elsewhere. A full queue is no reason: it
/// is empty again in a moment.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = openapi::OPERATIONS,
    responses((status = 200, description = "They are", body = ref("#/components/schemas/Health"), content_type = "application/json")),
)]
pub async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    if state.is_draining() { Err(Problem::plain(Code::ShuttingDown)) } else { Ok(Health::ok()) }
}

/// Metrics for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = openapi::OPERATIONS,
    security((), ("key" = [])),
    responses((status = 200, description = "The metrics, in the OpenMetrics text format", content_type = "application/openmetrics-text", body = String)),
)]
pub async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    // Without a number the gauge stays as it was; why stands in the log.
    if let Ok(review) = state.review()
        && let Ok(waiting) = review.call(|store| store.waiting()).await
    {
        state.metrics.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
    ([(CONTENT_TYPE, names::CONTENT_TYPE)], state.metrics.render(state.pool.load()))
}

//! The HTTP service: one photo in, its verdict out, for a portal that must not fall over.
//!
//! [`app`] is the router, tested without a socket; [`server`] serves it on one. A request passes [`observe`] (id, log,
//! metrics, the body of problems), [`auth`], its handler in [`mod@routes`], [`extract`] and [`admission`]. No image code
//! here: what judges a photo stands behind [`Judge`].

pub mod accept;
pub mod admission;
pub mod auth;
pub mod batches;
pub mod body;
pub mod config;
pub mod extract;
pub mod judge;
pub mod keys;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod params;
pub mod problem;
pub mod rate;
pub mod review;
pub mod routes;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod tls;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware;
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use judge::{Judge, Refusal};
pub use problem::{Code, Problem};
pub use state::{AppState, StateError};

use auth::Guard;
use keys::Permission;

/// The router of the service.
pub fn app(state: AppState) -> Router {
    let guard =
        |permission| middleware::from_fn_with_state(Guard { state: state.clone(), permission }, auth::authorize);
    let photos = OpenApiRouter::new()
        .routes(routes!(routes::photos::check))
        .routes(routes!(routes::photos::normalize))
        .route_layer(guard(Permission::Photos));
    let read = OpenApiRouter::new()
        .routes(routes!(routes::catalog::profiles))
        .routes(routes!(routes::catalog::profile))
        .routes(routes!(routes::catalog::checks))
        .routes(routes!(routes::catalog::check))
        .routes(routes!(routes::catalog::problems))
        .route_layer(guard(Permission::Read));
    let metrics = OpenApiRouter::new().routes(routes!(routes::ops::metrics)).route_layer(guard(Permission::Metrics));
    let open = OpenApiRouter::new().routes(routes!(routes::ops::healthz)).routes(routes!(routes::ops::readyz));
    let router = photos.merge(read).merge(metrics).merge(open);
    let reviews = state.review().is_ok();
    let router = if reviews { router.merge(review(&state)) } else { router };
    let router = if state.batches().is_ok() { router.merge(batches(&state)) } else { router };
    let (router, api) = router.split_for_parts();

    let fixed = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let router = router
        .merge(routes::page::router(openapi::document(api), reviews))
        .fallback(async || Problem::plain(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::plain(Code::MethodNotAllowed))
        .layer(CatchPanicLayer::custom(|_| Problem::plain(Code::Internal).into_response()))
        // Photos and verdicts are personal data: nothing on the way keeps them.
        .layer(fixed(CACHE_CONTROL, "no-store"))
        .layer(fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(middleware::from_fn_with_state(state.clone(), observe::observe));
    let origins: Vec<HeaderValue> = state.config().cors.origins.iter().filter_map(|o| o.parse().ok()).collect();
    let router = if origins.is_empty() { router } else { router.layer(cors(origins)) };
    router.with_state(state)
}

/// The addresses of the queue for reviewers.
fn review(state: &AppState) -> OpenApiRouter<AppState> {
    let guard =
        |permission| middleware::from_fn_with_state(Guard { state: state.clone(), permission }, auth::authorize);
    let submit =
        OpenApiRouter::new().routes(routes!(routes::submissions::submit)).route_layer(guard(Permission::Photos));
    let queue = OpenApiRouter::new()
        .routes(routes!(routes::submissions::list))
        .routes(routes!(routes::decisions::export))
        .route_layer(guard(Permission::Queue));
    let one = OpenApiRouter::new()
        .routes(routes!(routes::submissions::submission))
        .routes(routes!(routes::submissions::photo))
        .routes(routes!(routes::submissions::drawing))
        .route_layer(guard(Permission::Submission));
    let decide = OpenApiRouter::new().routes(routes!(routes::decisions::decide)).route_layer(guard(Permission::Decide));
    let records = OpenApiRouter::new()
        .routes(routes!(routes::submissions::delete))
        .routes(routes!(routes::decisions::audit))
        .route_layer(guard(Permission::Records));
    let all = submit.merge(queue).merge(one).merge(decide).merge(records);
    all.route_layer(middleware::from_fn_with_state(state.clone(), auth::own_pages))
}

/// The addresses of batches.
fn batches(state: &AppState) -> OpenApiRouter<AppState> {
    let guard = Guard { state: state.clone(), permission: Permission::Batches };
    OpenApiRouter::new()
        .routes(routes!(routes::batches::create_batch, routes::batches::batches))
        .routes(routes!(routes::batches::batch, routes::batches::delete_batch))
        .routes(routes!(routes::batches::batch_events))
        .routes(routes!(routes::batches::batch_results))
        .routes(routes!(routes::batches::batch_photos))
        .route_layer(middleware::from_fn_with_state(guard, auth::authorize))
        .route_layer(middleware::from_fn_with_state(state.clone(), auth::own_pages))
}

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("idempotency-key")])
        .expose_headers(
            routes::verdict::HEADERS
                .map(|header| HeaderName::from_static(header.name))
                .into_iter()
                .chain([LOCATION])
                .collect::<Vec<_>>(),
        )
}

//! The OpenAPI document, the page to try it, and the page of reviewers. Pages are in the program and load nothing from
//! elsewhere.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::Redirect;
use axum::routing::get;
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;

/// What a page of this service may load: its own files, and the pictures it makes itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = include_str!("../page/try.html");
const SCRIPT: &str = include_str!("../page/try.js");
const STYLE: &str = include_str!("../page/try.css");

const REVIEW_HTML: &str = include_str!("../page/review.html");
const REVIEW_SCRIPT: &str = include_str!("../page/review.js");
const REVIEW_STYLE: &str = include_str!("../page/review.css");

/// The routes of the pages and of `document`; the page of reviewers only with `reviews`.
pub(in crate::http) fn router<S: Clone + Send + Sync + 'static>(document: Value, reviews: bool) -> Router<S> {
    let text = document.to_string();
    let file = |kind: &'static str, text: &'static str| get(async move || (content(kind), text));
    let router = Router::new()
        .route("/openapi.json", get(async move || (content("application/json"), text.clone())))
        .route("/", get(async || Redirect::temporary("/try")))
        .route("/try", file("text/html; charset=utf-8", HTML))
        .route("/try.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/try.css", file("text/css; charset=utf-8", STYLE));
    let router = if reviews {
        router
            .route("/review", file("text/html; charset=utf-8", REVIEW_HTML))
            .route("/review.js", file("text/javascript; charset=utf-8", REVIEW_SCRIPT))
            .route("/review.css", file("text/css; charset=utf-8", REVIEW_STYLE))
    } else {
        router
    };
    router.layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
}

fn content(kind: &'static str) -> [(HeaderName, &'static str); 1] {
    [(CONTENT_TYPE, kind)]
}

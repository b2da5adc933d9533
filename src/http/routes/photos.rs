//! `POST /v1/check` and `POST /v1/normalize`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, VARY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;

use super::verdict;
use crate::engine::Input;
use crate::http::accept::{Form, form};
use crate::http::admission::Refused;
use crate::http::extract::{Upload, upload};
use crate::http::metrics::{Action, Verdict};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::http::telemetry::{Stage, Stages};
use crate::http::{Refusal, openapi, params};
use crate::normalize::Options;
use crate::profile::Profile;
use crate::report::Report;

/// A normalized photo as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NormalizedAnswer {
    /// The report of exactly the bytes of `jpeg`. It may still say `reject`: look before use.
    pub report: Report,
    /// Whether the photo was compliant as it came, and `jpeg` is the input unchanged.
    pub already_compliant: bool,
    /// The file, Base64.
    #[schemars(extend("contentEncoding" = "base64", "contentMediaType" = "image/jpeg"))]
    pub jpeg: String,
}

/// An answer, made on the thread that did the work.
struct Answer {
    form: Form,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let kind = [(CONTENT_TYPE, self.form.mime()), (VARY, "accept")];
        (self.headers, kind, self.body).into_response()
    }
}

impl Answer {
    fn json(headers: HeaderMap, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|_| Problem::plain(Code::Internal))?;
        Ok(Self { form: Form::Json, headers, body })
    }
}

/// Judge a photo
///
/// Answers with the report of the photo, also when the photo breaks rules or cannot be read at all.
#[utoipa::path(
    post,
    path = "/v1/check",
    tag = openapi::PHOTOS,
    security((), ("key" = [])),
    params(
        ("profile" = Option<String>, Query, description = "Id of a profile; without one, the default of the service", example = "zikao-graduation"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
        ("captured-before" = Option<String>, Query, description = "Day (YYYY-MM-DD) the photo's age is judged against, such as that of graduation; without it its age is not checked", format = Date),
    ),
    request_body(description = "The photo: the file itself, or a form with the field `photo`", content(
        ("image/jpeg"), ("image/png"), ("application/octet-stream"),
        (ref("#/components/schemas/CheckForm") = "multipart/form-data"),
    )),
    responses((
        status = 200, description = "The report", body = ref("#/components/schemas/Report"), content_type = "application/json",
    )),
)]
pub async fn check(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    form(request.headers(), &[Form::Json])?;
    let upload = upload(&state, request, params::CHECK).await?;
    let lang = upload.params.lang;
    judged(state, upload).await.map_err(|problem| problem.spoken(lang))
}

async fn judged(state: AppState, upload: Upload) -> Result<Response, Problem> {
    let profile = state.profile(upload.params.profile.as_deref())?;
    let task = Task::of("check", &state, &upload);
    let answer = work(&state, task, move |state| {
        let report = state.judge.check(input(&upload), &profile);
        count(state, "check", &profile, &report);
        Answer::json(verdict::headers(&report), &report)
    });
    Ok(answer.await?.into_response())
}

/// Make a compliant photo
///
/// Answers with the photo and its report as JSON, or with the JPEG alone and the verdict in headers when Accept asks
/// for `image/jpeg`. The photo that comes back may still break rules that software cannot mend: look at the verdict.
#[utoipa::path(
    post,
    path = "/v1/normalize",
    tag = openapi::PHOTOS,
    security((), ("key" = [])),
    params(
        ("profile" = Option<String>, Query, description = "Id of a profile; without one, the default of the service", example = "zikao-graduation"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
        ("captured-before" = Option<String>, Query, description = "Day (YYYY-MM-DD) the photo's age is judged against", format = Date),
        ("background" = Option<String>, Query, description = "`keep` (the default), `auto` (replaced when it fails), or a colour of the profile; `blue` is light-blue", pattern = "^[a-z]+(-[a-z]+)*$", max_length = 32),
        ("rotate" = Option<bool>, Query, description = "Whether the photo may be turned to level the eyes"),
    ),
    request_body(description = "The photo: the file itself, or a form with the field `photo`", content(
        ("image/jpeg"), ("image/png"), ("application/octet-stream"),
        (ref("#/components/schemas/NormalizeForm") = "multipart/form-data"),
    )),
    responses((
        status = 200, description = "The photo, with its report or with the verdict in headers",
        content((ref("#/components/schemas/NormalizedAnswer") = "application/json"), ("image/jpeg")),
    )),
)]
pub async fn normalize(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let form = form(request.headers(), &[Form::Json, Form::Jpeg])?;
    let upload = upload(&state, request, params::NORMALIZE).await?;
    let lang = upload.params.lang;
    mended(state, upload, form).await.map_err(|problem| problem.spoken(lang))
}

async fn mended(state: AppState, upload: Upload, form: Form) -> Result<Response, Problem> {
    let profile = state.profile(upload.params.profile.as_deref())?;
    let background = upload.params.background()?;
    let options = Options { background, rotate: upload.params.rotate.unwrap_or_default() };
    let task = Task::of("normalize", &state, &upload);
    let answer = work(&state, task, move |state| {
        let made = state.judge.normalize(input(&upload), &profile, &options);
        let made = made.map_err(|Refusal { code, text }| Problem::new(Code::CannotNormalize, text).reason(code))?;
        count(state, "normalize", &profile, &made.report);
        let mut headers = verdict::headers(&made.report);
        let unchanged = HeaderValue::from_static(if made.already_compliant { "true" } else { "false" });
        headers.insert(HeaderName::from_static(verdict::ALREADY_COMPLIANT), unchanged);
        match form {
            Form::Jpeg => Ok(Answer { form, headers, body: made.jpeg }),
            _ => {
                let (report, already_compliant) = (made.report, made.already_compliant);
                let jpeg = STANDARD.encode(&made.jpeg);
                Answer::json(headers, &NormalizedAnswer { report, already_compliant, jpeg })
            }
        }
    });
    Ok(answer.await?.into_response())
}

pub(super) fn input(upload: &Upload) -> Input<'_> {
    Input { bytes: &upload.photo.bytes, name: upload.name.as_deref(), captured_before: upload.params.captured_before }
}

/// Counts a verdict.
pub(in crate::http) fn count(state: &AppState, action: &'static str, profile: &Arc<Profile>, report: &Report) {
    let labels = Verdict { action, profile: profile.id.clone(), verdict: verdict::name(report.verdict) };
    state.metrics.verdicts.get_or_create(&labels).inc();
}

/// What is known of work before it is done.
pub(super) struct Task {
    action: &'static str,
    /// Bytes of memory it takes.
    weight: u64,
    stages: Stages,
}

impl Task {
    pub(super) fn of(action: &'static str, state: &AppState, upload: &Upload) -> Self {
        let weight = state.judge.memory(&upload.photo.bytes, action == "normalize");
        Self { action, weight, stages: upload.stages.clone() }
    }
}

/// Does `work` on the pool, within the deadline.
pub(super) async fn work<T: Send + 'static>(
    state: &AppState,
    Task { action, weight, stages }: Task,
    work: impl FnOnce(&AppState) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    stages.reach(Stage::Asked);
    let own = state.clone();
    let timed = move || {
        stages.reach(Stage::Begun);
        let start = Instant::now();
        let answer = work(&own);
        own.metrics.work_seconds.get_or_create(&Action { action }).observe(start.elapsed().as_secs_f64());
        stages.reach(Stage::Done);
        answer
    };
    match state.pool.run(state.config().work.deadline(), weight, timed).await {
        Ok(answer) => answer,
        Err(Refused::Full) => Err(Problem::plain(Code::QueueFull)),
        Err(Refused::ShuttingDown) => Err(Problem::plain(Code::ShuttingDown)),
        Err(Refused::Deadline) => Err(Problem::plain(Code::Deadline)),
        Err(Refused::Panicked) => {
            state.metrics.panics.inc();
            Err(Problem::plain(Code::Internal))
        }
    }
}

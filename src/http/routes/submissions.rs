//! `/v1/submissions`: photos that are judged and kept, and what becomes of them.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::file::alone;
use super::photos::{Task, count, input, work};
use super::verdict;
use crate::http::accept::{Form, form};
use crate::http::extract::{Upload, upload};
use crate::http::keys::{Identity, Role};
use crate::http::metrics::Kept;
use crate::http::openapi;
use crate::http::params::{self, Params};
use crate::http::problem::{Code, Problem};
use crate::http::review::query::Query;
use crate::http::review::shapes::{SubmissionDetails, SubmissionList};
use crate::http::review::unknown_submission;
use crate::http::state::AppState;
use crate::profile::Profile;
use crate::report::{Report, harmless, overlay};
use crate::store::{self, Filter, Full, NAME_MAX, NewSubmission, Repeatable, Signed, Submission, SubmissionId};
use crate::units::Lang;

/// The header with which a request may be sent again (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest value of it, in bytes.
const KEY_MAX: usize = 255;

/// What a list takes.
const LIST: &[&str] = &["lang", "state", "profile", "reference", "order", "after", "limit"];
/// What a drawing takes.
const OVERLAY: &[&str] = &["lang", "photo"];

/// Judge a photo and keep it
///
/// Judges as `/v1/check` does. What breaks rules is kept too, with the state `rejected`; what a reviewer has to look at
/// gets the state `waiting`. A photo sent twice makes two submissions, unless both requests bear the same `Idempotency-Key`: then
/// the second is answered with what was kept of the first, as it stands now.
#[utoipa::path(
    post,
    path = "/v1/submissions",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A name of your choice for this submission, such as a UUID, with which it may be sent again", pattern = "^[!-~]{1,255}$"),
        ("profile" = Option<String>, Query, description = "Id of a profile; without one, the default of the service", example = "zikao-graduation"),
        ("reference" = Option<String>, Query, description = "What you call it, to find it again", max_length = 200),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
        ("captured-before" = Option<String>, Query, description = "Day (YYYY-MM-DD) the photo's age is judged against", format = Date),
    ),
    request_body(description = "The photo: the file itself, or a form with the field `photo`", content(
        ("image/jpeg"), ("image/png"), ("application/octet-stream"),
        (ref("#/components/schemas/SubmissionForm") = "multipart/form-data"),
    )),
    responses((
        status = 201, description = "It is kept", body = ref("#/components/schemas/SubmissionDetails"), content_type = "application/json",
    )),
)]
pub async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, Problem> {
    form(request.headers(), &[Form::Json])?;
    let key = idempotency_key(request.headers())?;
    let upload = upload(&state, request, params::SUBMIT).await?;
    let lang = upload.params.lang;
    kept(state, identity, upload, key).await.map_err(|problem| problem.spoken(lang))
}

/// The header with the client's name for a request, a string of structured fields or as it stands.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && all.next().is_none() {
        return Ok(Some(key.to_owned()));
    }
    let takes = format!("one of 1 to {KEY_MAX} visible ASCII characters");
    Err(params::wrong("Idempotency-Key", text, &takes))
}

/// All that was asked, so that a name is not taken for another request.
fn asked(upload: &Upload, profile: &Profile) -> Vec<u8> {
    let photo: [u8; 32] = Sha256::digest(&upload.photo.bytes).into();
    let Params { reference, captured_before, .. } = &upload.params;
    format!("{photo:?} {:?} {:?} {reference:?} {captured_before:?}", upload.name, profile.id).into_bytes()
}

async fn kept(
    state: AppState,
    identity: Identity,
    mut upload: Upload,
    key: Option<String>,
) -> Result<Response, Problem> {
    let review = state.review()?;
    let profile = state.profile(upload.params.profile.as_deref())?;
    // A name is only for people to read. One that acts or does not end is tamed, so that the report has what is kept.
    upload.name = upload.name.map(|name| harmless(&name).chars().take(NAME_MAX).collect());
    let named = key.map(|key| Repeatable::new(&key, &asked(&upload, &profile)));
    if let Some(named) = named.clone()
        && let Some(before) = again(&state, &identity, named).await?
    {
        return Ok(before);
    }
    let task = Task::of("submit", &state, &upload);
    let (upload, report) = work(&state, task, move |state| {
        let report = state.judge.check(input(&upload), &profile);
        count(state, "submit", &profile, &report);
        Ok((upload, report))
    })
    .await?;
    let place = review.state(report.verdict);
    let names = identity.role != Role::Portal;
    let (full, fresh) = review
        .call(move |store| {
            let new = NewSubmission {
                photo: &upload.photo.bytes,
                report: &report,
                reference: upload.params.reference.as_deref().filter(|reference| !reference.is_empty()),
                file_name: upload.name.as_deref(),
                state: place,
            };
            let signed = Signed { by: &identity.name, at: Timestamp::now() };
            let (kept, fresh) = store.submit_once(&new, named.as_ref(), signed)?;
            Ok((store.full(&kept.id)?, fresh))
        })
        .await?;
    if fresh {
        state.metrics.submissions.get_or_create(&Kept { state: full.submission.state.name() }).inc();
    }
    created(full, names)
}

/// The answer to a submission that was sent before under this name, if there is one.
async fn again(state: &AppState, identity: &Identity, named: Repeatable) -> Result<Option<Response>, Problem> {
    let by = identity.name.clone();
    let full = state.review()?.call(move |store| match store.sent_before(&named, &by)? {
        Some(before) => store.full(&before.id).map(Some),
        None => Ok(None),
    });
    full.await?.map(|full| created(full, identity.role != Role::Portal)).transpose()
}

/// The answer to a submission that is kept; with the names of reviewers when `names`.
fn created(full: Full, names: bool) -> Result<Response, Problem> {
    let damaged = |_| Problem::plain(Code::StorageFailed);
    let report: Report = serde_json::from_str(&full.report).map_err(damaged)?;
    let headers = verdict::headers(&report);
    let location = [(LOCATION, format!("/v1/submissions/{}", full.submission.id))];
    let details = SubmissionDetails::of(full, names).map_err(damaged)?;
    Ok((StatusCode::CREATED, headers, location, Json(details)).into_response())
}

/// List submissions
///
/// Without reports. A page begins after `after`, the `next` of the page before: what comes or is deleted between two pages
/// makes no gap and no repeat.
#[utoipa::path(
    get,
    path = "/v1/submissions",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("state" = Option<String>, Query, description = "Only those in this state", pattern = "^(accepted|rejected|waiting|decided)$"),
        ("profile" = Option<String>, Query, description = "Only those judged by this profile"),
        ("reference" = Option<String>, Query, description = "Only those with exactly this reference"),
        ("order" = Option<String>, Query, description = "oldest (the default) or newest: which comes first", pattern = "^(oldest|newest)$"),
        ("after" = Option<String>, Query, description = "The `next` of the page before", pattern = "^[0-9]{1,18}$"),
        ("limit" = Option<u32>, Query, description = "Rows of a page; 50 without one", minimum = 1, maximum = 200),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "A page of submissions", body = ref("#/components/schemas/SubmissionList"), content_type = "application/json")),
)]
pub async fn list(State(state): State<AppState>, RawQuery(query): RawQuery) -> Result<Json<SubmissionList>, Problem> {
    let query = Query::of(query.as_deref(), LIST)?;
    let newest = |word: &str| ["oldest", "newest"].iter().position(|known| *known == word).map(|index| index == 1);
    let filter = Filter {
        state: query.word("state", store::State::of, "accepted, rejected, waiting, decided")?,
        profile: query.text("profile").map(str::to_owned),
        reference: query.text("reference").map(str::to_owned),
        newest_first: query.word("order", newest, "oldest, newest")?.unwrap_or_default(),
    };
    let (after, limit) = (query.after()?, query.limit()?);
    let page = state.review()?.call(move |store| store.list(&filter, after, limit)).await?;
    Ok(Json(page.into()))
}

/// One submission with its report and decisions
///
/// A portal sees what its own key sent, and no reviewers' names.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a submission"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The submission", body = ref("#/components/schemas/SubmissionDetails"), content_type = "application/json")),
)]
pub async fn submission(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<SubmissionDetails>, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let full = full(&state, &identity, id).await?;
    let names = identity.role != Role::Portal;
    Ok(Json(SubmissionDetails::of(full, names).map_err(|_| Problem::plain(Code::StorageFailed))?))
}

/// The photo as it was sent
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}/photo",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a submission"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The file, unchanged; its type is that of its content", content(("image/jpeg"), ("image/png"), ("application/octet-stream")))),
)]
pub async fn photo(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let full = full(&state, &identity, id).await?;
    let share = state.budget.share(full.submission.bytes)?;
    let mime = mime(&full.submission.format);
    let bytes = state.review()?.call(move |store| store.photo(&full.submission)).await?;
    Ok((alone(mime), share.hold(bytes)).into_response())
}

/// What was measured, drawn on the photo
///
/// An SVG with the bands of the standard, the measured lines, what does not pass and why, in Chinese and English; with
/// `photo=false` the marks alone, with titles in `lang`, to be laid over the photo.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}/overlay",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a submission"),
        ("photo" = Option<bool>, Query, description = "Whether the photo and a legend are in it; they are without this"),
        ("lang" = Option<String>, Query, description = "Language of problems and of titles in the marks alone: zh (default) or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The drawing", content_type = "image/svg+xml", body = String)),
)]
pub async fn drawing(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), OVERLAY)?;
    let with_photo = query.word("photo", |word| word.parse().ok(), "true, false")?.unwrap_or(true);
    let full = full(&state, &identity, id).await?;
    let report: Report = serde_json::from_str(&full.report).map_err(|_| Problem::plain(Code::StorageFailed))?;
    if !with_photo {
        let lang = query.word("lang", params::lang, "zh, en")?.unwrap_or(Lang::Zh);
        return Ok((alone(SVG), overlay::layer(&report, lang)).into_response());
    }
    // The file, and the file in Base64 within the drawing.
    let share = state.budget.share(full.submission.bytes.saturating_mul(3))?;
    let drawn = state.review()?.call(move |store| {
        let bytes = store.photo(&full.submission)?;
        let photo = overlay::PhotoForOverlay { bytes: &bytes };
        Ok(overlay::svg(&report, &photo, &overlay::Options::default()))
    });
    Ok((alone(SVG), share.hold(drawn.await?.into_bytes())).into_response())
}

/// Delete a submission
///
/// With its report, its decisions, and its photo unless another submission has the same. The audit stays.
#[utoipa::path(
    delete,
    path = "/v1/submissions/{id}",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a submission"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let id = parse(id)?;
    let signed = move |store: &store::Store| store.delete(&id, Signed { by: &identity.name, at: Timestamp::now() });
    state.review()?.call(signed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The id in a path.
pub(super) fn parse(id: Result<Path<String>, PathRejection>) -> Result<SubmissionId, Problem> {
    // A path that is not UTF-8 names no submission either.
    id.ok().and_then(|Path(id)| SubmissionId::parse(&id)).ok_or_else(unknown_submission)
}

/// The submission named by a path, when this key may see it. One that it may not see is as if it were not there.
async fn full(state: &AppState, identity: &Identity, id: Result<Path<String>, PathRejection>) -> Result<Full, Problem> {
    let id = parse(id)?;
    let full = state.review()?.call(move |store| store.full(&id)).await?;
    if may_see(identity, &full.submission) { Ok(full) } else { Err(unknown_submission()) }
}

fn may_see(identity: &Identity, submission: &Submission) -> bool {
    identity.role != Role::Portal || identity.name == submission.submitted_by
}

/// The type of a drawing.
const SVG: &str = "image/svg+xml";

/// The type of a photo by its format, from a fixed list: none that a browser would run.
fn mime(format: &str) -> &'static str {
    match format {
        "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "bmp" => "image/bmp",
        "tiff" => "image/tiff",
        "heic" => "image/heic",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

//! `/v1/batches`: many photos in one request.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, LOCATION, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::file::saved_as;
use crate::http::accept::{self, Form, form};
use crate::http::batches::batch::Batch;
use crate::http::batches::receive::{Kind, receive};
use crate::http::batches::run::{Run, Task};
use crate::http::batches::shapes::{BatchList, BatchStatus};
use crate::http::batches::{events, results};
use crate::http::keys::Identity;
use crate::http::openapi;
use crate::http::params::{self, Params, lang};
use crate::http::problem::{Code, Problem};
use crate::http::review::query::Query;
use crate::http::state::AppState;
use crate::normalize::Options;
use crate::store::RandomId;

/// What the address of results takes.
const RESULTS: &[&str] = &["lang", "format"];
/// The forms of results, the first without a wish.
const FORMS: [Form; 3] = [Form::JsonLines, Form::Csv, Form::Xlsx];

/// Send many photos
///
/// As a ZIP, or as a form with a field `photo` for each. Answers when all of it has arrived; the photos are judged after that,
/// one after the other, whenever no other request waits. Every file gets a row, whatever it is.
#[utoipa::path(
    post,
    path = "/v1/batches",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("profile" = Option<String>, Query, description = "Id of a profile; without one, the default of the service", example = "zikao-graduation"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
        ("captured-before" = Option<String>, Query, description = "Day (YYYY-MM-DD) the photos' age is judged against", format = Date),
        ("normalize" = Option<bool>, Query, description = "Whether compliant photos are made, and not only reports"),
        ("background" = Option<String>, Query, description = "With normalize: `keep` (the default), `auto`, or a colour of the profile", pattern = "^[a-z]+(-[a-z]+)*$", max_length = 32),
        ("rotate" = Option<bool>, Query, description = "With normalize: whether a photo may be turned to level the eyes"),
    ),
    request_body(description = "The photos: a ZIP, or a form with many fields `photo`", content(
        ("application/zip"), (ref("#/components/schemas/BatchForm") = "multipart/form-data"),
    )),
    responses((
        status = 202, description = "It has arrived", body = ref("#/components/schemas/BatchStatus"), content_type = "application/json",
        headers(("Location" = String, description = "Where it is")),
    )),
)]
pub async fn create_batch(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, Problem> {
    form(request.headers(), &[Form::Json])?;
    if state.is_draining() {
        return Err(Problem::plain(Code::ShuttingDown));
    }
    let query = Params::of_query(request.uri().query(), params::BATCH)?;
    // What is wrong in the query is told before gigabytes are sent.
    task(&state, &query)?;
    let kind = Kind::of(request.headers())?;
    let batches = state.batches()?;
    let reserved = batches.reserve().await?;
    let (found, params) = receive(&state, batches, &reserved.folder, (kind, query), request).await?;
    let task = task(&state, &params).map_err(|problem| problem.spoken(params.lang))?;
    let batch = batches.arrived(reserved, identity, &task, &found);
    let status = BatchStatus::of(&batch);
    let location = [(LOCATION, format!("/v1/batches/{}", batch.id))];
    Run { state, batch, task, found }.start().await;
    Ok((StatusCode::ACCEPTED, location, Json(status)).into_response())
}

/// What is asked to be done with each photo.
fn task(state: &AppState, params: &Params) -> Result<Task, Problem> {
    let profile = state.profile(params.profile.as_deref())?;
    let background = params.background()?;
    let options = Options { background, rotate: params.rotate.unwrap_or_default() };
    let normalize = params.normalize.unwrap_or_default().then_some(options);
    Ok(Task { profile, captured_before: params.captured_before, normalize })
}

/// List batches
///
/// Those that the key has sent; to an admin all. They are forgotten some time after their end.
#[utoipa::path(
    get,
    path = "/v1/batches",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$")),
    responses((status = 200, description = "The batches, oldest first", body = ref("#/components/schemas/BatchList"), content_type = "application/json")),
)]
pub async fn batches(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    RawQuery(query): RawQuery,
) -> Result<Json<BatchList>, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let batches = state.batches()?.seen_by(&identity);
    Ok(Json(BatchList { batches: batches.iter().map(|batch| BatchStatus::of(batch)).collect() }))
}

/// How far a batch is
#[utoipa::path(
    get,
    path = "/v1/batches/{id}",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a batch"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The batch", body = ref("#/components/schemas/BatchStatus"), content_type = "application/json")),
)]
pub async fn batch(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<BatchStatus>, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    Ok(Json(BatchStatus::of(&*find(&state, &identity, id)?)))
}

/// Follow a batch
///
/// Server-sent events: `progress` with the counts, at first where the batch stands and then a few times a second at most, and
/// `end` with the last counts. Whoever connects again begins with where it stands then.
#[utoipa::path(
    get,
    path = "/v1/batches/{id}/events",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a batch"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "Events until the end of the batch; the data of each is a BatchProgress", content_type = "text/event-stream", body = String)),
)]
pub async fn batch_events(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let batch = find(&state, &identity, id)?;
    // A proxy that collects an answer before it sends it would send progress when there is none any more.
    let at_once = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let head = [(CACHE_CONTROL, HeaderValue::from_static("no-store")), at_once];
    let events = Sse::new(events::of(&batch, state.draining())).keep_alive(KeepAlive::default());
    Ok((head, events).into_response())
}

/// The rows of a batch
///
/// One for each file, in the order of the ZIP or form: as JSON lines, as CSV or as a workbook, by `format` or by Accept. Only when
/// the batch is done.
#[utoipa::path(
    get,
    path = "/v1/batches/{id}/results",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a batch"),
        ("format" = Option<String>, Query, description = "Form of the rows: jsonl, csv or xlsx; else by Accept, else jsonl", pattern = "^(jsonl|csv|xlsx)$"),
        ("lang" = Option<String>, Query, description = "Language of tables and problems: zh or en; else by Accept-Language", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The rows; each line of the JSON lines is a Row", content(
        (String = "application/x-ndjson"), (String = "text/csv"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
pub async fn batch_results(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), RESULTS)?;
    let named = |word: &str| ["jsonl", "csv", "xlsx"].iter().position(|known| *known == word);
    let form = match query.word("format", named, "jsonl, csv, xlsx")? {
        Some(at) => FORMS[at],
        None => form(&headers, &FORMS)?,
    };
    let lang = query.word("lang", lang, "zh, en")?.unwrap_or_else(|| accept::language(&headers));
    let batch = find(&state, &identity, id)?;
    let file = results::table(state.batches()?, &batch, form, lang).await?;
    let name = match form {
        Form::Csv => "results.csv",
        Form::Xlsx => "results.xlsx",
        _ => "results.jsonl",
    };
    Ok(([(VARY, "accept, accept-language")], saved_as(name, form.mime(), file)).into_response())
}

/// The normalized photos of a batch
///
/// A ZIP with every photo that could be made and breaks no rules, under the name that its row has as `output`. Only of a batch sent
/// with `normalize=true`, and only when it is done.
#[utoipa::path(
    get,
    path = "/v1/batches/{id}/photos.zip",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a batch"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The photos", content(("application/zip")))),
)]
pub async fn batch_photos(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    let batch = find(&state, &identity, id)?;
    Ok(saved_as("photos.zip", "application/zip", results::photos(&batch).await?))
}

/// Cancel and delete a batch
///
/// What photos that are being judged come to is thrown away. All there is of the batch is deleted when the answer comes.
#[utoipa::path(
    delete,
    path = "/v1/batches/{id}",
    tag = openapi::BATCHES,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a batch"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete_batch(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    Query::of(query.as_deref(), params::READ)?;
    state.batches()?.delete(parse(id).as_ref(), &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The id in a path. One that is not UTF-8 names no batch either.
fn parse(id: Result<Path<String>, PathRejection>) -> Option<RandomId> {
    id.ok().and_then(|Path(id)| RandomId::parse(&id))
}

fn find(state: &AppState, identity: &Identity, id: Result<Path<String>, PathRejection>) -> Result<Arc<Batch>, Problem> {
    state.batches()?.find(parse(id).as_ref(), identity)
}

//! Reviewers' decisions: made, exported, and the audit trail of everything that happened.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;

use super::submissions::parse;
use crate::http::body;
use crate::http::config::HttpLimits;
use crate::http::keys::Identity;
use crate::http::metrics::Decided as Counted;
use crate::http::openapi;
use crate::http::params::{READ, shown};
use crate::http::problem::{Code, Problem};
use crate::http::review::query::Query;
use crate::http::review::shapes::{AuditList, DecisionBody, DecisionEntry};
use crate::http::state::AppState;
use crate::store::{Decided, NewDecision, Signed, SubmissionId};
use crate::units::Text;

/// Largest body of a decision, in bytes: a note and every reason there is, as escaped as JSON can be.
const BODY: usize = 64 << 10;
/// What the export takes.
const EXPORT: &[&str] = &["lang", "file"];
/// What the audit takes.
const AUDIT: &[&str] = &["lang", "submission", "after", "limit"];

/// Decide on a submission
///
/// `after` is the number of decisions the reviewer saw (`decision_count`): when another one came since, the answer is 409
/// and nothing is kept. A later decision supersedes the one before; all stay. A rejection names a reason or has a note.
/// Also what the machine accepted or rejected can be decided on.
#[utoipa::path(
    post,
    path = "/v1/submissions/{id}/decisions",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a submission"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    request_body(description = "The decision", content((ref("#/components/schemas/DecisionForm") = "application/json"))),
    responses((status = 201, description = "It is kept", body = ref("#/components/schemas/DecisionEntry"), content_type = "application/json")),
)]
pub async fn decide(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::of(query.as_deref(), READ)?;
    let id = parse(id)?;
    let body = asked(&state, request).await?;
    let decision = state.review()?.call(move |store| {
        let DecisionBody { outcome, reasons, note, after } = &body;
        let new = NewDecision { outcome: *outcome, reasons, note, after: *after };
        store.decide(&id, &new, Signed { by: &identity.name, at: Timestamp::now() })
    });
    let decision = decision.await?;
    state.metrics.decisions.get_or_create(&Counted { outcome: decision.outcome.name() }).inc();
    Ok((StatusCode::CREATED, Json(DecisionEntry::of(decision, true))).into_response())
}

/// The decision in a request's body. JSON only, which no page of a stranger's can send without being asked first.
async fn asked(state: &AppState, request: Request) -> Result<DecisionBody, Problem> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let text = Text::new("请用 application/json 发送决定", "send the decision as application/json");
        return Err(Problem::new(Code::UnsupportedType, text));
    }
    let limits = state.config().limits.clone();
    let body_bytes = std::num::NonZeroUsize::new(BODY).map_or(limits.body_bytes, |own| own.min(limits.body_bytes));
    let held = body::read(body, &parts.headers, &HttpLimits { body_bytes, ..limits }, &state.budget).await?;
    serde_json::from_slice(&held.bytes).map_err(|error| {
        let error = shown(&error.to_string());
        let text = Text::new(
            format!("决定的格式错误：{error}"),
            format!("the decision is malformed ({error}); it takes outcome, reasons, note, after"),
        );
        Problem::new(Code::MalformedBody, text)
    })
}

/// Export the decisions
///
/// The decision in force of every submission that has one, in the order of arrival, as `gradphoto evaluate --labels` reads
/// it: the columns `file` and `decision`. `file` is the photo's path in the service's folder `photos`; with `file=name` it
/// is what the file was called, and submissions without such a name are left out.
#[utoipa::path(
    get,
    path = "/v1/decisions.csv",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("file" = Option<String>, Query, description = "What names the photo: `stored` (the default) or `name`", pattern = "^(stored|name)$"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The table, UTF-8", content_type = "text/csv", body = String)),
)]
pub async fn export(State(state): State<AppState>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref(), EXPORT)?;
    let by_name = |word: &str| ["stored", "name"].iter().position(|known| *known == word).map(|index| index == 1);
    let by_name = query.word("file", by_name, "stored, name")?.unwrap_or_default();
    let rows = state.review()?.call(|store| store.decided()).await?;
    let head =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"decisions.csv\"")];
    let table = table(&rows, by_name).map_err(|_| Problem::plain(Code::Internal))?;
    Ok((head, table).into_response())
}

/// The table, as the reader of `evaluate` takes it. Names stand as they are: an apostrophe before one that a spreadsheet
/// takes for a formula would name another file.
fn table(rows: &[Decided], by_name: bool) -> csv::Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    out.write_record(["file", "decision"])?;
    for Decided { photo, file_name, outcome } in rows {
        let Some(file) = (if by_name { file_name.as_ref() } else { Some(photo) }) else { continue };
        out.write_record([file, outcome.name()])?;
    }
    out.into_inner().map_err(|error| error.into_error().into())
}

/// Read the audit trail
///
/// Who did what when, the oldest first: ids, hashes and verdicts, and nothing of a person but the names of keys. It outlives
/// what is deleted, and the database refuses to change it.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = openapi::REVIEW,
    security((), ("key" = [])),
    params(
        ("submission" = Option<String>, Query, description = "Only lines about the submission with this id"),
        ("after" = Option<String>, Query, description = "The `next` of the page before", pattern = "^[0-9]{1,18}$"),
        ("limit" = Option<u32>, Query, description = "Lines of a page; 50 without one", minimum = 1, maximum = 200),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "A page of the trail", body = ref("#/components/schemas/AuditList"), content_type = "application/json")),
)]
pub async fn audit(State(state): State<AppState>, RawQuery(query): RawQuery) -> Result<Json<AuditList>, Problem> {
    let query = Query::of(query.as_deref(), AUDIT)?;
    let of = query.word("submission", SubmissionId::parse, "the id of a submission")?;
    let (after, limit) = (query.after()?, query.limit()?);
    let page = state.review()?.call(move |store| store.audit(of.as_ref(), after, limit)).await?;
    Ok(Json(page.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Outcome;

    #[test]
    fn a_table_holds_any_name() {
        let row = |name: Option<&str>, outcome| Decided {
            photo: "ab/cd.jpg".into(),
            file_name: name.map(str::to_owned),
            outcome,
        };
        let rows = [row(Some("a,\"b\".jpg"), Outcome::Accept), row(None, Outcome::Reject)];
        let text = |by_name| String::from_utf8(table(&rows, by_name).expect("writes")).expect("is text");
        assert_eq!(text(false), "file,decision\r\nab/cd.jpg,accept\r\nab/cd.jpg,reject\r\n");
        assert_eq!(text(true), "file,decision\r\n\"a,\"\"b\"\".jpg\",accept\r\n");
    }
}

//! What there is: profiles, checks, problems.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::check::{self, Check, Fix, When};
use crate::http::openapi;
use crate::http::params::{Params, READ};
use crate::http::problem::{Code, Problem, ProblemKind};
use crate::http::state::{AppState, not_found};
use crate::profile::{Canvas, Profile, closest};
use crate::units::{Text, Unit};

/// A profile in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProfileEntry {
    /// Its id, the value of the parameter `profile`.
    pub id: String,
    /// Changes whenever a value changes.
    pub version: String,
    /// Name for people.
    pub title: Text,
    /// The size of the photo, in pixels.
    pub canvas: Canvas,
    /// Whether requests that name no profile are judged by this one.
    pub default: bool,
    /// Colours of the background that pass; values of the parameter `background`.
    pub backgrounds: Vec<Background>,
}

/// A colour of the background.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Background {
    /// Stable name.
    pub name: String,
    /// Name in Chinese.
    pub zh: String,
    /// 8-bit sRGB.
    pub rgb: [u8; 3],
}

/// A check in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckEntry {
    /// Stable id.
    pub id: String,
    /// Short name.
    pub title: Text,
    /// Unit of its value.
    pub unit: Unit,
    /// What mends it.
    pub fix: Fix,
}

/// A check explained.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckDetails {
    /// Stable id.
    pub id: String,
    /// Short name.
    pub title: Text,
    /// Unit of its value.
    pub unit: Unit,
    /// What mends it.
    pub fix: Fix,
    /// The sentence of the standard behind it; empty when the check is ours.
    pub standard: String,
    /// How it is measured.
    pub method: String,
    /// What it cannot see.
    pub blind: String,
    /// Checks whose finding hides what this one measures.
    pub blocked_by: Vec<String>,
    /// All its messages.
    pub messages: Vec<Message>,
}

/// A message of a check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message {
    /// When it is said: `ok`, `low`, `high`, or the name of a case.
    pub when: String,
    /// What is said; words in braces stand for numbers.
    pub message: Text,
    /// What to do; absent when nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub hint: Option<Text>,
}

impl From<&Check> for CheckEntry {
    fn from(check: &Check) -> Self {
        Self { id: check.id.to_owned(), title: check.title(), unit: check.unit, fix: check.fix }
    }
}

impl From<&Check> for CheckDetails {
    fn from(check: &Check) -> Self {
        let messages = check.says.iter().map(|say| Message {
            when: match say.when {
                When::Ok => "ok",
                When::Low => "low",
                When::High => "high",
                When::Case(name) => name,
            }
            .to_owned(),
            message: Text::new(say.zh, say.en),
            hint: (!say.hint_en.is_empty()).then(|| Text::new(say.hint_zh, say.hint_en)),
        });
        Self {
            id: check.id.to_owned(),
            title: check.title(),
            unit: check.unit,
            fix: check.fix,
            standard: check.standard.to_owned(),
            method: check.method.to_owned(),
            blind: check.blind.to_owned(),
            blocked_by: check.blocked_by.iter().map(|id| (*id).to_owned()).collect(),
            messages: messages.collect(),
        }
    }
}

fn entry(profile: &Profile, default: &str) -> ProfileEntry {
    let colors = profile.rule("background.color").map(|rule| rule.colors.as_slice()).unwrap_or_default();
    ProfileEntry {
        id: profile.id.clone(),
        version: profile.version.clone(),
        title: profile.title.clone(),
        canvas: profile.canvas,
        default: profile.id == default,
        backgrounds: colors
            .iter()
            .map(|color| Background { name: color.name.clone(), zh: color.zh.clone(), rgb: color.rgb })
            .collect(),
    }
}

/// List the profiles
#[utoipa::path(
    get,
    path = "/v1/profiles",
    tag = openapi::CATALOG,
    security((), ("key" = [])),
    params(("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$")),
    responses((status = 200, description = "All profiles", body = ref("#/components/schemas/ProfileList"), content_type = "application/json")),
)]
pub async fn profiles(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<ProfileEntry>>, Problem> {
    Params::of_query(query.as_deref(), READ)?;
    Ok(Json(state.profiles().map(|profile| entry(profile, &state.config().profile)).collect()))
}

/// One profile with the source of every value
#[utoipa::path(
    get,
    path = "/v1/profiles/{id}",
    tag = openapi::CATALOG,
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a profile", example = "zikao-graduation"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The profile", body = ref("#/components/schemas/Profile"), content_type = "application/json")),
)]
pub async fn profile(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Profile>, Problem> {
    Params::of_query(query.as_deref(), READ)?;
    // A path that is not UTF-8 names no profile either.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    Ok(Json(Profile::clone(&*state.profile(Some(&id))?)))
}

/// List the checks
#[utoipa::path(
    get,
    path = "/v1/checks",
    tag = openapi::CATALOG,
    security((), ("key" = [])),
    params(("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$")),
    responses((status = 200, description = "All checks, in the order of reports", body = ref("#/components/schemas/CheckList"), content_type = "application/json")),
)]
pub async fn checks(RawQuery(query): RawQuery) -> Result<Json<Vec<CheckEntry>>, Problem> {
    Params::of_query(query.as_deref(), READ)?;
    Ok(Json(check::all().map(CheckEntry::from).collect()))
}

/// One check explained
#[utoipa::path(
    get,
    path = "/v1/checks/{id}",
    tag = openapi::CATALOG,
    operation_id = "check_details",
    security((), ("key" = [])),
    params(
        ("id" = String, Path, description = "Id of a check", example = "face.eye-line"),
        ("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$"),
    ),
    responses((status = 200, description = "The check", body = ref("#/components/schemas/CheckDetails"), content_type = "application/json")),
)]
pub async fn check(
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<CheckDetails>, Problem> {
    Params::of_query(query.as_deref(), READ)?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let found = check::find(&id).ok_or_else(|| {
        let near = closest(&id, check::all().map(|check| check.id));
        not_found(Code::UnknownCheck, &id, near, "/v1/checks")
    })?;
    Ok(Json(found.into()))
}

/// List the problems a request can meet
#[utoipa::path(
    get,
    path = "/v1/problems",
    tag = openapi::CATALOG,
    security((), ("key" = [])),
    params(("lang" = Option<String>, Query, description = "Language of problems: zh or en", pattern = "^(zh|en)$")),
    responses((status = 200, description = "The table of problems", body = ref("#/components/schemas/ProblemList"), content_type = "application/json")),
)]
pub async fn problems(RawQuery(query): RawQuery) -> Result<Json<Vec<ProblemKind>>, Problem> {
    Params::of_query(query.as_deref(), READ)?;
    Ok(Json(Code::ALL.iter().copied().map(ProblemKind::from).collect()))
}

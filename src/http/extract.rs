//! A photo out of a request: the raw body, or the field `photo` of a form.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::body::{self, Held};
use super::params::{Params, unknown};
use super::problem::{Code, Problem};
use super::state::AppState;
use super::telemetry::Stages;
use crate::units::Text;

/// The field of a form that holds the photo.
pub(super) const FIELD: &str = "photo";
/// Longest text field, in bytes: a reference of 200 characters.
pub(super) const TEXT_MAX: usize = 800;
/// Longest file name that is kept, in characters.
const NAME_MAX: usize = 255;

/// A photo that arrived.
#[derive(Debug)]
pub struct Upload {
    /// Its bytes.
    pub photo: Held,
    /// Its name, when the form gives one.
    pub name: Option<String>,
    /// The parameters of the request.
    pub params: Params,
    /// Where the stages of the work on it are noted.
    pub stages: Stages,
}

/// Reads the photo of a request that takes the parameters `known`.
///
/// # Errors
/// When a parameter is wrong, the body is of a type that is not taken, too large, too slow, or without a photo.
pub async fn upload(state: &AppState, request: Request, known: &[&str]) -> Result<Upload, Problem> {
    if state.is_draining() {
        return Err(Problem::plain(Code::ShuttingDown));
    }
    let params = Params::of_query(request.uri().query(), known)?;
    let kind = Kind::of(request.headers())?;
    let (parts, body) = request.into_parts();
    let stages = parts.extensions.get::<Stages>().cloned().unwrap_or_default();
    let held = body::read(body, &parts.headers, &state.config().limits, &state.budget).await?;
    let (photo, name, params) = match kind {
        Kind::Raw => (held, None, params),
        Kind::Form => {
            let mut request = Request::from_parts(parts, Body::from(held.bytes.clone()));
            // What is in memory already is within our own limit; the framework's would refuse forms above 2 MB.
            DefaultBodyLimit::disable().apply(&mut request);
            form(request, held, params, known).await?
        }
    };
    let upload = Upload { photo, name, params, stages };
    if upload.photo.bytes.is_empty() { Err(missing().spoken(upload.params.lang)) } else { Ok(upload) }
}

/// How the photo is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Raw,
    Form,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(essence) = essence(headers)? else { return Ok(Kind::Raw) };
        match essence.as_str() {
            "multipart/form-data" => Ok(Kind::Form),
            // What it really is, its bytes tell; the report says so.
            "application/octet-stream" => Ok(Kind::Raw),
            image if image.starts_with("image/") => Ok(Kind::Raw),
            other => {
                let other = super::params::shown(other);
                let text = Text::new(
                    format!("不支持 {other}；请用 image/*、application/octet-stream 或 multipart/form-data 发送照片"),
                    format!("`{other}` is not taken; send image/*, application/octet-stream or multipart/form-data"),
                );
                Err(Problem::new(Code::UnsupportedType, text))
            }
        }
    }
}

/// The type of a body in small letters and without parameters; none when the head says nothing of it.
///
/// # Errors
/// When the body is compressed or otherwise coded.
pub(super) fn essence(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_ascii_lowercase);
    if let Some(coding) = value(&CONTENT_ENCODING).filter(|coding| coding != "identity") {
        let coding = super::params::shown(&coding);
        let text = Text::new(
            format!("不支持 Content-Encoding: {coding}，请直接发送照片文件"),
            format!("Content-Encoding `{coding}` is not taken; send the file as it is"),
        );
        return Err(Problem::new(Code::UnsupportedType, text));
    }
    let kind = value(&CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_owned();
    Ok(headers.contains_key(CONTENT_TYPE).then_some(essence))
}

/// The problem of a form that cannot be read.
pub(super) fn broken_form() -> Problem {
    let text = Text::new("表单格式错误或不完整", "the form is malformed or incomplete");
    Problem::new(Code::MalformedBody, text)
}

/// Reads a form that is in memory already.
async fn form(
    request: Request,
    held: Held,
    query: Params,
    known: &[&str],
) -> Result<(Held, Option<String>, Params), Problem> {
    let broken = broken_form;
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let (mut found, mut params) = (None, Params::default());
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == FIELD {
            let file = field.file_name().filter(|name| !name.is_empty()).map(base_name);
            let bytes = field.bytes().await.map_err(|_| broken())?;
            if found.replace((file, bytes)).is_some() {
                let text = Text::new("一次只能发送一张照片", "one request takes one photo");
                return Err(Problem::new(Code::BadParameter, text));
            }
        } else if known.contains(&name.as_str()) {
            let value = field.text().await.map_err(|_| broken())?;
            if value.len() > TEXT_MAX {
                return Err(broken());
            }
            params.set(&name, &value, known).map_err(|problem| problem.spoken(params.lang))?;
        } else {
            let fields: Vec<&str> = std::iter::once(FIELD).chain(known.iter().copied()).collect();
            return Err(unknown("表单字段", "form field", &name, &fields).spoken(params.lang));
        }
    }
    let (name, bytes) = found.ok_or_else(|| missing().spoken(params.lang))?;
    Ok((held.part(bytes), name, params.over(query)))
}

/// The last part of a path, of either system; browsers of old send whole paths.
fn base_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(NAME_MAX).collect()
}

fn missing() -> Problem {
    let text = Text::new(
        "请把照片作为请求体发送，或放在表单字段 photo 中",
        "send the photo as the body, or in the form field `photo`",
    );
    Problem::new(Code::MissingPhoto, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_tells_how_the_photo_is_sent() {
        let of = |value: &str| Kind::of(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().expect("a value"))])).ok();
        for (value, kind) in [
            ("image/jpeg", Some(Kind::Raw)),
            ("IMAGE/PNG; q=1", Some(Kind::Raw)),
            ("application/octet-stream", Some(Kind::Raw)),
            ("multipart/form-data; boundary=x", Some(Kind::Form)),
            ("application/x-www-form-urlencoded", None),
            ("", None),
        ] {
            assert_eq!(of(value), kind, "{value}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()).ok(), Some(Kind::Raw));
    }

    #[test]
    fn names_have_no_folders() {
        assert_eq!(base_name("C:\\photos\\张三.jpg"), "张三.jpg");
        assert_eq!(base_name("../../etc/passwd"), "passwd");
    }
}

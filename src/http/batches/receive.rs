//! A batch on its way to the disk: the body is a ZIP, or a form with many photos. Nothing of it is held in memory but a few
//! pieces, and when it does not come to its end nothing of it stays.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::folder::Folder;
use super::meter::{Meter, Metered};
use super::{Batches, blocking, storage};
use crate::batch::{self, Entry, Found, ReadError};
use crate::http::body::{announced, broken_off};
use crate::http::extract::{FIELD, TEXT_MAX, broken_form, essence};
use crate::http::params::{self, Params, shown, unknown};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::units::Text;

/// The folder, inside that of a batch, of what was sent. It goes when the batch is judged.
pub(super) const SENT: &str = "sent";
/// Name of a ZIP in it.
const ZIP: &str = "batch.zip";
/// Pieces that may wait for the disk.
const PIECES: usize = 8;
/// Longest name of a file in a form that is kept, in characters, with its folders.
const NAME_MAX: usize = 512;

/// How a batch is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As one ZIP.
    Zip,
    /// As a form with many photos.
    Form,
}

impl Kind {
    /// How the body of a request with this head is sent.
    ///
    /// # Errors
    /// When it is of a type that is not taken.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        match essence(headers)?.as_deref() {
            Some("multipart/form-data") => Ok(Kind::Form),
            Some("application/zip" | "application/x-zip-compressed" | "application/octet-stream") => Ok(Kind::Zip),
            other => {
                let other = shown(other.unwrap_or_default());
                let text = Text::new(
                    format!("不支持“{other}”；请用 application/zip 或 multipart/form-data 发送照片"),
                    format!("`{other}` is not taken; send application/zip or multipart/form-data"),
                );
                Err(Problem::new(Code::UnsupportedType, text))
            }
        }
    }
}

/// Writes the body of a request to `folder`, and finds the files in it.
///
/// # Errors
/// When the body is too long, too slow, breaks off, is no archive or form, or holds no files or too many; when the service
/// ends; when the disk fails.
pub async fn receive(
    state: &AppState,
    batches: &Batches,
    folder: &Arc<Folder>,
    (kind, query): (Kind, Params),
    request: Request,
) -> Result<(Found, Params), Problem> {
    let max = batches.config.max_bytes.get();
    if announced(request.headers()).is_some_and(|length| length > max) {
        return Err(too_long(max));
    }
    let within = Duration::from_secs(60 * u64::from(batches.config.receive_minutes.get()));
    let patience = Duration::from_secs(state.config().limits.body_seconds.get());
    let sent = folder.join(SENT);
    blocking(move || fs::create_dir(sent)).await?;
    let (request, meter) = metered(request, max);
    let upload = Upload { folder, meter: &meter, patience, most: batches.config.max_photos.get() };
    let arriving = async {
        match kind {
            Kind::Zip => Ok((upload.zip(request.into_body(), batches.config.max_expanded_bytes.get()).await?, query)),
            Kind::Form => upload.form(request, query).await,
        }
    };
    let arrived = tokio::select! {
        arrived = timeout(within, arriving) => arrived.unwrap_or_else(|_| Err(slow())),
        () = state.drained() => Err(Problem::plain(Code::ShuttingDown)),
    };
    // Whatever breaks because the body is cut off, that is why.
    let (found, params) = arrived.map_err(|problem| if meter.is_too_long() { too_long(max) } else { problem })?;
    upload.count(found.entries.len())?;
    if found.entries.is_empty() {
        let text = Text::new("没有收到照片文件", "there are no files in it");
        return Err(Problem::new(Code::MissingPhoto, text).spoken(params.lang));
    }
    Ok((found, params))
}

fn metered(request: Request, max: u64) -> (Request, Arc<Meter>) {
    let (parts, body) = request.into_parts();
    let (body, meter) = Metered::new(body, max);
    let mut request = Request::from_parts(parts, Body::new(body));
    // The meter has the limit; the framework's own is that of a form in memory.
    DefaultBodyLimit::disable().apply(&mut request);
    (request, meter)
}

/// A body that is being read.
struct Upload<'a> {
    folder: &'a Arc<Folder>,
    meter: &'a Meter,
    /// How long it may stand still.
    patience: Duration,
    /// Most files.
    most: usize,
}

impl Upload<'_> {
    /// A body that is a ZIP.
    async fn zip(&self, mut body: Body, max_expanded: u64) -> Result<Found, Problem> {
        let saver = Saver::begin(self.folder, ZIP.to_owned());
        while let Some(frame) = self.soon(body.frame()).await? {
            // Trailers say nothing that is used.
            let Ok(data) = frame.map_err(|_| broken_off())?.into_data() else { continue };
            self.meter.progress();
            if !saver.push(data).await {
                break;
            }
        }
        if saver.finish().await? == 0 {
            return Ok(Found::default());
        }
        let path = self.folder.join(SENT).join(ZIP);
        blocking(move || match batch::list(&path, max_expanded) {
            Err(ReadError::Io(error)) => Err(error),
            listed => Ok(listed),
        })
        .await?
        .map_err(|error| Problem::new(Code::BadArchive, error.text()))
    }

    /// A body that is a form. A parameter in it wins over the query's.
    async fn form(&self, request: Request, query: Params) -> Result<(Found, Params), Problem> {
        let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken_form())?;
        let (mut found, mut params) = (Found::default(), Params::default());
        while let Some(field) = self.soon(form.next_field()).await?.map_err(|_| broken_form())? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == FIELD {
                self.count(found.entries.len() + 1).map_err(|problem| problem.spoken(params.lang))?;
                let entry = self.photo(field, found.entries.len() + 1).await?;
                found.entries.push(entry);
            } else if params::BATCH.contains(&name.as_str()) {
                let value = self.text(field).await?;
                params.set(&name, &value, params::BATCH).map_err(|problem| problem.spoken(params.lang))?;
            } else {
                let fields: Vec<&str> = std::iter::once(FIELD).chain(params::BATCH.iter().copied()).collect();
                return Err(unknown("表单字段", "form field", &name, &fields).spoken(params.lang));
            }
        }
        Ok((found, params.over(query)))
    }

    /// A photo of a form, the `number`th.
    async fn photo(&self, mut field: Field<'_>, number: usize) -> Result<Entry, Problem> {
        let relative = relative(field.file_name(), number);
        self.meter.progress();
        // Of what a client calls a file no path is made.
        let saver = Saver::begin(self.folder, number.to_string());
        while let Some(data) = self.soon(field.chunk()).await?.map_err(|_| broken_form())? {
            self.meter.progress();
            if !saver.push(data).await {
                break;
            }
        }
        saver.finish().await?;
        let path = self.folder.join(SENT).join(number.to_string());
        let problem = batch::is_zip(&relative).then(|| batch::ArchiveError::Nested.text());
        Ok(Entry { relative, problem, ..Entry::file(path) })
    }

    /// The text of a parameter.
    async fn text(&self, mut field: Field<'_>) -> Result<String, Problem> {
        let mut text = Vec::new();
        while let Some(data) = self.soon(field.chunk()).await?.map_err(|_| broken_form())? {
            text.extend_from_slice(&data);
            if text.len() > TEXT_MAX {
                return Err(broken_form());
            }
        }
        String::from_utf8(text).map_err(|_| broken_form())
    }

    /// Waits for a piece of the body, within patience.
    async fn soon<T>(&self, piece: impl Future<Output = T>) -> Result<T, Problem> {
        timeout(self.patience, piece).await.map_err(|_| slow())
    }

    fn count(&self, files: usize) -> Result<(), Problem> {
        let most = self.most;
        let text = || {
            Text::new(
                format!("一个批次最多 {most} 个文件，请分批发送"),
                format!("a batch has at most {most} files; send several"),
            )
        };
        if files > most { Err(Problem::new(Code::TooLarge, text())) } else { Ok(()) }
    }
}

/// What a file in a form is called, with its folders where a browser sends them.
fn relative(name: Option<&str>, number: usize) -> PathBuf {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => batch::inside(&name.chars().take(NAME_MAX).collect::<String>()),
        None => PathBuf::from(format!("photo-{number}")),
    }
}

/// Writes one file on a thread that may block. The folder stays for as long as it writes.
struct Saver {
    pieces: mpsc::Sender<Bytes>,
    written: JoinHandle<std::io::Result<u64>>,
}

impl Saver {
    /// Begins a file of what is sent, under a name of ours.
    fn begin(folder: &Arc<Folder>, name: String) -> Self {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(PIECES);
        let folder = Arc::clone(folder);
        let written = tokio::task::spawn_blocking(move || {
            let mut file = File::create_new(folder.join(SENT).join(name))?;
            let mut length = 0;
            while let Some(piece) = waiting.blocking_recv() {
                file.write_all(&piece)?;
                length += piece.len() as u64;
            }
            Ok(length)
        });
        Self { pieces, written }
    }

    /// Hands on a piece; false when no more are taken because the disk failed.
    async fn push(&self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// The length of the file when all of it is written.
    async fn finish(self) -> Result<u64, Problem> {
        drop(self.pieces);
        match self.written.await {
            Ok(written) => written.map_err(|error| storage(&error)),
            Err(_) => Err(Problem::plain(Code::Internal)),
        }
    }
}

fn slow() -> Problem {
    Problem::plain(Code::SlowBody)
}

fn too_long(max: u64) -> Problem {
    let mib = max as f64 / f64::from(1 << 20);
    let text = Text::new(
        format!("请求体超过上限 {mib:.1} MB，请分批发送"),
        format!("the body is larger than {mib:.1} MB; send several batches"),
    );
    Problem::new(Code::TooLarge, text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn the_type_tells_how_a_batch_is_sent() {
        let of = |value: &str| Kind::of(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().expect("a value"))])).ok();
        for (value, kind) in [
            ("application/zip", Some(Kind::Zip)),
            ("Application/X-Zip-Compressed; x=1", Some(Kind::Zip)),
            ("application/octet-stream", Some(Kind::Zip)),
            ("multipart/form-data; boundary=x", Some(Kind::Form)),
            ("image/jpeg", None),
            ("", None),
        ] {
            assert_eq!(of(value), kind, "{value}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()).ok(), None);
    }

    #[test]
    fn names_keep_their_folders_and_lead_nowhere_else() {
        assert_eq!(relative(Some("一班\\张三.jpg"), 1), Path::new("一班/张三.jpg"));
        assert_eq!(relative(Some("../../etc/passwd"), 1), Path::new("etc/passwd"));
        assert_eq!(relative(None, 7), Path::new("photo-7"));
        assert_eq!(relative(Some(&"长".repeat(9999)), 1).as_os_str().len(), 3 * NAME_MAX);
    }
}

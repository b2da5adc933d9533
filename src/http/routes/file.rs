//! Answers that are files.

use std::fs::File;
use std::io::{self, Read};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

/// What a photo or a drawing that is opened by itself may do: nothing.
const ALONE: &str = "default-src 'none'; img-src data:; sandbox";
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// The head of an answer that is a file of a person's.
pub(super) fn alone(mime: &'static str) -> [(HeaderName, HeaderValue); 4] {
    let value = HeaderValue::from_static;
    [
        (CONTENT_TYPE, value(mime)),
        (CACHE_CONTROL, value("private, no-store")),
        (CONTENT_SECURITY_POLICY, value(ALONE)),
        (HeaderName::from_static("cross-origin-resource-policy"), value("same-origin")),
    ]
}

/// A file of the disk to be saved as `name`, which is ours. Memory holds a piece of it.
pub(super) fn saved_as(name: &'static str, mime: &'static str, file: File) -> Response {
    // What cannot be asked for its length is sent without.
    let length = file.metadata().ok().map(|metadata| [(CONTENT_LENGTH, metadata.len())]);
    let name = [(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    let mut response = (alone(mime), name, body(file)).into_response();
    for (header, length) in length.into_iter().flatten() {
        response.headers_mut().insert(header, length.into());
    }
    response
}

/// The bytes of a file, piece by piece. A thread is taken for each piece, and none while the client reads.
fn body(file: File) -> Body {
    Body::from_stream(stream::unfold(Some(file), |file| async {
        match tokio::task::spawn_blocking(move || file.map(piece)).await {
            Ok(Some(Ok((bytes, _)))) if bytes.is_empty() => None,
            Ok(Some(Ok((bytes, file)))) => Some((Ok(bytes), Some(file))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(io::Error::other("the reading thread ended")), None)),
        }
    }))
}

fn piece(mut file: File) -> io::Result<(Bytes, File)> {
    let mut bytes = vec![0; PIECE];
    let length = file.read(&mut bytes)?;
    bytes.truncate(length);
    Ok((bytes.into(), file))
}

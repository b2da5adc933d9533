//! Bodies of strangers: read within a size, a time, and what all of them together may take of memory.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::HttpLimits;
use super::problem::{Code, Problem};
use crate::units::Text;

/// Bytes a permit stands for.
const UNIT: usize = 1024;
/// What is reserved at once for a body that only says how long it is.
const TRUSTED: usize = 1 << 20;

/// What all bodies together may take of memory.
#[derive(Debug)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: NonZeroUsize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.get().div_ceil(UNIT).min(Semaphore::MAX_PERMITS))))
    }
}

/// A share of the budget, for bytes that are about to be read.
#[derive(Debug)]
pub struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    /// A share for `bytes` that are not there yet.
    ///
    /// # Errors
    /// When the budget is used up.
    pub fn share(&self, bytes: u64) -> Result<Share, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT as u64)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0).try_acquire_many_owned(units);
        permit.map(|permit| Share { _permit: permit }).map_err(|_| Problem::plain(Code::QueueFull))
    }
}

impl Share {
    /// The bytes, which give the share back when they are sent or dropped.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Shared { bytes, _share: self })
    }
}

struct Shared {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body in memory. Its share of the budget is given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    /// The bytes.
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// The same share of the budget for `bytes`, which are a part of these.
    pub fn part(self, bytes: Bytes) -> Self {
        Self { bytes, ..self }
    }
}

/// Reads a body.
///
/// # Errors
/// When it is too large, too slow, breaks off, or the budget is used up.
pub async fn read(body: Body, headers: &HeaderMap, limits: &HttpLimits, budget: &Budget) -> Result<Held, Problem> {
    let max = limits.body_bytes.get();
    let announced = announced(headers);
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    let within = Duration::from_secs(limits.body_seconds.get());
    let room = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or_default().min(TRUSTED);
    match tokio::time::timeout(within, collect(body, max, room, budget)).await {
        Ok(result) => result,
        Err(_) => {
            let seconds = within.as_secs();
            let text = Text::new(
                format!("请求体未在 {seconds} 秒内传完"),
                format!("the body did not arrive within {seconds} s"),
            );
            Err(Problem::new(Code::SlowBody, text))
        }
    }
}

/// The problem of a body that ended before its end.
pub(super) fn broken_off() -> Problem {
    Problem::new(Code::MalformedBody, Text::new("请求体在传输中断开", "the body broke off on its way"))
}

/// How long a body is by its head.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

async fn collect(mut body: Body, max: usize, room: usize, budget: &Budget) -> Result<Held, Problem> {
    let mut bytes = Vec::with_capacity(room);
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken_off())?;
        // Trailers say nothing that is used.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Err(too_large(max));
        }
        bytes.extend_from_slice(&data);
        let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.len().div_ceil(UNIT).saturating_sub(held)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&budget.0).try_acquire_many_owned(more).map_err(|_| Problem::plain(Code::QueueFull))?;
        match &mut share {
            Some(share) => share.merge(permit),
            None => share = Some(permit),
        }
    }
    // A growing buffer is up to twice as long as what is in it.
    bytes.shrink_to_fit();
    Ok(Held { bytes: bytes.into(), _share: share })
}

fn too_large(max: usize) -> Problem {
    let mib = max as f64 / f64::from(1 << 20);
    let text = Text::new(
        format!("请求体超过上限 {mib:.1} MB，请缩小照片后重新上传"),
        format!("the body is larger than {mib:.1} MB; send a smaller photo"),
    );
    Problem::new(Code::TooLarge, text)
}

/// A body from the network. When its request is answered before it was read to the end, the rest is read and thrown
/// away for a moment: closing with unread bytes resets the connection, and the client may then never see the answer.
#[derive(Debug)]
pub(super) struct Rest(Option<Incoming>);

/// What is read of an unwanted rest, and for how long.
const REST_BYTES: usize = 1 << 20;
const REST_TIME: Duration = Duration::from_secs(2);

impl Rest {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl HttpBody for Rest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let Some(mut body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(REST_TIME, async move {
            let mut read = 0;
            while let Some(Ok(frame)) = body.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > REST_BYTES {
                    break;
                }
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn limits(max: usize) -> HttpLimits {
        HttpLimits { body_bytes: NonZeroUsize::new(max).expect("not zero"), ..HttpLimits::default() }
    }

    fn budget(bytes: usize) -> Budget {
        Budget::new(NonZeroUsize::new(bytes).expect("not zero"))
    }

    #[tokio::test]
    async fn a_body_is_read_within_its_size() {
        let budget = budget(1 << 20);
        let held = read(Body::from("12345"), &HeaderMap::new(), &limits(5), &budget).await.expect("reads");
        assert_eq!(&held.bytes[..], b"12345");
        let refused = read(Body::from("123456"), &HeaderMap::new(), &limits(5), &budget).await.expect_err("too large");
        assert_eq!(refused.code(), Code::TooLarge);
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, "6".parse().expect("a value"))]);
        assert_eq!(
            read(Body::empty(), &headers, &limits(5), &budget).await.expect_err("too large").code(),
            Code::TooLarge
        );
    }

    #[tokio::test]
    async fn memory_of_all_bodies_is_bounded_and_comes_back() {
        let budget = budget(3 * UNIT);
        let body = || Body::from(vec![0; 2 * UNIT]);
        let headers = HeaderMap::new();
        let first = read(body(), &headers, &limits(1 << 20), &budget).await.expect("fits");
        let refused = read(body(), &headers, &limits(1 << 20), &budget).await.expect_err("does not fit");
        assert_eq!(refused.code(), Code::QueueFull);
        drop(first);
        assert!(read(body(), &headers, &limits(1 << 20), &budget).await.is_ok());
    }

    #[test]
    fn what_is_sent_has_its_share_too() {
        let budget = budget(2 * UNIT);
        let sent = budget.share(UNIT as u64 + 1).expect("fits").hold(vec![7; UNIT + 1]);
        assert_eq!(sent.len(), UNIT + 1);
        assert_eq!(budget.share(1).expect_err("used up").code(), Code::QueueFull);
        drop(sent);
        assert!(budget.share(1).is_ok());
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up() {
        let limits = HttpLimits { body_seconds: NonZeroU64::MIN, ..limits(10) };
        let (headers, budget) = (HeaderMap::new(), budget(1 << 20));
        let refused = read(Body::new(Never), &headers, &limits, &budget).await.expect_err("too slow");
        assert_eq!(refused.code(), Code::SlowBody);
    }

    struct Never;

    impl HttpBody for Never {
        type Data = Bytes;
        type Error = std::io::Error;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            Poll::Pending
        }
    }
}

//! A body of a stranger that is too long for memory: counted as it comes, in all and since the last of it was of use.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Bytes that may come without a byte of a file among them: the heads of a form's parts. The reader of forms keeps what it
/// does not understand yet in memory, and a form without an end of its heads would fill it.
const IDLE_BYTES: u64 = 256 << 10;

/// What is known of a body on its way.
#[derive(Debug, Default)]
pub(super) struct Meter {
    all: AtomicU64,
    idle: AtomicU64,
    too_long: AtomicBool,
}

impl Meter {
    /// Says that what came was of use.
    pub(super) fn progress(&self) {
        self.idle.store(0, Ordering::Relaxed);
    }

    /// Whether the body was cut off for its length.
    pub(super) fn is_too_long(&self) -> bool {
        self.too_long.load(Ordering::Relaxed)
    }
}

/// A body of at most `max` bytes, under a meter. It hands out one frame at a time, so that a reader who takes all there is
/// takes no more than that.
#[derive(Debug)]
pub(super) struct Metered {
    body: Body,
    meter: Arc<Meter>,
    max: u64,
    handed_out: bool,
}

impl Metered {
    pub(super) fn new(body: Body, max: u64) -> (Self, Arc<Meter>) {
        let meter = Arc::new(Meter::default());
        (Self { body, meter: Arc::clone(&meter), max, handed_out: false }, meter)
    }

    /// Counts what came.
    fn count(&self, length: u64) -> io::Result<()> {
        if self.meter.all.fetch_add(length, Ordering::Relaxed) + length > self.max {
            self.meter.too_long.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the body is too long"));
        }
        // Before this frame: one alone may be long and full of files.
        if self.meter.idle.fetch_add(length, Ordering::Relaxed) > IDLE_BYTES {
            return Err(io::Error::other("the heads in the body are too long"));
        }
        Ok(())
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if std::mem::take(&mut self.handed_out) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(frame) => frame.map_err(io::Error::other),
            None => return Poll::Ready(None),
        };
        self.handed_out = true;
        let counted = frame.and_then(|frame| {
            self.count(frame.data_ref().map_or(0, |data| data.len() as u64))?;
            Ok(frame)
        });
        Poll::Ready(Some(counted))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_is_cut_off_at_its_length_and_when_nothing_in_it_is_of_use() {
        let (mut body, meter) = Metered::new(Body::from(vec![0; 10]), 10);
        assert!(body.frame().await.expect("a frame").is_ok() && body.frame().await.is_none());
        assert!(!meter.is_too_long());
        let (mut body, meter) = Metered::new(Body::from(vec![0; 11]), 10);
        assert!(body.frame().await.expect("a frame").is_err() && meter.is_too_long());
        let (body, meter) = Metered::new(Body::from(vec![0; 1 << 20]), u64::MAX);
        assert!(body.count(IDLE_BYTES + 1).is_ok());
        assert!(body.count(1).is_err() && !meter.is_too_long());
        meter.progress();
        assert!(body.count(1).is_ok());
    }
}

//! Serving the router on a socket: bounded connections, bounded heads, bounded patience, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::body::Rest;
use super::config::HttpLimits;
use super::state::AppState;
use super::{batches, review};

/// How long to wait when the system has no file descriptor for one more connection.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);
/// Most header lines of a request.
const HEADERS: usize = 64;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every open request was answered.
    Drained,
    /// Some were not answered in the time they had.
    CutOff,
}

/// What each connection needs.
#[derive(Clone)]
struct Connector {
    router: Router,
    http: http1::Builder,
    tls: Option<TlsAcceptor>,
    handshake: Duration,
    write: Duration,
}

/// Serves `router` on `listener` until `stop`; then answers what is open, within the configured time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    state: &AppState,
    tls: Option<TlsAcceptor>,
    stop: impl Future<Output = ()>,
) -> Ended {
    let limits = &state.config().limits;
    let places = Arc::new(Semaphore::new(limits.connections.get().min(Semaphore::MAX_PERMITS)));
    let connector = Connector {
        router,
        http: http(limits),
        tls,
        handshake: Duration::from_secs(limits.header_seconds.get()),
        write: Duration::from_secs(limits.write_seconds.get()),
    };
    let graceful = GracefulShutdown::new();
    let accept = async {
        loop {
            // A place first: what cannot be served yet waits in the system's own queue.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (stream, peer) = accept(&listener).await;
            let (connector, watcher, state) = (connector.clone(), graceful.watcher(), state.clone());
            tokio::spawn(async move {
                let _place = place;
                let _counted = Counted::new(&state);
                connector.connection(stream, peer, watcher).await;
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = review::keep(state) => {}
        () = batches::keep(state) => {}
        () = stop => {}
    }
    state.drain();
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: answering what is open");
    let closing = async {
        graceful.shutdown().await;
        if let Ok(batches) = state.batches() {
            batches.end().await;
        }
    };
    let ended = match tokio::time::timeout(Duration::from_secs(state.config().drain_seconds), closing).await {
        Ok(()) => Ended::Drained,
        Err(_) => Ended::CutOff,
    };
    if let Ok(batches) = state.batches() {
        batches.remove_all().await;
    }
    tracing::info!(?ended, "stopped");
    ended
}

fn http(limits: &HttpLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_seconds.get()))
        .max_headers(HEADERS)
        .max_buf_size(limits.header_bytes);
    http
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client left before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "no connection could be accepted");
                tokio::time::sleep(OUT_OF_SOCKETS).await;
            }
        }
    }
}

impl Connector {
    async fn connection(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let outcome = match &self.tls {
            None => self.speak(stream, watcher).await,
            Some(tls) => match tokio::time::timeout(self.handshake, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, watcher).await,
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err("the handshake took too long".into()),
            },
        };
        if let Err(error) = outcome {
            tracing::debug!(%peer, error, "a connection broke");
        }
    }

    async fn speak<S>(&self, stream: S, watcher: Watcher) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let mut stream = TimeoutStream::new(stream);
        // Only writing is timed here: while a photo is worked on, a client has nothing to say.
        stream.set_write_timeout(Some(self.write));
        let router = self.router.clone();
        let service =
            service_fn(move |request: hyper::Request<Incoming>| router.clone().oneshot(request.map(Rest::new)));
        let connection = self.http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        Ok(watcher.watch(connection).await?)
    }
}

/// Counts a connection while it is open.
struct Counted(AppState);

impl Counted {
    fn new(state: &AppState) -> Self {
        state.metrics.connections.inc();
        Self(state.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

//! `serve`: the HTTP service.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use super::CliError;
use crate::engine::Engine;
use crate::http::config::{Config, Layers, LogFormat, LogLevel};
use crate::http::server::{self, Ended};
use crate::http::{AppState, app, tls};
use crate::limits::Limits;

/// Threads for connections. They only move bytes; the photos have threads of their own.
const EVENT_THREADS: usize = 2;

/// Arguments of `serve`. Flags win over the environment (GRADPHOTO_SERVE_...), which wins over the file.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:8080]; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// File of keys, written by `gradphoto keys`; every request then needs one
    #[arg(long, value_name = "FILE")]
    pub keys: Option<String>,
    /// Threads for photos [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Folder that keeps submissions for reviewers; without it there is no queue
    #[arg(long, value_name = "DIR")]
    pub review: Option<String>,
    /// Which submissions wait for a reviewer: review, rejected (those too that the machine rejects), all [default: review]
    #[arg(long, value_name = "WHAT")]
    pub review_what: Option<String>,
    /// Days after which a submission is deleted with its photo [default: 180]
    #[arg(long, value_name = "N")]
    pub retention_days: Option<String>,
    /// Any setting, such as work.deadline_seconds=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the configuration with all defaults, and end
    #[arg(long)]
    pub print_config: bool,
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting without a value.
    #[error("--set {0}: write it as KEY=VALUE, such as work.threads=4")]
    NoValue(String),
    /// The address cannot be used.
    #[error("{address}: cannot listen there: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads or signals.
    #[error("the service cannot start: {0}")]
    Start(io::Error),
}

/// Serves until a signal to stop. The first line of `out` is `listening on http://ADDRESS`.
///
/// # Errors
/// When the configuration, profiles, keys, certificate or folder of reviews are refused, or the address is taken.
pub fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let config = configuration(args)?;
    if args.print_config {
        return Ok(out.write_all(config.print().as_bytes())?);
    }
    log(&config);
    let tls = match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key).map_err(CliError::other)?),
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let limits = Limits {
        max_bytes: config.limits.body_bytes.get() as u64,
        max_pixels: config.limits.pixels.get(),
        ..Limits::default()
    };
    let address = config.listen;
    let state = AppState::new(config, Arc::new(Engine::new()?.limits(limits))).map_err(CliError::other)?;
    let start = |error| CliError::other(ServeError::Start(error));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(EVENT_THREADS).enable_all().build();
    let runtime = runtime.map_err(start)?;
    runtime.block_on(async {
        let refuse = |source| CliError::other(ServeError::Listen { address, source });
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let stop = stop().map_err(start)?;
        writeln!(out, "listening on {scheme}://{}", listener.local_addr().map_err(refuse)?)?;
        out.flush()?;
        let ended = server::serve(listener, app(state.clone()), &state, tls, stop).await;
        match ended {
            // Work that nobody waits for may still run; it ends by itself.
            Ended::Drained => state.pool().close(),
            Ended::CutOff => tracing::warn!("requests were cut off: they took longer than drain_seconds"),
        }
        Ok::<_, CliError>(())
    })?;
    state.telemetry().close();
    // What was cut off is not waited for.
    runtime.shutdown_background();
    Ok(())
}

fn configuration(args: &ServeArgs) -> Result<Config, CliError> {
    let mut layers = Layers::default();
    if let Some(file) = &args.config {
        layers = layers.file(file).map_err(CliError::other)?;
    }
    layers = layers
        .env(std::env::vars_os().filter_map(|(name, value)| {
            // Variables that are not text are none of ours.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
        .map_err(CliError::other)?;
    let flags = [
        ("--listen", "listen", &args.listen),
        ("--keys", "keys.file", &args.keys),
        ("--threads", "work.threads", &args.threads),
        ("--review", "review.dir", &args.review),
        ("--review-what", "review.what", &args.review_what),
        ("--retention-days", "review.retention_days", &args.retention_days),
    ];
    for (flag, key, value) in flags {
        if let Some(value) = value {
            layers = layers.set(flag, key, value).map_err(CliError::other)?;
        }
    }
    for setting in &args.set {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| CliError::other(ServeError::NoValue(setting.clone())))?;
        layers = layers.set("--set", key, value).map_err(CliError::other)?;
    }
    layers.finish().map_err(CliError::other)
}

fn log(config: &Config) {
    let level = match config.log.level {
        LogLevel::Off => return,
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    // A program that set a log of its own keeps it.
    let _ = match config.log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// Ends at the first signal to stop.
fn stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without a handler the system ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

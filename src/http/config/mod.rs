//! Configuration: a TOML file, then the environment, then flags; each layer wins over the one before.
//!
//! [`Config`] is the one place for names, meanings and defaults. Its JSON Schema gives the known keys (so that an
//! unknown one is refused with what was meant) and the comments of `--print-config`.

mod layers;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use layers::{ConfigError, ENV_PREFIX, Layers};

use crate::store::Waits;

/// Bytes for large photos, for each thread: one photo of 16 megapixels.
const ROOM_A_THREAD: u64 = 48_000_000;
/// Bytes for large photos whatever the number of threads: the largest that is read by default, 64 megapixels.
const ROOM_AT_LEAST: u64 = 192_000_000;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port; port 0 takes a free one. An address other than loopback needs keys.
    pub listen: SocketAddr,
    /// Profile of requests that name none.
    pub profile: String,
    /// Files of further profiles.
    pub profiles: Vec<PathBuf>,
    /// Seconds that requests may take to end after a signal to stop.
    pub drain_seconds: u64,
    /// The threads that work, and the queue before them.
    pub work: Work,
    /// What one request and all of them together may take.
    pub limits: HttpLimits,
    /// The queue for reviewers.
    pub review: Review,
    /// Many photos in one request.
    pub batches: Batches,
    /// Who may ask.
    pub keys: Keys,
    /// Encryption; without it, plain HTTP.
    pub tls: Tls,
    /// The log, on stderr.
    pub log: Log,
    /// Web pages of other origins that may ask.
    pub cors: Cors,
    /// Traces for an OpenTelemetry collector; only in a program built with the feature `otel`.
    pub telemetry: Telemetry,
}

/// The threads that work, and the queue before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// Photos worked on at once, each on one thread; 0 for as many as the machine runs at once.
    pub threads: usize,
    /// Requests that may wait; 0 for two a thread. When they do, the next is refused.
    pub queue: usize,
    /// Bytes of memory that the large photos worked on at once may take; 0 for 48 MB a thread, and at least 192 MB. One that
    /// takes more is worked on while no other large one is.
    pub photo_bytes: u64,
    /// Seconds from the last byte of a request to its answer, waiting and working together.
    pub deadline_seconds: NonZeroU64,
}

/// What one request and all of them together may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpLimits {
    /// Largest body, in bytes.
    pub body_bytes: NonZeroUsize,
    /// Bytes of all bodies in memory together; above that a request is refused as if the queue were full.
    pub buffered_bytes: NonZeroUsize,
    /// Largest width times height of a photo, in pixels; a larger one is reported as too large, and not decoded.
    pub pixels: NonZeroU64,
    /// Largest head of a request, in bytes; at least 8192.
    pub header_bytes: usize,
    /// Seconds for the head of a request to arrive, and for an idle connection to send the next.
    pub header_seconds: NonZeroU64,
    /// Seconds for a body to arrive.
    pub body_seconds: NonZeroU64,
    /// Seconds a client may leave an answer unread.
    pub write_seconds: NonZeroU64,
    /// Open connections; further ones wait to be accepted.
    pub connections: NonZeroUsize,
}

/// The queue for reviewers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// Folder that keeps submissions, photos and decisions; without one there is no queue.
    pub dir: Option<PathBuf>,
    /// What waits for a reviewer: `review` (what the machine cannot decide), `rejected` (that, and what it rejects), `all`.
    pub what: Waits,
    /// Days after which a submission is deleted with its photo, report and decisions, whatever its state.
    pub retention_days: NonZeroU32,
}

/// Many photos in one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Batches {
    /// Whether batches are taken; without them their addresses do not exist.
    pub on: bool,
    /// Folder for what is sent and for the results; without one a temporary folder, which goes with the service.
    pub dir: Option<PathBuf>,
    /// Largest body, in bytes.
    pub max_bytes: NonZeroU64,
    /// Most files of a batch.
    pub max_photos: NonZeroUsize,
    /// What a ZIP may expand to, in bytes.
    pub max_expanded_bytes: NonZeroU64,
    /// Batches worked on at once; others wait for their turn.
    pub max_running: NonZeroUsize,
    /// Batches kept at once, those being sent and those that are done among them; further ones are refused.
    pub max_kept: NonZeroUsize,
    /// Minutes for a batch to arrive. Within them it may not stand still for longer than limits.body_seconds.
    pub receive_minutes: NonZeroU32,
    /// Minutes after its end after which a batch is deleted with its results.
    pub keep_minutes: NonZeroU32,
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The file of keys, written by `gradphoto keys`. When set, every request needs a key.
    pub file: Option<PathBuf>,
    /// Requests a second for each key.
    pub per_second: NonZeroU32,
    /// Requests at once for each key after a pause.
    pub burst: NonZeroU32,
    /// Seconds after which the file is looked at again for changes.
    pub reload_seconds: u64,
}

/// Encryption.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `off`, `error`, `warn`, `info` or `debug`.
    pub level: LogLevel,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What must be mended.
    Error,
    /// What should be looked at.
    Warn,
    /// A line for each request.
    #[default]
    Info,
    /// Connections too.
    Debug,
}

/// Web pages of other origins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins such as `https://portal.example`; none by default.
    pub origins: Vec<String>,
}

/// Traces for an OpenTelemetry collector; only in a program built with the feature `otel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Address of the collector (OTLP over HTTP), such as `http://127.0.0.1:4318`; without one nothing is sent.
    pub endpoint: Option<String>,
    /// Name the service goes by there.
    pub service: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            profile: "zikao-graduation".to_owned(),
            profiles: Vec::new(),
            drain_seconds: 30,
            work: Work::default(),
            limits: HttpLimits::default(),
            review: Review::default(),
            batches: Batches::default(),
            keys: Keys::default(),
            tls: Tls::default(),
            log: Log::default(),
            cors: Cors::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self { threads: 0, queue: 0, photo_bytes: 0, deadline_seconds: nonzero64(10) }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body_bytes: nonzero(16 << 20),
            buffered_bytes: nonzero(64 << 20),
            pixels: nonzero64(64_000_000),
            header_bytes: 16 << 10,
            header_seconds: nonzero64(10),
            body_seconds: nonzero64(30),
            write_seconds: nonzero64(30),
            connections: nonzero(1024),
        }
    }
}

impl Default for Review {
    fn default() -> Self {
        Self { dir: None, what: Waits::Review, retention_days: nonzero32(180) }
    }
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            on: true,
            dir: None,
            max_bytes: nonzero64(2 << 30),
            max_photos: nonzero(50_000),
            max_expanded_bytes: nonzero64(4 << 30),
            max_running: nonzero(2),
            max_kept: nonzero(32),
            receive_minutes: nonzero32(60),
            keep_minutes: nonzero32(24 * 60),
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self { file: None, per_second: nonzero32(50), burst: nonzero32(100), reload_seconds: 2 }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { endpoint: None, service: "gradphoto".to_owned() }
    }
}

fn nonzero(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN)
}

fn nonzero32(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

fn nonzero64(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap_or(NonZeroU64::MIN)
}

impl Work {
    /// The number of threads, with 0 resolved.
    pub fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.threads).or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// The places in the queue, with 0 resolved.
    pub fn queue(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.queue).unwrap_or_else(|| self.threads().saturating_mul(nonzero(2)))
    }

    /// The bytes for large photos, with 0 resolved.
    pub fn room(&self) -> NonZeroU64 {
        let usual = || nonzero64((self.threads().get() as u64).saturating_mul(ROOM_A_THREAD).max(ROOM_AT_LEAST));
        NonZeroU64::new(self.photo_bytes).unwrap_or_else(usual)
    }

    /// The deadline.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.get())
    }
}

//! What all requests share.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::admission::Pool;
use super::batches::Batches;
use super::batches::folder::FolderError;
use super::body::Budget;
use super::config::Config;
use super::judge::Judge;
use super::keys::{KeyError, KeyRing};
use super::metrics::Metrics;
use super::problem::{Code, Problem};
use super::rate::Rates;
use super::review::Review;
use super::telemetry::{Telemetry, TelemetryError};
use crate::profile::{self, Profile, ProfileError, closest};
use crate::store::StoreError;
use crate::units::Text;

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A profile is refused.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Two profiles have the same id.
    #[error("{}: a profile named `{id}` exists already; give it another id", .file.display())]
    TwoProfiles {
        /// The later file.
        file: PathBuf,
        /// The id.
        id: String,
    },
    /// The default profile is none of the profiles.
    #[error("the default profile `{0}` is neither built in nor in `profiles`")]
    NoDefault(String),
    /// The file of keys is unusable.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Open to others without keys.
    #[error(
        "{0} can be reached from other machines, and there are no keys: make one with `gradphoto keys add portal NAME` \
         and name the file with --keys, or listen on 127.0.0.1"
    )]
    Open(std::net::SocketAddr),
    /// An origin that is none.
    #[error("cors.origins: `{0}` is no origin; write it like https://portal.example")]
    Origin(String),
    /// Spans cannot be sent.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The folder of reviews is unusable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of batches is unusable.
    #[error(transparent)]
    Batches(#[from] FolderError),
    /// The system gives no threads.
    #[error("no threads: {0}")]
    Threads(std::io::Error),
}

/// What all requests share; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// The contents of [`AppState`].
pub struct Shared {
    pub(super) judge: Arc<dyn Judge>,
    pub(super) pool: Pool,
    pub(super) budget: Budget,
    pub(super) metrics: Metrics,
    pub(super) keys: Option<KeyRing>,
    pub(super) rates: Rates,
    pub(super) telemetry: Telemetry,
    review: Option<Review>,
    batches: Option<Batches>,
    profiles: BTreeMap<String, Arc<Profile>>,
    config: Config,
    draining: watch::Sender<bool>,
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    /// The state of a service that judges with `judge`.
    ///
    /// # Errors
    /// When profiles, keys or the folders of reviews and batches are unusable, the address needs keys and there are none, or the system
    /// has no threads.
    pub fn new(config: Config, judge: Arc<dyn Judge>) -> Result<Self, StateError> {
        if let Some(origin) = config.cors.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(StateError::Origin(origin.clone()));
        }
        let profiles = profiles(&config)?;
        let telemetry = Telemetry::start(&config.telemetry)?;
        let every = Duration::from_secs(config.keys.reload_seconds);
        let keys = config.keys.file.as_deref().map(|file| KeyRing::open(file, every)).transpose()?;
        if !config.listen.ip().is_loopback() && keys.as_ref().is_none_or(KeyRing::is_empty) {
            return Err(StateError::Open(config.listen));
        }
        let review = Review::open(&config.review)?;
        let batches = Batches::open(&config.batches)?;
        let (threads, places) = (config.work.threads(), config.work.queue());
        Ok(Self(Arc::new(Shared {
            judge,
            pool: Pool::start(threads, places, config.work.room()).map_err(StateError::Threads)?,
            budget: Budget::new(config.limits.buffered_bytes),
            metrics: Metrics::new(threads.get(), places.get()),
            keys,
            rates: Rates::new(config.keys.per_second, config.keys.burst),
            telemetry,
            review,
            batches,
            profiles,
            config,
            draining: watch::Sender::new(false),
        })))
    }
}

impl Shared {
    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The pool that works on photos.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where spans go.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The queue for reviewers.
    ///
    /// # Errors
    /// When the service has none.
    pub fn review(&self) -> Result<&Review, Problem> {
        self.review.as_ref().ok_or_else(|| Problem::plain(Code::NotFound))
    }

    /// Batches.
    ///
    /// # Errors
    /// When the service takes none.
    pub fn batches(&self) -> Result<&Batches, Problem> {
        self.batches.as_ref().ok_or_else(|| Problem::plain(Code::NotFound))
    }

    /// All profiles, by id.
    pub fn profiles(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.values()
    }

    /// The profile `id`; the default one without.
    ///
    /// # Errors
    /// When there is none, with the nearest id.
    pub fn profile(&self, id: Option<&str>) -> Result<Arc<Profile>, Problem> {
        let id = id.unwrap_or(&self.config.profile);
        self.profiles.get(id).cloned().ok_or_else(|| {
            let near = closest(id, self.profiles.keys().map(String::as_str));
            not_found(Code::UnknownProfile, id, near, "/v1/profiles")
        })
    }

    /// Takes no new photos from now on.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether new photos are refused because the service is ending.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Tells when the service is ending.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Returns when the service is ending.
    pub async fn drained(&self) {
        // The sender lives as long as this.
        let _ = self.draining().wait_for(|draining| *draining).await;
    }
}

/// The problem of an id nobody has.
pub(super) fn not_found(code: Code, id: &str, near: Option<&str>, list: &str) -> Problem {
    let id = super::params::shown(id);
    let (near_zh, near_en) =
        near.map_or_else(Default::default, |near| (format!("是否为 {near}？"), format!(" (did you mean `{near}`?)")));
    let text = Text::new(
        format!("没有 {id}。{near_zh}全部见 {list}"),
        format!("there is no `{id}`{near_en}; {list} lists all"),
    );
    Problem::new(code, text)
}

fn profiles(config: &Config) -> Result<BTreeMap<String, Arc<Profile>>, StateError> {
    let mut all = BTreeMap::new();
    for id in profile::builtin_ids() {
        all.insert(id.to_owned(), Arc::new(profile::builtin(id)?));
    }
    for file in &config.profiles {
        let loaded = profile::load_file(file)?;
        if all.contains_key(&loaded.id) {
            return Err(StateError::TwoProfiles { file: file.clone(), id: loaded.id });
        }
        all.insert(loaded.id.clone(), Arc::new(loaded));
    }
    if all.contains_key(&config.profile) { Ok(all) } else { Err(StateError::NoDefault(config.profile.clone())) }
}

/// Scheme, host and maybe a port; no path, and never `*`.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_path_and_no_star() {
        for (text, fine) in [
            ("https://portal.example", true),
            ("http://localhost:3000", true),
            ("*", false),
            ("https://", false),
            ("https://a/b", false),
            ("portal.example", false),
        ] {
            assert_eq!(is_origin(text), fine, "{text}");
        }
    }
}

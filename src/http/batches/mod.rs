//! Batches: many photos in one request, judged one after the other while nobody waits for the connection.
//!
//! A batch is written to the disk as it comes ([`receive`]), judged in the background of the pool ([`run`]), row by row into a
//! file, and kept for some time with its results ([`results`]). What is in memory does not grow with what is in a photo or in
//! a row, only with the number of files, which is bounded. Nothing outlives the service: a batch is work to be fetched, and
//! photos are personal data.

pub mod batch;
pub mod events;
pub mod folder;
mod meter;
pub mod receive;
pub mod results;
pub mod run;
pub mod shapes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use batch::Batch;
use folder::{Folder, FolderError, Root};
use shapes::Size;

use super::config;
use super::keys::Identity;
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::batch::Found;
use crate::store::RandomId;
use crate::units::Text;

/// Time between two looks for batches that were kept long enough.
const LOOK: Duration = Duration::from_secs(20);

/// All batches of a running service.
#[derive(Debug)]
pub struct Batches {
    root: Arc<Root>,
    config: config::Batches,
    /// In the order they arrived. Few, so that looking through them is nothing.
    kept: Mutex<Vec<Arc<Batch>>>,
    /// A place for each batch that may be kept, from its first byte on.
    places: Arc<Semaphore>,
    /// A permit for each batch that may be worked on at once.
    turns: Arc<Semaphore>,
    /// Tables are made one at a time: each takes a processor.
    tables: Arc<Semaphore>,
}

/// A place for a batch that is about to arrive. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Reserved {
    id: RandomId,
    /// Where it is written.
    pub folder: Arc<Folder>,
    place: OwnedSemaphorePermit,
}

impl Batches {
    /// Opens the folder of batches. `None` when there are to be none.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(config: &config::Batches) -> Result<Option<Self>, FolderError> {
        if !config.on {
            return Ok(None);
        }
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Ok(Some(Self {
            root: Arc::new(Root::open(config.dir.as_deref())?),
            config: config.clone(),
            kept: Mutex::default(),
            places: permits(config.max_kept.get()),
            turns: permits(config.max_running.get()),
            tables: permits(1),
        }))
    }

    /// The settings.
    pub fn config(&self) -> &config::Batches {
        &self.config
    }

    /// A place and a folder for a batch that is about to arrive.
    ///
    /// # Errors
    /// When as many are kept as may be, or the folder cannot be made.
    pub async fn reserve(&self) -> Result<Reserved, Problem> {
        self.forget(Instant::now());
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Problem::plain(Code::BatchesFull).retry_after(LOOK.as_secs()))?;
        let id = RandomId::random().map_err(|_| Problem::plain(Code::Internal))?;
        let (root, name) = (Arc::clone(&self.root), id.clone());
        let folder = blocking(move || root.batch(&name)).await?;
        Ok(Reserved { id, folder: Arc::new(folder), place })
    }

    /// The batch that arrived in the place that was `reserved` for it. It is kept from when its [run](run::Run::start) begins.
    pub fn arrived(&self, reserved: Reserved, identity: Identity, task: &run::Task, found: &Found) -> Arc<Batch> {
        let size = Size { total: found.entries.len() as u64, skipped: found.skipped };
        Arc::new(Batch::new(reserved, identity.name, task, size))
    }

    /// The batches that `identity` may see, oldest first.
    pub fn seen_by(&self, identity: &Identity) -> Vec<Arc<Batch>> {
        self.forget(Instant::now());
        self.list().iter().filter(|batch| batch.is_seen_by(identity)).cloned().collect()
    }

    /// The batch `id`, when `identity` may see it. One that it may not see is as if it were not there.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, id: Option<&RandomId>, identity: &Identity) -> Result<Arc<Batch>, Problem> {
        self.forget(Instant::now());
        let batch = self.list().iter().find(|batch| Some(&batch.id) == id).cloned();
        batch.filter(|batch| batch.is_seen_by(identity)).ok_or_else(unknown)
    }

    /// Ends the run of a batch and deletes all there is of it. Returns when it is gone.
    ///
    /// # Errors
    /// When there is none, or its files cannot be deleted.
    pub async fn delete(&self, id: Option<&RandomId>, identity: &Identity) -> Result<(), Problem> {
        let batch = self.find(id, identity)?;
        self.list().retain(|kept| !Arc::ptr_eq(kept, &batch));
        batch.stop();
        let files = batch.files().await;
        let folder = Arc::clone(&batch.folder);
        blocking(move || folder.remove()).await?;
        drop(files);
        Ok(())
    }

    /// Forgets batches that have been kept long enough by `now`, each of which takes its files with it.
    pub fn forget(&self, now: Instant) {
        let mut over = Vec::new();
        self.list().retain(|batch| {
            let is_over = batch.is_over(now);
            if is_over {
                over.push(Arc::clone(batch));
            }
            !is_over
        });
        if !over.is_empty() {
            tracing::info!(count = over.len(), "batches older than batches.keep_minutes were deleted");
        }
    }

    /// Asks all runs to end, and returns when they have.
    pub async fn end(&self) {
        let all = self.list().clone();
        for batch in &all {
            batch.stop();
        }
        for batch in &all {
            drop(batch.files().await);
        }
    }

    /// Removes all that is kept, as a last act of the service.
    pub async fn remove_all(&self) {
        self.list().clear();
        let root = Arc::clone(&self.root);
        // What went wrong is in the log.
        let _ = blocking(move || root.remove_batches()).await;
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Batch>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets batches that were kept long enough, for as long as the service runs.
pub async fn keep(state: &AppState) {
    let Ok(batches) = state.batches() else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK).await;
        batches.forget(Instant::now());
    }
}

/// Does work with files on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| storage(&error)),
        Err(_) => Err(Problem::plain(Code::Internal)),
    }
}

/// The problem of a disk that failed. Why goes to the log.
fn storage(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "the folder of batches failed");
    Problem::plain(Code::StorageFailed)
}

fn unknown() -> Problem {
    let text = Text::new(
        "没有这个批次；可能已删除或已过保存期限，或不是该密钥提交的",
        "there is no such batch: it may be deleted or kept long enough, or another key sent it",
    );
    Problem::new(Code::UnknownBatch, text)
}

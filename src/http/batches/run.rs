//! Judging a batch: photos go into the background of the pool in their order, a few at a time, and their rows come out in
//! that order.
//!
//! A run has a thread of its own that reads and writes files and otherwise waits. The work on photos is the pool's, where it
//! gives way to requests and shares the room for large photos with them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::batch::{Batch, Phase};
use super::receive::SENT;
use super::results::Results;
use crate::batch::{self, Entry, Found, names};
use crate::engine::Input;
use crate::http::admission::{Later, Refused};
use crate::http::judge::Refusal;
use crate::http::metrics::{Action, Ended};
use crate::http::routes::photos::count;
use crate::http::state::AppState;
use crate::normalize::Options;
use crate::profile::Profile;
use crate::report::{Report, Row, Verdict};
use crate::units::Text;

/// Bytes of photos that wait or are worked on, beyond which a batch has no further one in memory.
const IN_FLIGHT: u64 = 64 << 20;
/// Name of the action in metrics.
const ACTION: &str = "batch";

/// What is done with each photo.
#[derive(Debug, Clone)]
pub struct Task {
    /// The profile.
    pub profile: Arc<Profile>,
    /// The day its age is judged against.
    pub captured_before: Option<Date>,
    /// How it is normalized, when it is.
    pub normalize: Option<Options>,
}

/// A batch with its files, ready to be judged.
#[derive(Debug)]
pub struct Run {
    /// The service.
    pub state: AppState,
    /// The batch.
    pub batch: Arc<Batch>,
    /// What is done.
    pub task: Task,
    /// The files.
    pub found: Found,
}

impl Run {
    /// Keeps the batch from now on, and begins to wait for its turn.
    pub async fn start(self) {
        // Before anybody knows of the batch, so that the run is the first to have its files.
        let files = self.batch.files().await;
        if let Ok(batches) = self.state.batches() {
            batches.list().push(Arc::clone(&self.batch));
        }
        tokio::spawn(self.wait_and_judge(files));
    }

    /// Waits for a turn, judges the batch, and notes its end. `files` is the right to work with its files.
    async fn wait_and_judge(self, files: Option<OwnedSemaphorePermit>) {
        let (state, batch) = (self.state.clone(), Arc::clone(&self.batch));
        let Ok(batches) = state.batches() else { return };
        let turn = tokio::select! {
            turn = Arc::clone(&batches.turns).acquire_owned() => turn.ok(),
            () = batch.stopped() => None,
            () = state.drained() => None,
        };
        let phase = if turn.is_some() {
            batch.begin();
            state.metrics.batches_running.inc();
            let judged = tokio::task::spawn_blocking(move || self.judge_all()).await;
            state.metrics.batches_running.dec();
            judged.unwrap_or(Phase::Failed)
        } else {
            drop(self);
            Phase::Cancelled
        };
        state.metrics.batches.get_or_create(&Ended { state: phase.name() }).inc();
        tracing::info!(state = phase.name(), done = batch.progress().done, "a batch ended");
        batch.end(phase, Duration::from_secs(60 * u64::from(batches.config.keep_minutes.get())));
        // Whoever waits for the files finds the place of the batch free too.
        drop((batch, turn));
        drop(files);
    }

    /// Judges every photo. Blocks.
    fn judge_all(self) -> Phase {
        let batch = Arc::clone(&self.batch);
        let phase = match self.rows() {
            Ok(true) => Phase::Done,
            Ok(false) => Phase::Cancelled,
            Err(error) => {
                tracing::error!(%error, "the results of a batch could not be written");
                Phase::Failed
            }
        };
        // The archive is closed: an open file cannot be removed everywhere.
        drop(self);
        // Photos are kept for as long as they are needed. Half of the results would pass for all of them.
        let sent = batch.folder.join(SENT);
        let removed = if phase == Phase::Done { std::fs::remove_dir_all(sent) } else { batch.folder.remove() };
        if let Err(error) = removed {
            tracing::error!(%error, "what was sent with a batch could not be removed");
        }
        phase
    }

    /// Writes the row of every file; whether it came to the last.
    fn rows(&self) -> io::Result<bool> {
        let entries = &self.found.entries;
        let mut results = Results::create(&self.batch.folder, self.task.normalize.is_some())?;
        let names = match self.task.normalize {
            Some(_) => {
                names::assign(entries, names::Taken::new(), |entry| (names::last(&entry.relative).0, ".jpg".into()))
            }
            None => Vec::new(),
        };
        // Threads never wait for a row to be written.
        let window = self.state.config().work.threads().get().saturating_mul(2);
        let mut flight = Flight::default();
        let mut waiting = entries.iter();
        for (place, entry) in entries.iter().enumerate() {
            while flight.has_space(window)
                && let Some(next) = waiting.next()
            {
                flight.begin(self.begin(next));
            }
            if self.is_to_end() {
                return Ok(false);
            }
            let Some(judged) = flight.next(self) else { return Ok(false) };
            let name = names.get(place).map(String::as_str);
            let row = results.add(row(entry, judged), name)?;
            self.batch.count(&row);
            self.state.metrics.batch_photos.inc();
        }
        results.finish()?;
        Ok(true)
    }

    fn is_to_end(&self) -> bool {
        self.batch.is_stopped() || self.state.is_draining()
    }

    /// What a photo came to; nothing when the batch or the service is to end, which may be long before requests leave a thread
    /// to the photo.
    fn wait(&self, photo: Later<Option<Judged>>) -> Option<Judged> {
        let done = Handle::current().block_on(async {
            tokio::select! {
                done = photo.done() => done,
                () = self.batch.stopped() => Ok(None),
                () = self.state.drained() => Ok(None),
            }
        });
        match done {
            Ok(judged) => judged,
            Err(Refused::Panicked) => {
                self.state.metrics.panics.inc();
                Some(Judged::error(batch::fault()))
            }
            Err(_) => None,
        }
    }

    /// Reads a photo and puts the work on it into the background.
    fn begin(&self, entry: &Entry) -> Begun {
        let max = self.state.config().limits.body_bytes.get() as u64;
        let bytes = match entry.read(max) {
            Ok(bytes) => bytes,
            Err(error) => return Begun::Unread(error),
        };
        let weight = self.state.judge.memory(&bytes, self.task.normalize.is_some());
        let (length, name) = (bytes.len() as u64, shown_name(entry));
        let (state, batch, task) = (self.state.clone(), Arc::clone(&self.batch), self.task.clone());
        let work = move || (!batch.is_stopped()).then(|| task.judge(&state, &bytes, &name));
        self.state.pool.later(weight, work).map_or(Begun::Never, |later| Begun::Working(length, later))
    }
}

/// A photo that was read.
enum Begun {
    /// It was not; why.
    Unread(Text),
    /// So many bytes, and what becomes of them; nothing when the batch is to end.
    Working(u64, Later<Option<Judged>>),
    /// The pool is closed.
    Never,
}

/// Photos that are ahead of the row that is written next.
#[derive(Default)]
struct Flight {
    begun: VecDeque<Begun>,
    bytes: u64,
}

impl Flight {
    fn has_space(&self, window: usize) -> bool {
        self.begun.is_empty() || (self.begun.len() < window && self.bytes < IN_FLIGHT)
    }

    fn begin(&mut self, begun: Begun) {
        if let Begun::Working(length, _) = begun {
            self.bytes += length;
        }
        self.begun.push_back(begun);
    }

    /// What the first of them came to; nothing when the service or the batch is to end.
    fn next(&mut self, run: &Run) -> Option<Judged> {
        match self.begun.pop_front()? {
            Begun::Unread(error) => Some(Judged::error(error)),
            Begun::Working(length, later) => {
                self.bytes -= length;
                run.wait(later)
            }
            Begun::Never => None,
        }
    }
}

/// What a photo came to.
struct Judged {
    report: Option<Report>,
    error: Option<Text>,
    /// The photo that was made.
    jpeg: Option<Vec<u8>>,
}

impl Judged {
    fn error(error: Text) -> Self {
        Self { report: None, error: Some(error), jpeg: None }
    }
}

impl Task {
    fn judge(&self, state: &AppState, bytes: &[u8], name: &str) -> Judged {
        let start = Instant::now();
        let input = Input { bytes, name: Some(name), captured_before: self.captured_before };
        let judged = match &self.normalize {
            None => Judged { report: Some(state.judge.check(input, &self.profile)), error: None, jpeg: None },
            Some(options) => self.normalized(state, input, options),
        };
        if let Some(report) = &judged.report {
            count(state, ACTION, &self.profile, report);
        }
        let seconds = start.elapsed().as_secs_f64();
        state.metrics.work_seconds.get_or_create(&Action { action: ACTION }).observe(seconds);
        judged
    }

    /// A photo that still breaks rules is not handed out among good ones; its row says so.
    fn normalized(&self, state: &AppState, input: Input<'_>, options: &Options) -> Judged {
        match state.judge.normalize(input, &self.profile, options) {
            Err(Refusal { text, .. }) => Judged::error(text),
            Ok(made) if made.report.verdict == Verdict::Reject => {
                let note = Text::new(
                    "未写入：仍有不合格项，需重新拍摄",
                    "not written: rules are still broken that need another photo",
                );
                Judged { report: Some(made.report), error: Some(note), jpeg: None }
            }
            Ok(made) => Judged { report: Some(made.report), error: None, jpeg: Some(made.jpeg) },
        }
    }
}

/// The row of a file, by its name inside of what was sent, and the photo that was made of it.
fn row(entry: &Entry, judged: Judged) -> (Row, Option<Vec<u8>>) {
    let path = names::shown(&entry.relative).into_owned();
    (Row { path, report: judged.report, error: judged.error, output: None }, judged.jpeg)
}

/// The name of a file without its folders.
fn shown_name(entry: &Entry) -> String {
    let name = entry.relative.file_name().unwrap_or(entry.relative.as_os_str());
    names::shown(name.as_ref()).into_owned()
}

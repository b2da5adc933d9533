//! Who is let in: a fixed number of threads for the work, and a queue before them that never grows beyond its places.
//!
//! A photo takes tens of milliseconds of one core, so the event loop hands it to these threads and never computes
//! itself. When the queue is full the answer is "no" at once: a queue that grows only turns a busy minute into timeouts
//! for everyone. A request that is given up, by its client or its deadline, leaves the queue and frees its place.
//!
//! Threads bound the time that photos take, not the memory: a large photo takes hundreds of times that of a small one. So a
//! job has a weight in bytes, and the heavy jobs at work share a fixed room. A heavy job that has no room waits, the heavy
//! ones behind it wait too, so that it has its turn, and light ones pass it by. Half of the places are for light jobs alone.
//!
//! Batches have no client that waits. Their photos stand in the background ([`Pool::later`]), and one is begun only while no
//! request waits: a request finds a free thread, or waits for the photo at hand and no longer, however long the batch is.

use std::collections::VecDeque;
use std::num::{NonZeroU64, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

/// Bytes up to which a job is light and needs no room: a photo of four megapixels. All threads may have such at once.
pub const LIGHT: u64 = 12 << 20;

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Every place in the queue is taken, or half of them by heavy work and this is heavy too.
    #[error("the queue is full")]
    Full,
    /// No new work is taken any more.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// Waiting and working together took longer than allowed.
    #[error("the deadline passed")]
    Deadline,
    /// The work panicked.
    #[error("the work panicked")]
    Panicked,
}

/// What the pool is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait.
    pub queued: usize,
    /// Threads that work.
    pub busy: usize,
}

/// The threads and their queue.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    places: usize,
    room: u64,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Job>,
    /// What is begun only while the queue is empty. Whoever puts work here bounds it.
    background: VecDeque<Job>,
    next: u64,
    busy: usize,
    /// Bytes that heavy jobs at work take of the room.
    taken: u64,
    open: bool,
}

struct Job {
    id: u64,
    /// Bytes it takes of the room; 0 when it is light, all when it needs more than there are.
    weight: u64,
    work: Work,
}

/// What a thread does for a job; it gives back how to answer whoever asked.
type Work = Box<dyn FnOnce() -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts `threads` threads behind a queue of `places`, with `room` bytes for all heavy jobs together.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(threads: NonZeroUsize, places: NonZeroUsize, room: NonZeroU64) -> std::io::Result<Self> {
        let (places, room) = (places.get(), room.get());
        let state = State {
            queue: VecDeque::with_capacity(places),
            background: VecDeque::new(),
            next: 0,
            busy: 0,
            taken: 0,
            open: true,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new(), places, room });
        let pool = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        for number in 0..threads.get() {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("photo-{number}")).spawn(move || shared.work())?;
            lock(&pool.threads).push(thread);
        }
        Ok(pool)
    }

    /// Does `work`, which takes about `weight` bytes of memory, on one of the threads. Dropping the future gives the place
    /// in the queue back; work that has begun ends, and its result is dropped.
    ///
    /// Work that is heavier than all room is done beside light work only.
    ///
    /// # Errors
    /// When there is no place, the pool is closed, `within` passes, or the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        weight: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (work, receive) = answered(work);
        let _place = self.shared.enter(weight, work)?;
        match tokio::time::timeout(within, receive).await {
            Ok(received) => outcome(received),
            Err(_) => Err(Refused::Deadline),
        }
    }

    /// Does `work`, which takes about `weight` bytes of memory, on one of the threads when no request waits for them.
    ///
    /// # Errors
    /// When the pool is closed.
    pub fn later<T: Send + 'static>(
        &self,
        weight: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Later<T>, Refused> {
        let (work, receive) = answered(work);
        let place = self.shared.stand_behind(weight, work)?;
        Ok(Later { receive, _place: place })
    }

    /// What it is doing now.
    pub fn load(&self) -> Load {
        let state = lock(&self.shared.state);
        Load { queued: state.queue.len(), busy: state.busy }
    }

    /// Takes no new work, drops what waits, and returns when the work that had begun is done. Blocks.
    pub fn close(&self) {
        let waiting = {
            let mut state = lock(&self.shared.state);
            state.open = false;
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.background))
        };
        drop(waiting);
        self.shared.wake.notify_all();
        for thread in lock(&self.threads).drain(..) {
            // Work that panics is caught, so a thread ends without one.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The threads hold the queue, not the pool: they end by themselves, and nobody waits for them here.
        lock(&self.shared.state).open = false;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn enter(self: &Arc<Self>, weight: u64, work: Work) -> Result<Place, Refused> {
        let mut state = lock(&self.state);
        if !state.open {
            return Err(Refused::ShuttingDown);
        }
        if state.queue.len() >= self.places {
            return Err(Refused::Full);
        }
        let weight = self.of_room(weight);
        // Heavy jobs wait for each other; were all places theirs, a thread could be idle and every small photo refused.
        let heavy = state.queue.iter().filter(|job| job.weight > 0).count();
        if weight > 0 && heavy >= (self.places / 2).max(1) {
            return Err(Refused::Full);
        }
        let id = state.next_id();
        state.queue.push_back(Job { id, weight, work });
        self.wake.notify_one();
        Ok(Place { shared: Arc::clone(self), id })
    }

    fn stand_behind(self: &Arc<Self>, weight: u64, work: Work) -> Result<Place, Refused> {
        let mut state = lock(&self.state);
        if !state.open {
            return Err(Refused::ShuttingDown);
        }
        let id = state.next_id();
        state.background.push_back(Job { id, weight: self.of_room(weight), work });
        self.wake.notify_one();
        Ok(Place { shared: Arc::clone(self), id })
    }

    /// What a job of this weight takes of the room.
    fn of_room(&self, weight: u64) -> u64 {
        if weight > LIGHT { weight.min(self.room) } else { 0 }
    }

    /// A thread's life.
    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = self.take(&mut state) {
                state.busy += 1;
                drop(state);
                let answer = (job.work)();
                state = lock(&self.state);
                state.busy -= 1;
                self.free(&mut state, job.weight);
                // Who has the answer finds the thread and the room free.
                drop(state);
                answer();
                state = lock(&self.state);
            } else if state.open || !state.queue.is_empty() || !state.background.is_empty() {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return;
            }
        }
    }

    /// Takes the first job that has room out of the queue; when the queue is empty, out of the background. A large photo of a
    /// request that waits for room keeps the background back, which would take the room from it.
    fn take(&self, state: &mut State) -> Option<Job> {
        let left = self.room - state.taken;
        let from = if state.queue.is_empty() { &mut state.background } else { &mut state.queue };
        let mut held_up = false;
        let at = from.iter().position(|job| {
            held_up |= job.weight > left;
            job.weight == 0 || !held_up
        })?;
        let job = from.remove(at)?;
        state.taken += job.weight;
        Some(job)
    }

    /// Gives room back. The thread that does so takes the next job itself; there may now be room for more than that one.
    fn free(&self, state: &mut State, weight: u64) {
        state.taken -= weight;
        if weight > 0 {
            self.wake.notify_all();
        }
    }
}

impl State {
    fn give_up(&mut self, id: u64) -> Option<Job> {
        [&mut self.queue, &mut self.background].into_iter().find_map(|from| {
            let at = from.iter().position(|job| job.id == id)?;
            from.remove(at)
        })
    }

    fn next_id(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        id
    }
}

/// Work together with where its outcome comes.
fn answered<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> (Work, oneshot::Receiver<thread::Result<T>>) {
    let (send, receive) = oneshot::channel();
    let work = Box::new(move || -> Answer {
        let done = catch_unwind(AssertUnwindSafe(work));
        // Nobody may be waiting any more, and that is fine.
        Box::new(move || drop(send.send(done)))
    });
    (work, receive)
}

/// What came of work; nothing came when the queue was emptied before it began.
fn outcome<T>(received: Result<thread::Result<T>, oneshot::error::RecvError>) -> Result<T, Refused> {
    match received {
        Ok(done) => done.map_err(|_| Refused::Panicked),
        Err(_) => Err(Refused::ShuttingDown),
    }
}

/// Work in the background. Dropping it gives its place back; work that has begun ends, and its result is dropped.
#[derive(Debug)]
pub struct Later<T> {
    receive: oneshot::Receiver<thread::Result<T>>,
    _place: Place,
}

impl<T> Later<T> {
    /// Its result.
    ///
    /// # Errors
    /// When the pool is closed before the work began, or the work panics.
    pub async fn done(self) -> Result<T, Refused> {
        let Self { receive, _place } = self;
        outcome(receive.await)
    }
}

/// A job's place in the queue or in the background; given back when dropped, if the work has not begun.
#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let given_up = {
            let mut state = lock(&self.shared.state);
            state.give_up(self.id)
        };
        // It may have held up others.
        if given_up.as_ref().is_some_and(|job| job.weight > 0) {
            self.shared.wake.notify_all();
        }
        // The photo in it is freed outside of the lock.
        drop(given_up);
    }
}

/// No code panics while it holds a lock here; should one, the queue is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

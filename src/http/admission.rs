//! Who is let in: a fixed number of threads for the work, and a queue before them that never grows beyond its places.
//!
//! A photo takes tens of milliseconds of one core, so the event loop hands it to these threads and never computes
//! itself. When the queue is full the answer is "no" at once: a queue that grows only turns a busy minute into timeouts
//! for everyone. A request that is given up, by its client or its deadline, leaves the queue and frees its place.
//!
//! Threads bound the time that photos take, not the memory: a large photo takes hundreds of times that of a small one. So a
//! job has a weight in bytes, and the heavy jobs at work share a fixed room. A heavy job that has no room waits, the heavy
//! ones behind it wait too, so that it has its turn, and light ones pass it by. Half of the places are for light jobs alone.

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
        let state = State { queue: VecDeque::with_capacity(places), next: 0, busy: 0, taken: 0, open: true };
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
        let (send, receive) = oneshot::channel();
        let work = Box::new(move || -> Answer {
            let done = catch_unwind(AssertUnwindSafe(work));
            // Nobody may be waiting any more, and that is fine.
            Box::new(move || drop(send.send(done)))
        });
        let _place = self.shared.enter(weight, work)?;
        match tokio::time::timeout(within, receive).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(_))) => Err(Refused::Panicked),
            // The queue was emptied before the work began.
            Ok(Err(_)) => Err(Refused::ShuttingDown),
            Err(_) => Err(Refused::Deadline),
        }
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
            std::mem::take(&mut state.queue)
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
        let weight = if weight > LIGHT { weight.min(self.room) } else { 0 };
        // Heavy jobs wait for each other; were all places theirs, a thread could be idle and every small photo refused.
        let heavy = state.queue.iter().filter(|job| job.weight > 0).count();
        if weight > 0 && heavy >= (self.places / 2).max(1) {
            return Err(Refused::Full);
        }
        let id = state.next;
        state.next += 1;
        state.queue.push_back(Job { id, weight, work });
        self.wake.notify_one();
        Ok(Place { shared: Arc::clone(self), id })
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
            } else if state.open || !state.queue.is_empty() {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return;
            }
        }
    }

    /// Takes the first job that has room out of the queue.
    fn take(&self, state: &mut State) -> Option<Job> {
        let left = self.room - state.taken;
        let mut held_up = false;
        let at = state.queue.iter().position(|job| {
            held_up |= job.weight > left;
            job.weight == 0 || !held_up
        })?;
        let job = state.queue.remove(at)?;
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

/// A request's place in the queue; given back when dropped, if the work has not begun.
struct Place {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let given_up = {
            let mut state = lock(&self.shared.state);
            let at = state.queue.iter().position(|job| job.id == self.id);
            at.and_then(|at| state.queue.remove(at))
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
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    /// Room for heavy jobs in the tests.
    const ROOM: u64 = 10 * LIGHT;

    type Running = tokio::task::JoinHandle<Result<(), Refused>>;

    fn pool(threads: usize, places: usize) -> Arc<Pool> {
        let many = |n| NonZeroUsize::new(n).expect("not zero");
        let room = NonZeroU64::new(ROOM).expect("not zero");
        Arc::new(Pool::start(many(threads), many(places), room).expect("threads"))
    }

    /// Occupies a thread until the returned sender is dropped.
    async fn occupy(pool: &Arc<Pool>, weight: u64) -> (mpsc::Sender<()>, Running) {
        let (release, wait) = mpsc::channel::<()>();
        let (begun, started) = oneshot::channel();
        let own = Arc::clone(pool);
        let task = tokio::spawn(async move {
            own.run(LONG, weight, move || {
                begun.send(()).expect("the test waits");
                let _ = wait.recv();
            })
            .await
        });
        started.await.expect("begins");
        (release, task)
    }

    /// Puts work into the queue and returns when it stands there.
    async fn queue(pool: &Arc<Pool>, within: Duration, weight: u64) -> tokio::task::JoinHandle<Result<u8, Refused>> {
        let before = pool.load().queued;
        let own = Arc::clone(pool);
        let task = tokio::spawn(async move { own.run(within, weight, || 7).await });
        while pool.load().queued == before {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool, 0).await;
        let waiting = queue(&pool, LONG, 0).await;
        assert_eq!(pool.load(), Load { queued: 1, busy: 1 });
        assert_eq!(pool.run(LONG, 0, || ()).await, Err(Refused::Full));
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        assert_eq!(waiting.await.expect("joins"), Ok(7));
        assert_eq!(pool.run(LONG, 0, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn who_gives_up_frees_the_place_and_is_never_begun() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool, 0).await;
        let waiting = queue(&pool, LONG, 0).await;
        waiting.abort();
        assert!(waiting.await.expect_err("aborted").is_cancelled());
        assert_eq!(pool.load().queued, 0);
        let next = queue(&pool, LONG, 0).await;
        drop(release);
        assert_eq!(next.await.expect("joins"), Ok(7));
        assert_eq!(first.await.expect("joins"), Ok(()));
    }

    #[tokio::test]
    async fn the_deadline_covers_waiting_and_working() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool, 0).await;
        let waiting = queue(&pool, Duration::from_millis(200), 0).await;
        assert_eq!(waiting.await.expect("joins"), Err(Refused::Deadline));
        assert_eq!(pool.load(), Load { queued: 0, busy: 1 });
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let pool = pool(1, 1);
        let bad = pool.run(LONG, 0, || -> u8 { std::panic::resume_unwind(Box::new("no message on stderr")) }).await;
        assert_eq!(bad, Err(Refused::Panicked));
        assert_eq!(pool.run(LONG, 0, || 3).await, Ok(3));
    }

    #[tokio::test]
    async fn closing_ends_what_began_and_drops_what_waits() {
        let pool = pool(1, 2);
        let (release, first) = occupy(&pool, 0).await;
        let waiting = queue(&pool, LONG, 0).await;
        let own = Arc::clone(&pool);
        let closing = tokio::task::spawn_blocking(move || own.close());
        assert_eq!(waiting.await.expect("joins"), Err(Refused::ShuttingDown));
        assert_eq!(pool.run(LONG, 0, || ()).await, Err(Refused::ShuttingDown));
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        closing.await.expect("joins");
    }
    #[tokio::test]
    async fn heavy_work_waits_for_room_and_light_work_passes_it() {
        let pool = pool(3, 9);
        let (release, first) = occupy(&pool, ROOM - LIGHT).await;
        // More than all room, and one that would fit, behind it.
        let alone = queue(&pool, LONG, 5 * ROOM).await;
        let behind = queue(&pool, LONG, LIGHT + 1).await;
        assert_eq!(pool.run(LONG, LIGHT, || 1).await, Ok(1));
        assert_eq!(pool.load(), Load { queued: 2, busy: 1 });
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        assert_eq!(alone.await.expect("joins"), Ok(7));
        assert_eq!(behind.await.expect("joins"), Ok(7));
        assert_eq!(lock(&pool.shared.state).taken, 0);
    }

    #[tokio::test]
    async fn a_heavy_job_that_gives_up_no_longer_holds_up_others() {
        let pool = pool(2, 9);
        let (release, first) = occupy(&pool, 2 * LIGHT).await;
        let alone = queue(&pool, LONG, ROOM).await;
        let behind = queue(&pool, LONG, 2 * LIGHT).await;
        alone.abort();
        assert_eq!(behind.await.expect("joins"), Ok(7), "there was room beside the first all the time");
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
    }

    #[tokio::test]
    async fn heavy_jobs_leave_places_to_light_ones() {
        let pool = pool(2, 4);
        let (release, first) = occupy(&pool, ROOM).await;
        let waiting = [queue(&pool, LONG, ROOM).await, queue(&pool, LONG, ROOM).await];
        assert_eq!(pool.run(LONG, ROOM, || 1).await, Err(Refused::Full));
        assert_eq!(pool.run(LONG, 0, || 1).await, Ok(1));
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        for job in waiting {
            assert_eq!(job.await.expect("joins"), Ok(7));
        }
    }

    #[tokio::test]
    async fn room_comes_back_after_a_panic() {
        let pool = pool(1, 1);
        let bad = pool.run(LONG, ROOM, || -> u8 { std::panic::resume_unwind(Box::new("quietly")) }).await;
        assert_eq!(bad, Err(Refused::Panicked));
        assert_eq!(pool.run(LONG, ROOM, || 3).await, Ok(3));
    }
}

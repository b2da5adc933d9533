//! Who is let in: a fixed number of threads for the work, and a queue before them that never grows beyond its places.
//!
//! A photo takes tens of milliseconds of one core, so the event loop hands it to these threads and never computes
//! itself. When the queue is full the answer is "no" at once: a queue that grows only turns a busy minute into timeouts
//! for everyone. A request that is given up, by its client or its deadline, leaves the queue and frees its place.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Every place in the queue is taken.
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
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Job>,
    next: u64,
    busy: usize,
    open: bool,
}

struct Job {
    id: u64,
    work: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts `threads` threads behind a queue of `places`.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(threads: NonZeroUsize, places: NonZeroUsize) -> std::io::Result<Self> {
        let state = State { queue: VecDeque::with_capacity(places.get()), next: 0, busy: 0, open: true };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new(), places: places.get() });
        let pool = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        for number in 0..threads.get() {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("photo-{number}")).spawn(move || shared.work())?;
            lock(&pool.threads).push(thread);
        }
        Ok(pool)
    }

    /// Does `work` on one of the threads. Dropping the future gives the place in the queue back; work that has begun
    /// ends, and its result is dropped.
    ///
    /// # Errors
    /// When there is no place, the pool is closed, `within` passes, or the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (send, receive) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody may be waiting any more, and that is fine.
            let _ = send.send(catch_unwind(AssertUnwindSafe(work)));
        });
        let _place = self.shared.enter(work)?;
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
    fn enter(self: &Arc<Self>, work: Box<dyn FnOnce() + Send>) -> Result<Place, Refused> {
        let mut state = lock(&self.state);
        if !state.open {
            return Err(Refused::ShuttingDown);
        }
        if state.queue.len() >= self.places {
            return Err(Refused::Full);
        }
        let id = state.next;
        state.next += 1;
        state.queue.push_back(Job { id, work });
        self.wake.notify_one();
        Ok(Place { shared: Arc::clone(self), id })
    }

    /// A thread's life.
    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.busy += 1;
                drop(state);
                (job.work)();
                state = lock(&self.state);
                state.busy -= 1;
            } else if state.open {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return;
            }
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

    fn pool(threads: usize, places: usize) -> Arc<Pool> {
        let many = |n| NonZeroUsize::new(n).expect("not zero");
        Arc::new(Pool::start(many(threads), many(places)).expect("threads"))
    }

    /// Occupies the one thread until the returned sender is dropped.
    async fn occupy(pool: &Arc<Pool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Refused>>) {
        let (release, wait) = mpsc::channel::<()>();
        let (begun, started) = oneshot::channel();
        let own = Arc::clone(pool);
        let task = tokio::spawn(async move {
            own.run(LONG, move || {
                begun.send(()).expect("the test waits");
                let _ = wait.recv();
            })
            .await
        });
        started.await.expect("begins");
        (release, task)
    }

    /// Puts work into the queue and returns when it stands there.
    async fn queue(pool: &Arc<Pool>, within: Duration) -> tokio::task::JoinHandle<Result<u8, Refused>> {
        let before = pool.load().queued;
        let own = Arc::clone(pool);
        let task = tokio::spawn(async move { own.run(within, || 7).await });
        while pool.load().queued == before {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool).await;
        let waiting = queue(&pool, LONG).await;
        assert_eq!(pool.load(), Load { queued: 1, busy: 1 });
        assert_eq!(pool.run(LONG, || ()).await, Err(Refused::Full));
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        assert_eq!(waiting.await.expect("joins"), Ok(7));
        assert_eq!(pool.run(LONG, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn who_gives_up_frees_the_place_and_is_never_begun() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool).await;
        let waiting = queue(&pool, LONG).await;
        waiting.abort();
        assert!(waiting.await.expect_err("aborted").is_cancelled());
        assert_eq!(pool.load().queued, 0);
        let next = queue(&pool, LONG).await;
        drop(release);
        assert_eq!(next.await.expect("joins"), Ok(7));
        assert_eq!(first.await.expect("joins"), Ok(()));
    }

    #[tokio::test]
    async fn the_deadline_covers_waiting_and_working() {
        let pool = pool(1, 1);
        let (release, first) = occupy(&pool).await;
        let waiting = queue(&pool, Duration::from_millis(200)).await;
        assert_eq!(waiting.await.expect("joins"), Err(Refused::Deadline));
        assert_eq!(pool.load(), Load { queued: 0, busy: 1 });
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let pool = pool(1, 1);
        let bad = pool.run(LONG, || -> u8 { std::panic::resume_unwind(Box::new("no message on stderr")) }).await;
        assert_eq!(bad, Err(Refused::Panicked));
        assert_eq!(pool.run(LONG, || 3).await, Ok(3));
    }

    #[tokio::test]
    async fn closing_ends_what_began_and_drops_what_waits() {
        let pool = pool(1, 2);
        let (release, first) = occupy(&pool).await;
        let waiting = queue(&pool, LONG).await;
        let own = Arc::clone(&pool);
        let closing = tokio::task::spawn_blocking(move || own.close());
        assert_eq!(waiting.await.expect("joins"), Err(Refused::ShuttingDown));
        assert_eq!(pool.run(LONG, || ()).await, Err(Refused::ShuttingDown));
        drop(release);
        assert_eq!(first.await.expect("joins"), Ok(()));
        closing.await.expect("joins");
    }
}

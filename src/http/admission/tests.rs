//! Who is let in, in which order.

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

#[tokio::test]
async fn the_background_waits_for_requests_and_not_the_other_way_round() {
    let pool = pool(1, 2);
    let (release, first) = occupy(&pool, 0).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what| {
        let order = Arc::clone(&order);
        move || lock(&order).push(what)
    };
    let behind: Vec<_> = (0..50).map(|_| pool.later(0, note("batch")).expect("open")).collect();
    assert_eq!(pool.load().queued, 0, "the background takes no place from requests");
    let (own, work) = (Arc::clone(&pool), note("request"));
    let request = tokio::spawn(async move { own.run(LONG, 0, work).await });
    while pool.load().queued == 0 {
        tokio::task::yield_now().await;
    }
    drop(release);
    assert_eq!((first.await.expect("joins"), request.await.expect("joins")), (Ok(()), Ok(())));
    for work in behind {
        assert_eq!(work.done().await, Ok(()));
    }
    assert_eq!(lock(&order)[..2], ["request", "batch"], "it came last and was begun first");
}

#[tokio::test]
async fn the_background_leaves_room_to_a_large_photo_that_waits_for_it() {
    let pool = pool(3, 9);
    let (release, first) = occupy(&pool, ROOM - LIGHT).await;
    let heavy = queue(&pool, LONG, ROOM).await;
    let behind = pool.later(0, || 1).expect("open");
    let given_up = pool.later(LIGHT + 1, || 2).expect("open");
    assert_eq!(pool.load(), Load { queued: 1, busy: 1 });
    drop(given_up);
    drop(release);
    assert_eq!((first.await.expect("joins"), heavy.await.expect("joins")), (Ok(()), Ok(7)));
    assert_eq!(behind.done().await, Ok(1));
    assert!(lock(&pool.shared.state).background.is_empty());
}

#[tokio::test]
async fn closing_drops_the_background_and_a_panic_in_it_costs_one_result() {
    let pool = pool(1, 1);
    let bad = pool.later(ROOM, || -> u8 { std::panic::resume_unwind(Box::new("quietly")) }).expect("open");
    assert_eq!(bad.done().await, Err(Refused::Panicked));
    let (release, first) = occupy(&pool, 0).await;
    let behind = pool.later(0, || 1).expect("open");
    let own = Arc::clone(&pool);
    let closing = tokio::task::spawn_blocking(move || own.close());
    assert_eq!(behind.done().await, Err(Refused::ShuttingDown));
    assert_eq!(pool.later(0, || 1).err(), Some(Refused::ShuttingDown));
    drop(release);
    assert_eq!(first.await.expect("joins"), Ok(()));
    closing.await.expect("joins");
}

//! Puts load on a running service and prints how it bears it. The figures of `docs/performance.md` come from here.
//!
//! Without `--rate` each client sends its next photo when the last is answered: the throughput. With `--rate` photos
//! are sent at fixed times whether or not earlier ones are answered, and waiting counts from those times: what
//! happens when more comes than can be done.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use ureq::Agent;

#[derive(Debug, Parser)]
struct Args {
    /// Address of the service, such as http://127.0.0.1:8080
    url: String,
    /// Folder of photos; they are sent in turn
    photos: PathBuf,
    /// Photos offered a second; without it, as many as are answered
    #[arg(long)]
    rate: Option<f64>,
    /// Connections
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Seconds to send for
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Process id of the service, to watch its memory (Linux)
    #[arg(long)]
    pid: Option<u32>,
    /// Key, when the service needs one
    #[arg(long)]
    key: Option<String>,
}

/// What is asked of all clients together.
struct Run {
    args: Args,
    photos: Vec<Vec<u8>>,
    start: Instant,
    next: AtomicU64,
    answers: Mutex<Vec<(u16, Duration)>>,
    done: AtomicBool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let mut files: Vec<PathBuf> =
        fs::read_dir(&args.photos)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    let photos: Vec<Vec<u8>> = files.iter().map(fs::read).collect::<Result<_, _>>()?;
    if photos.is_empty() {
        return Err("no photos in the folder".into());
    }
    let before = args.pid.and_then(resident);
    let run = Run {
        photos,
        start: Instant::now(),
        next: AtomicU64::new(0),
        answers: Mutex::default(),
        done: AtomicBool::new(false),
        args,
    };
    let peak = thread::scope(|scope| {
        let watch = scope.spawn(|| run.watch());
        let clients: Vec<_> = (0..run.args.clients).map(|_| scope.spawn(|| run.client())).collect();
        for client in clients {
            // A client that panicked has printed why.
            let _ = client.join();
        }
        run.done.store(true, Ordering::Relaxed);
        watch.join().unwrap_or_default()
    });
    let elapsed = run.start.elapsed().as_secs_f64();
    let mut by_status: BTreeMap<u16, Vec<Duration>> = BTreeMap::new();
    for (status, time) in run.answers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        by_status.entry(status).or_default().push(time);
    }
    println!("status    count     /s   p50 ms   p90 ms   p99 ms   max ms   (0: no answer)");
    for (status, mut times) in by_status {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let (count, rate) = (times.len(), times.len() as f64 / elapsed);
        println!("{status:6} {count:8} {rate:6.1} {:8.1} {:8.1} {:8.1} {:8.1}", at(0.5), at(0.9), at(0.99), at(1.0));
    }
    let mib = |kib: Option<u64>| kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.0} MiB", kib as f64 / 1024.0));
    if run.args.pid.is_some() {
        thread::sleep(Duration::from_secs(2));
        println!(
            "memory of the service: {} before, {} at most, {} after",
            mib(before),
            mib(peak),
            mib(run.args.pid.and_then(resident))
        );
    }
    Ok(())
}

impl Run {
    /// The time the next photo is due, and which it is; `None` when the run is over.
    fn due(&self) -> Option<(Instant, &[u8])> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.args.rate {
            Some(rate) => self.start + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        let photo = &self.photos[number as usize % self.photos.len()];
        (due.duration_since(self.start).as_secs_f64() < self.args.seconds).then_some((due, photo))
    }

    fn client(&self) {
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/v1/check", self.args.url);
        while let Some((due, photo)) = self.due() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut request = agent.post(&url).content_type("image/jpeg");
            if let Some(key) = &self.args.key {
                request = request.header("Authorization", format!("Bearer {key}"));
            }
            let status = request.send(photo).and_then(|mut answer| {
                answer.body_mut().read_to_vec()?;
                Ok(answer.status().as_u16())
            });
            let answer = (status.unwrap_or(0), due.elapsed());
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        }
    }

    /// The most memory the service had while the clients ran, in KiB.
    fn watch(&self) -> Option<u64> {
        let mut peak = None;
        while !self.done.load(Ordering::Relaxed) {
            peak = peak.max(self.args.pid.and_then(resident));
            thread::sleep(Duration::from_millis(100));
        }
        peak
    }
}

/// Resident memory of a process in KiB.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

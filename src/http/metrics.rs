//! Every metric: its name, its help, its labels. Labels have few values, and none tells of a person or a key.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::admission::Load;

/// Seconds, from a page out of memory to a deadline.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Labels of an answered request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answer {
    /// The pattern of the path, or `unmatched`.
    pub route: String,
    /// The status.
    pub status: u16,
    /// The problem's code, or empty.
    pub code: &'static str,
}

/// Labels of a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// The pattern of the path, or `unmatched`.
    pub route: String,
}

/// Labels of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Verdict {
    /// What was asked: `check`, `normalize`, `submit` or `batch`.
    pub action: &'static str,
    /// The profile's id.
    pub profile: String,
    /// The verdict.
    pub verdict: &'static str,
}

/// Labels of work.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Action {
    /// What was asked: `check`, `normalize`, `submit` or `batch`.
    pub action: &'static str,
}

/// Labels of a submission that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kept {
    /// Where it stands at first: `accepted`, `rejected` or `waiting`.
    pub state: &'static str,
}

/// Labels of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Decided {
    /// `accept` or `reject`.
    pub outcome: &'static str,
}

/// Labels of a batch that ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Ended {
    /// How: `done`, `cancelled` or `failed`.
    pub state: &'static str,
}

/// Times by labels.
pub type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of a service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Answers sent.
    pub requests: Family<Answer, Counter>,
    /// Time to an answer.
    pub request_seconds: Times<Route>,
    /// Time of the work on a photo alone.
    pub work_seconds: Times<Action>,
    /// Verdicts given.
    pub verdicts: Family<Verdict, Counter>,
    /// Connections open now.
    pub connections: Gauge,
    /// Work that panicked.
    pub panics: Counter,
    /// Submissions kept.
    pub submissions: Family<Kept, Counter>,
    /// Decisions kept.
    pub decisions: Family<Decided, Counter>,
    /// Submissions that wait for a reviewer.
    pub waiting: Gauge,
    /// Batches being worked on now.
    pub batches_running: Gauge,
    /// Batches that ended.
    pub batches: Family<Ended, Counter>,
    /// Photos of batches that have their row.
    pub batch_photos: Counter,
    queued: Gauge,
    busy: Gauge,
    threads: Gauge,
    places: Gauge,
}

fn times<L: Clone + Eq + std::hash::Hash>() -> Times<L> {
    Family::new_with_constructor(|| Histogram::new(BUCKETS))
}

impl Metrics {
    /// All at zero, for a pool of `threads` threads and `places` places.
    pub fn new(threads: usize, places: usize) -> Self {
        let mut registry = Registry::with_prefix("gradphoto");
        let own = Self {
            requests: Family::default(),
            request_seconds: times(),
            work_seconds: times(),
            verdicts: Family::default(),
            connections: Gauge::default(),
            panics: Counter::default(),
            submissions: Family::default(),
            decisions: Family::default(),
            waiting: Gauge::default(),
            batches_running: Gauge::default(),
            batches: Family::default(),
            batch_photos: Counter::default(),
            queued: Gauge::default(),
            busy: Gauge::default(),
            threads: Gauge::default(),
            places: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Answers sent, by route, status and problem code", own.requests.clone());
        registry.register_with_unit("request", "Time from head to answer", Unit::Seconds, own.request_seconds.clone());
        registry.register_with_unit(
            "work",
            "Time of the work on a photo alone",
            Unit::Seconds,
            own.work_seconds.clone(),
        );
        registry.register("verdicts", "Verdicts given, by action, profile and verdict", own.verdicts.clone());
        registry.register("connections", "Connections open now", own.connections.clone());
        registry.register("panics", "Work that panicked; each is a bug to report", own.panics.clone());
        registry.register("submissions", "Submissions kept, by their state at first", own.submissions.clone());
        registry.register("decisions", "Decisions of reviewers kept, by outcome", own.decisions.clone());
        registry.register("review_waiting", "Submissions that wait for a reviewer", own.waiting.clone());
        registry.register("batches_running", "Batches being worked on now", own.batches_running.clone());
        registry.register("batches", "Batches that ended, by how", own.batches.clone());
        registry.register("batch_photos", "Files of batches that have their result", own.batch_photos.clone());
        registry.register("queue_length", "Requests that wait", own.queued.clone());
        registry.register("queue_places", "Requests that may wait", own.places.clone());
        registry.register("workers_busy", "Threads that work on a photo", own.busy.clone());
        registry.register("workers", "Threads for photos", own.threads.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        own.threads.set(i64::try_from(threads).unwrap_or(i64::MAX));
        own.places.set(i64::try_from(places).unwrap_or(i64::MAX));
        Self { registry, ..own }
    }

    /// The metrics in the OpenMetrics text format.
    pub fn render(&self, load: Load) -> String {
        self.queued.set(i64::try_from(load.queued).unwrap_or(i64::MAX));
        self.busy.set(i64::try_from(load.busy).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut out, &self.registry);
        out
    }
}

/// The Content-Type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_name_and_help() {
        let metrics = Metrics::new(2, 8);
        metrics.requests.get_or_create(&Answer { route: "/healthz".into(), status: 200, code: "" }).inc();
        metrics.request_seconds.get_or_create(&Route { route: "/healthz".into() }).observe(0.003);
        let text = metrics.render(Load { queued: 3, busy: 1 });
        for line in [
            "gradphoto_requests_total{route=\"/healthz\",status=\"200\",code=\"\"} 1",
            "gradphoto_queue_length 3",
            "gradphoto_queue_places 8",
            "gradphoto_workers_busy 1",
            "gradphoto_request_seconds_bucket{le=\"0.005\",route=\"/healthz\"} 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}

//! Traces for an OpenTelemetry collector: a span for each request, with its waiting and its working below it.
//!
//! A span holds the method, the pattern of the path, the status and the problem's code, and times: nothing that a client
//! wrote, so no photo, no name and no key. A proxy's `traceparent` becomes the parent. Spans go out in batches from a thread
//! of their own; when the collector is away they are dropped, and requests notice nothing.
//!
//! The exporter is in the program with the feature `otel` only.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use axum::http::Method;

use super::config;

/// When work on a photo was asked for, begun and done. Written on the way, read when the request ends.
#[derive(Debug, Clone, Default)]
pub struct Stages(Arc<[OnceLock<Instant>; 3]>);

/// A moment in the life of work on a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It stands in the queue.
    Asked,
    /// A thread took it.
    Begun,
    /// The thread is done.
    Done,
}

impl Stages {
    /// Notes that a stage is reached now; only the first time counts.
    pub fn reach(&self, stage: Stage) {
        let _ = self.0[stage as usize].set(Instant::now());
    }

    fn at(&self, stage: Stage) -> Option<Instant> {
        self.0[stage as usize].get().copied()
    }

    /// From being asked for to being begun, and from there to the end, as far as that was reached by `now`.
    fn spans(&self, now: Instant) -> [Option<[Instant; 2]>; 2] {
        let [asked, begun, done] = [Stage::Asked, Stage::Begun, Stage::Done].map(|stage| self.at(stage));
        let until = |end: Option<Instant>| move |start| [start, end.unwrap_or(now)];
        [asked.map(until(begun)), begun.map(until(done))]
    }

    /// Milliseconds of waiting and of working until `now`; `None` for what did not begin.
    pub fn ms(&self, now: Instant) -> [Option<f64>; 2] {
        self.spans(now).map(|span| span.map(|[start, end]| end.saturating_duration_since(start).as_secs_f64() * 1e3))
    }
}

/// A request that was answered.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The pattern of its path.
    pub route: &'a str,
    /// Its `traceparent`.
    pub parent: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// The problem's code, or empty.
    pub code: &'static str,
    /// When its head was there, on both clocks.
    pub start: (SystemTime, Instant),
    /// When the answer was.
    pub end: Instant,
    /// The stages of its work.
    pub stages: &'a Stages,
}

/// Why nothing can be sent to a collector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The program was built without it.
    #[error(
        "telemetry.endpoint is set, and this program was built without OpenTelemetry: build it with \
         `cargo build --release --features otel`, or leave the setting out"
    )]
    NotBuilt,
    /// The address cannot be used.
    #[error(
        "telemetry.endpoint: `{0}` is no address of a collector here; write it like http://127.0.0.1:4318 (OTLP over plain \
         HTTP, to a collector on this machine or a network you trust)"
    )]
    Endpoint(String),
    /// The exporter cannot be made.
    #[error("telemetry: {0}")]
    Exporter(String),
}

/// Where spans go: to a collector, or nowhere.
#[derive(Debug)]
pub struct Telemetry(Option<exporter::Exporter>);

impl Telemetry {
    /// What `config` asks for. Makes no connection yet.
    ///
    /// # Errors
    /// When the program was built without it, or the address cannot be used.
    pub fn start(config: &config::Telemetry) -> Result<Self, TelemetryError> {
        let Some(endpoint) = &config.endpoint else { return Ok(Self(None)) };
        Ok(Self(Some(exporter::Exporter::start(endpoint, &config.service)?)))
    }

    /// Tells of a request. Never waits.
    pub fn tell(&self, answered: &Answered<'_>) {
        if let Self(Some(exporter)) = self {
            exporter.tell(answered);
        }
    }

    /// Sends what is left, for a few seconds at most. Blocks.
    pub fn close(&self) {
        if let Self(Some(exporter)) = self {
            exporter.close();
        }
    }
}

#[cfg(not(feature = "otel"))]
mod exporter {
    use super::{Answered, TelemetryError};

    /// There is none in this program.
    #[derive(Debug)]
    pub(super) enum Exporter {}

    impl Exporter {
        pub(super) fn start(_: &str, _: &str) -> Result<Self, TelemetryError> {
            Err(TelemetryError::NotBuilt)
        }

        pub(super) fn tell(&self, _: &Answered<'_>) {
            match *self {}
        }

        pub(super) fn close(&self) {
            match *self {}
        }
    }
}

#[cfg(feature = "otel")]
mod exporter {
    use std::future::{Future, ready};
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant, SystemTime};

    use axum::http::Method;
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
    use opentelemetry::{Context, KeyValue};
    use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
    use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

    use super::{Answered, TelemetryError};

    /// How long a batch may take to be sent, and the last one at the end.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// Where a collector takes spans (OTLP/HTTP).
    const PATH: &str = "/v1/traces";
    /// Longest answer of a collector that is read, in bytes.
    const ANSWER_MAX: u64 = 64 << 10;

    /// Sends spans to a collector.
    #[derive(Debug)]
    pub(super) struct Exporter {
        provider: SdkTracerProvider,
        tracer: SdkTracer,
    }

    impl Exporter {
        pub(super) fn start(endpoint: &str, service: &str) -> Result<Self, TelemetryError> {
            let base = endpoint.trim_end_matches('/');
            let host = base.strip_prefix("http://").filter(|host| !host.is_empty() && !host.starts_with('/'));
            if host.is_none() || base.parse::<axum::http::Uri>().is_err() {
                return Err(TelemetryError::Endpoint(endpoint.to_owned()));
            }
            let url = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(Client::new())
                .with_endpoint(url)
                .with_timeout(PATIENCE)
                .build()
                .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
            // Nothing of the machine but what is named here.
            let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
            let resource =
                Resource::builder_empty().with_service_name(service.to_owned()).with_attribute(version).build();
            let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
            let tracer = provider.tracer("gradphoto");
            Ok(Self { provider, tracer })
        }

        pub(super) fn tell(&self, answered: &Answered<'_>) {
            let (wall, start) = answered.start;
            let at = |moment: Instant| -> SystemTime { wall + moment.saturating_duration_since(start) };
            let method = known(answered.method);
            let parent = TraceContextPropagator::new().extract(&TraceParent(answered.parent));
            let mut span = self.tracer.build_with_context(
                SpanBuilder::from_name(format!("{method} {}", answered.route))
                    .with_kind(SpanKind::Server)
                    .with_start_time(wall),
                &parent,
            );
            span.set_attribute(KeyValue::new("http.request.method", method));
            span.set_attribute(KeyValue::new("http.route", answered.route.to_owned()));
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(answered.status)));
            if !answered.code.is_empty() {
                span.set_attribute(KeyValue::new("error.type", answered.code));
            }
            if answered.status >= 500 {
                span.set_status(Status::error(answered.code));
            }
            let below = Context::new().with_remote_span_context(span.span_context().clone());
            for (name, stage) in ["wait", "work"].into_iter().zip(answered.stages.spans(answered.end)) {
                let Some([begin, end]) = stage else { continue };
                let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Internal).with_start_time(at(begin));
                self.tracer.build_with_context(builder, &below).end_with_timestamp(at(end));
            }
            span.end_with_timestamp(at(answered.end));
        }

        pub(super) fn close(&self) {
            if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
                tracing::warn!(%error, "the last spans did not reach the collector");
            }
        }
    }

    /// A method by a name of its own; a stranger's word is none.
    fn known(method: &Method) -> &'static str {
        match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            "PATCH" => "PATCH",
            _ => "_OTHER",
        }
    }

    /// The one header that is taken from a request: `tracestate` may hold any text.
    struct TraceParent<'a>(Option<&'a str>);

    impl Extractor for TraceParent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.filter(|_| key == "traceparent")
        }

        fn keys(&self) -> Vec<&str> {
            vec!["traceparent"]
        }
    }

    /// Plain HTTP, on the thread that sends the batches. Says once when the collector is away, and once when it is back.
    #[derive(Debug)]
    struct Client {
        agent: ureq::Agent,
        away: AtomicBool,
    }

    impl Client {
        fn new() -> Self {
            let config = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .proxy(None)
                .max_redirects(0)
                .timeout_global(Some(PATIENCE));
            Self { agent: ureq::Agent::new_with_config(config.build()), away: AtomicBool::new(false) }
        }

        fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let (head, body) = request.into_parts();
            let answer = self.agent.run(Request::from_parts(head, body.to_vec()))?;
            let (head, mut body) = answer.into_parts();
            let body = body.with_config().limit(ANSWER_MAX).read_to_vec()?;
            Ok(Response::from_parts(head, body.into()))
        }
    }

    impl HttpClient for Client {
        fn send_bytes<'a, 'b>(
            &'a self,
            request: Request<Bytes>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            let answer = self.send(request);
            let fault = match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(answer.status().to_string()),
                Err(error) => Some(error.to_string()),
            };
            match fault {
                Some(fault) if !self.away.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(fault, "the collector takes no spans; they are dropped until it does");
                }
                None if self.away.swap(false, Ordering::Relaxed) => tracing::info!("the collector takes spans again"),
                _ => {}
            }
            Box::pin(ready(answer))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stages_are_times_as_far_as_they_were_reached() {
        let stages = Stages::default();
        assert_eq!(stages.ms(Instant::now()), [None, None]);
        stages.reach(Stage::Asked);
        let later = Instant::now() + Duration::from_secs(2);
        assert!(matches!(stages.ms(later), [Some(waiting), None] if waiting >= 2000.0));
        stages.reach(Stage::Begun);
        stages.reach(Stage::Done);
        let first = stages.ms(later);
        stages.reach(Stage::Begun);
        assert_eq!(stages.ms(later), first, "the first time counts");
        assert!(matches!(first, [Some(waiting), Some(working)] if waiting < 2000.0 && working < 2000.0));
    }

    #[test]
    fn nothing_is_sent_unless_an_address_is_set() {
        let config = |endpoint: Option<&str>| config::Telemetry {
            endpoint: endpoint.map(str::to_owned),
            ..config::Telemetry::default()
        };
        assert!(Telemetry::start(&config(None)).expect("off").0.is_none());
        for endpoint in ["https://127.0.0.1:4318", "127.0.0.1:4318", "http://", "http:///v1/traces", "http://a b"] {
            let error = Telemetry::start(&config(Some(endpoint))).expect_err(endpoint).to_string();
            let says = if cfg!(feature = "otel") { "http://127.0.0.1:4318" } else { "--features otel" };
            assert!(error.contains(says), "{error}");
        }
    }
}

//! Spans to a collector of OpenTelemetry, over gRPC.
//!
//! Spans wait in a bounded queue for a thread of their own, which sends them on. A collector that is slow or gone costs
//! spans and nothing else: what does not fit in the queue is dropped, and the end of the process waits for what is left
//! no longer than [`FLUSH`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter, SpanLimits},
};
use tokio::{
    task::spawn_blocking,
    time::{Duration, timeout},
};
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::spans;

/// How many spans wait to be sent, at most: some hundred bytes each, and a second of a storm of new streams.
const QUEUE: usize = 4096;
/// How many are sent at once.
const AT_ONCE: usize = 512;
/// How long a span waits for others to be sent with.
const GATHER: Duration = Duration::from_secs(2);
/// How long the collector may take to take them.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the process waits for what is left.
const FLUSH: Duration = Duration::from_secs(2);
/// Attributes of a span, of which ours have less than ten.
const ATTRIBUTES: u32 = 16;

/// Where a collector listens, as `http://host:4317`.
///
/// # Errors
/// What would be right.
pub fn endpoint(text: &str) -> Result<String, String> {
    let uri: Option<http::Uri> = text.parse().ok();
    let is_good = |uri: &http::Uri| {
        uri.scheme_str() == Some("http")
            && uri.authority().is_some_and(|authority| authority.port_u16().is_some())
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
    };
    match uri.filter(is_good) {
        Some(_) => Ok(text.to_owned()),
        None => {
            Err("write http://host:port of a collector that speaks OTLP over gRPC without TLS, for example \
                     http://127.0.0.1:4317"
                .to_owned())
        }
    }
}

/// What sends spans. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// Sends spans to this [`endpoint`]. It has to be called in a runtime, which keeps the connection; nothing is sent
    /// yet.
    pub(super) fn open(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic();
        let exporter = exporter.with_endpoint(endpoint).with_timeout(PATIENCE).build()?;
        let is_failing = Arc::new(AtomicBool::new(false));
        let exporter = Telling { exporter, endpoint: endpoint.to_owned(), is_failing };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(AT_ONCE)
            .with_scheduled_delay(GATHER)
            .build();
        let resource = Resource::builder()
            .with_service_name(env!("CARGO_PKG_NAME"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let limits = SpanLimits {
            max_attributes_per_span: ATTRIBUTES,
            max_events_per_span: 0,
            ..SpanLimits::default()
        };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
            .with_resource(resource)
            .with_span_limits(limits)
            .build();
        Ok(Self { provider })
    }

    /// What takes spans of this program, and nothing of the libraries below it.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            // A stream's span is entered by nobody, and how long that lasts is the span itself.
            .with_tracked_inactivity(false);
        layer.with_filter(Targets::new().with_target(spans::TARGET, Level::DEBUG))
    }

    /// Sends what is left, and nothing after it.
    pub(super) async fn finish(self) {
        let flush = spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH));
        // It has a bound of its own, which a thread that cannot be had does not know of.
        _ = timeout(2 * FLUSH, flush).await;
    }
}

/// Sends spans, and says when that begins to fail and when it works again.
#[derive(Debug)]
struct Telling {
    exporter: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    is_failing: Arc<AtomicBool>,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let outcome = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        let endpoint = &self.endpoint;
        match (&outcome, was_failing) {
            (Err(error), false) => tracing::warn!(
                "cannot send spans to {endpoint} (--otlp-endpoint): {error}; they are lost until it takes them, and \
                 clients are not affected"
            ),
            (Ok(()), true) => tracing::info!("{endpoint} takes spans again"),
            _ => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, time: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(time)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_without_tls_and_path() {
        for text in ["http://127.0.0.1:4317", "http://collector.monitoring:4317/", "http://[::1]:4317"] {
            assert_eq!(endpoint(text).as_deref(), Ok(text));
        }
        for text in
            ["", "127.0.0.1:4317", "https://a:4317", "http://", "http://a:4317/v1/traces", "http://a:b"]
        {
            assert!(endpoint(text).unwrap_err().contains("write http://host:port"), "{text}");
        }
    }
}

//! What is known only by looking at every topic and every subscriber, which is done when somebody asks: what there is to
//! count changes with each message, and nobody who sends one shall count for it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use tokio::time::{Duration, Instant};

use super::{linkerd::LOCAL, series::Series};
use crate::{
    resolve::Answer,
    topic::{Topic, Topics},
};

/// For how long what was found is shown again. Scrapers come less often; whoever asks without a pause makes us look at
/// every stream once in this time, and not without a pause.
const SHOWN_AGAIN: Duration = Duration::from_secs(1);

/// Adds what these topics tell to a registry.
pub fn register(registry: &mut Registry, topics: Arc<Topics>) {
    registry.register_collector(Box::new(Sweep { topics, last: Mutex::default() }));
}

#[derive(Debug)]
struct Sweep {
    topics: Arc<Topics>,
    /// When it was last looked, and what was found.
    last: Mutex<Option<(Instant, Found)>>,
}

impl Sweep {
    fn found(&self) -> Found {
        // What is in there is replaced as a whole: a panic leaves nothing half done.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((looked, found)) = *last
            && now.saturating_duration_since(looked) < SHOWN_AGAIN
        {
            return found;
        }
        let mut found = Found::default();
        self.topics.all().iter().for_each(|topic| found.add(topic, now));
        *last = Some((now, found));
        found
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Found {
    /// Subscribers that have not taken all that is true.
    behind: u64,
    /// For how long the one that waits longest has not.
    oldest: Duration,
    /// Endpoints, over all views of `Get`.
    endpoints: u64,
    /// Views of `Get` whose service exists.
    exist: u64,
}

impl Found {
    fn add(&mut self, topic: &Topic, now: Instant) {
        let current = topic.current();
        if let Some(Answer::Endpoints(view)) = current.as_ref().map(|current| &**current.answer()) {
            self.endpoints += view.entries().len() as u64;
            self.exist += u64::from(view.exists());
        }
        // Before there is an answer there is nothing to be behind of.
        if current.is_none() {
            return;
        }
        for subscriber in topic.all_subscribers() {
            if let Some(since) = subscriber.behind_since() {
                self.behind += 1;
                self.oldest = self.oldest.max(now.saturating_duration_since(since));
            }
        }
    }
}

impl Collector for Sweep {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let found = self.found();
        let mut show = |name: &str, help: &str, unit: Option<&Unit>, gauge: &dyn EncodeMetric| {
            gauge.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        show(
            "switchyard_streams_behind",
            "Streams that have not taken all that is true.",
            None,
            &ConstGauge::new(found.behind),
        )?;
        show(
            "switchyard_oldest_unsent_age",
            "For how long the stream that waits longest has not taken what is true.",
            Some(&Unit::Seconds),
            &ConstGauge::new(found.oldest.as_secs_f64()),
        )?;
        show(
            "endpoints_pods",
            "Endpoints, over all services and ports that are asked for.",
            None,
            &Series::from_iter([(LOCAL, ConstGauge::new(found.endpoints))]),
        )?;
        show(
            "endpoints_exists",
            "Services and ports that are asked for and exist.",
            None,
            &Series::from_iter([(LOCAL, ConstGauge::new(found.exist))]),
        )
    }
}

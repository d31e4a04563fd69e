//! What is known only by looking at every topic and every subscriber, which is done when somebody asks: what there is to
//! count changes with each message, and nobody who sends one shall count for it.

use std::{fmt, sync::Arc};

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

/// Adds what these topics tell to a registry.
pub fn register(registry: &mut Registry, topics: Arc<Topics>) {
    registry.register_collector(Box::new(Sweep { topics }));
}

#[derive(Debug)]
struct Sweep {
    topics: Arc<Topics>,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
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
        let (mut found, now) = (Found::default(), Instant::now());
        self.topics.all().iter().for_each(|topic| found.add(topic, now));

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

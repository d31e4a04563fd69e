//! How long nothing was heard of a kind of object.
//!
//! What is kept is when something was; the age is what it is when somebody asks.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
};
use tokio::time::{Duration, Instant};

use super::OfKind;
use crate::model::Kind;

/// See the module's documentation. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Ages {
    since: Instant,
    /// In the order of [`Kind::ALL`]: milliseconds after that moment, and one; 0 for a kind that does not age.
    heard: Arc<[AtomicU64; Kind::ALL.len()]>,
}

impl Default for Ages {
    fn default() -> Self {
        Self { since: Instant::now(), heard: Arc::default() }
    }
}

impl Ages {
    /// Something was heard of this kind now, if only that nothing happened. From the first time on it ages.
    pub fn heard(&self, kind: Kind) {
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard[kind as usize].store(millis + 1, Ordering::Relaxed);
    }

    /// How long ago that was; zero for a kind of which nothing is heard at all, as those of a folder.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Duration {
        match self.heard[kind as usize].load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            heard => self.since.elapsed().saturating_sub(Duration::from_millis(heard - 1)),
        }
    }
}

impl EncodeMetric for Ages {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        Kind::ALL.into_iter().try_for_each(|kind| {
            let labels = OfKind { kind: kind.as_str() };
            encoder.encode_family(&labels)?.encode_gauge(&self.of(kind).as_secs_f64())
        })
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_kind_ages_from_when_it_was_heard_of_and_others_do_not() {
        let ages = Ages::default();
        advance(Duration::from_secs(5)).await;
        ages.heard(Kind::Pod);
        advance(Duration::from_secs(3)).await;
        assert_eq!(ages.of(Kind::Pod), Duration::from_secs(3));
        assert_eq!(ages.of(Kind::Node), Duration::ZERO);
        ages.heard(Kind::Pod);
        assert_eq!(ages.of(Kind::Pod), Duration::ZERO);
    }

    #[test]
    fn kinds_are_in_the_order_of_their_numbers() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}

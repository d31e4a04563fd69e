//! A histogram of durations that many threads add to at once, many equal ones in one go.
//!
//! The library's own takes a lock for each observation; a change that goes to thousands of streams is as many.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};
use tokio::time::Duration;

/// Upper bounds in seconds of how late a message is, from 0.1 ms up.
const FROM_EVENT_TO_WIRE: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// See the module's documentation. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// Upper bounds in seconds, in ascending order; the last bucket is everything above.
    bounds: &'static [f64],
    /// One for each bound, and one for what is above the last.
    buckets: Box<[AtomicU64]>,
    /// In microseconds: of nanoseconds a u64 holds what ten thousand streams last in three weeks.
    sum: AtomicU64,
}

impl Default for Histogram {
    /// One with bounds from 0.1 ms to 10 s.
    fn default() -> Self {
        Self::with_bounds(&FROM_EVENT_TO_WIRE)
    }
}

impl Histogram {
    /// One with these upper bounds in seconds, in ascending order.
    #[must_use]
    pub fn with_bounds(bounds: &'static [f64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { counts: Arc::new(Counts { bounds, buckets, sum: AtomicU64::new(0) }) }
    }

    /// Adds a duration that was observed so many times.
    pub fn observe(&self, duration: Duration, times: u64) {
        let Counts { bounds, buckets, sum } = &*self.counts;
        let seconds = duration.as_secs_f64();
        let bucket = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        buckets[bucket].fetch_add(times, Ordering::Relaxed);
        let micros = duration.as_nanos().saturating_mul(times.into()) / 1000;
        sum.fetch_add(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many observations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().iter().sum()
    }

    /// The least bound that this part of all observations (0 to 1) did not exceed, in seconds; infinite above
    /// the last bound. `None` if there were no observations.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let buckets = self.buckets();
        let total: u64 = buckets.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a quantile is not exact")]
        let wanted = total as f64 * part;
        let mut seen = 0;
        let bucket = buckets.iter().position(|count| {
            seen += count;
            #[expect(clippy::cast_precision_loss, reason = "a quantile is not exact")]
            let enough = seen as f64 >= wanted;
            enough
        })?;
        (total > 0).then(|| self.counts.bounds.get(bucket).copied().unwrap_or(f64::INFINITY))
    }

    fn buckets(&self) -> Vec<u64> {
        self.counts.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let counts = self.buckets();
        let bounds = self.counts.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
        let sum = Duration::from_micros(self.counts.sum.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_holds_what_fifty_thousand_streams_last_in_ten_years() {
        let histogram = Histogram::with_bounds(&[1.0]);
        let ten_years = Duration::from_secs(10 * 365 * 86_400);
        histogram.observe(ten_years, 50_000);
        let micros = histogram.counts.sum.load(Ordering::Relaxed);
        assert_eq!(u128::from(micros), ten_years.as_micros() * 50_000);
        assert_eq!(histogram.buckets(), [0, 50_000]);
    }

    #[test]
    fn what_is_equal_to_a_bound_is_below_it() {
        let histogram = Histogram::with_bounds(&[0.5, 1.0]);
        for millis in [0, 500, 501, 1000, 1001] {
            histogram.observe(Duration::from_millis(millis), 1);
        }
        assert_eq!(histogram.buckets(), [2, 2, 1]);
        assert_eq!(histogram.count(), 5);
    }
}

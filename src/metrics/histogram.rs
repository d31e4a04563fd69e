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
    metrics::MetricType,
};
use tokio::time::Duration;

/// Upper bounds in seconds, from 0.1 ms up; the last bucket is everything above.
const BOUNDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// See the module's documentation. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// One for each bound, and one for what is above the last.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// In nanoseconds: a u64 is enough for five centuries of observations.
    sum: AtomicU64,
}

impl Histogram {
    /// Adds a duration that was observed so many times.
    pub fn observe(&self, duration: Duration, times: u64) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts.buckets[bucket].fetch_add(times, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts.sum.fetch_add(nanos.saturating_mul(times), Ordering::Relaxed);
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
        (total > 0).then(|| BOUNDS.get(bucket).copied().unwrap_or(f64::INFINITY))
    }

    fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        self.counts.buckets.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let counts = self.buckets();
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let sum = Duration::from_nanos(self.counts.sum.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

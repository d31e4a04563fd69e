//! Series that are all there from the start.
//!
//! The library's own family makes a series when it is first counted, so that a rate over what has not happened yet is
//! nothing instead of 0, and finds it under a lock. Here the set of labels is closed, and whoever counts holds its
//! counter.

use std::fmt::{self, Debug};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric, counter::Counter},
};

/// A metric for each of these sets of labels.
#[derive(Debug)]
pub(super) struct Series<L, M>(Vec<(L, M)>);

impl<L, M> FromIterator<(L, M)> for Series<L, M> {
    fn from_iter<I: IntoIterator<Item = (L, M)>>(series: I) -> Self {
        Self(series.into_iter().collect())
    }
}

impl<L: EncodeLabelSet, M: EncodeMetric + TypedMetric> EncodeMetric for Series<L, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(labels, metric)| metric.encode(encoder.encode_family(labels)?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

/// A counter under exactly the name that it is registered with. OpenMetrics has the names of counters end in `_total`;
/// those that Linkerd has do not, and who asks for them shall find them.
#[derive(Debug)]
pub(super) struct AsNamed(pub(super) Counter);

impl EncodeMetric for AsNamed {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(&self.0.get())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for AsNamed {
    const TYPE: MetricType = MetricType::Unknown;
}

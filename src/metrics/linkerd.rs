//! Metrics that have Linkerd's names, for its dashboards and alerts: where what is counted means the same.
//!
//! Linkerd has the first four for each service, port and host name. Here each is the sum over all of them, which is what
//! a query that sums gets from either; the number of series stays what it is, however large the cluster.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::counter::Counter,
    registry::{Registry, Unit},
};

use super::{
    Families, Histogram, OfKind, Rpc,
    series::{AsNamed, Series},
};
use crate::{grpc::method::Method, model::Kind};

/// From the change of an object to when it was heard of, in seconds.
const LAG: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0];

/// Kinds whose lag is measured, and how Linkerd spells each. Splits are ours; Nodes, ReplicaSets and Jobs it does not
/// measure; Endpoints are not watched.
const LAGGING: [(Kind, &str); 7] = [
    (Kind::Service, "services"),
    (Kind::EndpointSlice, "endpointslices"),
    (Kind::Pod, "pods"),
    (Kind::Server, "servers"),
    (Kind::ExternalWorkload, "externalworkload"),
    (Kind::ServiceProfile, "serviceprofiles"),
    (Kind::TrafficSplit, "trafficsplits"),
];

/// Which cluster something is about. There is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfCluster {
    cluster: &'static str,
}

/// This cluster, as Linkerd names it.
pub(super) const LOCAL: OfCluster = OfCluster { cluster: "local" };

/// What is counted for these metrics alone.
#[derive(Debug)]
pub struct Linkerd {
    /// Answers of `Get` that differed from the one before, each once for each view. The first of a view differs from
    /// none.
    pub endpoints_updates: Counter,
    /// The same of `GetProfile`.
    pub profile_updates: Counter,
    /// In the order of [`LAGGING`].
    lags: [Histogram; LAGGING.len()],
}

impl Default for Linkerd {
    fn default() -> Self {
        Self {
            endpoints_updates: Counter::default(),
            profile_updates: Counter::default(),
            lags: LAGGING.map(|_| Histogram::with_bounds(&LAG)),
        }
    }
}

impl Linkerd {
    /// Where the lag of a kind is counted; `None` for a kind whose lag is of no interest. Now and then one is far too
    /// long, as the managed fields do not tell of a change that only takes fields away.
    #[must_use]
    pub fn lag(&self, kind: Kind) -> Option<&Histogram> {
        let place = LAGGING.iter().position(|(lagging, _)| *lagging == kind)?;
        Some(&self.lags[place])
    }
}

/// How Linkerd spells a kind when it says how many of it there are.
fn cached(kind: Kind) -> String {
    match kind {
        Kind::EndpointSlice => "endpointslices".to_owned(),
        kind => kind.as_str().to_lowercase(),
    }
}

pub(super) fn register(registry: &mut Registry, families: &Families) {
    let Families { linkerd, streams, objects, .. } = families;
    let streams = |method: Method| streams.get_or_create_owned(&Rpc { rpc: method.as_str() });
    registry.register(
        "endpoints_subscribers",
        "Open streams of Get",
        Series::from_iter([(LOCAL, streams(Method::Get))]),
    );
    registry.register(
        "endpoints_updates",
        "Answers of Get that differed from the one before",
        Series::from_iter([(LOCAL, AsNamed(linkerd.endpoints_updates.clone()))]),
    );
    registry.register("profile_subscribers", "Open streams of GetProfile", streams(Method::GetProfile));
    registry.register(
        "profile_updates",
        "Answers of GetProfile that differed from the one before",
        AsNamed(linkerd.profile_updates.clone()),
    );
    for kind in Kind::ALL {
        let objects = objects.get_or_create_owned(&OfKind { kind: kind.as_str() });
        registry.register(
            format!("{}_cache_size", cached(kind)),
            format!("Objects known of the kind {kind}"),
            Series::from_iter([(LOCAL, objects)]),
        );
    }
    for ((kind, name), lag) in LAGGING.into_iter().zip(&linkerd.lags) {
        registry.register_with_unit(
            format!("{name}_informer_lag"),
            format!(
                "From the newest change of an object of the kind {kind}, by its managed fields, to when it was heard of; \
                 one that only took fields away counts from the change before it"
            ),
            Unit::Seconds,
            lag.clone(),
        );
    }
}

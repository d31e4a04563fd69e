//! The labels of metrics. Each has a closed set of values.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::Families;
use crate::{
    connection::Ended,
    grpc::{destination::REFUSALS, limits::Limit, method::Method, tally::Over},
    model::{Kind, Reason},
    source::kubernetes::TROUBLES,
};

/// Which method of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Rpc {
    /// `get` or `get_profile`.
    pub rpc: &'static str,
}

/// Which kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfKind {
    /// As in a manifest.
    pub kind: &'static str,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Because {
    /// One of a closed set.
    pub reason: &'static str,
}

/// Why a list or a watch of a kind had to begin again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WatchRestart {
    /// As in a manifest.
    pub kind: &'static str,
    /// One of a closed set.
    pub reason: &'static str,
}

/// A limit that was hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfLimit {
    /// One of a closed set.
    pub limit: &'static str,
}

impl Families {
    /// Makes every series there can be, so that each is 0 until something happens: a rate over one that appears when
    /// it is first counted misses that first time, and an alert on it says nothing.
    pub(super) fn fill(&self) {
        let because = |family: &Family<Because, Counter>, reasons: &mut dyn Iterator<Item = &'static str>| {
            reasons.for_each(|reason| drop(family.get_or_create(&Because { reason })));
        };
        because(&self.connections_ended, &mut Ended::ALL.into_iter().map(Ended::as_str));
        because(&self.streams_ended, &mut Over::ALL.into_iter().map(Over::as_str));
        because(&self.refused, &mut REFUSALS.into_iter());
        because(&self.warned, &mut Reason::ALL.into_iter().map(Reason::as_str));
        for limit in Limit::ALL {
            drop(self.limits_hit.get_or_create(&OfLimit { limit: limit.as_str() }));
        }
        for reason in Reason::ALL {
            drop(self.warnings.get_or_create(&Because { reason: reason.as_str() }));
        }
        for method in Method::ALL {
            let rpc = Rpc { rpc: method.as_str() };
            drop(self.streams.get_or_create(&rpc));
            drop(self.streams_started.get_or_create(&rpc));
            drop(self.messages.get_or_create(&rpc));
            drop(self.skipped.get_or_create(&rpc));
            drop(self.audits.get_or_create(&rpc));
            drop(self.audit_divergent_views.get_or_create(&rpc));
            drop(self.audit_divergences.get_or_create(&rpc));
        }
        for kind in Kind::ALL.map(Kind::as_str) {
            drop(self.objects.get_or_create(&OfKind { kind }));
            drop(self.stale.get_or_create(&OfKind { kind }));
            drop(self.undecodable.get_or_create(&OfKind { kind }));
            for reason in TROUBLES {
                drop(self.watch_restarts.get_or_create(&WatchRestart { kind, reason }));
            }
        }
    }
}

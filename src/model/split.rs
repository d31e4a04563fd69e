//! Who decides where traffic goes: TrafficSplits and ServiceProfiles.

use super::{NsName, Problem};
use crate::{
    pb::destination::{RetryBudget, Route},
    weight::Milli,
};

/// Backends of a TrafficSplit that are used; further ones are ignored with a warning. Gateway API allows 16 for a rule, and
/// each one costs every client a destination to watch.
pub const MAX_BACKENDS: usize = 500;

/// TrafficSplits of one apex that are considered, the oldest first; further ones are ignored with a warning. Only one is
/// applied.
pub const MAX_SPLITS_OF_APEX: usize = 50;

/// `dstOverrides` of a ServiceProfile that are used; further ones are ignored with a warning, as of a split's backends.
pub const MAX_OVERRIDES: usize = 500;

/// Routes of a ServiceProfile that are used; further ones are ignored with a warning. Every client of the Service is sent
/// all of them; the largest generated ones, from API descriptions, have about a thousand.
pub const MAX_ROUTES: usize = 2000;

/// A `split.smi-spec.io` TrafficSplit. Weights are read the same in every version.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSplit {
    /// Its namespace and name.
    pub name: NsName,
    /// `metadata.creationTimestamp`. The oldest split of an apex wins; one without counts as newest.
    pub created: Option<jiff::Timestamp>,
    /// `spec.service` as written.
    pub apex: Box<str>,
    /// `spec.backends` in the order of the spec, the first [`MAX_BACKENDS`].
    pub backends: Vec<Backend>,
    /// `spec.matches` is not empty: the split is for some requests only and cannot be applied.
    pub has_matches: bool,
    /// What was wrong in it.
    pub problems: Vec<Problem>,
}

/// One backend of a [`TrafficSplit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The name as written.
    pub service: Box<str>,
    /// The weight; an absent one is 0, with a [`Problem`] in the split.
    pub weight: Milli,
    /// Its place in `spec.backends`, for messages.
    pub index: usize,
}

/// A `linkerd.io/v1alpha2` ServiceProfile.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceProfile {
    /// Its namespace and name; the name is the FQDN of the service it is for.
    pub name: NsName,
    /// `spec.routes` that could be understood, already in wire form, of the first [`MAX_ROUTES`].
    pub routes: Vec<Route>,
    /// `spec.retryBudget`; `None` means the default.
    pub retry_budget: Option<RetryBudget>,
    /// `spec.dstOverrides` in order, the first [`MAX_OVERRIDES`].
    pub dst_overrides: Vec<ProfileOverride>,
    /// What was left out of it and why.
    pub problems: Vec<Problem>,
}

/// One entry of a ServiceProfile's `dstOverrides`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileOverride {
    /// `host:port`, or a host to which the requested port is added.
    pub authority: Box<str>,
    /// The weight; an absent one is 0, with a [`Problem`].
    pub weight: Milli,
    /// Its place in `spec.dstOverrides`, for messages.
    pub index: usize,
}

//! The answers of `GetProfile` in two states: where proxies that follow splits themselves send traffic.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::Share;
use crate::{pb::destination as pb, wire::Frames};

/// The bytes that gRPC puts before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// How the profile differs between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileChange {
    /// Whether it says anything before: a service or port that is not known has the empty profile.
    pub before: bool,
    /// Whether it says anything after.
    pub after: bool,
    /// Every override of either state by authority; empty if none of them differs.
    pub overrides: Vec<OverrideChange>,
    /// Whatever else differs, by its name in the protocol.
    pub fields: Vec<&'static str>,
}

/// An override in two states; it is there in at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideChange {
    /// Where it sends traffic, as `host:port`.
    pub authority: String,
    /// Its part before.
    pub before: Option<OverridePart>,
    /// Its part after.
    pub after: Option<OverridePart>,
}

/// What an override has of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverridePart {
    /// The weight that is answered; the sum, if it is listed more than once.
    pub weight: u64,
    /// What of the traffic goes there.
    pub share: Share,
}

impl ProfileChange {
    /// Between two messages that differ.
    pub(super) fn between(before: &Frames, after: &Frames) -> Self {
        let (before, after) = (read(before), read(after));
        let (old, new) = (overrides(&before), overrides(&after));
        let authorities: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let change = |authority: &String| OverrideChange {
            authority: authority.clone(),
            before: old.get(authority).copied(),
            after: new.get(authority).copied(),
        };
        let overrides = if old == new { Vec::new() } else { authorities.into_iter().map(change).collect() };
        let (a, b) = (&before, &after);
        let fields = [
            ("fully_qualified_name", a.fully_qualified_name != b.fully_qualified_name),
            ("opaque_protocol", a.opaque_protocol != b.opaque_protocol),
            ("routes", a.routes != b.routes),
            ("retry_budget", a.retry_budget != b.retry_budget),
            ("endpoint", a.endpoint != b.endpoint),
            ("parent_ref", a.parent_ref != b.parent_ref),
            ("profile_ref", a.profile_ref != b.profile_ref),
            ("order of dst_overrides", old == new && a.dst_overrides != b.dst_overrides),
        ];
        let fields = fields.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect();
        let is_something = |profile: &pb::DestinationProfile| *profile != pb::DestinationProfile::default();
        Self { before: is_something(a), after: is_something(b), overrides, fields }
    }
}

fn read(frames: &Frames) -> pb::DestinationProfile {
    let message = frames.bytes.get(PREFIX..).unwrap_or_default();
    pb::DestinationProfile::decode(message).unwrap_or_default()
}

fn overrides(profile: &pb::DestinationProfile) -> BTreeMap<String, OverridePart> {
    let mut weights: BTreeMap<String, u64> = BTreeMap::new();
    for dst in &profile.dst_overrides {
        *weights.entry(dst.authority.clone()).or_default() += u64::from(dst.weight);
    }
    let total = weights.values().sum();
    let part = |weight| OverridePart { weight, share: Share::of(weight, total) };
    weights.into_iter().map(|(authority, weight)| (authority, part(weight))).collect()
}

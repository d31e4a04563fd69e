//! A service in short: its ports, how its traffic is divided, how many of its endpoints are given out.
//!
//! A card is made from what was seen of the service and of the backends of its split; equal cards say the same, so
//! only those that differ are sent.

use indexmap::{IndexMap, IndexSet};
use serde::{Serialize, Serializer};

use super::{Sighting, shown::Seen};
use crate::{
    model::{NsName, ServiceKind},
    resolve::{
        Options,
        standing::{Declared, Standing, given_out, no_endpoints_of_its_own},
    },
    weight::Milli,
};

/// All of a destination's traffic, in the unit of [`Part::share`].
pub(super) const WHOLE: u128 = 1_000_000_000;

/// A service in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `ClusterIP`, `Headless` or `ExternalName`.
    pub kind: &'static str,
    /// Its ports: number and name, which may be empty.
    pub ports: Vec<(u16, String)>,
    /// How many of its endpoints are given out.
    pub ready: usize,
    /// How many addresses its slices have.
    pub total: usize,
    /// How its traffic is divided, if it has a split.
    pub split: Option<SplitCard>,
    /// What keeps it from having endpoints, if anything does.
    pub note: Option<String>,
    /// Another number whenever anything of its own endpoints is.
    pub revision: u64,
}

/// A split as it works.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitCard {
    /// Its name; it is in the namespace of its apex.
    pub name: String,
    /// Splits for the same apex that do nothing.
    pub others: Vec<String>,
    /// Why the apex serves itself in spite of the split, if so.
    pub idle: Option<&'static str>,
    /// The ServiceProfile whose `dstOverrides` are followed by proxies that take it, in place of the split.
    pub overridden: Option<String>,
    /// What proxies send in place of the shares below, because of `dstOverrides` of ServiceProfiles in the namespace of the
    /// service or of clients; as sentences.
    pub instead: Vec<String>,
    /// Ports at which the traffic is divided alike are together.
    pub ports: Vec<PortSplit>,
}

/// How the traffic to some ports is divided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortSplit {
    /// The ports of the apex.
    pub ports: Vec<u16>,
    /// The backends in the order of the split.
    pub parts: Vec<Part>,
}

/// A backend's part in a split.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Part {
    /// The backend; it is in the namespace of its apex.
    pub service: String,
    /// What the split gives it, as Kubernetes writes quantities.
    #[serde(serialize_with = "as_text")]
    pub weight: Milli,
    /// What the split gives it, in parts per billion of what it gives to all.
    pub declared: u32,
    /// What it gets: that of a backend without endpoints goes to the others. Parts per billion.
    pub share: u32,
    /// How many of its endpoints are given out on these ports.
    pub ready: usize,
    /// How many addresses its slices have.
    pub total: usize,
    /// Whether it gets its share, and why not.
    pub state: PartState,
}

/// Whether a backend gets its share, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartState {
    /// It does.
    Serving,
    /// The split gives it nothing.
    Weightless,
    /// None of its endpoints is ready.
    Empty,
    /// It lacks the port.
    NoPort,
    /// Its Service has no endpoints of its own.
    Unsuitable,
    /// There is no such Service.
    Missing,
}

fn as_text<S: Serializer>(weight: &Milli, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(weight)
}

impl Card {
    /// The card of a service, where `backend` finds what was seen of the others.
    pub(super) fn new<'s>(
        seen: &Seen,
        options: &Options,
        revision: u64,
        backend: impl Fn(&NsName) -> Option<&'s Seen>,
    ) -> Self {
        let Sighting { service, split, .. } = &seen.sighting;
        let split = split.as_ref().map(|declared| split_card(seen, declared, options, backend));
        Self {
            namespace: service.name.namespace.to_string(),
            name: service.name.name.to_string(),
            kind: match service.kind {
                ServiceKind::ClusterIp => "ClusterIP",
                ServiceKind::Headless => "Headless",
                ServiceKind::ExternalName(_) => "ExternalName",
            },
            ports: service.ports.iter().map(|port| (port.port, port.name.to_string())).collect(),
            ready: seen.ready(),
            total: seen.stands.len(),
            split,
            note: no_endpoints_of_its_own(service),
            revision,
        }
    }
}

fn split_card<'s>(
    apex: &Seen,
    declared: &Declared,
    options: &Options,
    backend: impl Fn(&NsName) -> Option<&'s Seen>,
) -> SplitCard {
    let service = &apex.sighting.service;
    let total: u128 = declared.backends.iter().map(|(_, weight)| u128::from(weight.get())).sum();
    let idle = if service.kind != ServiceKind::ClusterIp || no_endpoints_of_its_own(service).is_some() {
        Some("only a Service with a cluster IP can be split, so this split does nothing")
    } else if total == 0 {
        Some("no backend has a positive weight, so the service serves itself")
    } else {
        None
    };
    let mut ports: IndexMap<Vec<Part>, IndexSet<u16>> = IndexMap::new();
    for port in service.ports.iter().map(|port| port.port).filter(|_| idle.is_none()) {
        let parts: Vec<_> = declared
            .backends
            .iter()
            .map(|(name, weight)| part(name, *weight, total, port, backend(name), options))
            .collect();
        ports.entry(with_shares(parts)).or_default().insert(port);
    }
    let alike = |(parts, ports): (_, IndexSet<u16>)| PortSplit { ports: ports.into_iter().collect(), parts };
    let name = |name: &NsName| name.name.to_string();
    SplitCard {
        name: name(&declared.split.name),
        others: declared.others.iter().map(name).collect(),
        idle,
        overridden: apex.sighting.overriding.as_ref().map(|profile| profile.name.to_string()),
        instead: apex.sighting.instead.clone(),
        ports: ports.into_iter().map(alike).collect(),
    }
}

fn part(
    name: &NsName,
    weight: Milli,
    total: u128,
    port: u16,
    backend: Option<&Seen>,
    options: &Options,
) -> Part {
    let mut ready = 0;
    let state = match backend.map(|seen| &seen.sighting) {
        None => PartState::Missing,
        Some(seen) if no_endpoints_of_its_own(&seen.service).is_some() => PartState::Unsuitable,
        Some(seen) if seen.service.port(port).is_none() => PartState::NoPort,
        Some(seen) => {
            ready = given_out(&seen.service, &seen.slices, port, options);
            match ready {
                _ if weight == Milli::ZERO => PartState::Weightless,
                0 => PartState::Empty,
                _ => PartState::Serving,
            }
        }
    };
    Part {
        service: name.name.to_string(),
        weight,
        declared: parts_per_billion(weight, total),
        share: 0,
        ready,
        total: backend.map_or(0, |seen| seen.stands.len()),
        state,
    }
}

/// The same with what each gets of the traffic.
fn with_shares(mut parts: Vec<Part>) -> Vec<Part> {
    let serving = |part: &Part| part.state == PartState::Serving;
    let total: u128 =
        parts.iter().filter(|part| serving(part)).map(|part| u128::from(part.weight.get())).sum();
    for part in parts.iter_mut().filter(|part| serving(part)) {
        part.share = parts_per_billion(part.weight, total);
    }
    parts
}

fn parts_per_billion(weight: Milli, total: u128) -> u32 {
    if total == 0 {
        return 0;
    }
    let share = (2 * WHOLE * u128::from(weight.get()) + total) / (2 * total);
    u32::try_from(share).expect("a part is at most the whole, which is a billion")
}

impl Seen {
    /// How many endpoints are given out.
    pub(super) fn ready(&self) -> usize {
        self.stands.iter().filter(|stand| stand.standing == Standing::Ready).count()
    }
}

//! Which split concerns a service's port, and what it says of each backend there.

use std::collections::BTreeSet;

use super::{Client, Look, Options, Pools, endpoints::unsuitable};
use crate::{
    cluster::{Cluster, Fact},
    model::{NsName, Service, ServiceKind, TrafficSplit},
    weight::Milli,
};

/// A split that applies to a service's port.
pub(super) struct Split<'a> {
    /// The backends, each named once, in the order of the split.
    pub(super) backends: Vec<Backend<'a>>,
    /// The sum of the weights of all of them. 0 means that the apex serves itself.
    pub(super) total: u128,
}

/// A backend of a [`Split`].
pub(super) struct Backend<'a> {
    pub(super) name: NsName,
    /// All that the split gives it, if it is listed several times.
    pub(super) weight: Milli,
    /// Its Service, if there is one that can have endpoints.
    service: Option<&'a Service>,
}

impl<'a> Backend<'a> {
    /// The Service, if it can serve this port of the apex: SMI matches ports by number.
    pub(super) fn serves(&self, port: u16) -> Option<&'a Service> {
        self.service.filter(|service| service.port(port).is_some())
    }

    /// Whether it has a usable Service that lacks this port of the apex.
    pub(super) fn lacks(&self, port: u16) -> bool {
        self.service.is_some_and(|service| service.port(port).is_none())
    }
}

impl Split<'_> {
    /// Whether every backend of positive weight lacks this port of the apex. All of them are listed as overrides then,
    /// and no request for the port may succeed.
    pub(super) fn lacks(&self, port: u16) -> bool {
        self.backends.iter().filter(|backend| backend.weight > Milli::ZERO).all(|backend| backend.lacks(port))
    }
}

impl<'a> Look<'a> {
    /// The split that divides the traffic to `apex:port`. `None` means that the apex serves itself: there is
    /// no split, or the apex is nothing that can be split there.
    pub(super) fn split_of(&mut self, apex: &Service, port: u16) -> Option<Split<'a>> {
        self.reads.insert(Fact::SplitsOf(apex.name.clone()));
        if undivided(apex, port).is_some() {
            return None;
        }
        let split = winner(self.cluster, &apex.name)?;
        let backends = self.cluster.backends_of(split).into_iter().map(|(name, weight)| {
            let service = self.service(&name).filter(|service| unsuitable(service).is_none());
            Backend { name, weight, service }
        });
        let backends: Vec<_> = backends.collect();
        let total = backends.iter().map(|backend| u128::from(backend.weight.get())).sum();
        Some(Split { backends, total })
    }

    /// Whether a split that [lacks](Split::lacks) a port of its apex lists this Service, which lacks the port too.
    pub(super) fn is_listed_without_port(&mut self, service: &NsName, port: u16) -> bool {
        self.reads.insert(Fact::SplitsWith(service.clone()));
        apexes_of_backend(self.cluster, service).iter().any(|apex| {
            // Only the split in force counts, which may be another than the one that lists the Service.
            self.reads.insert(Fact::SplitsOf(apex.clone()));
            let is_listed =
                winner(self.cluster, apex).is_some_and(|split| self.cluster.lists(split, service));
            let apex = if is_listed { self.service(apex) } else { None };
            let split = apex.and_then(|apex| self.split_of(apex, port));
            split.is_some_and(|split| split.total > 0 && split.lacks(port))
        })
    }
}

/// Why no split can divide the traffic to a port, whatever splits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undivided {
    /// The Service has no endpoints of its own.
    Unsuitable,
    /// It has no cluster IP, so its clients choose among its endpoints themselves.
    Headless,
    /// It does not have the port.
    NoPort,
}

/// Why no split can divide the traffic to `apex:port`, if so.
pub(super) fn undivided(apex: &Service, port: u16) -> Option<Undivided> {
    if unsuitable(apex).is_some() {
        Some(Undivided::Unsuitable)
    } else if apex.kind != ServiceKind::ClusterIp {
        Some(Undivided::Headless)
    } else {
        apex.port(port).is_none().then_some(Undivided::NoPort)
    }
}

/// Of several splits for one apex the oldest that can be applied at all.
#[must_use]
pub fn winner<'a>(cluster: &'a Cluster, apex: &NsName) -> Option<&'a TrafficSplit> {
    cluster.considered_splits(apex).find(|split| !split.has_matches).map(|split| &**split)
}

/// The backends of a split that name a Service of its own namespace, with their weights, as listed.
pub(super) fn named_backends(
    cluster: &Cluster,
    split: &TrafficSplit,
) -> impl Iterator<Item = (NsName, Milli)> {
    split
        .backends
        .iter()
        .filter_map(|backend| Some((cluster.local_name(split, &backend.service)?, backend.weight)))
}

/// The apexes of the splits that list a Service.
pub(super) fn apexes_of_backend(cluster: &Cluster, service: &NsName) -> BTreeSet<NsName> {
    cluster.splits_of_backend(service).filter_map(|split| cluster.local_name(split, &split.apex)).collect()
}

/// A backend's part in a split, as far as everybody has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendShare {
    /// The backend.
    pub name: NsName,
    /// What the split gives it.
    pub weight: Milli,
    /// Whether it has a ready endpoint on the port, so that it gets its share.
    pub ready: bool,
}

/// How the traffic to `apex:port` is divided; `None` if the apex serves itself.
#[must_use]
pub fn shares(cluster: &Cluster, options: &Options, apex: &NsName, port: u16) -> Option<Vec<BackendShare>> {
    let (client, mut pools) = (Client::default(), Pools::default());
    let mut look = Look::new(cluster, options, &client, &mut pools);
    let service = look.service(apex)?;
    let split = look.split_of(service, port).filter(|split| split.total > 0)?;
    let share = |backend: &Backend<'_>| BackendShare {
        name: backend.name.clone(),
        weight: backend.weight,
        ready: backend.serves(port).is_some_and(|service| look.has_endpoints(service, port)),
    };
    Some(split.backends.iter().map(share).collect())
}

//! What is true for a client, from a list of objects, in the plainest way: no index, no sharing, no
//! arithmetic but fractions. Written from the decisions, not from the code.

mod endpoints;
mod metadata;
mod objects;
mod profiles;
mod splits;

use std::{collections::BTreeMap, net::SocketAddr};

use switchyard::{
    context::Reading,
    model::{Name, NsName, Object, ServiceKind},
    resolve::{Options, Query, Target},
};

use self::{
    endpoints::Locality,
    metadata::with_label,
    splits::{Part, has_port, share},
};
use super::client::{Known, State};

/// A list of objects that can be asked.
#[derive(Clone, Copy)]
pub(crate) struct Oracle<'a> {
    pub(crate) objects: &'a [Object],
    pub(crate) options: &'a Options,
}

impl Oracle<'_> {
    pub(crate) fn answer(self, target: &Target) -> State {
        let namespace = target.client.namespace.as_ref();
        let profile = match &target.query {
            Query::Endpoints { service, instance, port, reading } => {
                return self.get(service, instance.as_ref(), *port, *reading, target.client.node.as_ref());
            }
            Query::ServiceProfile { service, instance: None, port } => {
                self.service_profile(service, *port, namespace)
            }
            Query::ServiceProfile { service, instance: Some(instance), port } => {
                self.instance_profile(service, instance, *port)
            }
            Query::AddressProfile { ip, port } => self.address_profile(*ip, *port, namespace),
        };
        State::Profile(Box::new(profile))
    }

    /// Whether a question is about a split of which no backend has anybody to serve.
    pub(crate) fn nobody_is_ready(self, target: &Target) -> bool {
        let (service, port) = match &target.query {
            Query::ServiceProfile { service, instance: None, port } => (self.service(service), *port),
            Query::AddressProfile { ip, port } => {
                let mut services = self.services().filter(|service| service.cluster_ips.contains(ip));
                (services.next().filter(|_| services.next().is_none()), *port)
            }
            Query::ServiceProfile { .. } | Query::Endpoints { .. } => return false,
        };
        let parts = service.and_then(|service| self.parts(service, port));
        parts
            .is_some_and(|parts| !parts.iter().any(|(name, weight)| *weight > 0 && self.is_ready(name, port)))
    }

    fn get(
        self,
        name: &NsName,
        instance: Option<&Name>,
        port: u16,
        reading: Reading,
        node: Option<&Name>,
    ) -> State {
        let none = |exists| State::Endpoints { exists, known: BTreeMap::new() };
        let Some(service) = self.service(name) else { return none(false) };
        if matches!(service.kind, ServiceKind::ExternalName(_)) {
            return none(false);
        }
        if service.multi_cluster_marker.is_some() {
            return none(true);
        }
        if self.is_unpublished(service, instance, port) {
            return none(true);
        }
        let zone = node.and_then(|node| self.zone(node));
        let mut set: BTreeMap<_, _> =
            [("namespace", name.namespace.as_str()), ("service", name.name.as_str())].into();
        let mut known: BTreeMap<SocketAddr, Known> = BTreeMap::new();
        let parts = self.parts(service, port).filter(|_| reading == Reading::Merged && instance.is_none());
        let total = |parts: &[Part]| parts.iter().map(|(_, weight)| weight).sum::<u128>();
        match parts.filter(|parts| total(parts) > 0) {
            None => {
                set.extend(self.mirror_labels(name));
                for ready in self.endpoints(service, instance, port, node) {
                    let is_near = ready.locality(zone) == Locality::Local;
                    let weight = if self.options.mesh.zone_weights && is_near { 100_000 } else { 10_000 };
                    known.insert(ready.addr, Known::new(weight, ready.told(zone)));
                }
            }
            Some(mut parts) => {
                let total = total(&parts);
                parts.sort();
                for (backend, weight) in parts.into_iter().filter(|(_, weight)| *weight > 0) {
                    let Some(service) = self.backend(&backend).filter(|s| has_port(s, port)) else {
                        continue;
                    };
                    let endpoints = self.endpoints(service, None, port, node);
                    for ready in &endpoints {
                        let each = share(weight, total * endpoints.len() as u128);
                        let mut told = with_label(ready.told(zone), "service", backend.name.as_str());
                        for (key, value) in self.mirror_labels(&backend) {
                            told = with_label(told, key, value);
                        }
                        known
                            .entry(ready.addr)
                            .and_modify(|one| one.weight += each)
                            .or_insert_with(|| Known::new(each, told));
                    }
                }
            }
        }
        let set: BTreeMap<_, _> =
            set.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        known.values_mut().for_each(|one| one.set = set.clone());
        State::Endpoints { exists: true, known }
    }
}

//! What is true for a client, from a list of objects, in the plainest way: no index, no sharing, no
//! arithmetic but fractions. Written from the decisions, not from the code.

mod endpoints;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use switchyard::{
    context::Reading,
    model::{Name, NsName, Object, Service, ServiceKind, ServiceProfile, TrafficSplit},
    resolve::{Options, Query, Target},
    weight::Milli,
};

use self::endpoints::Ready;
use super::{
    alphabet::DOMAIN,
    client::{Known, State},
};

/// A list of objects that can be asked.
#[derive(Clone, Copy)]
pub(super) struct Oracle<'a> {
    pub(super) objects: &'a [Object],
    pub(super) options: Options,
}

/// A backend of the split in force, each named once, and its weight.
type Part = (NsName, u128);

impl<'a> Oracle<'a> {
    pub(super) fn answer(self, target: &Target) -> State {
        let client = &target.client;
        match &target.query {
            Query::Endpoints { service, instance, port, reading } => {
                self.get(service, instance.as_ref(), *port, *reading, client.node.as_ref())
            }
            Query::ServiceProfile { service, instance: None, port } => {
                self.profile(service, *port, client.namespace.as_ref())
            }
            Query::ServiceProfile { service, instance: Some(instance), port } => {
                let hosts = self.slices(service).flat_map(|slice| &slice.subsets).flat_map(|s| &s.endpoints);
                let mut named = hosts.filter(|endpoint| endpoint.hostname.as_ref() == Some(instance));
                let endpoint = named.next().filter(|_| self.service(service).is_some());
                self.bare(endpoint.map(|endpoint| SocketAddr::new(endpoint.address, *port)))
            }
            Query::AddressProfile { ip, port } => match self.service_at(*ip) {
                Some(service) => self.profile(&service.name, *port, client.namespace.as_ref()),
                None => self.bare(Some(SocketAddr::new(*ip, *port))),
            },
        }
    }

    /// Whether a question is about a split of which no backend has anybody to serve.
    pub(super) fn nobody_is_ready(self, target: &Target) -> bool {
        let (service, port) = match &target.query {
            Query::ServiceProfile { service, instance: None, port } => (self.service(service), *port),
            Query::AddressProfile { ip, port } => (self.service_at(*ip), *port),
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
        let mut known: BTreeMap<SocketAddr, Known> = BTreeMap::new();
        let parts = self.parts(service, port).filter(|_| reading == Reading::Merged && instance.is_none());
        let total = |parts: &[Part]| parts.iter().map(|(_, weight)| weight).sum::<u128>();
        match parts.filter(|parts| total(parts) > 0) {
            None => {
                for ready in self.endpoints(service, instance, port, node) {
                    known.insert(ready.addr, know(name, None, 10_000, &ready));
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
                        known
                            .entry(ready.addr)
                            .and_modify(|one| one.weight += each)
                            .or_insert_with(|| know(name, Some(&backend), each, ready));
                    }
                }
            }
        }
        State::Endpoints { exists: true, known }
    }

    fn profile(self, name: &NsName, port: u16, namespace: Option<&Name>) -> State {
        let Some(service) = self.service(name) else { return self.bare(None) };
        if matches!(service.kind, ServiceKind::ExternalName(_)) || !has_port(service, port) {
            return self.bare(None);
        }
        let fqdn = format!("{}.{}.svc.{DOMAIN}", name.name, name.namespace);
        let custom = namespace
            .and_then(|namespace| self.profile_object(namespace, &fqdn))
            .or_else(|| self.profile_object(&name.namespace, &fqdn));
        let itself = vec![(format!("{fqdn}:{port}"), 10_000)];
        let overrides = match (custom, self.parts(service, port)) {
            (Some(custom), _) if !custom.dst_overrides.is_empty() => {
                let weights: Vec<_> =
                    custom.dst_overrides.iter().map(|dst| dst.weight.get().into()).collect();
                let authorities = custom.dst_overrides.iter().map(|dst| with_port(&dst.authority, port));
                authorities.zip(tenfold(&weights)).collect()
            }
            (_, Some(parts)) if parts.iter().any(|(_, weight)| *weight > 0) => self.overrides(parts, port),
            (_, Some(_)) => itself,
            (_, None) if self.options.apex_override => itself,
            (_, None) => Vec::new(),
        };
        State::Profile { name: fqdn, overrides, endpoint: None }
    }

    fn overrides(self, parts: Vec<Part>, port: u16) -> Vec<(String, u32)> {
        let lacks = |name: &NsName| self.backend(name).is_some_and(|service| !has_port(service, port));
        let mut listed = parts.clone();
        listed.retain(|(name, _)| !lacks(name));
        if listed.iter().all(|(_, weight)| *weight == 0) {
            listed = parts;
        }
        let mut weights = tenfold(&listed.iter().map(|(_, weight)| *weight).collect::<Vec<_>>());
        if listed.iter().any(|(name, weight)| *weight > 0 && self.is_ready(name, port)) {
            for ((name, _), weight) in listed.iter().zip(&mut weights) {
                *weight = if self.is_ready(name, port) { *weight } else { 0 };
            }
        }
        let authority = |name: &NsName| format!("{}.{}.svc.{DOMAIN}:{port}", name.name, name.namespace);
        listed.iter().map(|(name, _)| authority(name)).zip(weights).collect()
    }

    /// Whether a backend has anybody, somewhere, who serves this port.
    fn is_ready(self, backend: &NsName, port: u16) -> bool {
        let service = self.backend(backend).filter(|service| has_port(service, port));
        service.is_some_and(|service| !self.given_out(service, port).is_empty())
    }

    /// The profile that is about no service: of an address, or of nothing.
    fn bare(self, endpoint: Option<SocketAddr>) -> State {
        State::Profile { name: String::new(), overrides: Vec::new(), endpoint }
    }

    /// The backends of the split that divides a service's port.
    fn parts(self, apex: &Service, port: u16) -> Option<Vec<Part>> {
        let is_marked = apex.multi_cluster_marker.is_some();
        if apex.kind != ServiceKind::ClusterIp || is_marked || !has_port(apex, port) {
            return None;
        }
        let of_apex = self.splits().filter(|split| refers(&split.apex, split).as_ref() == Some(&apex.name));
        let split = of_apex
            .filter(|split| !split.has_matches)
            .min_by_key(|split| (split.created.is_none(), split.created, split.name.clone()))?;
        let mut parts: Vec<Part> = Vec::new();
        for backend in &split.backends {
            let Some(name) = refers(&backend.service, split) else { continue };
            let weight = u128::from(backend.weight.get());
            match parts.iter_mut().find(|(known, _)| *known == name) {
                // A weight ends where Kubernetes' own numbers do.
                Some((_, sum)) => *sum = (*sum + weight).min(Milli::MAX.get().into()),
                None => parts.push((name, weight)),
            }
        }
        Some(parts)
    }

    /// The Service behind a backend, if it can have endpoints.
    fn backend(self, name: &NsName) -> Option<&'a Service> {
        let alias = |service: &Service| matches!(service.kind, ServiceKind::ExternalName(_));
        self.service(name).filter(|service| !alias(service) && service.multi_cluster_marker.is_none())
    }

    fn services(self) -> impl Iterator<Item = &'a Service> {
        self.objects
            .iter()
            .filter_map(|object| if let Object::Service(o) = object { Some(&**o) } else { None })
    }

    /// The one Service with this cluster IP.
    fn service_at(self, ip: IpAddr) -> Option<&'a Service> {
        let mut services = self.services().filter(|service| service.cluster_ips.contains(&ip));
        services.next().filter(|_| services.next().is_none())
    }

    fn splits(self) -> impl Iterator<Item = &'a TrafficSplit> {
        self.objects
            .iter()
            .filter_map(|object| if let Object::TrafficSplit(o) = object { Some(&**o) } else { None })
    }

    fn service(self, name: &NsName) -> Option<&'a Service> {
        self.services().find(|service| service.name == *name)
    }

    fn profile_object(self, namespace: &Name, name: &str) -> Option<&'a ServiceProfile> {
        self.objects.iter().find_map(|object| match object {
            Object::ServiceProfile(o) if o.name == NsName::new(namespace.clone(), name) => Some(&**o),
            _ => None,
        })
    }
}

/// What a client knows of an endpoint; in a merged answer also whose it is.
fn know(apex: &NsName, backend: Option<&NsName>, weight: u32, ready: &Ready<'_>) -> Known {
    let label = |key: &str, name: &NsName| (key.to_owned(), name.name.to_string());
    let backend = backend.map(|backend| label("service", backend));
    let pod = ready.pod().map(|pod| label("pod", pod));
    let set = [("namespace".to_owned(), apex.namespace.to_string()), label("service", apex)];
    Known {
        weight,
        labels: backend.into_iter().chain(pod).collect(),
        set: set.into(),
        pod: ready.pod().map(ToString::to_string),
    }
}

fn has_port(service: &Service, port: u16) -> bool {
    service.ports.iter().any(|p| p.port == port)
}

/// Whom a split means by a text.
fn refers(text: &str, split: &TrafficSplit) -> Option<NsName> {
    let text = text.to_lowercase();
    let (name, ns) = (text.split('.').next()?, &split.name.namespace);
    let spellings = [
        name.to_owned(),
        format!("{name}.{ns}"),
        format!("{name}.{ns}.svc"),
        format!("{name}.{ns}.svc.{DOMAIN}"),
    ];
    let named = spellings.iter().any(|spelling| text == *spelling || text == format!("{spelling}."));
    (named && !name.contains(' ')).then(|| NsName::new(ns.clone(), name))
}

/// `max(1, round_half_up(10^9 * part / whole))`.
fn share(part: u128, whole: u128) -> u32 {
    let (quotient, rest) = (1_000_000_000 * part / whole, 1_000_000_000 * part % whole);
    let rounded = if rest >= whole - rest { quotient + 1 } else { quotient };
    u32::try_from(rounded).expect("a part is at most the whole").max(1)
}

/// Ten times the thousandths, or parts of a billion where their sum would not fit.
fn tenfold(weights: &[u128]) -> Vec<u32> {
    let sum: u128 = weights.iter().sum();
    let one = |weight: &u128| match *weight {
        0 => 0,
        weight if sum * 10 <= u32::MAX.into() => weight * 10,
        weight => (1_000_000_000 * weight / sum).max(1),
    };
    weights.iter().map(|weight| u32::try_from(one(weight)).expect("it fits")).collect()
}

/// The authority of an override; `alphabet` has no others than these.
fn with_port(authority: &str, port: u16) -> String {
    match authority.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) if authority.contains(':') => authority.to_owned(),
        Err(_) => format!("{authority}:{port}"),
    }
}

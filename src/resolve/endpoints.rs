//! The answer of `Get`: a service's own endpoints, or those of a split's backends with their shares.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{
    Look, Sight,
    entries::{Part, Places},
    pool::PoolKey,
    reader::Reader,
    selection::{Locale, SelectionKey},
    split::Split,
};
use crate::{
    blocks::Blocks,
    cluster::{Backing, Fact},
    context::Reading,
    model::{Kind, Name, NsName, ObjectId, Problem, Reason, Service, ServiceKind, ServicePort, TargetRef},
    share,
    view::View,
    weight::Milli,
    wire,
};

/// Target of an endpoint whose reference does not count.
const NO_TARGET: TargetRef = TargetRef::None;

impl<'a> Look<'a> {
    /// The answer of `Get`.
    pub(super) fn get(
        &mut self,
        name: &NsName,
        instance: Option<&Name>,
        port: u16,
        reading: Reading,
    ) -> View {
        let Some(service) = self.service(name) else { return View::absent() };
        let labels = vec![("namespace", name.namespace.as_str()), ("service", name.name.as_str())];
        match self.own_endpoints_problem(service) {
            Some(Reason::ExternalName) => return View::absent(),
            Some(_) => return View::new(wire::set_labels(&labels), Blocks::default()),
            None => {}
        }
        if self.is_unpublished(service, instance, port) {
            return View::new(wire::set_labels(&labels), Blocks::default());
        }
        if reading == Reading::Merged
            && instance.is_none()
            && let Some(split) = self.split_of(service, port).filter(|split| split.total > 0)
        {
            let parts = self.parts_of_split(&split, port);
            return View::new(wire::set_labels(&labels), self.entries(parts));
        }
        let (part, mirrored) = self.part(service, instance, port, None);
        let mirrored = mirrored.iter().map(|(key, value)| (*key, &**value));
        let labels: Vec<_> = labels.into_iter().chain(mirrored).collect();
        View::new(wire::set_labels(&labels), self.entries(vec![part]))
    }

    /// Whether no request for a port may reach the endpoints of a Service, because the Service does not define the port.
    /// The clients of a headless Service connect to its Pods by DNS, on any number; unless they come from a split that
    /// lists it in spite of the port, so that their requests fail.
    pub(super) fn is_unpublished(&mut self, service: &Service, instance: Option<&Name>, port: u16) -> bool {
        service.port(port).is_none()
            && match service.kind {
                ServiceKind::ClusterIp => true,
                ServiceKind::Headless => {
                    instance.is_none() && self.is_listed_without_port(&service.name, port)
                }
                ServiceKind::ExternalName(_) => false,
            }
    }

    /// The endpoints of each backend that has a part of the traffic, by the names of the backends.
    fn parts_of_split(&mut self, split: &Split<'a>, port: u16) -> Vec<Part> {
        let mut backends: Vec<_> = split.backends.iter().collect();
        backends.sort_by_key(|backend| &backend.name);
        let mut parts = Vec::new();
        for backend in backends {
            let Some(service) = backend.serves(port).filter(|_| backend.weight > Milli::ZERO) else {
                continue;
            };
            let (mut part, _) = self.part(service, None, port, Some(&backend.name));
            if let Some(weight) = share::endpoint_weight(backend.weight, split.total, part.selected.len()) {
                (part.weight, part.boost) = (weight, 1);
                parts.push(part);
            }
        }
        parts
    }

    /// The endpoints of a service's port that this client should use, and the labels of a mirrored service.
    /// As a backend it has these labels and its name on each endpoint.
    pub(super) fn part(
        &mut self,
        service: &'a Service,
        instance: Option<&Name>,
        port: u16,
        backend: Option<&NsName>,
    ) -> (Part, Vec<(&'static str, Box<str>)>) {
        self.reads.insert(Fact::Endpoints(service.name.clone()));
        let key = PoolKey { instance: instance.cloned(), ..pool_key(service, port) };
        let pool = self.pools.pool(self.cluster, self.options, &key);
        let census = pool.census();
        let (knows_zones, mirror) = (census.in_zone > 0, pool.mirror().cloned());
        // Topology hints count only if every endpoint has one.
        let hinted_for = if census.unhinted == 0 { census.hinted_for.clone() } else { BTreeMap::new() };
        if let Some(unusable) = pool.unusable() {
            let id = ObjectId { kind: Kind::Service, name: service.name.clone() };
            let (pod, lacks) = &unusable.example;
            self.warnings.push((id, lacks.problem(pod, unusable.count)));
        }
        let locale = if service.local_traffic_only {
            self.saw(Sight::Node);
            Locale::Node(self.client.node.clone())
        } else {
            // Those for the client's zone are used, or all if there are none.
            let zone = if hinted_for.is_empty() { None } else { self.zone() };
            zone.filter(|zone| hinted_for.contains_key(zone)).map_or(Locale::Anywhere, Locale::Zone)
        };
        let zone = if knows_zones { self.zone() } else { None };
        let labels: Vec<(&'static str, Box<str>)> =
            mirror.iter().flat_map(super::metadata::mirror_labels).map(|(k, v)| (k, v.into())).collect();
        let of_backend = backend.map(|name| {
            let service = [("service", name.name.as_str())].into_iter();
            service.chain(labels.iter().map(|(key, value)| (*key, &**value))).collect::<Vec<_>>()
        });
        let part = Part {
            service: service.name.clone(),
            selected: self.select(SelectionKey { pool: key, locale }),
            weight: share::UNSPLIT,
            boost: if self.options.mesh.zone_weights { share::OWN_ZONE } else { 1 },
            places: Places::new(of_backend.as_deref().unwrap_or_default(), zone),
        };
        (part, labels)
    }

    fn select(&mut self, key: SelectionKey) -> Blocks<super::pool::Candidate> {
        let selected = self.pools.select(self.cluster, self.options, &key);
        self.used.push(key);
        selected
    }

    /// The zone of the client, which makes a difference to the answer.
    fn zone(&mut self) -> Option<Name> {
        self.saw(Sight::Zone);
        let node = self.client.node.as_ref()?;
        self.reads.insert(Fact::Node(node.clone()));
        self.cluster.zone_of(node).cloned()
    }

    /// The Service, noting that it was looked for.
    pub(super) fn service(&mut self, name: &NsName) -> Option<&'a Service> {
        self.reads.insert(Fact::Service(name.clone()));
        self.cluster.service(name).map(|service| &**service)
    }

    /// Why a Service has no endpoints that could be given out, if so; the operator is told.
    pub(super) fn own_endpoints_problem(&mut self, service: &Service) -> Option<Reason> {
        let (reason, path, message) = unsuitable(service)?;
        let id = ObjectId { kind: Kind::Service, name: service.name.clone() };
        self.warnings.push((id, Problem { reason, path: path.to_owned(), message }));
        Some(reason)
    }

    /// Whether a service's port has any ready endpoint of a family that is given out, whoever asks.
    pub(super) fn has_endpoints(&mut self, service: &Service, port: u16) -> bool {
        self.has_endpoints_for(&pool_key(service, port))
    }

    /// The same for one of the service's ports, without looking the port up.
    pub(super) fn has_endpoints_on(&mut self, service: &Service, port: &ServicePort) -> bool {
        let (service, number, port_name) = (service.name.clone(), port.port, Some(port.name.clone()));
        self.has_endpoints_for(&PoolKey { service, port: number, port_name, instance: None })
    }

    fn has_endpoints_for(&mut self, key: &PoolKey) -> bool {
        self.reads.insert(Fact::Endpoints(key.service.clone()));
        let reader = Reader { options: self.options, key };
        self.cluster.slices_of(&key.service).any(|slice| reader.ready(slice).next().is_some())
    }

    /// The first endpoint of a service with that host name, and its address with this port.
    pub(super) fn instance(
        &mut self,
        service: &NsName,
        instance: &Name,
        port: u16,
    ) -> Option<(SocketAddr, &'a TargetRef)> {
        self.reads.insert(Fact::Endpoints(service.clone()));
        let endpoints = self.cluster.slices_of(service).flat_map(|slice| slice.endpoints());
        let mut named = endpoints.filter(|stored| stored.endpoint.hostname.as_ref() == Some(instance));
        let found = named.next()?;
        let target = if found.backing == Backing::ForeignPod { &NO_TARGET } else { &found.endpoint.target };
        Some((SocketAddr::new(found.endpoint.address, port), target))
    }
}

pub(super) fn pool_key(service: &Service, port: u16) -> PoolKey {
    let port_name = service.port(port).map(|port| port.name.clone());
    PoolKey { service: service.name.clone(), port, port_name, instance: None }
}

/// Why a Service has no endpoints that could be given out, where in it that is said, and what to do.
pub(super) fn unsuitable(service: &Service) -> Option<(Reason, &'static str, String)> {
    if let ServiceKind::ExternalName(alias) = &service.kind {
        let message = format!(
            "Service {} is an ExternalName for {alias:?} and has no endpoints of its own; \
             clients may look the name up in DNS, or use a Service with endpoints",
            service.name
        );
        return Some((Reason::ExternalName, "spec.type", message));
    }
    let marker = service.multi_cluster_marker?;
    let message = format!(
        "Service {} has the multi-cluster marker {marker:?}, which is not supported; \
         remove the marker, or mirror the remote service's endpoints",
        service.name
    );
    Some((Reason::MultiClusterUnsupported, "metadata", message))
}

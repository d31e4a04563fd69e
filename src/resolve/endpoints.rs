//! The answer of `Get`: a service's own endpoints, or those of a split's backends with their shares.

use std::{collections::HashSet, net::SocketAddr, sync::Arc};

use super::{Look, Sight, split::Split};
use crate::{
    cluster::Fact,
    context::Reading,
    model::{
        Endpoint, Kind, Name, NsName, ObjectId, Problem, Reason, Service, ServiceKind, Subset, TargetRef,
    },
    share,
    view::{Entry, Meta, View},
    weight::Milli,
    wire,
};

/// A ready endpoint of a service's port.
struct Candidate<'a> {
    addr: SocketAddr,
    endpoint: &'a Endpoint,
    meta: &'a Arc<[u8]>,
}

impl Candidate<'_> {
    fn pod(&self) -> Option<&NsName> {
        match &self.endpoint.target {
            TargetRef::Pod(pod) => Some(pod),
            TargetRef::None | TargetRef::Other(_) => None,
        }
    }
}

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
        let labels = wire::set_labels(name);
        match self.own_endpoints_problem(service) {
            Some(Reason::ExternalName) => return View::absent(),
            Some(_) => return View::new(labels, Vec::new()),
            None => {}
        }
        if reading == Reading::Merged
            && instance.is_none()
            && let Some(split) = self.split_of(service, port).filter(|split| split.total > 0)
        {
            return View::new(labels, self.merged(&split, port));
        }
        let nothing_shared: Arc<[u8]> = Arc::new([]);
        let entry = |candidate: Candidate<'_>| Entry {
            addr: candidate.addr,
            weight: share::UNSPLIT,
            meta: Meta { own: candidate.meta.clone(), group: nothing_shared.clone() },
        };
        View::new(labels, self.endpoints(service, instance, port).into_iter().map(entry).collect())
    }

    /// The endpoints of all backends, each with its part of the traffic. An address that several backends
    /// have in common appears once, with the sum, and as that of the first of them by name.
    fn merged(&mut self, split: &Split<'a>, port: u16) -> Vec<Entry> {
        let mut backends: Vec<_> = split.backends.iter().collect();
        backends.sort_by_key(|backend| &backend.name);
        let mut entries: Vec<Entry> = Vec::new();
        for backend in backends {
            let Some(service) = backend.serves(port).filter(|_| backend.weight > Milli::ZERO) else {
                continue;
            };
            let candidates = self.endpoints(service, None, port);
            let Some(weight) = share::endpoint_weight(backend.weight, split.total, candidates.len()) else {
                continue;
            };
            let group = wire::backend_meta(&backend.name);
            entries.extend(candidates.into_iter().map(|candidate| Entry {
                addr: candidate.addr,
                weight,
                meta: Meta { own: candidate.meta.clone(), group: group.clone() },
            }));
        }
        // The sort is stable, so of one address the entry of the first backend comes first.
        entries.sort_by_key(|entry| entry.addr);
        entries.dedup_by(|again, first| {
            let same = again.addr == first.addr;
            first.weight += if same { again.weight } else { 0 };
            same
        });
        entries
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
        self.reads.insert(Fact::Endpoints(service.name.clone()));
        self.candidates(service, None, port).next().is_some()
    }

    /// The endpoints of a service's port that this client should use, sorted by address, each once.
    fn endpoints(&mut self, service: &'a Service, instance: Option<&Name>, port: u16) -> Vec<Candidate<'a>> {
        self.reads.insert(Fact::Endpoints(service.name.clone()));
        let mut candidates: Vec<_> = self.candidates(service, instance, port).collect();

        // Of one address in two slices the first slice by name counts; the sort keeps that order.
        candidates.sort_by_key(|candidate| candidate.addr);
        candidates.dedup_by_key(|candidate| candidate.addr);
        if service.local_traffic_only {
            self.keep_local(&mut candidates);
        } else {
            self.keep_zone(&mut candidates);
        }
        self.keep_family(&mut candidates);
        candidates
    }

    /// All ready endpoints of a service's port, of a family that is given out: the union of its slices. An
    /// endpoint that refers to a Pod counts only while the Pod exists. The family comes first of all, so that
    /// what is not given out is never what a zone is left with.
    fn candidates<'b>(
        &'b self,
        service: &'b Service,
        instance: Option<&'b Name>,
        port: u16,
    ) -> impl Iterator<Item = Candidate<'a>> + use<'a, 'b> {
        let (cluster, ipv6) = (self.cluster, self.options.ipv6);
        let service_port = service.port(port).map(|port| &*port.name);
        cluster.slices_of(&service.name).flat_map(move |stored| {
            let subsets = stored.slice.subsets.iter().zip(&stored.meta);
            subsets
                .filter_map(move |(subset, meta)| {
                    Some((subset, meta, target_port(subset, service_port, port)?))
                })
                .flat_map(move |(subset, meta, target_port)| {
                    let wanted = move |endpoint: &Endpoint| {
                        endpoint.ready
                            && (ipv6 || endpoint.address.is_ipv4())
                            && instance.is_none_or(|instance| endpoint.hostname.as_ref() == Some(instance))
                            && match &endpoint.target {
                                TargetRef::None => true,
                                TargetRef::Pod(pod) => cluster.pod(pod).is_some(),
                                TargetRef::Other(_) => false,
                            }
                    };
                    subset.endpoints.iter().zip(meta).filter(move |(endpoint, _)| wanted(endpoint)).map(
                        move |(endpoint, meta)| Candidate {
                            addr: SocketAddr::new(endpoint.address, target_port),
                            endpoint,
                            meta,
                        },
                    )
                })
        })
    }

    /// `internalTrafficPolicy: Local`: only pods on the client's node, and nobody else if there are none.
    fn keep_local(&mut self, candidates: &mut Vec<Candidate<'a>>) {
        self.saw(Sight::Node);
        let Some(node) = &self.client.node else { return candidates.clear() };
        candidates.retain(|candidate| {
            let node_of_pod =
                candidate.pod().and_then(|pod| self.cluster.pod(pod)).and_then(|pod| pod.node.as_ref());
            candidate.pod().is_some() && candidate.endpoint.node.as_ref().or(node_of_pod) == Some(node)
        });
    }

    /// Topology hints: if every endpoint has one, those for the client's zone, or all if there are none.
    fn keep_zone(&mut self, candidates: &mut Vec<Candidate<'a>>) {
        if candidates.is_empty()
            || candidates.iter().any(|candidate| candidate.endpoint.hint_zones.is_empty())
        {
            return;
        }
        self.saw(Sight::Zone);
        let Some(node) = &self.client.node else { return };
        self.reads.insert(Fact::Node(node.clone()));
        let Some(zone) = self.cluster.zone_of(node) else { return };
        let hinted = |candidate: &Candidate<'_>| candidate.endpoint.hint_zones.contains(zone);
        if candidates.iter().any(hinted) {
            candidates.retain(hinted);
        }
    }

    /// One address a pod: its IPv6 one if the zone left that, else its IPv4 one.
    fn keep_family(&self, candidates: &mut Vec<Candidate<'a>>) {
        let has_ipv6: HashSet<NsName> = candidates
            .iter()
            .filter(|candidate| candidate.addr.is_ipv6())
            .filter_map(|candidate| candidate.pod().cloned())
            .collect();
        if !has_ipv6.is_empty() {
            candidates.retain(|c| c.addr.is_ipv6() || c.pod().is_none_or(|pod| !has_ipv6.contains(pod)));
        }
    }
}

/// The number behind a service port in a subset: that of the subset's port with the same name. A number
/// that the service does not declare is used as it is.
fn target_port(subset: &Subset, service_port: Option<&str>, requested: u16) -> Option<u16> {
    let ports = subset.ports.as_ref()?;
    match service_port {
        Some(name) => ports.iter().find(|port| &*port.name == name).map(|port| port.port),
        None => Some(requested),
    }
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

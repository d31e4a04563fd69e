//! The answer of `GetProfile` for an address that is no service's: of what is there.
//!
//! Linkerd's order: a Pod whose own address it is, a Pod that is reached through a port of its node, an
//! ExternalWorkload, and else an endpoint of which nothing is known. So it is as well where several claim an
//! address: a client then goes where it asked to go, because an error would hang its connections.
//!
//! Of one kind of claim, those of the namespace that claimed the address first count, and no others: see
//! [`claims`](super::claims). The kinds are not compared by age. Kubernetes assigns the addresses of Services and Pods,
//! and a tenant writes that of an ExternalWorkload as it likes: an old one must not be in the way of a new Pod.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{
    Look, Profile,
    metadata::{PodPort, describe_workload, is_opaque_at_workload},
    profile::{default_retry_budget, profile, unknown},
};
use crate::{
    cluster::{Fact, Resident},
    model::{ExternalWorkload, Kind, Name, NsName, ObjectId, Phase, Pod, TargetRef},
    pb::{destination as pb, net},
    share, wire,
};

/// Who is at an address.
pub(super) enum Tenant<'a> {
    /// A Service, whose cluster IP it is.
    Service(&'a NsName),
    /// A Pod, of its own or through a port of its node.
    Pod { resident: &'a Resident, port: PodPort<'a> },
    /// A workload outside of the cluster that listens there.
    Workload { workload: &'a ExternalWorkload, opaque: &'a [u16] },
    /// More than one of them, so that nobody can be told from the others.
    Several(Vec<ObjectId>),
    /// Nobody that is known.
    Nobody,
}

impl Tenant<'_> {
    fn several(kind: Kind, names: Vec<&NsName>) -> Self {
        Self::Several(names.into_iter().map(|name| ObjectId { kind, name: name.clone() }).collect())
    }
}

impl<'a> Look<'a> {
    /// The profile of an address: of the service that has it as its cluster IP, else of the endpoint.
    pub(super) fn address_profile(&mut self, ip: IpAddr, port: u16) -> Profile {
        // An IPv4 address mapped into IPv6 is the IPv4 address.
        let ip = ip.to_canonical();
        let addr = SocketAddr::new(ip, port);
        match self.tenant(ip, port) {
            Tenant::Service(service) => self.service_profile(service, port),
            Tenant::Pod { resident, port } => self.pod_profile(addr, resident, &port),
            Tenant::Workload { workload, opaque } => self.workload_profile(addr, workload, opaque),
            Tenant::Several(_) | Tenant::Nobody => self.bare(addr),
        }
    }

    /// The profile of one endpoint by its host name.
    pub(super) fn instance_profile(&mut self, service: &NsName, instance: &Name, port: u16) -> Profile {
        let Some(of) = self.service(service) else { return unknown() };
        if self.is_unpublished(of, Some(instance), port) {
            return unknown();
        }
        let Some((addr, target)) = self.instance(service, instance, port) else { return unknown() };
        match target {
            TargetRef::Pod(name) => {
                self.reads.insert(Fact::Pod(name.clone()));
                let Some(resident) = self.cluster.resident(name) else { return self.bare(addr) };
                let ip = resident.pod.ips[0].unwrap_or(addr.ip());
                let pod_port = PodPort::new(&resident.class, port, &self.options.mesh);
                self.pod_profile(SocketAddr::new(ip, port), resident, &pod_port)
            }
            TargetRef::Workload(name) => {
                self.reads.insert(Fact::Address(addr.ip()));
                match self.cluster.workload(name) {
                    Some((workload, opaque)) => self.workload_profile(addr, workload, opaque),
                    None => self.bare(addr),
                }
            }
            TargetRef::None | TargetRef::Other(_) => self.bare(addr),
        }
    }

    /// Who is at an address, which has to be canonical.
    pub(super) fn tenant(&mut self, ip: IpAddr, port: u16) -> Tenant<'a> {
        self.reads.insert(Fact::ClusterIp(ip));
        if let Some(claims) = self.cluster.service_claims(ip) {
            let services: Vec<_> = claims.owners().collect();
            return match services[..] {
                [service] => Tenant::Service(service),
                _ => Tenant::several(Kind::Service, services),
            };
        }
        self.reads.insert(Fact::Address(ip));
        let mesh = &*self.options.mesh;
        let names = |pods: Vec<&'a Arc<Pod>>| pods.into_iter().map(|pod| &pod.name).collect();
        let pods = owning(self.cluster.pods_at(ip).iter()).0;
        match pods[..] {
            [] => {}
            [pod] => {
                let resident = self.cluster.resident(&pod.name).expect("what has an address exists");
                return Tenant::Pod { resident, port: PodPort::new(&resident.class, port, mesh) };
            }
            _ => return Tenant::several(Kind::Pod, names(pods)),
        }
        let forwarded = |pod: &Pod| pod.spec.ports.iter().find(|p| p.host_port == Some(port)).map(|p| p.port);
        let on_host = self.cluster.pods_on_host(ip).iter();
        let pods = owning(on_host.filter(|pod| forwarded(pod).is_some())).0;
        match pods[..] {
            [] => {}
            [pod] => {
                let container_port = forwarded(pod).expect("it was just seen");
                let resident = self.cluster.resident(&pod.name).expect("what has an address exists");
                let port = PodPort::new(&resident.class, container_port, mesh).through(port);
                return Tenant::Pod { resident, port };
            }
            _ => return Tenant::several(Kind::Pod, names(pods)),
        }
        let Some(claims) = self.cluster.workloads_on(ip, port) else { return Tenant::Nobody };
        let workloads: Vec<_> = claims.owners().collect();
        match workloads[..] {
            [name] => {
                let (workload, opaque) = self.cluster.workload(name).expect("what has an address exists");
                Tenant::Workload { workload, opaque }
            }
            _ => Tenant::several(Kind::ExternalWorkload, workloads),
        }
    }

    /// The profile of a Pod's port. A Pod that does not run yet, or whose proxy cannot be spoken to, is an
    /// endpoint of which nothing is known.
    fn pod_profile(&mut self, addr: SocketAddr, resident: &Resident, port: &PodPort<'_>) -> Profile {
        let name = &resident.pod.name;
        if !matches!(resident.pod.phase, Phase::Running | Phase::Leaving) {
            return self.bare(addr);
        }
        match port.describe(None) {
            Ok(said) => endpoint(addr, said, &TargetRef::Pod(name.clone()), port.is_opaque()),
            Err(lacks) => {
                let problem = lacks.problem(name, 1);
                let id = ObjectId { kind: Kind::Pod, name: name.clone() };
                self.warnings.push((id, problem));
                self.bare(addr)
            }
        }
    }

    fn workload_profile(&self, addr: SocketAddr, workload: &ExternalWorkload, opaque: &[u16]) -> Profile {
        let mesh = &self.options.mesh;
        let said = describe_workload(workload, opaque, addr.port(), None, mesh);
        let is_opaque = is_opaque_at_workload(workload, opaque, addr.port(), mesh);
        endpoint(addr, said, &TargetRef::Workload(workload.name.clone()), is_opaque)
    }

    /// What is said of an address of which nothing is known.
    fn bare(&self, addr: SocketAddr) -> Profile {
        let is_opaque = self.options.mesh.opaque_ports.contains(addr.port());
        endpoint(addr, pb::WeightedAddr::default(), &TargetRef::None, is_opaque)
    }
}

/// Pods with one address: first those of the namespace that owns it, then those of other namespaces. A Pod on its way
/// out claims nothing unless all are; the namespace of the oldest of the others owns the address.
pub(super) fn owning<'p>(pods: impl Iterator<Item = &'p Arc<Pod>>) -> (Vec<&'p Arc<Pod>>, Vec<&'p Arc<Pod>>) {
    let mut pods: Vec<_> = pods.collect();
    if pods.iter().any(|pod| pod.phase != Phase::Leaving) {
        pods.retain(|pod| pod.phase != Phase::Leaving);
    }
    let Some(oldest) = pods.iter().min_by_key(|pod| (pod.created, &pod.name)) else {
        return Default::default();
    };
    let owner = oldest.name.namespace.clone();
    pods.into_iter().partition(|pod| pod.name.namespace == owner)
}

/// The profile of one endpoint.
fn endpoint(addr: SocketAddr, said: pb::WeightedAddr, target: &TargetRef, is_opaque: bool) -> Profile {
    let own = wire::endpoint_own(target);
    let mut endpoint = pb::WeightedAddr {
        addr: Some(net::TcpAddress::from(addr)),
        weight: share::UNSPLIT,
        resource_ref: own.resource_ref,
        ..said
    };
    endpoint.metric_labels.extend(own.metric_labels);
    if let TargetRef::Pod(name) | TargetRef::Workload(name) = target {
        endpoint.metric_labels.insert("namespace".to_owned(), name.namespace.to_string());
    }
    profile(&pb::DestinationProfile {
        retry_budget: Some(default_retry_budget()),
        endpoint: Some(endpoint),
        opaque_protocol: is_opaque,
        ..Default::default()
    })
}

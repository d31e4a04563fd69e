//! The answer of `GetProfile` for an address that is no service's: of what is there.
//!
//! Linkerd's order: a Pod whose own address it is, a Pod that is reached through a port of its node, an
//! ExternalWorkload, and else an endpoint of which nothing is known. So it is as well where several claim an
//! address: a client then goes where it asked to go, because an error would hang its connections.

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

impl<'a> Look<'a> {
    /// The profile of an address: of the service that has it as its cluster IP, else of the endpoint.
    pub(super) fn address_profile(&mut self, ip: IpAddr, port: u16) -> Profile {
        // An IPv4 address mapped into IPv6 is the IPv4 address.
        let ip = ip.to_canonical();
        self.reads.insert(Fact::ClusterIp(ip));
        let mut services = self.cluster.services_of_ip(ip);
        match (services.next(), services.next()) {
            (Some(service), None) => self.service_profile(service, port),
            (None, _) => self.endpoint_profile(SocketAddr::new(ip, port)),
            (Some(_), Some(_)) => self.bare(SocketAddr::new(ip, port)),
        }
    }

    /// The profile of one endpoint by its host name.
    pub(super) fn instance_profile(&mut self, service: &NsName, instance: &Name, port: u16) -> Profile {
        if self.service(service).is_none() {
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

    fn endpoint_profile(&mut self, addr: SocketAddr) -> Profile {
        let (ip, port) = (addr.ip(), addr.port());
        self.reads.insert(Fact::Address(ip));
        let mesh = &self.options.mesh;
        match staying(self.cluster.pods_at(ip).iter())[..] {
            [] => {}
            [pod] => {
                let resident = self.cluster.resident(&pod.name).expect("what has an address exists");
                return self.pod_profile(addr, resident, &PodPort::new(&resident.class, port, mesh));
            }
            _ => return self.bare(addr),
        }
        let forwarded = |pod: &Pod| pod.spec.ports.iter().find(|p| p.host_port == Some(port)).map(|p| p.port);
        let on_host = self.cluster.pods_on_host(ip).iter();
        match staying(on_host.filter(|pod| forwarded(pod).is_some()))[..] {
            [] => {}
            [pod] => {
                let container_port = forwarded(pod).expect("it was just seen");
                let resident = self.cluster.resident(&pod.name).expect("what has an address exists");
                let pod_port = PodPort::new(&resident.class, container_port, mesh).through(port);
                return self.pod_profile(addr, resident, &pod_port);
            }
            _ => return self.bare(addr),
        }
        let workloads = self.cluster.workloads_at(ip).filter_map(|name| self.cluster.workload(name));
        let listens = |workload: &ExternalWorkload| workload.ports.iter().any(|(_, number)| *number == port);
        match workloads.filter(|(workload, _)| listens(workload)).collect::<Vec<_>>()[..] {
            [(workload, opaque)] => self.workload_profile(addr, workload, opaque),
            _ => self.bare(addr),
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

/// Those of some Pods with one address that stay, or those on their way out if none stays.
fn staying<'p>(pods: impl Iterator<Item = &'p Arc<Pod>>) -> Vec<&'p Arc<Pod>> {
    let mut pods: Vec<_> = pods.collect();
    if pods.iter().any(|pod| pod.phase != Phase::Leaving) {
        pods.retain(|pod| pod.phase != Phase::Leaving);
    }
    pods
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

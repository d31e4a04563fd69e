//! What `GetProfile` answers.

use std::net::{IpAddr, SocketAddr};

use switchyard::{
    model::{ContainerPort, Created, Name, NsName, Phase, Pod, Service, ServiceKind, TargetRef},
    pb::destination::{DestinationProfile, RetryBudget, WeightedAddr, WeightedDst},
};

use super::{
    Oracle,
    metadata::{resource, with_label},
    splits::{Part, has_port, tenfold},
};
use crate::laws::alphabet::DOMAIN;

impl<'a> Oracle<'a> {
    pub(super) fn service_profile(
        self,
        name: &NsName,
        port: u16,
        namespace: Option<&Name>,
    ) -> DestinationProfile {
        let alias = |service: &Service| matches!(service.kind, ServiceKind::ExternalName(_));
        let Some(service) = self.service(name).filter(|s| !alias(s) && has_port(s, port)) else {
            return DestinationProfile::default();
        };
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
        let weighted = |(authority, weight)| WeightedDst { authority, weight, backend_ref: None };
        DestinationProfile {
            retry_budget: Some(usual_budget()),
            dst_overrides: overrides.into_iter().map(weighted).collect(),
            opaque_protocol: service
                .opaque_ports
                .as_ref()
                .unwrap_or(&self.options.mesh.opaque_ports)
                .contains(port),
            fully_qualified_name: fqdn,
            parent_ref: Some(resource("core", "Service", name, port)),
            profile_ref: custom.map(|custom| resource("linkerd.io", "ServiceProfile", &custom.name, 0)),
            ..DestinationProfile::default()
        }
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

    /// Of the address of a Service, of a Pod, of a port of a node that leads to a Pod, or of a workload outside.
    pub(super) fn address_profile(
        self,
        ip: IpAddr,
        port: u16,
        namespace: Option<&Name>,
    ) -> DestinationProfile {
        let addr = SocketAddr::new(ip, port);
        let services = self.services().filter(|service| service.cluster_ips.contains(&ip)).collect();
        let services = of_the_oldest(services, |service: &Service| (service.created, service.name.clone()));
        match services[..] {
            [] => {}
            [service] => return self.service_profile(&service.name, port, namespace),
            _ => return self.bare(addr),
        }
        let living = || self.pods().filter(|pod| pod.phase != Phase::Over);
        let own = living().filter(|pod| !pod.spec.host_network && pod.ips.contains(&Some(ip)));
        let own = rather_staying(own.collect());
        match own[..] {
            [] => {}
            [pod] => return self.pod_profile(pod, addr, &[port]),
            _ => return self.bare(addr),
        }
        let on_host = |pod: &'a Pod| -> Option<&'a ContainerPort> {
            let port = pod.spec.ports.iter().find(|container| container.host_port == Some(port))?;
            pod.host_ips.contains(&ip).then_some(port)
        };
        let forwarded = living().filter(|pod| on_host(pod).is_some());
        match rather_staying(forwarded.collect())[..] {
            [] => {}
            [pod] => {
                let container = on_host(pod).expect("it was just seen");
                return self.pod_profile(pod, addr, &[container.port, port]);
            }
            _ => return self.bare(addr),
        }
        let serves = |port: u16| move |(_, number): &(Box<str>, u16)| *number == port;
        let outside = self
            .workloads()
            .filter(|workload| workload.ips.contains(&ip) && workload.ports.iter().any(serves(port)))
            .collect();
        let outside = of_the_oldest(outside, |workload| (workload.created, workload.name.clone()));
        match outside[..] {
            [workload] => self.workload_profile(&workload.name, addr),
            _ => self.bare(addr),
        }
    }

    /// Of the one endpoint with a host name.
    pub(super) fn instance_profile(self, service: &NsName, instance: &Name, port: u16) -> DestinationProfile {
        let mut endpoints = self.slices(service).flat_map(|slice| &slice.subsets).flat_map(|s| &s.endpoints);
        let named = endpoints.find(|endpoint| endpoint.hostname.as_ref() == Some(instance));
        let service =
            self.service(service).filter(|service| !self.is_unpublished(service, Some(instance), port));
        let Some(endpoint) = named.filter(|_| service.is_some()) else {
            return DestinationProfile::default();
        };
        let addr = SocketAddr::new(endpoint.address, port);
        match &endpoint.target {
            TargetRef::Pod(name) => match self.pod(name) {
                Some(pod)
                    if service.is_some_and(|of| of.name.namespace != name.namespace)
                        && !pod.ips.contains(&Some(endpoint.address)) =>
                {
                    self.bare(addr)
                }
                Some(pod) => {
                    let ip = pod.ips[0].unwrap_or(endpoint.address);
                    self.pod_profile(pod, SocketAddr::new(ip, port), &[port])
                }
                None => self.bare(addr),
            },
            TargetRef::Workload(name) => self.workload_profile(name, addr),
            TargetRef::None | TargetRef::Other(_) => self.bare(addr),
        }
    }

    /// Of a Pod that runs; `ports` are all numbers of the port in question.
    fn pod_profile(self, pod: &Pod, addr: SocketAddr, ports: &[u16]) -> DestinationProfile {
        let said =
            self.said_of_pod(pod, ports).filter(|_| matches!(pod.phase, Phase::Running | Phase::Leaving));
        match said {
            Some(said) => self.about(addr, said, &pod.name.namespace, self.is_opaque_on_pod(pod, ports)),
            None => self.bare(addr),
        }
    }

    fn workload_profile(self, name: &NsName, addr: SocketAddr) -> DestinationProfile {
        match self.workload(name) {
            Some(workload) => {
                let is_opaque = self.is_opaque_on_workload(workload, addr.port());
                self.about(addr, self.said_of_workload(workload, addr.port()), &name.namespace, is_opaque)
            }
            None => self.bare(addr),
        }
    }

    /// Of an address of which nothing is known.
    fn bare(self, addr: SocketAddr) -> DestinationProfile {
        let opaque_protocol = self.options.mesh.opaque_ports.contains(addr.port());
        self.endpoint_profile(addr, WeightedAddr::default(), opaque_protocol)
    }

    fn about(
        self,
        addr: SocketAddr,
        said: WeightedAddr,
        namespace: &Name,
        opaque: bool,
    ) -> DestinationProfile {
        let said = with_label(said, "namespace", namespace.as_str());
        self.endpoint_profile(addr, with_label(said, "zone", ""), opaque)
    }

    fn endpoint_profile(
        self,
        addr: SocketAddr,
        said: WeightedAddr,
        opaque_protocol: bool,
    ) -> DestinationProfile {
        DestinationProfile {
            retry_budget: Some(usual_budget()),
            endpoint: Some(WeightedAddr { addr: Some(addr.into()), weight: 10_000, ..said }),
            opaque_protocol,
            ..DestinationProfile::default()
        }
    }
}

fn usual_budget() -> RetryBudget {
    let ttl = prost_types::Duration { seconds: 10, nanos: 0 };
    RetryBudget { retry_ratio: 0.2, min_retries_per_second: 10, ttl: Some(ttl) }
}

/// The authority of an override; `alphabet` has no others than these.
fn with_port(authority: &str, port: u16) -> String {
    match authority.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) if authority.contains(':') => authority.to_owned(),
        Err(_) => format!("{authority}:{port}"),
    }
}

/// Of several Pods with one address those that are on their way out have given it up.
fn rather_staying(mut pods: Vec<&Pod>) -> Vec<&Pod> {
    if pods.iter().any(|pod| pod.phase != Phase::Leaving) {
        pods.retain(|pod| pod.phase != Phase::Leaving);
    }
    of_the_oldest(pods, |pod| (pod.created, pod.name.clone()))
}

/// Of several objects with one address those of the namespace of the oldest count.
fn of_the_oldest<T>(mut all: Vec<&T>, age: impl Fn(&T) -> (Created, NsName)) -> Vec<&T> {
    if let Some(owner) = all.iter().map(|one| age(one)).min() {
        all.retain(|one| age(one).1.namespace == owner.1.namespace);
    }
    all
}

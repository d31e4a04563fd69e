//! The endpoints of one service that a client is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use switchyard::{
    model::{Endpoint, EndpointSlice, Name, NsName, Pod, Service, Subset, TargetRef},
    pb::destination::WeightedAddr,
};

use super::{Oracle, metadata::with_label};

/// A ready endpoint of a service's port.
#[derive(Clone)]
pub(super) struct Ready<'a> {
    pub(super) addr: SocketAddr,
    endpoint: &'a Endpoint,
    /// What is said of it, but for how near it is.
    said: WeightedAddr,
}

/// How near an endpoint is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Locality {
    Local,
    Remote,
    Unknown,
}

impl Ready<'_> {
    fn pod(&self) -> Option<&NsName> {
        match &self.endpoint.target {
            TargetRef::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// The object behind it.
    fn target(&self) -> Option<&TargetRef> {
        Some(&self.endpoint.target).filter(|target| **target != TargetRef::None)
    }

    pub(super) fn locality(&self, zone: Option<&Name>) -> Locality {
        match (zone, self.target().and(self.endpoint.zone.as_ref())) {
            (Some(here), Some(there)) if here == there => Locality::Local,
            (Some(_), Some(_)) => Locality::Remote,
            _ => Locality::Unknown,
        }
    }

    /// What a client in a zone is told of it.
    pub(super) fn told(&self, zone: Option<&Name>) -> WeightedAddr {
        let locality = match self.locality(zone) {
            Locality::Local => "local",
            Locality::Remote => "remote",
            Locality::Unknown => "unknown",
        };
        with_label(self.said.clone(), "zone_locality", locality)
    }
}

impl<'a> Oracle<'a> {
    /// Ready endpoints of a service's port, of one address the first.
    fn ready(self, service: &Service, instance: Option<&Name>, port: u16) -> Vec<Ready<'a>> {
        let mut ready: BTreeMap<SocketAddr, Ready<'a>> = BTreeMap::new();
        for slice in self.slices(&service.name) {
            for subset in &slice.subsets {
                let Some(target_port) = target_port(service, subset, port) else { continue };
                for endpoint in &subset.endpoints {
                    let wanted = instance.is_none() || endpoint.hostname.as_ref() == instance;
                    let addr = SocketAddr::new(endpoint.address, target_port);
                    if !endpoint.ready || !wanted || ready.contains_key(&addr) {
                        continue;
                    }
                    if let Some(said) = self.said(slice, endpoint, target_port, port) {
                        ready.insert(addr, Ready { addr, endpoint, said });
                    }
                }
            }
        }
        ready.into_values().collect()
    }

    /// What is said of an endpoint; nothing if it is not given out.
    fn said(self, slice: &EndpointSlice, endpoint: &Endpoint, port: u16, asked: u16) -> Option<WeightedAddr> {
        let said = match &endpoint.target {
            TargetRef::None => return Some(self.said_of_address(slice.mirror.as_ref(), asked)),
            TargetRef::Pod(name) => {
                let pod = self.pod(name)?;
                // A slice of another namespace has to name an address of the Pod.
                if name.namespace != slice.name.namespace && !pod.ips.contains(&Some(endpoint.address)) {
                    return None;
                }
                self.said_of_pod(pod, &[port])?
            }
            TargetRef::Workload(workload) => self.said_of_workload(self.workload(workload)?, port),
            TargetRef::Other(_) => return None,
        };
        Some(with_label(said, "zone", endpoint.zone.as_ref().map_or("", Name::as_str)))
    }

    /// Those of them that a client on this node is given.
    pub(super) fn endpoints(
        self,
        service: &Service,
        instance: Option<&Name>,
        port: u16,
        node: Option<&Name>,
    ) -> Vec<Ready<'a>> {
        let mut ready = self.ready(service, instance, port);
        ready.retain(|ready| self.options.ipv6 || ready.addr.is_ipv4());
        if service.local_traffic_only {
            ready.retain(|ready| {
                let pod: Option<&Pod> = ready.pod().and_then(|pod| self.pod(pod));
                let here = ready.endpoint.node.as_ref().or(pod.and_then(|pod| pod.node.as_ref()));
                pod.is_some() && node.is_some() && here == node
            });
        } else if ready.iter().all(|ready| !ready.endpoint.hint_zones.is_empty()) {
            let zone = node.and_then(|node| self.zone(node));
            let near = |ready: &Ready<'_>| zone.is_some_and(|zone| ready.endpoint.hint_zones.contains(zone));
            if ready.iter().any(near) {
                ready.retain(near);
            }
        }
        self.one_family(ready)
    }

    /// Those of them that somebody, somewhere, could be given.
    pub(super) fn given_out(self, service: &Service, port: u16) -> Vec<Ready<'a>> {
        self.one_family(self.ready(service, None, port))
    }

    /// IPv6 before IPv4 of one Pod or workload, or no IPv6 at all.
    fn one_family(self, ready: Vec<Ready<'a>>) -> Vec<Ready<'a>> {
        let six: BTreeSet<_> =
            ready.iter().filter(|r| r.addr.is_ipv6()).filter_map(|r| r.target().cloned()).collect();
        let better = |ready: &Ready<'_>| ready.target().is_some_and(|target| six.contains(target));
        let kept = ready.into_iter().filter(|ready| match (self.options.ipv6, ready.addr.is_ipv6()) {
            (ipv6, true) => ipv6,
            (true, false) => !better(ready),
            (false, false) => true,
        });
        kept.collect()
    }

    /// Labels that say which service of another cluster this one mirrors.
    pub(super) fn mirror_labels(self, service: &NsName) -> Vec<(&'static str, &'a str)> {
        let mut mirrors = self.slices(service).filter_map(|slice| slice.mirror.as_ref());
        let Some((mirror, cluster)) = mirrors.find_map(|mirror| Some((mirror, mirror.cluster.as_ref()?)))
        else {
            return Vec::new();
        };
        let mut labels = vec![("target_cluster", &**cluster)];
        let mut parts = mirror.remote_name.as_ref().map_or("", |name| name).split('.');
        if let (Some(name), Some(namespace)) = (parts.next(), parts.next()) {
            labels.extend([("target_service", name), ("target_service_namespace", namespace)]);
        }
        labels
    }
}

fn target_port(service: &Service, subset: &Subset, port: u16) -> Option<u16> {
    let ports = subset.ports.as_ref()?;
    match service.ports.iter().find(|p| p.port == port) {
        Some(declared) => ports.iter().find(|p| p.name == declared.name).map(|p| p.port),
        None => Some(port),
    }
}

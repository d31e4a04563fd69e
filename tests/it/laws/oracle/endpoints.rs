//! The endpoints of one service that a client is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use switchyard::model::{Endpoint, EndpointSlice, Name, NsName, Object, Pod, Service, Subset, TargetRef};

use super::Oracle;

/// A ready endpoint of a service's port.
#[derive(Clone)]
pub(super) struct Ready<'a> {
    pub(super) addr: SocketAddr,
    endpoint: &'a Endpoint,
}

impl Ready<'_> {
    pub(super) fn pod(&self) -> Option<&NsName> {
        match &self.endpoint.target {
            TargetRef::Pod(pod) => Some(pod),
            _ => None,
        }
    }
}

impl<'a> Oracle<'a> {
    /// Ready endpoints of a service's port, of one address the first.
    fn ready(self, service: &Service, instance: Option<&Name>, port: u16) -> Vec<Ready<'a>> {
        let mut ready: BTreeMap<SocketAddr, Ready<'a>> = BTreeMap::new();
        for subset in self.slices(&service.name).flat_map(|slice| &slice.subsets) {
            let Some(port) = target_port(service, subset, port) else { continue };
            for endpoint in &subset.endpoints {
                let exists = match &endpoint.target {
                    TargetRef::None => true,
                    TargetRef::Pod(pod) => self.pod(pod).is_some(),
                    TargetRef::Other(_) => false,
                };
                let wanted = instance.is_none() || endpoint.hostname.as_ref() == instance;
                if endpoint.ready && exists && wanted {
                    let addr = SocketAddr::new(endpoint.address, port);
                    ready.entry(addr).or_insert(Ready { addr, endpoint });
                }
            }
        }
        ready.into_values().collect()
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
                let pod = ready.pod().and_then(|pod| self.pod(pod));
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

    /// IPv6 before IPv4 of one pod, or no IPv6 at all.
    fn one_family(self, ready: Vec<Ready<'a>>) -> Vec<Ready<'a>> {
        let six: BTreeSet<_> =
            ready.iter().filter(|r| r.addr.is_ipv6()).filter_map(|r| r.pod().cloned()).collect();
        let better = |ready: &Ready<'_>| ready.pod().is_some_and(|pod| six.contains(pod));
        let kept = ready.into_iter().filter(|ready| match (self.options.ipv6, ready.addr.is_ipv6()) {
            (ipv6, true) => ipv6,
            (true, false) => !better(ready),
            (false, false) => true,
        });
        kept.collect()
    }

    fn pod(self, name: &NsName) -> Option<&'a Pod> {
        self.objects.iter().find_map(|object| match object {
            Object::Pod(o) if o.name == *name => Some(&**o),
            _ => None,
        })
    }

    fn zone(self, node: &Name) -> Option<&'a Name> {
        self.objects.iter().find_map(|object| match object {
            Object::Node(o) if o.name.name == *node => o.zone.as_ref(),
            _ => None,
        })
    }

    /// A service's slices by name, or its Endpoints objects where it has none.
    pub(super) fn slices(self, service: &NsName) -> impl Iterator<Item = &'a EndpointSlice> + use<'a> {
        let of_service = |slice: &EndpointSlice| {
            slice.name.namespace == service.namespace && slice.service.as_ref() == Some(&service.name)
        };
        let (mut slices, mut endpoints) = (Vec::new(), Vec::new());
        for object in self.objects {
            match object {
                Object::EndpointSlice(slice) if of_service(slice) => slices.push(&**slice),
                Object::Endpoints(slice) if of_service(slice) => endpoints.push(&**slice),
                _ => {}
            }
        }
        let mut found = if slices.is_empty() { endpoints } else { slices };
        found.sort_by(|a, b| a.name.name.as_str().cmp(b.name.name.as_str()));
        found.into_iter()
    }
}

fn target_port(service: &Service, subset: &Subset, port: u16) -> Option<u16> {
    let ports = subset.ports.as_ref()?;
    match service.ports.iter().find(|p| p.port == port) {
        Some(declared) => ports.iter().find(|p| p.name == declared.name).map(|p| p.port),
        None => Some(port),
    }
}

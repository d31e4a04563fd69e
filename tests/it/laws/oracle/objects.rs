//! Finding objects.

use switchyard::model::{
    Controller, EndpointSlice, ExternalWorkload, Name, NsName, Object, Pod, ServerTarget, Service,
    ServiceProfile, TrafficSplit,
};

use super::Oracle;

/// All objects of a kind.
macro_rules! all {
    ($self:expr, $kind:ident) => {
        $self
            .objects
            .iter()
            .filter_map(|object| if let Object::$kind(o) = object { Some(&**o) } else { None })
    };
}

impl<'a> Oracle<'a> {
    pub(super) fn services(self) -> impl Iterator<Item = &'a Service> {
        all!(self, Service)
    }

    pub(crate) fn service(self, name: &NsName) -> Option<&'a Service> {
        self.services().find(|service| service.name == *name)
    }

    pub(super) fn splits(self) -> impl Iterator<Item = &'a TrafficSplit> {
        all!(self, TrafficSplit)
    }

    pub(super) fn profile_object(self, namespace: &Name, name: &str) -> Option<&'a ServiceProfile> {
        all!(self, ServiceProfile).find(|profile| profile.name == NsName::new(namespace.clone(), name))
    }

    pub(super) fn pods(self) -> impl Iterator<Item = &'a Pod> {
        all!(self, Pod)
    }

    pub(super) fn pod(self, name: &NsName) -> Option<&'a Pod> {
        self.pods().find(|pod| pod.name == *name)
    }

    pub(super) fn workloads(self) -> impl Iterator<Item = &'a ExternalWorkload> {
        all!(self, ExternalWorkload)
    }

    pub(super) fn workload(self, name: &NsName) -> Option<&'a ExternalWorkload> {
        self.workloads().find(|workload| workload.name == *name)
    }

    /// What the Servers of a namespace make opaque.
    pub(super) fn opaque_servers(self, namespace: &Name) -> impl Iterator<Item = &'a ServerTarget> {
        let servers = all!(self, Server).filter(move |server| server.name.namespace == *namespace);
        servers.filter_map(|server| server.opaque.as_ref())
    }

    pub(super) fn replica_set(self, name: &NsName) -> Option<&'a Controller> {
        all!(self, ReplicaSet).find(|set| set.name == *name)
    }

    pub(super) fn job(self, name: &NsName) -> Option<&'a Controller> {
        all!(self, Job).find(|job| job.name == *name)
    }

    /// The zone of a node, if both are known.
    pub(super) fn zone(self, node: &Name) -> Option<&'a Name> {
        all!(self, Node).find(|object| object.name.name == *node).and_then(|node| node.zone.as_ref())
    }

    /// A service's slices by name, or its Endpoints objects where it has none.
    pub(super) fn slices(self, service: &NsName) -> impl Iterator<Item = &'a EndpointSlice> + use<'a> {
        let of_service = |slice: &&EndpointSlice| {
            slice.name.namespace == service.namespace && slice.service.as_ref() == Some(&service.name)
        };
        let mut found: Vec<_> = all!(self, EndpointSlice).filter(of_service).collect();
        if found.is_empty() {
            found = all!(self, Endpoints).filter(of_service).collect();
        }
        found.sort_by(|a, b| a.name.name.as_str().cmp(b.name.name.as_str()));
        found.into_iter()
    }
}

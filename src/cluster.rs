//! The state of the cluster: every object, and the indexes that resolving needs.
//!
//! Plain ordered maps, owned by one task, changed only by [`Cluster::apply`]. Each event answers with the
//! [`Fact`]s it touched: whoever read one of them has to look again, and nobody else. An event that changes
//! nothing touches nothing, so a relist of an unchanged cluster costs no recomputation.
//!
//! Removal needs no look-up of anything that may already be gone: the indexes hold what was read when the
//! object came.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

mod fact;
mod index;

pub use self::fact::Fact;
use self::index::{pods_of, replace, service_of, set_member};
use crate::{
    authority::local_reference,
    model::{
        EndpointSlice, Kind, Name, Node, NsName, Object, ObjectId, Pod, Service, ServiceProfile, TrafficSplit,
    },
    source::Event,
    wire,
};

/// The place of a split among those of its apex: the oldest first, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seniority {
    has_no_timestamp: bool,
    created: Option<jiff::Timestamp>,
    name: Name,
}

/// A slice with the metadata of its endpoints, encoded once: `meta[subset][endpoint]`.
#[derive(Debug)]
pub struct StoredSlice {
    /// The slice.
    pub slice: Arc<EndpointSlice>,
    /// Encoded metadata of each endpoint of each subset.
    pub meta: Vec<Vec<Arc<[u8]>>>,
}

/// All objects. See the module's documentation.
#[derive(Debug)]
pub struct Cluster {
    domain: Name,
    services: BTreeMap<NsName, Arc<Service>>,
    /// Slices and Endpoints objects by what they are; `Kind` tells the two apart.
    slices: BTreeMap<ObjectId, Arc<StoredSlice>>,
    /// How many of them are Endpoints objects.
    endpoints_objects: usize,
    pods: HashMap<NsName, Arc<Pod>>,
    nodes: HashMap<Name, Arc<Node>>,
    splits: BTreeMap<NsName, Arc<TrafficSplit>>,
    profiles: BTreeMap<NsName, Arc<ServiceProfile>>,
    namespaces_of_profile: HashMap<Name, BTreeSet<Name>>,

    slices_of_service: HashMap<NsName, BTreeMap<ObjectId, Arc<StoredSlice>>>,
    /// How many slice endpoints of which services refer to a pod.
    services_of_pod: HashMap<NsName, BTreeMap<NsName, usize>>,
    splits_of_apex: HashMap<NsName, BTreeSet<Seniority>>,
    splits_of_backend: HashMap<NsName, BTreeSet<NsName>>,
    services_of_ip: HashMap<IpAddr, BTreeSet<NsName>>,
}

impl Cluster {
    /// An empty cluster with this domain, for example `cluster.local`.
    #[must_use]
    pub fn new(domain: Name) -> Self {
        Self {
            domain,
            services: BTreeMap::new(),
            slices: BTreeMap::new(),
            endpoints_objects: 0,
            pods: HashMap::new(),
            nodes: HashMap::new(),
            splits: BTreeMap::new(),
            profiles: BTreeMap::new(),
            namespaces_of_profile: HashMap::new(),
            slices_of_service: HashMap::new(),
            services_of_pod: HashMap::new(),
            splits_of_apex: HashMap::new(),
            splits_of_backend: HashMap::new(),
            services_of_ip: HashMap::new(),
        }
    }

    /// The cluster's DNS domain.
    #[must_use]
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    /// A Service, if it exists.
    #[must_use]
    pub fn service(&self, name: &NsName) -> Option<&Arc<Service>> {
        self.services.get(name)
    }

    /// All Services, by name.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.values()
    }

    /// All splits, by name.
    pub fn splits(&self) -> impl Iterator<Item = &Arc<TrafficSplit>> {
        self.splits.values()
    }

    /// How many objects of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Service => self.services.len(),
            Kind::EndpointSlice => self.slices.len() - self.endpoints_objects,
            Kind::Endpoints => self.endpoints_objects,
            Kind::Pod => self.pods.len(),
            Kind::Node => self.nodes.len(),
            Kind::TrafficSplit => self.splits.len(),
            Kind::ServiceProfile => self.profiles.len(),
        }
    }

    /// The slices of a Service by name; its Endpoints object where there is no slice.
    pub fn slices_of<'a>(&'a self, service: &NsName) -> impl Iterator<Item = &'a StoredSlice> + use<'a> {
        let all = self.slices_of_service.get(service);
        let has_slices = all.is_some_and(|all| all.keys().any(|id| id.kind == Kind::EndpointSlice));
        let wanted = if has_slices { Kind::EndpointSlice } else { Kind::Endpoints };
        all.into_iter().flatten().filter(move |(id, _)| id.kind == wanted).map(|(_, slice)| &**slice)
    }

    /// A Pod, if it exists.
    #[must_use]
    pub fn pod(&self, name: &NsName) -> Option<&Pod> {
        self.pods.get(name).map(|pod| &**pod)
    }

    /// The zone of a node, if both are known.
    #[must_use]
    pub fn zone_of(&self, node: &Name) -> Option<&Name> {
        self.nodes.get(node)?.zone.as_ref()
    }

    /// A split, if it exists.
    #[must_use]
    pub fn split(&self, name: &NsName) -> Option<&Arc<TrafficSplit>> {
        self.splits.get(name)
    }

    /// The splits that name this Service as their apex, the one with precedence first.
    pub fn splits_of_apex<'a>(
        &'a self,
        apex: &NsName,
    ) -> impl Iterator<Item = &'a Arc<TrafficSplit>> + use<'a> {
        let namespace = apex.namespace.clone();
        self.splits_of_apex.get(apex).into_iter().flatten().filter_map(move |seniority| {
            self.splits.get(&NsName { namespace: namespace.clone(), name: seniority.name.clone() })
        })
    }

    /// Whether any split names this Service as a backend.
    #[must_use]
    pub fn is_backend(&self, service: &NsName) -> bool {
        self.splits_of_backend.contains_key(service)
    }

    /// A ServiceProfile, if it exists.
    #[must_use]
    pub fn profile(&self, name: &NsName) -> Option<&Arc<ServiceProfile>> {
        self.profiles.get(name)
    }

    /// The namespaces that have a ServiceProfile of this name.
    pub fn namespaces_of_profile(&self, name: &Name) -> impl Iterator<Item = &Name> {
        self.namespaces_of_profile.get(name).into_iter().flatten()
    }

    /// The Services with this cluster IP, by name. More than one only by mistake or for a moment.
    pub fn services_of_ip(&self, ip: IpAddr) -> impl Iterator<Item = &NsName> {
        self.services_of_ip.get(&ip).into_iter().flatten()
    }

    /// Applies an event and adds to `touched` what it changed.
    pub fn apply(&mut self, event: Event, touched: &mut BTreeSet<Fact>) {
        match event {
            Event::Upsert(object) => self.upsert(object, touched),
            Event::Remove(id) => self.remove(&id, touched),
            Event::Replace(kind, objects) => {
                let mut gone = self.ids_of(kind);
                for object in objects.into_iter().filter(|object| object.kind() == kind) {
                    gone.remove(object.name());
                    self.upsert(object, touched);
                }
                for name in gone {
                    self.remove(&ObjectId { kind, name }, touched);
                }
            }
        }
    }

    fn ids_of(&self, kind: Kind) -> BTreeSet<NsName> {
        match kind {
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::EndpointSlice | Kind::Endpoints => {
                self.slices.keys().filter(|id| id.kind == kind).map(|id| id.name.clone()).collect()
            }
            Kind::Pod => self.pods.keys().cloned().collect(),
            Kind::Node => self.nodes.values().map(|node| node.name.clone()).collect(),
            Kind::TrafficSplit => self.splits.keys().cloned().collect(),
            Kind::ServiceProfile => self.profiles.keys().cloned().collect(),
        }
    }

    fn upsert(&mut self, object: Object, touched: &mut BTreeSet<Fact>) {
        let id = object.id();
        match object {
            Object::Service(service) => self.set_service(&id.name, Some(service), touched),
            Object::EndpointSlice(slice) | Object::Endpoints(slice) => {
                self.set_slice(id, Some(slice), touched);
            }
            Object::Pod(pod) => self.set_pod(&id.name, Some(pod), touched),
            Object::Node(node) => self.set_node(&id.name.name, Some(node), touched),
            Object::TrafficSplit(split) => self.set_split(&id.name, Some(split), touched),
            Object::ServiceProfile(profile) => self.set_profile(&id.name, Some(profile), touched),
        }
    }

    fn remove(&mut self, id: &ObjectId, touched: &mut BTreeSet<Fact>) {
        match id.kind {
            Kind::Service => self.set_service(&id.name, None, touched),
            Kind::EndpointSlice | Kind::Endpoints => self.set_slice(id.clone(), None, touched),
            Kind::Pod => self.set_pod(&id.name, None, touched),
            Kind::Node => self.set_node(&id.name.name, None, touched),
            Kind::TrafficSplit => self.set_split(&id.name, None, touched),
            Kind::ServiceProfile => self.set_profile(&id.name, None, touched),
        }
    }

    fn set_service(&mut self, name: &NsName, new: Option<Arc<Service>>, touched: &mut BTreeSet<Fact>) {
        if self.services.get(name) == new.as_ref() {
            return;
        }
        let ips = |service: &Option<Arc<Service>>| -> BTreeSet<IpAddr> {
            service.iter().flat_map(|service| service.cluster_ips.iter().copied()).collect()
        };
        let new_ips = ips(&new);
        let old_ips = ips(&replace(&mut self.services, name, new));
        for ip in old_ips.symmetric_difference(&new_ips) {
            let added = new_ips.contains(ip);
            set_member(&mut self.services_of_ip, *ip, name.clone(), added);
            touched.insert(Fact::ClusterIp(*ip));
        }
        touched.insert(Fact::Service(name.clone()));
    }

    fn set_slice(&mut self, id: ObjectId, new: Option<Arc<EndpointSlice>>, touched: &mut BTreeSet<Fact>) {
        if self.slices.get(&id).map(|stored| &stored.slice) == new.as_ref() {
            return;
        }
        let old = self.slices.remove(&id);
        if id.kind == Kind::Endpoints {
            self.endpoints_objects =
                self.endpoints_objects - usize::from(old.is_some()) + usize::from(new.is_some());
        }
        if let Some(old) = old
            && let Some(service) = service_of(&old.slice)
        {
            let slices = self.slices_of_service.entry(service.clone()).or_default();
            slices.remove(&id);
            if slices.is_empty() {
                self.slices_of_service.remove(&service);
            }
            for pod in pods_of(&old.slice) {
                self.count_reference(pod, &service, false);
            }
            touched.insert(Fact::Endpoints(service));
        }
        if let Some(slice) = new {
            let service = service_of(&slice);
            for pod in service.iter().flat_map(|_| pods_of(&slice)) {
                self.count_reference(pod, service.as_ref().expect("only for slices of a service"), true);
            }
            let meta = slice.subsets.iter().map(|subset| {
                subset.endpoints.iter().map(|endpoint| wire::endpoint_meta(&endpoint.target)).collect()
            });
            let stored = Arc::new(StoredSlice { meta: meta.collect(), slice });
            if let Some(service) = service {
                self.slices_of_service.entry(service.clone()).or_default().insert(id.clone(), stored.clone());
                touched.insert(Fact::Endpoints(service));
            }
            self.slices.insert(id, stored);
        }
    }

    fn count_reference(&mut self, pod: &NsName, service: &NsName, added: bool) {
        let services = self.services_of_pod.entry(pod.clone()).or_default();
        let count = services.entry(service.clone()).or_default();
        *count = if added { *count + 1 } else { *count - 1 };
        if *count == 0 {
            services.remove(service);
            if services.is_empty() {
                self.services_of_pod.remove(pod);
            }
        }
    }

    fn set_pod(&mut self, name: &NsName, new: Option<Arc<Pod>>, touched: &mut BTreeSet<Fact>) {
        if self.pods.get(name) == new.as_ref() {
            return;
        }
        match new {
            Some(pod) => self.pods.insert(name.clone(), pod),
            None => self.pods.remove(name),
        };
        let services = self.services_of_pod.get(name).into_iter().flat_map(BTreeMap::keys);
        touched.extend(services.cloned().map(Fact::Endpoints));
    }

    fn set_node(&mut self, name: &Name, new: Option<Arc<Node>>, touched: &mut BTreeSet<Fact>) {
        let zone = |node: Option<&Arc<Node>>| node.and_then(|node| node.zone.clone());
        if zone(self.nodes.get(name)) != zone(new.as_ref()) {
            touched.insert(Fact::Node(name.clone()));
        }
        match new {
            Some(node) => self.nodes.insert(name.clone(), node),
            None => self.nodes.remove(name),
        };
    }

    fn set_split(&mut self, name: &NsName, new: Option<Arc<TrafficSplit>>, touched: &mut BTreeSet<Fact>) {
        if self.splits.get(name) == new.as_ref() {
            return;
        }
        let old = replace(&mut self.splits, name, new.clone());
        for (split, added) in [(old, false), (new, true)] {
            let Some(split) = split else { continue };
            let service = |text: &str| {
                let local = local_reference(text, &name.namespace, &self.domain).ok()?;
                Some(NsName { namespace: name.namespace.clone(), name: local })
            };
            if let Some(apex) = service(&split.apex) {
                let seniority = Seniority {
                    has_no_timestamp: split.created.is_none(),
                    created: split.created,
                    name: name.name.clone(),
                };
                set_member(&mut self.splits_of_apex, apex.clone(), seniority, added);
                touched.insert(Fact::SplitsOf(apex));
            }
            for backend in split.backends.iter().filter_map(|backend| service(&backend.service)) {
                set_member(&mut self.splits_of_backend, backend.clone(), name.clone(), added);
                touched.insert(Fact::SplitsWith(backend));
            }
        }
        touched.insert(Fact::Split(name.clone()));
    }

    fn set_profile(&mut self, name: &NsName, new: Option<Arc<ServiceProfile>>, touched: &mut BTreeSet<Fact>) {
        if self.profiles.get(name) != new.as_ref() {
            let added = new.is_some();
            replace(&mut self.profiles, name, new);
            set_member(&mut self.namespaces_of_profile, name.name.clone(), name.namespace.clone(), added);
            touched.insert(Fact::Profile(name.clone()));
            touched.insert(Fact::ProfilesNamed(name.name.clone()));
        }
    }
}

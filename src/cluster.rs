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

use indexmap::IndexMap;

mod addresses;
mod claims;
mod excerpt;
mod fact;
mod index;
mod population;
mod slices;
mod templates;

pub(crate) use self::templates::{is_own, label_hash};
pub use self::{
    claims::Claims,
    fact::Fact,
    population::{PodClass, Resident},
    slices::{Backing, StoredEndpoint, StoredSlice, StoredSubset},
    templates::Template,
};
use self::{
    index::{replace, set_member},
    population::{Moved, Population},
    slices::Slices,
};
use crate::{
    authority::local_reference,
    model::{
        Created, ExternalWorkload, Kind, MAX_SPLITS_OF_APEX, Name, Node, NsName, Object, ObjectId, Pod,
        Server, ServerPort, Service, ServiceProfile, TrafficSplit,
    },
    source::{Event, WithoutPods},
    weight::Milli,
};

/// The place of a split among those of its apex: the oldest first, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seniority {
    has_no_timestamp: bool,
    created: Option<jiff::Timestamp>,
    name: Name,
}

impl Seniority {
    fn of(split: &TrafficSplit) -> Self {
        Self {
            has_no_timestamp: split.created.is_none(),
            created: split.created,
            name: split.name.name.clone(),
        }
    }
}

/// All objects. See the module's documentation.
#[derive(Debug)]
pub struct Cluster {
    domain: Name,
    services: BTreeMap<NsName, Arc<Service>>,
    slices: Slices,
    population: Population,
    nodes: HashMap<Name, Arc<Node>>,
    splits: BTreeMap<NsName, Arc<TrafficSplit>>,
    profiles: BTreeMap<NsName, Arc<ServiceProfile>>,
    namespaces_of_profile: HashMap<Name, BTreeSet<Name>>,

    splits_of_apex: HashMap<NsName, BTreeSet<Seniority>>,
    /// By backend and split: the weights that the split gives the backend, added up.
    splits_of_backend: HashMap<NsName, BTreeMap<NsName, Milli>>,
    services_of_ip: HashMap<IpAddr, Claims>,
    /// Workloads without Pods, if the objects are those of a folder: see [`Event::Folder`].
    folder: Option<Arc<[WithoutPods]>>,
}

impl Cluster {
    /// An empty cluster with this domain, for example `cluster.local`.
    #[must_use]
    pub fn new(domain: Name) -> Self {
        Self {
            domain,
            services: BTreeMap::new(),
            slices: Slices::default(),
            population: Population::default(),
            nodes: HashMap::new(),
            splits: BTreeMap::new(),
            profiles: BTreeMap::new(),
            namespaces_of_profile: HashMap::new(),
            splits_of_apex: HashMap::new(),
            splits_of_backend: HashMap::new(),
            services_of_ip: HashMap::new(),
            folder: None,
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

    /// The name of a Service in DNS, for example `web.default.svc.cluster.local`: that of its ServiceProfile as well.
    #[must_use]
    pub fn fqdn(&self, service: &NsName) -> String {
        format!("{}.{}.svc.{}", service.name, service.namespace, self.domain)
    }

    /// Whether a Service that is not here does not exist. A folder without any Service is meant for a cluster that has
    /// them already; [`Fact::AnyService`] tells when that changes.
    #[must_use]
    pub fn knows_services(&self) -> bool {
        self.folder.is_none() || !self.services.is_empty()
    }

    /// Whether a Pod of that namespace that is not here does not exist. A folder without any Pod or workload in a namespace
    /// is meant for a cluster that has them already; [`Fact::PodLabels`] tells when that changes.
    #[must_use]
    pub fn knows_pods(&self, namespace: &Name) -> bool {
        self.folder.is_none()
            || self.templates(namespace).next().is_some()
            || self.without_pods().iter().any(|workload| workload.name.namespace == *namespace)
    }

    /// Whether an ExternalWorkload of that namespace that is not here does not exist; as [`knows_pods`](Self::knows_pods).
    #[must_use]
    pub fn knows_workloads(&self, namespace: &Name) -> bool {
        self.folder.is_none() || self.workloads_in(namespace).next().is_some()
    }

    /// Workloads of a folder that have no Pods in it; none in a cluster.
    #[must_use]
    pub fn without_pods(&self) -> &[WithoutPods] {
        self.folder.as_deref().unwrap_or_default()
    }

    /// The templates of the Pods of a namespace, sorted by their labels.
    pub fn templates(&self, namespace: &Name) -> impl Iterator<Item = &Template> {
        self.population.templates().of(namespace)
    }

    /// The namespaces that have Pods, by name.
    pub fn namespaces_with_pods(&self) -> impl Iterator<Item = &Name> {
        self.population.templates().namespaces()
    }

    /// The ExternalWorkloads of a namespace, by name.
    pub fn workloads_in(&self, namespace: &Name) -> impl Iterator<Item = &Arc<ExternalWorkload>> {
        self.population.workloads_in(namespace)
    }

    /// The EndpointSlices of a namespace and then its Endpoints, each with the Service that it names.
    pub fn slices_in(&self, namespace: &Name) -> impl Iterator<Item = (&ObjectId, Option<&NsName>)> {
        self.slices.in_namespace(namespace)
    }

    /// The first namespace by name, other than this one, that has slices of a Service of this name.
    #[must_use]
    pub fn other_namespace_with_slices_of(&self, service: &NsName) -> Option<&Name> {
        self.slices.other_namespace_of(service)
    }

    /// The Services of a namespace, by name.
    pub fn services_in<'a>(&'a self, namespace: &Name) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
        let namespace = namespace.clone();
        let first = NsName { namespace: namespace.clone(), name: "".into() };
        let from = self.services.range(first..).map(|(_, service)| service);
        from.take_while(move |service| service.name.namespace == namespace)
    }

    /// Names of Services of that namespace: up to `count` that precede this name, and as many that follow it.
    pub(crate) fn service_names_near<'a>(
        &'a self,
        name: &NsName,
        count: usize,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let namespace = name.namespace.clone();
        let names =
            move |service: &'a NsName| (service.namespace == namespace).then_some(service.name.as_str());
        let before = self.services.range(..name).rev().map(|(name, _)| name);
        let after = self.services.range(name..).map(|(name, _)| name);
        let before = before.map_while(names.clone()).take(count);
        before.chain(after.map_while(names).take(count))
    }

    /// All splits, by name.
    pub fn splits(&self) -> impl Iterator<Item = &Arc<TrafficSplit>> {
        self.splits.values()
    }

    /// All Nodes, in no particular order.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// Whether there is such an object.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.ids_of(id.kind).contains(&id.name)
    }

    /// How many objects of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Service => self.services.len(),
            Kind::EndpointSlice | Kind::Endpoints => self.slices.count(kind),
            Kind::Pod | Kind::ReplicaSet | Kind::Job | Kind::Server | Kind::ExternalWorkload => {
                self.population.count(kind)
            }
            Kind::Node => self.nodes.len(),
            Kind::TrafficSplit => self.splits.len(),
            Kind::ServiceProfile => self.profiles.len(),
        }
    }

    /// The slices of a Service by name; its Endpoints object where there is no slice.
    pub fn slices_of<'a>(&'a self, service: &NsName) -> impl Iterator<Item = &'a Arc<StoredSlice>> + use<'a> {
        self.slices.of(service)
    }

    /// A number that stays the same as long as [`Cluster::slices_of`] does, and what is behind their endpoints.
    #[must_use]
    pub fn slices_revision(&self, service: &NsName) -> u64 {
        self.slices.revision(service)
    }

    /// A Pod with its class, if it exists.
    #[must_use]
    pub fn resident(&self, name: &NsName) -> Option<&Resident> {
        self.population.resident(name)
    }

    /// Whether there are Pods or ExternalWorkloads in a namespace; [`Fact::PodLabels`] tells when that changes.
    #[must_use]
    pub fn has_clients(&self, namespace: &Name) -> bool {
        self.templates(namespace).next().is_some() || self.workloads_in(namespace).next().is_some()
    }

    /// The Pods whose own address this is, by name. More than one only by mistake or for a moment.
    #[must_use]
    pub fn pods_at(&self, ip: IpAddr) -> &[Arc<Pod>] {
        self.population.addresses().pods_at(ip)
    }

    /// The Pods with host ports on the node with this address.
    #[must_use]
    pub fn pods_on_host(&self, ip: IpAddr) -> &[Arc<Pod>] {
        self.population.addresses().pods_on_host(ip)
    }

    /// An ExternalWorkload, if it exists, and its ports that Servers make opaque.
    #[must_use]
    pub fn workload(&self, name: &NsName) -> Option<(&Arc<ExternalWorkload>, &Arc<[u16]>)> {
        self.population.workload(name)
    }

    /// The ports of this address on which ExternalWorkloads listen, with these.
    pub fn workloads_at(&self, ip: IpAddr) -> impl Iterator<Item = (u16, &Claims)> {
        self.population.addresses().workloads_at(ip)
    }

    /// A Server, if it exists.
    #[must_use]
    pub fn server(&self, name: &NsName) -> Option<&Arc<Server>> {
        self.population.server(name)
    }

    /// The Servers of a namespace that are for this port as it is written in them, by name.
    pub fn servers_on(&self, namespace: &Name, port: &ServerPort) -> impl Iterator<Item = &Arc<Server>> {
        self.population.servers_on(namespace, port)
    }

    /// All Servers, by namespace and name.
    #[must_use]
    pub fn server_names(&self) -> BTreeSet<NsName> {
        self.ids_of(Kind::Server)
    }

    /// The ExternalWorkloads that listen on this port of this address.
    #[must_use]
    pub fn workloads_on(&self, ip: IpAddr, port: u16) -> Option<&Claims> {
        self.population.addresses().workloads_on(ip, port)
    }

    /// The ports of this address on which ExternalWorkloads of several namespaces listen.
    pub fn contested_ports(&self, ip: IpAddr) -> impl Iterator<Item = u16> {
        self.population.addresses().contested(ip)
    }

    /// Whether several objects may claim this address or a port of it, so that looking at their claims is of use.
    #[must_use]
    pub fn may_be_contested(&self, ip: IpAddr) -> bool {
        self.pods_at(ip).len() > 1
            || !self.pods_on_host(ip).is_empty()
            || self.workloads_at(ip).next().is_some()
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

    /// The splits of an apex that are considered: the first [`MAX_SPLITS_OF_APEX`] of [`Cluster::splits_of_apex`].
    pub fn considered_splits<'a>(
        &'a self,
        apex: &NsName,
    ) -> impl Iterator<Item = &'a Arc<TrafficSplit>> + use<'a> {
        self.splits_of_apex(apex).take(MAX_SPLITS_OF_APEX)
    }

    /// Whether a split of this apex is among those that are considered; [`Fact::SplitOrder`] tells when that changes.
    #[must_use]
    pub fn is_considered(&self, apex: &NsName, split: &TrafficSplit) -> bool {
        let last = self.splits_of_apex.get(apex).and_then(|all| all.iter().nth(MAX_SPLITS_OF_APEX - 1));
        last.is_none_or(|last| Seniority::of(split) <= *last)
    }

    /// The Service of the split's own namespace that a reference in it names, if it names one.
    #[must_use]
    pub fn local_name(&self, split: &TrafficSplit, reference: &str) -> Option<NsName> {
        let namespace = split.name.namespace.clone();
        let name = local_reference(reference, &namespace, &self.domain).ok()?;
        Some(NsName { namespace, name })
    }

    /// The backends of a split that name a Service of its own namespace, in its order: each once, with all that the
    /// split gives it.
    #[must_use]
    pub fn backends_of(&self, split: &TrafficSplit) -> IndexMap<NsName, Milli> {
        let mut backends = IndexMap::new();
        for backend in &split.backends {
            let Some(name) = self.local_name(split, &backend.service) else { continue };
            let weight = backends.entry(name).or_insert(Milli::ZERO);
            *weight = weight.saturating_add(backend.weight);
        }
        backends
    }

    /// Whether a split names this Service as a backend.
    #[must_use]
    pub fn lists(&self, split: &TrafficSplit, service: &NsName) -> bool {
        self.splits_of_backend.get(service).is_some_and(|splits| splits.contains_key(&split.name))
    }

    /// What each split that names this Service as a backend gives it.
    pub fn weights_of_backend(&self, service: &NsName) -> impl Iterator<Item = Milli> {
        self.splits_of_backend.get(service).into_iter().flat_map(BTreeMap::values).copied()
    }

    /// Whether any split names this Service as a backend.
    #[must_use]
    pub fn is_backend(&self, service: &NsName) -> bool {
        self.splits_of_backend.contains_key(service)
    }

    /// The splits that name this Service as a backend, by name.
    pub fn splits_of_backend<'a>(
        &'a self,
        service: &NsName,
    ) -> impl Iterator<Item = &'a Arc<TrafficSplit>> + use<'a> {
        let names = self.splits_of_backend.get(service).into_iter().flat_map(BTreeMap::keys);
        names.filter_map(|name| self.splits.get(name))
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
        self.service_claims(ip).into_iter().flat_map(Claims::all)
    }

    /// The Services with this cluster IP, if there are any.
    #[must_use]
    pub fn service_claims(&self, ip: IpAddr) -> Option<&Claims> {
        self.services_of_ip.get(&ip)
    }

    /// Applies an event and adds to `touched` what it changed.
    pub fn apply(&mut self, event: Event, touched: &mut BTreeSet<Fact>) {
        self.apply_batch(vec![event], touched);
    }

    /// Applies events as one step and adds to `touched` what they changed. Objects that Pods take their class from come
    /// before Pods, so that each Pod is classified once for all of them.
    pub(crate) fn apply_batch(&mut self, events: Vec<Event>, touched: &mut BTreeSet<Fact>) {
        let (above, others): (Vec<_>, Vec<_>) = events
            .into_iter()
            .partition(|event| matches!(event.kind(), Some(Kind::Server | Kind::ReplicaSet | Kind::Job)));
        above.into_iter().for_each(|event| self.apply_one(event, touched));
        let (population, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|event| matches!(event.kind(), Some(Kind::Pod | Kind::ExternalWorkload)));
        population.into_iter().for_each(|event| self.apply_one(event, touched));
        self.move_in(touched, Population::reclassify);
        others.into_iter().for_each(|event| self.apply_one(event, touched));
    }

    fn apply_one(&mut self, event: Event, touched: &mut BTreeSet<Fact>) {
        match event {
            Event::Upsert(object) => self.upsert(object, touched),
            Event::Remove(id) => self.remove(&id, touched),
            Event::Replace(kind, objects) => {
                self.apply_one(Event::ReplaceExcept(kind, objects, BTreeSet::new()), touched);
            }
            Event::ReplaceExcept(kind, objects, kept) => {
                let mut gone = self.ids_of(kind);
                gone.retain(|name| !kept.contains(&ObjectId { kind, name: name.clone() }));
                for object in objects.into_iter().filter(|object| object.kind() == kind) {
                    gone.remove(object.name());
                    self.upsert(object, touched);
                }
                for name in gone {
                    self.remove(&ObjectId { kind, name }, touched);
                }
            }
            Event::Folder(workloads) => {
                let both = self.without_pods().iter().chain(&*workloads);
                touched.extend(both.map(|workload| Fact::PodLabels(workload.name.namespace.clone())));
                self.folder = Some(workloads);
            }
        }
    }

    fn ids_of(&self, kind: Kind) -> BTreeSet<NsName> {
        match kind {
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::EndpointSlice | Kind::Endpoints => self.slices.names(kind),
            Kind::Pod | Kind::ReplicaSet | Kind::Job | Kind::Server | Kind::ExternalWorkload => {
                self.population.names(kind)
            }
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
                touched.extend(self.slices.set(&id, Some(&slice), &mut self.population));
            }
            Object::Pod(pod) => self.move_in(touched, |p, moved| p.set_pod(&id.name, Some(pod), moved)),
            Object::ReplicaSet(controller) | Object::Job(controller) => {
                self.population.set_controller((id.kind, id.name), Some(controller));
            }
            Object::Server(server) => {
                self.move_in(touched, |p, moved| p.set_server(&id.name, Some(server), moved));
            }
            Object::ExternalWorkload(workload) => {
                self.move_in(touched, |p, moved| p.set_workload(&id.name, Some(workload), moved));
            }
            Object::Node(node) => self.set_node(&id.name.name, Some(node), touched),
            Object::TrafficSplit(split) => self.set_split(&id.name, Some(split), touched),
            Object::ServiceProfile(profile) => self.set_profile(&id.name, Some(profile), touched),
        }
    }

    fn remove(&mut self, id: &ObjectId, touched: &mut BTreeSet<Fact>) {
        match id.kind {
            Kind::Service => self.set_service(&id.name, None, touched),
            Kind::EndpointSlice | Kind::Endpoints => {
                touched.extend(self.slices.set(id, None, &mut self.population));
            }
            Kind::Pod => self.move_in(touched, |p, moved| p.set_pod(&id.name, None, moved)),
            Kind::ReplicaSet | Kind::Job => {
                self.population.set_controller((id.kind, id.name.clone()), None);
            }
            Kind::Server => self.move_in(touched, |p, moved| p.set_server(&id.name, None, moved)),
            Kind::ExternalWorkload => {
                self.move_in(touched, |p, moved| p.set_workload(&id.name, None, moved));
            }
            Kind::Node => self.set_node(&id.name.name, None, touched),
            Kind::TrafficSplit => self.set_split(&id.name, None, touched),
            Kind::ServiceProfile => self.set_profile(&id.name, None, touched),
        }
    }

    /// Changes the population, and tells the slices what is behind their endpoints now.
    fn move_in(&mut self, touched: &mut BTreeSet<Fact>, change: impl FnOnce(&mut Population, &mut Moved)) {
        let mut moved = Moved::default();
        change(&mut self.population, &mut moved);
        for (target, slices, behind) in moved.backings {
            let concerned = self.slices.set_backing(&target, &slices, &behind);
            touched.extend(concerned.into_iter().map(Fact::Endpoints));
        }
        touched.extend(moved.pods.into_iter().map(Fact::Pod));
        touched.extend(moved.ips.into_iter().map(Fact::Address));
        touched.extend(moved.facts);
    }

    fn set_service(&mut self, name: &NsName, new: Option<Arc<Service>>, touched: &mut BTreeSet<Fact>) {
        if self.services.get(name) == new.as_ref() {
            return;
        }
        let ips = |service: &Option<Arc<Service>>| -> BTreeSet<(IpAddr, Created)> {
            let ips = service
                .iter()
                .flat_map(|service| service.cluster_ips.iter().map(|ip| (*ip, service.created)));
            ips.collect()
        };
        if new.is_some() != self.services.contains_key(name) {
            touched.insert(Fact::ServiceNames(name.namespace.clone()));
        }
        let new_ips = ips(&new);
        let knew_services = self.knows_services();
        let old_ips = ips(&replace(&mut self.services, name, new));
        if knew_services != self.knows_services() {
            touched.insert(Fact::AnyService);
        }
        let gone = old_ips.difference(&new_ips).map(|claim| (claim, false));
        for ((ip, created), added) in gone.chain(new_ips.difference(&old_ips).map(|claim| (claim, true))) {
            let mut claims = self.services_of_ip.remove(ip);
            Claims::set(&mut claims, *created, name, added);
            self.services_of_ip.extend(claims.map(|claims| (*ip, claims)));
            touched.insert(Fact::ClusterIp(*ip));
        }
        touched.insert(Fact::Service(name.clone()));
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
        let apex = |split: &Arc<TrafficSplit>| self.local_name(split, &split.apex);
        let apexes: BTreeSet<_> = self.splits.get(name).into_iter().chain(&new).filter_map(apex).collect();
        let orders: Vec<_> = apexes.iter().map(|apex| self.order(apex)).collect();
        let old = replace(&mut self.splits, name, new.clone());
        for (split, added) in [(old, false), (new, true)] {
            let Some(split) = split else { continue };
            if let Some(apex) = self.local_name(&split, &split.apex) {
                set_member(&mut self.splits_of_apex, apex, Seniority::of(&split), added);
            }
            for (backend, weight) in self.backends_of(&split) {
                let splits = self.splits_of_backend.entry(backend.clone()).or_default();
                if added {
                    splits.insert(name.clone(), weight);
                } else {
                    splits.remove(name);
                    if splits.is_empty() {
                        self.splits_of_backend.remove(&backend);
                    }
                }
                touched.insert(Fact::SplitsWith(backend));
            }
        }
        for (apex, before) in apexes.into_iter().zip(orders) {
            if self.order(&apex) != before {
                touched.insert(Fact::SplitOrder(apex.clone()));
            }
            touched.insert(Fact::SplitsOf(apex));
        }
        touched.insert(Fact::Split(name.clone()));
    }

    /// What [`Fact::SplitOrder`] stands for.
    fn order(&self, apex: &NsName) -> Vec<(Name, bool)> {
        self.considered_splits(apex).map(|split| (split.name.name.clone(), split.has_matches)).collect()
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

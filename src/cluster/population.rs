//! Who lives in the cluster: Pods and ExternalWorkloads, who owns them, and which Servers select them.
//!
//! What answers say of a Pod is mostly what they say of every Pod of its template. That part is worked out
//! once for all of them, as a [`PodClass`], when the Pod comes or anything that it depends on changes; a
//! change that leaves the class as it was is no change to anybody.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    mem,
    net::IpAddr,
    sync::Arc,
};

use super::{
    Fact,
    addresses::Addresses,
    slices::{Backing, Behind},
    templates::Templates,
};
use crate::{
    interned::Interned,
    model::{
        Controller, ExternalWorkload, Kind, LabelSet, Name, NsName, ObjectId, Pod, PodSpec, Server,
        ServerPort, ServerTarget, TargetRef,
    },
};

/// Label of a Pod that a control plane has injected: the namespace of that control plane.
const CONTROL_PLANE_LABEL: &str = "linkerd.io/control-plane-ns";
/// Label of a Deployment's Pods.
const TEMPLATE_HASH_LABEL: &str = "pod-template-hash";

/// No value of a label is longer in Kubernetes, in bytes; a longer one means nothing.
const LONGEST_LABEL: usize = 63;

/// What is said alike of all Pods of one template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodClass {
    /// Their namespace.
    pub namespace: Name,
    /// What their template says.
    pub spec: Arc<PodSpec>,
    /// The namespace of their control plane; `None` if they are not meshed.
    pub control_plane: Option<Name>,
    /// Label `pod-template-hash`, if it is not empty.
    pub template_hash: Option<Name>,
    /// What a user would say they belong to: the metric label (`deployment`, `k8s_job`, ..) and the name.
    /// `None` for Pods that stand for themselves.
    pub owner: Option<(Box<str>, Name)>,
    /// Container ports that Servers make opaque, sorted.
    pub opaque_by_server: Box<[u16]>,
}

/// A Pod with its class.
#[derive(Clone, Debug)]
pub struct Resident {
    /// The Pod.
    pub pod: Arc<Pod>,
    /// What it has in common with its like.
    pub class: Arc<PodClass>,
}

/// What is known under the name of a Pod.
#[derive(Debug, Default)]
struct Record {
    resident: Option<Resident>,
    /// Slices with an endpoint that refers to it, whether or not it exists.
    slices: Vec<Arc<ObjectId>>,
}

/// What is known under the name of an ExternalWorkload.
#[derive(Debug, Default)]
struct WorkloadRecord {
    workload: Option<Arc<ExternalWorkload>>,
    opaque_by_server: Arc<[u16]>,
    slices: Vec<Arc<ObjectId>>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Population {
    pods: HashMap<Name, BTreeMap<Name, Record>>,
    count: usize,
    workloads: BTreeMap<NsName, WorkloadRecord>,
    workload_count: usize,
    controllers: HashMap<(Kind, NsName), Arc<Controller>>,
    controller_counts: HashMap<Kind, usize>,
    /// By the ReplicaSet or Job that owns them.
    pods_of_controller: HashMap<(Kind, NsName), BTreeSet<Name>>,
    servers: HashMap<Name, BTreeMap<Name, Arc<Server>>>,
    /// By namespace and the port that they are for.
    servers_on: HashMap<(Name, ServerPort), BTreeSet<Name>>,
    /// Pods that may belong to another class, until [`Population::reclassify`].
    unclassified: BTreeSet<NsName>,
    /// Servers that changed, as they were and as they are, by namespace, until [`Population::reclassify`].
    changed_servers: HashMap<Name, Vec<Arc<Server>>>,
    addresses: Addresses,
    templates: Templates,
    classes: Interned<PodClass>,
    specs: Interned<PodSpec>,
    labels: Interned<LabelSet>,
    names: Interned<str>,
}

/// What a change in the population means to others.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Slices with endpoints that refer to these are to be seen anew.
    pub(super) backings: Vec<(TargetRef, Vec<Arc<ObjectId>>, Behind)>,
    /// Pods of which something changed.
    pub(super) pods: Vec<NsName>,
    /// Addresses whose tenants changed, or of whose tenants something changed.
    pub(super) ips: BTreeSet<IpAddr>,
    /// What that touches of the labels of Pods and of Servers.
    pub(super) facts: BTreeSet<Fact>,
}

impl Population {
    pub(super) fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Pod => self.count,
            Kind::ExternalWorkload => self.workload_count,
            Kind::Server => self.servers.values().map(BTreeMap::len).sum(),
            _ => self.controller_counts.get(&kind).copied().unwrap_or_default(),
        }
    }

    /// The names of all objects of a kind.
    pub(super) fn names(&self, kind: Kind) -> BTreeSet<NsName> {
        match kind {
            Kind::Pod => {
                let residents = self.pods.values().flat_map(BTreeMap::values);
                residents.filter_map(|record| Some(record.resident.as_ref()?.pod.name.clone())).collect()
            }
            Kind::ExternalWorkload => {
                let exist = self.workloads.iter().filter(|(_, record)| record.workload.is_some());
                exist.map(|(name, _)| name.clone()).collect()
            }
            Kind::Server => {
                self.servers.values().flat_map(BTreeMap::values).map(|server| server.name.clone()).collect()
            }
            _ => self.controllers.keys().filter(|(k, _)| *k == kind).map(|(_, name)| name.clone()).collect(),
        }
    }

    pub(super) fn resident(&self, name: &NsName) -> Option<&Resident> {
        self.pods.get(&name.namespace)?.get(&name.name)?.resident.as_ref()
    }

    pub(super) fn workload(&self, name: &NsName) -> Option<(&Arc<ExternalWorkload>, &Arc<[u16]>)> {
        let record = self.workloads.get(name)?;
        Some((record.workload.as_ref()?, &record.opaque_by_server))
    }

    /// Who is where.
    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The labels of the Pods.
    pub(super) fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Copies the labels of a namespace's Pods, and its ExternalWorkloads, from another index.
    pub(super) fn take_labels_from(&mut self, other: &Self, namespace: &Name) {
        self.templates.take_from(&other.templates, namespace);
        for workload in other.workloads_in(namespace) {
            self.take_workload_from(other, &workload.name);
        }
    }

    /// Copies the labels of all Pods from another index.
    pub(super) fn take_all_labels_from(&mut self, other: &Self) {
        self.templates.take_all_from(&other.templates);
    }

    /// The ExternalWorkloads of a namespace, by name.
    pub(super) fn workloads_in(&self, namespace: &Name) -> impl Iterator<Item = &Arc<ExternalWorkload>> {
        let first = NsName { namespace: namespace.clone(), name: "".into() };
        let all = self.workloads.range(first..).take_while(move |(name, _)| name.namespace == *namespace);
        all.filter_map(|(_, record)| record.workload.as_ref())
    }

    /// Has a Pod as another has it.
    pub(super) fn take_pod_from(&mut self, other: &Self, name: &NsName) {
        let Some(resident) = other.resident(name).cloned() else { return };
        let residents = self.pods.entry(name.namespace.clone()).or_default();
        residents.entry(name.name.clone()).or_default().resident = Some(resident);
    }

    /// Has who is at an address as another has them.
    pub(super) fn take_address_from(&mut self, other: &Self, ip: IpAddr) {
        let (pods, on_host) = (other.addresses.pods_at(ip), other.addresses.pods_on_host(ip));
        for pod in pods.iter().chain(on_host) {
            self.take_pod_from(other, &pod.name);
        }
        for name in other.addresses.workloads_at(ip).flat_map(|(_, claims)| claims.all()) {
            self.take_workload_from(other, name);
        }
        self.addresses.take_from(&other.addresses, ip);
    }

    /// Has a workload as another has it.
    pub(super) fn take_workload_from(&mut self, other: &Self, name: &NsName) {
        if let Some((workload, opaque)) = other.workload(name) {
            let record = self.workloads.entry(name.clone()).or_default();
            (record.workload, record.opaque_by_server) = (Some(workload.clone()), opaque.clone());
        }
    }

    pub(super) fn server(&self, name: &NsName) -> Option<&Arc<Server>> {
        self.servers.get(&name.namespace)?.get(&name.name)
    }

    /// The Servers of a namespace that are for this port as it is written in them, by name.
    pub(super) fn servers_on(
        &self,
        namespace: &Name,
        port: &ServerPort,
    ) -> impl Iterator<Item = &Arc<Server>> {
        let names = self.servers_on.get(&(namespace.clone(), port.clone()));
        let servers = self.servers.get(namespace);
        names.into_iter().flatten().filter_map(move |name| servers?.get(name))
    }

    /// Has a Server as another has it.
    pub(super) fn take_server_from(&mut self, other: &Self, name: &NsName) {
        if let Some(server) = other.server(name) {
            self.set_server(name, Some(server.clone()), &mut Moved::default());
            // Pods are copied with their class.
            self.changed_servers.clear();
        }
    }

    /// What is behind an endpoint that refers to a Pod.
    pub(super) fn behind_pod(&self, name: &NsName) -> Behind {
        self.resident(name).map_or_else(Behind::default, Behind::pod)
    }

    /// What is behind an endpoint that refers to an ExternalWorkload.
    pub(super) fn behind_workload(&self, name: &NsName) -> Behind {
        let workload = self.workload(name).map(|(workload, opaque)| Backing::Workload {
            workload: workload.clone(),
            opaque_by_server: opaque.clone(),
        });
        Behind { backing: workload.unwrap_or(Backing::Missing), ips: [None; 2] }
    }

    /// Notes that a slice refers to a Pod, or no longer does.
    pub(super) fn refer_to_pod(&mut self, pod: &NsName, slice: &Arc<ObjectId>, refers: bool) {
        let residents = self.pods.entry(pod.namespace.clone()).or_default();
        if !refers {
            if let Some(record) = residents.get_mut(&pod.name) {
                record.slices.retain(|other| other != slice);
                if record.slices.is_empty() && record.resident.is_none() {
                    residents.remove(&pod.name);
                }
            }
            if residents.is_empty() {
                self.pods.remove(&pod.namespace);
            }
            return;
        }
        set_reference(&mut residents.entry(pod.name.clone()).or_default().slices, slice);
    }

    /// Notes that a slice refers to an ExternalWorkload, or no longer does.
    pub(super) fn refer_to_workload(&mut self, workload: &NsName, slice: &Arc<ObjectId>, refers: bool) {
        if refers {
            set_reference(&mut self.workloads.entry(workload.clone()).or_default().slices, slice);
        } else if let Some(record) = self.workloads.get_mut(workload) {
            record.slices.retain(|other| other != slice);
            if record.slices.is_empty() && record.workload.is_none() {
                self.workloads.remove(workload);
            }
        }
    }

    pub(super) fn set_pod(&mut self, name: &NsName, new: Option<Arc<Pod>>, moved: &mut Moved) {
        let old = self.resident(name).cloned();
        if old.as_ref().map(|old| &old.pod) == new.as_ref() {
            return;
        }
        if let Some(old) = &old {
            self.index(&old.pod, false);
        }
        let new = new.map(|pod| {
            let pod = self.share(pod);
            self.index(&pod, true);
            self.unclassified.remove(name);
            let class = self.class_of(&pod);
            Resident { class: self.classes.one(class), pod }
        });
        self.count = self.count + usize::from(new.is_some()) - usize::from(old.is_some());
        let pod = |resident| Option::as_ref(resident).map(|resident: &Resident| &*resident.pod);
        self.templates.replace(pod(&old), pod(&new), &mut moved.facts);
        self.settle(name, old.as_ref(), new, moved);
    }

    /// Puts a Pod in its place, and notes to whom that matters.
    fn settle(&mut self, name: &NsName, old: Option<&Resident>, new: Option<Resident>, moved: &mut Moved) {
        let same = |same: fn(&Resident, &Resident) -> bool| match (old, &new) {
            (Some(old), Some(new)) => same(old, new),
            (None, None) => true,
            _ => false,
        };
        let backs_the_same = same(|old, new| old.class == new.class && old.pod.node == new.pod.node);
        let lives_the_same = same(|old, new| {
            let of = |pod: &Pod| (pod.phase, pod.ips, pod.created);
            of(&old.pod) == of(&new.pod) && old.pod.host_ips == new.pod.host_ips
        });
        if !(backs_the_same && lives_the_same) {
            moved.pods.push(name.clone());
            for pod in old.map(|old| &old.pod).into_iter().chain(new.as_ref().map(|new| &new.pod)) {
                moved.ips.extend(pod.ips.iter().flatten().chain(&pod.host_ips));
            }
        }
        let residents = self.pods.entry(name.namespace.clone()).or_default();
        let behind = new.as_ref().map_or_else(Behind::default, Behind::pod);
        let has_same_ips = same(|old, new| old.pod.ips == new.pod.ips);
        let key = new.as_ref().map_or(&name.name, |new| &new.pod.name.name).clone();
        let record = residents.entry(key).or_default();
        record.resident = new;
        // A slice of another namespace has to name an address of the Pod.
        let is_foreign = |slice: &Arc<ObjectId>| slice.name.namespace != name.namespace;
        let backs_the_same = backs_the_same && (has_same_ips || !record.slices.iter().any(is_foreign));
        if !backs_the_same && !record.slices.is_empty() {
            moved.backings.push((TargetRef::Pod(name.clone()), record.slices.clone(), behind));
        }
        if record.resident.is_none() && record.slices.is_empty() {
            residents.remove(&name.name);
            if residents.is_empty() {
                self.pods.remove(&name.namespace);
            }
        }
    }

    /// The same Pod, with what it has in common with others shared with them.
    fn share(&mut self, mut pod: Arc<Pod>) -> Arc<Pod> {
        let own = Arc::make_mut(&mut pod);
        own.spec = self.specs.one(own.spec.clone());
        own.labels = self.labels.one(own.labels.clone());
        own.node = own.node.take().map(|node| self.name(node));
        own.name.namespace = self.name(own.name.namespace.clone());
        pod
    }

    /// The one copy of the name of a node or a namespace.
    fn name(&mut self, name: Name) -> Name {
        self.names.one(name.into_shared()).into()
    }

    /// Keeps the indexes true.
    fn index(&mut self, pod: &Arc<Pod>, added: bool) {
        if let Some(controller) = controller_of(pod) {
            let name = pod.name.name.clone();
            super::index::set_member(&mut self.pods_of_controller, controller, name, added);
        }
        self.addresses.set_pod(pod, added);
    }

    fn class_of(&self, pod: &Pod) -> Arc<PodClass> {
        let namespace = &pod.name.namespace;
        let is_fit = |value: &&str| (1..=LONGEST_LABEL).contains(&value.len());
        let label = |key| pod.label(key).filter(is_fit).map(Name::from);
        let opaque_by_server = if self.servers.contains_key(namespace) {
            let labels = labels_of(pod);
            let selects = |server: &ServerTarget| selects_pod(server, &labels);
            self.opaque_ports(namespace, selects, pod.spec.ports.iter().map(|port| (&*port.name, port.port)))
        } else {
            Vec::new()
        };
        Arc::new(PodClass {
            namespace: namespace.clone(),
            spec: pod.spec.clone(),
            control_plane: label(CONTROL_PLANE_LABEL),
            template_hash: label(TEMPLATE_HASH_LABEL),
            owner: self.owner_of(pod),
            opaque_by_server: opaque_by_server.into(),
        })
    }

    /// Those of a workload's `ports` (names and numbers) that the Servers of its namespace which select it make opaque,
    /// sorted.
    fn opaque_ports<'p>(
        &self,
        namespace: &Name,
        selects: impl Fn(&ServerTarget) -> bool,
        ports: impl Iterator<Item = (&'p str, u16)>,
    ) -> Vec<u16> {
        let servers = self.servers.get(namespace).into_iter().flat_map(BTreeMap::values);
        let selecting = servers.filter_map(|server| server.opaque.as_ref()).filter(|server| selects(server));
        let (mut opaque, mut names) = (BTreeSet::new(), HashSet::new());
        for server in selecting {
            match &server.port {
                ServerPort::Number(number) => _ = opaque.insert(*number),
                ServerPort::Name(name) => _ = names.insert(&**name),
            }
        }
        opaque.extend(ports.filter(|(name, _)| names.contains(name)).map(|(_, number)| number));
        opaque.into_iter().collect()
    }

    /// A ReplicaSet stands for what owns it if that is a workload of Kubernetes' own, a Job for any owner.
    fn owner_of(&self, pod: &Pod) -> Option<(Box<str>, Name)> {
        let owner = pod.spec.owner.as_ref()?;
        let above = controller_of(pod).and_then(|key| self.controllers.get(&key)?.owner.clone());
        let stands_for = |above: &crate::model::OwnerRef| {
            let kind = above.kind.to_lowercase();
            &*owner.kind == "Job" || matches!(&*kind, "job" | "statefulset" | "daemonset" | "deployment")
        };
        let owner = above.filter(stands_for).unwrap_or_else(|| owner.clone());
        let kind = owner.kind.to_lowercase();
        Some((if kind == "job" { "k8s_job".into() } else { kind.into() }, owner.name))
    }

    /// Sets the ReplicaSet or Job of that name. Its Pods are [reclassified](Self::reclassify) afterwards.
    pub(super) fn set_controller(&mut self, key: (Kind, NsName), new: Option<Arc<Controller>>) {
        let owner = |controller: Option<&Arc<Controller>>| controller.and_then(|c| c.owner.clone());
        let same = owner(self.controllers.get(&key)) == owner(new.as_ref());
        let is_there = new.is_some();
        let was_there = match new {
            Some(new) => self.controllers.insert(key.clone(), new).is_some(),
            None => self.controllers.remove(&key).is_some(),
        };
        let count = self.controller_counts.entry(key.0).or_default();
        *count = *count + usize::from(is_there) - usize::from(was_there);
        if !same {
            let pods = self.pods_of_controller.get(&key).into_iter().flatten();
            let names = pods.map(|name| NsName { namespace: key.1.namespace.clone(), name: name.clone() });
            self.unclassified.extend(names);
        }
    }

    /// Sets the Server of that name. The Pods and ExternalWorkloads that it selects are
    /// [reclassified](Self::reclassify) afterwards.
    pub(super) fn set_server(&mut self, name: &NsName, new: Option<Arc<Server>>, moved: &mut Moved) {
        let namespace = &name.namespace;
        let servers = self.servers.entry(namespace.clone()).or_default();
        let old = match &new {
            Some(new) => servers.insert(name.name.clone(), new.clone()),
            None => servers.remove(&name.name),
        };
        if servers.is_empty() {
            self.servers.remove(namespace);
        }
        if old == new {
            return;
        }
        moved.facts.insert(Fact::Server(name.clone()));
        for (server, added) in [(&old, false), (&new, true)] {
            let Some(target) = server.as_ref().and_then(|server| server.target()) else { continue };
            let key = (namespace.clone(), target.port.clone());
            moved.facts.insert(Fact::ServersOn(key.0.clone(), key.1.clone()));
            super::index::set_member(&mut self.servers_on, key, name.name.clone(), added);
        }
        let opaque: Vec<_> =
            [old, new].into_iter().flatten().filter(|server| server.opaque.is_some()).collect();
        if !opaque.is_empty() {
            self.changed_servers.entry(namespace.clone()).or_default().extend(opaque);
        }
    }

    /// Works out the class of each Pod and the opaque ports of each ExternalWorkload that changed Servers and controllers
    /// concern: once, however many of these changed.
    pub(super) fn reclassify(&mut self, moved: &mut Moved) {
        for (namespace, servers) in mem::take(&mut self.changed_servers) {
            let opaque: Vec<_> = servers.iter().filter_map(|server| server.opaque.as_ref()).collect();
            let records = self.pods.get(&namespace).into_iter().flat_map(BTreeMap::values);
            let pods = records.filter_map(|record| Some(&record.resident.as_ref()?.pod));
            let concerned = pods.filter(|pod| {
                let labels = labels_of(pod);
                opaque.iter().any(|server| selects_pod(server, &labels))
            });
            let concerned: Vec<_> = concerned.map(|pod| pod.name.clone()).collect();
            self.unclassified.extend(concerned);
            if opaque.iter().any(|server| server.workloads.is_some()) {
                let names: Vec<_> = self.workloads_in(&namespace).map(|one| one.name.clone()).collect();
                names.iter().for_each(|name| self.reconsider_workload(name, moved));
            }
        }
        for name in mem::take(&mut self.unclassified) {
            let Some(old) = self.resident(&name).cloned() else { continue };
            let class = self.class_of(&old.pod);
            let new = Resident { pod: old.pod.clone(), class: self.classes.one(class) };
            self.settle(&name, Some(&old), Some(new), moved);
        }
    }

    pub(super) fn set_workload(
        &mut self,
        name: &NsName,
        new: Option<Arc<ExternalWorkload>>,
        moved: &mut Moved,
    ) {
        let record = self.workloads.entry(name.clone()).or_default();
        if record.workload == new {
            if record.workload.is_none() && record.slices.is_empty() {
                self.workloads.remove(name);
            }
            return;
        }
        let old = mem::replace(&mut record.workload, new.clone());
        let selected = |workload: &Option<Arc<ExternalWorkload>>| {
            workload.as_ref().map(|workload| (workload.labels.clone(), workload.ports.clone()))
        };
        if selected(&old) != selected(&new) {
            moved.facts.insert(Fact::PodLabels(name.namespace.clone()));
        }
        self.workload_count = self.workload_count + usize::from(new.is_some()) - usize::from(old.is_some());
        for (workload, added) in [(old, false), (new, true)] {
            let Some(workload) = workload else { continue };
            for ip in &workload.ips {
                self.addresses.set_workload(*ip, &workload, added);
                moved.ips.insert(*ip);
            }
        }
        let opaque = self.opaque_ports_of_workload(name);
        let record = self.workloads.get_mut(name).expect("made above");
        record.opaque_by_server = opaque;
        let slices = record.slices.clone();
        if slices.is_empty() && record.workload.is_none() {
            self.workloads.remove(name);
        }
        if !slices.is_empty() {
            moved.backings.push((TargetRef::Workload(name.clone()), slices, self.behind_workload(name)));
        }
    }

    /// Works out again which ports of a workload are opaque.
    fn reconsider_workload(&mut self, name: &NsName, moved: &mut Moved) {
        let opaque = self.opaque_ports_of_workload(name);
        let Some(record) = self.workloads.get_mut(name) else { return };
        let Some(workload) = record.workload.as_ref().filter(|_| record.opaque_by_server != opaque) else {
            return;
        };
        moved.ips.extend(&workload.ips);
        record.opaque_by_server = opaque;
        let slices = record.slices.clone();
        moved.backings.push((TargetRef::Workload(name.clone()), slices, self.behind_workload(name)));
    }

    fn opaque_ports_of_workload(&self, name: &NsName) -> Arc<[u16]> {
        let Some(workload) = self.workloads.get(name).and_then(|record| record.workload.as_ref()) else {
            return Arc::default();
        };
        let labels: HashMap<_, _> = workload.labels.iter().collect();
        let selects = |server: &ServerTarget| {
            server.workloads.as_ref().is_some_and(|s| s.selects(|key| labels.get(key).copied()))
        };
        let ports = workload.ports.iter().map(|(name, number)| (&**name, *number));
        self.opaque_ports(&name.namespace, selects, ports).into()
    }
}

/// The labels of a Pod, to match many selectors with.
fn labels_of(pod: &Pod) -> HashMap<&str, &str> {
    pod.own_labels.iter().chain(pod.labels.iter()).collect()
}

fn selects_pod(server: &ServerTarget, labels: &HashMap<&str, &str>) -> bool {
    server.pods.as_ref().is_some_and(|pods| pods.selects(|key| labels.get(key).copied()))
}

/// The ReplicaSet or Job that a Pod belongs to.
fn controller_of(pod: &Pod) -> Option<(Kind, NsName)> {
    let owner = pod.spec.owner.as_ref()?;
    let kind = match &*owner.kind {
        "ReplicaSet" => Kind::ReplicaSet,
        "Job" => Kind::Job,
        _ => return None,
    };
    Some((kind, NsName { namespace: pod.name.namespace.clone(), name: owner.name.clone() }))
}

fn set_reference(slices: &mut Vec<Arc<ObjectId>>, slice: &Arc<ObjectId>) {
    if !slices.contains(slice) {
        // Nearly every Pod is in one slice only.
        slices.reserve_exact(1);
        slices.push(slice.clone());
    }
}

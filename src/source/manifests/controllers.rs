//! What a cluster's controllers would add to the manifests: the Pods of workloads, addresses, EndpointSlices.
//!
//! Everything is derived anew from the manifests each time. Only the addresses are remembered, so that what
//! was made up stays as it is while anything else comes and goes. What the manifests say themselves always
//! wins: a Pod, an address, the EndpointSlices of a Service.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use self::{
    pods::{Group, Placed},
    running::Running,
    slices::Zones,
};
use super::{
    addresses::Pool,
    items::Key,
    outside::Outside,
    services::Selecting,
    unsimulated::Unsimulated,
    workloads::{ExplicitPod, Life, Shape, Workload},
};
use crate::{
    model::{
        EndpointSlice, Kind, LabelSet, Name, NsName, Object, ObjectId, Phase, Pod, Service, ServiceKind,
    },
    source::Location,
};

pub(super) use self::mirrored::Mirroring;

mod mirrored;
mod pods;
mod running;
mod slices;

/// The controllers, with the addresses that they have given out.
#[derive(Debug)]
pub(super) struct Controllers {
    pods: Pool,
    services: Pool,
}

/// What the manifests say beyond the objects of the model.
#[derive(Debug, Default)]
pub(super) struct Wanted<'m> {
    /// The Pods that are in the manifests.
    pub(super) pods: Vec<(&'m NsName, &'m ExplicitPod)>,
    /// The Services that select Pods.
    pub(super) services: Vec<(&'m NsName, &'m Selecting)>,
    /// The Endpoints objects.
    pub(super) endpoints: Vec<(&'m EndpointSlice, Mirroring)>,
    /// The workloads outside the cluster.
    pub(super) outside: Vec<&'m Outside>,
    /// All workloads that stand for Pods.
    pub(super) workloads: Vec<&'m Workload>,
    /// Objects of other kinds that create Pods, and where they are.
    pub(super) unsimulated: Vec<(Location, &'m Unsimulated)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How many workloads were turned into Pods.
    pub(super) workloads: usize,
    /// Who could not be given an address, and what that means.
    pub(super) shortages: Vec<(Key, String)>,
    /// Endpoints objects that are not used as they are written, and why.
    pub(super) not_mirrored: Vec<(NsName, String)>,
    /// Workloads that ask for no Pods, with the labels that they would have.
    pub(super) idle: Vec<(Key, LabelSet)>,
    /// Rollouts whose template is not in the manifests.
    pub(super) unresolved: Vec<Key>,
    /// Services that select none of the Pods.
    pub(super) without_pods: Vec<NsName>,
}

/// The objects of the manifests, to which the controllers add theirs. Not sorted: there are many, and what is
/// said of them in the end is little.
pub(super) type Objects = HashMap<ObjectId, Object>;

impl Default for Controllers {
    fn default() -> Self {
        Self { pods: Pool::pods(), services: Pool::services() }
    }
}

impl Controllers {
    /// Adds to `objects` what the controllers of a cluster would.
    pub(super) fn complete(&mut self, wanted: &Wanted<'_>, objects: &mut Objects) -> Outcome {
        let not_mirrored = mirrored::mirror(wanted, objects);
        let nodes = Nodes::of(objects);
        let Running { workloads, unresolved } = running::running(wanted);
        let mut lacking: BTreeMap<Key, u64> = BTreeMap::new();
        let mut groups: Vec<Group> =
            wanted.pods.iter().map(|(name, pod)| Group::explicit(name, pod)).collect();
        for workload in &workloads {
            let made_up = pods::of_workload(workload, &nodes.names, self.pods.size());
            groups.extend(made_up.groups);
            if made_up.left_out > 0 {
                lacking.insert(workload.key(), made_up.left_out);
            }
        }
        let is_explicit = |pod: &Placed| objects.contains_key(&id(Kind::Pod, &pod.name));
        let made_up = groups.iter_mut().filter(|group| group.is_made_up());
        made_up.for_each(|group| group.pods.retain(|pod| !is_explicit(pod)));
        let explicit = explicit_addresses(objects);
        self.place(&mut groups, &explicit, &mut lacking);
        add_pods(&groups, objects);
        let without_pods = add_slices(wanted, &groups, &nodes.zones, objects);
        let mut shortages: Vec<_> =
            lacking.into_iter().map(|(key, count)| (key, no_address(count))).collect();
        self.add_cluster_ips(objects, &explicit, &mut shortages);
        let idle = workloads.iter().filter(|workload| workload.is_idle());
        let idle =
            idle.map(|workload| (workload.key(), LabelSet::new(workload.shape.all_labels()))).collect();
        let unresolved = unresolved.into_iter().map(Workload::key).collect();
        Outcome { workloads: workloads.len(), shortages, not_mirrored, idle, unresolved, without_pods }
    }

    /// Gives an address to every Pod that has none and may have one.
    fn place(
        &mut self,
        groups: &mut [Group],
        explicit: &BTreeSet<Ipv4Addr>,
        lacking: &mut BTreeMap<Key, u64>,
    ) {
        let unplaced =
            groups.iter().flat_map(|g| &g.pods).filter(|p| p.life == Life::Unsaid).map(|p| &p.name);
        self.pods.assign(unplaced, explicit);
        for group in groups {
            for pod in group.pods.iter_mut().filter(|p| p.life == Life::Unsaid) {
                if let Some(ip) = self.pods.of(&pod.name) {
                    pod.life = Life::At(ip.into(), true);
                } else {
                    pod.life = Life::Nowhere;
                    *lacking.entry(group.of.clone()).or_default() += 1;
                }
            }
        }
    }

    /// Gives a virtual address to every Service that wants one and names none.
    fn add_cluster_ips(
        &mut self,
        objects: &mut Objects,
        explicit: &BTreeSet<Ipv4Addr>,
        shortages: &mut Vec<(Key, String)>,
    ) {
        let mut without = Vec::new();
        for object in objects.values() {
            if let Object::Service(service) = object
                && wants_cluster_ip(service)
            {
                without.push(service.name.clone());
            }
        }
        self.services.assign(without.iter(), explicit);
        for object in objects.values_mut() {
            let Object::Service(service) = object else { continue };
            if !wants_cluster_ip(service) {
                continue;
            }
            if let Some(ip) = self.services.of(&service.name) {
                Arc::make_mut(service).cluster_ips = vec![ip.into()];
            } else {
                shortages.push((Key::Object(id(Kind::Service, &service.name)), no_cluster_ip()));
            }
        }
    }
}

fn no_address(count: u64) -> String {
    format!(
        "expected room for all Pods in 10.244.0.0/16, found none for {count} of them: write fewer replicas"
    )
}

fn no_cluster_ip() -> String {
    "expected a free cluster IP in 10.96.0.0/12, found none: write spec.clusterIP".into()
}

fn wants_cluster_ip(service: &Service) -> bool {
    service.kind == ServiceKind::ClusterIp && service.cluster_ips.is_empty()
}

fn v4(ip: &IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(ip) = ip { Some(*ip) } else { None }
}

/// The Nodes of the manifests.
struct Nodes {
    names: Vec<Name>,
    zones: Zones,
}

impl Nodes {
    fn of(objects: &Objects) -> Self {
        let (mut names, mut zones) = (Vec::new(), HashMap::new());
        for object in objects.values() {
            if let Object::Node(node) = object {
                names.push(node.name.name.clone());
                zones.extend(node.zone.clone().map(|zone| (node.name.name.clone(), zone)));
            }
        }
        names.sort();
        Self { names, zones }
    }
}

/// Every IPv4 address that the manifests name themselves.
fn explicit_addresses(objects: &Objects) -> BTreeSet<Ipv4Addr> {
    let mut addresses = BTreeSet::new();
    for object in objects.values() {
        match object {
            Object::Service(service) => addresses.extend(service.cluster_ips.iter().filter_map(v4)),
            Object::EndpointSlice(slice) | Object::Endpoints(slice) => {
                let endpoints = slice.subsets.iter().flat_map(|subset| &subset.endpoints);
                addresses.extend(endpoints.filter_map(|e| v4(&e.address)));
            }
            Object::Pod(pod) => addresses.extend(pod.ips.iter().flatten().filter_map(v4)),
            Object::ExternalWorkload(workload) => addresses.extend(workload.ips.iter().filter_map(v4)),
            _ => {}
        }
    }
    addresses
}

/// Adds the Pods that are made up and have an address, and their address to those of the manifests that were
/// given one. All of them run.
fn add_pods(groups: &[Group], objects: &mut Objects) {
    for group in groups {
        for placed in &group.pods {
            let Life::At(ip, _) = placed.life else { continue };
            if group.is_made_up() {
                insert(objects, Object::Pod(Arc::new(made_up(placed, &group.shape, ip))));
            } else if let Some(Object::Pod(pod)) = objects.get_mut(&id(Kind::Pod, &placed.name))
                && pod.ips[0].is_none()
            {
                let pod = Arc::make_mut(pod);
                (pod.ips[0], pod.phase) = (Some(ip), Phase::Running);
            }
        }
    }
}

fn made_up(placed: &Placed, shape: &Shape, ip: IpAddr) -> Pod {
    Pod {
        name: placed.name.clone(),
        node: placed.node.clone(),
        ips: [Some(ip), None],
        host_ips: Box::default(),
        phase: Phase::Running,
        spec: shape.spec.clone(),
        labels: shape.labels.clone(),
        own_labels: shape.own_labels.clone(),
    }
}

/// Adds EndpointSlices for every Service that selects Pods and has none of its own. Returns the Services for which
/// there is no Pod.
fn add_slices(wanted: &Wanted<'_>, groups: &[Group], zones: &Zones, objects: &mut Objects) -> Vec<NsName> {
    let mut served: HashSet<NsName> = HashSet::new();
    for object in objects.values() {
        if let Object::EndpointSlice(slice) | Object::Endpoints(slice) = object {
            let service = slice.service.clone();
            served.extend(service.map(|name| NsName { namespace: slice.name.namespace.clone(), name }));
        }
    }
    let index = slices::Index::new(groups);
    let mut without_pods = Vec::new();
    for (name, selecting) in &wanted.services {
        if served.contains(*name) {
            continue;
        }
        let selected = index.selected(name, selecting);
        if selected.iter().all(|group| group.pods.is_empty()) {
            without_pods.push((*name).clone());
        }
        let of_pods = slices::slices(name, selecting, &selected, zones);
        let outside = slices::slices_outside(name, selecting, wanted.outside.iter().copied());
        of_pods.into_iter().chain(outside).for_each(|slice| insert_slice(objects, slice));
    }
    without_pods
}

fn id(kind: Kind, name: &NsName) -> ObjectId {
    ObjectId { kind, name: name.clone() }
}

/// Adds a simulated slice.
fn insert_slice(objects: &mut Objects, mut slice: EndpointSlice) {
    // A slice of another Service may have the name by chance; that one is the user's.
    while objects.contains_key(&id(Kind::EndpointSlice, &slice.name)) {
        slice.name.name = format!("{}x", slice.name.name).into();
    }
    insert(objects, Object::EndpointSlice(Arc::new(slice)));
}

fn insert(objects: &mut Objects, object: Object) {
    objects.insert(object.id(), object);
}

#[cfg(test)]
mod tests;

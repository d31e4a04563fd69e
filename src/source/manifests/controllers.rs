//! What a cluster's controllers would add to the manifests: the Pods of workloads, addresses, EndpointSlices.
//!
//! Everything is derived anew from the manifests each time. Only the addresses are remembered, so that what
//! was made up stays as it is while anything else comes and goes. What the manifests say themselves always
//! wins: a Pod, an address, the EndpointSlices of a Service.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use self::{
    placement::{Nodes, Zones},
    pods::{Group, Placed},
    running::Running,
};
use super::{
    addresses::Pool,
    families::{Families, Family},
    items::{Content, Key},
    nodes::NodeSpec,
    outside::Outside,
    services::Selecting,
    unsimulated::Unsimulated,
    workloads::{ExplicitPod, Life, Shape, Workload},
};
use crate::{
    model::{
        Created, EndpointSlice, Kind, LabelSet, Node, NsName, Object, ObjectId, Phase, Pod, Service,
        ServiceKind,
    },
    source::Location,
};

pub(super) use self::mirrored::Mirroring;

mod mirrored;
mod placement;
mod pods;
mod running;
mod slices;

/// The controllers, with the addresses that they have given out.
#[derive(Debug)]
pub(super) struct Controllers {
    pods: Pools,
    services: Pools,
}

/// Addresses of each family.
#[derive(Debug)]
struct Pools {
    v4: Pool,
    v6: Pool,
}

/// What the manifests say beyond the objects of the model.
#[derive(Debug, Default)]
pub(super) struct Wanted<'m> {
    /// The Pods that are in the manifests.
    pub(super) pods: Vec<(&'m NsName, &'m ExplicitPod)>,
    /// The Services that select Pods.
    pub(super) services: Vec<(&'m NsName, &'m Selecting)>,
    /// The IP families of those Services that name some.
    pub(super) families: HashMap<&'m NsName, Families>,
    /// The Nodes.
    pub(super) nodes: Vec<(&'m Node, &'m NodeSpec)>,
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
    /// Workloads whose Pods fit no Node, with the labels that they would have, and why.
    pub(super) unscheduled: Vec<(Key, LabelSet, Box<str>)>,
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
        let pools = |pool: fn(Family) -> Pool| Pools { v4: pool(Family::V4), v6: pool(Family::V6) };
        Self { pods: pools(Pool::pods), services: pools(Pool::services) }
    }
}

impl<'m> Wanted<'m> {
    /// Adds what an object of the manifests says beyond the model. Returns its object of the model.
    pub(super) fn add(&mut self, content: &'m Content) -> Option<Object> {
        let object = match content {
            Content::Service(object, families, selecting) => {
                self.services.extend(selecting.as_deref().map(|selecting| (object.name(), selecting)));
                self.families.extend((!families.is_empty()).then_some((object.name(), *families)));
                object
            }
            Content::Pod(object, pod) => {
                self.pods.push((object.name(), pod));
                object
            }
            Content::Endpoints(object, mirroring) => {
                if let Object::Endpoints(endpoints) = object {
                    self.endpoints.push((endpoints, *mirroring));
                }
                object
            }
            Content::Outside(object, outside) => {
                self.outside.push(outside);
                object
            }
            Content::Workload(workload, object) => {
                self.workloads.push(workload);
                object.as_ref()?
            }
            Content::Node(node, spec) => {
                self.nodes.push((node, spec));
                return Some(Object::Node(node.clone()));
            }
            Content::Other(object) => object,
        };
        Some(object.clone())
    }

    /// The families of a Service by which its Pods are reached, each of which has slices of its own.
    fn families_of(&self, service: &NsName) -> Vec<Option<Family>> {
        match self.families.get(service) {
            Some(families) => families.iter().copied().map(Some).collect(),
            None => vec![None],
        }
    }
}

impl Controllers {
    /// Adds to `objects` what the controllers of a cluster would.
    pub(super) fn complete(&mut self, wanted: &Wanted<'_>, objects: &mut Objects) -> Outcome {
        let not_mirrored = mirrored::mirror(wanted, objects);
        let mut nodes = Nodes::new(&wanted.nodes);
        let Running { workloads, unresolved } = running::running(wanted);
        let mut lacking = Lacking::new();
        let mut unscheduled = Vec::new();
        let mut groups: Vec<Group> =
            wanted.pods.iter().map(|(name, pod)| Group::explicit(name, pod)).collect();
        for workload in &workloads {
            let made_up = pods::of_workload(workload, &mut nodes, self.pods.v4.size());
            groups.extend(made_up.groups);
            if made_up.left_out > 0 {
                lacking.insert((workload.key(), Family::V4), made_up.left_out);
            }
            if let Some(why) = made_up.unscheduled {
                unscheduled.push((workload.key(), labels(workload), why.into()));
            }
        }
        let is_explicit = |pod: &Placed| objects.contains_key(&id(Kind::Pod, &pod.name));
        let made_up = groups.iter_mut().filter(|group| group.is_made_up());
        made_up.for_each(|group| group.pods.retain(|pod| !is_explicit(pod)));
        let explicit = explicit_addresses(objects);
        mark_ipv6(wanted, &mut groups);
        self.place(&mut groups, &explicit, &mut lacking);
        add_pods(&groups, objects);
        let without_pods = add_slices(wanted, &groups, &nodes.zones(), objects);
        let no_address = |((key, family), count)| (key, no_address(self.pods.of(family).range, count));
        let mut shortages: Vec<_> = lacking.into_iter().map(no_address).collect();
        self.add_cluster_ips(wanted, objects, &explicit, &mut shortages);
        let idle = workloads.iter().filter(|workload| workload.is_idle());
        let idle = idle.map(|workload| (workload.key(), labels(workload))).collect();
        let unresolved = unresolved.into_iter().map(Workload::key).collect();
        let workloads = workloads.len();
        Outcome { workloads, shortages, not_mirrored, idle, unscheduled, unresolved, without_pods }
    }

    /// Gives an address to every Pod that has none and may have one, and an IPv6 address to those that need one.
    fn place(&mut self, groups: &mut [Group], explicit: &BTreeSet<IpAddr>, lacking: &mut Lacking) {
        let is_unplaced = |pod: &&Placed| pod.life == Life::Unsaid;
        let unplaced = || groups.iter().flat_map(|group| &group.pods).filter(is_unplaced);
        self.pods.v4.assign(unplaced().map(|pod| &pod.name), explicit);
        let by_ipv6 = groups.iter().filter(|group| group.needs_ipv6).flat_map(|group| &group.pods);
        self.pods.v6.assign(by_ipv6.filter(is_unplaced).map(|pod| &pod.name), explicit);
        for group in groups {
            let mut lacks = |family| *lacking.entry((group.of.clone(), family)).or_default() += 1;
            for pod in group.pods.iter_mut().filter(|pod| pod.life == Life::Unsaid) {
                let Some(ip) = self.pods.v4.of(&pod.name) else {
                    pod.life = Life::Nowhere;
                    lacks(Family::V4);
                    continue;
                };
                pod.life = Life::At(ip, true);
                if group.needs_ipv6 {
                    pod.other_address = self.pods.v6.of(&pod.name);
                    if pod.other_address.is_none() {
                        lacks(Family::V6);
                    }
                }
            }
        }
    }

    /// Gives a virtual address of each of its families to every Service that wants one and names none.
    fn add_cluster_ips(
        &mut self,
        wanted: &Wanted<'_>,
        objects: &mut Objects,
        explicit: &BTreeSet<IpAddr>,
        shortages: &mut Vec<(Key, String)>,
    ) {
        let families = |service: &Service| {
            let named = wanted.families.get(&service.name).copied();
            if service.kind == ServiceKind::ClusterIp { named.unwrap_or(&[Family::V4]) } else { &[] }
        };
        let lacks = |service: &Service, family| {
            // Without a family in the Service any address is enough.
            let is_enough = |ip| Family::of(ip) == family || !wanted.families.contains_key(&service.name);
            families(service).contains(&family) && !service.cluster_ips.iter().any(is_enough)
        };
        for family in [Family::V4, Family::V6] {
            let pool = self.services.of_mut(family);
            let services = objects.values().filter_map(|object| match object {
                Object::Service(service) => Some(service),
                _ => None,
            });
            let without: Vec<_> = services.filter(|service| lacks(service, family)).collect();
            pool.assign(without.iter().map(|service| &service.name), explicit);
        }
        for object in objects.values_mut() {
            let Object::Service(service) = object else { continue };
            let all = families(service);
            let missing: Vec<_> = all.iter().filter(|family| lacks(service, **family)).collect();
            if missing.is_empty() {
                continue;
            }
            let service = Arc::make_mut(service);
            for family in missing {
                let pool = self.services.of(*family);
                match pool.of(&service.name) {
                    Some(ip) => service.cluster_ips.push(ip),
                    None => shortages
                        .push((Key::Object(id(Kind::Service, &service.name)), no_cluster_ip(pool.range))),
                }
            }
            service.cluster_ips.sort_by_key(|ip| all.iter().position(|family| *family == Family::of(ip)));
        }
    }
}

impl Pools {
    fn of(&self, family: Family) -> &Pool {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut Pool {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// How many Pods of a workload there is no address of a family for.
type Lacking = BTreeMap<(Key, Family), u64>;

fn no_address(range: &str, count: u64) -> String {
    format!("expected room for all Pods in {range}, found none for {count} of them: write fewer replicas")
}

fn no_cluster_ip(range: &str) -> String {
    format!("expected a free cluster IP in {range}, found none: write spec.clusterIP")
}

fn labels(workload: &Workload) -> LabelSet {
    LabelSet::new(workload.shape.all_labels())
}

/// Marks the Pods that Services reach by IPv6.
fn mark_ipv6(wanted: &Wanted<'_>, groups: &mut [Group]) {
    let needs = |name: &NsName| wanted.families.get(name).is_some_and(|f| f.contains(&Family::V6));
    let services: Vec<_> = wanted.services.iter().filter(|(name, _)| needs(name)).collect();
    if services.is_empty() {
        return;
    }
    let index = slices::Index::new(groups);
    let selected = services.into_iter().flat_map(|(name, selecting)| index.selected(name, selecting));
    // Groups share no Pods.
    let first = |group: &Group| group.pods.first().map(|pod| pod.name.clone());
    let names: HashSet<_> = selected.filter_map(first).collect();
    for group in groups.iter_mut() {
        group.needs_ipv6 = group.pods.first().is_some_and(|pod| names.contains(&pod.name));
    }
}

/// Every address that the manifests name themselves.
fn explicit_addresses(objects: &Objects) -> BTreeSet<IpAddr> {
    let mut addresses = BTreeSet::new();
    for object in objects.values() {
        match object {
            Object::Service(service) => addresses.extend(&service.cluster_ips),
            Object::EndpointSlice(slice) | Object::Endpoints(slice) => {
                let endpoints = slice.subsets.iter().flat_map(|subset| &subset.endpoints);
                addresses.extend(endpoints.map(|endpoint| endpoint.address));
            }
            Object::Pod(pod) => addresses.extend(pod.ips.iter().flatten()),
            Object::ExternalWorkload(workload) => addresses.extend(&workload.ips),
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
                (pod.ips, pod.phase) = ([Some(ip), placed.other_address], Phase::Running);
            }
        }
    }
}

fn made_up(placed: &Placed, shape: &Shape, ip: IpAddr) -> Pod {
    Pod {
        name: placed.name.clone(),
        node: placed.node.clone(),
        ips: [Some(ip), placed.other_address],
        host_ips: Box::default(),
        phase: Phase::Running,
        created: Created::default(),
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
        for family in wanted.families_of(name) {
            let of_pods = slices::slices(name, selecting, family, &selected, zones);
            let outside = wanted.outside.iter().copied();
            let outside = slices::slices_outside(name, selecting, family, outside);
            of_pods.into_iter().chain(outside).for_each(|slice| insert_slice(objects, slice));
        }
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

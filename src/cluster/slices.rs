//! Slices with what is behind each of their endpoints.
//!
//! Everything that is said of an endpoint is kept beside it: what its slice says, and the class of its Pod.
//! Whatever of it changes makes a new endpoint in a new slice, all else staying shared, so that what was
//! made from a slice can be seen to be current, or not, by comparing pointers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use super::{
    Fact,
    population::{PodClass, Population, Resident},
};
use crate::{
    model::{
        Endpoint, EndpointPort, EndpointSlice, ExternalWorkload, Kind, Mirror, Name, NsName, ObjectId,
        TargetRef,
    },
    wire,
};

/// A slice, or an Endpoints object.
#[derive(Clone, Debug)]
pub struct StoredSlice {
    /// Which one it is.
    pub id: Arc<ObjectId>,
    /// The Service it belongs to, in its own namespace.
    service: Option<Name>,
    /// What it says of another cluster.
    pub mirror: Option<Arc<Mirror>>,
    /// One for a slice.
    pub subsets: Vec<StoredSubset>,
}

/// Endpoints that share their ports.
#[derive(Clone, Debug)]
pub struct StoredSubset {
    /// As in the object.
    pub ports: Option<Vec<EndpointPort>>,
    /// In the order of the object.
    pub endpoints: Vec<Arc<StoredEndpoint>>,
}

/// An endpoint with all that is known of it.
#[derive(Debug)]
pub struct StoredEndpoint {
    /// What the slice says.
    pub endpoint: Endpoint,
    /// What is behind it.
    pub backing: Backing,
    /// Encoded metadata that is this endpoint's alone.
    pub own: Arc<[u8]>,
}

/// What is behind an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Backing {
    /// Nothing known, except what the slice says of a gateway.
    Bare(Option<Arc<Mirror>>),
    /// A Pod.
    Pod {
        /// What is said of it.
        class: Arc<PodClass>,
        /// The node it runs on.
        node: Option<Name>,
    },
    /// A process outside the cluster.
    Workload {
        /// What it is.
        workload: Arc<ExternalWorkload>,
        /// Its ports that Servers make opaque, sorted.
        opaque_by_server: Arc<[u16]>,
    },
    /// Something that does not exist now.
    Missing,
    /// A Pod of another namespace than the slice's that does not have the endpoint's address: its identity and labels
    /// are not those of what is there.
    ForeignPod,
    /// Something that nobody can vouch for.
    Unknown,
}

/// What endpoints refer to, before it is known which slice they are in.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) backing: Backing,
    /// The addresses of a Pod.
    pub(super) ips: [Option<IpAddr>; 2],
}

impl Default for Behind {
    fn default() -> Self {
        Self { backing: Backing::Missing, ips: [None; 2] }
    }
}

impl Behind {
    pub(super) fn pod(resident: &Resident) -> Self {
        let backing = Backing::Pod { class: resident.class.clone(), node: resident.pod.node.clone() };
        Self { backing, ips: resident.pod.ips }
    }

    /// Pod or workload behind an endpoint with this address in a slice of this namespace.
    fn endpoint(&self, namespace: &Name, address: IpAddr) -> Backing {
        match &self.backing {
            Backing::Pod { class, .. }
                if class.namespace != *namespace && !self.ips.contains(&Some(address)) =>
            {
                Backing::ForeignPod
            }
            backing => backing.clone(),
        }
    }
}

impl StoredSlice {
    fn says(&self, slice: &EndpointSlice) -> bool {
        self.service == slice.service
            && self.mirror.as_deref() == slice.mirror.as_ref()
            && self.subsets.len() == slice.subsets.len()
            && self.subsets.iter().zip(&slice.subsets).all(|(stored, subset)| {
                stored.ports == subset.ports
                    && stored.endpoints.len() == subset.endpoints.len()
                    && stored.endpoints.iter().zip(&subset.endpoints).all(|(a, b)| a.endpoint == *b)
            })
    }

    /// All endpoints, subset after subset.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<StoredEndpoint>> {
        self.subsets.iter().flat_map(|subset| &subset.endpoints)
    }

    fn group(&self) -> Option<NsName> {
        Some(NsName { namespace: self.id.name.namespace.clone(), name: self.service.clone()? })
    }
}

/// The slices of one Service.
#[derive(Clone, Debug, Default)]
struct Group {
    slices: BTreeMap<Arc<ObjectId>, Arc<StoredSlice>>,
    /// Different after every change, also of a group that was gone in between.
    revision: u64,
}

/// All slices, by the Service that they belong to.
#[derive(Debug, Default)]
pub(super) struct Slices {
    groups: HashMap<NsName, Group>,
    /// Those that belong to none.
    stray: BTreeMap<Arc<ObjectId>, Arc<StoredSlice>>,
    group_of: BTreeMap<Arc<ObjectId>, Option<NsName>>,
    endpoints_objects: usize,
    changes: u64,
}

impl Slices {
    pub(super) fn count(&self, kind: Kind) -> usize {
        if kind == Kind::Endpoints {
            self.endpoints_objects
        } else {
            self.group_of.len() - self.endpoints_objects
        }
    }

    pub(super) fn names(&self, kind: Kind) -> BTreeSet<NsName> {
        self.group_of.keys().filter(|id| id.kind == kind).map(|id| id.name.clone()).collect()
    }

    /// The slices of a Service by name; its Endpoints object where there is no slice.
    pub(super) fn of<'a>(&'a self, service: &NsName) -> impl Iterator<Item = &'a Arc<StoredSlice>> + use<'a> {
        let group = self.groups.get(service);
        // Kinds sort before names, so if there is a slice the first one is.
        let kind = group.and_then(|group| group.slices.keys().next()).map(|id| id.kind);
        let slices = group.into_iter().flat_map(|group| group.slices.values());
        slices.filter(move |slice| Some(slice.id.kind) == kind)
    }

    /// A number that stays the same as long as [`Slices::of`] does.
    pub(super) fn revision(&self, service: &NsName) -> u64 {
        self.groups.get(service).map_or(0, |group| group.revision)
    }

    /// Has the slices of a Service as another has them.
    pub(super) fn take_from(&mut self, other: &Self, service: &NsName) {
        self.groups.extend(other.groups.get(service).map(|group| (service.clone(), group.clone())));
    }

    /// The slices of a namespace and then its Endpoints, each with the Service that it names.
    pub(super) fn in_namespace(
        &self,
        namespace: &Name,
    ) -> impl Iterator<Item = (&ObjectId, Option<&NsName>)> {
        [Kind::EndpointSlice, Kind::Endpoints].into_iter().flat_map(move |kind| {
            let first = ObjectId { kind, name: NsName { namespace: namespace.clone(), name: "".into() } };
            let all = self.group_of.range(Arc::new(first)..).map(|(id, of)| (&**id, of.as_ref()));
            all.take_while(move |(id, _)| id.kind == kind && id.name.namespace == *namespace)
        })
    }

    /// The first namespace by name, other than this one, that has slices of a Service of this name.
    pub(super) fn other_namespace_of(&self, service: &NsName) -> Option<&Name> {
        let others = self.groups.keys().filter(|group| group.name == service.name);
        others.map(|group| &group.namespace).filter(|namespace| **namespace != service.namespace).min()
    }

    /// Copies which slices there are of which Services, but not their endpoints, from another index.
    pub(super) fn take_names_from(
        &mut self,
        other: &Self,
        is_wanted: impl Fn(&ObjectId, Option<&NsName>) -> bool,
    ) {
        for (id, of) in other.group_of.iter().filter(|(id, of)| is_wanted(id, of.as_ref())) {
            self.group_of.insert(id.clone(), of.clone());
            if let Some(of) = of {
                self.groups.entry(of.clone()).or_default();
            }
        }
    }

    /// Sets a slice, and says what that touches.
    pub(super) fn set(
        &mut self,
        id: &ObjectId,
        new: Option<&EndpointSlice>,
        population: &mut Population,
    ) -> Vec<Fact> {
        let old = self.get(id).cloned();
        let same = match (&old, new) {
            (Some(old), Some(new)) => old.says(new),
            (None, None) => true,
            _ => false,
        };
        if same {
            return Vec::new();
        }
        let id = old.as_ref().map_or_else(|| Arc::new(id.clone()), |old| old.id.clone());
        let new = new.map(|slice| Arc::new(stored(&id, slice, old.as_deref(), population)));
        refer(old.as_deref(), new.as_deref(), &id, population);
        if id.kind == Kind::Endpoints {
            self.endpoints_objects =
                self.endpoints_objects + usize::from(new.is_some()) - usize::from(old.is_some());
        }
        let is_listed = old.is_some();
        let before = old.and_then(|old| old.group());
        let after = new.as_ref().and_then(|new| new.group());
        let mut touched = Vec::new();
        if before != after || is_listed != new.is_some() {
            touched.push(Fact::SlicesIn(id.name.namespace.clone()));
            touched
                .extend([&before, &after].into_iter().flatten().map(|of| Fact::SlicesFor(of.name.clone())));
        }
        if before != after || new.is_none() {
            self.take_out(&id, before.as_ref());
        }
        match new {
            Some(new) => {
                self.group_of.insert(id.clone(), after.clone());
                match &after {
                    Some(service) => {
                        _ = self.groups.entry(service.clone()).or_default().slices.insert(id, new);
                    }
                    None => _ = self.stray.insert(id, new),
                }
            }
            None => _ = self.group_of.remove(&id),
        }
        let mut concerned: Vec<_> = before.into_iter().chain(after).collect();
        concerned.dedup();
        concerned.iter().for_each(|service| self.mark(service));
        touched.extend(concerned.into_iter().map(Fact::Endpoints));
        touched
    }

    /// Tells the endpoints of some slices what is behind those that refer to an object, and says which
    /// Services are concerned.
    pub(super) fn set_backing(
        &mut self,
        target: &TargetRef,
        slices: &[Arc<ObjectId>],
        behind: &Behind,
    ) -> Vec<NsName> {
        let mut concerned = Vec::new();
        for id in slices {
            let service = self.group_of.get(id).cloned().flatten();
            let stored = match &service {
                Some(service) => self.groups.get_mut(service).and_then(|group| group.slices.get_mut(id)),
                None => self.stray.get_mut(id),
            };
            let Some(stored) = stored else { continue };
            for endpoint in Arc::make_mut(stored).subsets.iter_mut().flat_map(|s| &mut s.endpoints) {
                if endpoint.endpoint.target == *target {
                    *endpoint = Arc::new(StoredEndpoint {
                        endpoint: endpoint.endpoint.clone(),
                        backing: behind.endpoint(&id.name.namespace, endpoint.endpoint.address),
                        own: endpoint.own.clone(),
                    });
                }
            }
            if let Some(service) = service {
                self.mark(&service);
                concerned.push(service);
            }
        }
        concerned
    }

    fn get(&self, id: &ObjectId) -> Option<&Arc<StoredSlice>> {
        match self.group_of.get(id)? {
            Some(service) => self.groups.get(service)?.slices.get(id),
            None => self.stray.get(id),
        }
    }

    fn take_out(&mut self, id: &ObjectId, service: Option<&NsName>) {
        let Some(service) = service else {
            self.stray.remove(id);
            return;
        };
        if let Some(group) = self.groups.get_mut(service) {
            group.slices.remove(id);
            if group.slices.is_empty() {
                self.groups.remove(service);
            }
        }
    }

    fn mark(&mut self, service: &NsName) {
        self.changes += 1;
        if let Some(group) = self.groups.get_mut(service) {
            group.revision = self.changes;
        }
    }
}

/// A slice with what is behind its endpoints. What was there before is kept as it is.
fn stored(
    id: &Arc<ObjectId>,
    slice: &EndpointSlice,
    old: Option<&StoredSlice>,
    population: &Population,
) -> StoredSlice {
    let mirror = match old {
        Some(old) if old.mirror.as_deref() == slice.mirror.as_ref() => old.mirror.clone(),
        _ => slice.mirror.clone().map(Arc::new),
    };
    let namespace = &slice.name.namespace;
    let backing = |endpoint: &Endpoint| match &endpoint.target {
        TargetRef::None => Backing::Bare(mirror.clone()),
        TargetRef::Pod(pod) => population.behind_pod(pod).endpoint(namespace, endpoint.address),
        TargetRef::Workload(workload) => population.behind_workload(workload).backing,
        TargetRef::Other(_) => Backing::Unknown,
    };
    // A bare endpoint is only as current as the annotations of its slice.
    let is_current = |known: &StoredEndpoint| match &known.backing {
        Backing::Bare(known) => known == &mirror,
        _ => true,
    };
    let subset = |(index, subset): (usize, &crate::model::Subset)| {
        let known = old.and_then(|old| old.subsets.get(index)).map_or(&[][..], |known| &known.endpoints);
        // Found by address only where the order has changed, which is rare.
        let mut by_address: Option<HashMap<IpAddr, &Arc<StoredEndpoint>>> = None;
        let endpoint = |(place, endpoint): (usize, &Endpoint)| {
            let is_this = |known: &&Arc<StoredEndpoint>| known.endpoint == *endpoint && is_current(known);
            let found = known.get(place).filter(is_this).or_else(|| {
                let by_address = by_address.get_or_insert_with(|| {
                    known.iter().map(|known| (known.endpoint.address, known)).collect()
                });
                by_address.get(&endpoint.address).copied().filter(is_this)
            });
            found.cloned().unwrap_or_else(|| {
                Arc::new(StoredEndpoint {
                    endpoint: endpoint.clone(),
                    backing: backing(endpoint),
                    own: wire::endpoint_meta(&endpoint.target),
                })
            })
        };
        let endpoints = subset.endpoints.iter().enumerate().map(endpoint).collect();
        StoredSubset { ports: subset.ports.clone(), endpoints }
    };
    StoredSlice {
        id: id.clone(),
        service: slice.service.clone(),
        mirror: mirror.clone(),
        subsets: slice.subsets.iter().enumerate().map(subset).collect(),
    }
}

/// Notes which objects a slice refers to now, and which it no longer does.
fn refer(
    old: Option<&StoredSlice>,
    new: Option<&StoredSlice>,
    id: &Arc<ObjectId>,
    population: &mut Population,
) {
    let pointers = |slice: Option<&StoredSlice>| -> HashSet<*const StoredEndpoint> {
        slice.into_iter().flat_map(StoredSlice::endpoints).map(Arc::as_ptr).collect()
    };
    // What both have in common, which is nearly all, refers to the same as before.
    let only_in = |slice: Option<&StoredSlice>, other: Option<&StoredSlice>| -> BTreeSet<TargetRef> {
        let shared = pointers(other);
        let own = slice.into_iter().flat_map(StoredSlice::endpoints);
        let own = own.filter(|endpoint| !shared.contains(&Arc::as_ptr(endpoint)));
        own.map(|endpoint| endpoint.endpoint.target.clone()).collect()
    };
    let (before, after) = (only_in(old, new), only_in(new, old));
    let mut present: HashSet<&TargetRef> = HashSet::new();
    if !before.is_empty() {
        present.extend(new.into_iter().flat_map(StoredSlice::endpoints).map(|one| &one.endpoint.target));
    }
    let still = |target: &TargetRef| present.contains(target);
    let gone = before.into_iter().filter(|target| !still(target)).map(|target| (target, false));
    for (target, refers) in gone.chain(after.into_iter().map(|target| (target, true))) {
        match target {
            TargetRef::Pod(pod) => population.refer_to_pod(&pod, id, refers),
            TargetRef::Workload(workload) => population.refer_to_workload(&workload, id, refers),
            TargetRef::None | TargetRef::Other(_) => {}
        }
    }
}

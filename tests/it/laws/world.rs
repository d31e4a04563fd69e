//! The objects of a cluster as a plain list on which the last write wins, and edits of it as events.

use std::sync::Arc;

use jiff::Timestamp;
use switchyard::{
    model::{
        EndpointSlice, Kind, Name, Node, NsName, Object, ObjectId, Pod, Service, ServicePort, ServiceProfile,
        TrafficSplit,
    },
    source::Event,
    weight::Milli,
};

/// An edit. Those of existing objects pick one by number, so that any number is some edit.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// Puts an object in the place of the one with its name, if there is one.
    Put(Object),
    /// Removes an object.
    Remove(usize),
    /// Changes one field of an object.
    Tweak(usize, Tweak),
    /// Lists a kind anew; objects whose bit is not set are gone.
    Relist(Kind, u32),
}

/// A small change of one object: which of its parts, and the new value if it is about a weight.
#[derive(Clone, Debug)]
pub(super) struct Tweak {
    pub(super) part: usize,
    pub(super) choice: usize,
    pub(super) weight: Milli,
}

/// All objects that exist, in no particular order.
#[derive(Clone, Debug, Default)]
pub(super) struct World(Vec<Object>);

impl World {
    pub(super) fn new(objects: &[Object]) -> Self {
        let mut world = Self::default();
        objects.iter().for_each(|object| world.put(object.clone()));
        world
    }

    pub(super) fn objects(&self) -> &[Object] {
        &self.0
    }

    pub(super) fn of_kind(&self, kind: Kind) -> Vec<Object> {
        self.0.iter().filter(|object| object.kind() == kind).cloned().collect()
    }

    /// Every kind listed with all its objects: what a source says first, and after it has lost touch.
    pub(super) fn relist(&self) -> Vec<Event> {
        Kind::ALL.into_iter().map(|kind| Event::Replace(kind, self.of_kind(kind))).collect()
    }

    fn put(&mut self, object: Object) {
        self.remove(&object.id());
        self.0.push(object);
    }

    fn remove(&mut self, id: &ObjectId) {
        self.0.retain(|object| object.id() != *id);
    }

    /// Makes an edit; what a source would say of it, or nothing if there is no object to pick.
    pub(super) fn edit(&mut self, edit: &Edit) -> Option<Event> {
        let pick = |index: &usize| (!self.0.is_empty()).then(|| self.0[index % self.0.len()].clone());
        let event = match edit {
            Edit::Put(object) => Event::Upsert(object.clone()),
            Edit::Remove(index) => Event::Remove(pick(index)?.id()),
            Edit::Tweak(index, tweak) => Event::Upsert(tweak.apply(&pick(index)?)),
            Edit::Relist(kind, mask) => {
                let all = self.of_kind(*kind).into_iter().enumerate();
                Event::Replace(
                    *kind,
                    all.filter(|(i, _)| mask >> (i % 32) & 1 == 1).map(|(_, o)| o).collect(),
                )
            }
        };
        match event.clone() {
            Event::Upsert(object) => self.put(object),
            Event::Remove(id) => self.remove(&id),
            Event::Replace(kind, objects) => {
                self.0.retain(|object| object.kind() != kind);
                self.0.extend(objects);
            }
        }
        Some(event)
    }

    /// Makes the edits of a batch; what a source would say of them.
    pub(super) fn edit_all(&mut self, edits: &[Edit]) -> Vec<Event> {
        edits.iter().filter_map(|edit| self.edit(edit)).collect()
    }
}

impl Tweak {
    fn apply(&self, object: &Object) -> Object {
        match object {
            Object::Service(service) => Object::Service(Arc::new(self.service(service))),
            Object::EndpointSlice(slice) => Object::EndpointSlice(Arc::new(self.slice(slice))),
            Object::Endpoints(slice) => Object::Endpoints(Arc::new(self.slice(slice))),
            Object::Pod(pod) => Object::Pod(Arc::new(Pod { node: self.name("n"), ..(**pod).clone() })),
            Object::Node(node) => Object::Node(Arc::new(Node { zone: self.name("z"), ..(**node).clone() })),
            Object::TrafficSplit(split) => Object::TrafficSplit(Arc::new(self.split(split))),
            Object::ServiceProfile(profile) => Object::ServiceProfile(Arc::new(self.profile(profile))),
        }
    }

    /// `n0`, `n1`, `n2` or nothing.
    fn name(&self, prefix: &str) -> Option<Name> {
        (self.choice % 4 < 3).then(|| format!("{prefix}{}", self.choice % 4).into())
    }

    fn service(&self, service: &Service) -> Service {
        let mut service = service.clone();
        match self.part % 3 {
            0 => service.local_traffic_only = !service.local_traffic_only,
            1 => _ = service.ports.pop(),
            _ => {
                let number = if self.choice.is_multiple_of(2) { 80 } else { 90 };
                service.ports.insert(0, ServicePort { name: "http".into(), port: number });
            }
        }
        service
    }

    fn slice(&self, slice: &EndpointSlice) -> EndpointSlice {
        let mut slice = slice.clone();
        let Some(subset) = slice.subsets.first_mut() else { return slice };
        if subset.endpoints.is_empty() {
            return slice;
        }
        let which = self.choice % subset.endpoints.len();
        match self.part % 5 {
            0 | 1 => subset.endpoints[which].ready ^= true,
            2 => subset.endpoints[which].hint_zones = self.name("z").into_iter().collect(),
            3 => _ = subset.endpoints.remove(which),
            _ => subset.ports.iter_mut().flatten().for_each(|port| port.port ^= 1),
        }
        slice
    }

    fn split(&self, split: &TrafficSplit) -> TrafficSplit {
        let mut split = split.clone();
        match self.part % 6 {
            0 => split.has_matches = !split.has_matches,
            1 => split.created = (self.choice % 3 < 2).then(|| Timestamp::UNIX_EPOCH + self.age()),
            2 => split.apex = ["web", "a", "b"][self.choice % 3].into(),
            _ => {
                let count = split.backends.len().max(1);
                if let Some(backend) = split.backends.get_mut(self.choice % count) {
                    backend.weight = self.weight;
                }
            }
        }
        split
    }

    fn age(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs((self.choice % 2).try_into().expect("0 or 1"))
    }

    fn profile(&self, profile: &ServiceProfile) -> ServiceProfile {
        let mut profile = profile.clone();
        match profile.dst_overrides.first_mut() {
            Some(first) => first.weight = self.weight,
            None => profile.problems.clear(),
        }
        profile
    }
}

/// The name of an object that nobody in the alphabet mentions.
pub(super) fn lonely(namespace: &str) -> NsName {
    NsName::new(namespace, "lonely")
}

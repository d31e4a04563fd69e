//! The objects of a cluster as a plain list on which the last write wins, and edits of it as events.

mod tweak;

use std::collections::BTreeSet;

use switchyard::{
    model::{Kind, NsName, Object, ObjectId},
    source::Event,
    weight::Milli,
};

/// An edit. Those of existing objects pick one by number, so that any number is some edit.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
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
pub(crate) struct Tweak {
    pub(crate) part: usize,
    pub(crate) choice: usize,
    pub(crate) weight: Milli,
}

/// All objects that exist, in no particular order.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(Vec<Object>);

impl World {
    pub(crate) fn new(objects: &[Object]) -> Self {
        let mut world = Self::default();
        objects.iter().for_each(|object| world.put(object.clone()));
        world
    }

    pub(crate) fn objects(&self) -> &[Object] {
        &self.0
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<Object> {
        self.0.iter().filter(|object| object.kind() == kind).cloned().collect()
    }

    /// Every kind listed with all its objects: what a source says first, and after it has lost touch.
    pub(crate) fn relist(&self) -> Vec<Event> {
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
    pub(crate) fn edit(&mut self, edit: &Edit) -> Option<Event> {
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
        self.apply(&event);
        Some(event)
    }

    /// Makes an event true, as anybody would who is told of it.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Upsert(object) => self.put(object.clone()),
            Event::Remove(id) => self.remove(id),
            Event::Replace(kind, objects) => self.replace(*kind, objects, &BTreeSet::new()),
            Event::ReplaceExcept(kind, objects, kept) => self.replace(*kind, objects, kept),
            Event::Folder(_) => {}
        }
    }

    fn replace(&mut self, kind: Kind, objects: &[Object], kept: &BTreeSet<ObjectId>) {
        self.0.retain(|object| object.kind() != kind || kept.contains(&object.id()));
        objects.iter().for_each(|object| self.put(object.clone()));
    }

    /// Makes the edits of a batch; what a source would say of them.
    pub(crate) fn edit_all(&mut self, edits: &[Edit]) -> Vec<Event> {
        edits.iter().filter_map(|edit| self.edit(edit)).collect()
    }
}

/// The name of an object that nobody in the alphabet mentions.
pub(crate) fn lonely(namespace: &str) -> NsName {
    NsName::new(namespace, "lonely")
}

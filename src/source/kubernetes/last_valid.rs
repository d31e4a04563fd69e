//! Index of the objects of one kind that have a valid version: which object that is, and which version.
//!
//! An invalid version leaves an object as it was only while it is the same object. One that was deleted and created
//! again under the same name, which a list does not show, is another object: its uid differs.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::decode::Version;
use crate::model::NsName;

/// Hash of an object's uid. Uids are random, and 64 bits of them are enough to tell two objects of one name apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uid(u64);

impl Uid {
    /// The hash of `metadata.uid`; an absent one equals any other absent one.
    pub(super) fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Last valid version of each object of a kind. Small, because there is one entry for each Pod of a cluster: the name
/// is shared with the object itself.
#[derive(Debug, Default)]
pub(super) struct LastValid(HashMap<NsName, (Uid, Option<u64>)>);

impl LastValid {
    /// Records a valid version of an object.
    pub(super) fn record(&mut self, name: NsName, uid: Uid, version: &Version) {
        self.0.insert(name, (uid, version.0.parse().ok()));
    }

    /// Removes an object that does not exist any more. Returns whether it had a valid version.
    pub(super) fn remove(&mut self, name: &NsName) -> bool {
        self.0.remove(name).is_some()
    }

    /// The last valid version of this object, as a message names it; `None` if the object has none.
    pub(super) fn version(&self, name: &NsName, uid: Uid) -> Option<String> {
        let (_, version) = self.0.get(name).filter(|(known, _)| *known == uid)?;
        Some(version.map_or_else(
            || "of an unknown resourceVersion".to_owned(),
            |version| format!("resourceVersion {version}"),
        ))
    }

    /// How many objects have a valid version, and how many of those another index lacks.
    pub(super) fn lacking_in(&self, other: &Self, is_there: impl Fn(&NsName) -> bool) -> (usize, usize) {
        let is_lost = |name: &&NsName| !other.0.contains_key(*name) && !is_there(name);
        (self.0.len(), self.0.keys().filter(is_lost).count())
    }

    /// Keeps the entry of an object that another index holds.
    pub(super) fn keep(&mut self, name: &NsName, from: &Self) {
        if let Some(entry) = from.0.get(name) {
            self.0.insert(name.clone(), *entry);
        }
    }
}

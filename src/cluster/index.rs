//! Small steps in keeping an index true.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    mem,
};

use crate::model::NsName;

/// Puts `new` in the place of what was there, which is returned.
pub(super) fn replace<V>(map: &mut BTreeMap<NsName, V>, name: &NsName, new: Option<V>) -> Option<V> {
    match new {
        Some(new) => match map.get_mut(name) {
            Some(place) => Some(mem::replace(place, new)),
            None => map.insert(name.clone(), new),
        },
        None => map.remove(name),
    }
}

/// Adds a member to the set under `key`, or takes it out; an empty set does not stay.
pub(super) fn set_member<K, V>(index: &mut HashMap<K, BTreeSet<V>>, key: K, member: V, added: bool)
where
    K: Clone + Eq + Hash,
    V: Ord,
{
    let set = index.entry(key.clone()).or_default();
    if added {
        set.insert(member);
    } else {
        set.remove(&member);
        if set.is_empty() {
            index.remove(&key);
        }
    }
}

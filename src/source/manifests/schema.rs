//! What an API server refuses of an object, found before anything is made of it.
//!
//! A folder means what `kubectl apply` with strict field validation makes of it, so an object that an API server of
//! Kubernetes 1.36 refuses is refused here, with every fault at once. Two steps:
//! * [`walk`] compares the object with the structure of its kind ([`types`]): unknown fields and wrong types;
//! * [`rules`] checks values, for each kind as the API server does after it has set defaults.
//!
//! What depends on the cluster is not checked: whether a namespace exists, address ranges, admission.

mod names;
mod rules;
mod types;
mod walk;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::source::convert::{Rejection, read::At};

/// Faults of one object that are reported one by one; further ones are counted.
const MAX_FAULTS: usize = 20;

/// Returns everything for which an API server would refuse an object of this `apiVersion` and `kind`; nothing if its
/// structure is not known.
pub(super) fn check(api_version: &str, kind: &str, value: &Value) -> Vec<Rejection> {
    let mut faults = Faults::default();
    if let Some(fields) = types::SCHEMAS.of(api_version, kind) {
        let root = At::root(value);
        walk::object(fields, &root, &mut faults);
        rules::check(kind, &root, &mut faults);
    }
    faults.into_rejections()
}

/// Faults found in one object.
#[derive(Debug, Default)]
struct Faults {
    found: Vec<Rejection>,
    /// Further faults than are kept.
    more: usize,
    /// Paths of which nothing else is reported: what is wrong there was reported already.
    settled: BTreeSet<String>,
}

impl Faults {
    /// Adds a fault, unless one was reported for its field or for a field that encloses it.
    fn add(&mut self, rejection: Rejection) {
        let Rejection { path, .. } = &rejection;
        let enclosing = path.match_indices(['.', '[']).map(|(end, _)| &path[..end]);
        if enclosing.chain([path.as_str()]).any(|path| self.settled.contains(path)) {
            return;
        }
        if self.found.len() < MAX_FAULTS {
            self.settled.insert(path.clone());
            self.found.push(rejection);
        } else {
            self.more += 1;
        }
    }

    /// Keeps faults of a field from being reported, as that of a field whose name is misspelled is missing.
    fn settle(&mut self, path: String) {
        self.settled.insert(path);
    }

    fn into_rejections(mut self) -> Vec<Rejection> {
        if self.more > 0 {
            let message = format!("{} more faults, which are reported when these are corrected", self.more);
            self.found.push(Rejection { path: String::new(), message });
        }
        self.found
    }
}

#[cfg(test)]
mod tests;

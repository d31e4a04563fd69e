//! What the objects of a list have in common, shared while the list is being read.
//!
//! The cluster shares what Pods have in common too, but only once the whole list is applied as one step; until
//! then a list of 100,000 Pods would weigh three times what it does afterwards.

use std::sync::Arc;

use crate::{
    interned::Interned,
    model::{LabelSet, Name, Object, PodSpec, TargetRef},
};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Interner {
    specs: Interned<PodSpec>,
    labels: Interned<LabelSet>,
    names: Interned<str>,
}

impl Interner {
    /// The same object, with what it has in common with others shared with them.
    pub(super) fn share(&mut self, mut object: Object) -> Object {
        match &mut object {
            Object::Pod(pod) => {
                if let Some(pod) = Arc::get_mut(pod) {
                    pod.spec = self.specs.one(pod.spec.clone());
                    pod.labels = self.labels.one(pod.labels.clone());
                    self.name(&mut pod.name.namespace);
                    pod.node.iter_mut().for_each(|node| self.name(node));
                }
            }
            Object::EndpointSlice(slice) => {
                let subsets = Arc::get_mut(slice).into_iter().flat_map(|slice| &mut slice.subsets);
                for endpoint in subsets.flat_map(|subset| &mut subset.endpoints) {
                    endpoint.node.iter_mut().chain(&mut endpoint.zone).for_each(|name| self.name(name));
                    if let TargetRef::Pod(pod) = &mut endpoint.target {
                        self.name(&mut pod.namespace);
                    }
                }
            }
            _ => {}
        }
        object
    }

    fn name(&mut self, name: &mut Name) {
        *name = self.names.one(name.clone().into_shared()).into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{model::Kind, source::convert::convert};

    #[test]
    fn objects_share_what_they_have_in_common_and_stay_what_they_were() {
        let object = |number: u8| {
            let (name, ip) = (format!("a-{number}"), format!("10.0.0.{number}"));
            let metadata = json!({ "name": name, "namespace": "d", "labels": { "app": "a" } });
            let pod = json!({ "metadata": metadata, "spec": { "nodeName": "n" } });
            let slice = json!({ "metadata": metadata, "endpoints": [{
                "addresses": [ip], "nodeName": "n", "zone": "z", "targetRef": { "kind": "Pod", "name": name },
            }] });
            let read = |kind, value| convert(kind, &value).expect("it is of use");
            [read(Kind::Pod, pod), read(Kind::EndpointSlice, slice)]
        };
        let mut interner = Interner::default();
        let mut share = |number| object(number).map(|object| interner.share(object));
        let (one, other) = (share(1), share(2));

        assert_eq!((&one, &other), (&object(1), &object(2)));
        let [Object::Pod(a), Object::EndpointSlice(s)] = one else { panic!("{one:?}") };
        let [Object::Pod(b), Object::EndpointSlice(t)] = other else { panic!("{other:?}") };
        assert!(Arc::ptr_eq(&a.spec, &b.spec) && Arc::ptr_eq(&a.labels, &b.labels));
        let zone = |slice: &crate::model::EndpointSlice| {
            slice.subsets[0].endpoints[0].zone.clone().map(Name::into_shared)
        };
        assert!(zone(&s).zip(zone(&t)).is_some_and(|(s, t)| Arc::ptr_eq(&s, &t)));
    }
}

//! What an edit would do to a cluster that is running, as far as that can be known beforehand.
//!
//! What the API server and the controllers keep of an object although a manifest does not say it is kept here
//! too: when a split was created, the addresses of a Service, what is known of a Pod that runs. What they would
//! make of it later (the Pods of a Deployment, the EndpointSlices of a new selector) cannot be known; it is said.

use std::sync::Arc;

use super::{BadEdit, Edit, Key};
use crate::{
    cluster::Cluster,
    model::{Kind, Object, ObjectId},
    source::{
        Event,
        manifests::{items::Content, workloads::WorkloadKind},
    },
};

/// What an edit would do at once.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// What becomes of objects.
    pub events: Vec<Event>,
    /// What it would lead to later and cannot be foreseen, as sentences.
    pub notes: Vec<String>,
}

impl Edit {
    /// What it would do to this cluster.
    ///
    /// # Errors
    /// [`BadEdit`] if something is to be removed that is not there.
    pub fn in_cluster(&self, cluster: &Cluster) -> Result<Foreseen, BadEdit> {
        let mut foreseen = Foreseen::default();
        for item in self.files.iter().flat_map(|(_, items)| &items.items) {
            // Whatever cannot be used was refused when the edit was read.
            let Ok(content) = &item.content else { continue };
            match content {
                Content::Workload(_, object) => {
                    foreseen.pods_unknown(&item.key);
                    let kept = object.iter().map(|object| kept(object, cluster));
                    foreseen.events.extend(kept.map(Event::Upsert));
                }
                Content::Service(object, selecting) => {
                    if selecting.is_some() {
                        foreseen.notes.push(format!(
                            "{}: which Pods its selector and target ports lead to is up to the cluster; its \
                             EndpointSlices are taken as they are",
                            item.key
                        ));
                    }
                    foreseen.events.push(Event::Upsert(kept(object, cluster)));
                }
                Content::Pod(object, _) | Content::Other(object) | Content::Outside(object, _) => {
                    foreseen.events.push(Event::Upsert(kept(object, cluster)));
                }
            }
        }
        let mut missing = Vec::new();
        for key in &self.removed {
            let id = match key {
                Key::Object(id) => id.clone(),
                Key::Workload(kind, name) => {
                    foreseen.pods_unknown(key);
                    if *kind != WorkloadKind::ReplicaSet {
                        continue;
                    }
                    ObjectId { kind: Kind::ReplicaSet, name: name.clone() }
                }
            };
            if !cluster.contains(&id) {
                missing.push(format!("{key} is to be removed, and the cluster has none"));
            }
            foreseen.events.push(Event::Remove(id));
        }
        if missing.is_empty() { Ok(foreseen) } else { Err(BadEdit(missing)) }
    }
}

impl Foreseen {
    fn pods_unknown(&mut self, key: &Key) {
        self.notes.push(format!(
            "{key}: what becomes of its Pods is up to the cluster and not planned; with --manifests it is"
        ));
    }
}

/// The object with what is kept of it.
fn kept(object: &Object, cluster: &Cluster) -> Object {
    match object {
        Object::TrafficSplit(split) if split.created.is_none() => {
            let mut split = split.clone();
            Arc::make_mut(&mut split).created = cluster.split(&split.name).and_then(|known| known.created);
            Object::TrafficSplit(split)
        }
        Object::Service(service) if service.cluster_ips.is_empty() => {
            let mut service = service.clone();
            let known = cluster.service(&service.name).filter(|known| known.kind == service.kind);
            Arc::make_mut(&mut service).cluster_ips =
                known.map(|known| known.cluster_ips.clone()).unwrap_or_default();
            Object::Service(service)
        }
        Object::Pod(pod) if pod.ips[0].is_none() => {
            let Some(known) = cluster.resident(&pod.name).map(|resident| &resident.pod) else {
                return object.clone();
            };
            let mut pod = pod.clone();
            let new = Arc::make_mut(&mut pod);
            (new.ips, new.host_ips, new.phase) = (known.ips, known.host_ips.clone(), known.phase);
            new.node = new.node.take().or_else(|| known.node.clone());
            Object::Pod(pod)
        }
        _ => object.clone(),
    }
}

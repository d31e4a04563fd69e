//! What an edit would do to a cluster that is running, as far as that can be known beforehand.
//!
//! What the API server and the controllers keep of an object although a manifest does not say it is kept here
//! too: when a split was created, the addresses of a Service, what is known of a Pod that runs. What they would
//! make of it later (the Pods of a Deployment, the EndpointSlices of a new selector) cannot be known; it is said.

use std::{path::Path, sync::Arc};

use super::{BadEdit, Edit, Key};
use crate::{
    cluster::Cluster,
    model::{Kind, Object, ObjectId, Reason},
    source::{
        Event, Finding, Location,
        convert::Rejection,
        last_valid,
        manifests::{
            items::{Content, Item},
            workloads::WorkloadKind,
        },
    },
};

/// What an edit would do at once.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// What becomes of objects.
    pub events: Vec<Event>,
    /// What it would lead to later and cannot be foreseen, as sentences.
    pub notes: Vec<String>,
    /// Objects of it that are invalid, and what stays in force of them.
    pub findings: Vec<Finding>,
}

impl Edit {
    /// What it would do to this cluster.
    ///
    /// # Errors
    /// [`BadEdit`] if something is to be removed that is not there.
    pub fn in_cluster(&self, cluster: &Cluster) -> Result<Foreseen, BadEdit> {
        let mut foreseen = Foreseen::default();
        for (path, item) in
            self.files.iter().flat_map(|(path, items)| items.items.iter().map(move |i| (path, i)))
        {
            let content = match &item.content {
                Ok(content) => content,
                Err(rejections) => {
                    let findings = rejections.iter().map(|rejection| finding(path, item, rejection, cluster));
                    foreseen.findings.extend(findings);
                    continue;
                }
            };
            match content {
                Content::Workload(_, object) => {
                    foreseen.pods_unknown(&item.key);
                    let kept = object.iter().map(|object| kept(object, cluster));
                    foreseen.events.extend(kept.map(Event::Upsert));
                }
                Content::Service(object, _, selecting) => {
                    if selecting.is_some() {
                        foreseen.notes.push(format!(
                            "{}: which Pods its selector and target ports lead to is up to the cluster; its \
                             EndpointSlices are taken as they are",
                            item.key
                        ));
                    }
                    foreseen.events.push(Event::Upsert(kept(object, cluster)));
                }
                Content::Node(node, _) => foreseen.events.push(Event::Upsert(Object::Node(node.clone()))),
                Content::Pod(object, _)
                | Content::Other(object)
                | Content::Outside(object, _)
                | Content::Endpoints(object, _) => {
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

/// The warning about an invalid object of the edit.
fn finding(path: &Arc<Path>, item: &Item, rejection: &Rejection, cluster: &Cluster) -> Finding {
    let end = match &item.key {
        Key::Object(id) if !cluster.contains(id) => last_valid::ignored(&item.consequence),
        Key::Object(_) | Key::Workload(..) => last_valid::in_force("that of the cluster"),
    };
    Finding {
        reason: Reason::InvalidObject,
        object: Some(item.key.to_string()),
        location: Location { file: path.clone(), line: item.line_of(&rejection.path) },
        message: format!("{rejection}{end}"),
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

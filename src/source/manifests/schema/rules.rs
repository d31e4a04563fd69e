//! Rules for values that the structure of a kind does not express, as the API server's own validation has them
//! (`pkg/apis/*/validation` of Kubernetes 1.36).
//!
//! Wrong types were reported before; here a value of a wrong type counts as absent.

mod container;
mod endpoints;
mod metadata;
mod node;
mod pod;
mod service;
mod workload;

use std::collections::HashSet;

use crate::source::convert::read::At;

use super::{
    Faults,
    names::{LABEL, SUBDOMAIN},
};

/// Checks an object of a kind whose structure is known.
pub(super) fn check(kind: &str, root: &At<'_, '_>, faults: &mut Faults) {
    let name = match kind {
        "Service" | "StatefulSet" => LABEL,
        _ => SUBDOMAIN,
    };
    metadata::check(root, name, kind != "Node", faults);
    let spec = root.field("spec");
    match kind {
        "Service" => service::check(&spec, faults),
        "Endpoints" => endpoints::endpoints(root, faults),
        "EndpointSlice" => endpoints::slice(root, faults),
        "Node" => node::check(&spec, faults),
        "Pod" => pod::check(&spec, pod::Of::Pod, faults),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload::check(kind, &spec, faults),
        "ReplicationController" => workload::controller(&spec, faults),
        "Job" => workload::job(&spec, faults),
        _ => {}
    }
}

/// Reports every item of a list whose field is the same as that of an earlier one.
fn unique(list: &At<'_, '_>, field: &str, faults: &mut Faults) {
    let mut seen = HashSet::new();
    for item in list.list() {
        let at = item.field(field);
        if !at.str().is_empty() && !seen.insert(at.str()) {
            faults.add(at.reject(format!("expected each {field} once, found {:?} again", at.str())));
        }
    }
}

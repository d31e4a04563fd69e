//! One Kubernetes object as JSON -> one object of the [model](crate::model).
//!
//! The only place that knows how Kubernetes spells things; every source comes through here, whatever it reads
//! from. Pure: equal input gives equal output, and an object is judged by itself alone.
//!
//! Only fields that resolving needs are read. One of them with a wrong value makes the object invalid: a
//! [`Rejection`] that names the field. The source then keeps the object's last valid version, so that a typing
//! error never moves traffic. What cannot move traffic, such as a route of a ServiceProfile, is left out with a
//! [`Problem`](crate::model::Problem) instead, and the rest of the object is used.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::model::{Created, Kind, Name, Node, NsName, Object};

use self::read::At;

mod endpoints;
mod go_duration;
mod owner;
mod path_regex;
pub(in crate::source) mod pod;
mod policy;
mod port_lists;
mod profile;
pub(in crate::source) mod read;
mod routes;
mod selector;
pub(in crate::source) mod service;
pub(in crate::source) mod split;
mod workload;

/// The namespace of an object that names none, as for `kubectl apply`.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Label of a Node: the zone it is in.
pub(in crate::source) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// Why an object is invalid: the field, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Rejection {
    /// The field, for example `spec.ports[0].port`; empty for the object as a whole.
    pub path: String,
    /// What is wrong and what would be right, one sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Which kind of ours `apiVersion` and `kind` of an object mean, if any.
#[must_use]
pub fn kind_of(api_version: &str, kind: &str) -> Option<Kind> {
    match (api_version, kind) {
        ("v1", "Service") => Some(Kind::Service),
        ("v1", "Endpoints") => Some(Kind::Endpoints),
        ("v1", "Pod") => Some(Kind::Pod),
        ("v1", "Node") => Some(Kind::Node),
        ("discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1", "EndpointSlice") => Some(Kind::EndpointSlice),
        (
            "split.smi-spec.io/v1alpha1"
            | "split.smi-spec.io/v1alpha2"
            | "split.smi-spec.io/v1alpha3"
            | "split.smi-spec.io/v1alpha4",
            "TrafficSplit",
        ) => Some(Kind::TrafficSplit),
        ("linkerd.io/v1alpha1" | "linkerd.io/v1alpha2", "ServiceProfile") => Some(Kind::ServiceProfile),
        ("apps/v1" | "apps/v1beta2" | "extensions/v1beta1", "ReplicaSet") => Some(Kind::ReplicaSet),
        ("batch/v1" | "batch/v1beta1", "Job") => Some(Kind::Job),
        (
            "policy.linkerd.io/v1alpha1"
            | "policy.linkerd.io/v1beta1"
            | "policy.linkerd.io/v1beta2"
            | "policy.linkerd.io/v1beta3",
            "Server",
        ) => Some(Kind::Server),
        ("workload.linkerd.io/v1alpha1" | "workload.linkerd.io/v1beta1", "ExternalWorkload") => {
            Some(Kind::ExternalWorkload)
        }
        _ => None,
    }
}

/// Converts one object of that kind.
///
/// # Errors
/// [`Rejection`] if a field that is needed is missing, has the wrong type or is out of its range.
pub fn convert(kind: Kind, value: &Value) -> Result<Object, Rejection> {
    let root = At::root(value);
    let name = name(kind, &root)?;
    Ok(match kind {
        Kind::Service => Object::Service(Arc::new(service::service(name, &root)?)),
        Kind::EndpointSlice => Object::EndpointSlice(Arc::new(endpoints::slice(name, &root)?)),
        Kind::Endpoints => Object::Endpoints(Arc::new(endpoints::endpoints(name, &root)?)),
        Kind::Pod => Object::Pod(Arc::new(pod::pod(name, &root)?)),
        Kind::Node => {
            let zone = label(&root, ZONE_LABEL)?.map(Name::from);
            Object::Node(Arc::new(Node { name, zone }))
        }
        Kind::TrafficSplit => Object::TrafficSplit(Arc::new(split::split(name, &root)?)),
        Kind::ServiceProfile => Object::ServiceProfile(Arc::new(profile::profile(name, &root)?)),
        Kind::ReplicaSet => Object::ReplicaSet(Arc::new(owner::controller(name, &root)?)),
        Kind::Job => Object::Job(Arc::new(owner::controller(name, &root)?)),
        Kind::Server => Object::Server(Arc::new(policy::server(name, &root)?)),
        Kind::ExternalWorkload => Object::ExternalWorkload(Arc::new(workload::workload(name, &root)?)),
    })
}

/// Namespace and name of an object of that kind, checked as far as they end up in DNS names.
fn name(kind: Kind, root: &At<'_, '_>) -> Result<NsName, Rejection> {
    let metadata = root.get("metadata")?;
    let at = metadata.get("name")?;
    let name = at.required_name("the object's name")?;
    if kind == Kind::Service {
        check_label(&at, name)?;
    }
    if kind == Kind::Node {
        return Ok(NsName::new("", name));
    }
    let at = metadata.get("namespace")?;
    let namespace = at.text()?.filter(|n| !n.is_empty()).unwrap_or(DEFAULT_NAMESPACE);
    check_label(&at, namespace)?;
    Ok(NsName::new(namespace, name))
}

/// A DNS label as RFC 1123 has it, in lower case: what Kubernetes asks of Services and namespaces.
/// Authorities are lower-cased before they are looked up, so that any other name could never be found.
fn check_label(at: &At<'_, '_>, text: &str) -> Result<(), Rejection> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = !text.starts_with('-') && !text.ends_with('-');
    if (1..=63).contains(&text.len()) && text.bytes().all(inner) && ends {
        return Ok(());
    }
    Err(at.wrong("a DNS label (up to 63 lower-case letters, digits and '-', with no '-' at either end)"))
}

/// `metadata.creationTimestamp`, if the object has one.
fn timestamp(root: &At<'_, '_>) -> Result<Option<jiff::Timestamp>, Rejection> {
    let metadata = root.get("metadata")?;
    let at = metadata.get("creationTimestamp")?;
    let time = |text: &str| text.parse().map_err(|_| at.wrong("a time such as 2024-01-31T12:00:00Z"));
    at.text()?.map(time).transpose()
}

/// The same in seconds.
fn created(root: &At<'_, '_>) -> Result<Created, Rejection> {
    Ok(timestamp(root)?.map_or_else(Created::default, Created::from))
}

/// The text of a label of the object, if it has that label.
fn label<'v>(root: &At<'_, 'v>, key: &str) -> Result<Option<&'v str>, Rejection> {
    root.get("metadata")?.get("labels")?.get(key)?.text()
}

/// The text of an annotation of the object, if it has that annotation.
fn annotation<'v>(root: &At<'_, 'v>, key: &str) -> Result<Option<&'v str>, Rejection> {
    root.get("metadata")?.get("annotations")?.get(key)?.text()
}

/// `outer.inner` as a name; `None` if it is absent or empty.
fn optional_name(at: &At<'_, '_>, outer: &str, inner: &str) -> Result<Option<Name>, Rejection> {
    at.get(outer)?.get(inner)?.name()
}

#[cfg(test)]
mod tests;

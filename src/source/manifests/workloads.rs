//! What runs: Pods, and the workloads that stand for Pods, cut down to what makes endpoints of them.
//!
//! [`model::Pod`](crate::model::Pod) is what resolving needs of a Pod; the labels and ports here are what a
//! cluster's own controllers need, whose work is done in [`controllers`](super::controllers).

use std::{fmt, net::IpAddr, sync::Arc};

use super::{
    hash::{hash, letters},
    items::Key,
};
use crate::{
    model::{Labels, Name, NsName},
    source::convert::{Rejection, read::At},
};

/// What of a Pod, or of the template of many, decides which Services it is behind and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// Its labels.
    pub(super) labels: Labels,
    /// The named TCP ports of its containers, then of its init containers, which may be sidecars.
    pub(super) ports: Vec<(Box<str>, u16)>,
    /// `spec.hostname`.
    pub(super) hostname: Option<Name>,
    /// `spec.subdomain`.
    pub(super) subdomain: Option<Name>,
    /// `spec.nodeName`.
    pub(super) node: Option<Name>,
}

impl Shape {
    /// Reads a Pod or a pod template.
    pub(super) fn read(at: &At<'_, '_>) -> Result<Self, Rejection> {
        let spec = at.get("spec")?;
        let mut ports = Vec::new();
        for field in ["containers", "initContainers"] {
            for container in spec.get(field)?.items()? {
                for port in container.get("ports")?.items()? {
                    let (name, number) = (port.get("name")?.text()?, port.get("containerPort")?.port()?);
                    if let (Some(name), Some(number), true) = (name, number, port.is_tcp_port()?) {
                        ports.push((name.into(), number));
                    }
                }
            }
        }
        Ok(Self {
            labels: at.get("metadata")?.get("labels")?.labels()?,
            ports,
            hostname: spec.get("hostname")?.name()?,
            subdomain: spec.get("subdomain")?.name()?,
            node: spec.get("nodeName")?.name()?,
        })
    }

    /// The number of the container port with that name.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|(n, _)| **n == *name).map(|(_, number)| *number)
    }
}

/// The workload that a Pod or another workload belongs to: kind and name, in its own namespace.
pub(super) type Owner = (WorkloadKind, Name);

/// A Pod that is in the manifests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExplicitPod {
    /// What it is like.
    pub(super) shape: Arc<Shape>,
    /// How it is doing.
    pub(super) life: Life,
    /// The workload that it belongs to.
    pub(super) owner: Option<Owner>,
}

/// How a Pod of the manifests is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Nothing is said: it is about to be run, so it is treated as ready, at an address made up for it.
    Unsaid,
    /// It has this address; ready or not.
    At(IpAddr, bool),
    /// It has no address: not started yet, or finished.
    Nowhere,
}

impl ExplicitPod {
    /// Reads a Pod.
    pub(super) fn read(root: &At<'_, '_>) -> Result<Self, Rejection> {
        let terminating = !root.get("metadata")?.get("deletionTimestamp")?.is_absent();
        let life = match life(&root.get("status")?)? {
            Life::At(ip, ready) => Life::At(ip, ready && !terminating),
            Life::Unsaid if terminating => Life::Nowhere,
            life => life,
        };
        Ok(Self { shape: Arc::new(Shape::read(root)?), life, owner: owner(root)? })
    }
}

fn life(status: &At<'_, '_>) -> Result<Life, Rejection> {
    if status.is_absent() || status.value().as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(Life::Unsaid);
    }
    let phase = status.get("phase")?.text()?;
    let mut ready = false;
    for condition in status.get("conditions")?.items()? {
        ready |= condition.get("type")?.text()? == Some("Ready")
            && condition.get("status")?.text()? == Some("True");
    }
    let ip = status.get("podIP")?;
    let Some(text) = ip.text()?.filter(|text| !text.is_empty()) else { return Ok(Life::Nowhere) };
    let address = text.parse().map_err(|_| ip.wrong("an IP address"))?;
    Ok(match phase {
        Some("Succeeded" | "Failed") => Life::Nowhere,
        phase => Life::At(address, ready && phase == Some("Running")),
    })
}

/// The kinds that stand for Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum WorkloadKind {
    /// Pods with random names.
    Deployment,
    /// Numbered Pods that keep their names.
    StatefulSet,
    /// What a Deployment works with.
    ReplicaSet,
    /// One Pod on each Node.
    DaemonSet,
}

impl WorkloadKind {
    /// The workload that an object is, by its group; every version of them reads the same.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if matches!(group, "apps" | "extensions") { Self::named(kind) } else { None }
    }

    fn named(kind: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet, Self::ReplicaSet, Self::DaemonSet]
            .into_iter()
            .find(|k| k.to_string() == kind)
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::DaemonSet => "DaemonSet",
        })
    }
}

/// A workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Workload {
    /// Which kind of workload.
    pub(super) kind: WorkloadKind,
    /// Its namespace and name.
    pub(super) name: NsName,
    /// `spec.replicas`; without meaning for a DaemonSet.
    pub(super) replicas: u64,
    /// `spec.ordinals.start` of a StatefulSet.
    pub(super) first_ordinal: u64,
    /// What its Pods are like.
    pub(super) shape: Arc<Shape>,
    /// Changes with the template, as the Pods' names do.
    pub(super) template_hash: Box<str>,
    /// `spec.serviceName` of a StatefulSet: the subdomain of its Pods.
    pub(super) service: Option<Name>,
    /// The workload that it belongs to.
    pub(super) owner: Option<Owner>,
}

impl Workload {
    /// Reads a workload of that kind and name.
    pub(super) fn read(kind: WorkloadKind, name: NsName, root: &At<'_, '_>) -> Result<Self, Rejection> {
        let spec = root.get("spec")?;
        let template = spec.get("template")?;
        if template.is_absent() {
            return Err(template.wrong("a pod template"));
        }
        let mut shape = Shape::read(&template)?;
        let template_hash =
            letters(hash(&template.value().to_string()), TEMPLATE_HASH_LETTERS).into_boxed_str();
        if kind == WorkloadKind::Deployment {
            shape.labels.insert(TEMPLATE_HASH_LABEL.into(), template_hash.clone());
        }
        let count = |at: At<'_, '_>| at.whole("a whole number, 0 or more");
        Ok(Self {
            kind,
            name,
            replicas: count(spec.get("replicas")?)?.unwrap_or(1),
            first_ordinal: count(spec.get("ordinals")?.get("start")?)?.unwrap_or(0),
            shape: Arc::new(shape),
            template_hash,
            service: spec.get("serviceName")?.name()?,
            owner: owner(root)?,
        })
    }

    /// What identifies it.
    pub(super) fn key(&self) -> Key {
        Key::Workload(self.kind, self.name.clone())
    }
}

/// Label of a Deployment's Pods: which template they are of.
const TEMPLATE_HASH_LABEL: &str = "pod-template-hash";

/// As long as those of a cluster are most of the time.
const TEMPLATE_HASH_LETTERS: usize = 10;

/// The workload that controls an object.
fn owner(root: &At<'_, '_>) -> Result<Option<Owner>, Rejection> {
    for owner in root.get("metadata")?.get("ownerReferences")?.items()? {
        let kind = owner.get("kind")?.text()?.and_then(WorkloadKind::named);
        if let (Some(kind), Some(name), true) =
            (kind, owner.get("name")?.name()?, owner.get("controller")?.flag()?.unwrap_or(false))
        {
            return Ok(Some((kind, name)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;

//! What runs: Pods, and the workloads that stand for Pods, cut down to what makes endpoints of them.
//!
//! [`model::Pod`](crate::model::Pod) is what resolving needs of a Pod; the rest here is what a cluster's own
//! controllers need, whose work is done in [`controllers`](super::controllers).

use std::{fmt, net::IpAddr, sync::Arc};

pub(super) use self::rollout::WorkloadRef;
use super::{
    hash::{hash, letters},
    items::Key,
    nodes::Constraints,
};
use crate::{
    model::{LabelSet, Name, NsName, OwnerRef, Pod, PodSpec},
    source::convert::{
        Rejection,
        pod::{Template, template},
        read::At,
    },
};

mod rollout;

/// What of a Pod, or of the template of many, decides which Services it is behind and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// What resolving needs.
    pub(super) spec: Arc<PodSpec>,
    /// Labels that all Pods of the template have.
    pub(super) labels: Arc<LabelSet>,
    /// Labels that only this Pod has.
    pub(super) own_labels: LabelSet,
    /// `spec.hostname`.
    pub(super) hostname: Option<Name>,
    /// `spec.subdomain`.
    pub(super) subdomain: Option<Name>,
    /// Which Nodes it may run on.
    pub(super) constraints: Arc<Constraints>,
}

impl Shape {
    /// Adds to a Pod what resolving does not need.
    fn of_pod(pod: &Pod, root: &At<'_, '_>) -> Result<Self, Rejection> {
        let spec = root.get("spec")?;
        Ok(Self {
            spec: pod.spec.clone(),
            labels: pod.labels.clone(),
            own_labels: pod.own_labels.clone(),
            hostname: spec.get("hostname")?.name()?,
            subdomain: spec.get("subdomain")?.name()?,
            constraints: Arc::default(),
        })
    }

    /// Reads the template of Pods that will belong to `owner`. `added` are the labels that its controller adds.
    fn of_template(
        owner: OwnerRef,
        added: &[(&str, &str)],
        constraints: Constraints,
        at: &At<'_, '_>,
    ) -> Result<Self, Rejection> {
        let Template { spec: read, labels, own_labels } = template(at)?;
        let spec = at.get("spec")?;
        Ok(Self {
            spec: Arc::new(PodSpec { owner: Some(owner), ..read }),
            labels: Arc::new(LabelSet::new(labels.iter().chain(added.iter().copied()))),
            own_labels,
            hostname: spec.get("hostname")?.name()?,
            subdomain: spec.get("subdomain")?.name()?,
            constraints: Arc::new(constraints),
        })
    }

    /// The number of the container port with that name.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.spec.ports.iter().find(|port| *port.name == *name).map(|port| port.port)
    }

    /// All labels.
    pub(super) fn all_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().chain(self.own_labels.iter())
    }

    /// The value of a label.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).or_else(|| self.own_labels.get(key))
    }
}

/// The workload that a Pod or another workload belongs to: kind and name, in its own namespace.
pub(super) type Owner = (WorkloadKind, Name);

/// A Pod that is in the manifests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExplicitPod {
    /// What it is like.
    pub(super) shape: Arc<Shape>,
    /// `spec.nodeName`.
    pub(super) node: Option<Name>,
    /// How it is doing.
    pub(super) life: Life,
    /// Its address of the other family than that of `life`, if its status has one.
    pub(super) other_address: Option<IpAddr>,
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
    /// Adds to a Pod what resolving does not need.
    pub(super) fn read(pod: &Pod, root: &At<'_, '_>) -> Result<Self, Rejection> {
        let terminating = !root.get("metadata")?.get("deletionTimestamp")?.is_absent();
        let life = match life(pod, &root.get("status")?)? {
            Life::At(ip, ready) => Life::At(ip, ready && !terminating),
            Life::Unsaid if terminating => Life::Nowhere,
            life => life,
        };
        Ok(Self {
            shape: Arc::new(Shape::of_pod(pod, root)?),
            node: pod.node.clone(),
            life,
            other_address: pod.ips[1],
            owner: owner(root)?,
        })
    }
}

fn life(pod: &Pod, status: &At<'_, '_>) -> Result<Life, Rejection> {
    if status.is_absent() || status.value().as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(Life::Unsaid);
    }
    let phase_at = status.get("phase")?;
    let phase = phase_at.text()?;
    if !matches!(phase, None | Some("" | "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown")) {
        return Err(phase_at.wrong("Pending, Running, Succeeded, Failed or Unknown"));
    }
    let ready = ready_condition(status)? == Some(Condition::True);
    Ok(match (pod.ips[0], phase) {
        (None, _) | (_, Some("Succeeded" | "Failed")) => Life::Nowhere,
        (Some(address), phase) => Life::At(address, ready && phase == Some("Running")),
    })
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    True,
    False,
    Unknown,
}

/// The condition `Ready` of a status; `None` if it has none.
pub(super) fn ready_condition(status: &At<'_, '_>) -> Result<Option<Condition>, Rejection> {
    let mut ready = None;
    for condition in status.get("conditions")?.items()? {
        if condition.get("type")?.text()? != Some("Ready") {
            continue;
        }
        let at = condition.get("status")?;
        ready = Some(match at.text()? {
            Some("True") => Condition::True,
            Some("False") => Condition::False,
            Some("Unknown") => Condition::Unknown,
            _ => return Err(at.wrong("True, False or Unknown")),
        });
    }
    Ok(ready)
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
    /// The predecessor of the ReplicaSet.
    ReplicationController,
    /// What Argo Rollouts has in place of a Deployment.
    Rollout,
}

impl WorkloadKind {
    /// Every kind.
    pub(super) const ALL: [Self; 6] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::ReplicaSet,
        Self::DaemonSet,
        Self::ReplicationController,
        Self::Rollout,
    ];

    /// The workload that an object is, by its group; every version of them reads the same.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::named(kind).filter(|kind| kind.groups().contains(&group))
    }

    /// The API groups that have it.
    fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Deployment | Self::StatefulSet | Self::ReplicaSet | Self::DaemonSet => {
                &["apps", "extensions"]
            }
            Self::ReplicationController => &[""],
            Self::Rollout => &["argoproj.io"],
        }
    }

    /// The label by which its controller tells the Pods of one template from those of another, if it adds one.
    /// Other workloads number their Pods, or were given the label by a Deployment.
    fn template_hash_label(self) -> Option<&'static str> {
        match self {
            Self::Deployment => Some("pod-template-hash"),
            Self::Rollout => Some("rollouts-pod-template-hash"),
            _ => None,
        }
    }

    fn named(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.to_string() == kind)
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicationController => "ReplicationController",
            Self::Rollout => "Rollout",
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
    /// What its Pods are like; nothing for a Rollout with a `workloadRef` that is not resolved.
    pub(super) shape: Arc<Shape>,
    /// Changes with the template, as the Pods' names do.
    pub(super) template_hash: Box<str>,
    /// `spec.serviceName` of a StatefulSet: the subdomain of its Pods.
    pub(super) service: Option<Name>,
    /// The workload that it belongs to.
    pub(super) owner: Option<Owner>,
    /// Where a Rollout with a `workloadRef` has its template from.
    pub(super) borrowed: Option<WorkloadRef>,
}

impl Workload {
    /// Reads a workload of that kind and name.
    pub(super) fn read(kind: WorkloadKind, name: NsName, root: &At<'_, '_>) -> Result<Self, Rejection> {
        let spec = root.get("spec")?;
        let template = spec.get("template")?;
        let borrowed = if kind == WorkloadKind::Rollout { WorkloadRef::read(&spec)? } else { None };
        if template.is_absent() && borrowed.is_none() {
            return Err(template.wrong("a pod template"));
        }
        let template_hash =
            letters(hash(&template.value().to_string()), TEMPLATE_HASH_LETTERS).into_boxed_str();
        let mut added =
            if kind == WorkloadKind::Rollout { rollout::stable_labels(&spec)? } else { Vec::new() };
        added.extend(kind.template_hash_label().map(|label| (label, &*template_hash)));
        let constraints = Constraints::read(&template.field("spec"), kind == WorkloadKind::DaemonSet);
        let owner_of_pods = owner_of_pods(kind, &name, &template_hash);
        let shape = Shape::of_template(owner_of_pods, &added, constraints, &template)?;
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
            borrowed,
        })
    }

    /// Whether it asks for no Pods.
    pub(super) fn is_idle(&self) -> bool {
        self.replicas == 0 && self.kind != WorkloadKind::DaemonSet
    }

    /// What identifies it.
    pub(super) fn key(&self) -> Key {
        Key::Workload(self.kind, self.name.clone())
    }
}

/// The owner of a workload's Pods. Of a Deployment it is the Deployment, to which its ReplicaSet leads anyway; of a
/// Rollout it is the ReplicaSet, because Linkerd knows no Rollout above it.
fn owner_of_pods(kind: WorkloadKind, name: &NsName, template_hash: &str) -> OwnerRef {
    match kind {
        WorkloadKind::Rollout => {
            OwnerRef { kind: "ReplicaSet".into(), name: format!("{}-{template_hash}", name.name).into() }
        }
        _ => OwnerRef { kind: kind.to_string().into(), name: name.name.clone() },
    }
}

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

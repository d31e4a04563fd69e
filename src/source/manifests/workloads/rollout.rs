//! What a Rollout of Argo Rollouts has beyond a Deployment.
//!
//! A folder shows a Rollout at rest: the newest template is the stable one, and its Pods are behind the stable
//! and the canary Service alike, as on a cluster between two updates.

use std::sync::Arc;

use super::{Owner, Shape, Workload, WorkloadKind, owner_of_pods};
use crate::{
    model::{LabelSet, PodSpec},
    source::convert::{Rejection, read::At},
};

/// `spec.workloadRef`: the object whose Pod template a Rollout uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source::manifests) struct WorkloadRef {
    /// The workload; `None` for a PodTemplate, which is not read.
    pub(in crate::source::manifests) workload: Option<Owner>,
    /// `scaleDown: never`: the workload keeps its own Pods beside those of the Rollout.
    pub(in crate::source::manifests) keeps_pods: bool,
}

impl WorkloadRef {
    /// Reads the reference of a Rollout's spec, if it has one.
    pub(super) fn read(spec: &At<'_, '_>) -> Result<Option<Self>, Rejection> {
        let at = spec.get("workloadRef")?;
        if at.is_absent() {
            return Ok(None);
        }
        let template = spec.get("template")?;
        if !template.is_absent() {
            return Err(template.reject("expected either a template or a workloadRef, found both"));
        }
        let (kind, name) = (at.get("kind")?, at.get("name")?);
        let named = || Ok(name.required_name("the name of the workload")?.into());
        let workload = match kind.text()? {
            Some("Deployment") => Some((WorkloadKind::Deployment, named()?)),
            Some("ReplicaSet") => Some((WorkloadKind::ReplicaSet, named()?)),
            Some("PodTemplate") => None,
            _ => return Err(kind.wrong("Deployment, ReplicaSet or PodTemplate")),
        };
        Ok(Some(Self { workload, keeps_pods: at.get("scaleDown")?.text()? == Some("never") }))
    }
}

/// Labels that the stable Pods have beside those of the template.
pub(super) fn stable_labels<'v>(spec: &At<'_, 'v>) -> Result<Vec<(&'v str, &'v str)>, Rejection> {
    let strategy = spec.get("strategy")?;
    let mut labels = Vec::new();
    for (kind, field) in [("canary", "stableMetadata"), ("blueGreen", "activeMetadata")] {
        labels.extend(strategy.get(kind)?.get(field)?.get("labels")?.texts()?);
    }
    Ok(labels)
}

impl Workload {
    /// The Rollout with the template of the workload that it refers to.
    pub(in crate::source::manifests) fn with_template_of(&self, other: &Self) -> Self {
        let hash = other.template_hash.clone();
        let borrowed = other.shape.labels.iter();
        // The label by which the other's own controller tells its templates apart is not in the template.
        let borrowed = borrowed.filter(|(key, _)| Some(*key) != other.kind.template_hash_label());
        let hash_label = self.kind.template_hash_label();
        let added = self.shape.labels.iter().filter(|(key, _)| Some(*key) != hash_label);
        let labels = LabelSet::new(borrowed.chain(added).chain(hash_label.map(|label| (label, &*hash))));
        let owner = Some(owner_of_pods(self.kind, &self.name, &hash));
        let shape = Shape {
            spec: Arc::new(PodSpec { owner, ..PodSpec::clone(&other.shape.spec) }),
            labels: Arc::new(labels),
            ..Shape::clone(&other.shape)
        };
        Self { shape: Arc::new(shape), template_hash: hash, borrowed: None, ..self.clone() }
    }
}

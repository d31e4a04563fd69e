//! Which workloads are run, and with which template.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::Wanted;
use crate::source::manifests::workloads::{Workload, WorkloadKind, WorkloadRef};

/// A workload's namespace, kind and name.
type Id<'m> = (&'m str, WorkloadKind, &'m str);

/// The workloads that stand for Pods which are not in the manifests.
#[derive(Debug)]
pub(super) struct Running<'m> {
    /// Those that are run, each with its template.
    pub(super) workloads: Vec<Cow<'m, Workload>>,
    /// Rollouts that refer to a template which is not in the manifests.
    pub(super) unresolved: Vec<&'m Workload>,
}

/// Chooses the workloads to run. A workload to which a Rollout refers gives its template to the Rollout and has no Pods
/// of its own, as Argo Rollouts asks for; with `scaleDown: never` it keeps them.
pub(super) fn running<'m>(wanted: &Wanted<'m>) -> Running<'m> {
    let by_id: HashMap<Id<'_>, &Workload> = wanted.workloads.iter().map(|w| (id(w), *w)).collect();
    let mut taken_over: HashSet<Id<'_>> = HashSet::new();
    for rollout in &wanted.workloads {
        if let Some(WorkloadRef { workload: Some((kind, name)), keeps_pods: false }) = &rollout.borrowed {
            taken_over.insert((rollout.name.namespace.as_str(), *kind, name.as_str()));
        }
    }
    let mut running = Running { workloads: Vec::new(), unresolved: Vec::new() };
    for workload in not_in_manifests(wanted) {
        let Some(WorkloadRef { workload: reference, .. }) = &workload.borrowed else {
            if !taken_over.contains(&id(workload)) {
                running.workloads.push(Cow::Borrowed(workload));
            }
            continue;
        };
        let other = reference.as_ref();
        match other
            .and_then(|(kind, name)| by_id.get(&(workload.name.namespace.as_str(), *kind, name.as_str())))
        {
            Some(other) => running.workloads.push(Cow::Owned(workload.with_template_of(other))),
            None => running.unresolved.push(workload),
        }
    }
    running
}

fn id(workload: &Workload) -> Id<'_> {
    (workload.name.namespace.as_str(), workload.kind, workload.name.name.as_str())
}

/// The workloads that stand for Pods which are not in the manifests already. In the dump of a cluster all of
/// them are: a Deployment with its ReplicaSet with its Pods.
fn not_in_manifests<'m>(wanted: &Wanted<'m>) -> Vec<&'m Workload> {
    let owner = |w: &'m Workload| {
        w.owner.as_ref().map(|(kind, name)| (w.name.namespace.as_str(), *kind, name.as_str()))
    };
    let known: HashSet<Id<'_>> = wanted.workloads.iter().copied().map(id).collect();
    let mut running: HashSet<Id<'_>> = HashSet::new();
    for (name, pod) in &wanted.pods {
        running
            .extend(pod.owner.as_ref().map(|(kind, owner)| (name.namespace.as_str(), *kind, owner.as_str())));
        // `kubectl get deployments,pods` leaves out the ReplicaSet between the two, which is called after both.
        let replica_set = pod.owner.as_ref().filter(|(kind, _)| *kind == WorkloadKind::ReplicaSet);
        if let Some((deployment, _)) = replica_set.and_then(|(_, name)| name.as_str().rsplit_once('-')) {
            for kind in [WorkloadKind::Deployment, WorkloadKind::Rollout] {
                running.extend(known.get(&(name.namespace.as_str(), kind, deployment)).copied());
            }
        }
    }
    let of_running = |w: &&&'m Workload| running.contains(&id(w));
    let above: Vec<_> = wanted.workloads.iter().filter(of_running).filter_map(|w| owner(w)).collect();
    running.extend(above);
    let is_owned = |w: &'m Workload| owner(w).is_some_and(|owner| known.contains(&owner));
    wanted.workloads.iter().copied().filter(|w| !running.contains(&id(w)) && !is_owned(w)).collect()
}

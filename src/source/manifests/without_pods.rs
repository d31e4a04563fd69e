//! Reports the workloads whose Pods are not among the objects, and the Services that would select those Pods.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    controllers::{Outcome, Wanted},
    items::Key,
    services::Selecting,
};
use crate::{
    listed::listed,
    model::{LabelSet, Name, NsName, Reason},
    source::{Finding, Location, NoPods, WithoutPods},
};

/// The kind whose Pods are only made where a Node fits.
const DAEMON_SET: &str = "DaemonSet";

/// Services named in one message; further ones are only counted.
const MAX_LISTED_SERVICES: usize = 3;

/// Returns the workloads without Pods, and a finding for each of them whose Pods a Service would select.
pub(super) fn report(
    wanted: &Wanted<'_>,
    outcome: &Outcome,
    location: impl Fn(&Key) -> Option<Location>,
) -> (Vec<WithoutPods>, Vec<Finding>) {
    let without_pods = collect(wanted, outcome, location);
    let services = Services::new(wanted, outcome);
    let findings = without_pods.iter().filter_map(|workload| match &workload.cause {
        NoPods::NotSimulated => services.finding(workload),
        NoPods::NoReplicas => None,
        NoPods::Unschedulable(why) => unschedulable(workload, why),
    });
    let findings = findings.collect();
    (without_pods, findings)
}

fn collect(
    wanted: &Wanted<'_>,
    outcome: &Outcome,
    location: impl Fn(&Key) -> Option<Location>,
) -> Vec<WithoutPods> {
    // The dump of a cluster has the Pods beside what created them.
    let mut has_pods = HashSet::new();
    for (name, pod) in &wanted.pods {
        has_pods
            .extend(pod.shape.spec.owner.as_ref().map(|owner| (&name.namespace, &*owner.kind, &owner.name)));
    }
    let mut found = BTreeMap::new();
    for (location, unsimulated) in &wanted.unsimulated {
        let kind = unsimulated.kind.split('.').next().unwrap_or_default();
        if has_pods.contains(&(&unsimulated.name.namespace, kind, &unsimulated.name.name)) {
            continue;
        }
        let workload = WithoutPods {
            kind: unsimulated.kind.clone(),
            name: unsimulated.name.clone(),
            templates: unsimulated.templates.clone(),
            cause: NoPods::NotSimulated,
            location: location.clone(),
        };
        found.insert((workload.kind.clone(), workload.name.clone()), workload);
    }
    let idle = outcome.idle.iter().map(|(key, labels)| (key, vec![labels.clone()], NoPods::NoReplicas));
    let unresolved = outcome.unresolved.iter().map(|key| (key, Vec::new(), NoPods::NotSimulated));
    let unscheduled = outcome.unscheduled.iter();
    let unscheduled =
        unscheduled.map(|(key, labels, why)| (key, vec![labels.clone()], NoPods::Unschedulable(why.clone())));
    for (key, templates, cause) in idle.chain(unresolved).chain(unscheduled) {
        let (Key::Workload(kind, name), Some(location)) = (key, location(key)) else { continue };
        let workload = WithoutPods { kind: kind.to_string(), name: name.clone(), templates, cause, location };
        found.insert((workload.kind.clone(), workload.name.clone()), workload);
    }
    found.into_values().collect()
}

/// The finding about a workload whose Pods fit no Node. A DaemonSet is none: it has no Pods to wait for a Node.
fn unschedulable(workload: &WithoutPods, why: &str) -> Option<Finding> {
    let WithoutPods { kind, name, location, .. } = workload;
    (kind != DAEMON_SET).then(|| Finding {
        reason: Reason::Unschedulable,
        object: Some(format!("{kind} {name}")),
        location: location.clone(),
        message: format!(
            "its Pods fit no Node ({why}): in a cluster they stay pending, so none is simulated and no endpoint comes from \
             them; correct the Pod template, or the Nodes"
        ),
    })
}

/// A namespace, and a label's key and value.
type Label<'m> = (&'m Name, &'m str, &'m str);

/// The Services with a selector.
struct Services<'m> {
    /// By the first label of the selector, which what they select has to have.
    by_label: HashMap<Label<'m>, Vec<(&'m NsName, &'m Selecting)>>,
    /// Those that select no Pod, by their namespace.
    without_pods: HashMap<&'m Name, Vec<&'m NsName>>,
}

impl<'m> Services<'m> {
    fn new(wanted: &Wanted<'m>, outcome: &'m Outcome) -> Self {
        let mut services = Self { by_label: HashMap::new(), without_pods: HashMap::new() };
        for (name, selecting) in &wanted.services {
            let Some((key, value)) = selecting.selector.first_key_value() else { continue };
            services.by_label.entry((&name.namespace, key, value)).or_default().push((name, selecting));
        }
        for name in &outcome.without_pods {
            services.without_pods.entry(&name.namespace).or_default().push(name);
        }
        services
    }

    /// The Services that select Pods with these labels.
    fn selecting(&self, namespace: &Name, labels: &LabelSet) -> Vec<&'m NsName> {
        let with_label = labels.iter().filter_map(|(key, value)| self.by_label.get(&(namespace, key, value)));
        let services = with_label.flatten().filter(|(_, selecting)| selecting.selects(|key| labels.get(key)));
        services.map(|(name, _)| *name).collect()
    }

    /// The finding about a workload of a kind that is not simulated, if a Service would select its Pods.
    fn finding(&self, workload: &WithoutPods) -> Option<Finding> {
        let WithoutPods { kind, name, templates, cause: _, location } = workload;
        let mut services: Vec<_> = if templates.is_empty() {
            self.without_pods.get(&name.namespace).cloned().unwrap_or_default()
        } else {
            templates.iter().flat_map(|labels| self.selecting(&name.namespace, labels)).collect()
        };
        services.sort();
        services.dedup();
        if services.is_empty() {
            return None;
        }
        let listed = listed(services, MAX_LISTED_SERVICES);
        let effect = if templates.is_empty() {
            format!("nor are their labels, by which these Services may select them: {listed}")
        } else {
            format!("and these Services that select them get no endpoints from it: {listed}")
        };
        Some(Finding {
            reason: Reason::PodsUnknown,
            object: Some(format!("{kind} {name}")),
            location: location.clone(),
            message: format!(
                "its Pods are not known in a folder, {effect}; add the Pods or EndpointSlices to the folder, or \
                 serve the cluster"
            ),
        })
    }
}

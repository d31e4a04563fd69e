//! For a selector that matches no Pod: which Pods its author may have meant.

use std::collections::BTreeSet;

use crate::{
    cluster::{Cluster, Template, is_own},
    listed::listed,
    model::{Kind, LabelSet, Name, OwnerRef, Pod},
    nearest::nearest,
};

/// Templates of a namespace that a selector is compared with, in the order of their labels; further ones are ignored. A
/// comparison takes about a microsecond.
const MAX_COMPARED: usize = 1000;

/// Templates of other namespaces that a selector is matched with; further ones are ignored.
const MAX_ELSEWHERE: usize = 10_000;

/// Values of a label that are listed.
const MAX_VALUES: usize = 5;

/// Labels that a selector may have meant, and whose they are.
struct Candidate<'a> {
    labels: &'a LabelSet,
    /// `Deployment web`.
    owner: String,
}

/// How a label of a selector differs from those of a Pod. The smallest is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// It is the same label.
    None,
    /// The key or the value is misspelled.
    Misspelled,
    /// The key has another value.
    OtherValue,
    /// The key is missing.
    Missing,
}

/// Pods that the author of a selector may have meant.
pub(super) struct Similar {
    /// `nearest: app=web of Deployment web`, or which labels there are instead.
    pub(super) text: String,
    /// Whether the selector is most likely a mistake: a typing error, or the wrong namespace.
    pub(super) is_meant: bool,
}

/// Returns the Pods that a selector of this namespace most likely means; `None` if nothing is similar.
pub(super) fn similar(cluster: &Cluster, namespace: &Name, selector: &LabelSet) -> Option<Similar> {
    let in_namespace = candidates(cluster, namespace);
    similar_of(&in_namespace, "Pod", selector, || elsewhere(cluster, namespace, selector))
}

/// Returns the ExternalWorkloads that a selector of this namespace most likely means; `None` if nothing is similar.
pub(super) fn similar_workloads(cluster: &Cluster, namespace: &Name, selector: &LabelSet) -> Option<Similar> {
    let workloads = cluster.workloads_in(namespace).take(MAX_COMPARED);
    let candidates = workloads.map(|workload| {
        let owner = format!("{} {}", Kind::ExternalWorkload, workload.name.name);
        Candidate { labels: &workload.labels, owner }
    });
    let in_namespace: Vec<_> = candidates.collect();
    similar_of(&in_namespace, "ExternalWorkload", selector, || None)
}

/// The same among these candidates of a kind, where `elsewhere` looks in other namespaces.
fn similar_of(
    in_namespace: &[Candidate<'_>],
    kind: &str,
    selector: &LabelSet,
    elsewhere: impl FnOnce() -> Option<String>,
) -> Option<Similar> {
    // Without a label that Pods share, a selector means none of them more than others.
    if selector.iter().all(|(key, _)| is_own(key)) {
        return None;
    }
    let compared: Vec<_> = in_namespace.iter().map(|one| (compare(selector, one.labels), one)).collect();
    let nearest_of = |is_fit: fn(&[Found<'_>]) -> bool| {
        let fit = compared.iter().filter(|(found, _)| is_fit(found));
        let nearest = fit.min_by_key(|(found, one)| (cost(found), one.labels, &one.owner))?;
        let (found, Candidate { owner, .. }) = nearest;
        let labels = found.iter().filter(|found| found.difference > Difference::None);
        let labels: Vec<_> =
            labels.filter_map(|found| found.instead).map(|(k, v)| format!("{k}={v}")).collect();
        Some(format!("nearest: {} of {owner}", labels.join(",")))
    };
    let meant = nearest_of(is_misspelled).or_else(elsewhere);
    let is_meant = meant.is_some();
    let other = || nearest_of(has_another_value).or_else(|| values(in_namespace, kind, selector));
    Some(Similar { text: meant.or_else(other)?, is_meant })
}

fn is_misspelled(found: &[Found<'_>]) -> bool {
    found.iter().all(|found| found.difference <= Difference::Misspelled)
}

/// Labels of which one is the same are of the same application.
fn has_another_value(found: &[Found<'_>]) -> bool {
    found.iter().any(|found| found.difference == Difference::None)
        && found.iter().all(|found| found.difference <= Difference::OtherValue)
}

fn cost(found: &[Found<'_>]) -> (usize, usize) {
    let count = |difference| found.iter().filter(|found| found.difference == difference).count();
    (count(Difference::OtherValue), count(Difference::Misspelled))
}

fn candidates<'a>(cluster: &'a Cluster, namespace: &Name) -> Vec<Candidate<'a>> {
    let of_pods = cluster
        .templates(namespace)
        .map(|template| Candidate { labels: &template.labels, owner: owner(template) });
    let without_pods = cluster.without_pods().iter().filter(|workload| workload.name.namespace == *namespace);
    let of_workloads = without_pods.flat_map(|workload| {
        let owner = format!("{} {}", workload.kind, workload.name.name);
        workload.templates.iter().map(move |labels| Candidate { labels, owner: owner.clone() })
    });
    of_pods.chain(of_workloads).take(MAX_COMPARED).collect()
}

/// Returns the owner of a template of Pods, as a user wrote it: of a ReplicaSet's Pods it is the Deployment, if the names say
/// so.
pub(super) fn owner(template: &Template) -> String {
    let Some(OwnerRef { kind, name }) = &template.spec.owner else { return "a Pod".to_owned() };
    let above = |label: &str, kind: &str| {
        let deployment = name.as_str().strip_suffix(template.labels.get(label)?)?.strip_suffix('-')?;
        Some(format!("{kind} {deployment}"))
    };
    let rollout = || above("rollouts-pod-template-hash", "Rollout");
    let above = if &**kind == "ReplicaSet" {
        above("pod-template-hash", "Deployment").or_else(rollout)
    } else {
        None
    };
    above.unwrap_or_else(|| format!("{kind} {name}"))
}

/// A label of a selector beside what a Pod has.
struct Found<'a> {
    difference: Difference,
    /// The label that the Pod has instead.
    instead: Option<(&'a str, &'a str)>,
}

/// Compares each label of a selector with those of a Pod.
fn compare<'a>(selector: &LabelSet, labels: &'a LabelSet) -> Vec<Found<'a>> {
    let own = |(key, _): &(&str, &str)| !Pod::OWN_LABELS.contains(key);
    selector.iter().filter(own).map(|(key, value)| compare_label(key, value, labels)).collect()
}

fn compare_label<'a>(key: &str, value: &str, labels: &'a LabelSet) -> Found<'a> {
    let has = labels.iter().find(|(other, _)| *other == key);
    match has {
        Some((_, other)) if other == value => Found { difference: Difference::None, instead: has },
        Some((_, other)) if nearest(value, [other]).is_some() => {
            Found { difference: Difference::Misspelled, instead: has }
        }
        Some(_) => Found { difference: Difference::OtherValue, instead: has },
        None => {
            let same_value = || labels.iter().filter(|(_, other)| *other == value);
            let key = nearest(key, same_value().map(|(key, _)| key));
            match same_value().find(|(other, _)| Some(*other) == key) {
                None => Found { difference: Difference::Missing, instead: None },
                instead => Found { difference: Difference::Misspelled, instead },
            }
        }
    }
}

/// Another namespace that has Pods with these labels.
fn elsewhere(cluster: &Cluster, namespace: &Name, selector: &LabelSet) -> Option<String> {
    let others = cluster.namespaces_with_pods().filter(|other| *other != namespace);
    let all = others.flat_map(|other| cluster.templates(other).map(move |template| (other, template)));
    let (other, found) = all.take(MAX_ELSEWHERE).find(|(_, template)| selects(selector, &template.labels))?;
    // Templates with the same labels come in no particular order.
    let same = cluster.templates(other).filter(|template| template.labels == found.labels);
    let owner = same.map(owner).min()?;
    Some(format!("{owner} of namespace {other} has these labels"))
}

/// The values that there are of the selector's first label.
fn values(candidates: &[Candidate<'_>], kind: &str, selector: &LabelSet) -> Option<String> {
    let (key, _) = selector.iter().next()?;
    let values: BTreeSet<_> = candidates.iter().filter_map(|one| one.labels.get(key)).collect();
    if values.is_empty() {
        return (!candidates.is_empty()).then(|| format!("no {kind} there has a label {key}"));
    }
    let labels = values.iter().map(|value| format!("{key}={value}"));
    Some(format!("{kind}s there have {}", listed(labels, MAX_VALUES)))
}

/// Whether a selector matches Pods with these labels, as far as templates tell: labels that each Pod has for itself are
/// not looked at.
pub(super) fn selects(selector: &LabelSet, labels: &LabelSet) -> bool {
    let mut shared = selector.iter().filter(|(key, _)| !Pod::OWN_LABELS.contains(key));
    // Both are sorted by key.
    let mut labels = labels.iter();
    shared.all(|wanted| labels.find(|(key, _)| *key >= wanted.0) == Some(wanted))
}

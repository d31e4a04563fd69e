//! Rules for a Node, and for the node affinity of a Pod.

use std::collections::HashSet;

use crate::source::convert::read::At;

use super::super::{
    Faults,
    names::{LABEL_VALUE, QUALIFIED, one_of},
};

/// Effects of taints.
pub(super) const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Checks `spec` of a Node.
pub(super) fn check(spec: &At<'_, '_>, faults: &mut Faults) {
    let mut seen = HashSet::new();
    for taint in spec.field("taints").list() {
        let (key, effect) = (taint.field("key"), taint.field("effect"));
        QUALIFIED.check_required(&key, faults);
        LABEL_VALUE.check(&taint.field("value"), faults);
        one_of(&effect, &EFFECTS, faults);
        if effect.str().is_empty() {
            faults.add(effect.wrong(&format!("one of {}", EFFECTS.join(", "))));
        }
        if !seen.insert((key.str(), effect.str())) {
            let (key, effect) = (key.str(), effect.str());
            faults.add(taint.reject(format!("expected each taint once, found {key}:{effect} again")));
        }
    }
}

/// Checks the required node affinity of a Pod's `spec`.
pub(super) fn affinity(spec: &At<'_, '_>, faults: &mut Faults) {
    let affinity = spec.field("affinity");
    let affinity = affinity.field("nodeAffinity");
    let required = affinity.field("requiredDuringSchedulingIgnoredDuringExecution");
    let terms = required.field("nodeSelectorTerms");
    if required.value().is_object() && terms.list().next().is_none() {
        faults.add(terms.wrong("at least one term"));
    }
    for term in terms.list() {
        for requirement in term.field("matchExpressions").list() {
            QUALIFIED.check_required(&requirement.field("key"), faults);
            expression(&requirement, faults);
        }
        for requirement in term.field("matchFields").list() {
            field(&requirement, faults);
        }
    }
}

/// Checks operator and values of a requirement on a label.
fn expression(at: &At<'_, '_>, faults: &mut Faults) {
    let (operator, values) = (at.field("operator"), at.field("values"));
    let count = values.list().count();
    match operator.str() {
        "In" | "NotIn" if count == 0 => faults.add(values.wrong("at least one value")),
        "Gt" | "Lt" if count != 1 => {
            faults.add(values.reject(format!("expected one value with the operator {}", operator.str())));
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            faults.add(values.reject(format!("expected no value with the operator {}", operator.str())));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => faults.add(operator.wrong("one of In, NotIn, Exists, DoesNotExist, Gt, Lt")),
    }
    for value in values.list() {
        LABEL_VALUE.check(&value, faults);
    }
}

/// Checks a requirement on a field of the Node, which can only be its name.
fn field(at: &At<'_, '_>, faults: &mut Faults) {
    let (key, operator, values) = (at.field("key"), at.field("operator"), at.field("values"));
    if key.str() != "metadata.name" {
        faults.add(key.wrong("metadata.name"));
    }
    if !matches!(operator.str(), "In" | "NotIn") {
        faults.add(operator.wrong("one of In, NotIn"));
    }
    if values.list().count() != 1 {
        faults.add(values.reject("expected one value"));
    }
}

//! Rules for what makes Pods.

use crate::source::convert::read::{At, found};

use super::{
    super::{
        Faults,
        names::{LABEL, in_range, labels, one_of},
    },
    metadata,
    pod::{self, Of},
};

/// Checks the spec of a Deployment, ReplicaSet, StatefulSet or DaemonSet.
pub(super) fn check(kind: &str, spec: &At<'_, '_>, faults: &mut Faults) {
    let (selector, template) = (spec.field("selector"), spec.field("template"));
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        in_range(&spec.field(field), 0..=i64::MAX, faults);
    }
    metadata::selector(&selector, faults);
    let (exact, expressions) = (selector.field("matchLabels"), selector.field("matchExpressions"));
    if selector.is_absent() {
        faults.add(selector.wrong("a selector that matches the labels of the template"));
    } else if exact.entries().next().is_none() && expressions.list().next().is_none() {
        faults.add(
            selector
                .reject("expected a selector that matches the labels of the template, found an empty one"),
        );
    }
    let metadata = template.field("metadata");
    let labels = metadata.field("labels");
    let is_of_label = |at: At<'_, '_>| match at.field("operator").str() {
        "In" => at
            .field("values")
            .list()
            .any(|value| labels.value().get(at.field("key").str()) == Some(value.value())),
        "NotIn" => !at
            .field("values")
            .list()
            .any(|value| labels.value().get(at.field("key").str()) == Some(value.value())),
        "Exists" => labels.value().get(at.field("key").str()).is_some(),
        _ => labels.value().get(at.field("key").str()).is_none(),
    };
    matches_template(&selector, &exact, &labels, faults);
    if !expressions.list().all(is_of_label) {
        faults.add(
            expressions.reject("does not match the labels of the template (spec.template.metadata.labels)"),
        );
    }
    let has_claims = spec.field("volumeClaimTemplates").list().next().is_some();
    pod::template(&template, Of::Template { has_claims }, faults);
    match kind {
        "Deployment" => deployment(spec, faults),
        "StatefulSet" => {
            LABEL.check(&spec.field("serviceName"), faults);
            one_of(&spec.field("podManagementPolicy"), &["OrderedReady", "Parallel"], faults);
            one_of(&spec.field("updateStrategy").field("type"), &["RollingUpdate", "OnDelete"], faults);
            in_range(&spec.field("ordinals").field("start"), 0..=i64::MAX, faults);
        }
        "DaemonSet" => {
            one_of(&spec.field("updateStrategy").field("type"), &["RollingUpdate", "OnDelete"], faults);
        }
        _ => {}
    }
}

/// Reports labels of a selector that the template does not have.
fn matches_template(selector: &At<'_, '_>, exact: &At<'_, '_>, labels: &At<'_, '_>, faults: &mut Faults) {
    let missing: Vec<_> = exact
        .entries()
        .filter(|(key, value)| labels.field(key).str() != value.str() || labels.value().get(key).is_none())
        .map(|(key, value)| format!("{key}={}", value.str()))
        .collect();
    if let Some(first) = missing.first() {
        let more = if missing.len() > 1 { " and others" } else { "" };
        faults.add(selector.reject(format!(
            "does not match the labels of its template (spec.template.metadata.labels), which lack {}{more}",
            found(&first.as_str().into()).trim_matches('"')
        )));
    }
}

fn deployment(spec: &At<'_, '_>, faults: &mut Faults) {
    let strategy = spec.field("strategy");
    one_of(&strategy.field("type"), &["Recreate", "RollingUpdate"], faults);
    let rolling = strategy.field("rollingUpdate");
    if strategy.field("type").str() == "Recreate" && !rolling.is_absent() {
        faults.add(rolling.reject("expected nothing, as the strategy is Recreate"));
    }
    let mut are_zero = !rolling.is_absent();
    for field in ["maxUnavailable", "maxSurge"] {
        let at = rolling.field(field);
        let percent = at.str().strip_suffix('%').map(|number| number.parse::<u32>());
        match (at.value().as_str(), &percent) {
            (Some(_), None | Some(Err(_))) => {
                faults.add(at.wrong("a whole number or a percentage such as 25%"));
            }
            (Some(_), Some(Ok(percent))) if field == "maxUnavailable" && *percent > 100 => {
                faults.add(at.wrong("at most 100%"));
            }
            _ => in_range(&at, 0..=i64::MAX, faults),
        }
        are_zero &= at.int() == Some(0) || matches!(percent, Some(Ok(0)));
    }
    if are_zero {
        faults.add(rolling.field("maxUnavailable").reject("expected more than 0, as maxSurge is 0"));
    }
    let (ready, deadline) = (spec.field("minReadySeconds"), spec.field("progressDeadlineSeconds"));
    if deadline.int().unwrap_or(600) <= ready.int().unwrap_or(0) {
        faults.add(deadline.reject("expected more seconds than minReadySeconds has"));
    }
}

/// Checks the spec of a ReplicationController, whose selector is that of its template if it has none.
pub(super) fn controller(spec: &At<'_, '_>, faults: &mut Faults) {
    let (selector, template) = (spec.field("selector"), spec.field("template"));
    for field in ["replicas", "minReadySeconds"] {
        in_range(&spec.field(field), 0..=i64::MAX, faults);
    }
    labels(&selector, faults);
    if template.is_absent() {
        return faults.add(template.wrong("a template of Pods"));
    }
    let metadata = template.field("metadata");
    let labels = metadata.field("labels");
    if selector.entries().chain(labels.entries()).next().is_none() {
        faults.add(selector.wrong("a selector, as the template has no labels"));
    }
    matches_template(&selector, &selector, &labels, faults);
    pod::template(&template, Of::Template { has_claims: false }, faults);
}

/// Checks the spec of a Job.
pub(super) fn job(spec: &At<'_, '_>, faults: &mut Faults) {
    for field in
        ["parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"]
    {
        in_range(&spec.field(field), 0..=i64::MAX, faults);
    }
    one_of(&spec.field("completionMode"), &["NonIndexed", "Indexed"], faults);
    metadata::selector(&spec.field("selector"), faults);
    pod::template(&spec.field("template"), Of::Job, faults);
}

//! Rules for the spec of a Pod, and of a template of Pods.

use std::collections::HashSet;

use crate::source::convert::read::At;

use super::{
    super::{
        Faults,
        names::{LABEL, SUBDOMAIN, in_range, labels, one_of},
    },
    container::{self, Role},
    metadata, node, unique,
};

/// What a spec belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A Pod.
    Pod,
    /// A template of Pods that run on; the value says whether names of volumes may come from elsewhere.
    Template { has_claims: bool },
    /// A template of Pods that end.
    Job,
}

/// Checks a template of Pods.
pub(super) fn template(at: &At<'_, '_>, of: Of, faults: &mut Faults) {
    metadata::template(&at.field("metadata"), faults);
    let spec = at.field("spec");
    check(&spec, of, faults);
    let policy = spec.field("restartPolicy");
    match (of, policy.str()) {
        (Of::Job, "" | "Always") => faults.add(policy.wrong("one of OnFailure, Never")),
        (Of::Template { .. }, "OnFailure" | "Never") => faults.add(policy.wrong("Always")),
        _ => {}
    }
    let deadline = spec.field("activeDeadlineSeconds");
    if matches!(of, Of::Template { .. }) && !deadline.is_absent() {
        faults.add(deadline.reject("expected nothing in the template of Pods that run on"));
    }
    if spec.field("ephemeralContainers").list().next().is_some() {
        faults.add(spec.field("ephemeralContainers").reject("expected none in a template"));
    }
}

/// Checks `spec`.
pub(super) fn check(spec: &At<'_, '_>, of: Of, faults: &mut Faults) {
    let (containers, first) = (spec.field("containers"), spec.field("initContainers"));
    if containers.list().next().is_none() {
        faults.add(containers.wrong("a list of at least one container"));
    }
    let volumes = volumes(&spec.field("volumes"), faults);
    let knows = |name: &str| of == Of::Template { has_claims: true } || volumes.contains(name);
    let is_on_host = spec.field("hostNetwork").value() == true;
    let mut names = HashSet::new();
    for (list, role) in [(&containers, Role::Main), (&first, Role::Init)] {
        for at in list.list() {
            let name = at.field("name");
            if !name.str().is_empty() && !names.insert(name.str()) {
                faults.add(
                    name.reject(format!("expected each container's name once, found {:?} again", name.str())),
                );
            }
            container::check(&at, role, is_on_host, &knows, faults);
        }
    }
    one_of(&spec.field("restartPolicy"), &["Always", "OnFailure", "Never"], faults);
    let dns = spec.field("dnsPolicy");
    one_of(&dns, &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], faults);
    let config = spec.field("dnsConfig");
    if dns.str() == "None" && config.field("nameservers").list().next().is_none() {
        faults.add(config.reject("expected at least one of nameservers, as dnsPolicy is None"));
    }
    labels(&spec.field("nodeSelector"), faults);
    for (field, form) in [
        ("hostname", LABEL),
        ("subdomain", LABEL),
        ("nodeName", SUBDOMAIN),
        ("serviceAccountName", SUBDOMAIN),
        ("priorityClassName", SUBDOMAIN),
        ("runtimeClassName", SUBDOMAIN),
    ] {
        // A StatefulSet sets both for each of its Pods.
        form.check(&spec.field(field), faults);
    }
    one_of(&spec.field("preemptionPolicy"), &["PreemptLowerPriority", "Never"], faults);
    in_range(&spec.field("activeDeadlineSeconds"), 1..=i64::from(i32::MAX), faults);
    node::affinity(spec, faults);
    for toleration in spec.field("tolerations").list() {
        let (operator, value, key) =
            (toleration.field("operator"), toleration.field("value"), toleration.field("key"));
        one_of(&operator, &["Exists", "Equal", "Lt", "Gt"], faults);
        one_of(&toleration.field("effect"), &node::EFFECTS, faults);
        if operator.str() == "Exists" && !value.str().is_empty() {
            faults.add(value.reject("expected no value with the operator Exists"));
        }
        if key.str().is_empty() && operator.str() != "Exists" {
            faults.add(key.wrong("a key, as the operator is not Exists"));
        }
    }
}

/// Checks the volumes and returns their names.
fn volumes<'v>(volumes: &At<'_, 'v>, faults: &mut Faults) -> HashSet<&'v str> {
    unique(volumes, "name", faults);
    let mut names = HashSet::new();
    for volume in volumes.list() {
        let name = volume.field("name");
        LABEL.check_required(&name, faults);
        names.insert(name.str());
        let sources: Vec<_> =
            volume.entries().filter(|(field, at)| *field != "name" && !at.is_absent()).collect();
        if let [_, (field, at), ..] = sources.as_slice() {
            faults.add(at.reject(format!("expected one source of the volume, found {field} as well")));
        }
        for (source, field) in [
            ("hostPath", "path"),
            ("secret", "secretName"),
            ("persistentVolumeClaim", "claimName"),
            ("configMap", "name"),
        ] {
            let parent = volume.field(source);
            let at = parent.field(field);
            if parent.value().is_object() && at.str().is_empty() {
                faults.add(at.wrong("a string that is not empty"));
            }
        }
    }
    names
}

//! Which kind of ours an object is meant to be, by its `apiVersion` and `kind`.
//!
//! A kind that is none of ours is skipped in silence, as most in a folder are. A slip must not look like that: one
//! letter in the wrong case makes a TrafficSplit that splits nothing. So what is nearly ours is taken for it, and
//! of no use: the version, the case of the kind, or the group of a kind that only one group is known to have.

use serde_json::Value;

use super::workloads::WorkloadKind;
use crate::{
    model::Kind,
    source::convert::{self, Rejection, read::At},
};

/// A kind that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    /// One that stands for Pods.
    Workload(WorkloadKind),
    /// One of the model's.
    Object(Kind),
}

/// What an object is meant to be.
#[derive(Debug)]
pub(super) struct Meant {
    /// The kind.
    pub(super) ours: Ours,
    /// Why nothing of that kind can be read all the same, if so.
    pub(super) wrong: Option<Rejection>,
    /// It may as well be a kind of somebody else's, so that it must not stand in for one that surely is ours.
    pub(super) is_guess: bool,
}

/// What an object is meant to be; `None` if it is of no concern here, so that it need not even have a name.
pub(super) fn meant(api_version: &str, kind: &str) -> Option<Meant> {
    if let Some(ours) = exactly(api_version, kind) {
        return Some(Meant { ours, wrong: removed(api_version), is_guess: false });
    }
    let (ours, name) = in_any_case(kind)?;
    let is_exact = name == kind;
    let (understood, is_our_group) = match ours {
        Ours::Workload(_) => (name.as_str(), exactly(api_version, &name).is_some()),
        Ours::Object(kind) => {
            let (group, versions, is_only_ours) = home(kind);
            (versions, group == group_of(api_version) || is_only_ours)
        }
    };
    if !is_our_group {
        return None;
    }
    let (path, found, right) =
        if is_exact { ("apiVersion", api_version, understood) } else { ("kind", kind, name.as_str()) };
    let rejection = At::root(&Value::from(found)).wrong(right);
    let is_guess = match ours {
        Ours::Object(kind) => !is_exact || home(kind).0 != group_of(api_version),
        Ours::Workload(_) => true,
    };
    Some(Meant { ours, wrong: Some(Rejection { path: path.into(), ..rejection }), is_guess })
}

/// Versions of built-in kinds that API servers served once, the version that took their place, and the version of
/// Kubernetes that removed them.
const REMOVED: [(&str, &str, &str); 5] = [
    ("extensions/v1beta1", "apps/v1", "1.16"),
    ("apps/v1beta1", "apps/v1", "1.16"),
    ("apps/v1beta2", "apps/v1", "1.16"),
    ("batch/v1beta1", "batch/v1", "1.25"),
    ("discovery.k8s.io/v1beta1", "discovery.k8s.io/v1", "1.25"),
];

/// Why an object of one of our kinds is refused for its version, if it is.
fn removed(api_version: &str) -> Option<Rejection> {
    let (_, right, since) = REMOVED.into_iter().find(|(removed, ..)| *removed == api_version)?;
    let message = format!("expected {right}, found {api_version:?}, which Kubernetes {since} removed");
    Some(Rejection { path: "apiVersion".into(), message })
}

/// How a kind that is skipped is called: with its group if ours has the same name, as Knative's Service has.
pub(super) fn foreign(api_version: &str, kind: &str) -> String {
    let is_ours = exactly(api_version, kind).is_none() && in_any_case(kind).is_some();
    match api_version.split_once('/') {
        Some((group, _)) if is_ours => format!("{kind}.{group}"),
        _ => kind.to_owned(),
    }
}

fn exactly(api_version: &str, kind: &str) -> Option<Ours> {
    let workload = WorkloadKind::of(api_version, kind).map(Ours::Workload);
    workload.or_else(|| convert::kind_of(api_version, kind).map(Ours::Object))
}

/// One of our kinds, and how it is written.
fn in_any_case(kind: &str) -> Option<(Ours, String)> {
    let workloads = WorkloadKind::ALL.into_iter().map(|kind| (Ours::Workload(kind), kind.to_string()));
    let objects = Kind::ALL.into_iter().map(|kind| (Ours::Object(kind), kind.as_str().to_owned()));
    workloads.chain(objects).find(|(_, name)| name.eq_ignore_ascii_case(kind))
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The group of a kind, its versions that are understood, and whether the kind is known of that group alone: one
/// of that name in another group is more likely a slip than somebody else's.
fn home(kind: Kind) -> (&'static str, &'static str, bool) {
    match kind {
        Kind::TrafficSplit => ("split.smi-spec.io", "split.smi-spec.io/v1alpha1 to v1alpha4", true),
        Kind::ServiceProfile => ("linkerd.io", "linkerd.io/v1alpha2", true),
        Kind::Server => ("policy.linkerd.io", "policy.linkerd.io/v1alpha1 to v1beta3", false),
        Kind::ExternalWorkload => ("workload.linkerd.io", "workload.linkerd.io/v1alpha1 or v1beta1", true),
        Kind::EndpointSlice => ("discovery.k8s.io", "discovery.k8s.io/v1", false),
        Kind::Job => ("batch", "batch/v1", false),
        Kind::ReplicaSet => ("apps", "apps/v1", false),
        Kind::Service | Kind::Endpoints | Kind::Pod | Kind::Node => ("", "v1", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(api_version: &str, kind: &str, expect: Option<&str>) {
        let wrong = meant(api_version, kind).map(|meant| meant.wrong.expect("not one of ours").to_string());
        assert_eq!(wrong.as_deref(), expect, "{api_version} {kind}");
    }

    #[test]
    fn a_kind_in_another_case_is_a_slip() {
        let split = "split.smi-spec.io/v1alpha2";
        check(split, "Trafficsplit", Some("kind: expected TrafficSplit, found \"Trafficsplit\""));
        check("v1", "service", Some("kind: expected Service, found \"service\""));
        check("apps/v1", "deployment", Some("kind: expected Deployment, found \"deployment\""));
        check("batch/v1", "JOB", Some("kind: expected Job, found \"JOB\""));
        check("serving.knative.dev/v1", "service", None);
        check("example.com/v1", "deployment", None);
    }

    #[test]
    fn a_kind_of_one_group_alone_is_a_slip_in_another() {
        let message =
            |right: &str, found: &str| Some(format!("apiVersion: expected {right}, found \"{found}\""));
        for (api_version, kind, right) in [
            ("split.smi-sepc.io/v1alpha2", "TrafficSplit", "split.smi-spec.io/v1alpha1 to v1alpha4"),
            ("v1", "ServiceProfile", "linkerd.io/v1alpha2"),
            ("linkerd.io/v1beta1", "ExternalWorkload", "workload.linkerd.io/v1alpha1 or v1beta1"),
        ] {
            check(api_version, kind, message(right, api_version).as_deref());
        }
        for (api_version, kind) in [
            ("serving.knative.dev/v1", "Service"),
            ("metrics.k8s.io/v1beta1", "Pod"),
            ("example.com/v1", "Job"),
            // More than one cloud has such a kind.
            ("dbforpostgresql.example.com/v1", "Server"),
            ("batch/v1", "CronJob"),
        ] {
            check(api_version, kind, None);
        }
    }
}

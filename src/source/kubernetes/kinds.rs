//! What is watched in a cluster, and under which versions.

use crate::model::Kind;

/// A kind of object as the API server has it.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) kind: Kind,
    /// The API group; empty for the core.
    pub(super) group: &'static str,
    /// Versions that are understood, the preferred one first.
    pub(super) versions: &'static [&'static str],
    /// The name in paths.
    pub(super) plural: &'static str,
    /// Whether only its metadata is asked for.
    pub(super) metadata_only: bool,
    /// Whether a cluster may do without it: it is defined by somebody, not by Kubernetes.
    pub(super) optional: bool,
}

const fn built_in(
    kind: Kind,
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
) -> Resource {
    Resource { kind, group, versions, plural, metadata_only: false, optional: false }
}

const fn metadata_of(resource: Resource) -> Resource {
    Resource { metadata_only: true, ..resource }
}

const fn custom(
    kind: Kind,
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
) -> Resource {
    Resource { kind, group, versions, plural, metadata_only: false, optional: true }
}

/// Everything that is watched. Endpoints are not: the slices say the same, and more.
///
/// Of TrafficSplits v1alpha1 is preferred, the only version in whose schema whole numbers and quantities are
/// both valid, so that it shows whatever anybody wrote.
pub(super) const RESOURCES: [Resource; 10] = [
    built_in(Kind::Service, "", &["v1"], "services"),
    built_in(Kind::EndpointSlice, "discovery.k8s.io", &["v1"], "endpointslices"),
    built_in(Kind::Pod, "", &["v1"], "pods"),
    metadata_of(built_in(Kind::Node, "", &["v1"], "nodes")),
    metadata_of(built_in(Kind::ReplicaSet, "apps", &["v1"], "replicasets")),
    metadata_of(built_in(Kind::Job, "batch", &["v1"], "jobs")),
    custom(
        Kind::TrafficSplit,
        "split.smi-spec.io",
        &["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
        "trafficsplits",
    ),
    custom(Kind::ServiceProfile, "linkerd.io", &["v1alpha2", "v1alpha1"], "serviceprofiles"),
    custom(Kind::Server, "policy.linkerd.io", &["v1beta3", "v1beta2", "v1beta1", "v1alpha1"], "servers"),
    custom(Kind::ExternalWorkload, "workload.linkerd.io", &["v1beta1", "v1alpha1"], "externalworkloads"),
];

impl Resource {
    /// Whether nothing can be said as long as it may not be read. Without splits every answer may be wrong;
    /// without the other custom kinds answers lack what they add.
    pub(super) fn is_needed(&self) -> bool {
        !self.optional || self.kind == Kind::TrafficSplit
    }

    /// The path of all its objects in a version, in all namespaces.
    pub(super) fn path(&self, version: &str) -> String {
        let Self { group, plural, .. } = self;
        if group.is_empty() {
            format!("/api/{version}/{plural}")
        } else {
            format!("/apis/{group}/{version}/{plural}")
        }
    }
}

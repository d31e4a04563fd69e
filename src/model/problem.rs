//! What can be odd about what a user wrote.

use std::fmt;

/// Something a user wrote in an object that we could not take as it stands; the object is used without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which of the known oddities it is.
    pub reason: Reason,
    /// Where in the object, for example `spec.backends[1].weight`; empty for the object as a whole.
    pub path: String,
    /// What was wrong and what would be right, one sentence without a full stop.
    pub message: String,
}

/// Why a user is warned: the label of the warnings metric, so this set is closed and small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A file that cannot be read, or a document in it that is no YAML or no Kubernetes object.
    UnreadableFile,
    /// A key that is in a YAML mapping more than once; the last one counts.
    RepeatedKey,
    /// Content of a file behind the end of a YAML document, which is not read.
    IgnoredContent,
    /// A folder without any manifest.
    NoManifests,
    /// An object with a field of the wrong type or outside its range; it is left out.
    InvalidObject,
    /// Two objects of one kind with one name.
    DuplicateObject,
    /// A made-up address could not be given because the range is used up.
    AddressesUsedUp,
    /// A kustomization or a Helm chart, which is not applied.
    NotRendered,
    /// An Endpoints object that a cluster would overwrite or cut.
    EndpointsIgnored,
    /// A Service with a cluster IP that another one has too.
    SharedClusterIp,
    /// A Pod or an ExternalWorkload with an address, or a port of one, that belongs to an object of another namespace.
    SharedAddress,
    /// A Service selects the Pods of a kind that is not simulated in a folder.
    PodsUnknown,
    /// A Service whose selector matches no Pod.
    SelectorMatchesNothing,
    /// A Service without a selector, to which no EndpointSlice with endpoints belongs.
    NoEndpointSlice,
    /// A port of a Service that leads to no port of its Pods or EndpointSlices.
    NoTargetPort,
    /// A Service of a workload with `replicas: 0`.
    NoReplicas,
    /// A workload whose Pods fit no Node of the folder, or a Service that selects them.
    Unschedulable,
    /// A Service of whose endpoints none is ready.
    NotReady,
    /// A Service whose ready endpoints cannot be given to clients.
    EndpointsExcluded,
    /// A weight that is absent in a cluster's object: counted as 0.
    BadWeight,
    /// A weight that had to be bent to be used: a fraction where whole numbers belong, or out of range.
    OddWeight,
    /// A split whose weights are all 0, or without backends: the apex serves itself.
    NothingWeighted,
    /// A backend that is listed twice: the weights are added up.
    DuplicateBackend,
    /// A backend without a Service.
    BackendMissing,
    /// A backend of positive weight without a ready endpoint.
    BackendEmpty,
    /// A backend that is no ClusterIP or headless Service, so it has no endpoints of its own.
    BackendUnsuitable,
    /// A backend that lacks one of the apex's ports.
    PortMissing,
    /// A reference into another namespace or cluster domain.
    ForeignReference,
    /// An apex without a Service.
    ApexMissing,
    /// An apex that is headless or an ExternalName, where a split has no meaning.
    ApexUnsuitable,
    /// A split that lost to an older one for the same apex.
    SplitConflict,
    /// A list that is longer than its bound, or a split beyond those of its apex that are considered; what is beyond the
    /// bound is ignored.
    LimitExceeded,
    /// A split with `matches`, which cannot be said in this API; not applied.
    MatchesUnsupported,
    /// A split whose apex has a ServiceProfile with `dstOverrides`, which proxies follow instead.
    SplitOverridden,
    /// A ServiceProfile whose name no client asks for, or a part of one that is left out or cannot be used.
    BadProfile,
    /// A ServiceProfile that applies to no client: of a Service that does not exist, for instance.
    ProfileUnused,
    /// A Server that is for no port of any workload.
    ServerUnused,
    /// A Server that is for the same port of the same Pods as another one.
    ServerConflict,
    /// A Service of type ExternalName that a client asked for.
    ExternalName,
    /// A Service with a multi-cluster marker that is not supported.
    MultiClusterUnsupported,
    /// A meshed Pod whose proxy does not say where it listens; it is left out.
    PodUnusable,
    /// A kind of which nothing new can be heard; what is known of it is served.
    SourceStale,
    /// A source lost so many objects at once that the loss is doubted.
    LossDoubted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 43] = [
        Self::UnreadableFile,
        Self::RepeatedKey,
        Self::IgnoredContent,
        Self::NoManifests,
        Self::InvalidObject,
        Self::DuplicateObject,
        Self::AddressesUsedUp,
        Self::NotRendered,
        Self::EndpointsIgnored,
        Self::SharedClusterIp,
        Self::SharedAddress,
        Self::PodsUnknown,
        Self::SelectorMatchesNothing,
        Self::NoEndpointSlice,
        Self::NoTargetPort,
        Self::NoReplicas,
        Self::Unschedulable,
        Self::NotReady,
        Self::EndpointsExcluded,
        Self::BadWeight,
        Self::OddWeight,
        Self::NothingWeighted,
        Self::DuplicateBackend,
        Self::BackendMissing,
        Self::BackendEmpty,
        Self::BackendUnsuitable,
        Self::PortMissing,
        Self::ForeignReference,
        Self::ApexMissing,
        Self::ApexUnsuitable,
        Self::SplitConflict,
        Self::LimitExceeded,
        Self::MatchesUnsupported,
        Self::SplitOverridden,
        Self::BadProfile,
        Self::ProfileUnused,
        Self::ServerUnused,
        Self::ServerConflict,
        Self::ExternalName,
        Self::MultiClusterUnsupported,
        Self::PodUnusable,
        Self::SourceStale,
        Self::LossDoubted,
    ];

    /// Whether it is that a Service has no ready endpoints. Then the message describes other objects too, so that it
    /// may change while the warning is the same.
    #[must_use]
    pub fn is_about_endpoints(self) -> bool {
        matches!(
            self,
            Self::PodsUnknown
                | Self::SelectorMatchesNothing
                | Self::NoEndpointSlice
                | Self::NoTargetPort
                | Self::NoReplicas
                | Self::Unschedulable
                | Self::NotReady
                | Self::EndpointsExcluded
                | Self::BackendEmpty
        )
    }

    /// The reason as a label value and as `check` prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableFile => "unreadable_file",
            Self::RepeatedKey => "repeated_key",
            Self::IgnoredContent => "ignored_content",
            Self::NoManifests => "no_manifests",
            Self::InvalidObject => "invalid_object",
            Self::DuplicateObject => "duplicate_object",
            Self::AddressesUsedUp => "addresses_used_up",
            Self::NotRendered => "not_rendered",
            Self::EndpointsIgnored => "endpoints_ignored",
            Self::SharedClusterIp => "shared_cluster_ip",
            Self::SharedAddress => "shared_address",
            Self::PodsUnknown => "pods_unknown",
            Self::SelectorMatchesNothing => "selector_matches_nothing",
            Self::NoEndpointSlice => "no_endpoint_slice",
            Self::NoTargetPort => "no_target_port",
            Self::NoReplicas => "no_replicas",
            Self::Unschedulable => "unschedulable",
            Self::NotReady => "no_ready_endpoint",
            Self::EndpointsExcluded => "endpoints_excluded",
            Self::BadWeight => "bad_weight",
            Self::OddWeight => "odd_weight",
            Self::NothingWeighted => "nothing_weighted",
            Self::DuplicateBackend => "duplicate_backend",
            Self::BackendMissing => "backend_missing",
            Self::BackendEmpty => "backend_empty",
            Self::BackendUnsuitable => "backend_unsuitable",
            Self::PortMissing => "port_missing",
            Self::ForeignReference => "foreign_reference",
            Self::ApexMissing => "apex_missing",
            Self::ApexUnsuitable => "apex_unsuitable",
            Self::SplitConflict => "split_conflict",
            Self::LimitExceeded => "limit_exceeded",
            Self::MatchesUnsupported => "matches_unsupported",
            Self::SplitOverridden => "split_overridden",
            Self::BadProfile => "bad_profile",
            Self::ProfileUnused => "profile_unused",
            Self::ServerUnused => "server_unused",
            Self::ServerConflict => "server_conflict",
            Self::ExternalName => "external_name",
            Self::MultiClusterUnsupported => "multi_cluster_unsupported",
            Self::PodUnusable => "pod_unusable",
            Self::SourceStale => "source_stale",
            Self::LossDoubted => "loss_doubted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

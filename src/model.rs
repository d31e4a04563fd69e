//! The objects Switchyard reads, cut down to what resolving needs.
//!
//! These are our own types, not Kubernetes': a source converts what it reads into them once, at the rim,
//! so that nothing behind it meets an absent field, a wrong type or an unparsed string again. All of them
//! are plain values compared with `==`: an update that changes nothing we read *is* no update.
//!
//! What a user got wrong inside an object that is still usable (a weight that is no number, say) travels
//! with it as [`Problem`]s, so that the object keeps working and the user still hears about it.

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use crate::weight::Milli;

/// A name as Kubernetes writes it (object, namespace, node, zone, host name): cheap to clone and to share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(s: &str) -> Self {
        Self(s.into())
    }
}

impl From<String> for Name {
    fn from(s: String) -> Self {
        Self(s.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Namespace and name: what identifies an object among those of its kind. Cluster-scoped objects have the
/// empty namespace. Written `namespace/name`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NsName {
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: Name,
    /// The object's own name.
    pub name: Name,
}

impl NsName {
    /// Both parts from anything that can be a [`Name`].
    pub fn new(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for NsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.as_str().is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Debug for NsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of objects that resolving reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `v1` Endpoints, read only for services that have no EndpointSlice.
    Endpoints,
    /// `v1` Pod.
    Pod,
    /// `v1` Node.
    Node,
    /// `split.smi-spec.io` TrafficSplit, any of v1alpha1 to v1alpha4.
    TrafficSplit,
    /// `linkerd.io/v1alpha2` ServiceProfile.
    ServiceProfile,
}

impl Kind {
    /// Every kind; a source has to say [`Replace`](crate::source::Event::Replace) for each before anything
    /// is answered.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::EndpointSlice,
        Self::Endpoints,
        Self::Pod,
        Self::Node,
        Self::TrafficSplit,
        Self::ServiceProfile,
    ];

    /// The kind as it is spelled in a manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Endpoints => "Endpoints",
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::TrafficSplit => "TrafficSplit",
            Self::ServiceProfile => "ServiceProfile",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies an object among all. Written `Kind namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The object's kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: NsName,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Any object a source can deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// See [`Service`].
    Service(Arc<Service>),
    /// See [`EndpointSlice`].
    EndpointSlice(Arc<EndpointSlice>),
    /// An Endpoints object, in the form of a slice with one subset for each of its own.
    Endpoints(Arc<EndpointSlice>),
    /// See [`Pod`].
    Pod(Arc<Pod>),
    /// See [`Node`].
    Node(Arc<Node>),
    /// See [`TrafficSplit`].
    TrafficSplit(Arc<TrafficSplit>),
    /// See [`ServiceProfile`].
    ServiceProfile(Arc<ServiceProfile>),
}

impl Object {
    /// The kind of this object.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Endpoints(_) => Kind::Endpoints,
            Self::Pod(_) => Kind::Pod,
            Self::Node(_) => Kind::Node,
            Self::TrafficSplit(_) => Kind::TrafficSplit,
            Self::ServiceProfile(_) => Kind::ServiceProfile,
        }
    }

    /// Namespace and name of this object.
    #[must_use]
    pub fn name(&self) -> &NsName {
        match self {
            Self::Service(o) => &o.name,
            Self::EndpointSlice(o) | Self::Endpoints(o) => &o.name,
            Self::Pod(o) => &o.name,
            Self::Node(o) => &o.name,
            Self::TrafficSplit(o) => &o.name,
            Self::ServiceProfile(o) => &o.name,
        }
    }

    /// Kind, namespace and name of this object.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId { kind: self.kind(), name: self.name().clone() }
    }
}

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
    /// A file that is no YAML, or holds something that is no Kubernetes object.
    UnreadableFile,
    /// An object with a field of the wrong type or outside its range; it is left out.
    InvalidObject,
    /// Two objects of one kind with one name.
    DuplicateObject,
    /// A made-up address could not be given because the range is used up.
    AddressesUsedUp,
    /// A weight that is absent, negative or no number: counted as 0.
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
    /// A split with `matches`, which cannot be said in this API; not applied.
    MatchesUnsupported,
    /// A part of a ServiceProfile that was left out.
    BadProfile,
    /// A Service of type ExternalName that a client asked for.
    ExternalName,
    /// A Service with a multi-cluster marker that is not supported.
    MultiClusterUnsupported,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::UnreadableFile,
        Self::InvalidObject,
        Self::DuplicateObject,
        Self::AddressesUsedUp,
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
        Self::MatchesUnsupported,
        Self::BadProfile,
        Self::ExternalName,
        Self::MultiClusterUnsupported,
    ];

    /// The reason as a label value and as `check` prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableFile => "unreadable_file",
            Self::InvalidObject => "invalid_object",
            Self::DuplicateObject => "duplicate_object",
            Self::AddressesUsedUp => "addresses_used_up",
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
            Self::MatchesUnsupported => "matches_unsupported",
            Self::BadProfile => "bad_profile",
            Self::ExternalName => "external_name",
            Self::MultiClusterUnsupported => "multi_cluster_unsupported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A `v1` Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its namespace and name.
    pub name: NsName,
    /// How its name leads to addresses.
    pub kind: ServiceKind,
    /// `spec.clusterIPs` (or `spec.clusterIP`) of every family; empty for headless and ExternalName.
    pub cluster_ips: Vec<IpAddr>,
    /// Its TCP ports in the order of the spec. Other protocols are left out: a proxy never asks for them.
    pub ports: Vec<ServicePort>,
    /// `spec.internalTrafficPolicy: Local`: clients are given only endpoints on their own node.
    pub local_traffic_only: bool,
    /// The multi-cluster marker (label or annotation) found on it, if any.
    pub multi_cluster_marker: Option<&'static str>,
}

impl Service {
    /// The first port with this number.
    #[must_use]
    pub fn port(&self, number: u16) -> Option<&ServicePort> {
        self.ports.iter().find(|p| p.port == number)
    }
}

/// How a Service's name leads to addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// Has (or will be given) a virtual address: ClusterIP, NodePort or LoadBalancer.
    ClusterIp,
    /// `clusterIP: None`.
    Headless,
    /// An alias for this DNS name; it has no endpoints.
    ExternalName(Box<str>),
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The port's name; empty if it has none. Endpoint slices name their ports the same.
    pub name: Box<str>,
    /// The number that clients use, 1..=65535.
    pub port: u16,
}

/// A `discovery.k8s.io/v1` EndpointSlice, or an Endpoints object in the same form.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointSlice {
    /// Its namespace and name.
    pub name: NsName,
    /// The Service it belongs to (same namespace): the label `kubernetes.io/service-name`, else an owner
    /// reference. `None` contributes to nothing.
    pub service: Option<Name>,
    /// One for a slice; as many as the object has for Endpoints.
    pub subsets: Vec<Subset>,
}

/// Endpoints that share their ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// The TCP ports; `None` if the object lists no ports at all, which contributes nothing.
    pub ports: Option<Vec<EndpointPort>>,
    /// The endpoints, in the order of the object.
    pub endpoints: Vec<Endpoint>,
}

/// One port of a [`Subset`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPort {
    /// The name of the service port it serves; may be empty.
    pub name: Box<str>,
    /// The number on the endpoint, 1..=65535.
    pub port: u16,
}

/// One endpoint of a [`Subset`].
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its address. Kubernetes lets an endpoint list several that are interchangeable; this is the first.
    pub address: IpAddr,
    /// `conditions.ready`; absent means ready. `serving` and `terminating` change nothing.
    pub ready: bool,
    /// The DNS host name under the Service, for StatefulSet pods.
    pub hostname: Option<Name>,
    /// The node it runs on.
    pub node: Option<Name>,
    /// The zone it is in.
    pub zone: Option<Name>,
    /// `hints.forZones`, sorted; empty if there are none.
    pub hint_zones: Vec<Name>,
    /// What is behind the address.
    pub target: TargetRef,
}

/// The object behind an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetRef {
    /// Nothing known: an address somebody wrote by hand.
    None,
    /// A Pod. Its endpoint counts only while the Pod exists.
    Pod(NsName),
    /// A kind that we cannot vouch for; the endpoint is left out.
    Other(Box<str>),
}

/// A `v1` Pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its namespace and name.
    pub name: NsName,
    /// `spec.nodeName`, once scheduled.
    pub node: Option<Name>,
}

/// A `v1` Node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, with the empty namespace.
    pub name: NsName,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Option<Name>,
}

/// A `split.smi-spec.io` TrafficSplit. Weights are read the same in every version.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSplit {
    /// Its namespace and name.
    pub name: NsName,
    /// `metadata.creationTimestamp`. The oldest split of an apex wins; one without counts as newest.
    pub created: Option<jiff::Timestamp>,
    /// `spec.service` as written.
    pub apex: Box<str>,
    /// `spec.backends` in the order of the spec.
    pub backends: Vec<Backend>,
    /// `spec.matches` is not empty: the split is for some requests only and cannot be applied.
    pub has_matches: bool,
    /// What was wrong in it.
    pub problems: Vec<Problem>,
}

/// One backend of a [`TrafficSplit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The name as written.
    pub service: Box<str>,
    /// The weight; what could not be read is 0, with a [`Problem`] in the split.
    pub weight: Milli,
    /// Its place in `spec.backends`, for messages.
    pub index: usize,
}

/// A `linkerd.io/v1alpha2` ServiceProfile.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceProfile {
    /// Its namespace and name; the name is the FQDN of the service it is for.
    pub name: NsName,
    /// `spec.routes` that could be understood, already in wire form.
    pub routes: Vec<crate::pb::destination::Route>,
    /// `spec.retryBudget`; `None` means the default.
    pub retry_budget: Option<crate::pb::destination::RetryBudget>,
    /// `spec.dstOverrides` in order.
    pub dst_overrides: Vec<ProfileOverride>,
    /// What was left out of it and why.
    pub problems: Vec<Problem>,
}

/// One entry of a ServiceProfile's `dstOverrides`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileOverride {
    /// `host:port`, or a host to which the requested port is added.
    pub authority: Box<str>,
    /// The weight; what could not be read is 0, with a [`Problem`].
    pub weight: Milli,
}

/// Labels or annotations of an object.
pub type Labels = BTreeMap<Box<str>, Box<str>>;

//! What an object is, whatever its kind.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{
    Controller, EndpointSlice, ExternalWorkload, Node, NsName, Pod, Server, Service, ServiceProfile,
    TrafficSplit,
};

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
    /// `apps/v1` ReplicaSet, read only for its owner.
    ReplicaSet,
    /// `batch/v1` Job, read only for its owner.
    Job,
    /// `policy.linkerd.io` Server.
    Server,
    /// `workload.linkerd.io` ExternalWorkload.
    ExternalWorkload,
}

impl Kind {
    /// Every kind; a source has to say [`Replace`](crate::source::Event::Replace) for each before anything
    /// is answered.
    pub const ALL: [Self; 11] = [
        Self::Service,
        Self::EndpointSlice,
        Self::Endpoints,
        Self::Pod,
        Self::Node,
        Self::TrafficSplit,
        Self::ServiceProfile,
        Self::ReplicaSet,
        Self::Job,
        Self::Server,
        Self::ExternalWorkload,
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
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::Server => "Server",
            Self::ExternalWorkload => "ExternalWorkload",
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
    /// A ReplicaSet.
    ReplicaSet(Arc<Controller>),
    /// A Job.
    Job(Arc<Controller>),
    /// See [`Server`].
    Server(Arc<Server>),
    /// See [`ExternalWorkload`].
    ExternalWorkload(Arc<ExternalWorkload>),
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
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::Job(_) => Kind::Job,
            Self::Server(_) => Kind::Server,
            Self::ExternalWorkload(_) => Kind::ExternalWorkload,
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
            Self::ReplicaSet(o) | Self::Job(o) => &o.name,
            Self::Server(o) => &o.name,
            Self::ExternalWorkload(o) => &o.name,
        }
    }

    /// Kind, namespace and name of this object.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId { kind: self.kind(), name: self.name().clone() }
    }
}

/// Labels or annotations of an object.
pub type Labels = BTreeMap<Box<str>, Box<str>>;

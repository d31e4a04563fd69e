//! Endpoints, and what is behind them: slices, pods, nodes.

use std::net::IpAddr;

use super::{Name, NsName};

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

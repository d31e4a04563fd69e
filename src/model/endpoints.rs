//! Endpoints: slices, what an endpoint refers to, nodes.

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
    /// What the annotations of multi-cluster say, if it mirrors a service of another cluster.
    pub mirror: Option<Mirror>,
    /// One for a slice; as many as the object has for Endpoints.
    pub subsets: Vec<Subset>,
}

/// What stands on the endpoints of a mirrored service. They are gateways of the other cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// Label `mirror.linkerd.io/cluster-name`: the other cluster.
    pub cluster: Option<Box<str>>,
    /// Annotation `mirror.linkerd.io/remote-svc-fq-name`: the service's name there.
    pub remote_name: Option<Box<str>>,
    /// Annotation `mirror.linkerd.io/remote-gateway-identity`: the TLS name of the gateway.
    pub gateway_identity: Option<Box<str>>,
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetRef {
    /// Nothing known: an address somebody wrote by hand.
    None,
    /// A Pod. Its endpoint counts only while the Pod exists.
    Pod(NsName),
    /// An ExternalWorkload of the slice's namespace. Its endpoint counts only while it exists.
    Workload(NsName),
    /// A kind that we cannot vouch for; the endpoint is left out.
    Other(Box<str>),
}

/// A `v1` Node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, with the empty namespace.
    pub name: NsName,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Option<Name>,
}

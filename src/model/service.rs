//! Services.

use std::net::IpAddr;

use super::{NsName, PortRanges};

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
    /// Annotation `config.linkerd.io/opaque-ports`, with names of its ports resolved. If it is there it
    /// replaces the default, even if it is empty.
    pub opaque_ports: Option<PortRanges>,
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

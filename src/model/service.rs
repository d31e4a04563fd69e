//! Services.

use std::net::IpAddr;

use super::{LabelSet, NsName, PortRanges};

/// A `v1` Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its namespace and name.
    pub name: NsName,
    /// How its name leads to addresses.
    pub kind: ServiceKind,
    /// `spec.clusterIPs` (or `spec.clusterIP`) of every family; empty for headless and ExternalName.
    pub cluster_ips: Vec<IpAddr>,
    /// `spec.selector`; empty if it has none, so that its endpoints are not made from Pods.
    pub selector: LabelSet,
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
    /// `targetPort`: where it leads on a Pod.
    pub target: TargetPort,
    /// Its place among the ports of the spec, those of other protocols counted too.
    pub index: usize,
}

impl ServicePort {
    /// A port that leads to the same number on a Pod, the first one of its Service.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, port: u16) -> Self {
        Self { name: name.into(), port, target: TargetPort::Number(port), index: 0 }
    }
}

/// Where a port of a Service leads on a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// To this port.
    Number(u16),
    /// To the container port of this name, which may differ from Pod to Pod.
    Name(Box<str>),
}

//! Services.

use std::{fmt, net::IpAddr};

use super::{Created, LabelSet, NsName, PortRanges};
use crate::work;

/// A `v1` Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its namespace and name.
    pub name: NsName,
    /// `metadata.creationTimestamp`.
    pub created: Created,
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
        let is_this = |port: &&ServicePort| {
            work::step();
            port.port == number
        };
        self.ports.iter().find(is_this)
    }

    /// Why this number is no port of the Service, with the ports that it has, as a sentence without a full stop:
    /// `Service default/reviews has no port 80; it has 9080 (http)`. `None` if it has the port.
    #[must_use]
    pub fn lacks_port(&self, number: u16) -> Option<String> {
        let lacks =
            || format!("Service {} has no port {number}; it has {}", self.name, PortList(&self.ports));
        self.port(number).is_none().then(lacks)
    }
}

/// Formats the ports of a Service as `80 (http), 9090 (admin)`.
struct PortList<'a>(&'a [ServicePort]);

/// Ports that a [`PortList`] names; further ones are only counted.
const MAX_LISTED_PORTS: usize = 10;

impl fmt::Display for PortList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no TCP port");
        }
        for (i, ServicePort { name, port, .. }) in self.0.iter().take(MAX_LISTED_PORTS).enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            match &**name {
                "" => write!(f, "{comma}{port}")?,
                name => write!(f, "{comma}{port} ({name})")?,
            }
        }
        match self.0.len().saturating_sub(MAX_LISTED_PORTS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn service(ports: impl IntoIterator<Item = (&'static str, u16)>) -> Service {
        let port = |(name, port): (&str, u16)| ServicePort {
            name: name.into(),
            port,
            target: TargetPort::Number(port),
            index: 0,
        };
        Service {
            name: NsName::new("default", "reviews"),
            created: Created::default(),
            kind: ServiceKind::ClusterIp,
            cluster_ips: Vec::new(),
            selector: LabelSet::default(),
            ports: ports.into_iter().map(port).collect(),
            local_traffic_only: false,
            multi_cluster_marker: None,
            opaque_ports: None,
        }
    }

    #[test]
    fn undefined_port_is_reported_with_the_ports_that_exist() {
        let many: Vec<_> = (1..=12).map(|port| ("", port)).collect();
        for (ports, expect) in [
            (vec![("http", 9080)], Some("it has 9080 (http)")),
            (vec![("", 9080), ("admin", 9090)], Some("it has 9080, 9090 (admin)")),
            (vec![], Some("it has no TCP port")),
            (many, Some("it has 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more")),
            (vec![("x", 1), ("http", 80)], None),
        ] {
            let expect = expect.map(|has| format!("Service default/reviews has no port 80; {has}"));
            assert_eq!(service(ports).lacks_port(80), expect);
        }
    }
}

//! Linkerd's Servers, as far as they make ports opaque, and workloads outside the cluster.

use std::net::IpAddr;

use super::{Created, LabelSet, NsName, OwnerRef, PortRanges, Selector};

/// A `policy.linkerd.io` Server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its namespace and name.
    pub name: NsName,
    /// Pods and port that it makes opaque: `spec.proxyProtocol: opaque`.
    pub opaque: Option<ServerTarget>,
    /// Pods and port of a Server of any other protocol, as far as they can be read. It changes no answer and is only inspected.
    pub other: Option<ServerTarget>,
}

impl Server {
    /// Its Pods and port, whatever its protocol.
    #[must_use]
    pub fn target(&self) -> Option<&ServerTarget> {
        self.opaque.as_ref().or(self.other.as_ref())
    }
}

/// Which port of which workloads a Server is for.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerTarget {
    /// `spec.podSelector`: Pods of its namespace.
    pub pods: Option<Selector>,
    /// `spec.externalWorkloadSelector`: ExternalWorkloads of its namespace.
    pub workloads: Option<Selector>,
    /// `spec.port`.
    pub port: ServerPort,
}

/// The port of a Server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerPort {
    /// This number.
    Number(u16),
    /// The container's (or workload's) port of this name.
    Name(Box<str>),
}

/// A `workload.linkerd.io` ExternalWorkload: a meshed process outside the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalWorkload {
    /// Its namespace and name.
    pub name: NsName,
    /// `metadata.creationTimestamp`.
    pub created: Created,
    /// `spec.meshTLS.identity`, a URI.
    pub identity: Box<str>,
    /// `spec.meshTLS.serverName`.
    pub server_name: Box<str>,
    /// `spec.workloadIPs`: one a family.
    pub ips: Box<[IpAddr]>,
    /// `spec.ports`, TCP only: name (may be empty) and number.
    pub ports: Box<[(Box<str>, u16)]>,
    /// Its owner, if there is exactly one.
    pub owner: Option<OwnerRef>,
    /// Annotation `config.linkerd.io/opaque-ports`, with names of its ports resolved.
    pub opaque_ports: Option<PortRanges>,
    /// Its labels.
    pub labels: LabelSet,
}

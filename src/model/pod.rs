//! Pods, cut down to what is said of an endpoint because of them.
//!
//! A large cluster has 100,000 of them, so what all Pods of one template have in common ([`PodSpec`], nearly
//! all labels) is behind pointers that the [cluster](crate::cluster) makes them share.

use std::{net::IpAddr, sync::Arc};

use super::{Created, LabelSet, Name, NsName, PortRanges};

/// A `v1` Pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its namespace and name.
    pub name: NsName,
    /// `spec.nodeName`, once scheduled.
    pub node: Option<Name>,
    /// `status.podIPs` (or `status.podIP`): one a family, the primary one first.
    pub ips: [Option<IpAddr>; 2],
    /// `status.hostIPs` (or `status.hostIP`); empty where no container has a host port, which is all that
    /// they are good for.
    pub host_ips: Box<[IpAddr]>,
    /// Where it is in its life.
    pub phase: Phase,
    /// `metadata.creationTimestamp`.
    pub created: Created,
    /// What its template says.
    pub spec: Arc<PodSpec>,
    /// Labels that Pods of one template share.
    pub labels: Arc<LabelSet>,
    /// Labels that only this Pod has: those in [`Pod::OWN_LABELS`].
    pub own_labels: LabelSet,
}

impl Pod {
    /// Label of a StatefulSet's Pod: its name.
    pub const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";

    /// Labels that a controller makes different for each of its Pods.
    pub const OWN_LABELS: [&str; 3] =
        [Self::NAME_LABEL, "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-completion-index"];

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).or_else(|| self.own_labels.get(key))
    }
}

/// Where a Pod is in its life, as far as it decides whether its address is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not started yet.
    #[default]
    Pending,
    /// `Running`, ready or not.
    Running,
    /// Running, but on its way out: it has a deletion timestamp. Its proxy still serves, for as long as its
    /// grace lasts, so it is still to be spoken to as before; but whoever else has its address has it rightly.
    Leaving,
    /// `Succeeded` or `Failed`, or deleted before it ran: its address may already be another's.
    Over,
}

/// What the template of Pods says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodSpec {
    /// `spec.serviceAccountName`; `default` if it has none.
    pub service_account: Box<str>,
    /// Its owner, if there is exactly one.
    pub owner: Option<OwnerRef>,
    /// `spec.hostNetwork`: its address is its node's.
    pub host_network: bool,
    /// TCP ports of all containers, of init containers too, which may be sidecars.
    pub ports: Box<[ContainerPort]>,
    /// Annotation `config.linkerd.io/opaque-ports`, with names of container ports resolved. If it is there it
    /// replaces the default, even if it is empty.
    pub opaque_ports: Option<PortRanges>,
    /// Annotation `config.linkerd.io/skip-inbound-ports`: ports that its proxy does not see.
    pub skip_inbound_ports: PortRanges,
    /// What the environment of its container `linkerd-proxy` says.
    pub proxy: ProxyPorts,
}

impl Default for PodSpec {
    fn default() -> Self {
        Self {
            service_account: "default".into(),
            owner: None,
            host_network: false,
            ports: Box::default(),
            opaque_ports: None,
            skip_inbound_ports: PortRanges::default(),
            proxy: ProxyPorts::default(),
        }
    }
}

/// One TCP port of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerPort {
    /// Its name; empty if it has none.
    pub name: Box<str>,
    /// `containerPort`.
    pub port: u16,
    /// `hostPort`, if the node forwards one, on another `hostIP` than a loopback address.
    pub host_port: Option<u16>,
}

/// The ports on which a proxy listens, by the variables `LINKERD2_PROXY_{INBOUND,ADMIN,CONTROL}_LISTEN_ADDR`
/// of its container. `None` if a variable is missing or no `ip:port`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProxyPorts {
    /// For connections from other proxies.
    pub inbound: Option<u16>,
    /// For metrics and probes.
    pub admin: Option<u16>,
    /// For taps.
    pub control: Option<u16>,
}

/// The owner of an object, in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerRef {
    /// Its kind as it is spelled in the reference, for example `ReplicaSet`.
    pub kind: Box<str>,
    /// Its name.
    pub name: Name,
}

/// A ReplicaSet or a Job: what stands between a Pod and what a user wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// Its namespace and name.
    pub name: NsName,
    /// Its own owner, if there is exactly one.
    pub owner: Option<OwnerRef>,
}

//! What can be read of a cluster, and change.

use std::net::IpAddr;

use crate::model::{Name, NsName, ServerPort};

/// Something about the cluster that an answer can depend on. That an object is absent is a fact as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The Service itself.
    Service(NsName),
    /// Whether a folder has any Service at all.
    AnyService,
    /// Which Services a namespace has.
    ServiceNames(Name),
    /// The endpoints of a Service: its slices, and the pods behind them.
    Endpoints(NsName),
    /// Which slices a namespace has, and of which Services.
    SlicesIn(Name),
    /// Which namespaces have slices of a Service of this name.
    SlicesFor(Name),
    /// Which labels and templates the Pods of a namespace have, its workloads without Pods, and which labels and ports its
    /// ExternalWorkloads have.
    PodLabels(Name),
    /// Whether Pods of any namespace have this label, as the hash of key and value.
    PodLabel(u64),
    /// Which splits name this Service as their apex.
    SplitsOf(NsName),
    /// Which splits of an apex are considered, in which order, and which of them can be applied. It changes less often
    /// than [`Fact::SplitsOf`]: an edit of weights does not touch it.
    SplitOrder(NsName),
    /// Which splits name this Service as a backend.
    SplitsWith(NsName),
    /// One Server.
    Server(NsName),
    /// Which Servers of a namespace are for this port, and what they select.
    ServersOn(Name, ServerPort),
    /// One split.
    Split(NsName),
    /// One ServiceProfile.
    Profile(NsName),
    /// All ServiceProfiles of this name, in whatever namespace.
    ProfilesNamed(Name),
    /// Which Services have this cluster IP.
    ClusterIp(IpAddr),
    /// One Pod: where it is, and what is said of it.
    Pod(NsName),
    /// Which Pods and ExternalWorkloads are at this address, and what is said of them.
    Address(IpAddr),
    /// The zone of a node.
    Node(Name),
}

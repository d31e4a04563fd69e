//! What is said of an endpoint besides its address and weight: labels, TLS identity, protocol hints.
//!
//! The rules are those of Linkerd's destination service; a proxy builds its client stack from them. They are
//! given in parts of a `WeightedAddr`, so that what many endpoints have in common is encoded once.

use std::fmt;

use crate::{
    cluster::{Backing, PodClass},
    model::{ExternalWorkload, Mirror, Name, NsName, PortRanges, Problem, ProxyPorts, Reason},
    pb::destination::{
        AuthorityOverride, ProtocolHint, TlsIdentity, WeightedAddr,
        protocol_hint::{H2, Opaque, OpaqueTransport, Protocol},
        tls_identity::{DnsLikeIdentity, Strategy, UriLikeIdentity},
    },
};

use super::MeshOptions;

/// Where an ExternalWorkload's proxy listens if no port of it says so.
const DEFAULT_INBOUND_PORT: u16 = 4143;
/// Name of the port of an ExternalWorkload on which its proxy listens.
const PROXY_PORT: &str = "linkerd-proxy";

/// The variables that the proxy of a meshed Pod lacks, because of which a client cannot connect to it. At least one of
/// them is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LacksVariables {
    inbound: bool,
    admin: bool,
    control: bool,
}

impl LacksVariables {
    fn of(proxy: &ProxyPorts) -> Self {
        Self {
            inbound: proxy.inbound.is_none(),
            admin: proxy.admin.is_none(),
            control: proxy.control.is_none(),
        }
    }

    /// The warning for `count` Pods, of which this is one.
    pub(super) fn problem(self, pod: &NsName, count: usize) -> Problem {
        let others = if count > 1 { format!(" (and {} more like it)", count - 1) } else { String::new() };
        let message = format!(
            "Pod {pod}{others} belongs to a mesh but is left out: expected {self} with an ip:port in the environment \
             of its container linkerd-proxy, found none; let the proxy be injected again"
        );
        Problem { reason: Reason::PodUnusable, path: String::new(), message }
    }
}

impl fmt::Display for LacksVariables {
    /// The names of the variables: `A, B and C`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inbound, admin, control } = *self;
        let all = [(admin, "ADMIN"), (control, "CONTROL"), (inbound, "INBOUND")];
        let mut lacking = all.into_iter().filter(|(lacks, _)| *lacks).map(|(_, name)| name).peekable();
        let mut separator = "";
        while let Some(name) = lacking.next() {
            write!(f, "{separator}LINKERD2_PROXY_{name}_LISTEN_ADDR")?;
            let rest = lacking.clone().count();
            separator = if rest > 1 { ", " } else { " and " };
        }
        Ok(())
    }
}

/// Why an endpoint has no TLS identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoIdentity {
    /// The Pod has no proxy.
    NotMeshed,
    /// Its proxy does not see this port.
    PortSkipped,
    /// Its proxy belongs to another control plane.
    OtherControlPlane,
    /// The operator said that there are no identities.
    NoTrustDomain,
}

/// Whether connections are not to be looked into, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opacity {
    /// The annotation lists the port.
    Annotation,
    /// There is no annotation, and the operator's list has the port.
    Default,
    /// A Server does.
    Server,
    /// There is an annotation without the port.
    NotByAnnotation,
    /// Nobody lists it.
    No,
}

impl Opacity {
    /// Whether they are not to be looked into.
    pub(super) fn is_opaque(self) -> bool {
        matches!(self, Self::Annotation | Self::Default | Self::Server)
    }
}

/// Whether a client connects to the port of the proxy instead, where the real one is said inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// The port is the proxy's own: directly.
    ProxysOwn,
    /// Directly.
    Direct,
    /// The operator wants it so for all.
    Always(u16),
    /// The port is opaque.
    Opaque(u16),
}

impl Transport {
    fn port(self) -> Option<u16> {
        match self {
            Self::ProxysOwn | Self::Direct => None,
            Self::Always(port) | Self::Opaque(port) => Some(port),
        }
    }
}

/// What is said of one port of the Pods of a class.
pub(super) struct PodPort<'a> {
    class: &'a PodClass,
    /// The container's port.
    port: u16,
    /// The port on the node that leads there, if that is what was asked for.
    host_port: Option<u16>,
    mesh: &'a MeshOptions,
}

impl<'a> PodPort<'a> {
    pub(super) fn new(class: &'a PodClass, port: u16, mesh: &'a MeshOptions) -> Self {
        Self { class, port, host_port: None, mesh }
    }

    /// The same port as it is reached through a port of the node. What is said of either holds.
    pub(super) fn through(self, host_port: u16) -> Self {
        Self { host_port: Some(host_port), ..self }
    }

    /// The Pods' class.
    pub(super) fn class(&self) -> &'a PodClass {
        self.class
    }

    fn is_in(&self, ports: &PortRanges) -> bool {
        ports.contains(self.port) || self.host_port.is_some_and(|port| ports.contains(port))
    }

    /// Whether connections are not to be looked into: by the annotation, else the default list; or by a
    /// Server.
    pub(super) fn opacity(&self) -> Opacity {
        let by_server = |port: &u16| self.class.opaque_by_server.binary_search(port).is_ok();
        match &self.class.spec.opaque_ports {
            Some(ports) if self.is_in(ports) => Opacity::Annotation,
            None if self.is_in(&self.mesh.opaque_ports) => Opacity::Default,
            _ if by_server(&self.port) || self.host_port.as_ref().is_some_and(by_server) => Opacity::Server,
            Some(_) => Opacity::NotByAnnotation,
            None => Opacity::No,
        }
    }

    /// Whether connections are not to be looked into.
    pub(super) fn is_opaque(&self) -> bool {
        self.opacity().is_opaque()
    }

    /// Whether the Pod's proxy takes what goes to this port.
    fn is_meshed(&self) -> bool {
        self.meshed().is_ok()
    }

    /// The control plane of the proxy that takes what goes to this port.
    pub(super) fn meshed(&self) -> Result<&'a Name, NoIdentity> {
        let control_plane = self.class.control_plane.as_ref().ok_or(NoIdentity::NotMeshed)?;
        if self.is_in(&self.class.spec.skip_inbound_ports) {
            return Err(NoIdentity::PortSkipped);
        }
        Ok(control_plane)
    }

    /// Whether to connect to another port, where the real one is said inside the connection.
    pub(super) fn transport(&self) -> Result<Transport, LacksVariables> {
        let proxy = &self.class.spec.proxy;
        let lacks = || LacksVariables::of(proxy);
        let (admin, control) = (proxy.admin.ok_or_else(lacks)?, proxy.control.ok_or_else(lacks)?);
        if self.port == admin || self.port == control {
            return Ok(Transport::ProxysOwn);
        }
        let inbound = || proxy.inbound.ok_or_else(lacks);
        if self.mesh.transport_header {
            inbound().map(Transport::Always)
        } else if self.is_opaque() {
            inbound().map(Transport::Opaque)
        } else {
            Ok(Transport::Direct)
        }
    }

    /// Whether the Pods can be given out at all.
    pub(super) fn check(&self) -> Result<(), LacksVariables> {
        if self.is_meshed() { self.transport().map(|_| ()) } else { Ok(()) }
    }

    /// What is said of all Pods of the class.
    pub(super) fn describe(&self, zone: Option<&Name>) -> Result<WeightedAddr, LacksVariables> {
        let class = self.class;
        let mut addr = WeightedAddr::default();
        let mut label = |key: &str, value: &str| {
            addr.metric_labels.insert(key.to_owned(), value.to_owned());
        };
        if let Some((kind, name)) = &class.owner {
            label(kind, name.as_str());
        }
        label("serviceaccount", &class.spec.service_account);
        label("zone", zone.map_or("", Name::as_str));
        if let Some(namespace) = &class.control_plane {
            label("control_plane_ns", namespace.as_str());
        }
        if let Some(hash) = &class.template_hash {
            label("pod_template_hash", hash.as_str());
        }
        if !self.is_meshed() {
            return Ok(addr);
        }
        addr.tls_identity = self.identity().ok();
        addr.protocol_hint = Some(hint(self.is_opaque(), self.mesh.h2_upgrade, self.transport()?.port()));
        addr.http2 = self.mesh.http2;
        Ok(addr)
    }

    /// Who the Pods are to TLS, or why nobody.
    pub(super) fn identity(&self) -> Result<TlsIdentity, NoIdentity> {
        let control_plane = self.meshed()?;
        let trust_domain = &self.mesh.trust_domain;
        if *control_plane != self.mesh.controller_namespace {
            return Err(NoIdentity::OtherControlPlane);
        }
        if trust_domain.as_str().is_empty() {
            return Err(NoIdentity::NoTrustDomain);
        }
        let name = format!(
            "{}.{}.serviceaccount.identity.{control_plane}.{trust_domain}",
            self.class.spec.service_account, self.class.namespace
        );
        let strategy = Strategy::DnsLikeIdentity(DnsLikeIdentity { name: name.clone() });
        Ok(TlsIdentity { strategy: Some(strategy), server_name: Some(DnsLikeIdentity { name }) })
    }
}

/// What is said of one port of an ExternalWorkload, which is always meshed.
pub(super) fn describe_workload(
    workload: &ExternalWorkload,
    opaque_by_server: &[u16],
    port: u16,
    zone: Option<&Name>,
    mesh: &MeshOptions,
) -> WeightedAddr {
    let is_opaque = is_opaque_at_workload(workload, opaque_by_server, port, mesh);
    let inbound = || {
        let proxy = workload.ports.iter().find(|(name, _)| **name == *PROXY_PORT);
        proxy.map_or(DEFAULT_INBOUND_PORT, |(_, port)| *port)
    };
    let transport = (mesh.transport_header || is_opaque).then(inbound);
    let uri = UriLikeIdentity { uri: workload.identity.to_string() };
    let mut addr = WeightedAddr {
        tls_identity: Some(TlsIdentity {
            strategy: Some(Strategy::UriLikeIdentity(uri)),
            server_name: Some(DnsLikeIdentity { name: workload.server_name.to_string() }),
        }),
        protocol_hint: Some(hint(is_opaque, true, transport)),
        http2: mesh.http2,
        ..WeightedAddr::default()
    };
    if let Some(owner) = &workload.owner {
        addr.metric_labels.insert(owner.kind.to_lowercase(), owner.name.to_string());
    }
    addr.metric_labels.insert("zone".to_owned(), zone.map(Name::to_string).unwrap_or_default());
    addr
}

/// Whether connections to this port of a workload are not to be looked into.
pub(super) fn is_opaque_at_workload(
    workload: &ExternalWorkload,
    opaque_by_server: &[u16],
    port: u16,
    mesh: &MeshOptions,
) -> bool {
    opacity_of_workload(workload, opaque_by_server, port, mesh).is_opaque()
}

/// The same, and who says so.
pub(super) fn opacity_of_workload(
    workload: &ExternalWorkload,
    opaque_by_server: &[u16],
    port: u16,
    mesh: &MeshOptions,
) -> Opacity {
    match &workload.opaque_ports {
        Some(ports) if ports.contains(port) => Opacity::Annotation,
        None if mesh.opaque_ports.contains(port) => Opacity::Default,
        _ if opaque_by_server.binary_search(&port).is_ok() => Opacity::Server,
        Some(_) => Opacity::NotByAnnotation,
        None => Opacity::No,
    }
}

/// What is said of an endpoint without a Pod: of a gateway to another cluster if it has an identity.
fn describe_gateway(mirror: &Mirror, requested_port: u16, mesh: &MeshOptions) -> WeightedAddr {
    let mut addr = WeightedAddr::default();
    if let Some(name) = &mirror.remote_name {
        let authority_override = format!("{name}:{requested_port}");
        addr.authority_override = Some(AuthorityOverride { authority_override });
    }
    if let Some(name) = &mirror.gateway_identity {
        let strategy = Strategy::DnsLikeIdentity(DnsLikeIdentity { name: name.to_string() });
        addr.tls_identity = Some(TlsIdentity { strategy: Some(strategy), server_name: None });
        addr.protocol_hint = mesh.h2_upgrade.then(|| hint(false, true, None));
        addr.http2 = mesh.http2;
    }
    addr
}

/// The labels that a mirrored service puts on its endpoints: where they really are.
pub(super) fn mirror_labels(mirror: &Mirror) -> Vec<(&'static str, &str)> {
    let Some(cluster) = &mirror.cluster else { return Vec::new() };
    let mut labels = vec![("target_cluster", &**cluster)];
    if let Some((service, rest)) = mirror.remote_name.as_deref().and_then(|name| name.split_once('.')) {
        let namespace = rest.split('.').next().unwrap_or_default();
        labels.extend([("target_service", service), ("target_service_namespace", namespace)]);
    }
    labels
}

/// What the endpoints behind which this is have in common, seen through this port. `None` if there are none.
pub(super) fn describe(
    backing: &Backing,
    (requested_port, port): (u16, u16),
    zone: Option<&Name>,
    mesh: &MeshOptions,
) -> Option<WeightedAddr> {
    match backing {
        Backing::Bare(mirror) => {
            Some(mirror.as_deref().map(|m| describe_gateway(m, requested_port, mesh)).unwrap_or_default())
        }
        Backing::Pod { class, .. } => PodPort::new(class, port, mesh).describe(zone).ok(),
        Backing::Workload { workload, opaque_by_server } => {
            Some(describe_workload(workload, opaque_by_server, port, zone, mesh))
        }
        Backing::Missing | Backing::ForeignPod | Backing::Unknown => None,
    }
}

fn hint(is_opaque: bool, h2: bool, transport: Option<u16>) -> ProtocolHint {
    let protocol = match (is_opaque, h2) {
        (true, _) => Some(Protocol::Opaque(Opaque {})),
        (false, true) => Some(Protocol::H2(H2 {})),
        (false, false) => None,
    };
    let opaque_transport = transport.map(|port| OpaqueTransport { inbound_port: port.into() });
    ProtocolHint { protocol, opaque_transport }
}

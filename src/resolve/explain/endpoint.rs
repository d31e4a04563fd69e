//! Everything about one address: its weight, and each thing that is said of it with where it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Listed};
use crate::{
    cluster::Backing,
    model::{ExternalWorkload, Mirror, Name, TargetRef},
    pb::{
        destination::{WeightedAddr, protocol_hint::Protocol, tls_identity::Strategy},
        meta::metadata,
    },
    resolve::{
        MeshOptions,
        metadata::{NoIdentity, Opacity, PodPort, Transport, opacity_of_workload},
    },
};

/// Something that may be, and why it is so or is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is; `None` if it is not.
    pub is: Option<String>,
    /// Why.
    pub why: String,
}

impl Fact {
    pub(super) fn of(is: impl ToString, why: impl Into<String>) -> Self {
        Self { is: Some(is.to_string()), why: why.into() }
    }

    pub(super) fn none(why: impl Into<String>) -> Self {
        Self { is: None, why: why.into() }
    }
}

/// A label, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub from: String,
}

/// An endpoint, and the Service that it was found in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The Service.
    pub service: String,
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// Everything about one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// `ip:port`, or what was asked for if it is nowhere.
    pub address: String,
    /// Its weight; `None` if the client is not told of it.
    pub weight: Option<u32>,
    /// The weights of all endpoints of the answer together.
    pub total_weight: u64,
    /// How the weight came about, a line a step; or why the client is not told of it.
    pub weight_why: Vec<String>,
    /// Every endpoint with this address in the slices that were looked at.
    pub places: Listed<Place>,
    /// What is said of it; `None` if nothing is.
    pub said: Option<Said>,
}

/// What is said of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The metric labels.
    pub labels: Vec<Label>,
    /// Who it is to TLS.
    pub identity: Fact,
    /// How to speak to it: `opaque` or `h2`.
    pub protocol: Fact,
    /// The port of the proxy to connect to instead.
    pub transport: Fact,
    /// How to set up HTTP/2.
    pub http2: Fact,
    /// The name to ask it for instead of the client's.
    pub authority: Fact,
    /// The object that it is.
    pub resource: Fact,
    /// Ports that its proxy does not see.
    pub skipped_ports: Fact,
}

/// What is behind an address.
pub(super) enum Behind<'a> {
    /// Nothing that is known, except of a gateway to another cluster.
    Bare(Option<&'a Mirror>),
    /// A port of a Pod.
    Pod(PodPort<'a>),
    /// A port of a workload outside.
    Workload { workload: &'a ExternalWorkload, opaque: &'a [u16], port: u16 },
}

impl<'a> Behind<'a> {
    /// What is behind an endpoint that is given out.
    pub(super) fn of(backing: &'a Backing, port: u16, mesh: &'a MeshOptions) -> Self {
        match backing {
            Backing::Bare(mirror) => Self::Bare(mirror.as_deref()),
            Backing::Pod { class, .. } => Self::Pod(PodPort::new(class, port, mesh)),
            Backing::Workload { workload, opaque_by_server } => {
                Self::Workload { workload, opaque: opaque_by_server, port }
            }
            Backing::Missing | Backing::Unknown => Self::Bare(None),
        }
    }
}

/// Where those labels come from that do not come from what is behind the address.
pub(super) struct Origins<'a> {
    pub(super) target: &'a TargetRef,
    pub(super) zone: &'a str,
    pub(super) locality: String,
    pub(super) service: String,
}

/// Puts into words what is said of an address; the values are those of the message.
pub(super) fn said(
    message: &WeightedAddr,
    behind: &Behind<'_>,
    origins: &Origins<'_>,
    mesh: &MeshOptions,
) -> Said {
    Said {
        labels: labels(&message.metric_labels, |key| origin(key, behind, origins)),
        identity: identity(message, behind),
        protocol: protocol(message, behind, mesh),
        transport: transport(message, behind),
        http2: http2(message, mesh),
        authority: authority(message),
        resource: resource(message),
        skipped_ports: skipped_ports(behind),
    }
}

/// Labels with their origins.
pub(super) fn labels(labels: &BTreeMap<String, String>, origin: impl Fn(&str) -> String) -> Vec<Label> {
    let label = |(key, value): (&String, &String)| Label {
        key: key.clone(),
        value: value.clone(),
        from: origin(key),
    };
    labels.iter().map(label).collect()
}

fn origin(key: &str, behind: &Behind<'_>, origins: &Origins<'_>) -> String {
    let owner = match behind {
        Behind::Pod(port) => {
            let class = port.class();
            let direct = class.spec.owner.as_ref();
            class.owner.as_ref().filter(|(kind, _)| **kind == *key).map(|(_, name)| match direct {
                Some(direct) if direct.name != *name => {
                    format!("owner of {} {}, which owns the Pod", direct.kind, direct.name)
                }
                _ => "owner of the Pod".to_owned(),
            })
        }
        Behind::Workload { workload, .. } => {
            let owner = workload.owner.as_ref().filter(|owner| owner.kind.to_lowercase() == *key);
            owner.map(|_| "owner of the ExternalWorkload".to_owned())
        }
        Behind::Bare(_) => None,
    };
    if let Some(owner) = owner {
        return owner;
    }
    match key {
        "pod" => "the Pod that the endpoint refers to".to_owned(),
        "external_workload" => "the ExternalWorkload that the endpoint refers to".to_owned(),
        "namespace" => match origins.target {
            TargetRef::Pod(_) => "namespace of the Pod".to_owned(),
            _ => "namespace of the ExternalWorkload".to_owned(),
        },
        "serviceaccount" => "spec.serviceAccountName of the Pod".to_owned(),
        "zone" => origins.zone.to_owned(),
        "zone_locality" => origins.locality.clone(),
        "control_plane_ns" => "label linkerd.io/control-plane-ns of the Pod".to_owned(),
        "pod_template_hash" => "label pod-template-hash of the Pod".to_owned(),
        "service" => origins.service.clone(),
        "target_cluster" | "target_service" | "target_service_namespace" => {
            "what its slices say of another cluster".to_owned()
        }
        _ => String::new(),
    }
}

fn no_identity(why: NoIdentity, port: &PodPort<'_>) -> String {
    match why {
        NoIdentity::NotMeshed => "the Pod has no proxy (no label linkerd.io/control-plane-ns)".to_owned(),
        NoIdentity::PortSkipped => format!(
            "its proxy does not see this port (config.linkerd.io/skip-inbound-ports: {})",
            port.class().spec.skip_inbound_ports
        ),
        NoIdentity::OtherControlPlane => {
            let other = port.class().control_plane.as_ref().map(Name::as_str).unwrap_or_default();
            format!("the Pod belongs to control plane {other}, not to that of --controller-namespace")
        }
        NoIdentity::NoTrustDomain => "there are no identities (--identity-trust-domain is empty)".to_owned(),
    }
}

const UNKNOWN: &str = "nothing is known of what is behind the address";

fn identity(message: &WeightedAddr, behind: &Behind<'_>) -> Fact {
    let identity = message.tls_identity.as_ref().and_then(|identity| identity.strategy.as_ref());
    let is = identity.map(|strategy| match strategy {
        Strategy::DnsLikeIdentity(identity) => identity.name.clone(),
        Strategy::UriLikeIdentity(identity) => identity.uri.clone(),
    });
    let why = match behind {
        Behind::Pod(port) => match port.identity() {
            Ok(_) => {
                "service account, namespace and control plane of the Pod, --identity-trust-domain".to_owned()
            }
            Err(why) => no_identity(why, port),
        },
        Behind::Workload { .. } => "spec.meshTLS of the ExternalWorkload".to_owned(),
        Behind::Bare(Some(mirror)) if mirror.gateway_identity.is_some() => {
            "mirror.linkerd.io/remote-gateway-identity of its slice".to_owned()
        }
        Behind::Bare(_) => UNKNOWN.to_owned(),
    };
    Fact { is, why }
}

fn opacity(opacity: Opacity) -> &'static str {
    match opacity {
        Opacity::Annotation => "config.linkerd.io/opaque-ports lists the port",
        Opacity::Default => "--default-opaque-ports lists the port",
        Opacity::Server => "a Server says proxyProtocol: opaque for the port",
        Opacity::NotByAnnotation => "config.linkerd.io/opaque-ports does not list the port",
        Opacity::No => "nothing lists the port as opaque",
    }
}

fn protocol(message: &WeightedAddr, behind: &Behind<'_>, mesh: &MeshOptions) -> Fact {
    let protocol = message.protocol_hint.as_ref().and_then(|hint| hint.protocol.as_ref());
    let is = protocol.map(|protocol| match protocol {
        Protocol::H2(_) => "h2".to_owned(),
        Protocol::Opaque(_) => "opaque".to_owned(),
    });
    let why = match behind {
        Behind::Pod(port) => match port.meshed() {
            Err(why) => no_identity(why, port),
            Ok(_) if port.is_opaque() => opacity(port.opacity()).to_owned(),
            Ok(_) => format!("{}; --enable-h2-upgrade={}", opacity(port.opacity()), mesh.h2_upgrade),
        },
        Behind::Workload { workload, opaque, port } => {
            let said = opacity_of_workload(workload, opaque, *port, mesh);
            let always = if said.is_opaque() { "" } else { "; an ExternalWorkload always speaks HTTP/2" };
            format!("{}{always}", opacity(said))
        }
        Behind::Bare(Some(mirror)) if mirror.gateway_identity.is_some() => {
            format!("a gateway to another cluster; --enable-h2-upgrade={}", mesh.h2_upgrade)
        }
        Behind::Bare(_) => UNKNOWN.to_owned(),
    };
    Fact { is, why }
}

fn transport(message: &WeightedAddr, behind: &Behind<'_>) -> Fact {
    let transport = message.protocol_hint.as_ref().and_then(|hint| hint.opaque_transport.as_ref());
    let is = transport.map(|transport| transport.inbound_port.to_string());
    let why = match behind {
        Behind::Pod(port) => match (port.meshed(), port.transport()) {
            (Err(why), _) => no_identity(why, port),
            (Ok(_), Ok(Transport::ProxysOwn)) => "the port is the proxy's own".to_owned(),
            (Ok(_), Ok(Transport::Direct)) => {
                "the port is not opaque, and --outbound-transport-mode is transparent".to_owned()
            }
            (Ok(_), Ok(Transport::Opaque(_))) => "the port is opaque".to_owned(),
            (Ok(_), Ok(Transport::Always(_))) => "--outbound-transport-mode is transport-header".to_owned(),
            (Ok(_), Err(lacks)) => format!("the proxy lacks {}", lacks.0),
        },
        Behind::Workload { .. } if is.is_some() => {
            "the port is opaque, or --outbound-transport-mode is transport-header".to_owned()
        }
        Behind::Workload { .. } => {
            "the port is not opaque, and --outbound-transport-mode is transparent".to_owned()
        }
        Behind::Bare(Some(mirror)) if mirror.gateway_identity.is_some() => {
            "never to a gateway to another cluster".to_owned()
        }
        Behind::Bare(_) => UNKNOWN.to_owned(),
    };
    Fact { is, why }
}

fn http2(message: &WeightedAddr, mesh: &MeshOptions) -> Fact {
    match (&message.http2, &mesh.http2) {
        (Some(_), _) => Fact::of("set", "--meshed-http2-client-params"),
        (None, None) => Fact::none("--meshed-http2-client-params is empty"),
        (None, Some(_)) => Fact::none("only for what is meshed"),
    }
}

fn authority(message: &WeightedAddr) -> Fact {
    match &message.authority_override {
        Some(to) => Fact::of(&to.authority_override, "mirror.linkerd.io/remote-svc-fq-name of its slice"),
        None => Fact::none("only for a service that is mirrored from another cluster"),
    }
}

fn resource(message: &WeightedAddr) -> Fact {
    match message.resource_ref.as_ref().and_then(|resource| resource.kind.as_ref()) {
        Some(metadata::Kind::Resource(to)) => {
            let is = format!("{}/{} {}/{}", to.group, to.kind, to.namespace, to.name);
            Fact::of(is, "what the endpoint refers to")
        }
        Some(metadata::Kind::Default(name)) => Fact::of(name, ""),
        None => Fact::none("the endpoint refers to no object"),
    }
}

fn skipped_ports(behind: &Behind<'_>) -> Fact {
    match behind {
        Behind::Pod(port) => {
            let ports = port.class().spec.skip_inbound_ports.to_string();
            if ports.is_empty() {
                Fact::none("no config.linkerd.io/skip-inbound-ports")
            } else {
                Fact::of(ports, "config.linkerd.io/skip-inbound-ports of the Pod")
            }
        }
        Behind::Workload { .. } | Behind::Bare(_) => Fact::none("only a Pod can skip ports"),
    }
}

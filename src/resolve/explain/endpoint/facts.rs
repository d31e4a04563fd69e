//! Each thing that is said of an address, or is not, with its reason. What is said is read off the message.

use super::{Behind, Fact};
use crate::{
    model::Name,
    pb::{
        destination::{WeightedAddr, protocol_hint::Protocol, tls_identity::Strategy},
        meta::metadata,
    },
    resolve::{
        MeshOptions,
        metadata::{NoIdentity, Opacity, PodPort, Transport, opacity_of_workload},
    },
};

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

pub(super) fn identity(message: &WeightedAddr, behind: &Behind<'_>) -> Fact {
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

pub(super) fn protocol(message: &WeightedAddr, behind: &Behind<'_>, mesh: &MeshOptions) -> Fact {
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

pub(super) fn transport(message: &WeightedAddr, behind: &Behind<'_>) -> Fact {
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
            (Ok(_), Err(lacks)) => format!("the proxy lacks {lacks}"),
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

pub(super) fn http2(message: &WeightedAddr, mesh: &MeshOptions) -> Fact {
    match (&message.http2, &mesh.http2) {
        (Some(_), _) => Fact::of("set", "--meshed-http2-client-params"),
        (None, None) => Fact::none("--meshed-http2-client-params is empty"),
        (None, Some(_)) => Fact::none("only for what is meshed"),
    }
}

pub(super) fn authority(message: &WeightedAddr) -> Fact {
    match &message.authority_override {
        Some(to) => Fact::of(&to.authority_override, "mirror.linkerd.io/remote-svc-fq-name of its slice"),
        None => Fact::none("only for a service that is mirrored from another cluster"),
    }
}

pub(super) fn resource(message: &WeightedAddr) -> Fact {
    match message.resource_ref.as_ref().and_then(|resource| resource.kind.as_ref()) {
        Some(metadata::Kind::Resource(to)) => {
            let is = format!("{}/{} {}/{}", to.group, to.kind, to.namespace, to.name);
            Fact::of(is, "what the endpoint refers to")
        }
        Some(metadata::Kind::Default(name)) => Fact::of(name, ""),
        None => Fact::none("the endpoint refers to no object"),
    }
}

pub(super) fn skipped_ports(behind: &Behind<'_>) -> Fact {
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

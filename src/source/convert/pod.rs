//! `v1` Pod, and templates of Pods.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{
    Rejection, created, optional_name,
    owner::owner,
    port_lists::{opaque_ports, skip_inbound_ports},
    read::At,
};
use crate::model::{ContainerPort, LabelSet, NsName, Phase, Pod, PodSpec, ProxyPorts};

/// The container in which the proxy runs.
const PROXY_CONTAINER: &str = "linkerd-proxy";

/// Where the proxy of a Pod listens for other proxies.
const INBOUND_LISTEN_ADDR: &str = "LINKERD2_PROXY_INBOUND_LISTEN_ADDR";

/// Where the proxy of a Pod listens for probes.
const ADMIN_LISTEN_ADDR: &str = "LINKERD2_PROXY_ADMIN_LISTEN_ADDR";

/// Where the proxy of a Pod listens for taps.
const CONTROL_LISTEN_ADDR: &str = "LINKERD2_PROXY_CONTROL_LISTEN_ADDR";

/// What a Pod says that others of its template say too, and labels of its own.
pub(in crate::source) struct Template {
    /// What it is like.
    pub(in crate::source) spec: PodSpec,
    /// Labels that it has in common with others.
    pub(in crate::source) labels: LabelSet,
    /// Labels that only it has.
    pub(in crate::source) own_labels: LabelSet,
}

pub(super) fn pod(name: NsName, root: &At<'_, '_>) -> Result<Pod, Rejection> {
    let Template { spec, labels, own_labels } = template(root)?;
    let status = root.get("status")?;
    let has_host_port = spec.ports.iter().any(|port| port.host_port.is_some());
    let host_ips = if has_host_port { ips(&status, "hostIPs", "hostIP")? } else { Vec::new() };
    Ok(Pod {
        name,
        node: optional_name(root, "spec", "nodeName")?,
        ips: one_a_family(ips(&status, "podIPs", "podIP")?),
        host_ips: host_ips.into(),
        phase: phase(root, &status)?,
        created: created(root)?,
        spec: Arc::new(spec),
        labels: Arc::new(labels),
        own_labels,
    })
}

/// Reads a Pod, or a template, which is spelled like one.
pub(in crate::source) fn template(at: &At<'_, '_>) -> Result<Template, Rejection> {
    let spec = at.get("spec")?;
    let ports: Box<[_]> = ports(&spec)?.into();
    let named = ports.iter().map(|port| (&*port.name, port.port));
    let account = match spec.get("serviceAccountName")?.name()? {
        // The older spelling; the API server takes it for the newer one.
        None => spec.get("serviceAccount")?.name()?,
        account => account,
    };
    let labels = at.get("metadata")?.get("labels")?.texts()?;
    let (own, shared): (Vec<_>, _) = labels.into_iter().partition(|(key, _)| Pod::OWN_LABELS.contains(key));
    Ok(Template {
        spec: PodSpec {
            service_account: account.as_ref().map_or("default", |name| name.as_str()).into(),
            owner: owner(at)?,
            host_network: spec.get("hostNetwork")?.flag()?.unwrap_or(false),
            opaque_ports: opaque_ports(at, named)?,
            skip_inbound_ports: skip_inbound_ports(at)?,
            proxy: proxy_ports(&spec)?,
            ports,
        },
        labels: LabelSet::new(Vec::into_iter(shared)),
        own_labels: LabelSet::new(own),
    })
}

/// The TCP ports of all containers.
fn ports(spec: &At<'_, '_>) -> Result<Vec<ContainerPort>, Rejection> {
    let mut ports = Vec::new();
    for field in ["containers", "initContainers"] {
        for container in spec.get(field)?.items()? {
            for port in container.get("ports")?.items()? {
                if !port.is_tcp_port()? {
                    continue;
                }
                let Some(number) = port.get("containerPort")?.port()? else { continue };
                let host_port =
                    port.get("hostPort")?.whole("a port number from 1 to 65535, or 0 for none")?;
                // Reached from the node itself only, so that it is no claim of the node's address.
                let is_local = port.get("hostIP")?.ip()?.is_some_and(|ip| ip.is_loopback());
                ports.push(ContainerPort {
                    name: port.get("name")?.text()?.unwrap_or_default().into(),
                    port: number,
                    host_port: host_port.filter(|number| *number != 0 && !is_local),
                });
            }
        }
    }
    Ok(ports)
}

/// The ports of the proxy. It may run in an init container that stays, which is then the one that counts.
fn proxy_ports(spec: &At<'_, '_>) -> Result<ProxyPorts, Rejection> {
    let mut found = [(INBOUND_LISTEN_ADDR, None), (ADMIN_LISTEN_ADDR, None), (CONTROL_LISTEN_ADDR, None)];
    for field in ["initContainers", "containers"] {
        for container in spec.get(field)?.items()? {
            if container.get("name")?.text()? != Some(PROXY_CONTAINER) {
                continue;
            }
            for variable in container.get("env")?.items()? {
                let name = variable.get("name")?.text()?;
                let Some((_, text)) = found.iter_mut().find(|(wanted, _)| Some(*wanted) == name) else {
                    continue;
                };
                // Nothing, if it is to be taken from elsewhere when the Pod starts.
                let value = variable.get("value")?.text()?.unwrap_or_default();
                text.get_or_insert(value);
            }
        }
    }
    let [inbound, admin, control] = found.map(|(_, text)| port_of(text?));
    Ok(ProxyPorts { inbound, admin, control })
}

/// The port of `ip:port`.
fn port_of(text: &str) -> Option<u16> {
    text.parse::<SocketAddr>().ok().map(|addr| addr.port()).filter(|port| *port != 0)
}

/// The addresses in a list of `ip`s, or the one in the older field that it replaced.
fn ips(status: &At<'_, '_>, list: &str, single: &str) -> Result<Vec<IpAddr>, Rejection> {
    let mut ips = Vec::new();
    for item in status.get(list)?.items()? {
        ips.extend(item.get("ip")?.ip()?);
    }
    if ips.is_empty() {
        ips.extend(status.get(single)?.ip()?);
    }
    Ok(ips)
}

/// The first address of each family, in their order.
pub(super) fn one_a_family(ips: Vec<IpAddr>) -> [Option<IpAddr>; 2] {
    let first = ips.first().copied();
    let other = ips.into_iter().find(|ip| first.is_some_and(|first| first.is_ipv4() != ip.is_ipv4()));
    [first, other]
}

fn phase(root: &At<'_, '_>, status: &At<'_, '_>) -> Result<Phase, Rejection> {
    let terminating = !root.get("metadata")?.get("deletionTimestamp")?.is_absent();
    Ok(match status.get("phase")?.text()? {
        Some("Succeeded" | "Failed") => Phase::Over,
        Some("Running") if terminating => Phase::Leaving,
        Some("Running") => Phase::Running,
        _ if terminating => Phase::Over,
        _ => Phase::Pending,
    })
}

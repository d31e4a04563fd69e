//! `v1` Service.

use std::net::IpAddr;

use super::{Rejection, created, port_lists::opaque_ports, read::At};
use crate::model::{LabelSet, NsName, Service, ServiceKind, ServicePort, TargetPort};

/// Marks a Service whose endpoints are in other clusters: as a label for one, as an annotation for several.
const REMOTE_DISCOVERY: &str = "multicluster.linkerd.io/remote-discovery";

/// Annotation of a Service that is served by a local one together with remote ones.
const LOCAL_DISCOVERY: &str = "multicluster.linkerd.io/local-discovery";

/// What `clusterIP` is of a headless Service.
const HEADLESS: &str = "None";

pub(super) fn service(name: NsName, root: &At<'_, '_>) -> Result<Service, Rejection> {
    let spec = root.get("spec")?;
    let (cluster_ips, headless) = cluster_ips(&spec)?;
    let kind_at = spec.get("type")?;
    let kind = match kind_at.text()? {
        Some("ExternalName") => {
            let target = spec.get("externalName")?;
            ServiceKind::ExternalName(
                target.required_name("the DNS name that the Service stands for")?.into(),
            )
        }
        None | Some("" | "ClusterIP" | "NodePort" | "LoadBalancer") => {
            if headless {
                ServiceKind::Headless
            } else {
                ServiceKind::ClusterIp
            }
        }
        Some(_) => return Err(kind_at.wrong("ClusterIP, NodePort, LoadBalancer or ExternalName")),
    };
    let ports = ports(&spec)?;
    let named = ports.iter().map(|port| (&*port.name, port.port));
    Ok(Service {
        name,
        created: created(root)?,
        cluster_ips: if kind == ServiceKind::ClusterIp { cluster_ips } else { Vec::new() },
        kind,
        local_traffic_only: is_local_only(&spec.get("internalTrafficPolicy")?)?,
        multi_cluster_marker: multi_cluster_marker(root)?,
        opaque_ports: opaque_ports(root, named)?,
        selector: LabelSet::new(spec.get("selector")?.texts()?),
        ports,
    })
}

fn is_local_only(policy: &At<'_, '_>) -> Result<bool, Rejection> {
    match policy.text()? {
        None | Some("" | "Cluster") => Ok(false),
        Some("Local") => Ok(true),
        Some(_) => Err(policy.wrong("Cluster or Local")),
    }
}

/// The virtual addresses, and whether the Service says that it wants none.
fn cluster_ips(spec: &At<'_, '_>) -> Result<(Vec<IpAddr>, bool), Rejection> {
    let (single, list) = (spec.get("clusterIP")?, spec.get("clusterIPs")?);
    let mut all: Vec<_> = list.items()?.collect();
    if all.is_empty() {
        all.push(single);
    }
    let mut ips = Vec::new();
    let mut headless = single.text()? == Some(HEADLESS);
    for at in all {
        match at.text()? {
            None | Some("") => {}
            Some(HEADLESS) => headless = true,
            Some(text) => ips.push(text.parse().map_err(|_| at.wrong("an IP address or None"))?),
        }
    }
    Ok((ips, headless))
}

fn ports(spec: &At<'_, '_>) -> Result<Vec<ServicePort>, Rejection> {
    let mut ports = Vec::new();
    for (index, item) in spec.get("ports")?.items()?.enumerate() {
        if !item.is_tcp_port()? {
            continue;
        }
        let at = item.get("port")?;
        let port = at.port()?.ok_or_else(|| at.wrong("the number that clients use"))?;
        let name = item.get("name")?.text()?.unwrap_or_default().into();
        ports.push(ServicePort { name, port, target: target(&item, port)?, index });
    }
    Ok(ports)
}

/// `targetPort`, which is `port` if it is absent.
pub(in crate::source) fn target(item: &At<'_, '_>, port: u16) -> Result<TargetPort, Rejection> {
    let at = item.get("targetPort")?;
    if let Some(name) = at.value().as_str().filter(|name| !name.is_empty()) {
        return Ok(TargetPort::Name(name.into()));
    }
    let is_absent = at.is_absent() || at.value().as_str() == Some("") || at.value().as_u64() == Some(0);
    Ok(TargetPort::Number(if is_absent { port } else { at.port()?.unwrap_or(port) }))
}

fn multi_cluster_marker(root: &At<'_, '_>) -> Result<Option<&'static str>, Rejection> {
    let metadata = root.get("metadata")?;
    let (labels, annotations) = (metadata.get("labels")?, metadata.get("annotations")?);
    for (mapping, key) in
        [(annotations, REMOTE_DISCOVERY), (annotations, LOCAL_DISCOVERY), (labels, REMOTE_DISCOVERY)]
    {
        if mapping.get(key)?.text()?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

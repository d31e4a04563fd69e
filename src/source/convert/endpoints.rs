//! EndpointSlice and Endpoints: addresses behind a Service.

use std::net::IpAddr;

use super::{Rejection, ZONE_LABEL, label, read::At};
use crate::model::{Endpoint, EndpointPort, EndpointSlice, Mirror, Name, NsName, Subset, TargetRef};

/// Label of a slice: the Service it belongs to.
const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// What `discovery.k8s.io/v1beta1` has in place of `nodeName`.
const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

/// Label of a mirrored service's endpoints: the cluster that it is in.
const MIRRORED_CLUSTER_LABEL: &str = "mirror.linkerd.io/cluster-name";

/// Annotation of a mirrored service's endpoints: its name in its own cluster.
const REMOTE_NAME: &str = "mirror.linkerd.io/remote-svc-fq-name";

/// Annotation of a mirrored service's endpoints: the TLS name of the gateway to it.
const GATEWAY_IDENTITY: &str = "mirror.linkerd.io/remote-gateway-identity";

pub(super) fn slice(name: NsName, root: &At<'_, '_>) -> Result<EndpointSlice, Rejection> {
    let service = match label(root, SERVICE_NAME_LABEL)?.filter(|s| !s.is_empty()) {
        Some(service) => Some(service.into()),
        None => owning_service(root)?,
    };
    // FQDN is the one type whose addresses are no IPs; it is also the one that Kubernetes ignores.
    let address_type = root.get("addressType")?;
    let named = match address_type.text()? {
        None | Some("" | "IPv4" | "IPv6" | "IP") => false,
        Some("FQDN") => true,
        Some(_) => return Err(address_type.wrong("IPv4, IPv6 or FQDN")),
    };
    let mut endpoints = Vec::new();
    for item in root.get("endpoints")?.items()? {
        if named {
            break;
        }
        endpoints.extend(slice_endpoint(&name.namespace, &item)?);
    }
    let subset = Subset { ports: ports(&root.get("ports")?)?, endpoints };
    Ok(EndpointSlice { name, service, mirror: mirror(root)?, subsets: vec![subset] })
}

fn owning_service(root: &At<'_, '_>) -> Result<Option<Name>, Rejection> {
    for owner in root.get("metadata")?.get("ownerReferences")?.items()? {
        if owner.get("kind")?.text()? == Some("Service") {
            return owner.get("name")?.name();
        }
    }
    Ok(None)
}

/// One endpoint of a slice; `None` if it has no address.
fn slice_endpoint(namespace: &Name, at: &At<'_, '_>) -> Result<Option<Endpoint>, Rejection> {
    let mut address = None;
    for item in at.get("addresses")?.items()? {
        address = address.or(item.ip()?);
    }
    let topology = at.get("topology")?;
    let mut hint_zones = Vec::new();
    for hint in at.get("hints")?.get("forZones")?.items()? {
        hint_zones.extend(hint.get("name")?.name()?);
    }
    hint_zones.sort();
    hint_zones.dedup();
    endpoint(namespace, at, address, at.get("conditions")?.get("ready")?.flag()?.unwrap_or(true), |e| {
        e.node = e.node.take().or(topology.get(HOSTNAME_LABEL)?.name()?);
        e.zone = at.get("zone")?.name()?.or(topology.get(ZONE_LABEL)?.name()?);
        e.hint_zones = hint_zones;
        Ok(())
    })
}

pub(super) fn endpoints(name: NsName, root: &At<'_, '_>) -> Result<EndpointSlice, Rejection> {
    let mut subsets = Vec::new();
    for item in root.get("subsets")?.items()? {
        let mut endpoints = Vec::new();
        for (field, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for address in item.get(field)?.items()? {
                let ip = address.get("ip")?.ip()?;
                endpoints.extend(endpoint(&name.namespace, &address, ip, ready, |_| Ok(()))?);
            }
        }
        subsets.push(Subset { ports: ports(&item.get("ports")?)?, endpoints });
    }
    Ok(EndpointSlice { service: Some(name.name.clone()), name, mirror: mirror(root)?, subsets })
}

/// What multi-cluster wrote on the object, if it wrote anything.
fn mirror(root: &At<'_, '_>) -> Result<Option<Mirror>, Rejection> {
    let metadata = root.get("metadata")?;
    let (labels, annotations) = (metadata.get("labels")?, metadata.get("annotations")?);
    let name = |at: At<'_, '_>| Ok(at.name()?.map(|name| name.as_str().into()));
    let mirror = Mirror {
        cluster: name(labels.get(MIRRORED_CLUSTER_LABEL)?)?,
        remote_name: name(annotations.get(REMOTE_NAME)?)?,
        gateway_identity: name(annotations.get(GATEWAY_IDENTITY)?)?,
    };
    Ok((mirror != Mirror::default()).then_some(mirror))
}

/// What both forms of an endpoint spell the same; `rest` adds what only one has.
fn endpoint(
    namespace: &Name,
    at: &At<'_, '_>,
    address: Option<IpAddr>,
    ready: bool,
    rest: impl FnOnce(&mut Endpoint) -> Result<(), Rejection>,
) -> Result<Option<Endpoint>, Rejection> {
    let target = target(namespace, &at.get("targetRef")?)?;
    let hostname = at.get("hostname")?.name()?;
    let node = at.get("nodeName")?.name()?;
    let Some(address) = address else { return Ok(None) };
    let mut endpoint =
        Endpoint { address, ready, hostname, node, zone: None, hint_zones: Vec::new(), target };
    rest(&mut endpoint)?;
    Ok(Some(endpoint))
}

fn target(namespace: &Name, at: &At<'_, '_>) -> Result<TargetRef, Rejection> {
    let name = at.get("name")?.name()?;
    let named = at.get("namespace")?.name()?;
    Ok(match (at.get("kind")?.text()?.unwrap_or_default(), name) {
        ("", _) => TargetRef::None,
        ("Pod", Some(name)) => {
            let namespace = named.unwrap_or_else(|| namespace.clone());
            TargetRef::Pod(NsName { namespace, name })
        }
        // Looked for beside the slice, whatever the reference says: Linkerd does.
        ("ExternalWorkload", Some(name)) => {
            TargetRef::Workload(NsName { namespace: namespace.clone(), name })
        }
        (kind, _) => TargetRef::Other(kind.into()),
    })
}

/// The TCP ports; `None` if there is no list. A port without a number is for every port, which cannot be
/// asked for by number.
fn ports(at: &At<'_, '_>) -> Result<Option<Vec<EndpointPort>>, Rejection> {
    if at.is_absent() {
        return Ok(None);
    }
    let mut ports = Vec::new();
    for item in at.items()? {
        if !item.is_tcp_port()? {
            continue;
        }
        if let Some(port) = item.get("port")?.port()? {
            ports.push(EndpointPort { name: item.get("name")?.text()?.unwrap_or_default().into(), port });
        }
    }
    Ok(Some(ports))
}

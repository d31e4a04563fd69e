//! `workload.linkerd.io` ExternalWorkload.

use std::net::IpAddr;

use super::{Rejection, created, owner::owner, pod::one_a_family, port_lists::opaque_ports, read::At};
use crate::model::{ExternalWorkload, LabelSet, NsName};

pub(super) fn workload(name: NsName, root: &At<'_, '_>) -> Result<ExternalWorkload, Rejection> {
    let spec = root.get("spec")?;
    let (mesh, older) = (spec.get("meshTLS")?, spec.get("meshTls")?);
    // v1alpha1 had the other spelling.
    let mesh = if mesh.is_absent() && !older.is_absent() { older } else { mesh };
    let ports = ports(&spec)?;
    let named = ports.iter().map(|(name, port)| (&**name, *port));
    Ok(ExternalWorkload {
        name,
        created: created(root)?,
        identity: identity(&mesh)?,
        server_name: mesh.get("serverName")?.required_name("the TLS server name of its proxy")?.into(),
        ips: ips(&spec)?,
        owner: owner(root)?,
        opaque_ports: opaque_ports(root, named)?,
        labels: LabelSet::new(root.get("metadata")?.get("labels")?.texts()?),
        ports: ports.into(),
    })
}

fn ips(spec: &At<'_, '_>) -> Result<Box<[IpAddr]>, Rejection> {
    let mut ips = Vec::new();
    for item in spec.get("workloadIPs")?.items()? {
        ips.extend(item.get("ip")?.ip()?);
    }
    Ok(one_a_family(ips).into_iter().flatten().collect())
}

/// A SPIFFE ID has up to 2048 bytes.
fn identity(mesh: &At<'_, '_>) -> Result<Box<str>, Rejection> {
    const WHAT: &str = "the identity of its proxy, a URI";
    let at = mesh.get("identity")?;
    at.required_text(WHAT)?;
    Ok(at.fit_text(WHAT, 2048)?.unwrap_or_default().into())
}

/// The TCP ports.
fn ports(spec: &At<'_, '_>) -> Result<Vec<(Box<str>, u16)>, Rejection> {
    let mut ports = Vec::new();
    for item in spec.get("ports")?.items()? {
        if !item.is_tcp_port()? {
            continue;
        }
        let at = item.get("port")?;
        let port = at.port()?.ok_or_else(|| at.wrong("the number that it listens on"))?;
        ports.push((item.get("name")?.text()?.unwrap_or_default().into(), port));
    }
    Ok(ports)
}

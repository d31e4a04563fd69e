//! `policy.linkerd.io` Server.

use super::{Rejection, read::At, selector::selector};
use crate::model::{NsName, Server, ServerPort, ServerTarget};

/// The `proxyProtocol` of a Server that matters here.
const OPAQUE: &str = "opaque";

pub(super) fn server(name: NsName, root: &At<'_, '_>) -> Result<Server, Rejection> {
    let spec = root.get("spec")?;
    // Of any other Server no answer depends, so that nothing in it can be wrong.
    Ok(if spec.get("proxyProtocol")?.text()? == Some(OPAQUE) {
        Server { name, opaque: Some(target(&spec)?), other: None }
    } else {
        Server { name, opaque: None, other: target(&spec).ok() }
    })
}

fn target(spec: &At<'_, '_>) -> Result<ServerTarget, Rejection> {
    Ok(ServerTarget {
        pods: selector(&spec.get("podSelector")?)?,
        workloads: selector(&spec.get("externalWorkloadSelector")?)?,
        port: port(&spec.get("port")?)?,
    })
}

/// A number or a name. A number in quotes is a name to Kubernetes, but no port can be called that.
fn port(at: &At<'_, '_>) -> Result<ServerPort, Rejection> {
    const EXPECTED: &str = "a port number from 1 to 65535, or the name of a port";
    let number = match at.value().as_str() {
        Some(text) if text.bytes().any(|b| !b.is_ascii_digit()) => return Ok(ServerPort::Name(text.into())),
        Some(digits) => digits.parse().ok(),
        None => at.whole(EXPECTED)?,
    };
    number.filter(|n| *n != 0).map(ServerPort::Number).ok_or_else(|| at.wrong(EXPECTED))
}

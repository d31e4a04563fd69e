//! Annotations that list ports.
//!
//! What an item of such a list does not mean is passed over, as Linkerd does, and the rest of it counts: these
//! objects have nothing to carry a [`Problem`](crate::model::Problem) to their user.

use super::{Rejection, annotation, read::At};
use crate::model::PortRanges;

/// Ports whose traffic is no protocol that a proxy should look for; on workloads and Services.
const OPAQUE_PORTS: &str = "config.linkerd.io/opaque-ports";

/// Ports that the proxy of a Pod does not see.
const SKIP_INBOUND_PORTS: &str = "config.linkerd.io/skip-inbound-ports";

/// The opaque ports, if the object says anything of them: an empty list says that there are none. `named` are
/// the ports that it may list by name; several may have one name.
pub(super) fn opaque_ports<'p>(
    root: &At<'_, '_>,
    named: impl Iterator<Item = (&'p str, u16)> + Clone,
) -> Result<Option<PortRanges>, Rejection> {
    let numbers = |name: &str| named.clone().filter(|(n, _)| *n == name).map(|(_, number)| number).collect();
    Ok(annotation(root, OPAQUE_PORTS)?.map(|list| PortRanges::parse(list, numbers).0))
}

/// The ports to which connections pass the proxy by. A name is none: the rules of the network know no names.
pub(super) fn skip_inbound_ports(root: &At<'_, '_>) -> Result<PortRanges, Rejection> {
    let list = annotation(root, SKIP_INBOUND_PORTS)?.unwrap_or_default();
    Ok(PortRanges::parse(list, |_| Vec::new()).0)
}

//! What decides by who asks which endpoints of a service are given out, and how its port is found in a slice.

use super::Filter;
use crate::{
    cluster::StoredSubset,
    model::Service,
    resolve::{
        explain::{Explaining, count},
        pool::Pool,
        selection::{Locale, SelectionKey},
    },
};

impl Explaining<'_> {
    /// What decides, and what might but does not.
    pub(super) fn filters(&self, service: &Service, key: &SelectionKey, pool: &Pool) -> Vec<Filter> {
        let mut filters = Vec::new();
        let mut say = |name: &str, applies, why: String| {
            filters.push(Filter { name: name.to_owned(), applies, why });
        };
        if let Some(instance) = &key.pool.instance {
            say("host name", true, format!("only endpoints with the host name {instance}"));
        }
        let (census, node) = (pool.census(), &self.question.context.node);
        let all = pool.candidates().len();
        match &key.locale {
            Locale::Node(Some(node)) => {
                say("node", true, format!("internalTrafficPolicy is Local: only endpoints on node {node}"));
            }
            Locale::Node(None) => say(
                "node",
                true,
                "internalTrafficPolicy is Local, and the token names no node: there are none".to_owned(),
            ),
            Locale::Zone(zone) => say(
                "zone",
                true,
                format!("every endpoint has a hint, and some are for zone {zone}, the client's: only those"),
            ),
            Locale::Anywhere if census.hinted_for.is_empty() => {}
            Locale::Anywhere if census.unhinted > 0 => {
                let unhinted = count(census.unhinted, "endpoint");
                say("zone", false, format!("{unhinted} of {all} without a hint, so that no hint counts"));
            }
            Locale::Anywhere => match (node, node.as_ref().and_then(|node| self.cluster.zone_of(node))) {
                (_, Some(zone)) => {
                    say(
                        "zone",
                        false,
                        format!("no endpoint is hinted for zone {zone}, the client's: all are used"),
                    );
                }
                (Some(node), None) => {
                    say("zone", false, format!("there are hints, but the zone of node {node} is not known"));
                }
                (None, None) => {
                    say("zone", false, "there are hints, but the token names no node".to_owned());
                }
            },
        }
        if service.local_traffic_only && !census.hinted_for.is_empty() {
            say("zone", false, "the node comes first, so that no hint counts".to_owned());
        }
        if !self.options.ipv6 {
            say("family", true, "--enable-ipv6=false: only IPv4".to_owned());
        } else if census.ipv6 > 0 {
            say("family", true, "what has an IPv6 address is given by that alone".to_owned());
        }
        filters
    }
}

/// `9080 is called http in the Service`
pub(super) fn port_why(port: u16, name: Option<&str>) -> String {
    match name {
        Some("") => format!("{port} has no name in the Service"),
        Some(name) => format!("{port} is called {name} in the Service"),
        None => format!("the Service does not declare {port}, so that the number is used as it is"),
    }
}

/// Which port of a subset it is, or which it has instead.
pub(super) fn subset_why(port: Option<u16>, subset: &StoredSubset, asked: u16, name: Option<&str>) -> String {
    let quoted = |name: &str| if name.is_empty() { "without a name".to_owned() } else { name.to_owned() };
    match (port, name, &subset.ports) {
        (_, _, None) => "it lists no ports, so that it has none".to_owned(),
        (Some(port), Some(name), _) => format!("its port {} is {port}", quoted(name)),
        (Some(_), None, _) => format!("{asked} as it was asked for"),
        (None, name, Some(ports)) => {
            let has: Vec<_> =
                ports.iter().take(5).map(|port| format!("{} {}", quoted(&port.name), port.port)).collect();
            let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
            format!("it has no port {}, but {has}", quoted(name.unwrap_or_default()))
        }
    }
}

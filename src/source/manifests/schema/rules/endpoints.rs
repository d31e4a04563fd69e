//! Rules for Endpoints and EndpointSlices.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv6Addr},
};

use crate::source::convert::read::At;

use super::{
    super::{
        Faults,
        names::{LABEL, LABEL_VALUE, QUALIFIED, SUBDOMAIN, labels, required_port},
    },
    service::{plain_ip, protocol},
    unique,
};

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_PORTS: usize = 20_000;
const MAX_HINTS: usize = 8;

/// Checks an Endpoints object.
pub(super) fn endpoints(root: &At<'_, '_>, faults: &mut Faults) {
    for subset in root.field("subsets").list() {
        let (ready, waiting) = (subset.field("addresses"), subset.field("notReadyAddresses"));
        if ready.list().chain(waiting.list()).next().is_none() {
            faults.add(subset.reject("expected addresses or notReadyAddresses, found none"));
        }
        for endpoint in ready.list().chain(waiting.list()) {
            address(&endpoint.field("ip"), faults);
            LABEL.check(&endpoint.field("hostname"), faults);
            SUBDOMAIN.check(&endpoint.field("nodeName"), faults);
        }
        let ports = subset.field("ports");
        let has_several = ports.list().count() > 1;
        for port in ports.list() {
            let name = port.field("name");
            if has_several && name.str().is_empty() {
                faults.add(name.wrong("a name, as there are several ports"));
            }
            LABEL.check(&name, faults);
            required_port(&port.field("port"), faults);
            protocol(&port.field("protocol"), faults);
            QUALIFIED.check(&port.field("appProtocol"), faults);
        }
    }
}

/// Checks an EndpointSlice.
pub(super) fn slice(root: &At<'_, '_>, faults: &mut Faults) {
    let family = root.field("addressType");
    let family = match family.str() {
        "IPv4" => Some(IpAddr::is_ipv4 as fn(&IpAddr) -> bool),
        "IPv6" => Some(IpAddr::is_ipv6 as fn(&IpAddr) -> bool),
        "FQDN" => None,
        _ => return faults.add(family.wrong("one of IPv4, IPv6, FQDN")),
    };
    let (ports, all) = (root.field("ports"), root.field("endpoints"));
    at_most(&ports, MAX_PORTS, faults);
    unique(&ports, "name", faults);
    if ports.list().filter(|port| port.field("name").str().is_empty()).count() > 1 {
        faults.add(ports.reject("expected at most one port without a name"));
    }
    for port in ports.list() {
        LABEL.check(&port.field("name"), faults);
        protocol(&port.field("protocol"), faults);
        QUALIFIED.check(&port.field("appProtocol"), faults);
    }
    if at_most(&all, MAX_ENDPOINTS, faults) {
        return;
    }
    for endpoint in all.list() {
        let addresses = endpoint.field("addresses");
        if addresses.list().next().is_none() {
            faults.add(addresses.wrong("a list of at least one address"));
        }
        at_most(&addresses, MAX_ADDRESSES, faults);
        for at in addresses.list() {
            match family {
                Some(is_of_family) => {
                    if plain_ip(at.str()).is_some_and(|ip| !is_of_family(&ip)) {
                        faults.add(at.wrong(&format!(
                            "an address of the slice's addressType ({})",
                            root.field("addressType").str()
                        )));
                    }
                    address(&at, faults);
                }
                None if at.str().contains('.') && SUBDOMAIN.accepts(at.str().trim_end_matches('.')) => {}
                None => faults.add(at.wrong("a fully qualified domain name")),
            }
        }
        SUBDOMAIN.check(&endpoint.field("nodeName"), faults);
        let hostname = endpoint.field("hostname");
        if hostname.value().is_string() {
            LABEL.check_required(&hostname, faults);
        }
        labels(&endpoint.field("deprecatedTopology"), faults);
        for hints in ["forZones", "forNodes"] {
            let parent = endpoint.field("hints");
            let hints = parent.field(hints);
            at_most(&hints, MAX_HINTS, faults);
            let mut seen = HashSet::new();
            for hint in hints.list() {
                let name = hint.field("name");
                LABEL_VALUE.check(&name, faults);
                if !seen.insert(name.str()) {
                    faults.add(name.reject(format!("expected each name once, found {:?} again", name.str())));
                }
            }
        }
    }
}

/// Whether a list is longer than allowed, which is reported.
fn at_most(list: &At<'_, '_>, most: usize, faults: &mut Faults) -> bool {
    let count = list.list().count();
    if count > most {
        faults.add(list.reject(format!("expected up to {most} in the list, found {count}")));
    }
    count > most
}

/// Checks an address that clients are to connect to.
pub(super) fn address(at: &At<'_, '_>, faults: &mut Faults) {
    let Some(ip) = plain_ip(at.str()) else { return faults.add(at.wrong("an IP address")) };
    let is_link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[..3] == [224, 0, 0],
        IpAddr::V6(v6) => v6.is_unicast_link_local() || is_link_local_multicast(v6),
    };
    if ip.is_unspecified() || ip.is_loopback() || is_link_local {
        faults.add(at.wrong("an address that is not unspecified, loopback or link-local"));
    }
}

fn is_link_local_multicast(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xff0f == 0xff02
}

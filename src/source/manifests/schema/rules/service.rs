//! Rules for a Service.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv6Addr},
};

use crate::source::convert::read::At;

use super::{
    super::{
        Faults,
        names::{LABEL, QUALIFIED, SUBDOMAIN, in_range, labels, one_of, port, port_or_name, required_port},
    },
    endpoints::address,
    unique,
};

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Checks `spec`.
pub(super) fn check(spec: &At<'_, '_>, faults: &mut Faults) {
    let kind = spec.field("type");
    one_of(&kind, &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"], faults);
    let service = Service {
        kind: if kind.str().is_empty() { "ClusterIP" } else { kind.str() },
        is_headless: first_ip(spec) == "None",
    };
    labels(&spec.field("selector"), faults);
    ports(spec, &service, faults);
    if service.kind == "ExternalName" {
        external_name(spec, faults);
    } else {
        cluster_ips(spec, &service, faults);
    }
    traffic(spec, &service, faults);
    let affinity = spec.field("sessionAffinity");
    one_of(&affinity, &["ClientIP", "None"], faults);
    let config = spec.field("sessionAffinityConfig");
    if affinity.str() == "ClientIP" {
        in_range(&config.field("clientIP").field("timeoutSeconds"), 1..=86_400, faults);
    }
    for ip in spec.field("externalIPs").list() {
        address(&ip, faults);
    }
}

struct Service<'v> {
    kind: &'v str,
    is_headless: bool,
}

/// `clusterIP`, or the first of `clusterIPs`.
fn first_ip<'v>(spec: &At<'_, 'v>) -> &'v str {
    let ips = spec.field("clusterIPs");
    let first = ips.list().next().map_or("", |ip| ip.str());
    if spec.field("clusterIP").str().is_empty() { first } else { spec.field("clusterIP").str() }
}

fn ports(spec: &At<'_, '_>, service: &Service<'_>, faults: &mut Faults) {
    let ports = spec.field("ports");
    let count = ports.list().count();
    if count == 0 && !service.is_headless && service.kind != "ExternalName" {
        faults.add(ports.wrong("a list of at least one port"));
    }
    unique(&ports, "name", faults);
    let (mut numbers, mut node_ports) = (HashSet::new(), HashSet::new());
    for item in ports.list() {
        let name = item.field("name");
        if count > 1 && name.str().is_empty() {
            faults.add(name.wrong("a name, as the Service has several ports"));
        }
        LABEL.check(&name, faults);
        let (number, node_port, protocol) =
            (item.field("port"), item.field("nodePort"), item.field("protocol"));
        required_port(&number, faults);
        one_of(&protocol, &PROTOCOLS, faults);
        let protocol = if protocol.str().is_empty() { "TCP" } else { protocol.str() };
        if number.int().is_some_and(|port| !numbers.insert((protocol, port))) {
            faults.add(
                number.reject(format!("expected each {protocol} port once, found {} again", number.value())),
            );
        }
        let target = item.field("targetPort");
        if target.int() != Some(0) {
            port_or_name(&target, faults);
        }
        QUALIFIED.check(&item.field("appProtocol"), faults);
        let Some(number) = node_port.int().filter(|number| *number != 0) else { continue };
        if service.kind == "ClusterIP" {
            faults.add(node_port.reject("expected no nodePort, as the Service's type is ClusterIP"));
        }
        if !node_ports.insert((protocol, number)) {
            faults.add(node_port.reject(format!("expected each nodePort once, found {number} again")));
        }
    }
}

fn external_name(spec: &At<'_, '_>, faults: &mut Faults) {
    let name = spec.field("externalName");
    if !SUBDOMAIN.accepts(name.str().strip_suffix('.').unwrap_or(name.str())) {
        faults.add(name.wrong("a DNS name"));
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let at = spec.field(field);
        if !at.is_absent() && at.value() != "" && at.value().as_array().is_none_or(|list| !list.is_empty()) {
            faults.add(at.reject("expected nothing, as the Service's type is ExternalName"));
        }
    }
}

fn cluster_ips(spec: &At<'_, '_>, service: &Service<'_>, faults: &mut Faults) {
    let (one, all) = (spec.field("clusterIP"), spec.field("clusterIPs"));
    let first = all.list().next().map(|ip| ip.str());
    if let Some(first) = first
        && first != one.str()
    {
        faults.add(all.reject("expected clusterIP to be the first of clusterIPs"));
    }
    if service.is_headless {
        if matches!(service.kind, "NodePort" | "LoadBalancer") {
            faults.add(one.reject(format!("expected an address, as the Service's type is {}", service.kind)));
        }
        if all.list().count() > 1 {
            faults.add(all.reject("expected None to be the only value"));
        }
    }
    let alone = (first.is_none() && !one.str().is_empty() && !service.is_headless).then_some(one);
    let ips: Vec<_> = all.list().filter(|ip| ip.str() != "None").chain(alone).collect();
    let mut parsed = Vec::with_capacity(ips.len());
    for ip in &ips {
        match plain_ip(ip.str()) {
            Some(address) => parsed.push(address),
            None => faults.add(ip.wrong("an IP address, or None")),
        }
    }
    if parsed.len() > 2 || (parsed.len() == 2 && parsed[0].is_ipv4() == parsed[1].is_ipv4()) {
        faults.add(all.reject("expected at most one address of each IP family"));
    }
    let families = spec.field("ipFamilies");
    let mut seen = HashSet::new();
    for (index, family) in families.list().enumerate() {
        one_of(&family, &["IPv4", "IPv6"], faults);
        if family.str().is_empty() {
            faults.add(family.wrong("one of IPv4, IPv6"));
        }
        if !seen.insert(family.str()) {
            faults.add(family.reject(format!("expected each family once, found {} again", family.str())));
        }
        let differs = |ip: &IpAddr| ip.is_ipv4() != (family.str() == "IPv4");
        if parsed.get(index).is_some_and(differs) && ["IPv4", "IPv6"].contains(&family.str()) {
            faults.add(family.reject(format!("expected the family of {}", parsed[index])));
        }
    }
    let policy = spec.field("ipFamilyPolicy");
    one_of(&policy, &["SingleStack", "PreferDualStack", "RequireDualStack"], faults);
    if policy.value() == "" {
        faults.add(policy.wrong("one of SingleStack, PreferDualStack, RequireDualStack"));
    }
    let two = seen.len() > 1 || parsed.len() > 1;
    if two && matches!(policy.str(), "" | "SingleStack") {
        faults.add(policy.wrong("PreferDualStack or RequireDualStack, as there are two IP families"));
    }
}

/// An IP address in the one form that new objects may have: an IPv4 address is not written as an IPv6 one.
pub(super) fn plain_ip(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    let is_mapped = matches!(ip, IpAddr::V6(v6) if Ipv6Addr::to_ipv4_mapped(&v6).is_some());
    (!is_mapped).then_some(ip)
}

fn traffic(spec: &At<'_, '_>, service: &Service<'_>, faults: &mut Faults) {
    let is_balanced = service.kind == "LoadBalancer";
    let has_external_ips = spec.field("externalIPs").list().next().is_some();
    let is_external =
        is_balanced || service.kind == "NodePort" || (service.kind == "ClusterIP" && has_external_ips);
    let external = spec.field("externalTrafficPolicy");
    if is_external {
        one_of(&external, &["Cluster", "Local"], faults);
    } else if !external.str().is_empty() {
        faults.add(external.reject("expected nothing, as the Service cannot be reached from outside"));
    }
    let needs_check = is_balanced && external.str() == "Local";
    let health = spec.field("healthCheckNodePort");
    if needs_check {
        port(&health, faults);
    } else if health.int().is_some_and(|port| port != 0) {
        faults.add(health.reject(
            "expected nothing, as the Service's type is not LoadBalancer with externalTrafficPolicy Local",
        ));
    }
    for (field, allowed) in [
        ("internalTrafficPolicy", &["Cluster", "Local"][..]),
        ("trafficDistribution", &["PreferClose", "PreferSameZone", "PreferSameNode"]),
    ] {
        let at = spec.field(field);
        if at.value().is_string() && !allowed.contains(&at.str()) {
            faults.add(at.wrong(&format!("one of {}", allowed.join(", "))));
        }
    }
    let ranges = spec.field("loadBalancerSourceRanges");
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass", "loadBalancerSourceRanges"] {
        let at = spec.field(field);
        let is_empty_list = at.value().as_array().is_some_and(Vec::is_empty);
        if !is_balanced && !at.is_absent() && !is_empty_list {
            faults.add(at.reject("expected nothing, as the Service's type is not LoadBalancer"));
        }
    }
    for range in ranges.list() {
        let is_range = range.str().trim().split_once('/').is_some_and(|(ip, bits)| {
            let longest = match plain_ip(ip) {
                Some(IpAddr::V4(_)) => 32,
                Some(IpAddr::V6(_)) => 128,
                None => return false,
            };
            bits.parse::<u8>().is_ok_and(|bits| bits <= longest)
        });
        if !is_range {
            faults.add(range.wrong("a range of addresses such as 192.0.2.0/24"));
        }
    }
    let class = spec.field("loadBalancerClass");
    if class.value().is_string() {
        QUALIFIED.check_required(&class, faults);
    }
}

/// Checks `protocol` of a port.
pub(super) fn protocol(at: &At<'_, '_>, faults: &mut Faults) {
    one_of(at, &PROTOCOLS, faults);
}

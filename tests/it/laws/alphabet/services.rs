//! Services, their slices and splits, and what else is said of them.

use std::{net::IpAddr, ops::Range};

use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::{Just, Strategy, prop_oneof},
    sample::{select, subsequence},
};
use switchyard::model::{
    Backend, Endpoint, EndpointPort, EndpointSlice, LabelSet, Mirror, Name, NsName, Problem, ProfileOverride,
    Reason, Service, ServiceKind, ServicePort, ServiceProfile, Subset, TargetPort, TargetRef, TrafficSplit,
};

use super::{
    DOMAIN, address, hostname, namespace, node, service_name, some_ports, weight,
    workloads::{pod_name, workload_name},
    zone,
};

fn problem(reason: Reason) -> impl Strategy<Value = Vec<Problem>> {
    let problem = Problem { reason, path: "spec".to_owned(), message: "odd".to_owned() };
    weighted(0.1, Just(problem)).prop_map(|problem| problem.into_iter().collect())
}

pub(super) fn service() -> impl Strategy<Value = Service> {
    let kind = prop_oneof![
        8 => Just(ServiceKind::ClusterIp),
        1 => Just(ServiceKind::Headless),
        1 => Just(ServiceKind::ExternalName("example.org".into())),
    ];
    let ports = prop_oneof![
        6 => Just(vec![("http", 80), ("admin", 90)]),
        2 => Just(vec![("http", 80)]),
        1 => Just(vec![("", 80)]),
        1 => Just(vec![("admin", 80), ("http", 90), ("", 80)]),
        1 => Just(vec![]),
    ];
    let ips = subsequence(vec![[10, 96, 0, 1], [10, 96, 0, 2], [10, 96, 0, 3]], 0..2);
    let rare = (weighted(0.25, Just(())), weighted(0.05, Just("mirror")), weighted(0.2, some_ports()));
    // Pods have the label `app`, of `a` or `b`, and container ports of these names.
    let selector =
        of(select(vec!["a", "b", "c", "bb"])).prop_map(|app| LabelSet::new(app.map(|app| ("app", app))));
    let target = prop_oneof![
        2 => Just(None),
        1 => Just(Some("http")),
        1 => Just(Some("htpp")),
    ];
    (service_name(), kind, ports, ips, rare, selector, target).prop_map(
        |(name, kind, ports, ips, (local, multi_cluster_marker, opaque_ports), selector, target)| {
            let port = |(name, port)| {
                let new = ServicePort::new(name, port);
                match target {
                    Some(target) => ServicePort { target: TargetPort::Name(target.into()), ..new },
                    None => new,
                }
            };
            Service {
                created: Default::default(),
                name,
                kind,
                cluster_ips: ips.into_iter().map(IpAddr::from).collect(),
                selector,
                ports: ports.into_iter().map(port).collect(),
                local_traffic_only: local.is_some(),
                multi_cluster_marker,
                opaque_ports,
            }
        },
    )
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let target = prop_oneof![
        2 => Just(TargetRef::None),
        6 => pod_name().prop_map(TargetRef::Pod),
        2 => workload_name().prop_map(TargetRef::Workload),
        1 => Just(TargetRef::Other("Sink".into())),
    ];
    let about = (weighted(0.8, Just(())), weighted(0.3, hostname()), of(node()), of(zone()));
    (address(), target, about).prop_map(|(address, target, (ready, hostname, node, zone))| Endpoint {
        address,
        ready: ready.is_some(),
        hostname,
        node,
        zone,
        hint_zones: Vec::new(),
        target,
    })
}

fn subset() -> impl Strategy<Value = Subset> {
    let ports = prop_oneof![
        8 => Just(Some(vec![("http", 8080), ("admin", 9090)])),
        2 => Just(Some(vec![("admin", 9090), ("http", 8081), ("", 8080)])),
        1 => Just(Some(vec![])),
        1 => Just(None),
    ];
    // Hints count only if every endpoint has one, so mostly all or none have.
    let zones = prop_oneof![1 => Just(vec![]), 9 => subsequence(vec!["z0", "z1"], 1..=2)];
    let hints = prop_oneof![Just(vec![]), vec(zones, 5)];
    (ports, vec(endpoint(), 0..5), hints).prop_map(|(ports, mut endpoints, hints)| {
        for (endpoint, zones) in endpoints.iter_mut().zip(&hints) {
            endpoint.hint_zones = zones.iter().copied().map(Name::from).collect();
        }
        let port = |(name, port): (&str, u16)| EndpointPort { name: name.into(), port };
        Subset { ports: ports.map(|ports| ports.into_iter().map(port).collect()), endpoints }
    })
}

/// What says that a service is another cluster's, or a part of it.
fn mirror() -> impl Strategy<Value = Mirror> {
    let cluster = weighted(0.8, select(vec!["west", "east"]));
    let remote_name = weighted(0.8, select(vec!["web.d.svc.west", "web.d", "odd"]));
    let gateway_identity = weighted(0.8, Just("gateway.west"));
    (cluster, remote_name, gateway_identity).prop_map(|(cluster, remote_name, gateway_identity)| Mirror {
        cluster: cluster.map(Into::into),
        remote_name: remote_name.map(Into::into),
        gateway_identity: gateway_identity.map(Into::into),
    })
}

pub(super) fn slice(subsets: Range<usize>) -> impl Strategy<Value = EndpointSlice> {
    let about = (0..6u8, weighted(0.95, service_name()), weighted(0.2, mirror()));
    (about, vec(subset(), subsets)).prop_map(|((i, service, mirror), subsets)| {
        let namespace = service.as_ref().map_or("d".into(), |service| service.namespace.clone());
        EndpointSlice {
            name: NsName::new(namespace, format!("s{i}")),
            service: service.map(|service| service.name),
            mirror,
            subsets,
        }
    })
}

pub(super) fn split() -> impl Strategy<Value = TrafficSplit> {
    let apex =
        select(vec!["web", "web", "web", "web.d.svc.cluster.local", "WEB.d.", "a", "b", "web.e", "x y"]);
    let service =
        select(vec!["a", "a", "b", "b", "c", "web", "missing", "a.d.svc", "B", "a.e", "a.d.svc.else"]);
    let created = weighted(0.7, (0..3i64).prop_map(|s| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(s)));
    let about = (created, weighted(0.1, Just(())), problem(Reason::BadWeight));
    (namespace(), 0..4u8, apex, vec((service, weight()), 0..4), about).prop_map(
        |(namespace, i, apex, backends, (created, matches, problems))| TrafficSplit {
            name: NsName::new(namespace, format!("t{i}")),
            created,
            apex: apex.into(),
            backends: (0..)
                .zip(backends)
                .map(|(index, (service, weight))| Backend { service: service.into(), weight, index })
                .collect(),
            has_matches: matches.is_some(),
            problems,
        },
    )
}

pub(super) fn profile() -> impl Strategy<Value = ServiceProfile> {
    let namespace = select(vec!["d", "d", "e", "client"]);
    let authority = select(vec!["a.d.svc.cluster.local:81", "b", "10.0.0.1", "fd00::1", "[fd00::1]:90"]);
    let overrides = vec((authority, weight()), 0..3);
    (namespace, service_name(), overrides, problem(Reason::BadProfile)).prop_map(
        |(namespace, service, overrides, problems)| ServiceProfile {
            name: NsName::new(namespace, format!("{}.{}.svc.{DOMAIN}", service.name, service.namespace)),
            routes: Vec::new(),
            retry_budget: None,
            dst_overrides: overrides
                .into_iter()
                .map(|(authority, weight)| ProfileOverride { authority: authority.into(), weight, index: 0 })
                .collect(),
            problems,
        },
    )
}

//! Few names, addresses and numbers, so that random objects meet each other and a failure stays readable.

use std::{collections::BTreeSet, net::IpAddr, ops::Range, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::{Just, Strategy, any, prop_oneof},
    sample::{select, subsequence},
};
use switchyard::{
    context::Reading,
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, Kind, Name, Node, NsName, Object, Pod, Problem,
        ProfileOverride, Reason, Service, ServiceKind, ServicePort, ServiceProfile, Subset, TargetRef,
        TrafficSplit,
    },
    resolve::{Client, Options, Query, Target},
    weight::Milli,
};

use super::{
    simple,
    world::{Edit, Tweak},
};

pub(super) const DOMAIN: &str = "cluster.local";

/// The services that may exist. Most are in one namespace, where splits can join them.
const SERVICES: [(&str, &str); 5] = [("d", "web"), ("d", "a"), ("d", "b"), ("d", "c"), ("e", "web")];

pub(super) fn service_name() -> impl Strategy<Value = NsName> + Clone {
    prop_oneof![4 => Just(0), 3 => Just(1), 3 => Just(2), 1 => Just(3), 1 => Just(4)]
        .prop_map(|i: usize| NsName::new(SERVICES[i].0, SERVICES[i].1))
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just("d"), 1 => Just("e")]
}

fn node() -> impl Strategy<Value = Name> + Clone {
    select(vec!["n0", "n1", "n2"]).prop_map(Name::from)
}

fn zone() -> impl Strategy<Value = Name> + Clone {
    select(vec!["z0", "z1"]).prop_map(Name::from)
}

fn hostname() -> impl Strategy<Value = Name> + Clone {
    select(vec!["h0", "h1"]).prop_map(Name::from)
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        3 => (1..6u8).prop_map(|i| IpAddr::from([10, 0, 0, i])),
        1 => (1..4u16).prop_map(|i| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, i])),
    ]
}

pub(super) fn weight() -> impl Strategy<Value = Milli> {
    select(vec![0, 0, 1, 10, 500, 1000, 50_000, 99_000, 429_497_000, 1_000_000_000_000, i64::MAX as u64])
        .prop_map(Milli::new)
}

fn problem(reason: Reason) -> impl Strategy<Value = Vec<Problem>> {
    let problem = Problem { reason, path: "spec".to_owned(), message: "odd".to_owned() };
    weighted(0.1, Just(problem)).prop_map(|problem| problem.into_iter().collect())
}

fn service() -> impl Strategy<Value = Service> {
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
    (service_name(), kind, ports, ips, weighted(0.15, Just(())), weighted(0.05, Just("mirror"))).prop_map(
        |(name, kind, ports, ips, local, multi_cluster_marker)| Service {
            name,
            kind,
            cluster_ips: ips.into_iter().map(IpAddr::from).collect(),
            ports: ports.into_iter().map(|(name, port)| ServicePort { name: name.into(), port }).collect(),
            local_traffic_only: local.is_some(),
            multi_cluster_marker,
        },
    )
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let target = prop_oneof![
        2 => Just(TargetRef::None),
        6 => (0..5usize).prop_map(|i| TargetRef::Pod(NsName::new("d", format!("p{i}")))),
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

fn slice(subsets: Range<usize>) -> impl Strategy<Value = EndpointSlice> {
    (0..6u8, weighted(0.95, service_name()), vec(subset(), subsets)).prop_map(|(i, service, subsets)| {
        let namespace = service.as_ref().map_or("d".into(), |service| service.namespace.clone());
        EndpointSlice {
            name: NsName::new(namespace, format!("s{i}")),
            service: service.map(|service| service.name),
            subsets,
        }
    })
}

fn split() -> impl Strategy<Value = TrafficSplit> {
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

fn profile() -> impl Strategy<Value = ServiceProfile> {
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
                .map(|(authority, weight)| ProfileOverride { authority: authority.into(), weight })
                .collect(),
            problems,
        },
    )
}

fn pod() -> impl Strategy<Value = Pod> {
    (0..5usize, of(node())).prop_map(|(i, node)| Pod { name: NsName::new("d", format!("p{i}")), node })
}

fn node_object() -> impl Strategy<Value = Node> {
    (node(), of(zone())).prop_map(|(name, zone)| Node { name: NsName::new("", name), zone })
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![
        2 => service().prop_map(|o| Object::Service(Arc::new(o))),
        4 => slice(1..2).prop_map(|o| Object::EndpointSlice(Arc::new(o))),
        1 => slice(0..3).prop_map(|o| Object::Endpoints(Arc::new(o))),
        2 => pod().prop_map(|o| Object::Pod(Arc::new(o))),
        1 => node_object().prop_map(|o| Object::Node(Arc::new(o))),
        3 => split().prop_map(|o| Object::TrafficSplit(Arc::new(o))),
        1 => profile().prop_map(|o| Object::ServiceProfile(Arc::new(o))),
    ]
}

/// A split of `web` over `a` and `b` that works, maybe in zones, for oddities to meet.
fn sound() -> impl Strategy<Value = Vec<Object>> {
    let weights = [1, 50_000].map(|weight| select(vec![weight, 10_000]));
    let target = prop_oneof![2 => Just(TargetRef::None), 1 => Just(TargetRef::Pod(NsName::new("d", "p0")))];
    let endpoints = ["a", "b"].map(|_| vec((address(), target.clone()), 0..3));
    (weights, endpoints, any::<bool>()).prop_map(|(weights, endpoints, zones)| {
        let backends = ["a", "b"].into_iter();
        let slices = backends.clone().zip(endpoints).map(|(name, e)| sound_slice(name, e, zones));
        let node = |i| Node { name: NsName::new("", format!("n{i}")), zone: Some(format!("z{i}").into()) };
        let nodes = (0..2).filter(|_| zones).map(|i| Object::Node(Arc::new(node(i))));
        let services = ["web", "a", "b"].map(simple::service);
        let split = simple::split(backends.rev().zip(weights));
        services.into_iter().chain(slices).chain(nodes).chain([split]).collect()
    })
}

fn sound_slice(service: &str, endpoints: Vec<(IpAddr, TargetRef)>, zones: bool) -> Object {
    let Object::EndpointSlice(slice) = simple::slice(service, 0, u8::try_from(endpoints.len()).expect("few"))
    else {
        unreachable!("a slice is one")
    };
    let mut slice = (*slice).clone();
    for (endpoint, (address, target)) in slice.subsets[0].endpoints.iter_mut().zip(endpoints) {
        let zone = if address.to_string().ends_with(['1', '3']) { "z0" } else { "z1" };
        (endpoint.address, endpoint.target) = (address, target);
        endpoint.hint_zones = zones.then(|| zone.into()).into_iter().collect();
    }
    Object::EndpointSlice(slice.into())
}

/// What there is at first: dense enough that most questions have an answer.
pub(super) fn objects() -> impl Strategy<Value = Vec<Object>> {
    let sound = weighted(0.5, sound()).prop_map(Option::unwrap_or_default);
    let services = vec(service().prop_map(|o| Object::Service(Arc::new(o))), 0..9);
    let slices = vec(slice(1..2).prop_map(|o| Object::EndpointSlice(Arc::new(o))), 0..6);
    let pods = vec(pod().prop_map(|o| Object::Pod(Arc::new(o))), 0..8);
    let nodes = vec(node_object().prop_map(|o| Object::Node(Arc::new(o))), 0..4);
    let splits = vec(split().prop_map(|o| Object::TrafficSplit(Arc::new(o))), 0..4);
    let odd = (services, slices, pods, nodes, splits, vec(object(), 0..6));
    (odd, sound).prop_map(|((a, b, c, d, e, f), sound)| [a, b, c, d, e, f, sound].concat())
}

fn kind() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.to_vec())
}

/// An edit of one object, of any kind.
pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let tweak =
        (0..60usize, 0..60usize, weight()).prop_map(|(part, choice, weight)| Tweak { part, choice, weight });
    prop_oneof![
        5 => object().prop_map(Edit::Put),
        6 => (0..60usize, tweak).prop_map(|(index, tweak)| Edit::Tweak(index, tweak)),
        2 => (0..60usize).prop_map(Edit::Remove),
        2 => node_object().prop_map(|node| Edit::Put(Object::Node(Arc::new(node)))),
    ]
}

/// Edits that become true in one step, whole kinds among them.
pub(super) fn batch() -> impl Strategy<Value = Vec<Edit>> {
    let relist = (kind(), any::<u32>(), any::<u32>()).prop_map(|(kind, a, b)| Edit::Relist(kind, a | b));
    vec(prop_oneof![12 => edit(), 1 => relist], 1..4)
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(80), 2 => Just(90), 1 => Just(8080)]
}

/// A question about endpoints, from clients on several nodes.
fn gets() -> impl Strategy<Value = Vec<Target>> {
    let reading = prop_oneof![2 => Just(Reading::Merged), 1 => Just(Reading::Leaf)];
    let query = (service_name(), weighted(0.1, hostname()), port(), reading)
        .prop_map(|(service, instance, port, reading)| Query::Endpoints { service, instance, port, reading });
    let nodes = vec(of(select(vec!["n0", "n1", "n2", "n9"])), 1..4);
    (query, nodes).prop_map(|(query, nodes)| {
        let client = |node: Option<&str>| Client { node: node.map(Name::from), namespace: None };
        nodes.into_iter().map(|node| Target { query: query.clone(), client: client(node) }).collect()
    })
}

/// A question about a profile, from clients in several namespaces.
fn get_profiles() -> impl Strategy<Value = Vec<Target>> {
    let of_service = (service_name(), weighted(0.1, hostname()), port())
        .prop_map(|(service, instance, port)| Query::ServiceProfile { service, instance, port });
    let of_address = (1..5u8, port())
        .prop_map(|(i, port)| Query::AddressProfile { ip: IpAddr::from([10, 96, 0, i]), port });
    let namespaces = vec(of(select(vec!["d", "e", "client"])), 1..4);
    (prop_oneof![4 => of_service, 1 => of_address], namespaces).prop_map(|(query, namespaces)| {
        let client = |namespace: Option<&str>| Client { node: None, namespace: namespace.map(Name::from) };
        let client = |namespace| Target { query: query.clone(), client: client(namespace) };
        namespaces.into_iter().map(client).collect()
    })
}

/// So many questions, each from several clients; in order, and each once.
pub(super) fn targets(queries: Range<usize>) -> impl Strategy<Value = Vec<Target>> {
    vec(prop_oneof![gets(), get_profiles()], queries).prop_map(|targets| {
        let each_once: BTreeSet<_> = targets.into_iter().flatten().collect();
        each_once.into_iter().collect()
    })
}

pub(super) fn options() -> impl Strategy<Value = Options> {
    (weighted(0.6, Just(())), weighted(0.8, Just(())))
        .prop_map(|(ipv6, own)| Options { ipv6: ipv6.is_some(), apex_override: own.is_some() })
}

mod audits;
mod cost;
mod servers;

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::{
    context::Reading,
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, LabelSet, Node, NsName, Object, Phase, Pod, PodSpec,
        Service, ServiceKind, ServicePort, Subset, TargetRef, TrafficSplit,
    },
    resolve::resolve,
    weight::Milli,
};

fn synced_with(objects: &[Object]) -> Engine {
    let mut engine = Engine::new("cluster.local".into(), Options::default());
    let of_kind = |kind| objects.iter().filter(|object| object.kind() == kind).cloned().collect();
    engine.apply(Kind::ALL.map(|kind| Event::Replace(kind, of_kind(kind))).into());
    engine
}

fn service(name: &str, local_traffic_only: bool) -> Object {
    Object::Service(Arc::new(Service {
        created: Default::default(),
        name: NsName::new("d", name),
        kind: ServiceKind::ClusterIp,
        cluster_ips: Vec::new(),
        selector: LabelSet::default(),
        ports: vec![ServicePort::new("", 80)],
        local_traffic_only,
        multi_cluster_marker: None,
        opaque_ports: None,
    }))
}

fn get(service: &str, instance: Option<&str>, reading: Reading, node: &str) -> Target {
    let service = NsName::new("d", service);
    let query = Query::Endpoints { service, instance: instance.map(Name::from), port: 80, reading };
    Target { query, client: Client { node: Some(node.into()), namespace: None } }
}

fn watch_from(engine: &mut Engine, nodes: u64) {
    for node in 0..nodes {
        assert!(engine.watch(&get("web", None, Reading::Leaf, &format!("n{node}"))).is_some());
    }
}

#[test]
fn a_new_client_costs_one_resolution_if_its_node_matters_and_none_otherwise() {
    let mut engine = synced_with(&[service("web", true)]);
    watch_from(&mut engine, 50);
    assert_eq!(engine.resolutions(), 50);

    let mut engine = synced_with(&[service("web", false)]);
    watch_from(&mut engine, 50);
    assert_eq!(engine.resolutions(), 1);
}

#[test]
fn what_matters_of_a_client_may_change_while_it_watches() {
    let mut engine = synced_with(&[service("web", false)]);
    watch_from(&mut engine, 3);
    engine.apply(vec![Event::Upsert(service("web", true))]);
    assert_eq!(engine.resolutions(), 1 + 3);
    engine.apply(vec![Event::Upsert(service("web", false))]);
    assert_eq!(engine.resolutions(), 1 + 3 + 1);
}

/// A slice of service `web` or `a` with endpoints of these numbers. What an endpoint is like follows from its
/// number and the bits of the flavour: IPv6, not ready, zones, hints, another port.
fn slice(index: usize, numbers: &[u16], flavour: u8) -> Object {
    let endpoint = |number: &u16| {
        let by_ipv6 = flavour & 1 == 1 && number.is_multiple_of(3);
        let [high, low] = number.to_be_bytes();
        let zone = Name::from(format!("z{}", number % 2));
        Endpoint {
            address: if by_ipv6 {
                IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, *number])
            } else {
                IpAddr::from([10, 0, high, low])
            },
            ready: !(flavour & 2 == 2 && number.is_multiple_of(7)),
            hostname: number.is_multiple_of(50).then(|| "h".into()),
            node: Some(format!("n{}", number % 3).into()),
            zone: (flavour & 4 == 4).then(|| zone.clone()),
            hint_zones: if flavour & 24 == 24 { vec![zone] } else { Vec::new() },
            // Two numbers share a Pod, so that Pods have several addresses.
            target: TargetRef::Pod(NsName::new("d", format!("p{}", number / 2))),
        }
    };
    let ports = Some(vec![EndpointPort { name: "".into(), port: 8080 + u16::from(flavour >> 6 & 1) }]);
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: NsName::new("d", format!("s{index}")),
        service: Some(if index.is_multiple_of(2) { "web" } else { "a" }.into()),
        mirror: None,
        subsets: vec![Subset { ports, endpoints: numbers.iter().map(endpoint).collect() }],
    }))
}

fn pod(number: u16, account: u8) -> Object {
    let spec = PodSpec { service_account: format!("a{account}").into(), ..PodSpec::default() };
    Object::Pod(Arc::new(Pod {
        created: Default::default(),
        name: NsName::new("d", format!("p{number}")),
        node: Some(format!("n{}", number % 3).into()),
        ips: [None; 2],
        host_ips: Box::default(),
        phase: Phase::Running,
        spec: Arc::new(spec),
        labels: Arc::default(),
        own_labels: LabelSet::default(),
    }))
}

fn split(weights: [u64; 2]) -> Object {
    let backend = |(index, (service, weight)): (usize, (&str, u64))| Backend {
        service: service.into(),
        weight: Milli::new(weight),
        index,
    };
    Object::TrafficSplit(Arc::new(TrafficSplit {
        name: NsName::new("d", "split"),
        created: None,
        apex: "web".into(),
        backends: (0..).zip(["web", "a"].into_iter().zip(weights)).map(backend).collect(),
        has_matches: false,
        problems: Vec::new(),
    }))
}

fn zoned_node(number: u8) -> Object {
    let zone = Some(format!("z{number}").into());
    Object::Node(Arc::new(Node { name: NsName::new("", format!("n{number}")), zone }))
}

fn event() -> impl Strategy<Value = Event> {
    let numbers = prop_oneof![
        3 => prop::collection::btree_set(0_u16..900, 0..6).prop_map(|set| set.into_iter().collect()),
        3 => (0_u16..700, 60_u16..180).prop_map(|(start, count)| (start..start + count).collect::<Vec<_>>()),
    ];
    let flavour = prop_oneof![3 => Just(4), 2 => Just(28), 1 => Just(0), 2 => any::<u8>()];
    let one_slice = (0..8_usize, numbers, flavour)
        .prop_map(|(index, numbers, flavour)| Event::Upsert(slice(index, &numbers, flavour)));
    let gone = |kind, name: String| Event::Remove(ObjectId { kind, name: NsName::new("d", name) });
    prop_oneof![
        8 => one_slice,
        1 => (0..8_usize).prop_map(move |index| gone(Kind::EndpointSlice, format!("s{index}"))),
        4 => (0..450_u16, 0..3_u8).prop_map(|(number, account)| Event::Upsert(pod(number, account))),
        2 => (0..450_u16).prop_map(move |number| gone(Kind::Pod, format!("p{number}"))),
        1 => prop::array::uniform2(0..3_u64).prop_map(|weights| Event::Upsert(split(weights))),
        1 => any::<bool>().prop_map(|local| Event::Upsert(service("web", local))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Large services, edited in small steps: what is kept from one answer to the next changes none.
    #[test]
    fn what_is_kept_current_is_what_resolving_from_scratch_says(
        batches in prop::collection::vec(prop::collection::vec(event(), 1..4), 1..16),
    ) {
        let many: Vec<u16> = (0..150).collect();
        let objects = [service("web", false), service("a", false), zoned_node(0), zoned_node(1), split([1, 2])];
        let pods = (0..450).map(|number| pod(number, 0));
        let slices = (0..4).map(|index| slice(index, &many, 4));
        let mut engine = synced_with(&objects.into_iter().chain(pods).chain(slices).collect::<Vec<_>>());
        let targets: Vec<_> = ["n0", "n1", "n9"].iter().flat_map(|node| [
            get("web", None, Reading::Merged, node),
            get("web", None, Reading::Leaf, node),
            get("a", Some("h"), Reading::Leaf, node),
        ]).collect();
        for target in &targets {
            engine.watch(target);
        }
        for batch in batches {
            engine.apply(batch);
            for target in &targets {
                let fresh = resolve(engine.cluster(), &Options::default(), &target.query, &target.client);
                prop_assert_eq!(engine.answer(target), Some(&fresh.answer), "{:?}", target);
            }
        }
        for target in &targets {
            engine.unwatch(target);
        }
        prop_assert_eq!(engine.pools.len(), (0, 0), "nothing stays of what nobody watches");
    }
}

//! Few names, addresses and numbers, so that random objects meet each other and a failure stays readable.

mod questions;
mod services;
mod workloads;

use std::{net::IpAddr, sync::Arc};

use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use switchyard::{
    model::{Kind, Name, Node, NsName, Object, PortRanges, TargetRef},
    weight::Milli,
};

pub(crate) use self::questions::{options, targets};
use self::{
    services::{profile, service, slice, split},
    workloads::{controller, external_workload, pod, server},
};
use super::{
    simple,
    world::{Edit, Tweak},
};

pub(crate) const DOMAIN: &str = "cluster.local";

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

/// Ports of all that are ever spoken of.
fn some_ports() -> impl Strategy<Value = PortRanges> {
    let ranges =
        select(vec![vec![], vec![80..=80], vec![8080..=8080], vec![8080..=8081, 90..=90], vec![9000..=9999]]);
    ranges.prop_map(PortRanges::new)
}

fn node_object() -> impl Strategy<Value = Node> {
    (node(), of(zone())).prop_map(|(name, zone)| Node { name: NsName::new("", name), zone })
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![
        2 => service().prop_map(|o| Object::Service(Arc::new(o))),
        4 => slice(1..2).prop_map(|o| Object::EndpointSlice(Arc::new(o))),
        1 => slice(0..3).prop_map(|o| Object::Endpoints(Arc::new(o))),
        3 => pod().prop_map(|o| Object::Pod(Arc::new(o))),
        1 => node_object().prop_map(|o| Object::Node(Arc::new(o))),
        3 => split().prop_map(|o| Object::TrafficSplit(Arc::new(o))),
        1 => profile().prop_map(|o| Object::ServiceProfile(Arc::new(o))),
        1 => controller(),
        1 => server().prop_map(|o| Object::Server(Arc::new(o))),
        1 => external_workload().prop_map(|o| Object::ExternalWorkload(Arc::new(o))),
    ]
    .boxed()
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
pub(crate) fn objects() -> impl Strategy<Value = Vec<Object>> {
    let sound = weighted(0.5, sound()).prop_map(Option::unwrap_or_default);
    let services = vec(service().prop_map(|o| Object::Service(Arc::new(o))), 0..9);
    let slices = vec(slice(1..2).prop_map(|o| Object::EndpointSlice(Arc::new(o))), 0..6);
    let pods = vec(pod().prop_map(|o| Object::Pod(Arc::new(o))), 0..8);
    let nodes = vec(node_object().prop_map(|o| Object::Node(Arc::new(o))), 0..4);
    let splits = vec(split().prop_map(|o| Object::TrafficSplit(Arc::new(o))), 0..4);
    let controllers = vec(controller(), 0..4);
    let servers = vec(server().prop_map(|o| Object::Server(Arc::new(o))), 0..3);
    let workloads = vec(external_workload().prop_map(|o| Object::ExternalWorkload(Arc::new(o))), 0..3);
    let odd = (services, slices, pods, nodes, splits, controllers, servers, workloads, vec(object(), 0..6));
    (odd, sound)
        .prop_map(|((a, b, c, d, e, f, g, h, i), sound)| [a, b, c, d, e, f, g, h, i, sound].concat())
        .boxed()
}

fn kind() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.to_vec())
}

/// An edit of one object, of any kind.
pub(crate) fn edit() -> impl Strategy<Value = Edit> {
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

//! Large clusters, as Kubernetes would describe them: a hundred endpoints in a slice, a Pod behind each.

use std::{net::Ipv4Addr, sync::Arc};

use switchyard::{
    context::Reading,
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, Kind, NsName, Object, Pod, Service, ServiceKind,
        ServicePort, Subset, TargetRef, TrafficSplit,
    },
    resolve::{Client, Query, Target},
    source::Event,
    weight::Milli,
};

const IN_A_SLICE: u32 = 100;

fn name(name: &str) -> NsName {
    NsName::new("shop", name)
}

fn pod_of(service: &str, number: u32) -> NsName {
    // As the pods of a Deployment are called.
    name(&format!("{service}-5d8f7c6b9-{number:05}"))
}

fn service(service: &str) -> Object {
    Object::Service(Arc::new(Service {
        name: name(service),
        kind: ServiceKind::ClusterIp,
        cluster_ips: Vec::new(),
        ports: vec![ServicePort { name: "http".into(), port: 80 }],
        local_traffic_only: false,
        multi_cluster_marker: None,
    }))
}

/// Slice `index` of a service: endpoints for the pods of these numbers.
fn slice(service: &str, block: u32, index: u32, numbers: impl Iterator<Item = u32>) -> Object {
    let endpoint = |number| Endpoint {
        address: Ipv4Addr::from_bits((10 << 24) + (block << 16) + number).into(),
        ready: true,
        hostname: None,
        node: Some(format!("node-{}", number % 200).into()),
        zone: None,
        hint_zones: Vec::new(),
        target: TargetRef::Pod(pod_of(service, number)),
    };
    let ports = Some(vec![EndpointPort { name: "http".into(), port: 8080 }]);
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: name(&format!("{service}-{index:03}")),
        service: Some(service.into()),
        subsets: vec![Subset { ports, endpoints: numbers.map(endpoint).collect() }],
    }))
}

/// Services with so many endpoints each, as the lists of every kind. There is one Pod more than needed.
pub(super) fn events(services: &[(&str, u32)]) -> Vec<Event> {
    let (mut objects, mut slices, mut pods) = (Vec::new(), Vec::new(), Vec::new());
    for (block, (name, count)) in (0..).zip(services) {
        objects.push(service(name));
        for index in 0..count / IN_A_SLICE {
            slices.push(slice(name, block, index, index * IN_A_SLICE..(index + 1) * IN_A_SLICE));
        }
        for number in 0..=*count {
            let node = Some(format!("node-{}", number % 200).into());
            pods.push(Object::Pod(Arc::new(Pod { name: pod_of(name, number), node })));
        }
    }
    let listed = Kind::ALL.into_iter().map(|kind| {
        let objects = match kind {
            Kind::Service => objects.clone(),
            Kind::EndpointSlice => slices.clone(),
            Kind::Pod => pods.clone(),
            _ => Vec::new(),
        };
        Event::Replace(kind, objects)
    });
    listed.collect()
}

/// The first service's slice in the middle, as it is among `count` endpoints and with one pod replaced by the
/// spare one.
pub(super) fn replace_one(service: &str, count: u32) -> [Event; 2] {
    let index = count / IN_A_SLICE / 2;
    let numbers = index * IN_A_SLICE..(index + 1) * IN_A_SLICE;
    let replaced = numbers.clone().map(|number| if number == numbers.start { count } else { number });
    let before = slice(service, 0, index, numbers.clone());
    [before, slice(service, 0, index, replaced)].map(Event::Upsert)
}

/// A split of `web`.
pub(super) fn split(backends: [&str; 2], weights: [u64; 2]) -> Event {
    let backend = |(index, (service, weight)): (usize, (&str, u64))| Backend {
        service: service.into(),
        weight: Milli::new(weight * 1000),
        index,
    };
    Event::Upsert(Object::TrafficSplit(Arc::new(TrafficSplit {
        name: name("web"),
        created: None,
        apex: "web".into(),
        backends: (0..).zip(backends.into_iter().zip(weights)).map(backend).collect(),
        has_matches: false,
        problems: Vec::new(),
    })))
}

/// `Get` of a service's port 80.
pub(super) fn get(service: &str, reading: Reading) -> Target {
    let query = Query::Endpoints { service: name(service), instance: None, port: 80, reading };
    Target { query, client: Client::default() }
}

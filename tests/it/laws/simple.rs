//! A service `web` that is split, with nothing odd about it: for laws in which the oddities would only be in the
//! way.

use std::{net::IpAddr, sync::Arc};

use switchyard::{
    context::Reading,
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, LabelSet, NsName, Object, Service, ServiceKind,
        ServicePort, Subset, TargetRef, TrafficSplit,
    },
    resolve::{Client, Query, Target},
    weight::Milli,
};

fn name(name: &str) -> NsName {
    NsName::new("d", name)
}

/// A ClusterIP service with port 80.
pub(crate) fn service(service: &str) -> Object {
    Object::Service(Arc::new(Service {
        created: Default::default(),
        name: name(service),
        kind: ServiceKind::ClusterIp,
        cluster_ips: Vec::new(),
        selector: LabelSet::default(),
        ports: vec![ServicePort::new("http", 80)],
        local_traffic_only: false,
        multi_cluster_marker: None,
        opaque_ports: None,
    }))
}

/// So many endpoints of a service, at addresses that no other `number` has.
pub(crate) fn slice(service: &str, number: u8, count: u8) -> Object {
    let endpoint = |i| Endpoint {
        address: IpAddr::from([10, number, 0, i]),
        ready: true,
        hostname: None,
        node: None,
        zone: None,
        hint_zones: Vec::new(),
        target: TargetRef::None,
    };
    let ports = Some(vec![EndpointPort { name: "http".into(), port: 8080 }]);
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: name(service),
        service: Some(service.into()),
        mirror: None,
        subsets: vec![Subset { ports, endpoints: (0..count).map(endpoint).collect() }],
    }))
}

/// A split of `web` over these backends.
pub(crate) fn split<'a>(backends: impl IntoIterator<Item = (&'a str, u64)>) -> Object {
    let backend = |(index, (service, weight)): (usize, (&str, u64))| Backend {
        service: service.into(),
        weight: Milli::new(weight),
        index,
    };
    Object::TrafficSplit(Arc::new(TrafficSplit {
        name: name("split"),
        created: None,
        apex: "web".into(),
        backends: (0..).zip(backends).map(backend).collect(),
        has_matches: false,
        problems: Vec::new(),
    }))
}

/// `Get` of a service's port 80.
pub(crate) fn get(service: &str, reading: Reading) -> Target {
    let query = Query::Endpoints { service: name(service), instance: None, port: 80, reading };
    Target { query, client: Client::default() }
}

/// `GetProfile` of a service's port 80.
pub(crate) fn profile(service: &str) -> Target {
    let query = Query::ServiceProfile { service: name(service), instance: None, port: 80 };
    Target { query, client: Client::default() }
}

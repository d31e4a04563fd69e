//! Large clusters, as Kubernetes would describe them: a hundred endpoints in a slice, a Pod behind each.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use switchyard::{
    context::Reading,
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, Kind, LabelSet, Name, NsName, Object, OwnerRef,
        Phase, Pod, PodSpec, ProxyPorts, Service, ServiceKind, ServicePort, Subset, TargetRef, TrafficSplit,
    },
    resolve::{Client, Query, Target},
    source::Event,
    weight::Milli,
};

pub(super) const IN_A_SLICE: u32 = 100;

fn name(name: &str) -> NsName {
    NsName::new("shop", name)
}

pub(super) fn pod_of(service: &str, number: u32) -> NsName {
    // As the pods of a Deployment are called.
    name(&format!("{service}-5d8f7c6b9-{number:05}"))
}

fn service(service: &str) -> Object {
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

/// A meshed Pod of a Deployment. All of a service share what their template says.
pub(super) fn pod(
    service: &str,
    spec: &Arc<PodSpec>,
    labels: &Arc<LabelSet>,
    block: u32,
    number: u32,
) -> Pod {
    Pod {
        created: Default::default(),
        name: pod_of(service, number),
        node: Some(node_of(number)),
        ips: [Some(address(block, number)), None],
        host_ips: Box::default(),
        phase: Phase::Running,
        spec: spec.clone(),
        labels: labels.clone(),
        own_labels: LabelSet::default(),
    }
}

/// What the Pods of a service have in common.
pub(super) fn template(service: &str) -> (Arc<PodSpec>, Arc<LabelSet>) {
    let owner = OwnerRef { kind: "ReplicaSet".into(), name: format!("{service}-5d8f7c6b9").into() };
    let spec = PodSpec {
        service_account: service.into(),
        owner: Some(owner),
        proxy: ProxyPorts { inbound: Some(4143), admin: Some(4191), control: Some(4190) },
        ..PodSpec::default()
    };
    let labels = [
        ("app", service),
        ("linkerd.io/control-plane-ns", "linkerd"),
        ("linkerd.io/workload-ns", "shop"),
        ("pod-template-hash", "5d8f7c6b9"),
    ];
    (Arc::new(spec), Arc::new(LabelSet::new(labels)))
}

fn address(block: u32, number: u32) -> IpAddr {
    Ipv4Addr::from_bits((10 << 24) + (block << 16) + number).into()
}

fn node_of(number: u32) -> Name {
    format!("node-{}", number % 200).into()
}

/// Slice `index` of a service: endpoints for the pods of these numbers.
pub(super) fn slice(service: &str, block: u32, index: u32, numbers: impl Iterator<Item = u32>) -> Object {
    let endpoint = |number| Endpoint {
        address: address(block, number),
        ready: true,
        hostname: None,
        node: Some(node_of(number)),
        zone: None,
        hint_zones: Vec::new(),
        target: TargetRef::Pod(pod_of(service, number)),
    };
    let ports = Some(vec![EndpointPort { name: "http".into(), port: 8080 }]);
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: name(&format!("{service}-{index:03}")),
        service: Some(service.into()),
        mirror: None,
        subsets: vec![Subset { ports, endpoints: numbers.map(endpoint).collect() }],
    }))
}

/// Services with so many endpoints each, as the lists of every kind. There is one Pod more than needed.
pub(super) fn events(services: &[(&str, u32)]) -> Vec<Event> {
    let (mut objects, mut slices, mut pods) = (Vec::new(), Vec::new(), Vec::new());
    for (block, (name, count)) in (0..).zip(services) {
        objects.push(service(name));
        for index in 0..count.div_ceil(IN_A_SLICE) {
            let end = (index + 1) * IN_A_SLICE;
            slices.push(slice(name, block, index, index * IN_A_SLICE..end.min(*count)));
        }
        let (spec, labels) = template(name);
        let pod = |number| Object::Pod(Arc::new(pod(name, &spec, &labels, block, number)));
        pods.extend((0..=*count).map(pod));
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

//! What there is of a large service.

use std::{net::IpAddr, sync::Arc};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use switchyard::model::{
    Condition, Endpoint, EndpointPort, EndpointSlice, LabelSet, Node, NsName, Object, OwnerRef, Pod, PodSpec,
    ProxyPorts, Requirement, Selector, Server, ServerPort, ServerTarget, Service, Subset, TargetRef,
};

use crate::{
    laws::simple::{service, split},
    mesh::words::running_pod,
};

pub(super) const SLICES: usize = 4;
/// Addresses of neighbouring slices begin this far apart...
pub(super) const STRIDE: usize = 90;
/// ...and this many there may be in one, so that neighbours have some in common.
pub(super) const MOST: usize = 150;
/// Every so many-th endpoint is a Pod.
pub(super) const PODS: usize = 4;

pub(super) fn name(name: &str) -> NsName {
    NsName::new("d", name)
}

/// The endpoint at a place of a slice. The same address is said differently by each slice that has it, and
/// some Pods have two.
pub(super) fn endpoint(slice: usize, place: usize, six: bool) -> Endpoint {
    let number = slice * STRIDE + place;
    if six && number % (2 * PODS) == 1 && place > 0 {
        return by_ipv6(endpoint(slice, place - 1, six));
    }
    let [high, low] = u16::try_from(number).expect("few").to_be_bytes();
    let is_pod = number.is_multiple_of(PODS);
    Endpoint {
        address: IpAddr::from([10, 1, high, low]),
        ready: true,
        hostname: None,
        node: (is_pod && slice == 0).then(|| format!("n{}", number / PODS % 2).into()),
        zone: Some(format!("z{slice}").into()),
        hint_zones: Vec::new(),
        target: if is_pod { TargetRef::Pod(name(&format!("p{number}"))) } else { TargetRef::None },
    }
}

/// The other address of a Pod.
pub(super) fn by_ipv6(endpoint: Endpoint) -> Endpoint {
    let IpAddr::V4(v4) = endpoint.address else { return endpoint };
    let [_, _, high, low] = v4.octets();
    Endpoint {
        address: IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from_be_bytes([high, low])]),
        ..endpoint
    }
}

pub(super) fn slice(number: usize, service: &str, count: usize, six: bool) -> EndpointSlice {
    let ports = Some(vec![EndpointPort { name: "http".into(), port: 8080 }]);
    EndpointSlice {
        name: name(&format!("s{number}")),
        service: Some(service.into()),
        mirror: None,
        subsets: vec![Subset {
            ports,
            endpoints: (0..count).map(|place| endpoint(number, place, six)).collect(),
        }],
    }
}

/// Hints all endpoints for one of two zones, or none for any.
pub(super) fn hint(slice: &mut EndpointSlice, does: bool) {
    for (place, endpoint) in slice.subsets[0].endpoints.iter_mut().enumerate() {
        let zone = does.then(|| format!("z{}", place / 3 % 2).into());
        endpoint.hint_zones = zone.into_iter().collect();
    }
}

/// One of two templates.
pub(super) fn pod(number: usize, template: usize) -> Object {
    let spec = PodSpec {
        service_account: "default".into(),
        owner: Some(OwnerRef { kind: "ReplicaSet".into(), name: format!("r{template}").into() }),
        proxy: ProxyPorts { inbound: Some(4143), admin: Some(4191), control: Some(4190) },
        ..PodSpec::default()
    };
    let labels = [("linkerd.io/control-plane-ns", "linkerd"), ("app", ["a", "b"][template])];
    Object::Pod(Arc::new(Pod {
        created: Default::default(),
        spec: Arc::new(spec),
        labels: Arc::new(LabelSet::new(labels)),
        ..running_pod(name(&format!("p{number}")), None)
    }))
}

pub(super) fn server(app: Option<&str>) -> Object {
    let is = |app: &str| Requirement { key: "app".into(), condition: Condition::In(vec![app.into()]) };
    let opaque = app.map(|app| ServerTarget {
        pods: Some(Selector { requirements: vec![is(app)] }),
        workloads: None,
        port: ServerPort::Number(8080),
    });
    Object::Server(Arc::new(Server { name: name("v"), opaque, other: None }))
}

pub(super) fn local(is_local: bool) -> Object {
    let Object::Service(a) = service("a") else { unreachable!("a service is one") };
    Object::Service(Arc::new(Service { local_traffic_only: is_local, ..(*a).clone() }))
}

pub(super) fn backend() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "a", "a", "b", "web"])
}

pub(super) fn start() -> impl Strategy<Value = Vec<Object>> {
    objects(vec((prop_oneof![1 => 0..=MOST, 1 => Just(MOST)], backend()), SLICES))
}

/// All slices are of one service.
pub(super) fn start_of_one() -> impl Strategy<Value = Vec<Object>> {
    objects(Just(vec![(MOST, "a"); SLICES]))
}

fn objects(slices: impl Strategy<Value = Vec<(usize, &'static str)>>) -> impl Strategy<Value = Vec<Object>> {
    (slices, any::<bool>(), any::<bool>()).prop_map(|(slices, hints, six)| {
        let slices = slices.into_iter().enumerate().map(|(number, (count, to))| {
            let mut slice = slice(number, to, count, six);
            hint(&mut slice, hints);
            Object::EndpointSlice(Arc::new(slice))
        });
        let pods = (0..SLICES * STRIDE).step_by(PODS).map(|number| pod(number, number / PODS % 2));
        let zones = ["z0", "z1"].into_iter().enumerate().map(|(number, zone)| {
            let node = Node { name: NsName::new("", format!("n{number}")), zone: Some(zone.into()) };
            Object::Node(Arc::new(node))
        });
        let services = ["web", "a", "b"].map(service).into_iter().chain([split([("a", 1), ("b", 3)])]);
        slices.chain(pods).chain(zones).chain(services).collect()
    })
}

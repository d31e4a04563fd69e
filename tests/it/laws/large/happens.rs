//! What there is of a large service, and what happens to it.

use std::{net::IpAddr, sync::Arc};

use proptest::{
    collection::vec,
    option::of,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use switchyard::model::{
    Condition, Controller, Endpoint, EndpointPort, EndpointSlice, LabelSet, Mirror, Name, Node, NsName,
    Object, OpaqueServer, OwnerRef, Pod, PodSpec, ProxyPorts, Requirement, Selector, Server, ServerPort,
    Service, Subset, TargetRef,
};

use crate::{
    laws::{
        simple::{service, split},
        world::{Edit, World},
    },
    mesh::words::running_pod,
};

const SLICES: usize = 4;
/// Addresses of neighbouring slices begin this far apart...
const STRIDE: usize = 90;
/// ...and this many there may be in one, so that neighbours have some in common.
const MOST: usize = 150;
/// Every so many-th endpoint is a Pod.
const PODS: usize = 4;

fn name(name: &str) -> NsName {
    NsName::new("d", name)
}

/// The endpoint at a place of a slice. The same address is said differently by each slice that has it, and
/// some Pods have two.
fn endpoint(slice: usize, place: usize) -> Endpoint {
    let number = slice * STRIDE + place;
    if number % (2 * PODS) == 1 && place > 0 {
        let pod = endpoint(slice, place - 1);
        return Endpoint {
            address: [0xfd00, 0, 0, 0, 0, 0, 0, u16::try_from(number).expect("few")].into(),
            ..pod
        };
    }
    let [high, low] = u16::try_from(number).expect("few").to_be_bytes();
    let is_pod = number.is_multiple_of(PODS);
    Endpoint {
        address: IpAddr::from([10, 1, high, low]),
        ready: true,
        hostname: None,
        node: is_pod.then(|| format!("n{}", number / PODS % 2).into()),
        zone: Some(format!("z{slice}").into()),
        hint_zones: Vec::new(),
        target: if is_pod { TargetRef::Pod(name(&format!("p{number}"))) } else { TargetRef::None },
    }
}

fn slice(number: usize, service: &str, count: usize) -> EndpointSlice {
    let ports = Some(vec![EndpointPort { name: "http".into(), port: 8080 }]);
    EndpointSlice {
        name: name(&format!("s{number}")),
        service: Some(service.into()),
        mirror: None,
        subsets: vec![Subset { ports, endpoints: (0..count).map(|place| endpoint(number, place)).collect() }],
    }
}

/// Hints all endpoints for one of two zones, or none for any.
fn hint(slice: &mut EndpointSlice, does: bool) {
    for (place, endpoint) in slice.subsets[0].endpoints.iter_mut().enumerate() {
        let zone = does.then(|| format!("z{}", place / 3 % 2).into());
        endpoint.hint_zones = zone.into_iter().collect();
    }
}

/// One of two templates.
fn pod(number: usize, template: usize) -> Object {
    let spec = PodSpec {
        service_account: "default".into(),
        owner: Some(OwnerRef { kind: "ReplicaSet".into(), name: format!("r{template}").into() }),
        proxy: ProxyPorts { inbound: Some(4143), admin: Some(4191), control: Some(4190) },
        ..PodSpec::default()
    };
    let labels = [("linkerd.io/control-plane-ns", "linkerd"), ("app", ["a", "b"][template])];
    Object::Pod(Arc::new(Pod {
        spec: Arc::new(spec),
        labels: Arc::new(LabelSet::new(labels)),
        ..running_pod(name(&format!("p{number}")), None)
    }))
}

fn server(app: Option<&str>) -> Object {
    let is = |app: &str| Requirement { key: "app".into(), condition: Condition::In(vec![app.into()]) };
    let opaque = app.map(|app| OpaqueServer {
        pods: Some(Selector { requirements: vec![is(app)] }),
        workloads: None,
        port: ServerPort::Number(8080),
    });
    Object::Server(Arc::new(Server { name: name("v"), opaque }))
}

fn local(is_local: bool) -> Object {
    let Object::Service(a) = service("a") else { unreachable!("a service is one") };
    Object::Service(Arc::new(Service { local_traffic_only: is_local, ..(*a).clone() }))
}

/// Something that happens to one slice, or to what is behind its endpoints.
#[derive(Clone, Debug)]
pub(in crate::laws) enum Happens {
    /// To an endpoint, by slice and place: it is there or not, ready or not, in another zone.
    Ready(usize, usize),
    Zone(usize, usize, Option<Name>),
    Hint(usize, usize, bool),
    Gone(usize, usize),
    /// An endpoint moves to the end of another slice, or is there as well, in another zone.
    Moves(usize, usize, usize),
    Joins(usize, usize, usize),
    /// To a slice: it has so many endpoints, is another service's, another cluster's, on another port, gone.
    Count(usize, usize, &'static str),
    Hints(usize, bool),
    Mirrors(usize, bool),
    Port(usize, u16),
    NoSlice(usize),
    /// To Pods: one has another template; its ReplicaSet has another owner; some are opaque.
    Template(usize, Option<usize>),
    Owner(usize, Option<&'static str>),
    Opaque(Option<&'static str>),
    Weights(u64, u64),
    Local(bool),
}

impl Happens {
    pub(super) fn edits(&self, world: &World) -> Vec<Edit> {
        let changed = |number: usize, change: &dyn Fn(&mut EndpointSlice)| {
            let mut slice = find(world, number).unwrap_or_else(|| slice(number, "a", 0));
            change(&mut slice);
            vec![Edit::Put(Object::EndpointSlice(Arc::new(slice)))]
        };
        let at = |number: usize, place: usize, change: &dyn Fn(&mut Endpoint)| {
            changed(number, &|slice| {
                let endpoints = &mut slice.subsets[0].endpoints;
                let count = endpoints.len().max(1);
                endpoints.get_mut(place % count).into_iter().for_each(change);
            })
        };
        let object = match self {
            Self::Ready(number, place) => return at(*number, *place, &|endpoint| endpoint.ready ^= true),
            Self::Zone(number, place, zone) => {
                return at(*number, *place, &|endpoint| endpoint.zone.clone_from(zone));
            }
            Self::Hint(number, place, hinted) => {
                let hints: Vec<Name> = hinted.then(|| "z0".into()).into_iter().collect();
                return at(*number, *place, &|endpoint| endpoint.hint_zones.clone_from(&hints));
            }
            Self::Gone(number, place) => {
                return changed(*number, &|slice| {
                    let endpoints = &mut slice.subsets[0].endpoints;
                    let place = place % endpoints.len().max(1);
                    endpoints.drain(place..(place + 1).min(endpoints.len()));
                });
            }
            Self::Moves(from, place, to) => {
                let Some(moved) = endpoint_at(world, *from, *place) else { return Vec::new() };
                let gone = Self::Gone(*from, *place).edits(world);
                let come = changed(*to, &|slice| slice.subsets[0].endpoints.push(moved.clone()));
                // The last one is true where a slice is both.
                return come.into_iter().chain(gone).collect();
            }
            Self::Joins(from, place, to) => {
                let Some(joins) = endpoint_at(world, *from, *place) else { return Vec::new() };
                let joins = Endpoint { zone: Some(format!("z{to}").into()), ..joins };
                return changed(*to, &|slice| slice.subsets[0].endpoints.push(joins.clone()));
            }
            Self::Count(number, count, service) => {
                Object::EndpointSlice(Arc::new(slice(*number, service, *count)))
            }
            Self::Hints(number, does) => {
                return changed(*number, &|slice| hint(slice, *does));
            }
            Self::Mirrors(number, does) => {
                let mirror = does.then(|| Mirror {
                    cluster: Some("west".into()),
                    remote_name: Some("web.d.svc.west".into()),
                    gateway_identity: None,
                });
                return changed(*number, &|slice| slice.mirror.clone_from(&mirror));
            }
            Self::Port(number, port) => {
                return changed(*number, &|slice| {
                    slice.subsets[0].ports.iter_mut().flatten().for_each(|one| one.port = *port);
                });
            }
            Self::NoSlice(number) => {
                let mut objects = world.objects().iter();
                let gone = objects.position(|object| matches!(object, Object::EndpointSlice(slice) if slice.name == name(&format!("s{number}"))));
                return gone.map(Edit::Remove).into_iter().collect();
            }
            Self::Template(number, Some(template)) => pod(number * PODS, *template),
            Self::Template(number, None) => {
                let gone = name(&format!("p{}", number * PODS));
                let gone =
                    world.objects().iter().position(|o| matches!(o, Object::Pod(pod) if pod.name == gone));
                return gone.map(Edit::Remove).into_iter().collect();
            }
            Self::Owner(template, owner) => {
                let owner = owner.map(|owner| OwnerRef { kind: "Deployment".into(), name: owner.into() });
                let set = name(&format!("r{template}"));
                Object::ReplicaSet(Arc::new(Controller { name: set, owner }))
            }
            Self::Opaque(app) => server(*app),
            Self::Weights(a, b) => split([("a", *a), ("b", *b)]),
            Self::Local(is_local) => local(*is_local),
        };
        vec![Edit::Put(object)]
    }
}

fn endpoint_at(world: &World, number: usize, place: usize) -> Option<Endpoint> {
    let slice = find(world, number)?;
    let endpoints = &slice.subsets[0].endpoints;
    endpoints.get(place % endpoints.len().max(1)).cloned()
}

fn find(world: &World, number: usize) -> Option<EndpointSlice> {
    let name = name(&format!("s{number}"));
    world.objects().iter().find_map(|object| match object {
        Object::EndpointSlice(slice) if slice.name == name => Some((**slice).clone()),
        _ => None,
    })
}

pub(super) fn happens() -> impl Strategy<Value = Happens> {
    // Mostly a few places, so that much happens to one address; both ends are there in neighbours as well.
    let place = || prop_oneof![2 => 0..MOST, 2 => 0..6usize, 2 => STRIDE..STRIDE + 6];
    let number = || 0..SLICES;
    let zone = of(select(vec!["z0", "z1"]).prop_map(Name::from));
    let template = (0..SLICES * STRIDE / PODS, of(0..2usize));
    let owner = (0..2usize, of(select(vec!["x", "y"])));
    prop_oneof![
        4 => (number(), place()).prop_map(|(number, place)| Happens::Ready(number, place)),
        2 => (number(), place(), zone).prop_map(|(number, place, zone)| Happens::Zone(number, place, zone)),
        1 => (number(), place(), any::<bool>()).prop_map(|(n, place, hinted)| Happens::Hint(n, place, hinted)),
        3 => (number(), place()).prop_map(|(number, place)| Happens::Gone(number, place)),
        2 => (number(), place(), number()).prop_map(|(from, place, to)| Happens::Moves(from, place, to)),
        2 => (number(), place(), number()).prop_map(|(from, place, to)| Happens::Joins(from, place, to)),
        2 => (number(), 0..=MOST, backend()).prop_map(|(n, count, to)| Happens::Count(n, count, to)),
        1 => (number(), any::<bool>()).prop_map(|(number, does)| Happens::Mirrors(number, does)),
        1 => (number(), any::<bool>()).prop_map(|(number, does)| Happens::Hints(number, does)),
        1 => (number(), select(vec![8080, 8081])).prop_map(|(number, port)| Happens::Port(number, port)),
        1 => number().prop_map(Happens::NoSlice),
        3 => template.prop_map(|(number, template)| Happens::Template(number, template)),
        1 => owner.prop_map(|(template, owner)| Happens::Owner(template, owner)),
        1 => of(select(vec!["a", "b"])).prop_map(Happens::Opaque),
        2 => (0..4u64, 0..4u64).prop_map(|(a, b)| Happens::Weights(a, b)),
        1 => any::<bool>().prop_map(Happens::Local),
    ]
    .boxed()
}

fn backend() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "a", "a", "b", "web"])
}

pub(super) fn start() -> impl Strategy<Value = Vec<Object>> {
    let slices = vec((prop_oneof![1 => 0..=MOST, 1 => Just(MOST)], backend()), SLICES);
    (slices, any::<bool>()).prop_map(|(slices, hints)| {
        let slices = slices.into_iter().enumerate().map(|(number, (count, to))| {
            let mut slice = slice(number, to, count);
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

//! What happens to a large service.

use std::sync::Arc;

use proptest::{
    option::of,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use switchyard::model::{
    Controller, Endpoint, EndpointSlice, Mirror, Name, Object, OwnerRef, Pod, TargetRef,
};

use super::objects::{MOST, PODS, SLICES, STRIDE, backend, by_ipv6, hint, local, name, pod, server, slice};
use crate::laws::{
    simple::split,
    world::{Edit, World},
};

/// Something that happens to one slice, or to what is behind its endpoints.
#[derive(Clone, Debug)]
pub(in crate::laws) enum Happens {
    /// To an endpoint, by slice and place: it is there or not, ready or not, in another zone.
    Ready(usize, usize),
    Zone(usize, usize, Option<Name>),
    Hint(usize, usize),
    Gone(usize, usize),
    /// An endpoint moves to the end of another slice, or is there as well, in another zone.
    Moves(usize, usize, usize),
    Joins(usize, usize, usize),
    /// Its Pod has an IPv6 address too; another Pod has its address.
    Six(usize, usize),
    Another(usize, usize, usize),
    /// To a slice: it has so many endpoints, is another service's, another cluster's, on another port, gone.
    Count(usize, usize, &'static str, bool),
    Hints(usize, bool),
    Mirrors(usize, bool),
    Port(usize, u16),
    NoSlice(usize),
    /// To Pods: one has another template, or runs elsewhere; its ReplicaSet has another owner; some are opaque.
    Template(usize, Option<usize>),
    Node(usize, Option<Name>),
    Owner(usize, Option<&'static str>),
    Opaque(Option<&'static str>),
    Weights(u64, u64),
    Local(bool),
}

impl Happens {
    pub(super) fn edits(&self, world: &World) -> Vec<Edit> {
        let changed = |number: usize, change: &dyn Fn(&mut EndpointSlice)| {
            let mut slice = find(world, number).unwrap_or_else(|| slice(number, "a", 0, false));
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
            Self::Hint(number, place) => {
                return at(*number, *place, &|endpoint| match endpoint.hint_zones.pop() {
                    Some(_) => {}
                    None => endpoint.hint_zones.push("z0".into()),
                });
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
            Self::Six(number, place) => {
                let Some(four) = endpoint_at(world, *number, *place) else { return Vec::new() };
                return changed(*number, &|slice| {
                    let endpoints = &mut slice.subsets[0].endpoints;
                    endpoints.insert(place % endpoints.len(), by_ipv6(four.clone()));
                });
            }
            Self::Another(number, place, pod) => {
                let pod = TargetRef::Pod(name(&format!("p{}", pod * PODS)));
                return at(*number, *place, &|endpoint| endpoint.target.clone_from(&pod));
            }
            Self::Count(number, count, service, six) => {
                Object::EndpointSlice(Arc::new(slice(*number, service, *count, *six)))
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
            Self::Node(number, node) => {
                let is_it = |pod: &&Arc<Pod>| pod.name == name(&format!("p{}", number * PODS));
                let mut pods = world
                    .objects()
                    .iter()
                    .filter_map(|o| if let Object::Pod(pod) = o { Some(pod) } else { None });
                let Some(pod) = pods.find(is_it) else { return Vec::new() };
                Object::Pod(Arc::new(Pod { node: node.clone(), ..(**pod).clone() }))
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
        3 => (number(), place()).prop_map(|(number, place)| Happens::Hint(number, place)),
        3 => (number(), place()).prop_map(|(number, place)| Happens::Gone(number, place)),
        2 => (number(), place(), number()).prop_map(|(from, place, to)| Happens::Moves(from, place, to)),
        2 => (number(), place(), number()).prop_map(|(from, place, to)| Happens::Joins(from, place, to)),
        2 => (number(), place()).prop_map(|(number, place)| Happens::Six(number, place)),
        2 => (number(), place(), 0..6usize).prop_map(|(number, place, pod)| Happens::Another(number, place, pod)),
        2 => (number(), prop_oneof![0..=MOST, 0..20usize], backend(), any::<bool>()).prop_map(|(n, count, to, six)| Happens::Count(n, count, to, six)),
        1 => (number(), any::<bool>()).prop_map(|(number, does)| Happens::Mirrors(number, does)),
        1 => (number(), any::<bool>()).prop_map(|(number, does)| Happens::Hints(number, does)),
        1 => (number(), select(vec![8080, 8081])).prop_map(|(number, port)| Happens::Port(number, port)),
        1 => number().prop_map(Happens::NoSlice),
        3 => template.prop_map(|(number, template)| Happens::Template(number, template)),
        2 => (0..SLICES * STRIDE / PODS, of(select(vec!["n0", "n1"]).prop_map(Name::from)))
            .prop_map(|(number, node)| Happens::Node(number, node)),
        1 => owner.prop_map(|(template, owner)| Happens::Owner(template, owner)),
        1 => of(select(vec!["a", "b"])).prop_map(Happens::Opaque),
        2 => (0..4u64, 0..4u64).prop_map(|(a, b)| Happens::Weights(a, b)),
        2 => any::<bool>().prop_map(Happens::Local),
    ]
    .boxed()
}

/// The same, but all to the few addresses that the first two slices have in common, and to the end of the last.
pub(super) fn happens_to_few() -> impl Strategy<Value = Happens> {
    let spot = || prop_oneof![(Just(0), STRIDE..STRIDE + 4), (Just(1), 0..4usize)];
    let number = || 0..SLICES;
    prop_oneof![
        3 => spot().prop_map(|(number, place)| Happens::Ready(number, place)),
        3 => spot().prop_map(|(number, place)| Happens::Hint(number, place)),
        1 => spot().prop_map(|(number, place)| Happens::Gone(number, place)),
        1 => (spot(), number()).prop_map(|((from, place), to)| Happens::Moves(from, place, to)),
        2 => (spot(), number()).prop_map(|((from, place), to)| Happens::Joins(from, place, to)),
        2 => spot().prop_map(|(number, place)| Happens::Six(number, place)),
        2 => (spot(), 20..24usize).prop_map(|((number, place), pod)| Happens::Another(number, place, pod)),
        2 => prop_oneof![Just(MOST), 75..100usize].prop_map(|count| Happens::Count(SLICES - 1, count, "a", false)),
    ]
    .boxed()
}

//! Who is told apart, and how it is listed.

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Kind, Object},
    source::{Batch, Event, convert::convert},
};

fn object(kind: Kind, value: Value) -> Object {
    convert(kind, &value).expect("a good object")
}

fn service(extra: Value) -> Object {
    let mut spec = json!({ "ports": [{ "port": 80 }] });
    spec.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    object(Kind::Service, json!({ "metadata": { "name": "web" }, "spec": spec }))
}

/// A node `a1` is in zone `a`.
fn node(name: &str) -> Object {
    let zone = json!({ "topology.kubernetes.io/zone": &name[..1] });
    object(Kind::Node, json!({ "metadata": { "name": name, "labels": zone } }))
}

/// Endpoints of `web`, each on a node, hinted for its zone.
fn slice(nodes: &[&str]) -> Object {
    let endpoint = |(i, node): (usize, &&str)| {
        json!({
            "addresses": [format!("192.0.2.{i}")],
            "zone": &node[..1],
            "nodeName": node,
            "hints": { "forZones": [{ "name": &node[..1] }] },
            "targetRef": { "kind": "Pod", "name": format!("p{i}") },
        })
    };
    let labels = json!({ "kubernetes.io/service-name": "web" });
    object(
        Kind::EndpointSlice,
        json!({
            "metadata": { "name": "web", "labels": labels }, "addressType": "IPv4",
            "ports": [{ "name": "", "port": 80 }],
            "endpoints": nodes.iter().enumerate().map(endpoint).collect::<Value>(),
        }),
    )
}

fn pods(count: usize) -> Vec<Object> {
    let pod = |i| {
        let status = json!({ "phase": "Running", "podIP": format!("192.0.2.{i}") });
        let pod = json!({ "metadata": { "name": format!("p{i}") }, "spec": {}, "status": status });
        object(Kind::Pod, pod)
    };
    (0..count).map(pod).collect()
}

fn state(objects: Vec<Object>) -> State {
    let of = |kind| objects.iter().filter(|object| object.kind() == kind).cloned().collect();
    let events = Kind::ALL.into_iter().map(|kind| Event::Replace(kind, of(kind))).collect();
    State::new("cluster.local".into(), Options::default(), [Batch { events, ..Batch::default() }])
}

/// Each entry of the plan as `who: added removed`.
#[track_caller]
fn check(before: Vec<Object>, after: Vec<Object>, expect: &[&str]) {
    let plan = Plan::between(&state(before), &state(after), &Options::default(), &Asker::Everybody);
    let entry = |destination: &Destination| {
        let who: Vec<_> = destination.clients.iter().map(ToString::to_string).collect();
        let change = destination.changes.merged.as_ref().expect("endpoints change");
        let count = |is: fn(&EndpointChange) -> bool| change.endpoints.iter().filter(|e| is(e)).count();
        let (added, removed) = (count(|e| e.before.is_none()), count(|e| e.after.is_none()));
        format!("{}: +{added} -{removed}", who.join(", "))
    };
    assert_eq!(plan.destinations.iter().map(entry).collect::<Vec<_>>(), expect);
}

fn world(service: &Object, nodes: &[&str]) -> Vec<Object> {
    let mut objects = vec![service.clone(), slice(nodes), node("a1"), node("a2"), node("b1")];
    objects.extend(pods(nodes.len()));
    objects
}

#[test]
fn clients_that_are_told_the_same_are_listed_once() {
    let web = service(json!({}));
    // Whoever is in zone a is told of its endpoints only, and so is zone b; who says nothing hears of all.
    check(
        world(&web, &["a1", "b1"]),
        world(&web, &["a1", "b1", "b1"]),
        &["clients that do not say where they are: +1 -0", "zone b: +1 -0"],
    );
    check(vec![web.clone(), slice(&[])], world(&web, &["a1"]), &[": +1 -0"]);
}

#[test]
fn clients_are_told_apart_by_node_where_traffic_stays_there() {
    let web = service(json!({ "internalTrafficPolicy": "Local" }));
    check(world(&web, &["a1", "b1"]), world(&web, &["a1", "b1", "a2"]), &["node a2: +1 -0"]);
    // Nothing need be known of a node but that a Pod is on it.
    let without_nodes = |nodes: &[&str]| {
        let mut objects = world(&web, nodes);
        objects.retain(|object| object.kind() != Kind::Node);
        objects
    };
    check(without_nodes(&["a1", "b1"]), without_nodes(&["a1", "b1", "z9"]), &["node z9: +1 -0"]);
}

#[test]
fn a_service_that_comes_or_goes_is_listed() {
    let web = service(json!({}));
    let without: Vec<_> = world(&web, &["a1"]).into_iter().filter(|o| o.kind() != Kind::Service).collect();
    check(without.clone(), world(&web, &["a1"]), &[": +1 -0"]);
    check(world(&web, &["a1"]), without, &[": +0 -1"]);
}

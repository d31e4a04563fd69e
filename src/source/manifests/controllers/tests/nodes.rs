//! Nodes of simulated Pods.

use std::{collections::BTreeMap, iter};

use super::*;

/// The Node of each endpoint of `web`, by its Pod.
fn placed(world: &World) -> BTreeMap<String, Option<Name>> {
    let endpoints = world.endpoints("web").into_iter();
    endpoints.map(|endpoint| (format!("{:?}", endpoint.target), endpoint.node.clone())).collect()
}

fn cluster(workload: &Value, nodes: &[&str]) -> Vec<Value> {
    let nodes = nodes.iter().map(|name| node(name, &format!("zone-of-{name}")));
    iter::once(web()).chain(iter::once(workload.clone())).chain(nodes).collect()
}

#[test]
fn each_kind_of_workload_is_placed_and_explicit_pods_are_not() {
    for kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
        let manifests = cluster(&workload(kind, "web", json!({ "replicas": 4 })), &["n1", "n2"]);
        let world = World::of(&[&manifests[..], &[pod("p", json!({}))]].concat());
        for endpoint in world.endpoints("web") {
            let zone = endpoint.node.as_ref().map(|node| Name::from(format!("zone-of-{node}")));
            assert_eq!(endpoint.zone, zone, "{kind}");
        }
        let mut nodes: Vec<_> = placed(&world).into_values().collect();
        nodes.sort();
        let n = |name: &str| Some(Name::from(name));
        assert_eq!(nodes, [None, n("n1"), n("n1"), n("n2"), n("n2")], "{kind}");
        let of_pods: Vec<_> = world.pods().iter().map(|pod| pod.node.clone()).collect();
        assert_eq!(of_pods.iter().filter(|node| node.is_some()).count(), 4, "{kind}");
    }
}

#[test]
fn new_template_and_further_replicas_keep_the_nodes() {
    let deployment = |replicas: u32, image: &str| {
        let mut deployment = workload("Deployment", "web", json!({ "replicas": replicas }));
        deployment["spec"]["template"]["spec"] = json!({ "containers": [{ "name": "a", "image": image }] });
        deployment
    };
    let nodes = ["n1", "n2", "n3", "n4", "n5"];
    let world = World::of(&cluster(&deployment(3, "a:1"), &nodes));
    let before = placed(&world);
    let more = placed(&World::of(&cluster(&deployment(4, "a:1"), &nodes)));
    assert!(before.iter().all(|(pod, node)| more.get(pod) == Some(node)), "{before:?} {more:?}");
    let other = placed(&World::of(&cluster(&deployment(3, "a:2"), &nodes)));
    let sorted = |placed: BTreeMap<String, Option<Name>>| {
        let mut nodes: Vec<_> = placed.into_values().collect();
        nodes.sort();
        nodes
    };
    assert_eq!(sorted(before), sorted(other));
}

#[test]
fn addresses_do_not_depend_on_nodes() {
    let deployment = workload("Deployment", "web", json!({ "replicas": 5 }));
    let addresses = |nodes: &[&str]| {
        let world = World::of(&cluster(&deployment, nodes));
        let endpoints = world.endpoints("web").into_iter();
        endpoints.map(|endpoint| (endpoint.address, format!("{:?}", endpoint.target))).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&[]), addresses(&["n1", "n2"]));
}

#[test]
fn hints_are_the_zones_of_ready_endpoints_if_the_service_prefers_them() {
    let service = |distribution: &str| {
        let mut service = web();
        service["spec"]["trafficDistribution"] = distribution.into();
        service
    };
    let deployment = workload("Deployment", "web", json!({ "replicas": 2 }));
    let starting = pod(
        "p",
        json!({ "spec": { "nodeName": "n1" }, "status": { "phase": "Running", "podIP": "192.0.2.2" } }),
    );
    let mut by_cpu = service("PreferClose");
    by_cpu["metadata"]["annotations"] = json!({ "service.kubernetes.io/topology-mode": "Auto" });
    for (service, has_hints) in [
        (service("PreferClose"), true),
        (service("PreferSameZone"), true),
        (service("PreferSameNode"), true),
        (by_cpu, false),
        (web(), false),
    ] {
        let nodes = [node("n1", "a"), node("n2", "b")];
        let world =
            World::of(&[&[service.clone(), deployment.clone(), starting.clone()], &nodes[..]].concat());
        for endpoint in world.endpoints("web") {
            let hints: Vec<_> =
                endpoint.zone.iter().filter(|_| has_hints && endpoint.ready).cloned().collect();
            assert_eq!(endpoint.hint_zones, hints, "{service}");
        }
        let world = World::of(&[service, deployment.clone()]);
        assert!(world.endpoints("web").iter().all(|endpoint| endpoint.hint_zones.is_empty()));
    }
}

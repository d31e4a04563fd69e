//! Manifests -> what a cluster's controllers would add to them.

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Endpoint, Name, TargetRef},
    source::manifests::{complete::complete, items},
};

mod families;
mod mesh;
mod nodes;

/// Controllers, and what was made of the manifests that they saw last.
#[derive(Default)]
struct World {
    controllers: Controllers,
    objects: Objects,
    outcome: Outcome,
}

impl World {
    fn of(manifests: &[Value]) -> Self {
        let mut world = Self::default();
        world.see(manifests);
        world
    }

    #[track_caller]
    fn see(&mut self, manifests: &[Value]) {
        let manifests: Vec<_> = manifests.iter().cloned().map(complete).collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
        let items = items::read(list.to_string().as_bytes()).items;
        let (mut wanted, mut objects) = (Wanted::default(), Objects::new());
        for item in &items {
            let content = item.content.as_ref().expect("a good object");
            objects.extend(wanted.add(content).map(|object| (object.id(), object)));
        }
        self.outcome = self.controllers.complete(&wanted, &mut objects);
        self.objects = objects;
    }

    /// All objects, by their names.
    fn sorted(&self) -> Vec<&Object> {
        let mut objects: Vec<_> = self.objects.values().collect();
        objects.sort_by_key(|object| object.id());
        objects
    }

    fn pods(&self) -> Vec<&Pod> {
        let pods = self.sorted().into_iter().filter_map(|o| match o {
            Object::Pod(pod) => Some(&**pod),
            _ => None,
        });
        pods.collect()
    }

    fn slices(&self, service: &str) -> Vec<&EndpointSlice> {
        let slices = self.sorted().into_iter().filter_map(|o| match o {
            Object::EndpointSlice(slice) => Some(&**slice),
            _ => None,
        });
        slices.filter(|slice| slice.service.as_ref().is_some_and(|s| s.as_str() == service)).collect()
    }

    fn endpoints(&self, service: &str) -> Vec<&Endpoint> {
        self.slices(service).into_iter().flat_map(|s| &s.subsets).flat_map(|s| &s.endpoints).collect()
    }

    /// Every endpoint of a service as `name of the pod:port ready`, sorted.
    fn backends(&self, service: &str) -> Vec<String> {
        let mut backends = Vec::new();
        for subset in self.slices(service).into_iter().flat_map(|slice| &slice.subsets) {
            let ports: Vec<_> =
                subset.ports.iter().flatten().map(|p| format!("{}={}", p.name, p.port)).collect();
            for endpoint in &subset.endpoints {
                let TargetRef::Pod(pod) = &endpoint.target else { panic!("{endpoint:?}") };
                let ready = if endpoint.ready { "" } else { " not ready" };
                backends.push(format!("{} {}{ready}", pod.name, ports.join(",")));
            }
        }
        backends.sort();
        backends
    }
}

fn service(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": spec })
}

/// A Service named like the label that it selects.
fn web() -> Value {
    service("web", json!({ "selector": { "app": "web" }, "ports": [{ "port": 80, "name": "http" }] }))
}

fn workload(kind: &str, name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({ "metadata": { "labels": { "app": "web" } } });
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn pod(name: &str, fields: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": "web" } },
    });
    for (key, value) in fields.as_object().expect("fields") {
        pod[key] = value.clone();
    }
    pod
}

fn node(name: &str, zone: &str) -> Value {
    let labels = json!({ "topology.kubernetes.io/zone": zone });
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": labels } })
}

fn running(ip: &str) -> Value {
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    json!({ "phase": "Running", "podIP": ip, "conditions": ready })
}

#[test]
fn a_deployment_is_as_many_pods_as_it_wants() {
    for (replicas, count) in [(json!(null), 1), (json!(0), 0), (json!(3), 3)] {
        let world = World::of(&[web(), workload("Deployment", "web-v1", json!({ "replicas": replicas }))]);
        assert_eq!((world.pods().len(), world.endpoints("web").len()), (count, count));
        assert_eq!(world.outcome.workloads, 1);
        for pod in world.pods() {
            let parts: Vec<_> = pod.name.name.as_str().rsplitn(3, '-').collect();
            assert_eq!((parts[0].len(), parts[1].len(), parts[2]), (5, 10, "web-v1"));
        }
    }
}

#[test]
fn one_more_replica_moves_nobody() {
    let replicas = |count| [web(), workload("Deployment", "web", json!({ "replicas": count }))];
    let mut world = World::of(&replicas(2));
    let before: Vec<_> = world.endpoints("web").into_iter().cloned().collect();
    world.see(&replicas(3));
    assert!(before.iter().all(|endpoint| world.endpoints("web").contains(&endpoint)));
    world.see(&replicas(2));
    assert_eq!(world.endpoints("web"), before.iter().collect::<Vec<_>>());
}

#[test]
fn a_stateful_set_is_numbered_pods_with_names_in_dns() {
    let spec = json!({ "replicas": 2, "serviceName": "web", "ordinals": { "start": 5 } });
    let one =
        json!({ "selector": { "statefulset.kubernetes.io/pod-name": "db-6" }, "ports": [{ "port": 1 }] });
    let other = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    let world = World::of(&[
        web(),
        service("one", one),
        service("other", other),
        workload("StatefulSet", "db", spec),
    ]);
    assert_eq!(world.backends("web"), ["db-5 http=80", "db-6 http=80"]);
    assert_eq!(world.backends("one"), ["db-6 =1"]);
    let hostnames = |service| {
        let mut names: Vec<_> = world.endpoints(service).iter().map(|e| e.hostname.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(hostnames("web"), [Some("db-5".into()), Some("db-6".into())]);
    assert_eq!(hostnames("other"), [None, None], "it is not the Service of the set");
}

#[test]
fn a_daemon_set_is_a_pod_on_each_node() {
    let set = workload("DaemonSet", "agent", json!({}));
    let world = World::of(&[web(), set.clone()]);
    assert_eq!(world.pods().len(), 1);
    assert_eq!(world.pods()[0].node, None);

    let mut world = World::of(&[web(), set.clone(), node("n1", "a"), node("n3", "b")]);
    let places: Vec<_> = world.endpoints("web").iter().map(|e| (e.node.clone(), e.zone.clone())).collect();
    assert!(places.contains(&(Some("n1".into()), Some("a".into()))), "{places:?}");
    assert!(places.contains(&(Some("n3".into()), Some("b".into()))), "{places:?}");
    let before: Vec<_> = world.endpoints("web").into_iter().cloned().collect();
    world.see(&[web(), set, node("n1", "a"), node("n2", "a"), node("n3", "b")]);
    assert_eq!(world.endpoints("web").len(), 3);
    assert!(before.iter().all(|endpoint| world.endpoints("web").contains(&endpoint)));
}

#[test]
fn explicit_pods_are_used_as_they_are() {
    let world = World::of(&[
        web(),
        pod("new", json!({})),
        pod("ready", json!({ "status": running("192.0.2.1"), "spec": { "nodeName": "n" } })),
        pod("starting", json!({ "status": { "phase": "Running", "podIP": "192.0.2.2" } })),
        pod("pending", json!({ "status": { "phase": "Pending" } })),
        pod("done", json!({ "status": { "phase": "Succeeded", "podIP": "192.0.2.3" } })),
    ]);
    assert_eq!(world.backends("web"), ["new http=80", "ready http=80", "starting http=80 not ready"]);
    assert_eq!(world.pods().len(), 5);
    let ready = world.endpoints("web").into_iter().find(|e| e.node.is_some()).expect("the one with a node");
    assert_eq!(ready.address.to_string(), "192.0.2.1");
}

#[test]
fn not_ready_pods_can_be_published() {
    let spec =
        json!({ "selector": { "app": "web" }, "ports": [{ "port": 1 }], "publishNotReadyAddresses": true });
    let starting = pod("p", json!({ "status": { "phase": "Running", "podIP": "192.0.2.2" } }));
    assert_eq!(World::of(&[service("web", spec), starting]).backends("web"), ["p =1"]);
}

#[test]
fn ports_lead_to_numbers_or_to_names_that_differ_from_pod_to_pod() {
    let named = |name: &str, number: u16| {
        let ports = json!([{ "name": "web", "containerPort": number }]);
        pod(name, json!({ "spec": { "containers": [{ "ports": ports }] } }))
    };
    let ports = json!([
        { "name": "a", "port": 80, "targetPort": "web" },
        { "name": "b", "port": 81, "targetPort": 8081 },
        { "name": "c", "port": 82, "targetPort": 0 },
        { "name": "d", "port": 83, "protocol": "UDP" },
        { "name": "e", "port": 84, "targetPort": "none" },
    ]);
    let only_named = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "web" }] });
    let world = World::of(&[
        service("all", json!({ "selector": { "app": "web" }, "ports": ports })),
        service("named", only_named),
        service("none", json!({ "selector": { "app": "web" }, "clusterIP": "None" })),
        named("p1", 8080),
        named("p2", 9090),
        pod("p3", json!({})),
    ]);
    assert_eq!(world.backends("all"), ["p1 a=8080,b=8081,c=82", "p2 a=9090,b=8081,c=82", "p3 b=8081,c=82"]);
    assert_eq!(world.slices("all").len(), 3);
    assert_eq!(world.backends("named"), ["p1 =8080", "p2 =9090"], "a pod without the port is left out");
    assert_eq!(world.backends("none"), ["p1 ", "p2 ", "p3 "]);
}

#[test]
fn a_service_selects_by_all_of_its_labels_in_its_namespace() {
    let both = json!({ "selector": { "app": "web", "version": "v2" }, "ports": [{ "port": 80 }] });
    let labels = |version: &str| json!({ "app": "web", "version": version });
    let mut v1 = pod("v1", json!({}));
    v1["metadata"]["labels"] = labels("v1");
    let mut v2 = pod("v2", json!({}));
    v2["metadata"]["labels"] = labels("v2");
    let mut away = pod("away", json!({}));
    away["metadata"] = json!({ "name": "away", "namespace": "other", "labels": labels("v2") });
    let world = World::of(&[service("v2", both), web(), v1, v2, away, pod("plain", json!({}))]);
    assert_eq!(world.backends("v2"), ["v2 =80"]);
    assert_eq!(world.backends("web"), ["plain http=80", "v1 http=80", "v2 http=80"]);
}

#[test]
fn services_with_endpoints_of_their_own_and_those_that_select_nothing_are_left_alone() {
    let labels = json!({ "kubernetes.io/service-name": "sliced" });
    let selector = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    let external =
        json!({ "selector": { "app": "web" }, "type": "ExternalName", "externalName": "a.example" });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": "s", "labels": labels },
    });
    let world = World::of(&[
        pod("p", json!({})),
        service("sliced", selector.clone()),
        slice,
        service("old", selector),
        json!({ "apiVersion": "v1", "kind": "Endpoints", "metadata": { "name": "old" } }),
        service("external", external),
        service("plain", json!({ "ports": [{ "port": 80 }] })),
    ]);
    for name in ["sliced", "external", "plain"] {
        assert_eq!(world.backends(name), [""; 0], "{name}");
    }
    assert_eq!(
        world.backends("old"),
        ["p =80"],
        "a cluster overwrites the Endpoints of a Service that selects"
    );
}

#[test]
fn the_dump_of_a_cluster_is_not_run_a_second_time() {
    let owned = |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "controller": true }]);
    let mut set = workload("ReplicaSet", "web-abc", json!({ "replicas": 1 }));
    set["metadata"]["ownerReferences"] = owned("Deployment", "web");
    let mut running = pod("web-abc-1", json!({ "status": running("192.0.2.1") }));
    running["metadata"]["ownerReferences"] = owned("ReplicaSet", "web-abc");
    let deployment = workload("Deployment", "web", json!({ "replicas": 1 }));

    let world = World::of(&[web(), deployment.clone(), running.clone()]);
    assert_eq!(world.backends("web"), ["web-abc-1 http=80"], "the set between the two may be left out");
    let world = World::of(&[web(), deployment.clone(), set.clone(), running]);
    assert_eq!(world.backends("web"), ["web-abc-1 http=80"]);
    assert_eq!(world.outcome.workloads, 0);
    let world = World::of(&[web(), deployment, set.clone()]);
    assert_eq!((world.pods().len(), world.outcome.workloads), (1, 1), "the Deployment stands for its set");
    let world = World::of(&[web(), set]);
    assert_eq!(world.pods().len(), 1, "a set whose owner is not there stands for itself");
}

#[test]
fn cluster_ips_are_given_to_those_who_want_one() {
    let ports = json!([{ "port": 80 }]);
    let world = World::of(&[
        service("a", json!({ "ports": ports })),
        service("b", json!({ "ports": ports, "clusterIP": "10.96.0.7" })),
        service("c", json!({ "ports": ports, "clusterIP": "None" })),
        service("d", json!({ "type": "ExternalName", "externalName": "a.example" })),
    ]);
    let ips: Vec<_> = world
        .sorted()
        .into_iter()
        .filter_map(|o| match o {
            Object::Service(s) => Some(s.cluster_ips.iter().map(ToString::to_string).collect::<Vec<_>>()),
            _ => None,
        })
        .collect();
    assert!(ips[0].len() == 1 && ips[0][0].starts_with("10."), "{ips:?}");
    assert_eq!(ips[1..], [vec!["10.96.0.7".to_owned()], vec![], vec![]]);
}

#[test]
fn addresses_of_the_manifests_are_not_given_to_others() {
    let deployment = workload("Deployment", "web", json!({ "replicas": 1 }));
    let mut world = World::of(&[web(), deployment.clone()]);
    let given = world.endpoints("web")[0].address;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": { "name": "s" },
        "endpoints": [{ "addresses": [given.to_string()] }],
    });
    world.see(&[web(), deployment, slice]);
    assert_ne!(world.endpoints("web")[0].address, given);
}

#[test]
fn too_many_replicas_are_cut_and_reported() {
    let world = World::of(&[
        web(),
        workload("Deployment", "big", json!({ "replicas": 2_000_000_000 })),
        pod("alone", json!({})),
    ]);
    assert_eq!(world.endpoints("web").len(), 65_024);
    let [(key, message)] = world.outcome.shortages.as_slice() else { panic!("{:?}", world.outcome) };
    assert_eq!(key.to_string(), "Deployment default/big");
    assert!(message.contains("1999934977 of them"), "{message}");
}

#[test]
fn a_made_up_slice_gives_way_to_one_of_the_same_name() {
    let manifests = [web(), pod("p", json!({}))];
    let name = World::of(&manifests).slices("web")[0].name.name.clone();
    let labels = json!({ "kubernetes.io/service-name": "other" });
    let theirs = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": name.as_str(), "labels": labels },
    });
    let world = World::of(&[&manifests[..], &[theirs]].concat());
    assert_eq!((world.slices("web").len(), world.slices("other").len()), (1, 1));
}

#[test]
fn equal_manifests_make_equal_objects_in_any_process() {
    let manifests = [
        web(),
        workload("Deployment", "a", json!({ "replicas": 250 })),
        workload("StatefulSet", "b", json!({ "replicas": 30 })),
        workload("DaemonSet", "c", json!({})),
        node("n1", "a"),
    ];
    assert_eq!(World::of(&manifests).objects, World::of(&manifests).objects);
    let sizes: Vec<_> =
        World::of(&manifests).slices("web").iter().map(|s| s.subsets[0].endpoints.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 281);
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
}

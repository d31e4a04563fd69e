//! What an edit costs: each object leads to the answers that rest on it, and to no others. Counted in the engine
//! itself, with the objects read from YAML as everywhere here.

use std::collections::{BTreeMap, BTreeSet};

use switchyard::{engine::Engine, resolve::Target};

use super::{
    DOMAIN,
    fixtures::{
        NAME1, OPAQUE_PORTS, annotated_service, meshed, named_slice, node, plain, replica_set, server,
        server_with, service, service_profile, slice,
    },
    options, read, target,
};

/// What is watched, and under which name it is expected.
const WATCHED: [(&str, &str); 9] = [
    ("get name1", NAME1),
    ("get name2", "name2.ns.svc.mycluster.local:8989"),
    ("profile name1", NAME1),
    ("profile name2", "name2.ns.svc.mycluster.local:8989"),
    ("profile pod1", "172.17.0.12:8989"),
    ("profile pod2", "172.17.0.13:8989"),
    ("profile pod2 again", "172.17.0.13:80"),
    ("profile nobody", "172.17.0.99:8989"),
    ("profile node", "192.168.1.20:7777"),
];

/// An engine with clients, and the objects it was told of.
struct World {
    engine: Engine,
    objects: BTreeMap<String, String>,
    names: BTreeMap<Target, &'static str>,
}

/// Two services with a Pod each, the first in a zone; somebody on `node-1` asks for all that is watched.
fn world() -> World {
    let pods = [meshed("pod1", "172.17.0.12"), meshed("pod2", "172.17.0.13")];
    let objects = [
        ("service name1", service("name1", "8989")),
        ("service name2", service("name2", "8989")),
        ("slice name1", slice("name1", "8989", "172.17.0.12=pod1@west-1a")),
        ("slice name2", slice("name2", "8989", "172.17.0.13=pod2")),
        ("pod1", pods[0].clone().label("app", "one").owners("ReplicaSet/rs1").yaml()),
        ("pod2", pods[1].clone().label("app", "two").owners("ReplicaSet/rs2").yaml()),
        ("node-1", node("node-1", "west-1a")),
        ("node-2", node("node-2", "west-1a")),
        ("rs2", replica_set("rs2", "Deployment/d")),
    ];
    let objects = objects.into_iter().map(|(name, yaml)| (name.to_owned(), yaml)).collect();
    let mut world =
        World { engine: Engine::new(DOMAIN.into(), options(|_| {})), objects, names: BTreeMap::new() };
    world.relist();
    for (name, path) in WATCHED {
        let target = target(path, r#"{"ns":"ns","nodeName":"node-1"}"#, name.starts_with("profile"));
        assert!(world.engine.watch(&target).is_some(), "it is synced");
        world.names.insert(target, name);
    }
    world
}

impl World {
    /// All there is, again. What changed by that.
    fn relist(&mut self) -> BTreeSet<&'static str> {
        let yaml: String = self.objects.values().cloned().collect();
        let outcome = self.engine.apply(read(&yaml).events);
        outcome.changes.iter().map(|change| self.names[&change.target]).collect()
    }

    /// The object is now this, or gone if that is empty: so many answers are worked out, and these are new.
    #[track_caller]
    fn costs(&mut self, object: &str, yaml: &str, resolved: u64, changed: &[&str]) {
        self.objects.insert(object.to_owned(), yaml.to_owned());
        let before = self.engine.resolutions();
        let got = self.relist();
        assert_eq!(got, changed.iter().copied().collect(), "{object} led to other answers");
        assert_eq!(self.engine.resolutions() - before, resolved, "{object} cost more or less");
    }
}

#[test]
fn a_pod_concerns_its_service_and_its_own_address() {
    let mut world = world();
    let pod = meshed("pod1", "172.17.0.12").label("app", "one").owners("ReplicaSet/rs1");
    let concerned = ["get name1", "profile pod1"];
    world.costs("pod1", &pod.clone().annotation(OPAQUE_PORTS, "8989").yaml(), 2, &concerned);
    world.costs("pod1", &pod.clone().label("pod-template-hash", "x").yaml(), 2, &concerned);
    world.costs("pod1", &pod.clone().account("other").yaml(), 2, &concerned);
    world.costs("pod1", "", 2, &concerned);
    world.costs("pod1", &pod.yaml(), 2, &concerned);
}

#[test]
fn every_port_of_an_address_follows_its_pod() {
    let mut world = world();
    let pod = meshed("pod2", "172.17.0.13").label("app", "two").owners("ReplicaSet/rs2").account("other");
    world.costs("pod2", &pod.yaml(), 3, &["get name2", "profile pod2", "profile pod2 again"]);
}

#[test]
fn what_nobody_reads_of_a_pod_costs_nothing() {
    let mut world = world();
    let pod = meshed("pod1", "172.17.0.12").label("app", "one").owners("ReplicaSet/rs1");
    world.costs("pod1", &pod.clone().annotation("unrelated", "x").yaml(), 0, &[]);
    world.costs("pod1", &pod.metadata("resourceVersion: '2'").yaml(), 0, &[]);
}

#[test]
fn a_pod_that_takes_an_address_concerns_who_asks_for_it() {
    let mut world = world();
    world.costs("lone", &plain("lone", "172.17.0.99").yaml(), 1, &["profile nobody"]);
    world.costs("lone", &plain("lone", "172.17.0.98").yaml(), 1, &["profile nobody"]);
}

#[test]
fn a_pod_concerns_who_asks_for_its_node_only_through_a_host_port() {
    let mut world = world();
    let lone = plain("lone", "172.17.0.98");
    world.costs("lone", &lone.clone().port("containerPort: 80").yaml(), 0, &[]);
    world.costs("lone", &lone.clone().port("containerPort: 80, hostPort: 7777").yaml(), 1, &["profile node"]);
    world.costs("lone", &lone.yaml(), 1, &["profile node"]);
}

#[test]
fn the_zone_of_a_node_concerns_its_clients_where_endpoints_have_zones() {
    let mut world = world();
    world.costs("node-1", &node("node-1", "west-1b"), 1, &["get name1"]);
    world.costs("node-2", &node("node-2", "west-1b"), 0, &[]);
    world.costs("node-3", &node("node-3", "west-1b"), 0, &[]);
}

#[test]
fn a_server_concerns_the_pods_that_it_selects() {
    let mut world = world();
    let concerned = ["get name1", "profile pod1"];
    world.costs("srv", &server("srv", "one", "8989", "opaque"), 2, &concerned);
    world.costs("again", &server("again", "one", "8989", "opaque"), 0, &[]);
    world.costs("again", "", 0, &[]);
    world.costs("srv", &server("srv", "one", "8989", "HTTP/2"), 2, &concerned);
    world.costs("srv", &server("srv", "nobody", "8989", "opaque"), 0, &[]);
    world.costs(
        "other",
        &server_with("name: srv, namespace: other", "podSelector: {}", "8989", "opaque"),
        0,
        &[],
    );
}

#[test]
fn a_workload_and_its_servers_concern_its_service_and_its_address() {
    let workload = |identity: &str| {
        format!(
            "{{apiVersion: workload.linkerd.io/v1beta1, kind: ExternalWorkload, metadata: {{name: vm, namespace: ns}},
               spec: {{meshTLS: {{identity: {identity}, serverName: vm}}, workloadIPs: [{{ip: 172.17.0.99}}],
               ports: [{{port: 8989}}]}}}}\n---\n"
        )
    };
    let mut world = world();
    world.costs("slice vm", &named_slice("vm", "name2", "8989", "172.17.0.99=ew/vm"), 1, &[]);
    let concerned = ["get name2", "profile nobody"];
    world.costs("vm", &workload("spiffe://a"), 2, &concerned);
    world.costs("vm", &workload("spiffe://b"), 2, &concerned);
    let selector = "externalWorkloadSelector: {}";
    world.costs("srv", &server_with("name: srv, namespace: ns", selector, "8989", "opaque"), 2, &concerned);
    world.costs(
        "srv",
        &server_with("name: srv, namespace: other", selector, "8989", "opaque"),
        2,
        &concerned,
    );
    world.costs("srv", "", 0, &[]);
}

#[test]
fn a_service_profile_concerns_the_profile_of_its_service() {
    let mut world = world();
    let route = "{routes: [{name: a, condition: {pathRegex: /a}}]}";
    world.costs("sp", &service_profile("ns", route), 1, &["profile name1"]);
    world.costs("sp", "", 1, &["profile name1"]);
    let other = service_profile("ns", route).replace("name: name1.", "name: name3.");
    world.costs("sp", &other, 0, &[]);
}

#[test]
fn a_service_concerns_who_asks_for_it() {
    let mut world = world();
    let opaque = annotated_service("name1", "8989", &format!("{{{OPAQUE_PORTS}: '8989'}}"));
    world.costs("service name1", &opaque, 2, &["profile name1"]);
    world.costs("service name1", "", 2, &["get name1", "profile name1"]);
    world.costs("service name3", &service("name3", "8989"), 0, &[]);
}

#[test]
fn a_slice_concerns_its_service() {
    let mut world = world();
    world.costs("more", &named_slice("more", "name1", "8989", "172.17.0.50"), 1, &["get name1"]);
    world.costs("more", &named_slice("more", "name2", "8989", "172.17.0.50"), 2, &["get name1", "get name2"]);
    world.costs("more", &named_slice("more", "name3", "8989", "172.17.0.50"), 1, &["get name2"]);
}

#[test]
fn an_owner_concerns_the_pods_that_it_stands_before() {
    let mut world = world();
    let concerned = ["get name1", "profile pod1"];
    world.costs("rs1", &replica_set("rs1", "Deployment/d"), 2, &concerned);
    world.costs("rs1", &replica_set("rs1", "Deployment/e"), 2, &concerned);
    world.costs("rs3", &replica_set("rs3", "Deployment/e"), 0, &[]);
    world.costs("rs1", "", 2, &concerned);
}

#[test]
fn a_relist_of_the_same_costs_nothing() {
    let mut world = world();
    world.costs("nothing", "", 0, &[]);
}

#[test]
fn clients_of_one_zone_share_what_an_edit_costs() {
    let mut world = world();
    for n in 3..50 {
        world.objects.insert(format!("node-{n}"), node(&format!("node-{n}"), ["west-1a", "west-1b"][n % 2]));
    }
    world.relist();
    for n in 2..50 {
        let target = target(NAME1, &format!(r#"{{"nodeName":"node-{n}"}}"#), false);
        assert!(world.engine.watch(&target).is_some(), "it is synced");
        world.names.insert(target, "get name1");
    }
    let pod = meshed("pod1", "172.17.0.12").label("app", "one").owners("ReplicaSet/rs1").account("other");
    world.costs("pod1", &pod.yaml(), 3, &["get name1", "profile pod1"]);
}

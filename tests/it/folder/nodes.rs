//! Nodes of a folder: where simulated Pods run, zones, node-local Services, and Pods that fit no Node.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{AUTHORITY, folder, run};

fn node(name: &str, zone: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: {zone}}}}}\n{spec}\n---\n"
    )
}

/// Nodes `node-a` of zone `east`, and `node-b` and `node-c` of zone `west`.
fn three_nodes() -> String {
    node("node-a", "east", "") + &node("node-b", "west", "") + &node("node-c", "west", "")
}

/// A Service `web` on port 80 with these fields of its spec.
fn service(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  selector: {{app: web}}\n  ports: [{{port: 80, targetPort: \
         8080}}]\n{spec}\n---\n"
    )
}

/// A workload `web` with these fields of its spec and of its template's spec.
fn workload(kind: &str, spec: &str, template: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: {kind}
metadata: {{name: web}}
spec:
  {spec}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      {template}
      containers: [{{name: main, image: x, ports: [{{containerPort: 8080}}]}}]
---
"
    )
}

/// Number of Pods that a client on this Node gets, by their zone; without a Node if it is empty.
#[track_caller]
fn zones(manifests: &str, client: &str) -> BTreeMap<String, usize> {
    let folder = folder(&[("a.yaml", manifests)]);
    let token = if client.is_empty() {
        String::new()
    } else {
        format!(r#"{{"ns":"default","nodeName":"{client}"}}"#)
    };
    let ran = run(folder.path(), &["why", AUTHORITY, "--manifests", ".", "-o", "json", "--token", &token]);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut open = vec![&value];
    while let Some(value) = open.pop() {
        if let (Some("given"), Some(address)) = (value["fate"].as_str(), value["address"].as_str()) {
            let zone = value["zone"].as_str().unwrap_or_default().to_owned();
            zones.entry(zone).or_default().insert(address.to_owned());
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    zones.into_iter().map(|(zone, pods)| (zone, pods.len())).collect()
}

fn expect(zones: &[(&str, usize)]) -> BTreeMap<String, usize> {
    zones.iter().map(|(zone, count)| ((*zone).to_owned(), *count)).collect()
}

#[test]
fn pods_of_a_workload_are_spread_evenly_over_the_nodes() {
    for (kind, replicas) in [("Deployment", 6), ("StatefulSet", 6), ("ReplicaSet", 6)] {
        let workload = workload(kind, &format!("replicas: {replicas}"), "");
        let manifests = service("") + &workload + &three_nodes();
        assert_eq!(zones(&manifests, ""), expect(&[("east", 2), ("west", 4)]), "{kind}");
    }
    let daemon_set = service("") + &workload("DaemonSet", "", "") + &three_nodes();
    assert_eq!(zones(&daemon_set, ""), expect(&[("east", 1), ("west", 2)]));
}

#[test]
fn pods_run_on_the_nodes_that_their_template_and_the_nodes_allow() {
    let drained = node("node-a", "east", "spec: {unschedulable: true}") + &node("node-b", "west", "");
    let tainted = node("node-a", "east", "spec: {taints: [{key: for, value: db, effect: NoSchedule}]}")
        + &node("node-b", "west", "");
    let deployment = |template: &str| workload("Deployment", "replicas: 4", template);
    let daemon_set = |template: &str| workload("DaemonSet", "", template);
    for (name, workload, nodes, zones_expected) in [
        (
            "selector",
            deployment("nodeSelector: {topology.kubernetes.io/zone: east}"),
            three_nodes(),
            &[("east", 4)][..],
        ),
        ("nodeName", deployment("nodeName: node-b"), three_nodes(), &[("west", 4)]),
        ("unschedulable", deployment(""), drained.clone(), &[("west", 4)]),
        ("unschedulable, DaemonSet", daemon_set(""), drained, &[("east", 1), ("west", 1)]),
        ("taint", deployment(""), tainted.clone(), &[("west", 4)]),
        (
            "taint and toleration",
            deployment("tolerations: [{key: for, operator: Exists}]"),
            tainted.clone(),
            &[("east", 2), ("west", 2)],
        ),
        ("taint, DaemonSet", daemon_set(""), tainted, &[("west", 1)]),
        (
            "selector, DaemonSet",
            daemon_set("nodeSelector: {kubernetes.io/hostname: node-c}"),
            three_nodes(),
            &[("west", 1)],
        ),
        ("nodeName, DaemonSet", daemon_set("nodeName: node-a"), three_nodes(), &[("east", 1)]),
    ] {
        assert_eq!(zones(&(service("") + &workload + &nodes), ""), expect(zones_expected), "{name}");
    }
}

#[test]
fn service_with_local_traffic_policy_serves_the_pods_of_the_clients_node() {
    let local = service("  internalTrafficPolicy: Local");
    let manifests = local.clone() + &workload("Deployment", "replicas: 6", "") + &three_nodes();
    assert_eq!(zones(&manifests, "node-a"), expect(&[("east", 2)]));
    assert_eq!(zones(&manifests, "node-b"), expect(&[("west", 2)]));
    assert_eq!(zones(&manifests, ""), expect(&[]));
    let daemon_set = local + &workload("DaemonSet", "", "") + &three_nodes();
    assert_eq!(zones(&daemon_set, "node-c"), expect(&[("west", 1)]));
}

#[test]
fn service_that_prefers_zones_serves_the_pods_of_the_clients_zone() {
    let deployment = workload("Deployment", "replicas: 6", "");
    for (spec, from_a, from_b) in [
        ("  trafficDistribution: PreferSameZone", &[("east", 2)][..], &[("west", 4)][..]),
        ("  trafficDistribution: PreferClose", &[("east", 2)], &[("west", 4)]),
        ("", &[("east", 2), ("west", 4)], &[("east", 2), ("west", 4)]),
    ] {
        let manifests = service(spec) + &deployment + &three_nodes();
        assert_eq!(zones(&manifests, "node-a"), expect(from_a), "{spec}");
        assert_eq!(zones(&manifests, "node-b"), expect(from_b), "{spec}");
    }
}

#[test]
fn workload_that_fits_no_node_is_reported_with_its_service() {
    let nodes = node("node-a", "east", "spec: {taints: [{key: for, value: db, effect: NoSchedule}]}")
        + &node("node-b", "west", "spec: {unschedulable: true}")
        + &node("node-c", "west", "");
    let deployment =
        workload("Deployment", "replicas: 2", "nodeSelector: {topology.kubernetes.io/zone: wets}");
    let folder = folder(&[("a.yaml", &(service("") + &deployment + &nodes))]);
    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let why = "fit no Node (3 without label topology.kubernetes.io/zone=wets of nodeSelector; did you mean \
               topology.kubernetes.io/zone=west?)";
    for line in [
        format!(
            "a.yaml:9: Deployment default/web: its Pods {why}: in a cluster they stay pending, so none is simulated and no "
        ),
        format!(
            "a.yaml:5: Service default/web spec.selector: the Pods of Deployment default/web {why}: clients get no endpoints "
        ),
    ] {
        assert!(checked.out.contains(&line), "{line}: {}", checked.out);
    }
    let explained = run(folder.path(), &["why", AUTHORITY, "--manifests", "."]);
    assert_eq!(explained.code, Some(3), "{explained:?}");
    assert!(explained.out.contains("the Pods of Deployment default/web fit no Node"), "{explained:?}");
}

#[test]
fn reasons_name_what_each_node_lacks() {
    let nodes = node("node-a", "east", "spec: {taints: [{key: for, value: db, effect: NoSchedule}]}")
        + &node("node-b", "west", "spec: {unschedulable: true}");
    for (template, reasons) in [
        ("", "1 unschedulable, 1 with taint for=db:NoSchedule, which the Pods do not tolerate"),
        ("nodeName: elsewhere", "nodeName elsewhere names none"),
        ("nodeName: nod-a", "nodeName nod-a names none; did you mean node-a?"),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: \
             gpu, operator: Exists}]}]}}}",
            "2 outside the required nodeAffinity",
        ),
    ] {
        let folder = folder(&[("a.yaml", &(workload("Deployment", "replicas: 1", template) + &nodes))]);
        let checked = run(folder.path(), &["check", "."]);
        let expect = format!("its Pods fit no Node ({reasons})");
        assert!(checked.out.contains(&expect), "{template}: {checked:?}");
    }
}

#[test]
fn workload_without_replicas_and_daemon_set_without_a_service_need_no_node() {
    let nodes = node("node-a", "east", "spec: {unschedulable: true}");
    let idle = workload("Deployment", "replicas: 0", "");
    let daemon_set = workload("DaemonSet", "", "nodeSelector: {kubernetes.io/os: windows}");
    let alone = folder(&[("a.yaml", &(idle + &daemon_set + &nodes))]);
    let checked = run(alone.path(), &["check", "."]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let served = folder(&[("a.yaml", &(service("") + &daemon_set + &nodes))]);
    let checked = run(served.path(), &["check", "."]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.out.contains("the Pods of DaemonSet default/web fit no Node (1 without label"),
        "{checked:?}"
    );
}

#[test]
fn edit_that_leaves_no_node_for_the_pods_is_planned_as_an_outage() {
    let manifests = service("") + &workload("Deployment", "replicas: 2", "") + &three_nodes();
    let edit = workload("Deployment", "replicas: 2", "nodeSelector: {pool: fast}");
    let folder = folder(&[("app/a.yaml", &manifests), ("edit.yaml", &edit)]);
    let planned = run(folder.path(), &["plan", "--manifests", "app", "-f", "edit.yaml"]);
    assert_eq!(planned.code, Some(3), "{planned:?}");
    assert!(planned.out.contains("fit no Node (3 without label pool=fast of nodeSelector)"), "{planned:?}");
}

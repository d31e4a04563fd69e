//! Pods and workloads as written -> what is read of them.

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Kind, Object},
    source::convert::convert,
};

fn pod(fields: Value) -> Result<ExplicitPod, Rejection> {
    let mut fields = fields;
    fields["metadata"]["name"] = "p".into();
    let Object::Pod(pod) = convert(Kind::Pod, &fields)? else { panic!("{fields}") };
    ExplicitPod::read(&pod, &At::root(&fields))
}

fn workload(kind: WorkloadKind, spec: Value) -> Result<Workload, Rejection> {
    Workload::read(kind, NsName::new("d", "web"), &At::root(&json!({ "spec": spec })))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_shape_keeps_labels_and_named_tcp_ports_of_all_containers() {
    let read = pod(json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": {
            "nodeName": "n", "hostname": "h", "subdomain": "s",
            "containers": [
                { "ports": [{ "name": "http", "containerPort": 80 }, { "containerPort": 81 }] },
                { "ports": [{ "name": "dns", "containerPort": 53, "protocol": "UDP" }] },
                {},
            ],
            "initContainers": [{ "ports": [
                { "name": "http", "containerPort": 82 }, { "name": "admin", "containerPort": 4191 },
            ]}],
        },
    }));
    let read = read.expect("a good Pod");
    let shape = read.shape;
    assert_eq!((shape.label("app"), shape.label("tier")), (Some("web"), None));
    let ports = ["http", "admin", "dns"].map(|name| shape.port(name));
    assert_eq!(ports, [Some(80), Some(4191), None]);
    assert_eq!((&read.node, &shape.hostname), (&Some("n".into()), &Some("h".into())));
    assert_eq!(shape.subdomain, Some("s".into()));
}

#[test]
fn the_life_of_a_pod_follows_from_its_status() {
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    let address = ip("192.0.2.1");
    for (fields, life) in [
        (json!({}), Life::Unsaid),
        (json!({ "status": null }), Life::Unsaid),
        (json!({ "status": {} }), Life::Unsaid),
        (json!({ "metadata": { "deletionTimestamp": "2020-01-01T00:00:00Z" } }), Life::Nowhere),
        (json!({ "status": { "phase": "Pending" } }), Life::Nowhere),
        (json!({ "status": { "phase": "Pending", "podIP": "192.0.2.1" } }), Life::At(address, false)),
        (json!({ "status": { "phase": "Running", "podIP": "192.0.2.1" } }), Life::At(address, false)),
        (
            json!({ "status": { "phase": "Running", "podIP": "192.0.2.1", "conditions": ready } }),
            Life::At(address, true),
        ),
        (
            json!({ "status": { "phase": "Running", "podIP": "192.0.2.1", "conditions": [
                { "type": "Initialized", "status": "True" }, { "type": "Ready", "status": "False" },
            ]}}),
            Life::At(address, false),
        ),
        (
            json!({
                "metadata": { "deletionTimestamp": "2020-01-01T00:00:00Z" },
                "status": { "phase": "Running", "podIP": "192.0.2.1", "conditions": ready },
            }),
            Life::At(address, false),
        ),
        (
            json!({ "status": { "phase": "Succeeded", "podIP": "192.0.2.1", "conditions": ready } }),
            Life::Nowhere,
        ),
        (json!({ "status": { "phase": "Failed", "podIP": "192.0.2.1" } }), Life::Nowhere),
    ] {
        assert_eq!(pod(fields.clone()).map(|pod| pod.life), Ok(life), "{fields}");
    }
}

#[test]
fn wrong_types_reject_a_pod() {
    for (fields, path) in [
        (json!({ "metadata": { "labels": { "a": 1 } } }), "metadata.labels.a"),
        (json!({ "spec": { "containers": {} } }), "spec.containers"),
        (
            json!({ "spec": { "containers": [{ "ports": [{ "name": "a", "containerPort": 0 }] }] } }),
            "spec.containers[0].ports[0].containerPort",
        ),
        (json!({ "status": { "podIP": "here" } }), "status.podIP"),
        (json!({ "status": [] }), "status"),
    ] {
        assert_eq!(pod(fields.clone()).map_err(|r| r.path), Err(path.into()), "{fields}");
    }
}

#[test]
fn a_workload_wants_one_pod_unless_it_says_otherwise() {
    for (replicas, expected) in [(json!(null), 1), (json!(0), 0), (json!(7), 7)] {
        let read = workload(WorkloadKind::ReplicaSet, json!({ "replicas": replicas, "template": {} }));
        assert_eq!(read.map(|w| w.replicas), Ok(expected));
    }
    for replicas in [json!(-1), json!("3"), json!(1.5), json!([])] {
        let read = workload(WorkloadKind::Deployment, json!({ "replicas": replicas, "template": {} }));
        assert_eq!(read.map_err(|r| r.path), Err("spec.replicas".into()), "{replicas}");
    }
    let read = workload(WorkloadKind::Deployment, json!({ "replicas": 1 }));
    assert_eq!(read.map_err(|r| r.path), Err("spec.template".into()));
}

#[test]
fn the_template_hash_changes_with_the_template_only() {
    let of = |replicas, image| {
        let spec =
            json!({ "replicas": replicas, "template": { "spec": { "containers": [{ "image": image }] } } });
        workload(WorkloadKind::Deployment, spec).expect("a good Deployment")
    };
    assert_eq!(of(1, "a:1").template_hash, of(2, "a:1").template_hash);
    assert_ne!(of(1, "a:1").template_hash, of(1, "a:2").template_hash);
    let one = of(1, "a:1");
    assert_eq!(one.shape.label("pod-template-hash"), Some(&*one.template_hash));
}

#[test]
fn workloads_are_known_by_group_and_owners_by_their_control() {
    for (api_version, kind, expected) in [
        ("apps/v1", "Deployment", Some(WorkloadKind::Deployment)),
        ("extensions/v1beta1", "DaemonSet", Some(WorkloadKind::DaemonSet)),
        ("apps/v1beta2", "StatefulSet", Some(WorkloadKind::StatefulSet)),
        ("apps/v1", "ControllerRevision", None),
        ("v1", "Deployment", None),
        ("example.com/v1", "Deployment", None),
    ] {
        assert_eq!(WorkloadKind::of(api_version, kind), expected, "{api_version} {kind}");
    }
    let owners = json!([
        { "kind": "ReplicaSet", "name": "not-this" },
        { "kind": "Job", "name": "nor-this", "controller": true },
        { "kind": "ReplicaSet", "name": "this", "controller": true },
    ]);
    let read = pod(json!({ "metadata": { "ownerReferences": owners } }));
    assert_eq!(read.map(|pod| pod.owner), Ok(Some((WorkloadKind::ReplicaSet, "this".into()))));
}

#[test]
fn pods_of_a_rollout_have_the_labels_of_its_controller_and_of_the_stable_version() {
    let rollout = workload(
        WorkloadKind::Rollout,
        json!({
            "template": { "metadata": { "labels": { "app": "web" } } },
            "strategy": { "canary": {
                "stableMetadata": { "labels": { "role": "stable" } },
                "canaryMetadata": { "labels": { "role": "canary" } },
            }},
        }),
    )
    .expect("a good Rollout");
    let label = |key| rollout.shape.label(key);
    assert_eq!((label("app"), label("role")), (Some("web"), Some("stable")));
    assert_eq!(label("rollouts-pod-template-hash"), Some(&*rollout.template_hash));
    assert_eq!(label("pod-template-hash"), None);
    let owner = rollout.shape.spec.owner.clone().expect("an owner");
    assert_eq!(&*owner.kind, "ReplicaSet", "Linkerd knows no Rollout above it");
    assert_eq!(owner.name.as_str(), format!("web-{}", rollout.template_hash));
}

#[test]
fn a_borrowed_template_has_the_labels_of_the_borrower() {
    let spec =
        json!({ "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "nodeName": "n" } } });
    let deployment = workload(WorkloadKind::Deployment, spec).expect("a good Deployment");
    let spec = json!({
        "workloadRef": { "kind": "Deployment", "name": "web" },
        "strategy": { "blueGreen": { "activeMetadata": { "labels": { "role": "active" } } } },
    });
    let rollout =
        workload(WorkloadKind::Rollout, spec).expect("a good Rollout").with_template_of(&deployment);
    let hash = &*deployment.template_hash;
    let labels: Vec<_> = rollout.shape.all_labels().collect();
    assert_eq!(labels, [("app", "web"), ("role", "active"), ("rollouts-pod-template-hash", hash)]);
    assert_eq!(rollout.shape.constraints.node, Some("n".into()));
}

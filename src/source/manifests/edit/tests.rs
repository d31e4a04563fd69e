//! Texts of an edit -> what is wrong with them, and what they would do to a cluster.

use std::collections::BTreeSet;

use super::*;
use crate::{
    cluster::Cluster,
    model::{Kind, Object},
    source::{Event, convert::convert},
};

#[track_caller]
fn edit(text: &str, removed: &[&str]) -> Result<Edit, BadEdit> {
    let namespace = Name::from("shop");
    let removed = removed.iter().map(|text| text.parse::<Removal>().expect("an object").key(&namespace));
    Edit::of(vec![("e.yaml".into(), text.into())], removed.collect(), &namespace, Vec::new())
}

/// A cluster of these objects of that kind.
fn cluster(kind: Kind, objects: &[serde_json::Value]) -> Cluster {
    let mut cluster = Cluster::new("cluster.local".into());
    for value in objects {
        let object = convert(kind, value).expect("a good object");
        cluster.apply(Event::Upsert(object), &mut BTreeSet::new());
    }
    cluster
}

#[test]
fn objects_are_in_the_namespace_that_was_said_unless_they_say_one() {
    let text = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}
- {apiVersion: v1, kind: Service, metadata: {name: b, namespace: own}, spec: {clusterIP: None}}
- {apiVersion: v1, kind: Node, metadata: {name: m}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: c, namespace: ''}, spec: {selector: {matchLabels: {app: c}}, template: {metadata: {labels: {app: c}}, spec: {containers: [{name: c, image: x}]}}}}
";
    let edit = edit(text, &["service/d", "Pod/own/e", "node/f", "replicaset/g"]).expect("a good edit");

    let names: Vec<_> = edit.items().chain(&edit.removed).map(ToString::to_string).collect();
    let expect = [
        "Service shop/a",
        "Service own/b",
        "Node m",
        "Deployment shop/c",
        "Service shop/d",
        "Pod own/e",
        "Node f",
        "ReplicaSet shop/g",
    ];
    assert_eq!(names, expect);
    let Ok(items::Content::Service(Object::Service(a), ..)) = &edit.files[0].1.items[0].content else {
        panic!("a Service")
    };
    assert_eq!(a.name.to_string(), "shop/a");
}

#[test]
fn an_edit_that_is_not_sound_is_refused() {
    let split = |extra: &str| {
        format!(
            "{{apiVersion: split.smi-spec.io/v1alpha1, kind: TrafficSplit, metadata: {{name: a}}, {extra}}}"
        )
    };
    for (text, removed, expect) in [
        ("", &[][..], "expected Kubernetes objects, found none"),
        ("a: 1", &[], "e.yaml:1: expected a Kubernetes object, found no kind"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}",
            &[],
            "e.yaml:1: expected metadata.name, found metadata.generateName",
        ),
        (
            &split("spec: {service: a, backends: []}"),
            &["TrafficSplit/shop/a"],
            "TrafficSplit shop/a is to be applied and removed; choose one of the two",
        ),
    ] {
        let error = edit(text, removed).expect_err(text).to_string();
        assert!(error.contains(expect), "{text}: {error}");
    }
    let many: String = (0..30).map(|i| format!("---\nx: {i}\n")).collect();
    let error = edit(&many, &[]).expect_err("useless").to_string();
    assert!(error.ends_with("and 10 more"), "{error}");
}

#[test]
fn what_a_cluster_keeps_of_an_object_is_kept() {
    let cluster_of_split = cluster(
        Kind::TrafficSplit,
        &[serde_json::json!({
            "metadata": {"name": "a", "namespace": "shop", "creationTimestamp": "2024-01-31T12:00:00Z"},
            "spec": {"service": "a", "backends": []},
        })],
    );
    let text = "{apiVersion: split.smi-spec.io/v1alpha1, kind: TrafficSplit, metadata: {name: a}, spec: {service: b, backends: []}}";
    let foreseen = edit(text, &[]).expect("good").in_cluster(&cluster_of_split).expect("known");
    let [Event::Upsert(Object::TrafficSplit(split))] = &foreseen.events[..] else { panic!("{foreseen:?}") };
    assert_eq!((&*split.apex, split.created.is_some()), ("b", true));

    let cluster_of_service = cluster(
        Kind::Service,
        &[serde_json::json!({
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"clusterIP": "10.0.0.1"},
        })],
    );
    let text =
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {a: b}, ports: [{port: 80}]}}";
    let foreseen = edit(text, &[]).expect("good").in_cluster(&cluster_of_service).expect("known");
    let [Event::Upsert(Object::Service(service))] = &foreseen.events[..] else { panic!("{foreseen:?}") };
    assert_eq!(service.cluster_ips.len(), 1);
    assert!(foreseen.notes[0].starts_with("Service shop/a: which Pods its selector"), "{foreseen:?}");

    let cluster_of_pod = cluster(
        Kind::Pod,
        &[serde_json::json!({
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "podIP": "10.0.0.2"},
        })],
    );
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: x}]}}";
    let foreseen = edit(text, &[]).expect("good").in_cluster(&cluster_of_pod).expect("known");
    let [Event::Upsert(Object::Pod(pod))] = &foreseen.events[..] else { panic!("{foreseen:?}") };
    assert!(pod.ips[0].is_some() && pod.node.is_some());
}

#[test]
fn what_only_controllers_know_is_said_and_what_is_not_there_cannot_go() {
    let nothing = cluster(Kind::Service, &[]);
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {app: c}}, template: {metadata: {labels: {app: c}}, spec: {containers: [{name: c, image: x}]}}}}";
    let foreseen = edit(text, &["StatefulSet/b"]).expect("good").in_cluster(&nothing).expect("no errors");
    assert!(foreseen.events.is_empty());
    let starts =
        ["Deployment shop/a: what becomes of its Pods", "StatefulSet shop/b: what becomes of its Pods"];
    assert!(foreseen.notes.iter().zip(starts).all(|(note, start)| note.starts_with(start)), "{foreseen:?}");

    let error = edit("", &["Service/a"]).expect("good").in_cluster(&nothing).expect_err("not there");
    assert!(error.to_string().ends_with("Service shop/a is to be removed, and the cluster has none"));
}

#[test]
fn invalid_object_of_an_edit_leaves_what_the_cluster_has_and_is_a_warning() {
    let text = "{apiVersion: split.smi-spec.io/v1alpha1, kind: TrafficSplit, metadata: {name: a}, spec: {service: web, backends: [{service: b, weight: 50%}]}}";
    let known = serde_json::json!({
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"service": "web", "backends": []},
    });
    for (known, end) in [
        (&[known][..], "; its last valid version, that of the cluster, stays in force;"),
        (&[], "the split does not exist, and traffic to Service web goes to its own endpoints;"),
    ] {
        let cluster = cluster(Kind::TrafficSplit, known);
        let foreseen = edit(text, &[]).expect("it can be read").in_cluster(&cluster).expect("no errors");
        assert_eq!(foreseen.events, []);
        let [finding] = &foreseen.findings[..] else { panic!("{foreseen:?}") };
        let start =
            "spec.backends[0].weight: expected a quantity, 0 or more, such as 1 or 500m, found \"50%\"; ";
        assert!(finding.message.starts_with(start) && finding.message.contains(end), "{finding:?}");
        assert_eq!(finding.location.to_string(), "e.yaml:1");
    }
}

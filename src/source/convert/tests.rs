//! Objects as a user would write them -> what becomes of them.

use std::net::IpAddr;

use serde_json::json;

use super::*;

mod endpoints;
mod pod;
mod policy;
mod profile;
mod service;
mod split;

/// An object of that kind named `d/x`, with `fields` added to it.
fn object(kind: Kind, fields: &Value) -> Value {
    let mut value = json!({ "metadata": { "name": "x", "namespace": "d" } });
    merge(&mut value, fields);
    value["kind"] = kind.as_str().into();
    value
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[track_caller]
fn rejected(kind: Kind, fields: Value, path: &str) {
    let rejection = convert(kind, &object(kind, &fields)).expect_err(&fields.to_string());
    assert_eq!(rejection.path, path, "{fields} -> {rejection}");
    assert!(!rejection.message.is_empty() && !rejection.message.ends_with('.'), "{rejection}");
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn kinds_are_known_by_group_and_version() {
    for (api_version, kind, expected) in [
        ("v1", "Service", Some(Kind::Service)),
        ("v1", "Endpoints", Some(Kind::Endpoints)),
        ("v1", "Pod", Some(Kind::Pod)),
        ("v1", "Node", Some(Kind::Node)),
        ("discovery.k8s.io/v1", "EndpointSlice", Some(Kind::EndpointSlice)),
        ("discovery.k8s.io/v1beta1", "EndpointSlice", Some(Kind::EndpointSlice)),
        ("split.smi-spec.io/v1alpha1", "TrafficSplit", Some(Kind::TrafficSplit)),
        ("split.smi-spec.io/v1alpha2", "TrafficSplit", Some(Kind::TrafficSplit)),
        ("split.smi-spec.io/v1alpha3", "TrafficSplit", Some(Kind::TrafficSplit)),
        ("split.smi-spec.io/v1alpha4", "TrafficSplit", Some(Kind::TrafficSplit)),
        ("linkerd.io/v1alpha1", "ServiceProfile", Some(Kind::ServiceProfile)),
        ("linkerd.io/v1alpha2", "ServiceProfile", Some(Kind::ServiceProfile)),
        ("apps/v1", "ReplicaSet", Some(Kind::ReplicaSet)),
        ("extensions/v1beta1", "ReplicaSet", Some(Kind::ReplicaSet)),
        ("batch/v1", "Job", Some(Kind::Job)),
        ("policy.linkerd.io/v1alpha1", "Server", Some(Kind::Server)),
        ("policy.linkerd.io/v1beta3", "Server", Some(Kind::Server)),
        ("workload.linkerd.io/v1alpha1", "ExternalWorkload", Some(Kind::ExternalWorkload)),
        ("workload.linkerd.io/v1beta1", "ExternalWorkload", Some(Kind::ExternalWorkload)),
        ("serving.knative.dev/v1", "Service", None),
        ("policy.linkerd.io/v1beta3", "HTTPRoute", None),
        ("policy.linkerd.io/v2", "Server", None),
        ("split.smi-spec.io/v1", "TrafficSplit", None),
        ("v1", "ServiceAccount", None),
    ] {
        assert_eq!(kind_of(api_version, kind), expected, "{api_version} {kind}");
    }
}

#[test]
fn a_namespace_is_default_unless_named_and_nodes_have_none() {
    let value = json!({ "metadata": { "name": "x" } });
    for (kind, name) in [(Kind::Pod, NsName::new("default", "x")), (Kind::Node, NsName::new("", "x"))] {
        assert_eq!(convert(kind, &value).map(|o| o.name().clone()), Ok(name));
    }
}

#[test]
fn metadata_is_checked() {
    rejected(Kind::Pod, json!({ "metadata": { "name": null } }), "metadata.name");
    rejected(Kind::Pod, json!({ "metadata": { "name": 5 } }), "metadata.name");
    rejected(Kind::Pod, json!({ "metadata": 5 }), "metadata");
    rejected(Kind::Pod, json!({ "metadata": { "namespace": "A" } }), "metadata.namespace");
    let long = "x".repeat(64);
    for name in ["A", "a.b", "-a", "a-", "a_b", &long, "é"] {
        rejected(Kind::Service, json!({ "metadata": { "name": name } }), "metadata.name");
    }
    assert!(convert(Kind::Pod, &object(Kind::Pod, &json!({ "metadata": { "name": "a.b" } }))).is_ok());
}

#[test]
fn nodes_keep_their_zone() {
    let labels = json!({ "metadata": { "labels": { ZONE_LABEL: "z" } } });
    let node = convert(Kind::Node, &object(Kind::Node, &labels));
    assert_eq!(node, Ok(Object::Node(Arc::new(Node { name: NsName::new("", "x"), zone: Some("z".into()) }))));
    rejected(
        Kind::Node,
        json!({ "metadata": { "labels": { ZONE_LABEL: 1 } } }),
        r#"metadata.labels["topology.kubernetes.io/zone"]"#,
    );
}

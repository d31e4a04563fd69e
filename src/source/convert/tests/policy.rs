//! Servers, ExternalWorkloads, and what stands between Pods and their owners.

use serde_json::json;

use super::{super::*, ip, object, rejected};
use crate::model::{
    Condition, Controller, ExternalWorkload, LabelSet, OwnerRef, PortRanges, Requirement, Selector, Server,
    ServerPort, ServerTarget,
};

#[track_caller]
fn server(spec: Value) -> Server {
    match convert(Kind::Server, &object(Kind::Server, &json!({ "spec": spec }))).expect("a good Server") {
        Object::Server(server) => Arc::unwrap_or_clone(server),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn workload(fields: Value) -> ExternalWorkload {
    let mut value = json!({ "spec": { "meshTLS": { "identity": "spiffe://a/b", "serverName": "b.a" } } });
    super::merge(&mut value, &fields);
    match convert(Kind::ExternalWorkload, &object(Kind::ExternalWorkload, &value)).expect("a good one") {
        Object::ExternalWorkload(workload) => Arc::unwrap_or_clone(workload),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_matters_if_it_is_opaque() {
    let read = server(json!({
        "proxyProtocol": "opaque",
        "port": "db",
        "podSelector": {
            "matchLabels": { "app": "db" },
            "matchExpressions": [
                { "key": "a", "operator": "In", "values": ["x", "y"] },
                { "key": "b", "operator": "NotIn", "values": ["z"] },
                { "key": "c", "operator": "Exists" },
                { "key": "d", "operator": "DoesNotExist", "values": [] },
            ],
        },
    }));
    let requirement = |key: &str, condition| Requirement { key: key.into(), condition };
    let pods = Selector {
        requirements: vec![
            requirement("app", Condition::In(vec!["db".into()])),
            requirement("a", Condition::In(vec!["x".into(), "y".into()])),
            requirement("b", Condition::NotIn(vec!["z".into()])),
            requirement("c", Condition::Present),
            requirement("d", Condition::Absent),
        ],
    };
    let opaque = ServerTarget { pods: Some(pods), workloads: None, port: ServerPort::Name("db".into()) };
    assert_eq!(read, Server { name: NsName::new("d", "x"), opaque: Some(opaque), other: None });

    for spec in [
        json!(null),
        json!({ "port": 80, "podSelector": {} }),
        json!({ "proxyProtocol": "HTTP/2", "port": [], "podSelector": 1 }),
    ] {
        assert_eq!(server(spec.clone()).opaque, None, "{spec}");
    }
}

#[test]
fn a_server_selects_pods_or_external_workloads() {
    let all = Some(Selector::default());
    for (selectors, pods, workloads) in [
        (json!({}), None, None),
        (json!({ "podSelector": {} }), all.clone(), None),
        (json!({ "externalWorkloadSelector": {}, "podSelector": null }), None, all),
    ] {
        let mut spec = json!({ "proxyProtocol": "opaque", "port": 1 });
        super::merge(&mut spec, &selectors);
        let opaque = server(spec).opaque.expect("an opaque one");
        assert_eq!((opaque.pods, opaque.workloads), (pods, workloads), "{selectors}");
    }
}

#[test]
fn the_port_of_a_server_is_a_number_or_a_name() {
    for (port, expected) in [
        (json!(3306), ServerPort::Number(3306)),
        (json!("3306"), ServerPort::Number(3306)),
        (json!("3306x"), ServerPort::Name("3306x".into())),
    ] {
        let read = server(json!({ "proxyProtocol": "opaque", "port": port }));
        assert_eq!(read.opaque.map(|opaque| opaque.port), Some(expected));
    }
    for port in [json!(null), json!(0), json!(65536), json!("0"), json!("65536"), json!(""), json!([])] {
        rejected(Kind::Server, json!({ "spec": { "proxyProtocol": "opaque", "port": port } }), "spec.port");
    }
}

#[test]
fn wrong_selectors_reject_a_server() {
    let expression = |fields: Value| json!({ "matchExpressions": [fields] });
    for (selector, path) in [
        (json!([]), "spec.podSelector"),
        (json!({ "matchLabels": { "app": 1 } }), "spec.podSelector.matchLabels.app"),
        (expression(json!({ "operator": "Exists" })), "spec.podSelector.matchExpressions[0].key"),
        (expression(json!({ "key": "a" })), "spec.podSelector.matchExpressions[0].operator"),
        (
            expression(json!({ "key": "a", "operator": "Gt", "values": ["1"] })),
            "spec.podSelector.matchExpressions[0].operator",
        ),
        (expression(json!({ "key": "a", "operator": "In" })), "spec.podSelector.matchExpressions[0].values"),
        (
            expression(json!({ "key": "a", "operator": "NotIn", "values": [1] })),
            "spec.podSelector.matchExpressions[0].values[0]",
        ),
    ] {
        let spec = json!({ "proxyProtocol": "opaque", "port": 1, "podSelector": selector });
        rejected(Kind::Server, json!({ "spec": spec }), path);
    }
    rejected(Kind::Server, json!({ "spec": { "proxyProtocol": 1 } }), "spec.proxyProtocol");
}

#[test]
fn an_external_workload_keeps_what_its_endpoints_need() {
    let read = workload(json!({
        "metadata": {
            "labels": { "app": "vm" },
            "annotations": { "config.linkerd.io/opaque-ports": "db,25,nobody" },
            "ownerReferences": [{ "kind": "ExternalGroup", "name": "vms" }],
        },
        "spec": {
            "workloadIPs": [{ "ip": "192.0.2.1" }, { "ip": "fd00::1" }],
            "ports": [
                { "name": "db", "port": 3306, "protocol": "TCP" },
                { "port": 80 },
                { "name": "dns", "port": 53, "protocol": "UDP" },
            ],
        },
    }));
    let expected = ExternalWorkload {
        name: NsName::new("d", "x"),
        created: Created::default(),
        identity: "spiffe://a/b".into(),
        server_name: "b.a".into(),
        ips: [ip("192.0.2.1"), ip("fd00::1")].into(),
        ports: [("db".into(), 3306), ("".into(), 80)].into(),
        owner: Some(OwnerRef { kind: "ExternalGroup".into(), name: "vms".into() }),
        opaque_ports: Some(PortRanges::parse("3306,25", |_| Vec::new()).0),
        labels: LabelSet::new([("app", "vm")]),
    };
    assert_eq!(read, expected);
}

#[test]
fn an_external_workload_of_the_alpha_version_spells_its_identity_otherwise() {
    let older = json!({ "meshTLS": null, "meshTls": { "identity": "spiffe://c/d", "serverName": "d.c" } });
    let read = workload(json!({ "spec": older }));
    assert_eq!((&*read.identity, &*read.server_name), ("spiffe://c/d", "d.c"));
}

#[test]
fn wrong_types_in_an_external_workload_reject_it() {
    for (spec, path) in [
        (json!({ "meshTLS": null }), "spec.meshTLS.identity"),
        (json!({ "meshTLS": { "serverName": "" } }), "spec.meshTLS.serverName"),
        (json!({ "workloadIPs": [{ "ip": "x" }] }), "spec.workloadIPs[0].ip"),
        (json!({ "ports": [{ "name": "http" }] }), "spec.ports[0].port"),
        (json!({ "ports": [{ "port": 1, "name": 1 }] }), "spec.ports[0].name"),
    ] {
        let mut fields = json!({ "spec": { "meshTLS": { "identity": "i", "serverName": "s" } } });
        super::merge(&mut fields, &json!({ "spec": spec }));
        rejected(Kind::ExternalWorkload, fields, path);
    }
}

#[test]
fn replica_sets_and_jobs_keep_their_owner_if_it_is_the_only_one() {
    let (deployment, other) =
        (json!({ "kind": "Deployment", "name": "web" }), json!({ "kind": "Other", "name": "o" }));
    let owner = OwnerRef { kind: "Deployment".into(), name: "web".into() };
    for (owners, expected) in [
        (json!(null), None),
        (json!([deployment]), Some(owner)),
        (json!([deployment, other]), None),
        (json!([{ "kind": "Deployment" }]), None),
    ] {
        let fields = json!({ "metadata": { "ownerReferences": owners } });
        let controller = Arc::new(Controller { name: NsName::new("d", "x"), owner: expected });
        assert_eq!(
            convert(Kind::ReplicaSet, &object(Kind::ReplicaSet, &fields)),
            Ok(Object::ReplicaSet(controller.clone()))
        );
        assert_eq!(convert(Kind::Job, &object(Kind::Job, &fields)), Ok(Object::Job(controller)));
    }
}

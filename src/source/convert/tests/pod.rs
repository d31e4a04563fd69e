//! Pods.

use serde_json::json;

use super::{super::*, ip, object, rejected};
use crate::model::{ContainerPort, LabelSet, OwnerRef, Phase, Pod, PodSpec, PortRanges, ProxyPorts};

#[track_caller]
fn pod(fields: Value) -> Pod {
    match convert(Kind::Pod, &object(Kind::Pod, &fields)).expect("a good Pod") {
        Object::Pod(pod) => Arc::unwrap_or_clone(pod),
        other => panic!("{other:?}"),
    }
}

fn port(name: &str, port: u16, host_port: Option<u16>) -> ContainerPort {
    ContainerPort { name: name.into(), port, host_port }
}

fn ranges(text: &str) -> PortRanges {
    PortRanges::parse(text, |_| Vec::new()).0
}

#[test]
fn a_meshed_pod_keeps_what_is_said_because_of_it() {
    let read = pod(json!({
        "metadata": {
            "labels": {
                "app": "web", "linkerd.io/control-plane-ns": "linkerd",
                "statefulset.kubernetes.io/pod-name": "web-0", "apps.kubernetes.io/pod-index": "0",
            },
            "annotations": {
                "config.linkerd.io/opaque-ports": "3306, db, mesh, nobody, 70000, dns,",
                "config.linkerd.io/skip-inbound-ports": "25,4000-4010,db",
            },
            "ownerReferences": [{ "kind": "StatefulSet", "name": "web" }],
        },
        "spec": {
            "nodeName": "n",
            "serviceAccountName": "shop",
            "initContainers": [{
                "name": "linkerd-proxy",
                "ports": [{ "name": "mesh", "containerPort": 4143 }],
                "env": [
                    { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "[::]:4143" },
                    { "name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "value": "0.0.0.0:4191" },
                    { "name": "LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "valueFrom": { "fieldRef": {} } },
                ],
            }],
            "containers": [
                { "name": "a", "ports": [
                    { "name": "db", "containerPort": 5432, "hostPort": 15432 },
                    { "name": "dns", "containerPort": 53, "protocol": "UDP" },
                ]},
                { "name": "b", "ports": [{ "containerPort": 80, "hostPort": 0 }] },
            ],
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.0.2.1",
            "podIPs": [{ "ip": "10.0.0.1" }, { "ip": "10.0.0.2" }, { "ip": "fd00::1" }],
            "hostIPs": [{ "ip": "192.0.2.1" }, { "ip": "fd00::9" }],
        },
    }));
    let own = [("apps.kubernetes.io/pod-index", "0"), ("statefulset.kubernetes.io/pod-name", "web-0")];
    let expected = Pod {
        name: NsName::new("d", "x"),
        created: Created::default(),
        node: Some("n".into()),
        ips: [Some(ip("10.0.0.1")), Some(ip("fd00::1"))],
        host_ips: [ip("192.0.2.1"), ip("fd00::9")].into(),
        phase: Phase::Running,
        spec: Arc::new(PodSpec {
            service_account: "shop".into(),
            owner: Some(OwnerRef { kind: "StatefulSet".into(), name: "web".into() }),
            host_network: false,
            ports: [port("db", 5432, Some(15432)), port("", 80, None), port("mesh", 4143, None)].into(),
            opaque_ports: Some(ranges("3306,5432,4143")),
            skip_inbound_ports: ranges("25,4000-4010"),
            proxy: ProxyPorts { inbound: Some(4143), admin: Some(4191), control: None },
        }),
        labels: Arc::new(LabelSet::new([("app", "web"), ("linkerd.io/control-plane-ns", "linkerd")])),
        own_labels: LabelSet::new(own),
    };
    assert_eq!(read, expected);
}

#[test]
fn a_pod_that_says_nothing_is_pending_and_nobody_s() {
    let read = pod(json!({}));
    let spec = PodSpec { service_account: "default".into(), ..PodSpec::default() };
    assert_eq!((read.phase, read.ips, read.spec), (Phase::Pending, [None; 2], Arc::new(spec)));
}

#[test]
fn a_pod_has_its_address_while_it_runs() {
    let deleted = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" });
    for (metadata, phase, expected) in [
        (json!({}), json!("Pending"), Phase::Pending),
        (json!({}), json!("Unknown"), Phase::Pending),
        (json!({}), json!("Running"), Phase::Running),
        (deleted.clone(), json!("Running"), Phase::Leaving),
        (deleted, json!(null), Phase::Over),
        (json!({}), json!("Succeeded"), Phase::Over),
        (json!({}), json!("Failed"), Phase::Over),
    ] {
        let read = pod(json!({ "metadata": metadata, "status": { "phase": phase } }));
        assert_eq!(read.phase, expected, "{metadata} {phase}");
    }
}

#[test]
fn addresses_are_listed_or_single_and_those_of_the_host_only_for_host_ports() {
    let six = Some(ip("fd00::1"));
    for (status, expected) in [
        (json!({ "podIP": "10.0.0.1" }), [Some(ip("10.0.0.1")), None]),
        (json!({ "podIP": "10.0.0.9", "podIPs": [{ "ip": "fd00::1" }] }), [six, None]),
        (json!({ "podIPs": [{ "ip": "fd00::1" }, { "ip": "10.0.0.1" }] }), [six, Some(ip("10.0.0.1"))]),
        (json!({ "podIP": "", "podIPs": [] }), [None, None]),
    ] {
        assert_eq!(pod(json!({ "status": status })).ips, expected, "{status}");
    }
    let host = |port: Value| {
        let containers = json!([{ "ports": [port] }]);
        pod(json!({ "spec": { "containers": containers }, "status": { "hostIP": "192.0.2.1" } })).host_ips
    };
    assert_eq!(*host(json!({ "containerPort": 80, "hostPort": 8080 })), [ip("192.0.2.1")]);
    assert!(host(json!({ "containerPort": 80 })).is_empty());
    assert!(host(json!({ "containerPort": 80, "hostPort": 8080, "protocol": "UDP" })).is_empty());
}

#[test]
fn the_ports_of_the_proxy_are_those_of_its_container() {
    let inbound = |value: Value| json!([{ "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": value }]);
    let container = |name: &str, env: Value| json!({ "name": name, "env": env });
    for (init, containers, expected) in [
        (json!([]), json!([container("linkerd-proxy", inbound(json!("0.0.0.0:1")))]), Some(1)),
        (json!([]), json!([container("proxy", inbound(json!("0.0.0.0:1")))]), None),
        (
            json!([container("linkerd-proxy", inbound(json!("0.0.0.0:2")))]),
            json!([container("linkerd-proxy", inbound(json!("0.0.0.0:1")))]),
            Some(2),
        ),
        (
            json!([container("linkerd-proxy", json!([]))]),
            json!([container("linkerd-proxy", inbound(json!("0.0.0.0:1")))]),
            Some(1),
        ),
        (json!([]), json!([container("linkerd-proxy", inbound(json!("localhost:1")))]), None),
        (json!([]), json!([container("linkerd-proxy", inbound(json!(":1")))]), None),
        (json!([]), json!([container("linkerd-proxy", inbound(json!("4143")))]), None),
        (json!([]), json!([container("linkerd-proxy", inbound(json!("[::1]:70000")))]), None),
        (json!([]), json!([container("linkerd-proxy", inbound(json!(null)))]), None),
    ] {
        let read = pod(json!({ "spec": { "initContainers": init, "containers": containers } }));
        assert_eq!(read.spec.proxy.inbound, expected, "{init} {containers}");
    }
}

#[test]
fn opaque_ports_that_are_said_replace_the_default_even_if_there_are_none() {
    for (annotations, expected) in [
        (json!(null), None),
        (json!({ "config.linkerd.io/opaque-ports": "" }), Some(ranges(""))),
        (json!({ "config.linkerd.io/opaque-ports": "1,x" }), Some(ranges("1"))),
    ] {
        assert_eq!(pod(json!({ "metadata": { "annotations": annotations } })).spec.opaque_ports, expected);
    }
}

#[test]
fn wrong_types_in_a_pod_reject_it() {
    let container = |fields: Value| json!({ "spec": { "containers": [fields] } });
    let proxy = |env: Value| container(json!({ "name": "linkerd-proxy", "env": env }));
    for (fields, path) in [
        (json!({ "spec": { "nodeName": 1 } }), "spec.nodeName"),
        (json!({ "spec": { "hostNetwork": "yes" } }), "spec.hostNetwork"),
        (json!({ "spec": { "serviceAccountName": 1 } }), "spec.serviceAccountName"),
        (json!({ "spec": { "containers": {} } }), "spec.containers"),
        (container(json!({ "name": 1 })), "spec.containers[0].name"),
        (
            container(json!({ "ports": [{ "containerPort": "x" }] })),
            "spec.containers[0].ports[0].containerPort",
        ),
        (
            container(json!({ "ports": [{ "containerPort": 1, "hostPort": -1 }] })),
            "spec.containers[0].ports[0].hostPort",
        ),
        (
            proxy(json!([{ "name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "value": 1 }])),
            "spec.containers[0].env[0].value",
        ),
        (json!({ "status": { "phase": 1 } }), "status.phase"),
        (json!({ "status": { "podIPs": [{ "ip": "x" }] } }), "status.podIPs[0].ip"),
        (json!({ "metadata": { "labels": { "app": 1 } } }), "metadata.labels.app"),
        (json!({ "metadata": { "ownerReferences": [{ "kind": 1 }] } }), "metadata.ownerReferences[0].kind"),
        (
            json!({ "metadata": { "annotations": { "config.linkerd.io/opaque-ports": 80 } } }),
            r#"metadata.annotations["config.linkerd.io/opaque-ports"]"#,
        ),
    ] {
        rejected(Kind::Pod, fields, path);
    }
    // What is not read cannot be wrong.
    pod(container(json!({ "name": "app", "image": 1, "env": [{ "name": "A", "value": 1 }] })));
    pod(proxy(json!([{ "name": "A", "value": 1 }])));
    pod(json!({ "metadata": { "annotations": { "a": 1 } }, "status": { "hostIP": 1 } }));
}

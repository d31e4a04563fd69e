//! Services.

use serde_json::json;

use super::{super::*, ip, object, rejected};
use crate::model::{LabelSet, PortRanges, Service, ServiceKind, ServicePort, TargetPort};

#[track_caller]
fn service(fields: Value) -> Service {
    match convert(Kind::Service, &object(Kind::Service, &fields)).expect("a good Service") {
        Object::Service(service) => Arc::unwrap_or_clone(service),
        other => panic!("{other:?}"),
    }
}

fn service_port(name: &str, port: u16, index: usize) -> ServicePort {
    ServicePort { index, ..ServicePort::new(name, port) }
}

#[test]
fn a_service_keeps_addresses_and_tcp_ports() {
    let read = service(json!({ "spec": {
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7", "fd00::7"],
        "internalTrafficPolicy": "Local",
        "selector": { "app": "web" },
        "ports": [
            { "port": 80, "name": "http", "targetPort": "web" },
            { "port": 53, "name": "dns", "protocol": "UDP" },
            { "port": 81, "protocol": "TCP" },
        ],
    }}));
    assert_eq!(
        read,
        Service {
            name: NsName::new("d", "x"),
            created: Created::default(),
            kind: ServiceKind::ClusterIp,
            cluster_ips: vec![ip("10.96.0.7"), ip("fd00::7")],
            selector: LabelSet::new([("app", "web")]),
            ports: vec![
                ServicePort { target: TargetPort::Name("web".into()), ..service_port("http", 80, 0) },
                service_port("", 81, 2),
            ],
            local_traffic_only: true,
            multi_cluster_marker: None,
            opaque_ports: None,
        }
    );
}

#[test]
fn a_service_is_of_one_of_three_kinds() {
    for (spec, kind, ips) in [
        (json!(null), ServiceKind::ClusterIp, vec![]),
        (json!({ "clusterIP": "" }), ServiceKind::ClusterIp, vec![]),
        (json!({ "clusterIP": "10.0.0.1" }), ServiceKind::ClusterIp, vec![ip("10.0.0.1")]),
        (json!({ "type": "NodePort", "clusterIP": "::1" }), ServiceKind::ClusterIp, vec![ip("::1")]),
        (json!({ "type": "LoadBalancer" }), ServiceKind::ClusterIp, vec![]),
        (json!({ "clusterIP": "None" }), ServiceKind::Headless, vec![]),
        (json!({ "clusterIPs": ["None"] }), ServiceKind::Headless, vec![]),
        (
            json!({ "type": "ExternalName", "externalName": "a.example" }),
            ServiceKind::ExternalName("a.example".into()),
            vec![],
        ),
    ] {
        let read = service(json!({ "spec": spec }));
        assert_eq!((read.kind, read.cluster_ips), (kind, ips), "{spec}");
    }
}

#[test]
fn a_service_carries_its_multi_cluster_marker() {
    for (metadata, marker) in [
        (
            json!({ "labels": { "multicluster.linkerd.io/remote-discovery": "c" } }),
            Some("multicluster.linkerd.io/remote-discovery"),
        ),
        (
            json!({ "annotations": { "multicluster.linkerd.io/remote-discovery": "" } }),
            Some("multicluster.linkerd.io/remote-discovery"),
        ),
        (
            json!({ "annotations": { "multicluster.linkerd.io/local-discovery": "s" } }),
            Some("multicluster.linkerd.io/local-discovery"),
        ),
        (json!({ "labels": { "multicluster.linkerd.io/exported": "true" } }), None),
    ] {
        assert_eq!(service(json!({ "metadata": metadata })).multi_cluster_marker, marker, "{metadata}");
    }
}

#[test]
fn opaque_ports_of_a_service_may_be_named() {
    let ports = json!([{ "port": 3306, "name": "db" }, { "port": 53, "name": "dns", "protocol": "UDP" }]);
    for (annotations, opaque) in [
        (json!({}), None),
        (json!({ "config.linkerd.io/opaque-ports": "" }), Some("")),
        (json!({ "config.linkerd.io/opaque-ports": "db, dns, 80-90, nobody" }), Some("3306,80-90")),
    ] {
        let read = service(json!({ "metadata": { "annotations": annotations }, "spec": { "ports": ports } }));
        let opaque = opaque.map(|list| PortRanges::parse(list, |_| Vec::new()).0);
        assert_eq!(read.opaque_ports, opaque, "{annotations}");
    }
    rejected(
        Kind::Service,
        json!({ "metadata": { "annotations": { "config.linkerd.io/opaque-ports": 80 } } }),
        r#"metadata.annotations["config.linkerd.io/opaque-ports"]"#,
    );
}

#[test]
fn wrong_types_in_a_service_reject_it() {
    for (spec, path) in [
        (json!([]), "spec"),
        (json!({ "type": "Clusterip" }), "spec.type"),
        (json!({ "type": "ExternalName" }), "spec.externalName"),
        (json!({ "clusterIP": 5 }), "spec.clusterIP"),
        (json!({ "clusterIP": "10.0.0" }), "spec.clusterIP"),
        (json!({ "clusterIPs": ["10.0.0.1", "x"] }), "spec.clusterIPs[1]"),
        (json!({ "clusterIPs": "10.0.0.1" }), "spec.clusterIPs"),
        (json!({ "internalTrafficPolicy": true }), "spec.internalTrafficPolicy"),
        (json!({ "ports": {} }), "spec.ports"),
        (json!({ "ports": [80] }), "spec.ports[0]"),
        (json!({ "ports": [{}] }), "spec.ports[0].port"),
        (json!({ "ports": [{ "port": 1 }, { "port": "80" }] }), "spec.ports[1].port"),
        (json!({ "ports": [{ "port": 0 }] }), "spec.ports[0].port"),
        (json!({ "ports": [{ "port": 65536 }] }), "spec.ports[0].port"),
        (json!({ "ports": [{ "port": 80.5 }] }), "spec.ports[0].port"),
        (json!({ "ports": [{ "port": 1, "name": 1 }] }), "spec.ports[0].name"),
        (json!({ "ports": [{ "port": 1, "protocol": 1 }] }), "spec.ports[0].protocol"),
    ] {
        rejected(Kind::Service, json!({ "spec": spec }), path);
    }
}

//! EndpointSlices and Endpoints.

use serde_json::json;

use super::{super::*, ip, object, rejected};
use crate::model::{Endpoint, EndpointPort, EndpointSlice, Mirror, TargetRef};

#[track_caller]
fn slice(kind: Kind, fields: Value) -> EndpointSlice {
    match convert(kind, &object(kind, &fields)).expect("a good object") {
        Object::EndpointSlice(slice) | Object::Endpoints(slice) => Arc::unwrap_or_clone(slice),
        other => panic!("{other:?}"),
    }
}

fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: ip(address),
        ready: true,
        hostname: None,
        node: None,
        zone: None,
        hint_zones: vec![],
        target: TargetRef::None,
    }
}

fn endpoint_port(name: &str, port: u16) -> EndpointPort {
    EndpointPort { name: name.into(), port }
}

#[test]
fn a_slice_keeps_what_resolving_needs() {
    let read = slice(
        Kind::EndpointSlice,
        json!({
            "metadata": { "labels": { "kubernetes.io/service-name": "web" } },
            "addressType": "IPv4",
            "ports": [
                { "name": "http", "port": 8080, "protocol": "TCP" },
                { "name": "dns", "port": 53, "protocol": "UDP" },
                { "name": "all", "port": null },
                { "port": 9090 },
            ],
            "endpoints": [
                {
                    "addresses": ["192.0.2.1", "192.0.2.9"],
                    "conditions": { "ready": true, "terminating": true },
                    "hostname": "h",
                    "nodeName": "n",
                    "zone": "z",
                    "hints": { "forZones": [{ "name": "b" }, { "name": "a" }, { "name": "b" }] },
                    "targetRef": { "kind": "Pod", "name": "p" },
                },
                { "addresses": ["192.0.2.2"], "conditions": { "ready": false } },
                { "addresses": ["192.0.2.3"], "conditions": { "ready": null },
                  "targetRef": { "kind": "Pod", "name": "p", "namespace": "other" } },
                { "addresses": ["192.0.2.4"],
                  "targetRef": { "kind": "ExternalWorkload", "name": "w", "namespace": "other" } },
                { "addresses": ["192.0.2.6"], "targetRef": { "kind": "ExternalWorkload" } },
                { "addresses": ["192.0.2.5"], "targetRef": { "kind": "Gadget", "name": "g" } },
                { "addresses": [] },
            ],
        }),
    );
    assert_eq!(read.service, Some("web".into()));
    let [subset] = read.subsets.as_slice() else { panic!("{read:?}") };
    assert_eq!(subset.ports, Some(vec![endpoint_port("http", 8080), endpoint_port("", 9090)]));
    assert_eq!(
        subset.endpoints,
        [
            Endpoint {
                hostname: Some("h".into()),
                node: Some("n".into()),
                zone: Some("z".into()),
                hint_zones: vec!["a".into(), "b".into()],
                target: TargetRef::Pod(NsName::new("d", "p")),
                ..endpoint("192.0.2.1")
            },
            Endpoint { ready: false, ..endpoint("192.0.2.2") },
            Endpoint { target: TargetRef::Pod(NsName::new("other", "p")), ..endpoint("192.0.2.3") },
            Endpoint { target: TargetRef::Workload(NsName::new("d", "w")), ..endpoint("192.0.2.4") },
            Endpoint { target: TargetRef::Other("ExternalWorkload".into()), ..endpoint("192.0.2.6") },
            Endpoint { target: TargetRef::Other("Gadget".into()), ..endpoint("192.0.2.5") },
        ]
    );
}

#[test]
fn a_slice_of_the_beta_version_has_its_topology_in_labels() {
    let read = slice(
        Kind::EndpointSlice,
        json!({ "endpoints": [{
            "addresses": ["192.0.2.1"],
            "topology": { "kubernetes.io/hostname": "n", "topology.kubernetes.io/zone": "z" },
        }]}),
    );
    let expected = Endpoint { node: Some("n".into()), zone: Some("z".into()), ..endpoint("192.0.2.1") };
    assert_eq!(read.subsets[0].endpoints, [expected]);
}

#[test]
fn a_slice_belongs_to_a_service_by_label_else_by_owner() {
    let owners = json!([{ "kind": "Job", "name": "j" }, { "kind": "Service", "name": "web" }]);
    for (metadata, service) in [
        (json!({ "ownerReferences": owners }), Some("web".into())),
        (
            json!({ "ownerReferences": owners, "labels": { "kubernetes.io/service-name": "api" } }),
            Some("api".into()),
        ),
        (json!({}), None),
    ] {
        assert_eq!(slice(Kind::EndpointSlice, json!({ "metadata": metadata })).service, service);
    }
}

#[test]
fn a_slice_without_ports_says_so_and_names_are_no_addresses() {
    let without = slice(Kind::EndpointSlice, json!({ "endpoints": [{ "addresses": ["192.0.2.1"] }] }));
    assert_eq!(without.subsets[0].ports, None);
    let empty = slice(Kind::EndpointSlice, json!({ "ports": [] }));
    assert_eq!(empty.subsets[0].ports, Some(vec![]));
    let endpoints = json!([{ "addresses": ["192.0.2.1"] }]);
    let named = slice(Kind::EndpointSlice, json!({ "addressType": "FQDN", "endpoints": endpoints }));
    assert_eq!(named.subsets[0].endpoints, []);
}

#[test]
fn a_mirrored_service_has_a_gateway() {
    let (cluster, name, identity) = (
        "mirror.linkerd.io/cluster-name",
        "mirror.linkerd.io/remote-svc-fq-name",
        "mirror.linkerd.io/remote-gateway-identity",
    );
    let full = Mirror {
        cluster: Some("west".into()),
        remote_name: Some("web.d.svc.west".into()),
        gateway_identity: Some("gateway.west".into()),
    };
    let annotations = json!({ name: "web.d.svc.west", identity: "gateway.west" });
    for (metadata, expected) in [
        (json!({}), None),
        (json!({ "labels": { cluster: "" }, "annotations": { name: "", identity: "" } }), None),
        (json!({ "labels": { cluster: "west" }, "annotations": annotations }), Some(full)),
        (
            json!({ "annotations": { identity: "g" } }),
            Some(Mirror { gateway_identity: Some("g".into()), ..Mirror::default() }),
        ),
    ] {
        for kind in [Kind::EndpointSlice, Kind::Endpoints] {
            assert_eq!(slice(kind, json!({ "metadata": metadata })).mirror, expected, "{metadata}");
        }
    }
    rejected(
        Kind::Endpoints,
        json!({ "metadata": { "annotations": { identity: 1 } } }),
        r#"metadata.annotations["mirror.linkerd.io/remote-gateway-identity"]"#,
    );
}

#[test]
fn wrong_types_in_a_slice_reject_it() {
    for (fields, path) in [
        (json!({ "addressType": 4 }), "addressType"),
        (json!({ "addressType": "ipv4" }), "addressType"),
        (json!({ "ports": [{ "port": "http" }] }), "ports[0].port"),
        (json!({ "ports": [{ "port": 70000 }] }), "ports[0].port"),
        (json!({ "endpoints": {} }), "endpoints"),
        (json!({ "endpoints": [{ "addresses": "192.0.2.1" }] }), "endpoints[0].addresses"),
        (json!({ "endpoints": [{ "addresses": [1] }] }), "endpoints[0].addresses[0]"),
        (json!({ "endpoints": [{ "addresses": ["192.0.2.1", "10.0.0.300"] }] }), "endpoints[0].addresses[1]"),
        (json!({ "endpoints": [{ "addresses": ["example.com"] }] }), "endpoints[0].addresses[0]"),
        (json!({ "ports": [{ "port": 80, "protocol": "tcp" }] }), "ports[0].protocol"),
        (json!({ "endpoints": [{ "conditions": { "ready": "yes" } }] }), "endpoints[0].conditions.ready"),
        (json!({ "endpoints": [{ "targetRef": [] }] }), "endpoints[0].targetRef"),
        (json!({ "endpoints": [{ "hints": { "forZones": [1] } }] }), "endpoints[0].hints.forZones[0]"),
        (json!({ "endpoints": [{ "nodeName": 1 }] }), "endpoints[0].nodeName"),
        (json!({ "metadata": { "labels": [] } }), "metadata.labels"),
        (
            json!({ "metadata": { "labels": { "kubernetes.io/service-name": 1 } } }),
            r#"metadata.labels["kubernetes.io/service-name"]"#,
        ),
    ] {
        rejected(Kind::EndpointSlice, fields, path);
    }
}

#[test]
fn endpoints_become_a_slice_with_a_subset_for_each_of_theirs() {
    let read = slice(
        Kind::Endpoints,
        json!({ "subsets": [
            {
                "addresses": [
                    { "ip": "192.0.2.1", "hostname": "h", "nodeName": "n",
                      "targetRef": { "kind": "Pod", "name": "p" } },
                ],
                "notReadyAddresses": [{ "ip": "192.0.2.2" }],
                "ports": [{ "name": "http", "port": 8080 }, { "name": "udp", "port": 1, "protocol": "UDP" }],
            },
            { "addresses": [{ "ip": "192.0.2.3" }] },
        ]}),
    );
    assert_eq!(read.service, Some("x".into()));
    assert_eq!(read.subsets[0].ports, Some(vec![endpoint_port("http", 8080)]));
    assert_eq!(
        read.subsets[0].endpoints,
        [
            Endpoint {
                hostname: Some("h".into()),
                node: Some("n".into()),
                target: TargetRef::Pod(NsName::new("d", "p")),
                ..endpoint("192.0.2.1")
            },
            Endpoint { ready: false, ..endpoint("192.0.2.2") },
        ]
    );
    assert_eq!((&read.subsets[1].ports, read.subsets[1].endpoints.len()), (&None, 1));
    rejected(
        Kind::Endpoints,
        json!({ "subsets": [{ "addresses": [{ "ip": 1 }] }] }),
        "subsets[0].addresses[0].ip",
    );
    rejected(
        Kind::Endpoints,
        json!({ "subsets": [{ "addresses": [{ "ip": "192.0.2.1" }, { "ip": "192.0.2.x" }] }] }),
        "subsets[0].addresses[1].ip",
    );
    rejected(
        Kind::Endpoints,
        json!({ "subsets": [{ "ports": [{ "port": -1 }] }] }),
        "subsets[0].ports[0].port",
    );
}

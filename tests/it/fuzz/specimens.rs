//! A small cluster in which every kind is there and every field that is read is used.
//!
//! It is written once and comes in two copies that have nothing in common: [`Place::Fuzzed`], whose objects are
//! spoilt, and [`Place::Spared`], whose answers must not move meanwhile.

use serde_json::{Value, json};
use switchyard::{
    context::Reading,
    model::{Kind, Name, NsName},
    resolve::{Client, Query, Target},
};

pub(super) const DOMAIN: &str = "cluster.local";

/// Which of the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its objects are spoilt.
    Fuzzed,
    /// It is left alone.
    Spared,
}

impl Place {
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::Fuzzed => "fuzzed",
            Self::Spared => "spared",
        }
    }

    /// A text of the fuzzed copy as it is in this one.
    fn own(self, text: &str) -> String {
        match self {
            Self::Fuzzed => text.to_owned(),
            Self::Spared => {
                text.replace("fuzzed", "spared").replace("10.66.", "10.77.").replace("fd66:", "fd77:")
            }
        }
    }
}

/// The objects of a copy.
pub(super) fn specimens(place: Place) -> Vec<Value> {
    let all = [services(), slices(), pods(), nodes(), splits(), profiles(), controllers(), policies()];
    let own = |value: Value| serde_json::from_str(&place.own(&value.to_string())).expect("still JSON");
    all.into_iter().flatten().map(own).collect()
}

/// The kind that an object says it is.
pub(super) fn kind(value: &Value) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| value["kind"] == kind.as_str())
}

/// Questions that between them read every object of a copy, from clients in several places.
pub(super) fn targets(place: Place) -> Vec<Target> {
    let service = |name: &str| NsName::new(place.namespace(), name);
    let mut queries = Vec::new();
    for (name, ports) in [
        ("web", &[80, 3306][..]),
        ("web-v1", &[80]),
        ("web-v2", &[80, 3306]),
        ("db", &[5432]),
        ("local", &[80]),
        ("legacy", &[80]),
        ("outside", &[80]),
        ("alias", &[80]),
        ("mirrored", &[80]),
        ("remote", &[80]),
        ("missing", &[80]),
    ] {
        for &port in ports {
            let (service, instance) = (service(name), None);
            for reading in [Reading::Merged, Reading::Leaf] {
                let (service, instance) = (service.clone(), instance.clone());
                queries.push(Query::Endpoints { service, instance, port, reading });
            }
            queries.push(Query::ServiceProfile { service, instance, port });
        }
    }
    let (db, instance, port) = (service("db"), Some(Name::from("db-0")), 5432);
    let (reading, again) = (Reading::Leaf, instance.clone());
    queries.push(Query::Endpoints { service: db.clone(), instance, port, reading });
    queries.push(Query::ServiceProfile { service: db, instance: again, port });
    for (ip, port) in [
        // Of a Service, a Pod, a node with a host port, a workload, and nobody.
        ("10.66.0.1", 80),
        ("10.66.0.1", 3306),
        ("fd66::1", 80),
        ("10.66.1.1", 8080),
        ("10.66.1.1", 4143),
        ("fd66::101", 3306),
        ("10.66.2.1", 9000),
        ("10.66.3.1", 9090),
        ("10.66.9.9", 80),
    ] {
        let ip = place.own(ip).parse().expect("an address");
        queries.push(Query::AddressProfile { ip, port });
    }
    let client = |node: Option<&str>, namespace: Option<&str>| Client {
        node: node.map(|node| place.own(node).into()),
        namespace: namespace.map(|namespace| place.own(namespace).into()),
    };
    let clients = [client(None, None), client(Some("node-fuzzed-1"), Some("fuzzed"))];
    let target = |query: Query| clients.clone().map(|client| Target { query: query.clone(), client });
    queries.into_iter().flat_map(target).collect()
}

fn services() -> Vec<Value> {
    let small = |name: &str, spec: Value| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": name, "namespace": "fuzzed" },
            "spec": spec,
        })
    };
    let ports = json!([{ "name": "http", "port": 80 }, { "name": "db", "port": 3306 }]);
    let web = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "web",
            "namespace": "fuzzed",
            "labels": { "app": "web" },
            "annotations": { "config.linkerd.io/opaque-ports": "db,4000-4010,9999" },
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.66.0.1",
            "clusterIPs": ["10.66.0.1", "fd66::1"],
            "ipFamilyPolicy": "PreferDualStack",
            "internalTrafficPolicy": "Cluster",
            "publishNotReadyAddresses": false,
            "selector": { "app": "web" },
            "ports": [
                { "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" },
                { "name": "db", "port": 3306, "targetPort": 3306 },
                { "name": "dns", "port": 53, "protocol": "UDP" },
            ],
        },
    });
    let remote = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "remote",
            "namespace": "fuzzed",
            "labels": { "multicluster.linkerd.io/remote-discovery": "west" },
            "annotations": {
                "multicluster.linkerd.io/remote-discovery": "remote@west",
                "multicluster.linkerd.io/local-discovery": "web",
            },
        },
        "spec": { "ports": [{ "port": 80 }] },
    });
    vec![
        web,
        small("web-v1", json!({ "clusterIP": "10.66.0.2", "selector": { "app": "web" }, "ports": ports })),
        small("web-v2", json!({ "type": "NodePort", "clusterIP": "10.66.0.3", "ports": ports })),
        small("db", json!({ "clusterIP": "None", "ports": [{ "port": 5432, "name": "pg" }] })),
        small(
            "local",
            json!({
                "type": "LoadBalancer", "clusterIP": "10.66.0.4", "clusterIPs": ["10.66.0.4"],
                "internalTrafficPolicy": "Local", "ports": ports,
            }),
        ),
        small("legacy", json!({ "clusterIP": "10.66.0.5", "ports": ports })),
        small("outside", json!({ "clusterIP": "10.66.0.6", "ports": ports })),
        small("alias", json!({ "type": "ExternalName", "externalName": "example.org" })),
        small("mirrored", json!({ "clusterIP": "10.66.0.7", "ports": ports })),
        remote,
    ]
}

fn slices() -> Vec<Value> {
    let slice = |name: &str, service: &str, ports: Value, endpoints: Value| {
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": name, "namespace": "fuzzed", "labels": { "kubernetes.io/service-name": service },
            },
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": endpoints,
        })
    };
    let ports = json!([
        { "name": "http", "port": 8080, "protocol": "TCP" },
        { "name": "db", "port": 3306 },
        { "name": "dns", "port": 53, "protocol": "UDP" },
        { "name": "all", "port": null },
    ]);
    let endpoint = |ip: &str, pod: &str, zone: &str| {
        json!({
            "addresses": [ip, "10.66.8.8"],
            "conditions": { "ready": true, "serving": true, "terminating": false },
            "nodeName": "node-fuzzed-1",
            "zone": zone,
            "hints": { "forZones": [{ "name": zone }, { "name": "west" }] },
            "targetRef": { "kind": "Pod", "name": pod, "namespace": "fuzzed" },
        })
    };
    let web = json!([
        endpoint("10.66.1.1", "web-1", "east"),
        endpoint("10.66.1.2", "web-2", "west"),
        { "addresses": ["10.66.1.3"], "conditions": { "ready": false } },
    ]);
    let older = json!({
        "apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice",
        "metadata": {
            "name": "local-old", "namespace": "fuzzed",
            "ownerReferences": [{ "kind": "Gadget", "name": "g" }, { "kind": "Service", "name": "local" }],
        },
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{
            "addresses": ["10.66.1.1"],
            "topology": {
                "kubernetes.io/hostname": "node-fuzzed-1", "topology.kubernetes.io/zone": "east",
            },
            "targetRef": { "kind": "Pod", "name": "web-1" },
        }],
    });
    let mut mirrored =
        slice("mirrored-w", "mirrored", ports.clone(), json!([{ "addresses": ["10.66.4.1"] }]));
    mirrored["metadata"]["labels"]["mirror.linkerd.io/cluster-name"] = "west".into();
    mirrored["metadata"]["annotations"] = json!({
        "mirror.linkerd.io/remote-svc-fq-name": "web.there.svc.cluster.local",
        "mirror.linkerd.io/remote-gateway-identity": "gateway.there.serviceaccount.identity",
    });
    let pg = json!([{ "name": "pg", "port": 5432 }]);
    let db = json!([{
        "addresses": ["10.66.1.4"], "hostname": "db-0", "targetRef": { "kind": "Pod", "name": "db-0" },
    }]);
    let outside = json!([{
        "addresses": ["10.66.3.1"], "zone": "east",
        "targetRef": { "kind": "ExternalWorkload", "name": "vm", "namespace": "fuzzed" },
    }]);
    let mut named = slice("alias-fqdn", "alias", json!([]), json!([{ "addresses": ["example.org"] }]));
    named["addressType"] = "FQDN".into();
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {
            "name": "legacy", "namespace": "fuzzed",
            "labels": { "mirror.linkerd.io/cluster-name": "west" },
            "annotations": {
                "mirror.linkerd.io/remote-svc-fq-name": "web.there.svc.cluster.local",
                "mirror.linkerd.io/remote-gateway-identity": "gateway.there.serviceaccount.identity",
            },
        },
        "subsets": [
            {
                "addresses": [
                    {
                        "ip": "10.66.1.1", "hostname": "h", "nodeName": "node-fuzzed-1",
                        "targetRef": { "kind": "Pod", "name": "web-1", "namespace": "fuzzed" },
                    },
                    { "ip": "10.66.5.1" },
                ],
                "notReadyAddresses": [{ "ip": "10.66.5.2", "nodeName": "node-fuzzed-1" }],
                "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
            },
            { "addresses": [{ "ip": "10.66.5.3" }], "ports": [{ "name": "db", "port": 3306 }] },
        ],
    });
    vec![
        slice("web-s", "web", ports.clone(), web.clone()),
        slice("web-v1-s", "web-v1", ports.clone(), web),
        slice("web-v2-s", "web-v2", ports.clone(), json!([endpoint("10.66.1.2", "web-2", "east")])),
        slice("db-s", "db", pg, db),
        slice("outside-s", "outside", ports, outside),
        older,
        mirrored,
        named,
        endpoints,
    ]
}

fn pods() -> Vec<Value> {
    let proxy = json!({
        "name": "linkerd-proxy",
        "image": "proxy",
        "env": [
            { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "[::]:4143" },
            { "name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "value": "0.0.0.0:4191" },
            { "name": "LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "value": "0.0.0.0:4190" },
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        ],
        "ports": [
            { "name": "linkerd-proxy", "containerPort": 4143 },
            { "name": "linkerd-admin", "containerPort": 4191 },
        ],
    });
    let web = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-1",
            "namespace": "fuzzed",
            "labels": {
                "app": "web",
                "pod-template-hash": "7d9f8b6c5d",
                "linkerd.io/control-plane-ns": "linkerd",
                "linkerd.io/proxy-deployment": "web",
            },
            "annotations": {
                "config.linkerd.io/opaque-ports": "db,4000-4010",
                "config.linkerd.io/skip-inbound-ports": "9100,9200-9300",
                "linkerd.io/proxy-version": "edge-25.1.1",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f8b6c5d", "controller": true,
                "uid": "1",
            }],
        },
        "spec": {
            "serviceAccountName": "web",
            "nodeName": "node-fuzzed-1",
            "hostNetwork": false,
            "hostname": "web-1",
            "subdomain": "db",
            "initContainers": [proxy],
            "containers": [{
                "name": "app",
                "image": "app",
                "ports": [
                    { "name": "http", "containerPort": 8080, "hostPort": 9000, "protocol": "TCP" },
                    { "name": "db", "containerPort": 3306 },
                    { "name": "dns", "containerPort": 53, "protocol": "UDP" },
                ],
            }],
        },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "hostIP": "10.66.2.1",
            "hostIPs": [{ "ip": "10.66.2.1" }, { "ip": "fd66::201" }],
            "podIP": "10.66.1.1",
            "podIPs": [{ "ip": "10.66.1.1" }, { "ip": "fd66::101" }],
        },
    });
    let of_job = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-2", "namespace": "fuzzed",
            "labels": { "app": "web", "batch.kubernetes.io/job-completion-index": "0" },
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": "nightly-1", "uid": "2" }],
        },
        "spec": { "nodeName": "node-fuzzed-2", "containers": [{ "name": "app", "image": "app" }, proxy] },
        "status": { "phase": "Running", "hostIP": "10.66.2.2", "podIP": "10.66.1.2" },
    });
    let of_set = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "db-0", "namespace": "fuzzed",
            "deletionTimestamp": null,
            "labels": {
                "app": "db",
                "statefulset.kubernetes.io/pod-name": "db-0",
                "apps.kubernetes.io/pod-index": "0",
            },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "3" }],
        },
        "spec": { "hostNetwork": true, "containers": [{ "name": "pg", "image": "pg", "ports": [{ "containerPort": 5432 }] }] },
        "status": { "phase": "Pending", "podIP": "10.66.1.4" },
    });
    vec![web, of_job, of_set]
}

fn nodes() -> Vec<Value> {
    let node = |name: &str, zone: &str| {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": name, "labels": { "topology.kubernetes.io/zone": zone } },
        })
    };
    vec![node("node-fuzzed-1", "east"), node("node-fuzzed-2", "west")]
}

fn splits() -> Vec<Value> {
    let split = |version: &str, apex: &str, more: Value| {
        let mut split = json!({
            "apiVersion": format!("split.smi-spec.io/{version}"), "kind": "TrafficSplit",
            "metadata": {
                "name": format!("{apex}-{version}"), "namespace": "fuzzed",
                "creationTimestamp": "2024-01-31T12:00:00Z",
            },
        });
        split["spec"] = more;
        split["spec"]["service"] = apex.into();
        split
    };
    let backends = |a: Value, b: Value| json!([{ "service": "web-v1", "weight": a }, { "service": "web-v2.fuzzed.svc", "weight": b }]);
    let matches = json!([{ "kind": "HTTPRouteGroup", "name": "g" }]);
    vec![
        split("v1alpha1", "web", json!({ "backends": backends(json!("500m"), json!("1.5")) })),
        split("v1alpha2", "local", json!({ "backends": backends(json!(10), json!(90)) })),
        split("v1alpha3", "legacy", json!({ "backends": backends(json!(1), json!(0)), "matches": [] })),
        split("v1alpha4", "outside", json!({ "backends": backends(json!(1), json!(1)), "matches": matches })),
    ]
}

fn profiles() -> Vec<Value> {
    let profile = |version: &str, service: &str, spec: Value| {
        json!({
            "apiVersion": format!("linkerd.io/{version}"), "kind": "ServiceProfile",
            "metadata": {
                "name": format!("{service}.fuzzed.svc.cluster.local"), "namespace": "fuzzed",
            },
            "spec": spec,
        })
    };
    let request = json!({
        "all": [
            { "any": [{ "method": "GET" }, { "method": "PROPFIND", "pathRegex": "/a" }] },
            { "not": { "pathRegex": "/private/.*" } },
        ],
        "pathRegex": "/.*",
    });
    let response = json!({
        "any": [
            { "all": [{ "status": { "min": 500, "max": 599 } }] },
            { "not": { "status": { "max": 499 } } },
        ],
        "status": { "min": 400 },
    });
    let full = json!({
        "routes": [
            {
                "name": "GET /",
                "condition": request,
                "responseClasses": [{ "condition": response, "isFailure": true }],
                "isRetryable": true,
                "timeout": "1m30s",
            },
            { "name": "POST /", "condition": { "method": "POST" } },
        ],
        "retryBudget": { "retryRatio": 0.2, "minRetriesPerSecond": 10, "ttl": "10s" },
        "opaquePorts": [],
    });
    let overriding = json!({
        "routes": [],
        "dstOverrides": [
            { "authority": "web-v1.fuzzed.svc.cluster.local:80", "weight": "500m" },
            { "authority": "web-v2.fuzzed.svc.cluster.local", "weight": 2 },
        ],
    });
    vec![profile("v1alpha2", "db", full), profile("v1alpha1", "mirrored", overriding)]
}

fn controllers() -> Vec<Value> {
    let replica_set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": "web-7d9f8b6c5d", "namespace": "fuzzed",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "4" }],
        },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "other" } },
            "template": { "metadata": { "labels": { "app": "other" } }, "spec": { "containers": [{ "name": "other", "image": "other" }] } },
        },
    });
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "nightly-1", "namespace": "fuzzed",
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "5" }],
        },
        "spec": { "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "nightly", "image": "nightly" }],
        } } },
    });
    vec![replica_set, job]
}

fn policies() -> Vec<Value> {
    let selector = json!({
        "matchLabels": { "app": "web" },
        "matchExpressions": [
            { "key": "app", "operator": "In", "values": ["web", "db"] },
            { "key": "tier", "operator": "NotIn", "values": ["back"] },
            { "key": "app", "operator": "Exists" },
            { "key": "off", "operator": "DoesNotExist" },
        ],
    });
    let server = |version: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": format!("policy.linkerd.io/{version}"), "kind": "Server",
            "metadata": { "name": name, "namespace": "fuzzed" },
            "spec": spec,
        })
    };
    let workload = json!({
        "apiVersion": "workload.linkerd.io/v1beta1", "kind": "ExternalWorkload",
        "metadata": {
            "name": "vm", "namespace": "fuzzed",
            "labels": { "app": "web", "zone": "east" },
            "annotations": { "config.linkerd.io/opaque-ports": "admin,4000" },
            "ownerReferences": [{
                "apiVersion": "example.com/v1", "kind": "ExternalGroup", "name": "vms", "uid": "6",
            }],
        },
        "spec": {
            "meshTLS": { "identity": "spiffe://root.local/vm", "serverName": "vm.cluster.local" },
            "workloadIPs": [{ "ip": "10.66.3.1" }, { "ip": "fd66::301" }],
            "ports": [
                { "name": "http", "port": 8080, "protocol": "TCP" },
                { "name": "admin", "port": 9090 },
                { "name": "dns", "port": 53, "protocol": "UDP" },
            ],
        },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    let vms = json!({
        "externalWorkloadSelector": selector, "port": 8080, "proxyProtocol": "opaque",
    });
    vec![
        server("v1beta3", "db", json!({ "podSelector": selector, "port": "db", "proxyProtocol": "opaque" })),
        server("v1beta2", "vms", vms),
        server("v1beta1", "http", json!({ "podSelector": {}, "port": 8080, "proxyProtocol": "HTTP/1" })),
        workload,
    ]
}

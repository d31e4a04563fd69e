//! Warnings of Services that no ready endpoint serves, in a cluster: they come and go as the state does.

use serde_json::{Value, json};
use switchyard::{metrics::Because, model::Reason, resolve::Options};

use crate::mesh::{Mesh, Settings, row};

fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "d" },
        "spec": { "selector": { "app": app }, "ports": [{ "port": 80 }] },
    })
}

/// A Pod of the ReplicaSet of a Deployment.
fn pod(namespace: &str, name: &str, deployment: &str, app: &str) -> Value {
    let owner = json!({ "kind": "ReplicaSet", "name": format!("{deployment}-5d4"), "controller": true });
    let labels = json!({ "app": app, "pod-template-hash": "5d4" });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels, "ownerReferences": [owner] },
        "spec": { "containers": [{ "name": "main", "ports": [{ "name": "http", "containerPort": 8080 }] }] },
        "status": { "phase": "Running", "podIP": "10.0.0.1" },
    })
}

fn slice(service: &str, pod: &str, ready: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": format!("{service}-x"), "namespace": "d", "labels": { "kubernetes.io/service-name": service } },
        "ports": [{ "port": 8080 }],
        "endpoints": [{
            "addresses": ["10.0.0.1"], "conditions": { "ready": ready },
            "targetRef": { "kind": "Pod", "name": pod, "namespace": "d" },
        }],
    })
}

/// Expects these warnings of Services without endpoints: object, reason, and the message up to what follows for traffic.
#[track_caller]
fn expect(mesh: &Mesh, expected: &[(&str, &str, &str)]) {
    let warnings = mesh.warnings_of_empty_services();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let got: Vec<_> = warnings
        .iter()
        .map(|w| {
            (
                text(&w.object),
                w.reason.to_string(),
                w.message.split(": clients get").next().unwrap_or_default(),
            )
        })
        .collect();
    let got: Vec<_> =
        got.iter().map(|(object, reason, message)| (object.as_str(), reason.as_str(), *message)).collect();
    assert_eq!(got, expected);
}

fn raised(mesh: &Mesh, reason: Reason) -> u64 {
    mesh.metrics.warned.get_or_create(&Because { reason: reason.as_str() }).get()
}

#[test]
fn warning_goes_with_the_first_ready_endpoint_and_comes_with_the_true_reason() {
    let mut mesh = Mesh::given("");
    mesh.read(&[service("web", "web")]);
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", "selector app=web matches no Pod")]);
    mesh.read(&[pod("d", "web-1", "web", "web")]);
    let pending = "the Pods that selector app=web matches are not endpoints yet: none has an address, or all have ended";
    expect(&mesh, &[("Service d/web", "no_ready_endpoint", pending)]);
    mesh.read(&[slice("web", "web-1", false)]);
    expect(&mesh, &[("Service d/web", "no_ready_endpoint", "its only endpoint is not ready")]);
    mesh.read(&[slice("web", "web-1", true)]);
    expect(&mesh, &[]);
    mesh.edit("- pod web-1");
    let gone = "endpoint 10.0.0.1 is left out: its Pod d/web-1 does not exist";
    expect(&mesh, &[("Service d/web", "endpoints_excluded", gone)]);
    mesh.edit("- slice web-x");
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", "selector app=web matches no Pod")]);
}

#[test]
fn service_that_flaps_is_logged_once_for_each_of_its_versions() {
    let mut mesh = Mesh::given("");
    mesh.read(&[service("web", "web"), pod("d", "web-1", "web", "web")]);
    for version in 1..=2 {
        row(format!("version {version}"));
        mesh.read(&[service("web", if version == 1 { "web" } else { "" })]);
        for _ in 0..5 {
            mesh.read(&[slice("web", "web-1", true)]);
            mesh.read(&[slice("web", "web-1", false)]);
        }
        assert_eq!(mesh.warnings_of_empty_services().len(), 1);
        // One more for the Pods that were no endpoints yet, before there was a slice.
        assert_eq!(raised(&mesh, Reason::NotReady), version + 1);
    }
}

#[test]
fn labels_that_nearly_match_are_named_with_the_deployment_of_their_pods() {
    let mut mesh = Mesh::given("");
    mesh.read(&[service("web", "wbe"), pod("other", "web-1", "web", "wbe")]);
    let elsewhere = "selector app=wbe matches no Pod (Deployment web of namespace other has these labels)";
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", elsewhere)]);
    mesh.read(&[pod("d", "web-1", "web", "web")]);
    let nearest = "selector app=wbe matches no Pod (nearest: app=web of Deployment web)";
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", nearest)]);
    mesh.edit("- pod web-1; - pod other/web-1");
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", "selector app=wbe matches no Pod")]);
}

#[test]
fn apex_of_a_split_needs_no_endpoints_of_its_own() {
    let mut mesh = Mesh::given("service a 80; endpoints a A1; service web 80");
    let none = "it has no selector, and no EndpointSlice or Endpoints is of d/web";
    expect(&mesh, &[("Service d/web", "no_endpoint_slice", none)]);
    mesh.edit("split web a=1");
    expect(&mesh, &[]);
    mesh.edit("- split split; profile web to:a:80=1");
    expect(&mesh, &[]);
}

#[test]
fn misspelled_selector_of_an_apex_is_reported_though_its_traffic_goes_elsewhere() {
    let mut mesh = Mesh::given("service a 80; endpoints a A1; split web a=1");
    mesh.read(&[service("web", "wbe"), pod("d", "web-1", "web", "web")]);
    let typo = "selector app=wbe matches no Pod (nearest: app=web of Deployment web): it has no endpoints of its own on \
                port 80, which matters as soon as its traffic is not sent to other Services any more; correct the \
                selector, or the labels of the Pods";
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", typo)]);
    mesh.read(&[service("web", "another")]);
    expect(&mesh, &[]);
}

#[test]
fn empty_backend_has_the_reason_of_its_service() {
    let mut mesh = Mesh::given("service web 80; service a 80; endpoints a A1; split web a=1 b=1");
    mesh.read(&[service("b", "b")]);
    let warnings = mesh.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let expect =
        "Service d/b has no ready endpoint on port 80: selector app=b matches no Pod; its share goes to";
    assert!(warnings[0].message.starts_with(expect), "{warnings:?}");
}

#[test]
fn backend_without_weight_may_be_scaled_to_zero_and_is_reported_once_it_has_weight() {
    let mut mesh = Mesh::given("service web 80; service a 80; endpoints a A1; split web a=1 canary=0");
    mesh.read(&[service("canary", "canary")]);
    expect(&mesh, &[]);
    mesh.edit("split web a=1 canary=1");
    expect(&mesh, &[("Service d/canary", "selector_matches_nothing", "selector app=canary matches no Pod")]);
    mesh.edit("split web a=1 canary=0");
    expect(&mesh, &[]);
    mesh.read(&[pod("d", "canary-1", "canary", "canray")]);
    let typo = "selector app=canary matches no Pod (nearest: app=canray of Deployment canary)";
    expect(&mesh, &[("Service d/canary", "selector_matches_nothing", typo)]);
}

fn server(name: &str, app: &str, port: &Value) -> Value {
    json!({
        "apiVersion": "policy.linkerd.io/v1beta3", "kind": "Server",
        "metadata": { "name": name, "namespace": "d" },
        "spec": { "podSelector": { "matchLabels": { "app": app } }, "port": port, "proxyProtocol": "opaque" },
    })
}

#[test]
fn warning_of_a_server_follows_its_pods_and_the_other_servers() {
    let mut mesh = Mesh::given("");
    let with = |mesh: &Mesh, expect: &[(&str, &str)]| {
        let warnings = mesh.warnings();
        let got: Vec<_> = warnings.iter().map(|w| (w.reason.as_str(), &*w.message)).collect();
        let is_same = |((reason, start), (found, message)): (&(&str, &str), &(&str, &str))| {
            reason == found && message.starts_with(start)
        };
        assert!(got.len() == expect.len() && expect.iter().zip(&got).all(is_same), "{got:#?}");
    };
    const NONE: (&str, &str) = ("server_unused", "podSelector app=web matches no Pod,");
    mesh.read(&[server("s", "web", &json!("http"))]);
    with(&mesh, &[NONE]);
    mesh.read(&[pod("d", "api-1", "api", "wbe")]);
    with(
        &mesh,
        &[("server_unused", "podSelector app=web matches no Pod (nearest: app=wbe of Deployment api)")],
    );
    mesh.read(&[pod("d", "web-1", "web", "web")]);
    with(&mesh, &[]);
    mesh.read(&[server("t", "web", &json!(8080))]);
    with(&mesh, &[("server_conflict", "Server d/s is for port 8080 of Deployment web too")]);
    mesh.read(&[server("s", "web", &json!(9090))]);
    with(&mesh, &[]);
    mesh.read(&[server("s", "web", &json!("grpc"))]);
    with(&mesh, &[("server_unused", "port grpc names no container port of the Pods")]);
    mesh.edit("- pod web-1; - pod api-1");
    with(&mesh, &[NONE, NONE]);
}

#[test]
fn service_of_external_workloads_is_not_without_a_match() {
    let mut mesh = Mesh::given("");
    mesh.read(&[
        service("web", "vm"),
        json!({
            "apiVersion": "workload.linkerd.io/v1beta1", "kind": "ExternalWorkload",
            "metadata": { "name": "vm", "namespace": "d", "labels": { "app": "vm" } },
            "spec": { "meshTLS": { "identity": "spiffe://a/b", "serverName": "b.a" }, "workloadIPs": [{ "ip": "10.0.0.9" }] },
        }),
    ]);
    let pending =
        "the Pods that selector app=vm matches are not endpoints yet: none has an address, or all have ended";
    expect(&mesh, &[("Service d/web", "no_ready_endpoint", pending)]);
}

#[test]
fn cluster_ip_of_two_services_is_reported_on_both_until_one_gives_it_up() {
    let mut mesh = Mesh::given("");
    let with_ip = |name: &str, ip: &str| {
        let mut service = service(name, name);
        service["spec"]["clusterIP"] = json!(ip);
        service["spec"]["clusterIPs"] = json!([ip]);
        service
    };
    mesh.read(&[with_ip("a", "10.96.0.1"), with_ip("b", "10.96.0.1")]);
    let warnings = mesh.warnings();
    let got: Vec<_> =
        warnings.iter().map(|w| (w.reason, w.message.split(':').next().unwrap_or_default())).collect();
    assert_eq!(
        got,
        [
            (Reason::SharedClusterIp, "cluster IP 10.96.0.1 is also the one of Service d/b"),
            (Reason::SharedClusterIp, "cluster IP 10.96.0.1 is also the one of Service d/a"),
        ]
    );
    mesh.read(&[with_ip("b", "10.96.0.2")]);
    assert!(mesh.warnings().is_empty(), "{:?}", mesh.warnings());
}

#[test]
fn endpoints_of_a_family_that_is_not_given_out_are_the_reason() {
    let ipv4 = Settings { options: Options { ipv6: false, ..Options::default() }, ..Settings::default() };
    let mut mesh = Mesh::with(ipv4, "service web 80");
    let mut slice = slice("web", "web-1", true);
    slice["addressType"] = json!("IPv6");
    slice["endpoints"][0]["addresses"] = json!(["fd00::1"]);
    mesh.read(&[pod("d", "web-1", "web", "web"), slice]);
    let family = "endpoint fd00::1 is left out: IPv6 addresses are not given out (--enable-ipv6)";
    expect(&mesh, &[("Service d/web", "endpoints_excluded", family)]);
}

#[test]
fn pods_of_another_namespace_are_found_also_by_a_selector_with_the_hash_of_a_template() {
    let mut mesh = Mesh::given("");
    let mut web = service("web", "web");
    web["spec"]["selector"]["pod-template-hash"] = json!("abc");
    mesh.read(&[web]);
    let none = "selector app=web,pod-template-hash=abc matches no Pod";
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", none)]);

    let mut elsewhere = pod("other", "web-1", "web", "web");
    elsewhere["metadata"]["labels"]["pod-template-hash"] = json!("abc");
    mesh.read(&[elsewhere]);

    let found = format!("{none} (ReplicaSet web-5d4 of namespace other has these labels)");
    expect(&mesh, &[("Service d/web", "selector_matches_nothing", &found)]);
}

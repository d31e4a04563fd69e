//! ExternalWorkloads: case 37, rules 1.4.3, 1.5.3, 1.6.6 and 2.11.5.

use switchyard::pb::destination::{Http2ClientParams, http2_client_params};

use super::{
    fixtures::{NAME1, OPAQUE_PORTS, add1, node, owner_references, plain, server_with, service, slice},
    given, given_with,
};

const ADDR: &str = "172.17.0.20:8989";
const IDENTITY: &str = "tls=uri:spiffe://trust.domain/wlkd1 sni=wlkd1.cluster.local
    ref=workload.linkerd.io/ExternalWorkload/ns/wlkd1";
const LABELS: &str = "{external_workload=wlkd1 workloadgroup=wg-1 zone= zone_locality=unknown}";

/// An ExternalWorkload with these ports, annotations and owners.
fn workload(ports: &str, annotations: &str, owners: &str) -> String {
    format!(
        "{{apiVersion: workload.linkerd.io/v1beta1, kind: ExternalWorkload, metadata: {{name: wlkd1, namespace: ns, \
         labels: {{app: vm}}, annotations: {{{annotations}}}, {}}}, \
         spec: {{meshTLS: {{identity: 'spiffe://trust.domain/wlkd1', serverName: wlkd1.cluster.local}}, \
         workloadIPs: [{{ip: 172.17.0.20}}], ports: [{{name: http, port: 8989}}{ports}]}}}}\n---\n",
        owner_references(owners)
    )
}

fn usual() -> String {
    workload("", "", "WorkloadGroup/wg-1")
}

/// `name1` over the workload.
fn name1(workload: &str) -> String {
    [service("name1", "8989"), slice("name1", "8989", "172.17.0.20=ew/wlkd1"), workload.to_owned()].concat()
}

/// What is said of [`usual`] with this hint.
fn said(hint: &str) -> String {
    add1(&format!("{ADDR} 10000 {hint} {IDENTITY} {LABELS}"))
}

#[test]
fn case_37_a_workload_has_its_own_identity_and_labels() {
    given(&name1(&usual())).get(NAME1, "").expect(&said("h2"));
}

#[test]
fn case_37_a_zone_is_that_of_the_slice() {
    let objects = name1(&usual()).replace("'172.17.0.20']", "'172.17.0.20'], zone: west-1a");
    given(&objects).get(NAME1, "").expect(&add1(&format!(
        "{ADDR} 10000 h2 {IDENTITY}
           {{external_workload=wlkd1 workloadgroup=wg-1 zone=west-1a zone_locality=unknown}}"
    )));
}

#[test]
fn case_38_a_workload_in_the_clients_zone_weighs_ten_times_as_much() {
    let objects =
        name1(&usual()).replace("'172.17.0.20']", "'172.17.0.20'], zone: west-1a") + &node("n1", "west-1a");
    let case = given_with(|mesh| mesh.zone_weights = true, &objects);
    case.get(NAME1, r#"{"nodeName":"n1"}"#).expect(&add1(&format!(
        "{ADDR} 100000 h2 {IDENTITY}
           {{external_workload=wlkd1 workloadgroup=wg-1 zone=west-1a zone_locality=local}}"
    )));
}

#[test]
fn rule_1_6_a_workload_is_always_told_the_http2_parameters() {
    let internals = http2_client_params::Internals { max_frame_size: 5, ..Default::default() };
    let params = Http2ClientParams { internals: Some(internals), ..Default::default() };
    let case = given_with(|mesh| mesh.http2 = Some(params), &name1(&usual()));
    let identity = IDENTITY.replace("ref=", "http2(internals=0/5/0) ref=");
    case.get(NAME1, "").expect(&add1(&format!("{ADDR} 10000 h2 {identity} {LABELS}")));
}

#[test]
fn rule_1_4_a_workload_with_none_or_several_owners_names_none() {
    for owners in ["", "WorkloadGroup/one WorkloadGroup/two"] {
        given(&name1(&workload("", "", owners))).get(NAME1, "").expect(&add1(&format!(
            "{ADDR} 10000 h2 {IDENTITY} {{external_workload=wlkd1 zone= zone_locality=unknown}}"
        )));
    }
}

#[test]
fn case_37_the_inbound_port_is_that_of_its_port_for_the_proxy_or_4143() {
    for (ports, transport) in [("", 4143), (", {name: linkerd-proxy, port: 1111}", 1111)] {
        let opaque = workload(ports, &format!("{OPAQUE_PORTS}: '8989'"), "WorkloadGroup/wg-1");
        given(&name1(&opaque)).get(NAME1, "").expect(&said(&format!("opaque transport={transport}")));
        let plain = workload(ports, "", "WorkloadGroup/wg-1");
        let case = given_with(|mesh| mesh.transport_header = true, &name1(&plain));
        case.get(NAME1, "").expect(&said(&format!("h2 transport={transport}")));
    }
}

#[test]
fn rule_1_6_a_workload_speaks_http2_whatever_is_upgraded() {
    given_with(|mesh| mesh.h2_upgrade = false, &name1(&usual())).get(NAME1, "").expect(&said("h2"));
}

#[test]
fn rule_2_11_opaque_ports_of_a_workload_are_named_and_defaulted_as_those_of_pods() {
    for (annotation, port, hint) in [
        ("", 3306, "opaque transport=4143"),
        ("config.linkerd.io/opaque-ports: ''", 3306, "h2"),
        ("config.linkerd.io/opaque-ports: http", 8989, "opaque transport=4143"),
    ] {
        let objects = name1(&workload("", annotation, "WorkloadGroup/wg-1"));
        // Headless, so that every port number is that of the workload.
        let headless = service("name1", "8989 clusterIP=None");
        let case = given(&objects.replace(&service("name1", "8989"), &headless));
        let path = format!("name1.ns.svc.mycluster.local:{port}");
        case.get(&path, "").expect(&add1(&format!("172.17.0.20:{port} 10000 {hint} {IDENTITY} {LABELS}")));
    }
}

#[test]
fn rule_2_11_a_server_selects_workloads_by_their_own_selector() {
    let of_workloads = |app: &str, port: &str| {
        let selector = format!("externalWorkloadSelector: {{matchLabels: {{app: {app}}}}}");
        server_with("name: srv, namespace: ns", &selector, port, "opaque")
    };
    let of_pods = server_with("name: srv, namespace: ns", "podSelector: {}", "8989", "opaque");
    let mut case = given(&name1(&usual()));
    let mut name1_stream = case.get(NAME1, "");
    name1_stream.expect(&said("h2"));
    for (srv, expect) in [
        (of_pods, String::new()),
        (of_workloads("vm", "8989"), said("opaque transport=4143")),
        (of_workloads("other", "8989"), said("h2")),
        (of_workloads("vm", "http"), said("opaque transport=4143")),
        (of_workloads("vm", "80"), said("h2")),
    ] {
        case.edit(&(name1(&usual()) + &srv));
        name1_stream.expect(&expect);
    }
}

#[test]
fn rule_2_6_an_endpoint_counts_while_its_workload_exists() {
    let mut case = given(&name1(""));
    let mut stream = case.get(NAME1, "");
    stream.expect("no_endpoints exists=true");
    case.edit(&name1(&usual()));
    stream.expect(&said("h2"));
    case.edit(&name1(""));
    stream.expect("no_endpoints exists=true");
}

#[test]
fn rule_2_7_local_traffic_knows_no_workloads() {
    let objects = [
        service("name1", "8989 internalTrafficPolicy=Local"),
        slice("name1", "8989", "172.17.0.20=ew/wlkd1"),
        usual(),
    ]
    .concat();
    given(&objects).get(NAME1, r#"{"nodeName":"n1"}"#).expect("no_endpoints exists=true");
}

#[test]
fn rule_3_14_the_profile_of_a_workloads_address_is_that_workload() {
    let ownerless = workload("", "", "");
    let mut case = given(&ownerless);
    let mut profile = case.profile(ADDR, "");
    let labels = "{external_workload=wlkd1 namespace=ns zone=}";
    profile.expect(&format!("profile budget=default endpoint {ADDR} 10000 h2 {IDENTITY} {labels}"));
    let srv = server_with("name: srv, namespace: ns", "externalWorkloadSelector: {}", "8989", "opaque");
    case.edit(&(ownerless.clone() + &srv));
    profile.expect(&format!(
        "profile opaque budget=default endpoint {ADDR} 10000 opaque transport=4143 {IDENTITY} {labels}"
    ));
    case.edit(&ownerless);
    profile.expect(&format!("profile budget=default endpoint {ADDR} 10000 h2 {IDENTITY} {labels}"));
    case.edit("");
    profile.expect(&format!("profile budget=default endpoint {ADDR} 10000"));
}

#[test]
fn rule_3_14_a_pod_comes_before_a_workload_of_the_same_address() {
    let pod = plain("p", "172.17.0.20").yaml();
    given(&(workload("", "", "") + &pod)).profile(ADDR, "").expect(
        "profile budget=default
           endpoint 172.17.0.20:8989 10000 ref=core/Pod/ns/p {namespace=ns pod=p serviceaccount=default zone=}",
    );
}

//! From slices to addresses where Kubernetes leaves room: rules 2.5 and 2.6. Most of it is in
//! `linkerd::endpoints`.

use super::{
    fixtures::{add1, plain, service},
    given,
};

/// A Service with these ports and a slice with these fields.
fn name1(ports: &str, slice: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: name1, namespace: ns}}, spec: {{ports: [{ports}]}}}}
---
{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
  metadata: {{name: name1, namespace: ns, labels: {{kubernetes.io/service-name: name1}}}}, {slice}}}
---
"
    )
}

const BARE: &str = "{zone_locality=unknown}";

/// A client that asks for this port is told this.
#[track_caller]
fn check(port: u16, ports: &str, slice: &str, expect: &str) {
    let case = given(&name1(ports, slice));
    case.get(&format!("name1.ns.svc.mycluster.local:{port}"), "").expect(expect);
}

#[test]
fn rule_2_5_of_one_number_for_two_protocols_the_tcp_one_is_meant() {
    check(
        53,
        "{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53, protocol: TCP}",
        "ports: [{name: udp, port: 5353, protocol: UDP}, {name: tcp, port: 5454, protocol: TCP}],
         endpoints: [{addresses: [172.17.0.12]}]",
        &add1(&format!("172.17.0.12:5454 10000 {BARE}")),
    );
}

#[test]
fn rule_2_5_a_slice_port_without_a_number_is_passed_over() {
    check(
        8989,
        "{port: 8989}",
        "ports: [{name: '', port: null}], endpoints: [{addresses: [172.17.0.12]}]",
        "no_endpoints exists=true",
    );
    check(
        8989,
        "{name: b, port: 8989}",
        "ports: [{name: a, port: null}, {name: b, port: 9000}], endpoints: [{addresses: [172.17.0.12]}]",
        &add1(&format!("172.17.0.12:9000 10000 {BARE}")),
    );
}

#[test]
fn rule_2_5_ports_of_slices_are_found_by_name() {
    check(
        80,
        "{name: one, port: 80}, {name: two, port: 81}",
        "ports: [{name: two, port: 2}, {name: one, port: 1}], endpoints: [{addresses: [172.17.0.12]}]",
        &add1(&format!("172.17.0.12:1 10000 {BARE}")),
    );
    let null = "ports: null, endpoints: [{addresses: [172.17.0.12]}]";
    check(80, "{name: one, port: 80}", null, "no_endpoints exists=true");
    check(81, "{name: one, port: 80}", null, "no_endpoints exists=true");
    let other = "ports: [{name: other, port: 1}], endpoints: [{addresses: [172.17.0.12]}]";
    check(80, "{name: one, port: 80}", other, "no_endpoints exists=true");
    check(81, "{name: one, port: 80}", other, "no_endpoints exists=true");
}

#[test]
fn rule_2_6_readiness_alone_decides() {
    check(
        80,
        "{port: 80}",
        "ports: [{name: '', port: 80}], endpoints: [
           {addresses: [172.17.0.1]},
           {addresses: [172.17.0.2], conditions: {ready: null, serving: false, terminating: true}},
           {addresses: [172.17.0.3], conditions: {ready: true, serving: false}},
           {addresses: [172.17.0.4], conditions: {ready: false, serving: true}}]",
        &add1(&format!("172.17.0.1:80 10000 {BARE} 172.17.0.2:80 10000 {BARE} 172.17.0.3:80 10000 {BARE}")),
    );
}

#[test]
fn rule_2_6_what_an_endpoint_refers_to_must_be_known_and_of_a_kind_that_is() {
    let slice = "ports: [{name: '', port: 80}], endpoints: [
        {addresses: [172.17.0.1], targetRef: {kind: Pod, name: known}},
        {addresses: [172.17.0.2], targetRef: {kind: Pod, name: unknown, namespace: ns}},
        {addresses: [172.17.0.3], targetRef: {kind: Gadget, name: known, namespace: ns}},
        {addresses: [172.17.0.4], targetRef: {kind: ExternalWorkload, name: unknown, namespace: ns}}]";
    let objects = name1("{port: 80}", slice) + &plain("known", "172.17.0.1").yaml();
    given(&objects).get("name1.ns.svc.mycluster.local:80", "").expect(&add1(
        "172.17.0.1:80 10000 ref=core/Pod/ns/known
           {pod=known serviceaccount=default zone= zone_locality=unknown}",
    ));
}

#[test]
fn rule_2_6_of_interchangeable_addresses_the_first_is_used() {
    check(
        80,
        "{port: 80}",
        "ports: [{name: '', port: 80}], endpoints: [{addresses: [172.17.0.1, 172.17.0.2]}]",
        &add1(&format!("172.17.0.1:80 10000 {BARE}")),
    );
}

#[test]
fn case_53_get_serves_a_port_that_the_service_does_not_define_only_if_it_is_headless() {
    let check = |ports: &str, expect: &str| {
        let objects = service("name1", ports) + &super::fixtures::slice("name1", "8989", "172.17.0.1");
        given(&objects).get("name1.ns.svc.mycluster.local:5959", "").expect(expect);
    };
    check("8989 clusterIP=None", &add1(&format!("172.17.0.1:5959 10000 {BARE}")));
    check("8989", "no_endpoints exists=true");
}

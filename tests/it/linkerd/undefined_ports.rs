//! `Get` and `GetProfile` of a port number that the Service does not define.
//!
//! Linkerd's `Get` serves any number of any Service (2.5.2). Here no request may reach a port that no Service publishes,
//! but for headless Services, whose clients get the Pods' addresses from DNS.

use crate::mesh::Mesh;

#[test]
fn undefined_port_of_a_cluster_ip_service_has_no_endpoints_in_both_readings() {
    let mut mesh = Mesh::given("service web 9080/http; endpoints web http=8080 W1 W2");
    let (mut merged, mut leaf) = (mesh.merged("web:80"), mesh.leaf("web:80"));
    let mut profile = mesh.profile("web:80");
    merged.expect("empty");
    leaf.expect("empty");
    profile.expect("unknown");
    mesh.edit("service web 9080/http 80/other");
    merged.expect("");
    mesh.edit("service web 80/http");
    merged.expect("add W1..W2:8080=10k");
    leaf.expect("add W1..W2:8080=10k");
    profile.expect("web=10000");
    mesh.edit("service web 9080/http");
    merged.expect("empty");
    leaf.expect("empty");
    profile.expect("unknown");
}

#[test]
fn number_of_a_target_port_is_no_port_of_the_service() {
    let mesh = Mesh::given("service web 80; endpoints web =8080 W1");
    mesh.merged("web:8080").expect("empty");
    mesh.leaf("web:8080").expect("empty");
    mesh.leaf("web:80").expect("add W1:8080=10k");
}

#[test]
fn service_without_any_port_has_no_endpoints() {
    let mesh = Mesh::given("service web; endpoints web W1; service bare headless; endpoints bare B1");
    mesh.leaf("web:53").expect("empty");
    mesh.leaf("bare:53").expect("add B1:53=10k");
}

#[test]
fn undefined_port_of_a_host_name_leads_to_its_pod_below_a_headless_service_only() {
    let objects = |kind: &str| format!("service web 80 {kind}; endpoints web W1(host=web-1) W2");
    let mesh = Mesh::given(&objects(""));
    mesh.leaf("web-1.web:81").expect("empty");
    mesh.merged("web-1.web:81").expect("empty");
    mesh.leaf("web-1.web:80").expect("add W1=10k");
    let mesh = Mesh::given(&objects("headless"));
    mesh.leaf("web-1.web:81").expect("add W1:81=10k");
    mesh.leaf("web:81").expect("add W1..W2:81=10k");
}

#[test]
fn service_that_becomes_headless_serves_every_number() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.leaf("web:81");
    web.expect("empty");
    mesh.edit("service web 80 headless");
    web.expect("add W1:81=10k");
    mesh.edit("service web 80");
    web.expect("empty");
}

#[test]
fn override_to_an_undefined_port_finds_no_endpoints() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1; service a 90; endpoints a A1; profile web to:a.d.svc.cluster.local=1",
    );
    let web = mesh.profile("web");
    web.ignore();
    mesh.leaf("a:80").expect("empty");
}

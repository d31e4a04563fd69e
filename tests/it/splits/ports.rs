//! Ports and addresses of backends: T59 to T62, T64 to T66.

use serde_json::{Value, json};

use crate::mesh::{DRAIN, Mesh, RETURN, Settings, row};
use switchyard::resolve::Options;

#[test]
fn t59_a_backend_without_the_port_is_left_out_for_that_port() {
    let mesh = Mesh::given(
        "service web 80/http 9090/admin; split web a=50 b=50
         service a 80/http 9090/admin; endpoints a http=80 admin=9090 A1
         service b 80; endpoints b B1",
    );
    mesh.merged("web:80").expect("add A1=500M B1=500M");
    mesh.profile("web:80").expect("a=500000 b=500000");
    mesh.merged("web:9090").expect("add A1:9090=500M");
    mesh.profile("web:9090").expect("a=500000");
    mesh.expect_warnings("split port_missing");
    mesh.expect_warned_fields(&["spec.backends[1].service"]);
}

#[test]
fn t59_if_no_backend_with_weight_has_the_port_the_apex_does_not_stand_in() {
    // An empty list, or one of zeros, would send a proxy to the apex, which the merged answer does not.
    let mesh = Mesh::given(
        "service web 80/http 9090/admin; endpoints web http=80 admin=9090 W1; split web a=0 b=50
         service a 80/http 9090/admin; endpoints a http=80 admin=9090 A1; service b 80; endpoints b B1",
    );
    mesh.merged("web:9090").expect("empty");
    let mut web = mesh.profile("web:9090");
    web.expect("a=0 b=500000");
    mesh.leaf("b:9090").expect("empty");
}

#[test]
fn t59_headless_backend_serves_a_port_it_lacks_only_while_no_split_sends_requests_there() {
    let mut mesh = Mesh::given(
        "service web 80/http 9090/admin; endpoints web http=80 admin=9090 W1
         service b 80 headless; endpoints b B1(host=b-0); service a 80/http 9090/admin; endpoints a admin=9090 A1",
    );
    let (mut by_name, mut by_host_name) = (mesh.leaf("b:9090"), mesh.leaf("b-0.b:9090"));
    by_name.expect("add B1:9090=10k");
    by_host_name.expect("add B1:9090=10k");
    mesh.edit("split web a=0 b=50");
    mesh.wait(DRAIN);
    mesh.profile("web:9090").expect("a=0 b=500000");
    by_name.expect("empty");
    by_host_name.expect("");
    mesh.edit("split web a=1 b=50");
    mesh.wait(DRAIN);
    mesh.profile("web:9090").expect("a=10000");
    by_name.expect("add B1:9090=10k");
    mesh.edit("split web a=0 b=50 matches");
    mesh.wait(DRAIN);
    by_name.expect("");
    mesh.edit("split web b=50");
    mesh.wait(DRAIN);
    by_name.expect("empty");
    mesh.edit("- service web");
    mesh.wait(DRAIN);
    by_name.expect("add B1:9090=10k");
    mesh.edit("service web 80 9090");
    mesh.wait(DRAIN);
    by_name.expect("empty");
    mesh.edit("service b 80 9090/x headless");
    mesh.wait(DRAIN);
    by_name.expect("");
    mesh.edit("- split split");
    mesh.wait(DRAIN);
    by_name.expect("");
    mesh.edit("service b 80 headless");
    mesh.wait(DRAIN);
    by_name.expect("add B1:9090=10k");
    by_host_name.expect("");
}

#[test]
fn t60_the_target_port_is_each_backends_and_each_slices_own() {
    let mesh = Mesh::given(
        "service web 80; split web a=50 b=50; service a 80; endpoints a =8080 A1
         service b 80/http; endpoints b http=8081 B1; slice b-2 of b http=8082 B2",
    );
    mesh.merged("web").expect("add A1:8080=500M B1:8081=250M B2:8082=250M");
    mesh.profile("web").expect("a=500000 b=500000");
    mesh.expect_warnings("");
}

#[test]
fn t60_a_slice_whose_ports_have_another_name_contributes_nothing() {
    let mesh = Mesh::given(
        "service b 80/http; endpoints b other=8081 B1
         slice b-2 of b http=8082 B2; slice b-3 of b noports B3",
    );
    mesh.leaf("b").expect("add B2:8082=10k");
}

#[test]
fn t61_a_port_that_the_apex_does_not_have_is_not_split() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1; split web a=1; service a 80 9999/x; endpoints a =80 x=9999 A1",
    );
    mesh.merged("web:9999").expect("empty");
    mesh.leaf("web:9999").expect("empty");
    mesh.profile("web:9999").expect("unknown");
}

#[test]
fn t62_a_port_that_a_backend_gains_changes_streams_of_that_port_only() {
    let mut mesh = Mesh::given(
        "service web 80/http 9090/admin; split web a=50 b=50
         service a 80/http 9090/admin; endpoints a http=80 admin=9090 A1
         service b 80/http; endpoints b http=80 admin=9090 B1",
    );
    let (mut http, mut admin) = (mesh.watch("web:80"), mesh.watch("web:9090"));
    http.expect("add A1=500M B1=500M", "empty", "a=500000 b=500000");
    admin.expect("add A1:9090=500M", "empty", "a=500000");
    mesh.edit("service b 80/http 9090/admin");
    mesh.wait(RETURN);
    http.expect_nothing();
    admin.expect("add B1:9090=500M", "", "a=500000 b=500000");
    mesh.expect_warnings("");
}

fn slice_of_a(conditions: &Value) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "a", "namespace": "d", "labels": {"kubernetes.io/service-name": "a"}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": ["10.1.0.1"], "conditions": {"ready": true}},
            {"addresses": ["10.1.0.2"], "conditions": conditions},
        ],
    })
}

#[test]
fn t64_only_ready_endpoints_count_and_flips_are_plain_changes() {
    let mut mesh = Mesh::given("service web 80; split web a=1; service a 80");
    let mut web = mesh.merged("web");
    web.expect("empty");
    mesh.read(&[slice_of_a(&json!({"ready": false, "serving": true, "terminating": true}))]);
    web.expect("add A1=1000M");
    for ready in [
        json!({"ready": true}),
        json!({}),
        Value::Null,
        json!({"ready": null}),
        json!({"ready": true, "serving": false, "terminating": true}),
    ] {
        row(&ready);
        mesh.read(&[slice_of_a(&ready)]);
        web.expect("add A1..A2=500M");
        mesh.read(&[slice_of_a(&json!({"ready": false}))]);
        web.expect("add A1=1000M; remove A2");
    }
    mesh.read(&[slice_of_a(&json!({"ready": false, "serving": true}))]);
    web.expect("");
}

#[test]
fn t65_an_address_in_two_slices_counts_once() {
    let mut mesh =
        Mesh::given("service web 80; split web a=1; service a 80; endpoints a A1; slice a-2 of a A1");
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "empty", "a=10000");
    mesh.edit("slice a-2 of a A1 A2");
    web.expect("add A1..A2=500M", "", "");
    mesh.edit("- slice a");
    web.expect_nothing();
}

#[test]
fn t65_an_address_that_is_ready_in_one_of_its_slices_is_ready() {
    let mut mesh = Mesh::given("service a 80; endpoints a A1(off); slice a-2 of a A1");
    let mut a = mesh.leaf("a");
    a.expect("add A1=10k");
    mesh.edit("endpoints a A1; slice a-2 of a A1(off)");
    a.expect("");
}

#[test]
fn t66_a_pod_of_two_families_is_given_out_and_counted_once() {
    let objects = "service web 80; split web a=50 b=50; service a 80; service b 80; endpoints b B1
        pod p1; pod p2; endpoints a A1(pod=p1) A2(pod=p2); slice a-v6 of a A1v6(pod=p1) A2v6(pod=p2)";
    Mesh::given(objects).merged("web").expect("add A1v6=250M A2v6=250M B1=500M");
    let ipv4 = Settings { options: Options { ipv6: false, ..Options::default() }, ..Settings::default() };
    Mesh::with(ipv4, objects).merged("web").expect("add A1=250M A2=250M B1=500M");
}

#[test]
fn t66_a_pod_that_gains_a_family_moves_and_is_not_counted_twice() {
    let mut mesh = Mesh::given(
        "service web 80; split web a=1; service a 80; pod p1; pod p2; endpoints a A1(pod=p1) A2(pod=p2)",
    );
    let mut web = mesh.merged("web");
    web.expect("add A1=500M A2=500M");
    mesh.edit("slice a-v6 of a A1v6(pod=p1)");
    web.expect("add A1v6=500M; remove A1");
    mesh.edit("- slice a-v6");
    web.expect("add A1=500M; remove A1v6");
}

#[test]
fn endpoints_objects_count_only_where_no_slice_exists() {
    let mut mesh = Mesh::given("service web 80; split web a=1; service a 80; subsets a A1 A2");
    let mut web = mesh.merged("web");
    web.expect("add A1..A2=500M");
    mesh.edit("endpoints a A3");
    web.expect("add A3=1000M; remove A1 A2");
    mesh.edit("subsets a A4");
    web.expect("");
    mesh.edit("- slice a");
    web.expect("add A4=1000M; remove A3");
}

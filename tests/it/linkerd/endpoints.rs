//! From slices to addresses: cases 5, 6, 8 to 23.

use crate::mesh::Mesh;

/// What both readings say when there is no split.
#[track_caller]
fn check(objects: &str, authority: &str, expect: &str) {
    let mesh = Mesh::given(objects);
    mesh.merged(authority).expect(expect);
    mesh.leaf(authority).expect(expect);
}

#[test]
fn case_5_an_external_name_does_not_exist_and_the_client_may_ask_dns() {
    check("service name1 80 external=example.com", "name1:80", "absent");
}

#[test]
fn case_6_a_service_that_is_created_appears_on_the_open_stream() {
    let mut mesh = Mesh::given("");
    let mut name1 = mesh.leaf("name1:8989");
    name1.expect("absent");
    mesh.edit("service name1 8989; endpoints name1 =8989 E12");
    name1.expect("add E12:8989=10k");
}

#[test]
fn case_8_pods_and_bare_addresses_are_one_add() {
    check(
        "service name1 8989; endpoints name1 =8989 E12(pod=p12) E19(pod=p19) E20(pod=p20) E21
         pod p12; pod p19; pod p20",
        "name1:8989",
        "add E12:8989=10k E19:8989=10k E20:8989=10k E21:8989=10k",
    );
}

#[test]
fn case_9_a_target_port_is_taken_from_the_slice() {
    check("service name1 8989; endpoints name1 =8990 E1(pod=p1); pod p1", "name1:8989", "add E1:8990=10k");
}

#[test]
fn case_10_a_named_port_is_found_by_its_name() {
    check(
        "service name1 7778/app 9090/other; endpoints name1 other=1 app=7779 E135",
        "name1:7778",
        "add E135:7779=10k",
    );
}

#[test]
fn case_11_an_endpoint_counts_once_its_pod_exists_without_any_event_of_the_slice() {
    let mut mesh =
        Mesh::given("service name1 80; endpoints name1 E23(pod=p23) E24(pod=p24) E25(pod=p25); pod p25");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E25=10k");
    mesh.edit("pod p23");
    name1.expect("add E23=10k");
    mesh.edit("pod p24; pod unrelated");
    name1.expect("add E24=10k");
    mesh.edit("pod p24 node=n1");
    name1.expect("");
}

#[test]
fn case_12_a_service_without_slices_says_so_once() {
    let mut mesh = Mesh::given("service name1 80");
    let mut name1 = mesh.leaf("name1");
    name1.expect("empty");
    mesh.edit("endpoints name1; slice name1-2 of name1 E1(off)");
    name1.expect("");
}

#[test]
fn case_13_a_slice_of_nobody_contributes_nothing() {
    check("service name1 80; slice name1 E1", "name1", "empty");
}

#[test]
fn a_slice_that_changes_its_service_moves_its_endpoints() {
    let mut mesh = Mesh::given("service one 80; service two 80; slice s of one E1 E2; slice t of one E3");
    let (mut one, mut two) = (mesh.leaf("one"), mesh.leaf("two"));
    one.expect("add E1..E3=10k");
    two.expect("empty");
    mesh.edit("slice s of two E1 E2");
    one.expect("remove E1 E2");
    two.expect("add E1..E2=10k");
}

#[test]
fn slices_of_another_namespace_are_not_ours() {
    check("service name1 80; endpoints name1 E1; endpoints other/name1 E2", "name1", "add E1=10k");
}

#[test]
fn case_14_each_slice_serves_the_ports_that_it_has() {
    let objects = "service name1 8989/port1 9999/port2
        slice one of name1 port1=8989 E1; slice both of name1 port1=8990 port2=9999 E2";
    check(objects, "name1:8989", "add E1:8989=10k E2:8990=10k");
    check(objects, "name1:9999", "add E2:9999=10k");
}

#[test]
fn case_15_an_instance_is_found_by_its_host_name_on_any_port() {
    let objects =
        "service name1 6000 headless; endpoints name1 =6000 E19(host=name1-2) E20(host=name1-3) E21";
    check(objects, "name1-3.name1:5959", "add E20:5959=10k");
    check(objects, "name1-3.name1:6000", "add E20:6000=10k");
    check(objects, "name1-4.name1:6000", "empty");
    check(objects, "name1-3.name2:6000", "absent");
}

#[test]
fn an_instance_of_a_split_apex_is_itself() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1(host=web-1) W2
         split web a=1; service a 80; endpoints a A1(host=web-1)",
    );
    mesh.merged("web-1.web").expect("add W1=10k");
}

#[test]
fn case_16_the_last_endpoint_gone_leaves_nothing() {
    let mut mesh = Mesh::given("service name1 8989; endpoints name1 =8989 E12");
    let (mut leaf, mut merged) = (mesh.leaf("name1:8989"), mesh.merged("name1:8989"));
    leaf.expect("add E12:8989=10k");
    merged.expect("add E12:8989=10k");
    mesh.edit("endpoints name1 =8989");
    leaf.expect("empty");
    merged.expect("empty");
}

#[test]
fn case_17_endpoints_follow_their_readiness() {
    let mut mesh = Mesh::given("service name1 80; endpoints name1 E1 E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E2=10k");
    mesh.edit("endpoints name1 E1(off) E2(off)");
    name1.expect("empty");
    mesh.edit("endpoints name1 E1 E2(off)");
    name1.expect("add E1=10k");
    mesh.edit("endpoints name1 E1 E2");
    name1.expect("add E2=10k");
    mesh.edit("endpoints name1 E1(off) E2");
    name1.expect("remove E1");
}

#[test]
fn case_18_a_deleted_slice_takes_its_own_addresses_only() {
    let mut mesh = Mesh::given("service name1 80; slice one of name1 E1 E2; slice two of name1 E2 E3");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E3=10k");
    mesh.edit("- slice one");
    name1.expect("remove E1");
    mesh.edit("- slice two");
    name1.expect("empty");
}

#[test]
fn case_19_a_pod_that_moves_between_slices_is_never_gone() {
    let mut mesh =
        Mesh::given("service name1 80; pod p1; slice one of name1 E1(pod=p1) E2; slice two of name1 E3");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E3=10k");
    mesh.edit("slice two of name1 E1(pod=p1) E3");
    mesh.edit("slice one of name1 E2");
    name1.expect("");
    mesh.edit("slice two of name1 E3; slice one of name1 E1(pod=p1) E2");
    name1.expect("");
}

#[test]
fn case_20_endpoints_of_a_deleted_pod_are_gone_before_and_after_their_slice() {
    let mut mesh =
        Mesh::given("service name1 80; pod p1; slice one of name1 E1(pod=p1); slice two of name1 E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E2=10k");
    mesh.edit("- pod p1");
    name1.expect("remove E1");
    mesh.edit("- slice one");
    name1.expect("");
    mesh.edit("pod p1");
    name1.expect("");
}

#[test]
fn case_20_a_pod_in_two_slices_is_counted_by_both() {
    let mut mesh = Mesh::given(
        "service name1 80; slice one of name1 E1(pod=p1) E1(pod=p1); slice two of name1 E1(pod=p1)",
    );
    let mut name1 = mesh.leaf("name1");
    name1.expect("empty");
    mesh.edit("- slice one");
    mesh.edit("pod p1");
    name1.expect("add E1=10k");
    mesh.edit("- slice two; - pod p1");
    name1.expect("empty");
}

#[test]
fn what_is_replaced_by_its_equal_in_one_batch_says_nothing() {
    let mut mesh = Mesh::given("service name1 80; pod p1; slice one of name1 E1(pod=p1) E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E2=10k");
    mesh.edit("- pod p1; pod p1; - slice one; slice two of name1 E2 E1(pod=p1)");
    name1.expect("");
}

#[test]
fn case_21_a_new_port_number_is_a_new_address() {
    let mut mesh = Mesh::given("service name1 80; pod p1; endpoints name1 =8080 E1(pod=p1) E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1:8080=10k E2:8080=10k");
    mesh.edit("endpoints name1 =9090 E1(pod=p1) E2");
    name1.expect("add E1:9090=10k E2:9090=10k; remove E1:8080 E2:8080");
}

#[test]
fn case_22_a_pod_of_the_same_name_with_a_new_address_replaces_the_old_one() {
    let mut mesh = Mesh::given("service name1 80; pod name1-0; endpoints name1 E1(pod=name1-0)");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1=10k");
    mesh.edit("endpoints name1 E2(pod=name1-0)");
    name1.expect("add E2=10k; remove E1");
}

#[test]
fn case_23_a_service_may_go_and_come_back_on_one_stream() {
    let mut mesh = Mesh::given("service name1 80; endpoints name1 E1 E2");
    let (mut leaf, mut merged) = (mesh.leaf("name1"), mesh.merged("name1"));
    leaf.expect("add E1..E2=10k");
    merged.expect("add E1..E2=10k");
    mesh.edit("- service name1");
    leaf.expect("absent");
    merged.expect("absent");
    mesh.edit("service name1 80");
    leaf.expect("add E1..E2=10k");
    merged.expect("add E1..E2=10k");
}

#[test]
fn an_address_that_belongs_to_another_pod_now_is_sent_again() {
    let mut mesh = Mesh::given("service name1 80; pod p1; pod p2; endpoints name1 E1(pod=p1) E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E2=10k");
    mesh.edit("endpoints name1 E1(pod=p2) E2");
    name1.expect("add E1=10k");
    assert_eq!(name1.labels_of("E1"), "pod=p2 serviceaccount=default zone= zone_locality=unknown");
}

#[test]
fn what_is_not_on_the_wire_says_nothing() {
    let mut mesh = Mesh::given("service name1 80; endpoints name1 E1 E2");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1..E2=10k");
    mesh.edit("endpoints name1 E2(zone=z1,node=n1,host=x) E1(hint=z1)");
    name1.expect("");
}

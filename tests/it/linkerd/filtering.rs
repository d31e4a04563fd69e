//! Which endpoints a client is given: zones, nodes, families. Cases 39 to 44.

use crate::mesh::{DRAIN, Mesh, RETURN, Settings};
use switchyard::resolve::Options;

const ZONES: &str = "service name1 80; node n1 zone=west-1a; node n2 zone=west-1b; node n3";

#[test]
fn case_39_hints_keep_a_client_in_its_zone() {
    let mut mesh = Mesh::given(&format!("{ZONES}; endpoints name1 E1(hint=west-1a) E2(hint=west-1b)"));
    let mut west_1a = mesh.on_node("n1").leaf("name1");
    let mut west_1b = mesh.on_node("n2").merged("name1");
    west_1a.expect("add E1=10k");
    west_1b.expect("add E2=10k");
    mesh.edit("endpoints name1 E1(hint=west-1a)");
    west_1a.expect("");
    west_1b.expect("add E1=10k; remove E2");
}

#[test]
fn case_40_hints_that_appear_and_go_change_the_set_and_nothing_else() {
    let mut mesh = Mesh::given(&format!("{ZONES}; endpoints name1 E1 E2(hint=west-1b)"));
    let mut west_1a = mesh.on_node("n1").leaf("name1");
    west_1a.expect("add E1..E2=10k");
    mesh.edit("endpoints name1 E1(hint=west-1a) E2(hint=west-1b)");
    west_1a.expect("remove E2");
    mesh.edit("endpoints name1 E1(hint=west-1a) E2(hint=west-1a+west-1b)");
    west_1a.expect("add E2=10k");
    mesh.edit("endpoints name1 E1(hint=west-1a) E2");
    west_1a.expect("");
}

#[test]
fn case_41_if_no_endpoint_is_hinted_for_the_zone_all_are_given() {
    let mesh = Mesh::given(&format!("{ZONES}; endpoints name1 E1(hint=west-1b) E2(hint=west-1c)"));
    mesh.on_node("n1").leaf("name1").expect("add E1..E2=10k");
    mesh.on_node("n3").leaf("name1").expect("add E1..E2=10k");
    mesh.on_node("unknown").leaf("name1").expect("add E1..E2=10k");
    mesh.leaf("name1").expect("add E1..E2=10k");
}

#[test]
fn a_client_follows_its_node_into_another_zone() {
    let mut mesh = Mesh::given(&format!("{ZONES}; endpoints name1 E1(hint=west-1a) E2(hint=west-1b)"));
    let mut streams: Vec<_> =
        ["n1", "n2", "n3", "n4"].iter().map(|node| mesh.on_node(node).leaf("name1")).collect();
    streams[0].expect("add E1=10k");
    streams[1].expect("add E2=10k");
    streams[2].expect("add E1..E2=10k");
    streams[3].expect("add E1..E2=10k");
    mesh.edit("node n1 zone=west-1b; node n4 zone=west-1a; node n2 zone=west-1b");
    streams[0].expect("add E2=10k; remove E1");
    streams[1].expect("");
    streams[2].expect("");
    streams[3].expect("remove E2");
    mesh.edit("- node n1");
    streams[0].expect("add E1=10k");
}

#[test]
fn of_two_clients_in_one_zone_each_follows_its_own_node() {
    let mut mesh = Mesh::given(&format!("{ZONES}; endpoints name1 E1(hint=west-1a) E2(hint=west-1b)"));
    mesh.edit("node n4 zone=west-1a");
    let (mut stays, mut moves) = (mesh.on_node("n1").leaf("name1"), mesh.on_node("n4").leaf("name1"));
    stays.expect("add E1=10k");
    moves.expect("add E1=10k");
    mesh.edit("node n4 zone=west-1b");
    stays.expect("");
    moves.expect("add E2=10k; remove E1");
    mesh.edit("node n1 zone=west-1b");
    stays.expect("add E2=10k; remove E1");
    moves.expect("");
}

#[test]
fn case_39_a_backends_share_is_divided_among_the_endpoints_this_client_is_given() {
    let mesh = Mesh::given(&format!(
        "{ZONES}; split name1 a=50 b=50; service a 80; service b 80; endpoints b B1 B2
         endpoints a A1(hint=west-1a) A2(hint=west-1b) A3(hint=west-1b)"
    ));
    mesh.on_node("n1").merged("name1").expect("add A1=500M B1..B2=250M");
    mesh.on_node("n2").merged("name1").expect("add A2..A3=250M B1..B2=250M");
    mesh.merged("name1").expect("add A1..A3=166666667 B1..B2=250M");
}

#[test]
fn case_42_local_traffic_stays_on_the_clients_node() {
    let mut mesh = Mesh::given(
        "service name1 80 local; pod p1 node=n1; pod p2 node=n2
         endpoints name1 E1(pod=p1) E2(pod=p2) E3 E4(node=n1)",
    );
    let mut here = mesh.on_node("n1").leaf("name1");
    here.expect("add E1=10k");
    mesh.on_node("n9").leaf("name1").expect("empty");
    mesh.leaf("name1").expect("empty");
    mesh.edit("endpoints name1 E1(pod=p1) E3 E4(node=n1)");
    here.expect("");
    mesh.edit("endpoints name1 E1(pod=p1) E2(pod=p2)");
    here.expect("");
    mesh.edit("service name1 80");
    here.expect("add E2=10k");
    mesh.edit("service name1 80 local");
    here.expect("remove E2");
}

#[test]
fn case_42_a_pod_that_moves_to_the_clients_node_appears() {
    let mut mesh = Mesh::given("service name1 80 local; pod p1; endpoints name1 E1(pod=p1)");
    let mut here = mesh.on_node("n1").leaf("name1");
    here.expect("empty");
    mesh.edit("pod p1 node=n1");
    here.expect("add E1=10k");
}

#[test]
fn case_42_hints_do_not_matter_to_local_traffic() {
    let mesh = Mesh::given(&format!(
        "{ZONES}; service name1 80 local; pod p1 node=n1; pod p2 node=n2
         endpoints name1 E1(pod=p1,hint=west-1b) E2(pod=p2,hint=west-1a)"
    ));
    mesh.on_node("n1").leaf("name1").expect("add E1=10k");
}

#[test]
fn case_43_a_dual_stack_pod_is_reached_by_ipv6() {
    let mut mesh = Mesh::given(
        "service name1 80; pod p1; endpoints name1 E1(pod=p1); slice name1-v6 of name1 E1v6(pod=p1)",
    );
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1v6=10k");
    mesh.edit("- slice name1-v6");
    name1.expect("add E1=10k; remove E1v6");
    mesh.edit("slice name1-v6 of name1 E1v6(pod=p1)");
    name1.expect("add E1v6=10k; remove E1");
    mesh.edit("slice name1-more of name1 E1(pod=p1)");
    name1.expect("");
    mesh.edit("- slice name1-more");
    name1.expect("");
}

#[test]
fn case_44_the_family_is_chosen_after_the_zone() {
    let objects =
        "pod p1; endpoints name1 E1(pod=p1,hint=west-1a); slice v6 of name1 E1v6(pod=p1,hint=west-1b)";
    let mesh = Mesh::given(&format!("{ZONES}; {objects}"));
    mesh.on_node("n1").leaf("name1").expect("add E1=10k");
    mesh.on_node("n2").leaf("name1").expect("add E1v6=10k");
}

#[test]
fn case_44_without_ipv6_its_slices_contribute_nothing() {
    let ipv4 = Settings { options: Options { ipv6: false, ..Options::default() }, ..Settings::default() };
    let mut mesh = Mesh::with(ipv4, "service name1 80; endpoints name1 E1");
    let mut name1 = mesh.leaf("name1");
    name1.expect("add E1=10k");
    mesh.edit("slice v6 of name1 E1v6 E2v6");
    name1.expect("");
    mesh.edit("- endpoints name1");
    name1.expect("empty");
}

#[test]
fn clients_in_many_places_each_get_their_own_when_backends_see_differently() {
    let mut mesh = Mesh::given(&format!(
        "{ZONES}; service name1 80; split name1 a=50 b=50; service a 80 local; service b 80
         pod p1 node=n1; pod p2 node=n2; endpoints a A1(pod=p1) A2(pod=p2)
         endpoints b B1(hint=west-1a) B2(hint=west-1b)"
    ));
    let mut nodes: Vec<_> =
        ["n1", "n2", "n3"].iter().map(|node| mesh.on_node(node).merged("name1")).collect();
    nodes[0].expect("add A1=500M B1=500M");
    nodes[1].expect("add A2=500M B2=500M");
    nodes[2].expect("add B1..B2=250M");
    mesh.edit("node n3 zone=west-1b; pod p1 node=n3");
    nodes[0].expect("remove A1");
    nodes[1].expect("");
    nodes[2].expect("add A1=500M B2=500M; remove B1");
}

#[test]
fn an_emptied_zone_is_not_an_emptied_service() {
    let mut mesh = Mesh::given(&format!(
        "{ZONES}; service web 80; split web name1=1; endpoints name1 E1(hint=west-1a) E2(hint=west-1b)"
    ));
    let mut here = mesh.on_node("n1").leaf("name1");
    let mut web = mesh.profile("web");
    here.expect("add E1=10k");
    web.expect("name1=10000");
    mesh.edit("endpoints name1 E2(hint=west-1b)");
    here.expect("add E2=10k; remove E1");
    mesh.wait(DRAIN + RETURN);
}

//! Zones in labels and weights: case 38, rule 1.4.5. Which endpoints a zone leaves is in `linkerd::filtering`.

use super::{
    fixtures::{NAME1, node, plain, service, slice, split},
    given, given_with,
};

const HERE: &str = r#"{"nodeName":"node-1"}"#;

/// `name1` with a Pod in each of two zones and one in none; `node-1` is in the first.
fn objects() -> String {
    [
        node("node-1", "west-1a"),
        service("name1", "8989"),
        slice("name1", "8989", "172.17.0.1=p1@west-1a 172.17.0.2=p2@west-1b 172.17.0.3=p3"),
        plain("p1", "172.17.0.1").yaml(),
        plain("p2", "172.17.0.2").yaml(),
        plain("p3", "172.17.0.3").yaml(),
    ]
    .concat()
}

/// The three as an `add`, with these weights and localities.
fn add(weights: [u32; 3], localities: [&str; 3]) -> String {
    let line = |i: usize, zone: &str| {
        let (n, weight, locality) = (i + 1, weights[i], localities[i]);
        format!(
            " 172.17.0.{n}:8989 {weight} ref=core/Pod/ns/p{n} \
             {{pod=p{n} serviceaccount=default zone={zone} zone_locality={locality}}}"
        )
    };
    let lines = [line(0, "west-1a"), line(1, "west-1b"), line(2, "")];
    format!("add {{namespace=ns service=name1}}{}", lines.concat())
}

#[test]
fn case_38_with_zone_weights_an_endpoint_in_the_clients_zone_weighs_ten_times_as_much() {
    let localities = ["local", "remote", "unknown"];
    let case = given_with(|mesh| mesh.zone_weights = true, &objects());
    case.get(NAME1, HERE).expect(&add([100_000, 10_000, 10_000], localities));
    let case = given(&objects());
    case.get(NAME1, HERE).expect(&add([10_000; 3], localities));
}

#[test]
fn case_38_of_a_client_without_a_zone_nothing_is_known() {
    let case = given_with(|mesh| mesh.zone_weights = true, &objects());
    for token in ["", r#"{"nodeName":"node-9"}"#, r#"{"ns":"x"}"#, "ns:x"] {
        case.get(NAME1, token).expect(&add([10_000; 3], ["unknown"; 3]));
    }
}

#[test]
fn case_38_a_client_whose_node_changes_its_zone_is_told_all_that_differs() {
    let mut case = given_with(|mesh| mesh.zone_weights = true, &objects());
    let mut name1 = case.get(NAME1, HERE);
    name1.expect(&add([100_000, 10_000, 10_000], ["local", "remote", "unknown"]));
    case.edit(&objects().replace("zone: west-1a}}}", "zone: west-1b}}}"));
    // The third has no zone, so nothing of it differs.
    let all = add([10_000, 100_000, 10_000], ["remote", "local", "unknown"]);
    name1.expect(all.split_once(" 172.17.0.3").expect("three").0);
}

#[test]
fn case_38_the_weights_of_a_merged_answer_are_the_splits_alone() {
    let objects = [
        node("node-1", "west-1a"),
        service("apex", "8989"),
        split("apex", "name1=1"),
        service("name1", "8989"),
        slice("name1", "8989", "172.17.0.1=p1@west-1a"),
        plain("p1", "172.17.0.1").yaml(),
    ];
    let case = given_with(|mesh| mesh.zone_weights = true, &objects.concat());
    let local = "ref=core/Pod/ns/p1 {pod=p1";
    case.get("apex.ns.svc.mycluster.local:8989", r#"{"nodeName":"node-1","split":"merged"}"#).expect(
        &format!(
            "add {{namespace=ns service=apex}} 172.17.0.1:8989 1000000000 {local} service=name1
           serviceaccount=default zone=west-1a zone_locality=local}}"
        ),
    );
    case.get(NAME1, HERE).expect(&format!(
        "add {{namespace=ns service=name1}} 172.17.0.1:8989 100000 {local}
           serviceaccount=default zone=west-1a zone_locality=local}}"
    ));
}

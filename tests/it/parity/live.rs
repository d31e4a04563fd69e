//! What changes on an open stream without any event of a slice: case 36, and what Linkerd's own server says late
//! or never.

use super::{
    fixtures::{
        CONTROL_PLANE, NAME1, OPAQUE_PORTS, Pod, SKIP_PORTS, add1, meshed, meshed1, name1, plain,
        replica_set, service, slice, split,
    },
    given, given_with,
};

const ADDR: &str = "172.17.0.12:8989";

fn pod() -> Pod {
    meshed("name1-1", "172.17.0.12")
}

#[test]
fn case_36_a_pod_that_says_the_same_in_a_new_version_says_nothing() {
    let mut case = given(&name1(&pod()));
    let mut stream = case.get(NAME1, "");
    stream.expect(&add1(&meshed1(ADDR, "h2")));
    for same in [
        pod().metadata("resourceVersion: '2'"),
        pod().annotation("unrelated", "x"),
        pod().label("unrelated", "x"),
        pod().port("containerPort: 8989"),
        pod().annotation(OPAQUE_PORTS, "1"),
        pod().account("default"),
    ] {
        case.edit(&name1(&same));
        stream.expect("");
    }
}

#[test]
fn case_36_an_annotation_that_matters_is_followed() {
    let mut case = given(&name1(&pod()));
    let mut stream = case.get(NAME1, "");
    stream.expect(&add1(&meshed1(ADDR, "h2")));
    case.edit(&name1(&pod().annotation(OPAQUE_PORTS, "8989")));
    stream.expect(&add1(&meshed1(ADDR, "opaque transport=4143")));
    case.edit(&name1(&pod().annotation(SKIP_PORTS, "8989")));
    stream.expect(&add1(
        "172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1
           {control_plane_ns=linkerd pod=name1-1 serviceaccount=default zone= zone_locality=unknown}",
    ));
    case.edit(&name1(&pod()));
    stream.expect(&add1(&meshed1(ADDR, "h2")));
}

#[test]
fn case_36_a_label_that_matters_is_followed() {
    let mut case = given(&name1(&plain("name1-1", "172.17.0.12")));
    let mut stream = case.get(NAME1, "");
    let unmeshed = "172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1
        {pod=name1-1 serviceaccount=default zone= zone_locality=unknown}";
    stream.expect(&add1(unmeshed));
    case.edit(&name1(&pod()));
    stream.expect(&add1(&meshed1(ADDR, "h2")));
    case.edit(&name1(&pod().label(CONTROL_PLANE, "other").label("pod-template-hash", "67d9c")));
    stream.expect(&add1(
        "172.17.0.12:8989 10000 h2 ref=core/Pod/ns/name1-1
           {control_plane_ns=other pod=name1-1 pod_template_hash=67d9c serviceaccount=default
            zone= zone_locality=unknown}",
    ));
    case.edit(&name1(&plain("name1-1", "172.17.0.12")));
    stream.expect(&add1(unmeshed));
}

#[test]
fn case_36_a_proxy_that_moves_its_inbound_port_is_followed() {
    let mut case = given_with(|mesh| mesh.transport_header = true, &name1(&pod()));
    let mut stream = case.get(NAME1, "");
    stream.expect(&add1(&meshed1(ADDR, "h2 transport=4143")));
    case.edit(&name1(&pod().listens("INBOUND", "0.0.0.0:5143")));
    stream.expect(&add1(&meshed1(ADDR, "h2 transport=5143")));
    case.edit(&name1(&pod().listens("ADMIN", "0.0.0.0:8989")));
    stream.expect(&add1(&meshed1(ADDR, "h2")));
}

#[test]
fn an_owner_that_appears_later_names_what_it_stands_for() {
    let pod = plain("name1-1", "172.17.0.12").owners("ReplicaSet/rs");
    let is = |owner: &str| {
        // Labels are sorted; both owners come before `pod` or right after it.
        let (before, after) = if owner < "pod" { (owner, "") } else { ("", owner) };
        add1(&format!(
            "172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1 {{{}}}",
            format!("{before} pod=name1-1 {after} serviceaccount=default zone= zone_locality=unknown").trim()
        ))
    };
    let mut case = given(&name1(&pod));
    let mut stream = case.get(NAME1, "");
    stream.expect(&is("replicaset=rs"));
    case.edit(&(name1(&pod) + &replica_set("rs", "Deployment/d")));
    stream.expect(&is("deployment=d"));
    case.edit(&(name1(&pod) + &replica_set("rs", "Deployment/e")));
    stream.expect(&is("deployment=e"));
    case.edit(&(name1(&pod) + &replica_set("other", "Deployment/e")));
    stream.expect(&is("replicaset=rs"));
}

#[test]
fn many_pods_are_followed_each_for_itself() {
    let objects = |second: &Pod| {
        let endpoints = "172.17.0.12=name1-1 172.17.0.13=name1-2";
        let endpoints = slice("name1", "8989", endpoints);
        [service("name1", "8989"), endpoints, pod().yaml(), second.yaml()].concat()
    };
    let second = plain("name1-2", "172.17.0.13");
    let second_is = "172.17.0.13:8989 10000 ref=core/Pod/ns/name1-2
        {pod=name1-2 serviceaccount=default zone= zone_locality=unknown}";
    let mut case = given(&objects(&second));
    let mut stream = case.get(NAME1, "");
    stream.expect(&add1(&format!("{} {second_is}", meshed1(ADDR, "h2"))));
    case.edit(&objects(&second.account("other")));
    stream.expect(&add1(&second_is.replace("serviceaccount=default", "serviceaccount=other")));
}

#[test]
fn a_pod_of_two_services_is_followed_by_both_and_by_the_leaf_of_a_split_at_once() {
    let objects = |pod: &Pod| {
        let two = slice("name2", "8989", "172.17.0.12=name1-1");
        let shares = split("apex", "name1=1 name2=1");
        [name1(pod), service("name2", "8989"), two, service("apex", "8989"), shares].concat()
    };
    let mut case = given(&objects(&pod()));
    let mut one = case.get(NAME1, "ns:leaf");
    let mut two = case.get("name2.ns.svc.mycluster.local:8989", "");
    let mut apex = case.get("apex.ns.svc.mycluster.local:8989", "");
    let is = |hint: &str| {
        let leaf = add1(&meshed1(ADDR, hint));
        let merged =
            leaf.replace("10000", "1000000000").replace("serviceaccount=", "service=name1 serviceaccount=");
        [
            leaf.clone(),
            leaf.replace("service=name1}", "service=name2}"),
            merged.replace("service=name1}", "service=apex}"),
        ]
    };
    for (edit, hint) in [(pod(), "h2"), (pod().annotation(OPAQUE_PORTS, "8989"), "opaque transport=4143")] {
        case.edit(&objects(&edit));
        let [leaf, other, merged] = is(hint);
        one.expect(&leaf);
        two.expect(&other);
        apex.expect(&merged);
    }
}

#[test]
fn rule_2_6_a_pod_that_is_going_is_given_out_as_long_as_its_slice_says_that_it_is_ready() {
    let going = pod().metadata("deletionTimestamp: '2024-01-01T00:00:00Z'");
    let mut case = given(&name1(&pod()));
    let mut stream = case.get(NAME1, "");
    stream.expect(&add1(&meshed1(ADDR, "h2")));
    case.edit(&name1(&going));
    stream.expect("");
    case.edit(&name1(&going.phase("Failed")));
    stream.expect("");
    case.edit(&name1(&pod()).replace("{ready: true}", "{ready: false}"));
    stream.expect("no_endpoints exists=true");
}

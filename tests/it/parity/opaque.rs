//! Opaque ports, by annotation, by default and by Server: cases 29, 31 and 32, rule 2.11.

use super::{
    Case,
    fixtures::{
        NAME1, OPAQUE_PORTS, Pod, add1, headless1, meshed, meshed1, name1, server, server_with, service,
        slice,
    },
    given,
};

const ADDR: &str = "172.17.0.12:8989";

fn pod() -> Pod {
    meshed("name1-1", "172.17.0.12").label("app", "web").port("name: http, containerPort: 8989")
}

/// `name1-1` behind `name1`, and these objects.
fn with(others: &str) -> String {
    name1(&pod()) + others
}

fn opaque() -> String {
    add1(&meshed1(ADDR, "opaque transport=4143"))
}

fn not_opaque() -> String {
    add1(&meshed1(ADDR, "h2"))
}

#[test]
fn case_29_an_annotated_port_is_opaque() {
    let case = given(&headless1(&pod().annotation(OPAQUE_PORTS, "4")));
    let addr = "172.17.0.12:4";
    case.get("name1.ns.svc.mycluster.local:4", "").expect(&add1(&meshed1(addr, "opaque transport=4143")));
    case.get(NAME1, "").expect(&not_opaque());
}

#[test]
fn rule_2_11_an_annotation_takes_the_place_of_the_default_even_if_it_is_empty() {
    let pod = pod().init_port("name: early, containerPort: 8989");
    for (annotation, is_opaque, default_is) in [
        (None, false, true),
        (Some(""), false, false),
        (Some("8989"), true, false),
        (Some("8989,3306"), true, true),
        (Some(" 1, 8980-8990 ,"), true, false),
        (Some("http"), true, false),
        (Some("early"), true, false),
        (Some("nobody,70000,9-8,8989"), true, false),
        (Some("0-65535"), true, true),
    ] {
        crate::mesh::row(format!("{annotation:?}"));
        let pod = annotation.into_iter().fold(pod.clone(), |pod, ports| pod.annotation(OPAQUE_PORTS, ports));
        let case = given(&headless1(&pod));
        case.get(NAME1, "").expect(&if is_opaque { opaque() } else { not_opaque() });
        let hint = if default_is { "opaque transport=4143" } else { "h2" };
        let mut default = case.get("name1.ns.svc.mycluster.local:3306", "");
        default.expect(&add1(&meshed1("172.17.0.12:3306", hint)));
    }
}

/// Edits the objects beside `name1`; the stream says this.
#[track_caller]
fn step(case: &mut Case, stream: &mut super::Get, others: &str, expect: &str) {
    case.edit(&with(others));
    stream.expect(expect);
}

#[test]
fn case_31_a_server_makes_a_port_opaque_as_long_as_it_selects_the_pod() {
    let mut case = given(&with(""));
    let mut name1 = case.get(NAME1, "");
    name1.expect(&not_opaque());
    step(&mut case, &mut name1, &server("srv", "web", "8989", "opaque"), &opaque());
    step(&mut case, &mut name1, &server("srv", "other", "8989", "opaque"), &not_opaque());
    step(&mut case, &mut name1, &server("srv", "web", "8989", "opaque"), &opaque());
    step(&mut case, &mut name1, &server("srv", "web", "8989", "HTTP/2"), &not_opaque());
    step(&mut case, &mut name1, &server("srv", "web", "8989", "opaque"), &opaque());
    step(&mut case, &mut name1, &server("srv", "web", "80", "opaque"), &not_opaque());
    step(&mut case, &mut name1, &server("srv", "web", "http", "opaque"), &opaque());
    step(&mut case, &mut name1, "", &not_opaque());
}

#[test]
fn case_31_of_two_opaque_servers_one_may_go() {
    let (one, two) = (server("one", "web", "8989", "opaque"), server("two", "web", "http", "opaque"));
    let mut case = given(&with(&(one.clone() + &two)));
    let mut name1 = case.get(NAME1, "");
    name1.expect(&opaque());
    step(&mut case, &mut name1, &two, "");
    step(&mut case, &mut name1, &one, "");
    step(&mut case, &mut name1, &server("one", "web", "8989", "unknown"), &not_opaque());
}

#[test]
fn case_31_a_server_that_goes_leaves_what_the_annotation_says() {
    let objects = name1(&pod().annotation(OPAQUE_PORTS, "8989"));
    let mut case = given(&(objects.clone() + &server("srv", "web", "8989", "opaque")));
    let mut name1 = case.get(NAME1, "");
    name1.expect(&opaque());
    case.edit(&objects);
    name1.expect("");
}

#[test]
fn case_31_a_pod_that_changes_its_labels_comes_and_goes_under_a_server() {
    let srv = server("srv", "web", "8989", "opaque");
    let mut case = given(&with(&srv));
    let mut stream = case.get(NAME1, "");
    stream.expect(&opaque());
    case.edit(&(name1(&pod().label("app", "other")) + &srv));
    stream.expect(&not_opaque());
    case.edit(&with(&srv));
    stream.expect(&opaque());
}

#[test]
fn case_32_a_server_of_another_namespace_selects_nobody_here() {
    let elsewhere = server_with("name: srv, namespace: other", "podSelector: {}", "8989", "opaque");
    let mut case = given(&with(""));
    let mut name1 = case.get(NAME1, "");
    name1.expect(&not_opaque());
    step(&mut case, &mut name1, &elsewhere, "");
    step(&mut case, &mut name1, "", "");
}

#[test]
fn rule_2_11_a_server_selects_as_kubernetes_does() {
    for (selector, is_opaque) in [
        ("podSelector: {}", true),
        ("podSelector: {matchLabels: {app: web, more: x}}", false),
        ("podSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}", true),
        ("podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", false),
        ("podSelector: {matchExpressions: [{key: app, operator: Exists}]}", true),
        ("podSelector: {matchExpressions: [{key: more, operator: DoesNotExist}]}", true),
        ("podSelector: {matchLabels: {app: web}, matchExpressions: [{key: more, operator: Exists}]}", false),
        ("externalWorkloadSelector: {}", false),
    ] {
        crate::mesh::row(selector);
        let srv = server_with("name: srv, namespace: ns", selector, "8989", "opaque");
        let expect = if is_opaque { opaque() } else { not_opaque() };
        given(&with(&srv)).get(NAME1, "").expect(&expect);
    }
}

#[test]
fn rule_2_11_a_server_for_a_named_port_means_the_number_that_each_pod_has_behind_the_name() {
    let other = meshed("name1-2", "172.17.0.13").label("app", "web").port("name: http, containerPort: 9090");
    let objects = [
        service("name1", "8989"),
        slice("name1", "8989", "172.17.0.12=name1-1 172.17.0.13=name1-2"),
        pod().yaml(),
        other.yaml(),
        server("srv", "web", "http", "opaque"),
    ];
    let second = meshed1("172.17.0.13:8989", "h2").replace("name1-1", "name1-2");
    given(&objects.concat())
        .get(NAME1, "")
        .expect(&add1(&format!("{} {second}", meshed1(ADDR, "opaque transport=4143"))));
}

#[test]
fn rule_2_11_every_version_of_a_server_is_read() {
    for version in ["v1beta1", "v1beta2", "v1beta3"] {
        let srv = server("srv", "web", "8989", "opaque").replace("v1beta3", version);
        given(&with(&srv)).get(NAME1, "").expect(&opaque());
    }
}

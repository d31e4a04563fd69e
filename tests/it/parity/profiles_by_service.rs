//! `GetProfile` of a service, by name and by its ClusterIP: cases 45 to 47, 52, 53 and 56.

use super::{
    Case, GetProfile,
    fixtures::{NAME1, OPAQUE_PORTS, annotated_service, meshed, service, service_profile, slice},
    given,
};

/// The profile of `name1` on port 8989, said with these words after its name, and these lines before its
/// override to itself.
fn profile(words: &str, lines: &str) -> String {
    profile_of(words, "", lines)
}

fn profile_of(opaque: &str, object: &str, lines: &str) -> String {
    let object = if object.is_empty() {
        String::new()
    } else {
        format!("profile=linkerd.io/ServiceProfile/{object}/name1.ns.svc.mycluster.local")
    };
    format!(
        "profile name1.ns.svc.mycluster.local {opaque} budget=default parent=core/Service/ns/name1:8989 {object}
           {lines}
           to name1.ns.svc.mycluster.local:8989 10000"
    )
}

/// A ServiceProfile of `name1` with one route.
fn with_route(namespace: &str, name: &str, more: &str) -> String {
    let route = format!("{{name: {name}, condition: {{pathRegex: /a}}{more}}}");
    service_profile(namespace, &format!("{{routes: [{route}]}}"))
}

#[test]
fn case_45_the_profile_of_the_services_namespace_holds_for_a_client_of_another() {
    let case = given(&(service("name1", "8989") + &with_route("ns", "servers", "")));
    case.profile(NAME1, r#"{"ns":"other"}"#).expect(&profile_of("", "ns", "route {route=servers} path=/a"));
}

#[test]
fn case_46_the_profile_of_the_clients_namespace_comes_first_and_both_are_followed() {
    let clients = with_route("client-ns", "clients", ", isRetryable: true");
    let servers = with_route("ns", "servers", "");
    let name1 = service("name1", "8989");
    let mut case = given(&[name1.clone(), clients.clone(), servers.clone()].concat());
    let mut inside = case.profile(NAME1, r#"{"ns":"client-ns"}"#);
    let mut legacy = case.profile(NAME1, "ns:client-ns");
    let mut outside = case.profile(NAME1, "");
    let of_client = profile_of("", "client-ns", "route {route=clients} path=/a retryable");
    let of_server = profile_of("", "ns", "route {route=servers} path=/a");
    inside.expect(&of_client);
    legacy.expect(&of_client);
    outside.expect(&of_server);
    case.edit(&(name1.clone() + &servers));
    inside.expect(&of_server);
    legacy.expect(&of_server);
    case.edit(&name1);
    inside.expect(&profile("", ""));
    legacy.expect(&profile("", ""));
    outside.expect(&profile("", ""));
    case.edit(&(name1 + &clients));
    inside.expect(&of_client);
    legacy.expect(&of_client);
    outside.expect("");
}

#[test]
fn case_46_a_client_of_the_services_own_namespace_is_told_once() {
    let mut case = given(&(service("name1", "8989") + &with_route("ns", "one", "")));
    let mut name1 = case.profile(NAME1, "ns:ns");
    name1.expect(&profile_of("", "ns", "route {route=one} path=/a"));
    case.edit(&(service("name1", "8989") + &with_route("ns", "two", "")));
    name1.expect(&profile_of("", "ns", "route {route=two} path=/a"));
}

#[test]
fn case_56_an_edit_of_the_profile_that_does_not_hold_says_nothing() {
    let name1 = service("name1", "8989");
    let clients = with_route("client-ns", "clients", "");
    let mut case = given(&(name1.clone() + &clients));
    let mut inside = case.profile(NAME1, "ns:client-ns");
    inside.expect(&profile_of("", "client-ns", "route {route=clients} path=/a"));
    for servers in [with_route("ns", "one", ""), with_route("ns", "two", ""), String::new()] {
        case.edit(&[name1.clone(), clients.clone(), servers].concat());
        inside.expect("");
    }
}

#[test]
fn case_56_without_any_profile_there_is_the_default() {
    let case = given(&service("name1", "8989"));
    case.profile(NAME1, "ns:client-ns").expect(&profile("", ""));
    case.profile(NAME1, "").expect(&profile("", ""));
}

#[test]
fn rule_3_18_a_profile_that_says_the_same_in_a_new_version_says_nothing() {
    let mut case = given(&(service("name1", "8989") + &with_route("ns", "one", "")));
    let mut name1 = case.profile(NAME1, "");
    name1.expect(&profile_of("", "ns", "route {route=one} path=/a"));
    for same in [
        with_route("ns", "one", ", isRetryable: false"),
        with_route("ns", "one", ", timeout: ''"),
        with_route("ns", "one", "")
            .replace("metadata: {", "metadata: {resourceVersion: '2', labels: {a: b}, "),
        with_route("ns", "one", "").replace("spec: {", "spec: {opaquePorts: ['8989'], "),
    ] {
        case.edit(&(service("name1", "8989") + &same));
        name1.expect("");
    }
}

#[test]
fn case_47_a_cluster_ip_of_either_family_leads_to_the_same_profile() {
    let name1 = service(
        "name1",
        "8989 clusterIP=10.96.0.7 clusterIPs=[10.96.0.7,'fd00::7'] ipFamilyPolicy=PreferDualStack",
    );
    let case = given(&(name1 + &with_route("ns", "one", "")));
    for address in [NAME1, "10.96.0.7:8989", "[fd00::7]:8989"] {
        case.profile(address, "").expect(&profile_of("", "ns", "route {route=one} path=/a"));
    }
}

#[test]
fn rule_3_2_only_cluster_ips_lead_to_a_service() {
    let name1 = service(
        "name1",
        "8989 clusterIP=10.96.0.7 type=LoadBalancer loadBalancerIP=203.0.113.1 externalIPs=[203.0.113.2]",
    );
    let case = given(&name1);
    for address in ["203.0.113.1:8989", "203.0.113.2:8989"] {
        case.profile(address, "").expect(&format!("profile budget=default endpoint {address} 10000"));
    }
}

/// `name1` with this annotation, or none.
fn annotated(ports: Option<&str>) -> String {
    let annotations = ports.map(|ports| format!("{OPAQUE_PORTS}: '{ports}'")).unwrap_or_default();
    annotated_service("name1", "8989/db 3306/mysql", &format!("{{{annotations}}}"))
}

#[track_caller]
fn step(case: &mut Case, stream: &mut GetProfile, objects: &str, expect: &str) {
    case.edit(objects);
    stream.expect(expect);
}

#[test]
fn case_52_the_annotation_of_a_service_says_which_of_its_ports_are_opaque() {
    for (ports, is_opaque) in [
        (None, false),
        (Some("8989"), true),
        (Some("db"), true),
        (Some("80, 8980-8990,"), true),
        (Some("nobody, 8989"), true),
        (Some("80"), false),
        (Some(""), false),
    ] {
        let case = given(&annotated(ports));
        case.profile(NAME1, "").expect(&profile(if is_opaque { "opaque" } else { "" }, ""));
    }
}

#[test]
fn case_52_without_an_annotation_the_default_holds_and_an_empty_one_replaces_it() {
    let name1 = "name1.ns.svc.mycluster.local:3306";
    let on_3306 = |opaque| profile(opaque, "").replace("8989", "3306");
    given(&annotated(None)).profile(name1, "").expect(&on_3306("opaque"));
    given(&annotated(Some(""))).profile(name1, "").expect(&on_3306(""));
    given(&annotated(Some("8989"))).profile(name1, "").expect(&on_3306(""));
}

#[test]
fn case_52_the_annotation_is_followed_and_an_equal_list_says_nothing() {
    let mut case = given(&annotated(None));
    let mut stream = case.profile(NAME1, "");
    stream.expect(&profile("", ""));
    step(&mut case, &mut stream, &annotated(Some("8989,80")), &profile("opaque", ""));
    step(&mut case, &mut stream, &annotated(Some("80,8989")), "");
    step(&mut case, &mut stream, &annotated(Some("db")), "");
    step(&mut case, &mut stream, &annotated(Some("")), &profile("", ""));
    step(&mut case, &mut stream, &annotated(None), "");
}

#[test]
fn case_52_a_service_is_not_opaque_because_its_pods_are() {
    let pod = meshed("name1-1", "172.17.0.12").annotation(OPAQUE_PORTS, "8989").yaml();
    let slice = slice("name1", "8989", "172.17.0.12=name1-1");
    let case = given(&[service("name1", "8989 clusterIP=10.96.0.7"), slice, pod].concat());
    case.profile("10.96.0.7:8989", "").expect(&profile("", ""));
}

#[test]
fn case_52_a_deleted_service_leaves_the_empty_profile_by_name_and_the_default_by_address() {
    let db = service("db", "3306 clusterIP=10.96.0.8");
    let mut case = given(&db);
    let mut by_name = case.profile("db.ns.svc.mycluster.local:3306", "");
    let mut by_address = case.profile("10.96.0.8:3306", "");
    let is = "profile db.ns.svc.mycluster.local opaque budget=default parent=core/Service/ns/db:3306
        to db.ns.svc.mycluster.local:3306 10000";
    by_name.expect(is);
    by_address.expect(is);
    case.edit("");
    by_name.expect("profile (empty)");
    by_address.expect("profile opaque budget=default endpoint 10.96.0.8:3306 10000");
    case.edit(&db);
    by_name.expect(is);
    by_address.expect(is);
}

#[test]
fn case_53_an_undefined_port_has_the_empty_profile_until_it_is_defined() {
    let mut case = given(&service("name1", "80 clusterIP=10.96.0.7"));
    let mut by_name = case.profile(NAME1, "");
    let mut by_address = case.profile("10.96.0.7:8989", "");
    by_name.expect("profile (empty)");
    by_address.expect("profile (empty)");
    case.edit(&service("name1", "80/http 8989/other clusterIP=10.96.0.7"));
    by_name.expect(&profile("", ""));
    by_address.expect(&profile("", ""));
    case.edit(&service("name1", "80 clusterIP=10.96.0.7"));
    by_name.expect("profile (empty)");
    by_address.expect("profile (empty)");
}

#[test]
fn rule_3_5_a_missing_service_has_the_empty_profile_until_it_exists() {
    let mut case = given("");
    let mut stream = case.profile(NAME1, "ns:client-ns");
    stream.expect("profile (empty)");
    case.edit(&service("name1", "8989"));
    stream.expect(&profile("", ""));
}

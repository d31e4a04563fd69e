//! `GetProfile` of one Pod of a headless service by its host name: case 48, rule 3.17.

use super::{
    fixtures::{OPAQUE_PORTS, meshed, profile_of, service, slice},
    given,
};

const POD_0: &str = "pod-0.statefulset-svc.ns.svc.mycluster.local:8989";

/// The headless service, with these endpoints.
fn with(endpoints: &str) -> String {
    service("statefulset-svc", "8989 clusterIP=None") + &slice("statefulset-svc", "8989", endpoints)
}

fn is_pod(addr: &str, hint: &str) -> String {
    format!("profile budget=default {}", profile_of("pod-0", addr, hint))
}

#[test]
fn case_48_a_host_name_leads_to_its_pod_on_the_port_that_is_asked_for() {
    let pod = meshed("pod-0", "172.17.13.15").yaml();
    let case = given(&(with("172.17.13.15=pod-0#pod-0 172.17.13.16=pod-1#pod-1") + &pod));
    case.profile(POD_0, "").expect(&is_pod("172.17.13.15:8989", "h2"));
    case.profile("pod-0.statefulset-svc.ns.svc.mycluster.local:5959", "")
        .expect(&is_pod("172.17.13.15:5959", "h2"));
}

#[test]
fn case_48_a_host_name_without_a_pod_is_a_bare_endpoint() {
    for endpoint in ["172.17.13.15#pod-0", "172.17.13.15=unknown#pod-0"] {
        given(&with(endpoint))
            .profile(POD_0, "")
            .expect("profile budget=default endpoint 172.17.13.15:8989 10000");
    }
    given(&with("172.17.13.15#pod-0"))
        .profile("pod-0.statefulset-svc.ns.svc.mycluster.local:3306", "")
        .expect("profile opaque budget=default endpoint 172.17.13.15:3306 10000");
}

#[test]
fn case_48_a_host_name_that_nobody_has_is_the_empty_profile_until_somebody_has_it() {
    let pod = meshed("pod-0", "172.17.13.15").yaml();
    let mut case = given("");
    let mut stream = case.profile(POD_0, "");
    stream.expect("profile (empty)");
    case.edit(&with("172.17.13.16#pod-1"));
    stream.expect("");
    case.edit(&with("172.17.13.16#pod-1 172.17.13.15=pod-0#pod-0"));
    stream.expect("profile budget=default endpoint 172.17.13.15:8989 10000");
    case.edit(&(with("172.17.13.15=pod-0#pod-0") + &pod));
    stream.expect(&is_pod("172.17.13.15:8989", "h2"));
    case.edit(&with(""));
    stream.expect("profile (empty)");
}

#[test]
fn case_48_a_pod_behind_a_host_name_is_followed() {
    let pod = meshed("pod-0", "172.17.13.15");
    let endpoints = with("172.17.13.15=pod-0#pod-0");
    let mut case = given(&(endpoints.clone() + &pod.yaml()));
    let mut stream = case.profile(POD_0, "");
    stream.expect(&is_pod("172.17.13.15:8989", "h2"));
    case.edit(&(endpoints + &pod.annotation(OPAQUE_PORTS, "8989").yaml()));
    stream.expect(&format!(
        "profile opaque budget=default {}",
        profile_of("pod-0", "172.17.13.15:8989", "opaque transport=4143")
    ));
}

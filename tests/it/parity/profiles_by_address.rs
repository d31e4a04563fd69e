//! `GetProfile` of an address: cases 49 to 51 and 57, rules 3.13 to 3.16.

use super::{
    fixtures::{OPAQUE_PORTS, Pod, SKIP_PORTS, meshed, node, plain, profile_of, server},
    given, given_with,
};

const ADDR: &str = "172.17.13.15:8989";

fn pod() -> Pod {
    meshed("pod-1", "172.17.13.15")
}

/// Of an address of which nothing is known.
fn bare(addr: &str) -> String {
    format!("profile budget=default endpoint {addr} 10000")
}

/// Of [`pod`] as it comes, by this address and with this hint.
fn is_pod(addr: &str, hint: &str) -> String {
    let opaque = if hint.starts_with("opaque") { "opaque" } else { "" };
    format!("profile {opaque} budget=default {}", profile_of("pod-1", addr, hint))
}

#[test]
fn case_49_the_address_of_a_pod_of_either_family_leads_to_it() {
    let case = given(&pod().ip("2001:db8::68").yaml());
    for addr in [ADDR, "[2001:db8::68]:8989"] {
        case.profile(addr, "").expect(&is_pod(addr, "h2"));
    }
}

#[test]
fn case_49_an_address_may_be_written_in_any_way() {
    let single = pod().yaml().replace("podIPs: [{ip: '172.17.13.15'}], ", "");
    for yaml in [pod().yaml(), single] {
        given(&yaml).profile("[::ffff:172.17.13.15]:8989", "").expect(&is_pod(ADDR, "h2"));
    }
}

#[test]
fn case_49_an_unmeshed_pod_has_labels_and_no_more() {
    let pod = plain("pod-1", "172.17.13.15")
        .account("sa")
        .owners("StatefulSet/pod")
        .label("pod-template-hash", "x");
    given(&(pod.yaml() + &node("n1", "west-1a"))).profile(ADDR, r#"{"ns":"ns","nodeName":"n1"}"#).expect(
        "profile budget=default
           endpoint 172.17.13.15:8989 10000 ref=core/Pod/ns/pod-1
             {namespace=ns pod=pod-1 pod_template_hash=x serviceaccount=sa statefulset=pod zone=}",
    );
}

#[test]
fn case_49_of_an_unknown_address_the_default_says_whether_it_is_opaque() {
    let case = given(&pod().yaml());
    case.profile("172.0.0.0:1234", "").expect(&bare("172.0.0.0:1234"));
    case.profile("192.168.210.92:80", "").expect(&bare("192.168.210.92:80"));
    case.profile("192.168.210.92:3306", "")
        .expect("profile opaque budget=default endpoint 192.168.210.92:3306 10000");
    case.profile("[2001:db8::99]:25", "")
        .expect("profile opaque budget=default endpoint [2001:db8::99]:25 10000");
}

#[test]
fn case_49_a_pod_is_opaque_by_default_by_annotation_and_by_server() {
    let on_3306 = "172.17.13.15:3306";
    given(&pod().yaml()).profile(on_3306, "").expect(&is_pod(on_3306, "opaque transport=4143"));
    let pod = pod().label("app", "web").annotation(OPAQUE_PORTS, "8989");
    given(&pod.yaml()).profile(ADDR, "").expect(&is_pod(ADDR, "opaque transport=4143"));
    given(&pod.yaml()).profile(on_3306, "").expect(&is_pod(on_3306, "h2"));
    let srv = server("srv", "web", "3306", "opaque");
    given(&(pod.yaml() + &srv)).profile(on_3306, "").expect(&is_pod(on_3306, "opaque transport=4143"));
}

#[test]
fn case_49_a_port_that_the_proxy_does_not_see_has_no_identity_here_either() {
    let case = given_with(|mesh| mesh.transport_header = true, &pod().annotation(SKIP_PORTS, "80").yaml());
    case.profile(ADDR, "").expect(&is_pod(ADDR, "h2 transport=4143"));
    case.profile("172.17.13.15:80", "").expect(
        "profile budget=default
           endpoint 172.17.13.15:80 10000 ref=core/Pod/ns/pod-1
             {control_plane_ns=linkerd namespace=ns pod=pod-1 serviceaccount=default zone=}",
    );
}

#[test]
fn case_50_a_pod_counts_while_it_runs_whatever_ports_it_declares() {
    let mut case = given(&pod().phase("Pending").yaml());
    let mut declared = case.profile(ADDR, "");
    declared.expect(&bare(ADDR));
    case.edit(&pod().yaml());
    declared.expect(&is_pod(ADDR, "h2"));
    case.edit(&pod().phase("Succeeded").yaml());
    declared.expect(&bare(ADDR));
    case.edit(&pod().yaml());
    declared.expect(&is_pod(ADDR, "h2"));
    // Its proxy serves on until its grace is over.
    case.edit(&pod().metadata("deletionTimestamp: '2024-01-01T00:00:00Z'").yaml());
    declared.expect("");
    case.edit("");
    declared.expect(&bare(ADDR));
}

#[test]
fn an_address_that_a_pod_on_its_way_out_shares_is_the_others() {
    let leaving = pod().metadata("deletionTimestamp: '2024-01-01T00:00:00Z'").yaml();
    let other = meshed("pod-2", "172.17.13.15").yaml();
    let mut case = given(&(leaving + &other));
    let new = is_pod(ADDR, "h2").replace("pod-1", "pod-2");
    case.profile(ADDR, "").expect(&new);
    case.edit(&other);
    case.profile(ADDR, "").expect(&new);
}

#[test]
fn case_50_readiness_does_not_matter() {
    let unready = pod().yaml().replace("status: 'True'", "status: 'False'");
    given(&unready).profile(ADDR, "").expect(&is_pod(ADDR, "h2"));
}

#[test]
fn rule_3_15_a_running_pod_is_followed() {
    let mut case = given(&pod().yaml());
    let mut stream = case.profile(ADDR, "");
    stream.expect(&is_pod(ADDR, "h2"));
    case.edit(&pod().annotation(OPAQUE_PORTS, "8989").yaml());
    stream.expect(&is_pod(ADDR, "opaque transport=4143"));
    case.edit(&plain("pod-1", "172.17.13.15").yaml());
    stream.expect(
        "profile budget=default endpoint 172.17.13.15:8989 10000 ref=core/Pod/ns/pod-1
           {namespace=ns pod=pod-1 serviceaccount=default zone=}",
    );
    case.edit(&pod().yaml());
    stream.expect(&is_pod(ADDR, "h2"));
}

#[test]
fn rule_2_11_a_server_that_goes_clears_what_it_made_opaque() {
    let pod = pod().label("app", "web").yaml();
    let (one, two) = (server("one", "web", "8989", "opaque"), server("two", "web", "8989", "opaque"));
    let mut case = given(&[pod.clone(), one.clone(), two.clone()].concat());
    let mut stream = case.profile(ADDR, "");
    stream.expect(&is_pod(ADDR, "opaque transport=4143"));
    case.edit(&(pod.clone() + &two));
    stream.expect("");
    case.edit(&pod);
    stream.expect(&is_pod(ADDR, "h2"));
    case.edit(&(pod + &one));
    stream.expect(&is_pod(ADDR, "opaque transport=4143"));
}

#[test]
fn rule_3_14_an_address_that_two_pods_have_is_nobodys_and_one_that_is_over_has_none() {
    let other = meshed("pod-2", "172.17.13.15");
    let mut case = given(&(pod().yaml() + &other.yaml()));
    let mut stream = case.profile(ADDR, "");
    stream.expect(&bare(ADDR));
    case.edit(&(pod().yaml() + &other.phase("Failed").yaml()));
    stream.expect(&is_pod(ADDR, "h2"));
}

#[test]
fn rule_3_14_the_address_of_a_host_network_pod_is_its_nodes() {
    let pod = meshed("pod-1", "192.168.1.20").spec("hostNetwork: true").port("containerPort: 8989");
    given(&pod.yaml()).profile("192.168.1.20:8989", "").expect(&bare("192.168.1.20:8989"));
}

const HOST: &str = "192.168.1.20:7777";

/// A Pod behind port 7777 of its node.
fn mapped(name: &str, ip: &str) -> Pod {
    let port = "name: nginx-7777, containerPort: 80, hostPort: 7777";
    meshed(name, ip).label("app", "hostport-mapping").port(port)
}

#[test]
fn case_51_a_host_port_leads_to_the_pod_behind_it_and_to_its_successor() {
    let of = |pod: &str, hint: &str| {
        let opaque = if hint.starts_with("opaque") { "opaque" } else { "" };
        format!("profile {opaque} budget=default {}", profile_of(pod, HOST, hint))
    };
    let mut case = given(&mapped("hostport-mapping", "172.17.0.31").yaml());
    let mut stream = case.profile(HOST, "");
    stream.expect(&of("hostport-mapping", "h2"));
    case.edit("");
    stream.expect(&bare(HOST));
    let second = mapped("hostport-mapping-2", "172.17.0.55").yaml();
    case.edit(&second);
    stream.expect(&of("hostport-mapping-2", "h2"));
    for port in ["nginx-7777", "80"] {
        case.edit(&(second.clone() + &server("srv", "hostport-mapping", port, "opaque")));
        stream.expect(&of("hostport-mapping-2", "opaque transport=4143"));
        case.edit(&second);
        stream.expect(&of("hostport-mapping-2", "h2"));
    }
}

#[test]
fn case_51_a_host_port_is_opaque_if_either_port_is() {
    for ports in ["80", "7777"] {
        let pod = mapped("pod-1", "172.17.0.31").annotation(OPAQUE_PORTS, ports);
        given(&pod.yaml()).profile(HOST, "").expect(&is_pod(HOST, "opaque transport=4143"));
    }
}

#[test]
fn case_51_other_ports_of_the_node_are_not_the_pods() {
    let case = given(&mapped("pod-1", "172.17.0.31").yaml());
    case.profile("192.168.1.20:80", "").expect(&bare("192.168.1.20:80"));
    case.profile("172.17.0.31:7777", "").expect(&is_pod("172.17.0.31:7777", "h2"));
}

#[test]
fn case_51_a_node_may_have_an_address_of_each_family() {
    let both = mapped("pod-1", "172.17.0.31")
        .yaml()
        .replace("{ip: 192.168.1.20}", "{ip: 192.168.1.20}, {ip: 'fd00::20'}");
    given(&both).profile("[fd00::20]:7777", "").expect(&is_pod("[fd00::20]:7777", "h2"));
    let single = mapped("pod-1", "172.17.0.31").yaml().replace("hostIPs: [{ip: 192.168.1.20}], ", "");
    given(&single).profile(HOST, "").expect(&is_pod(HOST, "h2"));
}

#[test]
fn case_51_init_containers_have_host_ports_too() {
    let pod = pod().init_port("containerPort: 80, hostPort: 7777");
    given(&pod.yaml()).profile(HOST, "").expect(&is_pod(HOST, "h2"));
}

#[test]
fn case_51_a_pod_that_is_over_leaves_its_host_port_to_another() {
    let over = mapped("old", "172.17.0.31").phase("Succeeded");
    let case = given(&(over.yaml() + &mapped("pod-1", "172.17.0.55").yaml()));
    case.profile(HOST, "").expect(&is_pod(HOST, "h2"));
}

#[test]
fn case_57_an_address_that_says_the_same_says_nothing() {
    let mut case = given(&pod().yaml());
    let mut stream = case.profile(ADDR, "");
    stream.expect(&is_pod(ADDR, "h2"));
    for same in [
        pod().metadata("resourceVersion: '2'"),
        pod().label("unrelated", "x"),
        pod().ip("2001:db8::68"),
        pod().annotation(OPAQUE_PORTS, "1"),
        pod().port("containerPort: 8989"),
    ] {
        case.edit(&same.yaml());
        stream.expect("");
    }
}

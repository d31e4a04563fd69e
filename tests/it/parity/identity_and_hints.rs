//! What a proxy is told of how to speak to another: TLS identity, protocol hint, HTTP/2 parameters. Cases 25 to
//! 28, 30 and 33, rules 1.5 to 1.7.

use switchyard::pb::destination::{Http2ClientParams, http2_client_params};

use super::{
    fixtures::{
        CONTROL_PLANE, NAME1, Pod, SKIP_PORTS, add1, headless1, meshed, meshed1, name1, plain, service, slice,
    },
    given, given_with,
};

const ADDR: &str = "172.17.0.12:8989";

fn pod() -> Pod {
    meshed("name1-1", "172.17.0.12")
}

/// All that is said of `name1-1` by labels, if it is of the usual control plane.
const LABELS: &str =
    "{control_plane_ns=linkerd pod=name1-1 serviceaccount=default zone= zone_locality=unknown}";

fn http2() -> Http2ClientParams {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let keep_alive =
        http2_client_params::KeepAlive { interval: seconds(10), timeout: seconds(3), while_idle: true };
    Http2ClientParams { keep_alive: Some(keep_alive), ..Http2ClientParams::default() }
}

#[test]
fn case_25_a_meshed_pod_is_known_by_its_account() {
    let case = given(&name1(&pod().account("serviceaccount-name")));
    case.get(NAME1, "").expect(&add1(
        "172.17.0.12:8989 10000 h2
           tls=serviceaccount-name.ns.serviceaccount.identity.linkerd.trust.domain sni=same
           ref=core/Pod/ns/name1-1
           {control_plane_ns=linkerd pod=name1-1 serviceaccount=serviceaccount-name zone= zone_locality=unknown}",
    ));
}

#[test]
fn case_25_a_pod_of_another_control_plane_is_meshed_and_has_no_identity() {
    let case = given(&name1(&pod().label(CONTROL_PLANE, "other")));
    case.get(NAME1, "").expect(&add1(
        "172.17.0.12:8989 10000 h2 ref=core/Pod/ns/name1-1
           {control_plane_ns=other pod=name1-1 serviceaccount=default zone= zone_locality=unknown}",
    ));
}

#[test]
fn case_25_without_a_trust_domain_nobody_has_an_identity() {
    let case = given_with(|mesh| mesh.trust_domain = "".into(), &name1(&pod()));
    case.get(NAME1, "").expect(&add1(&format!("{ADDR} 10000 h2 ref=core/Pod/ns/name1-1 {LABELS}")));
}

#[test]
fn case_25_the_control_plane_may_be_in_another_namespace() {
    let case = given_with(
        |mesh| mesh.controller_namespace = "mesh".into(),
        &name1(&pod().label(CONTROL_PLANE, "mesh")),
    );
    case.get(NAME1, "").expect(&add1(
        "172.17.0.12:8989 10000 h2 tls=default.ns.serviceaccount.identity.mesh.trust.domain sni=same
           ref=core/Pod/ns/name1-1
           {control_plane_ns=mesh pod=name1-1 serviceaccount=default zone= zone_locality=unknown}",
    ));
}

#[test]
fn case_26_of_an_unmeshed_pod_there_is_no_hint_and_no_identity_in_any_mode() {
    let bare = "172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1
        {pod=name1-1 serviceaccount=default zone= zone_locality=unknown}";
    let unmeshed = name1(&plain("name1-1", "172.17.0.12").listens("INBOUND", "0.0.0.0:4143"));
    given(&unmeshed).get(NAME1, "").expect(&add1(bare));
    let case = given_with(
        |mesh| {
            mesh.transport_header = true;
            mesh.http2 = Some(http2());
        },
        &unmeshed,
    );
    case.get(NAME1, "").expect(&add1(bare));
}

#[test]
fn case_27_http2_parameters_are_said_of_meshed_pods_if_there_are_any() {
    let objects = [
        service("name1", "8989"),
        slice("name1", "8989", "172.17.0.12=name1-1 172.17.0.19=plain"),
        pod().yaml(),
        plain("plain", "172.17.0.19").yaml(),
    ];
    let case = given_with(|mesh| mesh.http2 = Some(http2()), &objects.concat());
    case.get(NAME1, "").expect(&add1(&format!(
        "172.17.0.12:8989 10000 h2 tls=default.ns.serviceaccount.identity.linkerd.trust.domain sni=same
           http2(ping=10s/3s/true) ref=core/Pod/ns/name1-1 {LABELS}
         172.17.0.19:8989 10000 ref=core/Pod/ns/plain
           {{pod=plain serviceaccount=default zone= zone_locality=unknown}}"
    )));
}

#[test]
fn rule_1_7_every_http2_parameter_is_passed_on() {
    let flow = http2_client_params::FlowControl {
        initial_connection_window_size: 65_535,
        initial_stream_window_size: 1 << 20,
        adaptive_flow_control: true,
    };
    let internals = http2_client_params::Internals {
        max_concurrent_reset_streams: 7,
        max_frame_size: 16_384,
        max_send_buf_size: 9,
    };
    let params = Http2ClientParams { flow_control: Some(flow), keep_alive: None, internals: Some(internals) };
    let case = given_with(|mesh| mesh.http2 = Some(params), &name1(&pod()));
    case.get(NAME1, "").expect(&add1(&format!(
        "{ADDR} 10000 h2 tls=default.ns.serviceaccount.identity.linkerd.trust.domain sni=same
           http2(window=65535/1048576/true internals=7/16384/9) ref=core/Pod/ns/name1-1 {LABELS}"
    )));
}

/// Asks for this port of a meshed Pod behind a headless Service, so that the number is the Pod's.
#[track_caller]
fn check(transport_header: bool, h2_upgrade: bool, port: u16, hint: &str) {
    let choose = |mesh: &mut switchyard::resolve::MeshOptions| {
        (mesh.transport_header, mesh.h2_upgrade) = (transport_header, h2_upgrade);
    };
    let case = given_with(choose, &headless1(&pod()));
    let addr = format!("172.17.0.12:{port}");
    case.get(&format!("name1.ns.svc.mycluster.local:{port}"), "").expect(&add1(&meshed1(&addr, hint)));
}

#[test]
fn case_28_in_transport_header_mode_all_but_the_proxys_own_ports_go_to_its_inbound_port() {
    check(true, true, 8989, "h2 transport=4143");
    check(true, true, 4191, "h2");
    check(true, true, 4190, "h2");
    check(true, true, 3306, "opaque transport=4143");
}

#[test]
fn rule_1_6_without_the_mode_only_opaque_ports_do() {
    check(false, true, 8989, "h2");
    check(false, true, 4191, "h2");
    check(false, true, 3306, "opaque transport=4143");
}

#[test]
fn rule_1_6_without_the_upgrade_a_hint_says_that_there_is_a_proxy_and_no_more() {
    check(false, false, 8989, "hint");
    check(true, false, 8989, "hint transport=4143");
    check(true, false, 4191, "hint");
    check(false, false, 3306, "opaque transport=4143");
}

#[test]
fn case_30_a_port_that_the_proxy_does_not_see_is_as_unmeshed() {
    for (ports, mode) in [("8989", false), ("80, 8980-8990,", false), ("8989", true)] {
        let choose = |mesh: &mut switchyard::resolve::MeshOptions| {
            mesh.transport_header = mode;
            mesh.http2 = Some(http2());
        };
        let case = given_with(choose, &name1(&pod().annotation(SKIP_PORTS, ports)));
        case.get(NAME1, "").expect(&add1(&format!("{ADDR} 10000 ref=core/Pod/ns/name1-1 {LABELS}")));
    }
    let case = given(&name1(&pod().annotation(SKIP_PORTS, "80,9000-9010")));
    case.get(NAME1, "").expect(&add1(&meshed1(ADDR, "h2")));
}

#[test]
fn case_33_the_inbound_port_is_that_of_the_address_the_proxy_listens_on() {
    for listens in ["1.2.3.4:8080", "[2001:db8::94]:8080", "[::]:8080"] {
        let case =
            given_with(|mesh| mesh.transport_header = true, &name1(&pod().listens("INBOUND", listens)));
        case.get(NAME1, "").expect(&add1(&meshed1(ADDR, "h2 transport=8080")));
    }
}

#[test]
fn rule_1_6_a_native_sidecar_is_a_proxy_like_any_other() {
    let case = given_with(|mesh| mesh.transport_header = true, &name1(&pod().native_sidecar()));
    case.get(NAME1, "").expect(&add1(&meshed1(ADDR, "h2 transport=4143")));
}

#[test]
fn rule_1_6_a_pod_whose_proxy_is_not_what_its_label_says_is_left_out_until_it_is_mended() {
    let other = plain("name1-2", "172.17.0.19");
    let objects = |pod: &Pod| {
        let endpoints = slice("name1", "8989", "172.17.0.12=name1-1 172.17.0.19=name1-2");
        [service("name1", "8989"), endpoints, pod.yaml(), other.yaml()].concat()
    };
    for broken in [
        pod().without("ADMIN"),
        pod().without("CONTROL"),
        pod().listens("ADMIN", "nowhere"),
        pod().listens("CONTROL", "0.0.0.0:http"),
        plain("name1-1", "172.17.0.12").label(CONTROL_PLANE, "linkerd"),
    ] {
        let mut case = given(&objects(&broken));
        let mut name1 = case.get(NAME1, "");
        name1.expect(&add1(
            "172.17.0.19:8989 10000 ref=core/Pod/ns/name1-2
               {pod=name1-2 serviceaccount=default zone= zone_locality=unknown}",
        ));
        case.expect_warned_of("ns/name1-1", true);
        case.edit(&objects(&pod()));
        name1.expect(&add1(&meshed1(ADDR, "h2")));
        case.expect_warned_of("ns/name1-1", false);
    }
}

#[test]
fn rule_1_6_if_all_pods_are_left_out_the_service_is_empty() {
    let case = given(&name1(&pod().without("ADMIN")));
    case.get(NAME1, "").expect("no_endpoints exists=true");
}

#[test]
fn rule_1_6_the_inbound_port_is_needed_only_where_it_is_said() {
    let unsaid = name1(&pod().without("INBOUND"));
    given(&unsaid).get(NAME1, "").expect(&add1(&meshed1(ADDR, "h2")));
    let case = given_with(|mesh| mesh.transport_header = true, &unsaid);
    case.get(NAME1, "").expect("no_endpoints exists=true");
    case.expect_warned_of("ns/name1-1", true);
}

//! Messages in, lines out.

use std::net::SocketAddr;

use super::JsonLines;
use crate::{
    cli::{
        moment::Moment,
        watch::{Answer, Received, View},
    },
    client::test::{add, endpoint, no_endpoints, remove},
    pb::{
        destination::{
            AuthorityOverride, DestinationProfile, Http2ClientParams, HttpStatusRange, PathMatch,
            ProtocolHint, RequestMatch, ResponseClass, ResponseMatch, RetryBudget, Route, TlsIdentity,
            Update, WeightedAddr, WeightedDst,
            http2_client_params::{FlowControl, Internals, KeepAlive},
            protocol_hint::{H2, Opaque, OpaqueTransport, Protocol},
            request_match, response_match,
            tls_identity::{DnsLikeIdentity, Strategy, UriLikeIdentity},
            update,
        },
        http_types::{HttpMethod, http_method},
        meta::{Metadata, Resource, metadata},
        net::TcpAddress,
    },
};

/// The line for a message that is the first, and what it counts as.
fn line<M: super::ToJson>(message: M) -> (String, Answer) {
    let mut out = Vec::new();
    let received = Received { at: Moment::test(50), message };
    let answer = JsonLines::new("reviews.d.svc.cluster.local:9080").first(&mut out, received, false).unwrap();
    let line = String::from_utf8(out).unwrap();
    let head = r#"{"time":"2025-11-23T13:03:07.050Z","authority":"reviews.d.svc.cluster.local:9080""#;
    let rest = line.strip_prefix(head).unwrap_or_else(|| panic!("{line}"));
    let rest = rest.strip_suffix("}\n").unwrap_or_else(|| panic!("{line}"));
    assert!(!rest.contains('\n'));
    (rest.to_owned(), answer)
}

fn resource(port: u32) -> Metadata {
    let resource = Resource {
        group: "core".into(),
        kind: "Service".into(),
        name: "reviews".into(),
        namespace: "d".into(),
        section: String::new(),
        port,
    };
    Metadata { kind: Some(metadata::Kind::Resource(resource)) }
}

fn seconds(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos })
}

#[test]
fn updates() {
    use Answer::{Nothing, Something};
    for (message, expect, answer) in [
        (
            add(&["10.0.0.1:80=5 reviews-v2/reviews-v2-x", "[fd00::1]:80=7"]),
            r#","add":{"metric_labels":{"namespace":"default","service":"reviews"},"addrs":[{"addr":"10.0.0.1:80","weight":5,"metric_labels":{"pod":"reviews-v2-x","service":"reviews-v2"}},{"addr":"[fd00::1]:80","weight":7,"metric_labels":{}}]}"#,
            Something,
        ),
        (
            add(&[]),
            r#","add":{"metric_labels":{"namespace":"default","service":"reviews"},"addrs":[]}"#,
            Nothing,
        ),
        (
            remove(&["10.0.0.1:80", "[fd00::1]:80"]),
            r#","remove":{"addrs":["10.0.0.1:80","[fd00::1]:80"]}"#,
            Nothing,
        ),
        (no_endpoints(true), r#","no_endpoints":{"exists":true}"#, Nothing),
        (no_endpoints(false), r#","no_endpoints":{"exists":false}"#, Nothing),
        (Update::default(), "", Nothing),
    ] {
        assert_eq!(line(message), (expect.to_owned(), answer));
    }
}

/// What is said of one endpoint behind its address, weight and labels.
fn rest(change: impl FnOnce(&mut WeightedAddr)) -> String {
    let mut update = add(&["10.0.0.1:80=5"]);
    if let Some(update::Update::Add(set)) = &mut update.update {
        change(&mut set.addrs[0]);
    }
    let (line, _) = line(update);
    let (_, rest) = line.split_once(r#""metric_labels":{},"#).unwrap_or_else(|| panic!("{line}"));
    rest.strip_suffix("}]}").unwrap().to_owned()
}

#[test]
fn all_fields_of_an_endpoint() {
    let name = |name: &str| DnsLikeIdentity { name: name.into() };
    for (shown, expect) in [
        (
            rest(|addr| {
                let strategy = Some(Strategy::DnsLikeIdentity(name("a.id")));
                addr.tls_identity = Some(TlsIdentity { strategy, server_name: Some(name("a.sni")) });
            }),
            r#""tls_identity":{"dns_like_identity":"a.id","server_name":"a.sni"}"#,
        ),
        (
            rest(|addr| {
                let strategy = Some(Strategy::UriLikeIdentity(UriLikeIdentity { uri: "spiffe://a".into() }));
                addr.tls_identity = Some(TlsIdentity { strategy, server_name: None });
            }),
            r#""tls_identity":{"uri_like_identity":"spiffe://a"}"#,
        ),
        (
            rest(|addr| {
                let opaque_transport = Some(OpaqueTransport { inbound_port: 4143 });
                let protocol = Some(Protocol::Opaque(Opaque {}));
                addr.protocol_hint = Some(ProtocolHint { opaque_transport, protocol });
            }),
            r#""protocol_hint":{"opaque_transport":{"inbound_port":4143},"protocol":"opaque"}"#,
        ),
        (
            rest(|addr| {
                let protocol = Some(Protocol::H2(H2 {}));
                addr.protocol_hint = Some(ProtocolHint { opaque_transport: None, protocol });
                addr.http2 = Some(Http2ClientParams::default());
                let to = AuthorityOverride { authority_override: "b:80".into() };
                addr.authority_override = Some(to);
                addr.resource_ref = Some(resource(0));
            }),
            r#""authority_override":"b:80","http2":{},"protocol_hint":{"protocol":"h2"},"resource_ref":{"group":"core","kind":"Service","name":"reviews","namespace":"d"}"#,
        ),
        (
            rest(|addr| {
                let keep_alive = KeepAlive { interval: seconds(10, 0), timeout: None, while_idle: true };
                addr.http2 = Some(Http2ClientParams {
                    flow_control: Some(FlowControl::default()),
                    keep_alive: Some(keep_alive),
                    internals: Some(Internals::default()),
                });
            }),
            r#""http2":{"flow_control":{"adaptive_flow_control":false,"initial_connection_window_size":0,"initial_stream_window_size":0},"internals":{"max_concurrent_reset_streams":0,"max_frame_size":0,"max_send_buf_size":0},"keep_alive":{"interval":"10s","while_idle":true}}"#,
        ),
        (
            rest(|addr| {
                addr.resource_ref = Some(Metadata { kind: Some(metadata::Kind::Default("d".into())) });
            }),
            r#""resource_ref":{"default":"d"}"#,
        ),
    ] {
        assert_eq!(shown, expect);
    }
}

#[test]
fn an_impossible_address_is_null() {
    let mut update = remove(&["10.0.0.1:80"]);
    if let Some(update::Update::Remove(set)) = &mut update.update {
        set.addrs.push(TcpAddress { port: 65_536, ..SocketAddr::from(([10, 0, 0, 1], 0)).into() });
        set.addrs.push(TcpAddress::default());
    }
    assert_eq!(line(update).0, r#","remove":{"addrs":["10.0.0.1:80",null,null]}"#);
}

#[test]
fn the_empty_profile() {
    let expect =
        r#","profile":{"fully_qualified_name":"","opaque_protocol":false,"dst_overrides":[],"routes":[]}"#;
    assert_eq!(line(DestinationProfile::default()), (expect.to_owned(), Answer::Nothing));
}

#[test]
fn a_profile_with_everything() {
    let dst = |authority: &str, weight, backend_ref| WeightedDst {
        authority: authority.into(),
        weight,
        backend_ref,
    };
    let profile = DestinationProfile {
        fully_qualified_name: "reviews.d.svc.cluster.local".into(),
        opaque_protocol: true,
        routes: vec![route(), Route::default()],
        retry_budget: Some(RetryBudget { retry_ratio: 0.2, min_retries_per_second: 10, ttl: seconds(10, 0) }),
        dst_overrides: vec![dst("reviews-v2.d:9080", 5000, None), dst("x:1", 0, Some(resource(1)))],
        endpoint: Some(endpoint("10.0.0.1:80=10000")),
        parent_ref: Some(resource(9080)),
        profile_ref: Some(Metadata::default()),
    };
    let (line, answer) = line(profile);
    let expect = [
        r#","profile":{"fully_qualified_name":"reviews.d.svc.cluster.local","opaque_protocol":true,"#,
        r#""retry_budget":{"min_retries_per_second":10,"retry_ratio":0.2,"ttl":"10s"},"#,
        r#""dst_overrides":[{"authority":"reviews-v2.d:9080","weight":5000},"#,
        r#"{"authority":"x:1","weight":0,"backend_ref":{"group":"core","kind":"Service","name":"reviews","namespace":"d","port":1}}],"#,
        r#""routes":[{"condition":{"all":[{"method":"GET"},{"method":"BREW"},{"not":{"path":{"regex":"/a.*"}}},{"any":[null]}]},"#,
        r#""is_retryable":true,"metrics_labels":{"route":"GET /a"},"#,
        r#""response_classes":[{"condition":{"any":[{"status":{"max":599,"min":500}},{"not":null},{"all":[]}]},"is_failure":true}],"#,
        r#""timeout":"0.250s"},"#,
        r#"{"is_retryable":false,"metrics_labels":{},"response_classes":[]}],"#,
        r#""endpoint":{"addr":"10.0.0.1:80","weight":10000,"metric_labels":{}},"#,
        r#""parent_ref":{"group":"core","kind":"Service","name":"reviews","namespace":"d","port":9080},"profile_ref":null}"#,
    ]
    .concat();
    assert_eq!((line, answer), (expect, Answer::Something));
}

/// A route whose conditions have every form there is.
fn route() -> Route {
    use http_method::Type::{Registered, Unregistered};
    use request_match::Match as Request;
    use response_match::Match as Response;
    let request = |m| RequestMatch { r#match: Some(m) };
    let response = |m| ResponseMatch { r#match: Some(m) };
    let method = |r#type| request(Request::Method(HttpMethod { r#type: Some(r#type) }));
    let not = request(Request::Path(PathMatch { regex: "/a.*".into() }));
    let empty = request_match::Seq { matches: vec![RequestMatch::default()] };
    let condition = request_match::Seq {
        matches: vec![
            method(Registered(http_method::Registered::Get.into())),
            method(Unregistered("BREW".into())),
            request(Request::Not(Box::new(not))),
            request(Request::Any(empty)),
        ],
    };
    let class = response_match::Seq {
        matches: vec![
            response(Response::Status(HttpStatusRange { min: 500, max: 599 })),
            response(Response::Not(Box::default())),
            response(Response::All(response_match::Seq::default())),
        ],
    };
    Route {
        condition: Some(request(Request::All(condition))),
        response_classes: vec![ResponseClass {
            condition: Some(response(Response::Any(class))),
            is_failure: true,
        }],
        metrics_labels: [("route".to_owned(), "GET /a".to_owned())].into(),
        is_retryable: true,
        timeout: seconds(0, 250_000_000),
    }
}

//! Our messages against those of `linkerd2-proxy-api`, the crate that Linkerd's proxies are built with: the
//! same names, numbers and types, so each side understands the other.
//!
//! A round trip alone would not notice two fields of one type that have swapped numbers. So every message
//! also has a *twin*: the other crate's message with equal fields of equal names. What a twin encodes to
//! must decode to the message, and the other way round.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
};

use futures::stream;
use linkerd2_proxy_api as theirs;
use proptest::{
    collection::{btree_map, vec},
    option::of,
    prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest},
    test_runner::TestCaseError,
};
use prost::{
    Message,
    encoding::{self, WireType},
};
use prost_types::{DescriptorProto, Duration, FileDescriptorSet};
use switchyard::pb::{self as ours, destination, http_types, meta, net};
use tonic::{Request, Response, Status};

// === Twins ===

/// The same value as the other crate's type.
trait Twin {
    type Twin;
    fn twin(self) -> Self::Twin;
}

/// Twins of messages, both ways. A field that is missing here, or on one side only, does not compile.
macro_rules! twin_messages {
    ($($($name:ident)::+ { $($field:ident),* })+) => {$(
        impl Twin for ours::$($name)::+ {
            type Twin = theirs::$($name)::+;
            fn twin(self) -> Self::Twin {
                let Self { $($field),* } = self;
                Self::Twin { $($field: $field.twin()),* }
            }
        }

        impl Twin for theirs::$($name)::+ {
            type Twin = ours::$($name)::+;
            fn twin(self) -> Self::Twin {
                let Self { $($field),* } = self;
                Self::Twin { $($field: $field.twin()),* }
            }
        }
    )+};
}

/// Twins of `oneof`s, both ways. An arm that is missing here, or on one side only, does not compile.
macro_rules! twin_oneofs {
    ($($($name:ident)::+ { $($arm:ident),* })+) => {$(
        impl Twin for ours::$($name)::+ {
            type Twin = theirs::$($name)::+;
            fn twin(self) -> Self::Twin {
                match self {
                    $(Self::$arm(value) => Self::Twin::$arm(value.twin()),)*
                }
            }
        }

        impl Twin for theirs::$($name)::+ {
            type Twin = ours::$($name)::+;
            fn twin(self) -> Self::Twin {
                match self {
                    $(Self::$arm(value) => Self::Twin::$arm(value.twin()),)*
                }
            }
        }
    )+};
}

/// Types that both crates share.
macro_rules! own_twins {
    ($($name:ty)+) => {$(
        impl Twin for $name {
            type Twin = Self;
            fn twin(self) -> Self {
                self
            }
        }
    )+};
}

own_twins! { bool u8 u32 i32 u64 f32 String Duration }

impl<A: Twin> Twin for Option<A> {
    type Twin = Option<A::Twin>;
    fn twin(self) -> Self::Twin {
        self.map(A::twin)
    }
}

impl<A: Twin> Twin for Box<A> {
    type Twin = Box<A::Twin>;
    fn twin(self) -> Self::Twin {
        Box::new((*self).twin())
    }
}

impl<A: Twin> Twin for Vec<A> {
    type Twin = Vec<A::Twin>;
    fn twin(self) -> Self::Twin {
        self.into_iter().map(A::twin).collect()
    }
}

/// Ours are sorted, so that equal messages have equal bytes.
impl Twin for BTreeMap<String, String> {
    type Twin = HashMap<String, String>;
    fn twin(self) -> Self::Twin {
        self.into_iter().collect()
    }
}

impl Twin for HashMap<String, String> {
    type Twin = BTreeMap<String, String>;
    fn twin(self) -> Self::Twin {
        self.into_iter().collect()
    }
}

twin_messages! {
    net::IPv6 { first, last }
    net::IpAddress { ip }
    net::IpNetwork { ip, prefix_len }
    net::TcpAddress { ip, port }

    meta::Metadata { kind }
    meta::Resource { group, kind, name, namespace, section, port }

    http_types::HttpMethod { r#type }
    http_types::Scheme { r#type }
    http_types::Headers { headers }
    http_types::headers::Header { name, value }

    destination::GetDestination { scheme, path, context_token }
    destination::Update { update }
    destination::AddrSet { addrs }
    destination::WeightedAddrSet { addrs, metric_labels }
    destination::WeightedAddr {
        addr, weight, metric_labels, tls_identity, protocol_hint, authority_override, http2, resource_ref
    }
    destination::TlsIdentity { strategy, server_name }
    destination::tls_identity::DnsLikeIdentity { name }
    destination::tls_identity::UriLikeIdentity { uri }
    destination::AuthorityOverride { authority_override }
    destination::NoEndpoints { exists }
    destination::ProtocolHint { protocol, opaque_transport }
    destination::protocol_hint::H2 {}
    destination::protocol_hint::Opaque {}
    destination::protocol_hint::OpaqueTransport { inbound_port }
    destination::Http2ClientParams { flow_control, keep_alive, internals }
    destination::http2_client_params::FlowControl {
        initial_connection_window_size, initial_stream_window_size, adaptive_flow_control
    }
    destination::http2_client_params::KeepAlive { interval, timeout, while_idle }
    destination::http2_client_params::Internals {
        max_concurrent_reset_streams, max_frame_size, max_send_buf_size
    }
    destination::DestinationProfile {
        routes, retry_budget, dst_overrides, opaque_protocol, fully_qualified_name, endpoint, parent_ref,
        profile_ref
    }
    destination::Route { condition, response_classes, metrics_labels, is_retryable, timeout }
    destination::RetryBudget { retry_ratio, min_retries_per_second, ttl }
    destination::ResponseClass { condition, is_failure }
    destination::RequestMatch { r#match }
    destination::request_match::Seq { matches }
    destination::PathMatch { regex }
    destination::ResponseMatch { r#match }
    destination::response_match::Seq { matches }
    destination::HttpStatusRange { min, max }
    destination::WeightedDst { authority, weight, backend_ref }
}

twin_oneofs! {
    net::ip_address::Ip { Ipv4, Ipv6 }
    meta::metadata::Kind { Default, Resource }
    http_types::http_method::Type { Registered, Unregistered }
    http_types::scheme::Type { Registered, Unregistered }
    destination::update::Update { Add, Remove, NoEndpoints }
    destination::tls_identity::Strategy { DnsLikeIdentity, UriLikeIdentity }
    destination::protocol_hint::Protocol { H2, Opaque }
    destination::request_match::Match { All, Any, Not, Path, Method }
    destination::response_match::Match { All, Any, Not, Status }
}

// === Random messages ===

/// Zero is what proto3 leaves out except in a `oneof`, and no random number would often be zero.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), any::<u32>()]
}

fn half() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>()]
}

fn text() -> impl Strategy<Value = String> {
    ".{0,8}"
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

fn few<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(of, 0..3)
}

fn duration() -> impl Strategy<Value = Duration> {
    (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| Duration { seconds, nanos })
}

/// Known and unknown values: proto3 lets both through.
fn enumeration() -> impl Strategy<Value = i32> {
    prop_oneof![0..10, any::<i32>()]
}

fn ipv6() -> impl Strategy<Value = net::IPv6> {
    (half(), half()).prop_map(|(first, last)| net::IPv6 { first, last })
}

fn ip_address() -> impl Strategy<Value = net::IpAddress> {
    use net::ip_address::Ip;
    of(prop_oneof![number().prop_map(Ip::Ipv4), ipv6().prop_map(Ip::Ipv6)])
        .prop_map(|ip| net::IpAddress { ip })
}

fn ip_network() -> impl Strategy<Value = net::IpNetwork> {
    (of(ip_address()), number()).prop_map(|(ip, prefix_len)| net::IpNetwork { ip, prefix_len })
}

fn tcp_address() -> impl Strategy<Value = net::TcpAddress> {
    (of(ip_address()), number()).prop_map(|(ip, port)| net::TcpAddress { ip, port })
}

fn metadata() -> impl Strategy<Value = meta::Metadata> {
    use meta::metadata::Kind;
    of(prop_oneof![text().prop_map(Kind::Default), resource().prop_map(Kind::Resource)])
        .prop_map(|kind| meta::Metadata { kind })
}

fn resource() -> impl Strategy<Value = meta::Resource> {
    (text(), text(), text(), text(), text(), number()).prop_map(
        |(group, kind, name, namespace, section, port)| meta::Resource {
            group,
            kind,
            name,
            namespace,
            section,
            port,
        },
    )
}

fn http_method() -> impl Strategy<Value = http_types::HttpMethod> {
    use http_types::http_method::Type;
    of(prop_oneof![enumeration().prop_map(Type::Registered), text().prop_map(Type::Unregistered)])
        .prop_map(|r#type| http_types::HttpMethod { r#type })
}

fn scheme() -> impl Strategy<Value = http_types::Scheme> {
    use http_types::scheme::Type;
    of(prop_oneof![enumeration().prop_map(Type::Registered), text().prop_map(Type::Unregistered)])
        .prop_map(|r#type| http_types::Scheme { r#type })
}

fn header() -> impl Strategy<Value = http_types::headers::Header> {
    (text(), vec(any::<u8>(), 0..8)).prop_map(|(name, value)| http_types::headers::Header { name, value })
}

fn headers() -> impl Strategy<Value = http_types::Headers> {
    few(header()).prop_map(|headers| http_types::Headers { headers })
}

fn get_destination() -> impl Strategy<Value = destination::GetDestination> {
    (text(), text(), text()).prop_map(|(scheme, path, context_token)| destination::GetDestination {
        scheme,
        path,
        context_token,
    })
}

fn update() -> impl Strategy<Value = destination::Update> {
    use destination::update::Update;
    of(prop_oneof![
        weighted_addr_set().prop_map(Update::Add),
        addr_set().prop_map(Update::Remove),
        no_endpoints().prop_map(Update::NoEndpoints),
    ])
    .prop_map(|update| destination::Update { update })
}

fn addr_set() -> impl Strategy<Value = destination::AddrSet> {
    few(tcp_address()).prop_map(|addrs| destination::AddrSet { addrs })
}

fn weighted_addr_set() -> impl Strategy<Value = destination::WeightedAddrSet> {
    (few(weighted_addr()), labels())
        .prop_map(|(addrs, metric_labels)| destination::WeightedAddrSet { addrs, metric_labels })
}

fn weighted_addr() -> impl Strategy<Value = destination::WeightedAddr> {
    (
        of(tcp_address()),
        number(),
        labels(),
        of(tls_identity()),
        of(protocol_hint()),
        of(authority_override()),
        of(http2_client_params()),
        of(metadata()),
    )
        .prop_map(
            |(
                addr,
                weight,
                metric_labels,
                tls_identity,
                protocol_hint,
                authority_override,
                http2,
                resource_ref,
            )| destination::WeightedAddr {
                addr,
                weight,
                metric_labels,
                tls_identity,
                protocol_hint,
                authority_override,
                http2,
                resource_ref,
            },
        )
}

fn tls_identity() -> impl Strategy<Value = destination::TlsIdentity> {
    use destination::tls_identity::Strategy::{DnsLikeIdentity, UriLikeIdentity};
    let strategy = prop_oneof![
        dns_like_identity().prop_map(DnsLikeIdentity),
        uri_like_identity().prop_map(UriLikeIdentity)
    ];
    (of(strategy), of(dns_like_identity()))
        .prop_map(|(strategy, server_name)| destination::TlsIdentity { strategy, server_name })
}

fn dns_like_identity() -> impl Strategy<Value = destination::tls_identity::DnsLikeIdentity> {
    text().prop_map(|name| destination::tls_identity::DnsLikeIdentity { name })
}

fn uri_like_identity() -> impl Strategy<Value = destination::tls_identity::UriLikeIdentity> {
    text().prop_map(|uri| destination::tls_identity::UriLikeIdentity { uri })
}

fn authority_override() -> impl Strategy<Value = destination::AuthorityOverride> {
    text().prop_map(|authority_override| destination::AuthorityOverride { authority_override })
}

fn no_endpoints() -> impl Strategy<Value = destination::NoEndpoints> {
    any::<bool>().prop_map(|exists| destination::NoEndpoints { exists })
}

fn protocol_hint() -> impl Strategy<Value = destination::ProtocolHint> {
    use destination::protocol_hint::{H2, Opaque, Protocol};
    let protocol = prop_oneof![Just(Protocol::H2(H2 {})), Just(Protocol::Opaque(Opaque {}))];
    (of(protocol), of(opaque_transport()))
        .prop_map(|(protocol, opaque_transport)| destination::ProtocolHint { protocol, opaque_transport })
}

fn opaque_transport() -> impl Strategy<Value = destination::protocol_hint::OpaqueTransport> {
    number().prop_map(|inbound_port| destination::protocol_hint::OpaqueTransport { inbound_port })
}

fn http2_client_params() -> impl Strategy<Value = destination::Http2ClientParams> {
    (of(flow_control()), of(keep_alive()), of(internals())).prop_map(
        |(flow_control, keep_alive, internals)| destination::Http2ClientParams {
            flow_control,
            keep_alive,
            internals,
        },
    )
}

fn flow_control() -> impl Strategy<Value = destination::http2_client_params::FlowControl> {
    (number(), number(), any::<bool>()).prop_map(
        |(initial_connection_window_size, initial_stream_window_size, adaptive_flow_control)| {
            destination::http2_client_params::FlowControl {
                initial_connection_window_size,
                initial_stream_window_size,
                adaptive_flow_control,
            }
        },
    )
}

fn keep_alive() -> impl Strategy<Value = destination::http2_client_params::KeepAlive> {
    (of(duration()), of(duration()), any::<bool>()).prop_map(|(interval, timeout, while_idle)| {
        destination::http2_client_params::KeepAlive { interval, timeout, while_idle }
    })
}

fn internals() -> impl Strategy<Value = destination::http2_client_params::Internals> {
    (number(), number(), number()).prop_map(
        |(max_concurrent_reset_streams, max_frame_size, max_send_buf_size)| {
            destination::http2_client_params::Internals {
                max_concurrent_reset_streams,
                max_frame_size,
                max_send_buf_size,
            }
        },
    )
}

fn destination_profile() -> impl Strategy<Value = destination::DestinationProfile> {
    (
        few(route()),
        of(retry_budget()),
        few(weighted_dst()),
        any::<bool>(),
        text(),
        of(weighted_addr()),
        of(metadata()),
        of(metadata()),
    )
        .prop_map(
            |(
                routes,
                retry_budget,
                dst_overrides,
                opaque_protocol,
                fully_qualified_name,
                endpoint,
                parent_ref,
                profile_ref,
            )| destination::DestinationProfile {
                routes,
                retry_budget,
                dst_overrides,
                opaque_protocol,
                fully_qualified_name,
                endpoint,
                parent_ref,
                profile_ref,
            },
        )
}

fn route() -> impl Strategy<Value = destination::Route> {
    (of(request_match()), few(response_class()), labels(), any::<bool>(), of(duration())).prop_map(
        |(condition, response_classes, metrics_labels, is_retryable, timeout)| destination::Route {
            condition,
            response_classes,
            metrics_labels,
            is_retryable,
            timeout,
        },
    )
}

fn retry_budget() -> impl Strategy<Value = destination::RetryBudget> {
    (any::<f32>(), number(), of(duration())).prop_map(|(retry_ratio, min_retries_per_second, ttl)| {
        destination::RetryBudget { retry_ratio, min_retries_per_second, ttl }
    })
}

fn response_class() -> impl Strategy<Value = destination::ResponseClass> {
    (of(response_match()), any::<bool>())
        .prop_map(|(condition, is_failure)| destination::ResponseClass { condition, is_failure })
}

/// Conditions nest; an unset one is as good a leaf as any.
fn request_match() -> impl Strategy<Value = destination::RequestMatch> {
    use destination::{
        RequestMatch,
        request_match::{Match, Seq},
    };
    let leaf = of(prop_oneof![path_match().prop_map(Match::Path), http_method().prop_map(Match::Method)])
        .prop_map(|r#match| RequestMatch { r#match });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            few(inner.clone()).prop_map(|matches| Match::All(Seq { matches })),
            few(inner.clone()).prop_map(|matches| Match::Any(Seq { matches })),
            inner.prop_map(|not| Match::Not(Box::new(not))),
        ]
        .prop_map(|arm| RequestMatch { r#match: Some(arm) })
    })
}

fn request_seq() -> impl Strategy<Value = destination::request_match::Seq> {
    few(request_match()).prop_map(|matches| destination::request_match::Seq { matches })
}

fn path_match() -> impl Strategy<Value = destination::PathMatch> {
    text().prop_map(|regex| destination::PathMatch { regex })
}

fn response_match() -> impl Strategy<Value = destination::ResponseMatch> {
    use destination::{
        ResponseMatch,
        response_match::{Match, Seq},
    };
    let leaf = of(http_status_range().prop_map(Match::Status)).prop_map(|r#match| ResponseMatch { r#match });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            few(inner.clone()).prop_map(|matches| Match::All(Seq { matches })),
            few(inner.clone()).prop_map(|matches| Match::Any(Seq { matches })),
            inner.prop_map(|not| Match::Not(Box::new(not))),
        ]
        .prop_map(|arm| ResponseMatch { r#match: Some(arm) })
    })
}

fn response_seq() -> impl Strategy<Value = destination::response_match::Seq> {
    few(response_match()).prop_map(|matches| destination::response_match::Seq { matches })
}

fn http_status_range() -> impl Strategy<Value = destination::HttpStatusRange> {
    (number(), number()).prop_map(|(min, max)| destination::HttpStatusRange { min, max })
}

fn weighted_dst() -> impl Strategy<Value = destination::WeightedDst> {
    (text(), number(), of(metadata())).prop_map(|(authority, weight, backend_ref)| destination::WeightedDst {
        authority,
        weight,
        backend_ref,
    })
}

// === The property ===

/// What one side sends means the same to the other, and our bytes depend on nothing but the message.
fn agree<M>(message: &M) -> Result<(), TestCaseError>
where
    M: Message + Default + Clone + PartialEq + Debug + Twin,
    M::Twin: Message + Default + PartialEq + Debug,
{
    let (ours, twin) = (message.encode_to_vec(), message.clone().twin());

    let understood = M::Twin::decode(ours.as_slice())?;
    prop_assert_eq!(&understood, &twin, "what they understand of ours");

    let understood = M::decode(twin.encode_to_vec().as_slice())?;
    prop_assert_eq!(&understood, message, "what we understand of theirs");
    prop_assert_eq!(understood.encode_to_vec(), ours, "our bytes, with their map order");
    Ok(())
}

macro_rules! agree_on {
    ($($test:ident: $name:literal from $strategy:expr;)+) => {
        const AGREED: &[&str] = &[$($name),+];

        proptest! {$(
            #[test]
            fn $test(message in $strategy) {
                agree(&message)?;
            }
        )+}
    };
}

agree_on! {
    agree_on_ipv6: "io.linkerd.proxy.net.IPv6" from ipv6();
    agree_on_ip_address: "io.linkerd.proxy.net.IPAddress" from ip_address();
    agree_on_ip_network: "io.linkerd.proxy.net.IPNetwork" from ip_network();
    agree_on_tcp_address: "io.linkerd.proxy.net.TcpAddress" from tcp_address();

    agree_on_metadata: "io.linkerd.proxy.meta.Metadata" from metadata();
    agree_on_resource: "io.linkerd.proxy.meta.Resource" from resource();

    agree_on_http_method: "io.linkerd.proxy.http_types.HttpMethod" from http_method();
    agree_on_scheme: "io.linkerd.proxy.http_types.Scheme" from scheme();
    agree_on_headers: "io.linkerd.proxy.http_types.Headers" from headers();
    agree_on_header: "io.linkerd.proxy.http_types.Headers.Header" from header();

    agree_on_get_destination: "io.linkerd.proxy.destination.GetDestination" from get_destination();
    agree_on_update: "io.linkerd.proxy.destination.Update" from update();
    agree_on_addr_set: "io.linkerd.proxy.destination.AddrSet" from addr_set();
    agree_on_weighted_addr_set: "io.linkerd.proxy.destination.WeightedAddrSet" from weighted_addr_set();
    agree_on_weighted_addr: "io.linkerd.proxy.destination.WeightedAddr" from weighted_addr();
    agree_on_tls_identity: "io.linkerd.proxy.destination.TlsIdentity" from tls_identity();
    agree_on_dns_like_identity:
        "io.linkerd.proxy.destination.TlsIdentity.DnsLikeIdentity" from dns_like_identity();
    agree_on_uri_like_identity:
        "io.linkerd.proxy.destination.TlsIdentity.UriLikeIdentity" from uri_like_identity();
    agree_on_authority_override: "io.linkerd.proxy.destination.AuthorityOverride" from authority_override();
    agree_on_no_endpoints: "io.linkerd.proxy.destination.NoEndpoints" from no_endpoints();
    agree_on_protocol_hint: "io.linkerd.proxy.destination.ProtocolHint" from protocol_hint();
    agree_on_h2: "io.linkerd.proxy.destination.ProtocolHint.H2" from Just(destination::protocol_hint::H2 {});
    agree_on_opaque:
        "io.linkerd.proxy.destination.ProtocolHint.Opaque" from Just(destination::protocol_hint::Opaque {});
    agree_on_opaque_transport:
        "io.linkerd.proxy.destination.ProtocolHint.OpaqueTransport" from opaque_transport();
    agree_on_http2_client_params:
        "io.linkerd.proxy.destination.Http2ClientParams" from http2_client_params();
    agree_on_flow_control: "io.linkerd.proxy.destination.Http2ClientParams.FlowControl" from flow_control();
    agree_on_keep_alive: "io.linkerd.proxy.destination.Http2ClientParams.KeepAlive" from keep_alive();
    agree_on_internals: "io.linkerd.proxy.destination.Http2ClientParams.Internals" from internals();

    agree_on_destination_profile:
        "io.linkerd.proxy.destination.DestinationProfile" from destination_profile();
    agree_on_route: "io.linkerd.proxy.destination.Route" from route();
    agree_on_retry_budget: "io.linkerd.proxy.destination.RetryBudget" from retry_budget();
    agree_on_response_class: "io.linkerd.proxy.destination.ResponseClass" from response_class();
    agree_on_request_match: "io.linkerd.proxy.destination.RequestMatch" from request_match();
    agree_on_request_seq: "io.linkerd.proxy.destination.RequestMatch.Seq" from request_seq();
    agree_on_path_match: "io.linkerd.proxy.destination.PathMatch" from path_match();
    agree_on_response_match: "io.linkerd.proxy.destination.ResponseMatch" from response_match();
    agree_on_response_seq: "io.linkerd.proxy.destination.ResponseMatch.Seq" from response_seq();
    agree_on_http_status_range: "io.linkerd.proxy.destination.HttpStatusRange" from http_status_range();
    agree_on_weighted_dst: "io.linkerd.proxy.destination.WeightedDst" from weighted_dst();
}

// === Names ===

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(ours::FILE_DESCRIPTOR_SET).expect("our own descriptors")
}

/// Full names of the messages in `messages` and of those nested in them, without the entries of maps.
fn full_names(scope: &str, messages: &[DescriptorProto], names: &mut BTreeSet<String>) {
    for message in messages.iter().filter(|message| !message.options.as_ref().is_some_and(|o| o.map_entry()))
    {
        let name = format!("{scope}.{}", message.name());
        full_names(&name, &message.nested_type, names);
        names.insert(name);
    }
}

#[test]
fn every_message_is_agreed_on() {
    let mut names = BTreeSet::new();
    for file in descriptors().file.iter().filter(|file| file.package().starts_with("io.linkerd.")) {
        full_names(file.package(), &file.message_type, &mut names);
    }
    assert_eq!(names, AGREED.iter().map(|&name| name.to_owned()).collect());
}

#[test]
fn enum_values_have_the_same_names() {
    use {ours::http_types as a, theirs::http_types as b};
    for number in 0..20 {
        assert_eq!(
            a::http_method::Registered::try_from(number).ok().map(|value| value.as_str_name()),
            b::http_method::Registered::try_from(number).ok().map(|value| value.as_str_name()),
        );
        assert_eq!(
            a::scheme::Registered::try_from(number).ok().map(|value| value.as_str_name()),
            b::scheme::Registered::try_from(number).ok().map(|value| value.as_str_name()),
        );
    }
}

// === Unknown fields ===

/// One field of each wire type, with a number that no message has.
fn unknown_fields() -> Vec<u8> {
    let mut bytes = Vec::new();
    encoding::uint64::encode(1000, &u64::MAX, &mut bytes);
    encoding::fixed32::encode(1001, &1, &mut bytes);
    encoding::fixed64::encode(1002, &1, &mut bytes);
    encoding::string::encode(1003, &"from the future".to_owned(), &mut bytes);
    encoding::encode_key(1004, WireType::StartGroup, &mut bytes);
    encoding::bool::encode(1, &true, &mut bytes);
    encoding::encode_key(1004, WireType::EndGroup, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn a_request_with_unknown_fields_is_read(request in get_destination()) {
        let known = request.encode_to_vec();
        for bytes in [[known.clone(), unknown_fields()].concat(), [unknown_fields(), known].concat()] {
            prop_assert_eq!(&destination::GetDestination::decode(bytes.as_slice())?, &request);
        }
    }

    #[test]
    fn unknown_fields_are_skipped_inside_a_message_too(set in weighted_addr_set()) {
        let mut bytes = Vec::new();
        encoding::bytes::encode(1, &[set.encode_to_vec(), unknown_fields()].concat(), &mut bytes);
        let expect = destination::Update { update: Some(destination::update::Update::Add(set)) };
        prop_assert_eq!(destination::Update::decode(bytes.as_slice())?, expect);
    }
}

/// `TlsIdentity` once had a strategy with number 2.
#[test]
fn a_reserved_field_is_unknown() {
    let mut bytes = Vec::new();
    encoding::bytes::encode(2, &b"anything".to_vec(), &mut bytes);
    assert_eq!(destination::TlsIdentity::decode(bytes.as_slice()), Ok(destination::TlsIdentity::default()));
}

// === The service ===

#[test]
fn methods_have_linkerds_paths_and_stream_their_answers() {
    let mut methods = Vec::new();
    for file in &descriptors().file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                methods.push((path, method.client_streaming(), method.server_streaming()));
            }
        }
    }
    assert_eq!(
        methods,
        [
            ("/io.linkerd.proxy.destination.Destination/Get".to_owned(), false, true),
            ("/io.linkerd.proxy.destination.Destination/GetProfile".to_owned(), false, true),
        ]
    );
}

/// Answers every call with one message that repeats the path asked for.
struct Echo;

type Once<T> = stream::Iter<std::array::IntoIter<Result<T, Status>, 1>>;

#[tonic::async_trait]
impl destination::destination_server::Destination for Echo {
    type GetStream = Once<destination::Update>;
    type GetProfileStream = Once<destination::DestinationProfile>;

    async fn get(
        &self,
        request: Request<destination::GetDestination>,
    ) -> Result<Response<Self::GetStream>, Status> {
        let metric_labels = [("path".to_owned(), request.into_inner().path)].into();
        let set = destination::WeightedAddrSet { metric_labels, ..Default::default() };
        let update = destination::Update { update: Some(destination::update::Update::Add(set)) };
        Ok(Response::new(stream::iter([Ok(update)])))
    }

    async fn get_profile(
        &self,
        request: Request<destination::GetDestination>,
    ) -> Result<Response<Self::GetProfileStream>, Status> {
        let fully_qualified_name = request.into_inner().path;
        let profile = destination::DestinationProfile { fully_qualified_name, ..Default::default() };
        Ok(Response::new(stream::iter([Ok(profile)])))
    }
}

#[tokio::test]
async fn their_client_finds_our_methods() {
    use theirs::destination::{GetDestination, destination_client::DestinationClient, update::Update};
    // A client sits on anything that takes requests: here the server itself, without a connection.
    let server = destination::destination_server::DestinationServer::new(Echo);
    let mut client = DestinationClient::new(server);
    let request = GetDestination { path: "web.shop:80".to_owned(), ..Default::default() };

    let mut updates = client.get(request.clone()).await.unwrap().into_inner();
    let Some(Update::Add(set)) = updates.message().await.unwrap().unwrap().update else { panic!("no add") };
    assert_eq!(set.metric_labels["path"], "web.shop:80");
    assert_eq!(updates.message().await.unwrap(), None);

    let mut profiles = client.get_profile(request).await.unwrap().into_inner();
    assert_eq!(profiles.message().await.unwrap().unwrap().fully_qualified_name, "web.shop:80");
    assert_eq!(profiles.message().await.unwrap(), None);
}

//! Messages as text: everything in them, an endpoint or a route a line, what is absent left out.
//!
//! ```text
//! add {namespace=ns service=name1}
//!   172.17.0.12:8989 10000 h2 transport=4143 tls=NAME sni=same authority=HOST:PORT http2(...) ref=core/Pod/ns/p {pod=p}
//! remove 172.17.0.12:8989
//! no_endpoints exists=true
//! profile name1.ns.svc.mycluster.local opaque budget=default parent=core/Service/ns/name1:8989 profile=...
//!   route {route=books} all(GET path=/books) retryable timeout=200ms failure:500..599
//!   to name1.ns.svc.mycluster.local:8989 10000
//!   endpoint 172.17.0.12:8989 10000
//! ```
//!
//! `hint` is a protocol hint that is there and says no protocol; `sni=same` the name of `tls`; a profile in which
//! nothing is set is `profile (empty)`.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use switchyard::pb::{
    destination::{
        DestinationProfile, Http2ClientParams, RequestMatch, ResponseMatch, RetryBudget, Route, TlsIdentity,
        Update, WeightedAddr, WeightedDst, protocol_hint::Protocol, request_match, response_match,
        tls_identity::Strategy, update,
    },
    http_types::{HttpMethod, http_method},
    meta::{Metadata, metadata},
    net::TcpAddress,
};

pub(super) fn update(update: &Update) -> String {
    match update.update.as_ref().expect("not an empty Update") {
        update::Update::Add(set) => {
            let addrs: String = set.addrs.iter().map(|addr| format!("  {}\n", weighted_addr(addr))).collect();
            format!("add {}\n{addrs}", labels(&set.metric_labels))
        }
        update::Update::Remove(set) => {
            let addrs: String =
                set.addrs.iter().map(|addr| format!(" {}", socket_addr(Some(addr)))).collect();
            format!("remove{addrs}\n")
        }
        update::Update::NoEndpoints(none) => format!("no_endpoints exists={}\n", none.exists),
    }
}

pub(super) fn profile(profile: &DestinationProfile) -> String {
    if *profile == DestinationProfile::default() {
        return "profile (empty)\n".to_owned();
    }
    let DestinationProfile {
        routes,
        retry_budget,
        dst_overrides,
        opaque_protocol,
        fully_qualified_name,
        endpoint,
        parent_ref,
        profile_ref,
    } = profile;
    let mut words = vec!["profile".to_owned(), fully_qualified_name.clone()];
    words.extend(opaque_protocol.then(|| "opaque".to_owned()));
    words.extend(retry_budget.as_ref().map(budget));
    words.extend(parent_ref.as_ref().map(|parent| format!("parent={}", reference(parent))));
    words.extend(profile_ref.as_ref().map(|profile| format!("profile={}", reference(profile))));
    let mut lines = vec![join(&words)];
    lines.extend(routes.iter().map(|route| format!("  {}", route_line(route))));
    lines.extend(dst_overrides.iter().map(|dst| format!("  {}", override_line(dst))));
    lines.extend(endpoint.as_ref().map(|endpoint| format!("  endpoint {}", weighted_addr(endpoint))));
    lines.join("\n") + "\n"
}

fn join(words: &[String]) -> String {
    words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

fn weighted_addr(addr: &WeightedAddr) -> String {
    let WeightedAddr {
        addr,
        weight,
        metric_labels,
        tls_identity,
        protocol_hint,
        authority_override,
        http2,
        resource_ref,
    } = addr;
    let mut words = vec![socket_addr(addr.as_ref()), weight.to_string()];
    if let Some(hint) = protocol_hint {
        let protocol = match hint.protocol {
            Some(Protocol::H2(_)) => "h2",
            Some(Protocol::Opaque(_)) => "opaque",
            None => "hint",
        };
        words.push(protocol.to_owned());
        words.extend(hint.opaque_transport.map(|transport| format!("transport={}", transport.inbound_port)));
    }
    words.extend(tls_identity.iter().map(tls));
    words.extend(authority_override.iter().map(|to| format!("authority={}", to.authority_override)));
    words.extend(http2.iter().map(http2_params));
    words.extend(resource_ref.iter().map(|resource| format!("ref={}", reference(resource))));
    if !metric_labels.is_empty() {
        words.push(labels(metric_labels));
    }
    join(&words)
}

fn socket_addr(addr: Option<&TcpAddress>) -> String {
    SocketAddr::try_from(addr.expect("an address")).expect("a valid address").to_string()
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let words: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", words.join(" "))
}

fn tls(tls: &TlsIdentity) -> String {
    let name = match &tls.strategy {
        Some(Strategy::DnsLikeIdentity(dns)) => dns.name.clone(),
        Some(Strategy::UriLikeIdentity(uri)) => format!("uri:{}", uri.uri),
        None => "none".to_owned(),
    };
    match &tls.server_name {
        Some(server) if server.name == name => format!("tls={name} sni=same"),
        Some(server) => format!("tls={name} sni={}", server.name),
        None => format!("tls={name}"),
    }
}

fn http2_params(params: &Http2ClientParams) -> String {
    let mut words = Vec::new();
    words.extend(params.flow_control.map(|flow| {
        let (connection, stream) = (flow.initial_connection_window_size, flow.initial_stream_window_size);
        format!("window={connection}/{stream}/{}", flow.adaptive_flow_control)
    }));
    words.extend(params.keep_alive.map(|keep| {
        format!("ping={}/{}/{}", optional(keep.interval), optional(keep.timeout), keep.while_idle)
    }));
    words.extend(params.internals.map(|own| {
        format!(
            "internals={}/{}/{}",
            own.max_concurrent_reset_streams, own.max_frame_size, own.max_send_buf_size
        )
    }));
    format!("http2({})", words.join(" "))
}

fn optional(time: Option<prost_types::Duration>) -> String {
    time.map_or_else(|| "none".to_owned(), duration)
}

fn duration(time: prost_types::Duration) -> String {
    let seconds = u64::try_from(time.seconds).expect("not negative");
    format!("{:?}", Duration::new(seconds, u32::try_from(time.nanos).expect("not negative")))
}

fn reference(reference: &Metadata) -> String {
    match reference.kind.as_ref().expect("a kind") {
        metadata::Kind::Default(name) => format!("default:{name}"),
        metadata::Kind::Resource(it) => {
            let mut text = format!("{}/{}/{}/{}", it.group, it.kind, it.namespace, it.name);
            if !it.section.is_empty() {
                text += &format!("#{}", it.section);
            }
            if it.port != 0 {
                text += &format!(":{}", it.port);
            }
            text
        }
    }
}

fn budget(budget: &RetryBudget) -> String {
    let text = format!("{}/{}/{}", budget.retry_ratio, budget.min_retries_per_second, optional(budget.ttl));
    format!("budget={}", if text == "0.2/10/10s" { "default" } else { &text })
}

fn override_line(dst: &WeightedDst) -> String {
    let mut words = vec!["to".to_owned(), dst.authority.clone(), dst.weight.to_string()];
    words.extend(dst.backend_ref.iter().map(|backend| format!("ref={}", reference(backend))));
    join(&words)
}

fn route_line(route: &Route) -> String {
    let Route { condition, response_classes, metrics_labels, is_retryable, timeout } = route;
    let mut words = vec!["route".to_owned(), labels(metrics_labels), request(condition.as_ref())];
    words.extend(is_retryable.then(|| "retryable".to_owned()));
    words.extend(timeout.map(|timeout| format!("timeout={}", duration(timeout))));
    words.extend(response_classes.iter().map(|class| {
        let outcome = if class.is_failure { "failure" } else { "success" };
        format!("{outcome}:{}", response(class.condition.as_ref()))
    }));
    join(&words)
}

fn request(condition: Option<&RequestMatch>) -> String {
    use request_match::Match;
    let several = |seq: &request_match::Seq| {
        seq.matches.iter().map(|condition| request(Some(condition))).collect::<Vec<_>>().join(" ")
    };
    match condition.and_then(|condition| condition.r#match.as_ref()) {
        None => "none".to_owned(),
        Some(Match::All(seq)) => format!("all({})", several(seq)),
        Some(Match::Any(seq)) => format!("any({})", several(seq)),
        Some(Match::Not(not)) => format!("not({})", request(Some(not))),
        Some(Match::Path(path)) => format!("path={}", path.regex),
        Some(Match::Method(method)) => http_method(method),
    }
}

fn http_method(method: &HttpMethod) -> String {
    match method.r#type.as_ref().expect("a method") {
        http_method::Type::Registered(number) => {
            http_method::Registered::try_from(*number).expect("a known one").as_str_name().to_owned()
        }
        http_method::Type::Unregistered(name) => format!("method={name}"),
    }
}

fn response(condition: Option<&ResponseMatch>) -> String {
    use response_match::Match;
    let several = |seq: &response_match::Seq| {
        seq.matches.iter().map(|condition| response(Some(condition))).collect::<Vec<_>>().join(" ")
    };
    match condition.and_then(|condition| condition.r#match.as_ref()) {
        None => "none".to_owned(),
        Some(Match::All(seq)) => format!("all({})", several(seq)),
        Some(Match::Any(seq)) => format!("any({})", several(seq)),
        Some(Match::Not(not)) => format!("not({})", response(Some(not))),
        Some(Match::Status(range)) => format!("{}..{}", range.min, range.max),
    }
}

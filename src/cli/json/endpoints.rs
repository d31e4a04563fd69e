//! The JSON form of `Update` and of what is in it.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{duration, object};
use crate::pb::{
    destination::{
        AddrSet, Http2ClientParams, ProtocolHint, TlsIdentity, Update, WeightedAddr, WeightedAddrSet,
        protocol_hint::Protocol, tls_identity::Strategy, update,
    },
    meta::{Metadata, metadata},
    net::TcpAddress,
};

type Labels = BTreeMap<String, String>;

/// Which of the three it is, is the one key.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UpdateJson<'a> {
    Add { metric_labels: &'a Labels, addrs: Vec<AddrJson<'a>> },
    Remove { addrs: Vec<Option<String>> },
    NoEndpoints { exists: bool },
}

/// `None` for what this program does not know.
pub(super) fn update(update: &Update) -> Option<UpdateJson<'_>> {
    Some(match update.update.as_ref()? {
        update::Update::Add(WeightedAddrSet { addrs, metric_labels }) => {
            UpdateJson::Add { metric_labels, addrs: addrs.iter().map(addr).collect() }
        }
        update::Update::Remove(AddrSet { addrs }) => {
            UpdateJson::Remove { addrs: addrs.iter().map(socket).collect() }
        }
        update::Update::NoEndpoints(no) => UpdateJson::NoEndpoints { exists: no.exists },
    })
}

/// A `WeightedAddr`. Its address is `null` when it has no IP or an impossible port.
#[derive(Serialize)]
pub(super) struct AddrJson<'a> {
    addr: Option<String>,
    weight: u32,
    metric_labels: &'a Labels,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) fn addr(message: &WeightedAddr) -> AddrJson<'_> {
    AddrJson {
        addr: message.addr.as_ref().and_then(socket),
        weight: message.weight,
        metric_labels: &message.metric_labels,
        rest: object([
            ("tls_identity", message.tls_identity.as_ref().map(tls_identity)),
            ("protocol_hint", message.protocol_hint.as_ref().map(protocol_hint)),
            (
                "authority_override",
                message.authority_override.as_ref().map(|to| json!(to.authority_override)),
            ),
            ("http2", message.http2.as_ref().map(http2)),
            ("resource_ref", message.resource_ref.as_ref().map(reference)),
        ]),
    }
}

fn socket(addr: &TcpAddress) -> Option<String> {
    SocketAddr::try_from(addr).ok().map(|addr| addr.to_string())
}

fn tls_identity(identity: &TlsIdentity) -> Value {
    let (dns, uri) = match &identity.strategy {
        Some(Strategy::DnsLikeIdentity(dns)) => (Some(json!(dns.name)), None),
        Some(Strategy::UriLikeIdentity(uri)) => (None, Some(json!(uri.uri))),
        None => (None, None),
    };
    let server_name = identity.server_name.as_ref().map(|name| json!(name.name));
    object([("dns_like_identity", dns), ("uri_like_identity", uri), ("server_name", server_name)]).into()
}

fn protocol_hint(hint: &ProtocolHint) -> Value {
    let protocol = hint.protocol.as_ref().map(|protocol| match protocol {
        Protocol::H2(_) => json!("h2"),
        Protocol::Opaque(_) => json!("opaque"),
    });
    let transport = hint.opaque_transport.as_ref();
    let transport = transport.map(|transport| json!({ "inbound_port": transport.inbound_port }));
    object([("protocol", protocol), ("opaque_transport", transport)]).into()
}

fn http2(params: &Http2ClientParams) -> Value {
    let flow_control = params.flow_control.as_ref().map(|flow| {
        json!({
            "initial_connection_window_size": flow.initial_connection_window_size,
            "initial_stream_window_size": flow.initial_stream_window_size,
            "adaptive_flow_control": flow.adaptive_flow_control,
        })
    });
    let keep_alive = params.keep_alive.as_ref().map(|keep| {
        let times = [
            ("interval", keep.interval.as_ref().map(|interval| duration(interval).into())),
            ("timeout", keep.timeout.as_ref().map(|timeout| duration(timeout).into())),
            ("while_idle", Some(keep.while_idle.into())),
        ];
        object(times).into()
    });
    let internals = params.internals.as_ref().map(|internals| {
        json!({
            "max_concurrent_reset_streams": internals.max_concurrent_reset_streams,
            "max_frame_size": internals.max_frame_size,
            "max_send_buf_size": internals.max_send_buf_size,
        })
    });
    object([("flow_control", flow_control), ("keep_alive", keep_alive), ("internals", internals)]).into()
}

/// A reference to an object of the cluster, or `{"default": name}`; `null` for neither.
pub(super) fn reference(reference: &Metadata) -> Value {
    match &reference.kind {
        None => Value::Null,
        Some(metadata::Kind::Default(name)) => json!({ "default": name }),
        Some(metadata::Kind::Resource(to)) => {
            let text = |text: &str| (!text.is_empty()).then(|| text.into());
            object([
                ("group", text(&to.group)),
                ("kind", text(&to.kind)),
                ("namespace", text(&to.namespace)),
                ("name", text(&to.name)),
                ("section", text(&to.section)),
                ("port", (to.port != 0).then(|| to.port.into())),
            ])
            .into()
        }
    }
}

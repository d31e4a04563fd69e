//! What is asked, by whom, and what the operator chose.

use std::{collections::BTreeSet, net::IpAddr, ops::Range, sync::Arc};

use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use switchyard::{
    context::Reading,
    model::Name,
    pb::destination::{Http2ClientParams, http2_client_params::KeepAlive},
    resolve::{Client, MeshOptions, Options, Query, Target},
};

use super::{address, hostname, service_name, some_ports};

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(80), 2 => Just(90), 2 => Just(8080)]
}

/// A question about endpoints, from clients on several nodes.
fn gets() -> impl Strategy<Value = Vec<Target>> {
    let reading = prop_oneof![2 => Just(Reading::Merged), 1 => Just(Reading::Leaf)];
    let query = (service_name(), weighted(0.1, hostname()), port(), reading)
        .prop_map(|(service, instance, port, reading)| Query::Endpoints { service, instance, port, reading });
    let nodes = vec(of(select(vec!["n0", "n1", "n2", "n9"])), 1..4);
    (query, nodes).prop_map(|(query, nodes)| {
        let client = |node: Option<&str>| Client { node: node.map(Name::from), namespace: None };
        nodes.into_iter().map(|node| Target { query: query.clone(), client: client(node) }).collect()
    })
}

/// A question about a profile, from clients in several namespaces.
fn get_profiles() -> impl Strategy<Value = Vec<Target>> {
    let of_service = (service_name(), weighted(0.25, hostname()), port())
        .prop_map(|(service, instance, port)| Query::ServiceProfile { service, instance, port });
    let ip = prop_oneof![
        2 => (1..5u8).prop_map(|i| IpAddr::from([10, 96, 0, i])),
        4 => address(),
        1 => Just(IpAddr::from([10, 0, 0, 9])),
    ];
    let of_address = (ip, port()).prop_map(|(ip, port)| Query::AddressProfile { ip, port });
    let namespaces = vec(of(select(vec!["d", "e", "client"])), 1..4);
    (prop_oneof![1 => of_service, 1 => of_address], namespaces).prop_map(|(query, namespaces)| {
        let client = |namespace: Option<&str>| Client { node: None, namespace: namespace.map(Name::from) };
        let client = |namespace| Target { query: query.clone(), client: client(namespace) };
        namespaces.into_iter().map(client).collect()
    })
}

/// So many questions, each from several clients; in order, and each once.
pub(crate) fn targets(queries: Range<usize>) -> impl Strategy<Value = Vec<Target>> {
    vec(prop_oneof![gets(), get_profiles()], queries).prop_map(|targets| {
        let each_once: BTreeSet<_> = targets.into_iter().flatten().collect();
        each_once.into_iter().collect()
    })
}

fn mesh() -> impl Strategy<Value = MeshOptions> {
    let keep_alive = KeepAlive { interval: None, timeout: None, while_idle: true };
    let http2 = of(Just(Http2ClientParams { keep_alive: Some(keep_alive), ..Http2ClientParams::default() }));
    let trust_domain = select(vec!["root", "root", "root", ""]);
    (trust_domain, any::<bool>(), any::<bool>(), any::<bool>(), of(some_ports()), http2).prop_map(
        |(trust_domain, h2_upgrade, transport_header, zone_weights, opaque_ports, http2)| MeshOptions {
            controller_namespace: "linkerd".into(),
            trust_domain: trust_domain.into(),
            h2_upgrade,
            transport_header,
            opaque_ports: opaque_ports.unwrap_or_default(),
            http2,
            zone_weights,
        },
    )
}

pub(crate) fn options() -> impl Strategy<Value = Options> {
    (weighted(0.6, Just(())), weighted(0.8, Just(())), mesh()).prop_map(|(ipv6, own, mesh)| Options {
        ipv6: ipv6.is_some(),
        apex_override: own.is_some(),
        mesh: Arc::new(mesh),
    })
}

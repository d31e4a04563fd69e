//! Histories that random ones found, in their smallest form.

use std::{net::IpAddr, sync::Arc};

use switchyard::{
    context::Reading,
    model::{
        ContainerPort, EndpointSlice, LabelSet, Name, NsName, Object, Pod, PodSpec, ProxyPorts, Selector,
        Server, ServerPort, ServerTarget,
    },
    resolve::{Client, Options, Query, Target},
};

use super::{
    answers::{check_truth, fresh},
    simple::{service, slice},
    world::World,
};
use crate::mesh::words::running_pod;

#[track_caller]
fn check(objects: &[Object], query: Query) {
    let (world, options) = (World::new(objects), Options::default());
    let targets = [Target { query, client: Client::default() }];
    let truth = check_truth(&fresh(&world, &options, &targets), &world, &options, &targets);
    truth.expect("the truth");
}

/// An instance is looked for among all endpoints, not only among the first of each address.
#[test]
fn an_address_that_is_there_twice_has_both_host_names() {
    let Object::EndpointSlice(twice) = slice("web", 0, 1) else { unreachable!("a slice is one") };
    let mut twice = EndpointSlice::clone(&twice);
    let mut named = twice.subsets[0].endpoints[0].clone();
    named.hostname = Some("h0".into());
    twice.subsets[0].endpoints.push(named);
    let instance = Some(Name::from("h0"));
    let query =
        Query::Endpoints { service: NsName::new("d", "web"), instance, port: 80, reading: Reading::Leaf };
    check(&[service("web"), Object::EndpointSlice(twice.into())], query);
}

/// Container port 8080 is reached through port 80 of the node, which is opaque.
#[test]
fn a_server_may_name_the_port_of_the_node() {
    let node = IpAddr::from([10, 0, 0, 9]);
    let spec = PodSpec {
        ports: [ContainerPort { name: "http".into(), port: 8080, host_port: Some(80) }].into(),
        proxy: ProxyPorts { inbound: Some(4143), admin: Some(4191), control: Some(4190) },
        ..PodSpec::default()
    };
    let pod = Pod {
        created: Default::default(),
        host_ips: [node].into(),
        spec: Arc::new(spec),
        labels: Arc::new(LabelSet::new([("linkerd.io/control-plane-ns", "linkerd")])),
        ..running_pod(NsName::new("d", "p0"), None)
    };
    let everything =
        ServerTarget { pods: Some(Selector::default()), workloads: None, port: ServerPort::Number(80) };
    let server = Server { name: NsName::new("d", "v0"), opaque: Some(everything), other: None };
    let objects = [Object::Pod(pod.into()), Object::Server(server.into())];
    check(&objects, Query::AddressProfile { ip: node, port: 80 });
}

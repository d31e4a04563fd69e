//! What is found by looking at every stream, under paused time.

use linkerd2_proxy_api::destination::GetDestination;
use prometheus_client::registry::Registry;
use switchyard::metrics::{Format, Rpc, sweep};

use crate::mesh::Mesh;

/// The value of a series now.
fn value(mesh: &Mesh, series: &str) -> f64 {
    let mut registry = Registry::default();
    sweep::register(&mut registry, mesh.directory.topics().clone());
    let page = mesh.block_on(async { Format::Prometheus.render(&registry) });
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().expect("a number")
}

#[test]
fn a_stream_is_behind_for_as_long_as_it_does_not_take_what_is_true() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1; service other 80; endpoints other O1");
    let (mut web, mut other) = (mesh.merged("web"), mesh.merged("other"));
    web.expect("add W1=10k");
    other.expect("add O1=10k");
    assert_eq!(value(&mesh, "switchyard_streams_behind"), 0.0);
    assert_eq!(value(&mesh, "switchyard_oldest_unsent_age_seconds"), 0.0);

    mesh.edit("endpoints web W1 W2");
    mesh.wait(5_000);
    mesh.edit("endpoints other O1 O2; endpoints web W1 W2 W3");
    mesh.wait(2_000);

    assert_eq!(value(&mesh, "switchyard_streams_behind"), 2.0);
    assert_eq!(value(&mesh, "switchyard_oldest_unsent_age_seconds"), 7.0, "since the first thing it missed");
    web.expect("add W2..W3=10k");
    assert_eq!(value(&mesh, "switchyard_streams_behind"), 1.0);
    assert_eq!(value(&mesh, "switchyard_oldest_unsent_age_seconds"), 2.0);
    other.expect("add O2=10k");
    assert_eq!(value(&mesh, "switchyard_streams_behind"), 0.0);
    assert_eq!(value(&mesh, "switchyard_oldest_unsent_age_seconds"), 0.0);
}

#[test]
fn endpoints_are_summed_over_what_is_asked_for() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1 W2; service idle 80; endpoints idle I1");
    let (pods, exists) = (r#"endpoints_pods{cluster="local"}"#, r#"endpoints_exists{cluster="local"}"#);
    assert_eq!((value(&mesh, pods), value(&mesh, exists)), (0.0, 0.0), "nobody asks");

    let streams = [mesh.merged("web"), mesh.leaf("web"), mesh.merged("web"), mesh.merged("absent")];

    // Two questions about one service, one about another.
    assert_eq!((value(&mesh, pods), value(&mesh, exists)), (4.0, 2.0));
    mesh.edit("endpoints web W1 W2 W3");
    assert_eq!((value(&mesh, pods), value(&mesh, exists)), (6.0, 2.0));
    streams.into_iter().for_each(|stream| stream.ignore());
}

#[test]
fn answers_that_a_stream_was_never_told_are_counted() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let path = "web.d.svc.cluster.local:80".to_owned();
    let request = GetDestination { path, ..GetDestination::default() };
    let mut updates =
        mesh.block_on(async { mesh.client().get(request).await }).expect("a stream").into_inner();
    let next = |mesh: &Mesh, updates: &mut tonic::Streaming<_>| {
        mesh.block_on(updates.message()).expect("no error").expect("it goes on")
    };
    let skipped = |mesh: &Mesh| mesh.metrics.skipped.get_or_create_owned(&Rpc { rpc: "get" }).get();
    next(&mesh, &mut updates);
    mesh.edit("endpoints web W1 W2");
    next(&mesh, &mut updates);
    assert_eq!(skipped(&mesh), 0, "it had the one before");

    for edit in ["endpoints web W1 W3", "endpoints web W4", "endpoints web W1 W5"] {
        mesh.edit(edit);
    }
    next(&mesh, &mut updates);

    assert_eq!(skipped(&mesh), 2);
}

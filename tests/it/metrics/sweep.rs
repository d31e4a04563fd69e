//! What is found by looking at every stream: under paused time, and of one that really does not read.

use std::sync::Arc;

use linkerd2_proxy_api::destination::GetDestination;
use prometheus_client::registry::Registry;
use switchyard::{
    metrics::{Format, Rpc, sweep},
    topic::Topics,
};
use tokio::time::{Duration, sleep, timeout};

use crate::{
    mesh::Mesh,
    server::{InProcess, PATIENCE, ask, next},
    slow::{WEB, edit, first_list, narrow_client},
};

/// The value of a series now.
fn value(mesh: &Mesh, series: &str) -> f64 {
    mesh.block_on(async { swept(mesh.directory.topics(), series) })
}

/// The same of any topics.
fn swept(topics: &Arc<Topics>, series: &str) -> f64 {
    let mut registry = Registry::default();
    sweep::register(&mut registry, topics.clone());
    let page = Format::Prometheus.render(&registry);
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
fn who_asks_again_at_once_is_shown_what_was_found_before() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let stream = mesh.merged("web");
    let mut registry = Registry::default();
    sweep::register(&mut registry, mesh.directory.topics().clone());
    let pods = |mesh: &Mesh| {
        let page = mesh.block_on(async { Format::Prometheus.render(&registry) });
        page.contains("endpoints_pods{cluster=\"local\"} 1\n")
    };
    assert!(pods(&mesh));

    mesh.edit("endpoints web W1 W2");
    assert!(pods(&mesh));
    mesh.wait(999);
    assert!(pods(&mesh));
    mesh.wait(1);
    assert!(!pods(&mesh), "a second later it is looked again");
    stream.ignore();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_read_is_behind_until_it_does() {
    let server = InProcess::start().await;
    server.batches.send(first_list(2)).await.expect("the controller runs");
    let mut narrow = narrow_client(server.addr).await;
    let mut stalled = narrow.get(ask(WEB, "")).await.expect("opens").into_inner();
    // Nothing tells when HTTP/2 has taken what it can for a client that does not read.
    let becomes = async |series: &str, is_so: fn(f64) -> bool| {
        let looking = async {
            while !is_so(swept(&server.topics, series)) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{series} never came so far"));
    };

    // HTTP/2 takes some ahead of its client, and one that is on its way is behind for a moment too.
    let falls_behind = async {
        let mut told = 1;
        while swept(&server.topics, "switchyard_oldest_unsent_age_seconds") < 0.2 {
            if swept(&server.topics, "switchyard_streams_behind") == 0.0 {
                told += 1;
                server.batches.send(edit(told)).await.expect("the controller runs");
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, falls_behind).await.expect("it takes no more at some point");
    assert_eq!(swept(&server.topics, "switchyard_streams_behind"), 1.0);

    next(&mut stalled).await;
    let reads =
        tokio::spawn(async move { while stalled.message().await.is_ok_and(|told| told.is_some()) {} });
    becomes("switchyard_streams_behind", |behind| behind == 0.0).await;
    becomes("switchyard_oldest_unsent_age_seconds", |age| age == 0.0).await;
    reads.abort();
}

//! What a connection that nobody reads costs over many changes: what it cost at first.

use serde_json::{Value, json};
use switchyard::{
    model::{Kind, Object},
    source::{
        Batch, Event,
        convert::{convert, kind_of},
    },
};

use super::wide_requests;
use crate::{
    abuse::{
        process::{Process, growth_of},
        raw::{
            Raw,
            frames::{MAX_WINDOW, setting},
            narrow_socket,
        },
    },
    server::{InProcess, get, next},
    storm::sized,
};

const WEB: &str = "web.d.svc.cluster.local:80";
const ENDPOINTS: u64 = 50;

fn changes() -> u64 {
    sized(1_000, 100_000)
}

fn object(value: &Value) -> Object {
    let text = |key: &str| value[key].as_str().expect("it says so");
    convert(kind_of(text("apiVersion"), text("kind")).expect("a kind that is read"), value).expect("good")
}

fn service(name: &str) -> Object {
    object(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "d", "name": name },
        "spec": { "ports": [{ "port": 80 }] },
    }))
}

fn slice(name: &str, third: u64) -> Object {
    let endpoint = |fourth| json!({ "addresses": [format!("10.0.{third}.{fourth}")] });
    object(&json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "ports": [{ "port": 80 }],
        "metadata": { "namespace": "d", "name": name, "labels": { "kubernetes.io/service-name": name } },
        "endpoints": (1..=ENDPOINTS).map(endpoint).collect::<Vec<_>>(),
    }))
}

fn split(a: u64) -> Object {
    let backends =
        [json!({ "service": "a", "weight": a }), json!({ "service": "b", "weight": changes() + 1 - a })];
    object(&json!({
        "apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit",
        "metadata": { "namespace": "d", "name": "web" }, "spec": { "service": "web", "backends": backends },
    }))
}

fn first_list() -> Batch {
    let objects = |kind| match kind {
        Kind::Service => vec![service("web"), service("a"), service("b")],
        Kind::EndpointSlice => vec![slice("a", 1), slice("b", 2)],
        Kind::TrafficSplit => vec![split(1)],
        _ => Vec::new(),
    };
    let events = Kind::ALL.into_iter().map(|kind| Event::Replace(kind, objects(kind)));
    Batch { events: events.collect(), ..Batch::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "read by the test that runs this one")]
#[ignore = "measures its own process, so it must be alone in one: run by the test below"]
async fn memory_over_changes_with_an_unread_connection() {
    let server = InProcess::start().await;
    server.batches.send(first_list()).await.expect("the controller runs");
    let mut healthy = get(server.addr, WEB, "").await;
    next(&mut healthy).await;
    let wide = [(setting::INITIAL_WINDOW_SIZE, MAX_WINDOW)];
    let mut unread = Raw::greet(narrow_socket(server.addr).await, &wide).await;
    unread.send(&wide_requests(WEB)).await;
    let mut before = 0;
    for a in 2..=changes() {
        let event = Event::Upsert(split(a));
        server
            .batches
            .send(Batch { events: vec![event], ..Batch::default() })
            .await
            .expect("the controller runs");
        // The healthy one follows, so that changes are made known one by one and not as one.
        next(&mut healthy).await;
        if a == changes() / 10 {
            before = Process::own().resident();
        }
    }
    println!("grew by {} KiB", Process::own().resident().saturating_sub(before));
    drop(unread);
}

#[tokio::test]
async fn memory_does_not_grow_with_what_an_unread_connection_misses() {
    let grown = growth_of("abuse::stuck::memory::memory_over_changes_with_an_unread_connection").await;
    // 900 changes or more, of 100 endpoints each for 100 streams: queued they would be nearly a gigabyte.
    assert!(grown < 8 * 1024, "{grown} KiB");
}

mod audits;

use std::future::poll_fn;

use serde_json::json;

use super::*;
use crate::{
    context::Reading,
    model::{NsName, Object},
    resolve::{Client, Options},
    source::{
        Event,
        convert::{self, convert},
    },
};

fn kind_of(object: &serde_json::Value) -> Kind {
    let text = |key: &str| object[key].as_str().expect("it says so");
    convert::kind_of(text("apiVersion"), text("kind")).expect("a kind that is read")
}

/// The bytes that clients on these nodes are answered first, where `objects` are.
async fn answers(objects: Vec<Object>, nodes: &[String]) -> Vec<*const u8> {
    let engine = Engine::new("cluster.local".into(), Options::default());
    let lead = Lead { drain: Duration::ZERO };
    let (controller, directory) = Controller::new(engine, lead, Default::default(), Metrics::default());
    let (batches, batches_in) = mpsc::channel(BATCHES);
    tokio::spawn(controller.run(batches_in));
    let of_kind = |kind| objects.iter().filter(|object| object.kind() == kind).cloned().collect();
    let events = Kind::ALL.map(|kind| Event::Replace(kind, of_kind(kind))).into();
    batches.send(Batch { events, ..Batch::default() }).await.expect("it runs");

    let mut bytes = Vec::new();
    for node in nodes {
        let service = NsName::new("d", "web");
        let query = Query::Endpoints { service, instance: None, port: 80, reading: Reading::Leaf };
        let client = Client { node: Some(node.as_str().into()), namespace: None };
        let mut cursor =
            directory.subscribe(&Target { query, client }, &Parties::default()).await.expect("it runs");
        bytes.push(poll_fn(|cx| cursor.poll_next(cx)).await.frames.bytes.as_ptr());
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn clients_that_are_answered_the_same_share_its_bytes() {
    let bytes = answers(Vec::new(), &["n1", "n2"].map(String::from)).await;
    assert_eq!(bytes[0], bytes[1]);
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_zone_share_bytes_however_many_are_in_another() {
    let json = |value| convert(kind_of(&value), &value).expect("good");
    let node = |(name, zone): (&String, &str)| {
        let labels = json!({ "topology.kubernetes.io/zone": zone });
        json(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": labels } }))
    };
    let metadata =
        json!({ "name": "web", "namespace": "d", "labels": { "kubernetes.io/service-name": "web" } });
    let endpoint =
        json!({ "addresses": ["10.0.0.1"], "zone": "a", "targetRef": { "kind": "Pod", "name": "p" } });
    let mut objects = vec![
        json(
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": { "ports": [{ "port": 80 }] } }),
        ),
        json(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "d" } })),
        json(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "ports": [{ "port": 80 }], "endpoints": [endpoint],
        })),
    ];
    let nodes: Vec<_> = (0..60).map(|number| format!("n{number:02}")).collect();
    let zones = (0..60).map(|number| if number < 40 { "a" } else { "b" });
    objects.extend(nodes.iter().zip(zones).map(node));

    let bytes = answers(objects, &nodes).await;

    assert!(bytes[..40].iter().all(|one| *one == bytes[0]));
    assert!(bytes[40..].iter().all(|one| *one == bytes[40]) && bytes[40] != bytes[0]);
}

#[tokio::test]
async fn a_first_answer_is_no_update_whether_it_was_asked_for_before_the_sync_or_after() {
    let metrics = Metrics::default();
    let engine = Engine::new("cluster.local".into(), Options::default());
    let lead = Lead { drain: Duration::ZERO };
    let (mut controller, _directory) = Controller::new(engine, lead, Default::default(), metrics.clone());
    let ask = |controller: &mut Controller, port| {
        let service = NsName::new("d", "web");
        let query = Query::Endpoints { service, instance: None, port, reading: Reading::Leaf };
        let (reply, mut cursor) = oneshot::channel();
        controller.answer((Target { query, client: Client::default() }, Parties::default(), reply));
        cursor.try_recv().expect("it is answered at once").expect("there is room")
    };
    let early = ask(&mut controller, 80);
    let events = Kind::ALL.map(|kind| Event::Replace(kind, Vec::new()));
    controller.apply(vec![Batch { events: events.into(), ..Batch::default() }]);
    let late = ask(&mut controller, 81);
    let updates = &metrics.linkerd.endpoints_updates;
    assert_eq!(updates.get(), 0);

    let json = |value| Event::Upsert(convert(kind_of(&value), &value).expect("good"));
    let spec = json!({ "ports": [{ "port": 80 }, { "port": 81 }] });
    let metadata = json!({ "name": "web", "namespace": "d" });
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec });
    controller.apply(vec![Batch { events: vec![json(service)], ..Batch::default() }]);
    assert_eq!(updates.get(), 2);
    drop((early, late));
}

fn controller() -> (Controller, Directory) {
    let engine = Engine::new("cluster.local".into(), Options::default());
    Controller::new(engine, Lead { drain: Duration::ZERO }, Default::default(), Metrics::default())
}

#[tokio::test(start_paused = true)]
async fn controller_without_work_completes_a_turn_a_second() {
    let (controller, directory) = controller();
    let (_batches, batches_in) = mpsc::channel(BATCHES);
    tokio::spawn(controller.run(batches_in));
    for seconds in 1..=5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(directory.heartbeat().turns() >= seconds, "after {seconds} s");
    }
}

#[tokio::test]
async fn turn_leaves_requests_that_would_make_it_long_to_the_next() {
    let (mut controller, _directory) = controller();
    let json = |value| Event::Upsert(convert(kind_of(&value), &value).expect("good"));
    let metadata =
        json!({ "name": "web", "namespace": "d", "labels": { "kubernetes.io/service-name": "web" } });
    let endpoints: Vec<_> =
        (0..10_000).map(|n| json!({ "addresses": [format!("10.0.{}.{}", n / 250, n % 250)] })).collect();
    let events = Kind::ALL.map(|kind| Event::Replace(kind, Vec::new())).into_iter().chain([
        json(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": { "clusterIP": "None", "ports": [{ "port": 80 }] },
        })),
        json(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": metadata, "ports": [{ "port": 80 }], "endpoints": endpoints,
        })),
    ]);
    controller.apply(vec![Batch { events: events.collect(), ..Batch::default() }]);
    // A headless Service has a view of 10,000 endpoints on each of these ports.
    let wants = (1..=200).map(|port| {
        let service = NsName::new("d", "web");
        let query = Query::Endpoints { service, instance: None, port, reading: Reading::Leaf };
        (Target { query, client: Client::default() }, oneshot::channel())
    });
    let (wants, replies): (Vec<_>, Vec<_>) =
        wants.map(|(target, (reply, answer))| ((target, Parties::default(), reply), answer)).unzip();
    let mut waiting = wants.into_iter();

    controller.answer_some(&mut waiting);

    assert!((1..200).contains(&waiting.len()), "{} are left", waiting.len());
    drop(replies);
}

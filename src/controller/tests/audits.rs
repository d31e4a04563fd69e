//! Something false is published, by hand; an audit finds it, says so and puts it right.

use tokio::time::sleep;

use super::*;
use crate::{
    logs::captured::Captured,
    metrics::Rpc,
    wire::{self, Frames},
};

/// A controller that runs by itself once it is told to.
struct Server {
    controller: Controller,
    directory: Directory,
    batches: mpsc::Sender<Batch>,
    batches_in: mpsc::Receiver<Batch>,
    metrics: Metrics,
}

impl Server {
    fn new(drain: Duration) -> (Self, Cursor) {
        let engine = Engine::new("cluster.local".into(), Options::default());
        let metrics = Metrics::default();
        let (mut controller, directory) =
            Controller::new(engine, Lead { drain }, Default::default(), metrics.clone());
        let (batches, batches_in) = mpsc::channel(BATCHES);
        let events =
            Kind::ALL.map(|kind| Event::Replace(kind, of_kind(&objects(&["10.0.0.1", "10.0.0.2"]), kind)));
        controller.apply(vec![Batch { events: events.into(), ..Batch::default() }]);
        let (reply, mut cursor) = oneshot::channel();
        controller.answer((target(), Parties::default(), reply));
        let cursor = cursor.try_recv().expect("it is answered at once").expect("there is room");
        (Self { controller, directory, batches, batches_in, metrics }, cursor)
    }

    /// Runs as long as both ends are kept.
    fn run(self) -> ((mpsc::Sender<Batch>, Directory), Metrics) {
        tokio::spawn(self.controller.run(self.batches_in));
        ((self.batches, self.directory), self.metrics)
    }
}

fn of_kind(objects: &[Object], kind: Kind) -> Vec<Object> {
    objects.iter().filter(|object| object.kind() == kind).cloned().collect()
}

fn target() -> Target {
    let service = NsName::new("d", "web");
    let query = Query::Endpoints { service, instance: None, port: 80, reading: Reading::Leaf };
    Target { query, client: Client::default() }
}

fn objects(addresses: &[&str]) -> Vec<Object> {
    let json = |value: serde_json::Value| convert(kind_of(&value), &value).expect("good");
    let labels = json!({ "kubernetes.io/service-name": "web" });
    let metadata = json!({ "name": "web", "namespace": "d", "labels": labels });
    let endpoints: Vec<_> = addresses.iter().map(|address| json!({ "addresses": [address] })).collect();
    vec![
        json(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": { "ports": [{ "port": 80 }] },
        })),
        json(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "ports": [{ "port": 80 }], "endpoints": endpoints,
        })),
    ]
}

/// What a subscriber is told next, if anything is.
fn told(cursor: &mut Cursor) -> Option<Frames> {
    match cursor.poll_next(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(told) => Some(told.frames),
        std::task::Poll::Pending => None,
    }
}

fn gets() -> Rpc {
    Rpc { rpc: "get" }
}

/// The audits, the divergences so far, and whether one lasts.
fn counts(metrics: &Metrics) -> (bool, u64, i64) {
    let audits = metrics.audits.get_or_create(&gets()).get();
    let divergences = metrics.audit_divergences.get_or_create(&gets()).get();
    (audits > 0, divergences, metrics.audit_divergent_views.get_or_create(&gets()).get())
}

#[tokio::test(start_paused = true)]
async fn what_is_published_falsely_is_found_said_and_put_right() {
    let log = Captured::at(tracing::Level::INFO);
    let (server, mut cursor) = Server::new(Duration::ZERO);
    let first = told(&mut cursor).expect("the first answer");
    let topic = &server.controller.watched[&target()].topic;
    let empty = Answer::Endpoints(crate::view::View::new(wire::set_labels(&[]), Default::default()));
    let current = topic.current();
    topic.publish(Arc::new(Published::new(Arc::new(empty), current.as_deref(), Instant::now())));
    told(&mut cursor).expect("that there is nobody");
    let (_ends, metrics) = server.run();

    sleep(Duration::from_millis(1)).await;

    assert_eq!(told(&mut cursor).map(|again| again.bytes.len()), Some(first.bytes.len()));
    assert_eq!(counts(&metrics), (true, 1, 1));
    let lines = log.lines();
    let [line] = &*lines else { panic!("{lines:?}") };
    for part in [
        "ERROR",
        "2 missing: 10.0.0.1:80, 10.0.0.2:80",
        "if need be after --leaf-drain",
        "view=d/web:80",
        "method=\"get\"",
        "subscribers=1",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }

    // The gauge falls when the view is next found to be right.
    sleep(Pace::default().round / 2).await;
    assert_eq!(counts(&metrics), (true, 1, 1));
    sleep(Pace::default().round).await;
    assert_eq!(counts(&metrics), (true, 1, 0));
    assert_eq!(metrics.audit_round.get(), Pace::default().round.as_secs_f64());
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_keeps_falsely_is_put_right_for_good() {
    let (mut server, mut cursor) = Server::new(Duration::ZERO);
    let first = told(&mut cursor).expect("the first answer");
    let changes = server.controller.engine.corrupt();
    server.controller.publish(changes, &BTreeSet::new(), Instant::now());
    told(&mut cursor).expect("that one is gone");
    let ((batches, _directory), metrics) = server.run();

    sleep(Duration::from_millis(1)).await;

    assert_eq!(counts(&metrics), (true, 1, 1));
    assert!(told(&mut cursor).is_some_and(|again| again.bytes.len() < first.bytes.len()));

    let more = objects(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]).into_iter().map(Event::Upsert).collect();
    batches.send(Batch { events: more, ..Batch::default() }).await.expect("it runs");
    sleep(2 * Pace::default().round).await;
    assert_eq!(counts(&metrics), (true, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_on_purpose_is_no_divergence() {
    let (mut server, mut cursor) = Server::new(Duration::from_secs(60));
    told(&mut cursor).expect("the first answer");
    let split = convert(
        Kind::TrafficSplit,
        &json!({
            "apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit",
            "metadata": { "name": "s", "namespace": "d" },
            "spec": { "service": "apex", "backends": [{ "service": "web", "weight": 1 }] },
        }),
    );
    let events = [vec![split.expect("good")], objects(&[])].concat().into_iter().map(Event::Upsert).collect();
    server.controller.apply(vec![Batch { events, ..Batch::default() }]);
    assert!(server.controller.holds.is_held(&target()));
    let (_ends, metrics) = server.run();

    sleep(Duration::from_secs(50)).await;

    assert_eq!(told(&mut cursor), None);
    assert_eq!(counts(&metrics), (true, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_view_that_is_gone_is_not_divergent_any_more() {
    let (mut server, cursor) = Server::new(Duration::ZERO);
    server.controller.engine.corrupt();
    let (_ends, metrics) = server.run();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(counts(&metrics), (true, 1, 1));

    drop(cursor);
    sleep(2 * VIEW_LINGER).await;

    assert_eq!(counts(&metrics), (true, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_panics_is_said_and_counted_and_takes_nobody_down() {
    let log = Captured::at(tracing::Level::INFO);
    let (mut server, mut cursor) = Server::new(Duration::ZERO);
    told(&mut cursor).expect("the first answer");
    server.controller.audits.truth = |_, target| panic!("no truth of {}", target.query);
    let ((batches, _directory), metrics) = server.run();

    sleep(Duration::from_millis(1)).await;

    assert_eq!(metrics.inspections_failed.get(), 1);
    assert_eq!(counts(&metrics), (false, 0, 0));
    let lines = log.lines();
    let [line] = &*lines else { panic!("{lines:?}") };
    assert!(line.contains("ERROR") && line.contains("no truth of d/web:80"), "{line}");

    let more = objects(&["10.0.0.3"]).into_iter().map(Event::Upsert).collect();
    batches.send(Batch { events: more, ..Batch::default() }).await.expect("it runs");
    sleep(Duration::from_millis(1)).await;
    assert!(told(&mut cursor).is_some(), "answers go on");
    sleep(Pace::default().round).await;
    assert_eq!(metrics.inspections_failed.get(), 2, "as do audits");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_panics_finds_nothing_and_takes_nobody_down() {
    let log = Captured::at(tracing::Level::INFO);
    let (server, _cursor) = Server::new(Duration::ZERO);
    let ((_batches, directory), metrics) = server.run();

    let seen: Result<(), _> = directory.inspect(|_| panic!("too dark")).await;

    assert_eq!(seen, Err(Uninspected::Failed));
    assert_eq!(metrics.inspections_failed.get(), 1);
    let lines = log.lines();
    assert!(matches!(&*lines, [line] if line.contains("ERROR") && line.contains("too dark")), "{lines:?}");
    assert_eq!(directory.inspect(Engine::is_synced).await, Ok(true));
}

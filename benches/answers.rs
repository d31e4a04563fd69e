//! What an answer costs, beside the least it could cost.
//!
//! Each group has a *floor*: prost writing the very same messages, built beforehand, to as many bytes. What a
//! group says is the ratio of the others to it; below 1 is possible, because we copy what did not change
//! since the endpoint was first read.
//!
//! * `first_answer/*`: the first message of a stream for a service of 10,000 endpoints. `cold` is the first
//!   client that asks (resolve, encode, hand over), `shared` every further one.
//! * `weight_edit/*`: the weights of a split over twice 5,000 endpoints change, so each is sent again.
//!   `1_stream` and `1000_streams` is from the event to the bytes in the hands of so many streams.
//!
//! What a Pod that comes or goes costs is in the benchmark `churn`.
//!
//! `cargo bench --bench answers` runs all in half a minute; with `-- weight_edit` one group.

mod cluster;

use std::{
    hint::black_box,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use prost::Message;
use switchyard::{
    context::Reading,
    engine::Engine,
    pb::destination::Update,
    resolve::{Options, Target},
    source::Event,
    topic::{Cursor, Published, Topic, Topics},
    wire::Frames,
};
use tokio::time::{Duration, Instant};

const STREAMS: usize = 1000;

/// An engine and what the controller does with its answers, for one target.
struct Server {
    engine: Engine,
    topics: Topics,
    topic: Arc<Topic>,
    target: Target,
    /// The first stream.
    cursor: Cursor,
}

impl Server {
    fn new(events: Vec<Event>, target: Target) -> Self {
        let mut engine = Engine::new("cluster.local".into(), Options::default());
        engine.apply(events);
        let topics = Topics::default();
        let (topic, cursor) = topics.open(&target);
        let answer = engine.watch(&target).expect("every kind was listed");
        topic.publish(Arc::new(Published::new(answer, None, Instant::now())));
        Self { engine, topics, topic, target, cursor }
    }

    /// Applies an event and makes known what it changed.
    fn apply(&mut self, event: Event) {
        for change in self.engine.apply(vec![event]).changes {
            let current = self.topic.current();
            self.topic.publish(Arc::new(Published::new(change.answer, current.as_deref(), Instant::now())));
        }
    }

    fn subscribe(&self) -> Cursor {
        self.topics.subscribe(&self.target).expect("it is open")
    }
}

/// What a stream is given now. It waits for more afterwards, as it would.
fn poll(cursor: &mut Cursor) -> Frames {
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(told) = cursor.poll_next(&mut cx) else { panic!("there is something to say") };
    assert!(cursor.poll_next(&mut cx).is_pending());
    told.frames
}

/// The messages in some frames, and a benchmark of writing them anew.
fn floor(group: &mut BenchmarkGroup<'_, WallTime>, frames: &Frames) {
    let (mut rest, mut updates) = (&frames.bytes[..], Vec::new());
    while let Some((prefix, after)) = rest.split_first_chunk::<5>() {
        let [_, length @ ..] = *prefix;
        let (message, after) = after.split_at(u32::from_be_bytes(length) as usize);
        let update = Update::decode(message).expect("our own bytes");
        // We put a merged answer's labels behind the other fields, so the order may differ, nothing else.
        assert_eq!(update.encoded_len(), message.len(), "the floor writes as many bytes");
        updates.push(update);
        rest = after;
    }
    group.bench_function("floor", |bencher| {
        bencher.iter(|| updates.iter().map(Message::encode_to_vec).for_each(|bytes| _ = black_box(bytes)));
    });
}

fn first_answer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first_answer");
    let target = cluster::get("web", Reading::Merged);
    let mut server = Server::new(cluster::events(&[("web", 10_000)]), target.clone());
    floor(&mut group, &poll(&mut server.cursor));
    group.bench_function("cold", |bencher| {
        bencher.iter(|| {
            server.engine.unwatch(&target);
            let topics = Topics::default();
            let (topic, mut cursor) = topics.open(&target);
            let answer = server.engine.watch(&target).expect("every kind was listed");
            topic.publish(Arc::new(Published::new(answer, None, Instant::now())));
            poll(&mut cursor)
        });
    });
    group.bench_function("shared", |bencher| bencher.iter(|| poll(&mut server.subscribe())));
    group.finish();
}

/// A benchmark of two events that undo each other, up to the bytes in the hands of the streams.
fn change(group: &mut BenchmarkGroup<'_, WallTime>, server: &mut Server, events: &[Event; 2]) {
    poll(&mut server.cursor);
    server.apply(events[1].clone());
    floor(group, &poll(&mut server.cursor));
    let mut turns = events.iter().cycle();
    for (name, streams) in [("1_stream", 1), ("1000_streams", STREAMS)] {
        let mut cursors: Vec<_> = (0..streams).map(|_| server.subscribe()).collect();
        for cursor in &mut cursors {
            poll(cursor);
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                server.apply(turns.next().expect("it goes on for ever").clone());
                for cursor in &mut cursors {
                    black_box(poll(cursor));
                }
            });
        });
    }
}

fn weight_edit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("weight_edit");
    let mut events = cluster::events(&[("web", 0), ("a", 5000), ("b", 5000)]);
    let edits =
        [("a", "b", [50, 50]), ("a", "b", [60, 40])].map(|(a, b, weights)| cluster::split([a, b], weights));
    events.push(edits[0].clone());
    let mut server = Server::new(events, cluster::get("web", Reading::Merged));
    change(&mut group, &mut server, &edits);
    group.finish();
}

fn short() -> Criterion {
    let (warm_up, measure) = (Duration::from_millis(500), Duration::from_secs(3));
    Criterion::default().warm_up_time(warm_up).measurement_time(measure).sample_size(30)
}

criterion_group! {
    name = answers;
    config = short();
    targets = first_answer, weight_edit
}
criterion_main!(answers);

//! What the objects of a large cluster cost in memory.
//!
//! 100,000 Pods are made as JSON, as an API server would send them, and go the way of every object: converted
//! one at a time, applied in batches. What counts is the memory that is live afterwards, as it was asked of the
//! allocator (which adds some to each piece: see how many pieces there are), divided by the Pods. The bound is
//! on the mix of a usual cluster; each population is shown alone as well, because they share differently: the
//! Pods of a Deployment are alike, those of a StatefulSet have labels of their own, each Job's are like no
//! others.
//!
//! Then 100,000 endpoints for these Pods are added, in slices of 100 for 100 Services, and watched.
//!
//! `cargo bench --bench memory` takes some seconds, prints a table, and fails if a Pod of the mix costs more than
//! it may.

mod population;

use std::{alloc::System, mem, process::ExitCode, rc::Rc, time::Duration};

use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};
use switchyard::{
    context::Reading,
    engine::Engine,
    model::{Kind, NsName},
    resolve::{Answer, Client, Options, Query, Target},
    source::{Event, convert::convert},
};
use tokio::time::Instant;

use self::population::{
    Maker, Member, NODES, PODS_OF_NAMESPACE, PORT, SERVICE, members, nodes, service, slice,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many Pods, and so many endpoints.
const PODS: usize = 100_000;

/// What a Pod of the mix may cost, in bytes.
const BYTES_OF_A_POD: f64 = 600.0;

/// The parts of the Pods in a usual cluster.
const MIX: [(Maker, f64); 3] = [(Maker::Deployment, 0.75), (Maker::StatefulSet, 0.20), (Maker::Job, 0.05)];

/// How many objects a source sends at once.
const BATCH: usize = 1_000;

/// As Kubernetes fills them.
const ENDPOINTS_OF_SLICE: usize = 100;

/// Live memory.
#[derive(Clone, Copy)]
struct Live {
    bytes: usize,
    pieces: usize,
}

impl Live {
    fn now() -> Self {
        // What a reallocation adds or gives back is in the sums already.
        let Stats { allocations, deallocations, bytes_allocated, bytes_deallocated, .. } = ALLOCATOR.stats();
        Self { bytes: bytes_allocated - bytes_deallocated, pieces: allocations - deallocations }
    }
}

/// What so many objects cost each, in bytes: the growth from before to now. Prints a line about it.
#[expect(clippy::print_stdout, reason = "this is what the benchmark is for")]
#[expect(clippy::cast_precision_loss, reason = "far from the numbers that are cut")]
fn report(what: &str, count: usize, before: Live, time: Duration) -> f64 {
    let now = Live::now();
    let (bytes, pieces) = (now.bytes as f64 - before.bytes as f64, now.pieces as f64 - before.pieces as f64);
    let each = bytes / count as f64;
    let mebibytes = bytes / f64::from(1 << 20);
    println!(
        "{what:<36} {count:>8} {each:>8.1} {:>8.2} {mebibytes:>8.2} {:>7.2}",
        pieces / count as f64,
        time.as_secs_f64()
    );
    each
}

/// An engine for which every kind is listed and empty, but Nodes.
fn engine() -> Engine {
    let mut engine = Engine::new("cluster.local".into(), Options::default());
    engine.apply(Kind::ALL.into_iter().map(|kind| Event::Replace(kind, Vec::new())).collect());
    feed(&mut engine, Kind::Node, nodes());
    engine
}

/// Converts objects one at a time and applies them in batches.
fn feed(engine: &mut Engine, kind: Kind, objects: impl Iterator<Item = Value>) {
    let mut events = Vec::with_capacity(BATCH);
    for value in objects {
        events.push(Event::Upsert(convert(kind, &value).expect("a good object")));
        if events.len() == BATCH {
            engine.apply(mem::replace(&mut events, Vec::with_capacity(BATCH)));
        }
    }
    engine.apply(events);
}

/// What stands between workloads and their Pods, of one kind.
fn between<'m>(members: &'m [Member], maker: Maker) -> impl Iterator<Item = Value> + 'm {
    let firsts = members.chunk_by(|a, b| Rc::ptr_eq(&a.workload, &b.workload)).map(|group| &group[0]);
    firsts.filter(move |first| first.workload.maker == maker).filter_map(|first| first.workload.between())
}

/// Pods of these makers in an engine of their own, and what one of them costs. Their ReplicaSets and Jobs are
/// there before.
fn pods(what: &str, members: &[Member]) -> (Engine, f64) {
    let mut engine = engine();
    for (kind, maker) in [(Kind::ReplicaSet, Maker::Deployment), (Kind::Job, Maker::Job)] {
        feed(&mut engine, kind, between(members, maker));
    }
    let (before, start) = (Live::now(), Instant::now());
    feed(&mut engine, Kind::Pod, members.iter().map(Member::pod));
    let each = report(what, members.len(), before, start.elapsed());
    assert_eq!(engine.cluster().count(Kind::Pod), members.len(), "all of them differ");
    (engine, each)
}

/// What stands around Pods.
fn surroundings(members: &[Member]) {
    let (before, start) = (Live::now(), Instant::now());
    let mut engine = engine();
    report("Nodes (and an empty engine)", NODES, before, start.elapsed());
    for (what, kind, maker) in
        [("ReplicaSets", Kind::ReplicaSet, Maker::Deployment), ("Jobs", Kind::Job, Maker::Job)]
    {
        let (before, start) = (Live::now(), Instant::now());
        feed(&mut engine, kind, between(members, maker));
        report(what, between(members, maker).count(), before, start.elapsed());
    }
}

/// What a Service for each namespace adds, with the endpoints of all its Pods: not watched, then watched.
fn endpoints(engine: &mut Engine, members: &[Member]) {
    let groups = || members.chunks(PODS_OF_NAMESPACE).map(|group| (&*group[0].workload.namespace, group));
    let (before, start) = (Live::now(), Instant::now());
    let services = groups().enumerate().map(|(number, (namespace, _))| service(number, namespace));
    feed(engine, Kind::Service, services);
    report("Services", groups().count(), before, start.elapsed());

    let (before, start) = (Live::now(), Instant::now());
    let slices = groups().flat_map(|(_, group)| group.chunks(ENDPOINTS_OF_SLICE).enumerate());
    feed(engine, Kind::EndpointSlice, slices.map(|(number, members)| slice(number, members)));
    report("endpoints, not watched", members.len(), before, start.elapsed());

    let (before, start) = (Live::now(), Instant::now());
    for (namespace, group) in groups() {
        let (service, instance) = (NsName::new(namespace, SERVICE), None);
        let query = Query::Endpoints { service, instance, port: PORT, reading: Reading::Leaf };
        let answer =
            engine.watch(&Target { query, client: Client::default() }).expect("every kind is listed");
        let Answer::Endpoints(view) = &*answer else { panic!("it was a Get: {answer:?}") };
        assert_eq!(view.entries().len(), group.len(), "all are ready");
    }
    report("endpoints, what watching them adds", members.len(), before, start.elapsed());
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the benchmark is for")]
fn main() -> ExitCode {
    // Neither they nor what they borrow counts: they are there before, and stay.
    let mix = members(PODS, &MIX);
    println!("{:<36} {:>8} {:>8} {:>8} {:>8} {:>7}", "", "objects", "bytes", "pieces", "in all", "time");
    println!("{:<36} {:>8} {:>8} {:>8} {:>8} {:>7}", "", "", "each", "each", "MiB", "s");
    surroundings(&mix);
    for (what, maker) in [
        ("Pods of Deployments", Maker::Deployment),
        ("Pods of StatefulSets", Maker::StatefulSet),
        ("Pods of Jobs", Maker::Job),
    ] {
        pods(what, &members(PODS, &[(maker, 1.0)]));
    }
    let (mut engine, each) = pods("Pods of the mix", &mix);
    endpoints(&mut engine, &mix);
    if each > BYTES_OF_A_POD {
        eprintln!("a Pod of the mix costs {each:.1} bytes, more than {BYTES_OF_A_POD}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! Streams that come and go one by one, in numbers, and views with them.

use std::{collections::BTreeSet, task::Waker};

use switchyard::{
    context::Reading,
    controller::{BATCHES, Controller, Directory, VIEW_LINGER},
    engine::Engine,
    hold::Lead,
    metrics::Metrics,
    model::{Kind, NsName},
    resolve::{Client, Options, Query, Target},
    source::{Batch, Event},
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{Duration, advance, sleep, timeout},
};

use super::sized;
use crate::{
    abuse::{
        process::{Process, growth_of},
        raw::{
            Raw,
            frames::{MAX_WINDOW, code, get, reset, streams, window_update},
        },
    },
    laws::simple::service,
    server::{InProcess, PATIENCE},
};

/// How many views are asked for before time goes on.
const AT_ONCE: u32 = 200;

fn first_list() -> Batch {
    let services = |kind| if kind == Kind::Service { vec![service("web")] } else { Vec::new() };
    Batch { events: Kind::ALL.map(|kind| Event::Replace(kind, services(kind))).into(), ..Batch::default() }
}

/// `web` on one of 65,535 ports, by name: no two targets of 65,535 in a row are the same.
fn target(number: u32) -> Target {
    let service = NsName::new("d", format!("web{}", number / 65_535));
    let port = u16::try_from(number % 65_535 + 1).expect("a port");
    let query = Query::Endpoints { service, instance: None, port, reading: Reading::Merged };
    Target { query, client: Client::default() }
}

async fn subscribe_and_leave(directory: &Directory, number: u32) {
    let mut cursor =
        directory.subscribe(&target(number), &Default::default()).await.expect("the controller runs");
    let first = cursor.poll_next(&mut std::task::Context::from_waker(Waker::noop()));
    assert!(first.is_ready(), "the first answer is there at once");
}

#[tokio::test(start_paused = true)]
#[expect(clippy::print_stdout, reason = "read by the test that runs this one")]
#[ignore = "measures its own process, so it must be alone in one: run by the test below"]
async fn views_that_come_and_go() {
    let total: u32 = sized(40_000, 1_000_000);
    let engine = Engine::new("cluster.local".into(), Options::default());
    let metrics = Metrics::default();
    let lead = Lead { drain: Duration::ZERO };
    let (controller, directory) = Controller::new(engine, lead, Default::default(), metrics.clone());
    let (batches, batches_in) = mpsc::channel(BATCHES);
    tokio::spawn(controller.run(batches_in));
    batches.send(first_list()).await.expect("it runs");

    let mut before = 0;
    let mut most = 0;
    for number in 0..total {
        subscribe_and_leave(&directory, number).await;
        if number % AT_ONCE == 0 {
            advance(VIEW_LINGER / 4).await;
            most = most.max(directory.topics().len());
        }
        if number == total / 2 {
            before = Process::own().resident();
        }
    }
    println!("grew by {} KiB", Process::own().resident().saturating_sub(before));
    assert!(most < 10 * AT_ONCE as usize, "{most} views at once");

    for _ in 0..4 {
        // Past the linger, and past the next look at what lingers.
        sleep(VIEW_LINGER).await;
    }
    assert_eq!((directory.topics().len(), metrics.views.get()), (0, 0));
}

#[tokio::test]
async fn views_that_come_and_go_leave_nothing() {
    let grown = growth_of("storm::leaks::views_that_come_and_go").await;
    // 20,000 views or more came and went; a hundred bytes kept of each would be 2,000 KiB.
    assert!(grown < 1536, "{grown} KiB");
}

#[tokio::test(start_paused = true)]
async fn subscriptions_leave_nothing() {
    const TARGETS: u32 = 100;
    let engine = Engine::new("cluster.local".into(), Options::default());
    let metrics = Metrics::default();
    let lead = Lead { drain: Duration::ZERO };
    let (controller, directory) = Controller::new(engine, lead, Default::default(), metrics.clone());
    let (batches, batches_in) = mpsc::channel(BATCHES);
    tokio::spawn(controller.run(batches_in));
    batches.send(first_list()).await.expect("it runs");

    for number in 0..sized(100_000, 1_000_000) {
        subscribe_and_leave(&directory, number % TARGETS).await;
    }

    for number in 0..TARGETS {
        let (topic, cursor) = directory.topics().open(&target(number));
        drop(cursor);
        assert_eq!(topic.subscribers(), 0);
    }
    assert_eq!(directory.topics().len(), TARGETS as usize, "they were found, not made again");
    for _ in 0..4 {
        // Past the linger, and past the next look at what lingers.
        sleep(VIEW_LINGER).await;
    }
    assert_eq!((directory.topics().len(), metrics.views.get()), (0, 0));
}

/// The same with everything that is between a client and a topic.
#[tokio::test]
async fn ten_thousand_streams_leave_no_task_and_no_subscriber() {
    let server = InProcess::start().await;
    server.batches.send(first_list()).await.expect("the controller runs");
    let alive = || Handle::current().metrics().num_alive_tasks();
    let authority = |number: u32| format!("web.d.svc.cluster.local:{}", number % 10 + 1);
    let before = alive();
    for connection in 0..10 {
        let mut raw = Raw::connect(server.addr, &[]).await;
        raw.send(&window_update(0, MAX_WINDOW - 65_535)).await;
        let many: BTreeSet<u32> = streams(1_000).collect();
        raw.send(&many.iter().flat_map(|stream| get(*stream, &authority(*stream / 2))).collect::<Vec<_>>())
            .await;
        raw.until(|heard| heard.data.len() == many.len()).await;
        // Half of the connections end their streams first, the others just go.
        if connection % 2 == 0 {
            raw.send(&many.iter().flat_map(|stream| reset(*stream, code::CANCEL)).collect::<Vec<_>>()).await;
        }
    }
    let ended = async {
        while alive() > before {
            // The server learns of closed connections in its own time.
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("{} tasks, {before} before", alive()));
    assert_eq!(server.topics.len(), 10);
    let service = NsName::new("d", "web");
    for port in 1..=10 {
        let query =
            Query::Endpoints { service: service.clone(), instance: None, port, reading: Reading::Merged };
        let (topic, cursor) = server.topics.open(&Target { query, client: Client::default() });
        drop(cursor);
        assert_eq!(topic.subscribers(), 0, "port {port}");
    }
    assert_eq!(server.topics.len(), 10, "they were found, not made");
}

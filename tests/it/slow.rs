//! A client that does not read, over real HTTP/2: it costs itself the changes in between, and nobody else
//! anything.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use switchyard::{
    model::{Endpoint, EndpointPort, EndpointSlice, Kind, NsName, Object, Subset, TargetRef},
    pb::destination::{Update, destination_client::DestinationClient, update},
    source::{Batch, Event},
};
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::laws::simple::{self, service};
use crate::server::{InProcess, PATIENCE, SILENCE, ask, get, next};

pub(crate) const WEB: &str = "web.d.svc.cluster.local:80";
const CHANGES: u64 = 10_000;

fn slice(name: &str, addresses: impl Iterator<Item = [u8; 4]>) -> Object {
    let endpoint = |address| Endpoint {
        address: IpAddr::from(address),
        ready: true,
        hostname: None,
        node: None,
        zone: None,
        hint_zones: Vec::new(),
        target: TargetRef::None,
    };
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: NsName::new("d", name),
        service: Some(name.into()),
        mirror: None,
        subsets: vec![Subset {
            ports: Some(vec![EndpointPort { name: "http".into(), port: 8080 }]),
            endpoints: addresses.map(endpoint).collect(),
        }],
    }))
}

/// Divides `web` so that `a` has this many of ten thousand parts.
fn split(a: u64) -> Object {
    simple::split([("a", a), ("b", CHANGES + 1 - a)])
}

pub(crate) fn first_list(endpoints_each: u8) -> Batch {
    let addresses = |third: u8| (1..=endpoints_each).map(move |fourth| [10, 0, third, fourth]);
    let objects = |kind| match kind {
        Kind::Service => vec![service("web"), service("a"), service("b")],
        Kind::EndpointSlice => vec![slice("a", addresses(1)), slice("b", addresses(2))],
        Kind::TrafficSplit => vec![split(1)],
        _ => Vec::new(),
    };
    let events = Kind::ALL.into_iter().map(|kind| Event::Replace(kind, objects(kind)));
    Batch { events: events.collect(), ..Batch::default() }
}

pub(crate) fn edit(a: u64) -> Batch {
    Batch { events: vec![Event::Upsert(split(a))], ..Batch::default() }
}

/// The weight of the first address of `a` in an update, in parts of ten thousand.
fn share_of_a(update: &Update, endpoints_each: u32) -> u64 {
    let Some(update::Update::Add(set)) = &update.update else { panic!("weights only change: {update:?}") };
    let first: SocketAddr = set.addrs[0].addr.as_ref().expect("an address").try_into().expect("a valid one");
    assert_eq!(first, SocketAddr::from(([10, 0, 1, 1], 8080)));
    let billionths = u64::from(set.addrs[0].weight) * u64::from(endpoints_each);
    (billionths * (CHANGES + 1) + 500_000_000) / 1_000_000_000
}

/// A client whose window is smaller than a message: what it does not read the server cannot send.
pub(crate) async fn narrow_client(addr: SocketAddr) -> DestinationClient<Channel> {
    let channel = Channel::from_shared(format!("http://{addr}")).expect("a valid address");
    DestinationClient::new(channel.initial_stream_window_size(64).connect().await.expect("connected"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_stalls_misses_what_is_over_and_delays_nobody() {
    let server = InProcess::start().await;
    server.batches.send(first_list(2)).await.expect("the controller runs");
    let mut healthy = get(server.addr, WEB, "").await;
    assert_eq!(share_of_a(&next(&mut healthy).await, 2), 1);
    let mut narrow = narrow_client(server.addr).await;
    let mut stalled = narrow.get(ask(WEB, "")).await.expect("opens").into_inner();

    for a in 2..=CHANGES {
        server.batches.send(edit(a)).await.expect("the controller runs");
    }

    // The healthy one is told of the last change though the stalled one has read nothing at all.
    let mut last = 1;
    while last < CHANGES {
        let share = share_of_a(&next(&mut healthy).await, 2);
        assert!(share > last, "never back, never the same again");
        last = share;
    }
    let mut told = Vec::new();
    while told.last() != Some(&CHANGES) {
        told.push(share_of_a(&next(&mut stalled).await, 2));
    }
    // Its first answer had filled the window before the changes. Of those it is told at most two: one that
    // HTTP/2 had in hand while it waited for the window to open, and what is true.
    assert_eq!(told[0], 1);
    assert!(told[1..].len() <= 2, "{told:?}");
    assert!(timeout(SILENCE, stalled.message()).await.is_err(), "nothing is left to say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_of_one_connection_are_all_answered() {
    let server = InProcess::start().await;
    server.batches.send(first_list(2)).await.expect("the controller runs");
    let client = crate::server::client(server.addr).await;
    let streams = (0..1000).map(|_| {
        let mut client = client.clone();
        async move {
            let mut stream = client.get(ask(WEB, "")).await.expect("opens").into_inner();
            assert_eq!(share_of_a(&next(&mut stream).await, 2), 1);
            stream
        }
    });
    let mut streams = timeout(PATIENCE, futures::future::join_all(streams)).await.expect("all in time");

    server.batches.send(edit(5)).await.expect("the controller runs");

    for stream in &mut streams {
        assert_eq!(share_of_a(&next(stream).await, 2), 5);
    }
    assert_eq!(server.topics.len(), 1, "one view for all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_wait_until_everything_has_been_read_once() {
    let server = InProcess::start().await;
    let mut early = get(server.addr, WEB, "").await;
    let only_services =
        Batch { events: vec![Event::Replace(Kind::Service, vec![service("web")])], ..Batch::default() };
    server.batches.send(only_services).await.expect("the controller runs");
    assert!(
        timeout(SILENCE, early.message()).await.is_err(),
        "\"not looked yet\" is not \"has no endpoints\""
    );

    server.batches.send(first_list(2)).await.expect("the controller runs");

    assert_eq!(share_of_a(&next(&mut early).await, 2), 1);
}

/// What this process has in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "read by the test that runs this one")]
#[ignore = "measures its own process, so it must be alone in one: run by the test below"]
async fn memory_over_changes_with_stalled_streams() {
    const ENDPOINTS: u8 = 100;
    let server = InProcess::start().await;
    server.batches.send(first_list(ENDPOINTS)).await.expect("the controller runs");
    let mut healthy = get(server.addr, WEB, "").await;
    next(&mut healthy).await;
    let mut narrow = narrow_client(server.addr).await;
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(narrow.get(ask(WEB, "")).await.expect("opens").into_inner());
    }
    let mut before = 0;
    for a in 2..=CHANGES {
        server.batches.send(edit(a)).await.expect("the controller runs");
        if a % 100 == 0 {
            // The healthy one follows, so that changes are made known one by one and not as one.
            while share_of_a(&next(&mut healthy).await, u32::from(ENDPOINTS)) < a {}
        }
        if a == CHANGES / 10 {
            before = resident();
        }
    }
    println!("grew by {} KiB", resident().saturating_sub(before));
}

#[tokio::test]
async fn memory_does_not_grow_with_what_stalled_streams_miss() {
    let this = std::env::current_exe().expect("a test has a path");
    let name = "slow::memory_over_changes_with_stalled_streams";
    let output =
        tokio::process::Command::new(this).args([name, "--exact", "--ignored", "--nocapture"]).output();
    let output = timeout(6 * PATIENCE, output).await.expect("in time").expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let grown = text.split("grew by ").nth(1).and_then(|rest| rest.split(' ').next()).expect("it says so");
    // 9,000 changes of 200 endpoints each, missed by 100 streams: queued they would be gigabytes.
    assert!(grown.parse::<u64>().expect("a number") < 8 * 1024, "{text}");
}

//! A crowd that reconnects as one, against a real process.

use std::net::SocketAddr;

use tokio::{
    task::JoinSet,
    time::{Duration, Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{full, sized};
use crate::{
    abuse::{
        Victim, metric, open_streams,
        process::Process,
        raw::{
            Raw,
            frames::{code, get, reset, streams},
        },
    },
    server::PATIENCE,
};

const STREAMS: u32 = 10;

struct Size {
    clients: u32,
    rounds: u32,
    /// From one reconnect to the next; at once if it is zero.
    pause: Duration,
}

fn size() -> Size {
    sized(
        Size { clients: 100, rounds: 3, pause: Duration::ZERO },
        Size { clients: 2_000, rounds: 30, pause: Duration::from_secs(1) },
    )
}

/// What a client asks: services there are, and one that there is not, which no other client asks for in this round.
fn requests(client: u32, round: u32) -> Vec<u8> {
    let ask = |stream: u32| {
        let known = ["reviews", "details", "ratings", "productpage", "reviews-v2"];
        let authority = match known.get(stream as usize % 6) {
            Some(name) => format!("{name}.default.svc.cluster.local:9080"),
            None => format!("nobody-{}.default.svc.cluster.local:{}", client % 50, round + 1),
        };
        get(stream, &authority)
    };
    streams(STREAMS).flat_map(ask).collect()
}

/// Connects and is answered on every stream.
async fn come(addr: SocketAddr, client: u32, round: u32) -> Raw {
    let mut raw = Raw::connect(addr, &[]).await;
    raw.send(&requests(client, round)).await;
    raw.until(|heard| heard.data.len() == STREAMS as usize).await;
    assert_eq!((raw.heard.opened, raw.heard.refused), (STREAMS, 0), "{:?}", raw.heard);
    raw
}

/// Leaves in one of the ways there are to leave.
async fn leave(mut raw: Raw, client: u32) {
    match client % 3 {
        0 => drop(raw),
        1 => raw.half_close().await,
        _ => {
            let resets: Vec<_> = streams(STREAMS).flat_map(|stream| reset(stream, code::CANCEL)).collect();
            raw.send(&resets).await;
        }
    }
}

/// Everybody at once, so many times.
async fn storm(addr: SocketAddr, size: &Size, rounds: u32) {
    let mut crowd = JoinSet::new();
    let pause = size.pause;
    for client in 0..size.clients {
        crowd.spawn(async move {
            // A client that is late does not hurry after the others: it would be a crowd of its own.
            let mut seconds = interval(pause.max(Duration::from_millis(1)));
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for round in 0..rounds {
                seconds.tick().await;
                leave(come(addr, client, round).await, client).await;
            }
        });
    }
    while let Some(ended) = crowd.join_next().await {
        ended.expect("every client is answered every time");
    }
}

/// Waits until the page of metrics is like this; says how long that took.
async fn comes_to(victim: &Victim, what: &str, like: impl Fn(&str) -> bool) -> Duration {
    let start = Instant::now();
    let waiting = async {
        while !like(&victim.server.admin("/metrics").await.1) {
            // The server learns of closed connections, and drops views, in its own time.
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(2 * PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} are left"));
    start.elapsed()
}

/// Waits until only the healthy client has a stream and a connection.
async fn streams_go(victim: &Victim) -> Duration {
    let like = |page: &str| open_streams(page) == 1 && metric(page, "switchyard_connections") <= 1;
    comes_to(victim, "streams or connections", like).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the long run reports what it measured")]
async fn after_a_storm_everything_is_as_before() {
    let size = size();
    let mut victim = Victim::start(&["--log-level", "warn"]).await;
    let process = Process::serving(victim.folder.path());
    let sockets = process.sockets();
    let fresh = process.resident();
    // What a first crowd makes the server take it may keep for the next, as allocators do.
    storm(victim.server.grpc, &size, size.rounds.div_ceil(3)).await;
    streams_go(&victim).await;
    let before = process.resident();

    let start = Instant::now();
    storm(victim.server.grpc, &size, size.rounds).await;
    let took = start.elapsed();
    victim.tells_of_a_change().await;

    let streams = streams_go(&victim).await;
    let views = if full() {
        // They outlive their last stream by VIEW_LINGER.
        comes_to(&victim, "views", |page| metric(page, "switchyard_views") == 1).await
    } else {
        Duration::ZERO
    };
    let after = process.resident();
    println!(
        "{} clients of {STREAMS} streams, {} rounds in {took:.1?}; streams and connections gone after {streams:.1?}, \
         views {views:.1?} later; resident {fresh} KiB at first, {before} KiB before and {after} KiB after",
        size.clients, size.rounds
    );
    assert!(process.sockets() <= sockets + 1, "{} sockets, {sockets} before", process.sockets());
    // A quarter is what an allocator's pages may differ by; a kilobyte kept of each of the streams would be more.
    assert!(after <= before + before / 4, "{before} KiB before, {after} KiB after");
    if full() {
        assert!(streams < Duration::from_secs(5), "{streams:?}");
    }
    victim.is_unharmed().await;
}

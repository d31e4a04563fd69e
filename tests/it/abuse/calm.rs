//! How long a healthy client waits for its first answer while others do their worst, on the same machine.
//!
//! What is asserted is that it is answered every time. The times are printed for people (`--nocapture`), and not
//! asserted: they depend on who else uses the processor, most of all on the attackers themselves.

use std::net::SocketAddr;

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    REVIEWS, Victim,
    raw::{
        Raw,
        frames::{
            MAX_WINDOW, code, flag, frame, get, get_headers, header, kind, ping, reset, setting, settings,
            streams, window_update,
        },
    },
};
use crate::{
    server::{PATIENCE, ask, client, next},
    storm::sized,
};

/// As many attackers as may keep each of a few workers busy.
const ATTACKERS: usize = 4;

/// What an attacker says on a new connection, and then again and again until it is hung up on.
#[derive(Clone)]
struct Attack {
    name: &'static str,
    first: Vec<u8>,
    then: Vec<u8>,
}

fn repeat(frame: &[u8]) -> Vec<u8> {
    frame.repeat(100)
}

fn attacks() -> Vec<Attack> {
    // Streams cannot be used twice: what is repeated is a connection.
    let resets =
        streams(5_000).flat_map(|stream| [get(stream, REVIEWS), reset(stream, code::CANCEL)].concat());
    let block = frame(kind::HEADERS, flag::END_HEADERS, 1, &header("x", "y").repeat(2_000));
    vec![
        Attack { name: "nothing", first: Vec::new(), then: Vec::new() },
        Attack { name: "pings", first: Vec::new(), then: repeat(&ping(1)) },
        Attack { name: "windows", first: get_headers(1), then: repeat(&window_update(1, 1)) },
        Attack { name: "empty data", first: get_headers(1), then: repeat(&frame(kind::DATA, 0, 1, &[])) },
        Attack { name: "resets", first: resets.collect(), then: Vec::new() },
        Attack { name: "headers", first: block, then: Vec::new() },
    ]
}

/// Twelve bytes that make a server look at each of the connection's streams.
fn settings_over_many_streams() -> Attack {
    let open: Vec<u8> = streams(4_000).flat_map(|stream| get(stream, REVIEWS)).collect();
    let wide = window_update(0, MAX_WINDOW - 65_535);
    let windows = [1, 65_535].map(|size| settings(&[(setting::INITIAL_WINDOW_SIZE, size)])).concat();
    Attack { name: "settings", first: [wide, open].concat(), then: repeat(&windows) }
}

/// Attacks until it is told to stop.
async fn attack(addr: SocketAddr, attack: Attack, mut stop: watch::Receiver<bool>) {
    let attacking = async {
        while !attack.first.is_empty() || !attack.then.is_empty() {
            let mut raw = Raw::connect(addr, &[]).await;
            raw.send(&attack.first).await;
            while !attack.then.is_empty() && !raw.heard.ended {
                raw.send(&attack.then).await;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = attacking => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// Asks again and again while others attack.
#[expect(clippy::print_stdout, reason = "for people who want to know how long it took")]
async fn is_answered_during(victim: &mut Victim, one: Attack) {
    let name = one.name;
    let (stop, stopped) = watch::channel(false);
    for _ in 0..ATTACKERS {
        tokio::spawn(attack(victim.server.grpc, one.clone(), stopped.clone()));
    }
    let mut client = client(victim.server.grpc).await;
    let mut times = Vec::new();
    for _ in 0..sized(3, 300) {
        let start = Instant::now();
        let asked = async {
            let mut answers = client.get(ask(REVIEWS, "")).await.expect("opens").into_inner();
            next(&mut answers).await;
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("not answered during {name}"));
        times.push(start.elapsed());
    }
    _ = stop.send(true);
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{name:>10}: median {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(50), at(99), at(100));
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_healthy_are_answered_whatever_the_others_do() {
    let mut victim = Victim::start(&["--log-level", "off"]).await;
    for one in attacks() {
        is_answered_during(&mut victim, one).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_healthy_are_answered_while_windows_of_thousands_of_streams_are_moved() {
    let mut victim = Victim::start(&["--log-level", "off"]).await;
    is_answered_during(&mut victim, settings_over_many_streams()).await;
}

//! The process of a server: it prints its port and does what its standard input says.
//!
//! A process of its own, so that its CPU and memory are the server's alone. It ends with its input.

use std::{io::Write, time::SystemTime};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::mpsc,
    time::{Duration, Instant, sleep},
};

use super::worlds::World;

/// Connections that may wait to be accepted: all of a storm, or it would measure how SYNs are sent again.
const BACKLOG: u32 = 4096;
/// Threads of either server's runtime, so that the two are alike on any machine.
pub(super) const WORKERS: usize = 2;

/// What a server can be told to do.
pub(super) trait Serve {
    /// Makes change `number`, from 0 on.
    async fn change(&mut self, number: usize);

    /// The port of the page, if the server has one.
    fn admin(&self) -> Option<u16> {
        None
    }

    /// The 99th percentile of the time from an event to its bytes on the wire, if the server measures it.
    fn event_to_wire(&self) -> Option<Duration> {
        None
    }
}

/// A socket on a free port that takes a storm.
pub(super) fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    socket.listen(BACKLOG).expect("it is bound")
}

/// Does what standard input says until that ends:
///
/// * `change`: a change now.
/// * `changes COUNT RATE`: so many changes, so many a second; then answers `done`.
/// * `injected`: answers when the changes of a rollout were made, in microseconds of the clock.
/// * `admin`: answers with the port of the page, or `0`.
/// * `event-to-wire`: answers with the percentile in microseconds, or `unknown`.
pub(super) async fn obey(port: u16, world: World, mut server: impl Serve) {
    let mut lines = lines();
    answer(&format!("port {port}"));
    let mut made = 0;
    let mut injected: Vec<u64> = Vec::new();
    while let Some(line) = lines.recv().await {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["change"] => {
                server.change(made).await;
                made += 1;
            }
            ["changes", count, rate] => {
                let count: u32 = count.parse().expect("a count");
                let rate: f64 = rate.parse().expect("a rate");
                let start = Instant::now();
                for done in 0..count {
                    while start.elapsed().as_secs_f64() * rate < f64::from(done) {
                        sleep(Duration::from_millis(1)).await;
                    }
                    if let World::Rollout(_) = world {
                        injected.push(clock());
                    }
                    server.change(made).await;
                    made += 1;
                }
                answer("done");
            }
            ["injected"] => {
                let times: Vec<_> = injected.iter().map(u64::to_string).collect();
                answer(&times.join(" "));
            }
            ["admin"] => answer(&server.admin().unwrap_or_default().to_string()),
            ["event-to-wire"] => match server.event_to_wire() {
                Some(time) => answer(&time.as_micros().to_string()),
                None => answer("unknown"),
            },
            _ => answer(&format!("expected a command, found {line}")),
        }
    }
}

/// Microseconds of the clock that all processes of a machine share.
pub(super) fn clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(now.as_micros()).expect("it is not that late")
}

/// Standard input, read by a thread of its own; the runtime's threads do the server's work.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn answer(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to read it only if we are to end as well.
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

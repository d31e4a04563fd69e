//! Clients that do not read: the others must not notice, and the server must not keep what they miss.

use tokio::time::Instant;

use super::{
    Outcome,
    client::Client,
    rows::{self, Side},
    server::Which,
    table::{Line, median},
    worlds::World,
};

/// How fast changes come, a second, where how many there are is what matters.
const RATE: u32 = 12_500;

/// Who does not read.
#[derive(Clone, Copy, PartialEq)]
enum Stuck {
    Nobody,
    /// One stream of ten, on all connections.
    Streams,
    /// One connection beside the others, with a tenth as many streams as they have together.
    Connection,
}

impl Stuck {
    /// A server with so many streams, and the client that does not read, if it is one of its own.
    async fn open(self, world: World, streams: u32, connections: u32) -> Outcome<(Side, Option<Client>)> {
        // So that the server soon finds its side full.
        const BUFFER_SIZE: u32 = 4096;
        let mut asks = rows::asks(world, streams, connections);
        if self == Self::Streams {
            asks.iter_mut().flat_map(|asks| asks.iter_mut().step_by(10)).for_each(|ask| ask.stuck = true);
        }
        let side = Side::open(Which::Ours, world, asks).await?;
        if self != Self::Connection {
            return Ok((side, None));
        }
        let unread = rows::asks(world, streams / 10, 1);
        let (unread, _) =
            Client::open_with(side.server.addr, &unread, world.token(), Some(BUFFER_SIZE)).await?;
        unread.stop_reading();
        Ok((side, Some(unread)))
    }
}

/// When 99 of 100 healthy streams have been told, in milliseconds.
pub(super) fn p99(mut times: Vec<(f64, u32)>) -> f64 {
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: u64 = times.iter().map(|(_, count)| u64::from(*count)).sum();
    let mut rest = all * 99 / 100;
    for (time, count) in times {
        match rest.checked_sub(count.into()) {
            Some(left) if left > 0 => rest = left,
            _ => return time,
        }
    }
    f64::NAN
}

/// All of what stuck clients may not do.
pub(super) async fn slow(row: &str, streams: u32, rounds: u32, changes: u32) -> Outcome<Vec<Line>> {
    let mut lines = others(row, streams, rounds).await?;
    let kinds = [
        (Stuck::Nobody, "memory, nobody stuck"),
        (Stuck::Streams, "memory, streams stuck"),
        (Stuck::Connection, "memory, connection"),
    ];
    for (stuck, what) in kinds {
        lines.push(memory(row, what, stuck, changes).await?);
    }
    Ok(lines)
}

/// When the others are told, with nobody, some streams and a connection stuck, round by round in turn. The 99th
/// percentile of each round counts, and of the rounds the middle one.
async fn others(row: &str, streams: u32, rounds: u32) -> Outcome<Vec<Line>> {
    const SLOWER: f64 = 1.2;
    // Until those that are stuck are: a stream's window takes 4 messages; what the system buffers of the connection,
    // 4 MB, takes 27 times those of 1,000 streams.
    const FILL: u32 = 40;
    let mut sides = Vec::new();
    for stuck in [Stuck::Nobody, Stuck::Streams, Stuck::Connection] {
        let (side, unread) = stuck.open(World::Small, streams, streams / 100).await?;
        sides.push((side, unread, Vec::new()));
    }
    for round in 0..FILL + rounds {
        for (side, _, times) in &mut sides {
            side.client.time_arrivals();
            let start = Instant::now();
            side.round().await?;
            let since = |at: Instant| (at - start).as_secs_f64() * 1e3;
            let arrivals = side.client.take_arrivals().into_iter();
            if round >= FILL {
                times.push(p99(arrivals.map(|(at, count)| (since(at), count)).collect()));
            }
        }
    }
    let mut p99s = sides.into_iter().map(|(_, _, times)| median(times));
    let nobody = p99s.next().ok_or("nobody comes first")?;
    let whats = ["p99, streams stuck", "p99, connection stuck"];
    Ok(whats
        .into_iter()
        .zip(p99s)
        .map(|(what, stuck)| Line::ratio(row, what, [stuck, nobody], "ms", Some(SLOWER)))
        .collect())
}

/// What so many changes make of the server's memory, beside what it was when those that are stuck were. Few streams,
/// so that each is told of many changes, and what is not read would be much.
async fn memory(row: &str, what: &'static str, stuck: Stuck, changes: u32) -> Outcome<Line> {
    const FLAT: f64 = 1.05;
    const MEBIBYTE: f64 = 1024.0 * 1024.0;
    let (mut side, _unread) = stuck.open(World::Usual, 200, 10).await?;
    let start = side.server.memory()? / MEBIBYTE;
    flood(&mut side, changes / 3).await?;
    let before = side.server.memory()? / MEBIBYTE;
    flood(&mut side, changes).await?;
    let after = side.server.memory()? / MEBIBYTE;
    let mut line = Line::ratio(row, what, [after, before], "MiB", Some(FLAT));
    line.other = format!("{start:.1}, {before:.1} MiB");
    Ok(line)
}

/// Makes changes faster than anybody is told of each, and sees that the next one after them is told to all.
async fn flood(side: &mut Side, changes: u32) -> Outcome<()> {
    side.server.tell(&format!("changes {changes} {RATE}")).await?;
    side.server.answer().await?;
    side.client.quiet().await;
    side.server.idle().await?;
    let counts = side.client.counts();
    side.round().await?;
    side.client.check(&counts, 1)
}

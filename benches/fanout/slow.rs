//! Clients that do not read: the others must not notice, and the server must not keep what they miss.

use tokio::time::Instant;

use super::{
    Outcome,
    frames::Ask,
    rows::{REST, Side, asks},
    server::Which,
    table::Line,
    worlds::World,
};

/// Changes after which whoever does not read has all that he will ever get, sockets' buffers included.
const FILL: u32 = 10_000;
/// How fast changes come, a second, where how many there are is what matters.
const RATE: u32 = 12_500;

/// Who does not read.
#[derive(Clone, Copy, PartialEq)]
enum Stuck {
    Nobody,
    /// One stream of ten, on all connections.
    Streams,
    /// One connection of all.
    Connection,
}

impl Stuck {
    async fn open(self, streams: u32, connections: u32) -> Outcome<Side> {
        let mut asks: Vec<Vec<Ask>> = asks(World::Small, streams, connections);
        if self == Self::Streams {
            asks.iter_mut().flat_map(|asks| asks.iter_mut().step_by(10)).for_each(|ask| ask.stuck = true);
        }
        let side = Side::open(Which::Ours, World::Small, asks).await?;
        if self == Self::Connection {
            side.client.stop_reading(0);
        }
        Ok(side)
    }
}

/// The 99th percentile of the time until a healthy stream is told, in milliseconds.
fn p99(mut times: Vec<(f64, u32)>) -> f64 {
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

/// Rounds with nobody, some streams and a connection stuck in turn, then many changes.
pub(super) async fn slow(
    row: &str,
    [streams, connections]: [u32; 2],
    rounds: u32,
    changes: u32,
) -> Outcome<Vec<Line>> {
    const SLOWER: f64 = 1.2;
    const KINDS: [(Stuck, &str, &str); 3] = [
        (Stuck::Nobody, "", "growth, nobody stuck"),
        (Stuck::Streams, "p99, streams stuck", "growth, streams"),
        (Stuck::Connection, "p99, connection stuck", "growth, connection"),
    ];
    let mut sides = Vec::new();
    for (stuck, ..) in KINDS {
        sides.push(stuck.open(streams, connections).await?);
    }
    let mut starts = Vec::new();
    for side in &mut sides {
        starts.push(side.server.memory()?);
        // Until those that are stuck are.
        flood(side, FILL.min(changes)).await?;
        side.client.time_arrivals();
    }
    let mut times = vec![Vec::new(); sides.len()];
    for _ in 0..rounds {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let start = Instant::now();
            side.round().await?;
            let since = |at: Instant| (at - start).as_secs_f64() * 1e3;
            times.extend(side.client.take_arrivals().into_iter().map(|(at, count)| (since(at), count)));
        }
    }
    let p99s: Vec<_> = times.into_iter().map(p99).collect();
    let mut lines: Vec<_> = KINDS[1..]
        .iter()
        .zip(&p99s[1..])
        .map(|((_, what, _), stuck)| Line::ratio(row, what, [*stuck, p99s[0]], "ms", Some(SLOWER)))
        .collect();
    for ((side, (_, _, what)), start) in sides.iter_mut().zip(KINDS).zip(starts) {
        lines.push(growth(row, what, side, start, changes).await?);
    }
    Ok(lines)
}

/// What so many changes add to the server's memory, after the first of them.
async fn growth(row: &str, what: &'static str, side: &mut Side, start: f64, changes: u32) -> Outcome<Line> {
    /// A part of what it has.
    const FLAT: f64 = 1.05;
    const MEBIBYTE: f64 = 1024.0 * 1024.0;
    let before = side.server.memory()?;
    flood(side, changes).await?;
    let after = side.server.memory()?;
    let mut line = Line::ratio(row, what, [after / MEBIBYTE, before / MEBIBYTE], "MiB", Some(FLAT));
    line.other = format!("{:.1}, {:.1} MiB", before / MEBIBYTE, start / MEBIBYTE);
    Ok(line)
}

/// Makes changes faster than anybody is told of each, and sees that the next one after them is told to all.
async fn flood(side: &mut Side, changes: u32) -> Outcome<()> {
    side.server.tell(&format!("changes {changes} {RATE}")).await?;
    side.server.answer().await?;
    side.client.quiet().await;
    side.server.idle().await?;
    tokio::time::sleep(REST).await;
    let counts = side.client.counts();
    side.round().await?;
    side.client.check(&counts, 1)
}

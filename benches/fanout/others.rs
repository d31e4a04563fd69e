//! What else must hold: large messages, a rollout, changes of many services at once.

use tokio::time::{Duration, sleep};

use super::{
    Outcome,
    rows::{Side, asks, take_turns},
    server::Which,
    table::Line,
    worlds::World,
};

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A weight edit of a split over twice so many endpoints: encoded once, and forgotten when it is written.
pub(super) async fn split(row: &str, endpoints: u32, streams: u32, wait: Duration) -> Outcome<Vec<Line>> {
    // Nothing of a message, which is megabytes, may be kept for a stream.
    const KEPT: f64 = 4.0;
    let world = World::Split(endpoints);
    let mut sides = Vec::new();
    for which in [Which::Ours, Which::Floor] {
        sides.push(Side::open(which, world, asks(world, streams, 100)).await?);
    }
    let memory = |sides: &[Side]| -> Outcome<[f64; 2]> {
        Ok([sides[0].server.memory()? / MEBIBYTE, sides[1].server.memory()? / MEBIBYTE])
    };
    let before = memory(&sides)?;
    let cpus = take_turns(&mut sides, 3).await?;
    let at_once = memory(&sides)?;
    sleep(wait).await;
    let after = memory(&sides)?;
    let kept = (after[0] - before[0]) * 1024.0 / f64::from(streams);
    let lasts = [sides[0].last(), sides[1].last()];
    Ok(vec![
        Line::ratio(row, "bytes a message", [sides[0].bytes, sides[1].bytes], "B", Some(1.0)),
        Line::ratio(row, "last stream told", lasts, "ms", None),
        Line::ratio(row, "CPU a message", [cpus[0], cpus[1]], "us", Some(0.8)),
        Line::ratio(row, "memory before", before, "MiB", None),
        Line::ratio(row, "memory at once after", at_once, "MiB", None),
        Line::ratio(row, "memory a while after", after, "MiB", None),
        Line::value(row, "kept for a stream", kept, "kB", Some(KEPT)),
    ])
}

/// Pods of a service that are replaced one after another, for services of two sizes. No stream may be far behind,
/// and what it costs may not grow with the service.
pub(super) async fn rollout(row: &str, count: u32, time: Duration, streams: u32) -> Outcome<Vec<Line>> {
    /// In milliseconds.
    const BEHIND: f64 = 250.0;
    /// A service ten times as large; the same changes.
    const GROWTH: f64 = 1.3;
    const SIZES: [u32; 2] = [1_000, 100];
    let (mut lines, mut cpus) = (Vec::new(), Vec::new());
    for (size, what) in SIZES.into_iter().zip(["behind, of 1,000", "behind, of 100"]) {
        let world = World::Rollout(size);
        let mut side = Side::open(Which::Ours, world, asks(world, streams, 100)).await?;
        side.client.time_replacements(count as usize);
        let (cpu, messages) = (side.server.cpu()?, side.client.messages());
        side.server.tell(&format!("changes {count} {}", f64::from(count) / time.as_secs_f64())).await?;
        side.server.answer().await?;
        side.client.quiet().await;
        side.server.idle().await?;
        cpus.push((side.server.cpu()? - cpu).as_secs_f64() * 1e6 / f64::from(count));
        let messages = side.client.messages() - messages;
        side.server.tell("injected").await?;
        let injected = side.server.answer().await?;
        let mut behind = 0;
        for (index, (injected, (last, told))) in
            injected.split(' ').zip(side.client.replacements()).enumerate()
        {
            // A stream is told of each, unless it is so far behind that the Pod has gone again.
            if told != streams {
                return Err(format!("{told} of {streams} streams were told of replacement {index}").into());
            }
            behind = last.saturating_sub(injected.parse()?).max(behind);
        }
        lines.push(Line::value(
            row,
            what,
            Duration::from_micros(behind).as_secs_f64() * 1e3,
            "ms",
            Some(BEHIND),
        ));
        // Each change is a message that adds and one that removes, if no stream is told of two in one.
        let each = messages as f64 / f64::from(count) / f64::from(streams);
        lines.push(Line::value(row, "messages a change", each, "", None));
    }
    lines.push(Line::ratio(row, "CPU a change, by size", [cpus[0], cpus[1]], "us", Some(GROWTH)));
    Ok(lines)
}

/// Services that all change at once, each with ten streams, beside one with all the streams, and beside one with ten
/// streams and nothing else.
pub(super) async fn services(row: &str, services: u32, rounds: u32) -> Outcome<Vec<Line>> {
    const OF_EACH: u32 = 10;
    let mut sides = Vec::new();
    let all = services * OF_EACH;
    for (world, streams, connections) in
        [(World::Many(services), all, 100), (World::Small, all, 100), (World::Small, OF_EACH, OF_EACH)]
    {
        sides.push(Side::open(Which::Ours, world, asks(world, streams, connections)).await?);
    }
    let cpus = take_turns(&mut sides, rounds).await?;
    Ok(vec![
        Line::ratio(row, "last stream told", [sides[0].last(), sides[1].last()], "ms", None),
        // The aim is 1.2. Ten messages do not pay for a resolution; this is what it must not become.
        Line::ratio(row, "CPU a message", [cpus[0], cpus[1]], "us", Some(3.5)),
        Line::ratio(row, "beside ten streams alone", [cpus[0], cpus[2]], "us", None),
    ])
}

/// The server's own figure of the time from an event to its bytes at the socket, while it has little to do.
pub(super) async fn event_to_wire(row: &str, rounds: u32) -> Outcome<Vec<Line>> {
    let world = World::Usual;
    let mut side = Side::open(Which::Ours, world, asks(world, 10, 10)).await?;
    for _ in 0..rounds {
        side.round().await?;
    }
    side.server.tell("event-to-wire").await?;
    let answer = side.server.answer().await?;
    let time = answer.parse::<f64>().ok().map(|micros| micros / 1e3);
    Ok(vec![
        Line::value(row, "event to wire, p99", time.unwrap_or(f64::NAN), "ms", time.map(|_| 2.0)),
        Line::value(row, "told, seen from outside", side.last(), "ms", None),
    ])
}

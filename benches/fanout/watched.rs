//! Pages that people look at: streams must not notice.
//!
//! Two servers take turns, one with a hundred pages open that read all they are sent. Both keep a picture, as `switchyard
//! serve` does.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

use super::{
    Outcome,
    rows::{self, Side},
    server::Which,
    slow::p99,
    table::{Line, median},
    worlds::World,
};

/// How many pages are open.
const PAGES: usize = 100;

/// When streams are told, with nobody and a hundred pages watching, round by round in turn: of the 99th percentiles of
/// the rounds the middle one, and the percentile of all rounds together, in which a picture falls in one of some rounds.
pub(super) async fn watched(row: &str, streams: u32, rounds: u32) -> Outcome<Vec<Line>> {
    const SLOWER: f64 = 1.1;
    let asks = rows::asks(World::Small, streams, streams / 100);
    let mut sides = Vec::new();
    for pages in [0, PAGES] {
        let mut side = Side::open(Which::Ours, World::Small, asks.clone()).await?;
        side.server.tell("admin").await?;
        let port: u16 = side.server.answer().await?.parse()?;
        let mut readers = JoinSet::new();
        for _ in 0..pages {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
            socket.write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
            let mut piece = vec![0; 16 << 10];
            // Its first picture, so that it watches from the first round on.
            let read = socket.read(&mut piece).await?;
            if !piece[..read].starts_with(b"HTTP/1.1 200") {
                return Err("the page is not served".into());
            }
            readers.spawn_local(
                async move { while socket.read(&mut piece).await.is_ok_and(|read| read > 0) {} },
            );
        }
        sides.push((side, readers, Vec::new(), Vec::new()));
    }
    for _ in 0..rounds {
        for (side, _, of_rounds, all) in &mut sides {
            side.client.time_arrivals();
            let start = Instant::now();
            side.round().await?;
            let since = |at: Instant| (at - start).as_secs_f64() * 1e3;
            let times: Vec<_> =
                side.client.take_arrivals().into_iter().map(|(at, count)| (since(at), count)).collect();
            all.extend(times.iter().copied());
            of_rounds.push(p99(times));
        }
    }
    for (_, readers, ..) in &mut sides {
        // A page that ended early would have made it easy.
        if readers.try_join_next().is_some() {
            return Err("a feed ended".into());
        }
    }
    let [nobody, pages] = sides
        .into_iter()
        .map(|(_, _, of_rounds, all)| (median(of_rounds), p99(all)))
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "two servers")?;
    Ok(vec![
        Line::ratio(row, "p99 of a round", [pages.0, nobody.0], "ms", Some(SLOWER)),
        Line::ratio(row, "p99 of all rounds", [pages.1, nobody.1], "ms", None),
    ])
}

//! What a Pod that is replaced costs, by the size of its service.
//!
//! A rollout replaces Pods one by one, and each replacement is a few bytes to every client. Looking at all
//! other endpoints of the service for it would make a large service's rollout cost the square of its size.
//! Each row is one kind of change, from the event to the bytes for its streams; each column a service of so
//! many endpoints. Times are medians of rounds that take turns among the columns, so that all columns had the
//! same machine; what counts is the ratio to the first column, in brackets.
//!
//! * `replaced, leaf`: a Pod goes and another comes, in one batch of three events, for a client that asks for
//!   the service itself.
//! * `replaced, merged`: the same for a client of a split over it (and over another of as many endpoints).
//! * `relabelled`: the template of one Pod changes, which is a change of what is said of its endpoint.
//! * `one more, merged`: the count of the backend changes, and with it the weight of each of its endpoints (and
//!   none of the other backend's). All of them are sent, so this one is linear: the price of weights that add
//!   up whatever the counts are.
//! * `all of a batch`: a tenth of the Pods (1,000 of 10,000) replaced in one batch, per Pod. One resolution.
//!
//! `cargo bench --bench churn`, half a minute.

mod changes;
mod cluster;

use std::{collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use switchyard::{
    context::Reading,
    engine::Engine,
    resolve::{Options, Target},
    source::Event,
    topic::Published,
};
use tokio::time::Instant;

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
const ROUNDS: usize = 60;

/// An engine with what one target was told last.
struct Server {
    engine: Engine,
    target: Target,
    published: Arc<Published>,
    /// The changes, which undo each other in turn.
    turns: [Vec<Event>; 2],
    next: usize,
}

impl Server {
    fn new(events: Vec<Event>, target: Target, turns: [Vec<Event>; 2]) -> Self {
        let mut engine = Engine::new("cluster.local".into(), Options::default());
        engine.apply(events);
        let answer = engine.watch(&target).expect("every kind was listed");
        let published = Arc::new(Published::new(answer, None, Instant::now()));
        let mut server = Self { engine, target, published, turns, next: 1 };
        // Both ways once, so that everything that is made once has been made.
        for _ in 0..2 {
            server.turn();
        }
        server
    }

    /// Makes the next change and encodes what the streams are told of it.
    fn turn(&mut self) -> Duration {
        let events = self.turns[self.next].clone();
        self.next = 1 - self.next;
        let resolutions = self.engine.resolutions();
        let start = Instant::now();
        let mut changes = self.engine.apply(events).changes;
        let change = changes.pop().expect("something changed");
        let published = Published::new(change.answer, Some(&self.published), Instant::now());
        black_box(&published);
        let took = start.elapsed();
        assert_eq!(change.target, self.target);
        let looks = self.engine.resolutions() - resolutions;
        assert!(looks <= 2, "one view, and the warnings of one split, once each");
        self.published = Arc::new(published);
        took
    }
}

type Row = (&'static str, fn(u32) -> (Vec<Event>, Target, [Vec<Event>; 2], u32));

const ROWS: [Row; 5] = [
    ("replaced, leaf", |size| {
        let (events, turns) = (cluster::events(&[("web", size)]), changes::replaced("web", size, 1));
        (events, cluster::get("web", Reading::Leaf), turns, 1)
    }),
    ("replaced, merged", |size| {
        let turns = changes::replaced("a", size, 1);
        (split_over(size), cluster::get("web", Reading::Merged), turns, 1)
    }),
    ("relabelled", |size| {
        let (events, turns) = (cluster::events(&[("web", size)]), changes::relabelled("web", size));
        (events, cluster::get("web", Reading::Leaf), turns, 1)
    }),
    ("one more, merged", |size| {
        let turns = changes::one_more("a", size);
        (split_over(size), cluster::get("web", Reading::Merged), turns, 1)
    }),
    ("all of a batch", |size| {
        let count = (size / 10).max(1);
        let (events, turns) = (cluster::events(&[("web", size)]), changes::replaced("web", size, count));
        (events, cluster::get("web", Reading::Leaf), turns, count)
    }),
];

/// A split of `web` over `a` and `b` with so many endpoints each.
fn split_over(size: u32) -> Vec<Event> {
    let mut events = cluster::events(&[("a", size), ("b", size), ("web", 0)]);
    events.push(cluster::split(["a", "b"], [90, 10]));
    events
}

fn main() {
    let column = |text: &str| format!("{text:>20}");
    let heads: String = SIZES.iter().map(|size| column(&size.to_string())).collect();
    let mut table = vec![format!("{:<18}{heads}   endpoints", "")];
    for (name, make) in ROWS {
        let mut servers: Vec<_> = SIZES
            .iter()
            .map(|size| {
                let (events, target, turns, count) = make(*size);
                (Server::new(events, target, turns), count)
            })
            .collect();
        let mut times: BTreeMap<usize, Vec<Duration>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for (place, (server, count)) in servers.iter_mut().enumerate() {
                times.entry(place).or_default().push(server.turn() / *count);
            }
        }
        let medians: Vec<Duration> = times.into_values().map(median).collect();
        let cell = |time: &Duration| {
            let ratio = time.as_secs_f64() / medians[0].as_secs_f64();
            column(&format!("{:.1} us ({ratio:.1})", time.as_secs_f64() * 1e6))
        };
        table.push(format!("{name:<18}{}", medians.iter().map(cell).collect::<String>()));
    }
    #[expect(clippy::print_stdout, reason = "the table is what this is for")]
    {
        println!("{}", table.join("\n"));
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

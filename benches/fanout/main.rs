//! How fast and how cheaply one change reaches many streams, beside a plain good server.
//!
//! "The floor" is that server: hyper with a task for each stream, which writes bytes that were encoded before.
//! Each server is a process of its own, so that its CPU and memory are its alone; both are alive at once and take
//! turns change by change, so that whatever else the machine does hits both. The client frames HTTP/2 by hand,
//! because a real one costs more than the servers. Of each pass the ratio to the floor counts, and of the passes
//! the middle one.
//!
//! * `last stream told`: from the command to change (a line into the server's input) until the last stream has
//!   the message; the middle of the rounds.
//! * `CPU a message`: of all threads of the server.
//! * `memory a stream`: what the server's memory grew by when all streams were opened and answered.
//! * `first answers of all`: all streams at once on new connections, until the last has its first answer.
//!
//! `cargo bench --bench fanout` prints a table in some minutes and fails if a figure is over its bound, or if a
//! stream is told anything twice or not at all. Words after `--` choose rows by their names; `--quick` takes
//! small rows and does not look at the bounds.

#[path = "../cluster/mod.rs"]
mod cluster;

mod board;
mod child;
mod client;
mod floor;
mod frames;
mod messages;
mod others;
mod ours;
mod rows;
mod server;
mod slow;
mod table;
mod watched;
mod worlds;

use std::{process::ExitCode, time::Duration};

use tikv_jemallocator::Jemalloc;
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};

use self::{
    child::WORKERS,
    rows::{Bounds, Row},
    server::Which,
    table::Line,
    worlds::World,
};

/// That of `switchyard`. The floor has the same one.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What can go wrong ends the benchmark.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn fan_outs() -> [Row; 5] {
    let row = |name, world, streams, connections, bounds| Row {
        name,
        world,
        streams,
        connections,
        passes: 3,
        rounds: 25,
        storms: 3,
        bounds,
    };
    let bounds = |last, cpu| Bounds { last: Some(last), cpu: Some(cpu), ..Bounds::default() };
    let with_streams = |bounds, memory, storm| Bounds { memory: Some(memory), storm: Some(storm), ..bounds };
    let small = Some(4.0);
    [
        row(
            "10,000 on 100",
            World::Small,
            10_000,
            100,
            Bounds { kilobytes: small, ..with_streams(bounds(0.35, 0.30), 1.5, 1.2) },
        ),
        row("10,000 on 100, 450 B", World::Usual, 10_000, 100, bounds(0.45, 0.40)),
        row("1,000 on 100", World::Small, 1_000, 100, with_streams(bounds(0.5, 0.45), 1.3, 1.3)),
        row("1,000 on 1,000", World::Small, 1_000, 1_000, with_streams(bounds(1.15, 1.15), 1.1, 1.2)),
        Row {
            rounds: 8,
            ..row(
                "50,000 on 250",
                World::Small,
                50_000,
                250,
                Bounds { kilobytes: small, ..Bounds::default() },
            )
        },
    ]
}

/// What is measured besides, with names as rows have.
#[derive(Clone, Copy)]
enum Other {
    Split,
    Rollout,
    Services,
    Slow,
    Watched,
    EventToWire,
}

const OTHERS: [Other; 6] =
    [Other::Split, Other::Rollout, Other::Services, Other::Slow, Other::Watched, Other::EventToWire];

impl Other {
    fn name(self) -> &'static str {
        match self {
            Self::Split => "weights of 2 x 5,000",
            Self::Rollout => "rollout of 1,000",
            Self::Services => "1,000 services x 10",
            Self::Slow => "10 % stuck",
            Self::Watched => "100 pages",
            Self::EventToWire => "event to wire",
        }
    }

    async fn run(self, quick: bool) -> Outcome<Vec<Line>> {
        let (row, seconds) = (self.name(), Duration::from_secs);
        match (self, quick) {
            (Self::Split, false) => others::split(row, 5_000, 1_000, seconds(15)).await,
            (Self::Split, true) => others::split(row, 200, 200, seconds(1)).await,
            (Self::Rollout, false) => others::rollout(row, 1_000, seconds(10), 1_000).await,
            (Self::Rollout, true) => others::rollout(row, 100, seconds(2), 200).await,
            (Self::Services, false) => others::services(row, 1_000, 15).await,
            (Self::Services, true) => others::services(row, 100, 3).await,
            (Self::Slow, false) => slow::slow(row, 10_000, 40, 100_000).await,
            (Self::Slow, true) => slow::slow(row, 1_000, 5, 5_000).await,
            (Self::Watched, false) => watched::watched(row, 10_000, 100).await,
            (Self::Watched, true) => watched::watched(row, 1_000, 10).await,
            (Self::EventToWire, false) => others::event_to_wire(row, 1_000).await,
            (Self::EventToWire, true) => others::event_to_wire(row, 50).await,
        }
    }
}

/// What the arguments ask for.
#[derive(Default)]
struct Wanted {
    names: Vec<String>,
    quick: bool,
    server: Option<(Which, World)>,
}

impl Wanted {
    fn of_args() -> Outcome<Self> {
        let (mut wanted, mut which) = (Self::default(), None);
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // cargo says this.
                "--bench" => {}
                "--quick" => wanted.quick = true,
                "--server" => which = Some(args.next().ok_or("--server is floor or ours")?.parse()?),
                "--world" => {
                    let world = args.next().ok_or("--world is a world")?.parse()?;
                    wanted.server = which.map(|which| (which, world));
                }
                _ => wanted.names.push(arg),
            }
        }
        Ok(wanted)
    }

    fn row(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
async fn measure(wanted: &Wanted) -> Outcome<bool> {
    let mut lines: Vec<Line> = Vec::new();
    println!("allocator: jemalloc; threads of a server: {WORKERS}");
    println!("{}", table::head());
    let mut show = |mut new: Vec<Line>| {
        if wanted.quick {
            new.iter_mut().for_each(|line| line.bound = None);
        }
        new.iter().for_each(|line| println!("{line}"));
        lines.extend(new);
    };
    for row in fan_outs().into_iter().filter(|row| wanted.row(row.name)) {
        let row = if wanted.quick { row.quick() } else { row };
        show(row.run().await?);
    }
    for other in OTHERS.into_iter().filter(|other| wanted.row(other.name())) {
        show(other.run(wanted.quick).await?);
    }
    Ok(!lines.iter().any(Line::is_over))
}

#[expect(clippy::print_stderr, reason = "it says what went wrong")]
fn main() -> ExitCode {
    let run = || -> Outcome<bool> {
        let wanted = Wanted::of_args()?;
        if let Some((which, world)) = wanted.server {
            // As `serve` does: without it, each span that nobody wants is offered to another kind of log.
            tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
            let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
            match which {
                Which::Floor => runtime.block_on(floor::serve(world)),
                Which::Ours => runtime.block_on(ours::serve(world)),
            }
            runtime.shutdown_timeout(Duration::from_millis(100));
            return Ok(true);
        }
        let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, measure(&wanted))
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("a figure is over its bound");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

//! The whole server but its sockets, on a clock of its own: one seed is one run.
//!
//! A scripted [`source`] tells the real controller what happens in a cluster, late, twice, out of order between
//! kinds, with lists anew and silences; [`client`]s ask the real service and poll its real response bodies, at
//! once, rarely or not at all, hang up and ask again; a server stops and another one takes over. What is true is
//! what the server was told after each batch, by the laws' oracle ([`history`]). After every step it is checked
//! ([`held`], [`shares`]):
//!
//! * what a client holds was true at some moment not before its last, whichever stream told it;
//! * an endpoint that was ready at all those moments is never absent, not even between two messages;
//! * the weights of a split are their backends' shares, and add up;
//! * nothing is said twice, and nothing that changes nothing;
//! * whoever read everything is current, was woken for it, and was brought there in one step;
//! * a stream ends only because its server stops, and then in time;
//! * once faults end everybody holds what a fresh server would say; when all are gone nothing is left.
//!
//! `cargo test` runs the same seeds every day. `SWITCHYARD_SIMULATION_SECONDS=60` runs others for that long, and
//! `SWITCHYARD_SIMULATION_SEED=7` one seed, with all that happened in it.

mod client;
mod connection;
mod dice;
mod held;
mod history;
mod line;
mod play;
mod request;
mod server;
mod shares;
mod source;
mod trace;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use self::{dice::Alphabet, play::Play, trace::Trace};

/// How many seeds a daily run tries.
const DAILY: u64 = 1000;

/// Runs a seed; what was wrong, if anything was.
fn run(seed: u64, alphabet: &Alphabet, trace: &mut Trace) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let run = || {
        let play = async { Play::new(seed, alphabet, trace).run().await };
        runtime.expect("a runtime").block_on(play)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("a panic, see above".to_owned()))
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}; it should be a whole number")))
}

#[expect(clippy::print_stdout, reason = "seen only by who asks for it with --nocapture")]
fn show(text: &str) {
    print!("{text}");
}

/// The end of a run that failed, and how to have it again.
fn report(seed: u64, tried: u64, trace: &str, why: &str) -> String {
    let lines: Vec<_> = trace.lines().collect();
    let last = lines[lines.len().saturating_sub(40)..].join("\n");
    format!(
        "seed {seed} fails, after {tried} others:\n{last}\n{why}\n\nRun it again:\n  \
         SWITCHYARD_SIMULATION_SEED={seed} cargo test --locked --test it simulation:: -- --nocapture"
    )
}

#[test]
fn no_client_is_ever_told_anything_but_the_truth() {
    if let Some(seed) = number("SWITCHYARD_SIMULATION_SEED") {
        let mut trace = Trace::new(true);
        let outcome = run(seed, &Alphabet::new(), &mut trace);
        show(trace.text());
        return outcome.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
    let seconds = number("SWITCHYARD_SIMULATION_SECONDS");
    let start = SystemTime::now();
    let since = |time: SystemTime| start.duration_since(time).unwrap_or_default().as_secs();
    // A run for time goes where no other run was.
    let first = seconds.map_or(0, |_| since(SystemTime::UNIX_EPOCH) << 20);
    let is_over = |tried: u64| match seconds {
        Some(seconds) => start.elapsed().unwrap_or_default() >= Duration::from_secs(seconds),
        None => tried >= DAILY,
    };
    let (next, failure) = (AtomicU64::new(0), Mutex::new(None));
    let work = || {
        let alphabet = Alphabet::new();
        loop {
            let tried = next.fetch_add(1, Ordering::SeqCst);
            if is_over(tried) || failure.lock().expect("no panic").is_some() {
                return;
            }
            let (seed, mut trace) = (first + tried, Trace::new(false));
            if let Err(why) = run(seed, &alphabet, &mut trace) {
                let report = report(seed, tried, trace.text(), &why);
                failure.lock().expect("no panic").get_or_insert(report);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some(report) = failure.into_inner().expect("no panic") {
        panic!("{report}");
    }
    show(&format!("{} seeds from {first} on\n", next.load(Ordering::SeqCst)));
}

#[test]
fn a_seed_is_a_run() {
    let alphabet = Alphabet::new();
    for seed in 0..60 {
        let [one, other] = [(), ()].map(|()| {
            let mut trace = Trace::new(false);
            let outcome = run(seed, &alphabet, &mut trace);
            (outcome, trace.text().to_owned())
        });
        assert_eq!(one, other, "seed {seed}");
    }
}

//! The whole server but its sockets, on a clock of its own: one seed is one run.
//!
//! A scripted [`source`] tells the real controller what happens in a cluster, late, twice, out of order
//! between kinds, with lists anew and silences; [`client`]s ask the real service and poll its real response
//! bodies, at once, rarely or not at all, hang up and ask again; a server stops and another one takes over.
//! What is true is what the server was told after each batch, by the laws' oracle ([`history`]). After every
//! step it is checked ([`held`], [`shares`]):
//!
//! * *true*: what a client holds was true at some moment not before its last, whichever stream told it;
//! * *absent*: an endpoint that was ready at all those moments is never absent, not even between two messages;
//! * *shares*: the weights of a split are its backends' shares, and add up;
//! * *twice*: nothing is said twice, and nothing that changes nothing;
//! * *current*: whoever read everything is current, was woken for it, and was brought there in one step;
//! * *stream's end*: a stream ends only because its server stops, and then in time;
//! * *the end*: once faults end everybody holds what a fresh server would say;
//! * *audits*: the server, which compares what it published with what is true, finds nothing;
//! * *left over*: when all are gone there are no topics and no views, and what happens costs nothing.
//!
//! In one of five runs clients speak HTTP/2 over a pipe in memory, with windows as small as a few bytes, to
//! the service behind a real connection ([`connection`]), which breaks now and then.
//!
//! `cargo test` runs the same seeds every day. `SWITCHYARD_SIMULATION_SECONDS=60` runs others for that long,
//! and `SWITCHYARD_SIMULATION_SEED=7` one seed, with all that happened in it (`-- --nocapture`). The server
//! chooses at random between what is asked and what is told in the same moment, so a run never has both in one.
//!
//! What it is known to see: each of these was put into the code by hand, and this check was the first to see
//! it, after so many seeds.
//!
//! | what was broken | seen by | seeds |
//! | --- | --- | --- |
//! | topic: a subscriber passes over every fifth version | current | 2 |
//! | topic: the shared step is given to whoever asks, whatever it has | twice | 7 |
//! | topic: a waker is never replaced by a newer one | current | 2 |
//! | topic: only the first who waits is woken | current | 6 |
//! | topic: it is reaped while somebody follows it | current | 35 |
//! | topic: a cursor keeps the answer before the one it gave | true | 17 |
//! | controller: half of a batch is made known before the rest | true | 4 |
//! | controller: of several batches only the last counts | current | 1 |
//! | controller: what was held is forgotten when it is due | current | 2 |
//! | controller: a topic that was reaped is still published in | left over | 2 |
//! | controller: of a new topic nothing is said before a change | current | 2 |
//! | controller: a stream is given what another target was answered | true | 5 |
//! | controller: what nobody watches is resolved on | left over | 1 |
//! | view: a remove is left out | true | 4 |
//! | view: that a service without endpoints goes is not said | current | 18 |
//! | view: labels of the set are not compared | current | 12 |
//! | view: an endpoint is sent again as it was | twice | 4 |
//! | wire: remove goes before add | true | 4 |
//! | engine: it answers after the first list of any kind | true | 2 |
//! | engine: a node's new zone makes nobody look again | current | 7 |
//! | engine: a split that comes makes nobody look again | current | 8 |
//! | engine: an answer that changed is not remembered | current | 5 |
//! | engine: clients of all zones are answered alike | true | 80 |
//! | engine: the reads of those who asked before are forgotten | current | 5 |
//! | engine: one client that goes takes the others with it | current | 55 |
//! | dependents: what is read anew is not noted | the controller ended | 3 |
//! | dependents: a fact goes with the first who read it | the controller ended | 2 |
//! | resolve: that a service is absent is not noted | current | 1 |
//! | resolve: that a service has no split is not noted | current | 41 |
//! | resolve: endpoints once read are taken for current | current | 4 |
//! | blocks: blocks of one size are taken for the same | current | 3 |
//! | share: rounded down | true | 4 |
//! | share and the oracle alike: half a billion is shared out | shares | 3 |
//! | cluster: what is not in a list stays | true | 33 |
//! | cluster: what cannot be read is taken for gone | absent | 5 |
//! | cluster: a split that moves stays with its old apex | current | 41 |
//! | cluster: a Pod that comes late is not seen behind its endpoint | the end | 4 |
//! | hold: every new reason puts an answer off again | current | 121 |
//! | hold: merged answers are held as well | current | 7 |
//! | answers: a step of two messages is lost | current | 4 |
//! | answers: the end is put off by every look | stream's end | 1 |
//! | answers: the end says nothing of why | stream's end | 1 |
//! | drain: streams that wait are not woken | stream's end | 1 |
//! | destination: everybody is answered in the merged reading | true | 14 |
//! | destination: the client's node is not passed on | current | 7 |
//! | destination: the client's namespace is not passed on | current | 99 |
//! | destination: every port is 80 | absent | 7 |

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

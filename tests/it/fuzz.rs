//! What anybody may write: objects with anything in any field, authorities and tokens of any text.
//!
//! What must hold is little and holds for everything: nothing panics, what cannot be used is refused with the
//! place and a reason, and nobody else is told anything different because of it.
//!
//! By default each target runs for about a second. `SWITCHYARD_FUZZ_SECONDS=60 cargo test --test it fuzz:: --
//! --nocapture` runs each for a minute, with fresh seeds, and prints how many cases that were. The seed of a
//! case that fails is kept in `proptest-regressions/it/`; commit it with the fix.

mod mutation;
mod objects;
mod requests;
mod specimens;

use std::{env, time::Duration};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, TestCaseResult, TestRunner},
};
use tokio::time::Instant;

/// How many cases are run between two looks at the clock.
const BATCH: u32 = 50;

/// Tries a law on `daily` cases, on as many as `PROPTEST_CASES` says, or for `SWITCHYARD_FUZZ_SECONDS`.
#[track_caller]
#[expect(clippy::print_stdout, reason = "says how far a long run came")]
fn fuzz<S: Strategy>(
    target: &str,
    seeds: &'static str,
    daily: u32,
    strategy: &S,
    law: impl Fn(S::Value) -> TestCaseResult,
) {
    let asked = Config::default();
    let cases = if env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { daily };
    let persistence = Some(Box::new(FileFailurePersistence::Direct(seeds)) as _);
    let config = Config { cases, failure_persistence: persistence, max_shrink_iters: 20_000, ..asked };
    let run = |config| {
        // Its random numbers begin anew each time.
        let mut runner = TestRunner::new(config);
        if let Err(error) = runner.run(strategy, &law) {
            panic!("{target}: {error}\n{runner}");
        }
    };
    let Some(time) = duration() else { return run(config) };
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < time {
        run(Config { cases: BATCH, ..config.clone() });
        done += BATCH;
    }
    println!("{target}: {done} cases in {} s, nothing wrong", start.elapsed().as_secs());
}

/// How long each target is to run, if the environment says so.
fn duration() -> Option<Duration> {
    let text = env::var("SWITCHYARD_FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(text.parse().expect("SWITCHYARD_FUZZ_SECONDS is a whole number of seconds")))
}

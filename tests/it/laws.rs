//! Laws that hold for every cluster and every history, shown with random ones.
//!
//! What must be true is written down three times over, each time without the code under test: the
//! [`oracle`] answers from a list of objects in the plainest way; the [`client`] believes what it is told and
//! refuses to be told anything twice; the [`world`] is a list of objects on which the last write wins. All
//! histories come from one tiny [`alphabet`], so that a failure shrinks to a few objects with short names.
//!
//! `PROPTEST_CASES=10000 cargo test --test it laws` looks further than the daily run does.

pub(crate) mod alphabet;
mod answers;
pub(crate) mod client;
pub(crate) mod drain;
mod explained;
mod known;
mod large;
pub(crate) mod oracle;
mod plan;
mod shares;
pub(crate) mod simple;
mod streams;
mod stress;
pub(crate) mod world;

use proptest::test_runner::Config;

/// How many cases a law is tried on, unless the environment asks for a number.
fn cases(daily: u32) -> Config {
    let asked = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { daily };
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..asked }
}

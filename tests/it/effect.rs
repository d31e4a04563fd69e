//! Objects that are read without an error and have no effect, or another one than they say: each is reported, with its
//! place, what it means for traffic, and what would be right.
//!
//! Inputs are folders of YAML; what is expected are lines of `switchyard check`.

use crate::check::check;

mod limits;
mod odd_splits;
mod profiles;
mod proxies;
mod servers;
mod splits;

/// A Service `web` in namespace `default` on port 80 with a Deployment behind it; `web-a` and `web-b` likewise.
const WEB: &str = include_str!("effect/web.yaml");

/// `check` of the [services](WEB) with this prints one warning, which has all of these texts.
#[track_caller]
fn expect_one(got: &(i32, String), texts: &[&str]) {
    let (code, out) = got;
    let warnings: Vec<_> = out.lines().filter(|line| line.contains(": ") && line.ends_with(']')).collect();
    assert_eq!((*code, warnings.len()), (1, 1), "{out}");
    for text in texts {
        assert!(warnings[0].contains(text), "{text:?} is not in\n{out}");
    }
}

/// `check` reports nothing.
#[track_caller]
fn expect_nothing(got: &(i32, String)) {
    assert_eq!(got.0, 0, "{}", got.1);
}

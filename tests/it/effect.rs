//! Objects that are read without an error and have no effect, or another one than they say: each is reported, with its
//! place, what it means for traffic, and what would be right.
//!
//! Inputs are folders of YAML; what is expected are lines of `switchyard check`.

use std::fs;

use crate::golden::run;

mod profiles;
mod proxies;
mod splits;

/// A Service `web` in namespace `default` on port 80 with a Deployment behind it; `web-a` and `web-b` likewise.
const WEB: &str = include_str!("effect/web.yaml");

/// What `check` prints of a folder with this in `a.yaml`, and its exit code.
async fn check(yaml: &str) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), yaml).expect("written");
    let got = run(&["check", folder.path().to_str().expect("text")], "").await;
    let code = got
        .lines()
        .find_map(|line| line.strip_prefix("[exit code ")?.strip_suffix(']')?.parse().ok())
        .unwrap_or(-1);
    (code, got)
}

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

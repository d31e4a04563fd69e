//! The version of this program, with the commit and the date of its build.

/// The version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built: `SWITCHYARD_COMMIT` at build time, else that of the git work tree, else `unknown`.
pub const COMMIT: &str = env!("SWITCHYARD_BUILD_COMMIT");

/// The date of the build, RFC 3339 in UTC: `SOURCE_DATE_EPOCH` at build time, else the date of the commit, else
/// `unknown`. Never the clock's, so that one commit builds the same program again.
pub const DATE: &str = env!("SWITCHYARD_BUILD_DATE");

/// All of it: `0.1.0 (commit 921595f0a1b2, built 2026-11-28T04:36:00Z)`.
pub const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SWITCHYARD_BUILD_COMMIT"),
    ", built ",
    env!("SWITCHYARD_BUILD_DATE"),
    ")"
);

#[cfg(test)]
mod tests {
    use super::{COMMIT, DATE};

    #[test]
    fn commit_and_date_have_their_shape_or_are_unknown() {
        let is_commit = COMMIT.len() >= 7 && COMMIT.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_commit || COMMIT == "unknown", "{COMMIT}");
        assert!(DATE == "unknown" || DATE.parse::<jiff::Timestamp>().is_ok(), "{DATE}");
    }
}

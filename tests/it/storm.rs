//! Clients that come and go in crowds, and what is left of them: nothing.
//!
//! What `cargo test` runs is small. `SWITCHYARD_STORM=full`, best with `--release`, is the real thing: 2,000
//! clients of 10 streams that all reconnect every second for half a minute, a million
//! subscriptions and as many views, 100,000 changes.

mod crowd;
mod leaks;

/// Whether the real thing was asked for.
pub(crate) fn full() -> bool {
    std::env::var("SWITCHYARD_STORM").is_ok_and(|size| size == "full")
}

/// This, or that if the real thing was asked for.
pub(crate) fn sized<T>(small: T, real: T) -> T {
    if full() { real } else { small }
}

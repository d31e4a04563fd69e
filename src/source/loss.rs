//! When a loss of objects is too large to be believed at once.
//!
//! An unmount, `rm` before a clone, a backup that is restored and a list of an API server that lost its data look like
//! this for a while. What was known is served meanwhile, for at most a time that the operator sets.

use tokio::time::Duration;

/// How long a large loss is doubted unless `--empty-after` says otherwise: a clone, a copy or a restart of an API server
/// is over by then.
pub const EMPTY_AFTER: Duration = Duration::from_secs(30);

/// Whether losing so many of the known objects in one step takes all of them. A single object that goes is believed.
pub(super) fn takes_all(lost: usize, known: usize) -> bool {
    lost > 1 && lost == known
}

/// Whether it takes more than half of them.
pub(super) fn takes_most(lost: usize, known: usize) -> bool {
    lost > 1 && 2 * lost > known
}

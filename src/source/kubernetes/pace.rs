//! How long everything may take.

use tokio::time::Duration;

use crate::source::loss::EMPTY_AFTER;

/// How long a source waits for what. The defaults are what a real cluster is followed with; tests have less
/// time.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long the API server may take to begin an answer, or to go on with one that should flow.
    pub answer: Duration,
    /// How long one watch lasts, at least; the API server ends it then, and the next one goes on where it
    /// ended. Short, because only then is a silent connection noticed within a minute: a quiet kind says
    /// nothing for that long either.
    pub watch: Duration,
    /// A watch that should have ended is given so much longer.
    pub grace: Duration,
    /// How long an API server may answer with something older than what is known. Longer than that, and it is
    /// what there is: a cluster restored from a backup.
    pub believe_old_after: Duration,
    /// How long a list that lacks all objects of a kind, or most Services or EndpointSlices, is doubted; 0 for not at
    /// all.
    pub empty_after: Duration,
    /// How long lies between two looks for a kind that seems to be missing. An API server that starts knows no
    /// custom kinds for a moment.
    pub look_again: Duration,
    /// How often a kind that is not there is looked for, about.
    pub look_for: Duration,
    /// The first wait after a failure, about.
    pub first_wait: Duration,
    /// The longest wait after failures, about: an API server that comes back is noticed within half a minute.
    pub longest_wait: Duration,
    /// Credentials are not renewed more often than this.
    pub renewal: Duration,
    /// A kind that is behind for less than this is no news: watches end and begin again all the time.
    pub news_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            watch: Duration::from_secs(35),
            grace: Duration::from_secs(10),
            believe_old_after: Duration::from_secs(300),
            empty_after: EMPTY_AFTER,
            look_again: Duration::from_secs(2),
            look_for: Duration::from_secs(10),
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(20),
            renewal: Duration::from_secs(10),
            news_after: Duration::from_secs(5),
        }
    }
}

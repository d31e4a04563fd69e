//! The end of all streams: each at its own moment within a window, so that the clients of a server that goes
//! away do not reach the others all at once.

use std::sync::Arc;

use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::topic::Topics;

/// Shared by all streams of a server. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    started: CancellationToken,
    window: Duration,
    topics: Arc<Topics>,
}

impl Drain {
    /// A drain that has not started. Streams will end within `window` after it does.
    #[must_use]
    pub fn new(window: Duration, topics: Arc<Topics>) -> Self {
        Self { shared: Arc::new(Shared { started: CancellationToken::new(), window, topics }) }
    }

    /// Starts to end the streams. They are woken, so that those with nothing to say notice as well.
    pub fn start(&self) {
        self.shared.started.cancel();
        self.shared.topics.wake_all();
    }

    /// Waits until the drain starts; for what is under way and is no stream yet.
    pub async fn started(&self) {
        self.shared.started.cancelled().await;
    }

    /// When a stream that asks now should end: `None` for not at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let started = self.shared.started.is_cancelled();
        started.then(|| Instant::now() + self.shared.window.mul_f64(fastrand::f64()))
    }
}

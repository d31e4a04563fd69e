//! The end of all streams: each at its own moment within a window, so that the clients of a server that goes
//! away do not reach the others all at once.
//!
//! Until the window is over the server still answers, also whoever comes late because nobody told it yet: such a
//! stream is given everything and ends within what is left of the window. Refusing it would leave a client that was
//! sent here by chance without a stream for one more backoff.

use std::sync::{Arc, OnceLock};

use tokio::time::{Duration, Instant, sleep_until};
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
    /// When the window is over, once it has begun.
    over: OnceLock<Instant>,
    window: Duration,
    topics: Arc<Topics>,
}

impl Drain {
    /// A drain that has not started. Streams will end within `window` after it does.
    #[must_use]
    pub fn new(window: Duration, topics: Arc<Topics>) -> Self {
        let (started, over) = (CancellationToken::new(), OnceLock::new());
        Self { shared: Arc::new(Shared { started, over, window, topics }) }
    }

    /// Starts to end the streams. They are woken, so that those with nothing to say notice as well.
    pub fn start(&self) {
        self.shared.over.get_or_init(|| Instant::now() + self.shared.window);
        self.shared.started.cancel();
        self.shared.topics.wake_all();
    }

    /// Waits until the drain starts.
    pub async fn started(&self) {
        self.shared.started.cancelled().await;
    }

    /// Waits until its window is over: nobody is answered any more.
    pub async fn over(&self) {
        self.started().await;
        if let Some(over) = self.shared.over.get() {
            sleep_until(*over).await;
        }
    }

    /// When a stream that asks now should end: `None` for not at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let over = *self.shared.over.get()?;
        let now = Instant::now();
        Some(now + over.saturating_duration_since(now).mul_f64(fastrand::f64()))
    }
}

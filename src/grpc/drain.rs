//! The end of all streams: each at its own moment within a window, so that the clients of a server that goes
//! away do not reach the others all at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::{Duration, Instant};

use crate::topic::Topics;

/// Shared by all streams of a server. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    started: AtomicBool,
    window: Duration,
    topics: Arc<Topics>,
}

impl Drain {
    /// A drain that has not started. Streams will end within `window` after it does.
    #[must_use]
    pub fn new(window: Duration, topics: Arc<Topics>) -> Self {
        Self { shared: Arc::new(Shared { started: AtomicBool::new(false), window, topics }) }
    }

    /// Starts to end the streams. They are woken, so that those with nothing to say notice as well.
    pub fn start(&self) {
        self.shared.started.store(true, Ordering::SeqCst);
        self.shared.topics.wake_all();
    }

    /// When a stream that asks now should end: `None` for not at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let started = self.shared.started.load(Ordering::SeqCst);
        started.then(|| Instant::now() + self.shared.window.mul_f64(fastrand::f64()))
    }
}

//! Looks at the engine that no answer waits for: those of people, and those of audits.
//!
//! A panic in one ends that look and not the server. All replicas know the same, and the question or the view that one
//! of them fails at would end the others as well.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tokio::sync::oneshot;

use crate::{engine::Engine, metrics::Metrics};

/// Why a look at the engine found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uninspected {
    /// The controller is gone.
    #[error("this server is shutting down; ask another one")]
    ShuttingDown,
    /// The look panicked.
    #[error("looking at what this server knows has failed, which is a bug; its log says how")]
    Failed,
}

/// What a look does; what it finds it sends by itself.
type Looking = dyn FnOnce(&Engine, &Metrics) + Send;

/// Somebody's look at the engine.
pub(super) struct Look(Box<Looking>);

impl Look {
    /// A look, and where what it finds arrives.
    pub(super) fn new<T: Send + 'static>(
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, Uninspected>>) {
        let (reply, found) = oneshot::channel();
        let look = move |engine: &Engine, metrics: &Metrics| {
            // Who does not wait any more costs nothing.
            if reply.is_closed() {
                return;
            }
            let found = unharmed(metrics, || look(engine)).map_err(|why| {
                tracing::error!(
                    "a look at what is known has failed, which is a bug; no answer depends on it: {why}"
                );
                Uninspected::Failed
            });
            _ = reply.send(found);
        };
        (Self(Box::new(look)), found)
    }

    pub(super) fn take(self, engine: &Engine, metrics: &Metrics) {
        self.0(engine, metrics);
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

/// What a look finds, or with which words it panicked, which is counted.
pub(super) fn unharmed<T>(metrics: &Metrics, look: impl FnOnce() -> T) -> Result<T, String> {
    // A look only reads, and nothing of what it reads can be changed through a shared reference: wherever it stops, the
    // engine is what it was.
    catch_unwind(AssertUnwindSafe(look)).map_err(|panic| {
        metrics.inspections_failed.inc();
        words(&*panic)
    })
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let words =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    words.unwrap_or("a panic without words").to_owned()
}

//! Work for whoever asks, on threads that serve no stream, and so much of it at once.
//!
//! The place of a piece of work goes where the work goes. Whoever asked may be gone long before it is done: if that freed
//! the place, asking and going away again would pile work up.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, spawn_blocking},
};

/// Places for pieces of work of one sort.
#[derive(Debug)]
pub(super) struct Turns {
    places: Arc<Semaphore>,
}

/// A place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
}

impl Turns {
    /// So many pieces at once; at least 1.
    pub(super) fn new(at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)) }
    }

    /// Waits for a place. Whoever gives up waiting is forgotten.
    pub(super) async fn next(&self) -> Turn {
        Turn { _place: self.places.clone().acquire_owned().await.expect("nobody closes it") }
    }
}

impl Turn {
    /// Works in this place, which is kept until that is done even if nobody waits for it any more.
    ///
    /// # Errors
    /// If the work panics, or if the program is about to end.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        spawn_blocking(move || {
            let done = work();
            drop(self);
            done
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_goes_away_leaves_the_place_to_the_work_until_that_is_done() {
        let turns = Turns::new(1);
        let (end, ended) = mpsc::channel();
        let turn = turns.next().await;
        // Begun, and then nobody waits for it.
        assert!(turn.run(move || ended.recv()).now_or_never().is_none());
        for _ in 0..3 {
            assert!(turns.next().now_or_never().is_none(), "its place is free while it runs");
        }

        end.send(()).expect("it runs");

        assert_eq!(turns.next().await.run(|| 7).await.expect("it is done"), 7);
    }

    #[tokio::test]
    async fn work_that_panics_leaves_its_place() {
        let turns = Turns::new(1);
        turns.next().await.run(|| panic!("as it shall")).await.expect_err("it panics");
        assert_eq!(turns.next().await.run(|| 7).await.expect("it is done"), 7);
    }
}

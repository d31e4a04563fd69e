//! Whether the controller completes its turns, for probes, and what it is doing if it does not.
//!
//! The controller writes here and never waits. A thread of its own counts the seconds without a completed turn, so that
//! a stall is seen also if every worker of the runtime is busy. It counts its own seconds rather than reading a clock: a
//! process that was stopped and goes on has not stalled.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;

/// Seconds without a completed turn after which the server is not ready: answers are late by as much.
pub const UNREADY: i64 = 5;
/// Seconds without a completed turn after which the server does not live, and is better started again: the longest
/// turns of the largest clusters take some seconds.
pub const DEAD: i64 = 60;
/// How often the seconds are counted.
const SECOND: Duration = Duration::from_secs(1);
/// The work between two turns, and before the first one.
const WAITING: &str = "waiting for a worker of the runtime";

/// Completed turns of the controller, and its present work. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Heartbeat(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    turns: AtomicU64,
    /// Work of the present turn, and the number of batches or requests it is for. Locked for a moment only.
    work: Mutex<(&'static str, usize)>,
    /// Seconds without a completed turn, as the metric shows them.
    silent: Gauge,
}

impl Beats {
    fn work(&self) -> MutexGuard<'_, (&'static str, usize)> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeat {
    /// A heartbeat that shows the seconds without a completed turn in this metric.
    pub(super) fn new(silent: Gauge) -> Self {
        Self(Arc::new(Beats { turns: AtomicU64::new(0), work: Mutex::new((WAITING, 0)), silent }))
    }

    /// A turn begins to do this with so many things.
    pub(super) fn begin(&self, doing: &'static str, count: usize) {
        *self.0.work() = (doing, count);
    }

    /// A turn is completed.
    pub(super) fn complete(&self) {
        self.begin(WAITING, 0);
        self.0.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// How many turns were completed since the start.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// For how many seconds no turn was completed. The controller completes one a second at least.
    #[must_use]
    pub fn silent(&self) -> i64 {
        self.0.silent.get()
    }

    /// Counts the seconds from now on, in a thread that ends with the last clone.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub fn watch(&self) -> std::io::Result<()> {
        let beats = Arc::downgrade(&self.0);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&beats)).map(drop)
    }
}

fn watch(beats: &Weak<Beats>) {
    let mut watchdog = Watchdog::default();
    loop {
        thread::sleep(SECOND);
        let Some(beats) = beats.upgrade() else { return };
        watchdog.tick(&beats);
    }
}

/// Counts and logs the seconds without a completed turn.
#[derive(Debug, Default)]
struct Watchdog {
    turns: u64,
    /// The silence of which a line was logged last; 0 if there is none.
    logged: i64,
}

impl Watchdog {
    /// A second has passed.
    fn tick(&mut self, beats: &Beats) {
        let turns = beats.turns.load(Ordering::Relaxed);
        if turns != self.turns {
            self.turns = turns;
            beats.silent.set(0);
            if self.logged > 0 {
                tracing::warn!(
                    "the controller goes on after more than {}s without a completed turn",
                    self.logged
                );
                self.logged = 0;
            }
            return;
        }
        let silent = beats.silent.inc() + 1;
        // At once when it matters, and then seldom: at 5 s, 10 s, 20 s ...
        if silent >= UNREADY.max(2 * self.logged) {
            self.logged = silent;
            let (doing, count) = *beats.work();
            tracing::error!(
                "the controller has completed no turn for {silent}s (it is {doing}: {count}): changes and first answers \
                 are late, open streams keep what they have, /ready fails; after {DEAD}s /live does as well"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::captured::Captured;

    fn tick(watchdog: &mut Watchdog, heartbeat: &Heartbeat, times: i64) {
        (0..times).for_each(|_| watchdog.tick(&heartbeat.0));
    }

    #[test]
    fn silence_is_counted_from_the_last_completed_turn() {
        let (heartbeat, mut watchdog) = (Heartbeat::new(Gauge::default()), Watchdog::default());
        tick(&mut watchdog, &heartbeat, 3);
        assert_eq!(heartbeat.silent(), 3);

        heartbeat.begin("applying a batch of events", 2);
        tick(&mut watchdog, &heartbeat, 1);
        assert_eq!(heartbeat.silent(), 4, "a turn that has begun is not completed");

        heartbeat.complete();
        tick(&mut watchdog, &heartbeat, 1);
        assert_eq!(heartbeat.silent(), 0);
    }

    #[test]
    fn stall_is_logged_with_what_the_controller_does_and_then_seldom() {
        let log = Captured::at(tracing::Level::INFO);
        let (heartbeat, mut watchdog) = (Heartbeat::new(Gauge::default()), Watchdog::default());
        heartbeat.begin("applying a batch of events", 3);
        tick(&mut watchdog, &heartbeat, UNREADY - 1);
        assert!(log.lines().is_empty());

        tick(&mut watchdog, &heartbeat, 56);
        heartbeat.complete();
        tick(&mut watchdog, &heartbeat, 1);

        let lines = log.lines();
        let [five, ten, twenty, forty, over] = &*lines else { panic!("{lines:?}") };
        assert!(five.contains("no turn for 5s (it is applying a batch of events: 3)"), "{five}");
        assert!(ten.contains("10s") && twenty.contains("20s") && forty.contains("40s"), "{lines:?}");
        assert!(over.contains("goes on after more than 40s"), "{over}");
    }
}

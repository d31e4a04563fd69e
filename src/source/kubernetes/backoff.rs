//! How long to wait before trying again.

use tokio::time::Duration;

/// Waits that double, each at random around its time, so that many who lost one server do not all come back
/// at once.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits from the first to the longest, about.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next wait: between half and one and a half of its time.
    pub(super) fn next(&mut self) -> Duration {
        let time = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures += 1;
        time.mul_f64(0.5 + fastrand::f64())
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again() {
        const FIRST: Duration = Duration::from_millis(250);
        const LONGEST: Duration = Duration::from_secs(20);
        let mut backoff = Backoff::new(FIRST, LONGEST);
        for exponent in 0..100 {
            let wait = backoff.next();
            let time = FIRST.saturating_mul(1 << exponent.min(16)).min(LONGEST);
            assert!(wait >= time / 2 && wait <= time * 3 / 2, "{wait:?} after {exponent}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST * 3 / 2);
    }
}

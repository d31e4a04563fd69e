//! A token bucket: so many at once, and then so many a second.

use tokio::time::Instant;

/// How fast something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// A second.
    pub per_second: u32,
    /// At once, after a time without any.
    pub burst: u32,
}

/// Tokens, and when they were counted. Whoever has it knows its rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    counted: Instant,
}

impl Bucket {
    /// A bucket after a long time without any.
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: f64::from(rate.burst), counted: now }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        *self = Self { tokens: self.tokens(rate, now), counted: now };
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }

    /// Whether it says what a new one would say.
    pub(crate) fn is_full(&self, rate: Rate, now: Instant) -> bool {
        self.tokens(rate, now) >= f64::from(rate.burst)
    }

    fn tokens(&self, rate: Rate, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        (self.tokens + passed * f64::from(rate.per_second)).min(f64::from(rate.burst))
    }
}

//! How fast each client address opens streams: a token bucket for each that did lately.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use dashmap::DashMap;
use tokio::time::{Duration, Instant};

use crate::bucket::{Bucket, Rate};

/// How many addresses are known at once: more than there are Pods in a large cluster. Those beyond share one bucket.
const ADDRESSES: usize = 65_536;
/// So few buckets are never worth looking through.
const FEW: usize = 1024;
/// How often buckets that are full again are looked for. They say what no bucket says.
const SWEEP: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Rate,
    /// `None` is everybody for whom there is no room.
    buckets: DashMap<Option<IpAddr>, Bucket>,
    /// How many there are; the map would look at each of its parts to say so.
    count: AtomicUsize,
    start: Instant,
    /// When they were looked through last, in milliseconds from the start.
    swept: AtomicU64,
}

impl Rates {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: DashMap::new(),
            count: AtomicUsize::new(0),
            start: Instant::now(),
            swept: AtomicU64::new(0),
        }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether this address may open one more stream now.
    pub(super) fn take(&self, addr: IpAddr) -> bool {
        let now = Instant::now();
        self.sweep(now);
        let has_room =
            self.count.load(Ordering::Relaxed) < ADDRESSES || self.buckets.contains_key(&Some(addr));
        let new = || {
            self.count.fetch_add(1, Ordering::Relaxed);
            Bucket::full(self.rate, now)
        };
        let mut bucket = self.buckets.entry(has_room.then_some(addr)).or_insert_with(new);
        bucket.take(self.rate, now)
    }

    fn sweep(&self, now: Instant) {
        let swept = self.swept.load(Ordering::Relaxed);
        let passed = now.saturating_duration_since(self.start);
        if self.count.load(Ordering::Relaxed) < FEW || passed < Duration::from_millis(swept) + SWEEP {
            return;
        }
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        // Of several threads one does it.
        if self.swept.compare_exchange(swept, passed, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.buckets.retain(|_, bucket| {
                let keep = !bucket.is_full(self.rate, now);
                if !keep {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
                keep
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn addr(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// How many of ten requests are let through.
    fn taken(rates: &Rates, addr: IpAddr) -> usize {
        (0..10).filter(|_| rates.take(addr)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_then_so_many_a_second() {
        let rates = Rates::new(RATE);
        assert_eq!(taken(&rates, addr(1)), 3);
        advance(Duration::from_millis(200)).await;
        assert_eq!(taken(&rates, addr(1)), 2);
        advance(Duration::from_secs(60)).await;
        assert_eq!(taken(&rates, addr(1)), 3, "never more than the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_too_fast_slows_nobody_else() {
        let rates = Rates::new(RATE);
        assert_eq!(taken(&rates, addr(1)), 3);
        assert_eq!(taken(&rates, addr(2)), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn those_beyond_the_bound_share_one_bucket_until_there_is_room() {
        let rates = Rates::new(RATE);
        for host in 0..u32::try_from(ADDRESSES).unwrap() {
            assert!(rates.take(IpAddr::from(host.to_be_bytes())));
        }
        let late = [[11, 0, 0, 1], [11, 0, 0, 2]].map(IpAddr::from);
        assert_eq!(late.map(|addr| taken(&rates, addr)), [3, 0]);
        assert_eq!(rates.buckets.len(), ADDRESSES + 1);

        advance(SWEEP).await;
        assert_eq!(late.map(|addr| taken(&rates, addr)), [3, 3]);
        assert_eq!(rates.buckets.len(), 2, "nothing is kept of those that were not heard of since");
    }
}

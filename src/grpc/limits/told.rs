//! The operator is told of limits that are hit: at once, and then at most once a minute for each, with how often.
//!
//! It is read off what is counted, so that turning somebody away costs nothing more, however many come.

use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use super::Limit;
use crate::{
    logs::{Logs, Unwritten},
    metrics::{Metrics, OfLimit},
};

/// How often the counts are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing is said of a limit after something was.
const QUIET: Duration = Duration::from_secs(60);

/// What was said of a limit.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    /// How often it had been hit, and when that was.
    hits: u64,
    when: Option<Instant>,
}

impl Said {
    /// How often it was hit since something was said of it, and in which time, if that is to be said now. The first
    /// time is that of a look.
    fn news(&mut self, hits: u64, now: Instant) -> Option<(u64, Duration)> {
        let passed = self.when.map(|when| now.saturating_duration_since(when));
        if hits <= self.hits || passed.is_some_and(|passed| passed < QUIET) {
            return None;
        }
        let new = hits - self.hits;
        *self = Self { hits, when: Some(now) };
        Some((new, passed.unwrap_or(LOOK)))
    }
}

/// Logs limits that are hit, for ever.
pub(crate) async fn tell(metrics: Metrics) {
    let mut said = Limit::ALL.map(|limit| (limit, Said::default()));
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let now = Instant::now();
        if let Some(Unwritten { rate, unread }) = Logs::of_process().map(|logs| logs.unwritten()) {
            Limit::LogRate.hit_in_all(rate, &metrics);
            Limit::LogQueue.hit_in_all(unread, &metrics);
        }
        for (limit, said) in &mut said {
            let hits = metrics.limits_hit.get_or_create(&OfLimit { limit: limit.as_str() }).get();
            if let Some((count, time)) = said.news(hits, now) {
                let (name, impact) = (limit.name(), limit.impact());
                let seconds = time.as_secs();
                let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
                tracing::warn!(limit = limit.as_str(), "{name} was hit {times} in {seconds}s: {impact}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::logs::captured::Captured;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_told_of_at_once_and_then_once_a_minute_with_how_often() {
        let (log, metrics) = (Captured::at(tracing::Level::INFO), Metrics::default());
        tokio::spawn(tell(metrics.clone()));
        for _ in 0..130 {
            sleep(SECOND).await;
            (0..3).for_each(|_| Limit::Views.hit(&metrics));
        }
        sleep(1000 * SECOND).await;

        let lines = log.lines();
        let counts: Vec<_> = lines.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
        let said = "WARN --max-views was hit";
        assert_eq!(
            counts,
            [3, 180, 180, 27].map(|count| {
                let seconds = if count == 3 { 1 } else { 60 };
                format!("{said} {count} times in {seconds}s")
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn limits_are_told_of_apart_with_what_becomes_of_clients() {
        let (log, metrics) = (Captured::at(tracing::Level::INFO), Metrics::default());
        tokio::spawn(tell(metrics.clone()));
        sleep(SECOND / 2).await;
        Limit::Connections.hit(&metrics);
        Limit::StreamRate.hit(&metrics);
        sleep(SECOND).await;

        let lines = log.lines();
        let [connections, rate] = &*lines else { panic!("{lines:?}") };
        assert!(
            connections.contains("--max-connections was hit once in 1s")
                && connections.contains("limit=\"connections\"")
        );
        assert!(rate.contains("--max-stream-rate") && rate.contains("refused"), "{rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_said_of_limits_that_nobody_hits() {
        let log = Captured::at(tracing::Level::INFO);
        tokio::spawn(tell(Metrics::default()));
        sleep(1000 * SECOND).await;
        assert!(log.lines().is_empty());
    }
}

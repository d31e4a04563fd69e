//! One line for an outage of the API server: what it means for clients, which kinds are concerned and why; said when
//! it is noticed, now and then while it lasts, and when it is over.
//!
//! Kinds are followed apart, so each falls behind and recovers for itself; an operator wants to know whether clients
//! are still told the truth, and since when not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use tokio::time::{Duration, Instant, sleep_until};

use super::notes::Notes;
use crate::model::Kind;

/// How long to wait for other kinds that fall behind for the same reason.
const GATHER: Duration = Duration::from_secs(1);
/// How long after the first line of an outage the second comes; each further one comes after twice the time...
const AGAIN: Duration = Duration::from_secs(30);
/// ...and no later than this.
const AGAIN_AT_LAST: Duration = Duration::from_secs(600);

/// What the lack of news of a kind means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Impact {
    /// It was never read, and nothing is answered without it.
    NotReady,
    /// What was read of it is served.
    Stale,
    /// It was never read, and can be done without.
    Without,
}

/// A kind of which nothing new can be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) kind: Kind,
    pub(super) impact: Impact,
    pub(super) since: Instant,
    pub(super) why: String,
}

/// What is to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// As a warning.
    Lasts(String),
    /// As information.
    Over(String),
}

/// What was said of the outage that lasts, if one does.
#[derive(Debug, Default)]
struct Story {
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    /// The kinds that are behind as the last line says: since when, and what it means for them. None before the first.
    said: BTreeMap<Kind, (Instant, Impact)>,
    /// The kinds that any line named.
    named: BTreeSet<Kind>,
    /// How long one of those was behind that is current again, at most.
    longest: Duration,
    /// When the next line is due, and how long after it another.
    due: Instant,
    wait: Duration,
}

/// Logs where things stand, for ever.
pub(super) async fn tell<T>(notes: Arc<Notes>) -> T {
    let mut story = Story::default();
    loop {
        let due = story.outage.as_ref().map(|outage| outage.due);
        tokio::select! {
            () = notes.lags_changed() => {}
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        match story.look(Instant::now(), &notes.lags()) {
            Some(Line::Lasts(text)) => tracing::warn!("{text}"),
            Some(Line::Over(text)) => tracing::info!("{text}"),
            None => {}
        }
    }
}

impl Story {
    /// What there is to say now of these lags.
    fn look(&mut self, now: Instant, lags: &[Lag]) -> Option<Line> {
        if let Some(outage) = &mut self.outage {
            outage.forget_current(now, lags);
        }
        if lags.is_empty() {
            let Outage { named, longest, .. } = self.outage.take()?;
            let (kinds, age) = (Kinds(named.len()), Age(longest));
            return (!named.is_empty()).then(|| {
                Line::Over(format!("all kinds are current again; {kinds} had no news for up to {age}"))
            });
        }
        let outage = self.outage.get_or_insert_with(|| Outage::new(now));
        if lags.iter().any(|lag| outage.said.get(&lag.kind) != Some(&(lag.since, lag.impact))) {
            outage.due = outage.due.min(now + GATHER);
        }
        if now < outage.due {
            return None;
        }
        outage.due = now + outage.wait;
        outage.wait = (2 * outage.wait).min(AGAIN_AT_LAST);
        outage.said = lags.iter().map(|lag| (lag.kind, (lag.since, lag.impact))).collect();
        outage.named.extend(lags.iter().map(|lag| lag.kind));
        Some(Line::Lasts(in_words(now, lags)))
    }
}

impl Outage {
    fn new(now: Instant) -> Self {
        Self {
            said: BTreeMap::new(),
            named: BTreeSet::new(),
            longest: Duration::ZERO,
            due: now + GATHER,
            wait: AGAIN,
        }
    }

    /// What was said of kinds that are current again, or were and fell behind anew, does not hold any more: the next time
    /// is news.
    fn forget_current(&mut self, now: Instant, lags: &[Lag]) {
        self.said.retain(|kind, (since, _)| {
            let lasts = lags.iter().any(|lag| lag.kind == *kind && lag.since == *since);
            if !lasts {
                self.longest = self.longest.max(now.saturating_duration_since(*since));
            }
            lasts
        });
    }
}

/// What it means, for which kinds, and why: kinds with one reason together.
fn in_words(now: Instant, lags: &[Lag]) -> String {
    let mut of_impact: BTreeMap<Impact, Vec<&Lag>> = BTreeMap::new();
    for lag in lags {
        of_impact.entry(lag.impact).or_default().push(lag);
    }
    let part = |(impact, lags): (Impact, Vec<&Lag>)| {
        let oldest = lags.iter().map(|lag| now.saturating_duration_since(lag.since)).max();
        let (kinds, age) = (Kinds(lags.len()), Age(oldest.unwrap_or_default()));
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for lag in lags {
            reasons.entry(&lag.why).or_default().push(lag.kind.as_str());
        }
        let reasons = reasons.iter().map(|(why, kinds)| format!("{}: {why}", kinds.join(", ")));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        match impact {
            Impact::NotReady => {
                format!("not ready, clients wait; {kinds} could not be read for {age} ({reasons})")
            }
            Impact::Stale => format!("serving what is known; {kinds} stale for {age} ({reasons})"),
            Impact::Without => {
                format!("going on without {kinds} that could not be read for {age} ({reasons})")
            }
        }
    };
    of_impact.into_iter().map(part).collect::<Vec<_>>().join("; ")
}

/// A time to the second: `31s`, `2m5s`, `3h12m`.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ ..60 => write!(f, "{seconds}s"),
            seconds @ 60..3600 => write!(f, "{}m{}s", seconds / 60, seconds % 60),
            seconds => write!(f, "{}h{}m", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// How many kinds.
struct Kinds(usize);

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kind{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests;

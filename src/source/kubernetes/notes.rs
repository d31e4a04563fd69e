//! Where things stand with each kind, for the operator: what is behind and why, which objects are of no use.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use tokio::{
    sync::Notify,
    time::{Duration, Instant},
};

use super::{
    api::Trouble,
    decode::Invalid,
    kinds::Resource,
    stale::{Impact, Lag},
};
use crate::{
    metrics::{Metrics, OfKind},
    model::{Kind, ObjectId, Reason},
    source::{Finding, Location, Report, last_valid},
};

/// Invalid objects listed by name in the report; further ones are only counted.
const NAMED: usize = 100;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Notes {
    state: Mutex<State>,
    /// Wakes who logs of kinds that are behind.
    lags_changed: Notify,
    metrics: Metrics,
    news_after: Duration,
}

#[derive(Debug, Default)]
struct State {
    kinds: BTreeMap<Kind, Standing>,
    invalid: BTreeMap<ObjectId, String>,
    changed: bool,
    said: Arc<Report>,
}

/// Where things stand with a kind.
#[derive(Debug, Default)]
struct Standing {
    /// Since when nothing new can be heard, and why.
    behind: Option<Behind>,
    /// Whether the operator was told so.
    is_said: bool,
    is_absent: bool,
    /// Whether it is done without, though it may exist.
    is_without: bool,
    is_listed: bool,
}

/// A kind of which nothing new can be heard.
#[derive(Debug)]
struct Behind {
    since: Instant,
    date: Timestamp,
    why: String,
}

impl Notes {
    pub(super) fn new(metrics: Metrics, news_after: Duration) -> Self {
        Self { state: Mutex::default(), lags_changed: Notify::new(), metrics, news_after }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// The kind was listed: its invalid objects are about to be recorded anew.
    pub(super) fn listed(&self, kind: Kind) {
        let mut state = self.lock();
        state.invalid.retain(|id, _| id.kind != kind);
        state.changed = true;
        let standing = state.kinds.entry(kind).or_default();
        (standing.is_absent, standing.is_listed) = (false, true);
    }

    /// Records that an object is invalid. `in_force` names its last valid version, if it has one.
    pub(super) fn invalid(&self, id: &ObjectId, invalid: &Invalid, in_force: Option<String>) {
        let Invalid { rejection, consequence } = invalid;
        let end = in_force.map_or_else(|| last_valid::ignored(consequence), last_valid::in_force);
        let text = format!("{rejection}{end}");
        let mut state = self.lock();
        if state.invalid.get(id) != Some(&text) {
            tracing::debug!("{id}: {text}");
            self.metrics.undecodable.get_or_create(&OfKind { kind: id.kind.as_str() }).inc();
            state.invalid.insert(id.clone(), text);
            state.changed = true;
        }
    }

    /// Records that an object is valid, or gone.
    pub(super) fn valid(&self, id: &ObjectId) {
        let mut state = self.lock();
        state.changed |= state.invalid.remove(id).is_some();
    }

    /// The kind is not defined in the cluster; whether that is news.
    pub(super) fn absent(&self, kind: Kind) -> bool {
        let mut state = self.lock();
        let standing = state.kinds.entry(kind).or_default();
        let is_news = !std::mem::replace(&mut standing.is_absent, true);
        let was_said = standing.is_said;
        (standing.behind, standing.is_said, standing.is_listed) = (None, false, true);
        state.invalid.retain(|id, _| id.kind != kind);
        state.changed |= is_news || was_said;
        self.lags_changed.notify_one();
        self.show(&state);
        is_news
    }

    /// Whether the kind was not defined when it was last looked for.
    pub(super) fn is_absent(&self, kind: Kind) -> bool {
        self.lock().kinds.get(&kind).is_some_and(|standing| standing.is_absent)
    }

    /// Whatever happens to objects of the kind is heard of.
    pub(super) fn current(&self, kind: Kind) {
        let mut state = self.lock();
        let standing = state.kinds.entry(kind).or_default();
        if let Some(behind) = standing.behind.take()
            && std::mem::take(&mut standing.is_said)
        {
            tracing::debug!(%kind, "current again after {:.0?}", behind.since.elapsed());
            self.lags_changed.notify_one();
            state.changed = true;
        }
        self.show(&state);
    }

    /// The kind may not be read, and can be done without.
    pub(super) fn without(&self, kind: Kind) {
        self.lock().kinds.entry(kind).or_default().is_without = true;
    }

    /// Nothing new can be heard of the kind.
    pub(super) fn behind(&self, resource: &Resource, trouble: &Trouble) {
        let mut state = self.lock();
        let kind = resource.kind;
        let standing = state.kinds.entry(kind).or_default();
        let why = match trouble.code() {
            Some(403) => format!(
                "not allowed to list and watch {}{}: {trouble}; give the ServiceAccount these verbs",
                resource.plural,
                if resource.group.is_empty() { String::new() } else { format!(".{}", resource.group) }
            ),
            _ => trouble.to_string(),
        };
        // Silence is noticed long after it began.
        let silent = if let Trouble::Silent(time) = trouble { *time } else { Duration::ZERO };
        let now = Instant::now();
        let behind = standing.behind.get_or_insert_with(|| Behind {
            since: now.checked_sub(silent).unwrap_or(now),
            date: Timestamp::now() - silent,
            why: String::new(),
        });
        let is_old = behind.since.elapsed() >= self.news_after || !standing.is_listed;
        if is_old && behind.why != why {
            // The operator is told of all kinds together, and warned of each by the report.
            tracing::debug!(%kind, "nothing new since {:.0}: {why}", behind.date);
            behind.why = why;
            standing.is_said = true;
            self.lags_changed.notify_one();
            state.changed = true;
        }
        self.show(&state);
    }

    /// The kinds of which nothing new can be heard for so long that it is said.
    pub(super) fn lags(&self) -> Vec<Lag> {
        let lag = |(kind, standing): (&Kind, &Standing)| {
            let Behind { since, why, .. } = standing.behind.as_ref().filter(|_| standing.is_said)?;
            let impact = match (standing.is_listed, standing.is_without) {
                (true, _) => Impact::Stale,
                (false, true) => Impact::Without,
                (false, false) => Impact::NotReady,
            };
            Some(Lag { kind: *kind, impact, since: *since, why: why.clone() })
        };
        self.lock().kinds.iter().filter_map(lag).collect()
    }

    /// Waits until [`Notes::lags`] may be others.
    pub(super) async fn lags_changed(&self) {
        self.lags_changed.notified().await;
    }

    fn show(&self, state: &State) {
        for (kind, standing) in &state.kinds {
            let is_behind = i64::from(standing.behind.is_some());
            self.metrics.stale.get_or_create(&OfKind { kind: kind.as_str() }).set(is_behind);
        }
    }

    /// Where things stand, if that has changed since it was last asked.
    pub(super) fn news(&self) -> Option<Arc<Report>> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.changed) {
            return None;
        }
        let report = state.report();
        if *state.said == report {
            return None;
        }
        state.said = Arc::new(report);
        Some(state.said.clone())
    }
}

impl State {
    fn report(&self) -> Report {
        let finding = |reason, object: Option<String>, message: String| Finding {
            reason,
            object,
            location: Location { file: Path::new("cluster").into(), line: 0 },
            message,
        };
        let mut findings = Vec::new();
        for (kind, standing) in &self.kinds {
            if let Some(Behind { date, why, .. }) = standing.behind.as_ref().filter(|_| standing.is_said) {
                let text = format!("{kind}: nothing new since {date:.0}: {why}");
                findings.push(finding(Reason::SourceStale, None, text));
            }
        }
        for (id, text) in self.invalid.iter().take(NAMED) {
            findings.push(finding(Reason::InvalidObject, Some(id.to_string()), text.clone()));
        }
        let more: BTreeSet<_> = self.invalid.keys().skip(NAMED).map(|id| id.kind.as_str()).collect();
        if !more.is_empty() {
            let count = self.invalid.len() - NAMED;
            let kinds = more.into_iter().collect::<Vec<_>>().join(", ");
            findings.push(finding(Reason::InvalidObject, None, format!("and {count} more of {kinds}")));
        }
        Report { findings, ..Report::default() }
    }
}

//! Audits while the server runs: view by view, what was published is compared with what is true.
//!
//! A turn takes one view, and the next turn comes no sooner than a hundred times as long after it: a hundredth of the
//! controller's time is all that audits cost, however large views are, and nobody's answer waits for more than one of
//! them. A view that is wrong is put right at once: what was kept is dropped, and the truth is made known as any change is,
//! [held](crate::hold) for a moment first if need be. An audit that panics harms nobody but itself, and is logged and
//! counted.
//!
//! What waits for an audit waits for one view that is resolved from scratch: on a quiet machine 5 µs for 10 endpoints, 0.2
//! ms for 1,000, 1 ms for 3,000, and 3 to 4 ms for 10,000, or 7 to 9 for a split over two backends of so many; on one
//! that is busy several times that. At most one change in a hundred meets an audit, and up to 3,000 endpoints
//! that costs it a millisecond; from there on the slowest hundredth of `event_to_wire` shows it.
//!
//! An operator waits for a round over all views. It lasts [`Pace::round`] as long as that is enough; from some 3,000
//! views on it needs [`Pace::turn`] for each, and with timers that fire at full milliseconds about a minute for 10,000. A
//! view that takes longer than 50 µs from scratch, because it has hundreds of endpoints, counts for a hundred times what
//! it takes: one of 10,000 endpoints for some tenths of a second.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use tokio::time::{Duration, Instant};

use super::{Controller, look::unharmed};
use crate::{
    audit::Divergence,
    bucket::{Bucket, Rate},
    engine::{Change, Engine},
    metrics::{Metrics, Rpc},
    resolve::{Answer, Target},
    topic::Topic,
};

/// How many times as long as an audit took nothing is audited after it.
const REST: u32 = 100;
/// How many divergences are logged; all are counted. Where everything is wrong, the first few lines say how.
const LOGGED: Rate = Rate { per_second: 1, burst: 20 };

/// When audits take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// No two audits are closer to each other than this.
    pub turn: Duration,
    /// No view is audited more often than once in this time.
    pub round: Duration,
}

impl Default for Pace {
    /// Twenty seconds: a gauge that is raised in one round and falls in the next is seen by who looks every fifteen,
    /// and what is wrong is wrong for less than a minute in all but the largest clusters.
    fn default() -> Self {
        Self { turn: Duration::from_millis(5), round: Duration::from_secs(20) }
    }
}

/// Where audits have come to, and what they found.
#[derive(Debug)]
pub(super) struct Audits {
    pace: Pace,
    /// The view that was audited last, if the round goes on after it.
    last: Option<Target>,
    round_began: Instant,
    /// Views that were wrong when they were last audited.
    divergent: BTreeSet<Target>,
    logged: Bucket,
    /// Where the truth comes from: [`Engine::audit`], but in tests.
    pub(super) truth: fn(&Engine, &Target) -> Option<Arc<Answer>>,
}

impl Default for Audits {
    fn default() -> Self {
        Self::new(Pace::default())
    }
}

impl Audits {
    pub(super) fn new(pace: Pace) -> Self {
        let now = Instant::now();
        let logged = Bucket::full(LOGGED, now);
        Self { pace, last: None, round_began: now, divergent: BTreeSet::new(), logged, truth: Engine::audit }
    }

    /// A view that is not kept any more is not wrong either.
    pub(super) fn forget(&mut self, target: &Target, metrics: &Metrics) {
        if self.divergent.remove(target) {
            metrics.audit_divergent_views.get_or_create(&rpc(target)).dec();
        }
    }

    fn found(&mut self, target: &Target, diverges: bool, metrics: &Metrics) {
        metrics.audits.get_or_create(&rpc(target)).inc();
        if !diverges {
            return self.forget(target, metrics);
        }
        metrics.audit_divergences.get_or_create(&rpc(target)).inc();
        if self.divergent.insert(target.clone()) {
            metrics.audit_divergent_views.get_or_create(&rpc(target)).inc();
        }
    }
}

impl Controller {
    /// Audits the view whose turn it is; when the next turn is.
    pub(super) fn audit(&mut self) -> Instant {
        let began = Instant::now();
        let last = self.audits.last.take();
        if last.is_none() {
            self.audits.round_began = began;
        }
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut views = self.watched.range((after, Bound::Unbounded));
        let next = views.next().map(|(target, kept)| (target.clone(), kept.topic.clone()));
        let goes_on = views.next().is_some();
        if let Some((target, topic)) = next {
            self.audit_view(&target, &topic);
            self.audits.last = goes_on.then_some(target);
        }
        let rest = began.elapsed() * REST;
        let next = began + self.audits.pace.turn.max(rest);
        if goes_on {
            return next;
        }
        let next = next.max(self.audits.round_began + self.audits.pace.round);
        self.metrics.audit_round.set((next - self.audits.round_began).as_secs_f64());
        next
    }

    /// How what the engine keeps and what the topic shows differ from the truth. `None` if there is no truth to compare
    /// with, as before every kind was listed.
    fn compare(&self, target: &Target, topic: &Topic) -> Option<[Option<Divergence>; 2]> {
        let truth = (self.audits.truth)(&self.engine, target)?;
        let kept = self.engine.answer(target);
        let in_engine = Divergence::of(kept.map(|kept| &**kept), &truth);
        let shown = topic.current();
        let shown = shown.as_ref().map(|shown| shown.answer());
        // What is held back on purpose is not what is shown.
        let is_shown = self.holds.is_held(target)
            || shown.zip(kept).is_some_and(|(shown, kept)| Arc::ptr_eq(shown, kept));
        let in_topic = if is_shown { None } else { Divergence::of(shown.map(|shown| &**shown), &truth) };
        Some([in_engine, in_topic])
    }

    fn audit_view(&mut self, target: &Target, topic: &Topic) {
        let compared = unharmed(&self.metrics, || self.compare(target, topic));
        let [in_engine, in_topic] = match compared {
            Ok(Some(divergences)) => divergences,
            Ok(None) => return,
            Err(why) => {
                if self.audits.logged.take(LOGGED, Instant::now()) {
                    tracing::error!(
                        view = %target.query,
                        method = target.query.method(),
                        "an audit has failed, which is a bug; the view stays as it is: {why}"
                    );
                }
                return;
            }
        };
        let divergence = in_topic.as_ref().or(in_engine.as_ref());
        self.audits.found(target, divergence.is_some(), &self.metrics);
        let Some(divergence) = divergence else { return };
        if self.audits.logged.take(LOGGED, Instant::now()) {
            tracing::error!(
                view = %target.query,
                method = target.query.method(),
                subscribers = topic.subscribers(),
                "what was published is not what is true, which is a bug: {divergence}; it is made anew, and its \
                 subscribers are told the truth as of any change, if need be after --leaf-drain"
            );
        }
        let mut changes = if in_engine.is_some() { self.engine.heal(&target.query) } else { Vec::new() };
        if let Some(answer) = self.engine.answer(target).filter(|_| in_topic.is_some()) {
            changes.push(Change { target: target.clone(), answer: answer.clone() });
        }
        self.publish(changes, &BTreeSet::new(), Instant::now());
    }
}

fn rpc(target: &Target) -> Rpc {
    Rpc { rpc: target.query.method() }
}

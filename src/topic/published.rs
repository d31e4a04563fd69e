//! An answer as it was made known: its place in the order of answers, and the bytes that are the same for every
//! subscriber.
//!
//! Bytes are kept for as long as somebody asks for them, no longer: a weight edit of a large split is a megabyte
//! that everybody has after a moment. Whoever asks later has them made again.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use crate::{
    resolve::Answer,
    wire::{self, Frames},
};

/// For how many versions before the one before the bytes are kept that lead here from there. Subscribers that
/// are behind under load are a few versions behind, and many of them as many.
const LAGS: usize = 8;

/// What a subscriber has.
#[derive(Clone, Debug)]
pub struct Held {
    /// The version of the answer.
    pub version: u64,
    /// The answer.
    pub answer: Arc<Answer>,
    number: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Published {
    version: u64,
    /// How many answers came before it in its topic. A topic that begins with what others know already takes on from
    /// there, so only differences count.
    number: u64,
    since: Instant,
    answer: Arc<Answer>,
    /// What is told to a subscriber that has the version before. The bytes that most ask for, without a lock.
    step: ArcSwapOption<Step>,
    others: Mutex<Others>,
    /// Whether anybody asked for bytes since they were looked at last.
    asked: AtomicBool,
}

/// From a version to this one: what has to be told, if anything.
#[derive(Clone, Debug)]
struct Step {
    from: u64,
    frames: Option<Frames>,
}

#[derive(Debug, Default)]
struct Others {
    snapshot: Option<Frames>,
    /// At most [`LAGS`].
    steps: Vec<Step>,
}

impl Published {
    /// An answer that follows another, or none. The source said at `since` what makes it differ.
    #[must_use]
    pub fn new(answer: Arc<Answer>, previous: Option<&Self>, since: Instant) -> Self {
        static VERSION: AtomicU64 = AtomicU64::new(1);
        let version = VERSION.fetch_add(1, Ordering::Relaxed);
        let step = previous.map(|previous| {
            let frames = difference(&previous.answer, &answer);
            Arc::new(Step { from: previous.version, frames })
        });
        Self {
            version,
            number: previous.map_or(0, |previous| previous.number + 1),
            since,
            answer,
            step: step.into(),
            others: Mutex::default(),
            asked: AtomicBool::new(true),
        }
    }

    /// Unique in this process, and larger than that of every answer published before.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When the source said what makes it differ from the one before.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self) -> &Arc<Answer> {
        &self.answer
    }

    /// This, as what a subscriber has from now on.
    pub(super) fn held(&self) -> Held {
        Held { version: self.version, answer: self.answer.clone(), number: self.number }
    }

    /// How many answers of the same topic were published after what is held, up to this one.
    #[must_use]
    pub fn steps_since(&self, held: &Held) -> u64 {
        self.number.saturating_sub(held.number)
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().expect("nothing panics while it holds this lock")
    }

    /// What has to be told to a subscriber that has this, or nothing yet.
    pub(super) fn frames_after(&self, held: Option<&Held>) -> Option<Frames> {
        if !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
        }
        let Some(held) = held else { return Some(self.snapshot()) };
        if let Some(step) = self.step.load().as_ref().filter(|step| step.from == held.version) {
            return step.frames.clone();
        }
        if let Some(step) = self.others().steps.iter().find(|step| step.from == held.version) {
            return step.frames.clone();
        }
        let frames = difference(&held.answer, &self.answer);
        let mut others = self.others();
        if others.steps.len() < LAGS {
            others.steps.push(Step { from: held.version, frames: frames.clone() });
        }
        frames
    }

    fn snapshot(&self) -> Frames {
        let mut others = self.others();
        let snapshot = others.snapshot.get_or_insert_with(|| match &*self.answer {
            Answer::Endpoints(view) => wire::snapshot(view),
            Answer::Profile(profile) => profile.message.clone(),
        });
        snapshot.clone()
    }

    /// Lets go of the bytes if nobody asked for them since this was called last.
    pub(super) fn cool(&self) {
        if !self.asked.swap(false, Ordering::Relaxed) {
            self.step.store(None);
            *self.others() = Others::default();
        }
    }

    /// How many bytes are kept for subscribers.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let step = self.step.load();
        let others = self.others();
        let steps = step.iter().map(|step| &**step).chain(&others.steps);
        steps
            .filter_map(|step| step.frames.as_ref())
            .chain(&others.snapshot)
            .map(|frames| frames.bytes.len())
            .sum()
    }
}

/// What a subscriber that has `old` must be told to have `new`.
fn difference(old: &Answer, new: &Answer) -> Option<Frames> {
    match (old, new) {
        (Answer::Endpoints(old), Answer::Endpoints(new)) => wire::delta(&old.delta(new), new),
        (_, Answer::Profile(new)) => match old {
            Answer::Profile(old) if old.message == new.message => None,
            _ => Some(new.message.clone()),
        },
        // A topic's answers are all of one form.
        (Answer::Profile(_), Answer::Endpoints(new)) => Some(wire::snapshot(new)),
    }
}

//! What all connections of a client have been told, in one place.

use std::cell::{Cell, RefCell};

use tokio::{sync::Notify, time::Instant};

use super::{child::clock, messages::added, worlds::replacement_of};

/// What all connections of a client have told so far.
#[derive(Default)]
pub(super) struct Board {
    /// Messages on streams that are not stuck.
    pub(super) messages: Cell<u64>,
    /// Bytes on all streams.
    pub(super) bytes: Cell<u64>,
    /// When there are so many messages, somebody is to be told.
    pub(super) goal: Cell<u64>,
    pub(super) reached: Notify,
    pub(super) at: Cell<Option<Instant>>,
    /// When how many messages came, if that is of interest.
    pub(super) arrivals: RefCell<Option<Vec<(Instant, u32)>>>,
    /// For each replacement of a rollout, when it last came to a stream, and to how many it did.
    pub(super) replacements: RefCell<Vec<(u64, u32)>>,
    /// What went wrong first.
    pub(super) trouble: RefCell<Option<String>>,
}

impl Board {
    /// A connection has read so many messages, and bytes of messages.
    pub(super) fn add(&self, messages: u32, bytes: u32) {
        self.bytes.set(self.bytes.get() + u64::from(bytes));
        if messages == 0 {
            return;
        }
        let (before, goal) = (self.messages.get(), self.goal.get());
        self.messages.set(before + u64::from(messages));
        if let Some(arrivals) = &mut *self.arrivals.borrow_mut() {
            arrivals.push((Instant::now(), messages));
        }
        if before < goal && self.messages.get() >= goal {
            self.at.set(Some(Instant::now()));
            self.reached.notify_one();
        }
    }

    /// Something went wrong, which ends the benchmark.
    pub(super) fn fail(&self, why: String) {
        self.trouble.borrow_mut().get_or_insert(why);
        self.reached.notify_one();
    }

    /// Notes which replacements a message tells of.
    pub(super) fn look(&self, message: &[u8]) {
        for index in added(message).filter_map(replacement_of) {
            if let Some((last, count)) = self.replacements.borrow_mut().get_mut(index) {
                (*last, *count) = (clock(), *count + 1);
            }
        }
    }
}

//! Which answers wait a moment before they are made known, and why.
//!
//! A real proxy that picks a backend without endpoints lets the request wait for seconds and then fails it.
//! With the backend's weight at 0 shortly before it empties, none fails. The two facts travel on two streams
//! (the profile's and the backend's own), so their order has to be made:
//!
//! * a backend that empties: the profile goes first, the backend's own endpoints a [drain](Lead::drain) later;
//! * a backend that comes back: its endpoints first, the profile a moment later;
//! * the last backend that empties: both together, so that one that is back before then is not noticed at all.
//!
//! Only a backend's own endpoints in the leaf reading and profiles are concerned. A merged answer says both in
//! one message and is never held.

use std::{collections::BTreeMap, mem};

use tokio::time::{Duration, Instant};

use crate::{
    context::Reading,
    resolve::{Answer, Query, Target},
};

/// How far a profile lags behind the endpoints it sends traffic to: time for one message to be written on
/// another stream, unnoticed by a person.
const RETURN_LAG: Duration = Duration::from_millis(20);

/// How much earlier one message goes than another.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    /// How long the message that would empty a backend is held (`--leaf-drain`); 0 turns all holding off.
    pub drain: Duration,
}

impl Lead {
    /// How long a change has to wait, from what the subscribers have now.
    #[must_use]
    pub fn of(self, target: &Target, is_backend: bool, held: &Answer, next: &Answer) -> Option<Duration> {
        let lead = match (&target.query, held, next) {
            (
                Query::Endpoints { reading: Reading::Leaf, .. },
                Answer::Endpoints(held),
                Answer::Endpoints(next),
            ) if is_backend && !held.entries().is_empty() && next.entries().is_empty() => self.drain,
            // Weights that are said only because nobody is left go together with the last one's endpoints: until
            // those are gone they would lead to backends that are empty already.
            (_, Answer::Profile(held), Answer::Profile(next))
                if next.ready.is_empty() && held.ready.iter().any(|backend| next.empty.contains(backend)) =>
            {
                self.drain
            }
            (_, Answer::Profile(held), Answer::Profile(next))
                if held.empty.iter().any(|backend| !next.empty.contains(backend)) =>
            {
                // Sooner than any endpoints that empty in the same batch.
                RETURN_LAG.min(self.drain / 2)
            }
            _ => Duration::ZERO,
        };
        (!lead.is_zero()).then_some(lead)
    }
}

/// The targets whose newest answer is being held, and until when.
#[derive(Debug, Default)]
pub struct Holds {
    until: BTreeMap<Target, Instant>,
}

impl Holds {
    /// Holds a target. One that is held already is never held longer than before: an answer cannot be put
    /// off for ever, and the reason with the shorter time may be what ends the other.
    pub fn hold(&mut self, target: Target, until: Instant) {
        self.until.entry(target).and_modify(|due| *due = until.min(*due)).or_insert(until);
    }

    /// Lets go of a target that has something else to say.
    pub fn release(&mut self, target: &Target) {
        self.until.remove(target);
    }

    /// Whether a target is held.
    #[must_use]
    pub fn is_held(&self, target: &Target) -> bool {
        self.until.contains_key(target)
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Takes out those that are due, in order of their targets.
    pub fn take_due(&mut self, now: Instant) -> Vec<Target> {
        let (due, waiting) = mem::take(&mut self.until).into_iter().partition(|(_, until)| *until <= now);
        self.until = waiting;
        BTreeMap::into_keys(due).collect()
    }
}

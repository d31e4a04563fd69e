//! What a person who looks is shown: every service with its split and its endpoints, streams, warnings, and what
//! happened last.
//!
//! ```text
//!  controller ── Observation ──► keeper ── Shown ──► watcher ──► a page
//!  (observer: what changed,      one task:           one for each page:
//!   at most every 250 ms)        Picture             the picture it last had
//! ```
//!
//! The controller only hands over pointers to what changed, at a pace, and never waits: [`Observer`]. What that means
//! to a person is worked out by a task of its own, the [`Keeper`]. A [`Watcher`] is in the same place as a stream's
//! cursor: each version has the step from the one before, encoded once for all; whoever missed some is told the
//! difference from what it has. Nothing is queued, and a reader that stands still costs the picture it last had.
//!
//! While nobody watches nothing is encoded and no stream is looked at; the timeline is kept all the same, so that
//! whoever comes sees what happened before.

mod card;
mod keeper;
mod observation;
mod said;
mod shown;
mod step;
mod streams;
mod timeline;
mod warnings;

pub mod endpoints;

pub use self::{
    card::{Card, Part, PartState, PortSplit, SplitCard},
    keeper::{Keeper, PACE},
    observation::{Observation, Observer, SERVICES_AT_ONCE, Sighting, observer},
    shown::{NoPlace, Picture, Pictures, ServicePicture, WATCHERS, Watcher},
    streams::{SHOWN_STREAMS, StreamPicture, Streams, Tally},
    timeline::{Divided, Entry, Event, KEPT, Move},
    warnings::{SHOWN_WARNINGS, Warnings},
};

#[cfg(test)]
mod tests;

//! Pictures and their differences as server-sent events.
//!
//! There are two events: `whole` has everything, `step` what differs from the picture that the page has. Both are one
//! JSON object; a field that is missing from a step stays as it was.

use std::{collections::BTreeMap, io::Write as _, sync::Arc};

use bytes::Bytes;
use serde::Serialize;

use super::{
    card::Card,
    shown::Picture,
    streams::{StreamPicture, Tally},
    timeline::Entry,
};
use crate::{model::NsName, status::Notice};

/// What leads from one picture to another. From the empty picture it has everything.
#[derive(Debug, Serialize)]
struct Step<'p> {
    /// Of the picture that it leads to.
    version: u64,
    synced: bool,
    /// Which server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<&'p Card>,
    /// Namespace and name of services that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services_gone: Vec<[&'p str; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Numbered<'p>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings_gone: Vec<u64>,
    /// How many warnings there are, shown or not.
    warnings_total: usize,
    /// New entries, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    timeline: Vec<&'p Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<StreamsStep<'p>>,
}

/// A warning with its number.
#[derive(Debug, Serialize)]
struct Numbered<'p> {
    id: u64,
    #[serde(flatten)]
    notice: &'p Notice,
}

/// What differs of the streams.
#[derive(Debug, Serialize)]
struct StreamsStep<'p> {
    total: usize,
    behind: usize,
    /// By service, `namespace/name`; `null` for one that has none any more.
    services: BTreeMap<String, Option<&'p Tally>>,
    /// Those that are shown one by one, if they are others or anything of them is.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<Vec<&'p StreamPicture>>,
}

/// All of a picture.
pub(super) fn whole(picture: &Picture) -> Bytes {
    let server = Some(concat!("switchyard ", env!("CARGO_PKG_VERSION")));
    event("whole", &Step { server, ..step(&Picture::default(), picture) })
}

/// What differs between two pictures.
pub(super) fn between(old: &Picture, new: &Picture) -> Bytes {
    event("step", &step(old, new))
}

fn step<'p>(old: &'p Picture, new: &'p Picture) -> Step<'p> {
    let is_same = |name: &NsName, card: &Card| old.services.get(name).is_some_and(|old| old.card == *card);
    let services = new.services.iter().filter(|(name, service)| {
        // Nearly all are the very same.
        let same = old.services.get(*name).is_some_and(|old| Arc::ptr_eq(old, service));
        !same && !is_same(name, &service.card)
    });
    let gone = old.services.keys().filter(|name| !new.services.contains_key(*name));
    let (known, held) = (old.warnings.by_number(), new.warnings.by_number());
    let warnings = held.iter().filter(|(id, _)| !known.contains_key(*id));
    Step {
        version: new.version,
        synced: new.synced,
        server: None,
        services: services.map(|(_, service)| &service.card).collect(),
        services_gone: gone.map(|name| [name.namespace.as_str(), name.name.as_str()]).collect(),
        warnings: warnings.map(|(id, notice)| Numbered { id: *id, notice }).collect(),
        warnings_gone: known.keys().filter(|id| !held.contains_key(*id)).copied().collect(),
        warnings_total: new.warnings.total,
        timeline: new.timeline.after(old.timeline.last()).map(|entry| &**entry).collect(),
        streams: (!Arc::ptr_eq(&old.streams, &new.streams)).then(|| streams(old, new)),
    }
}

fn streams<'p>(old: &'p Picture, new: &'p Picture) -> StreamsStep<'p> {
    let (before, after) = (&old.streams, &new.streams);
    let changed = after.services.iter().filter(|(name, tally)| before.services.get(*name) != Some(*tally));
    let gone = before.services.keys().filter(|name| !after.services.contains_key(*name));
    StreamsStep {
        total: after.all.streams,
        behind: after.all.behind,
        services: changed
            .map(|(name, tally)| (name.to_string(), Some(tally)))
            .chain(gone.map(|name| (name.to_string(), None)))
            .collect(),
        shown: (before.shown != after.shown).then(|| after.shown.iter().collect()),
    }
}

/// JSON has no line breaks of its own, so one line of data holds it.
fn event(name: &str, step: &Step<'_>) -> Bytes {
    let mut bytes = Vec::with_capacity(1024);
    _ = write!(bytes, "event: {name}\ndata: ");
    serde_json::to_writer(&mut bytes, step).expect("texts and numbers can be written as JSON");
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}

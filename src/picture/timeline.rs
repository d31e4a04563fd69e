//! What happened last: entries that say in numbers what differs between one picture and the next.
//!
//! The ring is bounded by [`KEPT`]. Entries have ascending numbers, so that a watcher is sent those that it does not
//! have.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use indexmap::IndexMap;
use serde::Serialize;

use super::{
    card::{Part, PortSplit, SplitCard},
    shown::ServicePicture,
};
use crate::{resolve::standing::Standing, status::Notice};

/// How many entries are kept: an afternoon of edits, or the last seconds of a storm.
pub const KEPT: usize = 200;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its number, larger than that of every entry before.
    pub id: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Event {
    /// Everything was read for the first time.
    Read {
        /// How many services there are.
        services: usize,
        /// How many of them have a split.
        splits: usize,
    },
    /// A service is new.
    ServiceNew {
        /// Its namespace and name.
        service: String,
    },
    /// A service is gone.
    ServiceGone {
        /// Its namespace and name.
        service: String,
    },
    /// A service is split that was not, or by another TrafficSplit.
    SplitNew {
        /// The apex.
        service: String,
        /// The split's name.
        split: String,
        /// What each backend gets; ports at which it is alike are together. Empty if the split does nothing.
        divided: Vec<Divided>,
    },
    /// A service is not split any more.
    SplitGone {
        /// The apex.
        service: String,
        /// The split's name.
        split: String,
    },
    /// Backends get other shares.
    Shares {
        /// The apex.
        service: String,
        /// At these ports.
        ports: Vec<u16>,
        /// Whether the split was edited. If not, backends became empty or have endpoints again.
        edited: bool,
        /// Backends whose share is another one.
        moves: Vec<Move>,
    },
    /// Other endpoints are given out.
    Endpoints {
        /// The service.
        service: String,
        /// How many are new.
        added: usize,
        /// How many are not given out any more.
        removed: usize,
        /// How many there are now.
        ready: usize,
    },
    /// A warning is new.
    WarningNew {
        /// What it is about.
        object: String,
        /// What it says.
        message: String,
    },
    /// A warning does not hold any more.
    WarningGone {
        /// What it was about.
        object: String,
        /// What it said.
        message: String,
    },
}

/// How the traffic to some ports of a service is divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divided {
    /// The ports.
    pub ports: Vec<u16>,
    /// The backends in the order of the split, with what each gets in parts per billion.
    pub shares: Vec<(String, u32)>,
}

/// A backend's share before and after, in parts per billion.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Move {
    /// The backend.
    pub backend: String,
    /// What it got; 0 if it was none.
    pub from: u32,
    /// What it gets.
    pub to: u32,
}

/// The last entries, the newest behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    entries: VecDeque<Arc<Entry>>,
    last: u64,
}

impl Timeline {
    pub(super) fn push(&mut self, at: i64, event: Event) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.last += 1;
        self.entries.push_back(Arc::new(Entry { id: self.last, at, event }));
    }

    /// The number of the last entry; 0 if there never was one.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The entries after that with this number, the oldest first.
    pub(super) fn after(&self, id: u64) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().filter(move |entry| entry.id > id)
    }
}

/// What happened to a service between two looks at it.
pub(super) fn of_service(old: Option<&ServicePicture>, new: Option<&ServicePicture>) -> Vec<Event> {
    let Some(card) = new.or(old).map(|service| &service.card) else { return Vec::new() };
    let service = format!("{}/{}", card.namespace, card.name);
    let mut events = Vec::new();
    match (old, new) {
        (None, Some(_)) => events.push(Event::ServiceNew { service: service.clone() }),
        (Some(_), None) => events.push(Event::ServiceGone { service: service.clone() }),
        _ => {}
    }
    let split = |side: Option<&'_ ServicePicture>| side.and_then(|service| service.card.split.clone());
    events.extend(of_split(&service, split(old).as_ref(), split(new).as_ref()));
    if let (Some(old), Some(new)) = (old, new)
        && old.card.revision != new.card.revision
    {
        let (added, removed) = given_out(old, new);
        if added + removed > 0 {
            events.push(Event::Endpoints { service, added, removed, ready: new.card.ready });
        }
    }
    events
}

fn of_split(service: &str, old: Option<&SplitCard>, new: Option<&SplitCard>) -> Vec<Event> {
    let service = service.to_owned();
    match (old, new) {
        (None, None) => Vec::new(),
        (Some(old), None) => vec![Event::SplitGone { service, split: old.name.clone() }],
        (Some(old), Some(new)) if old.name == new.name => moves(&service, old, new),
        (_, Some(new)) => {
            vec![Event::SplitNew { service, split: new.name.clone(), divided: divided(new) }]
        }
    }
}

fn divided(split: &SplitCard) -> Vec<Divided> {
    let shares = |parts: &[Part]| parts.iter().map(|part| (part.service.clone(), part.share)).collect();
    let ports = split.ports.iter();
    ports.map(|alike| Divided { ports: alike.ports.clone(), shares: shares(&alike.parts) }).collect()
}

/// What moved, ports that moved alike together.
fn moves(service: &str, old: &SplitCard, new: &SplitCard) -> Vec<Event> {
    let mut events = Vec::new();
    let old: Vec<_> = old.ports.iter().map(|old| (old, by_service(&old.parts))).collect();
    let before: HashMap<u16, &(&PortSplit, HashMap<&str, &Part>)> =
        old.iter().flat_map(|entry| entry.0.ports.iter().map(move |port| (*port, entry))).collect();
    for new in &new.ports {
        let now = by_service(&new.parts);
        // Ports that are divided alike now may have been divided differently. By what moved: the ports, and whether the
        // split was edited.
        let mut alike: IndexMap<Vec<Move>, (Vec<u16>, bool)> = IndexMap::new();
        for port in &new.ports {
            let Some((old, then)) = before.get(port) else { continue };
            let gone = old.parts.iter().filter(|part| !now.contains_key(&*part.service));
            let gone = gone.map(|part| (part.service.clone(), part.share, 0, true));
            let moved = new.parts.iter().map(|part| {
                let before = then.get(&*part.service);
                let edited = before.is_none_or(|before| before.weight != part.weight);
                (part.service.clone(), before.map_or(0, |before| before.share), part.share, edited)
            });
            let all: Vec<_> = moved.chain(gone).collect();
            let edited = all.iter().any(|(.., edited)| *edited);
            let moves: Vec<_> = all
                .into_iter()
                .filter(|(_, from, to, _)| from != to)
                .map(|(backend, from, to, _)| Move { backend, from, to })
                .collect();
            alike.entry(moves).or_insert((Vec::new(), edited)).0.push(*port);
        }
        for (moves, (ports, edited)) in alike.into_iter().filter(|(moves, _)| !moves.is_empty()) {
            events.push(Event::Shares { service: service.to_owned(), ports, edited, moves });
        }
    }
    events
}

fn by_service(parts: &[Part]) -> HashMap<&str, &Part> {
    parts.iter().map(|part| (&*part.service, part)).collect()
}

/// How many endpoints are given out that were not, and the other way round. Both lists are sorted by address.
fn given_out(old: &ServicePicture, new: &ServicePicture) -> (usize, usize) {
    let ready = |service: &ServicePicture| {
        let ready = service.stands().iter().filter(|stand| stand.standing == Standing::Ready);
        ready.map(|stand| stand.stored.endpoint.address).collect::<Vec<_>>()
    };
    let (old, new) = (ready(old), ready(new));
    let missing =
        |from: &[IpAddr], of: &[IpAddr]| of.iter().filter(|one| from.binary_search(one).is_err()).count();
    (missing(&old, &new), missing(&new, &old))
}

/// What a warning that came or went is called.
pub(super) fn of_warning(notice: &Notice, came: bool) -> Event {
    let object = notice.object.clone().or_else(|| notice.location.clone()).unwrap_or_default();
    let message = notice.message.clone();
    if came { Event::WarningNew { object, message } } else { Event::WarningGone { object, message } }
}

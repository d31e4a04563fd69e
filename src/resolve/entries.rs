//! From selected endpoints to the entries of a view, at the cost of what changed.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use super::{Look, pool::Candidate, selection::SelectionKey};
use crate::{
    blocks::Blocks,
    model::{Name, NsName, TargetRef},
    view::{Entry, Meta},
    wire,
};

/// A service's part in an answer.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) service: NsName,
    /// Its endpoints that the client is given.
    pub(super) selected: Blocks<Candidate>,
    /// The weight of each.
    pub(super) weight: u32,
    /// How many times that it is in the client's own zone.
    pub(super) boost: u32,
    pub(super) places: Places,
}

/// Encoded labels that depend on the answer an endpoint is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The client's zone.
    pub(super) zone: Option<Name>,
    local: Arc<[u8]>,
    remote: Arc<[u8]>,
    unknown: Arc<[u8]>,
}

impl Places {
    /// These labels, and how near to the client an endpoint is.
    pub(super) fn new(labels: &[(&str, &str)], zone: Option<Name>) -> Self {
        let with = |locality| wire::endpoint_labels(&[labels, &[("zone_locality", locality)]].concat());
        Self { zone, local: with("local"), remote: with("remote"), unknown: with("unknown") }
    }
}

impl Part {
    /// What is said of one of its endpoints.
    pub(super) fn entry(&self, candidate: &Candidate) -> Entry {
        let (places, mut weight) = (&self.places, self.weight);
        let place = match (&places.zone, candidate.zone()) {
            (Some(client), Some(zone)) if client == zone => {
                weight *= self.boost;
                &places.local
            }
            (Some(_), Some(_)) => &places.remote,
            _ => &places.unknown,
        };
        let meta =
            Meta { own: candidate.stored.own.clone(), class: candidate.class.clone(), place: place.clone() };
        Entry { addr: candidate.addr, weight, meta }
    }

    /// Whether an endpoint that both parts have is said in the same way.
    fn says_as(&self, other: &Self) -> bool {
        (self.weight, self.boost) == (other.weight, other.boost) && self.places == other.places
    }
}

/// What the entries of an answer were made from, so that the next ones need not be made from scratch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memo {
    parts: Vec<Part>,
    entries: Blocks<Entry>,
    /// The selections that were used.
    pub(crate) used: Vec<SelectionKey>,
}

/// An endpoint that a service contributes to an answer.
pub(crate) struct Contribution<'a> {
    pub(crate) addr: SocketAddr,
    /// Its weight as that service's; the answer has the sum over all that have the address.
    pub(crate) weight: u32,
    /// What is behind it.
    pub(crate) target: &'a TargetRef,
}

impl Memo {
    /// The parts of the answer, by the names of their services.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Says the same of one endpoint less, as a bug would.
    #[cfg(test)]
    pub(crate) fn corrupt(&mut self) {
        let first = self.entries.iter().next().map(|first| (first.addr, None));
        self.entries = self.entries.edited(first.into_iter().collect());
    }

    /// The services that the answer has its endpoints from, with the endpoints of each.
    pub(crate) fn contributions(
        &self,
    ) -> impl Iterator<Item = (&NsName, impl Iterator<Item = Contribution<'_>>)> {
        self.parts.iter().map(|part| {
            let contributions = part.selected.iter().map(move |candidate| Contribution {
                addr: candidate.addr,
                weight: part.entry(candidate).weight,
                target: &candidate.stored.endpoint.target,
            });
            (&part.service, contributions)
        })
    }

    pub(super) fn using(self, used: Vec<SelectionKey>) -> Self {
        Self { used, ..self }
    }
}

impl Look<'_> {
    /// The entries of all parts together, the parts being sorted by service. An address that several have in
    /// common appears once, with the sum of the weights, and as that of the first.
    pub(super) fn entries(&mut self, mut parts: Vec<Part>) -> Blocks<Entry> {
        let before = self.before.filter(|before| {
            let names = |parts: &[Part]| parts.iter().map(|part| part.service.clone()).collect::<Vec<_>>();
            names(&before.parts) == names(&parts)
        });
        if let Some(before) = before {
            for (part, before) in parts.iter_mut().zip(&before.parts) {
                if part.places == before.places {
                    // The same bytes in the same place are seen to be equal sooner.
                    part.places = before.places.clone();
                }
            }
        }
        let changed = before.map(|before| changed(&before.parts, &parts));
        let entries = match (before, changed) {
            (Some(before), Some(changed)) if 2 * changed.len() < before.entries.len() => before
                .entries
                .edited(changed.into_iter().map(|addr| (addr, entry_at(&parts, addr))).collect()),
            _ => from_scratch(&parts),
        };
        self.made = Memo { parts, entries: entries.clone(), used: Vec::new() };
        entries
    }
}

/// Addresses of which anything may be new.
fn changed(before: &[Part], parts: &[Part]) -> BTreeSet<SocketAddr> {
    let mut changed = BTreeSet::new();
    for (before, part) in before.iter().zip(parts) {
        if before.says_as(part) {
            for (old, new) in before.selected.differences(&part.selected) {
                let same = old.zip(new).is_some_and(|(old, new)| old.is_same(new));
                changed.extend(old.or(new).filter(|_| !same).map(|candidate| candidate.addr));
            }
        } else {
            let all = before.selected.iter().chain(part.selected.iter());
            changed.extend(all.map(|candidate| candidate.addr));
        }
    }
    changed
}

/// What the parts together say of an address.
fn entry_at(parts: &[Part], addr: SocketAddr) -> Option<Entry> {
    let mut entries = parts.iter().filter_map(|part| Some(part.entry(part.selected.get(&addr)?)));
    let first = entries.next()?;
    let others: u32 = entries.map(|entry| entry.weight).sum();
    Some(Entry { weight: first.weight + others, ..first })
}

fn from_scratch(parts: &[Part]) -> Blocks<Entry> {
    if let [part] = parts {
        return Blocks::of_sorted(part.selected.iter().map(|candidate| part.entry(candidate)).collect());
    }
    let entries = parts.iter().flat_map(|part| part.selected.iter().map(|candidate| part.entry(candidate)));
    let mut entries: Vec<_> = entries.collect();
    // The sort is stable, so of one address the entry of the first part comes first.
    entries.sort_by_key(|entry| entry.addr);
    entries.dedup_by(|again, first| {
        let same = again.addr == first.addr;
        first.weight += if same { again.weight } else { 0 };
        same
    });
    Blocks::of_sorted(entries)
}

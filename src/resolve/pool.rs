//! All ready endpoints of a service's port, kept current at the cost of what changed.
//!
//! A [`Pool`] is what [`Look`](super::Look) would find if it went through every slice: one
//! [`Candidate`] for each address. It remembers which slices it was made from. Where most of them are the very
//! same ones, only the others are looked at, and what they add and take away is worked into the blocks of
//! the pool before. That it comes out as if it were made from scratch is a law of the tests.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use super::{
    Options,
    classes::Classes,
    reader::{Reader, Unusable},
};
use crate::{
    blocks::{Blocks, Keyed},
    cluster::{Backing, Cluster, StoredEndpoint, StoredSlice},
    model::{Mirror, Name, NsName, ObjectId, TargetRef},
};

/// What a pool is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub(super) service: NsName,
    /// The port that clients ask for.
    pub(super) port: u16,
    /// The name of that port in the Service; `None` if it does not declare it.
    pub(super) port_name: Option<Box<str>>,
    /// Only the endpoints with this host name.
    pub(super) instance: Option<Name>,
}

/// A ready endpoint of a service's port.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(super) addr: SocketAddr,
    pub(super) stored: Arc<StoredEndpoint>,
    /// Encoded metadata that it has in common with its like.
    pub(super) class: Arc<[u8]>,
    pub(super) slice: Arc<ObjectId>,
}

impl Keyed for Candidate {
    fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Candidate {
    /// The Pod or workload behind it: what may have several addresses.
    pub(super) fn target(&self) -> Option<&TargetRef> {
        Some(&self.stored.endpoint.target).filter(|target| **target != TargetRef::None)
    }

    /// The node it runs on, for a Pod.
    pub(super) fn node(&self) -> Option<&Name> {
        node_of(&self.stored)
    }

    /// The zone it is in. Linkerd does not look at that of an address without anything behind it.
    pub(super) fn zone(&self) -> Option<&Name> {
        zone_of(&self.stored)
    }

    /// Whether it is the very same endpoint, of which nothing changed.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.stored, &other.stored) && Arc::ptr_eq(&self.slice, &other.slice)
    }
}

/// The node an endpoint runs on, for a Pod.
pub(crate) fn node_of(stored: &StoredEndpoint) -> Option<&Name> {
    match &stored.backing {
        Backing::Pod { node, .. } => stored.endpoint.node.as_ref().or(node.as_ref()),
        _ => None,
    }
}

pub(super) fn zone_of(stored: &StoredEndpoint) -> Option<&Name> {
    stored.endpoint.zone.as_ref().filter(|_| !matches!(stored.backing, Backing::Bare(_)))
}

/// What is true of all candidates together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Those without a hint for any zone.
    pub(super) unhinted: usize,
    /// How many are hinted for a zone.
    pub(super) hinted_for: BTreeMap<Name, usize>,
    /// Those in a known zone.
    pub(super) in_zone: usize,
    /// Those by IPv6 that have something behind them, which may be reached by IPv4 as well.
    pub(super) ipv6: usize,
}

impl Census {
    fn count(&mut self, candidate: &Candidate, add: bool) {
        let step = |count: &mut usize| *count = if add { *count + 1 } else { *count - 1 };
        let hints = &candidate.stored.endpoint.hint_zones;
        if hints.is_empty() {
            step(&mut self.unhinted);
        }
        for zone in hints {
            let count = self.hinted_for.entry(zone.clone()).or_default();
            step(count);
            if *count == 0 {
                self.hinted_for.remove(zone);
            }
        }
        if candidate.zone().is_some() {
            step(&mut self.in_zone);
        }
        if candidate.addr.is_ipv6() && candidate.target().is_some() {
            step(&mut self.ipv6);
        }
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// The cluster's, of the slices that it was made from.
    revision: Option<u64>,
    slices: Vec<Arc<StoredSlice>>,
    candidates: Blocks<Candidate>,
    /// Addresses that several slices claim, with all of them; the first slice by name has it.
    claims: BTreeMap<SocketAddr, BTreeMap<Arc<ObjectId>, Candidate>>,
    census: Census,
    unusable: BTreeMap<Arc<ObjectId>, Unusable>,
    /// Addresses by what is behind them, kept only while one of those has an IPv6 address.
    siblings: HashMap<TargetRef, BTreeSet<SocketAddr>>,
    classes: Classes,
}

impl Pool {
    /// Makes the pool what it is now, whatever it was before.
    pub(super) fn update(&mut self, cluster: &Cluster, options: &Options, key: &PoolKey) {
        let revision = Some(cluster.slices_revision(&key.service));
        if self.revision == revision {
            return;
        }
        let slices: Vec<_> = cluster.slices_of(&key.service).cloned().collect();
        let reader = Reader { options, key };
        let before = std::mem::take(&mut self.slices);
        let changes = differing(&before, &slices);
        if 2 * size_of(&changes) < self.candidates.len() {
            self.advance(&reader, &changes);
        } else {
            let classes = std::mem::take(&mut self.classes);
            *self = Self::from_scratch(&reader, &slices, classes);
        }
        (self.revision, self.slices) = (revision, slices);
    }

    /// One candidate for each address.
    pub(super) fn candidates(&self) -> &Blocks<Candidate> {
        &self.candidates
    }

    /// What is true of all of them together.
    pub(super) fn census(&self) -> &Census {
        &self.census
    }

    /// All addresses of what is behind a candidate. Empty while nothing has an IPv6 address.
    pub(super) fn siblings(&self, target: &TargetRef) -> impl Iterator<Item = &SocketAddr> {
        self.siblings.get(target).into_iter().flatten()
    }

    /// What the annotations of multi-cluster say, if any of the slices mirrors another cluster's service.
    pub(super) fn mirror(&self) -> Option<&Mirror> {
        self.slices.iter().filter_map(|slice| slice.mirror.as_deref()).find(|mirror| mirror.cluster.is_some())
    }

    /// How many ready endpoints cannot be given out, and one of them with what it lacks.
    pub(super) fn unusable(&self) -> Option<Unusable> {
        let first = self.unusable.values().next()?;
        Some(Unusable { count: self.unusable.values().map(|u| u.count).sum(), ..first.clone() })
    }

    /// Loses an endpoint, as a bug would.
    #[cfg(test)]
    pub(super) fn corrupt(&mut self) {
        let first = self.candidates.iter().next().map(|first| (first.addr, None));
        self.candidates = self.candidates.edited(first.into_iter().collect());
    }

    fn from_scratch(reader: &Reader<'_>, slices: &[Arc<StoredSlice>], classes: Classes) -> Self {
        let mut pool = Self { classes, ..Self::default() };
        let mut all = Vec::new();
        for slice in slices {
            for (addr, stored) in reader.addresses(slice) {
                all.push(reader.candidate(&slice.id, addr, stored, &mut pool.classes));
            }
            pool.unusable.extend(reader.unusable(slice).map(|unusable| (slice.id.clone(), unusable)));
        }
        // The sort is stable and slices come in the order of their names: of equal addresses the first wins.
        all.sort_by_key(|candidate| candidate.addr);
        for claims in all.chunk_by(|a, b| a.addr == b.addr).filter(|claims| claims.len() > 1) {
            let by_slice = claims.iter().map(|candidate| (candidate.slice.clone(), candidate.clone()));
            pool.claims.insert(claims[0].addr, by_slice.collect());
        }
        all.dedup_by_key(|candidate| candidate.addr);
        all.iter().for_each(|candidate| pool.census.count(candidate, true));
        pool.candidates = Blocks::of_sorted(all);
        pool.find_siblings();
        pool
    }

    /// Works in that some slices are others now.
    fn advance(&mut self, reader: &Reader<'_>, changes: &[Replaced<'_>]) {
        // Who claims each address that anything is new about.
        let mut touched: BTreeMap<SocketAddr, BTreeMap<Arc<ObjectId>, Candidate>> = BTreeMap::new();
        for Replaced { old, new } in changes {
            let mut before = old.map(|slice| reader.addresses(slice)).unwrap_or_default();
            let after = new.map(|slice| reader.addresses(slice)).unwrap_or_default();
            let id = &old.or(*new).expect("one of the two is there").id;
            for (addr, stored) in after {
                let same = before.remove(&addr).is_some_and(|before| Arc::ptr_eq(before, stored));
                if !same {
                    let candidate = reader.candidate(id, addr, stored, &mut self.classes);
                    self.claims_of(addr, &mut touched).insert(id.clone(), candidate);
                }
            }
            for addr in before.into_keys() {
                self.claims_of(addr, &mut touched).remove(id);
            }
            match new.and_then(|new| reader.unusable(new)) {
                Some(unusable) => _ = self.unusable.insert(id.clone(), unusable),
                None => _ = self.unusable.remove(id),
            }
        }
        let had_siblings = self.census.ipv6 > 0;
        let mut edits = BTreeMap::new();
        for (addr, claims) in touched {
            let (old, new) = (self.candidates.get(&addr).cloned(), claims.values().next().cloned());
            if claims.len() > 1 {
                self.claims.insert(addr, claims);
            } else {
                self.claims.remove(&addr);
            }
            if let (Some(old), Some(new)) = (&old, &new)
                && old.is_same(new)
            {
                continue;
            }
            for (candidate, added) in [(old, false), (new.clone(), true)] {
                let Some(candidate) = candidate else { continue };
                self.census.count(&candidate, added);
                if had_siblings {
                    self.note_sibling(&candidate, added);
                }
            }
            edits.insert(addr, new);
        }
        self.candidates = self.candidates.edited(edits);
        if had_siblings != (self.census.ipv6 > 0) {
            self.find_siblings();
        }
    }

    fn claims_of<'t>(
        &self,
        addr: SocketAddr,
        touched: &'t mut BTreeMap<SocketAddr, BTreeMap<Arc<ObjectId>, Candidate>>,
    ) -> &'t mut BTreeMap<Arc<ObjectId>, Candidate> {
        touched.entry(addr).or_insert_with(|| match self.claims.get(&addr) {
            Some(claims) => claims.clone(),
            None => self.candidates.get(&addr).map(|c| (c.slice.clone(), c.clone())).into_iter().collect(),
        })
    }

    fn note_sibling(&mut self, candidate: &Candidate, added: bool) {
        let Some(target) = candidate.target() else { return };
        let addrs = self.siblings.entry(target.clone()).or_default();
        if added {
            addrs.insert(candidate.addr)
        } else {
            addrs.remove(&candidate.addr)
        };
        if addrs.is_empty() {
            self.siblings.remove(target);
        }
    }

    fn find_siblings(&mut self) {
        self.siblings.clear();
        if self.census.ipv6 == 0 {
            return;
        }
        for candidate in self.candidates.iter() {
            if let Some(target) = candidate.target() {
                self.siblings.entry(target.clone()).or_default().insert(candidate.addr);
            }
        }
    }
}

/// A slice that is another one now; at least one of the two is there.
struct Replaced<'a> {
    old: Option<&'a Arc<StoredSlice>>,
    new: Option<&'a Arc<StoredSlice>>,
}

/// What differs between two lists of slices, both sorted by name.
fn differing<'a>(old: &'a [Arc<StoredSlice>], new: &'a [Arc<StoredSlice>]) -> Vec<Replaced<'a>> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => std::cmp::Ordering::Equal,
            (Some(a), Some(b)) => a.id.cmp(&b.id),
        };
        let old = if order.is_le() { old.next() } else { None };
        let new = if order.is_ge() { new.next() } else { None };
        if !old.zip(new).is_some_and(|(a, b)| Arc::ptr_eq(a, b)) {
            changes.push(Replaced { old, new });
        }
    }
}

fn size_of(changes: &[Replaced<'_>]) -> usize {
    let size =
        |slice: &Arc<StoredSlice>| slice.subsets.iter().map(|subset| subset.endpoints.len()).sum::<usize>();
    changes.iter().filter_map(|change| change.new.or(change.old)).map(size).sum()
}

//! Which of a service's endpoints a client is given, kept current at the cost of what changed.
//!
//! In Linkerd's order: the client's node or zone, then one address family for each Pod. (The host name comes
//! before both, and decides what is in the pool.)

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    net::SocketAddr,
};

use super::{
    Options,
    pool::{Candidate, Pool, PoolKey},
};
use crate::{blocks::Blocks, cluster::Cluster, model::Name};

/// What a selection is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SelectionKey {
    pub(super) pool: PoolKey,
    pub(super) locale: Locale,
}

/// How near to the client an endpoint has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Locale {
    /// Anywhere.
    Anywhere,
    /// On this node. `None` is on no node: the client did not say where it is.
    Node(Option<Name>),
    /// Hinted for this zone.
    Zone(Name),
}

/// See the module's documentation.
#[derive(Debug, Default)]
struct Selection {
    /// What it was selected from.
    base: Blocks<Candidate>,
    /// Whether anything there had an IPv6 address that may not be its only one.
    base_has_ipv6: bool,
    selected: Blocks<Candidate>,
}

impl SelectionKey {
    /// Whether an endpoint is in the right place, whatever its family.
    pub(super) fn admits(&self, candidate: &Candidate) -> bool {
        match &self.locale {
            Locale::Anywhere => true,
            Locale::Node(node) => node.is_some() && candidate.node() == node.as_ref(),
            Locale::Zone(zone) => candidate.stored.endpoint.hint_zones.contains(zone),
        }
    }

    /// Whether an endpoint is selected. What has an IPv6 address in the right place is not given by IPv4.
    pub(super) fn selects(&self, pool: &Pool, candidate: &Candidate) -> bool {
        let by_ipv6 = |addr: &SocketAddr| {
            addr.is_ipv6() && pool.candidates().get(addr).is_some_and(|sibling| self.admits(sibling))
        };
        self.admits(candidate)
            && (candidate.addr.is_ipv6()
                || !candidate.target().is_some_and(|target| pool.siblings(target).any(by_ipv6)))
    }
}

impl Selection {
    fn update(&mut self, key: &SelectionKey, pool: &Pool) {
        let base = pool.candidates();
        let has_ipv6 = pool.census().ipv6 > 0;
        self.selected = if key.locale == Locale::Anywhere && !has_ipv6 {
            base.clone()
        } else if self.base.is_empty() || self.base_has_ipv6 != has_ipv6 {
            Blocks::of_sorted(base.iter().filter(|candidate| key.selects(pool, candidate)).cloned().collect())
        } else {
            self.selected.edited(self.edits(key, pool))
        };
        (self.base, self.base_has_ipv6) = (base.clone(), has_ipv6);
    }

    /// What is to be set or taken out, because it changed or because another address of what is behind it did.
    fn edits(&self, key: &SelectionKey, pool: &Pool) -> BTreeMap<SocketAddr, Option<Candidate>> {
        let base = pool.candidates();
        let mut edits = BTreeMap::new();
        for (old, new) in self.base.differences(base) {
            if let (Some(old), Some(new)) = (old, new)
                && old.is_same(new)
            {
                continue;
            }
            let targets = [old, new].into_iter().flatten().filter_map(Candidate::target);
            let siblings = targets.flat_map(|target| pool.siblings(target)).filter_map(|addr| base.get(addr));
            for candidate in new.into_iter().chain(siblings) {
                edits.insert(candidate.addr, key.selects(pool, candidate).then(|| candidate.clone()));
            }
            if let (Some(gone), None) = (old, new) {
                edits.insert(gone.addr, None);
            }
        }
        edits
    }
}

/// All pools and selections that somebody uses.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pools: HashMap<PoolKey, Pool>,
    selections: HashMap<SelectionKey, Selection>,
    users: HashMap<SelectionKey, usize>,
    users_of_pool: HashMap<PoolKey, usize>,
}

impl Pools {
    /// The pool of a service's port.
    pub(super) fn pool(&mut self, cluster: &Cluster, options: &Options, key: &PoolKey) -> &Pool {
        if !self.pools.contains_key(key) {
            self.pools.insert(key.clone(), Pool::default());
        }
        let pool = self.pools.get_mut(key).expect("there now");
        pool.update(cluster, options, key);
        pool
    }

    /// The endpoints selected from a pool, sorted by address.
    pub(super) fn select(
        &mut self,
        cluster: &Cluster,
        options: &Options,
        key: &SelectionKey,
    ) -> Blocks<Candidate> {
        self.pool(cluster, options, &key.pool);
        if !self.selections.contains_key(key) {
            self.selections.insert(key.clone(), Selection::default());
        }
        let selection = self.selections.get_mut(key).expect("there now");
        selection.update(key, &self.pools[&key.pool]);
        selection.selected.clone()
    }

    /// Notes that somebody who used some selections uses others now. Those that nobody uses go.
    pub(crate) fn exchange(&mut self, old: &[SelectionKey], new: &[SelectionKey]) {
        for key in new {
            *self.users.entry(key.clone()).or_default() += 1;
            *self.users_of_pool.entry(key.pool.clone()).or_default() += 1;
        }
        for key in old {
            if leave(&mut self.users, key) {
                self.selections.remove(key);
            }
            if leave(&mut self.users_of_pool, &key.pool) {
                self.pools.remove(&key.pool);
            }
        }
    }

    /// Whether both are of the same pool.
    #[must_use]
    pub(crate) fn shares_pool(one: &SelectionKey, other: &SelectionKey) -> bool {
        one.pool == other.pool
    }

    /// Loses an endpoint of each pool, as a bug would.
    #[cfg(test)]
    pub(crate) fn corrupt(&mut self) {
        self.pools.values_mut().for_each(Pool::corrupt);
    }

    /// How many pools and selections there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.pools.len(), self.selections.len())
    }
}

/// Counts one user less; says whether that was the last one.
fn leave<K: Eq + Hash>(users: &mut HashMap<K, usize>, key: &K) -> bool {
    let Some(count) = users.get_mut(key) else { return true };
    *count -= 1;
    *count == 0 && users.remove(key).is_some()
}

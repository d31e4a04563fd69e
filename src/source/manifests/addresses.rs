//! Made-up addresses: who has which.
//!
//! An address is derived from the name of who gets it, so that two runs over the same manifests agree, and is
//! kept for that name as long as the process lives, so that nobody's coming or going moves anybody else.
//! Addresses that the manifests name themselves are never given out. If a range runs out, what is kept for
//! names that are gone is taken back; only then is somebody refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::hash::hash;
use crate::model::NsName;

/// Addresses in every block of 256 that are given out: `.0` and `.255` look like no host's.
const USED_OF_256: u32 = 254;

/// The addresses of a range, and who has them.
#[derive(Debug)]
pub(super) struct Pool {
    /// The lowest address of the range.
    base: u32,
    /// How many addresses it has to give.
    size: u32,
    given: BTreeMap<NsName, Ipv4Addr>,
    /// The same, to see whether an address is free.
    taken: BTreeSet<Ipv4Addr>,
}

impl Pool {
    /// The range of that many bits of prefix, 24 at most.
    fn new(base: Ipv4Addr, prefix: u32) -> Self {
        Self {
            base: base.to_bits(),
            size: (1 << (24 - prefix)) * USED_OF_256,
            given: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Addresses of Pods: 10.244.0.0/16, what a cluster made by kubeadm or kind uses.
    pub(super) fn pods() -> Self {
        Self::new(Ipv4Addr::new(10, 244, 0, 0), 16)
    }

    /// Virtual addresses of Services: 10.96.0.0/12, what a cluster made by kubeadm uses.
    pub(super) fn services() -> Self {
        Self::new(Ipv4Addr::new(10, 96, 0, 0), 12)
    }

    /// How many addresses there are in the range.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Sees to it that everybody of `names` has an address that is not in `explicit`, as far as there are
    /// enough. Nobody who has one is moved, unless the manifests now name it as their own.
    pub(super) fn assign<'n>(
        &mut self,
        names: impl Iterator<Item = &'n NsName> + Clone,
        explicit: &BTreeSet<Ipv4Addr>,
    ) {
        self.given.retain(|_, address| !explicit.contains(address) || !self.taken.remove(address));
        let theirs = explicit.iter().filter(|a| self.index(**a).is_some()).count();
        let room = usize::try_from(self.size).expect("32 bits fit").saturating_sub(theirs);
        let mut reclaimed = false;
        for name in names.clone() {
            if self.given.contains_key(name) {
                continue;
            }
            if !reclaimed && self.taken.len() >= room {
                reclaimed = true;
                let present: BTreeSet<_> = names.clone().collect();
                self.given.retain(|name, address| present.contains(name) || !self.taken.remove(address));
            }
            if self.taken.len() >= room {
                return;
            }
            self.give(name, explicit);
        }
    }

    /// The address of somebody who was assigned one.
    pub(super) fn of(&self, name: &NsName) -> Option<Ipv4Addr> {
        self.given.get(name).copied()
    }

    /// Gives the first free address from the one that the name leads to.
    fn give(&mut self, name: &NsName, explicit: &BTreeSet<Ipv4Addr>) {
        let start = hash(&name.to_string()) % u64::from(self.size);
        let start = u32::try_from(start).expect("below a 32-bit size");
        let candidates = (start..self.size).chain(0..start).map(|index| self.address(index));
        let free = |a: &Ipv4Addr| !self.taken.contains(a) && !explicit.contains(a);
        if let Some(address) = candidates.into_iter().find(free) {
            self.taken.insert(address);
            self.given.insert(name.clone(), address);
        }
    }

    fn address(&self, index: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + index / USED_OF_256 * 256 + index % USED_OF_256 + 1)
    }

    /// The place of an address in the range, if it is one that is given out.
    fn index(&self, address: Ipv4Addr) -> Option<u32> {
        let offset = address.to_bits().checked_sub(self.base)?;
        let (block, last) = (offset / 256, offset % 256);
        let index = block.checked_mul(USED_OF_256)?.checked_add(last.checked_sub(1)?)?;
        (last <= USED_OF_256 && index < self.size).then_some(index)
    }
}

#[cfg(test)]
mod tests;

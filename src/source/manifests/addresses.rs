//! Made-up addresses: who has which.
//!
//! An address is derived from the name of who gets it, so that two runs over the same manifests agree, and is
//! kept for that name as long as the process lives, so that nobody's coming or going moves anybody else.
//! Addresses that the manifests name themselves are never given out. If a range runs out, what is kept for
//! names that are gone is taken back; only then is somebody refused.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{families::Family, hash::hash};
use crate::model::NsName;

/// Addresses in every block of 256 that are given out: `.0` and `.255` look like no host's.
const USED_OF_256: u32 = 254;

/// The addresses of a range, by their places in it, and who has them.
#[derive(Debug)]
pub(super) struct Pool {
    /// The lowest address of the range.
    base: IpAddr,
    /// The range as messages name it.
    pub(super) range: &'static str,
    /// How many addresses it has to give.
    size: u32,
    given: HashMap<NsName, u32>,
    /// Which are given, by place: looking for a free one in a range that is nearly full asks this a lot.
    taken: Vec<bool>,
}

impl Pool {
    /// The range from `base` with that many bits for its addresses, 8 to 24.
    fn new(range: &'static str, base: impl Into<IpAddr>, bits: u32) -> Self {
        let size = (1 << (bits - 8)) * USED_OF_256;
        // Memory of a range that nothing uses is not touched.
        let places = usize::try_from(size).expect("32 bits fit");
        Self { base: base.into(), range, size, given: HashMap::new(), taken: vec![false; places] }
    }

    /// Addresses of Pods. The IPv4 range is that of a cluster made by kubeadm or kind, and the IPv6 range is a part of
    /// what kind uses.
    pub(super) fn pods(family: Family) -> Self {
        match family {
            Family::V4 => Self::new("10.244.0.0/16", Ipv4Addr::new(10, 244, 0, 0), 16),
            Family::V6 => {
                Self::new("fd00:10:244::/112", Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, 0), 16)
            }
        }
    }

    /// Virtual addresses of Services. The IPv4 range is that of a cluster made by kubeadm; the IPv6 range has the same
    /// size, and begins where that of kind does.
    pub(super) fn services(family: Family) -> Self {
        match family {
            Family::V4 => Self::new("10.96.0.0/12", Ipv4Addr::new(10, 96, 0, 0), 20),
            Family::V6 => Self::new("fd00:10:96::/108", Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0), 20),
        }
    }

    /// A range of one block of IPv6, which is soon full.
    #[cfg(test)]
    pub(super) fn tiny() -> Self {
        Self::new("fd00::/120", Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8)
    }

    /// How many addresses there are in the range.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Sees to it that everybody of `names` has an address that is not in `explicit`, as far as there are
    /// enough, whatever their order. Nobody who has one is moved, unless the manifests now name it as
    /// somebody's own.
    pub(super) fn assign<'n>(
        &mut self,
        names: impl Iterator<Item = &'n NsName> + Clone,
        explicit: &BTreeSet<IpAddr>,
    ) {
        let explicit: BTreeSet<u32> = explicit.iter().filter_map(|address| self.place(*address)).collect();
        self.keep(|_, place| !explicit.contains(&place));
        let room = self.taken.len() - explicit.len();
        let new: BTreeSet<_> = names.clone().filter(|name| !self.given.contains_key(*name)).collect();
        if self.given.len() + new.len() > room {
            let present: HashSet<_> = names.collect();
            self.keep(|name, _| present.contains(name));
        }
        let left = room.saturating_sub(self.given.len());
        new.into_iter().take(left).for_each(|name| self.give(name, &explicit));
    }

    /// The address of somebody who was assigned one.
    pub(super) fn of(&self, name: &NsName) -> Option<IpAddr> {
        self.given.get(name).map(|place| self.address(*place))
    }

    /// Takes back what is given to all others.
    fn keep(&mut self, keeps: impl Fn(&NsName, u32) -> bool) {
        let Self { given, taken, .. } = self;
        given.retain(|name, place| {
            let kept = keeps(name, *place);
            taken[*place as usize] = kept;
            kept
        });
    }

    /// Gives the first free address from the one that the name leads to.
    fn give(&mut self, name: &NsName, explicit: &BTreeSet<u32>) {
        let start = hash(&name.to_string()) % u64::from(self.size);
        let start = u32::try_from(start).expect("below a 32-bit size");
        let is_free = |place: &u32| !self.taken[*place as usize] && !explicit.contains(place);
        let free = (start..self.size).chain(0..start).find(is_free);
        if let Some(place) = free {
            self.taken[place as usize] = true;
            self.given.insert(name.clone(), place);
        }
    }

    fn address(&self, place: u32) -> IpAddr {
        let offset = place / USED_OF_256 * 256 + place % USED_OF_256 + 1;
        match self.base {
            IpAddr::V4(base) => Ipv4Addr::from_bits(base.to_bits() + offset).into(),
            IpAddr::V6(base) => Ipv6Addr::from_bits(base.to_bits() + u128::from(offset)).into(),
        }
    }

    /// The place of an address in the range, if it is one that is given out.
    fn place(&self, address: IpAddr) -> Option<u32> {
        let offset = match (address, self.base) {
            (IpAddr::V4(address), IpAddr::V4(base)) => address.to_bits().checked_sub(base.to_bits())?,
            (IpAddr::V6(address), IpAddr::V6(base)) => {
                u32::try_from(address.to_bits().checked_sub(base.to_bits())?).ok()?
            }
            _ => return None,
        };
        let (block, last) = (offset / 256, offset % 256);
        let place = block.checked_mul(USED_OF_256)?.checked_add(last.checked_sub(1)?)?;
        (last <= USED_OF_256 && place < self.size).then_some(place)
    }
}

#[cfg(test)]
mod tests;

//! Sorted sets keyed by socket address, in blocks that successive versions share.
//!
//! A service of 10,000 endpoints loses one and gains another. What was true before must stay as it is for
//! whoever still holds it, and what is true now should cost the change and not the service: a new version
//! copies the blocks that an edit falls into and shares all others, and comparing two versions passes over
//! the blocks that they share.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

/// A block is divided when it grows beyond this many items...
const MAX: usize = 128;
/// ...into blocks of about this many...
const USUAL: usize = 64;
/// ...and united with a neighbour when it shrinks below this many.
const MIN: usize = 16;

/// Something with a socket address as its key.
pub trait Keyed {
    /// The key.
    fn addr(&self) -> SocketAddr;
}

/// A sorted set of items, each address once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blocks<T> {
    /// None of them is empty.
    blocks: Arc<[Arc<[T]>]>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Arc::new([]), len: 0 }
    }
}

impl<T> Blocks<T> {
    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All items, sorted by address.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.blocks.iter().flat_map(|block| block.iter())
    }
}

impl<T: Keyed + Clone> Blocks<T> {
    /// These items, which must be sorted by address, each address once.
    #[must_use]
    pub fn of_sorted(items: Vec<T>) -> Self {
        debug_assert!(items.is_sorted_by(|a, b| a.addr() < b.addr()), "sorted, each address once");
        Making { loose: items, ..Making::default() }.finish()
    }

    /// The item with this address.
    #[must_use]
    pub fn get(&self, addr: &SocketAddr) -> Option<&T> {
        let after = self.blocks.partition_point(|block| block[0].addr() <= *addr);
        let block = &self.blocks[after.checked_sub(1)?];
        block.binary_search_by_key(addr, Keyed::addr).ok().map(|place| &block[place])
    }

    /// The set with these addresses set to an item, or taken out.
    #[must_use]
    pub fn edited(&self, edits: BTreeMap<SocketAddr, Option<T>>) -> Self {
        if edits.is_empty() {
            return self.clone();
        }
        let mut edits = edits.into_iter().peekable();
        let mut made = Making { blocks: Vec::with_capacity(self.blocks.len() + 1), ..Making::default() };
        for (place, block) in self.blocks.iter().enumerate() {
            // What lies between two blocks belongs to the first of them.
            let end = self.blocks.get(place + 1).map(|next| next[0].addr());
            let is_here = |addr: SocketAddr| end.is_none_or(|end| addr < end);
            if !edits.peek().is_some_and(|(addr, _)| is_here(*addr)) {
                made.push(block);
                continue;
            }
            let mut items = block.iter().peekable();
            while let Some((addr, edit)) = edits.next_if(|(addr, _)| is_here(*addr)) {
                while let Some(item) = items.next_if(|item| item.addr() < addr) {
                    made.loose.push(item.clone());
                }
                items.next_if(|item| item.addr() == addr);
                made.loose.extend(edit);
            }
            made.loose.extend(items.cloned());
        }
        made.loose.extend(edits.filter_map(|(_, edit)| edit));
        made.finish()
    }

    /// Where `self` and `next` may differ: pairs of what either has under one address, sorted by address.
    /// What is in blocks that both share is passed over, so most of what is equal does not appear.
    pub fn differences<'a, 'b>(
        &'a self,
        next: &'b Self,
    ) -> impl Iterator<Item = (Option<&'a T>, Option<&'b T>)> {
        let (mut old, mut new) = (Place::start(self), Place::start(next));
        std::iter::from_fn(move || {
            while let (Some(a), Some(b)) = (old.untouched_block(), new.untouched_block())
                && Arc::ptr_eq(a, b)
            {
                old.skip_block();
                new.skip_block();
            }
            match (old.item(), new.item()) {
                (None, None) => None,
                (Some(gone), coming) if coming.is_none_or(|coming| gone.addr() < coming.addr()) => {
                    old.step();
                    Some((Some(gone), None))
                }
                (Some(had), Some(has)) if had.addr() == has.addr() => {
                    old.step();
                    new.step();
                    Some((Some(had), Some(has)))
                }
                (_, came) => {
                    new.step();
                    Some((None, came))
                }
            }
        })
    }
}

impl<T: Keyed + Clone + PartialEq> PartialEq for Blocks<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differences(other).all(|(a, b)| a == b)
    }
}

impl<T: Keyed + Clone + Eq> Eq for Blocks<T> {}

/// A set that is being put together from the front.
struct Making<T> {
    blocks: Vec<Arc<[T]>>,
    /// Items that come next and are in no block yet.
    loose: Vec<T>,
    len: usize,
}

impl<T> Default for Making<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), loose: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Making<T> {
    /// Adds a block of another version. It is shared, unless the few items before it need company.
    fn push(&mut self, block: &Arc<[T]>) {
        if (1..MIN).contains(&self.loose.len()) {
            self.loose.extend(block.iter().cloned());
            return;
        }
        self.pack();
        self.len += block.len();
        self.blocks.push(block.clone());
    }

    /// Puts the loose items into blocks.
    fn pack(&mut self) {
        let count = self.loose.len();
        self.len += count;
        if count <= MAX {
            if count > 0 {
                self.blocks.push(self.loose.drain(..).collect());
            }
            return;
        }
        // So many blocks that none is below the usual size by more than one item's rounding.
        let blocks = count / USUAL;
        let mut items = self.loose.drain(..);
        for block in 0..blocks {
            let share = count * (block + 1) / blocks - count * block / blocks;
            self.blocks.push(items.by_ref().take(share).collect());
        }
    }

    fn finish(mut self) -> Blocks<T> {
        if (1..MIN).contains(&self.loose.len())
            && let Some(last) = self.blocks.pop()
        {
            self.len -= last.len();
            let few = std::mem::take(&mut self.loose);
            self.loose = last.iter().cloned().chain(few).collect();
        }
        self.pack();
        Blocks { blocks: self.blocks.into(), len: self.len }
    }
}

/// A place in a set.
struct Place<'a, T> {
    blocks: &'a [Arc<[T]>],
    /// Of the first of the blocks.
    index: usize,
}

impl<'a, T> Place<'a, T> {
    fn start(set: &'a Blocks<T>) -> Self {
        Self { blocks: &set.blocks, index: 0 }
    }

    /// The block that starts here, if one does.
    fn untouched_block(&self) -> Option<&'a Arc<[T]>> {
        if self.index == 0 { self.blocks.first() } else { None }
    }

    fn item(&self) -> Option<&'a T> {
        self.blocks.first().map(|block| &block[self.index])
    }

    fn skip_block(&mut self) {
        (self.blocks, self.index) = (&self.blocks[1..], 0);
    }

    fn step(&mut self) {
        self.index += 1;
        if self.index == self.blocks[0].len() {
            self.skip_block();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Item(u16, u8);

    impl Keyed for Item {
        fn addr(&self) -> SocketAddr {
            addr(self.0)
        }
    }

    fn addr(key: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], key))
    }

    type Model = BTreeMap<u16, u8>;

    fn items(model: &Model) -> Vec<Item> {
        model.iter().map(|(key, value)| Item(*key, *value)).collect()
    }

    fn edit(set: &Blocks<Item>, model: &mut Model, edits: &BTreeMap<u16, Option<u8>>) -> Blocks<Item> {
        for (key, value) in edits {
            match value {
                Some(value) => _ = model.insert(*key, *value),
                None => _ = model.remove(key),
            }
        }
        set.edited(
            edits.iter().map(|(key, value)| (addr(*key), value.map(|value| Item(*key, value)))).collect(),
        )
    }

    fn edits() -> impl Strategy<Value = BTreeMap<u16, Option<u8>>> {
        let few = prop::collection::btree_map(0_u16..2000, prop::option::of(0_u8..3), 0..8);
        let many = prop::collection::btree_map(0_u16..2000, prop::option::of(0_u8..3), 0..600);
        prop_oneof![4 => few, 1 => many]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn edits_do_what_they_do_to_a_map(
            start in prop::collection::btree_map(0_u16..2000, 0_u8..3, 0..1500),
            rounds in prop::collection::vec(edits(), 1..12),
        ) {
            let mut model: Model = start;
            let mut set = Blocks::of_sorted(items(&model));
            for edits in rounds {
                let before = (set.clone(), model.clone());
                set = edit(&set, &mut model, &edits);

                prop_assert_eq!(set.iter().copied().collect::<Vec<_>>(), items(&model));
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(&set, &Blocks::of_sorted(items(&model)), "however it is divided");
                prop_assert!(set.blocks.iter().all(|block| (1..=MAX).contains(&block.len())));
                let small = set.blocks.iter().filter(|block| block.len() < MIN).count();
                prop_assert!(small == 0 || set.blocks.len() == 1, "small blocks have been united");
                for key in edits.keys() {
                    prop_assert_eq!(set.get(&addr(*key)).map(|item| item.1), model.get(key).copied());
                }
                let differ: Vec<_> = before.0.differences(&set).filter(|(a, b)| a != b).collect();
                let keys: std::collections::BTreeSet<_> = before.1.keys().chain(model.keys()).collect();
                let item = |model: &Model, key: &u16| model.get(key).map(|value| Item(*key, *value));
                let expect: Vec<_> = keys
                    .into_iter()
                    .map(|key| (item(&before.1, key), item(&model, key)))
                    .filter(|(a, b)| a != b)
                    .collect();
                let differ: Vec<_> = differ.into_iter().map(|(a, b)| (a.copied(), b.copied())).collect();
                prop_assert_eq!(differ, expect);
                prop_assert_eq!(before.0 == set, before.1 == model);
            }
        }
    }

    #[test]
    fn an_edit_touches_its_own_block_and_comparing_looks_at_no_other() {
        let model: Model = (0..10_000).map(|key| (key, 0)).collect();
        let set = Blocks::of_sorted(items(&model));
        let next = set.edited(BTreeMap::from([(addr(5000), Some(Item(5000, 1)))]));
        let shared =
            set.blocks.iter().filter(|block| next.blocks.iter().any(|b| Arc::ptr_eq(b, block))).count();
        assert_eq!(shared, set.blocks.len() - 1);
        assert!(set.differences(&next).count() <= MAX);
        assert_ne!(set, next);
    }
}

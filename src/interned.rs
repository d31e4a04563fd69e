//! One copy of what is equal.

use std::{collections::HashSet, hash::Hash, sync::Arc};

/// So few values are never worth looking through.
const FEW: usize = 256;

/// Values that many have in common, each kept once. Those that nobody has any more are dropped when the set
/// would have grown to twice of what was in use.
#[derive(Debug)]
pub(crate) struct Interned<T: ?Sized> {
    values: HashSet<Arc<T>>,
    look_through_at: usize,
}

impl<T: ?Sized> Default for Interned<T> {
    fn default() -> Self {
        Self { values: HashSet::new(), look_through_at: FEW }
    }
}

impl<T: Eq + Hash + ?Sized> Interned<T> {
    /// The one that is equal to this; this one if there was none.
    pub(crate) fn one(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.values.get(&value) {
            return known.clone();
        }
        if self.values.len() >= self.look_through_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.look_through_at = FEW.max(2 * self.values.len());
        }
        self.values.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_become_one_and_what_nobody_has_does_not_stay() {
        let mut interned = Interned::<str>::default();
        let kept = interned.one("kept".into());
        for number in 0..10 * FEW {
            interned.one(number.to_string().into());
            assert!(Arc::ptr_eq(&interned.one("kept".into()), &kept));
        }
        assert!(interned.values.len() <= FEW);
    }
}

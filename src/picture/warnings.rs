//! The warnings that hold now, each with a number that it keeps for as long as it holds.

use std::{collections::BTreeMap, sync::Arc};

use crate::status::Notice;

/// How many warnings are shown; how many there are is said in any case. A page of more is read by nobody, and
/// `/debug/warnings` has them all.
pub const SHOWN_WARNINGS: usize = 1000;

/// What came and what went.
pub(super) type Turnover = (Vec<Arc<Notice>>, Vec<Arc<Notice>>);

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    by_number: BTreeMap<u64, Arc<Notice>>,
    numbers: BTreeMap<Arc<Notice>, u64>,
    last: u64,
    /// How many there are, shown or not.
    pub total: usize,
}

impl Warnings {
    /// The same after these are all that hold, with those that came and those that went; `None` if nothing did.
    pub(super) fn after(&self, notices: &[Notice]) -> Option<(Self, Turnover)> {
        let shown = &notices[..notices.len().min(SHOWN_WARNINGS)];
        let same = self.total == notices.len()
            && self.numbers.len() == shown.len()
            && self.numbers.keys().zip(shown).all(|(known, notice)| **known == *notice);
        if same {
            return None;
        }
        let mut next = Self { last: self.last, total: notices.len(), ..Self::default() };
        let mut came = Vec::new();
        for notice in shown {
            let (notice, number) = match self.numbers.get_key_value(notice) {
                Some((notice, number)) => (notice.clone(), *number),
                None => {
                    next.last += 1;
                    came.push(Arc::new(notice.clone()));
                    (came[came.len() - 1].clone(), next.last)
                }
            };
            next.by_number.insert(number, notice.clone());
            next.numbers.insert(notice, number);
        }
        let went =
            self.numbers.keys().filter(|notice| !next.numbers.contains_key(*notice)).cloned().collect();
        Some((next, (came, went)))
    }

    /// Those that are shown, by number.
    #[must_use]
    pub fn by_number(&self) -> &BTreeMap<u64, Arc<Notice>> {
        &self.by_number
    }
}

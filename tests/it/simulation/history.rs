//! What was true after each batch, and which of it a stream may show.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    rc::Rc,
};

use switchyard::{
    context::Reading,
    resolve::{Options, Query, Target},
};
use tokio::time::{Duration, Instant};

use crate::laws::{client::State, oracle::Oracle, world::World};

/// How long a profile may lag behind what it sends traffic to.
pub(super) const RETURN_LAG: Duration = Duration::from_millis(20);
/// Timers fire at full milliseconds.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// See the module's documentation.
pub(super) struct History {
    options: Options,
    leaf_drain: Duration,
    /// What was true, and since when.
    moments: Vec<(Instant, World)>,
    answers: RefCell<BTreeMap<(Target, usize), Rc<State>>>,
}

impl History {
    pub(super) fn new(options: Options, leaf_drain: Duration) -> Self {
        Self { options, leaf_drain, moments: Vec::new(), answers: RefCell::default() }
    }

    pub(super) fn push(&mut self, world: World) {
        self.moments.push((Instant::now(), world));
    }

    /// The number of moments; none before the first sync.
    pub(super) fn len(&self) -> usize {
        self.moments.len()
    }

    pub(super) fn oracle(&self, moment: usize) -> Oracle<'_> {
        Oracle { objects: self.moments[moment].1.objects(), options: &self.options }
    }

    /// The answer of that moment, by the oracle.
    pub(super) fn truth(&self, target: &Target, moment: usize) -> Rc<State> {
        match self.answers.borrow_mut().entry((target.clone(), moment)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(Rc::new(self.oracle(moment).answer(target))).clone(),
        }
    }

    /// The first moment of which a stream that is current may still show the answer: the newest one, unless
    /// that is being held. `None` before the first sync.
    pub(super) fn floor(&self, target: &Target) -> Option<usize> {
        let newest = self.len().checked_sub(1)?;
        let held = match &target.query {
            _ if self.leaf_drain.is_zero() => return Some(newest),
            Query::Endpoints { reading: Reading::Merged, .. } => return Some(newest),
            Query::Endpoints { reading: Reading::Leaf, .. } => self.leaf_drain,
            // Weights that only say that nobody is left wait for the last one's endpoints to go.
            Query::ServiceProfile { .. } | Query::AddressProfile { .. } => {
                let recent = self.lasting(self.leaf_drain)..=newest;
                let nobody = recent.into_iter().any(|moment| self.oracle(moment).nobody_is_ready(target));
                if nobody { self.leaf_drain } else { RETURN_LAG.min(self.leaf_drain) }
            }
        };
        Some(self.lasting(held))
    }

    /// The first moment that was still true this long ago.
    fn lasting(&self, time: Duration) -> usize {
        let ends = self.moments.iter().skip(1).map(|(since, _)| since);
        ends.take_while(|end| end.elapsed() > time + TICK).count()
    }
}

//! Who has to look again when a fact changes: kept from what each resolution read.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use crate::cluster::Fact;

/// Facts and those who read them, both ways. A dependent that read nothing is not in here.
#[derive(Debug)]
pub struct Dependents<D> {
    of_fact: HashMap<Fact, BTreeSet<D>>,
    reads_of: HashMap<D, BTreeSet<Fact>>,
}

impl<D> Default for Dependents<D> {
    fn default() -> Self {
        Self { of_fact: HashMap::new(), reads_of: HashMap::new() }
    }
}

impl<D: Clone + Ord + Hash> Dependents<D> {
    /// Everybody who read this fact, in order.
    pub fn of(&self, fact: &Fact) -> impl Iterator<Item = &D> {
        self.of_fact.get(fact).into_iter().flatten()
    }

    /// Sets what a dependent read when it last looked; nothing takes it out.
    pub fn set(&mut self, dependent: &D, reads: BTreeSet<Fact>) {
        let old = self.reads_of.remove(dependent).unwrap_or_default();
        for gone in old.difference(&reads) {
            let readers = self.of_fact.get_mut(gone).expect("both maps hold the same pairs");
            readers.remove(dependent);
            if readers.is_empty() {
                self.of_fact.remove(gone);
            }
        }
        for new in reads.difference(&old) {
            self.of_fact.entry(new.clone()).or_default().insert(dependent.clone());
        }
        if !reads.is_empty() {
            self.reads_of.insert(dependent.clone(), reads);
        }
    }

    /// Adds to what a dependent read.
    pub fn add(&mut self, dependent: &D, reads: impl IntoIterator<Item = Fact>) {
        let known = self.reads_of.entry(dependent.clone()).or_default();
        for fact in reads {
            if known.insert(fact.clone()) {
                self.of_fact.entry(fact).or_default().insert(dependent.clone());
            }
        }
        if known.is_empty() {
            self.reads_of.remove(dependent);
        }
    }

    /// How many facts somebody depends on.
    #[must_use]
    pub fn facts(&self) -> usize {
        self.of_fact.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NsName;

    fn service(name: &str) -> Fact {
        Fact::Service(NsName::new("d", name))
    }

    #[test]
    fn a_dependent_is_found_by_what_it_read_last() {
        let mut dependents = Dependents::default();
        dependents.set(&1, BTreeSet::from([service("a"), service("b")]));
        dependents.set(&2, BTreeSet::from([service("b")]));
        dependents.set(&1, BTreeSet::from([service("b"), service("c")]));

        assert_eq!(dependents.of(&service("a")).count(), 0);
        assert_eq!(dependents.of(&service("b")).collect::<Vec<_>>(), [&1, &2]);
        assert_eq!(dependents.of(&service("c")).collect::<Vec<_>>(), [&1]);
    }

    #[test]
    fn nothing_stays_of_a_dependent_that_is_gone() {
        let mut dependents = Dependents::default();
        dependents.set(&1, BTreeSet::from([service("a")]));
        dependents.set(&1, BTreeSet::new());

        assert_eq!(dependents.facts(), 0);
        assert!(dependents.reads_of.is_empty());
    }
}

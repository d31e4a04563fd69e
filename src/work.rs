//! Counters of work, for tests of how cost grows with the length of a list.
//!
//! They count in unit tests only. Elsewhere every function of this module is empty.

/// Work of one kind each.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Names that are hashed or compared for equality, ports and label values that are compared: what a linear search does
    /// once an item, and a look-up in a hash map a constant number of times.
    pub(crate) steps: u64,
    /// Names that are compared for their order: what a look-up in an ordered map does a logarithmic number of times.
    pub(crate) comparisons: u64,
}

#[cfg(test)]
thread_local! {
    static WORK: std::cell::Cell<Work> = const { std::cell::Cell::new(Work { steps: 0, comparisons: 0 }) };
}

/// Counts one step of this thread.
#[inline]
pub(crate) fn step() {
    #[cfg(test)]
    WORK.with(|work| work.set(Work { steps: work.get().steps + 1, ..work.get() }));
}

/// Counts one comparison of this thread.
#[inline]
pub(crate) fn comparison() {
    #[cfg(test)]
    WORK.with(|work| work.set(Work { comparisons: work.get().comparisons + 1, ..work.get() }));
}

/// Returns the work of an action.
#[cfg(test)]
pub(crate) fn work_of(action: impl FnOnce()) -> Work {
    let before = WORK.get();
    action();
    let after = WORK.get();
    Work { steps: after.steps - before.steps, comparisons: after.comparisons - before.comparisons }
}

//! A part of a destination's traffic.

/// So many parts are all of the traffic.
const BILLION: u128 = 1_000_000_000;

/// A part of a destination's traffic, in parts per billion: `0..=10^9`. What is more than nothing is at least 1,
/// so that the shares of one answer add up to a billion give or take one for each endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// All of the traffic, in parts per billion.
    pub const WHOLE: u64 = 1_000_000_000;

    /// This weight over the sum of all weights; nothing where there is no weight at all.
    #[must_use]
    pub fn of(weight: u64, total: u64) -> Self {
        if weight == 0 || total == 0 {
            return Self::default();
        }
        let (weight, total) = (u128::from(weight.min(total)), u128::from(total));
        let rounded = (2 * weight * BILLION + total) / (2 * total);
        Self(u32::try_from(rounded.max(1)).expect("a part of a billion is at most a billion"))
    }

    /// In parts per billion.
    #[must_use]
    pub fn ppb(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn shares_are_rounded_half_up_and_something_is_never_nothing() {
        for (weight, total, ppb) in [
            (0, 0, 0),
            (0, 5, 0),
            (5, 5, 1_000_000_000),
            (1, 2, 500_000_000),
            (1, 3, 333_333_333),
            (2, 3, 666_666_667),
            (1, u64::MAX, 1),
            (u64::MAX, u64::MAX, 1_000_000_000),
        ] {
            assert_eq!(Share::of(weight, total).ppb(), ppb, "{weight}/{total}");
        }
    }
}

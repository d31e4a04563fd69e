//! The arithmetic of a split: from backend weights to what goes on the wire.
//!
//! Both forms keep the ratio the user wrote and can be summed in 32 bits by any client: real proxies panic
//! when the weights they were given overflow.

use crate::weight::Milli;

/// The weight of an endpoint that no split concerns; the constant Linkerd sends.
pub const UNSPLIT: u32 = 10_000;

/// How many times as much an endpoint in the client's own zone weighs, where that is wanted; Linkerd's
/// constant as well.
pub const OWN_ZONE: u32 = 10;

/// What the endpoint weights of a whole split add up to, when every backend has endpoints.
const BILLION: u128 = 1_000_000_000;

/// The weight of one endpoint in a merged answer, in parts per billion of the destination's traffic:
/// `max(1, round_half_up(10^9 * weight / (total * endpoints)))`.
///
/// `total` is the sum over all declared backends of the split, those without endpoints included, and
/// `endpoints` counts the backend's own. So churn in one backend never changes another's weights, and an
/// emptied backend's share goes to the others without a word about them.
///
/// `None` if the backend gets no traffic (`weight` 0) or has nobody to get it. The accepted cost: if all that
/// is left is a tiny part of the declared weight, the floor of 1 levels ratios.
#[must_use]
pub fn endpoint_weight(weight: Milli, total: u128, endpoints: usize) -> Option<u32> {
    if weight == Milli::ZERO || endpoints == 0 {
        return None;
    }
    let share = BILLION * u128::from(weight.get());
    let parts = total * endpoints as u128;
    let rounded = (2 * share + parts) / (2 * parts);
    Some(u32::try_from(rounded.max(1)).expect("a share of a billion is at most a billion"))
}

/// The weights of `dst_overrides`: ten times the thousandths, as Linkerd sends them. If they would not add up
/// within 32 bits all are scaled to a sum of 10^9, keeping every positive one at least 1.
#[must_use]
pub fn override_weights(weights: &[Milli]) -> Vec<u32> {
    let tenfold = |weight: &Milli| 10 * u128::from(weight.get());
    let sum: u128 = weights.iter().map(tenfold).sum();
    let scale = |weight: u128| match weight {
        0 => 0,
        weight if sum <= u128::from(u32::MAX) => weight,
        weight => (weight * BILLION / sum).max(1),
    };
    let fits = |weight: u128| u32::try_from(weight).expect("either the sum fits, or it was scaled to 10^9");
    weights.iter().map(tenfold).map(scale).map(fits).collect()
}

/// A weight as a share of all weights: `12.50 %`, or `-` when there is nothing to share.
///
/// Rounded half up to two decimals, but what is more than nothing never shows as `0.00 %`.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    let hundredths = (part * 20_000 + whole) / (2 * whole);
    if hundredths == 0 && part > 0 {
        return "<0.01 %".to_owned();
    }
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_have_two_decimals() {
        for (part, whole, expect) in [
            (1, 1, "100.00 %"),
            (1, 2, "50.00 %"),
            (1, 3, "33.33 %"),
            (2, 3, "66.67 %"),
            (1, 8, "12.50 %"),
            (1, 20_000, "0.01 %"),
            (1, 20_001, "<0.01 %"),
            (1, 1_000_000_000, "<0.01 %"),
            (0, 7, "0.00 %"),
            (0, 0, "-"),
            (u64::MAX, u64::MAX, "100.00 %"),
        ] {
            assert_eq!(percent(part, whole), expect, "{part}/{whole}");
        }
    }

    fn millis(values: &[u64]) -> Vec<Milli> {
        values.iter().copied().map(Milli::new).collect()
    }

    /// The numbers that the reference script of the specification prints.
    #[test]
    fn endpoint_weights_of_the_specification() {
        type Case = (&'static [u64], &'static [usize], &'static [Option<u32>]);
        #[rustfmt::skip]
        let cases: &[Case] = &[
            (&[50, 50], &[1, 1], &[Some(500_000_000), Some(500_000_000)]),
            (&[50, 50], &[1, 3], &[Some(500_000_000), Some(166_666_667)]),
            (&[50, 50], &[2, 7], &[Some(250_000_000), Some(71_428_571)]),
            (&[1, 99], &[10, 3], &[Some(1_000_000), Some(330_000_000)]),
            (&[99, 1], &[3, 1000], &[Some(330_000_000), Some(10_000)]),
            (&[1, 1, 1], &[1, 1, 1], &[Some(333_333_333), Some(333_333_333), Some(333_333_333)]),
            (&[1, 2, 4], &[5, 5, 5], &[Some(28_571_429), Some(57_142_857), Some(114_285_714)]),
            (&[10, 100, 1500], &[1, 1, 1], &[Some(6_211_180), Some(62_111_801), Some(931_677_019)]),
            (&[1, 1_000_000_000_000], &[3, 1], &[Some(1), Some(1_000_000_000)]),
            (&[100, 0], &[2, 2], &[Some(500_000_000), None]),
            (&[50, 50], &[2, 0], &[Some(250_000_000), None]),
            (&[50, 50], &[5000, 5000], &[Some(100_000), Some(100_000)]),
            (&[i64::MAX as u64, i64::MAX as u64], &[2, 2], &[Some(250_000_000), Some(250_000_000)]),
        ];
        for (weights, counts, expect) in cases {
            let total = weights.iter().map(|w| u128::from(*w)).sum();
            let got: Vec<_> = weights
                .iter()
                .zip(*counts)
                .map(|(w, n)| endpoint_weight(Milli::new(*w), total, *n))
                .collect();
            assert_eq!(got, *expect, "{weights:?} over {counts:?}");
        }
    }

    #[test]
    fn override_weights_of_the_specification() {
        let cases: &[(&[u64], &[u32])] = &[
            (&[500, 500], &[5000, 5000]),
            (&[1000, 1000], &[10_000, 10_000]),
            (&[10, 100, 1500], &[100, 1000, 15_000]),
            (&[100_000, 0], &[1_000_000, 0]),
            (&[300_000_000, 300_000_000], &[500_000_000, 500_000_000]),
            (&[429_497_000, 1000], &[999_997_671, 2328]),
            (&[i64::MAX as u64, 1], &[999_999_999, 1]),
            (&[], &[]),
        ];
        for (weights, expect) in cases {
            assert_eq!(override_weights(&millis(weights)), *expect, "{weights:?}");
        }
    }

    /// Accepted and therefore written down: what is left of a split when only a trace of it has endpoints.
    #[test]
    fn the_floor_levels_ratios_of_traces() {
        let total = 1_000_000_000_000;
        assert_eq!(endpoint_weight(Milli::new(1), total, 1), Some(1));
        assert_eq!(endpoint_weight(Milli::new(2), total, 1), Some(1));
    }

    proptest! {
        #[test]
        fn overrides_always_add_up_within_32_bits(weights in prop::collection::vec(0..=i64::MAX as u64, 0..20)) {
            let overrides = override_weights(&millis(&weights));
            prop_assert!(overrides.iter().map(|w| u64::from(*w)).sum::<u64>() <= u64::from(u32::MAX));
            for (weight, sent) in weights.iter().zip(&overrides) {
                prop_assert_eq!(*weight == 0, *sent == 0);
            }
        }
    }
}

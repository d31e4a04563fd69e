//! A weight as a share of all weights.

/// `12.50 %`; `-` when there is nothing to share.
///
/// Rounded half up to two decimals, but what is more than nothing never shows as `0.00 %`.
pub(super) fn percent(part: u64, whole: u64) -> String {
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
    use super::percent;

    #[test]
    fn two_decimals() {
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
}

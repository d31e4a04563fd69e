//! Durations as Go writes them, which is how ServiceProfiles do: `250ms`, `1.5s`, `1m30s`.

use std::time::Duration;

/// Digits of a fraction that are read; one more is below a nanosecond of the largest unit.
const FRACTION_DIGITS: usize = 18;

/// The duration, exactly, cut to whole nanoseconds. `None` for what Go refuses (a number without a unit, an
/// unknown unit, more than 292 years) and for a negative one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let nanos = if unsigned == "0" { 0 } else { parts(unsigned)? };
    if text.starts_with('-') && nanos > 0 {
        return None;
    }
    // The range of Go's own type.
    let nanos = i64::try_from(nanos).ok()?;
    Some(Duration::from_nanos(nanos.unsigned_abs()))
}

/// The sum of one or more parts, each a number and a unit.
fn parts(mut rest: &str) -> Option<u128> {
    let mut sum = 0_u128;
    loop {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = unit_nanos(unit)?;
        let fraction = &fraction[..fraction.len().min(FRACTION_DIGITS)];
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        sum = sum.checked_add(whole.checked_mul(unit)?)?.checked_add(part * unit / scale)?;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after;
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        // Both code points that are written as micro.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1m30s", 90_000_000_000),
            ("+5s", 5_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1h0m0.000000001s", 3_600_000_000_001),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1.9ns", 1),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("9223372036854775807ns", i64::MAX.unsigned_abs()),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let huge = "9".repeat(400) + "s";
        for text in [
            "",
            "3",
            "s",
            ".s",
            "1x",
            "1s2",
            "1 s",
            "-1s",
            "1S",
            "1s-1s",
            "--1s",
            "9223372036854775808ns",
            &huge,
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

//! A length of time as people read it in a table.

/// `350 ms`, `1.2 s`, `59 s`, `3m 20s`, `5h 10m`, `2d 4h`: two or three digits, whatever it is.
pub(super) fn short(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturating"
    )]
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn two_units_at_most() {
        for (seconds, expect) in [
            (0.0, "0 ms"),
            (0.0004, "0 ms"),
            (0.35, "350 ms"),
            (0.9994, "999 ms"),
            (0.9996, "1.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1m 0s"),
            (200.0, "3m 20s"),
            (18_600.0, "5h 10m"),
            (187_200.0, "2d 4h"),
            (f64::NAN, "-"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(short(seconds), expect, "{seconds}");
        }
    }
}

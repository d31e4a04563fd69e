//! When an object was created.

/// `metadata.creationTimestamp` in whole seconds since 1970, the resolution in which Kubernetes stores it; years before
/// 1970 and after 2105 count as these. The oldest comes first in order, an object without a timestamp last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Created(u32);

impl Default for Created {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl From<jiff::Timestamp> for Created {
    fn from(time: jiff::Timestamp) -> Self {
        let seconds = time.as_second().clamp(0, i64::from(u32::MAX - 1));
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_orders_the_oldest_first_and_no_timestamp_last() {
        let at = |text: &str| Created::from(text.parse::<jiff::Timestamp>().unwrap());
        let times =
            ["1960-01-01T00:00:00Z", "2024-01-31T12:00:00Z", "2024-01-31T12:00:01Z", "2300-01-01T00:00:00Z"];
        let ordered: Vec<_> = times.map(at).into_iter().chain([Created::default()]).collect();
        assert!(ordered.is_sorted_by(|a, b| a < b), "{ordered:?}");
    }
}

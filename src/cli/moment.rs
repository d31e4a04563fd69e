//! When a message came, as people and as programs read it.

use jiff::Zoned;

/// A point in time, to the millisecond.
#[derive(Clone, Debug)]
pub(super) struct Moment(Zoned);

impl Moment {
    /// Now, in the zone of this machine.
    pub(super) fn now() -> Self {
        Self(Zoned::now())
    }

    /// For people: `14:03:07.250`, where they are.
    pub(super) fn local(&self) -> String {
        self.0.strftime("%H:%M:%S%.3f").to_string()
    }

    /// For programs: RFC 3339 in UTC, `2025-11-23T13:03:07.250Z`.
    pub(super) fn rfc3339(&self) -> String {
        format!("{:.3}", self.0.timestamp())
    }

    /// So many milliseconds after a fixed moment, in a zone an hour before UTC.
    #[cfg(test)]
    pub(super) fn test(millis: i64) -> Self {
        let start = jiff::Timestamp::new(1_763_902_987, 0).unwrap();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        Self(start.checked_add(jiff::SignedDuration::from_millis(millis)).unwrap().to_zoned(zone))
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn to_the_millisecond() {
        for (millis, local, rfc3339) in [
            (0, "14:03:07.000", "2025-11-23T13:03:07.000Z"),
            (50, "14:03:07.050", "2025-11-23T13:03:07.050Z"),
            (60_999, "14:04:07.999", "2025-11-23T13:04:07.999Z"),
        ] {
            let moment = Moment::test(millis);
            assert_eq!((moment.local().as_str(), moment.rfc3339().as_str()), (local, rfc3339));
        }
    }
}

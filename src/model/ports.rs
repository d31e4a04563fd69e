//! Sets of ports, as annotations and flags list them.

use std::{fmt, ops::RangeInclusive};

/// A set of port numbers as a list of ranges, as `config.linkerd.io/opaque-ports` and
/// `--default-opaque-ports` have it. The numbers are 0..=65535, as in Linkerd, though 0 is never asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortRanges(Box<[(u16, u16)]>);

impl PortRanges {
    /// The union of these ranges, in any order. Of a range whose end is before its start nothing comes.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_by_key(|range| *range.start());
        let mut united: Vec<(u16, u16)> = Vec::new();
        for range in sorted {
            let (start, end) = range.into_inner();
            match united.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => united.push((start, end)),
            }
        }
        Self(united.into())
    }

    /// Reads a comma-separated list of numbers and ranges (`25,3306,4000-4010`); spaces and empty items are
    /// passed over. What is neither goes through `named`, which may know it as the name of a port; what
    /// nobody knows comes back beside the set.
    pub fn parse(text: &str, named: impl Fn(&str) -> Vec<u16>) -> (Self, Vec<&str>) {
        let (mut ranges, mut unknown) = (Vec::new(), Vec::new());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if let Some(range) = range(item) {
                ranges.push(range);
                continue;
            }
            let numbers = named(item);
            if numbers.is_empty() {
                unknown.push(item);
            }
            ranges.extend(numbers.into_iter().map(|number| number..=number));
        }
        (Self::new(ranges), unknown)
    }

    /// Whether a port is in the set.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|(start, end)| (*start..=*end).contains(&port))
    }
}

impl fmt::Display for PortRanges {
    /// As a user would write it: `25,4000-4010`; nothing for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (start, end)) in self.0.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match start == end {
                true => write!(f, "{comma}{start}")?,
                false => write!(f, "{comma}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

/// `80` or `80-90`; `None` if it is neither, or runs backwards.
fn range(item: &str) -> Option<RangeInclusive<u16>> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let range = match item.split_once('-') {
        Some((start, end)) => number(start)?..=number(end)?,
        None => number(item)?..=number(item)?,
    };
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, within: &[u16], without: &[u16], unknown: &[&str]) {
        let (ports, left) =
            PortRanges::parse(text, |name| if name == "http" { vec![80, 8080] } else { vec![] });
        for port in within {
            assert!(ports.contains(*port), "{port} in {text:?}");
        }
        for port in without {
            assert!(!ports.contains(*port), "{port} not in {text:?}");
        }
        assert_eq!(left, unknown);
    }

    #[test]
    fn a_set_is_written_as_it_is_read() {
        for (text, expect) in [("", ""), ("25", "25"), ("4000-4010, 25,26", "25-26,4000-4010")] {
            assert_eq!(PortRanges::parse(text, |_| vec![]).0.to_string(), expect);
        }
    }

    #[test]
    fn numbers_ranges_and_names() {
        check("", &[], &[0, 80], &[]);
        check("25, 3306 ,4000-4010,", &[25, 3306, 4000, 4005, 4010], &[24, 3999, 4011], &[]);
        check("http,0,65535", &[80, 8080, 0, 65535], &[81], &[]);
        check("http,nope,70000,9-8,-1,5", &[80, 5], &[8, 9, 1], &["nope", "70000", "9-8", "-1"]);
    }

    #[test]
    fn equal_sets_are_equal_however_they_are_written() {
        let parse = |text| PortRanges::parse(text, |_| vec![]).0;
        assert_eq!(parse("1-3,4,2,65535"), parse("65535,4,3,2,1"));
        assert_eq!(parse("65535,1-65535"), parse("1-65535"));
        assert_ne!(parse("1,3"), parse("1-3"));
    }
}

//! Labels of an object, and selectors of objects by their labels.

use std::fmt;

use crate::work;

/// What separates keys and values in a [`LabelSet`]; neither may contain it.
const END: char = '\0';

/// Labels in one piece of memory, sorted by key: a large cluster has a million of them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSet(Box<str>);

impl LabelSet {
    /// These labels, in any order; of a key that is there twice the last one counts. What no Kubernetes label
    /// can be, a key or value with a NUL in it, is left out.
    pub fn new<'t>(labels: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let clean = |(key, value): &(&str, &str)| !key.contains(END) && !value.contains(END);
        let mut labels: Vec<_> = labels.into_iter().filter(clean).collect();
        labels.reverse();
        labels.sort_by_key(|(key, _)| *key);
        labels.dedup_by_key(|(key, _)| *key);
        let mut text =
            String::with_capacity(labels.iter().map(|(key, value)| key.len() + value.len() + 2).sum());
        for (key, value) in labels {
            text.extend([key, "\0", value, "\0"]);
        }
        Self(text.into())
    }

    /// All labels, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.0.split_terminator(END);
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A Kubernetes label selector: all of its requirements must hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`, each as one value that is allowed, and `matchExpressions`.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a [`Selector`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label it is about.
    pub key: Box<str>,
    /// What must be true of it.
    pub condition: Condition,
}

/// What must be true of a label. As in Kubernetes, `NotIn` and `Absent` hold for an object without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has one of these values.
    In(Vec<Box<str>>),
    /// It has none of these values.
    NotIn(Vec<Box<str>>),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
}

impl Selector {
    /// Whether it selects an object whose label of each key is `label(key)`.
    pub fn selects<'t>(&self, label: impl Fn(&str) -> Option<&'t str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(label(&requirement.key)))
    }
}

impl Requirement {
    /// Whether it holds for an object whose label of the key has this value.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        work::step();
        let is_this = |value: &str, one: &str| {
            work::step();
            one == value
        };
        let is_among =
            |values: &[Box<str>]| value.is_some_and(|value| values.iter().any(|one| is_this(value, one)));
        match &self.condition {
            Condition::In(values) => is_among(values),
            Condition::NotIn(values) => !is_among(values),
            Condition::Present => value.is_some(),
            Condition::Absent => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_key_and_the_last_of_a_key_counts() {
        let labels = LabelSet::new([("b", ""), ("a", "1"), ("b", "2"), ("c\0", "x"), ("", "empty")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("", "empty"), ("a", "1"), ("b", "2")]);
        assert_eq!((labels.get("b"), labels.get("c")), (Some("2"), None));
        assert_eq!(labels, LabelSet::new([("a", "1"), ("", "empty"), ("b", "2")]));
        let empty = LabelSet::new([("a", "")]);
        assert_eq!(
            (empty.get("a"), empty.is_empty(), LabelSet::default().is_empty()),
            (Some(""), false, true)
        );
    }

    #[test]
    fn a_selector_wants_all_of_its_requirements() {
        let labels = LabelSet::new([("app", "web"), ("tier", "front")]);
        let check = |key: &str, condition: Condition| {
            let requirements = vec![Requirement { key: key.into(), condition }];
            Selector { requirements }.selects(|key| labels.get(key))
        };
        let values = |values: &[&str]| values.iter().map(|v| Box::from(*v)).collect::<Vec<_>>();
        assert!(Selector::default().selects(|key| labels.get(key)));
        assert!(check("app", Condition::In(values(&["api", "web"]))));
        assert!(!check("app", Condition::In(values(&[]))));
        assert!(!check("zone", Condition::In(values(&["web"]))));
        assert!(!check("app", Condition::NotIn(values(&["web"]))));
        assert!(check("zone", Condition::NotIn(values(&["web"]))));
        assert!(check("app", Condition::Present) && !check("zone", Condition::Present));
        assert!(check("zone", Condition::Absent) && !check("app", Condition::Absent));
    }
}

//! Who asks: what a request's `context_token` says of the client.
//!
//! The token is opaque to the proxy, which sends what its injector wrote: in Linkerd a JSON object
//! `{"ns": .., "nodeName": .., "pod": ..}`. It also decides how a split reaches the client, see [`Reading`].
//! A token that cannot be understood never fails a request.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::model::Name;

/// How a TrafficSplit reaches a client that calls `Get`. A client must never get it both ways, or an apex
/// that is its own backend is split twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// In the answer of `Get` itself: the backends' endpoints, each weighted by the split.
    Merged,
    /// Not in `Get`, which answers the service's own endpoints: the client follows
    /// `GetProfile.dst_overrides` and then calls `Get` for each backend, as every Linkerd proxy does.
    Leaf,
}

/// What of a token chose the reading. Written as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its key `split`.
    Named,
    /// One of the keys that Linkerd's injector writes.
    Linkerd,
    /// The old form with a namespace only.
    OldForm,
    /// There is none.
    Empty,
    /// It is an object without any of these keys.
    Silent,
    /// It is nothing that can be read.
    Unreadable,
    /// It is longer than what is looked at.
    TooLong,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "the token says so in \"split\"",
            Self::Linkerd => "the token is a Linkerd proxy's (it has ns, nodeName or pod)",
            Self::OldForm => "the token is a Linkerd proxy's in the old form ns:<namespace>",
            Self::Empty => "the default, for there is no token",
            Self::Silent => "the default, for the token has none of split, ns, nodeName and pod",
            Self::Unreadable => "the default, for the token is no JSON object and not ns:<namespace>",
            Self::TooLong => "the default, for the token is too long to be looked at",
        })
    }
}

impl Reading {
    /// As a token chooses it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Leaf => "leaf",
        }
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// How splits reach this client.
    pub reading: Reading,
    /// The client's namespace.
    pub namespace: Option<Name>,
    /// The client's node.
    pub node: Option<Name>,
    /// The client's Pod, which no answer depends on: it is for people who look for one.
    pub pod: Option<Name>,
}

/// Tokens longer than this, in bytes, are not looked at: a token holds three Kubernetes names.
pub(crate) const MAX_LENGTH: usize = 16 * 1024;

/// No Kubernetes name is longer, in bytes; a longer one names nothing and is not kept.
const LONGEST_NAME: usize = 253;

impl Context {
    /// Reads a token:
    /// 1. a JSON object with `"split": "merged"` or `"split": "leaf"` chooses that reading;
    /// 2. else a token in Linkerd's form (a JSON object with any of `ns`, `nodeName`, `pod`, or the old
    ///    `ns:<namespace>`) means [`Reading::Leaf`];
    /// 3. else [`Reading::Merged`].
    #[must_use]
    pub fn parse(token: &str) -> Self {
        Self::explained(token).0
    }

    /// The same, and what of the token chose the reading.
    #[must_use]
    pub fn explained(token: &str) -> (Self, Because) {
        let nobody = Self::of(Reading::Merged, None);
        if token.len() > MAX_LENGTH {
            return (nobody, Because::TooLong);
        }
        if let Ok(fields) = serde_json::from_str::<Fields>(token) {
            return Self::from_fields(&fields);
        }
        match token.split_once(':') {
            Some(("ns", namespace)) if !namespace.contains(':') => {
                (Self::of(Reading::Leaf, name(Some(namespace))), Because::OldForm)
            }
            _ => (nobody, if token.is_empty() { Because::Empty } else { Because::Unreadable }),
        }
    }

    fn of(reading: Reading, namespace: Option<Name>) -> Self {
        Self { reading, namespace, node: None, pod: None }
    }

    fn from_fields(fields: &Fields) -> (Self, Because) {
        let text = |key| fields.last(key).and_then(Value::as_str);
        let (reading, because) = match text("split") {
            Some("merged") => (Reading::Merged, Because::Named),
            Some("leaf") => (Reading::Leaf, Because::Named),
            _ if ["ns", "nodeName", "pod"].iter().any(|key| fields.has(key)) => {
                (Reading::Leaf, Because::Linkerd)
            }
            _ => (Reading::Merged, Because::Silent),
        };
        let (namespace, node, pod) = (name(text("ns")), name(text("nodeName")), name(text("pod")));
        (Self { reading, namespace, node, pod }, because)
    }
}

/// The fields of a JSON object in their order.
///
/// Linkerd's server reads tokens with Go's `encoding/json`: keys match without regard to case, the last one counts, and
/// `null` changes nothing.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn all<'f>(&'f self, key: &'f str) -> impl DoubleEndedIterator<Item = &'f Value> {
        // The one letter beyond ASCII that Go takes for one of these keys.
        let is_key = move |found: &str| found.replace('\u{17f}', "s").eq_ignore_ascii_case(key);
        self.0.iter().filter(move |(found, _)| is_key(found)).map(|(_, value)| value)
    }

    fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    fn last<'f>(&'f self, key: &'f str) -> Option<&'f Value> {
        self.all(key).rfind(|value| !value.is_null())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

fn name(text: Option<&str>) -> Option<Name> {
    text.filter(|text| (1..=LONGEST_NAME).contains(&text.len())).map(Name::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(token: &str, reading: Reading, [namespace, node, pod]: [&str; 3]) {
        let named = |text| name(Some(text));
        let expect = Context { reading, namespace: named(namespace), node: named(node), pod: named(pod) };
        assert_eq!(Context::parse(token), expect, "{token:?}");
    }

    #[test]
    fn a_token_may_name_the_pod() {
        for (token, pod) in [
            (r#"{"ns":"ns-1","nodeName":"n","pod":"pod-1"}"#, Some("pod-1")),
            (r#"{"pod":"pod-2","split":"merged"}"#, Some("pod-2")),
            (r#"{"ns":"ns-1"}"#, None),
            (r#"{"pod":7}"#, None),
            ("ns:pod-1", None),
        ] {
            assert_eq!(Context::parse(token).pod, pod.map(Name::from), "{token:?}");
        }
    }

    #[test]
    fn linkerds_tokens_mean_leaf() {
        check("{\"ns\":\"ns-1\",\"nodeName\":\"node-1\"}\n", Reading::Leaf, ["ns-1", "node-1", ""]);
        check(
            r#"{"ns":"ns-1","nodeName":"node-1","pod":"pod-1","more":[1]}"#,
            Reading::Leaf,
            ["ns-1", "node-1", "pod-1"],
        );
        check(r#" {"pod":"pod-1"} "#, Reading::Leaf, ["", "", "pod-1"]);
        check(r#"{"ns":5}"#, Reading::Leaf, ["", "", ""]);
        check("ns:ns-2", Reading::Leaf, ["ns-2", "", ""]);
        check(&format!(r#"{{"nodeName":"{}"}}"#, "x".repeat(254)), Reading::Leaf, ["", "", ""]);
    }

    #[test]
    fn keys_match_in_any_case_and_the_last_one_that_is_not_null_counts() {
        check(r#"{"NS":"c"}"#, Reading::Leaf, ["c", "", ""]);
        check(r#"{"nodename":"n","POD":"p","n\u017f":"c"}"#, Reading::Leaf, ["c", "n", "p"]);
        check(r#"{"ns":"a","NS":"b"}"#, Reading::Leaf, ["b", "", ""]);
        check(r#"{"NS":"b","ns":"a"}"#, Reading::Leaf, ["a", "", ""]);
        check(r#"{"ns":"a","NS":null}"#, Reading::Leaf, ["a", "", ""]);
        check(r#"{"Split":"merged","ns":"a"}"#, Reading::Merged, ["a", "", ""]);
        check(r#"{"nss":"a"}"#, Reading::Merged, ["", "", ""]);
    }

    #[test]
    fn what_chose_the_reading_is_known() {
        for (token, because) in [
            (r#"{"split":"leaf"}"#, Because::Named),
            (r#"{"split":"merged","ns":"a"}"#, Because::Named),
            (r#"{"split":"both","ns":"a"}"#, Because::Linkerd),
            ("ns:a", Because::OldForm),
            ("", Because::Empty),
            ("{}", Because::Silent),
            ("[]", Because::Unreadable),
            (&"x".repeat(MAX_LENGTH + 1), Because::TooLong),
        ] {
            assert_eq!(Context::explained(token).1, because, "{token:?}");
        }
    }

    #[test]
    fn a_token_may_choose_for_itself() {
        check(r#"{"split":"leaf"}"#, Reading::Leaf, ["", "", ""]);
        check(r#"{"split":"merged","ns":"a","nodeName":"n"}"#, Reading::Merged, ["a", "n", ""]);
        check(r#"{"split":"both","ns":"a"}"#, Reading::Leaf, ["a", "", ""]);
        check(r#"{"split":1}"#, Reading::Merged, ["", "", ""]);
    }

    #[test]
    fn anything_else_means_merged_and_never_fails() {
        let deep = "[".repeat(10_000);
        let large = format!(r#"{{"ns":"{}"}}"#, "x".repeat(1 << 20));
        for token in
            ["", "123fa-test", "ns:a:b", "[]", "{", "null", "\"ns\"", "{}", "ns", "\u{0}", &deep, &large]
        {
            check(token, Reading::Merged, ["", "", ""]);
        }
    }
}

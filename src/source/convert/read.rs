//! Reading JSON by hand, with the place of every complaint.
//!
//! [`At`] is a value together with the way to it. The way is a chain of borrowed steps on the stack and is
//! written out only when something is wrong, so reading a good object costs nothing for it. Absent and `null`
//! are the same here, as in the Kubernetes API.

use std::{fmt::Write, net::IpAddr};

use serde_json::Value;

use super::Rejection;
use crate::model::{Labels, Name};

/// What an absent field is.
static NULL: Value = Value::Null;

/// No name in Kubernetes is longer, in bytes.
const LONGEST_NAME: usize = 253;

/// A value and its place in an object.
#[derive(Clone, Copy)]
pub(in crate::source) struct At<'p, 'v> {
    value: &'v Value,
    step: Step<'p>,
    parent: Option<&'p At<'p, 'v>>,
}

/// The last step of the way to a value.
#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Item(usize),
}

impl<'v> At<'_, 'v> {
    /// An object as a whole.
    pub(in crate::source) fn root(value: &'v Value) -> At<'v, 'v> {
        At { value, step: Step::Root, parent: None }
    }

    /// The bare value.
    pub(in crate::source) fn value(&self) -> &'v Value {
        self.value
    }

    /// Whether there is nothing here.
    pub(in crate::source) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// A field of this mapping, which may be absent together with the mapping.
    pub(in crate::source) fn get<'s>(&'s self, field: &'s str) -> Result<At<'s, 'v>, Rejection> {
        let value = match self.value {
            Value::Null => &NULL,
            Value::Object(map) => map.get(field).unwrap_or(&NULL),
            _ => return Err(self.wrong("a mapping")),
        };
        Ok(At { value, step: Step::Field(field), parent: Some(self) })
    }

    /// The items of this list; none if it is absent.
    pub(in crate::source) fn items<'s>(&'s self) -> Result<impl Iterator<Item = At<'s, 'v>>, Rejection> {
        let items = match self.value {
            Value::Null => &[],
            Value::Array(items) => items.as_slice(),
            _ => return Err(self.wrong("a list")),
        };
        Ok(items.iter().enumerate().map(|(i, value)| At { value, step: Step::Item(i), parent: Some(self) }))
    }

    /// A field of this mapping; absent also if this is no mapping.
    pub(in crate::source) fn field<'s>(&'s self, field: &'s str) -> At<'s, 'v> {
        At { value: self.value.get(field).unwrap_or(&NULL), step: Step::Field(field), parent: Some(self) }
    }

    /// Every field of this mapping that is there, with its name; none if this is no mapping.
    pub(in crate::source) fn entries<'s>(&'s self) -> impl Iterator<Item = (&'v str, At<'s, 'v>)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(|(field, value)| {
            (field.as_str(), At { value, step: Step::Field(field), parent: Some(self) })
        })
    }

    /// The items of this list; none if this is no list.
    pub(in crate::source) fn list<'s>(&'s self) -> impl Iterator<Item = At<'s, 'v>> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| At { value, step: Step::Item(index), parent: Some(self) })
    }

    /// The name of the field that this is, if it is one.
    pub(in crate::source) fn name_of_field(&self) -> Option<&str> {
        match self.step {
            Step::Field(field) => Some(field),
            Step::Root | Step::Item(_) => None,
        }
    }

    /// This string; the empty one if this is no string.
    pub(in crate::source) fn str(&self) -> &'v str {
        self.value.as_str().unwrap_or_default()
    }

    /// This whole number, if this is one. `1.0` is one as well, as it is for an API server that gets it from YAML.
    pub(in crate::source) fn int(&self) -> Option<i64> {
        whole(self.value)
    }

    /// This string, if there is one.
    pub(in crate::source) fn text(&self) -> Result<Option<&'v str>, Rejection> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(s) => Ok(Some(s)),
            _ => Err(self.wrong("a string")),
        }
    }

    /// This string, which must be there and not be empty; `what` says what is expected.
    pub(in crate::source) fn required_text(&self, what: &str) -> Result<&'v str, Rejection> {
        self.text()?.filter(|s| !s.is_empty()).ok_or_else(|| self.wrong(what))
    }

    /// The same for a name: of up to 253 bytes, as everything in Kubernetes that is a name or refers to one,
    /// and without control characters. Names stand in messages, so they must be fit to be read.
    pub(in crate::source) fn required_name(&self, what: &str) -> Result<&'v str, Rejection> {
        self.required_text(what)?;
        Ok(self.fit_text(what, LONGEST_NAME)?.unwrap_or_default())
    }

    /// This string as a name; `None` if it is absent or empty.
    pub(in crate::source) fn name(&self) -> Result<Option<Name>, Rejection> {
        Ok(self.fit_text("a name", LONGEST_NAME)?.map(Name::from))
    }

    /// This string, of up to so many bytes and without control characters: what ends up in messages and
    /// answers is bounded where it is read. `None` if it is absent or empty.
    pub(in crate::source) fn fit_text(
        &self,
        what: &str,
        longest: usize,
    ) -> Result<Option<&'v str>, Rejection> {
        let text = self.text()?.filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.len() > longest || text.contains(char::is_control)) {
            return Err(self.wrong(&format!("{what} (up to {longest} bytes, no control characters)")));
        }
        Ok(text)
    }

    /// This IP address, if there is one; an empty string is none.
    pub(in crate::source) fn ip(&self) -> Result<Option<IpAddr>, Rejection> {
        let Some(text) = self.text()?.filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.wrong("an IP address"))
    }

    /// This truth value, if there is one.
    pub(in crate::source) fn flag(&self) -> Result<Option<bool>, Rejection> {
        match self.value {
            Value::Null => Ok(None),
            Value::Bool(b) => Ok(Some(*b)),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// This whole number, if there is one; `range` says what is expected.
    pub(in crate::source) fn whole<T: TryFrom<u64>>(&self, range: &str) -> Result<Option<T>, Rejection> {
        match self.value {
            Value::Null => Ok(None),
            Value::Number(n) => {
                let number = n.as_u64().or_else(|| whole(self.value)?.try_into().ok());
                number.and_then(|n| T::try_from(n).ok()).map(Some).ok_or_else(|| self.wrong(range))
            }
            _ => Err(self.wrong(range)),
        }
    }

    /// This port number, if there is one.
    pub(in crate::source) fn port(&self) -> Result<Option<u16>, Rejection> {
        const RANGE: &str = "a port number from 1 to 65535";
        match self.whole(RANGE)? {
            Some(0) => Err(self.wrong(RANGE)),
            port => Ok(port),
        }
    }

    /// Whether this port, of whatever object, is one that proxies can ask for.
    pub(in crate::source) fn is_tcp_port(&self) -> Result<bool, Rejection> {
        let protocol = self.get("protocol")?;
        match protocol.text()? {
            None | Some("" | "TCP") => Ok(true),
            Some("UDP" | "SCTP") => Ok(false),
            Some(_) => Err(protocol.wrong("TCP, UDP or SCTP")),
        }
    }

    /// This mapping of strings to strings; empty if it is absent.
    pub(in crate::source) fn texts(&self) -> Result<Vec<(&'v str, &'v str)>, Rejection> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(map) => {
                let text = |key: &'v String| Ok((key.as_str(), self.get(key)?.text()?.unwrap_or_default()));
                map.keys().map(text).collect()
            }
            _ => Err(self.wrong("a mapping of strings to strings")),
        }
    }

    /// The same, to keep.
    pub(in crate::source) fn labels(&self) -> Result<Labels, Rejection> {
        Ok(self.texts()?.into_iter().map(|(key, text)| (key.into(), text.into())).collect())
    }

    /// A complaint about this value.
    pub(in crate::source) fn reject(&self, message: impl Into<String>) -> Rejection {
        Rejection { path: self.path(), message: message.into() }
    }

    /// The complaint that this value is not what is `wanted` here.
    pub(in crate::source) fn wrong(&self, wanted: &str) -> Rejection {
        self.reject(format!("expected {wanted}, found {}", found(self.value)))
    }

    /// The complaint that this value is of another type than what is `wanted` here, with what YAML made of it if that
    /// may surprise.
    pub(in crate::source) fn wrong_type(&self, wanted: &str) -> Rejection {
        let mut rejection = self.wrong(wanted);
        let hint = match self.value {
            Value::Bool(false) if wanted.contains("string") => {
                " (no, off and false are booleans in YAML; write the text in quotes)"
            }
            Value::Bool(true) if wanted.contains("string") => {
                " (yes, on and true are booleans in YAML; write the text in quotes)"
            }
            Value::Number(_) if wanted.contains("string") => " (write it in quotes)",
            Value::String(text) if wanted.contains("number") && text.parse::<f64>().is_ok() => {
                " (write it without quotes)"
            }
            Value::String(text) if wanted == "true or false" && matches!(&**text, "true" | "false") => {
                " (write it without quotes)"
            }
            _ => "",
        };
        rejection.message.push_str(hint);
        rejection
    }

    /// The way here, for example `spec.ports[0].port`.
    pub(in crate::source) fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(here) = at {
            steps.push(here.step);
            at = here.parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Field(field) => push_field(&mut path, field),
                Step::Item(index) => push_item(&mut path, index),
            }
        }
        path
    }
}

/// This whole number, if the value is one that fits. A float without a fraction is one: an API server gets `1.0` in
/// YAML as 1.
fn whole(value: &Value) -> Option<i64> {
    /// From here on floats are not exact.
    const EXACT: f64 = (1_i64 << 53) as f64;
    let number = value.as_number()?;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and fits")]
        Some(float as i64)
    })
}

/// Adds a field to a path. A key that would be misread is quoted: `metadata.labels["a.b/c"]`.
pub(in crate::source) fn push_field(path: &mut String, field: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !field.is_empty() && field.bytes().all(plain) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field);
    } else {
        write!(path, "[{field:?}]").expect("writing to a string does not fail");
    }
}

/// Adds the place in a list to a path.
pub(in crate::source) fn push_item(path: &mut String, index: usize) {
    write!(path, "[{index}]").expect("writing to a string does not fail");
}

/// A value as a message shows it: short, whatever was found.
pub(in crate::source) fn found(value: &Value) -> String {
    /// So much of a string is shown: enough to recognise it, and no log line becomes a dump.
    const SHOWN: usize = 60;
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) if s.chars().count() <= SHOWN => format!("{s:?}"),
        Value::String(s) => format!("{:?}", s.chars().take(SHOWN).chain(['…']).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_and_null_read_as_nothing_all_the_way_down() {
        let value = json!({ "a": null });
        let root = At::root(&value);
        let a = root.get("a").expect("a mapping");
        let b = a.get("b").expect("nothing has every field");
        assert_eq!((b.text(), b.flag(), b.port()), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(b.items().expect("no list is an empty list").count(), 0);
    }

    #[test]
    fn a_complaint_names_the_way_to_the_value() {
        let value =
            json!({ "spec": { "ports": [{ "port": 1 }, { "port": "x" }] }, "labels": { "a.b/c": 1 } });
        let root = At::root(&value);
        let spec = root.get("spec").expect("a mapping");
        let ports = spec.get("ports").expect("a mapping");
        let second = ports.items().expect("a list").nth(1).expect("two ports");
        let rejection = second.get("port").expect("a mapping").port().expect_err("a string");
        assert_eq!(
            rejection.to_string(),
            "spec.ports[1].port: expected a port number from 1 to 65535, found \"x\""
        );
        let rejection = root.get("labels").expect("a mapping").labels().expect_err("a number");
        assert_eq!(rejection.path, r#"labels["a.b/c"]"#);
    }

    #[test]
    fn ports_are_whole_numbers_from_1_to_65535() {
        for (value, port) in [(json!(1), Some(1)), (json!(65535), Some(65535))] {
            assert_eq!(At::root(&value).port(), Ok(port));
        }
        for value in [json!(0), json!(-1), json!(65536), json!(1.5), json!("80"), json!(true), json!([])] {
            assert!(At::root(&value).port().is_err(), "{value}");
        }
    }

    #[test]
    fn a_long_string_is_shown_cut() {
        assert_eq!(found(&json!("é".repeat(100))).chars().count(), 63);
    }
}

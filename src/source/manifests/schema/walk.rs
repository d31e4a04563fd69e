//! Compares an object with the structure of its kind.
//!
//! Recursion follows the structure, which is finite, not the object.

use serde_json::Value;

use crate::{
    nearest::nearest,
    source::convert::read::{At, found},
};

use super::{
    Faults,
    types::{Fields, Limits, SCHEMAS, Type},
};

/// Checks a mapping and everything in it.
pub(super) fn object(fields: &Fields, at: &At<'_, '_>, faults: &mut Faults) {
    if !at.value().is_object() {
        return faults.add(at.wrong("a mapping"));
    }
    for (name, value) in at.entries() {
        match fields.known.get(name) {
            // For an API server `null` is the same as absent.
            Some(_) if value.is_absent() => {}
            Some(of) => check(of, &value, faults),
            None if fields.is_open => {}
            None => unknown(fields, name, at, &value, faults),
        }
    }
    for name in &fields.required {
        let value = at.field(name);
        if value.is_absent() {
            faults.add(value.wrong(&fields.known.get(&**name).map_or_else(|| "a value".to_owned(), what)));
        }
    }
    if !fields.one_of.is_empty() {
        let present = fields.one_of.iter().filter(|name| !at.field(name).is_absent()).count();
        if present != 1 {
            faults
                .add(at.reject(format!("expected one of {}, found {present}", fields.one_of.join(" and "))));
        }
    }
}

/// Reports a field that the kind does not have.
fn unknown(fields: &Fields, name: &str, parent: &At<'_, '_>, value: &At<'_, '_>, faults: &mut Faults) {
    let shown = found(&Value::from(name));
    let shown = shown.trim_matches('"');
    match nearest(name, fields.known.keys().map(|known| &**known)) {
        Some(known) => {
            faults.settle(parent.field(known).path());
            faults.add(value.reject(format!("unknown field `{shown}`, did you mean `{known}`?")));
        }
        None => faults.add(value.reject(format!("unknown field `{shown}`"))),
    }
}

fn check(of: &Type, at: &At<'_, '_>, faults: &mut Faults) {
    let is_right = match of {
        Type::Any => true,
        Type::Named(name) => {
            return match SCHEMAS.named(name) {
                Some(fields) => object(fields, at, faults),
                None => unreachable!("a type that is named in the table and not in it: {name}"),
            };
        }
        Type::Object(fields) => return object(fields, at, faults),
        Type::List(of, longest) => {
            let Value::Array(items) = at.value() else { return faults.add(at.wrong("a list")) };
            if items.len() > *longest {
                faults.add(at.reject(format!("expected up to {longest} in the list, found {}", items.len())));
            }
            // In a list of a built-in kind `null` stands for an empty item.
            let is_custom = matches!(&**of, Type::Object(_));
            let items = at.list().filter(|item| is_custom || !item.is_absent());
            return items.for_each(|item| check(of, &item, faults));
        }
        Type::Map(of) => {
            if !at.value().is_object() {
                return faults.add(at.wrong("a mapping"));
            }
            return at
                .entries()
                .filter(|(_, value)| !value.is_absent())
                .for_each(|(_, value)| check(of, &value, faults));
        }
        Type::Boolean => at.value().is_boolean(),
        Type::String(limits) => at.value().as_str().is_some_and(|text| accepts(limits, text)),
        Type::Whole(from, to) => at.int().is_some_and(|number| (*from..=*to).contains(&number)),
        Type::Number(least) => {
            at.value().as_f64().is_some_and(|number| least.is_none_or(|least| number >= least))
        }
        Type::Time => at.value().as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Type::Quantity => match at.value() {
            Value::String(text) => is_quantity(text),
            value => value.is_number(),
        },
        Type::IntOrString(limits) => match at.value() {
            Value::String(text) => accepts(limits, text),
            _ => at.int().is_some_and(|number| (limits.numbers.0..=limits.numbers.1).contains(&number)),
        },
    };
    if !is_right {
        let is_port = at.name_of_field().is_some_and(|name| name == "port" || name.ends_with("Port"));
        let wanted = match of {
            Type::Whole(..) if is_port => "a port number from 1 to 65535".to_owned(),
            Type::Whole(..) if at.int().is_none() => "a whole number".to_owned(),
            Type::String(_) if !at.value().is_string() => "a string".to_owned(),
            _ => what(of),
        };
        faults.add(at.wrong_type(&wanted));
    }
}

fn accepts(limits: &Limits, text: &str) -> bool {
    let (shortest, longest) = limits.lengths;
    let is_long_enough =
        (shortest, longest) == (0, usize::MAX) || (shortest..=longest).contains(&text.chars().count());
    is_long_enough
        && limits.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
        && (limits.values.is_empty() || limits.values.iter().any(|value| **value == *text))
}

/// Whether text is a quantity of Kubernetes, of either sign.
fn is_quantity(text: &str) -> bool {
    use crate::weight::{Milli, NotAWeight};
    !matches!(Milli::parse(text.trim()), Err(NotAWeight::NotANumber))
}

/// What a message calls a type.
fn what(of: &Type) -> String {
    match of {
        Type::Any => "a value".to_owned(),
        Type::Named(_) | Type::Object(_) | Type::Map(_) => "a mapping".to_owned(),
        Type::List(..) => "a list".to_owned(),
        Type::Boolean => "true or false".to_owned(),
        Type::Time => "a time such as 2026-01-31T12:00:00Z".to_owned(),
        Type::Quantity => "a quantity such as 1, 500m or 2Gi".to_owned(),
        Type::Number(None) => "a number".to_owned(),
        Type::Number(Some(least)) => format!("a number, {least} or more"),
        Type::Whole(i64::MIN, i64::MAX) => "a whole number".to_owned(),
        Type::Whole(from, to) => format!("a whole number from {from} to {to}"),
        Type::IntOrString(Limits { pattern: Some(_), numbers: (0, _), .. }) => {
            "a quantity, 0 or more, such as 1 or 500m".to_owned()
        }
        Type::IntOrString(Limits { pattern: Some(_), .. }) => "a quantity such as 1 or 500m".to_owned(),
        Type::IntOrString(_) => "a whole number or a string".to_owned(),
        Type::String(Limits { values, .. }) if !values.is_empty() => format!("one of {}", values.join(", ")),
        Type::String(Limits { pattern: Some(pattern), .. }) => format!("text that matches {pattern}"),
        Type::String(Limits { lengths: (1, usize::MAX), .. }) => "a string that is not empty".to_owned(),
        Type::String(Limits { lengths: (from, to), .. }) if (*from, *to) != (0, usize::MAX) => {
            format!("a string of {from} to {to} characters")
        }
        Type::String(_) => "a string".to_owned(),
    }
}

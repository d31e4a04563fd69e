//! Spoiling a JSON value: where, and with what.

use std::fmt;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use serde_json::{Map, Value, json};

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Item(usize),
}

/// The ways to all values in a value, itself first.
pub(super) fn places(value: &Value) -> Vec<Vec<Step>> {
    fn walk(value: &Value, here: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
        places.push(here.clone());
        let children: Vec<_> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key.clone()), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(i, v)| (Step::Item(i), v)).collect(),
            _ => return,
        };
        for (step, child) in children {
            here.push(step);
            walk(child, here, places);
            here.pop();
        }
    }
    let mut places = Vec::new();
    walk(value, &mut Vec::new(), &mut places);
    places
}

/// A way as a complaint spells it: `spec.ports[0].port`, `metadata.labels["a.b/c"]`.
pub(super) fn spell(place: &[Step]) -> String {
    let mut path = String::new();
    for step in place {
        match step {
            Step::Item(index) => path.push_str(&format!("[{index}]")),
            Step::Field(key) if !key.is_empty() && key.chars().all(is_plain) => {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(key);
            }
            Step::Field(key) => path.push_str(&format!("[{key:?}]")),
        }
    }
    path
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Whether one path is the other, or leads to it.
pub(super) fn on_one_way(one: &str, other: &str) -> bool {
    let leads = |from: &str, to: &str| {
        to.strip_prefix(from)
            .is_some_and(|rest| from.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
    };
    leads(one, other) || leads(other, one)
}

/// The value at a place.
fn at<'v>(value: &'v mut Value, place: &[Step]) -> &'v mut Value {
    place.iter().fold(value, |value, step| match step {
        Step::Field(key) => &mut value[key.as_str()],
        Step::Item(index) => &mut value[*index],
    })
}

/// Takes out the value at a place; of a value as a whole, `null` is left.
pub(super) fn remove(value: &mut Value, place: &[Step]) {
    let Some((last, parent)) = place.split_last() else { return *value = Value::Null };
    match (last, at(value, parent)) {
        (Step::Field(key), Value::Object(map)) => _ = map.remove(key),
        (Step::Item(index), Value::Array(items)) => _ = items.remove(*index),
        _ => unreachable!("the place is one of this value's"),
    }
}

pub(super) fn set(value: &mut Value, place: &[Step], new: Value) {
    *at(value, place) = new;
}

/// Values of every type, the harmless ones first, and those that nobody means.
pub(super) fn absurdities() -> Vec<Value> {
    let nested = |wrap: fn(Value) -> Value| (0..100).fold(json!("x"), |inner, _| wrap(inner));
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(80),
        json!(-1),
        json!(1.5),
        json!(65535),
        json!(65536),
        json!(4_294_967_296_u64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(-1e-308),
        json!(""),
        json!(" "),
        json!("x"),
        json!("X.Y"),
        json!("."),
        json!("80"),
        json!("-1"),
        json!("99999999999999999999"),
        json!("1e400"),
        json!("NaN"),
        json!("None"),
        json!("::"),
        json!("0.0.0.0"),
        json!("1-65535"),
        json!("[::]:65536"),
        json!("ü 日本語 \u{1f980}"),
        json!("a\0b"),
        json!("\u{feff}\u{85}\u{2028}\u{7f}\u{1b}[31m\n"),
        json!([]),
        json!({}),
        json!(["x"]),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!({ "x": "y" }),
        json!({ "": null, "\0": 1, "a.b/c": [] }),
        nested(|inner| json!([inner])),
        nested(|inner| json!({ "all": [inner] })),
        nested(|inner| json!({ "not": inner })),
        json!("x".repeat(10_000)),
        json!("9".repeat(10_000)),
        json!("1,".repeat(5_000)),
        json!("é".repeat(5_000)),
    ]
}

/// What is done to an object; places are counted through, and start again from the first after the last.
#[derive(Clone)]
pub(super) enum Change {
    /// The value is taken out.
    Remove,
    /// It becomes this one.
    Set(Value),
    /// It becomes what is at another place.
    Copy(usize),
    /// It becomes a list of it, twice.
    Double,
    /// It is given a field or an item.
    Add(String, Value),
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => write!(f, "remove"),
            Self::Set(value) => write!(f, "set {}", brief(value)),
            Self::Copy(from) => write!(f, "copy from {from}"),
            Self::Double => write!(f, "double"),
            Self::Add(key, value) => write!(f, "add {key:?}: {}", brief(value)),
        }
    }
}

/// A value as far as it helps to see it.
pub(super) fn brief(value: &Value) -> String {
    /// In characters.
    const SHOWN: usize = 60;
    shorten(value.to_string(), SHOWN)
}

/// A text of which that many characters are shown.
pub(super) fn shorten(text: String, shown: usize) -> String {
    match text.char_indices().nth(shown) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

/// A change at a place.
pub(super) type Mutation = (usize, Change);

pub(super) fn mutation() -> impl Strategy<Value = Mutation> {
    let change = prop_oneof![
        2 => Just(Change::Remove),
        4 => value().prop_map(Change::Set),
        2 => (0..200usize).prop_map(Change::Copy),
        1 => Just(Change::Double),
        1 => (".{0,6}", value()).prop_map(|(key, value)| Change::Add(key, value)),
    ];
    (0..200usize, change)
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u16>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z0-9.:,/% -]{0,20}".prop_map(Value::from),
    ];
    let any = scalar.prop_recursive(3, 12, 4, |inner| {
        let map = vec((".{0,6}", inner.clone()), 0..4).prop_map(Map::from_iter).prop_map(Value::from);
        prop_oneof![vec(inner, 0..4).prop_map(Value::from), map]
    });
    prop_oneof![2 => select(absurdities()), 1 => any]
}

pub(super) fn apply(value: &mut Value, (place, change): &Mutation) {
    let places = places(value);
    let place = &places[place % places.len()];
    match change {
        Change::Remove => remove(value, place),
        Change::Set(new) => set(value, place, new.clone()),
        Change::Copy(from) => {
            let copy = at(value, &places[from % places.len()]).clone();
            set(value, place, copy);
        }
        Change::Double => {
            let twice = at(value, place).clone();
            set(value, place, json!([twice, twice]));
        }
        Change::Add(key, new) => match at(value, place) {
            Value::Object(map) => _ = map.insert(key.clone(), new.clone()),
            Value::Array(items) => items.push(new.clone()),
            scalar => *scalar = new.clone(),
        },
    }
}

//! What a scalar means to `kubectl`: YAML 1.1 as the library `go.yaml.in/yaml/v2` resolves it.
//!
//! Quoted and block scalars are strings. Of plain ones `no`, `on` and `y` are booleans too, `010` is 8, and `1_000` is
//! 1000. There are no base 60 numbers, and a date is a string. Values then pass through JSON, which has no infinity
//! and prints a float without a fraction as an integer: `2.0` is 2.

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Number, Value};

/// Begins the tags of YAML's own types, which are written `!!name`.
const YAML_TAG: &str = "tag:yaml.org,2002:";

/// The tag of the merge key, `!!merge`.
pub(super) const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    /// An integer: of 64 bits with a sign, or of 64 bits without one.
    Integer(i128),
    Float(f64),
    Text(Cow<'t, str>),
}

/// Resolves a scalar. One that `is_plain` is neither quoted nor a block.
///
/// # Errors
/// A message, if the text is no value of the type that the tag names.
pub(super) fn resolve<'t>(
    text: Cow<'t, str>,
    is_plain: bool,
    tag: Option<&str>,
) -> Result<Scalar<'t>, String> {
    let Some(tag) = tag else { return Ok(if is_plain { plain(text) } else { Scalar::Text(text) }) };
    let Some(name) = tag.strip_prefix(YAML_TAG) else { return Ok(Scalar::Text(text)) };
    match name {
        "binary" => return binary(&text).map(|text| Scalar::Text(text.into())),
        "timestamp" if is_timestamp(&text) => return Ok(Scalar::Text(text)),
        "bool" | "int" | "float" | "null" | "timestamp" => {}
        _ => return Ok(Scalar::Text(text)),
    }
    let resolved = plain(text.clone());
    match (name, resolved) {
        ("null", Scalar::Null) => Ok(Scalar::Null),
        ("bool", Scalar::Bool(value)) => Ok(Scalar::Bool(value)),
        ("int", Scalar::Integer(value)) => Ok(Scalar::Integer(value)),
        ("float", Scalar::Float(value)) => Ok(Scalar::Float(value)),
        #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
        ("float", Scalar::Integer(value)) if i64::try_from(value).is_ok() => Ok(Scalar::Float(value as f64)),
        _ => Err(format!("expected a value of type !!{name}, found {text:?}")),
    }
}

impl Scalar<'_> {
    /// The value in JSON.
    ///
    /// # Errors
    /// A message, if JSON has no such number.
    pub(super) fn into_value(self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => value.into(),
            Self::Integer(value) => Number::from_i128(value).map_or(Value::Null, Value::Number),
            Self::Float(value) => {
                let number =
                    number(value).ok_or_else(|| format!("expected a finite number, found {value}"))?;
                Value::Number(number)
            }
            Self::Text(text) => text.into_owned().into(),
        })
    }

    /// The key in JSON.
    ///
    /// # Errors
    /// A message, if it cannot be a key.
    pub(super) fn into_key(self) -> Result<String, String> {
        match self {
            Self::Null => Err("expected a key, found null; quote it if it is meant".to_owned()),
            Self::Bool(value) => Ok(value.to_string()),
            Self::Integer(value) if i64::try_from(value).is_err() => {
                Err(format!("expected a key, found the integer {value} of more than 63 bits; quote it"))
            }
            Self::Integer(value) => Ok(value.to_string()),
            Self::Float(value) => Ok(float_key(value)),
            Self::Text(text) => Ok(text.into_owned()),
        }
    }
}

/// A float as JSON has it: an integer if it has no fraction and is below 10^21. `None` if it is not finite.
pub(super) fn number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() < 1e21 {
        // The shortest digits that make the float, with zeros after them, as Go's JSON has them.
        let digits = value.to_string();
        let whole =
            digits.parse::<u64>().map(Number::from).or_else(|_| digits.parse::<i64>().map(Number::from));
        if let Ok(whole) = whole {
            return Some(whole);
        }
    }
    Number::from_f64(value)
}

fn plain(text: Cow<'_, str>) -> Scalar<'_> {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        other => match other.as_bytes()[0] {
            b'.' => float(&without_underscores(other)).map(Scalar::Float),
            b'0'..=b'9' | b'+' | b'-' => numeric(other),
            _ => None,
        }
        .unwrap_or(Scalar::Text(text)),
    }
}

/// A text without the underscores between two digits.
fn without_underscores(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let separates = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    let is_sound = text.match_indices('_').all(|(at, _)| separates(at));
    if is_sound && text.contains('_') { text.replace('_', "").into() } else { text.into() }
}

/// A number that begins with a digit or a sign. Underscores in it do not count.
fn numeric(text: &str) -> Option<Scalar<'static>> {
    let text: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let has_sign = unsigned.len() < text.len();
    let whole = integer(unsigned)
        .map(|value| sign * value)
        .filter(|value| i64::try_from(*value).is_ok() || !has_sign && u64::try_from(*value).is_ok());
    // After 0b a sign is possible, by accident.
    let binary = || {
        let digits = text.strip_prefix("0b")?.strip_prefix(['+', '-'])?;
        let value = digits_in_base(digits, 2).filter(|value| i64::try_from(*value).is_ok())?;
        Some(if text.starts_with("0b-") { -value } else { value })
    };
    whole
        .map(Scalar::Integer)
        .or_else(|| float(&text).map(Scalar::Float))
        .or_else(|| binary().map(Scalar::Integer))
}

/// An integer as Go reads it with its prefix: `0x`, `0o`, `0b`, or `0` for octal.
fn integer(text: &str) -> Option<i128> {
    let (base, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    digits_in_base(digits, base)
}

fn digits_in_base(digits: &str, base: u32) -> Option<i128> {
    // `from_str_radix` takes a sign.
    let is_sound = digits.chars().all(|c| c.is_digit(base));
    is_sound.then(|| i128::from_str_radix(digits, base).ok()).flatten()
}

/// A finite float `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<f64> {
    let is_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digit = !whole.is_empty() || !fraction.is_empty();
    let is_sound =
        has_digit && is_digits(whole) && is_digits(fraction) && !exponent.is_empty() && is_digits(exponent);
    is_sound.then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite())
}

/// A float that is a key: the digits that a float of 32 bits needs, with an exponent from 10^6 on.
fn float_key(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the digits of fewer bits are what is asked for")]
    let narrow = value as f32;
    if narrow.is_infinite() {
        return if narrow > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{narrow:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        small @ (..-4 | 6..) => format!("{digits}e{}{:02}", if small < 0 { '-' } else { '+' }, small.abs()),
        _ => narrow.to_string(),
    }
}

/// Whether a text is a date, or a date and a time, in the forms that `!!timestamp` takes.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find([' ', 'T', 't']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let mut part = |digits: std::ops::RangeInclusive<usize>| -> Option<i16> {
        let part = parts.next().filter(|part| digits.contains(&part.len()))?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (part(4..=4), part(1..=2), part(1..=2)) else { return false };
    let narrow = |number: i16| i8::try_from(number).unwrap_or(0);
    if jiff::civil::Date::new(year, narrow(month), narrow(day)).is_err() {
        return false;
    }
    let Some(time) = time else { return true };
    let (clock, zone) = if let Some(clock) = time.strip_prefix(' ') {
        (clock, "Z")
    } else if let Some(at) = time.rfind(['Z', '+', '-']) {
        (&time[1..at], &time[at..])
    } else {
        return false;
    };
    let within =
        |text: &str, most: u8| text.len() <= 2 && text.parse::<u8>().is_ok_and(|number| number <= most);
    let mut fields = clock.splitn(3, ':');
    let (hour, minute) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
    let second = fields.next().unwrap_or("");
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, "0"));
    let is_zone = zone == "Z"
        || zone[1..].split_once(':').is_some_and(|(hours, minutes)| {
            hours.len() == 2 && minutes.len() == 2 && within(hours, 24) && within(minutes, 60)
        });
    is_zone
        && within(hour, 23)
        && within(minute, 59)
        && within(second, 59)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// Reads base64 as Go's standard encoding does: padded, and whatever the last bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The text that `!!binary` stands for, in base64 over any number of lines. Bytes that are no text are replaced.
fn binary(text: &str) -> Result<String, String> {
    let bytes = BASE64.decode(text.replace(['\r', '\n'], ""));
    let bytes = bytes.map_err(|_| "expected base64 after !!binary, found something else")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

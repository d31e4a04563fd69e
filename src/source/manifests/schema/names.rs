//! Syntax of names in Kubernetes, as its API server checks it (`apimachinery/pkg/util/validation`).

use std::ops::RangeInclusive;

use crate::source::convert::read::At;

use super::Faults;

/// A form that text must have: the test, and what a message calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    matches: fn(&str) -> bool,
    what: &'static str,
}

/// A DNS label, RFC 1123.
pub(super) const LABEL: Form = Form {
    matches: is_label,
    what: "a DNS label (up to 63 lower-case letters, digits and '-', with no '-' at either end)",
};

/// A DNS subdomain, RFC 1123.
pub(super) const SUBDOMAIN: Form = Form {
    matches: is_subdomain,
    what: "a DNS subdomain (up to 253 lower-case letters, digits, '-' and '.', each part beginning and ending with a \
           letter or digit)",
};

/// Name of a container port, an IANA service name.
pub(super) const PORT_NAME: Form = Form {
    matches: is_port_name,
    what: "a port name (up to 15 lower-case letters, digits and single '-' inside, with at least one letter)",
};

/// Key of a label or an annotation.
pub(super) const QUALIFIED: Form = Form {
    matches: is_qualified,
    what: "a qualified name (up to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit; \
           optionally after a DNS subdomain and '/')",
};

/// Value of a label.
pub(super) const LABEL_VALUE: Form = Form {
    matches: is_label_value,
    what: "a label value (up to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, or \
           nothing)",
};

/// Name of an environment variable.
pub(super) const ENVIRONMENT: Form = Form {
    matches: |text| text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'='),
    what: "the name of an environment variable (printable ASCII without '=')",
};

impl Form {
    /// Whether a text has it.
    pub(super) fn accepts(self, text: &str) -> bool {
        (self.matches)(text)
    }

    /// Checks a string that is there and not empty.
    pub(super) fn check(self, at: &At<'_, '_>, faults: &mut Faults) {
        if at.value().as_str().is_some_and(|text| !text.is_empty() && !self.accepts(text)) {
            faults.add(at.wrong(self.what));
        }
    }

    /// The same of a string that must be there.
    pub(super) fn check_required(self, at: &At<'_, '_>, faults: &mut Faults) {
        if at.str().is_empty() {
            faults.add(at.wrong(self.what));
        } else {
            self.check(at, faults);
        }
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// A part of a DNS name, of whatever length.
fn is_part(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_port_name(text: &str) -> bool {
    text.len() <= 15 && is_part(text) && !text.contains("--") && text.bytes().any(|b| b.is_ascii_lowercase())
}

fn is_qualified(text: &str) -> bool {
    let name = match text.split_once('/') {
        Some((prefix, name)) if is_subdomain(prefix) => name,
        Some(_) => return false,
        None => text,
    };
    !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    text.len() <= 63 && text.bytes().all(inner) && ends(text.bytes().next()) && ends(text.bytes().next_back())
}

/// A mapping of labels: keys and values.
pub(super) fn labels(at: &At<'_, '_>, faults: &mut Faults) {
    for (key, value) in at.entries() {
        if !QUALIFIED.accepts(key) {
            faults.add(value.reject(format!("expected {} as the key, found {key:?}", QUALIFIED.what)));
        }
        LABEL_VALUE.check(&value, faults);
    }
}

/// A string that must be one of these, if it is there and not empty.
pub(super) fn one_of(at: &At<'_, '_>, allowed: &[&str], faults: &mut Faults) {
    if at.value().as_str().is_some_and(|text| !text.is_empty() && !allowed.contains(&text)) {
        faults.add(at.wrong(&format!("one of {}", allowed.join(", "))));
    }
}

/// A whole number within a range, if it is there.
pub(super) fn in_range(at: &At<'_, '_>, range: RangeInclusive<i64>, faults: &mut Faults) {
    if at.int().is_some_and(|number| !range.contains(&number)) {
        let what = match (*range.start(), *range.end()) {
            (from, i64::MAX) => format!("a whole number, {from} or more"),
            (1, 65535) => "a port number from 1 to 65535".to_owned(),
            (from, to) => format!("a whole number from {from} to {to}"),
        };
        faults.add(at.wrong(&what));
    }
}

/// A port number, if it is there and not 0, which stands for absent in Kubernetes.
pub(super) fn port(at: &At<'_, '_>, faults: &mut Faults) {
    if at.int() != Some(0) {
        in_range(at, 1..=65535, faults);
    }
}

/// A port number that must be there.
pub(super) fn required_port(at: &At<'_, '_>, faults: &mut Faults) {
    if at.is_absent() {
        faults.add(at.wrong("a port number from 1 to 65535"));
    }
    in_range(at, 1..=65535, faults);
}

/// A port number, or the name of a container port.
pub(super) fn port_or_name(at: &At<'_, '_>, faults: &mut Faults) {
    in_range(at, 1..=65535, faults);
    PORT_NAME.check(at, faults);
}

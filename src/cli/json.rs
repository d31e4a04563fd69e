//! Messages as JSON: one object a message, one message a line.
//!
//! Names are those of the protocol, in snake_case; what is absent in a message is absent here. Addresses
//! are `"ip:port"`, weights numbers, durations as protobuf's JSON has them (`"1.500s"`). Around each
//! message stand `time` (RFC 3339, UTC) and the `authority` that was asked for.

mod endpoints;
mod profile;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::watch::{Answer, Received, View};
use crate::pb::destination::{DestinationProfile, Update, WeightedAddr, update};

/// A message that has a JSON form.
pub(super) trait ToJson {
    /// Its fields.
    fn to_json(&self) -> impl Serialize;

    /// Whether there is anything in it.
    fn answer(&self) -> Answer;
}

impl ToJson for Update {
    fn to_json(&self) -> impl Serialize {
        endpoints::update(self)
    }

    fn answer(&self) -> Answer {
        match &self.update {
            Some(update::Update::Add(set)) if !set.addrs.is_empty() => Answer::Something,
            _ => Answer::Nothing,
        }
    }
}

impl ToJson for DestinationProfile {
    fn to_json(&self) -> impl Serialize {
        profile::profile(self)
    }

    fn answer(&self) -> Answer {
        if *self == Self::default() { Answer::Nothing } else { Answer::Something }
    }
}

/// A profile by itself, without anything around it.
pub(super) fn profile_value(profile: &DestinationProfile) -> Value {
    let value = serde_json::to_value(profile::profile(profile)).unwrap_or_default();
    value.get("profile").cloned().unwrap_or_default()
}

/// An endpoint by itself.
pub(super) fn addr_value(endpoint: &WeightedAddr) -> Value {
    serde_json::to_value(endpoints::addr(endpoint)).unwrap_or_default()
}

/// Shows each message as a line of JSON, at once.
pub(super) struct JsonLines<'a> {
    authority: &'a str,
}

impl<'a> JsonLines<'a> {
    pub(super) fn new(authority: &'a str) -> Self {
        Self { authority }
    }

    fn line<M: ToJson>(&self, out: &mut dyn Write, received: &Received<M>) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a, M> {
            time: String,
            authority: &'a str,
            #[serde(flatten)]
            message: M,
        }
        let message = received.message.to_json();
        let line = Line { time: received.at.rfc3339(), authority: self.authority, message };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)
    }
}

impl<M: ToJson> View<M> for JsonLines<'_> {
    fn first(&mut self, out: &mut dyn Write, first: Received<M>, _once: bool) -> io::Result<Answer> {
        self.line(out, &first)?;
        Ok(first.message.answer())
    }

    fn more(&mut self, out: &mut dyn Write, messages: Vec<Received<M>>) -> io::Result<()> {
        messages.iter().try_for_each(|received| self.line(out, received))
    }
}

/// An object of the fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// As protobuf's JSON writes it: seconds with 0, 3, 6 or 9 decimals.
pub(super) fn duration(duration: &prost_types::Duration) -> String {
    // Protobuf's own bounds, ten thousand years; the far ends of an `i64` would overflow when written.
    const MOST: i64 = 315_576_000_000;
    prost_types::Duration { seconds: duration.seconds.clamp(-MOST, MOST), nanos: duration.nanos }.to_string()
}

#[cfg(test)]
mod tests;

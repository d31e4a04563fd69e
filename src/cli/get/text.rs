//! The endpoints of a service as text: a table first, then a line for each change.

use std::{
    io::{self, Write},
    iter::Peekable,
    time::Duration,
};

use super::line::{Line, Row, Widths, or_dash};
use crate::{
    cli::{
        Reading,
        moment::Moment,
        percent::percent,
        style::{ADDED, CHANGED, NOW, ODD, REMOVED, tame},
        table::{Align, Table},
        watch::{Answer, Received, View},
    },
    client::{Change, Endpoint, Endpoints, Known},
    pb::destination::{Update, update},
};

/// What is known, and how wide it is.
pub(super) struct Text<'a> {
    authority: &'a str,
    reading: Option<Reading>,
    endpoints: Endpoints,
    widths: Widths,
}

impl<'a> Text<'a> {
    pub(super) fn new(authority: &'a str, reading: Option<Reading>) -> Self {
        Self { authority, reading, endpoints: Endpoints::new(), widths: Widths::default() }
    }

    /// `reviews.default.svc.cluster.local:9080 (default/reviews, merged reading)`
    fn heading(&self) -> String {
        let label = |key| self.endpoints.labels().get(key).map(|value| tame(value));
        let mut known = Vec::new();
        if let (Some(namespace), Some(service)) = (label("namespace"), label("service")) {
            known.push(format!("{namespace}/{service}"));
        }
        known.extend(self.reading.map(|reading| match reading {
            Reading::Merged => "merged reading".to_owned(),
            Reading::Leaf => "leaf reading".to_owned(),
        }));
        let authority = tame(self.authority);
        if known.is_empty() { authority.into_owned() } else { format!("{authority} ({})", known.join(", ")) }
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([
            ("ADDRESS", Align::Left),
            ("WEIGHT", Align::Right),
            ("SHARE", Align::Right),
            ("BACKEND", Align::Left),
            ("POD", Align::Left),
        ]);
        let total = self.endpoints.total_weight();
        for endpoint in self.endpoints.iter() {
            let row = Row::of(&self.endpoints, endpoint);
            let share = percent(row.weight.into(), total);
            table.row([row.addr, row.weight.to_string(), share, row.backend, row.pod]);
        }
        table.write(out)
    }

    /// The state in a few words: how many, and the share of each backend.
    fn summary(&self) -> String {
        if self.endpoints.is_empty() {
            return format!("no endpoints: {}", absence(self.endpoints.known()));
        }
        let total = self.endpoints.total_weight();
        let by_backend = self.endpoints.weight_by_backend();
        let share = |(backend, weight): (Option<&str>, u64)| {
            format!("{} {}", or_dash(backend), percent(weight, total))
        };
        let shares: Vec<_> = by_backend.into_iter().map(share).collect();
        format!("{}: {}", count(self.endpoints.len(), "endpoint"), shares.join(" | "))
    }

    /// Shows one change of the cluster: the messages it came in, then what the shares are now.
    fn transition(&mut self, out: &mut dyn Write, messages: Vec<Received<Update>>) -> io::Result<()> {
        let total_before = self.endpoints.total_weight();
        let mut lines = Vec::new();
        let mut moved = None;
        for Received { at, message } in messages {
            let before = self.endpoints.labels().clone();
            let change = self.endpoints.fold(message);
            if change.moves_shares(&self.endpoints) || change.known.is_some() {
                moved = Some(at.clone());
            }
            let backend = |endpoint: &Endpoint| {
                let own = endpoint.label("service").or(before.get("service").map(String::as_str));
                or_dash(own).into_owned()
            };
            let lines_before = lines.len();
            lines.extend(endpoint_lines(&at, &change, &self.endpoints, backend));
            lines.extend(oddities(&change).into_iter().map(|text| Line::new(&at, ODD, None, text)));
            if change.labels {
                let labels = self.endpoints.labels().iter();
                let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={value}")).collect();
                let text = format!("labels of the whole set: {}", labels.join(" "));
                lines.push(Line::new(&at, CHANGED, None, tame(&text).into_owned()));
            }
            if lines.len() == lines_before && change.known.is_none() {
                let text = "a message that changes nothing".to_owned();
                lines.push(Line::new(&at, ODD, None, text));
            }
        }
        let total = self.endpoints.total_weight();
        lines.iter().filter_map(Line::row).for_each(|row| self.widths.include(row));
        for line in lines {
            line.write(out, &self.widths, total_before, total)?;
        }
        match moved {
            Some(at) => {
                let text = self.summary();
                Line::new(&at, NOW, None, text).write(out, &self.widths, 0, 0)
            }
            None => Ok(()),
        }
    }
}

impl View<Update> for Text<'_> {
    const TOGETHER: Duration = Duration::from_millis(20);

    fn first(&mut self, out: &mut dyn Write, first: Received<Update>, once: bool) -> io::Result<Answer> {
        let change = self.endpoints.fold(first.message);
        let watching = if once { "" } else { "; still watching" };
        let heading = self.heading();
        let answer = if self.endpoints.is_empty() {
            writeln!(out, "{heading}: no endpoints: {}{watching}", absence(self.endpoints.known()))?;
            Answer::Nothing
        } else {
            writeln!(out, "{heading}: {}", count(self.endpoints.len(), "endpoint"))?;
            writeln!(out)?;
            self.table(out)?;
            if !once || change.malformed > 0 {
                writeln!(out)?;
            }
            Answer::Something
        };
        for text in oddities(&change) {
            Line::new(&first.at, ODD, None, text).write(out, &self.widths, 0, 0)?;
        }
        for endpoint in self.endpoints.iter() {
            self.widths.include(&Row::of(&self.endpoints, endpoint));
        }
        Ok(answer)
    }

    fn more(&mut self, out: &mut dyn Write, messages: Vec<Received<Update>>) -> io::Result<()> {
        let mut messages = messages.into_iter().peekable();
        while let Some(transition) = next_transition(&mut messages) {
            self.transition(out, transition)?;
        }
        Ok(())
    }
}

/// An `add` with the `remove` that follows it, or a single message.
fn next_transition(
    messages: &mut Peekable<impl Iterator<Item = Received<Update>>>,
) -> Option<Vec<Received<Update>>> {
    let first = messages.next()?;
    let added = matches!(first.message.update, Some(update::Update::Add(_)));
    let rest =
        messages.next_if(|next| added && matches!(next.message.update, Some(update::Update::Remove(_))));
    Some([Some(first), rest].into_iter().flatten().collect())
}

/// A line for each endpoint that is touched.
fn endpoint_lines(
    at: &Moment,
    change: &Change,
    now: &Endpoints,
    backend_before: impl Fn(&Endpoint) -> String,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let known = |addr| now.get(addr).map(|endpoint| (endpoint, Row::of(now, endpoint)));
    for (_, row) in change.added.iter().filter_map(|addr| known(*addr)) {
        let weight = row.weight;
        lines.push(Line::new(at, ADDED, Some(row), String::new()).weight(None, weight));
    }
    for before in &change.changed {
        let Some((endpoint, row)) = known(before.addr) else { continue };
        let fields = before.metadata_differences(endpoint).join(", ");
        let (from, to) = (before.weight(), row.weight);
        lines.push(if from == to {
            Line::new(at, CHANGED, Some(row), format!("metadata only: {fields}"))
        } else {
            let metadata = if fields.is_empty() { fields } else { format!(", metadata: {fields}") };
            Line::new(at, CHANGED, Some(row), metadata).weight(Some(from), to)
        });
    }
    for before in &change.removed {
        let row = Row { backend: backend_before(before), ..Row::of(now, before) };
        lines.push(Line::new(at, REMOVED, Some(row), String::new()));
    }
    lines
}

/// What a server should not have sent.
fn oddities(change: &Change) -> Vec<String> {
    let mut odd = Vec::new();
    if change.malformed > 0 {
        odd.push(format!("{} skipped: no IP, or no possible port", count(change.malformed, "address")));
    }
    if !change.repeated.is_empty() {
        odd.push(format!("{} sent again without a difference", count(change.repeated.len(), "endpoint")));
    }
    odd.extend(change.not_there.iter().map(|addr| format!("{addr} removed, but it was not there")));
    odd
}

/// Why there are no endpoints.
fn absence(known: Known) -> &'static str {
    match known {
        Known::Nothing => "the server has not said yet whether the service exists",
        Known::Endpoints => "the set is empty",
        Known::NoEndpoints { exists: true } => {
            "the service exists, but nothing that is ready serves this name and port"
        }
        Known::NoEndpoints { exists: false } => "there is no such service (or it is an ExternalName)",
    }
}

/// `1 endpoint`, `2 endpoints`, `2 addresses`.
fn count(n: usize, thing: &str) -> String {
    let plural = match n {
        1 => "",
        _ if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{n} {thing}{plural}")
}

#[cfg(test)]
mod tests;

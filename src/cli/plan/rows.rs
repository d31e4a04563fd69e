//! The tables of a plan, before anybody decides whether they are text or Markdown.

use std::collections::BTreeSet;

use crate::{
    cli::{percent::percent, table::Align},
    model::TargetRef,
    plan::{
        Answered, BackendPart, Destination, EndpointChange, EndpointPart, EndpointsChange, OverrideChange,
        OverridePart, Plan, ProfileChange, Share,
    },
};

/// So many endpoints of an answer are listed one by one, and so many backends and overrides; the rest is counted.
/// More than that nobody reads; JSON has all of them.
pub(super) const SHOWN: usize = 20;

/// So many destinations are shown, and so many warnings; the rest is counted. What is more does not fit in a comment
/// on a pull request.
pub(super) const DESTINATIONS: usize = 50;

/// A table, and how many rows are left out of it.
pub(super) struct Grid<const N: usize> {
    pub(super) columns: [(&'static str, Align); N],
    pub(super) rows: Vec<[String; N]>,
    /// What the rest is; empty if that is nothing.
    pub(super) more: String,
}

/// `2 destinations change; 1 warning comes, none goes`
pub(super) fn summary(plan: &Plan) -> String {
    // One that changes in several ways is one.
    let destinations: BTreeSet<_> = plan.destinations.iter().map(|d| (&d.service, d.port)).collect();
    let answers = match destinations.len() {
        0 => "no answer changes".to_owned(),
        1 => "1 destination changes".to_owned(),
        n => format!("{n} destinations change"),
    };
    let warnings = match (plan.brought.len(), plan.removed.len()) {
        (0, 0) => "no warning comes or goes".to_owned(),
        (1, 0) => "1 warning comes".to_owned(),
        (n, 0) => format!("{n} warnings come"),
        (0, 1) => "1 warning goes".to_owned(),
        (0, n) => format!("{n} warnings go"),
        (1, n) => format!("1 warning comes, {n} {}", if n == 1 { "goes" } else { "go" }),
        (n, 1) => format!("{n} warnings come, 1 goes"),
        (n, m) => format!("{n} warnings come, {m} go"),
    };
    format!("{answers}; {warnings}")
}

/// For whom a destination changes so; `None` if for everybody.
pub(super) fn clients(destination: &Destination) -> Option<String> {
    let clients: Vec<_> = destination.clients.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = destination.clients.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!clients.is_empty()).then(|| format!("{}{more}", clients.join(", ")))
}

/// `2 endpoints -> 3 endpoints`
pub(super) fn answered(change: &EndpointsChange) -> String {
    let text = |answered: Answered| match answered {
        Answered::Absent => "no such service".to_owned(),
        Answered::Endpoints(0) => "no endpoints".to_owned(),
        Answered::Endpoints(1) => "1 endpoint".to_owned(),
        Answered::Endpoints(n) => format!("{n} endpoints"),
    };
    let labels = if change.labels { "; the labels of the set differ" } else { "" };
    format!("{}{labels}", arrow(text(change.before), text(change.after)))
}

/// What differs in a profile beside the overrides.
pub(super) fn fields(change: &ProfileChange) -> Option<String> {
    match (change.before, change.after) {
        (false, _) => Some("the empty profile -> one that says something".to_owned()),
        (_, false) => Some("one that says something -> the empty profile".to_owned()),
        _ if change.fields.is_empty() => None,
        _ => Some(format!("{} differ", change.fields.join(", "))),
    }
}

/// The backends; none where there is only the service itself, which has all of the traffic anyway.
pub(super) fn backends(change: &EndpointsChange) -> Grid<5> {
    let weight = |part: &Option<BackendPart>| part.as_ref().and_then(|part| part.weight);
    let is_split = change.backends.iter().any(|b| weight(&b.before).or(weight(&b.after)).is_some());
    let shown = if is_split { SHOWN } else { 0 };
    let rows = change.backends.iter().take(shown).map(|backend| {
        let (old, new) = (backend.before.as_ref(), backend.after.as_ref());
        let weight = |part: Option<&BackendPart>| {
            part.and_then(|part| part.weight).map_or_else(dash, |weight| weight.to_string())
        };
        let endpoints =
            |part: Option<&BackendPart>| part.map_or_else(dash, |part| part.endpoints.to_string());
        let share = |part: Option<&BackendPart>| share(part.map(|part| part.share));
        [
            sign(old, new),
            backend.name.name.to_string(),
            arrow(weight(old), weight(new)),
            arrow(endpoints(old), endpoints(new)),
            arrow(share(old), share(new)),
        ]
    });
    Grid {
        columns: [
            ("", Align::Left),
            ("BACKEND", Align::Left),
            ("WEIGHT", Align::Left),
            ("ENDPOINTS", Align::Left),
            ("SHARE", Align::Left),
        ],
        rows: rows.collect(),
        more: more(change.backends.len(), "backend"),
    }
}

pub(super) fn endpoints(change: &EndpointsChange) -> Grid<6> {
    let rows = change.endpoints.iter().take(SHOWN).map(|endpoint| {
        let (old, new) = (endpoint.before.as_ref(), endpoint.after.as_ref());
        let backends = |part: Option<&EndpointPart>| {
            let names = part.iter().flat_map(|part| &part.backends).map(|name| name.name.to_string());
            names.collect::<Vec<_>>().join(", ")
        };
        let target = |part: Option<&EndpointPart>| part.map_or_else(dash, |part| target(&part.target));
        let either = |of: &dyn Fn(Option<&EndpointPart>) -> String| match (old, new) {
            (Some(_), Some(_)) => arrow(of(old), of(new)),
            (None, _) => of(new),
            (_, None) => of(old),
        };
        let metadata = if endpoint.fields.is_empty() { String::new() } else { endpoint.fields.join(", ") };
        [
            sign(old, new),
            endpoint.addr.to_string(),
            either(&backends),
            either(&target),
            arrow(share(old.map(|part| part.share)), share(new.map(|part| part.share))),
            metadata,
        ]
    });
    Grid {
        columns: [
            ("", Align::Left),
            ("ENDPOINT", Align::Left),
            ("BACKEND", Align::Left),
            ("POD", Align::Left),
            ("SHARE", Align::Left),
            ("METADATA", Align::Left),
        ],
        rows: rows.collect(),
        more: endpoints_left_out(&change.endpoints),
    }
    .without_empty_last()
}

pub(super) fn overrides(change: &ProfileChange) -> Grid<4> {
    let rows = change.overrides.iter().take(SHOWN).map(|change| {
        let OverrideChange { authority, before, after } = change;
        let weight = |part: &Option<OverridePart>| part.map_or_else(dash, |part| part.weight.to_string());
        let (old, new) = (before.map(|part| part.share), after.map(|part| part.share));
        [
            sign(before.as_ref(), after.as_ref()),
            authority.clone(),
            arrow(weight(before), weight(after)),
            arrow(share(old), share(new)),
        ]
    });
    Grid {
        columns: [
            ("", Align::Left),
            ("OVERRIDE", Align::Left),
            ("WEIGHT", Align::Left),
            ("SHARE", Align::Left),
        ],
        rows: rows.collect(),
        more: more(change.overrides.len(), "override"),
    }
}

impl<const N: usize> Grid<N> {
    /// A last column in which nothing stands has no heading either.
    fn without_empty_last(mut self) -> Self {
        if self.rows.iter().all(|row| row[N - 1].is_empty()) {
            self.columns[N - 1].0 = "";
        }
        self
    }
}

/// `+` for what is new, `-` for what goes, `~` for what changes; nothing for what stays.
fn sign<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> String {
    match (before, after) {
        (None, _) => "+",
        (_, None) => "-",
        (old, new) if old == new => "",
        _ => "~",
    }
    .to_owned()
}

/// `old -> new`, or only one of them if they are the same.
fn arrow(old: String, new: String) -> String {
    if old == new { old } else { format!("{old} -> {new}") }
}

fn dash() -> String {
    "-".to_owned()
}

fn share(share: Option<Share>) -> String {
    share.map_or_else(dash, |share| percent(share.ppb().into(), Share::WHOLE))
}

fn target(target: &TargetRef) -> String {
    match target {
        TargetRef::Pod(name) | TargetRef::Workload(name) => name.name.to_string(),
        TargetRef::None | TargetRef::Other(_) => dash(),
    }
}

fn more(count: usize, thing: &str) -> String {
    match count.saturating_sub(SHOWN) {
        0 => String::new(),
        1 => format!("and 1 more {thing}"),
        n => format!("and {n} more {thing}s"),
    }
}

/// `and 980 more endpoints: 900 added, 80 changed`
fn endpoints_left_out(endpoints: &[EndpointChange]) -> String {
    let rest = endpoints.iter().skip(SHOWN);
    let (mut added, mut changed, mut removed) = (0, 0, 0);
    for endpoint in rest {
        match (&endpoint.before, &endpoint.after) {
            (None, _) => added += 1,
            (_, None) => removed += 1,
            _ => changed += 1,
        }
    }
    let counted: Vec<_> = [(added, "added"), (changed, "changed"), (removed, "removed")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match more(endpoints.len(), "endpoint") {
        rest if rest.is_empty() => rest,
        rest => format!("{rest}: {}", counted.join(", ")),
    }
}

//! A profile as text: all of it first, then a line for each difference.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::route;
use crate::{
    cli::{
        json::duration,
        percent::percent,
        style::{ADDED, CHANGED, NOW, ODD, REMOVED, Sign, TIME, paint, tame},
        table::{Align, Table},
        watch::{Answer, Received, View},
    },
    client::Endpoint,
    pb::{
        destination::{DestinationProfile, RetryBudget, WeightedAddr},
        meta::{Metadata, metadata},
    },
};

/// The last profile, and what was asked for.
pub(super) struct Text<'a> {
    authority: &'a str,
    profile: DestinationProfile,
}

impl<'a> Text<'a> {
    pub(super) fn new(authority: &'a str) -> Self {
        Self { authority, profile: DestinationProfile::default() }
    }
}

const EMPTY: &str = "the empty profile: the server knows no such service or port";

impl View<DestinationProfile> for Text<'_> {
    fn first(
        &mut self,
        out: &mut dyn Write,
        first: Received<DestinationProfile>,
        once: bool,
    ) -> io::Result<Answer> {
        self.profile = first.message;
        let asked = tame(self.authority);
        if self.profile == DestinationProfile::default() {
            writeln!(out, "{asked}: {EMPTY}{}", if once { "" } else { "; still watching" })?;
            return Ok(Answer::Nothing);
        }
        writeln!(out, "{asked}: {}", overrides_counted(&self.profile))?;
        writeln!(out)?;
        let fields = fields(&self.profile);
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(out, "{name:<width$}  {value}")?;
        }
        if !self.profile.dst_overrides.is_empty() {
            writeln!(out)?;
            overrides(&self.profile).write(out)?;
        }
        if !self.profile.routes.is_empty() {
            writeln!(out)?;
            route::table(&self.profile.routes).write(out)?;
        }
        if !once {
            writeln!(out)?;
        }
        Ok(Answer::Something)
    }

    fn more(&mut self, out: &mut dyn Write, messages: Vec<Received<DestinationProfile>>) -> io::Result<()> {
        for Received { at, message } in messages {
            let before = std::mem::replace(&mut self.profile, message);
            for (sign, text) in difference(&before, &self.profile) {
                writeln!(out, "{} {sign} {text}", paint(TIME, at.local()))?;
            }
        }
        Ok(())
    }
}

/// A line without its time.
type Line = (Sign, String);

/// What is different now, a line each.
fn difference(before: &DestinationProfile, now: &DestinationProfile) -> Vec<Line> {
    if before == now {
        return vec![(ODD, "the same profile again".to_owned())];
    }
    if *now == DestinationProfile::default() {
        return vec![(REMOVED, format!("now {EMPTY}; still watching"))];
    }
    let (old, new) = (weights(before), weights(now));
    let mut lines = override_lines(&old, &new);
    if old == new && before.dst_overrides != now.dst_overrides {
        // Equal as far as traffic goes.
        lines.push((CHANGED, "overrides: only their order or their references".to_owned()));
    }
    for ((name, from), (_, to)) in fields(before).iter().zip(&fields(now)).filter(|(a, b)| a != b) {
        let or_none = |text: &String| if text.is_empty() { "none".to_owned() } else { text.clone() };
        lines.push((CHANGED, format!("{name}: {} -> {}", or_none(from), or_none(to))));
    }
    if before.routes != now.routes {
        lines.push((CHANGED, route::difference(&before.routes, &now.routes)));
    }
    if old != new {
        lines.push((NOW, shares(&new)));
    }
    if lines.is_empty() {
        lines.push((CHANGED, "details that only -o json shows".to_owned()));
    }
    lines
}

fn override_lines(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>) -> Vec<Line> {
    let mut lines = Vec::new();
    let totals = (old.values().sum(), new.values().sum());
    let width = old.keys().chain(new.keys()).map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, &to) in new {
        let share = percent(to, totals.1);
        match old.get(name) {
            None => {
                lines.push((ADDED, format!("{name:<width$}  weight {to}, share {share}")));
            }
            Some(&from) if from != to => {
                let share_before = percent(from, totals.0);
                let text = format!("{name:<width$}  weight {from} -> {to}, share {share_before} -> {share}");
                lines.push((CHANGED, text));
            }
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    lines.extend(gone.map(|name| (REMOVED, name.clone())));
    lines
}

/// `2 overrides`, or what none of them means.
fn overrides_counted(profile: &DestinationProfile) -> String {
    match profile.dst_overrides.len() {
        0 if profile.endpoint.is_some() => "a single endpoint".to_owned(),
        0 => "no overrides: traffic goes to the service itself".to_owned(),
        1 => "1 override".to_owned(),
        n => format!("{n} overrides"),
    }
}

/// The overrides in the order sent.
fn overrides(profile: &DestinationProfile) -> Table<3> {
    let mut table =
        Table::new([("AUTHORITY", Align::Left), ("WEIGHT", Align::Right), ("SHARE", Align::Right)]);
    let total = profile.dst_overrides.iter().map(|dst| u64::from(dst.weight)).sum();
    for dst in &profile.dst_overrides {
        table.row([dst.authority.clone(), dst.weight.to_string(), percent(dst.weight.into(), total)]);
    }
    table
}

/// The overrides by name; one that is listed twice counts twice.
fn weights(profile: &DestinationProfile) -> BTreeMap<String, u64> {
    let mut weights = BTreeMap::new();
    for dst in &profile.dst_overrides {
        *weights.entry(tame(&dst.authority).into_owned()).or_default() += u64::from(dst.weight);
    }
    weights
}

/// `reviews-v2 90.00 % | reviews-v3 10.00 %`, with as much of the names as tells them apart.
fn shares(weights: &BTreeMap<String, u64>) -> String {
    if weights.is_empty() {
        return "no overrides: traffic goes to the service itself".to_owned();
    }
    let total = weights.values().sum();
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let mut shorts: Vec<_> = weights.keys().map(|name| short(name)).collect();
    shorts.sort_unstable();
    shorts.dedup();
    let unique = shorts.len() == weights.len();
    let share = |(name, weight): (&String, &u64)| {
        let name = if unique { short(name) } else { name.clone() };
        format!("{name} {}", percent(*weight, total))
    };
    weights.iter().map(share).collect::<Vec<_>>().join(" | ")
}

/// The small fields; empty text for one that is absent.
fn fields(profile: &DestinationProfile) -> [(&'static str, String); 6] {
    let opaque = if profile.opaque_protocol { "yes" } else { "no" };
    [
        ("name", tame(&profile.fully_qualified_name).into_owned()),
        ("opaque", opaque.to_owned()),
        ("retry budget", profile.retry_budget.as_ref().map(retry_budget).unwrap_or_default()),
        ("endpoint", profile.endpoint.as_ref().map(endpoint).unwrap_or_default()),
        ("parent", profile.parent_ref.as_ref().map(reference).unwrap_or_default()),
        ("defined by", profile.profile_ref.as_ref().map(reference).unwrap_or_default()),
    ]
}

/// `20 % of requests, at least 10 a second, over 10s`
fn retry_budget(budget: &RetryBudget) -> String {
    let RetryBudget { retry_ratio, min_retries_per_second, ttl } = budget;
    let window = ttl.as_ref().map(|ttl| format!(", over {}", duration(ttl))).unwrap_or_default();
    // To two decimals; an `f32` has noise behind them.
    let ratio = (f64::from(*retry_ratio) * 10_000.0).round() / 100.0;
    format!("{ratio} % of requests, at least {min_retries_per_second} a second{window}")
}

/// `10.1.2.3:80 (pod reviews-v1-0)`
fn endpoint(message: &WeightedAddr) -> String {
    match Endpoint::from_message(message.clone()) {
        None => "one without a usable address".to_owned(),
        Some(endpoint) => match endpoint.pod() {
            Some(pod) => format!("{} (pod {})", endpoint.addr, tame(pod)),
            None => endpoint.addr.to_string(),
        },
    }
}

/// `Service default/reviews port 9080`
fn reference(reference: &Metadata) -> String {
    let text = match &reference.kind {
        None => String::new(),
        Some(metadata::Kind::Default(name)) => format!("default {name}"),
        Some(metadata::Kind::Resource(to)) => {
            let port = if to.port == 0 { String::new() } else { format!(" port {}", to.port) };
            format!("{} {}/{}{port}", to.kind, to.namespace, to.name)
        }
    };
    tame(&text).into_owned()
}

#[cfg(test)]
mod tests;

//! `split.smi-spec.io` TrafficSplit, the same way in every version, and weights.

use serde_json::Value;

use super::{
    Rejection,
    read::{At, found},
    timestamp,
};
use crate::{
    model::{Backend, Kind, MAX_BACKENDS, NsName, Problem, Reason, TrafficSplit},
    weight::{Milli, NotAWeight, Reading},
};

/// Which numbers a weight is meant to be, by the API that it stands in. Both are always read; what differs
/// is which of them is odd.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WeightStyle {
    /// A Kubernetes quantity, where `500m` is half a unit.
    Quantity,
    /// A whole number.
    Whole,
}

pub(super) fn split(name: NsName, root: &At<'_, '_>) -> Result<TrafficSplit, Rejection> {
    let spec = root.get("spec")?;
    let apex = spec.get("service")?.required_name("the name of the Service to split")?.into();
    let style = style(root)?;
    let mut problems = Vec::new();
    let mut backends = Vec::new();
    let listed = spec.get("backends")?;
    if listed.is_absent() {
        return Err(listed.wrong("a list of backends"));
    }
    for (index, at) in listed.items()?.enumerate() {
        let service = at.get("service")?.required_name("the name of the backend's Service")?.into();
        // Entries beyond the bound are read as well: an invalid one rejects the split wherever it is.
        let ignored = &mut Vec::new();
        let is_used = index < MAX_BACKENDS;
        let weight = weight(&at.get("weight")?, style, if is_used { &mut problems } else { ignored })?;
        if is_used {
            backends.push(Backend { service, weight, index });
        }
    }
    problems.extend(limit(&listed, MAX_BACKENDS, "backends", |ignored| {
        format!("{ignored} get no traffic, and the others share all of it by their weights")
    })?);
    let has_matches = spec.get("matches")?.items()?.next().is_some();
    let created = timestamp(root)?;
    Ok(TrafficSplit { name, created, apex, backends, has_matches, problems })
}

/// The problem that a list has more items than the `max` that are used; `consequence` says what follows, given the
/// items that are ignored.
pub(super) fn limit(
    list: &At<'_, '_>,
    max: usize,
    what: &str,
    consequence: impl FnOnce(&str) -> String,
) -> Result<Option<Problem>, Rejection> {
    let count = list.items()?.count();
    let message = || {
        let ignored = format!("the last {} (from index {max})", count - max);
        format!(
            "{count} {what} are listed and at most {max} are used: {}; shorten the list",
            consequence(&ignored)
        )
    };
    let problem = || Problem { reason: Reason::LimitExceeded, path: list.path(), message: message() };
    Ok((count > max).then(problem))
}

/// Which numbers the weights of a TrafficSplit are meant to be.
fn style(root: &At<'_, '_>) -> Result<WeightStyle, Rejection> {
    Ok(match root.get("apiVersion")?.text()? {
        Some("split.smi-spec.io/v1alpha1") => WeightStyle::Quantity,
        _ => WeightStyle::Whole,
    })
}

impl WeightStyle {
    /// The kind of weight that a message asks for.
    fn wanted(self) -> &'static str {
        match self {
            Self::Quantity => "a quantity such as 500m or 1",
            Self::Whole => "a whole number such as 50",
        }
    }
}

/// Rejects a TrafficSplit or ServiceProfile in which an entry with a weight has none. A cluster may hold such
/// objects, because old releases of Flagger omit a weight of 0; in a manifest the line was forgotten.
pub(in crate::source) fn require_weights(kind: Kind, root: &At<'_, '_>) -> Result<(), Rejection> {
    let (list, style) = match kind {
        Kind::TrafficSplit => ("backends", style(root)?),
        Kind::ServiceProfile => ("dstOverrides", WeightStyle::Quantity),
        _ => return Ok(()),
    };
    for entry in root.get("spec")?.get(list)?.items()? {
        let weight = entry.get("weight")?;
        if weight.is_absent() {
            return Err(weight.wrong(style.wanted()));
        }
    }
    Ok(())
}

/// Reads a weight. An absent one is 0, with a [`Problem`].
///
/// # Errors
/// [`Rejection`] of a value that is negative or no number: any other reading of it would move traffic.
pub(super) fn weight(
    at: &At<'_, '_>,
    style: WeightStyle,
    problems: &mut Vec<Problem>,
) -> Result<Milli, Rejection> {
    let wanted = style.wanted();
    let mut problem = |reason, message| problems.push(Problem { reason, path: at.path(), message });
    if at.is_absent() {
        problem(Reason::BadWeight, format!("weight is missing and counts as 0: write {wanted}"));
        return Ok(Milli::ZERO);
    }
    let shown = found(at.value());
    let read = number(at.value()).map_err(|error| match error {
        NotAWeight::Negative => at.reject(format!("expected {wanted}, found {shown}, which is negative")),
        NotAWeight::NotANumber => at.wrong(wanted),
    })?;
    let Reading { milli, saturated, fractional, raised } = read;
    if saturated {
        problem(
            Reason::OddWeight,
            format!("weight {shown} is too large and counts as {milli}: write smaller ones"),
        );
    } else if raised {
        let ratio = match style {
            WeightStyle::Quantity => "1m and 999m",
            WeightStyle::Whole => "1 and 999",
        };
        problem(
            Reason::OddWeight,
            format!(
                "weight {shown} is less than the smallest there is and counts as {milli}: write larger ones in the \
                 same ratio, such as {ratio}"
            ),
        );
    } else if fractional && style == WeightStyle::Whole {
        problem(
            Reason::OddWeight,
            format!("weight {shown} is used, but this version has whole weights only: write {wanted}"),
        );
    }
    Ok(milli)
}

/// The number in any of the forms that it can have in JSON.
fn number(value: &Value) -> Result<Reading, NotAWeight> {
    match value {
        Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(float) => Milli::from_f64(float),
            None => Milli::parse(&n.to_string()),
        },
        Value::String(text) => Milli::parse(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NotAWeight::NotANumber),
    }
}

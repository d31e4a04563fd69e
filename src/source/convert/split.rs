//! `split.smi-spec.io` TrafficSplit, the same way in every version, and weights.

use serde_json::Value;

use super::{
    Rejection,
    read::{At, found},
};
use crate::{
    model::{Backend, NsName, Problem, Reason, TrafficSplit},
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
    let style = match root.get("apiVersion")?.text()? {
        Some("split.smi-spec.io/v1alpha1") => WeightStyle::Quantity,
        _ => WeightStyle::Whole,
    };
    let mut problems = Vec::new();
    let mut backends = Vec::new();
    for (index, at) in spec.get("backends")?.items()?.enumerate() {
        match backend(index, &at, style, &mut problems) {
            Ok(backend) => backends.push(backend),
            Err(Rejection { path, message }) => {
                problems.push(Problem { reason: Reason::InvalidObject, path, message });
            }
        }
    }
    let has_matches = match spec.get("matches")?.value() {
        Value::Null => false,
        Value::Array(matches) => !matches.is_empty(),
        _ => true,
    };
    let metadata = root.get("metadata")?;
    let created_at = metadata.get("creationTimestamp")?;
    let created = match created_at.value() {
        Value::Null => None,
        value => value.as_str().and_then(|text| text.parse().ok()).or_else(|| {
            let message = format!(
                "expected a time such as 2024-01-31T12:00:00Z, found {}; the split counts as the newest of its apex",
                found(value)
            );
            let path = "metadata.creationTimestamp".to_owned();
            problems.push(Problem { reason: Reason::InvalidObject, path, message });
            None
        }),
    };
    Ok(TrafficSplit { name, created, apex, backends, has_matches, problems })
}

fn backend(
    index: usize,
    at: &At<'_, '_>,
    style: WeightStyle,
    problems: &mut Vec<Problem>,
) -> Result<Backend, Rejection> {
    let service = at.get("service")?.required_name("the name of the backend's Service")?.into();
    Ok(Backend { service, weight: weight(&at.get("weight")?, style, problems), index })
}

/// A weight, whatever stands there: what is none counts as 0, so that it costs this backend and no other.
pub(super) fn weight(at: &At<'_, '_>, style: WeightStyle, problems: &mut Vec<Problem>) -> Milli {
    let right = match style {
        WeightStyle::Quantity => "a quantity such as 500m or 1",
        WeightStyle::Whole => "a whole number such as 50",
    };
    let shown = found(at.value());
    let read = number(at.value());
    let (reason, message) = match read {
        Ok(Reading { saturated: true, milli, .. }) => (
            Reason::OddWeight,
            format!("weight {shown} is too large and counts as {milli}: write smaller ones"),
        ),
        Ok(Reading { raised: true, milli, .. }) => (
            Reason::OddWeight,
            format!(
                "weight {shown} is less than the smallest there is and counts as {milli}: write larger ones in the \
                 same ratio, such as {}",
                match style {
                    WeightStyle::Quantity => "1m and 999m",
                    WeightStyle::Whole => "1 and 999",
                }
            ),
        ),
        Ok(Reading { fractional: true, .. }) if style == WeightStyle::Whole => (
            Reason::OddWeight,
            format!("weight {shown} is used, but this version has whole weights only: write {right}"),
        ),
        Ok(Reading { milli, .. }) => return milli,
        Err(_) if at.is_absent() => {
            (Reason::BadWeight, format!("weight is missing and counts as 0: write {right}"))
        }
        Err(NotAWeight::Negative) => {
            (Reason::BadWeight, format!("weight {shown} is negative and counts as 0: write {right}"))
        }
        Err(NotAWeight::NotANumber) => {
            (Reason::BadWeight, format!("weight {shown} is no number and counts as 0: write {right}"))
        }
    };
    problems.push(Problem { reason, path: at.path(), message });
    read.map_or(Milli::ZERO, |reading| reading.milli)
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

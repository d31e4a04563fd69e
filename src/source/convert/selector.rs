//! Label selectors, as Servers have them.

use super::{Rejection, read::At};
use crate::model::{Condition, Requirement, Selector};

/// A selector; `None` if it is absent. An empty one selects everything.
pub(super) fn selector(at: &At<'_, '_>) -> Result<Option<Selector>, Rejection> {
    if at.is_absent() {
        return Ok(None);
    }
    let mut requirements = Vec::new();
    for (key, value) in at.get("matchLabels")?.texts()? {
        requirements.push(Requirement { key: key.into(), condition: Condition::In(vec![value.into()]) });
    }
    for expression in at.get("matchExpressions")?.items()? {
        let key = expression.get("key")?.required_text("the key of a label")?.into();
        requirements.push(Requirement { key, condition: condition(&expression)? });
    }
    Ok(Some(Selector { requirements }))
}

fn condition(expression: &At<'_, '_>) -> Result<Condition, Rejection> {
    let operator = expression.get("operator")?;
    Ok(match operator.text()? {
        Some("In") => Condition::In(values(expression)?),
        Some("NotIn") => Condition::NotIn(values(expression)?),
        Some("Exists") => Condition::Present,
        Some("DoesNotExist") => Condition::Absent,
        _ => return Err(operator.wrong("In, NotIn, Exists or DoesNotExist")),
    })
}

/// The values of an expression. Without any it would mean all or nothing, which nobody writes on purpose, and
/// Kubernetes does not take.
fn values(expression: &At<'_, '_>) -> Result<Vec<Box<str>>, Rejection> {
    let at = expression.get("values")?;
    let mut values = Vec::new();
    for item in at.items()? {
        let value = item.text()?.ok_or_else(|| item.wrong("the value of a label"))?;
        values.push(value.into());
    }
    if values.is_empty() { Err(at.reject("expected at least one value, found none")) } else { Ok(values) }
}

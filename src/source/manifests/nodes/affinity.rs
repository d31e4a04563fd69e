//! Required node affinity of a Pod.

use super::ARCHITECTURE;
use crate::source::convert::read::At;

/// `nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`. The preferred terms decide nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::source::manifests) struct Affinity {
    /// One of these must hold; `None` if nothing is required.
    terms: Option<Vec<Term>>,
}

/// All of these must hold. A term without any never does.
type Term = Vec<Requirement>;

/// A requirement on a label of a Node, or on its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    /// The label; `None` for the name.
    key: Option<Box<str>>,
    operator: Operator,
    values: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// None that there is.
    Unknown,
}

impl Affinity {
    /// Reads a `nodeAffinity`.
    pub(super) fn read(at: &At<'_, '_>) -> Self {
        let required = at.field("requiredDuringSchedulingIgnoredDuringExecution");
        let term = |at: At<'_, '_>| {
            let (labels, fields) = (at.field("matchExpressions"), at.field("matchFields"));
            let labels = labels.list().map(|at| Requirement::read(&at, Some(at.field("key").str().into())));
            let fields = fields.list().map(|at| Requirement::read(&at, None));
            labels.chain(fields).collect()
        };
        let terms = || required.field("nodeSelectorTerms").list().map(term).collect();
        Self { terms: (!required.is_absent()).then(terms) }
    }

    /// Whether a Node of that name and with these labels is admitted.
    pub(super) fn admits<'n>(&self, name: &'n str, label: impl Fn(&str) -> Option<&'n str>) -> bool {
        let holds = |requirement: &Requirement| match requirement.key.as_deref() {
            None => requirement.holds(Some(name)),
            Some(key) => match label(key) {
                None if ARCHITECTURE.contains(&key) => true,
                value => requirement.holds(value),
            },
        };
        self.terms
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| !term.is_empty() && term.iter().all(holds)))
    }
}

impl Requirement {
    fn read(at: &At<'_, '_>, key: Option<Box<str>>) -> Self {
        let operator = match at.field("operator").str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => Operator::Unknown,
        };
        let values = at.field("values").list().map(|value| value.str().into()).collect();
        Self { key, operator, values }
    }

    /// Whether it holds for this value, or for a Node that has none.
    fn holds(&self, value: Option<&str>) -> bool {
        let is_listed = || value.is_some_and(|value| self.values.iter().any(|listed| **listed == *value));
        let numbers = || {
            let limit = self.values.first()?.parse::<i64>().ok()?;
            Some((value?.parse::<i64>().ok()?, limit))
        };
        match self.operator {
            Operator::In => is_listed(),
            Operator::NotIn => !is_listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => numbers().is_some_and(|(value, limit)| value > limit),
            Operator::Lt => numbers().is_some_and(|(value, limit)| value < limit),
            Operator::Unknown => false,
        }
    }
}

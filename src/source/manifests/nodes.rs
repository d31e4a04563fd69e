//! Nodes, and which of them a workload's Pods may run on.
//!
//! A Pod's template and a Node decide this between them: `nodeName`, `nodeSelector`, required node affinity, taints and
//! `unschedulable`. What depends on other Pods or on resources is not simulated.

use std::{cmp::Ordering, fmt};

pub(super) use self::affinity::Affinity;
use crate::{
    model::{LabelSet, Name, Node},
    source::convert::read::At,
};

mod affinity;

/// Label that a kubelet gives its Node, with the Node's name as the value.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Labels that a kubelet gives its Node for the operating system. A Node without one counts as one of Linux.
const OS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// Labels that a kubelet gives its Node for the processor. A Node without one matches every value.
const ARCHITECTURE: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

/// Taint of a Node that is marked as unschedulable.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Taints that the controller of DaemonSets makes its Pods tolerate.
const TOLERATED_BY_DAEMONS: [(&str, Effect); 6] = [
    (UNSCHEDULABLE, Effect::NoSchedule),
    ("node.kubernetes.io/not-ready", Effect::NoExecute),
    ("node.kubernetes.io/unreachable", Effect::NoExecute),
    ("node.kubernetes.io/disk-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", Effect::NoSchedule),
];

/// What of a Node decides which Pods run on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeSpec {
    labels: LabelSet,
    /// Taints that keep Pods away.
    taints: Vec<Taint>,
}

/// A taint of a Node. Written `key=value:effect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taint {
    key: Box<str>,
    value: Box<str>,
    effect: Effect,
}

/// Effect of a taint that keeps Pods away. `PreferNoSchedule` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Effect {
    NoSchedule,
    NoExecute,
}

/// Values of the taints that a toleration is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Values {
    Any,
    Equal(Box<str>),
    /// Numbers that are greater or less than this one.
    Compared(Ordering, i64),
}

/// A toleration of a Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Toleration {
    /// Every taint if there is none.
    key: Option<Box<str>>,
    values: Values,
    /// Every effect if there is none.
    effect: Option<Effect>,
}

/// What of a template of Pods decides which Nodes they run on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Constraints {
    /// `spec.nodeName`.
    pub(super) node: Option<Name>,
    selector: LabelSet,
    affinity: Affinity,
    tolerations: Vec<Toleration>,
    /// They are Pods of a DaemonSet.
    of_daemon_set: bool,
}

/// Why Pods do not run on a Node. Written so that it follows a number of Nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit<'a> {
    /// It is not the one that `nodeName` names.
    OtherName,
    /// It lacks a label of `nodeSelector`.
    Label(&'a str, &'a str),
    /// No term of the required node affinity holds.
    Affinity,
    /// The Pods do not tolerate a taint.
    Taint(&'a Taint),
}

impl NodeSpec {
    /// Reads a Node.
    pub(super) fn read(root: &At<'_, '_>) -> Self {
        let (metadata, spec) = (root.field("metadata"), root.field("spec"));
        let labels = metadata.field("labels");
        let by_kubelet = [(HOSTNAME, metadata.field("name").str()), (OS[0], "linux"), (OS[1], "linux")];
        let labels = labels.entries().map(|(key, value)| (key, value.str()));
        let labels = LabelSet::new(by_kubelet.into_iter().chain(labels));
        let mut taints = Vec::new();
        if spec.field("unschedulable").value() == true {
            taints.push(Taint { key: UNSCHEDULABLE.into(), value: "".into(), effect: Effect::NoSchedule });
        }
        for taint in spec.field("taints").list() {
            let (key, value) = (taint.field("key").str().into(), taint.field("value").str().into());
            taints.extend(Effect::read(&taint).map(|effect| Taint { key, value, effect }));
        }
        Self { labels, taints }
    }

    /// The value of a label, also of one that only a kubelet would add.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key)
    }

    /// The keys of all labels.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|(key, _)| key)
    }
}

impl Effect {
    fn read(at: &At<'_, '_>) -> Option<Self> {
        match at.field("effect").str() {
            "NoSchedule" => Some(Self::NoSchedule),
            "NoExecute" => Some(Self::NoExecute),
            _ => None,
        }
    }
}

impl Values {
    fn contain(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(equal) => **equal == *value,
            Self::Compared(order, limit) => {
                value.parse::<i64>().is_ok_and(|value| value.cmp(limit) == *order)
            }
        }
    }
}

impl Toleration {
    /// Reads a toleration; `None` if no taint that keeps Pods away can match it.
    fn read(at: &At<'_, '_>) -> Option<Self> {
        let text = |field: &str| Some(at.field(field).str()).filter(|text| !text.is_empty()).map(Into::into);
        let effect = Effect::read(at);
        if effect.is_none() && !at.field("effect").str().is_empty() {
            return None;
        }
        let value = at.field("value").str();
        let values = match at.field("operator").str() {
            "Exists" => Values::Any,
            "" | "Equal" => Values::Equal(value.into()),
            "Gt" => Values::Compared(Ordering::Greater, value.parse().ok()?),
            "Lt" => Values::Compared(Ordering::Less, value.parse().ok()?),
            _ => return None,
        };
        Some(Self { key: text("key"), values, effect })
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.values.contain(&taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

impl Constraints {
    /// Reads the `spec` of a template whose Pods a DaemonSet or another workload makes.
    pub(super) fn read(spec: &At<'_, '_>, of_daemon_set: bool) -> Self {
        let selector = spec.field("nodeSelector");
        Self {
            node: Some(spec.field("nodeName").str()).filter(|name| !name.is_empty()).map(Name::from),
            selector: LabelSet::new(selector.entries().map(|(key, value)| (key, value.str()))),
            affinity: Affinity::read(&spec.field("affinity").field("nodeAffinity")),
            tolerations: spec.field("tolerations").list().filter_map(|at| Toleration::read(&at)).collect(),
            of_daemon_set,
        }
    }

    /// Whether Pods of the template run on a Node.
    ///
    /// # Errors
    /// [`Unfit`] with the first reason why they do not.
    pub(super) fn check<'a>(&'a self, node: &Node, spec: &'a NodeSpec) -> Result<(), Unfit<'a>> {
        let name = &node.name.name;
        if self.node.as_ref().is_some_and(|wanted| wanted != name) {
            return Err(Unfit::OtherName);
        }
        let lacks = |(key, value): &(&str, &str)| match spec.label(key) {
            Some(found) => found != *value,
            None => !ARCHITECTURE.contains(key),
        };
        if let Some((key, value)) = self.selector.iter().find(lacks) {
            return Err(Unfit::Label(key, value));
        }
        if !self.affinity.admits(name.as_str(), |key| spec.label(key)) {
            return Err(Unfit::Affinity);
        }
        match spec.taints.iter().find(|taint| !self.tolerates(taint)) {
            Some(taint) => Err(Unfit::Taint(taint)),
            None => Ok(()),
        }
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        // A Pod with a nodeName does not pass the scheduler.
        let is_placed = self.node.is_some() && !self.of_daemon_set && taint.effect == Effect::NoSchedule;
        is_placed
            || self.of_daemon_set && TOLERATED_BY_DAEMONS.contains(&(&*taint.key, taint.effect))
            || self.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        let equals = if value.is_empty() { "" } else { "=" };
        write!(f, "{key}{equals}{value}:{effect:?}")
    }
}

impl fmt::Display for Unfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherName => f.write_str("not named by nodeName"),
            Self::Label(key, value) => write!(f, "without label {key}={value} of nodeSelector"),
            Self::Affinity => f.write_str("outside the required nodeAffinity"),
            Self::Taint(taint) if *taint.key == *UNSCHEDULABLE => f.write_str("unschedulable"),
            Self::Taint(taint) => write!(f, "with taint {taint}, which the Pods do not tolerate"),
        }
    }
}

#[cfg(test)]
mod tests;

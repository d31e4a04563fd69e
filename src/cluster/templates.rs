//! Which labels the Pods of each namespace have: one entry for all Pods of one template.
//!
//! A Service that no ready endpoint serves is compared with these, and not with each Pod.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::Fact;
use crate::model::{LabelSet, Name, Pod, PodSpec};

/// Labels that controllers add to tell one template from the next; no Service selects by them on purpose.
const HASH_LABELS: [&str; 3] =
    ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"];

/// Whether Pods of one template, or templates of one workload, differ by this label: [`Fact::PodLabel`] is not about such.
pub(crate) fn is_own(key: &str) -> bool {
    Pod::OWN_LABELS.contains(&key) || HASH_LABELS.contains(&key)
}

/// What Pods of one template have in common.
#[derive(Clone, Debug)]
pub struct Template {
    /// Their labels, but for those in [`Pod::OWN_LABELS`].
    pub labels: Arc<LabelSet>,
    /// What their template says.
    pub spec: Arc<PodSpec>,
}

impl Template {
    fn of(pod: &Pod) -> Self {
        Self { labels: pod.labels.clone(), spec: pod.spec.clone() }
    }

    /// Equal specs of Pods are one spec, so that its address identifies it.
    fn key(&self) -> (&LabelSet, *const PodSpec) {
        (&self.labels, Arc::as_ptr(&self.spec))
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Template {}

impl PartialOrd for Template {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Template {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// The templates of all namespaces, with how many Pods each has.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    /// Shared with excerpts.
    of_namespace: BTreeMap<Name, Arc<BTreeMap<Template, u32>>>,
}

impl Templates {
    /// The templates of a namespace, sorted by their labels.
    pub(super) fn of(&self, namespace: &Name) -> impl Iterator<Item = &Template> {
        self.of_namespace.get(namespace).into_iter().flat_map(|templates| templates.keys())
    }

    /// The namespaces that have any, by name.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Name> {
        self.of_namespace.keys()
    }

    /// Counts a Pod in another template, and adds to `touched` what that changes.
    pub(super) fn replace(&mut self, old: Option<&Pod>, new: Option<&Pod>, touched: &mut BTreeSet<Fact>) {
        let (old, new) = (old.map(with_namespace), new.map(with_namespace));
        if old == new {
            return;
        }
        if let Some((namespace, template)) = old {
            self.count(&namespace, template, false, touched);
        }
        if let Some((namespace, template)) = new {
            self.count(&namespace, template, true, touched);
        }
    }

    fn count(&mut self, namespace: &Name, template: Template, added: bool, touched: &mut BTreeSet<Fact>) {
        let templates = self.of_namespace.entry(namespace.clone()).or_default();
        let templates = Arc::make_mut(templates);
        let pods = templates.entry(template.clone()).or_default();
        *pods = if added { *pods + 1 } else { pods.saturating_sub(1) };
        let pods = *pods;
        if pods == 0 {
            templates.remove(&template);
            if templates.is_empty() {
                self.of_namespace.remove(namespace);
            }
        }
        // With the first Pod it comes, with the last one it goes.
        if pods == u32::from(added) {
            touched.insert(Fact::PodLabels(namespace.clone()));
            let labels = template.labels.iter().filter(|(key, _)| !is_own(key));
            touched.extend(labels.map(|(key, value)| Fact::PodLabel(label_hash(key, value))));
        }
    }

    /// Copies the templates of a namespace from another index.
    pub(super) fn take_from(&mut self, other: &Self, namespace: &Name) {
        let templates = other.of_namespace.get_key_value(namespace);
        self.of_namespace
            .extend(templates.map(|(namespace, templates)| (namespace.clone(), templates.clone())));
    }

    /// Copies all templates from another index.
    pub(super) fn take_all_from(&mut self, other: &Self) {
        self.of_namespace.clone_from(&other.of_namespace);
    }
}

fn with_namespace(pod: &Pod) -> (Name, Template) {
    (pod.name.namespace.clone(), Template::of(pod))
}

/// Hash of a label for [`Fact::PodLabel`]. Two labels with one hash cost a needless inspection.
pub(crate) fn label_hash(key: &str, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}

//! Nodes for the Pods of workloads.
//!
//! Where a Pod runs follows from the names of its workload and of the Nodes, so that two runs over the same manifests
//! agree. Nodes stand on a circle, each at a hash of the workload's name and its own. The replicas are placed one after
//! the other: each takes the first Node clockwise from a hash of its number, among those that have one Pod of the
//! workload less than the others. So each Node has as many Pods as the others, or one more. A further replica moves
//! none, and a Node that comes or goes moves those Pods that would be placed near it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use crate::{
    listed::listed,
    model::{Name, Node},
    nearest::nearest,
    source::manifests::{
        hash::{combine, hash},
        nodes::{Constraints, NodeSpec, Unfit},
        workloads::{Workload, WorkloadKind},
    },
};

/// Reasons that one message lists; further ones are counted.
const MAX_LISTED_REASONS: usize = 5;

/// The zone of each Node that has one.
pub(super) type Zones = HashMap<Name, Name>;

/// The Nodes of the manifests.
#[derive(Debug)]
pub(super) struct Nodes<'m> {
    /// In the order of their names.
    nodes: Vec<(&'m Node, &'m NodeSpec)>,
    /// A hash of each name.
    hashes: Vec<u64>,
    /// The Nodes that Pods with these constraints run on, by their places in `nodes`.
    fitting: HashMap<Arc<Constraints>, Rc<[usize]>>,
}

/// Where the Pods of a workload run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// The manifests have no Nodes.
    Unknown,
    /// The Node of each replica, or each Node that has a Pod of a DaemonSet.
    Nodes(Vec<Name>),
    /// No Node fits, for these reasons.
    Nowhere(String),
}

impl<'m> Nodes<'m> {
    pub(super) fn new(nodes: &[(&'m Node, &'m NodeSpec)]) -> Self {
        let mut nodes = nodes.to_vec();
        nodes.sort_unstable_by_key(|(node, _)| &node.name);
        let hashes = nodes.iter().map(|(node, _)| hash(node.name.name.as_str())).collect();
        Self { nodes, hashes, fitting: HashMap::new() }
    }

    /// Returns the zone of each Node.
    pub(super) fn zones(&self) -> Zones {
        let zone = |(node, _): &(&Node, _)| Some((node.name.name.clone(), node.zone.clone()?));
        self.nodes.iter().filter_map(zone).collect()
    }

    /// Places the Pods of a workload with so many replicas.
    pub(super) fn place(&mut self, workload: &Workload, replicas: usize) -> Placement {
        let is_daemon_set = workload.kind == WorkloadKind::DaemonSet;
        if self.nodes.is_empty() || replicas == 0 && !is_daemon_set {
            return Placement::Unknown;
        }
        let constraints = &workload.shape.constraints;
        let fitting = self.fitting(constraints);
        let name = |place: &usize| self.nodes[*place].0.name.name.clone();
        if fitting.is_empty() {
            return Placement::Nowhere(self.reasons(constraints));
        }
        if is_daemon_set {
            return Placement::Nodes(fitting.iter().map(name).collect());
        }
        let hashes: Vec<_> = fitting.iter().map(|place| self.hashes[*place]).collect();
        let seed = hash(&workload.key().to_string());
        Placement::Nodes(spread(seed, &hashes, replicas).into_iter().map(|i| name(&fitting[i])).collect())
    }

    fn fitting(&mut self, constraints: &Arc<Constraints>) -> Rc<[usize]> {
        if let Some(known) = self.fitting.get(constraints) {
            return known.clone();
        }
        let fits = |(place, (node, spec)): (usize, &(&Node, &NodeSpec))| {
            constraints.check(node, spec).is_ok().then_some(place)
        };
        let fitting: Rc<[usize]> = self.nodes.iter().enumerate().filter_map(fits).collect();
        self.fitting.insert(constraints.clone(), fitting.clone());
        fitting
    }

    /// Returns why none of the Nodes fits, as a part of a sentence.
    fn reasons(&self, constraints: &Constraints) -> String {
        let unfit = self.nodes.iter().filter_map(|(node, spec)| constraints.check(node, spec).err());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut label = None;
        for unfit in unfit.filter(|unfit| *unfit != Unfit::OtherName) {
            *counts.entry(unfit.to_string()).or_default() += 1;
            if let Unfit::Label(key, value) = unfit {
                label.get_or_insert((key, value));
            }
        }
        if let (Some(name), true) = (&constraints.node, counts.is_empty()) {
            let names = self.nodes.iter().map(|(node, _)| node.name.name.as_str());
            return format!("nodeName {name} names none{}", did_you_mean(nearest(name.as_str(), names)));
        }
        let reasons = counts.into_iter().map(|(reason, count)| format!("{count} {reason}"));
        let hint = label.map(|(key, value)| did_you_mean(self.nearest_label(key, value).as_deref()));
        listed(reasons, MAX_LISTED_REASONS) + &hint.unwrap_or_default()
    }

    /// Returns the label of a Node that this one most likely stands for.
    fn nearest_label(&self, key: &str, value: &str) -> Option<String> {
        let values: BTreeSet<_> = self.nodes.iter().filter_map(|(_, spec)| spec.label(key)).collect();
        if !values.is_empty() {
            return nearest(value, values).map(|nearest| format!("{key}={nearest}"));
        }
        let keys: BTreeSet<_> = self.nodes.iter().flat_map(|(_, spec)| spec.keys()).collect();
        nearest(key, keys).map(str::to_owned)
    }
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// Spreads replicas of a workload over Nodes, of which there is at least one. Returns the place of each replica's Node.
fn spread(seed: u64, nodes: &[u64], replicas: usize) -> Vec<usize> {
    let mut circle: Vec<_> = nodes.iter().enumerate().map(|(i, node)| (combine(seed, *node), i)).collect();
    circle.sort_unstable();
    let mut free = FreePlaces::default();
    let place = |replica: usize| {
        if replica.is_multiple_of(circle.len()) {
            free = FreePlaces::new(circle.len());
        }
        let start = combine(seed, replica as u64);
        let first = circle.partition_point(|(position, _)| *position < start);
        circle[free.take(first % circle.len())].1
    };
    (0..replicas).map(place).collect()
}

/// Places on a circle that are not taken, as a disjoint-set forest: every taken one leads to one behind it.
#[derive(Default)]
struct FreePlaces(Vec<usize>);

impl FreePlaces {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// Takes the first free place from this one on, of which there must be one.
    fn take(&mut self, mut place: usize) -> usize {
        let Self(next) = self;
        while next[place] != place {
            next[place] = next[next[place]];
            place = next[place];
        }
        next[place] = (place + 1) % next.len();
        place
    }
}

#[cfg(test)]
mod tests;

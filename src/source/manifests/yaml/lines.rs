//! Which line each field and item of a document is on.
//!
//! Kept for every value while a file is read, and written out as paths only for the few objects whose
//! messages point into them: a path for each value of ten thousand objects would cost more than reading them.

use std::collections::BTreeMap;

use crate::source::convert::read::{push_field, push_item};

/// The values of a document in the order of the text, each after the one that encloses it.
#[derive(Debug, Default)]
pub(in crate::source::manifests) struct Lines(Vec<Node>);

/// A value of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::manifests) struct NodeId(usize);

#[derive(Debug)]
struct Node {
    /// Its place among the values; the root is its own.
    parent: usize,
    step: Step,
    line: u32,
}

/// How a value is reached from the one that encloses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Root,
    Field(Box<str>),
    Item(usize),
}

impl NodeId {
    /// The document itself.
    pub(in crate::source::manifests) const ROOT: Self = Self(0);
}

impl Lines {
    /// A document that begins on that line, and nothing of what is in it.
    pub(super) fn new(line: u32) -> Self {
        Self(vec![Node { parent: 0, step: Step::Root, line }])
    }

    /// Moves all values down by so many lines.
    pub(super) fn shift(&mut self, lines: u32) {
        for node in &mut self.0 {
            node.line = node.line.saturating_add(lines);
        }
    }

    /// Adds a value inside of `parent`, which must be the last added or enclose it.
    pub(super) fn add(&mut self, parent: NodeId, step: Step, line: u32) -> NodeId {
        self.0.push(Node { parent: parent.0, step, line });
        NodeId(self.0.len() - 1)
    }

    /// The line of a value.
    pub(in crate::source::manifests) fn line(&self, node: NodeId) -> u32 {
        self.0.get(node.0).map_or(0, |n| n.line)
    }

    /// The items of the list that is this field of a mapping. Fewer than the list has if their lines are not
    /// known.
    pub(in crate::source::manifests) fn items_of(&self, mapping: NodeId, field: &str) -> Vec<NodeId> {
        let list = self
            .below(mapping)
            .filter(|(_, n)| {
                n.parent == mapping.0 && matches!(&n.step, Step::Field(name) if **name == *field)
            })
            .last();
        let Some((list, _)) = list else { return Vec::new() };
        self.below(list).filter(|(_, n)| n.parent == list.0).map(|(id, _)| id).collect()
    }

    /// The lines of everything inside of a value, by paths that begin there.
    pub(in crate::source::manifests) fn paths(&self, root: NodeId) -> BTreeMap<String, u32> {
        let mut paths: Vec<String> = vec![String::new()];
        let mut lines = BTreeMap::new();
        for (_, node) in self.below(root) {
            let mut path = paths[node.parent - root.0].clone();
            match &node.step {
                Step::Root => {}
                Step::Field(field) => push_field(&mut path, field),
                Step::Item(index) => push_item(&mut path, *index),
            }
            lines.insert(path.clone(), node.line);
            paths.push(path);
        }
        lines
    }

    /// Everything inside of a value, which is what follows it until something is outside.
    fn below(&self, root: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        let after = self.0.iter().enumerate().skip(root.0 + 1);
        after.map(|(i, n)| (NodeId(i), n)).take_while(move |(_, n)| n.parent >= root.0)
    }
}

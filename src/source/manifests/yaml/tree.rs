//! Events of one document -> its value, as `go.yaml.in/yaml/v2` decodes it, with bounds on what it may unfold to.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde_json::{Map, Value};

use super::{
    Document, SyntaxError,
    lines::{Lines, NodeId, Step},
    parser::{Event, EventKind},
    scalar::{self, Scalar},
    wrong,
};
use crate::model::Reason;

/// Values that a file may unfold to, those repeated by aliases included. Manifests of the largest size that
/// is read stay below it; a "billion laughs" does not.
pub(super) const MAX_NODES: usize = 1_000_000;

/// Bytes of a string that count as one more value, so that aliases cannot multiply a long one either.
const BYTES_PER_NODE: usize = 32;

/// How deep values may be nested: JSON values are compared and dropped recursively.
pub(super) const MAX_DEPTH: usize = 128;

/// Repeated keys that are reported, of one document.
const MAX_REPEATED: usize = 20;

/// The values of a document that are open at this point of the text.
pub(super) struct Tree<'t, 's> {
    /// The lists and mappings that have begun, from the outermost.
    open: Vec<Frame<'t>>,
    lines: Lines,
    /// Keys that are in their mapping more than once.
    repeated: Vec<SyntaxError>,
    /// What aliases can refer to; `None` if that has not ended.
    anchors: HashMap<&'t str, Option<Repeatable<'t>>>,
    /// Nodes so far, of all documents of the stream.
    spent: &'s mut usize,
    /// Values so far of this document, and those that came from aliases, as kubectl counts them.
    decoded: usize,
    aliased: usize,
    root: Value,
}

/// A list or a mapping that has begun.
struct Frame<'t> {
    content: Content,
    node: NodeId,
    anchor: Option<&'t str>,
    /// What was spent, and decoded, before it began.
    spent_before: usize,
    decoded_before: usize,
    /// How many levels of values it has inside.
    height: usize,
}

enum Content {
    List(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        /// The keys in it that are merged into it only.
        merged: HashSet<String>,
        /// The key whose value comes next, and its line.
        key: Option<(Key, u32)>,
    },
}

enum Key {
    Field(String),
    Merge,
}

/// A finished value with an anchor.
struct Repeatable<'t> {
    content: Repeated<'t>,
    spent: usize,
    decoded: usize,
    height: usize,
}

enum Repeated<'t> {
    /// As a key it is something else than as a value.
    Scalar(Scalar<'t>),
    Collection(Value),
}

impl<'t, 's> Tree<'t, 's> {
    /// Begins a document. `spent` is what was spent on those before it in the stream.
    pub(super) fn new(spent: &'s mut usize) -> Self {
        Self {
            open: Vec::new(),
            lines: Lines::default(),
            repeated: Vec::new(),
            anchors: HashMap::new(),
            spent,
            decoded: 0,
            aliased: 0,
            root: Value::Null,
        }
    }

    /// Takes the next event of the document.
    pub(super) fn take(&mut self, Event { kind, line }: Event<'t>) -> Result<(), SyntaxError> {
        let taken = match kind {
            EventKind::Scalar { text, is_plain, anchor, tag } => {
                self.scalar(text, is_plain, anchor, tag.as_deref(), line)
            }
            EventKind::ListStart { anchor } => self.begin(Content::List(Vec::new()), anchor, line),
            EventKind::MappingStart { anchor } => {
                let content = Content::Mapping { map: Map::new(), merged: HashSet::new(), key: None };
                self.begin(content, anchor, line)
            }
            EventKind::End => self.end(),
            EventKind::Alias(anchor) => self.alias(anchor, line),
        };
        taken.map_err(|message| wrong(line, message))
    }

    /// Returns the document, once all its events were taken.
    pub(super) fn into_document(self) -> Document {
        let warnings = self.repeated.into_iter().map(|repeated| (Reason::RepeatedKey, repeated)).collect();
        Document { value: self.root, lines: self.lines, warnings }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        is_plain: bool,
        anchor: Option<&'t str>,
        tag: Option<&str>,
        line: u32,
    ) -> Result<(), String> {
        let is_merge = text == "<<" && (is_plain || tag == Some(scalar::MERGE_TAG));
        let spent = 1 + text.len() / BYTES_PER_NODE;
        self.spend(spent)?;
        let expects_key = self.expects_key();
        self.decoded += usize::from(!(expects_key && is_merge));
        let resolved = scalar::resolve(text, is_plain, tag)?;
        if let Some(anchor) = anchor {
            self.spend(spent)?;
            let content = Repeated::Scalar(resolved.clone());
            self.anchors.insert(anchor, Some(Repeatable { content, spent, decoded: 1, height: 0 }));
        }
        if expects_key {
            let key = if is_merge { Key::Merge } else { Key::Field(resolved.into_key()?) };
            self.key(key, line);
            return Ok(());
        }
        let value = resolved.into_value()?;
        self.node(line);
        self.value(value, 0, false)
    }

    fn begin(&mut self, content: Content, anchor: Option<&'t str>, line: u32) -> Result<(), String> {
        if self.expects_key() {
            let hint = "a template with {{ }} must be rendered first";
            return Err(format!("expected a key, found a list or a mapping in its place; {hint}"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        let (spent_before, decoded_before) = (*self.spent, self.decoded);
        self.spend(1)?;
        self.decoded += 1;
        let node = self.node(line);
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Frame { content, node, anchor, spent_before, decoded_before, height: 1 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let value = match frame.content {
            Content::List(items) => Value::Array(items),
            Content::Mapping { map, .. } => Value::Object(map),
        };
        // A value inside of it may have taken the name of its anchor.
        if let Some(anchor) = frame.anchor
            && matches!(self.anchors.get(anchor), Some(None))
        {
            let spent = *self.spent - frame.spent_before;
            self.spend(spent)?;
            let content = Repeated::Collection(value.clone());
            let decoded = self.decoded - frame.decoded_before;
            let repeatable = Repeatable { content, spent, decoded, height: frame.height };
            self.anchors.insert(anchor, Some(repeatable));
        }
        self.value(value, frame.height, false)
    }

    fn alias(&mut self, anchor: &'t str, line: u32) -> Result<(), String> {
        let Some(known) = self.anchors.get(anchor) else {
            return Err(format!("expected &{anchor} before *{anchor} in the same document, found none"));
        };
        let Some(repeat) = known else {
            return Err(format!(
                "expected *{anchor} outside of the value that is &{anchor}, found it inside"
            ));
        };
        let (spent, decoded, height) = (repeat.spent, repeat.decoded, repeat.height);
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep());
        }
        self.spend(spent)?;
        self.decoded += 1 + decoded;
        self.aliased += decoded;
        if is_excessive(self.aliased, self.decoded) {
            return Err("expected fewer aliases: nearly all values of the document come from them".to_owned());
        }
        let content = self.anchors[anchor].as_ref().map(|repeat| match &repeat.content {
            Repeated::Scalar(scalar) => Repeated::Scalar(scalar.clone()),
            Repeated::Collection(value) => Repeated::Collection(value.clone()),
        });
        let value = match content {
            Some(Repeated::Scalar(scalar)) if self.expects_key() => {
                let key = scalar.into_key()?;
                self.key(Key::Field(key), line);
                return Ok(());
            }
            Some(Repeated::Collection(_)) if self.expects_key() => {
                return Err("expected a key, found an alias of a list or a mapping".to_owned());
            }
            Some(Repeated::Scalar(scalar)) => scalar.into_value()?,
            Some(Repeated::Collection(value)) => value,
            None => Value::Null,
        };
        self.node(line);
        self.value(value, height, true)
    }

    /// Whether the next value is the key of a mapping.
    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn key(&mut self, next: Key, line: u32) {
        if let Some(Frame { content: Content::Mapping { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((next, line));
        }
    }

    /// Notes the line of the value that begins here.
    fn node(&mut self, line: u32) -> NodeId {
        let Some(frame) = self.open.last() else {
            self.lines = Lines::new(line);
            return NodeId::ROOT;
        };
        let (step, line) = match &frame.content {
            Content::List(items) => (Step::Item(items.len()), line),
            Content::Mapping { key: Some((Key::Field(text), line)), .. } => {
                (Step::Field(text.as_str().into()), *line)
            }
            Content::Mapping { .. } => (Step::Field("<<".into()), line),
        };
        self.lines.add(frame.node, step, line)
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, value: Value, height: usize, is_alias: bool) -> Result<(), String> {
        let Some(frame) = self.open.last_mut() else {
            self.root = value;
            return Ok(());
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::List(items) => items.push(value),
            Content::Mapping { map, merged, key } => match key.take() {
                Some((Key::Field(text), line)) => {
                    if map.contains_key(&text) && !merged.remove(&text) && self.repeated.len() < MAX_REPEATED
                    {
                        let message =
                            format!("expected each key once, found {text:?} again; the last one counts");
                        self.repeated.push(wrong(line, message));
                    }
                    map.insert(text, value);
                }
                // A list may stand there, but no alias of one.
                Some((Key::Merge, _)) => match value {
                    Value::Object(fields) => merge(map, merged, fields),
                    Value::Array(items) if !is_alias && items.iter().all(Value::is_object) => {
                        for item in items.into_iter().rev() {
                            if let Value::Object(fields) = item {
                                merge(map, merged, fields);
                            }
                        }
                    }
                    _ => return Err("expected a mapping or a list of mappings after <<".to_owned()),
                },
                None => return Err("expected a key before a value".to_owned()),
            },
        }
        Ok(())
    }

    fn spend(&mut self, nodes: usize) -> Result<(), String> {
        *self.spent += nodes;
        if *self.spent > MAX_NODES {
            return Err(format!(
                "expected at most {MAX_NODES} values, found more: split the file, or use fewer aliases"
            ));
        }
        Ok(())
    }
}

/// Puts the fields of a merged mapping in. They count over those that stand before the merge key, as in `kubectl`, and
/// not over those that stand after it.
fn merge(map: &mut Map<String, Value>, merged: &mut HashSet<String>, fields: Map<String, Value>) {
    for (key, value) in fields {
        merged.insert(key.clone());
        map.insert(key, value);
    }
}

/// Whether so many values from aliases among so many are more than `kubectl` accepts: 99 % in documents of up to 400,000
/// values, and less in larger ones.
fn is_excessive(aliased: usize, decoded: usize) -> bool {
    const SMALL: usize = 400_000;
    const LARGE: usize = 4_000_000;
    #[expect(clippy::cast_precision_loss, reason = "a share of numbers far below 2^52")]
    let (share, size) = (aliased as f64 / decoded as f64, (decoded.clamp(SMALL, LARGE) - SMALL) as f64);
    aliased > 100 && decoded > 1000 && share > 0.99 - 0.89 * size / 3_600_000.0
}

fn too_deep() -> String {
    format!("expected at most {MAX_DEPTH} levels, found more")
}

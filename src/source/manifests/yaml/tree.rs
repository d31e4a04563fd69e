//! Events of the parser -> values, with the bounds on what they may unfold to.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::{
    Document, SyntaxError,
    lines::{Lines, NodeId, Step},
    scalar,
};

/// Values that a file may unfold to, those repeated by aliases included. Manifests of the largest size that
/// is read stay below it; a "billion laughs" does not.
pub(super) const MAX_NODES: usize = 1_000_000;

/// Bytes of a string that count as one more value, so that aliases cannot multiply a long one either.
const BYTES_PER_NODE: usize = 32;

/// How deep values may be nested: JSON values are compared and dropped recursively.
pub(super) const MAX_DEPTH: usize = 128;

/// The documents so far, and the values that are open at this point of the text.
#[derive(Default)]
pub(super) struct Tree {
    documents: Vec<Document>,
    /// The lists and mappings that have begun, from the outermost.
    open: Vec<Frame>,
    lines: Lines,
    /// What aliases of this document can refer to, by the parser's number.
    anchors: HashMap<usize, Repeatable>,
    /// Nodes so far, of all documents.
    spent: usize,
}

/// A list or a mapping that has begun.
struct Frame {
    content: Content,
    node: NodeId,
    /// The parser's number of its anchor; 0 is none.
    anchor: usize,
    /// What was spent before it began.
    spent_before: usize,
    /// How many levels of values it has inside.
    height: usize,
}

enum Content {
    List(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        /// The key whose value comes next, and its line.
        key: Option<(Key, u32)>,
        /// What `<<` merges in: a mapping or a list of them.
        merge: Option<Value>,
    },
}

enum Key {
    Field(String),
    Merge,
}

/// A finished value with an anchor.
struct Repeatable {
    value: Value,
    cost: usize,
    height: usize,
}

impl Tree {
    /// The next event, which begins on that line.
    pub(super) fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), SyntaxError> {
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(text, style, anchor, tag.as_deref(), line)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(Content::List(Vec::new()), anchor, line)?,
            Event::MappingStart(anchor, _) => {
                self.begin(Content::Mapping { map: Map::new(), key: None, merge: None }, anchor, line)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(line)?,
            Event::Alias(anchor) => self.alias(anchor, line)?,
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
        Ok(())
    }

    /// All documents, once the text has ended.
    pub(super) fn into_documents(self) -> Vec<Document> {
        self.documents
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        line: u32,
    ) -> Result<(), SyntaxError> {
        let cost = 1 + text.len() / BYTES_PER_NODE;
        self.spend(cost, line)?;
        if anchor != 0 {
            self.spend(cost, line)?;
            let value = scalar::value(&text, style, tag);
            self.anchors.insert(anchor, Repeatable { value, cost, height: 0 });
        }
        if self.expects_key() {
            let merge = style == ScalarStyle::Plain && text == "<<";
            return self.key(if merge { Key::Merge } else { Key::Field(text.into_owned()) }, line);
        }
        self.node(line);
        self.value(scalar::value(&text, style, tag), 0, line)
    }

    fn begin(&mut self, content: Content, anchor: usize, line: u32) -> Result<(), SyntaxError> {
        if self.expects_key() {
            return Err(wrong(line, "expected a key, found a list or a mapping in its place"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        let spent_before = self.spent;
        self.spend(1, line)?;
        let node = self.node(line);
        self.open.push(Frame { content, node, anchor, spent_before, height: 1 });
        Ok(())
    }

    fn end(&mut self, line: u32) -> Result<(), SyntaxError> {
        let frame = self.open.pop().expect("the parser ends only what it began");
        let value = match frame.content {
            Content::List(items) => Value::Array(items),
            Content::Mapping { mut map, merge, .. } => {
                merge_into(&mut map, merge);
                Value::Object(map)
            }
        };
        if frame.anchor != 0 {
            let cost = self.spent - frame.spent_before;
            self.spend(cost, line)?;
            let value = value.clone();
            self.anchors.insert(frame.anchor, Repeatable { value, cost, height: frame.height });
        }
        self.value(value, frame.height, line)
    }

    fn alias(&mut self, anchor: usize, line: u32) -> Result<(), SyntaxError> {
        let Some(repeat) = self.anchors.get(&anchor) else {
            return Err(wrong(
                line,
                "expected an alias of a value that is complete and in the same document",
            ));
        };
        let (cost, height) = (repeat.cost, repeat.height);
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.spend(cost, line)?;
        let value = self.anchors[&anchor].value.clone();
        if self.expects_key() {
            return match value {
                Value::String(text) => self.key(Key::Field(text), line),
                Value::Array(_) | Value::Object(_) => {
                    Err(wrong(line, "expected a key, found an alias of more"))
                }
                scalar => self.key(Key::Field(scalar.to_string()), line),
            };
        }
        self.node(line);
        self.value(value, height, line)
    }

    /// Whether the next value is the key of a mapping.
    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn key(&mut self, next: Key, line: u32) -> Result<(), SyntaxError> {
        if let Some(Frame { content: Content::Mapping { map, key, merge }, .. }) = self.open.last_mut() {
            let twice = match &next {
                Key::Field(text) => map.contains_key(text).then_some(text.as_str()),
                Key::Merge => merge.is_some().then_some("<<"),
            };
            if let Some(twice) = twice {
                return Err(wrong(line, format!("expected each key once, found {twice:?} again")));
            }
            *key = Some((next, line));
        }
        Ok(())
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
    fn value(&mut self, value: Value, height: usize, line: u32) -> Result<(), SyntaxError> {
        let Some(frame) = self.open.last_mut() else {
            let lines = std::mem::take(&mut self.lines);
            if !value.is_null() {
                self.documents.push(Document { value, lines });
            }
            return Ok(());
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::List(items) => items.push(value),
            Content::Mapping { map, key, merge } => match key.take() {
                Some((Key::Field(text), _)) => {
                    map.insert(text, value);
                }
                Some((Key::Merge, _)) if is_mergeable(&value) => *merge = Some(value),
                Some((Key::Merge, line)) => {
                    return Err(wrong(line, "expected a mapping or a list of mappings after <<"));
                }
                None => return Err(wrong(line, "expected a key before a value")),
            },
        }
        Ok(())
    }

    fn spend(&mut self, nodes: usize, line: u32) -> Result<(), SyntaxError> {
        self.spent += nodes;
        if self.spent > MAX_NODES {
            let message = format!(
                "expected at most {MAX_NODES} values, found more: split the file, or use fewer aliases"
            );
            return Err(wrong(line, message));
        }
        Ok(())
    }
}

fn is_mergeable(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    }
}

/// What the mapping says itself wins, then the earlier of those merged in.
fn merge_into(map: &mut Map<String, Value>, merge: Option<Value>) {
    let merged = match merge {
        None => return,
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    };
    for value in merged {
        if let Value::Object(fields) = value {
            for (key, value) in fields {
                map.entry(key).or_insert(value);
            }
        }
    }
}

fn too_deep(line: u32) -> SyntaxError {
    wrong(line, format!("expected at most {MAX_DEPTH} levels, found more"))
}

fn wrong(line: u32, message: impl Into<String>) -> SyntaxError {
    SyntaxError { line, message: message.into() }
}

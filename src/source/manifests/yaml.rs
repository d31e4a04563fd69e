//! Text -> documents: YAML, and so JSON, into JSON values that know their lines.
//!
//! A file comes from anybody's editor and can hold anything, so this never panics, never recurses with the
//! input, and bounds what a small file can unfold to. It is strict where leniency would hide a mistake: a key
//! that is there twice is an error.
//!
//! What plain scalars mean is the core schema of YAML 1.2 (see [`scalar`]); anchors, aliases and the merge
//! key `<<` of YAML 1.1 work, because people write them and `kubectl` takes them.

use std::str::Utf8Error;

use saphyr_parser::{Event, Parser};
use serde_json::Value;

pub(super) use self::lines::{Lines, NodeId};
use self::tree::Tree;

mod lines;
mod scalar;
mod tree;

/// One document of a file that is not empty.
#[derive(Debug)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Where it says it.
    pub(super) lines: Lines,
}

/// Why a text is no YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The line, from 1.
    pub(super) line: u32,
    /// What is wrong there.
    pub(super) message: String,
}

/// Parses the content of a file. Each document that is not empty is parsed, or fails, on its own.
pub(super) fn parse(content: &[u8]) -> Vec<Result<Document, SyntaxError>> {
    let mut parsed = Vec::new();
    for (first_line, chunk) in split(content) {
        match documents(chunk) {
            Ok(documents) => parsed.extend(documents.into_iter().map(|mut document| {
                document.lines.shift(first_line - 1);
                Ok(document)
            })),
            Err(SyntaxError { line, message }) => {
                parsed.push(Err(SyntaxError { line: line + first_line - 1, message }));
            }
        }
    }
    parsed
}

/// Splits a stream before each line that begins with `---`. Returns the documents with the lines on which they
/// begin, from 1.
fn split(content: &[u8]) -> Vec<(u32, &[u8])> {
    let mut chunks = Vec::new();
    let (mut start, mut at, mut first_line) = (0, 0, 1);
    for (line, text) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
        if text.starts_with(b"---") && at > 0 {
            chunks.push((first_line, &content[start..at]));
            (start, first_line) = (at, line);
        }
        at += text.len();
    }
    chunks.push((first_line, &content[start..]));
    chunks
}

/// Why bytes are no text.
fn not_text(bytes: &[u8], error: Utf8Error) -> SyntaxError {
    let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
    SyntaxError { line: narrow(line), message: "expected text in UTF-8, found other bytes".into() }
}

/// Parses a part of a stream.
fn documents(content: &[u8]) -> Result<Vec<Document>, SyntaxError> {
    let text = str::from_utf8(content).map_err(|error| not_text(content, error))?;
    if let Some(at) = text.find('\0') {
        // The parser takes NUL for the end of the text; files torn by a crash are full of them.
        let message = "expected text, found a NUL byte (is the file damaged, or no YAML at all?)".into();
        return Err(SyntaxError { line: line_of(text, at), message });
    }
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => tree.take(event, narrow(span.start.line()))?,
            Err(error) => {
                let message = format!("expected YAML: {}", error.info());
                return json(text).ok_or(SyntaxError { line: narrow(error.marker().line()), message });
            }
        }
    }
    Ok(tree.into_documents())
}

/// The documents of a text that is JSON in a way that YAML does not know, such as a surrogate pair or a very
/// long key. Only the line on which each begins is known.
fn json(text: &str) -> Option<Vec<Document>> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let mut documents = Vec::new();
    loop {
        let start = text.len() - text[values.byte_offset()..].trim_start().len();
        match values.next() {
            Some(Ok(value)) => documents.push(Document { value, lines: Lines::new(line_of(text, start)) }),
            Some(Err(_)) => return None,
            None => return Some(documents),
        }
    }
}

fn line_of(text: &str, at: usize) -> u32 {
    narrow(text[..at].matches('\n').count() + 1)
}

fn narrow(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

//! Content of a file -> documents: YAML, and so JSON, into JSON values that know their lines.
//!
//! A file is read as `kubectl` reads it: a stream that begins with `{` is tried as JSON; else lines that begin with `---`
//! separate documents, and the first YAML document between two of them counts. Scalars are those of YAML 1.1 (see
//! [`scalar`]). Of a key that is in a mapping twice the last counts, with a warning.
//!
//! A file can hold anything, so this never panics, never recurses with the input, and bounds what a small file can unfold
//! to.

use std::borrow::Cow;

use serde_json::Value;

pub(super) use self::lines::{Lines, NodeId};
use self::{parser::Parser, tree::Tree};
use crate::model::Reason;

mod lines;
mod parser;
mod scalar;
mod scanner;
mod tree;

/// One document of a file that is not empty.
#[derive(Debug)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Where it says it.
    pub(super) lines: Lines,
    /// What is odd in it and accepted: keys that are there twice, and content that is not read.
    pub(super) warnings: Vec<(Reason, SyntaxError)>,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The line, from 1.
    pub(super) line: u32,
    /// What is wrong there.
    pub(super) message: String,
}

/// Parses the content of a file. Each document that is not empty is parsed, or fails, on its own.
pub(super) fn parse(content: &[u8]) -> impl Iterator<Item = Result<Document, SyntaxError>> {
    Stream { content, is_json: starts_as_json(content), ..Stream::default() }
}

/// The documents of a stream.
#[derive(Default)]
struct Stream<'t> {
    content: &'t [u8],
    /// Where the next document begins, and on which line, from 0.
    at: usize,
    lines: u32,
    /// Values so far, see [`tree::MAX_NODES`].
    spent: usize,
    /// There was a line since the last separator, so that the next one is not part of its document.
    has_lines: bool,
    /// The next document is tried as JSON.
    is_json: bool,
    /// Documents that were JSON.
    json_documents: usize,
    /// The line of a conflict marker that began a conflict, until one ends it.
    conflict: Option<u32>,
}

impl Iterator for Stream<'_> {
    type Item = Result<Document, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.content.len() {
            let result = match self.next_json() {
                Some(result) => result,
                None => self.next_yaml(),
            };
            match result {
                Ok(document) if document.value.is_null() && document.warnings.is_empty() => {}
                result => return Some(result),
            }
        }
        None
    }
}

impl Stream<'_> {
    /// The next document, if it is to be read as JSON: as long as documents follow one another without separators.
    fn next_json(&mut self) -> Option<Result<Document, SyntaxError>> {
        if !self.is_json {
            return None;
        }
        let rest = &self.content[self.at..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blank == rest.len() {
            self.advance(blank);
            return Some(Ok(Document::empty()));
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(mut value)) => {
                let length = values.byte_offset();
                self.advance(blank);
                let first_line = self.lines + 1;
                // What YAML knows of it: the lines, and keys that are there twice.
                let text = str::from_utf8(&rest[blank..length]).unwrap_or_default();
                let as_yaml = document(text, &mut self.spent).ok().filter(|yaml| yaml.value.is_object());
                let mut document =
                    as_yaml.unwrap_or_else(|| Document { lines: Lines::new(1), ..Document::empty() });
                document.shift(first_line - 1);
                normalize(&mut value);
                document.value = value;
                self.advance(length - blank);
                self.json_documents += 1;
                Some(Ok(document))
            }
            // More than one document of JSON is a stream of JSON to its end.
            Some(Err(error)) if self.json_documents > 1 => {
                let line = self.lines + narrow(error.line());
                self.advance(rest.len());
                Some(Err(wrong(line, format!("expected JSON, as before it in the file: {error}"))))
            }
            _ => {
                self.is_json = false;
                // The rest of a line that is blank is passed.
                let blank = leading_blanks(rest);
                let to_break = rest[..blank].iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                self.advance(to_break.unwrap_or(blank));
                None
            }
        }
    }

    /// The next document up to a separator.
    fn next_yaml(&mut self) -> Result<Document, SyntaxError> {
        let rest = &self.content[self.at..];
        let (mut length, mut lines, mut separator) = (0, 0, None);
        let mut marker = None;
        for (line, text) in (self.lines + 1..).zip(rest.split_inclusive(|byte| *byte == b'\n')) {
            if text.starts_with(b"---") {
                if lines > 0 {
                    break;
                }
                separator = Some((line, text));
            }
            if marker.is_none() && is_conflict_marker(text) {
                marker = Some((line, text));
            }
            lines += 1;
            length += text.len();
        }
        let first_line = self.lines + 1;
        self.at += length;
        self.lines = self.lines.saturating_add(lines);
        let (chunk, first_line) = match separator {
            Some((line, text)) => {
                let trailing = text[3..].trim_ascii();
                if !trailing.is_empty() && trailing[0] != b'#' {
                    let trailing = String::from_utf8_lossy(trailing);
                    let message = format!("expected nothing but a comment after ---, found {trailing:?}");
                    return Err(wrong(line, message));
                }
                let is_part = !std::mem::replace(&mut self.has_lines, false);
                self.has_lines = is_part || length > text.len();
                if is_part { (&rest[..length], line) } else { (&rest[text.len()..length], line + 1) }
            }
            None => {
                self.has_lines = true;
                (&rest[..length], first_line)
            }
        };
        let parsed = decode(chunk).and_then(|text| document(&text, &mut self.spent));
        let mut parsed = match parsed {
            Ok(mut document) => {
                document.shift(first_line - 1);
                Ok(document)
            }
            Err(error) => Err(wrong(error.line + first_line - 1, error.message)),
        };
        let is_object = parsed.as_ref().is_ok_and(|document| document.value.is_object());
        if let Some((line, text)) = marker
            && !is_object
        {
            let sign = String::from_utf8_lossy(&text[..7]);
            parsed = Err(wrong(
                line,
                format!("expected YAML, found a conflict marker of git ({sign}): the merge is not resolved"),
            ));
            self.conflict = (!text.starts_with(b">")).then_some(line);
        } else if let Some(line) = self.conflict
            && parsed.as_ref().is_ok_and(|document| !document.value.is_null())
        {
            let message =
                format!("expected no document between conflict markers, found one: see line {line}");
            parsed = Err(wrong(first_line, message));
        }
        parsed
    }

    /// Passes so many bytes.
    fn advance(&mut self, bytes: usize) {
        let passed = &self.content[self.at..self.at + bytes];
        self.lines = self.lines.saturating_add(line_breaks(passed));
        self.at += bytes;
    }
}

impl Document {
    fn empty() -> Self {
        Self { value: Value::Null, lines: Lines::default(), warnings: Vec::new() }
    }

    fn shift(&mut self, lines: u32) {
        self.lines.shift(lines);
        for (_, warning) in &mut self.warnings {
            warning.line += lines;
        }
    }
}

/// Parses the first document of a text. Without one its value is null.
fn document(text: &str, spent: &mut usize) -> Result<Document, SyntaxError> {
    let Some(mut parser) = Parser::new(text)? else { return Ok(Document::empty()) };
    let mut tree = Tree::new(spent);
    while let Some(event) = parser.next()? {
        tree.take(event)?;
    }
    let ignored = parser.ignored()?;
    let mut document = tree.into_document();
    document.warnings.extend(ignored.map(|line| {
        let message =
            "expected --- before another document, found more content, which kubectl does not read either";
        (Reason::IgnoredContent, wrong(line, message))
    }));
    Ok(document)
}

/// The text of a document, which ends with a line break and has no characters that YAML forbids.
fn decode(chunk: &[u8]) -> Result<Cow<'_, str>, SyntaxError> {
    if chunk.starts_with(b"\xff\xfe") || chunk.starts_with(b"\xfe\xff") {
        return Err(wrong(1, "expected text in UTF-8, found UTF-16: save the file as UTF-8"));
    }
    let chunk = chunk.strip_prefix("\u{feff}".as_bytes()).unwrap_or(chunk);
    let text = str::from_utf8(chunk).map_err(|error| {
        let line = line_breaks(&chunk[..error.valid_up_to()]) + 1;
        wrong(line, "expected text in UTF-8, found other bytes")
    })?;
    // Of most texts the bytes show that there is none.
    let may_be = |byte: &u8| {
        matches!(byte, 0..=0x1f if !matches!(byte, b'\t' | b'\n' | b'\r'))
            || matches!(byte, 0x7f | 0xc2 | 0xef)
    };
    if chunk.iter().any(may_be)
        && let Some((at, found)) = text.char_indices().find(|(_, found)| is_forbidden(*found))
    {
        let line = line_breaks(&chunk[..at]) + 1;
        let message = match found {
            '\0' => "expected text, found a NUL byte (is the file damaged, or no YAML at all?)".to_owned(),
            _ => {
                format!(
                    "expected text, found the control character {found:?}; in double quotes it can be escaped"
                )
            }
        };
        return Err(wrong(line, message));
    }
    Ok(if text.is_empty() || text.ends_with('\n') { text.into() } else { (text.to_owned() + "\n").into() })
}

/// Whether YAML forbids a character, other than by an escape.
fn is_forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    }
}

/// Whether `kubectl` tries a stream as JSON first: its first character that is no space is a brace.
fn starts_as_json(content: &[u8]) -> bool {
    content[leading_blanks(content)..].starts_with(b"{")
}

/// The length of the spaces, of any kind, at the beginning.
fn leading_blanks(content: &[u8]) -> usize {
    let text = content.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    text.len() - text.trim_start().len()
}

/// Numbers as they are once `kubectl` has read and written them.
fn normalize(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().and_then(scalar::number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Object(fields) => fields.values_mut().for_each(normalize),
        _ => {}
    }
}

/// Whether a line is one that git puts around two versions that it could not merge.
fn is_conflict_marker(line: &[u8]) -> bool {
    let sign = line.first().copied().unwrap_or_default();
    matches!(sign, b'<' | b'|' | b'=' | b'>')
        && line.len() >= 7
        && line[..7].iter().all(|byte| *byte == sign)
        && matches!(line.get(7), None | Some(b' ' | b'\r' | b'\n'))
}

fn line_breaks(bytes: &[u8]) -> u32 {
    narrow(bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn narrow(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn wrong(line: u32, message: impl Into<String>) -> SyntaxError {
    SyntaxError { line, message: message.into() }
}

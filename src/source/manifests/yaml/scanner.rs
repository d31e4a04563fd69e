//! Text of one document -> tokens, by the rules of libyaml 0.1, which `kubectl` follows.
//!
//! The structure is libyaml's, so that what it accepts and refuses can be compared with it rule by rule: a stack of
//! indents, and for each flow level one place that may turn out to be a key when a `:` follows it. Directives (`%YAML`)
//! are refused: `kubectl` separates them from their document, and then refuses them.

use std::{borrow::Cow, collections::VecDeque};

use self::{
    cursor::Mark,
    keys::{MAX_LEVELS, SimpleKey},
};
use super::{SyntaxError, wrong};

mod cursor;
mod keys;
mod scalars;
mod tags;

#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    /// The line on which it begins, from 1.
    pub(super) line: u32,
}

#[derive(Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    /// A tag in full, or its handle if that is not known.
    Tag(Result<String, String>),
    Scalar {
        text: Cow<'t, str>,
        is_plain: bool,
    },
}

pub(super) struct Scanner<'t> {
    text: &'t str,
    mark: Mark,
    tokens: VecDeque<Token<'t>>,
    /// Tokens that were handed out.
    parsed: usize,
    indent: i32,
    indents: Vec<i32>,
    simple_key_allowed: bool,
    /// One for each flow level, and one for none.
    simple_keys: Vec<SimpleKey>,
}

impl<'t> Scanner<'t> {
    /// Starts at the beginning of a text without control characters.
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            mark: Mark { line: 1, ..Mark::default() },
            tokens: VecDeque::new(),
            parsed: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>, SyntaxError> {
        while self.tokens.is_empty() || self.is_head_held()? {
            self.fetch()?;
        }
        Ok(&self.tokens[0])
    }

    /// Removes the token that was peeked at.
    pub(super) fn take(&mut self) -> Option<Token<'t>> {
        self.parsed += 1;
        self.tokens.pop_front()
    }

    /// Whether a `:` may still turn the first token into a key.
    fn is_head_held(&mut self) -> Result<bool, SyntaxError> {
        let is_head = |key: &SimpleKey| key.holds_token && key.token_number == self.parsed;
        match self.simple_keys.iter().position(is_head) {
            Some(level) => self.is_key_valid(level),
            None => Ok(false),
        }
    }

    fn fetch(&mut self) -> Result<(), SyntaxError> {
        self.skip_to_token();
        self.unroll_indent(self.mark.column);
        if self.mark.column == 0 {
            if self.byte(0) == b'%' {
                return Err(
                    self.wrong("expected no directive (%YAML or %TAG), found one; kubectl refuses them")
                );
            }
            if self.is_document_indicator() {
                let kind =
                    if self.byte(0) == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
                self.unroll_indent(-1);
                self.remove_simple_key()?;
                self.simple_key_allowed = false;
                return self.indicator(kind, 3);
            }
        }
        let in_flow = self.is_in_flow();
        match self.byte(0) {
            0 => self.fetch_stream_end(),
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(TokenKind::FlowEntry, 1)
            }
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_end(1) => self.fetch_value(),
            sign @ (b'*' | b'&') => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_anchor(sign == b'*')
            }
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_tag()
            }
            style @ (b'|' | b'>') if !in_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.scan_block_scalar(style == b'|')
            }
            quote @ (b'\'' | b'"') => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_quoted(quote)
            }
            b'\t' => Err(self.wrong(TAB)),
            sign @ (b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'?' | b':')
                if in_flow || !matches!(sign, b'?' | b':') =>
            {
                let hint = if sign == b'%' { " ({% and {{ are of templates: render them first)" } else { "" };
                Err(self.wrong(format!(
                    "expected a value, found {:?}, which cannot begin one; quote it if it is text{hint}",
                    char::from(sign)
                )))
            }
            _ => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_plain()
            }
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), SyntaxError> {
        // A line ends here, so that no key can.
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(TokenKind::StreamEnd, self.mark.line);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        let placeholder = SimpleKey {
            token_number: self.parsed + self.tokens.len(),
            mark: self.mark,
            ..SimpleKey::default()
        };
        self.simple_keys.push(placeholder);
        if self.simple_keys.len() > MAX_LEVELS {
            return Err(self.wrong(format!("expected at most {MAX_LEVELS} levels, found more")));
        }
        self.simple_key_allowed = true;
        self.indicator(kind, 1)
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), SyntaxError> {
        self.remove_simple_key()?;
        if self.is_in_flow() {
            let ended = self.simple_keys.pop().map(|key| key.token_number);
            // As libyaml in Go has it: an empty collection does not wait for a `:`.
            if let Some(key) = self.simple_keys.last_mut() {
                key.holds_token &= Some(key.token_number) != ended;
            }
        }
        self.simple_key_allowed = false;
        self.indicator(kind, 1)
    }

    fn fetch_block_entry(&mut self) -> Result<(), SyntaxError> {
        if !self.is_in_flow() {
            if !self.simple_key_allowed {
                return Err(
                    self.wrong("expected a value, found the \"- \" of a list item; it must begin a line")
                );
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockSequenceStart, self.mark.line)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(TokenKind::BlockEntry, 1)
    }

    fn fetch_key(&mut self) -> Result<(), SyntaxError> {
        if !self.is_in_flow() {
            if !self.simple_key_allowed {
                return Err(self.wrong("expected a value, found the \"? \" of a key; it must begin a line"));
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark.line)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = !self.is_in_flow();
        self.indicator(TokenKind::Key, 1)
    }

    fn fetch_value(&mut self) -> Result<(), SyntaxError> {
        let level = self.simple_keys.len() - 1;
        if self.is_key_valid(level)? {
            let key = self.simple_keys[level];
            let place = key.token_number.checked_sub(self.parsed);
            self.insert(place, TokenKind::Key, key.mark.line);
            self.roll_indent(key.mark.column, place, TokenKind::BlockMappingStart, key.mark.line)?;
            self.simple_keys[level].is_possible = false;
            self.simple_keys[level].holds_token = false;
            self.simple_key_allowed = false;
        } else {
            if !self.is_in_flow() {
                if !self.simple_key_allowed {
                    return Err(self.wrong(
                        "expected one \"key: value\", found a second \": \"; is the line indented too far, or must \
                         the value be quoted?",
                    ));
                }
                self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark.line)?;
            }
            self.simple_key_allowed = !self.is_in_flow();
        }
        self.indicator(TokenKind::Value, 1)
    }

    fn skip_to_token(&mut self) {
        loop {
            while self.byte(0) == b' '
                || self.byte(0) == b'\t' && (self.is_in_flow() || !self.simple_key_allowed)
            {
                self.skip();
            }
            if self.byte(0) == b'#' {
                self.skip_line_rest();
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_break();
            if !self.is_in_flow() {
                self.simple_key_allowed = true;
            }
        }
    }

    fn is_in_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    fn indicator(&mut self, kind: TokenKind<'t>, width: usize) -> Result<(), SyntaxError> {
        self.push(kind, self.mark.line);
        (0..width).for_each(|_| self.skip());
        Ok(())
    }

    fn push(&mut self, kind: TokenKind<'t>, line: u32) {
        self.tokens.push_back(Token { kind, line });
    }

    /// Inserts a token before the one at that place; behind all if that was handed out.
    fn insert(&mut self, place: Option<usize>, kind: TokenKind<'t>, line: u32) {
        let place = place.map_or(self.tokens.len(), |place| place.min(self.tokens.len()));
        self.tokens.insert(place, Token { kind, line });
    }
}

/// What is wrong with a tab at the beginning of a line.
const TAB: &str =
    "expected spaces at the beginning of the line, found a tab, which YAML does not take for indentation";

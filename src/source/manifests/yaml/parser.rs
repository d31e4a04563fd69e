//! Tokens -> events of one document, by the grammar of libyaml.
//!
//! Only the first document of a text is parsed, as `kubectl` does: it separates documents before it parses them.

use std::borrow::Cow;

use super::{
    SyntaxError,
    scanner::{Scanner, Token, TokenKind},
    wrong,
};

#[derive(Debug)]
pub(super) struct Event<'t> {
    pub(super) kind: EventKind<'t>,
    /// The line on which it begins, from 1.
    pub(super) line: u32,
}

#[derive(Debug)]
pub(super) enum EventKind<'t> {
    Scalar {
        text: Cow<'t, str>,
        is_plain: bool,
        anchor: Option<&'t str>,
        tag: Option<String>,
    },
    Alias(&'t str),
    /// The tags of lists and mappings mean nothing.
    ListStart {
        anchor: Option<&'t str>,
    },
    MappingStart {
        anchor: Option<&'t str>,
    },
    /// Of the innermost list or mapping.
    End,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    Root,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceEntry { is_first: bool },
    FlowSequenceMappingKey,
    FlowSequenceMappingValue,
    FlowSequenceMappingEnd,
    FlowMappingKey { is_first: bool },
    FlowMappingValue,
    FlowMappingEmptyValue,
}

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    /// The next state is the last.
    states: Vec<State>,
    /// The lines on which the collections begin that are open.
    begins: Vec<u32>,
}

impl<'t> Parser<'t> {
    /// Begins the first document of a text. `None` if there is none.
    pub(super) fn new(text: &'t str) -> Result<Option<Self>, SyntaxError> {
        let mut parser = Self { scanner: Scanner::new(text), states: Vec::new(), begins: Vec::new() };
        if *parser.peek()? == TokenKind::StreamEnd {
            return Ok(None);
        }
        if *parser.peek()? == TokenKind::DocumentStart {
            parser.scanner.take();
            let is_empty = matches!(
                parser.peek()?,
                TokenKind::DocumentStart | TokenKind::DocumentEnd | TokenKind::StreamEnd
            );
            if is_empty {
                return Ok(Some(parser));
            }
        }
        parser.states.push(State::Root);
        Ok(Some(parser))
    }

    /// The next event; `None` when the document has ended.
    pub(super) fn next(&mut self) -> Result<Option<Event<'t>>, SyntaxError> {
        let Some(state) = self.states.pop() else { return Ok(None) };
        self.advance(state).map(Some)
    }

    /// After the document: the line of what follows it in the text and is not read.
    pub(super) fn ignored(&mut self) -> Result<Option<u32>, SyntaxError> {
        let (mut line, mut is_end) = self.peek_line()?;
        while is_end {
            self.scanner.take();
            // What is wrong behind the end is not read either.
            (line, is_end) = match self.peek_line() {
                Ok(peeked) => peeked,
                Err(error) => return Ok(Some(error.line)),
            };
        }
        let is_over = self.scanner.peek().is_ok_and(|token| token.kind == TokenKind::StreamEnd);
        Ok((!is_over).then_some(line))
    }

    fn peek_line(&mut self) -> Result<(u32, bool), SyntaxError> {
        self.scanner.peek().map(|token| (token.line, token.kind == TokenKind::DocumentEnd))
    }

    fn advance(&mut self, state: State) -> Result<Event<'t>, SyntaxError> {
        match state {
            State::Root => self.node(true, false),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceEntry { is_first } => self.flow_sequence_entry(is_first),
            State::FlowSequenceMappingKey => {
                let ends = |kind: &TokenKind<'_>| {
                    matches!(kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd)
                };
                if ends(self.peek()?) {
                    // As libyaml has it: the token is passed.
                    let line = self.scanner.take().map_or(0, |token| token.line);
                    return Ok(self.empty(State::FlowSequenceMappingValue, line));
                }
                self.then_node(State::FlowSequenceMappingValue, false, false)
            }
            State::FlowSequenceMappingValue => {
                let ends =
                    |kind: &TokenKind<'_>| matches!(kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd);
                self.flow_value(State::FlowSequenceMappingEnd, ends)
            }
            State::FlowSequenceMappingEnd => {
                let line = self.scanner.peek()?.line;
                self.states.push(State::FlowSequenceEntry { is_first: false });
                Ok(Event { kind: EventKind::End, line })
            }
            State::FlowMappingKey { is_first } => self.flow_mapping_key(is_first),
            State::FlowMappingValue => {
                let ends =
                    |kind: &TokenKind<'_>| matches!(kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd);
                self.flow_value(State::FlowMappingKey { is_first: false }, ends)
            }
            State::FlowMappingEmptyValue => {
                let line = self.scanner.peek()?.line;
                Ok(self.empty(State::FlowMappingKey { is_first: false }, line))
            }
        }
    }

    fn node(&mut self, block: bool, indentless: bool) -> Result<Event<'t>, SyntaxError> {
        let line = self.scanner.peek()?.line;
        if let TokenKind::Alias(anchor) = *self.peek()? {
            self.scanner.take();
            return Ok(Event { kind: EventKind::Alias(anchor), line });
        }
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.peek()? {
                TokenKind::Anchor(name) if anchor.is_none() => anchor = Some(*name),
                TokenKind::Tag(_) if tag.is_none() => {
                    if let Some(Token { kind: TokenKind::Tag(found), line }) = self.scanner.take() {
                        tag = Some(found.map_err(|handle| {
                            wrong(line, format!("expected ! or !! before the name of a tag, found {handle}"))
                        })?);
                    }
                    continue;
                }
                _ => break,
            }
            self.scanner.take();
        }
        let begin = |parser: &mut Self, state| {
            parser.begins.push(line);
            parser.scanner.take();
            parser.states.push(state);
        };
        let kind = match self.peek()? {
            TokenKind::BlockEntry if indentless => {
                self.states.push(State::IndentlessSequenceEntry);
                EventKind::ListStart { anchor }
            }
            TokenKind::Scalar { .. } => {
                let Some(Token { kind: TokenKind::Scalar { text, is_plain }, .. }) = self.scanner.take()
                else {
                    unreachable!("it was peeked at")
                };
                let is_plain = tag.as_deref().map_or(is_plain, |tag| tag == "!");
                EventKind::Scalar { text, is_plain, anchor, tag }
            }
            TokenKind::FlowSequenceStart => {
                begin(self, State::FlowSequenceEntry { is_first: true });
                EventKind::ListStart { anchor }
            }
            TokenKind::FlowMappingStart => {
                begin(self, State::FlowMappingKey { is_first: true });
                EventKind::MappingStart { anchor }
            }
            TokenKind::BlockSequenceStart if block => {
                begin(self, State::BlockSequenceEntry);
                EventKind::ListStart { anchor }
            }
            TokenKind::BlockMappingStart if block => {
                begin(self, State::BlockMappingKey);
                EventKind::MappingStart { anchor }
            }
            _ if anchor.is_some() || tag.is_some() => {
                EventKind::Scalar { text: Cow::Borrowed(""), is_plain: tag.is_none(), anchor, tag }
            }
            found => {
                let found = name(found);
                let line = self.scanner.peek()?.line;
                let place = match self.begins.last() {
                    Some(begin) if !block => format!(" in the {{ or [ that begins on line {begin}"),
                    _ => String::new(),
                };
                return Err(wrong(line, format!("expected a value{place}, found {found}")));
            }
        };
        Ok(Event { kind, line })
    }

    /// The error about something that does not belong to the innermost list or mapping.
    fn misplaced(&self, line: u32, expected: &str, found: &str) -> SyntaxError {
        let begin = self.begins.last().unwrap_or(&0);
        let message = format!(
            "expected {expected} that begins on line {begin}, found {found}; is the indentation right?"
        );
        wrong(line, message)
    }

    fn block_sequence_entry(&mut self) -> Result<Event<'t>, SyntaxError> {
        let line = self.scanner.peek()?.line;
        match self.peek()? {
            TokenKind::BlockEntry => {
                self.scanner.take();
                let ends = matches!(self.peek()?, TokenKind::BlockEntry | TokenKind::BlockEnd);
                if ends {
                    Ok(self.empty(State::BlockSequenceEntry, line))
                } else {
                    self.then_node(State::BlockSequenceEntry, true, false)
                }
            }
            TokenKind::BlockEnd => Ok(self.end(line)),
            found => {
                let found = name(found);
                Err(self.misplaced(line, "the next \"- \" of the list", found))
            }
        }
    }

    fn indentless_sequence_entry(&mut self) -> Result<Event<'t>, SyntaxError> {
        let line = self.scanner.peek()?.line;
        if *self.peek()? != TokenKind::BlockEntry {
            return Ok(Event { kind: EventKind::End, line });
        }
        self.scanner.take();
        let ends = matches!(
            self.peek()?,
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        );
        if ends {
            Ok(self.empty(State::IndentlessSequenceEntry, line))
        } else {
            self.then_node(State::IndentlessSequenceEntry, true, false)
        }
    }

    fn block_mapping_key(&mut self) -> Result<Event<'t>, SyntaxError> {
        let line = self.scanner.peek()?.line;
        match self.peek()? {
            TokenKind::Key => self.block_node(State::BlockMappingValue, line),
            TokenKind::BlockEnd => Ok(self.end(line)),
            found => {
                let found = name(found);
                Err(self.misplaced(line, "the next key of the mapping", found))
            }
        }
    }

    fn block_mapping_value(&mut self) -> Result<Event<'t>, SyntaxError> {
        let line = self.scanner.peek()?.line;
        if *self.peek()? == TokenKind::Value {
            self.block_node(State::BlockMappingKey, line)
        } else {
            Ok(self.empty(State::BlockMappingKey, line))
        }
    }

    /// A key or a value of a mapping in block style, after its indicator.
    fn block_node(&mut self, then: State, line: u32) -> Result<Event<'t>, SyntaxError> {
        self.scanner.take();
        let ends = matches!(self.peek()?, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd);
        if ends { Ok(self.empty(then, line)) } else { self.then_node(then, true, true) }
    }

    fn flow_sequence_entry(&mut self, is_first: bool) -> Result<Event<'t>, SyntaxError> {
        if !is_first {
            self.flow_separator(&TokenKind::FlowSequenceEnd, "list", ']')?;
        }
        let line = self.scanner.peek()?.line;
        match self.peek()? {
            TokenKind::FlowSequenceEnd => Ok(self.end(line)),
            TokenKind::Key => {
                self.scanner.take();
                self.states.push(State::FlowSequenceMappingKey);
                Ok(Event { kind: EventKind::MappingStart { anchor: None }, line })
            }
            _ => self.then_node(State::FlowSequenceEntry { is_first: false }, false, false),
        }
    }

    fn flow_mapping_key(&mut self, is_first: bool) -> Result<Event<'t>, SyntaxError> {
        if !is_first {
            self.flow_separator(&TokenKind::FlowMappingEnd, "mapping", '}')?;
        }
        let line = self.scanner.peek()?.line;
        match self.peek()? {
            TokenKind::FlowMappingEnd => Ok(self.end(line)),
            TokenKind::Key => {
                self.scanner.take();
                let ends = matches!(
                    self.peek()?,
                    TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd
                );
                if ends {
                    Ok(self.empty(State::FlowMappingValue, line))
                } else {
                    self.then_node(State::FlowMappingValue, false, false)
                }
            }
            _ => self.then_node(State::FlowMappingEmptyValue, false, false),
        }
    }

    /// Passes a comma, unless the collection ends here.
    fn flow_separator(&mut self, end: &TokenKind<'_>, what: &str, sign: char) -> Result<(), SyntaxError> {
        let line = self.scanner.peek()?.line;
        match self.peek()? {
            TokenKind::FlowEntry => {
                self.scanner.take();
                Ok(())
            }
            found if found == end => Ok(()),
            found => {
                let found = name(found);
                let begin = self.begins.last().unwrap_or(&0);
                Err(wrong(
                    line,
                    format!("expected , or {sign} in the {what} that begins on line {begin}, found {found}"),
                ))
            }
        }
    }

    /// The value of a pair in flow style.
    fn flow_value(
        &mut self,
        then: State,
        ends: impl Fn(&TokenKind<'_>) -> bool,
    ) -> Result<Event<'t>, SyntaxError> {
        if *self.peek()? == TokenKind::Value {
            self.scanner.take();
            if !ends(self.peek()?) {
                return self.then_node(then, false, false);
            }
        }
        let line = self.scanner.peek()?.line;
        Ok(self.empty(then, line))
    }

    fn peek(&mut self) -> Result<&TokenKind<'t>, SyntaxError> {
        self.scanner.peek().map(|token| &token.kind)
    }

    /// A node, and after all of it that state.
    fn then_node(&mut self, then: State, block: bool, indentless: bool) -> Result<Event<'t>, SyntaxError> {
        self.states.push(then);
        self.node(block, indentless)
    }

    /// A value that is not there, and after it that state.
    fn empty(&mut self, then: State, line: u32) -> Event<'t> {
        self.states.push(then);
        let kind = EventKind::Scalar { text: Cow::Borrowed(""), is_plain: true, anchor: None, tag: None };
        Event { kind, line }
    }

    /// The end of a collection, whose token is passed.
    fn end(&mut self, line: u32) -> Event<'t> {
        self.scanner.take();
        self.begins.pop();
        Event { kind: EventKind::End, line }
    }
}

/// What a message calls a token.
fn name(kind: &TokenKind<'_>) -> &'static str {
    match kind {
        TokenKind::StreamEnd | TokenKind::DocumentStart | TokenKind::DocumentEnd => "the end of the document",
        TokenKind::BlockSequenceStart | TokenKind::BlockEntry => "\"- \"",
        TokenKind::BlockMappingStart | TokenKind::Key => "a key",
        TokenKind::BlockEnd => "the end of a list or mapping",
        TokenKind::FlowSequenceStart => "[",
        TokenKind::FlowSequenceEnd => "]",
        TokenKind::FlowMappingStart => "{",
        TokenKind::FlowMappingEnd => "}",
        TokenKind::FlowEntry => ",",
        TokenKind::Value => "\": \"",
        TokenKind::Alias(_) => "an alias",
        TokenKind::Anchor(_) => "an anchor",
        TokenKind::Tag(_) => "a tag",
        TokenKind::Scalar { .. } => "more text",
    }
}

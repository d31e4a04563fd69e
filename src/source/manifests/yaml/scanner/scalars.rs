//! Scalars: block, quoted and plain.

use std::borrow::Cow;

use super::{Scanner, SyntaxError, TAB, TokenKind, wrong};

impl Scanner<'_> {
    pub(super) fn scan_block_scalar(&mut self, is_literal: bool) -> Result<(), SyntaxError> {
        let line = self.mark.line;
        self.skip();
        let (mut chomping, mut increment) = (None, 0);
        for _ in 0..2 {
            match self.byte(0) {
                sign @ (b'+' | b'-') if chomping.is_none() => chomping = Some(sign),
                b'0' if increment == 0 => {
                    return Err(self.wrong("expected an indentation from 1 to 9 after | or >, found 0"));
                }
                digit @ b'1'..=b'9' if increment == 0 => increment = i32::from(digit - b'0'),
                _ => break,
            }
            self.skip();
        }
        while self.is_blank(0) {
            self.skip();
        }
        if self.byte(0) == b'#' {
            self.skip_line_rest();
        }
        if self.is_break(0) {
            self.skip_break();
        } else if self.byte(0) != 0 {
            return Err(
                self.wrong("expected the end of the line after | or >; the text begins on the next line")
            );
        }
        let mut indent = if increment > 0 { self.indent.max(0) + increment } else { 0 };
        let mut text = String::new();
        let (mut leading_break, mut trailing_breaks) = (String::new(), String::new());
        self.scan_block_breaks(&mut indent, &mut trailing_breaks)?;
        let mut was_blank = false;
        while self.mark.column == indent && self.byte(0) != 0 {
            let is_blank = self.is_blank(0);
            if !is_literal && !was_blank && !is_blank && leading_break.starts_with('\n') {
                if trailing_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&leading_break);
            }
            text.push_str(&trailing_breaks);
            (leading_break, trailing_breaks) = (String::new(), String::new());
            was_blank = is_blank;
            let start = self.mark.at;
            self.skip_line_rest();
            text.push_str(&self.text[start..self.mark.at]);
            self.read_break(&mut leading_break);
            self.scan_block_breaks(&mut indent, &mut trailing_breaks)?;
        }
        if chomping != Some(b'-') {
            text.push_str(&leading_break);
        }
        if chomping == Some(b'+') {
            text.push_str(&trailing_breaks);
        }
        self.push(TokenKind::Scalar { text: text.into(), is_plain: false }, line);
        Ok(())
    }

    /// Reads the empty lines of a block scalar, and finds its indent if that is 0.
    fn scan_block_breaks(&mut self, indent: &mut i32, breaks: &mut String) -> Result<(), SyntaxError> {
        let mut max_indent = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b' ' {
                self.skip();
            }
            max_indent = max_indent.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b'\t' {
                return Err(self.wrong(TAB));
            }
            if !self.is_break(0) {
                break;
            }
            self.read_break(breaks);
        }
        if *indent == 0 {
            *indent = max_indent.max(self.indent + 1).max(1);
        }
        Ok(())
    }

    pub(super) fn scan_quoted(&mut self, quote: u8) -> Result<(), SyntaxError> {
        let line = self.mark.line;
        self.skip();
        let mut text = String::new();
        let (mut leading_break, mut trailing_breaks) = (String::new(), String::new());
        loop {
            if self.mark.column == 0 && self.is_document_indicator() || self.byte(0) == 0 {
                let quote = char::from(quote);
                return Err(wrong(
                    line,
                    format!("expected a closing {quote}, found none before the document ends"),
                ));
            }
            let mut leading_blanks = false;
            let mut start = self.mark.at;
            while !self.is_blank_or_end(0) {
                match self.byte(0) {
                    b'\'' if quote == b'\'' && self.byte(1) == b'\'' => {
                        self.skip();
                        text.push_str(&self.text[start..self.mark.at]);
                        self.skip();
                        start = self.mark.at;
                    }
                    byte if byte == quote => break,
                    b'\\' if quote == b'"' => {
                        text.push_str(&self.text[start..self.mark.at]);
                        self.skip();
                        if self.is_break(0) {
                            self.skip_break();
                            leading_blanks = true;
                        } else {
                            self.scan_escape(&mut text)?;
                        }
                        start = self.mark.at;
                        if leading_blanks {
                            break;
                        }
                    }
                    _ => self.skip(),
                }
            }
            text.push_str(&self.text[start..self.mark.at]);
            if self.byte(0) == quote {
                break;
            }
            let blanks = self.mark.at;
            let mut blanks_end = blanks;
            loop {
                if self.is_blank(0) {
                    self.skip();
                    if !leading_blanks {
                        blanks_end = self.mark.at;
                    }
                } else if self.is_break(0) {
                    self.read_break(if leading_blanks { &mut trailing_breaks } else { &mut leading_break });
                    leading_blanks = true;
                } else {
                    break;
                }
            }
            if leading_blanks {
                fold(&mut text, &mut leading_break, &mut trailing_breaks);
            } else {
                text.push_str(&self.text[blanks..blanks_end]);
            }
        }
        self.skip();
        self.push(TokenKind::Scalar { text: text.into(), is_plain: false }, line);
        Ok(())
    }

    /// What comes after a backslash.
    fn scan_escape(&mut self, text: &mut String) -> Result<(), SyntaxError> {
        let digits = match self.byte(0) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let meant = match other {
                    b'0' => '\0',
                    b'a' => '\x07',
                    b'b' => '\x08',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\x0b',
                    b'f' => '\x0c',
                    b'r' => '\r',
                    b'e' => '\x1b',
                    b' ' | b'"' | b'\'' | b'\\' => char::from(other),
                    b'N' => '\u{85}',
                    b'_' => '\u{a0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => {
                        return Err(self.wrong(
                            "expected an escape that YAML knows after \\ in double quotes; write \\\\ for a backslash, or \
                             use single quotes",
                        ));
                    }
                };
                text.push(meant);
                self.skip();
                return Ok(());
            }
        };
        self.skip();
        let hex = self.text.get(self.mark.at..self.mark.at + digits);
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()) else {
            return Err(self.wrong(format!("expected {digits} hexadecimal digits after \\x, \\u or \\U")));
        };
        let Some(meant) = char::from_u32(code) else {
            return Err(self.wrong(
                "expected the code of a character after \\u or \\U, found another (half of a pair?)",
            ));
        };
        text.push(meant);
        (0..digits).for_each(|_| self.skip());
        Ok(())
    }

    pub(super) fn scan_plain(&mut self) -> Result<(), SyntaxError> {
        let line = self.mark.line;
        let indent = self.indent + 1;
        let in_flow = self.is_in_flow();
        let (mut start, mut end) = (self.mark.at, self.mark.at);
        let mut folded: Option<String> = None;
        let (mut leading_break, mut trailing_breaks) = (String::new(), String::new());
        let mut leading_blanks = false;
        loop {
            if self.mark.column == 0 && self.is_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            while !self.is_blank_or_end(0) {
                match self.byte(0) {
                    b':' if self.is_blank_or_end(1) => break,
                    b',' | b'?' | b'[' | b']' | b'{' | b'}' if in_flow => break,
                    _ => {}
                }
                if leading_blanks {
                    let folded = folded.get_or_insert_default();
                    folded.push_str(&self.text[start..end]);
                    fold(folded, &mut leading_break, &mut trailing_breaks);
                    leading_blanks = false;
                    start = self.mark.at;
                }
                self.skip();
                end = self.mark.at;
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            loop {
                if self.is_blank(0) {
                    if leading_blanks && self.mark.column < indent && self.byte(0) == b'\t' {
                        return Err(self.wrong(TAB));
                    }
                    self.skip();
                } else if self.is_break(0) {
                    self.read_break(if leading_blanks { &mut trailing_breaks } else { &mut leading_break });
                    leading_blanks = true;
                } else {
                    break;
                }
            }
            if !in_flow && self.mark.column < indent {
                break;
            }
        }
        let last = &self.text[start..end];
        let text = match folded {
            Some(folded) => Cow::Owned(folded + last),
            None => Cow::Borrowed(last),
        };
        self.push(TokenKind::Scalar { text, is_plain: true }, line);
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(())
    }
}

/// Joins two lines: one break is a space, of several the first is dropped.
fn fold(text: &mut String, leading_break: &mut String, trailing_breaks: &mut String) {
    if !leading_break.starts_with('\n') {
        text.push_str(leading_break);
    } else if trailing_breaks.is_empty() {
        text.push(' ');
    }
    text.push_str(trailing_breaks);
    leading_break.clear();
    trailing_breaks.clear();
}

//! Where the scanner is in the text: what stands there, and how it goes on.
//!
//! The text ends with a 0, as it has none inside.

use super::{Scanner, SyntaxError, wrong};

/// A position in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// In bytes.
    pub(super) at: usize,
    /// In characters.
    pub(super) index: usize,
    /// From 1.
    pub(super) line: u32,
    /// In characters, from 0.
    pub(super) column: i32,
}

impl Scanner<'_> {
    /// The byte so many after the current one; 0 after the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.mark.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\n' | b'\r' => true,
            0xc2 => self.byte(ahead + 1) == 0x85,
            0xe2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            0 | b' ' | b'\t' | b'\n' | b'\r' => true,
            0x01..=0x7f => false,
            _ => self.is_break(ahead),
        }
    }

    /// `---` or `...`, at the beginning of a line.
    pub(super) fn is_document_indicator(&self) -> bool {
        let rest = &self.text.as_bytes()[self.mark.at..];
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.is_blank_or_end(3)
    }

    /// Passes one character.
    pub(super) fn skip(&mut self) {
        let width = match self.byte(0) {
            0..=0x7f => 1,
            0x80..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        self.mark.at = (self.mark.at + width).min(self.text.len());
        self.mark.index += 1;
        self.mark.column += 1;
    }

    /// Passes everything before the line break. What it passes is not counted by characters, as no key is in it.
    pub(super) fn skip_line_rest(&mut self) {
        let bytes = self.text.as_bytes();
        let start = self.mark.at;
        loop {
            let rest = &bytes[self.mark.at..];
            let begins_break = |byte: &u8| matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2);
            self.mark.at += rest.iter().position(begins_break).unwrap_or(rest.len());
            if self.mark.at == bytes.len() || self.is_break(0) {
                break;
            }
            self.skip();
        }
        if self.mark.at > start {
            self.mark.column += 1;
        }
    }

    /// Passes a line break.
    pub(super) fn skip_break(&mut self) {
        let width = match self.byte(0) {
            b'\r' if self.byte(1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xc2 => 2,
            _ => 3,
        };
        self.mark.at += width;
        self.mark.index += 1;
        self.mark.column = 0;
        self.mark.line = self.mark.line.saturating_add(1);
    }

    /// Passes a line break, if there is one, and adds what it stands for.
    pub(super) fn read_break(&mut self, breaks: &mut String) {
        if !self.is_break(0) {
            return;
        }
        let start = self.mark.at;
        self.skip_break();
        let passed = &self.text[start..self.mark.at];
        breaks.push_str(if passed.len() == 3 { passed } else { "\n" });
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> SyntaxError {
        wrong(self.mark.line, message)
    }
}

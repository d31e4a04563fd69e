//! What may turn out to be a key when a `:` follows it, and the indents of the collections that keys and items begin.

use super::{Mark, Scanner, SyntaxError, TokenKind, wrong};

/// A key must end on its line, after at most so many characters.
const MAX_KEY: usize = 1024;

/// How deep flow collections, and indents, may be nested. The values inside are refused long before.
pub(super) const MAX_LEVELS: usize = 10_000;

/// A place at which a key may have begun.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SimpleKey {
    pub(super) is_possible: bool,
    /// Nothing but a key can be here.
    pub(super) is_required: bool,
    /// The token is not handed out before it is known whether it is a key.
    pub(super) holds_token: bool,
    pub(super) token_number: usize,
    pub(super) mark: Mark,
}

impl<'t> Scanner<'t> {
    pub(super) fn is_key_valid(&mut self, level: usize) -> Result<bool, SyntaxError> {
        let key = self.simple_keys[level];
        if !key.is_possible {
            return Ok(false);
        }
        let is_over = key.mark.line < self.mark.line || key.mark.index + MAX_KEY < self.mark.index;
        if is_over && key.is_required {
            return Err(self.no_colon(key));
        }
        self.simple_keys[level].is_possible = !is_over;
        Ok(!is_over)
    }

    pub(super) fn save_simple_key(&mut self) -> Result<(), SyntaxError> {
        if self.simple_key_allowed {
            let key = SimpleKey {
                is_possible: true,
                is_required: !self.is_in_flow() && self.indent == self.mark.column,
                holds_token: true,
                token_number: self.parsed + self.tokens.len(),
                mark: self.mark,
            };
            self.remove_simple_key()?;
            let level = self.simple_keys.len() - 1;
            self.simple_keys[level] = key;
        }
        Ok(())
    }

    pub(super) fn remove_simple_key(&mut self) -> Result<(), SyntaxError> {
        let level = self.simple_keys.len() - 1;
        let key = self.simple_keys[level];
        if key.is_possible {
            if key.is_required {
                return Err(self.no_colon(key));
            }
            self.simple_keys[level].is_possible = false;
            self.simple_keys[level].holds_token = false;
        }
        Ok(())
    }

    /// A line of a mapping that is no `key: value`.
    fn no_colon(&self, key: SimpleKey) -> SyntaxError {
        let line = self.text[key.mark.at..].lines().next().unwrap_or_default();
        let is_long = key.mark.index + MAX_KEY < self.mark.index && key.mark.line == self.mark.line;
        let message = if is_long {
            format!("expected a key of at most {MAX_KEY} characters, found a longer one")
        } else if line.contains('\t') {
            "expected \"key: value\", found no \": \" on the line (a tab stands in it)".to_owned()
        } else {
            "expected \"key: value\", found no \": \" on the line".to_owned()
        };
        wrong(key.mark.line, message)
    }

    pub(super) fn roll_indent(
        &mut self,
        column: i32,
        place: Option<usize>,
        kind: TokenKind<'t>,
        line: u32,
    ) -> Result<(), SyntaxError> {
        if !self.is_in_flow() && self.indent < column {
            self.indents.push(self.indent);
            self.indent = column;
            if self.indents.len() > MAX_LEVELS {
                return Err(self.wrong(format!("expected at most {MAX_LEVELS} levels, found more")));
            }
            self.insert(place, kind, line);
        }
        Ok(())
    }

    pub(super) fn unroll_indent(&mut self, column: i32) {
        if self.is_in_flow() {
            return;
        }
        while self.indent > column {
            self.push(TokenKind::BlockEnd, self.mark.line);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }
}

//! Anchors, aliases and tags.

use super::{Scanner, SyntaxError, TokenKind};

impl<'t> Scanner<'t> {
    pub(super) fn scan_anchor(&mut self, is_alias: bool) -> Result<(), SyntaxError> {
        let line = self.mark.line;
        self.skip();
        let name = self.word();
        let is_end = self.is_blank_or_end(0)
            || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !is_end {
            let (sign, what) = if is_alias { ('*', "alias") } else { ('&', "anchor") };
            return Err(self.wrong(format!(
                "expected a name of letters, digits, - and _ after the {sign} of an {what}; quote it if it is text"
            )));
        }
        self.push(if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) }, line);
        Ok(())
    }

    pub(super) fn scan_tag(&mut self) -> Result<(), SyntaxError> {
        let line = self.mark.line;
        let tag = if self.byte(1) == b'<' {
            self.skip();
            self.skip();
            let tag = self.scan_tag_uri("")?;
            if self.byte(0) != b'>' || tag.is_empty() {
                return Err(self.wrong("expected > at the end of the tag"));
            }
            self.skip();
            Ok(tag)
        } else {
            self.skip();
            let name = self.word();
            if self.byte(0) == b'!' {
                self.skip();
                let suffix = self.scan_tag_uri("")?;
                if suffix.is_empty() {
                    return Err(self.wrong("expected the name of a tag, found none"));
                }
                if name.is_empty() {
                    Ok(format!("tag:yaml.org,2002:{suffix}"))
                } else {
                    Err(format!("!{name}!"))
                }
            } else {
                Ok(format!("!{}", self.scan_tag_uri(name)?))
            }
        };
        if !self.is_blank_or_end(0) {
            return Err(
                self.wrong("expected a space after the tag (a value that begins with ! must be quoted)")
            );
        }
        self.push(TokenKind::Tag(tag), line);
        Ok(())
    }

    fn scan_tag_uri(&mut self, head: &str) -> Result<String, SyntaxError> {
        let mut uri = head.as_bytes().to_vec();
        loop {
            match self.byte(0) {
                b'%' => {
                    let digit =
                        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                    let (Some(high), Some(low)) = (digit(self.byte(1)), digit(self.byte(2))) else {
                        return Err(self.wrong("expected two hexadecimal digits after % in the tag"));
                    };
                    uri.push(high << 4 | low);
                    (0..3).for_each(|_| self.skip());
                }
                byte if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) => {
                    uri.push(byte);
                    self.skip();
                }
                _ => break,
            }
        }
        String::from_utf8(uri).map_err(|_| self.wrong("expected a tag in UTF-8, found other bytes"))
    }

    /// The letters, digits, `-` and `_` from here on, which it passes.
    fn word(&mut self) -> &'t str {
        let start = self.mark.at;
        while is_word(self.byte(0)) {
            self.skip();
        }
        &self.text[start..self.mark.at]
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

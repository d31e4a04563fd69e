//! Text that comes from elsewhere, made safe for a terminal and for a log of lines.

use std::borrow::Cow;

/// Control characters (an escape sequence in a label, a line break in a name) written out instead of obeyed.
pub(crate) fn tame(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { text.escape_debug().to_string().into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::tame;

    #[test]
    fn escape_sequences_and_line_breaks_of_others_are_shown() {
        assert_eq!(tame("reviews-v2 ü"), "reviews-v2 ü");
        assert_eq!(tame("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}

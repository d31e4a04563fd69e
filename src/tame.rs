//! Text that comes from elsewhere, made safe for a terminal and for a log of lines.

use std::borrow::Cow;

/// Control characters (an escape sequence in a label, a line break in a name) written out instead of obeyed.
pub(crate) fn tame(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { text.escape_debug().to_string().into() } else { text.into() }
}

/// The longest message about an object, in bytes. Names that an API server accepts make messages of a few hundred.
const LONGEST: usize = 990;

/// A message with names of users in it, for a log or a terminal; a longer one than [`LONGEST`] is cut.
pub(crate) fn message(text: &str) -> String {
    let mut text = tame(text).into_owned();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, message, tame};

    #[test]
    fn message_with_a_name_of_any_length_is_cut() {
        assert_eq!(message("port web"), "port web");
        let cut = message(&"ü".repeat(LONGEST));
        assert!(cut.len() <= LONGEST + 3 && cut.ends_with("ü..."), "{} bytes", cut.len());
    }

    #[test]
    fn escape_sequences_and_line_breaks_of_others_are_shown() {
        assert_eq!(tame("reviews-v2 ü"), "reviews-v2 ü");
        assert_eq!(tame("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}

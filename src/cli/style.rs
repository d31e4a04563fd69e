//! Colours.
//!
//! Colours are always written; the output stream takes them out again unless it is a terminal and neither
//! `NO_COLOR` nor a dumb terminal is against it.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

pub(super) use crate::tame::tame;

pub(super) const HEADING: Style = Style::new().bold();
pub(super) const TIME: Style = Style::new().dimmed();
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const NOTE: Style = AnsiColor::Yellow.on_default().bold();

/// A reason, behind what it is for.
pub(super) const WHY: Style = Style::new().dimmed();
/// The lines of a tree.
pub(super) const RAIL: Style = Style::new().dimmed();
/// What is as one would wish.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub(super) const BAD: Style = AnsiColor::Red.on_default();

/// How a line about a change begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sign(Style, &'static str);

/// It was not there before.
pub(super) const ADDED: Sign = Sign(AnsiColor::Green.on_default(), "+ added  ");
/// It is another one now.
pub(super) const CHANGED: Sign = Sign(AnsiColor::Yellow.on_default(), "~ changed");
/// It is gone.
pub(super) const REMOVED: Sign = Sign(AnsiColor::Red.on_default(), "- removed");
/// What all of it comes to.
pub(super) const NOW: Sign = Sign(AnsiColor::Cyan.on_default(), "= now    ");
/// A server should not have sent this.
pub(super) const ODD: Sign = Sign(AnsiColor::Magenta.on_default(), "! odd    ");

impl Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        paint(self.0, self.1).fmt(f)
    }
}

/// `text` in a style.
pub(super) fn paint(style: Style, text: impl Display) -> impl Display {
    struct Painted<T>(Style, T);
    impl<T: Display> Display for Painted<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}{}{:#}", self.0, self.1, self.0)
        }
    }
    Painted(style, text)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::ADDED;

    /// What a file gets of this output.
    pub(in crate::cli) fn plain(written: Vec<u8>) -> String {
        let mut strip = anstream::StripStream::new(Vec::new());
        strip.write_all(&written).unwrap();
        String::from_utf8(strip.into_inner()).unwrap()
    }

    #[test]
    fn colours_go_where_no_terminal_is() {
        let text = ADDED.to_string();
        assert_eq!(text, "\u{1b}[32m+ added  \u{1b}[0m");
        assert_eq!(plain(text.into_bytes()), "+ added  ");
    }
}

//! The size of the terminal, and text that fits its width.
//!
//! Without a terminal nothing is wrapped or left out: scripts read whole lines. COLUMNS, if it is set, holds over the
//! terminal's width, also where the output is no terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::Mutex,
};

/// How far the rest of a wrapped line is moved to the right.
const HANGING: usize = 4;
/// Narrower terminals are written to as if they had this width.
const NARROWEST: usize = 20;

/// Width and height of the output, in characters; `None` where there is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terminal {
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
}

/// The terminal of this process as it was last read; no bounds until then.
static TERMINAL: Mutex<Terminal> = Mutex::new(Terminal { width: None, height: None });

impl Terminal {
    /// Reads the size of the standard output's terminal, for the whole process.
    pub(super) fn read() -> Self {
        let size = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        let number = |name| env::var(name).ok()?.parse::<usize>().ok().filter(|number| *number > 0);
        let width = number("COLUMNS").or(size.map(|(width, _)| width.0.into()));
        let height = size.map(|(_, height)| height.0.into());
        let terminal = Self { width: width.map(|width| width.max(NARROWEST)), height };
        *TERMINAL.lock().expect("nothing panics while it holds this lock") = terminal;
        terminal
    }

    /// The size as it was last read.
    pub(super) fn get() -> Self {
        *TERMINAL.lock().expect("nothing panics while it holds this lock")
    }
}

/// Wraps lines at blanks before they are written on, to the width that the terminal has then.
pub(super) struct Wrapping<W, F> {
    inner: W,
    width: F,
    line: Vec<u8>,
}

impl<W: Write, F: Fn() -> usize> Wrapping<W, F> {
    pub(super) fn new(inner: W, width: F) -> Self {
        Self { inner, width, line: Vec::new() }
    }
}

impl<W: Write, F: Fn() -> usize> Write for Wrapping<W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let text = String::from_utf8_lossy(&line);
                for line in wrap(text.trim_end_matches('\n'), (self.width)()) {
                    writeln!(self.inner, "{line}")?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.inner.write_all(&line)?;
        self.inner.flush()
    }
}

/// Returns a page that fits the terminal below `above` other lines: the beginning, with the header of a table, then how
/// many lines are left out, and the last line, which sums it up. The cursor stands below. A terminal of fewer lines than
/// these need shows what has room.
pub(super) fn fit(page: &[u8], above: usize, terminal: Terminal) -> Vec<u8> {
    let text = String::from_utf8_lossy(page);
    let width = terminal.width.unwrap_or(usize::MAX);
    let lines: Vec<_> = text.lines().flat_map(|line| wrap(line, width)).collect();
    let room = terminal.height.map_or(usize::MAX, |height| height.saturating_sub(above + 1));
    if lines.len() <= room {
        return page.to_vec();
    }
    let Some(shown) = room.checked_sub(2) else {
        return lines.iter().take(room).flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    };
    let left_out =
        format!("... {} more lines; --limit and --sort choose what is shown", lines.len() - shown - 1);
    let last = lines.last().cloned().unwrap_or_default();
    let page = lines[..shown].iter().chain([&left_out, &last]);
    page.flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// Returns the lines into which a line is wrapped at blanks. A word is never broken: one that is longer than the line
/// has a line of its own. Escape sequences have no width.
pub(super) fn wrap(line: &str, width: usize) -> Vec<String> {
    if visible(line) <= width {
        return vec![line.to_owned()];
    }
    let (first, hanging) = indents(line);
    let mut lines = vec![first];
    let mut used = visible(&lines[0]);
    let mut is_empty = true;
    for (blanks, word) in words(&line[lines[0].len()..]) {
        let length = visible(word);
        if !is_empty && used + blanks + length > width {
            lines.push(hanging.clone());
            used = visible(&hanging);
            is_empty = true;
        }
        let last = lines.last_mut().expect("there is a first line");
        if !is_empty {
            last.extend(std::iter::repeat_n(' ', blanks));
            used += blanks;
        }
        last.push_str(word);
        used += length;
        is_empty = is_empty && length == 0;
    }
    lines
}

/// Returns the part of a line before its first word, and what stands before the rest of it: blanks, and below a branch
/// of a tree the rails of the branches around it.
fn indents(line: &str) -> (String, String) {
    let (mut first, mut hanging) = (String::new(), String::new());
    let mut rest = line;
    loop {
        if let Some(length) = escape(rest) {
            first += &rest[..length];
            hanging += &rest[..length];
            rest = &rest[length..];
            continue;
        }
        let Some(next) = rest.chars().next() else { break };
        match next {
            '├' | '│' => hanging.push('│'),
            ' ' | '└' | '─' => hanging.push(' '),
            _ => break,
        }
        first.push(next);
        rest = &rest[next.len_utf8()..];
    }
    hanging.extend(std::iter::repeat_n(' ', HANGING));
    (first, hanging)
}

/// Splits at blanks; each word with the number of blanks before it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut blanks = 0;
    text.split(' ')
        .filter_map(move |word| {
            blanks += 1;
            (!word.is_empty()).then(|| (std::mem::take(&mut blanks), word))
        })
        .enumerate()
        // The blank before the first word is the split's own.
        .map(|(i, (blanks, word))| (if i == 0 { blanks - 1 } else { blanks }, word))
}

/// Returns how many characters are seen of a text.
pub(super) fn visible(text: &str) -> usize {
    let (mut rest, mut count) = (text, 0);
    while let Some(next) = rest.chars().next() {
        match escape(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                count += 1;
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    count
}

/// Returns the length of the escape sequence at the beginning of a text: ESC, `[`, parameters, a letter.
fn escape(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    Some(2 + parameters.find(|c: char| c.is_ascii_alphabetic())? + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Terminal, Wrapping, fit, visible, wrap};

    #[test]
    fn line_is_wrapped_at_blanks_and_words_stay_whole() {
        for (line, width, expect) in [
            ("short", 20, "short"),
            ("one two three four five", 14, "one two three\n    four five"),
            ("  one two three four", 14, "  one two\n      three\n      four"),
            (
                "a-word-that-is-longer-than-the-line and more",
                10,
                "a-word-that-is-longer-than-the-line\n    and\n    more",
            ),
            ("name  value  (why it is so)", 16, "name  value\n    (why it is\n    so)"),
            (
                "│  ├─ endpoint 10.0.0.1:80 is ready",
                20,
                "│  ├─ endpoint\n│  │      10.0.0.1:80\n│  │      is ready",
            ),
            ("   └─ one two three four", 16, "   └─ one two\n          three\n          four"),
        ] {
            assert_eq!(wrap(line, width).join("\n"), expect, "{line}");
        }
    }

    #[test]
    fn page_keeps_its_header_and_its_last_line_within_the_height() {
        let page: String = (0..20).map(|n| format!("line {n}\n")).collect();
        let terminal = |height| Terminal { width: Some(80), height };
        assert_eq!(fit(page.as_bytes(), 2, terminal(None)), page.as_bytes());
        assert_eq!(fit(page.as_bytes(), 2, terminal(Some(23))), page.as_bytes());
        let shown = String::from_utf8(fit(page.as_bytes(), 2, terminal(Some(8)))).unwrap();
        assert_eq!(
            fit(page.as_bytes(), 2, terminal(Some(5))),
            b"... 19 more lines; --limit and --sort choose what is shown\nline 19\n"
        );
        assert_eq!(fit(page.as_bytes(), 2, terminal(Some(4))), b"line 0\n");
        assert_eq!(fit(page.as_bytes(), 2, terminal(Some(2))), b"");
        assert_eq!(
            shown,
            "line 0\nline 1\nline 2\n... 16 more lines; --limit and --sort choose what is shown\nline 19\n"
        );
    }

    #[test]
    fn colours_have_no_width() {
        let line = "\u{1b}[1mone\u{1b}[0m two";
        assert_eq!(visible(line), 7);
        assert_eq!(wrap(line, 7), [line]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_unless_one_word_is() {
        let mut out = Vec::new();
        let mut wrapping = Wrapping::new(&mut out, || 30);
        let text =
            "├─ split by TrafficSplit default/reviews (the oldest of two that name it as their apex)\n";
        // In pieces, as formatting writes them.
        for piece in text.as_bytes().chunks(7) {
            wrapping.write_all(piece).unwrap();
        }
        wrapping.flush().unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.lines().all(|line| visible(line) <= 30), "{out}");
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| c.is_whitespace() || "├─│".contains(c))
                .filter(|w| !w.is_empty())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(words(&out), words(text));
    }
}

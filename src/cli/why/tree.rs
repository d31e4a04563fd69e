//! A tree of lines, drawn with box-drawing characters.

use std::{
    fmt::Display,
    io::{self, Write},
};

use anstyle::Style;

use crate::cli::style::{RAIL, paint, tame};

/// A line, made of parts that come from elsewhere and are therefore tamed.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(String);

impl Line {
    pub(super) fn new(text: &str) -> Self {
        Self::default().text(text)
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.0 += &tame(text);
        self
    }

    pub(super) fn paint(mut self, style: Style, text: impl Display) -> Self {
        self.0 += &paint(style, tame(&text.to_string())).to_string();
        self
    }
}

/// A line and what hangs from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    line: Line,
    children: Vec<Node>,
}

impl Node {
    pub(super) fn new(line: Line) -> Self {
        Self { line, children: Vec::new() }
    }

    pub(super) fn with(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        self.children.extend(children);
        self
    }

    pub(super) fn and(self, line: Line) -> Self {
        self.with([Self::new(line)])
    }

    /// Draws it.
    ///
    /// # Errors
    /// Of the output.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.line.0)?;
        self.write_children(out, "")
    }

    fn write_children(&self, out: &mut dyn Write, before: &str) -> io::Result<()> {
        for (i, child) in self.children.iter().enumerate() {
            let last = i + 1 == self.children.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let rail = format!("{before}{branch}");
            writeln!(out, "{}{}", paint(RAIL, rail), child.line.0)?;
            child.write_children(out, &format!("{before}{below}"))?;
        }
        Ok(())
    }
}

/// Cells that line up; the last of a row is not filled up with blanks.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<[String; N]> {
    let width = |i: usize| rows.iter().map(|row| tame(&row[i]).chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let pad = |row: &[String; N]| {
        std::array::from_fn(|i| {
            let cell = tame(&row[i]);
            let width = if i + 1 == N { 0 } else { widths[i] };
            format!("{cell:<width$}")
        })
    };
    rows.iter().map(pad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::style::tests::plain;

    fn drawn(node: &Node) -> String {
        let mut out = Vec::new();
        node.write(&mut out).unwrap();
        plain(out)
    }

    #[test]
    fn branches_end_where_the_last_child_is() {
        let line = |text| Line::new(text);
        let tree = Node::new(line("a"))
            .with([Node::new(line("b")).and(line("c")).and(line("d")), Node::new(line("e")).and(line("f"))]);
        assert_eq!(drawn(&tree), "a\n├─ b\n│  ├─ c\n│  └─ d\n└─ e\n   └─ f\n");
    }

    #[test]
    fn what_comes_from_elsewhere_cannot_break_out_of_its_line() {
        let tree = Node::new(Line::new("a\u{1b}[2J")).and(Line::default().paint(RAIL, "b\n└─ c"));
        assert_eq!(drawn(&tree), "a\\u{1b}[2J\n└─ b\\n└─ c\n");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "1".to_owned()], ["länger".to_owned(), "2".to_owned()]];
        assert_eq!(columns(&rows).map_rows(), ["a      1", "länger 2"]);
    }

    trait MapRows {
        fn map_rows(&self) -> Vec<String>;
    }

    impl MapRows for Vec<[String; 2]> {
        fn map_rows(&self) -> Vec<String> {
            self.iter().map(|row| row.join(" ")).collect()
        }
    }
}

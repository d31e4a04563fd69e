//! Columns that line up.

use std::{
    io::{self, Write},
    ops::Range,
};

use super::{
    style::{HEADING, paint, tame},
    terminal::Terminal,
};

/// What stands between two columns.
const GAP: &str = "  ";
/// What stands before the further lines of a row.
const INDENT: &str = "    ";

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table with a heading; the last column is not filled up with blanks.
pub(super) struct Table<const N: usize> {
    columns: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
    hidden: Option<usize>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [(&'static str, Align); N]) -> Self {
        Self { columns, rows: Vec::new(), hidden: None }
    }

    /// The same without one of the columns.
    pub(super) fn without(self, column: usize) -> Self {
        Self { hidden: Some(column), ..self }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| tame(&cell).into_owned()));
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_indented(out, 0)
    }

    /// Writes the table for a place so far from the left edge of the terminal.
    pub(super) fn write_indented(&self, out: &mut dyn Write, indent: usize) -> io::Result<()> {
        let terminal = Terminal::get().width.map(|width| width.saturating_sub(indent));
        let shown: Vec<usize> = (0..N).filter(|column| self.hidden != Some(*column)).collect();
        let columns: Vec<_> = shown.iter().map(|i| self.columns[*i]).collect();
        let rows = self.rows.iter().map(|row| shown.iter().map(|i| row[*i].as_str()).collect());
        write_lines_within(out, &columns, rows, terminal)
    }
}

/// A table whose number of columns is known only when it is written.
pub(super) fn write_columns(
    out: &mut dyn Write,
    columns: &[(String, Align)],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let columns: Vec<_> = columns.iter().map(|(heading, align)| (heading.as_str(), *align)).collect();
    let tamed = |row: &Vec<String>| row.iter().map(|cell| tame(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(tamed).collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect());
    write_lines_within(out, &columns, rows, Terminal::get().width)
}

/// Writes a table; one that is wider than the terminal has several lines for each row.
fn write_lines_within<'r>(
    out: &mut dyn Write,
    columns: &[(&str, Align)],
    rows: impl Iterator<Item = Vec<&'r str>> + Clone,
    terminal: Option<usize>,
) -> io::Result<()> {
    let width = |cell: &str| cell.chars().count();
    let mut widths: Vec<usize> = columns.iter().map(|(heading, _)| width(heading)).collect();
    for row in rows.clone() {
        widths.iter_mut().zip(row).for_each(|(widest, cell)| *widest = width(cell).max(*widest));
    }
    let lines = lines_of_row(&widths, terminal.unwrap_or(usize::MAX));
    let line = |cells: &[&str], of: &Range<usize>| {
        let cells = cells[of.clone()].iter().zip(&widths[of.clone()]).zip(&columns[of.clone()]).map(pad);
        let indent = if of.start == 0 { "" } else { INDENT };
        format!("{indent}{}", cells.collect::<Vec<_>>().join(GAP)).trim_end().to_owned()
    };
    let headings: Vec<_> = columns.iter().map(|(heading, _)| *heading).collect();
    for of in &lines {
        writeln!(out, "{}", paint(HEADING, line(&headings, of)))?;
    }
    for row in rows {
        for of in &lines {
            let text = line(&row, of);
            // Cells that are all empty need no further line.
            if of.start == 0 || !text.is_empty() {
                writeln!(out, "{text}")?;
            }
        }
    }
    Ok(())
}

/// Divides columns of these widths into the lines of a row, as many to a line as the terminal has room for. Of a column
/// that is wider than the terminal the text is wrapped later.
fn lines_of_row(widths: &[usize], terminal: usize) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut used = 0;
    for (i, width) in widths.iter().enumerate() {
        match lines.last_mut() {
            Some(line) if used + GAP.len() + width <= terminal => {
                line.end = i + 1;
                used += GAP.len() + width;
            }
            _ => {
                used = width + if i == 0 { 0 } else { INDENT.len() };
                lines.push(i..i + 1);
            }
        }
    }
    lines
}

fn pad(((cell, width), (_, align)): ((&&str, &usize), &(&str, Align))) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Align, Table, write_lines_within};
    use crate::cli::style::tests::plain;

    #[test]
    fn lines_up() {
        let mut table = Table::new([("NAME", Align::Left), ("COUNT", Align::Right), ("NOTE", Align::Left)]);
        table.row(["a".into(), "1".into(), String::new()]);
        table.row(["länger".into(), "1234567".into(), "x\ty".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(plain(out), "NAME      COUNT  NOTE\na             1\nlänger  1234567  x\\ty\n");
        let mut out = Vec::new();
        table.without(1).write(&mut out).unwrap();
        assert_eq!(plain(out), "NAME    NOTE\na\nlänger  x\\ty\n");
    }

    #[test]
    fn table_wider_than_the_terminal_has_several_lines_for_a_row() {
        let columns = [
            ("CLIENT", Align::Left),
            ("AUTHORITY", Align::Left),
            ("AGE", Align::Right),
            ("TOLD", Align::Left),
        ];
        let row = vec!["10.0.0.5:40000", "reviews.default:9080", "12 s", "2 endpoints"];
        for (terminal, expect) in [
            (
                None,
                "CLIENT          AUTHORITY              AGE  TOLD\n10.0.0.5:40000  reviews.default:9080  12 s  2 endpoints\n",
            ),
            (
                Some(45),
                "CLIENT          AUTHORITY              AGE\n    TOLD\n10.0.0.5:40000  reviews.default:9080  12 s\n    2 endpoints\n",
            ),
            (
                Some(24),
                "CLIENT\n    AUTHORITY\n     AGE  TOLD\n10.0.0.5:40000\n    reviews.default:9080\n    12 s  2 endpoints\n",
            ),
        ] {
            let mut out = Vec::new();
            write_lines_within(&mut out, &columns, [row.clone()].into_iter(), terminal).unwrap();
            assert_eq!(plain(out), expect);
        }
    }
}

//! Columns that line up.

use std::io::{self, Write};

use super::style::{HEADING, paint, tame};

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
        let widths: [usize; N] = std::array::from_fn(|i| {
            let cells = self.rows.iter().map(|row| row[i].as_str());
            cells.chain([self.columns[i].0]).map(|cell| cell.chars().count()).max().unwrap_or(0)
        });
        let line = |cells: [&str; N]| {
            let cells = cells.into_iter().zip(widths).zip(self.columns).enumerate();
            let shown = cells.filter(|(column, _)| self.hidden != Some(*column));
            let cells: Vec<String> = shown.map(|(_, cell)| pad(cell)).collect();
            cells.join("  ").trim_end().to_owned()
        };
        writeln!(out, "{}", paint(HEADING, line(self.columns.map(|(heading, _)| heading))))?;
        for row in &self.rows {
            writeln!(out, "{}", line(row.each_ref().map(String::as_str)))?;
        }
        Ok(())
    }
}

fn pad(((cell, width), (_, align)): ((&str, usize), (&str, Align))) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Align, Table};
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
}

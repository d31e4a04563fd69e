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
        let shown: Vec<usize> = (0..N).filter(|column| self.hidden != Some(*column)).collect();
        let columns: Vec<_> = shown.iter().map(|i| self.columns[*i]).collect();
        let rows = self.rows.iter().map(|row| shown.iter().map(|i| row[*i].as_str()).collect());
        write_lines(out, &columns, rows)
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
    write_lines(out, &columns, rows.iter().map(|row| row.iter().map(String::as_str).collect()))
}

fn write_lines<'r>(
    out: &mut dyn Write,
    columns: &[(&str, Align)],
    rows: impl Iterator<Item = Vec<&'r str>> + Clone,
) -> io::Result<()> {
    let width = |cell: &str| cell.chars().count();
    let mut widths: Vec<usize> = columns.iter().map(|(heading, _)| width(heading)).collect();
    for row in rows.clone() {
        widths.iter_mut().zip(row).for_each(|(widest, cell)| *widest = width(cell).max(*widest));
    }
    let line = |cells: Vec<&str>| {
        let cells: Vec<_> = cells.into_iter().zip(&widths).zip(columns).map(pad).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let headings = columns.iter().map(|(heading, _)| *heading).collect();
    writeln!(out, "{}", paint(HEADING, line(headings)))?;
    for row in rows {
        writeln!(out, "{}", line(row))?;
    }
    Ok(())
}

fn pad(((cell, width), (_, align)): ((&str, &usize), &(&str, Align))) -> String {
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

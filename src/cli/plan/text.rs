//! A plan as text.

use std::io::{self, Write};

use super::{
    Shown,
    rows::{self, DESTINATIONS, Grid},
};
use crate::{
    cli::{
        style::{HEADING, paint, tame},
        table::Table,
    },
    plan::{Changes, Destination},
    status::Notice,
};

/// How far what belongs to a destination is moved to the right.
const INDENT: &str = "  ";

pub(super) fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let Shown { plan, notes } = shown;
    writeln!(out, "{}", rows::summary(plan))?;
    for destination in plan.destinations.iter().take(DESTINATIONS) {
        writeln!(out)?;
        self::destination(out, destination)?;
    }
    if let Some(more) = plan.destinations.len().checked_sub(DESTINATIONS).filter(|more| *more > 0) {
        writeln!(out, "\nand {more} more destinations; -o json has all of them")?;
    }
    warnings(out, "warnings that come", &plan.brought)?;
    warnings(out, "warnings that go", &plan.removed)?;
    if !notes.is_empty() {
        writeln!(out, "\nnot planned")?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "{INDENT}{}", tame(note)))
}

fn destination(out: &mut dyn Write, destination: &Destination) -> io::Result<()> {
    let Destination { service, port, clients: _, changes } = destination;
    let name = format!("{service}:{port}");
    write!(out, "{}", paint(HEADING, tame(&name)))?;
    match rows::clients(destination) {
        Some(clients) => writeln!(out, " for {}", tame(&clients))?,
        None => writeln!(out)?,
    }
    let Changes { merged, leaf, profile } = changes;
    for (change, heading) in [(merged, "Get"), (leaf, "Get, leaf reading")] {
        let Some(change) = change else { continue };
        writeln!(out, "{INDENT}{heading}: {}", rows::answered(change))?;
        let backends = rows::backends(change);
        let is_first = backends.rows.is_empty();
        grid(out, backends)?;
        if !is_first && !change.endpoints.is_empty() {
            writeln!(out)?;
        }
        grid(out, rows::endpoints(change))?;
    }
    let Some(profile) = profile else { return Ok(()) };
    match rows::fields(profile) {
        Some(fields) => writeln!(out, "{INDENT}GetProfile: {fields}")?,
        None => writeln!(out, "{INDENT}GetProfile")?,
    }
    grid(out, rows::overrides(profile))
}

/// A table, moved to the right; nothing if there is nothing in it.
fn grid<const N: usize>(out: &mut dyn Write, grid: Grid<N>) -> io::Result<()> {
    let Grid { columns, rows, more } = grid;
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(columns);
    rows.into_iter().for_each(|row| table.row(row));
    let mut text = Vec::new();
    table.write_indented(&mut text, 2 * INDENT.len())?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(out, "{INDENT}{INDENT}{line}")?;
    }
    if more.is_empty() { Ok(()) } else { writeln!(out, "{INDENT}{INDENT}{more}") }
}

fn warnings(out: &mut dyn Write, heading: &str, warnings: &[Notice]) -> io::Result<()> {
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint(HEADING, heading))?;
    for warning in warnings.iter().take(DESTINATIONS) {
        writeln!(out, "{INDENT}{} [{}]", tame(&warning.to_string()), warning.reason)?;
    }
    match warnings.len().saturating_sub(DESTINATIONS) {
        0 => Ok(()),
        more => writeln!(out, "{INDENT}and {more} more; -o json has all of them"),
    }
}

//! A plan as Markdown, for a comment on a pull request.
//!
//! What comes from manifests can hold anything. It stands in code where it can, and every character with a meaning
//! in Markdown or HTML is written as its number; so nothing ends a cell, opens a tag or calls anybody by name.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    Shown,
    rows::{self, DESTINATIONS, Grid},
};
use crate::{
    cli::style::tame,
    plan::{Changes, Destination},
    status::Notice,
};

pub(super) fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let Shown { plan, notes } = shown;
    writeln!(out, "**Switchyard plan**: {}", rows::summary(plan))?;
    for destination in plan.destinations.iter().take(DESTINATIONS) {
        self::destination(out, destination)?;
    }
    if let Some(more) = plan.destinations.len().checked_sub(DESTINATIONS).filter(|more| *more > 0) {
        writeln!(out, "\nand {more} more destinations")?;
    }
    warnings(out, "Warnings that come", &plan.brought)?;
    warnings(out, "Warnings that go", &plan.removed)?;
    if !notes.is_empty() {
        writeln!(out, "\n#### Not planned\n")?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "- {}", text(note)))
}

fn destination(out: &mut dyn Write, destination: &Destination) -> io::Result<()> {
    let Destination { service, port, clients: _, changes } = destination;
    let clients = rows::clients(destination).map(|clients| format!(" for {}", text(&clients)));
    writeln!(out, "\n#### {}{}", code(&format!("{service}:{port}")), clients.unwrap_or_default())?;
    let Changes { merged, leaf, profile } = changes;
    for (change, heading) in [(merged, "Get"), (leaf, "Get, leaf reading")] {
        let Some(change) = change else { continue };
        writeln!(out, "\n{heading}: {}", rows::answered(change))?;
        grid(out, rows::backends(change))?;
        grid(out, rows::endpoints(change))?;
    }
    let Some(profile) = profile else { return Ok(()) };
    match rows::fields(profile) {
        Some(fields) => writeln!(out, "\nGetProfile: {}", text(&fields))?,
        None => writeln!(out, "\nGetProfile")?,
    }
    grid(out, rows::overrides(profile))
}

/// A table; nothing if there is nothing in it. The first column is the sign.
fn grid<const N: usize>(out: &mut dyn Write, grid: Grid<N>) -> io::Result<()> {
    let Grid { columns, rows, more } = grid;
    if rows.is_empty() {
        return Ok(());
    }
    // What has no heading but the first has nothing in it.
    let shown: Vec<usize> = (0..N).filter(|i| *i == 0 || !columns[*i].0.is_empty()).collect();
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let heading = |i: &usize| {
        let mut heading = columns[*i].0.to_lowercase();
        heading.get_mut(..1).map(str::make_ascii_uppercase);
        heading
    };
    writeln!(out, "\n{}", line(shown.iter().map(heading).collect()))?;
    writeln!(out, "{}", line(shown.iter().map(|_| "---".to_owned()).collect()))?;
    for row in rows {
        writeln!(out, "{}", line(shown.iter().map(|i| cell(&row[*i])).collect()))?;
    }
    if more.is_empty() { Ok(()) } else { writeln!(out, "\n{more}") }
}

/// A cell; what has changed is an arrow between two pieces of code.
fn cell(content: &str) -> String {
    match content.split_once(" -> ") {
        Some((old, new)) => format!("{} → {}", cell(old), cell(new)),
        None if matches!(content, "" | "-" | "+" | "~") => content.to_owned(),
        None if content.ends_with(" %") => text(content),
        None => code(content),
    }
}

fn warnings(out: &mut dyn Write, heading: &str, warnings: &[Notice]) -> io::Result<()> {
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n#### {heading}\n")?;
    for warning in warnings.iter().take(DESTINATIONS) {
        writeln!(out, "- {} ({})", text(&warning.to_string()), code(warning.reason.as_str()))?;
    }
    match warnings.len().saturating_sub(DESTINATIONS) {
        0 => Ok(()),
        more => writeln!(out, "- and {more} more"),
    }
}

/// A name as code.
fn code(content: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/, ".contains(c);
    if content.chars().all(is_plain) {
        format!("`{content}`")
    } else {
        format!("<code>{}</code>", text(content))
    }
}

/// Text in which no character means anything but itself.
fn text(content: &str) -> String {
    let mut escaped = String::with_capacity(content.len());
    for c in tame(content).chars() {
        match c {
            // What follows these would be a person, or another issue.
            '@' | '#' => _ = write!(escaped, "&#{};&#8203;", u32::from(c)),
            c if c.is_ascii_punctuation() && !"-+.,:;/()'%".contains(c) => {
                _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{cell, code, text};

    #[test]
    fn nothing_ends_a_cell_or_opens_a_tag() {
        for (content, expect) in [
            ("reviews-v2", "`reviews-v2`"),
            ("a|b", "<code>a&#124;b</code>"),
            ("a`b", "<code>a&#96;b</code>"),
            ("</code><script>", "<code>&#60;/code&#62;&#60;script&#62;</code>"),
            ("a\n| b", "<code>a&#92;n&#124; b</code>"),
            ("@all", "<code>&#64;&#8203;all</code>"),
            ("&#124;", "<code>&#38;&#35;&#8203;124;</code>"),
        ] {
            assert_eq!(code(content), expect);
        }
        assert_eq!(text("*a* [b](c) \\| #1"), "&#42;a&#42; &#91;b&#93;(c) &#92;&#124; &#35;&#8203;1");
    }

    #[test]
    fn cells_are_code_but_for_signs_and_shares() {
        for (content, expect) in [
            ("", ""),
            ("~", "~"),
            ("-", "-"),
            ("50.00 %", "50.00 %"),
            ("<0.01 %", "&#60;0.01 %"),
            ("50.00 % -> 90.00 %", "50.00 % → 90.00 %"),
            ("500m -> 1", "`500m` → `1`"),
            ("- -> 10.0.0.1:80", "- → `10.0.0.1:80`"),
        ] {
            assert_eq!(cell(content), expect);
        }
    }
}

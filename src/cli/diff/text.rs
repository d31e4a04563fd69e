//! What differs as text: a table of what it is by who says what.

use std::io::{self, Write};

use super::ways::{self, Difference, Ways};
use crate::{
    cli::{
        style::{HEADING, paint, tame},
        table::{Align, write_columns},
    },
    pb::destination::DestinationProfile,
};

/// So many endpoints that differ are listed, and so many overrides; the rest is counted, and JSON has all.
const SHOWN: usize = 50;

/// So many ways stand side by side; more of them no terminal has room for.
const WAYS: usize = 8;

pub(super) fn write(out: &mut dyn Write, authority: &str, ways: &Ways<'_>) -> io::Result<()> {
    let authority = tame(authority);
    match &ways.0[..] {
        [] => Ok(()),
        [way] => {
            let endpoints = way.answers.endpoints.as_ref().map(ways::answered);
            let said: Vec<_> = endpoints.into_iter().chain([profile(&way.answers.profile)]).collect();
            let said = said.join(", ");
            match ways.replicas() {
                1 => writeln!(out, "nothing to compare: only 1 replica answers: {said}"),
                n => writeln!(out, "equal: {n} replicas answer the same: {said}"),
            }
        }
        all => {
            let count = ways.replicas();
            writeln!(out, "different: {count} replicas answer {authority} in {} ways", all.len())?;
            for way in all {
                let names: Vec<_> = way.replicas.iter().map(ToString::to_string).collect();
                writeln!(out, "  {}", names.join(", "))?;
            }
            table(out, "Get", "ENDPOINT", ways, ways.endpoints())?;
            table(out, "GetProfile", "OVERRIDE", ways, ways.profiles())
        }
    }
}

/// `2 overrides`, or that there is nothing in it.
fn profile(profile: &DestinationProfile) -> String {
    if *profile == DestinationProfile::default() {
        return "the empty profile".to_owned();
    }
    match profile.dst_overrides.len() {
        0 => "no overrides".to_owned(),
        1 => "1 override".to_owned(),
        n => format!("{n} overrides"),
    }
}

fn table(
    out: &mut dyn Write,
    heading: &str,
    what: &str,
    ways: &Ways<'_>,
    differences: Vec<Difference>,
) -> io::Result<()> {
    writeln!(out)?;
    if differences.is_empty() {
        return writeln!(out, "{}: equal", paint(HEADING, heading));
    }
    writeln!(out, "{}", paint(HEADING, heading))?;
    let column = |text: String| (text, Align::Left);
    let mut columns = vec![column(what.to_owned())];
    columns.extend(ways.0.iter().take(WAYS).map(|way| {
        let more = way.replicas.len() - 1;
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        column(format!("{}{more}", way.replicas[0]))
    }));
    columns.push(column("DIFFERS".to_owned()));
    let count = differences.len();
    let row = |difference: Difference| {
        let Difference { what, said, fields } = difference;
        [what].into_iter().chain(said.into_iter().take(WAYS)).chain([fields]).collect()
    };
    let rows: Vec<Vec<String>> = differences.into_iter().take(SHOWN).map(row).collect();
    write_columns(out, &columns, &rows)?;
    if count > SHOWN {
        writeln!(out, "and {} more; -o json has all answers", count - SHOWN)?;
    }
    match ways.0.len().saturating_sub(WAYS) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more ways; -o json has all answers"),
    }
}

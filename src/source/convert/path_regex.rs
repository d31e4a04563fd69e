//! Regular expressions of a ServiceProfile's routes, which have to be ones that proxies can use.
//!
//! A proxy drops a condition whose expression does not compile. Alone that drops the route; beside other conditions
//! it leaves them to match more requests than was meant. So such a route is left out here, with a warning. What
//! compiles is not kept.

use std::cell::Cell;

use regex::{Error, RegexBuilder};

use super::{Rejection, read::At};

/// Largest compiled expression that a proxy takes, in bytes: the default of the library that it uses.
const MAX_COMPILED: usize = 10 << 20;
/// Compiled size up to which every expression is checked, in bytes. It takes a fraction of a millisecond.
const SMALL: usize = 256 << 10;
/// Larger expressions of one profile that are checked, at some ten milliseconds each; others are taken to be valid.
const MAX_LARGE: usize = 4;
/// Expressions of one profile that are checked; further ones are taken to be valid. Far above what one is written or
/// generated with, and a bound on what an object of a megabyte costs.
const MAX_CHECKED: usize = 5_000;

/// Checks the expressions of one profile.
#[derive(Debug, Default)]
pub(super) struct PathRegexes {
    checked: Cell<usize>,
    large: Cell<usize>,
}

impl PathRegexes {
    /// Fails if proxies cannot use an expression.
    pub(super) fn check(&self, at: &At<'_, '_>, regex: &str) -> Result<(), Rejection> {
        self.checked.set(self.checked.get() + 1);
        if self.checked.get() > MAX_CHECKED {
            return Ok(());
        }
        let anchored = anchored(regex);
        let compile = |limit| RegexBuilder::new(&anchored).size_limit(limit).build().map(|_| ());
        let mut compiled = compile(SMALL);
        if let Err(Error::CompiledTooBig(_)) = compiled {
            self.large.set(self.large.get() + 1);
            compiled = if self.large.get() > MAX_LARGE { Ok(()) } else { compile(MAX_COMPILED) };
        }
        compiled.map_err(|error| {
            let why =
                match error {
                    Error::CompiledTooBig(_) => "it is too large when compiled".to_owned(),
                    // The last line of several says what is wrong; those before show where.
                    error => error.to_string().lines().last().map_or_else(String::new, |line| {
                        line.trim().trim_start_matches("error: ").to_owned()
                    }),
                };
            let Rejection { path, message } = at.wrong("a regular expression");
            Rejection {
                path,
                message: format!("{message}, which is no valid one: {why}; proxies cannot use the route"),
            }
        })
    }
}

/// The expression as a proxy compiles it: it has to match the whole path.
fn anchored(regex: &str) -> String {
    let regex = regex.trim();
    let start = if regex.starts_with('^') { "" } else { "^" };
    let end = if regex.ends_with('$') { "" } else { "$" };
    format!("{start}{regex}{end}")
}

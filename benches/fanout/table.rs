//! What was measured, beside what must be reached.

use std::fmt;

/// One figure.
#[derive(Debug)]
pub(super) struct Line {
    /// The row of the benchmark.
    pub(super) row: String,
    /// What is measured.
    pub(super) what: &'static str,
    /// Ours, with its unit.
    pub(super) ours: String,
    /// What it is compared with, with its unit.
    pub(super) other: String,
    /// What counts, mostly the ratio of the two.
    pub(super) figure: f64,
    /// At most this; `None` if it is only reported.
    pub(super) bound: Option<f64>,
}

impl Line {
    /// Two values in one unit, of which the ratio counts.
    pub(super) fn ratio(
        row: &str,
        what: &'static str,
        [ours, other]: [f64; 2],
        unit: &str,
        bound: Option<f64>,
    ) -> Self {
        let value = |value: f64| format!("{value:.2} {unit}");
        let (figure, row) = (ours / other, row.to_owned());
        Self { row, what, ours: value(ours), other: value(other), figure, bound }
    }

    /// One value.
    pub(super) fn value(row: &str, what: &'static str, value: f64, unit: &str, bound: Option<f64>) -> Self {
        let ours = format!("{value:.2} {unit}");
        Self { row: row.to_owned(), what, ours, other: String::new(), figure: value, bound }
    }

    /// Whether it is more than it may be.
    pub(super) fn is_over(&self) -> bool {
        self.bound.is_some_and(|bound| self.figure > bound)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, what, ours, other, figure, bound } = self;
        write!(f, "{row:<22} {what:<24} {ours:>13} {other:>13} {figure:>8.2}")?;
        match bound {
            Some(bound) => write!(f, " (<= {bound}) {}", if self.is_over() { "OVER" } else { "ok" }),
            None => write!(f, " (reported)"),
        }
    }
}

/// What the columns of a [`Line`] are.
pub(super) fn head() -> String {
    format!("{:<22} {:<24} {:>13} {:>13} {:>8}", "", "", "ours", "beside", "ratio")
}

/// The middle of some values.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

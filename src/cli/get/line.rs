//! A line about a change: the time, a sign, the endpoint, and what became of it.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use crate::{
    cli::{
        moment::Moment,
        percent::percent,
        style::{Sign, TIME, paint, tame},
    },
    client::{Endpoint, Endpoints},
};

/// What a table shows for a text that may be missing.
pub(super) fn or_dash(text: Option<&str>) -> Cow<'_, str> {
    text.filter(|text| !text.is_empty()).map_or(Cow::Borrowed("-"), tame)
}

/// What is said of an endpoint on every line about it.
pub(super) struct Row {
    pub(super) addr: String,
    pub(super) weight: u32,
    pub(super) backend: String,
    pub(super) pod: String,
}

impl Row {
    pub(super) fn of(endpoints: &Endpoints, endpoint: &Endpoint) -> Self {
        Self {
            addr: endpoint.addr.to_string(),
            weight: endpoint.weight(),
            backend: or_dash(endpoints.backend(endpoint)).into_owned(),
            pod: or_dash(endpoint.pod()).into_owned(),
        }
    }
}

/// How wide the columns of the change lines have become; they never shrink, so that lines stay aligned.
#[derive(Default)]
pub(super) struct Widths {
    addr: usize,
    backend: usize,
    pod: usize,
}

impl Widths {
    pub(super) fn include(&mut self, row: &Row) {
        self.addr = self.addr.max(row.addr.len());
        self.backend = self.backend.max(row.backend.chars().count());
        self.pod = self.pod.max(row.pod.chars().count());
    }
}

/// A line about a change.
pub(super) struct Line {
    at: String,
    sign: Sign,
    row: Option<Row>,
    /// The weight before, if there was one, and after.
    weight: Option<(Option<u32>, u32)>,
    text: String,
}

impl Line {
    pub(super) fn new(at: &Moment, sign: Sign, row: Option<Row>, text: String) -> Self {
        Self { at: at.local(), sign, row, weight: None, text }
    }

    /// With the weight before and after; the shares follow when both totals are known.
    pub(super) fn weight(self, from: Option<u32>, to: u32) -> Self {
        Self { weight: Some((from, to)), ..self }
    }

    pub(super) fn row(&self) -> Option<&Row> {
        self.row.as_ref()
    }

    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        widths: &Widths,
        total_before: u64,
        total: u64,
    ) -> io::Result<()> {
        let mut text = String::new();
        if let Some(Row { addr, backend, pod, .. }) = &self.row {
            let Widths { addr: a, backend: b, pod: p } = widths;
            text = format!("{addr:<a$}  {backend:<b$}  {pod:<p$}  ");
        }
        if let Some((from, to)) = self.weight {
            let share = percent(to.into(), total);
            text += &match from {
                None => format!("weight {to}, share {share}"),
                Some(from) => {
                    let before = percent(from.into(), total_before);
                    format!("weight {from} -> {to}, share {before} -> {share}")
                }
            };
        }
        text += &self.text;
        writeln!(out, "{} {} {}", paint(TIME, &self.at), self.sign, text.trim_end())
    }
}

//! What happened in a run, line by line: what a failure is read from, and what two runs of a seed must agree in.

use std::fmt;

use switchyard::source::Event;
use tokio::time::Instant;

/// See the module's documentation.
pub(super) struct Trace {
    /// When the run began, on its own clock.
    start: Option<Instant>,
    text: String,
    full: bool,
}

impl Trace {
    /// An empty one; `full` if what is told is written down with all that it says.
    pub(super) fn new(full: bool) -> Self {
        Self { start: None, text: String::new(), full }
    }

    pub(super) fn note(&mut self, line: fmt::Arguments<'_>) {
        use fmt::Write;
        let time = self.start.get_or_insert_with(Instant::now).elapsed().as_millis();
        writeln!(self.text, "{time:>7} {line}").expect("a text takes everything");
    }

    /// What a server is told; in full only where somebody will read it.
    pub(super) fn events(&mut self, events: &[Event]) {
        for event in events {
            match event {
                event if self.full => self.note(format_args!("told {event:?}")),
                Event::Upsert(object) => self.note(format_args!("told of {}", object.id())),
                Event::Remove(id) => self.note(format_args!("told that {id} is gone")),
                Event::Replace(kind, objects) => self.note(format_args!("told all {} {kind}", objects.len())),
                Event::ReplaceExcept(kind, objects, kept) => {
                    self.note(format_args!("told all {} {kind} but {}", objects.len(), kept.len()));
                }
                Event::Folder(_) => self.note(format_args!("told that it is a folder")),
            }
        }
        self.note(format_args!("in one batch: {}", events.len()));
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The bytes in short: two that differ differ in this too.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

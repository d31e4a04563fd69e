//! A token bucket for each kind of line: an object with ten thousand faults, or a client with as many, does not fill the
//! log.
//!
//! A kind is a place in the source and, for warnings, their reason. Lines of the levels debug and trace pass: they are
//! there because an operator asked for them.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;
use tracing::{
    Event, Level, Metadata,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Filter};

use crate::bucket::{Bucket, Rate};

/// How many lines of one kind are logged: enough to see what kind of fault it is. `/debug/warnings` lists all.
pub(super) const RATE: Rate = Rate { per_second: 10, burst: 100 };

/// The buckets. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct PerKind {
    /// As many as there are places in the source that log, and reasons.
    buckets: Arc<Mutex<HashMap<(Identifier, Reason), Bucket>>>,
    left_out: Arc<AtomicU64>,
}

impl PerKind {
    /// How many lines were left out since the start.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl<S> Filter<S> for PerKind {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::INFO {
            return true;
        }
        let mut reason = Reason::default();
        event.record(&mut reason);
        let kind = (event.metadata().callsite(), reason);
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let may = buckets.entry(kind).or_insert_with(|| Bucket::full(RATE, now)).take(RATE, now);
        if !may {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        may
    }
}

/// The field `reason` of a line, which has one of a closed set of values; empty without.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Reason(String);

impl Visit for Reason {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "reason" {
            _ = write!(self.0, "{value:?}");
        }
    }
}

//! A state of a cluster, as it is planned from or to.

use std::sync::Arc;

use super::ask_for_everything;
use crate::{
    cluster::Cluster,
    engine::{Engine, Warning},
    model::Name,
    resolve::Options,
    source::{Batch, Report},
    status::{Notice, Status},
};

/// All objects, and everything that is odd about them.
#[derive(Debug)]
pub struct State {
    engine: Engine,
    report: Arc<Report>,
    warnings: Arc<[Notice]>,
}

impl State {
    /// What a source says with these batches, taken one after the other. All kinds have to be in them.
    #[must_use]
    pub fn new(domain: Name, options: Options, batches: impl IntoIterator<Item = Batch>) -> Self {
        let mut engine = Engine::new(domain, options);
        let mut report: Arc<Report> = Arc::default();
        for batch in batches {
            engine.apply(batch.events);
            report = batch.report.unwrap_or(report);
        }
        ask_for_everything(&mut engine);
        let warnings = Status::new(&engine, &report).warnings;
        Self { engine, report, warnings }
    }

    /// The objects.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        self.engine.cluster()
    }

    /// A warning with the place of its object.
    pub(super) fn notice(&self, warning: &Warning) -> Notice {
        Notice::of_warning(warning, &self.report)
    }

    /// Everything odd about them.
    #[must_use]
    pub fn warnings(&self) -> &[Notice] {
        &self.warnings
    }
}

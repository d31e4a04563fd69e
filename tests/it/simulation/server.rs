//! The real controller and the real service, and all that this server was ever told.

use std::collections::BTreeSet;

use switchyard::{
    controller::{BATCHES, Controller, Directory, Pace},
    engine::Engine,
    grpc::{
        destination::{Destination, Requests},
        drain::Drain,
    },
    hold::Lead,
    metrics::{Metrics, Rpc},
    model::Kind,
    resolve::Options,
    source::{Batch, Event},
};
use tokio::{sync::mpsc, task::JoinHandle, time::Duration};

use super::history::History;
use crate::laws::{alphabet::DOMAIN, world::World};

/// The longest request that is read, in bytes: as the flag's default.
const REQUESTS: Requests = Requests { max_bytes: 2 << 20, time: Duration::from_secs(10) };
/// More often than anybody needs, so that many states of each run are audited.
const AUDITS: Pace = Pace { turn: Duration::from_millis(5), round: Duration::from_secs(1) };
/// How long the streams of a server that stops may take to end.
pub(super) const DRAIN_WINDOW: Duration = Duration::from_millis(700);

/// See the module's documentation.
pub(super) struct Server {
    /// Which of the servers of this run it is.
    pub(super) number: usize,
    pub(super) destination: Destination,
    pub(super) directory: Directory,
    pub(super) metrics: Metrics,
    pub(super) history: History,
    batches: mpsc::Sender<Batch>,
    controller: JoinHandle<()>,
    drain: Drain,
    is_stopping: bool,
    told: World,
    leaf_drain: Duration,
    settled: usize,
    /// Kinds of which it has seen no list.
    awaited: BTreeSet<Kind>,
}

impl Server {
    /// A server that knows nothing yet.
    pub(super) fn start(number: usize, options: &Options, leaf_drain: Duration, drain: Duration) -> Self {
        let (metrics, (batches, receiver)) = (Metrics::default(), mpsc::channel(BATCHES));
        let engine = Engine::new(DOMAIN.into(), options.clone());
        let lead = Lead { drain: leaf_drain };
        let (controller, directory) = Controller::new(engine, lead, Default::default(), metrics.clone());
        let controller = tokio::spawn(controller.pace_audits(AUDITS).run(receiver));
        let drain = Drain::new(drain, directory.topics().clone());
        let destination =
            Destination::new(directory.clone(), DOMAIN.into(), REQUESTS, drain.clone(), metrics.clone());
        Self {
            number,
            destination,
            directory,
            metrics,
            history: History::new(options.clone(), leaf_drain),
            batches,
            controller,
            drain,
            is_stopping: false,
            told: World::default(),
            leaf_drain,
            settled: 0,
            awaited: Kind::ALL.into(),
        }
    }

    /// What it was told so far.
    pub(super) fn told(&self) -> &World {
        &self.told
    }

    /// Tells it a batch; from then on that is the truth.
    pub(super) fn tell(&mut self, events: Vec<Event>) -> Result<(), String> {
        for event in &events {
            self.told.apply(event);
            if let Event::Replace(kind, _) | Event::ReplaceExcept(kind, ..) = event {
                self.awaited.remove(kind);
            }
        }
        if self.awaited.is_empty() {
            self.history.push(self.told.clone());
        }
        self.batches
            .try_send(Batch { events, ..Batch::default() })
            .map_err(|error| format!("controller: {error}"))
    }

    /// Everything that it was told is made known, but for what is held.
    ///
    /// # Errors
    /// If nothing will be any more, or if it found itself in the wrong.
    pub(super) fn note_settled(&mut self) -> Result<(), String> {
        self.settled = if self.leaf_drain.is_zero() { self.history.len().saturating_sub(1) } else { 0 };
        for rpc in ["get", "get_profile"] {
            if self.metrics.audit_divergences.get_or_create(&Rpc { rpc }).get() > 0 {
                return Err(format!("an audit found an answer of {rpc} that is not true"));
            }
        }
        if self.controller.is_finished() { Err("the controller ended".to_owned()) } else { Ok(()) }
    }

    /// No stream that looks now is shown anything from before this moment.
    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    /// Whether its streams may end.
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Begins to stop: nothing more is told, and its streams end in their time.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
        self.drain.start();
    }
}

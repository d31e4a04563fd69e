//! What is counted, registered in one place.
//!
//! No label grows with the cluster: reasons, kinds, codes and methods are closed sets, and nothing is labelled by
//! service, address or client. Every series there can be is there from the start.
//!
//! * `calls` what go-grpc-prometheus counts, `linkerd` what Linkerd does, `process` what every exporter does;
//! * [`Families`] what is ours, its `labels`, and `age`, which grows by itself;
//! * [`sweep`] what is known only by looking at every stream;
//! * `histogram` and `series` are kinds of metrics that the library lacks, `text` is how all of them are shown.

use std::{
    ops::Deref,
    sync::{Arc, atomic::AtomicU64},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

mod age;
mod calls;
mod histogram;
mod labels;
mod linkerd;
mod process;
mod series;
pub mod sweep;
mod text;

pub use self::{
    age::Ages,
    calls::Calls,
    histogram::Histogram,
    labels::{Because, OfKind, OfLimit, Rpc, WatchRestart},
    linkerd::Linkerd,
    text::Format,
};
use crate::{
    grpc::method::Method,
    version::{COMMIT, DATE, VERSION},
};

/// All metrics of the server. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics {
    families: Arc<Families>,
}

impl Default for Metrics {
    fn default() -> Self {
        let families = Families::default();
        families.fill();
        Self { families: Arc::new(families) }
    }
}

impl Deref for Metrics {
    type Target = Families;

    fn deref(&self) -> &Families {
        &self.families
    }
}

/// The metrics themselves.
#[derive(Debug, Default)]
pub struct Families {
    /// Open connections of clients.
    pub connections: Gauge,
    /// Connections that ended, by reason.
    pub connections_ended: Family<Because, Counter>,
    /// Connections and requests turned away, by the limit that they hit.
    pub limits_hit: Family<OfLimit, Counter>,
    /// From the source's event to its bytes handed to the socket, each message of each stream after its first.
    pub event_to_wire: Histogram,
    /// Open streams.
    pub streams: Family<Rpc, Gauge>,
    /// Streams opened since the start.
    pub streams_started: Family<Rpc, Counter>,
    /// Streams that ended, by reason.
    pub streams_ended: Family<Because, Counter>,
    /// Messages handed to streams.
    pub messages: Family<Rpc, Counter>,
    /// Answers that streams were never told, because they did not ask before the next one.
    pub skipped: Family<Rpc, Counter>,
    /// Requests that were refused, by gRPC code.
    pub refused: Family<Because, Counter>,
    /// Shared views that are kept up to date.
    pub views: Gauge,
    /// Bytes of those views, as they are counted for `--max-view-bytes`.
    pub view_bytes: Gauge,
    /// Answers that were resolved and splits that were inspected.
    pub resolutions: Counter,
    /// Views that were resolved from scratch and compared with what was published, by method.
    pub audits: Family<Rpc, Counter>,
    /// Views that were found to differ, and not to be equal since, by method.
    pub audit_divergent_views: Family<Rpc, Gauge>,
    /// How often a view was found to differ, by method.
    pub audit_divergences: Family<Rpc, Counter>,
    /// How long the last round of audits that is over took to come to every view, in seconds; 0 before the first is.
    pub audit_round: Gauge<f64, AtomicU64>,
    /// Looks at what is known, of people and of audits, that ended in a panic.
    pub inspections_failed: Counter,
    /// Seconds without a completed turn of the controller, as its watchdog counts them.
    pub controller_stalled: Gauge,
    /// Batches of events applied.
    pub batches: Counter,
    /// Objects known.
    pub objects: Family<OfKind, Gauge>,
    /// Warnings that hold now.
    pub warnings: Family<Because, Gauge>,
    /// Warnings since the start, each once for an object's version.
    pub warned: Family<Because, Counter>,
    /// 1 once every kind of object has been read.
    pub synced: Gauge,
    /// Lists and watches of the API server that failed.
    pub watch_restarts: Family<WatchRestart, Counter>,
    /// 1 for a kind of which nothing new can be heard.
    pub stale: Family<OfKind, Gauge>,
    /// How long nothing was heard of each kind.
    pub ages: Ages,
    /// Objects of the API server that could not be used, once a version.
    pub undecodable: Family<OfKind, Counter>,
    /// Calls of the Destination service, in the order of [`Method::ALL`].
    pub calls: [Calls; 2],
    /// What Linkerd counts.
    pub linkerd: Linkerd,
}

impl Metrics {
    /// A registry with all of them.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        self.register_ours(ours(&mut registry));
        let sent = Method::ALL.map(|method| self.messages.get_or_create_owned(&Rpc { rpc: method.as_str() }));
        calls::register(&mut registry, &self.calls, &sent);
        linkerd::register(&mut registry, self);
        registry.register_collector(Box::new(process::Process));
        registry
    }

    fn register_ours(&self, registry: &mut Registry) {
        let info = Info::new(vec![("version", VERSION), ("commit", COMMIT), ("date", DATE)]);
        registry.register("build", "The version of this program, its commit and the date of its build", info);
        registry.register("connections", "Open connections of clients", self.connections.clone());
        registry.register(
            "connections_ended",
            "Connections that ended, by reason",
            self.connections_ended.clone(),
        );
        registry.register(
            "limits_hit",
            "Connections and requests turned away, by the limit that they hit",
            self.limits_hit.clone(),
        );
        registry.register_with_unit(
            "event_to_wire",
            "From the source's event to its bytes handed to the socket, for each message that tells of it",
            Unit::Seconds,
            self.event_to_wire.clone(),
        );
        registry.register("streams", "Open streams", self.streams.clone());
        registry.register("streams_started", "Streams opened", self.streams_started.clone());
        registry.register("streams_ended", "Streams that ended, by reason", self.streams_ended.clone());
        registry.register("messages_sent", "Messages handed to streams", self.messages.clone());
        registry.register(
            "versions_skipped",
            "Answers that streams were never told, being brought to a later one in one step",
            self.skipped.clone(),
        );
        registry.register("requests_refused", "Requests refused, by gRPC code", self.refused.clone());
        registry.register("views", "Shared views kept up to date", self.views.clone());
        registry.register_with_unit(
            "view",
            "What shared views cost, as it is counted for --max-view-bytes",
            Unit::Bytes,
            self.view_bytes.clone(),
        );
        registry.register("resolutions", "Answers resolved and splits inspected", self.resolutions.clone());
        self.register_audits(registry);
        registry.register_with_unit(
            "controller_stalled",
            "Seconds without a completed turn of the controller, which completes one a second at least",
            Unit::Seconds,
            self.controller_stalled.clone(),
        );
        registry.register("batches_applied", "Batches of events applied", self.batches.clone());
        registry.register("objects", "Objects known, by kind", self.objects.clone());
        registry.register("warnings", "Warnings that hold now, by reason", self.warnings.clone());
        registry.register(
            "warnings_raised",
            "Warnings raised, once an object's version",
            self.warned.clone(),
        );
        registry.register("synced", "1 once every kind of object has been read", self.synced.clone());
        registry.register(
            "watch_restarts",
            "Lists and watches of the API server that failed, by kind and reason",
            self.watch_restarts.clone(),
        );
        registry.register("stale", "1 for a kind of which nothing new can be heard", self.stale.clone());
        registry.register_with_unit(
            "cache_age",
            "How long nothing was heard of a kind, if only that nothing happened; 0 where it is read from a folder",
            Unit::Seconds,
            self.ages.clone(),
        );
        registry.register("undecodable", "Objects that could not be used, by kind", self.undecodable.clone());
    }
}

impl Families {
    /// How many streams are open, of all methods.
    #[must_use]
    pub fn open_streams(&self) -> i64 {
        let open = |method: Method| self.streams.get_or_create(&Rpc { rpc: method.as_str() }).get();
        Method::ALL.into_iter().map(open).sum()
    }

    fn register_audits(&self, registry: &mut Registry) {
        registry.register(
            "audits",
            "Views resolved from scratch and compared with what was published, by method",
            self.audits.clone(),
        );
        registry.register(
            "audit_divergent_views",
            "Views that an audit found to differ from the truth, and none found equal since, by method",
            self.audit_divergent_views.clone(),
        );
        registry.register(
            "audit_divergences",
            "Audits that found a view to differ from the truth, by method",
            self.audit_divergences.clone(),
        );
        registry.register_with_unit(
            "audit_round",
            "How long the last round of audits that is over took to come to every view; 0 before the first is",
            Unit::Seconds,
            self.audit_round.clone(),
        );
        registry.register(
            "inspections_failed",
            "Looks at what is known, of people and of audits, that ended in a panic",
            self.inspections_failed.clone(),
        );
    }
}

/// The part of a registry whose names begin with `switchyard_`, for others to register what is theirs.
pub fn ours(registry: &mut Registry) -> &mut Registry {
    registry.sub_registry_with_prefix("switchyard")
}

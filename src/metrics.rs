//! What is counted, registered in one place.
//!
//! No label grows with the cluster: reasons, kinds and methods are closed sets, and nothing is labelled by
//! service, address or client.

use std::{ops::Deref, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

mod histogram;

pub use self::histogram::Histogram;

/// Which method of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Rpc {
    /// `get` or `get_profile`.
    pub rpc: &'static str,
}

/// Which kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfKind {
    /// As in a manifest.
    pub kind: &'static str,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Because {
    /// One of a closed set.
    pub reason: &'static str,
}

/// Why a list or a watch of a kind had to begin again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WatchRestart {
    /// As in a manifest.
    pub kind: &'static str,
    /// One of a closed set.
    pub reason: &'static str,
}

/// A limit that was hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfLimit {
    /// One of a closed set.
    pub limit: &'static str,
}

/// All metrics of the server. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    families: Arc<Families>,
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
    /// From the source's event to its bytes handed to the socket, each message of each stream that keeps up.
    pub event_to_wire: Histogram,
    /// Open streams.
    pub streams: Family<Rpc, Gauge>,
    /// Streams opened since the start.
    pub streams_started: Family<Rpc, Counter>,
    /// Messages handed to streams.
    pub messages: Family<Rpc, Counter>,
    /// Answers that streams were never told, because they did not ask before the next one.
    pub skipped: Family<Rpc, Counter>,
    /// Requests that were refused, by gRPC code.
    pub refused: Family<Because, Counter>,
    /// Shared views that are kept up to date.
    pub views: Gauge,
    /// Answers that were resolved and splits that were inspected.
    pub resolutions: Counter,
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
    /// Objects of the API server that could not be used, once a version.
    pub undecodable: Family<OfKind, Counter>,
}

impl Metrics {
    /// A registry with all of them.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("switchyard");
        let info = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of this program", info);
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
        registry.register("messages_sent", "Messages handed to streams", self.messages.clone());
        registry.register(
            "versions_skipped",
            "Answers that streams were never told, being brought to a later one in one step",
            self.skipped.clone(),
        );
        registry.register("requests_refused", "Requests refused, by gRPC code", self.refused.clone());
        registry.register("views", "Shared views kept up to date", self.views.clone());
        registry.register("resolutions", "Answers resolved and splits inspected", self.resolutions.clone());
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
        registry.register("undecodable", "Objects that could not be used, by kind", self.undecodable.clone());
        registry
    }
}

/// The registry in OpenMetrics text.
#[must_use]
pub fn render(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).expect("a String takes everything");
    text
}

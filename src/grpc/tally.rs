//! What is counted of calls and of the streams that answer them.
//!
//! A method's counters are looked up once and held from then on: families are looked up under a lock, which is too much
//! for each of many messages.

use std::sync::Arc;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tokio::time::Instant;
use tonic::Code;
use tracing::Span;

use super::method::Method;
use crate::{
    connection::{Ended, Peer},
    metrics::{Because, Calls, Metrics, Rpc},
    shares::Hold,
};

/// Why a stream is over, from a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The client went away, or closed the stream or its connection.
    ByClient,
    /// This server is shutting down.
    Drained,
    /// The client did not answer a ping, or took nothing for too long.
    Unreachable,
    /// The client broke the rules of HTTP/2.
    Protocol,
    /// The client did too much of what is allowed.
    Flood,
    /// Something else failed.
    Failed,
}

impl Over {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::ByClient, Self::Drained, Self::Unreachable, Self::Protocol, Self::Flood, Self::Failed];

    /// As a label of metrics: as connections have it that end for the same reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByClient => "by_client",
            Self::Drained => "drained",
            Self::Unreachable => "unreachable",
            Self::Protocol => "protocol",
            Self::Flood => "flood",
            Self::Failed => "failed",
        }
    }

    /// Why a stream is over that was dropped: because its connection has ended, or alone.
    fn of(connection: Option<Ended>) -> Self {
        match connection {
            // A connection that is closed for having no stream still takes one that was under way, until its client has
            // heard so.
            None | Some(Ended::ByClient | Ended::Idle) => Self::ByClient,
            Some(Ended::Drained) => Self::Drained,
            Some(Ended::Unreachable) => Self::Unreachable,
            Some(Ended::Protocol) => Self::Protocol,
            Some(Ended::Flood) => Self::Flood,
            // The rest has no streams.
            Some(Ended::Silent | Ended::Tls | Ended::Refused | Ended::Failed) => Self::Failed,
        }
    }
}

/// The counters of a method.
#[derive(Debug)]
pub struct Tally {
    open: Gauge,
    opened: Counter,
    messages: Counter,
    skipped: Counter,
    calls: Calls,
    /// By [`Over`].
    ended: [Counter; Over::ALL.len()],
}

impl Tally {
    /// Those of this method.
    #[must_use]
    pub fn new(metrics: &Metrics, method: Method) -> Arc<Self> {
        let rpc = Rpc { rpc: method.as_str() };
        let ended =
            |over: Over| metrics.streams_ended.get_or_create_owned(&Because { reason: over.as_str() });
        Arc::new(Self {
            open: metrics.streams.get_or_create_owned(&rpc),
            opened: metrics.streams_started.get_or_create_owned(&rpc),
            messages: metrics.messages.get_or_create_owned(&rpc),
            skipped: metrics.skipped.get_or_create_owned(&rpc),
            calls: metrics.calls[method as usize].clone(),
            ended: Over::ALL.map(ended),
        })
    }

    /// A call has begun.
    #[must_use]
    pub fn call(self: &Arc<Self>) -> Call {
        self.calls.started.inc();
        // Whatever drops a call, it was not this server that ended it, unless it says so.
        Call { tally: self.clone(), began: Instant::now(), code: Code::Cancelled, place: None }
    }
}

/// A call, counted as handled when it is dropped.
#[derive(Debug)]
pub struct Call {
    tally: Arc<Tally>,
    began: Instant,
    code: Code,
    /// Its place among the streams of its client.
    place: Option<Hold>,
}

impl Call {
    /// It has this place among the streams of its client until it has ended.
    pub(super) fn takes(&mut self, place: Hold) {
        self.place = Some(place);
    }

    /// Its message was read.
    pub fn received(&self) {
        self.tally.calls.received.inc();
    }

    /// It ends with this code.
    pub fn ends(&mut self, code: Code) {
        self.code = code;
    }

    /// It is answered by a stream from here on, which is traced in this span.
    pub(super) fn stream(self, peer: Option<Arc<Peer>>, span: Span) -> Open {
        self.tally.open.inc();
        self.tally.opened.inc();
        Open { call: self, peer, is_drained: false, span }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.tally.calls.handled(self.code, self.began.elapsed());
    }
}

/// A call that is answered by a stream, which is over when this is dropped.
#[derive(Debug)]
pub(super) struct Open {
    call: Call,
    peer: Option<Arc<Peer>>,
    is_drained: bool,
    span: Span,
}

impl Open {
    /// So many messages were handed over, and so many answers left out.
    pub(super) fn sent(&self, messages: u32, skipped: u64) {
        self.call.tally.messages.inc_by(messages.into());
        if skipped > 0 {
            self.call.tally.skipped.inc_by(skipped);
        }
    }

    /// Who is told them.
    pub(super) fn peer(&self) -> Option<&Peer> {
        self.peer.as_deref()
    }

    /// The server ends it.
    pub(super) fn drained(&mut self) {
        self.is_drained = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let over = if self.is_drained { Over::Drained } else { Over::of(self.peer().and_then(Peer::ended)) };
        if over == Over::Drained {
            self.call.ends(Code::Unavailable);
        }
        self.call.tally.open.dec();
        self.call.tally.ended[over as usize].inc();
        self.span.record("ended", over.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn a_stream_is_over_for_the_reason_for_which_its_connection_is() {
        let metrics = Metrics::default();
        let tally = Tally::new(&metrics, Method::Get);
        let ended =
            |over: Over| metrics.streams_ended.get_or_create_owned(&Because { reason: over.as_str() });
        for (connection, expect) in [
            (None, Over::ByClient),
            (Some(Ended::ByClient), Over::ByClient),
            (Some(Ended::Idle), Over::ByClient),
            (Some(Ended::Drained), Over::Drained),
            (Some(Ended::Unreachable), Over::Unreachable),
            (Some(Ended::Protocol), Over::Protocol),
            (Some(Ended::Flood), Over::Flood),
            (Some(Ended::Failed), Over::Failed),
        ] {
            let before = ended(expect).get();
            let peer = Arc::new(Peer::new(([127, 0, 0, 1], 1).into(), Histogram::default()));
            let stream = tally.call().stream(Some(peer.clone()), Span::none());
            assert_eq!(tally.open.get(), 1);
            if let Some(connection) = connection {
                peer.ends(connection);
            }
            drop(stream);
            assert_eq!(ended(expect).get(), before + 1, "{connection:?}");
        }
        assert_eq!(tally.open.get(), 0);
    }

    #[test]
    fn a_stream_that_the_server_ends_is_drained_whatever_becomes_of_its_connection() {
        let metrics = Metrics::default();
        let mut stream = Tally::new(&metrics, Method::GetProfile).call().stream(None, Span::none());
        stream.drained();
        drop(stream);
        assert_eq!(metrics.streams_ended.get_or_create(&Because { reason: "drained" }).get(), 1);
    }

    #[test]
    fn reasons_are_in_the_order_of_their_numbers_and_named_as_those_of_connections() {
        for (number, over) in Over::ALL.into_iter().enumerate() {
            assert_eq!(over as usize, number);
            assert!(Ended::ALL.iter().any(|ended| ended.as_str() == over.as_str()), "{over:?}");
        }
        for (number, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, number);
        }
    }
}

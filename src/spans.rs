//! What is traced: a batch of events that is applied, a stream from its first answer to its end, a list and a watch of
//! a kind. Whoever follows a slow answer finds in them which change it was, how much that concerned, and who was told.
//!
//! A span is only there where somebody wants it: an exporter of spans (the feature `otel`), or a log at `debug`. For
//! everybody else it is a load and a comparison; and for each message there is none at all.

use tracing::{Span, debug_span, field::Empty};

use crate::{context::Reading, model::Kind, topic::Cursor};

/// What all of them have as their target: filters say yes or no to it alone.
pub const TARGET: &str = "switchyard::spans";

/// The step in which these batches of events are applied and made known.
pub(crate) fn batch(batches: usize, events: usize) -> Span {
    debug_span!(target: TARGET, parent: None, "batch", batches, events, changes = Empty, topics = Empty)
}

/// A stream with this cursor.
pub(crate) fn stream(cursor: &Cursor) -> Span {
    let (target, subscriber) = (cursor.target(), cursor.subscriber());
    debug_span!(
        target: TARGET,
        parent: None,
        "stream",
        rpc = target.query.method(),
        query = %target.query,
        reading = target.query.reading().map(Reading::as_str),
        client = subscriber.peer().map(|peer| tracing::field::display(peer.addr())),
        node = target.client.node.as_ref().map(tracing::field::display),
        ended = Empty
    )
}

/// A list of all objects of a kind.
pub(crate) fn list(kind: Kind) -> Span {
    debug_span!(target: TARGET, parent: None, "list", kind = kind.as_str(), objects = Empty, failed = Empty)
}

/// A watch of a kind, from one request to the end of its answer.
pub(crate) fn watch(kind: Kind) -> Span {
    debug_span!(target: TARGET, parent: None, "watch", kind = kind.as_str(), failed = Empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logs::captured::Captured,
        model::NsName,
        resolve::{Client, Query, Target},
        topic::Topics,
    };

    #[test]
    fn there_is_no_span_unless_somebody_wants_it() {
        let query = Query::ServiceProfile { service: NsName::new("d", "web"), instance: None, port: 80 };
        let (_topic, cursor) = Topics::default().open(&Target { query, client: Client::default() });
        for (level, is_wanted) in [(tracing::Level::INFO, false), (tracing::Level::DEBUG, true)] {
            let _captured = Captured::at(level);
            for span in [batch(1, 1), stream(&cursor), list(Kind::Pod), watch(Kind::Pod)] {
                assert_eq!(!span.is_disabled(), is_wanted, "{level} {span:?}");
            }
        }
    }
}

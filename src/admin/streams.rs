//! `/debug/streams`: every open stream and what it was last told, one JSON object a line.
//!
//! Lines are made as they are taken: a reader that stops holds the topics that it has not come to yet, which is a
//! pointer each, and one piece of text.

use std::{convert::Infallible, sync::Arc, vec};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use serde::Deserialize;
use tokio::task::yield_now;

use super::Admin;
use crate::{
    streams::{Describer, OpenStream},
    topic::{Subscriber, Topic},
};

/// From how many bytes on a piece of text is handed over.
const PIECE: usize = 32 * 1024;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/debug/streams", get(streams))
}

/// Which streams are wanted: those that fit all that is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The name of one, from before.
    id: Option<u64>,
    /// A part of it.
    authority: Option<String>,
    /// The address of the client, with or without the port.
    client: Option<String>,
    namespace: Option<String>,
    pod: Option<String>,
    node: Option<String>,
    /// `Get` or `GetProfile`.
    rpc: Option<String>,
    /// `merged` or `leaf`.
    reading: Option<String>,
    /// Whether only those that have not been told all that is true.
    #[serde(default)]
    behind: bool,
    /// Whether each address is listed.
    #[serde(default)]
    addresses: bool,
}

impl Wanted {
    fn has(&self, stream: &OpenStream) -> bool {
        let is = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        let client = |wanted: &String| {
            stream.client.as_ref().is_some_and(|client| {
                client == wanted || client.rsplit_once(':').is_some_and(|(ip, _)| ip == wanted)
            })
        };
        self.id.is_none_or(|id| id == stream.id)
            && self.authority.as_ref().is_none_or(|part| stream.authority.contains(part.as_str()))
            && self.client.as_ref().is_none_or(client)
            && is(&self.namespace, &stream.namespace)
            && is(&self.pod, &stream.pod)
            && is(&self.node, &stream.node)
            && self.rpc.as_ref().is_none_or(|rpc| rpc.eq_ignore_ascii_case(&stream.rpc))
            && is(&self.reading, &stream.reading)
            && (!self.behind || stream.behind_seconds > 0.0 || stream.unwritten_seconds > 0.0)
    }
}

async fn streams(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Query(wanted) = match wanted {
        Ok(wanted) => wanted,
        Err(error) => {
            let text = format!(
                "{}; write id, authority, client, namespace, pod, node, rpc, reading, behind=true, addresses=true\n",
                error.body_text()
            );
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    let mut topics = admin.directory.topics().all();
    topics.sort_by(|a, b| a.target().cmp(b.target()));
    let lines = Lines {
        describer: Describer::new(admin.domain.clone(), wanted.addresses),
        topics: topics.into_iter(),
        rest: None,
        wanted,
    };
    let pieces = stream::unfold(lines, |mut lines| async move {
        let piece = lines.next()?;
        // Others have their turn between pieces.
        yield_now().await;
        Some((Ok::<_, Infallible>(piece), lines))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pieces)).into_response()
}

/// Lines that have not been taken.
struct Lines {
    describer: Describer,
    topics: vec::IntoIter<Arc<Topic>>,
    /// What is left of the topic before.
    rest: Option<(Arc<Topic>, vec::IntoIter<Arc<Subscriber>>)>,
    wanted: Wanted,
}

impl Lines {
    /// The next piece of text; `None` after the last one.
    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::new();
        while piece.len() < PIECE {
            let Some((topic, subscribers)) = &mut self.rest else {
                let Some(topic) = self.topics.next() else { break };
                let subscribers = topic.all_subscribers().into_iter();
                self.rest = Some((topic, subscribers));
                continue;
            };
            let Some(subscriber) = subscribers.next() else {
                self.rest = None;
                continue;
            };
            let stream = self.describer.describe(topic, &subscriber);
            if self.wanted.has(&stream) {
                serde_json::to_writer(&mut piece, &stream).expect("numbers and text, to memory");
                piece.push(b'\n');
            }
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

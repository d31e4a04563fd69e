//! `/debug/streams`: every open stream and what it was last told, one JSON object a line.
//!
//! Lines are made as they are taken: a reader that stops holds the topics that it has not come to yet and the streams of
//! one, which is a pointer each, one piece of text, and what some streams were told ([`Describer`]).

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    vec,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use serde::Deserialize;
use tokio::task::{spawn_blocking, yield_now};

use super::Admin;
use crate::{
    context::{Context, Reading},
    model::Name,
    resolve::Query as Asked,
    streams::{Describer, authority, rpc},
    topic::{Subscriber, Topic},
};

/// From how many bytes on a piece of text is handed over.
const PIECE: usize = 32 * 1024;
/// How many streams and topics are looked at before others have their turn: some hundred microseconds, and more only where
/// streams were told different things of large services.
const LOOKED_AT_ONCE: usize = 256;

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
    /// Whether any stream of a topic may be wanted, of which `authority` is asked.
    fn may_have(&self, query: &Asked, authority: &str) -> bool {
        let reading = query.reading().map(Reading::as_str);
        self.authority.as_ref().is_none_or(|part| authority.contains(part.as_str()))
            && self.rpc.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(rpc(query)))
            && self.reading.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == reading)
    }

    fn has(&self, subscriber: &Subscriber) -> bool {
        let context = subscriber.context();
        let is = |wanted: &Option<String>, name: fn(&Context) -> Option<&Name>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| context.and_then(name).is_some_and(|name| name.as_str() == wanted))
        };
        let client = |wanted: &String| {
            let addr = subscriber.peer().map(|peer| peer.addr());
            addr.is_some_and(|addr| addr.to_string() == *wanted || addr.ip().to_string() == *wanted)
        };
        self.id.is_none_or(|id| id == subscriber.id())
            && is(&self.namespace, |context| context.namespace.as_ref())
            && is(&self.pod, |context| context.pod.as_ref())
            && is(&self.node, |context| context.node.as_ref())
            && self.client.as_ref().is_none_or(client)
            && (!self.behind || subscriber.behind_since().is_some())
    }
}

async fn streams(State(admin): State<Arc<Admin>>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
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
    let topics = admin.directory.topics().clone();
    let sorted = move || {
        let mut topics = topics.all();
        topics.sort_by(|a, b| a.target().cmp(b.target()));
        topics
    };
    // Of very many topics that takes longer than a stream should wait for.
    let Ok(topics) = spawn_blocking(sorted).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let lines = Lines {
        describer: Describer::new(admin.domain.clone()),
        domain: admin.domain.clone(),
        topics: topics.into_iter(),
        rest: None,
        wanted,
    };
    let pieces = stream::unfold(lines, |mut lines| async move {
        loop {
            // Streams have their turn between pieces, and while nothing is found that is wanted.
            yield_now().await;
            match lines.next() {
                Found::Lines(piece) => return Some((Ok::<_, Infallible>(piece), lines)),
                Found::NothingYet => {}
                Found::End => return None,
            }
        }
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pieces)).into_response()
}

/// Lines that have not been taken.
struct Lines {
    describer: Describer,
    domain: Name,
    topics: vec::IntoIter<Arc<Topic>>,
    /// What is left of the topic before. Who leaves meanwhile is not held, nor what it was told.
    rest: Option<(Arc<Topic>, vec::IntoIter<Weak<Subscriber>>)>,
    wanted: Wanted,
}

enum Found {
    Lines(Bytes),
    NothingYet,
    End,
}

impl Lines {
    /// The next piece of text.
    fn next(&mut self) -> Found {
        self.describer.look_again();
        let mut piece = Vec::new();
        for _ in 0..LOOKED_AT_ONCE {
            if piece.len() >= PIECE {
                break;
            }
            let Some((topic, subscribers)) = &mut self.rest else {
                let Some(topic) = self.topics.next() else {
                    return if piece.is_empty() { Found::End } else { Found::Lines(piece.into()) };
                };
                let query = &topic.target().query;
                if self.wanted.may_have(query, &authority(query, &self.domain)) {
                    let subscribers: Vec<_> = topic.all_subscribers().iter().map(Arc::downgrade).collect();
                    self.rest = Some((topic, subscribers.into_iter()));
                }
                continue;
            };
            let Some(subscriber) = subscribers.next() else {
                self.rest = None;
                continue;
            };
            if let Some(subscriber) = subscriber.upgrade().filter(|subscriber| self.wanted.has(subscriber)) {
                let stream = if self.wanted.addresses {
                    self.describer.describe_whole(topic, &subscriber)
                } else {
                    self.describer.describe(topic, &subscriber)
                };
                serde_json::to_writer(&mut piece, &stream).expect("numbers and text, to memory");
                piece.push(b'\n');
            }
        }
        if piece.is_empty() { Found::NothingYet } else { Found::Lines(piece.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::NsName,
        resolve::{Client, Target},
        topic::{Cursor, Topics},
    };

    const STREAMS: usize = 4 * LOOKED_AT_ONCE;

    fn open(topics: &Topics) -> Vec<Cursor> {
        let service = NsName::new("d", "web");
        let query = Asked::Endpoints { service, instance: None, port: 80, reading: Reading::Leaf };
        let target = Target { query, client: Client::default() };
        (0..STREAMS).map(|_| topics.open(&target).1).collect()
    }

    fn lines(topics: &Topics, wanted: Wanted) -> Lines {
        let domain = Name::from("cluster.local");
        let describer = Describer::new(domain.clone());
        Lines { describer, domain, topics: topics.all().into_iter(), rest: None, wanted }
    }

    /// How many lines there are, and how often others had their turn.
    fn read(mut lines: Lines) -> (usize, usize) {
        let (mut found, mut turns) = (0, 0);
        loop {
            match lines.next() {
                Found::Lines(piece) => found += piece.iter().filter(|byte| **byte == b'\n').count(),
                Found::NothingYet => {}
                Found::End => return (found, turns),
            }
            turns += 1;
        }
    }

    #[tokio::test]
    async fn others_have_their_turn_also_where_little_is_wanted() {
        let topics = Topics::default();
        let cursors = open(&topics);
        let all = read(lines(&topics, Wanted::default()));
        assert_eq!(all.0, STREAMS);
        let one = Wanted { id: Some(cursors[STREAMS / 2].subscriber().id()), ..Wanted::default() };
        let (found, turns) = read(lines(&topics, one));
        assert_eq!(found, 1);
        assert!(turns >= STREAMS / LOOKED_AT_ONCE, "{turns}");
        let leaf = |reading: &str| Wanted { reading: Some(reading.into()), ..Wanted::default() };
        assert_eq!(read(lines(&topics, leaf("leaf"))).0, STREAMS);
        assert_eq!(read(lines(&topics, leaf("merged"))), (0, 0), "not one stream is looked at");
    }

    #[tokio::test]
    async fn who_leaves_while_lines_are_read_is_not_held() {
        let topics = Topics::default();
        let cursors = open(&topics);
        let mut lines = lines(&topics, Wanted::default());
        assert!(matches!(lines.next(), Found::Lines(_)));
        let last = Arc::downgrade(cursors[STREAMS - 1].subscriber());
        drop(cursors);
        assert!(last.upgrade().is_none());
        assert!(read(lines).0 < LOOKED_AT_ONCE, "those in the piece at most");
    }
}

//! What open streams have and lack: counted by service, and the slowest one by one.
//!
//! A sweep reads the record of each subscriber and asks nothing of anybody. Times are those of the wall, not ages, so that
//! a stream of which nothing changes is the same in each sweep and is not sent again.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    sync::Arc,
};

use serde::Serialize;
use tokio::{
    task::yield_now,
    time::{Duration, Instant},
};

use crate::{
    model::{Name, NsName},
    resolve::Query,
    streams::{Describer, OpenStream, authority},
    topic::{Subscriber, Topic, Topics},
};

/// How many streams are shown one by one: those that are furthest behind. `/debug/streams` has them all.
pub const SHOWN_STREAMS: usize = 200;
/// What is on its way for so short a time is not late: a sweep in the middle of an edit would else find everybody behind.
const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// How many subscribers are looked at before others have their turn.
const LOOKED_AT_ONCE: usize = 256;

/// The streams of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many there are.
    pub streams: usize,
    /// How many of them lack something that is true.
    pub behind: usize,
    /// Since when the first of these does, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

impl Tally {
    fn count(&mut self, behind_since: Option<i64>) {
        self.streams += 1;
        self.behind += usize::from(behind_since.is_some());
        self.since = self.since.into_iter().chain(behind_since).min();
    }
}

/// A stream that is shown. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamPicture {
    /// Unique in the server's life.
    pub id: u64,
    /// `address:port` of the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What the client says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// See `namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// See `namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `Get` or `GetProfile`.
    pub rpc: String,
    /// How a split reaches it: `merged` or `leaf` for `Get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<String>,
    /// What was asked for.
    pub authority: String,
    /// The version of what it was last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How many endpoints that has, for `Get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<usize>,
    /// The part of the traffic that each backend gets by it, of 1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
    /// How many answers were published since, that it has not been told.
    pub versions_behind: u64,
    /// Since when it lacks something that is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_since: Option<i64>,
    /// When it was opened.
    pub opened: i64,
    /// Messages that it was sent.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What streams have and lack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// All of them.
    pub all: Tally,
    /// By service; profiles of addresses are nobody's.
    pub services: BTreeMap<NsName, Tally>,
    /// At most [`SHOWN_STREAMS`], the one that is furthest behind first.
    pub shown: Vec<StreamPicture>,
}

/// From the clock that waits are measured with to that on the wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    instant: Instant,
    millis: i64,
}

impl Clock {
    /// Where it is `millis` after 1970 now.
    pub(super) fn new(millis: i64) -> Self {
        Self { instant: Instant::now(), millis }
    }

    fn at(self, instant: Instant) -> i64 {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let (after, before) = (
            instant.saturating_duration_since(self.instant),
            self.instant.saturating_duration_since(instant),
        );
        self.millis.saturating_add(millis(after)).saturating_sub(millis(before))
    }
}

/// How far behind a stream is: since when, and its number, so that the order is always the same. Who is not behind comes
/// last.
type Rank = (bool, Option<Instant>, u64);

/// Looks at all streams.
pub(super) async fn sweep(topics: &Topics, before: &Streams, domain: &Name, clock: Clock) -> Streams {
    let late = Instant::now() - ON_ITS_WAY;
    let mut streams = Streams::default();
    let mut worst: BinaryHeap<Ranked> = BinaryHeap::new();
    let mut looked = 0;
    for topic in topics.all() {
        for subscriber in topic.all_subscribers() {
            let since = subscriber.behind_since().filter(|since| *since <= late);
            let at = since.map(|since| clock.at(since));
            streams.all.count(at);
            if let Query::Endpoints { service, .. } | Query::ServiceProfile { service, .. } =
                &topic.target().query
            {
                match streams.services.get_mut(service) {
                    Some(tally) => tally.count(at),
                    None => streams.services.entry(service.clone()).or_default().count(at),
                }
            }
            let rank = (since.is_none(), since, subscriber.id());
            if worst.len() < SHOWN_STREAMS || worst.peek().is_some_and(|last| rank < last.rank) {
                worst.push(Ranked { rank, topic: topic.clone(), subscriber });
                if worst.len() > SHOWN_STREAMS {
                    worst.pop();
                }
            }
            looked += 1;
            if looked % LOOKED_AT_ONCE == 0 {
                yield_now().await;
            }
        }
    }
    let known: HashMap<u64, &StreamPicture> = before.shown.iter().map(|stream| (stream.id, stream)).collect();
    let mut describer = Describer::new(domain.clone());
    for Ranked { rank: (_, since, id), topic, subscriber } in worst.into_sorted_vec() {
        let since = since.map(|since| clock.at(since));
        let stream = picture(&topic, &subscriber, known.get(&id).copied(), &mut describer, domain, clock);
        streams.shown.push(StreamPicture { behind_since: since, ..stream });
        yield_now().await;
    }
    streams
}

struct Ranked {
    rank: Rank,
    topic: Arc<Topic>,
    subscriber: Arc<Subscriber>,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A stream as it is. What it was told is looked at only if that is another version than before: of a large service it
/// takes a while.
fn picture(
    topic: &Topic,
    subscriber: &Subscriber,
    before: Option<&StreamPicture>,
    describer: &mut Describer,
    domain: &Name,
    clock: Clock,
) -> StreamPicture {
    let given = subscriber.given();
    let version = given.held.as_ref().map(|held| held.version);
    if let Some(before) = before.filter(|before| before.version == version) {
        let versions_behind = topic.versions_behind(&given);
        return StreamPicture {
            versions_behind,
            messages: given.messages,
            bytes: given.bytes,
            ..before.clone()
        };
    }
    let OpenStream { client, namespace, pod, node, rpc, reading, told, versions_behind, .. } =
        describer.describe(topic, subscriber);
    StreamPicture {
        id: subscriber.id(),
        client,
        namespace,
        pod,
        node,
        rpc,
        reading,
        authority: authority(&topic.target().query, domain),
        version: told.as_ref().map(|told| told.version),
        endpoints: told.as_ref().and_then(|told| told.endpoints),
        shares: told.map(|told| told.shares).unwrap_or_default(),
        versions_behind,
        behind_since: None,
        opened: clock.at(subscriber.opened()),
        messages: given.messages,
        bytes: given.bytes,
    }
}

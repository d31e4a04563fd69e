//! What can be said of an open stream: who asks, what it was last told, and how far that is behind the truth.
//!
//! It is read from the subscriber's own record, never found out by asking again: a second stream would be told what is
//! true now, which says nothing of what the first one has. [`OpenStream`] is what the admin port writes, a line for each
//! stream, and what `switchyard streams` reads.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use prost::Message;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use crate::{
    grpc::method::Method,
    model::Name,
    pb::destination::{DestinationProfile, WeightedAddr},
    resolve::{Answer, Query},
    topic::{Subscriber, Topic},
    view::View,
    wire,
};

/// An open stream, in words and numbers that mean the same everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenStream {
    /// Unique in the server's life.
    pub id: u64,
    /// `address:port` of the other end of the connection, which may be a proxy's.
    pub client: Option<String>,
    /// What the client said of itself: its namespace, Pod and node.
    pub namespace: Option<String>,
    /// See `namespace`.
    pub pod: Option<String>,
    /// See `namespace`.
    pub node: Option<String>,
    /// `Get` or `GetProfile`.
    pub rpc: String,
    /// What was asked for, in full.
    pub authority: String,
    /// How a split reaches it: `merged` or `leaf` for `Get`, nothing for `GetProfile`.
    pub reading: Option<String>,
    /// What it was last told; `None` before the first answer.
    pub told: Option<Told>,
    /// How many answers were published since, that it has not been told.
    pub versions_behind: u64,
    /// For how long there is something that it has not taken, in seconds; 0 if there is nothing.
    pub behind_seconds: f64,
    /// For how long something waits to be written to its connection, in seconds; 0 if nothing does.
    pub unwritten_seconds: f64,
    /// How long it has been open, in seconds.
    pub age_seconds: f64,
    /// How long ago it was last sent something, in seconds.
    pub sent_seconds_ago: Option<f64>,
    /// Messages that it was sent.
    pub messages: u64,
    /// Their bytes, with the frames of gRPC and without those of HTTP/2.
    pub bytes: u64,
}

/// The state that a stream was last told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its version: larger than those before, of this server's life only.
    pub version: u64,
    /// Stands for the content, as the beginning of a SHA-256: the same on all replicas that say the same.
    pub digest: String,
    /// Whether the service exists, for `Get`.
    pub exists: Option<bool>,
    /// How many endpoints, for `Get`.
    pub endpoints: Option<usize>,
    /// The part of the traffic that each backend gets, of 1, for `Get` of a split that is merged; each override's for
    /// `GetProfile`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
    /// Every address with its weight, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<(String, u32)>,
}

/// Describes streams. What many of them were told is looked at once.
#[derive(Debug)]
pub struct Describer {
    domain: Name,
    now: Instant,
    /// By the address of the answer, which is held here so that no other one comes to be there.
    told: HashMap<usize, (Arc<Answer>, Told)>,
}

/// For how many answers what is said of them is remembered. Streams come in the order of what they ask for, so those
/// that were told the same are near to each other.
const REMEMBERED: usize = 64;

impl Describer {
    /// Describes streams of this cluster domain as they are now.
    #[must_use]
    pub fn new(domain: Name) -> Self {
        Self { domain, now: Instant::now(), told: HashMap::new() }
    }

    /// From here on it is later.
    pub fn look_again(&mut self) {
        self.now = Instant::now();
    }

    /// A stream of a topic.
    #[must_use]
    pub fn describe(&mut self, topic: &Topic, subscriber: &Subscriber) -> OpenStream {
        let given = subscriber.given();
        let query = &topic.target().query;
        let context = subscriber.context();
        let said = |name: Option<&Name>| name.map(|name| name.as_str().to_owned());
        OpenStream {
            id: subscriber.id(),
            client: subscriber.peer().map(|peer| peer.addr().to_string()),
            namespace: said(context.and_then(|context| context.namespace.as_ref())),
            pod: said(context.and_then(|context| context.pod.as_ref())),
            node: said(context.and_then(|context| context.node.as_ref())),
            rpc: rpc(query).to_owned(),
            authority: authority(query, &self.domain),
            reading: query.reading().map(|reading| reading.as_str().to_owned()),
            versions_behind: topic.versions_behind(&given),
            behind_seconds: self.seconds_since(subscriber.untaken_since()),
            unwritten_seconds: self.seconds_since(subscriber.unwritten_since()),
            age_seconds: self.seconds_since(Some(subscriber.opened())),
            sent_seconds_ago: given.at.map(|at| self.seconds_since(Some(at))),
            messages: given.messages,
            bytes: given.bytes,
            told: given.held.map(|held| Told { version: held.version, ..self.told(&held.answer) }),
        }
    }

    /// The same with every address that it was told. These are not remembered: they are most of what there is to say of
    /// a large service.
    #[must_use]
    pub fn describe_whole(&mut self, topic: &Topic, subscriber: &Subscriber) -> OpenStream {
        let mut stream = self.describe(topic, subscriber);
        if let (Some(held), Some(told)) = (subscriber.given().held, &mut stream.told)
            && let Answer::Endpoints(view) = &*held.answer
            && held.version == told.version
        {
            told.addresses =
                view.entries().iter().map(|entry| (entry.addr.to_string(), entry.weight)).collect();
        }
        stream
    }

    fn seconds_since(&self, since: Option<Instant>) -> f64 {
        let passed = since.map_or(Duration::ZERO, |since| self.now.saturating_duration_since(since));
        // Microseconds are more than anybody can read.
        (passed.as_secs_f64() * 1e6).round() / 1e6
    }

    fn told(&mut self, answer: &Arc<Answer>) -> Told {
        let key = Arc::as_ptr(answer).addr();
        if let Some((_, told)) = self.told.get(&key) {
            return told.clone();
        }
        if self.told.len() == REMEMBERED {
            self.told.clear();
        }
        let told = match &**answer {
            Answer::Endpoints(view) => of_view(view),
            Answer::Profile(profile) => of_profile(&profile.message.bytes),
        };
        self.told.insert(key, (answer.clone(), told.clone()));
        told
    }
}

/// The method that asks this, as the protocol spells it.
#[must_use]
pub fn rpc(query: &Query) -> &'static str {
    match query {
        Query::Endpoints { .. } => Method::Get.name(),
        Query::ServiceProfile { .. } | Query::AddressProfile { .. } => Method::GetProfile.name(),
    }
}

/// What was asked for, as a client writes it.
#[must_use]
pub fn authority(query: &Query, domain: &Name) -> String {
    let (service, instance, port) = match query {
        Query::Endpoints { service, instance, port, .. }
        | Query::ServiceProfile { service, instance, port } => (service, instance, port),
        Query::AddressProfile { ip, port } => return std::net::SocketAddr::new(*ip, *port).to_string(),
    };
    let instance = instance.iter().map(|instance| format!("{instance}.")).collect::<String>();
    format!("{instance}{}.{}.svc.{domain}:{port}", service.name, service.namespace)
}

fn of_view(view: &View) -> Told {
    let mut digest = Context::new(&SHA256);
    digest.update(&[view.exists().into()]);
    digest.update(view.labels());
    // By the address of the bytes that name the backend: there are as many of them as backends and places.
    let mut weights: HashMap<*const u8, (&[u8], u64)> = HashMap::new();
    let mut total = 0_u64;
    for entry in view.entries().iter() {
        digest.update(entry.addr.to_string().as_bytes());
        digest.update(&entry.weight.to_be_bytes());
        // Where one part ends and the next begins is not on the wire, and does not count here either.
        entry.meta.parts().into_iter().for_each(|part| digest.update(part));
        total += u64::from(entry.weight);
        let place = &entry.meta.place;
        weights.entry(place.as_ptr()).or_insert((place, 0)).1 += u64::from(entry.weight);
    }
    let mut backends: BTreeMap<String, u64> = BTreeMap::new();
    for (place, weight) in weights.into_values() {
        let labels = WeightedAddr::decode(place).map(|addr| addr.metric_labels).unwrap_or_default();
        if let Some(backend) = labels.get("service") {
            *backends.entry(backend.clone()).or_default() += weight;
        }
    }
    Told {
        version: 0,
        digest: short(digest),
        exists: Some(view.exists()),
        endpoints: Some(view.entries().len()),
        shares: backends.into_iter().map(|(backend, weight)| (backend, part(weight, total))).collect(),
        addresses: Vec::new(),
    }
}

/// The bytes are a message with its prefix.
fn of_profile(bytes: &[u8]) -> Told {
    let mut digest = Context::new(&SHA256);
    digest.update(bytes);
    let message = bytes.get(wire::PREFIX..).unwrap_or_default();
    let overrides =
        DestinationProfile::decode(message).map(|profile| profile.dst_overrides).unwrap_or_default();
    let total = overrides.iter().map(|dst| u64::from(dst.weight)).sum();
    let mut shares = BTreeMap::new();
    for dst in overrides {
        *shares.entry(dst.authority).or_default() += part(u64::from(dst.weight), total);
    }
    Told { version: 0, digest: short(digest), exists: None, endpoints: None, shares, addresses: Vec::new() }
}

/// As much of it as nobody meets twice by chance.
fn short(digest: Context) -> String {
    digest.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Of 1.
fn part(weight: u64, total: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody reads sixteen digits of a share")]
    let part = if total == 0 { 0.0 } else { weight as f64 / total as f64 };
    // Parts per billion, which every JSON reader makes the same number of.
    (part * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests;

//! Streams as a client sees them.
//!
//! A client folds what it is told as Linkerd's proxy does: the first `add` is everything, later ones upsert,
//! `remove` removes, `no_endpoints` empties. On the way it insists on what every stream promises: it begins
//! with everything or nothing and never with a remove; each message says something new and only that; no
//! weight is 0; what comes is said before what goes; nobody empties a set with a remove. And what it holds in
//! the end is what a client that comes now is told at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use prost::Message;
use switchyard::{
    controller::Directory,
    pb::destination::{DestinationProfile, Update, WeightedAddr, WeightedAddrSet, update},
    resolve::Target,
    topic::Cursor,
    wire::Frames,
};

use super::{DOMAIN, NAMESPACE, Woken, words};

/// A message of `Get`, cut down to what most tests look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Add(BTreeMap<SocketAddr, u32>),
    Remove(BTreeSet<SocketAddr>),
    /// `no_endpoints{exists:true}`.
    Empty,
    /// `no_endpoints{exists:false}`.
    Absent,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(weights) => {
                f.write_str("add")?;
                weights.iter().try_for_each(|(addr, weight)| write!(f, " {}={weight}", endpoint(*addr)))
            }
            Self::Remove(addrs) => {
                f.write_str("remove")?;
                addrs.iter().try_for_each(|addr| write!(f, " {}", endpoint(*addr)))
            }
            Self::Empty => f.write_str("empty"),
            Self::Absent => f.write_str("absent"),
        }
    }
}

/// `W1` on port 80, `W1:8080` on another.
fn endpoint(addr: SocketAddr) -> String {
    match addr.port() {
        80 => words::word(addr.ip()),
        port => format!("{}:{port}", words::word(addr.ip())),
    }
}

/// `add A1=500M B1..B3:8080=10k; remove C1`, or `empty`, or `absent`; nothing for nothing.
#[track_caller]
fn said(text: &str) -> Vec<Said> {
    let addrs = |word: &str| {
        let (hosts, port) = word.split_once(':').unwrap_or((word, "80"));
        let port = port.parse().expect("a port");
        words::range(hosts).into_iter().map(move |ip| SocketAddr::new(ip, port)).collect::<Vec<_>>()
    };
    let message = |text: &str| {
        let mut words = text.split_whitespace();
        match words.next().expect("a message") {
            "add" => Said::Add(
                words
                    .flat_map(|word| {
                        let (hosts, weight) = word.split_once('=').expect("endpoint=weight");
                        let weight = number(weight);
                        addrs(hosts).into_iter().map(move |addr| (addr, weight))
                    })
                    .collect(),
            ),
            "remove" => Said::Remove(words.flat_map(addrs).collect()),
            "empty" => Said::Empty,
            "absent" => Said::Absent,
            other => panic!("not a message: {other:?}"),
        }
    };
    text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(message).collect()
}

/// `500M` is 500 million, `10k` ten thousand.
fn number(text: &str) -> u32 {
    let (digits, unit) = match text.strip_suffix('M') {
        Some(digits) => (digits, 1_000_000),
        None => text.strip_suffix('k').map_or((text, 1), |digits| (digits, 1000)),
    };
    digits.parse::<u32>().expect("a weight") * unit
}

fn shown(messages: &[Said]) -> String {
    messages.iter().map(Said::to_string).collect::<Vec<_>>().join("; ")
}

/// A cursor and whether it keeps its word: to wake whom it let wait.
struct Tap {
    cursor: Cursor,
    woken: Arc<Woken>,
    waits: bool,
}

impl Tap {
    fn new(cursor: Cursor) -> Self {
        Self { cursor, woken: Arc::default(), waits: false }
    }

    /// The messages of each transition since the last time.
    #[track_caller]
    fn transitions(&mut self) -> Vec<Vec<Vec<u8>>> {
        let waker = Waker::from(self.woken.clone());
        let mut transitions = Vec::new();
        while let Poll::Ready(frames) = self.cursor.poll_next(&mut Context::from_waker(&waker)) {
            assert!(!self.waits || self.woken.take(), "there is something to say and nobody was woken");
            self.waits = false;
            transitions.push(messages(&frames.frames));
        }
        self.waits = true;
        transitions
    }
}

/// Takes the five-byte prefixes off.
#[track_caller]
fn messages(frames: &Frames) -> Vec<Vec<u8>> {
    let (mut rest, mut messages) = (&frames.bytes[..], Vec::new());
    while let [compressed, a, b, c, d, after @ ..] = rest {
        assert_eq!(*compressed, 0, "not compressed");
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        messages.push(after[..length].to_vec());
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "{} bytes left over", rest.len());
    assert_eq!(messages.len(), frames.messages as usize);
    messages
}

/// What a client of `Get` holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pool {
    /// Nothing before the first message; then whether the service exists.
    exists: Option<bool>,
    labels: BTreeMap<String, String>,
    endpoints: BTreeMap<SocketAddr, WeightedAddr>,
}

impl Pool {
    #[track_caller]
    fn fold(&mut self, message: &[u8]) -> Said {
        let update = Update::decode(message).expect("an Update").update.expect("not an empty Update");
        match update {
            update::Update::Add(set) => self.add(set),
            update::Update::Remove(set) => {
                assert!(self.exists.is_some(), "a stream begins with a remove");
                let addrs: Vec<_> =
                    set.addrs.iter().map(|a| SocketAddr::try_from(a).expect("valid")).collect();
                assert!(!addrs.is_empty(), "an empty remove");
                assert!(addrs.is_sorted_by(|a, b| a < b), "not in canonical order: {addrs:?}");
                for addr in &addrs {
                    assert!(
                        self.endpoints.remove(addr).is_some(),
                        "{} is removed and unknown",
                        endpoint(*addr)
                    );
                }
                assert!(!self.endpoints.is_empty(), "a remove empties the set in place of no_endpoints");
                Said::Remove(addrs.into_iter().collect())
            }
            update::Update::NoEndpoints(none) => {
                let repeated = self.exists == Some(none.exists) && self.endpoints.is_empty();
                assert!(!repeated, "no_endpoints is said again");
                *self = Self { exists: Some(none.exists), ..Self::default() };
                if none.exists { Said::Empty } else { Said::Absent }
            }
        }
    }

    #[track_caller]
    fn add(&mut self, set: WeightedAddrSet) -> Said {
        assert!(!set.addrs.is_empty(), "an empty add");
        let addr =
            |a: &WeightedAddr| SocketAddr::try_from(a.addr.as_ref().expect("an address")).expect("valid");
        let addrs: Vec<_> = set.addrs.iter().map(addr).collect();
        assert!(addrs.is_sorted_by(|a, b| a < b), "not in canonical order, or one twice: {addrs:?}");
        let relabelled = self.labels != set.metric_labels;
        let mut weights = BTreeMap::new();
        for (addr, weighted) in addrs.into_iter().zip(set.addrs) {
            assert!(weighted.weight > 0, "{} has weight 0", endpoint(addr));
            assert!(addr.port() > 0, "port 0");
            assert!(
                relabelled || self.endpoints.get(&addr) != Some(&weighted),
                "{} is sent and did not change",
                endpoint(addr)
            );
            weights.insert(addr, weighted.weight);
            self.endpoints.insert(addr, weighted);
        }
        self.exists = Some(true);
        self.labels = set.metric_labels;
        Said::Add(weights)
    }
}

/// Of one transition: at most one `add` and then one `remove` of others, or one `no_endpoints`.
#[track_caller]
fn check_transition(said: &[Said]) {
    match said {
        [_] => {}
        [Said::Add(added), Said::Remove(removed)] => {
            assert!(added.keys().all(|addr| !removed.contains(addr)), "added and removed: {}", shown(said));
        }
        _ => panic!("not one transition: {}", shown(said)),
    }
}

/// A stream of `Get`. What was said and nobody expected fails the test when the stream ends.
pub(crate) struct Get {
    tap: Tap,
    pool: Pool,
    directory: Directory,
    target: Target,
    ignored: bool,
}

impl Get {
    pub(crate) fn new(cursor: Cursor, directory: Directory, target: Target) -> Self {
        Self { tap: Tap::new(cursor), pool: Pool::default(), directory, target, ignored: false }
    }

    /// Everything that was said since the last time.
    #[track_caller]
    pub(crate) fn take(&mut self) -> Vec<Said> {
        self.take_updates().into_iter().map(|(said, _)| said).collect()
    }

    /// The same with the whole messages.
    #[track_caller]
    pub(crate) fn take_updates(&mut self) -> Vec<(Said, Update)> {
        let mut all = Vec::new();
        for transition in self.tap.transitions() {
            let mut said: Vec<Said> = Vec::new();
            for message in &transition {
                said.push(self.pool.fold(message));
            }
            check_transition(&said);
            let whole = transition.iter().map(|message| Update::decode(&**message).expect("an Update"));
            all.extend(said.into_iter().zip(whole));
        }
        self.compare_with_a_new_client();
        all
    }

    /// A client that comes now is told in one message what this one holds.
    #[track_caller]
    fn compare_with_a_new_client(&self) {
        let Some(cursor) = self.directory.topics().subscribe(&self.target) else { return };
        let transitions = Tap::new(cursor).transitions();
        let mut pool = Pool::default();
        match transitions.as_slice() {
            [] => {}
            [first] => assert_eq!(first.len(), 1, "the first answer is one message"),
            _ => panic!("a new client is told {} times", transitions.len()),
        }
        for message in transitions.iter().flatten() {
            pool.fold(message);
        }
        assert!(pool == self.pool, "this client holds\n{:#?}\nand a new one\n{pool:#?}", self.pool);
    }

    /// The bytes that a client that comes now is told first.
    #[track_caller]
    pub(crate) fn first_message(&self) -> Vec<u8> {
        let cursor = self.directory.topics().subscribe(&self.target).expect("this stream holds the topic");
        Tap::new(cursor).transitions().concat().concat()
    }

    /// What was said since the last time is exactly this, in this order.
    #[track_caller]
    pub(crate) fn expect(&mut self, expect: &str) {
        let (got, expect) = (self.take(), said(expect));
        assert!(got == expect, "expected {:?}\n    said {:?}", cut(&shown(&expect)), cut(&shown(&got)));
    }

    /// What the client holds now, as an `add` would say it; `empty`, `absent` or `unknown` otherwise.
    #[track_caller]
    pub(crate) fn holds(&mut self, expect: &str) {
        self.take();
        let (got, expect) = (self.held(), Self::as_held(expect));
        assert!(got == expect, "expected {:?}\n   holds {:?}", cut(&expect), cut(&got));
    }

    /// What it held when it was last looked at, in the same words.
    pub(crate) fn held(&self) -> String {
        let weights: BTreeMap<_, _> = self.pool.endpoints.iter().map(|(addr, w)| (*addr, w.weight)).collect();
        match self.pool.exists {
            Some(true) if weights.is_empty() => "empty".to_owned(),
            Some(true) => Said::Add(weights).to_string().replacen("add ", "", 1),
            Some(false) => "absent".to_owned(),
            None => "unknown".to_owned(),
        }
    }

    /// These words as [`Get::held`] would say them.
    #[track_caller]
    pub(crate) fn as_held(words: &str) -> String {
        match words {
            "empty" | "absent" | "unknown" => words.to_owned(),
            weights => shown(&said(&format!("add {weights}"))).replacen("add ", "", 1),
        }
    }

    /// The weights the client holds.
    #[track_caller]
    pub(crate) fn weights(&mut self) -> BTreeMap<SocketAddr, u32> {
        self.take();
        self.pool.endpoints.iter().map(|(addr, weighted)| (*addr, weighted.weight)).collect()
    }

    /// `key=value` of the labels of the set.
    pub(crate) fn set_labels(&self) -> String {
        labels(&self.pool.labels)
    }

    /// `key=value` of the labels of an endpoint on port 80.
    #[track_caller]
    pub(crate) fn labels_of(&self, word: &str) -> String {
        let addr = SocketAddr::new(words::range(word)[0], 80);
        labels(&self.pool.endpoints.get(&addr).expect("an endpoint that the client holds").metric_labels)
    }

    /// This stream is not looked at to its end.
    pub(crate) fn ignore(mut self) {
        self.ignored = true;
    }
}

impl Drop for Get {
    fn drop(&mut self) {
        if !self.ignored && !thread::panicking() {
            let rest = self.take();
            assert!(
                rest.is_empty(),
                "said and never expected of {}: {:?}",
                self.target.query,
                cut(&shown(&rest))
            );
        }
    }
}

/// A stream of `GetProfile`. What was said and nobody expected fails the test when the stream ends.
pub(crate) struct GetProfile {
    tap: Tap,
    port: u16,
    last: Option<DestinationProfile>,
    ignored: bool,
}

impl GetProfile {
    pub(crate) fn new(cursor: Cursor, port: u16) -> Self {
        Self { tap: Tap::new(cursor), port, last: None, ignored: false }
    }

    /// Everything that was said since the last time.
    #[track_caller]
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.take_profiles().iter().map(|profile| self.shown(profile)).collect()
    }

    /// The same as whole messages.
    #[track_caller]
    pub(crate) fn take_profiles(&mut self) -> Vec<DestinationProfile> {
        let mut all = Vec::new();
        for transition in self.tap.transitions() {
            assert_eq!(transition.len(), 1, "a profile is one message");
            let profile = DestinationProfile::decode(&*transition[0]).expect("a DestinationProfile");
            assert!(self.last.as_ref() != Some(&profile), "a profile is said again");
            check_profile(&profile);
            self.last = Some(profile.clone());
            all.push(profile);
        }
        all
    }

    fn shown(&self, profile: &DestinationProfile) -> String {
        if *profile == DestinationProfile::default() {
            return "unknown".to_owned();
        }
        let mut text = String::new();
        for route in &profile.routes {
            write!(text, "route={} ", route.metrics_labels["route"]).expect("a String takes all");
        }
        if let Some(endpoint) = &profile.endpoint {
            let addr = SocketAddr::try_from(endpoint.addr.as_ref().expect("an address")).expect("valid");
            write!(text, "at {addr}").expect("a String takes all");
        }
        let local = format!(".{NAMESPACE}.svc.{DOMAIN}:{}", self.port);
        for dst in &profile.dst_overrides {
            let name = dst.authority.strip_suffix(&local).unwrap_or(&dst.authority);
            write!(text, "{name}={} ", dst.weight).expect("a String takes all");
        }
        if text.is_empty() { "none".to_owned() } else { text.trim_end().to_owned() }
    }

    /// What was said since the last time: the overrides in order, or `none`; `unknown` for the empty profile,
    /// `at ADDR` for an address without a service. Nothing for nothing.
    #[track_caller]
    pub(crate) fn expect(&mut self, expect: &str) {
        let got = self.take();
        let expect: Vec<_> = expect.split(';').map(str::trim).filter(|text| !text.is_empty()).collect();
        assert_eq!(got, expect);
    }

    /// This stream is not looked at to its end.
    pub(crate) fn ignore(mut self) {
        self.ignored = true;
    }

    /// The newest message.
    pub(crate) fn last(&self) -> &DestinationProfile {
        self.last.as_ref().expect("a profile")
    }
}

/// What would break a real proxy, whatever the test is about.
#[track_caller]
fn check_profile(profile: &DestinationProfile) {
    let sum: u64 = profile.dst_overrides.iter().map(|dst| u64::from(dst.weight)).sum();
    assert!(u32::try_from(sum).is_ok(), "weights that overflow panic a proxy: {sum}");
    let names: BTreeSet<_> = profile.dst_overrides.iter().map(|dst| &dst.authority).collect();
    assert_eq!(names.len(), profile.dst_overrides.len(), "an override twice: {names:?}");
    for name in names {
        let (host, port) = name.rsplit_once(':').expect("an authority without a port is dropped by proxies");
        assert!(!host.ends_with('.') && port.parse::<u16>().is_ok_and(|port| port > 0), "{name}");
    }
    assert!(!profile.fully_qualified_name.ends_with('.') && !profile.fully_qualified_name.contains(':'));
}

impl Drop for GetProfile {
    fn drop(&mut self) {
        if !self.ignored && !thread::panicking() {
            let rest = self.take();
            assert!(rest.is_empty(), "said and never expected: {rest:?}");
        }
    }
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    const SHOWN: usize = 1000;
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() {
        write!(cut, " .. {} more", text.len() - cut.len()).expect("a String takes all");
    }
    cut
}

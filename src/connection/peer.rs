//! Who is at the other end of a connection, and what it has there. Requests carry it as an extension.

use std::{
    mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::Ended;
use crate::{
    bucket::{Bucket, Rate},
    context::Context,
    metrics::Histogram,
    shares::Parties,
};

/// From how many bytes on it is worth to tell the socket of a message, and how many of these are told of in one poll.
const LARGE: usize = 16 * 1024;
const LARGE_AT_ONCE: usize = 4;

/// How many different moments are kept until what came from them is written. More are counted with the oldest: what a
/// client does not take for so long is late in any case.
const MOMENTS: usize = 16;

/// How many refused requests a connection may make at once, and how many a second. A proxy that asks for all it needs
/// and is over a limit with most of it stays below; refusing costs about as much as asking.
const REFUSALS: Rate = Rate { per_second: 500, burst: 8192 };

/// See the module's documentation.
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    parties: Parties,
    opened: Instant,
    /// When all that had been handed over was last written, in nanoseconds after `opened`.
    drained: AtomicU64,
    streams: AtomicUsize,
    /// How many requests it ever made.
    requests: AtomicUsize,
    refusals: Mutex<Bucket>,
    flooding: AtomicBool,
    ended: OnceLock<Ended>,
    /// When what is about to be written came from the source, and how many messages that is.
    moments: Mutex<Vec<(Instant, u64)>>,
    /// Large messages that are about to be written.
    large: Mutex<Vec<Bytes>>,
    event_to_wire: Histogram,
    /// What it last said of itself.
    context: Mutex<Option<Arc<Context>>>,
}

impl Peer {
    /// The client at this address; how late it is told things is added to `event_to_wire`.
    #[must_use]
    pub fn new(addr: SocketAddr, event_to_wire: Histogram) -> Self {
        Self {
            addr,
            parties: Parties::default(),
            opened: Instant::now(),
            drained: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            refusals: Mutex::new(Bucket::full(REFUSALS, Instant::now())),
            flooding: AtomicBool::new(false),
            ended: OnceLock::new(),
            moments: Mutex::default(),
            large: Mutex::default(),
            event_to_wire,
            context: Mutex::default(),
        }
    }

    /// The same client, which has its shares as these.
    #[must_use]
    pub fn known_as(self, parties: Parties) -> Self {
        Self { parties, ..self }
    }

    /// As what it has its shares.
    #[must_use]
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// What a request says of its client. A proxy says the same in each of its requests, so they share it.
    #[must_use]
    pub fn says(&self, context: Context) -> Arc<Context> {
        let mut last = self.context.lock().expect("nothing panics while it holds this lock");
        match &*last {
            Some(known) if **known == context => known.clone(),
            _ => last.insert(Arc::new(context)).clone(),
        }
    }

    /// Whether what was handed over at this moment waits to be written to the socket, which may be full.
    #[must_use]
    pub fn holds(&self, handed: Instant) -> bool {
        let drained = self.opened + Duration::from_nanos(self.drained.load(Ordering::Relaxed));
        // Nothing waits on a connection that is polled just now, as far as can be seen from elsewhere.
        handed > drained && !self.moments.lock().expect("nothing panics while it holds this lock").is_empty()
    }

    /// Where it is.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many streams it has.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// A request was refused unseen.
    pub fn refused(&self) {
        let mut refusals = self.refusals.lock().expect("nothing panics while it holds this lock");
        if !refusals.take(REFUSALS, Instant::now()) {
            self.flooding.store(true, Ordering::Relaxed);
        }
    }

    /// How many requests it ever made.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it goes on asking what is refused as if nothing had been said.
    pub(super) fn is_flooding(&self) -> bool {
        self.flooding.load(Ordering::Relaxed)
    }

    /// Its connection ends for this reason, and with it whatever streams it has.
    pub fn ends(&self, because: Ended) {
        _ = self.ended.set(because);
    }

    /// Why its connection has ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended.get().copied()
    }

    pub(super) fn stream_began(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_ended(&self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }

    /// These bytes of so many messages, which others are sent too, were handed to HTTP/2. They say what the source said at
    /// this moment, if they say something new.
    pub fn sends(&self, bytes: &Bytes, messages: u32, since: Option<Instant>) {
        if bytes.len() >= LARGE {
            let mut large = self.large.lock().expect("nothing panics while it holds this lock");
            if large.len() < LARGE_AT_ONCE && large.last().is_none_or(|last| last.as_ptr() != bytes.as_ptr())
            {
                large.push(bytes.clone());
            }
        }
        let Some(since) = since else { return };
        let messages = u64::from(messages);
        let mut moments = self.moments.lock().expect("nothing panics while it holds this lock");
        if let Some((_, count)) = moments.iter_mut().rfind(|(moment, _)| *moment == since) {
            *count += messages;
        } else if moments.len() == MOMENTS {
            moments[0].1 += messages;
        } else {
            moments.push((since, messages));
        }
    }

    /// Large messages that were handed over since this was called last.
    pub(super) fn take_large(&self) -> Vec<Bytes> {
        mem::take(&mut self.large.lock().expect("nothing panics while it holds this lock"))
    }

    /// What was handed over is written.
    pub(super) fn drained(&self) {
        let now = Instant::now();
        let since_opened = now.saturating_duration_since(self.opened).as_nanos();
        self.drained.store(u64::try_from(since_opened).unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut moments = self.moments.lock().expect("nothing panics while it holds this lock");
        if moments.is_empty() {
            return;
        }
        for (since, count) in moments.drain(..) {
            self.event_to_wire.observe(now.saturating_duration_since(since), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn peer() -> Peer {
        Peer::new(([127, 0, 0, 1], 1).into(), Histogram::default())
    }

    fn small() -> Bytes {
        Bytes::from_static(b"an answer")
    }

    /// What is kept of moments, the oldest first.
    fn counts(peer: &Peer) -> Vec<u64> {
        peer.moments.lock().expect("not poisoned").iter().map(|(_, count)| *count).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_of_one_moment_are_one_entry_whatever_comes_between() {
        let peer = peer();
        let first = Instant::now();
        advance(Duration::from_millis(1)).await;
        let second = Instant::now();
        for since in [first, second, first, second, first] {
            peer.sends(&small(), 1, Some(since));
        }
        peer.sends(&small(), 1, None);
        assert_eq!(counts(&peer), [3, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn moments_beyond_the_bound_are_counted_with_the_oldest() {
        let peer = peer();
        for _ in 0..MOMENTS + 3 {
            peer.sends(&small(), 1, Some(Instant::now()));
            advance(Duration::from_millis(1)).await;
        }
        let mut expect = vec![1; MOMENTS];
        expect[0] = 1 + 3;
        assert_eq!(counts(&peer), expect);
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_is_as_late_as_its_moment_when_it_is_written() {
        let peer = peer();
        let moment = Instant::now();
        for _ in 0..3 {
            peer.sends(&small(), 1, Some(moment));
        }
        advance(Duration::from_secs(2)).await;
        peer.sends(&small(), 1, Some(Instant::now()));
        assert_eq!(peer.event_to_wire.quantile(1.0), None, "nothing is written yet");

        peer.drained();

        // Of four messages one is from now, and the others are two seconds late: less than the bound of 2.5.
        assert_eq!(peer.event_to_wire.quantile(0.25), Some(0.0001));
        assert_eq!(peer.event_to_wire.quantile(0.26), Some(2.5));
        assert_eq!(peer.event_to_wire.quantile(1.0), Some(2.5));
        assert!(counts(&peer).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn large_messages_are_told_of_once_in_a_row_and_so_many_at_most() {
        let peer = peer();
        let messages: Vec<_> = (0..LARGE_AT_ONCE + 2).map(|_| Bytes::from(vec![0; LARGE])).collect();
        peer.sends(&Bytes::from(vec![0; LARGE - 1]), 1, None);
        for message in &messages {
            peer.sends(message, 1, None);
            peer.sends(message, 1, None);
        }
        let told = peer.take_large();
        let addresses = |messages: &[Bytes]| messages.iter().map(|bytes| bytes.as_ptr()).collect::<Vec<_>>();
        assert_eq!(addresses(&told), addresses(&messages[..LARGE_AT_ONCE]));
        assert!(peer.take_large().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_handed_over_waits_until_it_is_written_and_what_was_written_before_does_not() {
        let peer = peer();
        let before = Instant::now();
        advance(Duration::from_secs(1)).await;
        peer.drained();
        advance(Duration::from_secs(1)).await;
        let handed = Instant::now();
        peer.sends(&small(), 1, Some(handed));
        assert!(peer.holds(handed));
        assert!(!peer.holds(before), "another stream's message is none of this one's");
        peer.drained();
        assert!(!peer.holds(handed));
    }

    #[tokio::test]
    async fn requests_that_say_the_same_share_it() {
        let peer = peer();
        let first = peer.says(Context::parse(r#"{"ns":"a"}"#));
        assert!(Arc::ptr_eq(&first, &peer.says(Context::parse(r#"{"ns":"a"}"#))));
        assert_eq!(*peer.says(Context::parse(r#"{"ns":"b"}"#)), Context::parse(r#"{"ns":"b"}"#));
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_refusals_are_no_flood_and_one_more_is() {
        let peer = peer();
        for _ in 0..REFUSALS.burst {
            peer.refused();
        }
        assert!(!peer.is_flooding());
        peer.refused();
        assert!(peer.is_flooding());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_come_back_with_time_up_to_the_first_number() {
        let peer = peer();
        for _ in 0..REFUSALS.burst {
            peer.refused();
        }
        for _ in 0..3 {
            advance(Duration::from_secs(1)).await;
            for _ in 0..REFUSALS.per_second {
                peer.refused();
            }
        }
        advance(Duration::from_secs(86_400)).await;
        for _ in 0..REFUSALS.burst {
            peer.refused();
        }
        assert!(!peer.is_flooding());
        peer.refused();
        assert!(peer.is_flooding(), "a day is worth no more");
    }
}

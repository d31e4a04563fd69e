//! Who is at the other end of a connection, and what it has there. Requests carry it as an extension.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use crate::metrics::Histogram;

/// How many different moments are kept until what came from them is written. More are counted with the oldest: what a
/// client does not take for so long is late in any case.
const MOMENTS: usize = 16;

/// How many refused requests a connection may make, and how many more for each that is let through. A client that
/// backs off makes a few; refusing costs about as much as asking.
const REFUSALS: usize = 1000;
const REFUSALS_EACH: usize = 10;

/// See the module's documentation.
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    streams: AtomicUsize,
    /// Requests that were let through, and that were not.
    admitted: AtomicUsize,
    refused: AtomicUsize,
    /// When what is about to be written came from the source, and how many messages that is.
    moments: Mutex<Vec<(Instant, u64)>>,
    event_to_wire: Histogram,
}

impl Peer {
    /// The client at this address; how late it is told things is added to `event_to_wire`.
    #[must_use]
    pub fn new(addr: SocketAddr, event_to_wire: Histogram) -> Self {
        let (admitted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self {
            addr,
            streams: AtomicUsize::new(0),
            admitted,
            refused,
            moments: Mutex::default(),
            event_to_wire,
        }
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

    /// A request was let through.
    pub fn admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was refused unseen.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it goes on asking what is refused as if nothing had been said.
    pub(super) fn is_flooding(&self) -> bool {
        let admitted = self.admitted.load(Ordering::Relaxed);
        self.refused.load(Ordering::Relaxed) > REFUSALS.saturating_add(admitted.saturating_mul(REFUSALS_EACH))
    }

    pub(super) fn set_streams(&self, count: usize) {
        self.streams.store(count, Ordering::Relaxed);
    }

    /// A message was handed to HTTP/2, and says what the source said at this moment.
    pub fn sends(&self, since: Instant) {
        let mut moments = self.moments.lock().expect("nothing panics while it holds this lock");
        let full = moments.len() == MOMENTS;
        match moments.iter_mut().rfind(|(moment, _)| *moment == since || full) {
            Some((_, count)) => *count += 1,
            None => moments.push((since, 1)),
        }
    }

    /// What was handed over is written.
    pub(super) fn drained(&self) {
        let mut moments = self.moments.lock().expect("nothing panics while it holds this lock");
        if moments.is_empty() {
            return;
        }
        let now = Instant::now();
        for (since, count) in moments.drain(..) {
            self.event_to_wire.observe(now.saturating_duration_since(since), count);
        }
    }
}

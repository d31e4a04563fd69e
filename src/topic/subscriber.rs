//! What is known of one subscriber: who it is, what it was last given, and whether it has taken that.
//!
//! The topic and the stream write here, each message, at the cost of two uncontended atomics and a lock that only a
//! curious operator shares; nothing here decides anything but whether a subscriber is to be woken.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::time::{Duration, Instant};

use super::published::Held;
use crate::{connection::Peer, context::Context, wire::Frames};

/// See the module's documentation.
#[derive(Debug)]
pub struct Subscriber {
    id: u64,
    opened: Instant,
    /// Whether it waits for something new, having taken all there was.
    waits: AtomicBool,
    /// Since when not, in nanoseconds after `opened`. It is written before `waits` becomes false.
    behind_since: AtomicU64,
    asker: OnceLock<Asker>,
    given: Mutex<Given>,
}

/// Who asks.
#[derive(Debug)]
struct Asker {
    peer: Option<Arc<Peer>>,
    context: Arc<Context>,
}

/// What a subscriber was given: handed to HTTP/2 for it.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The last answer; `None` before the first one.
    pub held: Option<Held>,
    /// How many messages.
    pub messages: u64,
    /// How many bytes these were, with the frames of gRPC.
    pub bytes: u64,
    /// When the last of them was.
    pub at: Option<Instant>,
}

impl Given {
    pub(super) fn note(&mut self, frames: &Frames) {
        self.messages += u64::from(frames.messages);
        self.bytes += frames.bytes.len() as u64;
        self.at = Some(Instant::now());
    }
}

impl Subscriber {
    pub(super) fn new() -> Self {
        static ID: AtomicU64 = AtomicU64::new(1);
        Self {
            id: ID.fetch_add(1, Ordering::Relaxed),
            opened: Instant::now(),
            waits: AtomicBool::new(false),
            behind_since: AtomicU64::new(0),
            asker: OnceLock::new(),
            given: Mutex::default(),
        }
    }

    /// Says who this is, once.
    pub fn introduce(&self, peer: Option<Arc<Peer>>, context: Arc<Context>) {
        _ = self.asker.set(Asker { peer, context });
    }

    /// Unique in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// When it came.
    #[must_use]
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// The connection it came by, if it came by one.
    #[must_use]
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        self.asker.get()?.peer.as_ref()
    }

    /// What it said of itself.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        Some(&self.asker.get()?.context)
    }

    /// What it was given.
    #[must_use]
    pub fn given(&self) -> Given {
        self.lock().clone()
    }

    /// Since when there is something true that it has not taken; `None` if it has all. What HTTP/2 took for a client
    /// that does not read counts as taken up to [`SEND_BUFFER`](crate::grpc) and the client's own window.
    #[must_use]
    pub fn behind_since(&self) -> Option<Instant> {
        if self.waits.load(Ordering::Acquire) {
            return None;
        }
        Some(self.opened + Duration::from_nanos(self.behind_since.load(Ordering::Relaxed)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().expect("nothing panics while it holds this lock")
    }

    /// It has all there is, and wants to be woken when there is more.
    pub(super) fn waits(&self) {
        self.waits.store(true, Ordering::Release);
    }

    /// There is something for it since then. Says whether it waited for that.
    pub(super) fn stops_waiting(&self, since: Instant) -> bool {
        if !self.waits.load(Ordering::Relaxed) {
            return false;
        }
        let since = since.saturating_duration_since(self.opened).as_nanos();
        self.behind_since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.waits.swap(false, Ordering::AcqRel)
    }
}

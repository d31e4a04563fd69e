//! What is known of one subscriber: who it is, what it was last given, and whether it has taken that.
//!
//! The topic and the stream write here, each message, at the cost of two uncontended atomics and a lock that only a
//! curious operator shares; nothing here decides anything but whether a subscriber is to be woken.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use tokio::time::{Duration, Instant};

use super::published::Held;
use crate::{connection::Peer, context::Context, wire::Frames};

/// See the module's documentation.
#[derive(Debug)]
pub struct Subscriber {
    id: u64,
    opened: Instant,
    /// One of [`WAITS`], [`WOKEN`], [`HANDED`].
    state: AtomicU8,
    /// Since when it does not wait, in nanoseconds after `opened`. It is written before `state` says so.
    untaken_since: AtomicU64,
    asker: OnceLock<Asker>,
    given: Mutex<Given>,
}

/// It waits for something new, having taken all there was.
const WAITS: u8 = 0;
/// There is something that it has not asked for.
const WOKEN: u8 = 1;
/// It was handed something, and has not asked for more, which would say that it took that.
const HANDED: u8 = 2;

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
    /// Answers it will never be told, that nobody has heard of yet.
    pub(super) skipped: u64,
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
            state: AtomicU8::new(WOKEN),
            untaken_since: AtomicU64::new(0),
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

    /// Since when it has not all that is true: it did not take it, or its connection does not get rid of what it took.
    /// `None` if it has all. What HTTP/2 and the client's own window hold for a client that does not read counts as taken.
    #[must_use]
    pub fn behind_since(&self) -> Option<Instant> {
        self.untaken_since().into_iter().chain(self.unwritten_since()).min()
    }

    /// Since when there is something true that it has not taken, at the earliest; `None` if it took all.
    #[must_use]
    pub fn untaken_since(&self) -> Option<Instant> {
        if self.state.load(Ordering::Acquire) == WAITS {
            return None;
        }
        Some(self.opened + Duration::from_nanos(self.untaken_since.load(Ordering::Relaxed)))
    }

    /// Since when something that it took waits to be written to its connection; `None` if nothing does.
    #[must_use]
    pub fn unwritten_since(&self) -> Option<Instant> {
        let peer = self.peer()?;
        let handed = self.lock().at?;
        peer.holds(handed).then_some(handed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().expect("nothing panics while it holds this lock")
    }

    /// It has all there is, and wants to be woken when there is more.
    pub(super) fn waits(&self) {
        self.state.store(WAITS, Ordering::Release);
    }

    /// There is something for it since then. Says whether it waited for that, and is to be woken.
    pub(super) fn stops_waiting(&self, since: Instant) -> bool {
        if self.state.load(Ordering::Relaxed) != WAITS {
            return false;
        }
        self.note_since(since);
        self.state.compare_exchange(WAITS, WOKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// It is handed what there is since then. Having asked, it took all that it was handed before.
    pub(super) fn is_handed(&self, since: Instant) {
        // Who was woken for it has lacked it since that.
        if self.state.load(Ordering::Relaxed) != WOKEN {
            self.note_since(since);
        }
        self.state.store(HANDED, Ordering::Release);
    }

    fn note_since(&self, since: Instant) {
        let since = since.saturating_duration_since(self.opened).as_nanos();
        self.untaken_since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

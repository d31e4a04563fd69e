//! The streams of one connection: futures that are polled by their connection instead of by tasks of their own.
//!
//! A list of those that were woken is all there is to it. `FuturesUnordered` would do the same, but it yields
//! after a future has woken itself twice, which hyper's streams do for each message: that takes batches apart.

use std::{
    fmt,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::task::AtomicWaker;
use hyper::rt;
use slab::Slab;

use super::Peer;

/// How many streams are polled before HTTP/2 is. Each may have to be compared with what is true by itself, while the
/// other connections of this thread wait.
const POLLED_AT_ONCE: usize = 512;

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper puts the futures of new streams.
#[derive(Clone, Debug)]
pub struct Executor {
    shared: Arc<Shared>,
}

impl<F: Future<Output = ()> + Send + 'static> rt::Executor<F> for Executor {
    fn execute(&self, stream: F) {
        self.shared.peer.stream_began();
        self.shared.lists().spawned.push(Box::pin(stream));
    }
}

/// What wakers and hyper leave for the connection to find. It is also what wakes HTTP/2: a stream with something to
/// send wakes that for each message, which within a poll of the connection is no news.
struct Shared {
    lists: Mutex<Lists>,
    /// Whether HTTP/2 wants to be polled.
    http: AtomicBool,
    /// Whether the connection is being polled, and will look at all of this before that is over.
    polled: AtomicBool,
    connection: AtomicWaker,
    peer: Arc<Peer>,
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.http.store(true, Ordering::SeqCst);
        self.wake_connection();
    }
}

#[derive(Default)]
struct Lists {
    spawned: Vec<Stream>,
    /// Places of streams to be polled. One may be there twice, or be somebody else's by now: it is polled
    /// for nothing.
    woken: Vec<usize>,
}

impl Shared {
    /// To be called after what it shall find was left.
    fn wake_connection(&self) {
        if !self.polled.load(Ordering::SeqCst) {
            self.connection.wake();
        }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().expect("nothing panics while it holds this lock")
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Wakes one stream.
struct StreamWaker {
    shared: Arc<Shared>,
    place: usize,
    /// Whether it is in the list already.
    woken: AtomicBool,
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.shared.lists().woken.push(self.place);
            self.shared.wake_connection();
        }
    }
}

struct Slot {
    stream: Stream,
    woken: Arc<StreamWaker>,
    waker: Waker,
}

/// All streams of a connection.
pub(super) struct Streams {
    shared: Arc<Shared>,
    /// Wakes HTTP/2.
    http: Waker,
    slots: Slab<Slot>,
    /// Emptied lists, for their memory.
    spare: Vec<usize>,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("open", &self.slots.len()).finish_non_exhaustive()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        // A stream holds an executor, and the list that a stream may still be in is the executor's: only this ends
        // it. Not under the lock, for what is dropped wakes others.
        let spawned = mem::take(&mut self.shared.lists().spawned);
        drop(spawned);
    }
}

impl Streams {
    pub(super) fn new(peer: Arc<Peer>) -> Self {
        let shared = Shared {
            lists: Mutex::default(),
            http: AtomicBool::new(true),
            polled: AtomicBool::new(false),
            connection: AtomicWaker::new(),
            peer,
        };
        let shared = Arc::new(shared);
        let http = shared.clone().into();
        Self { shared, http, slots: Slab::new(), spare: Vec::new() }
    }

    /// Where the connection's new streams go.
    pub(super) fn executor(&self) -> Executor {
        Executor { shared: self.shared.clone() }
    }

    /// Whether there is no stream.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// From now on the caller looks after who is woken, until it finishes.
    pub(super) fn begin(&self, connection: &Waker) {
        self.shared.connection.register(connection);
        self.shared.polled.store(true, Ordering::SeqCst);
    }

    /// With what HTTP/2 is to be polled, which is about to happen.
    pub(super) fn http_waker(&self) -> &Waker {
        self.shared.http.store(false, Ordering::SeqCst);
        &self.http
    }

    /// The other end of `begin`: whoever was woken and not seen wakes the connection.
    pub(super) fn finish(&self) {
        self.shared.polled.store(false, Ordering::SeqCst);
        if !self.is_quiet() {
            self.shared.connection.wake();
        }
    }

    /// Whether neither a stream nor HTTP/2 is to be polled.
    pub(super) fn is_quiet(&self) -> bool {
        let lists = self.shared.lists();
        !self.shared.http.load(Ordering::SeqCst) && lists.woken.is_empty() && lists.spawned.is_empty()
    }

    /// Takes in new streams, to be polled next.
    pub(super) fn adopt(&mut self) {
        let mut lists = self.shared.lists();
        if lists.spawned.is_empty() {
            return;
        }
        for stream in mem::take(&mut lists.spawned) {
            let entry = self.slots.vacant_entry();
            let place = entry.key();
            let woken = StreamWaker { shared: self.shared.clone(), place, woken: AtomicBool::new(true) };
            let woken = Arc::new(woken);
            entry.insert(Slot { stream, waker: woken.clone().into(), woken });
            lists.woken.push(place);
        }
    }

    /// Polls those that were woken, each once; of very many the first.
    pub(super) fn poll_woken(&mut self) {
        let mut woken = mem::replace(&mut self.shared.lists().woken, mem::take(&mut self.spare));
        if woken.len() > POLLED_AT_ONCE {
            self.shared.lists().woken.extend(woken.drain(POLLED_AT_ONCE..));
        }
        for place in woken.drain(..) {
            let Some(slot) = self.slots.get_mut(place) else { continue };
            slot.woken.woken.store(false, Ordering::Release);
            if poll(slot).is_ready() {
                self.slots.remove(place);
                self.shared.peer.stream_ended();
            }
        }
        self.spare = woken;
    }
}

/// Polls a stream. One that panics has ended: the others of its connection have done nothing wrong.
fn poll(slot: &mut Slot) -> Poll<()> {
    let Slot { stream, waker, .. } = slot;
    let poll = || stream.as_mut().poll(&mut Context::from_waker(waker));
    catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|_| {
        tracing::error!("answering a request panicked, which is a bug: its stream is reset, and its client has to ask again");
        Poll::Ready(())
    })
}

#[cfg(test)]
mod tests;

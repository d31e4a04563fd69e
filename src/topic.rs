//! How one new answer reaches many subscribers.
//!
//! A [`Topic`] holds the newest answer to one target, nothing else; a [`Cursor`] is a subscriber's place in
//! it: what it was last given. There is no queue anywhere. A subscriber that is slow finds, whenever it next
//! looks, the newest answer, and is told the difference from what it has in one step. One that keeps up gets
//! bytes that were encoded once for everybody.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering, fence},
    },
    task::{Context, Poll, Waker},
};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use slab::Slab;
use tokio::time::{Duration, Instant};

use crate::{resolve::Target, wire::Frames};

mod published;

use self::published::Held;
pub use self::published::Published;

/// How many subscribers are woken before others may come or go.
const WOKEN_AT_ONCE: usize = 256;

/// The newest answer to one target, and who waits for the next.
#[derive(Debug)]
pub struct Topic {
    /// `None` until there is a first answer: never "does not exist".
    current: ArcSwapOption<Published>,
    subscribers: Mutex<Subscribers>,
}

#[derive(Debug)]
struct Subscribers {
    /// One for each cursor; `None` if that never waited yet.
    waiting: Slab<Option<Waiting>>,
    /// When the last cursor left.
    idle_since: Instant,
}

/// How to wake a subscriber. It stays registered: what changes with each message is only whether it wants to be
/// woken, so that one which is stuck costs a look and nothing else.
#[derive(Clone, Debug)]
struct Waiting {
    waker: Waker,
    wanted: Arc<AtomicBool>,
}

impl Topic {
    fn new() -> Self {
        let subscribers = Subscribers { waiting: Slab::new(), idle_since: Instant::now() };
        Self { current: ArcSwapOption::empty(), subscribers: Mutex::new(subscribers) }
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers.lock().expect("nothing panics while it holds this lock")
    }

    /// The newest answer.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Published>> {
        self.current.load_full()
    }

    /// Makes an answer the newest and wakes everybody. The time this takes depends on how many wait, never
    /// on what any of them does.
    pub fn publish(&self, published: Arc<Published>) {
        self.show(published);
        self.wake_waiting();
    }

    /// Makes an answer the newest, which subscribers find when they next look.
    pub fn show(&self, published: Arc<Published>) {
        self.current.store(Some(published));
    }

    /// Wakes everybody who waits, after something was shown.
    pub fn wake_waiting(&self) {
        // Whoever wants to be woken from here on sees what is new: the other half is in `Cursor::poll_next`.
        fence(Ordering::SeqCst);
        self.wake(|waiting| {
            waiting.wanted.load(Ordering::Relaxed) && waiting.wanted.swap(false, Ordering::AcqRel)
        });
    }

    fn wake_all(&self) {
        self.wake(|_| true);
    }

    fn wake(&self, wanted: impl Fn(&Waiting) -> bool) {
        let mut place = 0;
        loop {
            let subscribers = self.lock();
            let end = subscribers.waiting.capacity().min(place + WOKEN_AT_ONCE);
            for waiting in (place..end).filter_map(|place| subscribers.waiting.get(place)?.as_ref()) {
                if wanted(waiting) {
                    waiting.waker.wake_by_ref();
                }
            }
            if end == subscribers.waiting.capacity() {
                return;
            }
            place = end;
        }
    }

    /// How many cursors there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.lock().waiting.len()
    }

    fn is_idle(&self, for_at_least: Duration) -> bool {
        let subscribers = self.lock();
        subscribers.waiting.is_empty() && subscribers.idle_since.elapsed() >= for_at_least
    }

    /// Lets go of bytes that nobody asked for since this was called last.
    pub fn cool(&self) {
        if let Some(current) = &*self.current.load() {
            current.cool();
        }
    }

    fn cursor(self: &Arc<Self>) -> Cursor {
        let place = self.lock().waiting.insert(None);
        Cursor { topic: self.clone(), place, waiting: None, held: None }
    }
}

/// One subscriber's place in a [`Topic`].
#[derive(Debug)]
pub struct Cursor {
    topic: Arc<Topic>,
    place: usize,
    /// As in the topic.
    waiting: Option<Waiting>,
    /// What the subscriber was last given. Holding the answer keeps one old state alive for a subscriber
    /// that stands still, however many it misses.
    held: Option<Held>,
}

/// What a subscriber is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The messages.
    pub frames: Frames,
    /// When the source said what they say, if they say something new; `None` for a first answer.
    pub since: Option<Instant>,
}

impl Cursor {
    /// What the subscriber has to be told next: first everything, then differences. Pending while it has
    /// what is true.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        if let Some(told) = self.next() {
            return Poll::Ready(told);
        }
        self.wait(cx.waker());
        // What was published before the topic could see that this one waits.
        fence(Ordering::SeqCst);
        self.next().map_or(Poll::Pending, Poll::Ready)
    }

    fn next(&mut self) -> Option<Told> {
        loop {
            let current = self.topic.current.load();
            let published = current.as_ref()?;
            if self.held.as_ref().is_some_and(|held| held.version == published.version()) {
                return None;
            }
            let frames = published.frames_after(self.held.as_ref());
            let since = self.held.is_some().then(|| published.since());
            self.held = Some(Held { version: published.version(), answer: published.answer().clone() });
            if let Some(frames) = frames {
                return Some(Told { frames, since });
            }
        }
    }

    fn wait(&mut self, waker: &Waker) {
        match &self.waiting {
            Some(waiting) if waiting.waker.will_wake(waker) => waiting.wanted.store(true, Ordering::Release),
            _ => {
                let waiting = Waiting { waker: waker.clone(), wanted: Arc::new(AtomicBool::new(true)) };
                let before = self.topic.lock().waiting[self.place].replace(waiting.clone());
                drop(before);
                self.waiting = Some(waiting);
            }
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut subscribers = self.topic.lock();
        let waiting = subscribers.waiting.remove(self.place);
        if subscribers.waiting.is_empty() {
            subscribers.waiting = Slab::new();
            subscribers.idle_since = Instant::now();
        }
        drop(subscribers);
        drop(waiting);
    }
}

/// All topics by target. Only the controller adds and takes away; anybody may subscribe to what is there.
#[derive(Debug, Default)]
pub struct Topics {
    topics: DashMap<Target, Arc<Topic>>,
}

impl Topics {
    /// A cursor into the topic of a target, if there is one. It is made under the shard's lock, so that the
    /// topic cannot be reaped between being found and being used.
    #[must_use]
    pub fn subscribe(&self, target: &Target) -> Option<Cursor> {
        self.topics.get(target).map(|topic| topic.cursor())
    }

    /// The topic of a target, made if there is none, and a cursor into it.
    #[must_use]
    pub fn open(&self, target: &Target) -> (Arc<Topic>, Cursor) {
        let topic = self.topics.entry(target.clone()).or_insert_with(|| Arc::new(Topic::new()));
        (topic.clone(), topic.cursor())
    }

    /// Drops a topic that has had no subscriber for this long; says whether it did.
    pub fn reap(&self, target: &Target, idle: Duration) -> bool {
        self.topics.remove_if(target, |_, topic| topic.is_idle(idle)).is_some()
    }

    /// How many topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Wakes every subscriber though nothing changed, so that it notices something else: the end.
    pub fn wake_all(&self) {
        let topics: Vec<_> = self.topics.iter().map(|entry| entry.value().clone()).collect();
        for topic in topics {
            topic.wake_all();
        }
    }
}

#[cfg(test)]
mod tests;

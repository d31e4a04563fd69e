//! How one new answer reaches many subscribers.
//!
//! A [`Topic`] holds the newest answer to one target, nothing else; a [`Cursor`] is a subscriber's place in
//! it: what it was last given. There is no queue anywhere. A subscriber that is slow finds, whenever it next
//! looks, the newest answer, and is told the difference from what it has in one step. One that keeps up gets
//! bytes that were encoded once for everybody.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, atomic::Ordering, atomic::fence},
    task::{Context, Poll, Waker},
};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use slab::Slab;
use tokio::time::{Duration, Instant};

use crate::{resolve::Target, wire::Frames};

mod published;
mod subscriber;

pub use self::{
    published::{Held, Published},
    subscriber::{Given, Subscriber},
};

/// How many subscribers are woken before others may come or go.
const WOKEN_AT_ONCE: usize = 256;

/// The newest answer to one target, and who waits for the next.
#[derive(Debug)]
pub struct Topic {
    target: Target,
    /// `None` until there is a first answer: never "does not exist".
    current: ArcSwapOption<Published>,
    subscribers: Mutex<Subscribers>,
}

#[derive(Debug)]
struct Subscribers {
    /// One for each cursor.
    places: Slab<Place>,
    /// When the last cursor left.
    idle_since: Instant,
}

/// A subscriber and how to wake it. It stays registered: what changes with each message is only whether it waits, so
/// that one which is stuck costs a look and nothing else.
#[derive(Debug)]
struct Place {
    subscriber: Arc<Subscriber>,
    /// `None` if it never waited yet.
    waker: Option<Waker>,
}

impl Topic {
    fn new(target: Target) -> Self {
        let subscribers = Subscribers { places: Slab::new(), idle_since: Instant::now() };
        Self { target, current: ArcSwapOption::empty(), subscribers: Mutex::new(subscribers) }
    }

    /// What the answers are to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
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
        let Some(since) = self.current.load().as_ref().map(|current| current.since()) else { return };
        self.wake(|subscriber| subscriber.stops_waiting(since));
    }

    fn wake_all(&self) {
        self.wake(|_| true);
    }

    fn wake(&self, wanted: impl Fn(&Subscriber) -> bool) {
        self.some_at_a_time(|place| {
            if let Some(waker) = &place.waker
                && wanted(&place.subscriber)
            {
                waker.wake_by_ref();
            }
        });
    }

    /// Looks at all places, and lets others come and go in between.
    fn some_at_a_time(&self, mut look: impl FnMut(&Place)) {
        let mut place = 0;
        loop {
            let subscribers = self.lock();
            let end = subscribers.places.capacity().min(place + WOKEN_AT_ONCE);
            (place..end).filter_map(|place| subscribers.places.get(place)).for_each(&mut look);
            if end == subscribers.places.capacity() {
                return;
            }
            place = end;
        }
    }

    /// How many answers a subscriber that was given this has not been given.
    #[must_use]
    pub fn versions_behind(&self, given: &Given) -> u64 {
        match (self.current.load().as_ref(), &given.held) {
            (Some(current), Some(held)) => current.steps_since(held),
            (Some(_), None) => 1,
            (None, _) => 0,
        }
    }

    /// How many cursors there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.lock().places.len()
    }

    /// What is known of each subscriber. Who comes or goes meanwhile may be missing.
    #[must_use]
    pub fn all_subscribers(&self) -> Vec<Arc<Subscriber>> {
        let mut all = Vec::with_capacity(self.subscribers());
        self.some_at_a_time(|place| all.push(place.subscriber.clone()));
        all
    }

    fn is_idle(&self, for_at_least: Duration) -> bool {
        let subscribers = self.lock();
        subscribers.places.is_empty() && subscribers.idle_since.elapsed() >= for_at_least
    }

    /// Lets go of bytes that nobody asked for since this was called last.
    pub fn cool(&self) {
        if let Some(current) = &*self.current.load() {
            current.cool();
        }
    }

    fn cursor(self: &Arc<Self>) -> Cursor {
        let subscriber = Arc::new(Subscriber::new());
        let place = self.lock().places.insert(Place { subscriber: subscriber.clone(), waker: None });
        Cursor { topic: self.clone(), place, waker: None, subscriber }
    }
}

/// One subscriber's place in a [`Topic`]. What it was last given is in the [`Subscriber`]: holding that answer keeps
/// one old state alive for a subscriber that stands still, however many it misses.
#[derive(Debug)]
pub struct Cursor {
    topic: Arc<Topic>,
    place: usize,
    /// As in the topic.
    waker: Option<Waker>,
    subscriber: Arc<Subscriber>,
}

/// What a subscriber is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The messages.
    pub frames: Frames,
    /// When the source said what they say, if they say something new; `None` for a first answer.
    pub since: Option<Instant>,
    /// How many answers lie between what the subscriber had and this one: those it was never told, because it did not
    /// ask in time.
    pub skipped: u64,
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

    /// What the answers are to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.topic.target
    }

    /// What is known of this subscriber.
    #[must_use]
    pub fn subscriber(&self) -> &Arc<Subscriber> {
        &self.subscriber
    }

    fn next(&mut self) -> Option<Told> {
        loop {
            let current = self.topic.current.load();
            let published = current.as_ref()?;
            let mut given = self.subscriber.lock();
            if given.held.as_ref().is_some_and(|held| held.version == published.version()) {
                return None;
            }
            let frames = published.frames_after(given.held.as_ref());
            let before = given.held.replace(published.held());
            let steps = before.as_ref().map_or(1, |held| published.steps_since(held));
            given.skipped += steps.saturating_sub(1);
            if let Some(frames) = frames {
                let since = before.is_some().then(|| published.since());
                // Of several steps the first came after the last message, which was of what was true then.
                let lacked = if steps > 1 { given.at } else { None }.unwrap_or(published.since());
                given.note(&frames);
                let skipped = mem::take(&mut given.skipped);
                drop(given);
                self.subscriber.is_handed(lacked);
                return Some(Told { frames, since, skipped });
            }
        }
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
            let before = self.topic.lock().places[self.place].waker.replace(waker.clone());
            drop(before);
        }
        self.subscriber.waits();
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut subscribers = self.topic.lock();
        let place = subscribers.places.remove(self.place);
        if subscribers.places.is_empty() {
            subscribers.places = Slab::new();
            subscribers.idle_since = Instant::now();
        }
        drop(subscribers);
        drop(place);
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
        let topic = self.topics.entry(target.clone()).or_insert_with(|| Arc::new(Topic::new(target.clone())));
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

    /// All topics, in no order, for those who look at everything. Who comes or goes meanwhile may be missing.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.topics.iter().map(|entry| entry.value().clone()).collect()
    }

    /// Wakes every subscriber though nothing changed, so that it notices something else: the end.
    pub fn wake_all(&self) {
        for topic in self.all() {
            topic.wake_all();
        }
    }
}

#[cfg(test)]
mod tests;

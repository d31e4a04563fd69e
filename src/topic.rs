//! How one new answer reaches many subscribers.
//!
//! A [`Topic`] holds the newest answer to one target, nothing else; a [`Cursor`] is a subscriber's place in
//! it: what it was last given. There is no queue anywhere. A subscriber that is slow finds, whenever it next
//! looks, the newest answer, and is told the difference from what it has in one step. One that keeps up gets
//! bytes that were encoded once for everybody.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use dashmap::DashMap;
use slab::Slab;
use tokio::time::{Duration, Instant};

use crate::{
    resolve::{Answer, Target},
    wire::{self, Frames},
};

/// An answer as it was made known: with its place in the order of answers, and the bytes that are the same
/// for every subscriber.
#[derive(Debug)]
pub struct Published {
    version: u64,
    answer: Arc<Answer>,
    /// The version this one followed, and what its subscribers have to be told; `None` if nothing.
    step: Option<(u64, Option<Frames>)>,
    snapshot: OnceLock<Frames>,
}

impl Published {
    /// An answer that follows another, or none.
    #[must_use]
    pub fn new(answer: Arc<Answer>, previous: Option<&Self>) -> Self {
        static VERSION: AtomicU64 = AtomicU64::new(1);
        let version = VERSION.fetch_add(1, Ordering::Relaxed);
        let step = previous.map(|previous| (previous.version, difference(&previous.answer, &answer)));
        Self { version, answer, step, snapshot: OnceLock::new() }
    }

    /// Unique in this process, and larger than that of every answer published before.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self) -> &Arc<Answer> {
        &self.answer
    }

    fn snapshot(&self) -> Frames {
        self.snapshot
            .get_or_init(|| match &*self.answer {
                Answer::Endpoints(view) => wire::snapshot(view),
                Answer::Profile(profile) => profile.message.clone(),
            })
            .clone()
    }
}

/// What a subscriber that has `old` must be told to have `new`.
fn difference(old: &Answer, new: &Answer) -> Option<Frames> {
    match (old, new) {
        (Answer::Endpoints(old), Answer::Endpoints(new)) => wire::delta(&old.delta(new), new),
        (_, Answer::Profile(new)) => match old {
            Answer::Profile(old) if old.message == new.message => None,
            _ => Some(new.message.clone()),
        },
        // A topic's answers are all of one form.
        (Answer::Profile(_), Answer::Endpoints(new)) => Some(wire::snapshot(new)),
    }
}

/// The newest answer to one target, and who waits for the next.
#[derive(Debug)]
pub struct Topic {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` until there is a first answer: never "does not exist".
    current: Option<Arc<Published>>,
    /// One for each cursor; `None` if it was woken and has not looked since.
    waiting: Slab<Option<Waker>>,
    /// When the last cursor left.
    idle_since: Instant,
}

impl Topic {
    fn new() -> Self {
        Self { state: Mutex::new(State { current: None, waiting: Slab::new(), idle_since: Instant::now() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// The newest answer.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Published>> {
        self.lock().current.clone()
    }

    /// Makes an answer the newest and wakes everybody. The time this takes depends on how many wait, never
    /// on what any of them does.
    pub fn publish(&self, published: Arc<Published>) {
        self.lock().current = Some(published);
        self.wake_all();
    }

    fn wake_all(&self) {
        let wakers: Vec<_> = self.lock().waiting.iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        for waker in wakers {
            waker.wake();
        }
    }

    /// How many cursors there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.lock().waiting.len()
    }

    fn is_idle(&self, for_at_least: Duration) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.idle_since.elapsed() >= for_at_least
    }

    fn cursor(self: &Arc<Self>) -> Cursor {
        let place = self.lock().waiting.insert(None);
        Cursor { topic: self.clone(), place, seen: None }
    }
}

/// One subscriber's place in a [`Topic`].
#[derive(Debug)]
pub struct Cursor {
    topic: Arc<Topic>,
    place: usize,
    /// What the subscriber was last given. Holding the answer keeps one old state alive for a subscriber
    /// that stands still, however many it misses.
    seen: Option<(u64, Arc<Answer>)>,
}

impl Cursor {
    /// What the subscriber has to be told next: first everything, then differences. Pending while it has
    /// what is true.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Frames> {
        loop {
            let published = {
                let mut state = self.topic.lock();
                let newer = |published: &&Arc<Published>| {
                    self.seen.as_ref().is_none_or(|(version, _)| *version != published.version)
                };
                match state.current.as_ref().filter(newer) {
                    Some(published) => published.clone(),
                    None => {
                        let waiting = &mut state.waiting[self.place];
                        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                            let stale = waiting.replace(cx.waker().clone());
                            drop(state);
                            drop(stale);
                        }
                        return Poll::Pending;
                    }
                }
            };
            let frames = match (&self.seen, &published.step) {
                (None, _) => Some(published.snapshot()),
                (Some((seen, _)), Some((previous, step))) if seen == previous => step.clone(),
                (Some((_, answer)), _) => difference(answer, &published.answer),
            };
            self.seen = Some((published.version, published.answer.clone()));
            if let Some(frames) = frames {
                return Poll::Ready(frames);
            }
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut state = self.topic.lock();
        let waker = state.waiting.remove(self.place);
        if state.waiting.is_empty() {
            state.waiting = Slab::new();
            state.idle_since = Instant::now();
        }
        drop(state);
        drop(waker);
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
mod tests {
    use std::{
        net::SocketAddr,
        sync::{Weak, atomic::AtomicUsize},
        task::Wake,
    };

    use super::*;
    use crate::{
        blocks::Blocks,
        context::Reading,
        model::NsName,
        resolve::{Client, Query},
        view::{Entry, Meta, View},
    };

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn target() -> Target {
        let query = Query::Endpoints {
            service: NsName::new("d", "web"),
            instance: None,
            port: 80,
            reading: Reading::Merged,
        };
        Target { query, client: Client::default() }
    }

    /// An answer with one endpoint of this weight.
    fn answer(weight: u32) -> Arc<Answer> {
        let nothing: Arc<[u8]> = Arc::new([]);
        let meta = Meta { own: nothing.clone(), class: nothing.clone(), place: nothing.clone() };
        let entry = Entry { addr: SocketAddr::from(([10, 0, 0, 1], 80)), weight, meta };
        Arc::new(Answer::Endpoints(View::new(nothing, Blocks::of_sorted(vec![entry]))))
    }

    fn publish(topic: &Topic, answer: Arc<Answer>) {
        let current = topic.current();
        topic.publish(Arc::new(Published::new(answer, current.as_deref())));
    }

    fn poll(cursor: &mut Cursor, counter: &Arc<Counter>) -> Option<Frames> {
        match cursor.poll_next(&mut Context::from_waker(&counter.clone().into())) {
            Poll::Ready(frames) => Some(frames),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn everything_first_then_what_differs_then_nothing() {
        let (topic, mut cursor) = Topics::default().open(&target());
        let woken = Arc::new(Counter::default());
        assert_eq!(poll(&mut cursor, &woken), None, "not known yet is not said as anything");

        publish(&topic, answer(5));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        let Answer::Endpoints(view) = &*answer(5) else { unreachable!() };
        assert_eq!(poll(&mut cursor, &woken), Some(wire::snapshot(view)));
        assert_eq!(poll(&mut cursor, &woken), None);

        publish(&topic, answer(6));
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert!(poll(&mut cursor, &woken).is_some());
        assert_eq!(poll(&mut cursor, &woken), None);
    }

    #[tokio::test]
    async fn subscribers_that_keep_up_share_the_same_bytes() {
        let topics = Topics::default();
        let (topic, mut one) = topics.open(&target());
        let mut other = topics.subscribe(&target()).expect("it is there");
        let woken = Arc::new(Counter::default());
        for weight in [5, 6] {
            publish(&topic, answer(weight));
            let frames = [&mut one, &mut other].map(|cursor| poll(cursor, &woken).expect("something new"));
            assert_eq!(frames[0].bytes.as_ptr(), frames[1].bytes.as_ptr());
        }
    }

    #[tokio::test]
    async fn one_that_stands_still_keeps_one_old_answer_alive_and_catches_up_in_one_step() {
        let (topic, mut cursor) = Topics::default().open(&target());
        let woken = Arc::new(Counter::default());
        publish(&topic, answer(1));
        assert!(poll(&mut cursor, &woken).is_some());

        let mut answers: Vec<Weak<Answer>> = Vec::new();
        for weight in 2..=10_000 {
            let answer = answer(weight);
            answers.push(Arc::downgrade(&answer));
            publish(&topic, answer);
        }

        let alive = answers.iter().filter(|answer| answer.strong_count() > 0).count();
        assert_eq!(alive, 1, "only the newest");
        assert_eq!(poll(&mut cursor, &woken).map(|frames| frames.messages), Some(1));
        assert_eq!(poll(&mut cursor, &woken), None);
    }

    #[tokio::test]
    async fn one_that_missed_a_change_and_its_undoing_is_told_nothing() {
        let (topic, mut cursor) = Topics::default().open(&target());
        let woken = Arc::new(Counter::default());
        publish(&topic, answer(5));
        assert!(poll(&mut cursor, &woken).is_some());

        publish(&topic, answer(6));
        publish(&topic, answer(5));

        assert_eq!(poll(&mut cursor, &woken), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_goes_a_while_after_its_last_subscriber() {
        let topics = Topics::default();
        let (topic, cursor) = topics.open(&target());
        let linger = Duration::from_secs(10);

        assert!(!topics.reap(&target(), linger));
        drop(cursor);
        tokio::time::advance(linger / 2).await;
        assert!(!topics.reap(&target(), linger));
        drop(topics.subscribe(&target()).expect("still there"));
        tokio::time::advance(linger / 2).await;
        assert!(!topics.reap(&target(), linger), "the time starts anew");
        tokio::time::advance(linger / 2).await;
        assert!(topics.reap(&target(), linger));
        assert_eq!((topics.len(), topic.subscribers()), (0, 0));
    }
}

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
    resolve::{Answer, Client, Query},
    view::{Entry, Meta, View},
    wire,
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
    topic.publish(Arc::new(Published::new(answer, current.as_deref(), Instant::now())));
}

fn poll(cursor: &mut Cursor, counter: &Arc<Counter>) -> Option<Frames> {
    match cursor.poll_next(&mut Context::from_waker(&counter.clone().into())) {
        Poll::Ready(told) => Some(told.frames),
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
async fn those_that_are_behind_by_as_much_share_bytes_too() {
    let topics = Topics::default();
    let (topic, one) = topics.open(&target());
    let mut cursors = [one, topics.subscribe(&target()).expect("it is there")];
    let woken = Arc::new(Counter::default());
    publish(&topic, answer(1));
    for cursor in &mut cursors {
        assert!(poll(cursor, &woken).is_some());
    }

    publish(&topic, answer(2));
    publish(&topic, answer(3));

    let frames = cursors.each_mut().map(|cursor| poll(cursor, &woken).expect("something new"));
    assert_eq!(frames[0].bytes.as_ptr(), frames[1].bytes.as_ptr());
}

#[tokio::test]
async fn bytes_that_nobody_asks_for_any_more_are_let_go_and_made_again_when_asked_for() {
    let topics = Topics::default();
    let (topic, mut late) = topics.open(&target());
    let mut cursor = topics.subscribe(&target()).expect("it is there");
    let woken = Arc::new(Counter::default());
    publish(&topic, answer(1));
    assert!(poll(&mut cursor, &woken).is_some() && poll(&mut late, &woken).is_some());
    publish(&topic, answer(2));
    let step = poll(&mut cursor, &woken).expect("something new");
    let published = topic.current().expect("two were made known");

    topic.cool();
    assert!(published.kept() > 0, "they were asked for a moment ago");
    topic.cool();
    assert_eq!(published.kept(), 0);
    assert_eq!(poll(&mut late, &woken), Some(step));
}

#[tokio::test]
async fn one_that_does_not_look_is_woken_once() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let woken = Arc::new(Counter::default());
    assert_eq!(poll(&mut cursor, &woken), None);
    for weight in 1..100 {
        publish(&topic, answer(weight));
    }
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
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

fn told(cursor: &mut Cursor, counter: &Arc<Counter>) -> Option<Told> {
    match cursor.poll_next(&mut Context::from_waker(&counter.clone().into())) {
        Poll::Ready(told) => Some(told),
        Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_is_behind_from_what_it_has_not_taken_until_it_asks_for_more() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let (woken, subscriber) = (Arc::new(Counter::default()), cursor.subscriber().clone());
    let opened = Instant::now();
    assert_eq!(subscriber.behind_since(), Some(opened), "it never asked");
    assert!(told(&mut cursor, &woken).is_none());
    assert_eq!(subscriber.behind_since(), None, "there is nothing that it could have");

    tokio::time::advance(Duration::from_secs(1)).await;
    publish(&topic, answer(1));
    let first = Instant::now();
    assert_eq!(subscriber.behind_since(), Some(first));
    tokio::time::advance(Duration::from_secs(1)).await;
    publish(&topic, answer(2));
    assert_eq!(subscriber.behind_since(), Some(first), "the oldest that it lacks counts");
    assert!(told(&mut cursor, &woken).is_some());
    assert_eq!(subscriber.behind_since(), Some(first), "nobody knows yet whether it was taken");
    assert!(told(&mut cursor, &woken).is_none());
    assert_eq!(subscriber.behind_since(), None);
}

#[tokio::test(start_paused = true)]
async fn who_asks_before_it_was_woken_has_not_taken_it_either() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let (woken, subscriber) = (Arc::new(Counter::default()), cursor.subscriber().clone());
    publish(&topic, answer(1));
    while told(&mut cursor, &woken).is_some() {}
    tokio::time::advance(Duration::from_secs(1)).await;
    let current = topic.current();
    topic.show(Arc::new(Published::new(answer(2), current.as_deref(), Instant::now())));
    assert!(told(&mut cursor, &woken).is_some());
    assert_eq!(subscriber.behind_since(), Some(Instant::now()));
    topic.wake_waiting();
    assert!(told(&mut cursor, &woken).is_none());
    assert_eq!(subscriber.behind_since(), None);
    publish(&topic, answer(3));
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it waits and is woken as before");
}

#[tokio::test(start_paused = true)]
async fn who_is_always_a_message_late_is_behind_of_that_message_only() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let (woken, subscriber) = (Arc::new(Counter::default()), cursor.subscriber().clone());
    publish(&topic, answer(1));
    assert!(told(&mut cursor, &woken).is_some());
    for weight in 2..=60 {
        tokio::time::advance(Duration::from_secs(1)).await;
        publish(&topic, answer(weight));
        // It asks for more only now, and so has taken all that it was handed before.
        assert!(told(&mut cursor, &woken).is_some());
        assert_eq!(subscriber.behind_since(), Some(Instant::now()), "{weight}");
    }
    let last = Instant::now();
    for weight in 61..=70 {
        tokio::time::advance(Duration::from_secs(1)).await;
        publish(&topic, answer(weight));
    }
    assert!(told(&mut cursor, &woken).is_some());
    assert_eq!(subscriber.behind_since(), Some(last), "the first that it lacked came after the last message");
    assert!(told(&mut cursor, &woken).is_none());
    assert_eq!(subscriber.behind_since(), None);
}

#[tokio::test]
async fn what_came_and_went_in_between_is_missed_as_well() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let woken = Arc::new(Counter::default());
    publish(&topic, answer(1));
    assert!(told(&mut cursor, &woken).is_some());
    publish(&topic, answer(2));
    publish(&topic, answer(1));
    assert!(told(&mut cursor, &woken).is_none(), "it has what is true");
    publish(&topic, answer(3));
    assert_eq!(told(&mut cursor, &woken).expect("an answer").skipped, 1);
}

#[tokio::test]
async fn what_a_subscriber_was_given_is_counted_and_what_it_missed() {
    let (topic, mut cursor) = Topics::default().open(&target());
    let (woken, subscriber) = (Arc::new(Counter::default()), cursor.subscriber().clone());
    publish(&topic, answer(1));
    let first = told(&mut cursor, &woken).expect("an answer");
    (2..=5).for_each(|weight| publish(&topic, answer(weight)));
    let held = subscriber.given().held.expect("the first answer");
    assert_eq!(topic.current().expect("published").steps_since(&held), 4);
    let second = told(&mut cursor, &woken).expect("an answer");

    assert_eq!((first.skipped, second.skipped), (0, 3));
    let given = subscriber.given();
    let bytes = first.frames.bytes.len() + second.frames.bytes.len();
    assert_eq!((given.messages, given.bytes), (2, bytes as u64));
    let held = given.held.expect("the last answer");
    assert_eq!(*held.answer, *answer(5));
    assert_eq!(topic.current().expect("published").steps_since(&held), 0);
}

#[tokio::test]
async fn all_subscribers_are_found_whoever_left_before() {
    let topics = Topics::default();
    let mut cursors: Vec<_> = (0..3 * WOKEN_AT_ONCE).map(|_| topics.open(&target()).1).collect();
    let mut number = 0;
    cursors.retain(|_| {
        number += 1;
        number % 3 != 0
    });
    let topic = &topics.all()[0];
    assert_eq!(topic.target(), &target());
    let ids = |subscribers: &[Arc<Subscriber>]| {
        subscribers.iter().map(|subscriber| subscriber.id()).collect::<std::collections::BTreeSet<_>>()
    };
    let expect: Vec<_> = cursors.iter().map(|cursor| cursor.subscriber().clone()).collect();
    assert_eq!(ids(&topic.all_subscribers()), ids(&expect));
    assert_eq!(expect.len(), 2 * WOKEN_AT_ONCE);
}

use std::sync::atomic::AtomicUsize;

use futures::{channel::oneshot, future::poll_fn};
use hyper::rt::Executor as _;

use super::*;
use crate::metrics::Histogram;

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn streams() -> Streams {
    Streams::new(Arc::new(Peer::new(([127, 0, 0, 1], 1).into(), Histogram::default())))
}

/// Everything that can be done now.
fn run(streams: &mut Streams, connection: &Arc<Counter>) {
    streams.begin(&connection.clone().into());
    streams.http_waker();
    while !streams.is_quiet() {
        streams.poll_woken();
        streams.adopt();
    }
    streams.finish();
}

#[test]
fn a_stream_is_polled_when_it_comes_and_when_it_is_woken_and_goes_when_it_is_done() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    let (wake, woken) = oneshot::channel::<()>();
    streams.executor().execute(async { _ = woken.await });

    run(&mut streams, &connection);
    assert!(!streams.is_empty());
    assert_eq!(streams.shared.peer.streams(), 1);
    assert_eq!(connection.count(), 0);

    wake.send(()).expect("it waits");
    assert_eq!(connection.count(), 1);
    run(&mut streams, &connection);
    assert!(streams.is_empty());
    assert_eq!(streams.shared.peer.streams(), 0);
}

#[test]
fn only_those_that_were_woken_are_polled_and_the_connection_is_woken_once_for_all() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    let polls: [Arc<AtomicUsize>; 3] = Default::default();
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    for polls in polls.clone() {
        let wakers = wakers.clone();
        streams.executor().execute(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            wakers.lock().expect("not poisoned").push(cx.waker().clone());
            Poll::Pending
        }));
    }
    run(&mut streams, &connection);

    let wakers = wakers.lock().expect("not poisoned").clone();
    for _ in 0..5 {
        wakers[0].wake_by_ref();
        wakers[2].wake_by_ref();
    }
    run(&mut streams, &connection);

    assert_eq!(polls.map(|polls| polls.load(Ordering::SeqCst)), [2, 1, 2]);
    assert!(connection.count() <= 2, "once for each stream at most");
}

#[test]
fn one_that_is_woken_while_the_connection_is_polled_is_seen_without_another_wake() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    let mut left = 10;
    streams.executor().execute(poll_fn(move |cx| {
        left -= 1;
        cx.waker().wake_by_ref();
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    }));
    run(&mut streams, &connection);
    assert!(streams.is_empty());
    assert_eq!(connection.count(), 0);
}

#[test]
fn what_is_left_when_the_poll_is_over_wakes_the_connection() {
    let (streams, connection) = (streams(), Arc::new(Counter::default()));
    streams.begin(&connection.clone().into());
    streams.http_waker();
    streams.executor().execute(async {});
    streams.finish();
    assert_eq!(connection.count(), 1);
}

#[test]
fn http_is_woken_by_its_own_waker_only() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    run(&mut streams, &connection);
    streams.http.wake_by_ref();
    assert!(!streams.is_quiet());
    assert_eq!(connection.count(), 1);
    streams.http_waker();
    assert!(streams.is_quiet());
}

#[test]
fn one_that_panics_ends_alone() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    let (wake, woken) = oneshot::channel::<()>();
    streams.executor().execute(async { panic!("on purpose") });
    streams.executor().execute(async { _ = woken.await });
    run(&mut streams, &connection);
    assert_eq!(streams.shared.peer.streams(), 1);
    wake.send(()).expect("the other one still waits");
    run(&mut streams, &connection);
    assert!(streams.is_empty());
}

#[test]
fn a_place_that_is_somebody_elses_by_now_is_polled_for_nothing() {
    let (mut streams, connection) = (streams(), Arc::new(Counter::default()));
    let stale: Arc<Mutex<Option<Waker>>> = Arc::default();
    let keep = stale.clone();
    streams.executor().execute(poll_fn(move |cx| {
        *keep.lock().expect("not poisoned") = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    run(&mut streams, &connection);
    let (wake, woken) = oneshot::channel::<()>();
    streams.executor().execute(async { _ = woken.await });
    run(&mut streams, &connection);

    let stale = stale.lock().expect("not poisoned").take().expect("it was polled");
    stale.wake();
    run(&mut streams, &connection);

    assert_eq!(streams.shared.peer.streams(), 1);
    wake.send(()).expect("it waits");
    run(&mut streams, &connection);
    assert!(streams.is_empty());
}

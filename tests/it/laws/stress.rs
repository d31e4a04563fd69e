//! Many threads at once: nobody is forgotten, whoever comes and goes meanwhile.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use switchyard::{
    blocks::Blocks,
    context::Reading,
    controller::Directory,
    resolve::{Answer, Options, Query, Target},
    topic::{Published, Topics},
    view::View,
};
use tokio::{
    task::{JoinSet, yield_now},
    time::{Duration, sleep, timeout},
};

use super::{
    client::{State, Stream},
    drain::start,
    simple::{get, profile, slice, split},
    streams::Server,
    world::Edit,
};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn targets() -> Vec<Target> {
    let gets =
        ["web", "a", "b"].into_iter().flat_map(|s| [Reading::Merged, Reading::Leaf].map(|r| get(s, r)));
    gets.chain([profile("web"), profile("a")]).collect()
}

/// The edit number `round`: one that every answer shows.
fn edits(round: u32) -> Vec<Edit> {
    let count = u8::try_from(1 + round % 3).expect("small");
    let weights = [("a", u64::from(round % 7)), ("b", 1 + u64::from(round % 5))];
    let backends = (0..).zip(["a", "b", "web"]);
    backends.map(|(number, name)| slice(name, number, count)).chain([split(weights)]).map(Edit::Put).collect()
}

/// Follows a target, now and then from the beginning, until it knows `last`.
async fn follow(directory: Directory, target: Target, last: State, patience: usize) {
    let profile = !matches!(target.query, Query::Endpoints { .. });
    loop {
        let mut cursor =
            directory.subscribe(&target, &Default::default()).await.expect("the controller runs");
        let mut stream = Stream::default();
        for _ in 0..patience {
            let frames = poll_fn(|cx| cursor.poll_next(cx)).await;
            stream.take(&frames.frames, profile).expect("only what a client may be told");
            if stream.state() == Some(&last) {
                return;
            }
        }
        drop(cursor);
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn all_streams_of_all_threads_come_to_the_same_end() {
    const ROUNDS: u32 = 600;
    const STREAMS: usize = 96;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut server = Server::start(&start(), Options::default(), Duration::from_millis(1));
        // The end is a state that no round leads to.
        let end = [Edit::Put(slice("a", 0, 9)), Edit::Put(slice("b", 1, 8)), Edit::Put(slice("web", 2, 7))];
        let end: Vec<_> = end.into_iter().chain([Edit::Put(split([("a", 1000), ("b", 1000)]))]).collect();
        let truth = server.after(&end);
        let mut streams = JoinSet::new();
        for (i, target) in targets().into_iter().cycle().take(STREAMS).enumerate() {
            let last = truth(&target);
            streams.spawn(timeout(PATIENCE, follow(server.directory.clone(), target, last, 1 + i % 11)));
        }

        for round in 0..ROUNDS {
            server.edit(&edits(round));
            yield_now().await;
            if round.is_multiple_of(4) {
                sleep(Duration::from_millis(1)).await;
            }
        }
        server.edit(&end);

        while let Some(ended) = streams.join_next().await {
            ended.expect("no panic").expect("everybody hears of the end");
        }
    });
}

/// The part of the controller that could go wrong with others about: topics that come, are told of news, and
/// go the moment nobody follows them.
#[test]
fn nobody_follows_a_topic_that_is_gone() {
    const VISITS: usize = 400;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let (topics, targets, done) =
            (Arc::new(Topics::default()), targets(), Arc::new(AtomicBool::new(false)));
        let keeper = tokio::spawn(keep(topics.clone(), targets.clone(), done.clone()));
        let mut visitors = JoinSet::new();
        for i in 0..8 {
            let (topics, targets) = (topics.clone(), targets.clone());
            visitors.spawn(async move {
                for visit in 0..VISITS {
                    let target = &targets[(visit * 7 + i) % targets.len()];
                    let Some(mut cursor) = topics.subscribe(target) else {
                        yield_now().await;
                        continue;
                    };
                    for _ in 0..2 {
                        let news = poll_fn(|cx| cursor.poll_next(cx));
                        timeout(PATIENCE, news).await.expect("whoever is here is told");
                    }
                }
            });
        }
        while let Some(visitor) = visitors.join_next().await {
            visitor.expect("no panic");
        }
        done.store(true, Ordering::SeqCst);
        keeper.await.expect("no panic");
        assert!(topics.is_empty());
    });
}

/// Opens what is not there, says something new in all there is, and drops what nobody follows.
async fn keep(topics: Arc<Topics>, targets: Vec<Target>, done: Arc<AtomicBool>) {
    let mut open = vec![None; targets.len()];
    let mut exists = false;
    loop {
        let ended = done.load(Ordering::SeqCst);
        exists = !exists;
        for (target, open) in targets.iter().zip(&mut open) {
            if open.is_none() && !ended {
                let (topic, cursor) = topics.open(target);
                *open = Some(topic);
                yield_now().await;
                drop(cursor);
            }
            let Some(topic) = open else { continue };
            let view = if exists { View::new(Arc::new([]), Blocks::default()) } else { View::absent() };
            let current = topic.current();
            topic.publish(Arc::new(Published::new(
                Arc::new(Answer::Endpoints(view)),
                current.as_deref(),
                tokio::time::Instant::now(),
            )));
            if topics.reap(target, Duration::ZERO) {
                assert_eq!(topic.subscribers(), 0);
                *open = None;
            }
        }
        yield_now().await;
        if ended && open.iter().all(Option::is_none) {
            return;
        }
    }
}

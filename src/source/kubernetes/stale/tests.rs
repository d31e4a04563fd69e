use tokio::time::sleep;

use super::*;
use crate::{
    logs::captured::Captured,
    metrics::Metrics,
    source::kubernetes::{api::Trouble, kinds::RESOURCES},
};

const NEWS_AFTER: Duration = Duration::from_secs(5);

/// Kinds as they are followed, and what is said of them.
struct Source {
    notes: Arc<Notes>,
    log: Captured,
}

impl Source {
    /// All kinds have been listed.
    fn new() -> Self {
        let log = Captured::at(tracing::Level::INFO);
        let notes = Arc::new(Notes::new(Metrics::default(), NEWS_AFTER));
        tokio::spawn(tell::<()>(notes.clone()));
        RESOURCES.iter().for_each(|resource| notes.listed(resource.kind));
        Self { notes, log }
    }

    /// An attempt of each of these kinds fails each second, so many times.
    async fn fail(&self, kinds: &[Kind], seconds: u64) {
        for _ in 0..seconds {
            for resource in RESOURCES.iter().filter(|resource| kinds.contains(&resource.kind)) {
                self.notes.behind(resource, &Trouble::Broken("connection refused".to_owned()));
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_a_line_that_comes_back_ever_more_rarely_and_one_when_it_is_over() {
    let source = Source::new();
    source.fail(&[Kind::Pod, Kind::Service], 260).await;
    source.notes.current(Kind::Pod);
    sleep(Duration::from_secs(1)).await;
    source.notes.current(Kind::Service);
    sleep(Duration::from_secs(1000)).await;

    let line = |age| {
        format!("WARN serving what is known; 2 kinds stale for {age} (Service, Pod: connection refused)")
    };
    let over = "INFO all kinds are current again; 2 kinds had no news for up to 4m21s".to_owned();
    assert_eq!(source.log.lines(), [line("6s"), line("36s"), line("1m36s"), line("3m36s"), over]);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_before_it_is_news_is_not_said() {
    let source = Source::new();
    source.fail(&[Kind::Pod], 4).await;
    source.notes.current(Kind::Pod);
    sleep(Duration::from_secs(1000)).await;
    assert!(source.log.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_falls_behind_later_is_said_at_once() {
    let source = Source::new();
    source.fail(&[Kind::Pod], 10).await;
    source.fail(&[Kind::Pod, Kind::Node], 10).await;

    let lines = source.log.lines();
    let [first, second] = &*lines else { panic!("{lines:?}") };
    assert!(first.contains("; 1 kind stale for 6s (Pod: "), "{first}");
    assert!(second.contains("; 2 kinds stale for 16s ("), "{second}");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_longest_time_of_a_single_kind_is_said() {
    let source = Source::new();
    source.fail(&[Kind::Pod], 100).await;
    source.fail(&[Kind::Pod, Kind::Node], 10).await;
    source.notes.current(Kind::Pod);
    source.fail(&[Kind::Node], 40).await;
    source.notes.current(Kind::Node);
    sleep(Duration::from_secs(1)).await;

    let over = "INFO all kinds are current again; 2 kinds had no news for up to 1m50s";
    assert_eq!(source.log.lines().last().map(String::as_str), Some(over));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_falls_behind_again_while_another_is_behind_is_said_at_once_again() {
    let source = Source::new();
    // Lines after 6, 36, 96 and 216 seconds, of both kinds.
    source.fail(&[Kind::Pod, Kind::Node], 220).await;
    source.notes.current(Kind::Pod);
    source.fail(&[Kind::Node], 10).await;
    let before = source.log.lines().len();
    source.fail(&[Kind::Pod, Kind::Node], 10).await;

    let lines = source.log.lines();
    assert_eq!(lines.len(), before + 1, "{lines:?}");
    assert!(lines[before].contains("; 2 kinds stale for 3m56s (Pod, Node: "), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn before_anything_was_read_clients_wait_which_is_said() {
    let log = Captured::at(tracing::Level::INFO);
    let notes = Arc::new(Notes::new(Metrics::default(), NEWS_AFTER));
    tokio::spawn(tell::<()>(notes.clone()));
    let source = Source { notes, log };
    source.fail(&[Kind::Pod], 3).await;

    let line = "WARN not ready, clients wait; 1 kind could not be read for 1s (Pod: connection refused)";
    assert_eq!(source.log.lines(), [line]);
}

#[test]
fn ages_are_short() {
    for (seconds, text) in [(0, "0s"), (59, "59s"), (61, "1m1s"), (3600, "1h0m"), (90_000, "25h0m")] {
        assert_eq!(Age(Duration::from_secs(seconds)).to_string(), text);
    }
}

use serde_json::json;
use tokio::{sync::mpsc, time::advance};

use super::*;
use crate::{
    model::Kind,
    source::kubernetes::{client, kinds::RESOURCES},
};

const AGE: Duration = Duration::from_secs(60);

/// A follower of Pods that has seen version 10 and has heard nothing for [`AGE`]. Nobody serves what it asks.
async fn follower() -> Follower {
    let resource = RESOURCES.iter().find(|resource| resource.kind == Kind::Pod).expect("it is followed");
    let (pace, metrics) = (Arc::new(Pace::default()), Metrics::default());
    let connect = || client(kube::Config::new("http://127.0.0.1:1".parse().expect("an address")));
    let api = Api::new(
        connect().expect("no I/O yet"),
        Arc::new(move || Box::pin(async move { connect() })),
        pace.clone(),
    );
    let notes = Arc::new(Notes::new(metrics.clone(), pace.news_after));
    let (batches, _) = mpsc::channel(1);
    let mut follower = Follower::new(resource, api, batches, notes, metrics, pace);
    follower.seen = Version("10".to_owned());
    follower.heard();
    advance(AGE).await;
    follower
}

/// A line about a Pod of this version, which was changed long ago.
fn line(event: &str, version: &str) -> String {
    let fields = json!([{ "manager": "kubelet", "time": "2020-01-01T00:00:00Z" }]);
    let metadata =
        json!({ "name": "p", "namespace": "d", "resourceVersion": version, "managedFields": fields });
    let status = json!({ "phase": "Running" });
    json!({ "type": event, "object": { "metadata": metadata, "status": status } }).to_string()
}

/// Whether the line was taken, the age of the kind after it, and how many lags were counted.
async fn after(text: &str) -> (bool, Duration, u64) {
    let mut follower = follower().await;
    let is_taken = follower.take_line(text.as_bytes(), &mut Vec::new()).is_ok();
    let lag = follower.metrics.linkerd.lag(Kind::Pod).expect("it is measured");
    (is_taken, follower.metrics.ages.of(Kind::Pod), lag.count())
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_taken_is_news_if_only_that_nothing_happened() {
    assert_eq!(after(&line("ADDED", "11")).await, (true, Duration::ZERO, 0));
    assert_eq!(after(&line("MODIFIED", "11")).await, (true, Duration::ZERO, 1));
    assert_eq!(after(&line("DELETED", "11")).await, (true, Duration::ZERO, 0));
    assert_eq!(after(&line("BOOKMARK", "10")).await, (true, Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_garbled_or_past_is_no_news_and_tells_of_no_lag() {
    let error = json!({ "type": "ERROR", "object": { "code": 500 } }).to_string();
    for text in [&*error, "{\"type\":<html>", &line("MODIFIED", "9"), &line("BOOKMARK", "9")] {
        assert_eq!(after(text).await, (false, AGE, 0), "{text}");
    }
    assert_eq!(
        after(&line("LATER", "11")).await,
        (true, AGE, 0),
        "a word that is not understood says nothing"
    );
}

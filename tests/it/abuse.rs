//! What a hostile client can do to a server, tried over real sockets on a real process.
//!
//! Beside each of them is a client that does nothing wrong. Whatever happens it must be told of the next
//! change, and once the other is gone nothing of it may be left: no stream, no connection.

use std::path::Path;

use switchyard::pb::destination::{Update, update};
use tempfile::TempDir;
use tokio::time::{Duration, sleep, timeout};
use tonic::Streaming;

use crate::server::{Binary, PATIENCE, copy_of_bookinfo, get, next};

mod bytes;
mod calm;
mod floods;
mod foreign;
mod frames;
mod limits;
mod others;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod requests;
mod sentences;
mod shares;
mod stuck;
mod windows;

pub(crate) const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// How often what the server says of itself is looked at while a test waits for it.
const LOOK: Duration = Duration::from_millis(20);

/// A peer is pinged after half a second, and let go a second later: long enough for the healthy one to answer
/// on a busy machine.
const SHORT_KEEPALIVE: [&str; 4] = ["--keepalive-interval", "500ms", "--keepalive-timeout", "1s"];

/// A server, and a client of it that does nothing wrong.
pub(crate) struct Victim {
    pub(crate) folder: TempDir,
    pub(crate) server: Binary,
    healthy: Streaming<Update>,
    edits: u32,
}

impl Victim {
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let folder = copy_of_bookinfo();
        let server = Binary::serve_with(folder.path(), flags).await;
        let mut healthy = get(server.grpc, REVIEWS, "").await;
        next(&mut healthy).await;
        Self { folder, server, healthy, edits: 0 }
    }

    /// Asserts that the healthy client is told of a change.
    pub(crate) async fn tells_of_a_change(&mut self) {
        self.edits += 1;
        write_split(self.folder.path(), self.edits);
        assert_eq!(weights(&next(&mut self.healthy).await), expected_weights(self.edits));
    }

    /// Asserts that the healthy client is told of a change, and that the others come to be gone: what is left
    /// is the healthy one's stream and connection.
    pub(crate) async fn is_unharmed(&mut self) {
        self.tells_of_a_change().await;
        self.comes_to(1, 1).await;
    }

    /// Waits until there are so many streams, and not more connections than so many.
    pub(crate) async fn comes_to(&self, streams: u64, connections: u64) {
        let mut last = (0, 0);
        let waiting = async {
            loop {
                let page = self.server.admin("/metrics").await.1;
                last = (open_streams(&page), metric(&page, "switchyard_connections"));
                if last.0 == streams && last.1 <= connections {
                    return;
                }
                // The server learns of closed connections in its own time.
                sleep(LOOK).await;
            }
        };
        // A flood fills the queue of connections to be accepted as well, and each of them is heard out.
        let in_time = timeout(3 * PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{streams} streams and {connections} connections expected, there are {last:?}");
    }
}

/// The streams of both methods.
pub(crate) fn open_streams(page: &str) -> u64 {
    ["get", "get_profile"]
        .iter()
        .map(|rpc| metric(page, &format!("switchyard_streams{{rpc=\"{rpc}\"}}")))
        .sum()
}

/// The value of a series on a page of metrics; 0 if it is absent.
pub(crate) fn metric(page: &str, series: &str) -> u64 {
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a number"))
}

/// Splits `reviews` so that the share of v2 is so many of a thousand parts.
pub(crate) fn write_split(folder: &Path, v2: u32) {
    let split = format!(
        "apiVersion: split.smi-spec.io/v1alpha1\nkind: TrafficSplit\nmetadata: {{name: reviews}}\nspec:\n  \
         service: reviews\n  backends:\n  - {{service: reviews-v2, weight: {v2}}}\n  \
         - {{service: reviews-v3, weight: {}}}\n",
        1000 - v2
    );
    std::fs::write(folder.join("split.yaml"), split).expect("written");
}

/// What is said of such a split, in the order of size: v2 and v3 have an endpoint each.
pub(crate) fn expected_weights(v2: u32) -> Vec<u32> {
    let mut weights = vec![v2 * 1_000_000, (1000 - v2) * 1_000_000];
    weights.sort_unstable();
    weights
}

fn weights(update: &Update) -> Vec<u32> {
    let Some(update::Update::Add(set)) = &update.update else { panic!("weights only change: {update:?}") };
    let mut weights: Vec<_> = set.addrs.iter().map(|addr| addr.weight).collect();
    weights.sort_unstable();
    weights
}

//! Peers that stand still: what they do not read is not kept for them, and they are let go.

use std::fmt::Write as _;

use tokio::time::{sleep, timeout};

use super::{
    LOOK, REVIEWS, SHORT_KEEPALIVE, Victim,
    process::Process,
    raw::{
        Raw,
        frames::{MAX_WINDOW, get, setting, streams, window_update},
        narrow_socket,
    },
};
use crate::server::{PATIENCE, next};

mod memory;

const STREAMS: u32 = 100;

/// So many streams on one connection, with all the room that HTTP/2 can give: only the socket holds it up.
fn wide_requests(authority: &str) -> Vec<u8> {
    let requests = streams(STREAMS).flat_map(|stream| get(stream, authority));
    window_update(0, MAX_WINDOW - 65_535).into_iter().chain(requests).collect()
}

/// Waits until the server has no more sockets than so many.
async fn comes_to_sockets(process: &Process, sockets: usize) {
    let closing = async {
        while process.sockets() > sockets {
            // The server closes them in its own time.
            sleep(LOOK).await;
        }
    };
    let in_time = timeout(PATIENCE, closing).await.is_ok();
    assert!(in_time, "{} sockets, {sockets} expected", process.sockets());
}

/// A peer that was stopped, whose kernel goes on to acknowledge. Between its pings nothing tells it from one
/// that has nothing to say.
#[tokio::test]
async fn an_idle_one_is_let_go() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    let process = Process::serving(victim.folder.path());
    let before = process.sockets();
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&wide_requests(REVIEWS)).await;
    raw.until(|heard| heard.opened == STREAMS).await;

    // From here on it reads nothing and answers nothing.
    victim.comes_to(1, 1).await;
    comes_to_sockets(&process, before).await;
    victim.is_unharmed().await;
}

/// The same with so much to tell that its socket is full, so that not even the goodbye fits in.
#[tokio::test]
async fn one_with_a_full_socket_is_let_go() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    write_large(&victim);
    let process = Process::serving(victim.folder.path());
    let mut reader = crate::server::get(victim.server.grpc, LARGE, "").await;
    next(&mut reader).await;
    let before = process.sockets();

    let wide = [(setting::INITIAL_WINDOW_SIZE, MAX_WINDOW)];
    let mut raw = Raw::greet(narrow_socket(victim.server.grpc).await, &wide).await;
    raw.send(&wide_requests(LARGE)).await;
    victim.comes_to(2 + u64::from(STREAMS), 3).await;
    // Changes go on while it stands still, and whoever reads is told.
    for change in 1..=5 {
        write_large_split(&victim, change);
        next(&mut reader).await;
    }

    victim.comes_to(2, 2).await;
    comes_to_sockets(&process, before).await;
    drop(reader);
    victim.is_unharmed().await;
}

const LARGE: &str = "large.default.svc.cluster.local:80";

/// A service with so many endpoints that one answer fills a socket's buffers.
fn write_large(victim: &Victim) {
    let mut text = String::new();
    for (name, labels) in
        [("large", "app: large"), ("large-a", "app: large, v: a"), ("large-b", "app: large, v: b")]
    {
        _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{{labels}}}, ports: [{{port: 80}}]}}"
        );
    }
    for version in ["a", "b"] {
        let labels = format!("{{app: large, v: {version}}}");
        _ = writeln!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: large-{version}}}\nspec: {{replicas: 1000, \
             selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, \
             spec: {{containers: [{{name: c, image: c, ports: [{{containerPort: 80}}]}}]}}}}}}"
        );
    }
    std::fs::write(victim.folder.path().join("large.yaml"), text).expect("written");
    write_large_split(victim, 0);
}

fn write_large_split(victim: &Victim, change: u32) {
    let split = format!(
        "apiVersion: split.smi-spec.io/v1alpha1\nkind: TrafficSplit\nmetadata: {{name: large}}\nspec: {{service: large, \
         backends: [{{service: large-a, weight: {}}}, {{service: large-b, weight: {}}}]}}\n",
        100 + change,
        900 - change
    );
    std::fs::write(victim.folder.path().join("large-split.yaml"), split).expect("written");
}

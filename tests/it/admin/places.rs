//! Whoever takes long at the admin port does not keep probes and scrapers out.

use std::fs;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::feed::Feed;
use crate::server::{Binary, PATIENCE, copy_of_bookinfo, http_get};

/// More connections than may ever be open.
const MANY: usize = 210;

/// A connection on which this was said.
async fn say(server: &Binary, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.admin).await.expect("it listens");
    socket.write_all(text.as_bytes()).await.expect("it reads");
    socket
}

async fn ask(server: &Binary, path: &str) -> u16 {
    let answer = timeout(PATIENCE, http_get(server.admin, path)).await;
    answer.unwrap_or_else(|_| panic!("{path} is not answered")).expect("an answer").0
}

#[tokio::test]
async fn probes_and_scrapers_are_answered_beside_as_many_as_look_for_long() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let mut feeds = Vec::new();
    for _ in 0..switchyard::picture::WATCHERS {
        feeds.push(Feed::open(&server).await);
    }
    // It is waited for what they announce, and they do not send it.
    let stuck = "PUT /debug/log-level HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n";
    let mut others = Vec::new();
    for _ in 0..MANY - feeds.len() {
        others.push(say(&server, stuck).await);
    }

    for path in ["/live", "/ready", "/ping", "/metrics", "/"] {
        assert_eq!(ask(&server, path).await, 200, "{path}");
    }
    let (code, body) = http_get(server.admin, "/debug/warnings").await.expect("an answer");
    assert!(code == 503 && body.contains("150 connections are shown the cluster"), "{code} {body}");

    // Others come all the time and say nothing, or go on asking.
    for round in 0..3 {
        let mut here = Vec::new();
        for _ in 0..MANY / 2 {
            here.push(say(&server, "").await);
            here.push(say(&server, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\nGET /").await);
        }
        assert_eq!(ask(&server, "/live").await, 200, "round {round}");
    }
    // Whoever has a place is shown what happens, as before.
    fs::remove_file(manifests.path().join("split.yaml")).expect("it was there");
    for feed in &mut feeds {
        let is_unsplit = |card: &Value| card["name"] == json!("reviews") && card["split"].is_null();
        while !feed.next().await.1["services"].as_array().is_some_and(|cards| cards.iter().any(is_unsplit)) {}
    }
}

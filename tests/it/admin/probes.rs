//! Probes of a server whose controller completes no turn.

use switchyard::{
    model::Kind,
    source::{Batch, Event},
};

use crate::server::{InProcess, http_get};

#[tokio::test]
async fn stalled_controller_is_not_ready_after_five_seconds_and_not_live_after_sixty() {
    let server = InProcess::start().await;
    let events = Kind::ALL.map(|kind| Event::Replace(kind, Vec::new())).into();
    server.batches.send(Batch { events, ..Batch::default() }).await.expect("it runs");
    while http_get(server.admin, "/ready").await.expect("an answer").0 != 200 {
        tokio::task::yield_now().await;
    }

    // As the watchdog counts; a test that stalls a controller for a minute would take one.
    for (silent, ready, live) in [(4, 200, 200), (5, 503, 200), (59, 503, 200), (60, 503, 503), (0, 200, 200)]
    {
        server.metrics.controller_stalled.set(silent);
        for (path, expect) in [("/ready", ready), ("/live", live), ("/ping", live)] {
            let (code, text) = http_get(server.admin, path).await.expect("an answer");
            assert_eq!(code, expect, "{path} after {silent} s: {text}");
        }
    }
}

//! Windows that a client keeps shut, or opens a crack: what is not sent must not be kept.

use super::{
    REVIEWS, Victim,
    raw::{
        Raw,
        frames::{MAX_WINDOW, get, setting, settings, streams, window_update},
    },
};

const STREAMS: u32 = 500;

fn requests() -> Vec<u8> {
    streams(STREAMS).flat_map(|stream| get(stream, REVIEWS)).collect()
}

#[tokio::test]
async fn shut_ones_get_nothing_and_cost_nobody_else() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await;
    raw.send(&requests()).await;
    raw.until(|heard| heard.opened == STREAMS).await;

    for _ in 0..3 {
        victim.tells_of_a_change().await;
    }
    assert_eq!(raw.heard.data, Default::default());

    // One stream's is opened a byte at a time, and each byte comes.
    for come in 1..=50 {
        raw.send(&window_update(1, 1)).await;
        raw.until(|heard| heard.data.get(&1) == Some(&come)).await;
    }
    // Then all of them.
    raw.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)])).await;
    raw.send(&window_update(0, MAX_WINDOW - 65_535)).await;
    raw.until(|heard| heard.data.len() == STREAMS as usize).await;
    drop(raw);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn tiny_ones_are_filled_and_no_more() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[(setting::INITIAL_WINDOW_SIZE, 3)]).await;
    raw.send(&requests()).await;
    raw.until(|heard| heard.data.len() == STREAMS as usize && heard.data.values().all(|data| *data == 3))
        .await;

    victim.tells_of_a_change().await;

    assert!(raw.heard.data.values().all(|data| *data == 3));
    drop(raw);
    victim.is_unharmed().await;
}

/// The connection's own window is 64 KiB, which the streams share: once it is full nobody on the connection is
/// told anything, and nobody on another notices.
#[tokio::test]
async fn a_connection_whose_window_is_full_stalls_alone() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&requests()).await;
    raw.until(|heard| heard.data.values().sum::<usize>() == 65_535).await;

    victim.tells_of_a_change().await;

    drop(raw);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn ones_that_shrink_below_nothing_are_waited_for() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&get(1, REVIEWS)).await;
    raw.until(|heard| heard.data.contains_key(&1)).await;
    let before = raw.heard.data[&1];
    // What was sent already is more than the new window: it is now negative.
    raw.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 0)])).await;
    raw.until(|heard| heard.acks == 2).await;

    victim.tells_of_a_change().await;

    assert_eq!(raw.heard.data[&1], before);
    raw.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)])).await;
    raw.until(|heard| heard.data[&1] > before).await;
    drop(raw);
    victim.is_unharmed().await;
}

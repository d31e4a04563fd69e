//! Frames that cost a client nothing, in numbers.

use tokio::time::timeout;

use super::{
    REVIEWS, SHORT_KEEPALIVE, Victim,
    raw::{
        Raw,
        frames::{
            MAX_WINDOW, code, flag, frame, get, get_headers, header, kind, padded_data, ping, priority,
            request_block, reset, setting, settings, streams, window_update,
        },
    },
};
use crate::server::PATIENCE;

/// How many frames go into one write.
const BATCH: usize = 100;

/// Sends these frames until they are all sent or the server hangs up.
async fn flood(raw: &mut Raw, frames: impl IntoIterator<Item = Vec<u8>>) {
    let mut frames = frames.into_iter().peekable();
    while frames.peek().is_some() && !raw.heard.ended {
        let batch: Vec<u8> = frames.by_ref().take(BATCH).flatten().collect();
        raw.send(&batch).await;
    }
}

/// Floods a server, reading what it answers, while a healthy client of it watches.
async fn survives(what: impl IntoIterator<Item = Vec<u8>> + Clone) {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    timeout(2 * PATIENCE, flood(&mut raw, what)).await.expect("taken, or hung up on");
    victim.tells_of_a_change().await;
    drop(raw);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn rapid_reset() {
    survives(streams(20_000).map(|stream| [get(stream, REVIEWS), reset(stream, code::CANCEL)].concat()))
        .await;
}

#[tokio::test]
async fn rapid_reset_of_requests_without_a_message() {
    survives(streams(20_000).map(|stream| [get_headers(stream), reset(stream, code::CANCEL)].concat())).await;
}

/// Resets that the server has to send: each request has an error in it.
#[tokio::test]
async fn rapid_reset_by_the_server() {
    survives(streams(20_000).map(|stream| [get(stream, REVIEWS), window_update(stream, 0)].concat())).await;
}

#[tokio::test]
async fn streams_that_are_opened_and_left_one_by_one_are_not_kept() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&window_update(0, MAX_WINDOW - 65_535)).await;
    for stream in streams(1_000) {
        raw.send(&get(stream, REVIEWS)).await;
        raw.until(|heard| heard.data.contains_key(&stream)).await;
        raw.send(&reset(stream, code::CANCEL)).await;
    }
    // Its connection is still there, and is worth keeping: it did nothing wrong.
    victim.comes_to(1, 2).await;
    assert!(!raw.heard.ended);
    drop(raw);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn settings_that_say_nothing() {
    let one = settings(&[(setting::INITIAL_WINDOW_SIZE, 1), (setting::INITIAL_WINDOW_SIZE, 65_535)]);
    survives((0..100_000).map(move |_| one.clone())).await;
}

#[tokio::test]
async fn pings() {
    survives((0..100_000).map(ping)).await;
}

/// Each changes the windows of all streams that are open.
#[tokio::test]
async fn settings_that_move_a_thousand_windows() {
    let open = streams(1_000).map(|stream| get(stream, REVIEWS));
    let moves = (0..20_000).map(|number| settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535 * (number % 2))]));
    survives(open.chain(moves)).await;
}

#[tokio::test]
async fn priorities() {
    survives((0..100_000).map(|number| priority(2 * number + 1, 0))).await;
}

#[tokio::test]
async fn windows_opened_a_byte_at_a_time() {
    survives((0..100_000).map(|_| window_update(0, 1))).await;
}

#[tokio::test]
async fn padding() {
    let padding = (0..20_000).map(|_| padded_data(1, &[], 255));
    survives([get_headers(1)].into_iter().chain(padding)).await;
}

#[tokio::test]
async fn data_without_anything_in_it() {
    let empty = (0..100_000).map(|_| frame(kind::DATA, 0, 1, &[]));
    survives([get_headers(1)].into_iter().chain(empty)).await;
}

#[tokio::test]
async fn frames_of_no_known_kind() {
    survives((0..100_000).map(|_| frame(0xbe, 0xff, 1, b"what is this"))).await;
}

/// A server that waits for the end of headers can do nothing else on the connection: it must not wait for ever,
/// nor take any amount.
#[tokio::test]
async fn continuations_without_end() {
    let mut victim = Victim::start(&[]).await;
    for piece in [header("x-more", &"x".repeat(1000)), Vec::new()] {
        let mut raw = Raw::connect(victim.server.grpc, &[]).await;
        raw.send(&frame(kind::HEADERS, 0, 1, &request_block("Get"))).await;
        let more = frame(kind::CONTINUATION, 0, 1, &piece);
        flood(&mut raw, (0..1_000_000).map(|_| more.clone())).await;
        raw.until_ended().await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn continuations_that_drip() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.polite = false;
    raw.send(&frame(kind::HEADERS, 0, 1, &request_block("Get"))).await;
    let drip = async {
        while !raw.heard.ended {
            raw.send(&frame(kind::CONTINUATION, 0, 1, &[])).await;
            // A drop now and then, so that there is always something new.
            _ = timeout(super::LOOK, raw.read()).await;
        }
    };
    timeout(PATIENCE, drip).await.expect("hung up on in time");
    victim.is_unharmed().await;
}

/// Nobody reads what the server answers, so that it has nowhere to put it: it must stop to read, and let go of
/// a peer that answers no ping.
#[tokio::test]
async fn floods_whose_answers_nobody_reads_are_hung_up_on() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    let endless = |frame: Vec<u8>| std::iter::repeat(frame);
    let one_setting = settings(&[(setting::MAX_CONCURRENT_STREAMS, 1)]);
    let floods = [("pings", endless(ping(7))), ("settings", endless(one_setting))];
    for (what, flood) in floods {
        let socket = super::raw::narrow_socket(victim.server.grpc).await;
        let batch: Vec<u8> = flood.take(BATCH).flatten().collect();
        let mut raw = Raw::greet(socket, &[]).await;
        timeout(PATIENCE, raw.send_deaf(&batch)).await.unwrap_or_else(|_| panic!("{what}: not hung up on"));
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn headers_with_padding() {
    let block = request_block("Get");
    let padded = [&[255][..], &block, &[0; 255]].concat();
    survives(streams(5_000).map(|stream| {
        let flags = flag::PADDED | flag::END_HEADERS;
        [frame(kind::HEADERS, flags, stream, &padded), reset(stream, code::CANCEL)].concat()
    }))
    .await;
}

//! Frames that are wrong, one by one: each ends its stream or its connection, and nothing else. The code is the
//! one that RFC 9113 has for it, or the general one, which h2 prefers.

use super::{
    REVIEWS, Victim,
    raw::{
        Heard, Raw,
        frames::{
            MAX_PAYLOAD, MAX_WINDOW, code, flag, frame, get, get_headers, header, kind, message, padded_data,
            ping, priority, request_block, reset, setting, settings, window_update,
        },
    },
};

/// What a server may do about it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// It closes the connection, with this code.
    Ends(u32),
    /// It ends the stream with this code, or the connection, as every error of a stream may be taken.
    Resets(u32),
    /// It answers the stream with a status, or ends it.
    Refuses,
    /// It goes on: what was sent is odd, not wrong.
    GoesOn,
}

use Answer::{Ends, GoesOn, Refuses, Resets};
use code::{COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR, STREAM_CLOSED};

/// HEADERS of a request, with these in place of, or beside, the right ones.
fn request_with(stream: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
    frame(kind::HEADERS, flag::END_HEADERS, stream, &block)
}

fn headers_of(block: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS, 3, block)
}

/// Tries each on a connection with an answered stream, number 1, that goes on.
async fn try_all(rows: Vec<(&str, Vec<u8>, Answer)>) {
    let mut victim = Victim::start(&[]).await;
    for (what, bytes, expected) in rows {
        let mut raw = Raw::connect(victim.server.grpc, &[]).await;
        raw.send(&get(1, REVIEWS)).await;
        raw.until(|heard| heard.data.contains_key(&1)).await;
        // The ping is answered by a connection that goes on.
        raw.send(&[bytes, ping(1)].concat()).await;
        let enough = match expected {
            Ends(_) => |heard: &Heard| heard.ended,
            Resets(_) => |heard: &Heard| heard.goaway.is_some() || !heard.resets.is_empty(),
            Refuses => |heard: &Heard| heard.refused > 0 || !heard.resets.is_empty(),
            GoesOn => |heard: &Heard| heard.ended || heard.pongs > 0,
        };
        let heard = raw.until(enough).await;
        let is = |given: u32, code| given == code || given == PROTOCOL_ERROR;
        match expected {
            Ends(code) => {
                let goaway = heard.goaway.is_some_and(|given| is(given, code));
                assert!(heard.ended && goaway, "{what}, {expected:?}: {heard:?}");
            }
            Resets(code) => {
                let mut given = heard.resets.values().copied().chain(heard.goaway);
                assert!(given.any(|given| is(given, code)), "{what}, {expected:?}: {heard:?}");
            }
            Refuses => assert!(!heard.ended, "{what}: {heard:?}"),
            GoesOn => {
                assert!(!heard.ended && heard.resets.is_empty(), "{what}: {heard:?}");
                raw.send(&get(101, REVIEWS)).await;
                raw.until(|heard| heard.opened >= 2).await;
            }
        }
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn settings_that_cannot_be() {
    let most = u32::MAX;
    try_all(vec![
        (
            "a window too large",
            settings(&[(setting::INITIAL_WINDOW_SIZE, MAX_WINDOW + 1)]),
            Ends(FLOW_CONTROL_ERROR),
        ),
        ("frames too small", settings(&[(setting::MAX_FRAME_SIZE, 0)]), Ends(PROTOCOL_ERROR)),
        ("frames too large", settings(&[(setting::MAX_FRAME_SIZE, most)]), Ends(PROTOCOL_ERROR)),
        ("neither on nor off", settings(&[(setting::ENABLE_PUSH, 2)]), Ends(PROTOCOL_ERROR)),
        ("half a setting", frame(kind::SETTINGS, 0, 0, &[0; 3]), Ends(FRAME_SIZE_ERROR)),
        ("of a stream", frame(kind::SETTINGS, 0, 1, &[]), Ends(PROTOCOL_ERROR)),
        (
            "an answer with something in it",
            frame(kind::SETTINGS, flag::ACK, 0, &[0; 6]),
            Ends(FRAME_SIZE_ERROR),
        ),
        (
            "the largest of everything",
            settings(&[
                (setting::HEADER_TABLE_SIZE, most),
                (setting::MAX_CONCURRENT_STREAMS, most),
                (setting::INITIAL_WINDOW_SIZE, MAX_WINDOW),
                (setting::MAX_FRAME_SIZE, (1 << 24) - 1),
                (setting::MAX_HEADER_LIST_SIZE, most),
            ]),
            GoesOn,
        ),
        (
            "the least of everything",
            settings(&[
                (setting::HEADER_TABLE_SIZE, 0),
                (setting::MAX_CONCURRENT_STREAMS, 0),
                (setting::MAX_FRAME_SIZE, 16_384),
                (setting::MAX_HEADER_LIST_SIZE, most),
            ]),
            GoesOn,
        ),
        ("as many as fit", settings(&vec![(0xfeed, 1); MAX_PAYLOAD / 6]), GoesOn),
    ])
    .await;
}

#[tokio::test]
async fn windows_that_cannot_be() {
    try_all(vec![
        ("a connection's overflows", window_update(0, MAX_WINDOW), Ends(FLOW_CONTROL_ERROR)),
        ("a stream's overflows", window_update(1, MAX_WINDOW), Resets(FLOW_CONTROL_ERROR)),
        ("a connection's by nothing", window_update(0, 0), Ends(PROTOCOL_ERROR)),
        ("a stream's by nothing", window_update(1, 0), Resets(PROTOCOL_ERROR)),
        ("of a stream that never was", window_update(99, 1), Ends(PROTOCOL_ERROR)),
        ("of three bytes", frame(kind::WINDOW_UPDATE, 0, 0, &[0; 3]), Ends(FRAME_SIZE_ERROR)),
        (
            "a stream's overflows with the setting",
            [window_update(1, MAX_WINDOW - 65_535), settings(&[(setting::INITIAL_WINDOW_SIZE, MAX_WINDOW)])]
                .concat(),
            Resets(FLOW_CONTROL_ERROR),
        ),
    ])
    .await;
}

#[tokio::test]
async fn streams_that_cannot_be() {
    let data = |stream| frame(kind::DATA, 0, stream, &message(REVIEWS));
    try_all(vec![
        ("going backwards", [get(5, REVIEWS), get(3, REVIEWS)].concat(), Resets(PROTOCOL_ERROR)),
        ("of a server", get(2, REVIEWS), Ends(PROTOCOL_ERROR)),
        ("headers of none", get_headers(0), Ends(PROTOCOL_ERROR)),
        ("data of none", data(0), Ends(PROTOCOL_ERROR)),
        ("data before headers", data(99), Ends(PROTOCOL_ERROR)),
        ("data after the end", data(1), Resets(STREAM_CLOSED)),
        ("headers after the end", get_headers(1), Resets(STREAM_CLOSED)),
        ("data after a reset", [reset(1, code::CANCEL), data(1)].concat(), Resets(STREAM_CLOSED)),
        ("reset before headers", reset(99, 0), Ends(PROTOCOL_ERROR)),
        ("reset of none", reset(0, 0), Ends(PROTOCOL_ERROR)),
        ("reset twice", [reset(1, 0), reset(1, 0)].concat(), GoesOn),
        ("a promise", frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2]), Ends(PROTOCOL_ERROR)),
        ("waiting for itself", priority(3, 3), Resets(PROTOCOL_ERROR)),
        (
            "waiting for itself in its headers",
            frame(
                kind::HEADERS,
                flag::END_HEADERS | flag::PRIORITY,
                3,
                &[&[0, 0, 0, 3, 15][..], &request_block("Get")].concat(),
            ),
            Resets(PROTOCOL_ERROR),
        ),
        ("waiting for one that never was", priority(3, 1001), GoesOn),
    ])
    .await;
}

#[tokio::test]
async fn frames_that_cannot_be() {
    let unfinished = frame(kind::HEADERS, 0, 3, &request_block("Get"));
    try_all(vec![
        ("larger than allowed", frame(kind::DATA, 0, 1, &[0; MAX_PAYLOAD + 1]), Ends(FRAME_SIZE_ERROR)),
        (
            "the largest length there is",
            vec![0xff, 0xff, 0xff, kind::HEADERS, 0, 0, 0, 0, 3],
            Ends(FRAME_SIZE_ERROR),
        ),
        ("a ping of seven bytes", frame(kind::PING, 0, 0, &[0; 7]), Ends(FRAME_SIZE_ERROR)),
        ("a ping of a stream", frame(kind::PING, 0, 1, &[0; 8]), Ends(PROTOCOL_ERROR)),
        ("the answer to no ping", frame(kind::PING, flag::ACK, 0, &[0; 8]), GoesOn),
        ("a reset of five bytes", frame(kind::RST_STREAM, 0, 1, &[0; 5]), Ends(FRAME_SIZE_ERROR)),
        ("nothing to continue", frame(kind::CONTINUATION, flag::END_HEADERS, 1, &[]), Ends(PROTOCOL_ERROR)),
        ("headers and something else", [&unfinished[..], &ping(2)].concat(), Ends(PROTOCOL_ERROR)),
        (
            "headers that another stream continues",
            [&unfinished[..], &frame(kind::CONTINUATION, flag::END_HEADERS, 5, &[])].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "more padding than frame",
            [get_headers(3), frame(kind::DATA, flag::PADDED, 3, &[200, 1, 2])].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        ("only padding", [get_headers(3), padded_data(3, &[], 255)].concat(), GoesOn),
        ("of no known kind", frame(0xbe, 0xff, 1, &[0xff; MAX_PAYLOAD]), GoesOn),
    ])
    .await;
}

#[tokio::test]
async fn headers_that_cannot_be() {
    let good = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "x")];
    let with = |more: (&'static str, &'static str)| request_with(3, &[&good[..], &[more]].concat());
    try_all(vec![
        ("an entry that is in no table", headers_of(&[0xff, 0xff, 0x7f]), Ends(COMPRESSION_ERROR)),
        ("entry 0", headers_of(&[0x80]), Ends(COMPRESSION_ERROR)),
        ("an integer without end", headers_of(&[0xff; 100]), Ends(COMPRESSION_ERROR)),
        ("a table too large", headers_of(&[0x3f, 0xff, 0xff, 0xff, 0x0f]), Ends(COMPRESSION_ERROR)),
        ("a text cut off", headers_of(&[0, 100, b'x']), Ends(COMPRESSION_ERROR)),
        ("no path", request_with(3, &[good[0], good[1]]), Refuses),
        ("nothing", headers_of(&[]), Refuses),
        ("two paths", with((":path", "/")), Resets(PROTOCOL_ERROR)),
        ("a pseudo-header that is none", with((":what", "x")), Resets(PROTOCOL_ERROR)),
        ("a status", with((":status", "200")), Resets(PROTOCOL_ERROR)),
        ("upper case", with(("X-Upper", "x")), Resets(PROTOCOL_ERROR)),
        ("what belongs to HTTP/1.1", with(("connection", "close")), Resets(PROTOCOL_ERROR)),
    ])
    .await;
}

//! The few frames of HTTP/2 that are said by hand (RFC 9113).

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const HEADERS: u8 = 1;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const SETTINGS: u8 = 4;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What a client says first.
pub(super) fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// Headers as literals that go in no table.
pub(super) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A whole request.
pub(super) fn request(stream: u32, path: &str) -> Vec<u8> {
    let headers = [(":method", "POST"), (":scheme", "http"), (":authority", "test"), (":path", path)];
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&headers))
}

/// A client's goodbye with this code.
pub(super) fn goaway(code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[[0; 4], code.to_be_bytes()].concat())
}

/// The numbers of a client's streams.
pub(super) fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

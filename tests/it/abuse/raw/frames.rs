//! HTTP/2 frames written by hand, right ones and wrong ones alike (RFC 9113).

use prost::Message as _;
use switchyard::pb::destination::GetDestination;

/// What every client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub(crate) mod flag {
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
    pub(crate) const PRIORITY: u8 = 32;
}

/// Settings by their number.
pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Error codes.
pub(crate) mod code {
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
    pub(crate) const STREAM_CLOSED: u32 = 5;
    pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
    pub(crate) const CANCEL: u32 = 8;
    pub(crate) const COMPRESSION_ERROR: u32 = 9;
}

/// The largest payload that a frame may have unless the receiver says otherwise.
pub(crate) const MAX_PAYLOAD: usize = 16_384;
/// The largest window there may be.
pub(crate) const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Any frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.extend_from_slice(&length[1..]);
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let entry = |&(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(kind::SETTINGS, 0, 0, &settings.iter().flat_map(entry).collect::<Vec<_>>())
}

pub(crate) fn ping(payload: u64) -> Vec<u8> {
    frame(kind::PING, 0, 0, &payload.to_be_bytes())
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub(crate) fn priority(stream: u32, depends_on: u32) -> Vec<u8> {
    frame(kind::PRIORITY, 0, stream, &[&depends_on.to_be_bytes()[..], &[15]].concat())
}

/// DATA with padding of this length.
pub(crate) fn padded_data(stream: u32, data: &[u8], padding: u8) -> Vec<u8> {
    let payload = [&[padding][..], data, &vec![0; padding.into()]].concat();
    frame(kind::DATA, flag::PADDED, stream, &payload)
}

/// One header: a literal that goes in no table, without Huffman's code.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0];
    for text in [name, value] {
        push_length(&mut block, text.len());
        block.extend_from_slice(text.as_bytes());
    }
    block
}

/// A length in HPACK's integers of a seven-bit prefix.
fn push_length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 127;
    let low = |number: usize| u8::try_from(number & PREFIX).expect("seven bits");
    if length < PREFIX {
        return block.push(low(length));
    }
    block.push(127);
    let mut rest = length - PREFIX;
    while rest > PREFIX {
        block.push(low(rest) | 128);
        rest >>= 7;
    }
    block.push(low(rest));
}

/// The header block of a good request to a method of the Destination service.
pub(crate) fn request_block(method: &str) -> Vec<u8> {
    let path = format!("/io.linkerd.proxy.destination.Destination/{method}");
    [
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":path", &path),
        header(":authority", "test"),
        header("content-type", "application/grpc"),
        header("te", "trailers"),
    ]
    .concat()
}

/// HEADERS of a good `Get` whose message is yet to come.
pub(crate) fn get_headers(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS, stream, &request_block("Get"))
}

/// A message with its prefix.
pub(crate) fn message(authority: &str) -> Vec<u8> {
    let request =
        GetDestination { scheme: String::new(), path: authority.to_owned(), context_token: String::new() };
    let body = request.encode_to_vec();
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[0][..], &length, &body].concat()
}

/// A whole and good `Get`.
pub(crate) fn get(stream: u32, authority: &str) -> Vec<u8> {
    [get_headers(stream), frame(kind::DATA, flag::END_STREAM, stream, &message(authority))].concat()
}

/// The numbers of the first so many streams of a client.
pub(crate) fn streams(count: u32) -> impl Iterator<Item = u32> + Clone {
    (0..count).map(|index| 2 * index + 1)
}

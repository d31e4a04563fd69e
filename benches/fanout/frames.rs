//! HTTP/2 by hand, as little as a client needs that trusts its server: requests to write in one piece, and
//! frames to be read without a copy.

use std::ops::Range;

use prost::Message;
use switchyard::pb::destination::GetDestination;

/// Bytes before the payload of a frame.
const HEAD: usize = 9;
/// The largest window there is.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// The window that a connection starts with.
const FIRST_WINDOW: u32 = 65_535;

/// Types of frames.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

mod flag {
    /// Of DATA and HEADERS.
    pub(super) const END_STREAM: u8 = 1;
    /// Of SETTINGS and PING.
    pub(super) const ACK: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;
    pub(super) const PADDED: u8 = 8;
}

/// One stream to be opened.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What it asks for.
    pub(super) authority: String,
    /// Whether its window is never opened again: it takes a few messages and no more.
    pub(super) stuck: bool,
}

/// Windows of streams where some are stuck: a few messages of the first world.
const SMALL_WINDOW: u32 = 600;

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("far from the limit");
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A header field, not indexed and not Huffman coded.
fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(0);
    for text in [name, value] {
        out.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("short texts"));
        out.extend_from_slice(text.as_bytes());
    }
}

/// Everything that a client says: the preface, and a `Get` for each of the streams 1, 3, 5, ...
pub(super) fn requests(asks: &[Ask], token: &str) -> Vec<u8> {
    let small = asks.iter().any(|ask| ask.stuck);
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut settings = vec![0, 4];
    settings.extend_from_slice(&if small { SMALL_WINDOW } else { LARGEST_WINDOW }.to_be_bytes());
    frame(&mut out, kind::SETTINGS, 0, 0, &settings);
    window_update(&mut out, 0, LARGEST_WINDOW - FIRST_WINDOW);
    let mut head = vec![0x83, 0x86];
    field(&mut head, ":path", "/io.linkerd.proxy.destination.Destination/Get");
    field(&mut head, ":authority", "linkerd-dst.linkerd:8086");
    field(&mut head, "content-type", "application/grpc");
    field(&mut head, "te", "trailers");
    for (stream, ask) in (1..).step_by(2).zip(asks) {
        let (path, context_token) = (ask.authority.clone(), token.to_owned());
        let message = GetDestination { scheme: String::new(), path, context_token }.encode_to_vec();
        let mut body = vec![0];
        body.extend_from_slice(&u32::try_from(message.len()).expect("short").to_be_bytes());
        body.extend_from_slice(&message);
        frame(&mut out, kind::HEADERS, flag::END_HEADERS, stream, &head);
        if small && !ask.stuck {
            window_update(&mut out, stream, LARGEST_WINDOW - SMALL_WINDOW);
        }
        frame(&mut out, kind::DATA, flag::END_STREAM, stream, &body);
    }
    out
}

/// Opens a window further; stream 0 is the connection's.
pub(super) fn window_update(out: &mut Vec<u8>, stream: u32, by: u32) {
    frame(out, kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
}

/// What a frame means to the client.
#[derive(Debug)]
pub(super) enum Frame {
    /// A part of the body of the stream at this place, and where in the buffer it is.
    Data { place: usize, payload: Range<usize> },
    /// Something that has to be answered so.
    Answer(Vec<u8>),
    /// Something that must not come.
    End(String),
    /// Nothing.
    Other,
}

/// The frame at the start of the buffer and its length. `None` if it has not come as a whole.
pub(super) fn read(buffer: &[u8]) -> Option<(Frame, usize)> {
    let head: &[u8; HEAD] = buffer.first_chunk()?;
    let [a, b, c, kind, flags, stream @ ..] = *head;
    let length = HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
    let payload = buffer.get(HEAD..length)?;
    let stream = u32::from_be_bytes(stream);
    let ends = flags & flag::END_STREAM != 0;
    let frame = match kind {
        kind::DATA if !ends && flags & flag::PADDED == 0 => {
            Frame::Data { place: (stream / 2) as usize, payload: HEAD..length }
        }
        kind::DATA | kind::HEADERS if ends => Frame::End(format!("stream {stream} was ended")),
        kind::DATA => Frame::End("padded, which this client cannot read".to_owned()),
        kind::RST_STREAM => Frame::End(format!("stream {stream} was reset: {payload:?}")),
        kind::GOAWAY => Frame::End(format!("the connection was ended: {payload:?}")),
        kind::SETTINGS | kind::PING if flags & flag::ACK == 0 => {
            let (mut answer, echo) = (Vec::new(), if kind == kind::PING { payload } else { &[] });
            frame(&mut answer, kind, flag::ACK, 0, echo);
            Frame::Answer(answer)
        }
        _ => Frame::Other,
    };
    Some((frame, length))
}

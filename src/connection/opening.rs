//! The protocol of a client, as its first bytes show it: HTTP/2, or one that is not served on this port.

use std::fmt;

/// What every HTTP/2 client sends first. [RFC 9113, 3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How much of the preface could be the method of an HTTP/1 request: `PRI`.
const METHOD: usize = 3;
/// The first byte of a TLS client: a record with a handshake. [RFC 8446, 5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)
const HANDSHAKE: u8 = 22;

/// A protocol that is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// HTTP/1: upper-case letters, as in `GET / HTTP/1.1`.
    Http1,
    /// TLS, where plain text is served.
    Tls,
    /// Anything else.
    Other,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "the client speaks HTTP/1; this port serves gRPC over HTTP/2",
            Self::Tls => {
                "the client speaks TLS; this port serves gRPC in plain text unless --tls-cert and --tls-key are given"
            }
            Self::Other => "the client speaks neither HTTP/2 nor HTTP/1; this port serves gRPC over HTTP/2",
        })
    }
}

/// The first bytes of a connection.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// How many bytes of the preface have come.
    matched: usize,
    foreign: Option<Foreign>,
}

impl Opening {
    /// Reads the next bytes that came. Returns the protocol when it first shows that it is not HTTP/2.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<Foreign> {
        if self.foreign.is_some() {
            return None;
        }
        let same =
            PREFACE[self.matched..].iter().zip(bytes).take_while(|(known, byte)| known == byte).count();
        self.matched += same;
        let rest = &bytes[same..];
        if self.matched == PREFACE.len() || rest.is_empty() {
            return None;
        }
        let mut method = PREFACE[..self.matched].iter().chain(rest).take_while(|byte| **byte != b' ');
        self.foreign = Some(match rest[0] {
            HANDSHAKE if self.matched == 0 => Foreign::Tls,
            b' ' if self.matched == 0 => Foreign::Other,
            _ if self.matched <= METHOD && method.all(u8::is_ascii_uppercase) => Foreign::Http1,
            _ => Foreign::Other,
        });
        self.foreign
    }

    /// Returns whether what has come can be the beginning of HTTP/1 as well as of HTTP/2.
    pub(super) fn is_undecided(&self) -> bool {
        self.foreign.is_none() && self.matched <= METHOD
    }

    /// Returns the protocol, if it is not HTTP/2.
    pub(super) fn foreign(&self) -> Option<Foreign> {
        self.foreign
    }
}

#[cfg(test)]
mod tests {
    use super::{Foreign, Opening, PREFACE};

    #[test]
    fn protocol_is_known_by_its_first_bytes_in_whatever_pieces_they_come() {
        let after = [PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat();
        for (bytes, expect) in [
            (PREFACE, None),
            (&after[..], None),
            (b"PRI * HTT", None),
            (b"GET / HTTP/1.1\r\n", Some(Foreign::Http1)),
            (b"POST /x HTTP/1.0\r\n", Some(Foreign::Http1)),
            (b"PUT / HTTP/1.1", Some(Foreign::Http1)),
            (b"PROPFIND / HTTP/1.1", Some(Foreign::Http1)),
            (b"PRI * HTTP/1.1\r\n", Some(Foreign::Other)),
            (b"\x16\x03\x01\x02\x00", Some(Foreign::Tls)),
            (b"SSH-2.0-x", Some(Foreign::Other)),
            (b" GET /", Some(Foreign::Other)),
            (b"\xff\xff", Some(Foreign::Other)),
        ] {
            let mut whole = Opening::default();
            assert_eq!(whole.read(bytes), expect, "{}", bytes.escape_ascii());
            assert_eq!((whole.read(b"more"), whole.foreign()), (more(bytes), whole.foreign()));
            let mut pieces = Opening::default();
            assert!(pieces.is_undecided());
            let found: Vec<_> = bytes.chunks(1).filter_map(|piece| pieces.read(piece)).collect();
            assert_eq!(found.len(), usize::from(expect.is_some()), "{}", bytes.escape_ascii());
            assert!(!pieces.is_undecided(), "{}", bytes.escape_ascii());
        }
    }

    /// What follows bytes that are a part of the preface only shows the protocol.
    fn more(bytes: &[u8]) -> Option<Foreign> {
        (bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes)).then_some(Foreign::Other)
    }
}

//! A client of HTTP/2 that frames by hand, so that it can say what no library would, and costs next to nothing.
//!
//! It keeps no state but what it heard. It never blocks itself: while it writes it also reads.

use std::{collections::BTreeMap, io, net::SocketAddr};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

pub(crate) mod frames;

use self::frames::{PREFACE, flag, frame, kind, settings};
use crate::server::PATIENCE;

/// What a server said on a connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// It closed the connection, in order or not.
    pub(crate) ended: bool,
    /// The code of its GOAWAY.
    pub(crate) goaway: Option<u32>,
    /// Streams it reset, and the codes.
    pub(crate) resets: BTreeMap<u32, u32>,
    /// Streams it answered and goes on answering.
    pub(crate) opened: u32,
    /// Streams that ended by their headers: answers without any message.
    pub(crate) refused: u32,
    /// Bytes of DATA of each stream.
    pub(crate) data: BTreeMap<u32, usize>,
    /// Answers to pings.
    pub(crate) pongs: u32,
    /// Answers to settings.
    pub(crate) acks: u32,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Raw {
    socket: TcpStream,
    unread: BytesMut,
    /// Answers to the server's pings and settings that are not sent yet.
    owed: Vec<u8>,
    /// Whether it answers pings and settings.
    pub(crate) polite: bool,
    pub(crate) heard: Heard,
}

/// A socket on which nothing was said yet, with the smallest buffer for what it does not read.
pub(crate) async fn narrow_socket(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(1024).expect("Linux makes it as small as it can");
    timeout(PATIENCE, socket.connect(addr)).await.expect("in time").expect("a server is there")
}

impl Raw {
    /// Connects and says the preface and these settings.
    pub(crate) async fn connect(addr: SocketAddr, with: &[(u16, u32)]) -> Self {
        let socket = timeout(PATIENCE, TcpStream::connect(addr)).await.expect("in time");
        Self::greet(socket.expect("a server is there"), with).await
    }

    /// Says the preface and these settings.
    pub(crate) async fn greet(socket: TcpStream, with: &[(u16, u32)]) -> Self {
        let mut raw = Self::on(socket);
        raw.send(&[PREFACE, &settings(with)].concat()).await;
        raw
    }

    /// Takes a connection on which nothing was said yet.
    pub(crate) fn on(socket: TcpStream) -> Self {
        socket.set_nodelay(true).expect("it is TCP");
        let (unread, owed) = (BytesMut::new(), Vec::new());
        Self { socket, unread, owed, polite: true, heard: Heard::default() }
    }

    /// Writes all of this, or as much as the server takes before it closes the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.heard.ended {
            let (mut read, mut write) = self.socket.split();
            tokio::select! {
                written = write.write(rest) => match written {
                    Ok(written) => rest.advance(written),
                    // What the server said before it closed is still to be read.
                    Err(_) => return,
                },
                got = read.read_buf(&mut self.unread) => self.take(&got),
            }
        }
    }

    /// Writes this again and again and reads nothing, until the server closes the connection.
    pub(crate) async fn send_deaf(&mut self, bytes: &[u8]) {
        while self.socket.write_all(bytes).await.is_ok() {}
    }

    /// Reads until what was heard is enough, which must happen.
    #[track_caller]
    pub(crate) fn until(&mut self, enough: impl Fn(&Heard) -> bool) -> impl Future<Output = &Heard> {
        let place = std::panic::Location::caller();
        async move {
            let reading = async {
                while !enough(&self.heard) {
                    assert!(!self.heard.ended, "the connection ended, asked at {place}: {:?}", self.heard);
                    self.read().await;
                }
            };
            let in_time = timeout(PATIENCE, reading).await.is_ok();
            assert!(in_time, "not heard in time, asked at {place}: {:?}", self.heard);
            &self.heard
        }
    }

    /// Reads until the server closes the connection, which it must.
    #[track_caller]
    pub(crate) fn until_ended(&mut self) -> impl Future<Output = &Heard> {
        self.until(|heard| heard.ended)
    }

    /// Reads once.
    pub(crate) async fn read(&mut self) {
        let got = self.socket.read_buf(&mut self.unread).await;
        self.take(&got);
        if self.polite && !self.owed.is_empty() {
            let owed = std::mem::take(&mut self.owed);
            self.send(&owed).await;
        }
    }

    fn take(&mut self, got: &io::Result<usize>) {
        self.heard.ended = matches!(got, Ok(0) | Err(_));
        while let Some(header) = self.unread.first_chunk::<9>() {
            let [a, b, c, kind, flags, stream @ ..] = *header;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if self.unread.len() < 9 + length {
                return;
            }
            self.unread.advance(9);
            let payload = self.unread.split_to(length);
            self.hear(kind, flags, u32::from_be_bytes(stream), &payload);
        }
    }

    fn hear(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let number =
            |at: usize| payload.get(at..).and_then(<[u8]>::first_chunk).map(|n| u32::from_be_bytes(*n));
        let heard = &mut self.heard;
        match kind {
            kind::DATA => *heard.data.entry(stream).or_default() += payload.len(),
            kind::HEADERS if flags & flag::END_STREAM == 0 => heard.opened += 1,
            kind::HEADERS => heard.refused += 1,
            kind::RST_STREAM => {
                heard.resets.insert(stream, number(0).expect("a code"));
            }
            kind::SETTINGS if flags & flag::ACK != 0 => heard.acks += 1,
            kind::SETTINGS => self.owed.extend(frame(kind::SETTINGS, flag::ACK, 0, &[])),
            kind::PING if flags & flag::ACK != 0 => heard.pongs += 1,
            kind::PING => self.owed.extend(frame(kind::PING, flag::ACK, 0, payload)),
            kind::GOAWAY => heard.goaway = number(4),
            _ => {}
        }
    }

    /// Says that it will write no more.
    pub(crate) async fn half_close(&mut self) {
        // The server may have closed before.
        _ = self.socket.shutdown().await;
    }
}

//! A socket that is written to late: what HTTP/2 writes is kept until the connection has done all it can do now.
//!
//! `h2` flushes after every data frame of 256 bytes or more, so a buffer that obeys flushes does not batch the
//! usual message. This one does not obey: its owner drains it after each poll instead, and nobody else may own one.
//!
//! What is small is copied together. What is large and known to be shared ([`Socket::shares`]) is kept as what it is:
//! a message of megabytes that goes to many streams would otherwise be copied for each, which is half of what the
//! kernel does with it.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    opening::{Foreign, Opening},
    toll::Toll,
};

/// How much is copied and kept at most, in bytes: some five hundred ordinary messages. More is written at once, as the
/// socket takes it.
const CAPACITY: usize = 256 * 1024;
/// How much is kept at most with what is shared, which takes no memory here.
const WITH_SHARED: usize = 2 * 1024 * 1024;
/// What is smaller is copied: a piece of its own costs about as much as copying this many bytes.
const LARGE: usize = 2048;
/// How many shared messages are known at once. There are rarely two that are large on one connection.
const SHARED: usize = 4;
/// How many pieces are written at once.
const PIECES: usize = 256;
/// How much is read from a client in one poll of its connection, in bytes. A hundred requests; a client with more to
/// say waits for the others.
const READ_AT_ONCE: usize = 32 * 1024;

/// A socket and what is to be written to it. Shared by HTTP/2, which writes, and the connection, which drains; both
/// are one task, so the lock is never waited for.
#[derive(Debug)]
pub(super) struct Socket<I> {
    state: Mutex<State<I>>,
    received: AtomicU64,
}

#[derive(Debug)]
struct State<I> {
    io: I,
    unsent: Unsent,
    /// Messages of which large pieces may come.
    shared: Vec<Bytes>,
    /// Whether a writer was told to wait for room.
    blocked: bool,
    /// Whether `io` has something that it wants to be flushed.
    unflushed: bool,
    toll: Toll,
    /// How much may be read until the next drain.
    budget: usize,
    opening: Opening,
    /// Answer to a client that speaks HTTP/1, if there is one. Until the first bytes show that it does not, nothing
    /// is written.
    http1_answer: Option<Bytes>,
}

/// What is kept, in order: shared pieces, and what was copied after the last of them.
#[derive(Debug, Default)]
struct Unsent {
    pieces: VecDeque<Piece>,
    copied: BytesMut,
    /// How much there is, and how much of it was copied.
    length: usize,
    copied_length: usize,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    is_shared: bool,
}

impl Unsent {
    fn room(&self) -> usize {
        (CAPACITY - self.copied_length).min(WITH_SHARED - self.length)
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
        self.length += bytes.len();
        self.copied_length += bytes.len();
    }

    fn share(&mut self, bytes: Bytes) {
        if !self.copied.is_empty() {
            self.pieces.push_back(Piece { bytes: self.copied.split().freeze(), is_shared: false });
        }
        self.length += bytes.len();
        self.pieces.push_back(Piece { bytes, is_shared: true });
    }

    fn poll_write(
        &self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.pieces.is_empty() {
            return Pin::new(io).poll_write(cx, &self.copied);
        }
        let mut slices = [IoSlice::new(&[]); PIECES];
        let pieces = self.pieces.iter().map(|piece| &piece.bytes[..]).chain([&self.copied[..]]);
        let count = slices.iter_mut().zip(pieces).map(|(slice, piece)| *slice = IoSlice::new(piece)).count();
        Pin::new(io).poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.length -= written;
        while let Some(Piece { bytes, is_shared }) = self.pieces.front_mut() {
            let taken = written.min(bytes.len());
            if !*is_shared {
                self.copied_length -= taken;
            }
            if taken < bytes.len() {
                bytes.advance(taken);
                return;
            }
            written -= taken;
            self.pieces.pop_front();
        }
        self.copied.advance(written);
        self.copied_length -= written;
    }
}

impl<I> Socket<I> {
    pub(super) fn new(io: I) -> Self {
        let state = State {
            io,
            unsent: Unsent::default(),
            shared: Vec::new(),
            blocked: false,
            unflushed: false,
            toll: Toll::new(),
            budget: READ_AT_ONCE,
            opening: Opening::default(),
            http1_answer: None,
        };
        Self { state: Mutex::new(state), received: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// How much was read from it, in bytes.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Answers this to a client that speaks HTTP/1.
    pub(super) fn answer_http1(&self, answer: Bytes) {
        self.lock().http1_answer = Some(answer);
    }

    /// Protocol of the client, if it is not HTTP/2.
    pub(super) fn foreign(&self) -> Option<Foreign> {
        self.lock().opening.foreign()
    }

    /// Until the next drain, pieces of these may be written. They need not be copied then.
    pub(super) fn shares(&self, messages: impl IntoIterator<Item = Bytes>) {
        let mut state = self.lock();
        for message in messages {
            let known = state.shared.iter().any(|known| known.as_ptr() == message.as_ptr());
            if message.len() >= LARGE && !known && state.shared.len() < SHARED {
                state.shared.push(message);
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> Socket<I> {
    /// Writes what is kept. Ready when nothing is, and then says whether a writer was waiting for room: it will
    /// not be woken and has to be polled.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut state = self.lock();
        state.budget = READ_AT_ONCE;
        if state.http1_answer.is_some() && state.opening.is_undecided() {
            // HTTP/2's own settings are what has been written so far.
            return Poll::Ready(Ok(false));
        }
        ready!(state.poll_drain(cx))?;
        let blocked = mem::take(&mut state.blocked);
        if !blocked {
            state.shared = Vec::new();
        }
        Poll::Ready(Ok(blocked))
    }
}

impl<I: AsyncRead + Unpin> State<I> {
    /// Has only this to write, and takes what has come of the request: a socket that is closed before that is read
    /// may lose what was written.
    fn close_with(&mut self, answer: &[u8], cx: &mut Context<'_>) {
        self.unsent = Unsent::default();
        self.unsent.copy(answer);
        let mut bytes = [0; 1024];
        while self.budget > 0 {
            let mut buf = ReadBuf::new(&mut bytes);
            let Poll::Ready(Ok(())) = Pin::new(&mut self.io).poll_read(cx, &mut buf) else { return };
            if buf.filled().is_empty() {
                return;
            }
            self.budget = self.budget.saturating_sub(buf.filled().len());
        }
    }
}

impl<I: AsyncWrite + Unpin> State<I> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent.length > 0 {
            let written = ready!(self.unsent.poll_write(&mut self.io, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(written);
            self.unflushed = true;
            self.toll.written(written as u64);
        }
        // An idle connection keeps no buffer.
        self.unsent = Unsent::default();
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Room for what is to be kept. Pending if there is none and the socket takes nothing.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.room() == 0 && self.poll_drain(cx)?.is_pending() && self.unsent.room() == 0 {
            self.blocked = true;
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps these, or a part of them if there is no room for more.
    fn keep(&mut self, bytes: &[u8]) -> usize {
        let bytes = &bytes[..bytes.len().min(self.unsent.room())];
        let whole = |known: &&Bytes| known.as_ptr_range().contains(&bytes.as_ptr());
        match self.shared.iter().find(whole) {
            Some(known) if bytes.len() >= LARGE => self.unsent.share(known.slice_ref(bytes)),
            _ => self.unsent.copy(bytes),
        }
        bytes.len()
    }
}

/// What HTTP/2 takes for the socket.
#[derive(Debug)]
pub(super) struct Late<I> {
    socket: Arc<Socket<I>>,
}

impl<I> Late<I> {
    /// `socket` has to be drained by the caller after each poll of what is given this.
    pub(super) fn new(socket: Arc<Socket<I>>) -> Self {
        Self { socket }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Late<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.socket.lock();
        if state.budget == 0 {
            // The others of this thread are waiting.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut state.io).poll_read(cx, buf))?;
        let received = &buf.filled()[before..];
        self.socket.received.fetch_add(received.len() as u64, Ordering::Relaxed);
        state.budget = state.budget.saturating_sub(received.len());
        if state.opening.read(received) == Some(Foreign::Http1)
            && let Some(answer) = state.http1_answer.take()
        {
            state.close_with(&answer, cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/1")));
        }
        if !state.toll.pay(received) {
            // Of an error HTTP/2 hands on only the kind and the words.
            return Poll::Ready(Err(io::Error::new(TOO_MUCH, TooMuch)));
        }
        Poll::Ready(Ok(()))
    }
}

/// The kind of that error, which no socket has.
pub(super) const TOO_MUCH: io::ErrorKind = io::ErrorKind::QuotaExceeded;

/// A client that cannot pay for what it says.
#[derive(Debug, thiserror::Error)]
#[error("the client sends too many frames that cost it nothing")]
struct TooMuch;

impl<I: AsyncWrite + Unpin> AsyncWrite for Late<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.socket.lock();
        ready!(state.poll_room(cx))?;
        Poll::Ready(Ok(slices.iter().map(|slice| state.keep(slice)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        // What `h2` would copy together first goes straight into the buffer.
        true
    }

    /// Does nothing: see the module's documentation.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.socket.lock();
        ready!(state.poll_drain(cx))?;
        Pin::new(&mut state.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;

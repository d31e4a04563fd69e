//! A socket that is written to late: what HTTP/2 writes is kept until the connection has done all it can do now.
//!
//! `h2` flushes after every data frame of 256 bytes or more, so a buffer that obeys flushes does not batch the
//! usual message. This one does not obey: its owner drains it after each poll instead, and nobody else may own one.

use std::{
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::toll::Toll;

/// How much is kept at most, in bytes: some five hundred ordinary messages. More is written at once, as the socket
/// takes it; the larger the pieces, the cheaper (a quarter of this took a third more CPU for messages of megabytes).
const CAPACITY: usize = 256 * 1024;

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
    unsent: Vec<u8>,
    /// How much of `unsent` has been written.
    sent: usize,
    /// Whether a writer was told to wait for room.
    blocked: bool,
    /// Whether `io` has something that it wants to be flushed.
    unflushed: bool,
    toll: Toll,
    /// How much may be read until the next drain.
    budget: usize,
}

impl<I> Socket<I> {
    pub(super) fn new(io: I) -> Self {
        let state = State {
            io,
            unsent: Vec::new(),
            sent: 0,
            blocked: false,
            unflushed: false,
            toll: Toll::new(),
            budget: READ_AT_ONCE,
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
}

impl<I: AsyncWrite + Unpin> Socket<I> {
    /// Writes what is kept. Ready when nothing is, and then says whether a writer was waiting for room: it will
    /// not be woken and has to be polled.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut state = self.lock();
        state.budget = READ_AT_ONCE;
        ready!(state.poll_drain(cx))?;
        Poll::Ready(Ok(mem::take(&mut state.blocked)))
    }
}

impl<I: AsyncWrite + Unpin> State<I> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.unsent[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.unflushed = true;
            self.toll.written(written as u64);
        }
        // An idle connection keeps no buffer.
        self.unsent = Vec::new();
        self.sent = 0;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Room for what is to be kept. Pending if there is none and the socket takes nothing.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.unsent.len() == CAPACITY && self.poll_drain(cx)?.is_pending() {
            if self.sent == 0 {
                self.blocked = true;
                return Poll::Pending;
            }
            // The socket took a part, and makes room for as much.
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        Poll::Ready(Ok(CAPACITY - self.unsent.len()))
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
        if !state.toll.pay(received) {
            return Poll::Ready(Err(io::Error::other(TooMuch)));
        }
        Poll::Ready(Ok(()))
    }
}

/// A client that cannot pay for what it says.
#[derive(Debug, thiserror::Error)]
#[error("the client sends too many frames that cost it nothing")]
pub(super) struct TooMuch;

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
        let room = ready!(state.poll_room(cx))?;
        let mut left = room;
        for slice in slices {
            let taken = slice.len().min(left);
            state.unsent.extend_from_slice(&slice[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(room - left))
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

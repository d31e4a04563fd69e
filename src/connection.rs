//! One HTTP/2 connection with all of its streams, polled as one task.
//!
//! A change is told to many streams at once, and what it costs is not our work but the system call for each
//! write. With a task for each stream (hyper's usual way) the runtime alternates between a stream's task and its
//! connection's, which writes as soon as it is polled: one `writev` a message. Here the futures of the streams
//! belong to their connection's task (`streams`), which first polls those that were woken, then HTTP/2, and
//! only then writes what came together (`late`): one `write` for each connection and change, five times less CPU
//! with a hundred streams on a connection.
//!
//! The rest of the server sees none of it: services are plain tonic services on plain hyper. What must hold:
//!
//! * `Late` swallows flushes, so whoever polls the connection drains it before saying `Pending`.
//! * A stream that is woken while its connection is being polled is seen in the same poll, or the connection is
//!   polled again; a wake-up is never lost.
//! * The future of a stream is dropped at the latest with its connection, in whatever way that ends.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Body;
use hyper::{
    body::Incoming,
    rt::bounds::Http2ServerConnExec,
    server::conn::http2::{self, Builder},
    service::HttpService,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant, Sleep, sleep_until},
};

mod ended;
mod late;
mod opening;
mod peer;
mod streams;
mod toll;

pub use self::{ended::Ended, opening::Foreign, peer::Peer, streams::Executor};
use self::{
    late::{Late, Socket},
    streams::Streams,
};

/// How often streams and HTTP/2 take turns within one poll: a message needs two, the rest is for what came
/// meanwhile. More would keep other connections of this thread waiting.
const TURNS: usize = 4;
/// The least a client sends that speaks HTTP/2 at all: the preface and the head of its settings, in bytes.
const GREETING: u64 = 24 + 9;

/// How long a client without a stream that was told to go may take to do so.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a connection may be there for nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first bytes, from which it can be told that the client speaks HTTP/2.
    pub greeting: Duration,
    /// For a stream, whenever there is none; `None` for ever.
    pub idle: Option<Duration>,
}

/// See the module's documentation. Ready once it has ended, with the reason.
#[derive(Debug)]
pub struct Connection<I, S>
where
    S: HttpService<Incoming>,
{
    http: http2::Connection<TokioIo<Late<I>>, S, Executor>,
    socket: Arc<Socket<I>>,
    streams: Streams,
    peer: Arc<Peer>,
    patience: Patience,
    waits_for: Expected,
    /// Until when.
    deadline: Option<Pin<Box<Sleep>>>,
    closing: Option<Ended>,
}

/// What a connection is useless without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Greeting,
    /// One more than there were so far.
    Stream {
        after: usize,
    },
    /// Its end, for it has been told that there is nothing for it.
    Goodbye,
    Nothing,
}

impl<I, S, B> Connection<I, S>
where
    I: AsyncRead + AsyncWrite + Send + Unpin,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    Executor: Http2ServerConnExec<S::Future, B>,
{
    /// Serves `io`; `configure` sets what is set of HTTP/2.
    pub fn new(
        io: I,
        service: S,
        peer: Arc<Peer>,
        patience: Patience,
        configure: impl FnOnce(&mut Builder<Executor>),
    ) -> Self {
        let socket = Arc::new(Socket::new(io));
        let streams = Streams::new(peer.clone());
        let mut builder = Builder::new(streams.executor());
        configure(&mut builder);
        let http = builder.serve_connection(TokioIo::new(Late::new(socket.clone())), service);
        let deadline = Some(Box::pin(sleep_until(Instant::now() + patience.greeting)));
        let waits_for = Expected::Greeting;
        Self { http, socket, streams, peer, patience, waits_for, deadline, closing: None }
    }

    /// Answers this to a client that speaks HTTP/1, before the connection is closed. To be called before it is polled.
    #[must_use]
    pub fn answering_http1(self, answer: Bytes) -> Self {
        self.socket.answer_http1(answer);
        self
    }

    /// Protocol of the client, if its first bytes are not of HTTP/2.
    pub fn foreign(&self) -> Option<Foreign> {
        self.socket.foreign()
    }

    /// Whether there is no stream.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    /// Tells the client to open no further streams; the connection ends with the last one.
    pub fn close(&mut self, because: Ended) {
        if self.closing.is_none() {
            self.closing = Some(because);
            Pin::new(&mut self.http).graceful_shutdown();
        }
    }

    /// Polls streams and HTTP/2 until neither has anything to do.
    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        for _ in 0..TURNS {
            self.streams.poll_woken();
            self.socket.shares(self.peer.take_large());
            let mut http = Context::from_waker(self.streams.http_waker());
            if let Poll::Ready(result) = Pin::new(&mut self.http).poll(&mut http) {
                let ended = result.map_or_else(|error| Ended::of(&error), |()| Ended::ByClient);
                // However a client goes that was told to, that is why.
                let told = self.closing.filter(|_| ended == Ended::ByClient);
                return Poll::Ready(told.unwrap_or(ended));
            }
            self.streams.adopt();
            if self.streams.is_quiet() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what came together.
    fn drain(&mut self, cx: &mut Context<'_>) {
        match self.socket.poll_drain(cx) {
            Poll::Ready(Ok(false)) => self.peer.drained(),
            // HTTP/2 had more to write than fitted, and waits for room that there is now.
            Poll::Ready(Ok(true)) => cx.waker().wake_by_ref(),
            // HTTP/2 meets the failure when it is polled next.
            Poll::Ready(Err(_)) => cx.waker().wake_by_ref(),
            Poll::Pending => {}
        }
    }

    /// Whether it has been useless for too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Expected> {
        let waits_for = if self.socket.received() < GREETING {
            Expected::Greeting
        } else if !self.streams.is_empty() {
            Expected::Nothing
        } else if self.closing.is_some() {
            Expected::Goodbye
        } else {
            // A stream that was over before this could see it counts as well.
            Expected::Stream { after: self.peer.requests() }
        };
        if waits_for != self.waits_for {
            self.waits_for = waits_for;
            let time = match waits_for {
                Expected::Greeting | Expected::Nothing => None,
                Expected::Stream { .. } => self.patience.idle,
                Expected::Goodbye => Some(GOODBYE),
            };
            self.deadline = time.map(|time| Box::pin(sleep_until(Instant::now() + time)));
        }
        if waits_for == Expected::Greeting && self.closing.is_some() {
            return Poll::Ready(waits_for);
        }
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        deadline.as_mut().poll(cx).map(|()| waits_for)
    }
}

impl<I, S, B> Future for Connection<I, S>
where
    I: AsyncRead + AsyncWrite + Send + Unpin,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    Executor: Http2ServerConnExec<S::Future, B>,
{
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        this.streams.begin(cx.waker());
        let ended = this.poll_turns(cx);
        this.drain(cx);
        this.streams.finish();
        if ended.is_ready() {
            return ended;
        }
        if this.peer.is_flooding() {
            return Poll::Ready(Ended::Flood);
        }
        match this.poll_deadline(cx) {
            Poll::Ready(Expected::Greeting) => Poll::Ready(this.closing.unwrap_or(Ended::Silent)),
            // It was told, and does not go by itself.
            Poll::Ready(Expected::Goodbye) => Poll::Ready(this.closing.unwrap_or(Ended::Idle)),
            Poll::Ready(Expected::Stream { .. } | Expected::Nothing) => {
                this.close(Ended::Idle);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;

//! The response of a stream: a [`Cursor`] as an HTTP body.
//!
//! Frames are yielded as they were encoded for everybody, without a copy, a task or a queue for the stream.
//! When the client does not read, HTTP/2 stops asking us, and the cursor simply stays where it is.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep_until};
use tonic::Status;

use super::drain::Drain;
use crate::{
    metrics::{Metrics, Rpc},
    topic::Cursor,
};

/// See the module's documentation.
#[derive(Debug)]
pub struct Answers {
    /// `None` once the stream has ended.
    cursor: Option<Cursor>,
    drain: Drain,
    /// When this stream ends, once the server does.
    end: Option<Pin<Box<Sleep>>>,
    open: OpenStream,
}

/// Counts a stream as open for as long as it lives.
#[derive(Debug)]
struct OpenStream {
    metrics: Metrics,
    rpc: Rpc,
}

impl OpenStream {
    fn new(metrics: Metrics, rpc: Rpc) -> Self {
        metrics.streams.get_or_create(&rpc).inc();
        metrics.streams_started.get_or_create(&rpc).inc();
        Self { metrics, rpc }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.metrics.streams.get_or_create(&self.rpc).dec();
    }
}

impl Answers {
    /// A stream of what the cursor yields, until the server drains.
    #[must_use]
    pub fn new(cursor: Cursor, drain: Drain, metrics: Metrics, rpc: &'static str) -> Self {
        Self { cursor: Some(cursor), drain, end: None, open: OpenStream::new(metrics, Rpc { rpc }) }
    }

    /// Whether the server's end has reached this stream. Must be asked after the cursor was polled: the
    /// drain wakes cursors that wait.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.end.is_none() {
            self.end = self.drain.deadline().map(|deadline| Box::pin(sleep_until(deadline)));
        }
        match &mut self.end {
            Some(end) => end.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Body for Answers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(cursor) = &mut this.cursor else { return Poll::Ready(None) };
        if let Poll::Ready(frames) = cursor.poll_next(cx) {
            let OpenStream { metrics, rpc } = &this.open;
            metrics.messages.get_or_create(rpc).inc_by(frames.messages.into());
            return Poll::Ready(Some(Ok(Frame::data(frames.bytes))));
        }
        ready!(this.poll_end(cx));
        this.cursor = None;
        let mut trailers = HeaderMap::new();
        let status = Status::unavailable("this server is shutting down; ask another one");
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.cursor.is_none()
    }
}

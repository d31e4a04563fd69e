//! The response of a stream: a [`Cursor`] as an HTTP body.
//!
//! Frames are yielded as they were encoded for everybody, without a copy, a task or a queue for the stream.
//! When the client does not read, HTTP/2 stops asking us, and the cursor simply stays where it is.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep_until};
use tonic::Status;

use super::{
    drain::Drain,
    tally::{Call, Open},
};
use crate::{
    connection::Peer,
    controller::Unavailable,
    spans,
    topic::{Cursor, Told},
};

/// See the module's documentation.
#[derive(Debug)]
pub struct Answers {
    /// `None` once the stream has ended.
    cursor: Option<Cursor>,
    drain: Drain,
    /// When this stream ends, once the server does.
    end: Option<Pin<Box<Sleep>>>,
    open: Open,
}

impl Answers {
    /// A stream of what the cursor yields, until the server drains. `peer` is told what it is sent.
    #[must_use]
    pub fn new(cursor: Cursor, drain: Drain, peer: Option<Arc<Peer>>, call: Call) -> Self {
        let span = spans::stream(&cursor);
        Self { cursor: Some(cursor), drain, end: None, open: call.stream(peer, span) }
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
        if let Poll::Ready(Told { frames, since, skipped }) = cursor.poll_next(cx) {
            this.open.sent(frames.messages, skipped);
            if let Some(peer) = this.open.peer() {
                peer.sends(&frames.bytes, frames.messages, since);
            }
            return Poll::Ready(Some(Ok(Frame::data(frames.bytes))));
        }
        ready!(this.poll_end(cx));
        this.cursor = None;
        this.open.drained();
        let mut trailers = HeaderMap::new();
        let status = Status::unavailable(Unavailable::ShuttingDown.to_string());
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.cursor.is_none()
    }
}

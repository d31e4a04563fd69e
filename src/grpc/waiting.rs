//! Requests of health and reflection whose message has not come: tonic reads those, and would wait for ever.
//!
//! Such a request has to end within the time of a request, and so many may be on their way at once. Each holds some
//! kilobytes of a decoder.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Duration, Sleep, sleep};
use tonic::{Status, body::Body};

use super::limits::Limit;
use crate::{
    metrics::Metrics,
    shares::{Hold, Parties, Refused, Shares},
};

/// How many may be on their way at once, over all clients: some 15 MB. A probe is on its way for a moment.
const AT_ONCE: u64 = 1024;
/// So many a client may have however few are free: the probes of a node.
const FLOOR: u64 = 8;

/// The places of such requests. A client has a share of them, so that one that sends no messages leaves room for probes.
#[derive(Debug)]
pub(super) struct Waiting {
    places: Arc<Shares>,
    time: Duration,
}

impl Waiting {
    /// Places for requests that may take this time, of which a client may have this fraction of those that are free.
    pub(super) fn new(time: Duration, client_share: f64) -> Self {
        Self { places: Shares::new(AT_ONCE, client_share, FLOOR), time }
    }

    /// A request that ends in time.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if too many are on their way.
    pub(super) fn bound(
        &self,
        request: Request<Incoming>,
        parties: &Parties,
        metrics: &Metrics,
    ) -> Result<Request<Body>, Status> {
        let place = self.places.take(parties, 1).map_err(|refused| {
            Limit::Waiting.hit(metrics);
            let why = match refused {
                Refused::Full { .. } => format!("{AT_ONCE} requests"),
                Refused::Share { party, held, .. } => format!("{held} requests of {party}"),
            };
            Status::resource_exhausted(format!(
                "{why} for health and reflection have not ended yet, which is the limit; try again in a moment"
            ))
        })?;
        let deadline = Box::pin(sleep(self.time));
        let (time, metrics) = (self.time, metrics.clone());
        Ok(request.map(|body| Body::new(Bounded { body, deadline, time, metrics, _place: place })))
    }
}

/// The body of a request that has to end before a deadline.
struct Bounded {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    time: Duration,
    metrics: Metrics,
    _place: Hold,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| Status::from_error(error.into()))));
        }
        ready!(self.deadline.as_mut().poll(cx));
        Limit::RequestTime.hit(&self.metrics);
        let time = self.time;
        let message = format!("the request has not ended within {time:?} (--request-timeout); ask again");
        Poll::Ready(Some(Err(Status::deadline_exceeded(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

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
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, Sleep, sleep},
};
use tonic::{Status, body::Body};

use super::limits::Limit;
use crate::metrics::Metrics;

/// How many may be on their way at once, over all clients: some 15 MB. A probe is on its way for a moment.
const AT_ONCE: usize = 1024;

/// The places of such requests. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    places: Arc<Semaphore>,
    time: Duration,
}

impl Waiting {
    /// Places for requests that may take this time.
    pub(super) fn new(time: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), time }
    }

    /// A request that ends in time.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if too many are on their way.
    pub(super) fn bound(
        &self,
        request: Request<Incoming>,
        metrics: &Metrics,
    ) -> Result<Request<Body>, Status> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            Limit::RequestTime.hit(metrics);
            return Err(Status::resource_exhausted(format!(
                "{AT_ONCE} requests of health and reflection have not sent their message yet, which is the limit; try \
                 again in a moment"
            )));
        };
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
    _place: OwnedSemaphorePermit,
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

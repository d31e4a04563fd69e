//! Real HTTP/2 between clients and the service, over a pipe in memory: small windows, small reads, and a
//! connection that breaks with all its streams.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::Request;
use http_body::Frame;
use hyper::{body::Incoming, service::service_fn};
use switchyard::{
    connection::{self, Patience, Peer},
    grpc::destination::Destination,
    metrics::Histogram,
    resolve::Target,
};
use tokio::{
    io::{DuplexStream, duplex},
    task::JoinHandle,
    time::Duration,
};
use tonic::{Status, body::Body};
use tower::Service;

use super::{dice::Dice, line::Call, request};

/// How much of one stream is sent before it is read, in bytes: less than a message, or a few, or all there is.
const STREAM_WINDOWS: [u32; 4] = [9, 150, 1000, 65_535];
/// The same for the connection: never what stops anything, because nothing but HTTP/2 could be blamed.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How many bytes are on their way.
const PIPES: [usize; 3] = [50, 1000, 65_536];

/// Serves one connection until it ends: the one place that knows how connections are served.
fn serve_connection(io: DuplexStream, destination: Destination) {
    let service =
        service_fn(move |request: Request<Incoming>| destination.clone().call(request.map(Body::new)));
    let peer = Peer::new(([127, 0, 0, 1], 1).into(), Histogram::default());
    let patience = Patience { greeting: Duration::from_secs(10), idle: None };
    tokio::spawn(connection::Connection::new(io, service, Arc::new(peer), patience, |_| {}));
}

/// See the module's documentation.
pub(super) struct Connection {
    streams: SendRequest<Bytes>,
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open(destination: Destination, dice: &mut Dice) -> Result<Self, String> {
        let (ours, theirs) = duplex(dice.pick(&PIPES));
        serve_connection(theirs, destination);
        let mut client = h2::client::Builder::new();
        client
            .initial_window_size(dice.pick(&STREAM_WINDOWS))
            .initial_connection_window_size(CONNECTION_WINDOW);
        let (streams, connection) = client.handshake(ours).await.map_err(|error| error.to_string())?;
        // That it ended is seen by its streams.
        let task = tokio::spawn(async move { _ = connection.await });
        Ok(Self { streams, task })
    }

    /// Asks on a stream of its own.
    pub(super) fn call(&self, target: &Target) -> Call {
        let (streams, head, message) =
            (self.streams.clone(), request::head(target), request::message(target));
        let call = async move {
            let (response, mut stream) = streams.ready().await?.send_request(head, false)?;
            stream.send_data(message, true)?;
            response.await
        };
        Box::pin(async {
            let response: Result<_, h2::Error> = call.await;
            Ok(response.map_or_else(|_| broken().into_http(), |response| response.map(Stream::body)))
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn broken() -> Status {
    Status::cancelled("the connection is gone")
}

/// A stream of which only as much is sent as was read.
struct Stream(RecvStream);

impl Stream {
    fn body(stream: RecvStream) -> Body {
        Body::new(Self(stream))
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let stream = &mut self.get_mut().0;
        Poll::Ready(match ready!(stream.poll_data(cx)) {
            Some(Ok(bytes)) => {
                let released = stream.flow_control().release_capacity(bytes.len());
                Some(released.map(|()| Frame::data(bytes)).map_err(|_| broken()))
            }
            Some(Err(_)) => Some(Err(broken())),
            None => match ready!(stream.poll_trailers(cx)) {
                Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
                Err(_) => Some(Err(broken())),
            },
        })
    }
}

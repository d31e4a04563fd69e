//! Connections over a pipe, in paused time: what ends them, and what is left of them then.
//!
//! A client is either `h2`'s, or bytes where no library would say what is to be said.

use std::{convert::Infallible, sync::atomic::AtomicUsize};

use bytes::Bytes;
use futures::{future::BoxFuture, stream};
use h2::{RecvStream, client::SendRequest};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use tokio::{
    io::{DuplexStream, ReadBuf, duplex},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::metrics::Histogram;

mod ends;
mod floods;
mod frames;
mod patience;
mod turns;

const GREETING_TIME: Duration = Duration::from_secs(10);
const IDLE_TIME: Duration = Duration::from_secs(300);
const PATIENCE: Patience = Patience { greeting: GREETING_TIME, idle: Some(IDLE_TIME) };
/// As long as it takes.
const ENDLESS: Patience = Patience { greeting: GREETING_TIME, idle: None };
/// Longer than anything takes; the time is paused.
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);
/// More than any test says without reading.
const ROOM: usize = 1 << 20;

type Answer = UnsyncBoxBody<Bytes, Infallible>;
type Answers = mpsc::UnboundedSender<Frame<Bytes>>;

/// A server's end of a connection, as its test sees it.
struct Server {
    ended: JoinHandle<Ended>,
    close: Option<oneshot::Sender<Ended>>,
    peer: Arc<Peer>,
    /// For each open stream, where to say what it is answered.
    opened: mpsc::UnboundedReceiver<Answers>,
    /// Every future of a stream holds one of it.
    held: Arc<()>,
    writes: Arc<AtomicUsize>,
}

/// Serves one end of a pipe. `/done` is answered at once and whole, `/refused` is that and counted as refused,
/// `/panic` is a bug, and everything else is answered as the test likes.
fn serve(patience: Patience, configure: impl FnOnce(&mut Builder<Executor>)) -> (Server, DuplexStream) {
    let (near, far) = duplex(ROOM);
    let writes = Arc::new(AtomicUsize::new(0));
    let io = Counted { io: near, writes: writes.clone() };
    let peer = Arc::new(Peer::new(([127, 0, 0, 1], 1).into(), Histogram::default()));
    let (open, opened) = mpsc::unbounded_channel();
    let held = Arc::new(());
    let service = hyper::service::service_fn({
        let (peer, held) = (peer.clone(), held.clone());
        move |request: Request<Incoming>| answer(&request, held.clone(), peer.clone(), open.clone())
    });
    let mut connection = Connection::new(io, service, peer.clone(), patience, configure);
    let (close, closed) = oneshot::channel();
    let ended = tokio::spawn(async move {
        tokio::select! {
            ended = &mut connection => return ended,
            Ok(because) = closed => connection.close(because),
        }
        connection.await
    });
    (Server { ended, close: Some(close), peer, opened, held, writes }, far)
}

fn answer(
    request: &Request<Incoming>,
    held: Arc<()>,
    peer: Arc<Peer>,
    open: mpsc::UnboundedSender<Answers>,
) -> BoxFuture<'static, Result<Response<Answer>, Infallible>> {
    let path = request.uri().path().to_owned();
    Box::pin(async move {
        let _held = held;
        let (answers, mut frames) = mpsc::unbounded_channel();
        match &*path {
            "/done" => drop(answers),
            "/refused" => {
                peer.refused();
                return Ok(Response::new(http_body_util::Empty::new().boxed_unsync()));
            }
            "/panic" => panic!("on purpose"),
            _ => _ = open.send(answers),
        }
        let frames = stream::poll_fn(move |cx| frames.poll_recv(cx).map(|frame| frame.map(Ok)));
        Ok(Response::new(StreamBody::new(frames).boxed_unsync()))
    })
}

impl Server {
    async fn ended(&mut self) -> Ended {
        let ended = timeout(A_YEAR, &mut self.ended).await.expect("it ends");
        ended.expect("a connection does not panic")
    }

    fn close(&mut self, because: Ended) {
        let close = self.close.take().expect("it is closed once");
        close.send(because).expect("the connection is there");
    }

    async fn opened(&mut self) -> Answers {
        let opened = timeout(A_YEAR, self.opened.recv()).await.expect("a stream is opened");
        opened.expect("the connection is there")
    }

    /// How many futures of streams there are, besides the service, which is gone with its connection.
    fn held(&self) -> usize {
        Arc::strong_count(&self.held) - 1
    }
}

/// A client that does nothing wrong.
struct Client {
    requests: SendRequest<Bytes>,
    ended: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    async fn on(io: DuplexStream) -> Self {
        let (requests, connection) = h2::client::handshake(io).await.expect("the server speaks HTTP/2");
        Self { requests, ended: tokio::spawn(connection) }
    }

    /// Asks, and returns the answer's body.
    async fn ask(&self, path: &str) -> Result<RecvStream, h2::Error> {
        let request = Request::post(format!("http://test{path}")).body(()).expect("a request");
        let (response, _) = self.requests.clone().ready().await?.send_request(request, true)?;
        Ok(response.await?.into_body())
    }

    /// Goes away without a word.
    async fn vanish(self) {
        self.ended.abort();
        _ = self.ended.await;
    }
}

/// A pipe that counts what is written to it.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

//! The floor: what a plain good server would do that knew its answers beforehand.
//!
//! hyper with a task for each stream, which waits for the next change in a `broadcast` and writes bytes that
//! were encoded at the start. It reads and decodes its requests, as anything must, and answers all the same.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use switchyard::{
    engine::Engine,
    pb::destination::GetDestination,
    resolve::{Answer, Options},
    source::Event,
    view::View,
    wire,
};
use tokio::{
    net::TcpListener,
    sync::broadcast::{self, Receiver, error::RecvError},
};
use tokio_util::sync::ReusableBoxFuture;

use super::{
    child::{self, Serve},
    worlds::World,
};

/// Changes that a stream may be behind before it misses some.
const BEHIND: usize = 16;

/// What is said: at first, and at each change in turn.
struct Messages {
    first: Bytes,
    changes: [Bytes; 2],
}

impl Messages {
    /// The same bytes that ours says.
    fn of(world: World) -> Self {
        let mut engine = Engine::new("cluster.local".into(), Options::default());
        engine.apply(world.events());
        let first = engine.watch(&world.target()).expect("every kind was listed");
        let mut step = |batches: Vec<Vec<Event>>, before: &View| {
            let mut changes = Vec::new();
            for batch in batches {
                changes.append(&mut engine.apply(batch).changes);
            }
            let after = changes.pop().expect("it is a change").answer;
            let bytes = wire::delta(&before.delta(view(&after)), view(&after)).expect("it differs").bytes;
            (after, bytes)
        };
        let [there, back] = world.changes().try_into().expect("changes in a pair");
        let (other, one) = step(there, view(&first));
        let (_, two) = step(back, view(&other));
        Self { first: wire::snapshot(view(&first)).bytes, changes: [one, two] }
    }
}

fn view(answer: &Answer) -> &View {
    match answer {
        Answer::Endpoints(view) => view,
        Answer::Profile(_) => unreachable!("it was a Get"),
    }
}

struct Floor {
    changes: [Bytes; 2],
    sender: broadcast::Sender<Bytes>,
}

impl Serve for Floor {
    async fn change(&mut self, number: usize) {
        // That nobody listens is no failure.
        _ = self.sender.send(self.changes[number % 2].clone());
    }
}

type Next = (Result<Bytes, RecvError>, Receiver<Bytes>);

async fn next(mut receiver: Receiver<Bytes>) -> Next {
    (receiver.recv().await, receiver)
}

/// The body of a stream.
struct Answers {
    first: Option<Bytes>,
    next: ReusableBoxFuture<'static, Next>,
}

impl Body for Answers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            let (received, receiver) = ready!(self.next.poll(cx));
            self.next.set(next(receiver));
            match received {
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Poll::Ready(None),
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    first: Bytes,
    receiver: Receiver<Bytes>,
) -> Result<Response<Answers>, String> {
    let (mut body, mut message) = (request.into_body(), BytesMut::new());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() {
            message.extend_from_slice(&data);
        }
    }
    let asked = message.get(5..).and_then(|message| GetDestination::decode(message).ok());
    asked.filter(|asked| !asked.path.is_empty()).ok_or("expected a GetDestination with a path")?;
    let answers = Answers { first: Some(first), next: ReusableBoxFuture::new(next(receiver)) };
    let mut response = Response::new(answers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

async fn accept(listener: TcpListener, first: Bytes, sender: broadcast::Sender<Bytes>) {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(4096);
    let builder = Arc::new(builder);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        _ = stream.set_nodelay(true);
        let (builder, first, sender) = (builder.clone(), first.clone(), sender.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, first.clone(), sender.subscribe()));
            // That a client goes away is how every connection ends.
            _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Serves until standard input ends.
pub(super) async fn serve(world: World) {
    let Messages { first, changes } = Messages::of(world);
    let (sender, _) = broadcast::channel(BEHIND);
    let listener = child::listen();
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(accept(listener, first, sender.clone()));
    child::obey(port, world, Floor { changes, sender }).await;
}

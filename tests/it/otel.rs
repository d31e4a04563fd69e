//! A collector of OpenTelemetry is sent spans of a batch and of a stream, and one that is gone harms nobody.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, timeout},
};
use tonic::{
    Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    service::Routes,
    transport::Server,
};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::server::{Binary, LEAF, PATIENCE, copy_of_bookinfo, get, next};

/// The part of the collector's API that a test reads, by the numbers of its fields.
#[derive(Clone, PartialEq, prost::Message)]
struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<&str, String> {
    let value = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
    };
    pairs.iter().filter_map(|pair| Some((pair.key.as_str(), value(pair)?))).collect()
}

/// A collector in this process.
#[derive(Clone)]
struct Collector {
    taken: mpsc::UnboundedSender<ExportRequest>,
}

impl UnaryService<ExportRequest> for Collector {
    /// Of which no field is set.
    type Response = ();
    type Future = std::future::Ready<Result<tonic::Response<()>, Status>>;

    fn call(&mut self, request: tonic::Request<ExportRequest>) -> Self::Future {
        // A test that is over takes no more.
        _ = self.taken.send(request.into_inner());
        std::future::ready(Ok(tonic::Response::new(())))
    }
}

impl Service<Request<Body>> for Collector {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let collector = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(collector, request).await) })
    }
}

impl NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

/// What a collector was sent, and where it is.
struct Sent {
    addr: SocketAddr,
    taken: mpsc::UnboundedReceiver<ExportRequest>,
    spans: Vec<Span>,
    service: Option<String>,
}

impl Sent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let (sender, taken) = mpsc::unbounded_channel();
        let routes = Routes::new(Collector { taken: sender });
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        tokio::spawn(Server::builder().add_routes(routes).serve_with_incoming(incoming));
        Self { addr, taken, spans: Vec::new(), service: None }
    }

    /// Waits for a span with this name and these attributes.
    async fn span(&mut self, name: &str, wanted: &[(&str, &str)]) -> Span {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let fits = |span: &&Span| {
                let has = attributes(&span.attributes);
                span.name == name
                    && wanted.iter().all(|(key, value)| has.get(key).is_some_and(|has| has == value))
            };
            if let Some(span) = self.spans.iter().find(fits) {
                return span.clone();
            }
            let more = timeout(deadline - Instant::now(), self.taken.recv()).await;
            let Ok(Some(request)) = more else { panic!("no {name} with {wanted:?} in {:#?}", self.spans) };
            for resource in request.resources {
                let of = resource.resource.unwrap_or_default();
                self.service = attributes(&of.attributes).remove("service.name");
                self.spans.extend(resource.scopes.into_iter().flat_map(|scope| scope.spans));
            }
        }
    }
}

#[tokio::test]
async fn a_batch_and_a_stream_are_sent_to_a_collector() {
    let mut sent = Sent::start().await;
    let folder = copy_of_bookinfo();
    let endpoint = format!("http://{}", sent.addr);
    let mut server = Binary::serve_with(folder.path(), &["--otlp-endpoint", &endpoint]).await;
    let mut stream = get(server.grpc, "reviews.default.svc.cluster.local:9080", LEAF).await;
    next(&mut stream).await;
    let path = folder.path().join("reviews.yaml");
    let text = std::fs::read_to_string(&path).expect("the example has it");
    std::fs::write(&path, text.replacen("replicas: 1", "replicas: 2", 1)).expect("written");
    next(&mut stream).await;

    let batch = sent.span("batch", &[("topics", "1"), ("changes", "1")]).await;
    assert!(batch.end >= batch.start && attributes(&batch.attributes).contains_key("events"), "{batch:?}");
    assert_eq!(sent.service.as_deref(), Some("switchyard"));

    // A stream is sent when it ends, also if that is how the server does.
    server.signal("TERM").await;
    let ended =
        [("rpc", "get"), ("query", "default/reviews:9080"), ("reading", "leaf"), ("ended", "drained")];
    let span = sent.span("stream", &ended).await;
    assert!(attributes(&span.attributes)["client"].starts_with("127.0.0.1:"), "{span:?}");
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_said_and_harms_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let folder = copy_of_bookinfo();
    let mut server = Binary::serve_with(folder.path(), &["--otlp-endpoint", &endpoint]).await;
    next(&mut get(server.grpc, "reviews.default.svc.cluster.local:9080", LEAF).await).await;

    server.logs("cannot send spans to").await;
    next(&mut get(server.grpc, "reviews.default.svc.cluster.local:9080", LEAF).await).await;
    server.signal("TERM").await;
    assert!(server.ended().await.success());
}

//! `io.linkerd.proxy.destination.Destination`: from a request to the stream that answers it.
//!
//! Written by hand where tonic would generate it, because the generated service encodes each message for
//! each stream; requests are read by hand too (`grpc::request`). Everything around the service is tonic's.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

pub use super::request::Requests;
use super::{
    answers::Answers,
    drain::Drain,
    hint,
    limits::Limit,
    method::Method,
    request::Reader,
    tally::{Call, Tally},
};
use crate::{
    authority::{AddressForGet, Authority, Host},
    connection::Peer,
    context::Context as ClientContext,
    controller::{Directory, Unavailable},
    metrics::{Because, Metrics},
    model::Name,
    pb::destination::GetDestination,
    resolve::{Client, Query, Target},
    shares::{Hold, Parties, Shares},
    topic::Cursor,
};

/// So many streams a client may have however few are free: a proxy of a few dozen destinations.
const STREAMS_FLOOR: u64 = 64;

/// The service. Cloning is cheap: there is one for each connection and request.
#[derive(Clone, Debug)]
pub struct Destination {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: Directory,
    domain: Name,
    reader: Reader,
    drain: Drain,
    metrics: Metrics,
    /// By [`Method`].
    tallies: [Arc<Tally>; 2],
    streams: Arc<Shares>,
}

impl Destination {
    /// A service that answers from this directory, for names of this cluster domain.
    #[must_use]
    pub fn new(
        directory: Directory,
        domain: Name,
        requests: Requests,
        drain: Drain,
        metrics: Metrics,
    ) -> Self {
        let tallies = Method::ALL.map(|method| Tally::new(&metrics, method));
        let reader = Reader::new(requests, metrics.clone());
        let streams = Shares::new(u64::MAX, 0.0, 0);
        let shared = Shared { directory, domain, reader, drain, metrics, tallies, streams };
        Self { shared: Arc::new(shared) }
    }

    /// The same with at most so many streams, of which a client may have this fraction of those that are free; 0 for all.
    ///
    /// # Panics
    /// If a request was served already.
    #[must_use]
    pub fn limit_streams(mut self, streams: u64, client_share: f64) -> Self {
        let shared = Arc::get_mut(&mut self.shared).expect("nothing shares it yet");
        shared.streams = Shares::new(streams, client_share, STREAMS_FLOOR);
        self
    }
}

impl Destination {
    /// The places of all streams, for the other services of the port.
    pub(super) fn streams(&self) -> Arc<Shares> {
        self.shared.streams.clone()
    }
}

impl Shared {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let method = Method::of_path(request.uri().path());
        let answer = match method {
            Some(method) => self.call(method, request).await,
            None => Err(Status::unimplemented("Destination has the methods Get and GetProfile")),
        };
        answer.unwrap_or_else(|status| {
            let reason = code_label(status.code());
            self.metrics.refused.get_or_create(&Because { reason }).inc();
            status.into_http()
        })
    }

    async fn call(&self, method: Method, request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut call = self.tallies[method as usize].call();
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let wants_hint = request.headers().contains_key(hint::HEADER);
        let cursor = match self.place(peer.as_deref()) {
            Ok(place) => {
                call.takes(place);
                self.cursor(method, request, peer.clone(), &call).await
            }
            Err(status) => Err(status),
        };
        match cursor {
            Ok(cursor) => {
                let hint = if wants_hint { hint::of(&self.directory, cursor.target()).await } else { None };
                let answers = Answers::new(cursor, self.drain.clone(), peer, call);
                let mut response = Response::new(Body::new(answers));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                response.headers_mut().extend(hint.map(|hint| (hint::NAME, hint)));
                Ok(response)
            }
            Err(status) => {
                call.ends(status.code());
                Err(status)
            }
        }
    }

    /// A place among the streams of a client.
    fn place(&self, peer: Option<&Peer>) -> Result<Hold, Status> {
        place(&self.streams, &parties(peer), &self.metrics).inspect_err(|_| {
            if let Some(peer) = peer {
                peer.refused();
            }
        })
    }

    /// Where the stream of a request begins.
    async fn cursor(
        &self,
        method: Method,
        request: Request<Body>,
        peer: Option<Arc<Peer>>,
        call: &Call,
    ) -> Result<Cursor, Status> {
        let request = tokio::select! {
            request = self.reader.read(request) => request?,
            () = self.drain.over() => return Err(Status::unavailable(Unavailable::ShuttingDown.to_string())),
        };
        call.received();
        let (target, context) = target(method, &request, &self.domain)?;
        drop(request);
        let parties = parties(peer.as_deref());
        let cursor = self.directory.subscribe(&target, &parties).await.map_err(|error| match &error {
            Unavailable::ShuttingDown => Status::unavailable(error.to_string()),
            Unavailable::Views(refused) => Limit::Views.refuse(refused, error.to_string(), &self.metrics),
            Unavailable::ViewBytes(refused) => {
                Limit::ViewBytes.refuse(refused, error.to_string(), &self.metrics)
            }
        })?;
        let context = match &peer {
            Some(peer) => peer.says(context),
            None => Arc::new(context),
        };
        cursor.subscriber().introduce(peer, context);
        Ok(cursor)
    }
}

/// The names of a client; none if it is not known.
fn parties(peer: Option<&Peer>) -> Parties {
    peer.map(|peer| peer.parties().clone()).unwrap_or_default()
}

/// A place among all streams, for a client with these names.
pub(super) fn place(streams: &Arc<Shares>, parties: &Parties, metrics: &Metrics) -> Result<Hold, Status> {
    streams.take(parties, 1).map_err(|refused| {
        let message = refused.describe("streams", "--max-streams");
        Limit::AllStreams.refuse(&refused, message, metrics)
    })
}

/// What a request asks for, and what it says of who asks.
fn target(
    method: Method,
    request: &GetDestination,
    domain: &Name,
) -> Result<(Target, ClientContext), Status> {
    let authority = Authority::parse(&request.path, domain)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let port = authority.port;
    let context = ClientContext::parse(&request.context_token);
    let (query, client) = match method {
        Method::Get => {
            let (service, instance) = match authority.host {
                Host::Service(service) => (service, None),
                Host::Instance(instance, service) => (service, Some(instance)),
                Host::Ip(ip) => {
                    let refused = AddressForGet { ip, cluster_domain: domain.clone() };
                    return Err(Status::invalid_argument(refused.to_string()));
                }
            };
            let query = Query::Endpoints { service, instance, port, reading: context.reading };
            (query, Client { node: context.node.clone(), namespace: None })
        }
        Method::GetProfile => {
            let query = match authority.host {
                Host::Service(service) => Query::ServiceProfile { service, instance: None, port },
                Host::Instance(instance, service) => {
                    Query::ServiceProfile { service, instance: Some(instance), port }
                }
                Host::Ip(ip) => Query::AddressProfile { ip, port },
            };
            (query, Client { node: None, namespace: context.namespace.clone() })
        }
    };
    Ok((Target { query, client }, context))
}

/// Every reason with which requests are refused, as labels of metrics.
pub(crate) const REFUSALS: [&str; 8] = [
    "invalid_argument",
    "unimplemented",
    "unavailable",
    "deadline_exceeded",
    "internal",
    "permission_denied",
    "resource_exhausted",
    "other",
];

/// One of [`REFUSALS`].
pub(super) fn code_label(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::InvalidArgument => "invalid_argument",
        tonic::Code::Unimplemented => "unimplemented",
        tonic::Code::Unavailable => "unavailable",
        tonic::Code::DeadlineExceeded => "deadline_exceeded",
        tonic::Code::Internal => "internal",
        tonic::Code::PermissionDenied => "permission_denied",
        tonic::Code::ResourceExhausted => "resource_exhausted",
        _ => "other",
    }
}

impl Service<Request<Body>> for Destination {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

impl NamedService for Destination {
    const NAME: &'static str = "io.linkerd.proxy.destination.Destination";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_known_refusal() {
        for code in (0..17).map(tonic::Code::from_i32) {
            assert!(REFUSALS.contains(&code_label(code)), "{code:?}");
        }
    }
}

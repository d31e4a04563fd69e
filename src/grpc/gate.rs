//! What every request passes before it is routed: whether this client may ask at all, and whether it asks too much.

use std::{convert::Infallible, future::Future, net::IpAddr, pin::Pin, sync::Arc};

use futures::future;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::Service};
use tonic::{Status, body::Body, server::NamedService, service::Routes};
use tower::Service as _;

use super::{
    destination::{self, Destination},
    limits::{Limit, Limits},
    rates::Rates,
    waiting::Waiting,
};
use crate::{
    connection::Peer,
    metrics::{Because, Metrics},
    shares::{Hold, Shares},
    tls::AllowClients,
};

/// What HTTP/2 counts for a header besides its name and value, in bytes.
/// [RFC 9113, 6.5.2](https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2)
const HEADER_OVERHEAD: usize = 32;

/// The code of gRPC's UNIMPLEMENTED as it stands in headers.
const UNIMPLEMENTED: &str = "12";
/// That of NOT_FOUND.
const NOT_FOUND: &str = "5";
/// How the paths of health checks begin.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Characters of a path that a message repeats. The longest path of a method that exists is shorter.
const MAX_NAMED_PATH: usize = 100;

/// What all gates of a server share.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) limits: Limits,
    pub(super) allow_clients: AllowClients,
    rates: Option<Rates>,
    waiting: Waiting,
    streams: Arc<Shares>,
    pub(super) metrics: Metrics,
}

impl Rules {
    /// Rules of these limits; `streams` has the places of all streams.
    pub(super) fn new(
        limits: Limits,
        allow_clients: AllowClients,
        streams: Arc<Shares>,
        metrics: Metrics,
    ) -> Self {
        let waiting = Waiting::new(limits.request_timeout, limits.client_share);
        Self { limits, allow_clients, rates: limits.stream_rate.map(Rates::new), waiting, streams, metrics }
    }
}

/// The gate of one connection.
#[derive(Debug)]
pub(super) struct Gate {
    rules: Arc<Rules>,
    routes: Routes,
    peer: Arc<Peer>,
    /// Whose rate counts. A client on the server's own address is a proxy beside it that speaks for many.
    counted: Option<IpAddr>,
    /// What every request is answered, if no client may ask here.
    closed: Option<Status>,
}

impl Gate {
    pub(super) fn new(
        rules: Arc<Rules>,
        routes: Routes,
        peer: Arc<Peer>,
        local: Option<IpAddr>,
        closed: Option<Status>,
    ) -> Self {
        let addr = peer.addr().ip().to_canonical();
        let counted = (local.map(|local| local.to_canonical()) != Some(addr)).then_some(addr);
        Self { rules, routes, peer, counted, closed }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Status> {
        if let Some(status) = &self.closed {
            return Err(status.clone());
        }
        let over = |limit: Limit, message: String| {
            limit.hit(&self.rules.metrics);
            Err(Status::resource_exhausted(message))
        };
        let Limits { max_concurrent_streams, max_header_bytes, .. } = self.rules.limits;
        if self.peer.streams() >= max_concurrent_streams as usize {
            let message = format!(
                "this connection has {max_concurrent_streams} streams open, which is the limit \
                 (--max-concurrent-streams); open another connection"
            );
            return over(Limit::Streams, message);
        }
        let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_OVERHEAD
        };
        if headers.iter().map(size).sum::<usize>() > max_header_bytes as usize {
            let message = format!(
                "the request's headers are larger than {max_header_bytes} bytes (--max-header-bytes); send fewer or \
                 shorter ones"
            );
            return over(Limit::HeaderBytes, message);
        }
        if let (Some(rates), Some(addr)) = (&self.rules.rates, self.counted)
            && !rates.take(addr)
        {
            let rate = rates.rate().per_second;
            let message = format!(
                "{addr} opens more than {rate} streams a second, which is the limit (--max-stream-rate); \
                 try again in a moment"
            );
            return over(Limit::StreamRate, message);
        }
        Ok(())
    }

    /// A request as it is routed, and its place among the streams. The Destination service bounds its own requests.
    fn bound(&self, request: Request<Incoming>) -> Result<(Request<Body>, Option<Hold>), Status> {
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        if path.strip_prefix(Destination::NAME).is_some_and(|method| method.starts_with('/')) {
            return Ok((request.map(Body::new), None));
        }
        let Rules { waiting, streams, metrics, .. } = &*self.rules;
        let place = destination::place(streams, self.peer.parties(), metrics)?;
        Ok((waiting.bound(request, self.peer.parties(), metrics)?, Some(place)))
    }
}

impl Service<Request<Incoming>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer.clone());
        let uri = request.uri().clone();
        let (request, place) = match self.check(request.headers()).and_then(|()| self.bound(request)) {
            Ok(request) => request,
            Err(status) => {
                self.peer.refused();
                let reason = destination::code_label(status.code());
                self.rules.metrics.refused.get_or_create(&Because { reason }).inc();
                return Box::pin(future::ready(Ok(status.into_http())));
            }
        };
        // Routes are always ready.
        let routed = self.routes.clone().call(request);
        Box::pin(async move {
            let response = routed.await.map(|response| explained(response, uri.path()))?;
            let Some(place) = place else { return Ok(response) };
            // The place is that of the stream, which lasts as long as its answer.
            Ok(response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _held = &place;
                    frame
                }))
            }))
        })
    }
}

/// Adds a sentence to the status of a method that does not exist, which the routes answer with a code alone, and of a
/// health check of an unknown service.
fn explained(mut response: Response<Body>, path: &str) -> Response<Body> {
    let headers = response.headers_mut();
    let has_code = |code: &str| headers.get(Status::GRPC_STATUS).is_some_and(|found| found == code);
    if has_code(NOT_FOUND) && path.starts_with(HEALTH) {
        let message = format!(
            "this server reports no health of that service; ask for \"\" (the server as a whole) or {}",
            Destination::NAME
        );
        _ = Status::not_found(message).add_header(headers);
    } else if has_code(UNIMPLEMENTED)
        && headers.get(Status::GRPC_MESSAGE).is_none_or(|message| message.is_empty())
    {
        let named: String = path.chars().take(MAX_NAMED_PATH).collect();
        let message = format!(
            "this server has no method {named}; it serves io.linkerd.proxy.destination.Destination (Get and GetProfile), \
             grpc.health.v1.Health and reflection"
        );
        // Writing a message to headers percent-encodes it, so it always fits.
        _ = Status::unimplemented(message).add_header(headers);
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, advance};
    use tonic::Code;

    use super::*;
    use crate::{
        grpc::limits::Rate,
        metrics::{Histogram, OfLimit},
    };

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn gate(limits: Limits, client: IpAddr, local: Option<IpAddr>, closed: Option<Status>) -> Gate {
        let rules = Rules::new(limits, AllowClients::default(), Shares::new(100, 0.0, 0), Metrics::default());
        let peer = Arc::new(Peer::new((client, 1).into(), Histogram::default()));
        Gate::new(Arc::new(rules), Routes::default(), peer, local, closed)
    }

    impl Gate {
        fn hits(&self, limit: Limit) -> u64 {
            self.rules.metrics.limits_hit.get_or_create(&OfLimit { limit: limit.as_str() }).get()
        }
    }

    /// Headers of one name, of so many bytes as they are counted.
    fn headers(size: usize) -> HeaderMap {
        let value = "v".repeat(size - HEADER_OVERHEAD - 1);
        HeaderMap::from_iter([(http::HeaderName::from_static("x"), value.parse().expect("text"))])
    }

    #[test]
    fn headers_as_large_as_the_limit_pass_and_a_byte_more_does_not() {
        let gate = gate(Limits { max_header_bytes: 100, ..Limits::default() }, CLIENT, Some(SERVER), None);
        gate.check(&headers(100)).expect("they fit");
        assert_eq!(gate.hits(Limit::HeaderBytes), 0);

        let refused = gate.check(&headers(101)).expect_err("they do not");

        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("100 bytes (--max-header-bytes)"), "{refused}");
        assert_eq!(gate.hits(Limit::HeaderBytes), 1);
    }

    #[test]
    fn every_header_has_a_price_and_so_has_every_value_of_one() {
        let gate = gate(Limits { max_header_bytes: 100, ..Limits::default() }, CLIENT, Some(SERVER), None);
        let mut headers = HeaderMap::new();
        for _ in 0..3 {
            gate.check(&headers).expect("it fits");
            headers.append("x", "v".parse().expect("text"));
        }
        // Three times a name of one byte, a value of one, and what each costs besides.
        gate.check(&headers).expect_err("it is 102 bytes");
    }

    #[test]
    fn a_stream_beyond_the_limit_is_told_where_to_go() {
        let none = Limits { max_concurrent_streams: 0, ..Limits::default() };
        let gate = gate(none, CLIENT, Some(SERVER), None);

        let refused = gate.check(&HeaderMap::new()).expect_err("no stream is allowed");

        assert_eq!(refused.code(), Code::ResourceExhausted);
        let words = refused.message();
        assert!(
            words.contains("--max-concurrent-streams") && words.contains("another connection"),
            "{words}"
        );
        assert_eq!(gate.hits(Limit::Streams), 1);
    }

    #[test]
    fn where_nobody_may_ask_that_is_said_before_anything_else() {
        let closed = Status::permission_denied("not you");
        let none = Limits { max_concurrent_streams: 0, max_header_bytes: 0, ..Limits::default() };
        let gate = gate(none, CLIENT, Some(SERVER), Some(closed));

        let refused = gate.check(&headers(1000)).expect_err("it is closed");

        assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "not you"));
        assert_eq!(gate.hits(Limit::Streams) + gate.hits(Limit::HeaderBytes), 0);
    }

    fn two_at_once() -> Limits {
        Limits { stream_rate: Some(Rate { per_second: 1, burst: 2 }), ..Limits::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_asks_too_fast_is_refused_for_a_moment() {
        let gate = gate(two_at_once(), CLIENT, Some(SERVER), None);
        for _ in 0..2 {
            gate.check(&HeaderMap::new()).expect("so many at once");
        }

        let refused = gate.check(&HeaderMap::new()).expect_err("one too many");

        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().starts_with("10.0.0.1 opens more than 1 streams"), "{refused}");
        assert_eq!(gate.hits(Limit::StreamRate), 1);
        advance(Duration::from_secs(1)).await;
        gate.check(&HeaderMap::new()).expect("a second is one more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_on_the_servers_own_address_is_not_counted_however_that_is_written() {
        let IpAddr::V4(v4) = SERVER else { unreachable!("it is one") };
        let mapped = IpAddr::V6(v4.to_ipv6_mapped());
        for (client, local) in [(SERVER, SERVER), (mapped, SERVER), (SERVER, mapped), (mapped, mapped)] {
            let gate = gate(two_at_once(), client, Some(local), None);
            for _ in 0..100 {
                gate.check(&HeaderMap::new()).expect("it speaks for many");
            }
        }
        // Not known where it has connected to, it is counted like any other.
        let gate = gate(two_at_once(), SERVER, None, None);
        let taken = (0..100).filter(|_| gate.check(&HeaderMap::new()).is_ok()).count();
        assert_eq!(taken, 2);
    }
}

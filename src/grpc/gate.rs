//! What every request passes before it is routed: whether this client may ask at all, and whether it asks too much.

use std::{convert::Infallible, future::Future, net::IpAddr, pin::Pin, sync::Arc};

use futures::future;
use http::{HeaderMap, Request, Response};
use hyper::{body::Incoming, service::Service};
use tonic::{Status, body::Body, service::Routes};
use tower::Service as _;

use super::{
    limits::{Limit, Limits},
    rates::Rates,
};
use crate::{
    connection::Peer,
    metrics::{Because, Metrics},
    tls::AllowClients,
};

/// What HTTP/2 counts for a header besides its name and value, in bytes.
/// [RFC 9113, 6.5.2](https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2)
const HEADER_OVERHEAD: usize = 32;

/// What all gates of a server share.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) limits: Limits,
    pub(super) allow_clients: AllowClients,
    rates: Option<Rates>,
    pub(super) metrics: Metrics,
}

impl Rules {
    pub(super) fn new(limits: Limits, allow_clients: AllowClients, metrics: Metrics) -> Self {
        Self { limits, allow_clients, rates: limits.stream_rate.map(Rates::new), metrics }
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
                "the request's headers are larger than {max_header_bytes} bytes (--max-header-bytes)"
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
}

impl Service<Request<Incoming>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Err(status) = self.check(request.headers()) {
            self.peer.refused();
            let reason = super::destination::code_label(status.code());
            self.rules.metrics.refused.get_or_create(&Because { reason }).inc();
            return Box::pin(future::ready(Ok(status.into_http())));
        }
        request.extensions_mut().insert(self.peer.clone());
        // Routes are always ready.
        Box::pin(self.routes.clone().call(request.map(Body::new)))
    }
}

//! A small client of the Destination API: what `switchyard get` and `switchyard profile` are made of, and
//! what tests use to look at a server from outside.
//!
//! It opens one connection, asks for streams on it, and folds what comes ([`Endpoints`]) as a Linkerd
//! proxy does. It never reconnects by itself: whoever watches wants to know that a stream ended.

mod admin;
mod endpoints;
mod error;
mod fault;
mod host_port;
mod ports;
#[cfg(test)]
pub(crate) mod test;
mod tls;
mod transport;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use self::{fault::Found, transport::Connector};
use http::uri::InvalidUri;
use tonic::{
    IntoRequest, Request, Response, Status, Streaming,
    metadata::AsciiMetadataValue,
    transport::{Channel, Endpoint as Transport},
};

use crate::{
    grpc::hint,
    pb::destination::{DestinationProfile, GetDestination, Update, destination_client::DestinationClient},
};

pub use self::{
    admin::{AdminClient, AdminError, Lines},
    endpoints::{Change, Endpoint, Endpoints, Known},
    error::{ConnectError, StreamError, code_name, root_cause},
    fault::TlsFault,
    host_port::{BadHostPort, HostPort},
    ports::{Ports, grpc_of_admin_port},
    tls::{BadTls, ClientTls},
};

/// The largest message taken: an answer of 50,000 endpoints with full metadata is some tens of megabytes.
const MAX_MESSAGE: usize = 256 << 20;

/// What may be in flight before we acknowledge it. HTTP/2's own 64 KiB would make a round trip of every
/// few hundred endpoints.
const WINDOW: u32 = 4 << 20;

/// How long a connection may be silent before the server is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection to a Destination server. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    inner: DestinationClient<Channel>,
    found: Found,
    /// `None` unless hints are asked for.
    hint: Option<Arc<OnceLock<String>>>,
}

impl Client {
    /// Connects, and returns when the TCP connection is there (HTTP/2 is spoken with the first request).
    ///
    /// # Errors
    /// When nothing answers at `addr` within `timeout`.
    pub async fn connect(addr: &HostPort, timeout: Duration) -> Result<Self, ConnectError> {
        Self::connect_with(addr, None, timeout).await
    }

    /// Connects, with TLS if it is given; then it returns when the server has proved who it is. That the server
    /// does not accept who we are may come up only with the first request.
    ///
    /// # Errors
    /// When nothing answers at `addr` within `timeout`, or what answers is not to be trusted.
    pub async fn connect_with(
        addr: &HostPort,
        tls: Option<&ClientTls>,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let addr = addr.to_dial();
        let found = Found::default();
        let connector = Connector { addr: addr.clone(), tls: tls.cloned(), found: found.clone() };
        // What the requests say; the connector does it.
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{addr}")
            .parse()
            .map_err(|error: InvalidUri| ConnectError::new(addr.clone(), &error))?;
        let transport = Transport::from_shared(format!("http://{addr}"))
            .map_err(|error| ConnectError::new(addr.clone(), &error))?
            .origin(origin)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        match tokio::time::timeout(timeout, transport.connect_with_connector(connector)).await {
            Ok(Ok(channel)) => Ok(Self { found, ..Self::over(channel) }),
            Ok(Err(error)) => match found.get() {
                Some(fault) => Err(ConnectError::disagreed(addr, fault)),
                None => Err(ConnectError::new(addr, &error)),
            },
            Err(_) => Err(ConnectError::timed_out(addr, timeout)),
        }
    }

    /// A client on a connection somebody else made.
    #[must_use]
    pub fn over(channel: Channel) -> Self {
        let inner = DestinationClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        Self { inner, found: Found::default(), hint: None }
    }

    /// If the server and we do not agree about TLS, as it then turned out: how. The errors of the streams come
    /// from that.
    #[must_use]
    pub fn fault(&self) -> Option<TlsFault> {
        self.found.get()
    }

    /// Asks a Switchyard for a hint with each stream that this client opens; [`hint`](Self::hint) returns it.
    #[must_use]
    pub fn with_hints(self) -> Self {
        Self { hint: Some(Arc::default()), ..self }
    }

    /// Returns the likely mistake in the question of the first stream that had one: a port that the Service does not
    /// define, or a misspelled name.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_ref()?.get().map(String::as_str)
    }

    /// Opens a `Get` stream. Returns with the server's response headers, which may come only with the
    /// first answer: put a timeout around both.
    ///
    /// # Errors
    /// What the server said instead of opening the stream.
    pub async fn get(&self, authority: &str, context_token: &str) -> Result<Streaming<Update>, Status> {
        self.opened(self.inner.clone().get(self.request(authority, context_token)).await)
    }

    /// Opens a `GetProfile` stream; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// What the server said instead of opening the stream.
    pub async fn get_profile(
        &self,
        authority: &str,
        context_token: &str,
    ) -> Result<Streaming<DestinationProfile>, Status> {
        self.opened(self.inner.clone().get_profile(self.request(authority, context_token)).await)
    }

    /// Makes a request as proxies send it: without a scheme.
    fn request(&self, authority: &str, context_token: &str) -> Request<GetDestination> {
        let mut request = GetDestination {
            scheme: String::new(),
            path: authority.to_owned(),
            context_token: context_token.to_owned(),
        }
        .into_request();
        if self.hint.is_some() {
            request.metadata_mut().insert(hint::HEADER, AsciiMetadataValue::from_static("1"));
        }
        request
    }

    fn opened<M>(&self, opened: Result<Response<Streaming<M>>, Status>) -> Result<Streaming<M>, Status> {
        let response = opened?;
        let hint = response.metadata().get(hint::HEADER).and_then(|hint| hint.to_str().ok());
        if let (Some(known), Some(hint)) = (&self.hint, hint) {
            // The hint of an earlier stream stays.
            _ = known.set(hint.to_owned());
        }
        Ok(response.into_inner())
    }
}

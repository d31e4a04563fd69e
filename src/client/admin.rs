//! A client of the admin port: plain requests over HTTP/1, over TLS and with a token where the server wants that.
//!
//! Each request has a connection of its own: people ask seldom, and a server that was restarted is found again.

use std::{io, time::Duration};

use http::{
    Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HOST},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::AbortHandle,
    time::timeout,
};

use super::{ClientTls, HostPort, ports, root_cause};
use crate::{admin::Token, grpc::ADMIN_PORT_HEADER};

/// The largest answer that is taken in one piece, in bytes. Derivations are bounded far below by who makes them.
const MAX_ANSWER: usize = 64 << 20;
/// The longest line, in bytes: a stream with all addresses of a very large service.
const MAX_LINE: usize = 16 << 20;
/// How much of a refusal is shown, in bytes.
const MAX_REFUSAL: usize = 4096;

/// Asks one admin port. Cloning shares what is shown to it.
#[derive(Clone, Debug)]
pub struct AdminClient {
    addr: HostPort,
    tls: Option<ClientTls>,
    token: Option<Token>,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody is there.
    #[error(
        "cannot connect to the admin port at {addr}: {why}; is `switchyard serve` running there? (another one: --admin host:port)"
    )]
    Connect {
        /// Who was asked.
        addr: HostPort,
        /// What the system said.
        why: String,
    },
    /// It has another opinion.
    #[error("the admin port at {addr} says {status}: {text}")]
    Refused {
        /// Who was asked.
        addr: HostPort,
        /// What it answered.
        status: StatusCode,
        /// And said with that.
        text: String,
    },
    /// It wants a token.
    #[error(
        "the admin port at {addr} wants its token: give the file that has it with --admin-token-file ({text})"
    )]
    Token {
        /// Who was asked.
        addr: HostPort,
        /// What it said.
        text: String,
    },
    /// It is the other port of a server.
    #[error("{addr} is a gRPC port (HTTP/2); {}", admin_port(.admin.as_ref()))]
    GrpcPort {
        /// The port that was asked.
        addr: HostPort,
        /// The admin port of the same server, if it was found.
        admin: Option<HostPort>,
    },
    /// It does not speak HTTP, or not as we do.
    #[error(
        "{addr} does not answer as an admin port does: {why}; that is --metrics-addr of `switchyard serve` (9996 by default), \
         gRPC is on another; over TLS ask it with --admin-tls-ca FILE"
    )]
    NotAdmin {
        /// Who was asked.
        addr: HostPort,
        /// What is wrong.
        why: String,
    },
    /// The answer broke off, or is none.
    #[error("the answer of the admin port at {addr} cannot be used: {why}")]
    Broken {
        /// Who was asked.
        addr: HostPort,
        /// What is wrong.
        why: String,
    },
}

/// Where the admin port is.
fn admin_port(found: Option<&HostPort>) -> String {
    match found {
        Some(admin) => format!("the admin port is at {admin}: ask it with --admin {admin}"),
        None => "the admin port is --metrics-addr of `switchyard serve` (9996 by default)".to_owned(),
    }
}

impl AdminClient {
    /// Asks the port at this address, which has so long for the connection and the head of an answer; zero is for ever.
    #[must_use]
    pub fn new(addr: &HostPort, tls: Option<ClientTls>, token: Option<Token>, timeout: Duration) -> Self {
        let timeout = if timeout.is_zero() { Duration::MAX } else { timeout };
        Self { addr: addr.to_dial(), tls: tls.map(|tls| tls.speaking(b"http/1.1")), token, timeout }
    }

    /// Who is asked.
    #[must_use]
    pub fn addr(&self) -> &HostPort {
        &self.addr
    }

    /// The answer to a GET of this path and query.
    ///
    /// # Errors
    /// [`AdminError`] says who did not answer, or what it said.
    pub async fn get(&self, path: &str) -> Result<Bytes, AdminError> {
        self.whole(Method::GET, path, Bytes::new()).await
    }

    /// The answer to a PUT of this body.
    ///
    /// # Errors
    /// [`AdminError`] says who did not answer, or what it said.
    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Result<Bytes, AdminError> {
        self.whole(Method::PUT, path, body.into()).await
    }

    /// The answer to a GET, line by line.
    ///
    /// # Errors
    /// [`AdminError`] says who did not answer, or what it said.
    pub async fn lines(&self, path: &str) -> Result<Lines, AdminError> {
        let (body, connection) = self.ask(Method::GET, path, Bytes::new()).await?;
        Ok(Lines { addr: self.addr.clone(), body, connection, buffer: Vec::new(), seen: 0 })
    }

    async fn whole(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, AdminError> {
        let (body, _connection) = self.ask(method, path, body).await?;
        self.collect(body).await
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, AdminError> {
        let whole = Limited::new(body, MAX_ANSWER).collect().await;
        whole.map(http_body_util::Collected::to_bytes).map_err(|error| self.broken(&*error))
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> AdminError {
        AdminError::Broken { addr: self.addr.clone(), why: root_cause(error) }
    }

    fn unreachable(&self, why: impl ToString) -> AdminError {
        AdminError::Connect { addr: self.addr.clone(), why: why.to_string() }
    }

    /// The answer to a GET, without a look at what else may be there if there is none.
    pub(super) async fn get_plain(&self, path: &str) -> Result<Bytes, AdminError> {
        let (body, _connection) = self.ask_once(Method::GET, path, Bytes::new()).await?;
        self.collect(body).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Incoming, Connection), AdminError> {
        match self.ask_once(method, path, body).await {
            Err(AdminError::NotAdmin { addr, .. })
                if self.tls.is_none() && ports::speaks_http2(&addr).await =>
            {
                let admin = ports::admin_of_grpc_port(&addr).await;
                Err(AdminError::GrpcPort { addr, admin })
            }
            asked => asked,
        }
    }

    async fn ask_once(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Incoming, Connection), AdminError> {
        let asked = timeout(self.timeout, async {
            let tcp = TcpStream::connect((self.addr.host.as_str(), self.addr.port))
                .await
                .map_err(|error| self.unreachable(error))?;
            match &self.tls {
                None => self.send(tcp, method, path, body).await,
                Some(tls) => {
                    let tls = tls.handshake(&self.addr, tcp).await;
                    self.send(tls.map_err(|error: io::Error| self.unreachable(error))?, method, path, body)
                        .await
                }
            }
        });
        asked.await.unwrap_or_else(|_| Err(self.unreachable(format!("no answer within {:?}", self.timeout))))
    }

    async fn send<I>(
        &self,
        socket: I,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Incoming, Connection), AdminError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let not_admin =
            |error: hyper::Error| AdminError::NotAdmin { addr: self.addr.clone(), why: root_cause(&error) };
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(not_admin)?;
        let connection = Connection(tokio::spawn(async move { _ = connection.await }).abort_handle());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.addr.to_string())
            .header(ACCEPT, "application/json, application/x-ndjson, text/plain");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, [b"Bearer ", token.secret().as_slice()].concat());
        }
        let request = request.body(Full::new(body)).map_err(|error| self.broken(&error))?;
        let response = sender.send_request(request).await.map_err(not_admin)?;
        let status = response.status();
        if status.is_success() {
            return Ok((response.into_body(), connection));
        }
        // The gRPC port of a server answers HTTP/1 with where its admin port is.
        let admin_port = response.headers().get(ADMIN_PORT_HEADER);
        if let Some(port) = admin_port.and_then(|port| port.to_str().ok()?.parse().ok()) {
            let admin = Some(HostPort::new(self.addr.host.clone(), port));
            return Err(AdminError::GrpcPort { addr: self.addr.clone(), admin });
        }
        let text = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
        let text = text.map(|text| String::from_utf8_lossy(&text.to_bytes()).trim().to_owned());
        let (addr, text) = (self.addr.clone(), text.unwrap_or_default());
        Err(match status {
            StatusCode::UNAUTHORIZED => AdminError::Token { addr, text },
            status => AdminError::Refused { addr, status, text },
        })
    }
}

/// The connection of a request; gone when that is.
#[derive(Debug)]
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer that comes line by line.
#[derive(Debug)]
pub struct Lines {
    addr: HostPort,
    body: Incoming,
    #[expect(dead_code, reason = "held for as long as the answer is read")]
    connection: Connection,
    buffer: Vec<u8>,
    /// So much of it has no end of a line.
    seen: usize,
}

impl Lines {
    /// The next line without its end; `None` after the last one.
    ///
    /// # Errors
    /// If the answer breaks off.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AdminError> {
        let broken = |addr: &HostPort, why: String| AdminError::Broken { addr: addr.clone(), why };
        loop {
            if let Some(end) = self.buffer[self.seen..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.seen + end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                self.seen = 0;
                return Ok(Some(line));
            }
            self.seen = self.buffer.len();
            if self.seen > MAX_LINE {
                return Err(broken(&self.addr, format!("a line has more than {MAX_LINE} bytes")));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend(frame.data_ref().into_iter().flatten()),
                Some(Err(error)) => return Err(broken(&self.addr, root_cause(&error))),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.seen = 0;
                    return Ok(Some(std::mem::take(&mut self.buffer)));
                }
            }
        }
    }
}

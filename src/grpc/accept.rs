//! From a listener to connections that are served, each by a task of its own.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Duration, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tonic::{Status, service::Routes};

use super::{
    drain::Drain,
    gate::{Gate, Rules},
    limits::{Limit, Limits},
};
use crate::{
    connection::{Connection, Ended, Executor, Patience, Peer},
    metrics::{Because, Metrics},
    tls::{self, Identity, Tls},
};

/// How much a client may send before we have read it, for a stream and for a connection, in bytes. Requests
/// are a few hundred bytes; this bounds what a flood of them can hold.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of what a stream is told waits in HTTP/2 for the client to take it, in bytes. A stream that does not read
/// holds this much of what is over, and then one message more.
const SEND_BUFFER: usize = 16 * 1024;
/// How many streams and header bytes HTTP/2 itself allows beyond the limits, so that a client which oversteps them is
/// told so in words, instead of being cut off or left waiting.
const MARGIN: u32 = 128;
const HEADER_MARGIN: u32 = 16 * 1024;
/// How many connections beyond the limit are there to be told so. Those beyond these are closed without a word.
const TURNED_AWAY: usize = 128;
/// How long a connection beyond the limit has to ask something and be told.
const TURNING_AWAY: Duration = Duration::from_secs(1);
/// How long after the window of a drain streams may take to hear of their end.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long to wait when no connection can be accepted (out of file descriptors, say) before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who has connected.
#[derive(Clone, Copy, Debug)]
struct Client {
    addr: SocketAddr,
    /// Where it has connected to.
    local: Option<IpAddr>,
    /// Whether it is there to be told that there are too many.
    is_beyond: bool,
}

/// What serves connections.
#[derive(Clone, Debug)]
pub(super) struct Acceptor {
    rules: Arc<Rules>,
    tls: Option<Tls>,
    routes: Routes,
    /// How many there are, and how many more that are being turned away.
    open: Arc<AtomicUsize>,
    turned_away: Arc<AtomicUsize>,
    drain: Drain,
}

impl Acceptor {
    pub(super) fn new(rules: Rules, tls: Option<Tls>, routes: Routes, drain: Drain) -> Self {
        Self { rules: Arc::new(rules), tls, routes, open: Arc::default(), turned_away: Arc::default(), drain }
    }

    /// Serves connections until the drain is over and every one has ended after that.
    pub(super) async fn serve(self, listener: TcpListener) {
        let connections = TaskTracker::new();
        let drain = self.drain.clone();
        let nobody = async {
            drain.started().await;
            connections.close();
            connections.wait().await;
        };
        let over = async {
            tokio::select! {
                () = drain.over() => {}
                // There is nobody to wait for any more.
                () = nobody => {}
            }
        };
        let mut over = pin!(over);
        let mut failures = 0_u32;
        loop {
            let accepted = tokio::select! {
                () = &mut over => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, addr)) => {
                    if failures > 0 {
                        tracing::info!(failures, "connections are accepted again");
                        failures = 0;
                    }
                    if let Some(place) = self.place() {
                        connections.spawn(self.clone().take(socket, addr, place));
                    }
                }
                // Failing to accept one is a pause, never the end of the server.
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "cannot accept a connection: new clients wait, open streams are not affected");
                    }
                    failures = failures.saturating_add(1);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Nobody who comes now shall wait for an answer.
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    /// A place for one more connection, if there is any.
    fn place(&self) -> Option<Place> {
        let Rules { limits, metrics, .. } = &*self.rules;
        if let Some(place) = Place::take(&self.open, limits.max_connections, false, metrics) {
            return Some(place);
        }
        Limit::Connections.hit(metrics);
        let place = Place::take(&self.turned_away, TURNED_AWAY, true, metrics);
        if place.is_none() {
            metrics.connections_ended.get_or_create(&because(Ended::Refused)).inc();
        }
        place
    }

    /// Serves a connection to its end.
    async fn take(self, socket: TcpStream, addr: SocketAddr, place: Place) {
        if let Err(error) = self.prepare(&socket) {
            tracing::debug!(%error, %addr, "cannot set up a connection");
        }
        let is_beyond = place.is_beyond;
        let local = socket.local_addr().ok().map(|local| local.ip());
        let client = Client { addr, local, is_beyond };
        let ended = match self.tls.as_ref().map(Tls::acceptor) {
            None => {
                let closed = self.closed(&client, None);
                self.serve_connection(socket, &client, closed).await
            }
            // Boxed, or a connection without TLS would take as much memory.
            Some(acceptor) => Box::pin(self.shake_hands(acceptor, socket, &client)).await,
        };
        let ended = if is_beyond { Ended::Refused } else { ended };
        if ended == Ended::Silent {
            Limit::RequestTime.hit(&self.rules.metrics);
        }
        self.rules.metrics.connections_ended.get_or_create(&because(ended)).inc();
        tracing::debug!(%addr, reason = ended.as_str(), "a connection has ended");
        drop(place);
    }

    /// Serves a connection over TLS to its end.
    async fn shake_hands(&self, acceptor: TlsAcceptor, socket: TcpStream, client: &Client) -> Ended {
        let handshake = timeout(self.patience(client).greeting, acceptor.accept(socket));
        let socket = tokio::select! {
            () = self.drain.over() => return Ended::Drained,
            handshake = handshake => match handshake {
                Ok(Ok(socket)) => socket,
                Ok(Err(error)) => {
                    tracing::debug!(%error, addr = %client.addr, "a TLS handshake failed");
                    return Ended::Tls;
                }
                Err(_) => return Ended::Silent,
            },
        };
        let identity = Identity::of_connection(socket.get_ref().1);
        let closed = self.closed(client, identity.as_ref());
        self.serve_connection(socket, client, closed).await
    }

    /// What every request of this client is answered, if it may not ask.
    fn closed(&self, client: &Client, identity: Option<&Identity>) -> Option<Status> {
        if client.is_beyond {
            let max = self.rules.limits.max_connections;
            return Some(Status::resource_exhausted(format!(
                "this server has {max} connections, which is its limit (--max-connections); ask another one"
            )));
        }
        (!self.rules.allow_clients.permits(identity)).then(|| tls::refusal(identity))
    }

    fn patience(&self, client: &Client) -> Patience {
        let Limits { request_timeout, idle_timeout, .. } = self.rules.limits;
        if client.is_beyond {
            Patience { greeting: TURNING_AWAY, idle: Some(TURNING_AWAY) }
        } else {
            Patience { greeting: request_timeout, idle: idle_timeout }
        }
    }

    async fn serve_connection<I>(&self, io: I, client: &Client, closed: Option<Status>) -> Ended
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Rules { limits, metrics, .. } = &*self.rules;
        let peer = Arc::new(Peer::new(client.addr, metrics.event_to_wire.clone()));
        let gate = Gate::new(self.rules.clone(), self.routes.clone(), peer.clone(), client.local, closed);
        let patience = self.patience(client);
        // Boxed, for a future that holds it by value has room for it twice.
        let connection = Connection::new(io, gate, peer.clone(), patience, |http| configure(http, limits));
        let mut connection = Box::new(connection);
        let ended = self.drive(&mut connection).await;
        // Its streams are dropped with it, and are over for that reason.
        peer.ends(ended);
        ended
    }

    /// Polls a connection to its end.
    async fn drive<I>(&self, mut connection: &mut Connection<I, Gate>) -> Ended
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        tokio::select! {
            ended = &mut connection => return ended,
            () = self.drain.started() => {}
        }
        // Whoever has its streams here is to ask somebody else from now on. Whoever has just come may still ask.
        if connection.is_idle() {
            tokio::select! {
                ended = &mut connection => return ended,
                () = self.drain.over() => {}
            }
        }
        connection.close(Ended::Drained);
        let overdue = async {
            self.drain.over().await;
            sleep(OVERDUE).await;
        };
        tokio::select! {
            ended = &mut connection => ended,
            // A stream that does not read does not hear that it has ended either.
            () = overdue => Ended::Drained,
        }
    }

    fn prepare(&self, socket: &TcpStream) -> io::Result<()> {
        // Answers are small and wanted at once.
        socket.set_nodelay(true)?;
        let Limits { keepalive_interval, keepalive_timeout, .. } = self.rules.limits;
        // A peer that stopped while its socket was full answers no ping, and its kernel still says that it is there:
        // only this frees what waits to be sent to it.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(interval) = keepalive_interval {
            SockRef::from(socket).set_tcp_user_timeout(Some(interval + keepalive_timeout))?;
        }
        Ok(())
    }
}

fn configure(http: &mut Builder<Executor>, limits: &Limits) {
    http.timer(TokioTimer::new())
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_concurrent_streams(limits.max_concurrent_streams.saturating_add(MARGIN))
        .max_header_list_size(limits.max_header_bytes.saturating_add(HEADER_MARGIN))
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
}

fn because(ended: Ended) -> Because {
    Because { reason: ended.as_str() }
}

/// One of the connections that are there.
#[derive(Debug)]
struct Place {
    /// Whether it is there to be told that there are too many.
    is_beyond: bool,
    taken: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Place {
    /// One of so many, if there is one left.
    fn take(taken: &Arc<AtomicUsize>, max: usize, is_beyond: bool, metrics: &Metrics) -> Option<Self> {
        let more = |count: usize| (count < max).then_some(count + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        metrics.connections.inc();
        Some(Self { is_beyond, taken: taken.clone(), metrics: metrics.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections.dec();
    }
}

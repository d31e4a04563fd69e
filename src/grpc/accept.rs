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

use bytes::Bytes;
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
    shares::{Hold, Parties, Party, Refused, Shares},
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

/// The header in which a client that speaks HTTP/1 gets the number of the admin port.
pub(crate) const ADMIN_PORT_HEADER: &str = "switchyard-admin-port";

/// So many connections a client may have however few are free: a few proxies of a node.
const CONNECTIONS_FLOOR: u64 = 8;

/// A client that has connected.
#[derive(Clone, Debug)]
struct Client {
    addr: SocketAddr,
    /// Where it has connected to.
    local: Option<IpAddr>,
    /// What every request is answered, if the connection is one too many.
    beyond: Option<Status>,
}

impl Client {
    /// As what it has its shares. A proxy on the server's own address speaks for many clients and has none.
    fn parties(&self, identity: Option<&Identity>) -> Parties {
        let addr = self.addr.ip().to_canonical();
        let is_beside = self.local.map(|local| local.to_canonical()) == Some(addr);
        let address = (!is_beside).then_some(Party::Address(addr));
        address.into_iter().chain(identity.and_then(Identity::name).map(Party::Identity)).collect()
    }
}

/// What serves connections.
#[derive(Clone, Debug)]
pub(super) struct Acceptor {
    rules: Arc<Rules>,
    tls: Option<Tls>,
    routes: Routes,
    /// Answer to a client that speaks HTTP/1.
    http1_answer: Bytes,
    /// Connections, those of clients with an identity, and how many more that are being turned away.
    open: Arc<Shares>,
    identified: Arc<Shares>,
    turned_away: Arc<AtomicUsize>,
    drain: Drain,
}

impl Acceptor {
    pub(super) fn new(rules: Rules, tls: Option<Tls>, routes: Routes, drain: Drain, admin_port: u16) -> Self {
        let Limits { max_connections, client_share, .. } = rules.limits;
        let connections = || Shares::new(max_connections as u64, client_share, CONNECTIONS_FLOOR);
        Self {
            rules: Arc::new(rules),
            tls,
            routes,
            http1_answer: http1_answer(admin_port),
            open: connections(),
            identified: connections(),
            turned_away: Arc::default(),
            drain,
        }
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
                    let local = socket.local_addr().ok().map(|local| local.ip());
                    let mut client = Client { addr, local, beyond: None };
                    if let Some(place) = self.place(&mut client) {
                        connections.spawn(self.clone().take(socket, client, place));
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

    /// A place for one more connection, if there is any: that of a connection that is turned away where the client has
    /// its share or all places are taken.
    fn place(&self, client: &mut Client) -> Option<Place> {
        let metrics = &self.rules.metrics;
        let refused = match self.open.take(&client.parties(None), 1) {
            Ok(hold) => return Some(Place::of(Taken::Served(hold), metrics)),
            Err(refused) => refused,
        };
        client.beyond = Some(self.refuse(&refused));
        let more = |count: usize| (count < TURNED_AWAY).then_some(count + 1);
        if self.turned_away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            metrics.connections_ended.get_or_create(&because(Ended::Refused)).inc();
            return None;
        }
        Some(Place::of(Taken::TurnedAway(self.turned_away.clone()), metrics))
    }

    /// Status for a client whose connection exceeds a limit.
    fn refuse(&self, refused: &Refused) -> Status {
        let message = refused.describe("connections", "--max-connections");
        Limit::Connections.refuse(refused, message, &self.rules.metrics)
    }

    /// Serves a connection to its end.
    async fn take(self, socket: TcpStream, mut client: Client, mut place: Place) {
        let addr = client.addr;
        if let Err(error) = self.prepare(&socket) {
            tracing::debug!(%error, %addr, "cannot set up a connection");
        }
        let ended = match self.tls.as_ref().map(Tls::acceptor) {
            None => {
                let closed = self.closed(&client, None);
                self.serve_connection(socket, &client, None, closed).await
            }
            // Boxed, or a connection without TLS would take as much memory.
            Some(acceptor) => Box::pin(self.shake_hands(acceptor, socket, &mut client, &mut place)).await,
        };
        let ended = if client.beyond.is_some() { Ended::Refused } else { ended };
        if ended == Ended::Silent {
            Limit::RequestTime.hit(&self.rules.metrics);
        }
        self.rules.metrics.connections_ended.get_or_create(&because(ended)).inc();
        tracing::debug!(%addr, reason = ended.as_str(), "a connection has ended");
        drop(place);
    }

    /// Serves a connection over TLS to its end.
    async fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        socket: TcpStream,
        client: &mut Client,
        place: &mut Place,
    ) -> Ended {
        let handshake = timeout(self.patience(client).greeting, acceptor.accept(socket));
        let socket = tokio::select! {
            () = self.drain.over() => return Ended::Drained,
            handshake = handshake => match handshake {
                Ok(Ok(socket)) => socket,
                Ok(Err(error)) => {
                    let why =
                        if tls::is_plain_text(&error) { ": the client sent plain text, and this port requires TLS" } else { "" };
                    tracing::debug!(%error, addr = %client.addr, "a TLS handshake failed{why}");
                    return Ended::Tls;
                }
                Err(_) => return Ended::Silent,
            },
        };
        let identity = Identity::of_connection(socket.get_ref().1);
        let name: Parties =
            identity.as_ref().and_then(Identity::name).map(Party::Identity).into_iter().collect();
        // The address has its share already.
        let _place = match self.identified.take(&name, 1) {
            Ok(place) => Some(place),
            Err(refused) => {
                // It makes room for others, and leaves as soon as one that is turned away.
                place.release();
                client.beyond = Some(self.refuse(&refused));
                None
            }
        };
        let closed = self.closed(client, identity.as_ref());
        self.serve_connection(socket, client, identity.as_ref(), closed).await
    }

    /// What every request of this client is answered, if it may not ask.
    fn closed(&self, client: &Client, identity: Option<&Identity>) -> Option<Status> {
        let is_permitted = || self.rules.allow_clients.permits(identity);
        client.beyond.clone().or_else(|| (!is_permitted()).then(|| tls::refusal(identity)))
    }

    fn patience(&self, client: &Client) -> Patience {
        let Limits { request_timeout, idle_timeout, .. } = self.rules.limits;
        if client.beyond.is_some() {
            Patience { greeting: TURNING_AWAY, idle: Some(TURNING_AWAY) }
        } else {
            Patience { greeting: request_timeout, idle: idle_timeout }
        }
    }

    async fn serve_connection<I>(
        &self,
        io: I,
        client: &Client,
        identity: Option<&Identity>,
        closed: Option<Status>,
    ) -> Ended
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Rules { limits, metrics, .. } = &*self.rules;
        let peer = Peer::new(client.addr, metrics.event_to_wire.clone());
        let peer = Arc::new(peer.known_as(client.parties(identity)));
        let gate = Gate::new(self.rules.clone(), self.routes.clone(), peer.clone(), client.local, closed);
        let patience = self.patience(client);
        // Boxed, for a future that holds it by value has room for it twice.
        let connection = Connection::new(io, gate, peer.clone(), patience, |http| configure(http, limits));
        let mut connection = Box::new(connection.answering_http1(self.http1_answer.clone()));
        let ended = self.drive(&mut connection).await;
        if let Some(foreign) = connection.foreign() {
            tracing::debug!(addr = %client.addr, "{foreign}");
        }
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

/// The whole answer to a request in HTTP/1, after which the connection is closed.
fn http1_answer(admin_port: u16) -> Bytes {
    let text = format!(
        "This is the gRPC port of Switchyard, which serves HTTP/2 only. The pages and /metrics are on the admin port, \
         {admin_port} of this host. For endpoints of a Service: switchyard get NAME.NAMESPACE:PORT --addr HOST:PORT\n"
    );
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n";
    format!("{head}{ADMIN_PORT_HEADER}: {admin_port}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).into()
}

fn because(ended: Ended) -> Because {
    Because { reason: ended.as_str() }
}

/// One of the connections that are there.
#[derive(Debug)]
struct Place {
    taken: Taken,
    metrics: Metrics,
}

/// Place of a connection.
#[derive(Debug)]
enum Taken {
    /// The place of a client that is served.
    Served(#[expect(dead_code, reason = "it is held")] Hold),
    /// Nothing any more.
    Nothing,
    /// One of those that are turned away.
    TurnedAway(Arc<AtomicUsize>),
}

impl Place {
    fn of(taken: Taken, metrics: &Metrics) -> Self {
        metrics.connections.inc();
        Self { taken, metrics: metrics.clone() }
    }

    /// Gives the place to others, while the connection is still there.
    fn release(&mut self) {
        self.taken = Taken::Nothing;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Taken::TurnedAway(count) = &self.taken {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        self.metrics.connections.dec();
    }
}

//! The admin port: what probes, scrapers and operators ask over HTTP.
//!
//! It only reads (but for the level of the log), and it shares nothing with the streams but numbers and answers that are
//! shared anyway: whoever is slow here slows nobody. What shows the cluster is only for those whom [`Access`] lets in.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Json, Router, body::Body, extract::State, http::Request, middleware, routing::get};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::yield_now,
    time::{Duration, sleep, timeout},
};
use tower::Service;

mod access;
mod feed;
mod log_level;
mod metrics;
mod page;
mod patient;
mod probes;
mod stay;
mod streams;
mod token;
mod turns;
mod why;

pub use self::{
    access::Access,
    token::{BadToken, Token},
};
use self::{
    access::From,
    patient::Patient,
    stay::{Guests, PLACES, Stay},
    turns::Turns,
};
use crate::{
    controller::{Directory, heartbeat::UNREADY},
    model::Name,
    picture::Pictures,
    status::Status,
    tls::{Identity, Tls},
};

/// How long the head of a request may take, also of the next one on the same connection, and a TLS handshake.
const HEAD_TIME: Duration = Duration::from_secs(2);
/// How long a reader may take nothing of what it asked for before it is given up.
const STUCK: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the admin port answers from.
#[derive(Debug)]
pub struct Admin {
    registry: Registry,
    status: watch::Receiver<Arc<Status>>,
    directory: Directory,
    domain: Name,
    pictures: Pictures,
    metrics_pages: Turns,
    explanations: Turns,
    draining: AtomicBool,
    /// Where gRPC is served, for `/ports`.
    grpc: OnceLock<SocketAddr>,
}

impl Admin {
    /// An admin port over these metrics, this status and these answers, in this cluster domain. Its page shows these
    /// pictures.
    #[must_use]
    pub fn new(
        registry: Registry,
        status: watch::Receiver<Arc<Status>>,
        directory: Directory,
        domain: Name,
        pictures: Pictures,
    ) -> Arc<Self> {
        Arc::new(Self {
            registry,
            status,
            directory,
            domain,
            pictures,
            metrics_pages: Turns::new(metrics::AT_ONCE),
            explanations: Turns::new(why::AT_ONCE),
            draining: AtomicBool::new(false),
            grpc: OnceLock::new(),
        })
    }

    /// Sets where gRPC is served, for clients that ask the admin port by mistake.
    pub fn set_grpc(&self, addr: SocketAddr) {
        _ = self.grpc.set(addr);
    }

    /// From now on the server is not ready: it is about to stop.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Why the server is not ready, if so.
    fn unready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::SeqCst) {
            return Some("not ready: shutting down\n");
        }
        if self.directory.heartbeat().silent() >= UNREADY {
            return Some(
                "not ready: the controller has completed no turn for 5s or more, so changes are late\n",
            );
        }
        (!self.status.borrow().synced).then_some("not ready: the source has not been read yet\n")
    }
}

/// Serves as long as it is polled, over TLS if it is given.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    admin: Arc<Admin>,
    access: Access,
    tls: Option<Tls>,
) -> io::Result<()> {
    serve_routes(listener, routes(admin, Arc::new(access)), tls).await;
    Ok(())
}

fn routes(admin: Arc<Admin>, access: Arc<Access>) -> Router {
    // Whatever shows what is in the cluster, or changes anything.
    let shown = Router::new()
        .route("/debug/warnings", get(warnings))
        .merge(streams::routes())
        .merge(why::routes())
        .merge(log_level::routes())
        .merge(feed::routes(access.clone()))
        // Asked for by those alone who were let in.
        .route_layer(middleware::from_fn(stay::place))
        .route_layer(middleware::from_fn_with_state(access, access::check));
    Router::new()
        .merge(probes::routes())
        .merge(page::routes())
        .merge(metrics::routes())
        .merge(shown)
        .layer(middleware::map_response(page::guarded))
        .with_state(admin)
}

/// Serves connections of HTTP/1, as many as may [`stay`]. By hand, for the library that routes them bounds neither their
/// number nor the time of a request's head, and whoever holds all open files here holds up the streams as well.
async fn serve_routes(listener: TcpListener, routes: Router, tls: Option<Tls>) {
    let (places, mut guests) = (Arc::new(Semaphore::new(PLACES)), Guests::default());
    loop {
        let (socket, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection of the admin port");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (routes, acceptor) = (routes.clone(), tls.as_ref().map(Tls::admin_acceptor));
        let stay = Arc::new(Stay::new(places.clone()));
        let its_stay = stay.clone();
        let task = tokio::spawn(async move {
            let connection = async {
                match acceptor {
                    None => {
                        serve_connection(socket, From { addr, identity: None }, stay.clone(), routes).await;
                    }
                    Some(acceptor) => {
                        let Ok(Ok(socket)) = timeout(HEAD_TIME, acceptor.accept(socket)).await else {
                            return;
                        };
                        let identity = Identity::of_connection(socket.get_ref().1);
                        serve_connection(socket, From { addr, identity }, stay.clone(), routes).await;
                    }
                }
            };
            stay.bound(connection).await;
        });
        guests.add(its_stay, task.abort_handle());
        // However many come at once, whoever has asked already is answered before the next ones make it go.
        yield_now().await;
    }
}

async fn serve_connection<I>(socket: I, from: From, stay: Arc<Stay>, routes: Router)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let from = Arc::new(from);
    let answer = service_fn(move |request: Request<Incoming>| {
        let (from, stay, mut routes) = (from.clone(), stay.clone(), routes.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(from);
            request.extensions_mut().insert(stay);
            routes.call(request).await.map_err(|never: Infallible| never)
        }
    });
    // A page is small, and whoever follows one reads: who takes nothing is gone.
    _ = http.serve_connection(TokioIo::new(Patient::new(socket, STUCK)), answer).await;
}

async fn warnings(State(admin): State<Arc<Admin>>) -> Json<Arc<Status>> {
    let status = admin.status.borrow().clone();
    Json(status)
}

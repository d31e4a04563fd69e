//! The admin port: what probes, scrapers and operators ask over HTTP.
//!
//! It only reads, and it shares nothing with the streams but numbers: whoever is slow here slows nobody.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::{Duration, sleep, timeout},
};

use crate::{metrics, status::Status};

/// How many connections may be open. Probes and scrapers are a few; who comes beyond that waits.
const CONNECTIONS: usize = 200;
/// How long the head of a request may take, also of the next one on the same connection.
const HEAD_TIME: Duration = Duration::from_secs(2);
/// How long a connection may last in all. A scraper opens another one.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// How long to wait when no connection can be accepted before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The type of OpenMetrics text, which every Prometheus understands.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the admin port answers from.
#[derive(Debug)]
pub struct Admin {
    registry: Registry,
    status: watch::Receiver<Arc<Status>>,
    draining: AtomicBool,
}

impl Admin {
    /// An admin port over these metrics and this status.
    #[must_use]
    pub fn new(registry: Registry, status: watch::Receiver<Arc<Status>>) -> Arc<Self> {
        Arc::new(Self { registry, status, draining: AtomicBool::new(false) })
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
        (!self.status.borrow().synced).then_some("not ready: the source has not been read yet\n")
    }
}

/// Serves as long as it is polled.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>) -> io::Result<()> {
    let routes = Router::new()
        .route("/", get(index))
        .route("/live", get(|| async { "ok\n" }))
        // The path that Linkerd's liveness probe asks.
        .route("/ping", get(|| async { "pong\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(render_metrics))
        .route("/debug/warnings", get(warnings))
        .with_state(admin);
    serve_routes(listener, routes).await;
    Ok(())
}

/// Serves connections of HTTP/1, so many at once. By hand, for the library that routes them bounds neither their number
/// nor the time of a request's head, and whoever holds all open files here holds up the streams as well.
async fn serve_routes(listener: TcpListener, routes: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection of the admin port");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        let connection =
            http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(routes.clone()));
        tokio::spawn(async move {
            // A page is small: who has not taken it by then does not read.
            _ = timeout(CONNECTION_TIME, connection).await;
            drop(place);
        });
    }
}

async fn index() -> &'static str {
    "Switchyard admin\n\
     /live            is the process alive\n\
     /ready           can it answer\n\
     /metrics         OpenMetrics\n\
     /debug/warnings  everything odd about the input\n"
}

async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    match admin.unready() {
        None => (StatusCode::OK, "ok\n"),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

async fn render_metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], metrics::render(&admin.registry))
}

async fn warnings(State(admin): State<Arc<Admin>>) -> Json<Arc<Status>> {
    let status = admin.status.borrow().clone();
    Json(status)
}

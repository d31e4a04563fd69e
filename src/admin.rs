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
use prometheus_client::registry::Registry;
use tokio::{net::TcpListener, sync::watch};

use crate::{metrics, status::Status};

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
    axum::serve(listener, routes).await
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

//! What says nothing of the cluster, and anybody may ask: whether the server lives, whether it is ready, and where to ask
//! for more.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, Uri},
    routing::get,
};

use super::Admin;
use crate::{client::Ports, controller::heartbeat::DEAD};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/debug", get(index))
        .route("/live", get(live))
        // The path that Linkerd's liveness probe asks.
        .route("/ping", get(live))
        .route("/ready", get(ready))
        .route("/ports", get(ports))
}

pub(super) async fn index() -> &'static str {
    "Switchyard admin\n\
     /                a page, for a browser\n\
     /live            is the process alive: 503 after 60 s without a completed turn of the controller\n\
     /ready           can it answer: 503 before the first sync, after 5 s without a completed turn, and at the end\n\
     /ports           where gRPC is served\n\
     /metrics         for Prometheus\n\
     /debug/streams   every open stream, one JSON object a line\n\
     /debug/log-level what is logged; PUT changes it, ?for=10m for a while\n\
     /debug/warnings  everything odd about the input\n\
     /debug/why       ?authority=host:port: why a client is told what it is told\n"
}

/// Where gRPC is served. It shows a port that is open anyway, to clients that confused the two.
async fn ports(State(admin): State<Arc<Admin>>) -> Result<Json<Ports>, StatusCode> {
    let grpc = admin.grpc.get().ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Ports { grpc: grpc.to_string() }))
}

/// Fails if the controller is stuck, so that the server is started again.
async fn live(State(admin): State<Arc<Admin>>, uri: Uri) -> (StatusCode, &'static str) {
    match admin.directory.heartbeat().silent() {
        DEAD.. => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not live: the controller has completed no turn for 60s or more\n",
        ),
        _ if uri.path() == "/ping" => (StatusCode::OK, "pong\n"),
        _ => (StatusCode::OK, "ok\n"),
    }
}

async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    match admin.unready() {
        None => (StatusCode::OK, "ok\n"),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

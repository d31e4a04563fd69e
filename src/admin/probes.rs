//! What says nothing of the cluster, and anybody may ask: whether the server lives, whether it is ready, and where to ask
//! for more.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};

use super::Admin;
use crate::client::Ports;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/debug", get(index))
        .route("/live", get(|| async { "ok\n" }))
        // The path that Linkerd's liveness probe asks.
        .route("/ping", get(|| async { "pong\n" }))
        .route("/ready", get(ready))
        .route("/ports", get(ports))
}

pub(super) async fn index() -> &'static str {
    "Switchyard admin\n\
     /                a page, for a browser\n\
     /live            is the process alive\n\
     /ready           can it answer\n\
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

async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    match admin.unready() {
        None => (StatusCode::OK, "ok\n"),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

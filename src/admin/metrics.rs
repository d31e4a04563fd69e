//! `/metrics`: in OpenMetrics for scrapers that name it, in Prometheus' older format for everything else.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::Semaphore;

use super::Admin;
use crate::metrics::Format;

/// How many pages are made at once. Each looks at every stream, and whoever asks for many shall not take the cores from
/// those who are told of changes.
static PAGES: Semaphore = Semaphore::const_new(1);

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/metrics", get(page))
}

async fn page(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    let place = PAGES.acquire().await;
    // It reads files and may look at many streams: not on a thread that has some to serve.
    let text = tokio::task::spawn_blocking(move || format.render(&admin.registry)).await;
    drop(place);
    match text {
        Ok(text) => ([(CONTENT_TYPE, format.content_type()), (VARY, "accept")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

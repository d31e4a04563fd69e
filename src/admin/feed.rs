//! What the page shows, live: `/api/live` as server-sent events, `/api/endpoints` for a service that somebody opens.
//!
//! A feed is made as it is taken. A reader that stops holds the picture that it last had and what the socket takes, until
//! the connection gives it up. It lasts for as long as its reader would be let in: that is asked before each event.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use serde::Deserialize;
use tokio::time::{Duration, timeout};

use super::{
    Admin,
    access::{Access, From},
};
use crate::{
    model::NsName,
    picture::{NoPlace, Watcher},
};

/// How often something is written to a feed that has nothing to say, so that both ends see that the other is there. A page
/// that hears nothing for more than two of these (`SILENCE` in `page/feed.js`) takes the feed for broken.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long the first picture may take.
const FIRST: Duration = Duration::from_secs(5);

/// For those whom these rules let in, who are let go by them too.
pub(super) fn routes(access: Arc<Access>) -> Router<Arc<Admin>> {
    let live = get(live).layer(Extension(access));
    Router::new().route("/api/live", live).route("/api/endpoints", get(endpoints))
}

fn refused(why: NoPlace) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

async fn live(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Arc<Access>>,
    Extension(from): Extension<Arc<From>>,
    headers: HeaderMap,
) -> Response {
    let watcher = match admin.pictures.watch() {
        Ok(watcher) => watcher,
        Err(why) => return refused(why),
    };
    // A token that was replaced counts for nothing at once, whoever it let in before.
    let may_stay = move || access.admits(&from, &headers);
    let events = stream::unfold((watcher, may_stay), |(mut watcher, may_stay)| async move {
        let bytes = next(&mut watcher).await?;
        // Whoever may not be here any more is told nothing more, comes again and is told why.
        may_stay().then_some((Ok::<_, Infallible>(bytes), (watcher, may_stay)))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // It lasts as long as its connection.
        (CONNECTION, HeaderValue::from_static("close")),
    ];
    (headers, Body::from_stream(events)).into_response()
}

async fn next(watcher: &mut Watcher) -> Option<Bytes> {
    match timeout(KEEP_ALIVE, watcher.next()).await {
        Ok(bytes) => bytes,
        Err(_) => Some(Bytes::from_static(b": still here\n\n")),
    }
}

/// Whose endpoints are wanted.
#[derive(Debug, Deserialize)]
struct Wanted {
    namespace: String,
    name: String,
}

async fn endpoints(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Ok(Query(Wanted { namespace, name })) = wanted else {
        let text = "expected ?namespace=...&name=... of a Service\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let mut watcher = match admin.pictures.watch() {
        Ok(watcher) => watcher,
        Err(why) => return refused(why),
    };
    let picture = match timeout(FIRST, watcher.look()).await {
        Ok(Some(picture)) => picture,
        Ok(None) => return refused(NoPlace::NoPicture),
        Err(_) => return refused(NoPlace::NotSynced),
    };
    let name = NsName::new(namespace, name);
    let mut response = match picture.services.get(&name) {
        Some(service) => Json(service.endpoints()).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such Service\n").into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_waits_for_two_signs_of_life_and_some_more() {
        let page = include_str!("page/feed.js");
        let silence = page.split("const SILENCE = ").nth(1).and_then(|rest| rest.split(';').next());
        let silence =
            Duration::from_secs_f64(silence.and_then(|text| text.parse::<f64>().ok()).unwrap() / 1e3);
        assert!(silence > 2 * KEEP_ALIVE, "{silence:?}");
    }
}

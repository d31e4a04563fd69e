//! Somebody who was let in and is still there, to be asked for the way in again: what is shown for long goes on only for
//! as long as a new request would be answered, and a token that was replaced counts for nothing at once.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
    middleware,
};
use tower::Service;

use super::access::{self, Access, From};

/// Where it is asked: the very rules that let requests in, and nothing behind them. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Door {
    rules: Router,
}

impl Door {
    /// One with these rules.
    pub(super) fn new(access: Arc<Access>) -> Self {
        let let_in = Router::new().fallback(async || {});
        Self { rules: let_in.layer(middleware::from_fn_with_state(access, access::check)) }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Visitor {
    door: Door,
    from: Arc<From>,
    /// Of its request, with what it offered.
    headers: HeaderMap,
}

impl Visitor {
    /// Whoever asked with these headers.
    pub(super) fn new(door: Door, from: Arc<From>, headers: HeaderMap) -> Self {
        Self { door, from, headers }
    }

    /// Whether the same request would be let in now.
    pub(super) async fn may_stay(&self) -> bool {
        let mut request = Request::new(Body::empty());
        request.headers_mut().clone_from(&self.headers);
        request.extensions_mut().insert(self.from.clone());
        let answer: Result<_, Infallible> = self.door.rules.clone().call(request).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::HOST};

    use super::*;

    #[tokio::test]
    async fn who_would_be_let_in_may_stay_and_nobody_else() {
        let door = Door::new(Arc::default());
        for (addr, host, expect) in [
            ([127, 0, 0, 1], "localhost", true),
            ([127, 0, 0, 1], "rebound.example", false),
            ([10, 1, 2, 3], "localhost", false),
        ] {
            let headers = [(HOST, HeaderValue::from_static(host))].into_iter().collect();
            let from = Arc::new(From { addr: (addr, 40_000).into(), identity: None });
            assert_eq!(Visitor::new(door.clone(), from, headers).may_stay().await, expect, "{addr:?} {host}");
        }
    }
}

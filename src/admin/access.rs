//! Who may see what is in the cluster.
//!
//! Probes and metrics are for everybody. What names services, Pods and addresses is for whoever shows the token, or a
//! certificate of one that was named; and, where no token is set, for this machine itself.
//!
//! "This machine" is a request that came over loopback and was meant to: a page of somebody else can have a browser on
//! this machine ask any address under any name, so the name that was asked for has to be a local one. What an HTTP proxy
//! says it passes on is not from here either. One that says nothing, and one that passes on bytes, cannot be told from a
//! person: where such a thing forwards to the port, only a token or certificates are of use.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Request, StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, HOST, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Token;
use crate::tls::{AllowClients, Identity};

/// Headers that proxies add to what they pass on, and how those of some begin: of most, of Envoy, of Linkerd.
const PASSED_ON: [&str; 4] = ["forwarded", "via", "x-real-ip", "x-request-id"];
const PASSED_ON_BEGIN: [&str; 3] = ["x-forwarded-", "x-envoy-", "l5d-"];

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) addr: SocketAddr,
    /// Who it proved to be, over TLS.
    pub(super) identity: Option<Identity>,
}

/// Who may see the cluster. By default this machine only.
#[derive(Debug, Default)]
pub struct Access {
    /// What lets anybody in who shows it.
    pub token: Option<Token>,
    /// Who is let in with a certificate; `None` for nobody.
    pub allow_clients: Option<AllowClients>,
}

impl Access {
    /// Whether a request with these headers would be let in now.
    pub(super) fn admits(&self, from: &From, headers: &HeaderMap) -> bool {
        self.refusal(from, headers).is_none()
    }

    /// Why somebody may not, if so.
    fn refusal(&self, from: &From, headers: &HeaderMap) -> Option<Response> {
        if let (Some(allowed), Some(identity)) = (&self.allow_clients, &from.identity)
            && allowed.permits(Some(identity))
        {
            return None;
        }
        let offered = headers.get(AUTHORIZATION).map(|value| bearer(value.as_bytes()).unwrap_or_default());
        match (&self.token, offered) {
            (Some(token), Some(offered)) if token.is(offered) => None,
            (Some(_), offered) => {
                let text = match offered {
                    None => {
                        "send the token of the server's --admin-token-file as `Authorization: Bearer <token>`\n"
                    }
                    Some(_) => "this is not the token of --admin-token-file\n",
                };
                Some((StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], text).into_response())
            }
            (None, _) if is_from_here(from.addr.ip(), headers) => None,
            (None, _) => {
                let text = "this shows the cluster, and is only for localhost: ask http://127.0.0.1:<port> on the machine \
                            itself (kubectl port-forward), or start the server with --admin-token-file\n";
                Some((StatusCode::FORBIDDEN, text).into_response())
            }
        }
    }
}

/// Lets requests through, or says why not.
pub(super) async fn check(State(access): State<Arc<Access>>, request: Request<Body>, next: Next) -> Response {
    let from = request.extensions().get::<Arc<From>>();
    let refusal = match from {
        Some(from) => access.refusal(from, request.headers()),
        // Nobody knows where it came from.
        None => Some(StatusCode::FORBIDDEN.into_response()),
    };
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The token in an `Authorization` header. The scheme is matched without regard to case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn is_from_here(ip: IpAddr, headers: &HeaderMap) -> bool {
    let passed_on = headers
        .keys()
        .map(|name| name.as_str())
        .any(|name| PASSED_ON.contains(&name) || PASSED_ON_BEGIN.iter().any(|begin| name.starts_with(begin)));
    let mut hosts = headers.get_all(HOST).iter();
    // Programs may leave it out, browsers never do.
    let host_is_local = match (hosts.next(), hosts.next()) {
        (None, _) => true,
        (Some(host), None) => host.to_str().is_ok_and(is_local),
        (Some(_), Some(_)) => false,
    };
    is_own(ip) && !passed_on && host_is_local
}

/// Whether this is the address under which a machine speaks to itself. Others of 127.0.0.0/8 are what sidecars speak from.
fn is_own(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST
}

/// Whether a `Host` header names this machine as only this machine does.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_own)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn answer(access: &Access, addr: &str, pairs: &[(&str, &str)]) -> u16 {
        let from = From { addr: addr.parse().unwrap(), identity: None };
        access.refusal(&from, &headers(pairs)).map_or(200, |refusal| refusal.status().as_u16())
    }

    const HERE: &str = "127.0.0.1:40000";
    const ELSEWHERE: &str = "10.1.2.3:40000";

    #[test]
    fn without_a_token_only_this_machine_may_look() {
        let access = Access::default();
        for (addr, pairs, expect) in [
            (HERE, &[("host", "localhost:9996")][..], 200),
            (HERE, &[("host", "LocalHost")], 200),
            (HERE, &[("host", "127.0.0.1:9996")], 200),
            (HERE, &[], 200),
            ("[::1]:40000", &[("host", "[::1]:9996")], 200),
            ("[::ffff:127.0.0.1]:40000", &[("host", "127.0.0.1")], 200),
            ("127.0.0.6:40000", &[("host", "localhost:9996")], 403),
            (HERE, &[("host", "127.0.0.6:9996")], 403),
            (ELSEWHERE, &[("host", "localhost:9996")], 403),
            (ELSEWHERE, &[("host", "10.1.2.4:9996")], 403),
            (ELSEWHERE, &[("host", "127.0.0.1"), ("authorization", "Bearer x")], 403),
        ] {
            assert_eq!(answer(&access, addr, pairs), expect, "{addr} {pairs:?}");
        }
    }

    #[test]
    fn who_would_be_let_in_may_stay_and_nobody_else() {
        for (addr, host, expect) in [
            ([127, 0, 0, 1], "localhost", true),
            ([127, 0, 0, 1], "rebound.example", false),
            ([10, 1, 2, 3], "localhost", false),
        ] {
            let from = From { addr: (addr, 40_000).into(), identity: None };
            let admitted = Access::default().admits(&from, &headers(&[("host", host)]));
            assert_eq!(admitted, expect, "{addr:?} {host}");
        }
    }

    #[test]
    fn a_page_of_somebody_else_and_a_proxy_are_not_this_machine() {
        let access = Access::default();
        for pairs in [
            &[("host", "rebound.example:9996")][..],
            &[("host", "localhost.example")],
            &[("host", "127.0.0.1.example")],
            &[("host", "localhost"), ("host", "other")],
            &[("host", "")],
            &[("host", "localhost"), ("x-forwarded-for", "1.2.3.4")],
            &[("host", "localhost"), ("forwarded", "for=1.2.3.4")],
            &[("host", "localhost"), ("via", "1.1 proxy")],
            &[("host", "localhost"), ("l5d-client-id", "web.default")],
            &[("host", "localhost"), ("x-forwarded-proto", "http")],
            &[("host", "localhost"), ("x-envoy-attempt-count", "1")],
            &[("host", "localhost"), ("x-request-id", "1")],
        ] {
            assert_eq!(answer(&access, HERE, pairs), 403, "{pairs:?}");
        }
    }

    #[test]
    fn with_a_token_everybody_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "0123456789abcdef").unwrap();
        let access = Access { token: Some(Token::open(&path).unwrap()), allow_clients: None };
        for (addr, pairs, expect) in [
            (ELSEWHERE, &[("authorization", "Bearer 0123456789abcdef")][..], 200),
            (ELSEWHERE, &[("authorization", "bearer 0123456789abcdef ")], 200),
            (HERE, &[("host", "localhost"), ("authorization", "Bearer 0123456789abcdef")], 200),
            (HERE, &[("host", "localhost")], 401),
            (ELSEWHERE, &[], 401),
            (ELSEWHERE, &[("authorization", "Bearer 0123456789abcdeF")], 401),
            (ELSEWHERE, &[("authorization", "Basic 0123456789abcdef")], 401),
            (ELSEWHERE, &[("authorization", "Bearer")], 401),
            (ELSEWHERE, &[("authorization", "0123456789abcdef")], 401),
        ] {
            assert_eq!(answer(&access, addr, pairs), expect, "{addr} {pairs:?}");
        }
    }
}

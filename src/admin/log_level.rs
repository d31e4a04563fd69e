//! `/debug/log-level`: what is logged, and the one thing that can be changed here.
//!
//! `PUT` takes a filter as its body, and `?for=10m` has the old one back after that time. A page of somebody else cannot
//! have a browser send it: browsers ask first whether they may `PUT` elsewhere, and nobody answers that here.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, rejection::BytesRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::time::Duration;

use super::{Admin, access::From};
use crate::{
    cli,
    logs::{Logs, MAX_FILTER},
};

/// How many bytes of a body are read. Those around a filter may be blanks.
const MAX_BODY: usize = 2 * MAX_FILTER;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/debug/log-level", get(show).put(change)).layer(DefaultBodyLimit::max(MAX_BODY))
}

/// For how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    r#for: Option<String>,
}

async fn show() -> Response {
    match Logs::of_process() {
        Some(logs) => format!("{}\n", logs.level()).into_response(),
        None => elsewhere(),
    }
}

async fn change(
    Extension(from): Extension<Arc<From>>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(logs) = Logs::of_process() else { return elsewhere() };
    let changed = wanted.map_err(|error| format!("{}; write for=10m or nothing", error.body_text()));
    let changed = changed.and_then(|Query(wanted)| {
        let body = body.map_err(|error| {
            format!("{}; write a filter, for example info,switchyard=debug", error.body_text())
        })?;
        set(&logs, &body, wanted.r#for.as_deref(), &from)
    });
    match changed {
        Ok(level) => format!("{level}\n").into_response(),
        Err(wrong) => (StatusCode::BAD_REQUEST, format!("{wrong}\n")).into_response(),
    }
}

/// Sets what is logged; what holds then, or what is wrong.
fn set(logs: &Logs, filter: &[u8], time: Option<&str>, from: &From) -> Result<String, String> {
    let filter = std::str::from_utf8(filter).map_err(|_| "write a filter in UTF-8".to_owned())?;
    let time: Option<Duration> = time.map(cli::some_duration).transpose()?;
    let who = match &from.identity {
        Some(identity) => format!("{} ({identity})", from.addr),
        None => from.addr.to_string(),
    };
    logs.set(filter, time, &who).map(|level| level.to_string())
}

/// The server is a part of a program that set up its logs by itself.
fn elsewhere() -> Response {
    let text = "what this program logs is not for this server to say\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> From {
        From { addr: ([127, 0, 0, 1], 4).into(), identity: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_says_what_holds_then_and_who_asked_is_logged() {
        let (captured, logs) = Logs::captured("info");
        let set = |filter: &[u8], time| set(&logs, filter, time, &from());

        assert_eq!(set(b" debug\n", Some("10m")).as_deref(), Ok("debug for 600s, then info"));
        assert_eq!(set(b"off", None).as_deref(), Ok("off"));
        assert_eq!(set(b"warn", None).as_deref(), Ok("warn"));

        let line = |level: &str| format!("WARN the log level is {level} from now on, as 127.0.0.1:4 asked");
        assert_eq!(captured.lines(), ["debug for 600s, then info", "off", "warn"].map(line));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_is_said_with_what_would_be_right() {
        let (captured, logs) = Logs::captured("info");
        for (filter, time) in [
            (&b"loud"[..], None),
            (b"\xff", None),
            (b"", None),
            (b"info", Some("soon")),
            (b"info", Some("0s")),
            (b"info", Some("25h")),
        ] {
            let wrong = set(&logs, filter, time, &from()).expect_err("it is wrong");
            assert!(wrong.contains("write "), "{wrong}");
        }
        assert_eq!(logs.level().to_string(), "info");
        assert!(captured.lines().is_empty());
    }
}

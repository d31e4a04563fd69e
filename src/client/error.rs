//! What went wrong between a client and a server, as sentences.

use std::{error::Error, io, time::Duration};

use tonic::{Code, Status};

use super::{HostPort, TlsFault};

/// There is no connection to the server.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot connect to {addr}: {why}")]
pub struct ConnectError {
    /// Where it should have been.
    pub addr: HostPort,
    why: String,
    /// There is something, but we do not agree about TLS.
    pub fault: Option<TlsFault>,
}

impl ConnectError {
    pub(super) fn new(addr: HostPort, error: &(dyn Error + 'static)) -> Self {
        Self { addr, why: root_cause(error), fault: None }
    }

    pub(super) fn timed_out(addr: HostPort, timeout: Duration) -> Self {
        Self { addr, why: format!("no answer within {timeout:?}"), fault: None }
    }

    pub(super) fn disagreed(addr: HostPort, fault: TlsFault) -> Self {
        Self { addr, why: format!("the server {fault}"), fault: Some(fault) }
    }
}

/// A stream did not open, or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The server said so.
    #[error("{}: {}", code_name(.0.code()), said(.0))]
    Server(Status),
    /// The server ended the stream as if all had been said: code OK.
    #[error("OK: no reason given")]
    Ended,
    /// The connection broke, or what is at the other end speaks no gRPC.
    #[error("{0}")]
    Connection(String),
}

impl From<Status> for StreamError {
    fn from(status: Status) -> Self {
        match status.source() {
            // A status that tonic made up from an error of the transport.
            Some(source) => Self::Connection(root_cause(source)),
            None => Self::Server(status),
        }
    }
}

/// The text of a status, or that there is none.
fn said(status: &Status) -> &str {
    if status.message().is_empty() { "(no message)" } else { status.message() }
}

/// A gRPC code as the specification spells it: `INVALID_ARGUMENT`.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The innermost of nested errors in words: those around it say no more than "transport error", and the
/// number of a system error says nothing.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    // "connection refused" and not "Connection refused (os error 111)".
    match text.split_once(" (os error ") {
        Some((text, _)) if cause.is::<io::Error>() => text.to_lowercase(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use tonic::{Code, Status};

    use super::{StreamError, code_name, root_cause};

    #[test]
    fn codes_are_spelled_as_in_the_specification() {
        for code in 0..=16 {
            let code = Code::from_i32(code);
            let plain = code_name(code).replace('_', "").to_lowercase();
            assert_eq!(plain, format!("{code:?}").to_lowercase());
        }
    }

    #[test]
    fn says_who_ended_a_stream() {
        let mut broken = Status::unknown("h2 protocol error");
        broken.set_source(Arc::new(io::Error::from_raw_os_error(104)));
        for (status, expect) in [
            (Status::unavailable("shutting down"), "UNAVAILABLE: shutting down"),
            (Status::not_found(""), "NOT_FOUND: (no message)"),
            (broken, "connection reset by peer"),
        ] {
            assert_eq!(StreamError::from(status).to_string(), expect);
        }
    }

    #[test]
    fn an_error_without_a_kind_keeps_its_text() {
        let error = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(root_cause(&error), error.to_string());
    }
}

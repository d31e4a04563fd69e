//! How a command ends: exit codes, and failures as sentences.

use std::{error::Error, io, time::Duration};

use http::StatusCode;
use tonic::Code;

use super::plan::Unplanned;
use crate::{
    admin::BadToken,
    client::{AdminError, BadTls, ConnectError, HostPort, StreamError, TlsFault, grpc_of_admin_port},
    source::manifests::OpenError,
};

/// The exit codes. Each has one meaning in all commands; `switchyard --help` and docs/cli.md list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, and nothing needs attention; also when a watch is ended or the reader of the output is gone.
    Success,
    /// Not done: no server, an input that cannot be read. For `check` also manifests that do not pass.
    Failed,
    /// Wrong usage, or the server answered INVALID_ARGUMENT.
    Usage,
    /// Done, and what was found needs attention.
    Attention,
    /// `plan --exit-code`: answers change, and nothing needs attention.
    Changed,
}

impl Exit {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Attention => 3,
            Self::Changed => 4,
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}; is `switchyard serve` running there? (another server: --addr host:port)")]
    Connect(ConnectError),

    #[error("the server at {addr} {fault}")]
    Tls { addr: HostPort, fault: TlsFault },

    #[error("{0}")]
    TlsFiles(#[from] BadTls),

    #[error(
        "{addr} is connected but gave no answer within {timeout:?}: a server says nothing before it has read \
         all of its source; give it more time with --timeout 1m"
    )]
    Silent { addr: HostPort, timeout: Duration },

    #[error("the server at {addr} refused the request: {error}")]
    Refused { addr: HostPort, error: StreamError },

    #[error(
        "{addr} does not answer in gRPC: {why}; is that the gRPC port of a Destination server (8086 by default)?"
    )]
    NotGrpc { addr: HostPort, why: String },

    #[error("the server at {addr} ended the stream: {error}")]
    Ended { addr: HostPort, error: StreamError },

    #[error("the connection to {addr} is lost: {why}")]
    Lost { addr: HostPort, why: String },

    #[error("{0}")]
    Admin(#[from] AdminError),

    #[error("{0}")]
    Token(#[from] BadToken),

    #[error("{0}")]
    Usage(String),

    #[error("interrupted before the server answered")]
    Interrupted,

    #[error("{addr} is the admin port (HTTP); gRPC is at {grpc}: ask it with --addr {grpc}")]
    AdminPort { addr: HostPort, grpc: HostPort },

    #[error("cannot find {name}: {why}")]
    Name { name: String, why: String },

    #[error("{0}")]
    Manifests(#[from] OpenError),

    #[error("{0}")]
    Plan(Box<Unplanned>),

    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),

    #[error("{0}")]
    Serve(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// There is no connection.
    pub(super) fn connecting(error: ConnectError) -> Self {
        match error {
            ConnectError { addr, fault: Some(fault), .. } => Self::Tls { addr, fault },
            error => Self::Connect(error),
        }
    }

    /// The stream failed before its first message.
    pub(super) fn before_first(addr: HostPort, error: StreamError) -> Self {
        match error {
            StreamError::Connection(why) => Self::NotGrpc { addr, why },
            StreamError::Ended => Self::Ended { addr, error },
            StreamError::Server(_) => Self::Refused { addr, error },
        }
    }

    /// The stream failed after it had answered.
    pub(super) fn after_first(addr: HostPort, error: StreamError) -> Self {
        match error {
            StreamError::Connection(why) => Self::Lost { addr, why },
            error => Self::Ended { addr, error },
        }
    }

    /// The failure with a clearer reason if it was the admin port that did not answer in gRPC.
    pub(super) async fn of_port(self) -> Self {
        let (Self::NotGrpc { addr, .. } | Self::Tls { addr, fault: TlsFault::SilentWithout }) = &self else {
            return self;
        };
        let addr = addr.clone();
        grpc_of_admin_port(&addr).await.map_or(self, |grpc| Self::AdminPort { addr, grpc })
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Refused { error: StreamError::Server(status), .. }
            | Self::Ended { error: StreamError::Server(status), .. }
                if status.code() == Code::InvalidArgument =>
            {
                Exit::Usage
            }
            Self::Admin(AdminError::Refused { status: StatusCode::BAD_REQUEST, .. }) | Self::Usage(_) => {
                Exit::Usage
            }
            _ => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::{Exit, Failure};
    use crate::client::{HostPort, StreamError};

    #[test]
    fn sentences_and_codes() {
        let addr = || HostPort::new("127.0.0.1", 8086);
        let status = |status: Status| StreamError::Server(status);
        for (failure, expect, exit) in [
            (
                Failure::before_first(addr(), status(Status::invalid_argument("port 0 is none"))),
                "the server at 127.0.0.1:8086 refused the request: INVALID_ARGUMENT: port 0 is none",
                Exit::Usage,
            ),
            (
                Failure::before_first(addr(), StreamError::Connection("frame with invalid size".into())),
                "127.0.0.1:8086 does not answer in gRPC: frame with invalid size; is that the gRPC port of a \
                 Destination server (8086 by default)?",
                Exit::Failed,
            ),
            (
                Failure::after_first(addr(), status(Status::unavailable("shutting down"))),
                "the server at 127.0.0.1:8086 ended the stream: UNAVAILABLE: shutting down",
                Exit::Failed,
            ),
            (
                Failure::after_first(addr(), StreamError::Ended),
                "the server at 127.0.0.1:8086 ended the stream: OK: no reason given",
                Exit::Failed,
            ),
            (
                Failure::after_first(addr(), StreamError::Connection("connection reset by peer".into())),
                "the connection to 127.0.0.1:8086 is lost: connection reset by peer",
                Exit::Failed,
            ),
        ] {
            assert_eq!((failure.to_string().as_str(), failure.exit()), (expect, exit));
        }
    }
}

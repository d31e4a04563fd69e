//! Why a connection has ended.

use std::{error::Error, io};

use super::late::TOO_MUCH;

/// The reason, from a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client went away, or closed it.
    ByClient,
    /// This server is shutting down.
    Drained,
    /// It had no stream for too long.
    Idle,
    /// The client did not say in time that it speaks HTTP/2, or TLS if it has to.
    Silent,
    /// The client did not answer a ping, or took nothing for too long.
    Unreachable,
    /// The client broke the rules of HTTP/2.
    Protocol,
    /// The TLS handshake failed.
    Tls,
    /// The client did too much of what is allowed.
    Flood,
    /// There were too many connections.
    Refused,
    /// Something else failed.
    Failed,
}

impl Ended {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::ByClient,
        Self::Drained,
        Self::Idle,
        Self::Silent,
        Self::Unreachable,
        Self::Protocol,
        Self::Tls,
        Self::Flood,
        Self::Refused,
        Self::Failed,
    ];

    /// As a label of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByClient => "by_client",
            Self::Drained => "drained",
            Self::Idle => "idle",
            Self::Silent => "silent",
            Self::Unreachable => "unreachable",
            Self::Protocol => "protocol",
            Self::Tls => "tls",
            Self::Flood => "flood",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// What an error of HTTP/2 means.
    #[must_use]
    pub(super) fn of(error: &hyper::Error) -> Self {
        if error.is_timeout() {
            return Self::Unreachable;
        }
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                match error.reason() {
                    // What the client says of itself is how it closes.
                    Some(_) if error.is_remote() => return Self::ByClient,
                    Some(h2::Reason::ENHANCE_YOUR_CALM) => return Self::Flood,
                    Some(_) => return Self::Protocol,
                    None => {}
                }
                if let Some(error) = error.get_io() {
                    return Self::of_io(error);
                }
            } else if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::of_io(error);
            }
            cause = error.source();
        }
        Self::Failed
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            TOO_MUCH => Self::Flood,
            io::ErrorKind::TimedOut => Self::Unreachable,
            io::ErrorKind::InvalidData => Self::Protocol,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::ByClient,
            _ => Self::Failed,
        }
    }
}

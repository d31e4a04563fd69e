//! What clients may do, each a flag of `serve`, what the log may hold, and what is counted when either wants more.

use tokio::time::Duration;
use tonic::Status;

mod told;

pub(crate) use self::told::tell;

pub use crate::bucket::Rate;
use crate::{
    metrics::{Metrics, OfLimit},
    shares::Refused,
};

/// Limits and timings of connections and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once. Further ones are told so and closed.
    pub max_connections: usize,
    /// Streams of one connection. Further requests are refused.
    pub max_concurrent_streams: u32,
    /// The part of the free connections that one client may have; 0 for all.
    pub client_share: f64,
    /// How fast one client address may open streams; `None` for as fast as it can.
    pub stream_rate: Option<Rate>,
    /// Size of a request's headers in bytes.
    pub max_header_bytes: u32,
    /// How long a connection may take to say that it speaks HTTP/2 (and TLS, if it has to).
    pub request_timeout: Duration,
    /// How long a connection may have no stream; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// How often a quiet connection is pinged; `None` for never. A dead peer is found after this and
    /// `keepalive_timeout` together.
    pub keepalive_interval: Option<Duration>,
    /// How long the answer to a ping may take.
    pub keepalive_timeout: Duration,
}

impl Default for Limits {
    /// The defaults of the flags.
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_concurrent_streams: 4096,
            client_share: 0.5,
            stream_rate: Some(Rate { per_second: 1000, burst: 10_000 }),
            max_header_bytes: 16 * 1024,
            request_timeout: Duration::from_secs(10),
            idle_timeout: Some(Duration::from_secs(300)),
            keepalive_interval: Some(Duration::from_secs(10)),
            keepalive_timeout: Duration::from_secs(5),
        }
    }
}

/// A limit that can be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `--max-connections`
    Connections,
    /// `--max-concurrent-streams`
    Streams,
    /// `--max-streams`
    AllStreams,
    /// `--max-stream-rate`
    StreamRate,
    /// `--max-views`
    Views,
    /// `--max-view-bytes`
    ViewBytes,
    /// `--client-share`
    ClientShare,
    /// `--max-request-bytes`
    RequestBytes,
    /// `--max-header-bytes`
    HeaderBytes,
    /// `--request-timeout`
    RequestTime,
    /// Requests of health and reflection that have not ended.
    Waiting,
    /// Lines of one kind in the log.
    LogRate,
    /// Lines that wait for the reader of standard error.
    LogQueue,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 13] = [
        Self::Connections,
        Self::Streams,
        Self::AllStreams,
        Self::StreamRate,
        Self::Views,
        Self::ViewBytes,
        Self::ClientShare,
        Self::RequestBytes,
        Self::HeaderBytes,
        Self::RequestTime,
        Self::Waiting,
        Self::LogRate,
        Self::LogQueue,
    ];

    /// The flag that sets it, or its name.
    fn name(self) -> &'static str {
        match self {
            Self::Connections => "--max-connections",
            Self::Streams => "--max-concurrent-streams",
            Self::AllStreams => "--max-streams",
            Self::StreamRate => "--max-stream-rate",
            Self::Views => "--max-views",
            Self::ViewBytes => "--max-view-bytes",
            Self::ClientShare => "--client-share",
            Self::RequestBytes => "--max-request-bytes",
            Self::HeaderBytes => "--max-header-bytes",
            Self::RequestTime => "--request-timeout",
            Self::Waiting => "the number of unfinished requests of health and reflection",
            Self::LogRate => "the rate of log lines of one kind",
            Self::LogQueue => "the queue of log lines",
        }
    }

    /// What it means for clients.
    fn impact(self) -> &'static str {
        match self {
            Self::Connections => {
                "further clients are told so and turned away, and have to ask another server"
            }
            Self::Streams => {
                "further requests on such a connection are refused; its client has to open another one"
            }
            Self::StreamRate => "further requests from such an address are refused until it asks less often",
            Self::AllStreams => "further requests are refused, and their clients have to ask another server",
            Self::ClientShare => {
                "a client that has its share is refused more; clients that have less are answered as ever"
            }
            Self::Views | Self::ViewBytes => {
                "questions that no open stream asks are refused; streams for all other questions still open"
            }
            Self::RequestBytes => "such requests are refused",
            Self::HeaderBytes => "such requests are refused",
            Self::RequestTime => {
                "requests and connections that take longer to say what they want are given up"
            }
            Self::Waiting => "further requests of health and reflection are refused for a moment",
            Self::LogRate => "further such lines are left out; /debug/warnings lists every warning",
            Self::LogQueue => {
                "standard error is not read fast enough, and further lines are dropped; nothing else waits for it"
            }
        }
    }

    /// As a label of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Streams => "streams",
            Self::AllStreams => "all_streams",
            Self::StreamRate => "stream_rate",
            Self::Views => "views",
            Self::ViewBytes => "view_bytes",
            Self::ClientShare => "client_share",
            Self::RequestBytes => "request_bytes",
            Self::HeaderBytes => "header_bytes",
            Self::RequestTime => "request_time",
            Self::Waiting => "waiting",
            Self::LogRate => "log_rate",
            Self::LogQueue => "log_queue",
        }
    }

    /// Counts a refusal by this limit or by the share of a client, and returns it as a status.
    pub(super) fn refuse(self, refused: &Refused, message: String, metrics: &Metrics) -> Status {
        match refused {
            Refused::Full { .. } => self.hit(metrics),
            Refused::Share { .. } => Self::ClientShare.hit(metrics),
        }
        Status::resource_exhausted(message)
    }

    /// Counts that it was hit.
    pub(super) fn hit(self, metrics: &Metrics) {
        metrics.limits_hit.get_or_create(&OfLimit { limit: self.as_str() }).inc();
    }

    /// Counts that it was hit so often since the start.
    fn hit_in_all(self, times: u64, metrics: &Metrics) {
        let counter = metrics.limits_hit.get_or_create_owned(&OfLimit { limit: self.as_str() });
        counter.inc_by(times.saturating_sub(counter.get()));
    }
}

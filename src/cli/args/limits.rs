//! What `switchyard serve` lets clients do, as typed.

use std::time::Duration;

use clap::Args;

use super::parse;
use crate::controller::{MAX_VIEW_BYTES, MAX_VIEWS};

/// Bounds on what clients may do. Whoever is over one is told so with RESOURCE_EXHAUSTED.
#[derive(Clone, Copy, Debug, Args)]
pub struct LimitArgs {
    /// How many connections may be open
    ///
    /// Each costs some twenty kilobytes. A client beyond it is told so and sent away.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Streams that one connection may have open
    ///
    /// A proxy has one for each service and port it talks to, all on one connection.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_CONCURRENT_STREAMS", value_name = "COUNT", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_concurrent_streams: u32,

    /// Streams of all connections together
    ///
    /// Each costs some two and a half kilobytes.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_STREAMS", value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_streams: u32,

    /// Part of what is free that one client may have; 0 = all
    ///
    /// It counts for connections, streams, views and their bytes, and for the address and the identity of a client. With
    /// 0.5 a client alone may have a third of each, and less the more others have; so the client with the most is refused
    /// first. Clients on the server's own address are not counted: a sidecar proxy speaks for many.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_CLIENT_SHARE", value_name = "FRACTION", default_value_t = 0.5, value_parser = fraction)]
    pub client_share: f64,

    /// New streams a second per address; 0 = any
    ///
    /// Clients on the server's own address are not counted: a sidecar proxy speaks for many.
    #[arg(
        help_heading = "Limits",
        long,
        env = "SWITCHYARD_MAX_STREAM_RATE",
        value_name = "COUNT",
        default_value_t = 1000
    )]
    pub max_stream_rate: u32,

    /// New streams at once before the rate counts
    ///
    /// They count per address, after a quiet time.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_STREAM_BURST", value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_stream_burst: u32,

    /// Different questions answered at once
    ///
    /// A question is a name, a port, a reading and the client's node: as many views are kept up to date.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_VIEWS", value_name = "COUNT", default_value_t = u32::try_from(MAX_VIEWS).unwrap_or(u32::MAX), value_parser = clap::value_parser!(u32).range(1..))]
    pub max_views: u32,

    /// Bytes of all answers that are kept up to date
    ///
    /// A view is counted with 6 KiB and 512 bytes an endpoint, its first message included.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_VIEW_BYTES", value_name = "BYTES", default_value_t = MAX_VIEW_BYTES, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_view_bytes: u64,

    /// Largest request message, in bytes
    ///
    /// The message is an authority and a token.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_REQUEST_BYTES", value_name = "BYTES", default_value_t = 2_097_152, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_request_bytes: u32,

    /// Largest request headers, in bytes
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_MAX_HEADER_BYTES", value_name = "BYTES", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1024..=1_048_576))]
    pub max_header_bytes: u32,

    /// Time for first bytes and for a request
    ///
    /// It bounds the first bytes of a connection, and the message of a request.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse::some_duration)]
    pub request_timeout: Duration,

    /// Time without a stream; 0 = for ever
    ///
    /// A connection is closed after it.
    #[arg(help_heading = "Limits", long, env = "SWITCHYARD_IDLE_TIMEOUT", value_name = "DURATION", default_value = "5m", value_parser = parse::duration)]
    pub idle_timeout: Duration,
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
    fraction.ok_or_else(|| "write a number from 0 to 1, for example 0.5".to_owned())
}

//! The gRPC server: Destination, health and reflection on one port.
//!
//! What is ours is the Destination service ([`destination`]), because its answers are bytes that many
//! streams share; the rest is tonic's.

use std::{error::Error, future::Future, io, time::Duration};

use futures::{Stream, stream};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Server;
use tonic_health::{
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;

pub mod answers;
pub mod destination;
pub mod drain;

use crate::pb;
use destination::Destination;

/// Limits and timings of the server, each a flag of `serve`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How often a quiet connection is pinged; `None` for never. A dead peer is found after this and
    /// `keepalive_timeout` together.
    pub keepalive_interval: Option<Duration>,
    /// How long the answer to a ping may take.
    pub keepalive_timeout: Duration,
    /// Streams of one connection. A client that wants more waits for one of its own to end.
    pub max_concurrent_streams: u32,
    /// Size of a request's headers in bytes.
    pub max_header_bytes: u32,
}

/// How much a client may send before we have read it, for a stream and for a connection, in bytes. Requests
/// are a few hundred bytes; this bounds what a flood of them can hold.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How long to wait when no connection can be accepted (out of file descriptors, say) before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done and every connection has ended after that. Whether the server is ready to
/// answer is told to clients through `health`.
///
/// # Errors
/// If the server cannot be set up, or fails as a whole.
pub async fn serve(
    listener: TcpListener,
    limits: Limits,
    destination: Destination,
    health: HealthReporter,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let reflection = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Server::builder()
        .http2_keepalive_interval(limits.keepalive_interval)
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .max_concurrent_streams(limits.max_concurrent_streams)
        .http2_max_header_list_size(limits.max_header_bytes)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(destination)
        .add_service(HealthServer::new(HealthService::from_health_reporter(health)))
        .add_service(reflection().build_v1()?)
        // What older grpcurl releases ask for.
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(incoming(listener), stop)
        .await?;
    Ok(())
}

/// Connections as they come. Failing to accept one is a pause, never the end of the server.
fn incoming(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => {
                    // Answers are small and wanted at once.
                    _ = connection.set_nodelay(true);
                    return Some((Ok(connection), listener));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; open streams are not affected");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

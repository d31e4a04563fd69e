//! The gRPC server: Destination, health and reflection on one port.
//!
//! What is ours is the Destination service ([`destination`]), because its answers are bytes that many
//! streams share, and how connections are polled ([`crate::connection`]); the rest is tonic's and hyper's.

use std::error::Error;

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic_health::{
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;

mod accept;
pub mod answers;
pub mod destination;
pub mod drain;
mod gate;
pub(crate) mod hint;
pub mod limits;
pub mod method;
mod rates;
mod request;
pub mod tally;
mod waiting;

pub(crate) use self::accept::ADMIN_PORT_HEADER;
pub use self::limits::Limits;
use crate::{
    metrics::Metrics,
    pb,
    tls::{AllowClients, Tls},
};
use destination::Destination;
use drain::Drain;

/// The largest request of health and reflection, in bytes: a name. As many are held at once as there may be streams.
const SMALL: usize = 4096;

/// Everything that is served on the port.
#[derive(Debug)]
pub struct Server {
    /// What clients may do.
    pub limits: Limits,
    /// How connections are encrypted, and who clients are; `None` for plain text.
    pub tls: Option<Tls>,
    /// Who may ask.
    pub allow_clients: AllowClients,
    /// The service.
    pub destination: Destination,
    /// Whether the server is ready to answer.
    pub health: HealthReporter,
    /// When and how it ends.
    pub drain: Drain,
    /// What connections are counted in.
    pub metrics: Metrics,
    /// The port of the admin pages, which a client that speaks HTTP/1 looks for.
    pub admin_port: u16,
}

impl Server {
    /// Serves until it has drained and every connection has ended after that.
    ///
    /// # Errors
    /// If the server cannot be set up.
    pub async fn serve(self, listener: TcpListener) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self { limits, tls, allow_clients, destination, health, drain, metrics, admin_port } = self;
        let reflection = || {
            Builder::configure()
                .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let health = HealthServer::new(HealthService::from_health_reporter(health));
        let streams = destination.streams();
        let routes = Routes::new(destination)
            .add_service(health.max_decoding_message_size(SMALL))
            .add_service(reflection().build_v1()?.max_decoding_message_size(SMALL))
            // What older grpcurl releases ask for.
            .add_service(reflection().build_v1alpha()?.max_decoding_message_size(SMALL))
            .prepare();
        let rules = gate::Rules::new(limits, allow_clients, streams, metrics);
        accept::Acceptor::new(rules, tls, routes, drain, admin_port).serve(listener).await;
        Ok(())
    }
}

//! The server that is measured: the parts of `switchyard serve`, put together as it does, fed by the benchmark
//! in place of a source.

use std::sync::Arc;

use switchyard::{
    admin::{self, Access, Admin},
    controller::{BATCHES, Controller},
    engine::Engine,
    grpc::{
        self, Limits,
        destination::{Destination, Requests},
        drain::Drain,
    },
    hold::Lead,
    metrics::Metrics,
    model::Name,
    picture::{Keeper, observer},
    resolve::Options,
    source::{Batch, Event},
    status::Status,
    tls::AllowClients,
};
use tokio::{
    sync::{mpsc, watch},
    time::Duration,
};
use tonic_health::server::HealthReporter;

use super::{
    child::{self, Serve},
    worlds::World,
};

/// As the flags are by default, except for what is in the way of measuring: all clients have one address here, and
/// one that does not read must stay, so that what it costs is seen.
fn limits() -> Limits {
    Limits { stream_rate: None, idle_timeout: None, keepalive_interval: None, ..Limits::default() }
}

struct Ours {
    changes: Vec<Vec<Vec<Event>>>,
    batches: mpsc::Sender<Batch>,
    metrics: Metrics,
    /// The port of the page.
    admin: u16,
}

impl Serve for Ours {
    async fn change(&mut self, number: usize) {
        for events in self.changes[number % self.changes.len()].clone() {
            self.batches.send(Batch { events, ..Batch::default() }).await.expect("the controller runs");
        }
    }

    fn admin(&self) -> Option<u16> {
        Some(self.admin)
    }

    fn event_to_wire(&self) -> Option<Duration> {
        let bound = self.metrics.event_to_wire.quantile(0.99)?;
        // Above the last bound it is infinite.
        Some(Duration::try_from_secs_f64(bound).unwrap_or(Duration::MAX))
    }
}

/// Serves until standard input ends.
pub(super) async fn serve(world: World) {
    let domain = Name::from("cluster.local");
    let metrics = Metrics::default();
    let (status, shown_status) = watch::channel(Arc::new(Status::default()));
    let mut engine = Engine::new(domain.clone(), Options::default());
    engine.apply(world.events());
    let lead = Lead { drain: Duration::from_millis(300) };
    let (controller, directory) = Controller::new(engine, lead, status, metrics.clone());
    let (keeper, pictures) = Keeper::new(Options::default(), domain.clone());
    let (observer, observations) = observer();
    let controller = controller.observed_by(observer);
    tokio::spawn(keeper.run(observations, shown_status.clone(), directory.topics().clone()));
    let admin = Admin::new(metrics.registry(), shown_status, directory.clone(), domain.clone(), pictures);
    let admin_listener = child::listen();
    let admin_port = admin_listener.local_addr().expect("bound").port();
    tokio::spawn(admin::serve(admin_listener, admin, Access::default(), None));
    let drain = Drain::new(Duration::ZERO, directory.topics().clone());
    let requests = Requests { max_bytes: 32 << 10, time: Duration::from_secs(10) };
    let destination = Destination::new(directory, domain, requests, drain.clone(), metrics.clone());
    let listener = child::listen();
    let port = listener.local_addr().expect("bound").port();
    let (batches, batches_in) = mpsc::channel(BATCHES);
    tokio::spawn(controller.run(batches_in));
    let health = HealthReporter::new();
    let server = grpc::Server {
        drain,
        tls: None,
        allow_clients: AllowClients::default(),
        limits: limits(),
        destination,
        health,
        metrics: metrics.clone(),
        admin_port,
    };
    tokio::spawn(async move { server.serve(listener).await.expect("it serves") });
    child::obey(port, world, Ours { changes: world.changes(), batches, metrics, admin: admin_port }).await;
}

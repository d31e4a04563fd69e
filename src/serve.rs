//! `switchyard serve`: puts the parts together, and takes them apart in the right order.
//!
//! Start: listeners first, so that an address in use is said before anything else; then the source, the
//! controller and the servers. A part that ends while nobody asked it to takes the process down with a
//! message: a server that is half alive answers what was true once.
//!
//! Stop: not ready, a delay for load balancers to notice, then streams end one by one, all of it bounded.

use std::{io, sync::Arc};

use futures::FutureExt;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    task::{JoinSet, spawn_blocking},
    time::{Duration, Instant, sleep, timeout_at},
};
use tonic::server::NamedService;
use tonic_health::{ServingStatus, server::HealthReporter};

mod banner;
mod files;
mod split_lines;

use self::banner::{Banner, Bound};
use crate::{
    admin::{self, Access, Admin, BadToken, Token},
    cli::{AdminAccessArgs, DrainArgs, LimitArgs, ServeArgs},
    client::HostPort,
    controller::{BATCHES, Controller},
    engine::Engine,
    grpc::{
        self, Limits,
        destination::{Destination, Requests},
        drain::Drain,
        limits::Rate,
    },
    hold::Lead,
    logs::Logs,
    metrics::{self, Metrics},
    picture::{Keeper, observer},
    source::{
        Batch, Report,
        kubernetes::{ConnectError, Kubernetes, Pace},
        manifests::{Manifests, OpenError},
    },
    status::Status,
    tls::{self, Tls},
};

/// Why a server could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no cluster to watch.
    #[error("{0}")]
    Cluster(#[from] ConnectError),
    /// The manifests cannot be read.
    #[error("{0}")]
    Manifests(#[from] OpenError),
    /// The certificates cannot be used.
    #[error("{0}")]
    Tls(#[from] tls::OpenError),
    /// There is no admin token.
    #[error("{0}")]
    Token(#[from] BadToken),
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} ({flag}): {error}")]
    Listen {
        /// The address.
        addr: HostPort,
        /// The flag that named it.
        flag: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// There is no thread for the watchdog.
    #[error("cannot start a thread: {0}")]
    Watchdog(io::Error),
    /// A part ended that should not have.
    #[error("the {part} ended unexpectedly: {why}; restart the server")]
    Part {
        /// Which.
        part: &'static str,
        /// What it said last.
        why: String,
    },
}

/// Serves until a signal, or until something essential fails.
///
/// # Errors
/// [`Failure`] says what could not be done and what would help.
pub async fn run(args: ServeArgs) -> Result<(), Failure> {
    // A flag that nobody uses does not compile.
    let addr = args.addr();
    let ServeArgs {
        manifests,
        kubeconfig,
        events,
        addr: _,
        metrics_addr,
        admin: AdminAccessArgs { admin_token_file, admin_tls, admin_allow_clients },
        leaf_drain,
        empty_after,
        tls,
        answers,
        keepalive_interval,
        keepalive_timeout,
        limits:
            LimitArgs {
                max_connections,
                max_concurrent_streams,
                max_streams,
                client_share,
                max_stream_rate,
                max_stream_burst,
                max_views,
                max_view_bytes,
                max_request_bytes,
                max_header_bytes,
                request_timeout,
                idle_timeout,
            },
        drain: DrainArgs { delay: drain_delay, window: drain_window, timeout: drain_timeout },
        log_level,
        log_format,
        #[cfg(feature = "otel")]
        otlp_endpoint,
    } = args;
    #[cfg(not(feature = "otel"))]
    let otlp_endpoint = None;
    let logs = Logs::init(&log_level, log_format, otlp_endpoint.as_ref());
    let grpc_listener = listen(&addr, "--addr").await?;
    let admin_listener = listen(&metrics_addr, "--metrics-addr").await?;
    let local = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address");
    let scheme = if admin_tls { "https" } else { "http" };
    let (grpc_addr, admin_addr) = (local(&grpc_listener), local(&admin_listener));
    let bound = Bound { grpc: grpc_addr, admin: format!("{scheme}://{admin_addr}") };
    let mut signals = Signals::new().map_err(Failure::Signals)?;

    let (tls_files, allow_clients) = tls.into_parts();
    let tls = tls_files.map(Tls::open).transpose()?;

    let token = admin_token_file.as_deref().map(Token::open).transpose()?;
    let access = Access {
        token: token.clone(),
        allow_clients: (!admin_allow_clients.is_empty()).then(|| admin_allow_clients.into_iter().collect()),
    };

    let (domain, options) = answers.into_parts();
    let metrics = Metrics::default();
    let mut engine = Engine::new(domain.clone(), options.clone());
    let (source, report, banner) = match manifests {
        Some(path) => {
            let (source, first) = Manifests::open(&path)?;
            let source = source.empty_after(empty_after);
            engine.apply(first.events);
            let report = first.report.unwrap_or_default();
            let banner = Banner::of_manifests(&path, &bound, &engine, &report, &options, tls.is_some());
            (Source::Manifests(Box::new(source)), report, banner)
        }
        None => {
            let pace = Pace { empty_after, ..Pace::default() };
            let source = Kubernetes::with_pace(kubeconfig, metrics.clone(), pace).await?;
            let banner = Banner::of_cluster(source.url(), &bound);
            (Source::Kubernetes(Box::new(source)), Arc::new(Report::default()), banner)
        }
    };
    let (status_sender, status) = watch::channel(Arc::new(Status::default()));
    let lead = Lead { drain: leaf_drain };
    let (controller, directory) = Controller::new(engine, lead, status_sender, metrics.clone());
    let controller = controller.limit_views(max_views.into(), max_view_bytes, client_share);
    let (keeper, pictures) = Keeper::new(options, domain.clone());
    let (observer, observations) = observer();
    let controller = controller.observed_by(observer);
    directory.heartbeat().watch().map_err(Failure::Watchdog)?;
    // Not a part that must live: without it the page says that there is no picture.
    tokio::spawn(keeper.run(observations, status.clone(), directory.topics().clone()));
    // What the timeout leaves has room for the window and for streams to hear of their end.
    let drain_window = drain_window.min(drain_timeout.saturating_sub(drain_delay).mul_f64(0.75));
    let drain = Drain::new(drain_window, directory.topics().clone());
    let mut registry = metrics.registry();
    metrics::sweep::register(&mut registry, directory.topics().clone());
    if let Some(tls) = &tls {
        tls.register(metrics::ours(&mut registry));
        // Not a part that must live: without it the certificates stay as they are.
        tokio::spawn(tls.clone().follow());
    }
    if let Some(token) = token {
        // Not a part that must live either.
        tokio::spawn(token.follow());
    }
    let admin = Admin::new(registry, status.clone(), directory.clone(), domain.clone(), pictures);
    admin.set_grpc(grpc_addr);
    let mut health = HealthReporter::new();
    set_health(&health, ServingStatus::NotServing).await;
    let some = |duration: Duration| (!duration.is_zero()).then_some(duration);
    let max_bytes = usize::try_from(max_request_bytes).unwrap_or(usize::MAX);
    let requests = Requests { max_bytes, time: request_timeout };
    let destination = Destination::new(directory, domain, requests, drain.clone(), metrics.clone());
    let destination = destination.limit_streams(max_streams.into(), client_share);
    let stream_rate =
        (max_stream_rate > 0).then(|| Rate { per_second: max_stream_rate, burst: max_stream_burst.max(1) });
    let max_connections = files::make_room(max_connections, matches!(source, Source::Manifests(_)));
    let limits = Limits {
        max_connections: usize::try_from(max_connections).unwrap_or(usize::MAX),
        max_concurrent_streams,
        client_share,
        stream_rate,
        max_header_bytes,
        request_timeout,
        idle_timeout: some(idle_timeout),
        keepalive_interval: some(keepalive_interval),
        keepalive_timeout,
    };

    let (batches, batches_in) = mpsc::channel(BATCHES);
    // Its events are known; the report is what makes the controller show where things stand.
    let first = Batch { report: Some(report), ..Batch::default() };
    batches.try_send(first).expect("the channel is new and has room");
    let mut parts = Parts::default();
    if let Source::Kubernetes(source) = &source
        && events
    {
        tokio::spawn(source.write_events(status.clone()));
    }
    parts.spawn("source", async move {
        match source {
            Source::Manifests(source) => {
                source.follow(batches).await;
                "it stopped following the manifests".to_owned()
            }
            Source::Kubernetes(source) => source.follow(batches).await,
        }
    });
    parts.spawn("controller", async move {
        controller.run(batches_in).await;
        "it has nothing to do any more".to_owned()
    });
    parts.spawn("admin server", {
        let admin = admin.clone();
        let tls = tls.clone().filter(|_| admin_tls);
        // It is there to the end, which ends it.
        async move { outcome(admin::serve(admin_listener, admin, access, tls).await) }
    });
    // Not a part that must live: what it tells is counted as well.
    tokio::spawn(grpc::limits::tell(metrics.clone()));
    let (server_health, server_drain, server_metrics) = (health.clone(), drain.clone(), metrics.clone());
    parts.spawn(GRPC_SERVER, async move {
        let server = grpc::Server {
            limits,
            tls,
            allow_clients,
            destination,
            health: server_health,
            drain: server_drain,
            metrics: server_metrics,
            admin_port: admin_addr.port(),
        };
        outcome(server.serve(grpc_listener).await)
    });
    tokio::spawn(serve_once_synced(status, health.clone()));
    // Not waiting for a reader of standard output.
    spawn_blocking(move || banner.print());

    tokio::select! {
        failure = parts.failure() => return Err(failure),
        name = signals.next() => tracing::info!("{name}: shutting down; a second signal stops at once"),
    }
    let second_signal = async {
        // Who signals a group of processes signals some of them twice.
        sleep(SAME_SIGNAL).await;
        signals.forget();
        signals.next().await
    };
    admin.set_draining();
    set_health(&health, ServingStatus::NotServing).await;
    let shutdown = async {
        sleep(drain_delay).await;
        let streams = metrics.open_streams();
        tracing::info!(
            "{streams} streams end within {drain_window:?} (--drain-window); their clients ask another server"
        );
        drain.start();
        // Whoever watches the health has been told, and is not what the end waits for.
        for service in HEALTH_OF {
            health.clear_service_status(service).await;
        }
        parts.wait_for(GRPC_SERVER).await;
    };
    tokio::select! {
        ended = timeout_at(Instant::now() + drain_timeout, shutdown) => { match ended {
            Ok(()) => tracing::info!("all streams have ended"),
            Err(_) => tracing::warn!(
                "{} streams have not ended within {drain_timeout:?} (--drain-timeout) and are cut off: their clients \
                 see the connection break, and ask another server",
                metrics.open_streams()
            ),
        }
            if let Some(logs) = logs {
                logs.send_spans().await;
            }
        }
        name = second_signal => tracing::warn!("{name} again: stopping at once"),
    }
    Ok(())
}

/// Where objects come from.
enum Source {
    Manifests(Box<Manifests>),
    Kubernetes(Box<Kubernetes>),
}

/// Within this time a second signal is the first one.
const SAME_SIGNAL: Duration = Duration::from_millis(200);

const GRPC_SERVER: &str = "gRPC server";

/// The tasks that must all live for the server to be one.
#[derive(Default)]
struct Parts {
    tasks: JoinSet<(&'static str, String)>,
}

impl Parts {
    /// Starts a part; what the future yields is what it says when it ends.
    fn spawn(&mut self, part: &'static str, run: impl Future<Output = String> + Send + 'static) {
        self.tasks.spawn(async move { (part, run.await) });
    }

    /// Waits for any part to end, which none should.
    async fn failure(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(Ok((part, why))) => Failure::Part { part, why },
            Some(Err(panic)) => Failure::Part { part: "program", why: panic.to_string() },
            None => Failure::Part { part: "program", why: "it has no parts".to_owned() },
        }
    }

    /// Waits until this part has ended.
    async fn wait_for(&mut self, part: &str) {
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_ok_and(|(ended, _)| ended == part) {
                return;
            }
        }
    }
}

fn outcome<E: std::fmt::Display>(result: Result<(), E>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "it stopped".to_owned())
}

/// Tells health clients once the source has been read. Not a part that must live: it is done then.
async fn serve_once_synced(mut status: watch::Receiver<Arc<Status>>, health: HealthReporter) {
    if status.wait_for(|status| status.synced).await.is_ok() {
        set_health(&health, ServingStatus::Serving).await;
    }
}

/// The names that health is told of: the server as a whole, and its service.
const HEALTH_OF: [&str; 2] = ["", Destination::NAME];

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in HEALTH_OF {
        health.set_service_status(service, status).await;
    }
}

async fn listen(addr: &HostPort, flag: &'static str) -> Result<TcpListener, Failure> {
    addr.listen().await.map_err(|error| Failure::Listen { addr: addr.clone(), flag, error })
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Forgets those that have come.
    fn forget(&mut self) {
        for signal in [&mut self.terminate, &mut self.interrupt] {
            _ = signal.recv().now_or_never();
        }
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

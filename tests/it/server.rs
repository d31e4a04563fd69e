//! A real server to test against: the built binary on free ports, or the same parts within the test.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

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
    pb::destination::{DestinationProfile, GetDestination, Update, destination_client::DestinationClient},
    picture::Pictures,
    resolve::Options,
    source::Batch,
    status::Status,
    tls::AllowClients,
    topic::Topics,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::{TcpListener, TcpSocket},
    process::{Child, Command},
    sync::{mpsc, watch},
    time::timeout,
};
use tonic::{Streaming, transport::Channel};

/// How long anything that must happen may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long it must stay silent to count as silent: several polls of the folder.
pub(crate) const SILENCE: Duration = Duration::from_millis(600);

/// The token of a client that follows `dst_overrides` itself.
pub(crate) const LEAF: &str = r#"{"split":"leaf"}"#;

/// A port that is taken, and where nobody listens as long as the socket is kept.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let addr = socket.local_addr().expect("bound");
    (socket, addr)
}

/// The `switchyard` binary, killed when the test is over.
pub(crate) struct Binary {
    child: Child,
    /// Where it serves gRPC.
    pub(crate) grpc: SocketAddr,
    /// Where it serves the admin pages.
    pub(crate) admin: SocketAddr,
    printed: watch::Receiver<String>,
    logged: watch::Receiver<String>,
}

/// The binary with these arguments, not started.
pub(crate) fn switchyard(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SWITCHYARD_")) {
        command.env_remove(name);
    }
    command
}

impl Binary {
    /// Serves a folder on free ports.
    pub(crate) async fn serve(manifests: &Path) -> Self {
        Self::serve_with(manifests, &[]).await
    }

    /// Serves a folder on free ports with more flags.
    pub(crate) async fn serve_with(manifests: &Path, flags: &[&str]) -> Self {
        let manifests = manifests.to_str().expect("a test's path is text");
        let fixed =
            ["serve", "--manifests", manifests, "--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
        Self::start(&[&fixed, flags].concat()).await
    }

    /// Runs it with these arguments, which name free ports.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::start_as(switchyard(args)).await
    }

    /// Runs a command of [`switchyard`], whose standard error may go elsewhere.
    pub(crate) async fn start_as(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        // The end of a pipe that it holds would keep the pipe open.
        drop(command);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (mut grpc, mut admin) = (None, None);
        let (print, printed) = watch::channel(String::new());
        while grpc.is_none() || admin.is_none() {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("the banner in time");
            let Some(line) = line.expect("text") else {
                let mut errors = String::new();
                if let Some(mut pipe) = child.stderr.take() {
                    _ = pipe.read_to_string(&mut errors).await;
                }
                panic!("the server ended before it listened: {}{errors}", *print.borrow());
            };
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["gRPC", addr, ..] => grpc = addr.parse().ok(),
                ["admin", url, ..] => admin = url.split_once("://").and_then(|(_, addr)| addr.parse().ok()),
                _ => {}
            }
            print.send_modify(|text| *text += &format!("{line}\n"));
        }
        // Both pipes are read on, so that the server never waits for us.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                print.send_modify(|text| *text += &format!("{line}\n"));
            }
        });
        let (log, logged) = watch::channel(String::new());
        if let Some(errors) = child.stderr.take() {
            let mut errors = BufReader::new(errors).lines();
            tokio::spawn(async move {
                while let Ok(Some(line)) = errors.next_line().await {
                    log.send_modify(|text| *text += &format!("{line}\n"));
                }
            });
        }
        Self { child, grpc: grpc.expect("seen"), admin: admin.expect("seen"), printed, logged }
    }

    /// Waits until it has printed this.
    pub(crate) async fn prints(&mut self, text: &str) {
        let seen = self.printed.wait_for(|printed| printed.contains(text));
        timeout(PATIENCE, seen)
            .await
            .unwrap_or_else(|_| panic!("never printed {text:?}"))
            .expect("it still runs");
    }

    /// All that it has printed so far.
    pub(crate) fn printed(&self) -> String {
        self.printed.borrow().clone()
    }

    /// Waits until it has logged this.
    pub(crate) async fn logs(&mut self, text: &str) {
        let seen = self.logged.wait_for(|logged| logged.contains(text));
        timeout(PATIENCE, seen)
            .await
            .unwrap_or_else(|_| panic!("never logged {text:?}"))
            .expect("it still runs");
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        self.logged.borrow().clone()
    }

    /// Sends a signal by name, as `kill -TERM` does.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it is running").to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await;
        assert!(sent.expect("kill exists").success());
    }

    /// What it has in memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let id = self.child.id().expect("it is running");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("it can be waited for")
    }

    /// The status code and body of an admin page.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        http_get(self.admin, path).await.expect("the admin port answers")
    }

    /// The status code and body of the answer to a PUT at the admin port.
    pub(crate) async fn admin_put(&self, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n");
        http_with(self.admin, &head, body).await.expect("the admin port answers")
    }

    /// The value of a metric, written as on the page: `switchyard_streams{rpc="get"}`. 0 if it is absent.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let (_, page) = self.admin("/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a number"))
    }
}

/// A request of HTTP/1.1 by hand: one page, one connection.
pub(crate) async fn http_get(addr: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    http(
        addr,
        &format!(
            "GET {path} HTTP/1.1
host: localhost
"
        ),
    )
    .await
}

/// What a port answers to a request, of which this is the head without what ends it.
pub(crate) async fn http(addr: SocketAddr, head: &str) -> std::io::Result<(u16, String)> {
    http_with(addr, head, "").await
}

async fn http_with(addr: SocketAddr, head: &str, body: &str) -> std::io::Result<(u16, String)> {
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    let mut stream = TcpStream::connect(addr).await?;
    stream
        .write_all(
            format!(
                "{head}connection: close

{body}"
            )
            .as_bytes(),
        )
        .await?;
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await??;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Ok((code, body.to_owned()))
}

/// The parts of a server within the test, fed by the test itself.
pub(crate) struct InProcess {
    /// Where it serves gRPC.
    pub(crate) addr: SocketAddr,
    /// Where it serves the admin pages.
    pub(crate) admin: SocketAddr,
    /// Its metrics.
    pub(crate) metrics: Metrics,
    /// What the source says.
    pub(crate) batches: mpsc::Sender<Batch>,
    /// Its topics.
    pub(crate) topics: Arc<Topics>,
}

impl InProcess {
    /// Starts a server for the domain `cluster.local` that knows nothing yet.
    pub(crate) async fn start() -> Self {
        let domain = Name::from("cluster.local");
        let metrics = Metrics::default();
        let (status, shown_status) = watch::channel(Arc::new(Status::default()));
        let engine = Engine::new(domain.clone(), Options::default());
        let (controller, directory) =
            Controller::new(engine, Lead { drain: Duration::ZERO }, status, metrics.clone());
        let topics = directory.topics().clone();
        let drain = Drain::new(Duration::ZERO, topics.clone());
        let requests = Requests { max_bytes: 32 << 10, time: Duration::from_secs(10) };
        let admin = Admin::new(
            metrics.registry(),
            shown_status,
            directory.clone(),
            domain.clone(),
            Pictures::default(),
        );
        let destination = Destination::new(directory, domain, requests, drain.clone(), metrics.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let admin_listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let admin_addr = admin_listener.local_addr().expect("bound");
        tokio::spawn(admin::serve(admin_listener, admin, Access::default(), None));
        let (batches, batches_in) = mpsc::channel(BATCHES);
        tokio::spawn(controller.run(batches_in));
        let health = tonic_health::server::HealthReporter::new();
        let server = grpc::Server {
            drain,
            limits: Limits::default(),
            tls: None,
            allow_clients: AllowClients::default(),
            destination,
            health,
            metrics: metrics.clone(),
            admin_port: admin_addr.port(),
        };
        tokio::spawn(server.serve(listener));
        Self { addr, admin: admin_addr, metrics, batches, topics }
    }
}

/// A client of its own connection.
pub(crate) async fn client(addr: SocketAddr) -> DestinationClient<Channel> {
    let channel = Channel::from_shared(format!("http://{addr}")).expect("a valid address");
    let channel = timeout(PATIENCE, channel.connect()).await.expect("in time").expect("a server is there");
    DestinationClient::new(channel).max_decoding_message_size(64 << 20)
}

/// A request.
pub(crate) fn ask(authority: &str, token: &str) -> GetDestination {
    GetDestination { scheme: String::new(), path: authority.to_owned(), context_token: token.to_owned() }
}

/// A stream of `Get` on a connection of its own.
pub(crate) async fn get(addr: SocketAddr, authority: &str, token: &str) -> Streaming<Update> {
    let response = client(addr).await.get(ask(authority, token)).await;
    response.expect("the stream opens").into_inner()
}

/// A stream of `GetProfile` on a connection of its own.
pub(crate) async fn get_profile(
    addr: SocketAddr,
    authority: &str,
    token: &str,
) -> Streaming<DestinationProfile> {
    let response = client(addr).await.get_profile(ask(authority, token)).await;
    response.expect("the stream opens").into_inner()
}

/// The next message, which must come.
#[track_caller]
pub(crate) fn next<T>(stream: &mut Streaming<T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let message = timeout(PATIENCE, stream.message()).await;
        let message = message.unwrap_or_else(|_| panic!("no message in time, asked at {place}"));
        message.expect("no error").expect("the stream goes on")
    }
}

/// Asserts that nothing is said for a while.
pub(crate) async fn silent<T: std::fmt::Debug>(stream: &mut Streaming<T>) {
    if let Ok(message) = timeout(SILENCE, stream.message()).await {
        panic!("should have been silent: {message:?}");
    }
}

/// A copy of the example, for a test to edit.
pub(crate) fn copy_of_bookinfo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/bookinfo");
    for entry in std::fs::read_dir(source).expect("the example is there") {
        let entry = entry.expect("readable");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}

//! Our own program in a cluster, and clients whose streams stay open through everything.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use switchyard::{
    client::{Client, Endpoints, HostPort},
    pb::destination::{DestinationProfile, Update, update},
};
use tokio::{runtime::Runtime, time::Instant};

use crate::control_plane::PATIENCE;

/// The token of a client that follows profiles, as every Linkerd proxy does.
pub(crate) const LEAF: &str = r#"{"ns":"default"}"#;

/// Two messages that come so soon after one another were sent together.
const ONE_PIECE: Duration = Duration::from_millis(500);

/// How often something is looked at that is on its way.
const POLL: Duration = Duration::from_millis(50);

/// A server that runs. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    admin: String,
    client: Client,
    runtime: Runtime,
}

impl Server {
    /// `switchyard serve` with these flags, on free ports.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .arg("serve")
            .args(["--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let mut banner = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = |name: &str| loop {
            let line = banner.next().expect("it says where it listens").expect("text");
            if let Some(rest) = line.trim().strip_prefix(name) {
                return rest.trim().to_owned();
            }
        };
        let grpc = said("gRPC").parse::<HostPort>().expect("an address");
        let admin =
            said("admin").trim_start_matches("http://").split(' ').next().expect("an address").to_owned();
        // What else it prints must find a reader.
        thread::spawn(move || banner.for_each(drop));
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(Client::connect(&grpc, PATIENCE)).expect("it listens");
        Self { child, admin, client, runtime }
    }

    /// A server that watches a cluster.
    pub(crate) fn watching(kubeconfig: &Path, flags: &[&str]) -> Self {
        let kubeconfig = kubeconfig.to_str().expect("a test's path is text");
        Self::start(&[&["--kubeconfig", kubeconfig], flags].concat())
    }

    /// What the admin address says, with its status line.
    pub(crate) fn admin(&self, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(&self.admin).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// Whether every kind has been read.
    pub(crate) fn is_ready(&self) -> bool {
        self.admin("/ready").starts_with("HTTP/1.1 200")
    }

    #[track_caller]
    pub(crate) fn wait_until_ready(&self) {
        wait_for("the server to be ready", || self.is_ready().then_some(()));
    }

    /// A stream of `Get`, open until it is dropped.
    #[track_caller]
    pub(crate) fn get(&self, authority: &str, token: &str) -> Watch {
        let history = Arc::new(Mutex::new(History::default()));
        let (shared, client) = (history.clone(), self.client.clone());
        let (authority, token) = (authority.to_owned(), token.to_owned());
        let task = self.runtime.spawn(async move {
            let mut stream = client.get(&authority, &token).await.expect("a stream");
            while let Ok(Some(update)) = stream.message().await {
                shared.lock().expect("nobody panics with it").take(update);
            }
            shared.lock().expect("nobody panics with it").has_ended = true;
        });
        let watch = Watch { history, task };
        wait_for("a first answer", || (watch.messages() > 0).then_some(()));
        watch
    }

    /// The first answer of `GetProfile`.
    #[track_caller]
    pub(crate) fn profile(&self, authority: &str) -> DestinationProfile {
        self.runtime.block_on(async {
            let stream = self.client.get_profile(authority, LEAF).await;
            stream.expect("a stream").message().await.expect("no error").expect("a first answer")
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The share of each backend in whole percent, and the number of its endpoints.
pub(crate) type Shares = BTreeMap<String, (u64, usize)>;

/// What a client held after each message.
#[derive(Default)]
struct History {
    known: Endpoints,
    shares: Vec<Shares>,
    /// The same without what it held between the two messages of one step.
    steps: Vec<Shares>,
    last_add: Option<Instant>,
    has_ended: bool,
}

impl History {
    fn take(&mut self, update: Update) {
        let is_remove = matches!(update.update, Some(update::Update::Remove(_)));
        let change = self.known.fold(update);
        assert!(change.repeated.is_empty() && change.not_there.is_empty(), "said twice: {change:?}");
        let total = self.known.total_weight().max(1);
        let mut shares = Shares::new();
        for endpoint in self.known.iter() {
            let backend = self.known.backend(endpoint).expect("every answer names its service");
            shares.entry(backend.to_owned()).or_default().1 += 1;
        }
        for (backend, weight) in self.known.weight_by_backend() {
            let share = (weight * 100 + total / 2) / total;
            shares.get_mut(backend.expect("named")).expect("the same backends").0 = share;
        }
        // What is new is said before what is gone, in two messages that are sent as one piece.
        if is_remove && self.last_add.is_some_and(|add| add.elapsed() < ONE_PIECE) {
            self.steps.pop();
        }
        self.last_add = (!is_remove).then(Instant::now);
        self.steps.push(shares.clone());
        self.shares.push(shares);
    }
}

/// A stream of `Get` and all that it said.
pub(crate) struct Watch {
    history: Arc<Mutex<History>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        let history = self.history.lock().expect("the stream said nothing twice");
        assert!(!history.has_ended, "the stream ended");
        history
    }

    /// How many messages there were.
    pub(crate) fn messages(&self) -> usize {
        self.history().shares.len()
    }

    /// What the client holds.
    pub(crate) fn shares(&self) -> Shares {
        self.history().shares.last().cloned().unwrap_or_default()
    }

    /// What it held after each message from one on.
    pub(crate) fn since(&self, message: usize) -> Vec<Shares> {
        self.history().shares[message..].to_vec()
    }

    /// What it held after each step, of one message or two.
    pub(crate) fn steps(&self) -> Vec<Shares> {
        self.history().steps.clone()
    }

    /// What is said of its endpoints, without what differs from cluster to cluster: names and addresses of Pods,
    /// their template hashes, and zones.
    pub(crate) fn labels(&self) -> Vec<BTreeMap<String, String>> {
        let strip = |labels: &BTreeMap<String, String>| {
            let own = ["pod", "pod_template_hash", "zone", "zone_locality"];
            labels
                .iter()
                .filter(|(key, _)| !own.contains(&key.as_str()))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        let history = self.history();
        let mut labels: Vec<_> = history.known.iter().map(|one| strip(&one.message.metric_labels)).collect();
        labels.sort();
        labels
    }

    /// Waits until the client holds this.
    #[track_caller]
    pub(crate) fn wait_for(&self, expect: &[(&str, u64, usize)]) {
        let expect = shares(expect);
        let deadline = Instant::now() + PATIENCE;
        while self.shares() != expect {
            assert!(Instant::now() < deadline, "expected {expect:?}, but it is {:?}", self.shares());
            thread::sleep(POLL);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn shares(list: &[(&str, u64, usize)]) -> Shares {
    list.iter().map(|(name, share, count)| ((*name).to_owned(), (*share, *count))).collect()
}

/// Looks until there is something to see.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(POLL);
    }
}

//! The source that watches a cluster, against an API server that does what it is told ([fake]).
//!
//! A test reads as given, action, expectation:
//!
//! ```ignore
//! let mut cluster = Cluster::given("service web; endpoints web A1");
//! let mut web = cluster.merged("web");
//! cluster.api.fault("*", Fault::Reset);
//! cluster.edit("endpoints web A1 A2");
//! cluster.heal();
//! cluster.becomes(&mut web, "A1..A2=10k");
//! assert_eq!(web.lost, [""; 0]);
//! ```
//!
//! Sockets are real and so is time, but everything runs on one thread and only while a test waits: what a test
//! looks at stands still. Waits are those of a cluster in a hurry ([hurried]).

mod bounds;
mod fake;
mod faults;
mod invalid;
mod plan;
mod rules;
mod start;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json};
use switchyard::{
    authority::{Authority, Host},
    context::Reading,
    controller::{BATCHES, Controller, Directory},
    engine::Engine,
    hold::Lead,
    metrics::{Metrics, WatchRestart},
    model::{Name, Reason},
    resolve::{Client, Options, Query, Target},
    source::kubernetes::{Kubernetes, Pace},
    status::Status,
};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

use self::fake::Fake;
use crate::mesh::{
    DOMAIN, Get, NAMESPACE,
    streams::Said,
    words::{ns_name, range},
};

/// Within this time after a fault all is as if it had never been, at the pace of a test. What it takes is
/// less than 2 s; the rest is for a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(10);
/// Longer than any wait between two tries, so that whatever can go wrong with a fault has done so.
const A_WHILE: Duration = Duration::from_millis(400);

/// A cluster in a hurry: what takes half a minute takes half a second.
fn hurried() -> Pace {
    let millis = Duration::from_millis;
    Pace {
        answer: millis(500),
        watch: millis(1000),
        grace: millis(300),
        believe_old_after: millis(600),
        empty_after: millis(600),
        look_again: millis(30),
        look_for: millis(100),
        first_wait: millis(10),
        longest_wait: millis(100),
        renewal: millis(50),
        news_after: millis(100),
    }
}

/// An API server, a source that follows it, and the real controller.
struct Cluster {
    runtime: Runtime,
    api: Fake,
    folder: TempDir,
    directory: Directory,
    status: watch::Receiver<Arc<Status>>,
    metrics: Metrics,
    follows: JoinHandle<String>,
}

impl Cluster {
    /// One that has these objects, and all of them have been read.
    #[track_caller]
    fn given(script: &str) -> Self {
        Self::with(script, |_| ())
    }

    /// The same, with an API server that was prepared.
    #[track_caller]
    fn with(script: &str, prepare: impl FnOnce(&Fake)) -> Self {
        let mut cluster = Self::unsynced(hurried(), script, prepare);
        cluster.wait_for("everything is read", |cluster| cluster.is_synced());
        cluster
    }

    /// One of which nothing has been read yet.
    fn unsynced(pace: Pace, script: &str, prepare: impl FnOnce(&Fake)) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let api = runtime.block_on(Fake::start());
        edit(&api, script);
        prepare(&api);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kubeconfig = write_kubeconfig(&folder, &format!("http://{}", api.addr));
        let metrics = Metrics::default();
        let (batches, receiver) = mpsc::channel(BATCHES);
        let (status_sender, status) = watch::channel(Arc::default());
        let engine = Engine::new(DOMAIN.into(), Options::default());
        let lead = Lead { drain: Duration::from_millis(50) };
        let (controller, directory) = Controller::new(engine, lead, status_sender, metrics.clone());
        runtime.spawn(controller.run(receiver));
        let source = Kubernetes::with_pace(Some(kubeconfig), metrics.clone(), pace);
        let source = runtime.block_on(source).expect("a usable kubeconfig");
        let follows = runtime.spawn(source.follow(batches));
        Self { runtime, api, folder, directory, status, metrics, follows }
    }

    /// Objects that exist now, or not any more.
    fn edit(&self, script: &str) {
        edit(&self.api, script);
    }

    /// Lets everything go on for so long.
    fn run_for(&self, time: Duration) {
        self.runtime.block_on(async { sleep(time).await });
    }

    /// Lets everything go on until this is so.
    #[track_caller]
    fn wait_for(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let until = Instant::now() + SOON;
        while !is_so(self) {
            assert!(
                Instant::now() < until,
                "never came: {what}; {:?}\n{:?}",
                self.warnings(),
                self.api.heard()
            );
            self.run_for(Duration::from_millis(5));
        }
    }

    /// A stream of `Get` in the merged reading.
    fn merged(&self, service: &str) -> Stream {
        let text = format!("{service}.{NAMESPACE}.svc.{DOMAIN}:80");
        let Authority { host, port } = Authority::parse(&text, &Name::from(DOMAIN)).expect("valid");
        let Host::Service(service) = host else { panic!("no service") };
        let query = Query::Endpoints { service, instance: None, port, reading: Reading::Merged };
        let target = Target { query, client: Client::default() };
        let cursor = self
            .runtime
            .block_on(self.directory.subscribe(&target, &Default::default()))
            .expect("the controller runs");
        Stream { get: Get::new(cursor, self.directory.clone(), target), lost: Vec::new(), said: Vec::new() }
    }

    /// The stream comes to hold this, as does one that begins now.
    #[track_caller]
    fn becomes(&mut self, stream: &mut Stream, expect: &str) {
        let until = Instant::now() + SOON;
        while !stream.holds(expect) {
            let held = stream.get.held();
            assert!(Instant::now() < until, "expected {expect:?}, holds {held:?}; {:?}", self.warnings());
            self.run_for(Duration::from_millis(5));
        }
    }

    fn is_synced(&self) -> bool {
        self.status.borrow().synced
    }

    /// What the operator is warned of: `reason object message`.
    fn warnings(&self) -> Vec<String> {
        let status = self.status.borrow();
        let line = |w: &switchyard::status::Notice| {
            format!("{} {} {}", w.reason, w.object.as_deref().unwrap_or("-"), w.message)
        };
        status.warnings.iter().map(line).collect()
    }

    /// Whether the operator is warned of something with these words in it.
    fn warns(&self, reason: Reason, words: &[&str]) -> bool {
        let reason = reason.to_string();
        self.warnings().iter().any(|w| w.starts_with(&reason) && words.iter().all(|word| w.contains(word)))
    }

    /// How often the list or watch of a kind failed so.
    fn failures(&self, kind: &'static str, reason: &'static str) -> u64 {
        self.metrics.watch_restarts.get_or_create(&WatchRestart { kind, reason }).get()
    }

    fn objects(&self, kind: &str) -> usize {
        self.status.borrow().objects.get(kind).copied().unwrap_or(0)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.api.heard().wrong, [""; 0], "what no API server should be asked");
        }
    }
}

/// A stream, and what it lost on its way.
struct Stream {
    get: Get,
    /// All messages, in order.
    said: Vec<String>,
    /// The messages that took something away.
    lost: Vec<String>,
}

impl Stream {
    fn listen(&mut self) {
        for said in self.get.take() {
            if !matches!(said, Said::Add(_)) {
                self.lost.push(said.to_string());
            }
            self.said.push(said.to_string());
        }
    }

    /// Whether it holds this now.
    fn holds(&mut self, expect: &str) -> bool {
        self.listen();
        self.get.held() == Get::as_held(expect)
    }

    /// Nothing was taken away so far but this.
    #[track_caller]
    fn lost_only(&mut self, expect: &[&str]) {
        self.listen();
        assert_eq!(self.lost, expect, "all that was said: {:?}", self.said);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.listen();
        }
    }
}

/// A kubeconfig for this server, with the token `first` in a file.
fn write_kubeconfig(folder: &TempDir, server: &str) -> PathBuf {
    let token = folder.path().join("token");
    fs::write(&token, "first").expect("written");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"tokenFile": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    let path = folder.path().join("kubeconfig");
    fs::write(&path, config.to_string()).expect("written");
    path
}

/// `service web; endpoints web A1..A3; slice web-2 of web A4; split web a=1; pod p; node n; - slice web-2`.
fn edit(api: &Fake, script: &str) {
    for command in script.split(';').map(str::trim).filter(|command| !command.is_empty()) {
        match *command.split_whitespace().collect::<Vec<_>>() {
            ["-", word, name] => {
                let name = ns_name(name);
                let key = if word == "node" { name.name.to_string() } else { name.to_string() };
                api.delete(plural(word), &key);
            }
            [word, name, ref words @ ..] => api.put(plural(word), object(word, name, words)),
            _ => panic!("not a command: {command:?}"),
        }
    }
}

fn plural(word: &str) -> &'static str {
    match word {
        "service" => "services",
        "endpoints" | "slice" => "endpointslices",
        "pod" => "pods",
        "node" => "nodes",
        "rs" => "replicasets",
        "job" => "jobs",
        "split" => "trafficsplits",
        "profile" => "serviceprofiles",
        "server" => "servers",
        "workload" => "externalworkloads",
        _ => panic!("not a kind: {word:?}"),
    }
}

fn object(word: &str, name: &str, words: &[&str]) -> Value {
    let mut object = match (word, words) {
        ("service", _) => json!({"spec": {"ports": [{"port": 80}]}}),
        ("endpoints", addresses) => slice(name, addresses),
        ("slice", ["of", service, addresses @ ..]) => slice(service, addresses),
        ("pod", _) => {
            json!({"spec": {"containers": []}, "status": {"phase": "Running", "podIP": "10.9.9.9"}})
        }
        ("split", backends) => {
            let backend = |word: &&str| {
                let (service, weight) = word.split_once('=').expect("service=weight");
                json!({"service": service, "weight": weight.parse::<u32>().expect("a number")})
            };
            json!({"spec": {"service": name, "backends": backends.iter().map(backend).collect::<Vec<_>>()}})
        }
        ("profile", _) => json!({"spec": {"routes": []}}),
        ("server", _) => json!({"spec": {"podSelector": {}, "port": 80, "proxyProtocol": "opaque"}}),
        ("workload", _) => json!({
            "spec": {"meshTLS": {"identity": "x", "serverName": "x"}, "workloadIPs": [{"ip": "192.0.2.1"}]},
        }),
        _ => json!({}),
    };
    object["metadata"]["name"] = name.into();
    if word != "node" {
        object["metadata"]["namespace"] = NAMESPACE.into();
    }
    if let Some(service) = object.as_object_mut().expect("an object").remove("of") {
        object["metadata"]["labels"] = json!({"kubernetes.io/service-name": service});
    }
    object
}

fn slice(service: &str, addresses: &[&str]) -> Value {
    let addresses = addresses.iter().flat_map(|word| range(word));
    let endpoints = addresses.map(|ip| json!({"addresses": [ip], "conditions": {"ready": true}}));
    json!({
        "of": service, "addressType": "IPv4", "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
        "endpoints": endpoints.collect::<Vec<_>>(),
    })
}

//! A cluster on the loopback: etcd, the API server with RBAC, the controllers, the scheduler, and kwok in the
//! place of every kubelet. Pods run nothing, but live, get addresses and die as anywhere.
//!
//! Calls block, because `kubectl` is a program: a test that also holds streams runs them on threads of their
//! own (`#[tokio::test(flavor = "multi_thread")]`).

use std::{
    fmt::Debug,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU8, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

mod assets;
mod keys;
mod ports;
mod process;
mod programs;

pub(crate) use assets::Assets;
pub(crate) use ports::free_port;
pub(crate) use process::Process;

use keys::{ADMINS, Keys};
use programs::Ports;

/// How long anything may take that must happen, on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(200);
/// How many lines of each log are shown if it did not happen.
const TAIL: usize = 30;

/// Nodes a cluster may have: each has a /16 of `10.128.0.0/9` for its Pods.
const MAX_NODES: u8 = 128;

/// A running cluster. Dropping it ends all its programs; if a test panics their logs are kept.
///
/// The programs are ended in the order of the fields, what asks before what answers.
pub(crate) struct ControlPlane {
    /// What acts on objects and is never stopped: the controllers, the scheduler, and kwok, which plays every
    /// kubelet and so may do everything, because there is no role for that.
    actors: Vec<Process>,
    api_server: Process,
    etcd: Process,
    assets: Assets,
    keys: Keys,
    url: String,
    admin: PathBuf,
    nodes: AtomicU8,
    folder: TempDir,
}

impl ControlPlane {
    /// A cluster without nodes, ready to be used.
    pub(crate) fn start() -> Self {
        let assets = Assets::find().unwrap_or_else(|problem| panic!("{problem}"));
        let folder = tempfile::Builder::new().prefix("switchyard-cluster-").tempdir().expect("a folder");
        let path = |file: &str| folder.path().join(file).to_string_lossy().into_owned();
        let keys = Keys::generate(folder.path());
        let ports = Ports { etcd: free_port(), etcd_peers: free_port(), api_server: free_port() };
        let url = format!("https://127.0.0.1:{}", ports.api_server);
        let kubeconfig = |user, group| {
            keys.kubeconfig(&url, user, group).to_str().expect("a test's path is text").to_owned()
        };
        let start = |program, args| Process::start(folder.path(), assets.path(program), args);

        let stages = path("stages.yaml");
        fs::write(&stages, include_str!("control_plane/stages.yaml")).expect("a file can be written");
        let admin = PathBuf::from(kubeconfig("admin", Some(ADMINS)));
        let kwok = programs::kwok(&kubeconfig("kwok", Some(ADMINS)), &stages);
        let scheduler = programs::scheduler(&kubeconfig("system:kube-scheduler", None));
        let manager = kubeconfig("system:kube-controller-manager", None);
        let manager = programs::controller_manager(&keys, &manager);
        let etcd = start("etcd", programs::etcd(&ports, &path("etcd")));
        let api_server = start("kube-apiserver", programs::api_server(&ports, &keys));
        let (actors, nodes) = (Vec::new(), AtomicU8::new(0));
        let mut cluster = Self { actors, api_server, etcd, assets, keys, url, admin, nodes, folder };
        cluster.wait_until_ready();
        // They give up if the API server is not there within seconds, but only at their start.
        for (program, args) in
            [("kube-controller-manager", manager), ("kube-scheduler", scheduler), ("kwok", kwok)]
        {
            cluster.actors.push(cluster.run(program, args));
        }
        // The first thing the controllers do; without it no Pod can be made.
        cluster.wait_for("the service account that Pods have", || {
            cluster.try_kubectl(&["get", "serviceaccount", "default"], "").ok()
        });
        cluster
    }

    /// The kubeconfig of one who may do everything.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// What `kubectl` prints; it must succeed.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str], stdin: &str) -> String {
        self.try_kubectl(args, stdin)
            .unwrap_or_else(|problem| panic!("kubectl {}: {problem}", args.join(" ")))
    }

    /// What `kubectl` prints, or why it did not do it.
    pub(crate) fn try_kubectl(&self, args: &[&str], stdin: &str) -> Result<String, String> {
        self.kubectl_with(&self.admin, args, stdin)
    }

    /// The same for somebody else.
    pub(crate) fn kubectl_with(
        &self,
        kubeconfig: &Path,
        args: &[&str],
        stdin: &str,
    ) -> Result<String, String> {
        let mut child = process::command(&self.assets.path("kubectl"), self.folder.path())
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        // It may end without reading what it was given.
        _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// One object, or a list, as JSON.
    #[track_caller]
    pub(crate) fn get(&self, args: &[&str]) -> Value {
        let text = self.kubectl(&[&["get", "--output=json"], args].concat(), "");
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// Creates or changes objects.
    #[track_caller]
    pub(crate) fn apply(&self, yaml: &str) {
        self.kubectl(&["apply", "--server-side", "--filename=-"], yaml);
    }

    /// A node of a zone, ready for Pods.
    #[track_caller]
    pub(crate) fn add_node(&self, name: &str, zone: &str) {
        let index = self.nodes.fetch_add(1, Ordering::Relaxed);
        assert!(index < MAX_NODES, "{MAX_NODES} nodes are all there can be");
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone },
                "annotations": { "test.switchyard/address": format!("192.0.2.{}", 10 + index) },
            },
            "spec": { "podCIDR": format!("10.{}.0.0/16", MAX_NODES + index) },
        });
        self.apply(&node.to_string());
        self.kubectl(&["wait", "--for=condition=Ready", "--timeout=60s", "node", name], "");
    }

    /// Looks until there is something to see.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.reports());
            thread::sleep(POLL);
        }
    }

    /// Looks until what is seen is this.
    #[track_caller]
    pub(crate) fn wait_until_equal<T: PartialEq + Debug>(&self, expect: &T, mut look: impl FnMut() -> T) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = look();
            if seen == *expect {
                return;
            }
            assert!(Instant::now() < deadline, "not in time: {expect:?}, but {seen:?}\n{}", self.reports());
            thread::sleep(POLL);
        }
    }

    /// Ends the API server as a crash would.
    pub(crate) fn stop_api_server(&mut self) {
        self.api_server.stop();
    }

    /// Starts it again, at the same address, and waits until it is ready.
    pub(crate) fn start_api_server(&mut self) {
        self.api_server.resume();
        self.wait_until_ready();
    }

    /// Ends etcd as a crash would; the API server goes on, without what it needs.
    pub(crate) fn stop_etcd(&mut self) {
        self.etcd.stop();
    }

    /// Starts it again with what it had, and waits until the API server is ready.
    pub(crate) fn start_etcd(&mut self) {
        self.etcd.resume();
        self.wait_until_ready();
    }

    /// A token of a service account, as a Pod of it would have.
    pub(crate) fn token_for(&self, namespace: &str, service_account: &str) -> String {
        let token = self.kubectl(&["create", "token", "--namespace", namespace, service_account], "");
        token.trim().to_owned()
    }

    /// A kubeconfig with such a token.
    pub(crate) fn kubeconfig_for(&self, namespace: &str, service_account: &str) -> PathBuf {
        let token = self.token_for(namespace, service_account);
        self.keys.kubeconfig_of(&self.url, &format!("{namespace}-{service_account}"), &token)
    }

    /// Another program of the assets, which lives as long as the value.
    pub(crate) fn run(&self, program: &'static str, args: Vec<String>) -> Process {
        Process::start(self.folder.path(), self.assets.path(program), args)
    }

    /// A `kubectl get` that goes on: its output has every version of every object since.
    pub(crate) fn watch(&self, args: &[&str]) -> Process {
        let kubeconfig = format!("--kubeconfig={}", self.admin.display());
        let fixed = ["get".to_owned(), "--watch".to_owned(), kubeconfig];
        self.run("kubectl", fixed.into_iter().chain(args.iter().map(|arg| (*arg).to_owned())).collect())
    }

    /// A file of the assets.
    pub(crate) fn asset(&self, file: &'static str) -> PathBuf {
        self.assets.path(file)
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(problem) = self.try_kubectl(&["get", "--raw", "/readyz"], "") {
            let is_over = Instant::now() > deadline || self.etcd.has_failed() || self.api_server.has_failed();
            assert!(!is_over, "the API server is not ready: {problem}\n{}", self.reports());
            thread::sleep(POLL);
        }
    }

    /// The end of every log.
    fn reports(&self) -> String {
        let files = fs::read_dir(self.folder.path()).expect("it is there while we are");
        let paths = files.filter_map(|file| Some(file.ok()?.path()));
        paths.filter(|path| path.extension().is_some_and(|end| end == "log")).map(|log| tail(&log)).collect()
    }
}

/// The end of a log under its name.
fn tail(log: &Path) -> String {
    let output = process::read(log);
    let lines: Vec<_> = output.lines().collect();
    format!("== {}\n{}\n", log.display(), lines[lines.len().saturating_sub(TAIL)..].join("\n"))
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if thread::panicking() {
            self.folder.disable_cleanup(true);
            #[expect(clippy::print_stderr, reason = "a failed test says where its logs are")]
            {
                eprintln!("the logs of the cluster are in {}", self.folder.path().display());
            }
        }
    }
}

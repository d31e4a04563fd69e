//! Flagger's releases, as they are seen in the TrafficSplit.

use crate::{
    control_plane::{ControlPlane, Process},
    flagger::Flagger,
    ours::{Server, Shares, Watch},
};

/// What is released, in steps of a quarter up to a half; one failed check is one too many. 10 s is the shortest
/// interval that Flagger takes.
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web:1, ports: [{containerPort: 8080}]}]
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web, namespace: default}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  progressDeadlineSeconds: 60
  service: {port: 80, targetPort: 8080}
  analysis:
    interval: 10s
    threshold: 1
    stepWeight: 25
    maxWeight: 50
    metrics:
    - {name: request-success-rate, thresholdRange: {min: 99}, interval: 1m}
    - {name: request-duration, thresholdRange: {max: 500}, interval: 1m}
"#;

/// The version that v1alpha1's provider writes, whatever others are served.
const SPLITS: &str = "trafficsplits.v1alpha1.split.smi-spec.io";

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn a_good_version_is_promoted_step_by_step() {
    let release = Release::given();

    release.new_version();
    wait_for_phase(&release.cluster, "Succeeded");
    release.expect_weights(&[
        "canary=0 primary=100",
        "canary=25 primary=75",
        "canary=50 primary=50",
        "canary=0 primary=100",
    ]);
    release.expect_primary("web:2");
    release.expect_told(&["primary 100", "canary 25 primary 75", "canary 50 primary 50", "primary 100"]);
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn a_bad_version_is_rolled_back() {
    let release = Release::given();

    release.new_version();
    release.wait_for_weights("canary=25 primary=75");
    release.flagger.metrics.set_success(50);
    wait_for_phase(&release.cluster, "Failed");
    release.expect_weights(&["canary=0 primary=100", "canary=25 primary=75", "canary=0 primary=100"]);
    release.expect_primary("web:1");
    release.expect_told(&["primary 100", "canary 25 primary 75", "primary 100"]);
}

/// A Canary in a cluster with Flagger, and a client of our server. What watches the cluster is dropped before it.
struct Release {
    web: Watch,
    _server: Server,
    splits: Process,
    flagger: Flagger,
    cluster: ControlPlane,
}

impl Release {
    /// The first version serves.
    fn given() -> Self {
        let cluster = ControlPlane::start();
        cluster.add_node("east", "a");
        cluster.add_node("west", "b");
        let flagger = Flagger::start(&cluster);
        cluster.apply(WEB);
        wait_for_phase(&cluster, "Initialized");
        // Not as JSONPath, whose `range` kubectl can print only once.
        let template = r#"go-template={{range .spec.backends}}{{.service}}={{.weight}} {{end}}{{"\n"}}"#;
        let splits = cluster.watch(&[SPLITS, "--output", template]);
        let server = Server::watching(cluster.kubeconfig(), &[]);
        server.wait_until_ready();
        let web = server.get("web.default.svc.cluster.local:80", "");
        let release = Self { web, _server: server, splits, flagger, cluster };
        release.expect_weights(&["canary=0 primary=100"]);
        release
    }

    fn new_version(&self) {
        self.cluster.kubectl(&["set", "image", "deployment/web", "web=web:2"], "");
    }

    #[track_caller]
    fn wait_for_weights(&self, weights: &str) {
        self.cluster.wait_for(weights, || self.weights().contains(&weights.to_owned()).then_some(()));
    }

    /// All weights that were ever seen, in order; writes that left them alone do not count.
    fn weights(&self) -> Vec<String> {
        let output = self.splits.output();
        let line = |line: &str| line.replace("web-", "").trim().to_owned();
        let mut weights: Vec<_> = output.lines().map(line).collect();
        weights.dedup();
        weights
    }

    #[track_caller]
    fn expect_weights(&self, expect: &[&str]) {
        self.cluster.wait_until_equal(&expect.iter().map(|w| (*w).to_owned()).collect(), || self.weights());
    }

    /// The shares that the client of our server was told, in order; how many endpoints have them does not count.
    /// It was never told of nobody, and never of a backend without a weight.
    #[track_caller]
    fn expect_told(&self, expect: &[&str]) {
        let told = || {
            let step = |shares: &Shares| -> String {
                let share = |(name, (share, _)): (&String, &(u64, usize))| {
                    format!("{} {share}", name.trim_start_matches("web-"))
                };
                shares.iter().map(share).collect::<Vec<_>>().join(" ")
            };
            let mut told: Vec<String> = self.web.steps().iter().map(step).collect();
            told.dedup();
            told
        };
        self.cluster.wait_until_equal(&expect.iter().map(|step| (*step).to_owned()).collect(), told);
        assert!(self.web.since(0).iter().all(|shares| !shares.is_empty()), "an empty interval");
    }

    #[track_caller]
    fn expect_primary(&self, image: &str) {
        let primary = self.cluster.get(&["deployment", "web-primary"]);
        assert_eq!(primary["spec"]["template"]["spec"]["containers"][0]["image"], image);
    }
}

/// Waits until Flagger says so of the Canary.
#[track_caller]
fn wait_for_phase(cluster: &ControlPlane, phase: &str) {
    let args = ["get", "canary", "web", "--output=jsonpath={.status.phase}"];
    let look = || (cluster.try_kubectl(&args, "").as_deref() == Ok(phase)).then_some(());
    cluster.wait_for(&format!("phase {phase}"), look);
}

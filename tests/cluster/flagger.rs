//! Flagger, the real program, which releases a Deployment by shifting the weights of a TrafficSplit.

use std::fs;

use crate::control_plane::{ControlPlane, Process, free_port};

mod metrics;

pub(crate) use metrics::Metrics;

/// The kind that Flagger writes.
const TRAFFIC_SPLITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/crds/trafficsplits.yaml");

/// Flagger at work in a cluster, and what it measures.
pub(crate) struct Flagger {
    _process: Process,
    pub(crate) metrics: Metrics,
}

impl Flagger {
    /// Starts it, after the kinds it needs.
    pub(crate) fn start(cluster: &ControlPlane) -> Self {
        let own = fs::read_to_string(cluster.asset("flagger-crd.yaml")).expect("a file of the assets");
        let splits = fs::read_to_string(TRAFFIC_SPLITS).expect("a file of this repository");
        cluster.apply(&own);
        cluster.apply(&splits);
        cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], "");

        let metrics = Metrics::serve();
        let args = [
            format!("-kubeconfig={}", cluster.kubeconfig().display()),
            "-mesh-provider=linkerd".to_owned(),
            format!("-metrics-server={}", metrics.url()),
            // How soon it sees a new Canary. How often it looks at one is said there, and never below 10 s.
            "-control-loop-interval=1s".to_owned(),
            format!("-port={}", free_port()),
            "-log-level=info".to_owned(),
        ];
        Self { _process: cluster.run("flagger", args.into()), metrics }
    }
}

//! `switchyard plan` over a cluster: read once, and nothing of it changed.

use super::{
    edit,
    fake::{Fake, Fault},
    write_kubeconfig,
};
use crate::{
    golden::{check, run},
    mesh::NAMESPACE,
};

/// A split of `web` and a version that is on its way.
const WORLD: &str =
    "service web; service a; service b; endpoints a A1 A2; endpoints b B1; split web a=100 b=0";

const EDIT: &str = "
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: web}
spec:
  service: web
  backends: [{service: a, weight: 3}, {service: b, weight: 1}, {service: c, weight: 0}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
spec:
  replicas: 9
  selector: {matchLabels: {app: b}}
  template: {metadata: {labels: {app: b}}, spec: {containers: [{name: b, image: b}]}}
---
apiVersion: v1
kind: Service
metadata: {name: c}
spec: {selector: {app: c}, ports: [{port: 80}]}
";

/// Plans over this API server, with an edit on standard input.
async fn plan(api: &Fake, flags: &[&str], stdin: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = write_kubeconfig(&folder, &format!("http://{}", api.addr));
    let kubeconfig = kubeconfig.to_str().expect("a test's path is text");
    let args = [&["plan", "--kubeconfig", kubeconfig, "-n", NAMESPACE], flags].concat();
    let got = run(&args, stdin).await;
    got.replace(kubeconfig, "KUBECONFIG").replace(&api.addr.to_string(), "ADDR")
}

#[tokio::test]
async fn an_edit_is_planned_over_what_the_cluster_has() {
    let api = Fake::start().await;
    edit(&api, WORLD);

    check("plan/cluster", &plan(&api, &["-f", "-"], EDIT).await);
    check("plan/cluster-remove", &plan(&api, &["--remove", "TrafficSplit/web"], "").await);
    check("plan/cluster-remove-nothing", &plan(&api, &["--remove", "TrafficSplit/nothing"], "").await);

    // The fake says of anything but reading that it was wrong.
    assert_eq!(api.heard().wrong, [""; 0]);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_read_is_said_with_what_is_missing() {
    let api = Fake::start().await;
    edit(&api, WORLD);
    api.fault("pods", Fault::Refuse(403));

    let got = plan(&api, &["-f", "-", "--timeout", "1s"], EDIT).await;

    assert!(got.contains("could not be read within 1s: Pod: nothing new since"), "{got}");
    assert!(got.contains("not allowed to list and watch pods") && got.ends_with("[exit code 1]\n"), "{got}");
}

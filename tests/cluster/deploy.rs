//! What is in `deploy/`: the API server takes all of it, and our program runs with exactly the rights it gives.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{
    control_plane::ControlPlane,
    ours::{Server, wait_for},
};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

/// A Kustomization of somebody's own with both components.
const WITH_COMPONENTS: &str = r#"
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: switchyard
resources: [deploy/overlays/ha]
components: [deploy/components/tls, deploy/components/admin]
"#;

/// Kinds of somebody else's that one overlay writes.
const MONITORING: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: ServiceMonitor, plural: servicemonitors}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: prometheusrules.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: PrometheusRule, plural: prometheusrules}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"#;

/// A split of a service over one backend that is there and one that is not.
const ODD: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: web, namespace: default}
spec:
  service: web
  backends: [{service: web, weight: 1}, {service: nobody, weight: 1}]
"#;

fn cluster_with_kinds() -> ControlPlane {
    let cluster = ControlPlane::start();
    cluster.kubectl(&["apply", "--kustomize", &format!("{DEPLOY}/crds")], "");
    cluster.apply(MONITORING);
    cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], "");
    cluster
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn everything_is_taken_and_its_rights_are_enough() {
    let cluster = cluster_with_kinds();
    // A namespace that is only tried is not there for what would be in it.
    cluster.kubectl(&["create", "namespace", "switchyard"], "");
    for folder in ["base", "overlays/ha", "overlays/monitoring"] {
        let kustomize = format!("{DEPLOY}/{folder}");
        cluster.kubectl(&["apply", "--dry-run=server", "--kustomize", &kustomize], "");
    }
    // Components go into a Kustomization of somebody's own, beside a copy of ours.
    let mine = tempfile::tempdir().expect("a temporary folder");
    let copied = Command::new("cp").args(["-r", DEPLOY]).arg(mine.path()).status().expect("cp runs");
    assert!(copied.success());
    fs::write(mine.path().join("kustomization.yaml"), WITH_COMPONENTS).expect("written");
    let folder = mine.path().to_str().expect("a test's path is text");
    let all = cluster.kubectl(&["kustomize", folder], "");
    for part in ["name: switchyard-admin", "SWITCHYARD_ADMIN_TOKEN_FILE: /etc/switchyard/admin/token"] {
        assert!(all.contains(part), "{part} in {all}");
    }
    cluster.kubectl(&["apply", "--dry-run=server", "--kustomize", folder], "");

    cluster.kubectl(&["apply", "--kustomize", &format!("{DEPLOY}/base")], "");
    let deployment = cluster.get(&["deployment", "switchyard", "--namespace=switchyard"]);
    let account = deployment.pointer("/spec/template/spec/serviceAccountName").and_then(Value::as_str);
    let kubeconfig = cluster.kubeconfig_for("switchyard", account.expect("it has one"));
    let server = Server::watching(&kubeconfig, &["--events"]);
    server.wait_until_ready();
    let stale = server
        .admin("/metrics")
        .lines()
        .filter(|l| l.starts_with("switchyard_stale") && l.ends_with(" 1"))
        .count();
    assert_eq!(stale, 0, "every kind may be watched");

    cluster.apply(ODD);
    let event = wait_for("an Event on the split", || {
        let events = cluster.get(&["events.events.k8s.io", "--namespace=default"]);
        let events = events["items"].as_array().cloned().unwrap_or_default();
        events
            .into_iter()
            .find(|event| event["regarding"]["kind"] == "TrafficSplit" && event["reason"] == "BackendMissing")
    });
    assert!(event["note"].as_str().is_some_and(|note| note.contains("default/nobody")), "{event}");
    // It is shown where a user looks.
    let described = cluster.kubectl(&["describe", "trafficsplit", "web"], "");
    assert!(described.contains("BackendMissing"), "{described}");
}

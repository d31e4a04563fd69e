//! The cluster itself: what other tests take for granted of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::control_plane::ControlPlane;

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
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"#;

/// What may read Pods, and who.
const READER: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: default}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
"#;

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn a_deployment_on_two_nodes_has_ready_endpoints_in_two_zones() {
    let cluster = ControlPlane::start();
    cluster.add_node("east", "a");
    cluster.add_node("west", "b");
    cluster.apply(WEB);

    cluster.wait_until_equal(&2, || ready_endpoints(&cluster).len());
    let endpoints = ready_endpoints(&cluster);
    let all = |path: &str| -> BTreeSet<_> {
        endpoints
            .iter()
            .map(|e| e.pointer(path).and_then(Value::as_str).unwrap_or("none").to_owned())
            .collect()
    };
    assert_eq!(all("/zone"), ["a", "b"].map(String::from).into());
    assert_eq!(all("/nodeName"), ["east", "west"].map(String::from).into());

    let pods = cluster.get(&["pods", "--selector=app=web"]);
    let addresses = pods["items"].as_array().expect("a list").iter();
    let addresses: BTreeSet<_> =
        addresses.map(|pod| pod["status"]["podIP"].as_str().expect("an address").to_owned()).collect();
    assert_eq!(all("/addresses/0"), addresses);
    assert_eq!(addresses.len(), 2);

    // A Pod that goes is still served from for a moment, then it is gone.
    cluster.kubectl(&["scale", "deployment/web", "--replicas=1"], "");
    cluster.wait_until_equal(&1, || ready_endpoints(&cluster).len());
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn the_api_server_and_etcd_come_back_with_what_they_had() {
    let mut cluster = ControlPlane::start();
    let kept = |cluster: &ControlPlane| cluster.try_kubectl(&["get", "configmap", "kept"], "").is_ok();
    cluster.add_node("east", "a");
    cluster.kubectl(&["create", "configmap", "kept"], "");

    cluster.stop_api_server();
    assert!(!kept(&cluster));
    cluster.start_api_server();
    assert!(kept(&cluster));

    cluster.stop_etcd();
    assert!(cluster.try_kubectl(&["create", "configmap", "lost", "--request-timeout=2s"], "").is_err());
    cluster.start_etcd();
    assert!(kept(&cluster));

    // Those who act on objects got over it too.
    cluster.apply(WEB);
    cluster.wait_until_equal(&2, || ready_endpoints(&cluster).len());
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn a_service_account_may_do_what_it_was_allowed() {
    let cluster = ControlPlane::start();
    cluster.kubectl(&["create", "serviceaccount", "reader"], "");
    let reader = cluster.kubeconfig_for("default", "reader");
    let list = |kind| cluster.kubectl_with(&reader, &["get", kind], "");

    let refused = list("pods").expect_err("it has no role yet");
    assert!(refused.contains("Forbidden"), "{refused}");
    cluster.apply(READER);
    cluster.wait_for("the role to count", || list("pods").ok());
    assert!(list("secrets").is_err());
}

fn ready_endpoints(cluster: &ControlPlane) -> Vec<Value> {
    let slices = cluster.get(&["endpointslices", "--selector=kubernetes.io/service-name=web"]);
    let slices = slices["items"].as_array().expect("a list").iter();
    let endpoints = slices.flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == Value::Bool(true)).collect()
}

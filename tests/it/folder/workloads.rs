//! Workloads that make Pods, as the commands show them.

use super::{AUTHORITY, WEB, endpoints, folder, run};

/// A workload `web` with this spec beside the template.
fn workload(api_version: &str, kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: {api_version}
kind: {kind}
metadata: {{name: web}}
spec:
{spec}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: main, image: x, ports: [{{containerPort: 8080}}]}}]
---
"
    )
}

const DEPLOYMENT_SPEC: &str = "  replicas: 3\n  selector: {matchLabels: {app: web}}";

#[test]
fn replication_controller_makes_as_many_pods_as_it_has_replicas() {
    let controller = workload("v1", "ReplicationController", "  replicas: 2\n  selector: {app: web}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &controller))]);

    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(!checked.out.contains("ReplicationController"), "{checked:?}");
    let endpoints = endpoints(folder.path(), AUTHORITY);
    assert_eq!(endpoints.len(), 2, "{endpoints:?}");
    assert!(endpoints.iter().all(|(pod, _)| pod.starts_with("Pod default/web-")), "{endpoints:?}");
}

#[test]
fn rollout_makes_pods_as_a_deployment_does() {
    let rollout =
        workload("argoproj.io/v1alpha1", "Rollout", "  replicas: 4\n  selector: {matchLabels: {app: web}}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &rollout))]);

    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(endpoints(folder.path(), AUTHORITY).len(), 4);
}

/// A Rollout `roll` of two replicas that refers to Deployment `web`.
fn referring(scale_down: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: roll}}
spec:
  replicas: 2
  workloadRef: {{apiVersion: apps/v1, kind: Deployment, name: web{scale_down}}}
"
    )
}

#[test]
fn rollout_with_a_workload_ref_has_the_pods_of_the_deployment() {
    let deployment = workload("apps/v1", "Deployment", DEPLOYMENT_SPEC);
    for scale_down in ["", ", scaleDown: onsuccess", ", scaleDown: progressively"] {
        let folder = folder(&[("a.yaml", &(WEB.to_owned() + &deployment + &referring(scale_down)))]);
        let endpoints = endpoints(folder.path(), AUTHORITY);
        assert_eq!(endpoints.len(), 2, "{endpoints:?}");
        assert!(endpoints.iter().all(|(pod, _)| pod.starts_with("Pod default/roll-")), "{endpoints:?}");
    }
}

#[test]
fn rollout_that_never_scales_the_deployment_down_adds_its_pods_to_those_of_the_deployment() {
    let deployment = workload("apps/v1", "Deployment", DEPLOYMENT_SPEC);
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &deployment + &referring(", scaleDown: never")))]);
    assert_eq!(endpoints(folder.path(), AUTHORITY).len(), 5);
}

#[test]
fn rollout_whose_deployment_is_elsewhere_has_pods_that_are_not_known() {
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &referring("")))]);
    let checked = run(folder.path(), &["check", "."]);
    assert!(checked.out.contains("Rollout default/roll: its Pods are not known in a folder"), "{checked:?}");
    assert!(checked.out.contains("a.yaml:9: "), "{checked:?}");
}

#[test]
fn rollout_of_another_shape_is_invalid() {
    for (spec, expect) in [
        ("{}", "spec.template: expected a pod template, found nothing"),
        (
            "{workloadRef: {kind: StatefulSet, name: a}}",
            "spec.workloadRef.kind: expected Deployment, ReplicaSet or",
        ),
        ("{workloadRef: {kind: Deployment}}", "spec.workloadRef.name: expected the name of the workload"),
        (
            "{workloadRef: {kind: Deployment, name: a}, template: {}}",
            "expected either a template or a workloadRef",
        ),
        ("{replicas: many, template: {}}", "spec.replicas: expected a whole number, 0 or more"),
    ] {
        let rollout = format!(
            "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: a}}, spec: {spec}}}"
        );
        let folder = folder(&[("a.yaml", &rollout)]);
        let checked = run(folder.path(), &["check", "."]);
        assert!(checked.out.contains(expect), "{spec}: {checked:?}");
    }
}

//! Kinds that create Pods and are not simulated.

use serde_json::Value;

use super::{WEB, endpoints, folder, run};

/// An object with a Pod template at `path`, which has these labels.
fn object(api_version: &str, kind: &str, path: &[&str], labels: &str) -> String {
    let template = format!(
        "{{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: main, image: x}}], restartPolicy: Never}}}}"
    );
    let spec = path.iter().rev().fold(template, |inner, field| format!("{{{field}: {inner}}}"));
    format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: it}}, spec: {spec}}}\n")
}

#[test]
fn kind_whose_pods_a_service_selects_is_reported_once_at_its_line() {
    for (api_version, kind, path, shown) in [
        ("apps.kruise.io/v1alpha1", "CloneSet", &["template"][..], "CloneSet"),
        ("apps.kruise.io/v1beta1", "StatefulSet", &["template"], "StatefulSet.apps.kruise.io"),
        ("apps.openshift.io/v1", "DeploymentConfig", &["template"], "DeploymentConfig"),
        ("batch/v1", "Job", &["template"], "Job"),
        ("batch/v1", "CronJob", &["jobTemplate", "spec", "template"], "CronJob"),
        ("serving.knative.dev/v1", "Service", &["template"], "Service.serving.knative.dev"),
        ("example.com/v1", "Unheard", &["workers", "podTemplate"], "Unheard"),
    ] {
        let manifests = WEB.to_owned() + &object(api_version, kind, path, "{app: web, tier: front}");
        let folder = folder(&[("a.yaml", &manifests)]);
        let checked = run(folder.path(), &["check", "."]);
        let expect = format!(
            "a.yaml:9: {shown} default/it: its Pods are not known in a folder, and these Services that select them \
             get no endpoints from it: default/web"
        );
        assert_eq!((checked.code, checked.out.matches(&expect).count()), (Some(1), 1), "{kind}: {checked:?}");
    }
}

#[test]
fn kind_whose_pods_no_service_selects_is_counted_and_no_warning() {
    let elsewhere =
        object("batch/v1", "Job", &["template"], "{app: web}").replace("name: it", "name: it, namespace: b");
    for manifests in [
        object("batch/v1", "Job", &["template"], "{app: other}"),
        object("batch/v1", "CronJob", &["jobTemplate", "spec", "template"], "{}"),
        object("apps.kruise.io/v1alpha1", "CloneSet", &["template"], "{tier: front}"),
        elsewhere,
    ] {
        let web = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: main, image: x}]}}\n---\n";
        let folder = folder(&[("a.yaml", &(WEB.to_owned() + web + &manifests))]);
        let checked = run(folder.path(), &["check", "."]);
        assert!(!checked.out.contains("pods_unknown"), "{checked:?}");
        assert!(
            checked.out.contains("not simulated, so their Pods are not known in a folder: 1 "),
            "{checked:?}"
        );
        assert!(!checked.out.contains("no answer depends"), "{checked:?}");
    }
}

#[test]
fn kind_whose_labels_are_not_known_is_reported_if_a_service_selects_no_pod() {
    let application =
        "{apiVersion: sparkoperator.k8s.io/v1, kind: ScheduledSparkApplication, metadata: {name: s}}\n";
    let reported = |manifests: &str| {
        let folder = folder(&[("a.yaml", manifests)]);
        run(folder.path(), &["check", "."])
            .out
            .contains("ScheduledSparkApplication default/s: its Pods are not known")
    };
    assert!(reported(&(WEB.to_owned() + application)));
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: main, image: x}]}}\n---\n";
    assert!(!reported(&(WEB.to_owned() + pod + application)));
    assert!(!reported(application));
}

#[test]
fn objects_that_create_no_pods_are_skipped() {
    let finished = object("batch/v1", "Job", &["template"], "{app: web}")
        .replace(", spec: {template", ", status: {completionTime: '2026-01-01T00:00:00Z'}, spec: {template");
    let template = object("v1", "PodTemplate", &["template"], "{app: web}");
    let policy = object("kyverno.io/v1", "ClusterPolicy", &["template"], "{app: web}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &[finished, template, policy].join("---\n")))]);
    let checked = run(folder.path(), &["check", "."]);
    assert!(!checked.out.contains("not known"), "{checked:?}");
}

#[test]
fn pods_in_the_folder_make_their_creator_known() {
    let pod = "apiVersion: v1
kind: Pod
metadata:
  name: it-x7k2p
  labels: {app: web}
  ownerReferences: [{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: it, uid: u, controller: true}]
spec: {containers: [{name: main, image: x}]}
---
";
    let set = object("apps.kruise.io/v1alpha1", "CloneSet", &["template"], "{app: web}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + pod + &set))]);
    let checked = run(folder.path(), &["check", "."]);
    assert!(!checked.out.contains("not known"), "{checked:?}");
}

#[test]
fn pods_and_jobs_of_a_helm_hook_are_not_made() {
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: web-test-connection, labels: {app: web}, annotations: {'helm.sh/hook': test}}
spec: {containers: [{name: wget, image: busybox}]}
---
";
    let job = object("batch/v1", "Job", &["template"], "{app: web}")
        .replace("name: it", "name: it, annotations: {'helm.sh/hook': 'pre-install,pre-upgrade'}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + pod + &job))]);
    assert_eq!(endpoints(folder.path(), "web.default.svc.cluster.local:80"), []);
    let checked = run(folder.path(), &["check", ".", "-o", "json"]);
    let value: Value = serde_json::from_str(&checked.out).expect("JSON");
    assert_eq!(value["skipped"]["Pod of a Helm hook"], 1, "{value}");
    assert_eq!(value["skipped"]["Job of a Helm hook"], 1, "{value}");
    assert_eq!(value["not_simulated"], serde_json::json!({}), "{value}");
}

#[test]
fn plan_names_what_it_cannot_plan() {
    let set = object("apps.kruise.io/v1alpha1", "CloneSet", &["template"], "{app: web}");
    let folder = folder(&[("now/a.yaml", &(WEB.to_owned() + &set)), ("edit.yaml", &set)]);
    let planned = run(folder.path(), &["plan", "--manifests", "now", "-f", "edit.yaml"]);
    assert!(planned.out.contains("CloneSet default/it: its Pods are not simulated"), "{planned:?}");
    assert_eq!(planned.code, Some(0), "the warning is there before and after: {planned:?}");
    assert_eq!(planned.err, "");
}

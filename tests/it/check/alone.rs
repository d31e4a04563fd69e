//! Manifests that are only a part of an application: what they refer to may stand elsewhere.

use super::check;

const SPLIT: &str = "
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: web}
spec:
  service: web
  backends:
  - {service: web-v1, weight: 90}
  - {service: web-v2, weight: 10}
";

const UNKNOWN: &str = "no Service is in these manifests: \
                       the apexes and backends of TrafficSplits could not be checked";

#[tokio::test]
async fn split_without_any_service_is_not_odd_and_what_is_unknown_is_reported_once() {
    let (code, out) = check(SPLIT).await;
    assert_eq!(code, 0, "{out}");
    assert_eq!(
        out.lines().collect::<Vec<_>>(),
        ["nothing odd in 1 file: 0 Services, 1 TrafficSplit", UNKNOWN],
        "{out}"
    );
    let two =
        format!("{SPLIT}---{}", SPLIT.replace("name: web", "name: shop").replace("service: ", "service: x"));
    let (code, out) = check(&two).await;
    assert_eq!((code, out.matches(UNKNOWN).count()), (0, 1), "{out}");
}

#[tokio::test]
async fn split_without_any_service_is_checked_for_everything_else() {
    let (code, out) = check(&SPLIT.replace("service: web-v2", "service: web-v1")).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("a.yaml:9: TrafficSplit default/web spec.backends[1].service: "), "{out}");
    assert!(out.contains("[duplicate_backend]") && !out.contains("_missing"), "{out}");
}

#[tokio::test]
async fn split_beside_some_service_is_reported_for_those_that_are_missing() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web-v1}\nspec: {ports: [{port: 80}]}";
    let (code, out) = check(&format!("{SPLIT}---\n{service}")).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("[apex_missing]") && out.contains("[backend_missing]"), "{out}");
    assert!(!out.contains("apexes and backends"), "{out}");
}

#[tokio::test]
async fn manifests_that_refer_to_nothing_have_nothing_unknown() {
    let (code, out) = check("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}").await;
    assert!(code == 0 && !out.contains("could not be checked"), "{out}");
}

const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 5432}]}
---
";

#[tokio::test]
async fn services_without_any_pod_are_not_odd_and_reported_once() {
    let (code, out) = check(SERVICES).await;
    assert_eq!(code, 0, "{out}");
    let unknown = "no Pod or workload is in these manifests: the endpoints of Services default/db, default/web could not be checked";
    assert_eq!(out.lines().last(), Some(unknown), "{out}");
}

#[tokio::test]
async fn namespace_without_any_pod_is_unknown_and_others_are_checked() {
    let system = SERVICES.replace("metadata: {name:", "metadata: {namespace: kube-system, name:");
    let pods = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {selector: {matchLabels: {app: api}}, template: \
                {metadata: {labels: {app: api}}, spec: {containers: [{name: x, image: x}]}}}\n---\n";
    let (code, out) = check(&format!("{system}{pods}")).await;
    assert_eq!(code, 0, "{out}");
    let unknown = "no Pod of namespace kube-system is in these manifests: the endpoints of Services kube-system/db, kube-system/web \
                   could not be checked";
    assert!(out.contains(unknown), "{out}");

    let (code, out) = check(&format!("{system}{pods}{SERVICES}")).await;
    assert!(code == 1 && out.contains("[selector_matches_nothing]") && out.contains(unknown), "{out}");
}

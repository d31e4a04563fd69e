//! Endpoints objects, and what a cluster makes of them.

use super::{AUTHORITY, WEB, endpoints, folder, run};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: x, ports: [{containerPort: 8080}]}]
---
";

/// A Service that selects nothing.
const PLAIN: &str = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80, targetPort: 8080}]}}\n---\n";

/// An Endpoints object with that metadata.
fn object(metadata: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Endpoints, metadata: {{{metadata}}}, subsets: [{{addresses: [{{ip: 192.0.2.99}}], \
         ports: [{{port: 8080}}]}}]}}\n"
    )
}

#[test]
fn endpoints_beside_a_selector_are_ignored_with_a_warning() {
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + DEPLOYMENT + &object("name: web")))]);
    let found = endpoints(folder.path(), AUTHORITY);
    assert!(matches!(&found[..], [(pod, _)] if pod.starts_with("Pod default/web-")), "{found:?}");
    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.out.contains(
            "a.yaml:20: Endpoints default/web: ignored, because Service default/web has a selector"
        ),
        "{checked:?}"
    );
}

#[test]
fn endpoints_of_a_service_without_a_selector_are_mirrored() {
    let folder = folder(&[("a.yaml", &(PLAIN.to_owned() + &object("name: web")))]);
    let found = endpoints(folder.path(), AUTHORITY);
    assert!(matches!(&found[..], [(_, address)] if address == "192.0.2.99:8080"), "{found:?}");
    assert_eq!(run(folder.path(), &["check", "."]).code, Some(0));
}

#[test]
fn endpoints_that_a_cluster_does_not_mirror_serve_nothing() {
    for metadata in [
        "name: web, labels: {'endpointslice.kubernetes.io/skip-mirror': 'true'}",
        "name: web, annotations: {'control-plane.alpha.kubernetes.io/leader': '{}'}",
        "name: other",
    ] {
        let folder = folder(&[("a.yaml", &(PLAIN.to_owned() + &object(metadata)))]);
        assert_eq!(endpoints(folder.path(), AUTHORITY), [], "{metadata}");
        assert!(!run(folder.path(), &["check", "."]).out.contains("endpoints_ignored"), "{metadata}");
    }
}

#[test]
fn endpoints_are_mirrored_beside_slices_of_the_same_service() {
    let slice = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: \
                 {kubernetes.io/service-name: web}}, addressType: IPv4, endpoints: [{addresses: [192.0.2.1]}], ports: \
                 [{name: '', port: 8080}]}\n---\n";
    let folder = folder(&[("a.yaml", &(PLAIN.to_owned() + slice + &object("name: web")))]);
    assert_eq!(endpoints(folder.path(), AUTHORITY).len(), 2);
}

#[test]
fn endpoints_in_the_dump_of_a_cluster_are_used() {
    let dumped = object("name: web, annotations: {'endpoints.kubernetes.io/last-change-trigger-time': now}");
    let folder = folder(&[("a.yaml", &(WEB.to_owned() + &dumped))]);
    let found = endpoints(folder.path(), AUTHORITY);
    assert!(matches!(&found[..], [(_, address)] if address == "192.0.2.99:8080"), "{found:?}");
}

#[test]
fn addresses_beyond_those_that_are_mirrored_are_reported() {
    let addresses: Vec<_> = (0..1003).map(|i| format!("{{ip: 192.0.{}.{}}}", i / 250, i % 250 + 1)).collect();
    let many = object("name: web").replace("{ip: 192.0.2.99}", &addresses.join(", "));
    let folder = folder(&[("a.yaml", &(PLAIN.to_owned() + &many))]);
    let checked = run(folder.path(), &["check", "."]);
    assert!(checked.out.contains("3 addresses are left out: a cluster mirrors at most 1000"), "{checked:?}");
}

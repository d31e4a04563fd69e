//! Each reason why no ready endpoint serves a Service, as `check` prints it, and states that are no mistake.

use super::check;

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
";

const BARE: &str = "
apiVersion: v1
kind: Service
metadata: {name: bare}
spec: {ports: [{port: 80}]}
---
";

const API: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, image: x}]}}
---
";

/// `check` prints one warning about a Service, which has this text and this reason.
async fn expect(manifests: &[&str], text: &str, reason: &str) {
    let (code, out) = check(&manifests.concat()).await;
    let warnings: Vec<_> =
        out.lines().filter(|line| line.contains(": Service ") && line.ends_with(']')).collect();
    assert_eq!((code, warnings.len()), (1, 1), "{text}:\n{out}");
    assert!(
        warnings[0].contains(text) && warnings[0].ends_with(&format!("[{reason}]")),
        "{text} [{reason}]:\n{out}"
    );
}

/// An EndpointSlice of `bare` with these endpoints.
fn slice(address_type: &str, endpoints: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: bare-1, labels: \
         {{kubernetes.io/service-name: bare}}}}\naddressType: {address_type}\nports: [{{port: 8080}}]\nendpoints: \
         {endpoints}\n---\n"
    )
}

#[tokio::test]
async fn workload_without_replicas_is_the_reason() {
    let idle = API.replace("app: api", "app: web").replace("spec:\n", "spec:\n  replicas: 0\n");
    expect(&[WEB, &idle], "Deployment default/api has replicas: 0: clients get no endpoints", "no_replicas")
        .await;
}

#[tokio::test]
async fn workload_that_is_not_simulated_is_the_reason() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {metadata: {labels: {app: web}}, spec: \
               {restartPolicy: Never, containers: [{name: c, image: x}]}}}\n---\n";
    expect(
        &[WEB, job],
        "selector app=web matches the Pods of Job default/j, and its Pods are not known in a folder",
        "pods_unknown",
    )
    .await;
}

#[tokio::test]
async fn pods_of_an_operator_may_be_what_a_selector_matches() {
    let operated = |name: &str, labels: &str| {
        format!(
            "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet\nmetadata: {{name: {name}}}\nspec: {{template: {{metadata: \
             {{labels: {labels}}}, spec: {{containers: [{{name: c, image: x}}]}}}}}}\n---\n"
        )
    };
    let without_template =
        "apiVersion: sparkoperator.k8s.io/v1\nkind: ScheduledSparkApplication\nmetadata: {name: s}\n---\n";
    for (manifests, is_reported) in [
        (vec![operated("web", "{x: y}"), API.to_owned()], false),
        (vec![without_template.to_owned(), API.to_owned()], false),
        (vec![operated("other", "{x: y}"), API.to_owned()], true),
        // A typing error is one whatever an operator makes.
        (vec![operated("web", "{x: y}"), API.replace("app: api", "app: wbe")], true),
    ] {
        let (_, out) = check(&(WEB.to_owned() + &manifests.concat())).await;
        assert_eq!(out.contains("[selector_matches_nothing]"), is_reported, "{manifests:?}:\n{out}");
    }
}

#[tokio::test]
async fn selector_of_one_pod_of_a_statefulset_is_reported_if_there_is_no_such_pod() {
    let set =
        API.replace("kind: Deployment", "kind: StatefulSet").replace("spec:\n", "spec:\n  replicas: 1\n");
    let of_pod = |pod: &str| WEB.replace("app: web", &format!("statefulset.kubernetes.io/pod-name: {pod}"));
    let (code, out) = check(&(of_pod("api-0") + &set)).await;
    assert_eq!(code, 0, "{out}");
    expect(
        &[&of_pod("api-1"), &set],
        "selector statefulset.kubernetes.io/pod-name=api-1 matches no Pod",
        "selector_matches_nothing",
    )
    .await;
}

#[tokio::test]
async fn slices_that_give_no_endpoint_are_the_reason() {
    let of_node =
        "[{addresses: [10.1.1.1], conditions: {ready: true}, targetRef: {kind: Node, name: node-1}}]";
    for (slice, text, reason) in [
        (
            slice("IPv4", "[]"),
            "it has no selector, and EndpointSlice default/bare-1 lists no endpoint",
            "no_endpoint_slice",
        ),
        (slice("IPv4", of_node), "endpoint 10.1.1.1 is left out: it refers to a Node", "endpoints_excluded"),
        (
            slice("IPv4", "[{addresses: [10.1.1.1], conditions: {ready: false}}]"),
            "its only endpoint is not ready",
            "no_ready_endpoint",
        ),
        (
            slice(
                "IPv4",
                "[{addresses: [10.1.1.1], conditions: {ready: false}}, {addresses: [10.1.1.2], conditions: {ready: \
                           false}}]",
            ),
            "none of its 2 endpoints is ready",
            "no_ready_endpoint",
        ),
    ] {
        expect(&[BARE, API, &slice], text, reason).await;
    }
}

#[tokio::test]
async fn slice_of_a_missing_service_is_named_also_where_no_pod_is_known() {
    let stray =
        slice("IPv4", "[{addresses: [10.1.1.1]}]").replace("service-name: bare", "service-name: bear");
    let hint = "(EndpointSlice default/bare-1 is of Service default/bear, which does not exist)";
    for more in ["", API] {
        expect(&[BARE, &stray, more], hint, "no_endpoint_slice").await;
    }
}

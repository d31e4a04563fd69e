//! Servers that are for no port of any workload, and Servers of which Linkerd applies only one.

use super::{WEB, check, expect_nothing, expect_one};

/// The services with a Server `s` that has these lines of its spec.
fn with_server(spec: &str) -> String {
    format!("{WEB}{}", server("s", spec))
}

fn server(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
    )
}

const WORKLOAD: &str = "
apiVersion: workload.linkerd.io/v1beta1
kind: ExternalWorkload
metadata: {name: vm, labels: {app: vm}}
spec:
  meshTLS: {identity: 'spiffe://root/vm', serverName: vm.test}
  workloadIPs: [{ip: 192.0.2.1}]
  ports: [{name: db, port: 5432}]
status: {conditions: [{type: Ready, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', lastProbeTime: '2026-01-01T00:00:00Z'}]}
---
";

#[tokio::test]
async fn server_that_selects_no_pod_is_reported_with_the_nearest_labels() {
    const OPAQUE: &str = ", so the Server marks no port as opaque; correct the selector, or the labels of the Pods \
                          [server_unused]";
    for (selector, why) in [
        (
            "{matchLabels: {app: wbe}}",
            "podSelector app=wbe matches no Pod (nearest: app=web of Deployment web-",
        ),
        ("{matchLabels: {app: web, v: c}}", "podSelector app=web,v=c matches no Pod (nearest: v="),
        ("{matchLabels: {tier: db}}", "podSelector tier=db matches no Pod (no Pod there has a label tier)"),
        (
            "{matchExpressions: [{key: app, operator: In, values: [wbe]}]}",
            "podSelector app=wbe matches no Pod (nearest: app=web of Deployment web-",
        ),
        (
            "{matchExpressions: [{key: v, operator: In, values: [c, d]}, {key: app, operator: Exists}]}",
            "podSelector v in (c, d),app matches no Pod",
        ),
        (
            "{matchLabels: {app: web}, matchExpressions: [{key: v, operator: DoesNotExist}]}",
            "podSelector app=web,!v matches no Pod",
        ),
    ] {
        let yaml = with_server(&format!("podSelector: {selector}, port: 8080, proxyProtocol: opaque"));
        let why = format!("Server default/s spec.podSelector: {why}");
        expect_one(&check(&yaml).await, &["a.yaml:", &why, OPAQUE]);
    }
}

#[tokio::test]
async fn server_of_any_protocol_is_reported() {
    for protocol in ["", ", proxyProtocol: HTTP/2", ", proxyProtocol: unknown"] {
        let yaml = with_server(&format!("podSelector: {{matchLabels: {{app: wbe}}}}, port: 8080{protocol}"));
        expect_one(
            &check(&yaml).await,
            &["matches no Pod (nearest: app=web", "so the Server is for no port"],
        );
    }
}

#[tokio::test]
async fn server_with_labels_of_another_namespace_is_reported_with_it() {
    let yaml = with_server("podSelector: {matchLabels: {app: web}}, port: 80")
        .replace("metadata: {name: s}", "metadata: {name: s, namespace: shop}");
    expect_one(
        &check(&yaml).await,
        &["Server shop/s", "matches no Pod (Deployment web-", " of namespace default has these labels)"],
    );
}

#[tokio::test]
async fn server_that_selects_a_pod_is_not_reported_whatever_ports_its_containers_declare() {
    for spec in [
        "podSelector: {matchLabels: {app: web}}, port: 9999, proxyProtocol: opaque",
        "podSelector: {matchLabels: {app: web}}, port: '8080', proxyProtocol: opaque",
        "podSelector: {}, port: http, proxyProtocol: opaque",
        "podSelector: {matchExpressions: [{key: v, operator: NotIn, values: [a]}]}, port: http",
        "podSelector: {matchExpressions: [{key: v, operator: In, values: [b, c]}]}, port: http",
        "podSelector: {matchLabels: {apps.kubernetes.io/pod-index: '0'}}, port: http",
    ] {
        expect_nothing(&check(&with_server(spec)).await);
    }
}

#[tokio::test]
async fn port_name_that_no_container_has_is_reported() {
    for (port, why) in [
        ("htp", "port htp names no container port of the Pods that podSelector matches (there is http)"),
        ("htp", "did you mean http? [server_unused]"),
        ("grpc", "name a container port grpc, or write its number [server_unused]"),
    ] {
        let yaml = with_server(&format!("podSelector: {{matchLabels: {{v: a}}}}, port: {port}"));
        expect_one(&check(&yaml).await, &["Server default/s spec.port: ", why]);
    }
}

#[tokio::test]
async fn port_name_that_one_of_the_selected_workloads_has_is_not_reported() {
    let yaml = with_server("podSelector: {matchLabels: {app: web}}, port: admin").replacen(
        "ports: [{name: http, containerPort: 8080}]",
        "ports: [{name: admin, containerPort: 9}]",
        1,
    );
    expect_nothing(&check(&yaml).await);
}

#[tokio::test]
async fn server_of_a_workload_without_pods_is_not_reported() {
    let yaml = with_server("podSelector: {matchLabels: {app: idle}}, port: http")
        + "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: idle}\nspec:\n  replicas: 0\n  selector: {matchLabels: \
           {app: idle}}\n  template:\n    metadata: {labels: {app: idle}}\n    spec: {containers: [{name: c, image: x}]}\n";
    expect_nothing(&check(&yaml).await);
    let job = with_server("podSelector: {matchLabels: {app: job}}, port: http")
        + "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec:\n  template:\n    metadata: {labels: {app: job}}\n    \
           spec: {restartPolicy: Never, containers: [{name: c, image: x}]}\n";
    expect_nothing(&check(&job).await);
}

#[tokio::test]
async fn server_without_any_pod_in_the_folder_cannot_be_checked() {
    let alone = server("s", "podSelector: {matchLabels: {app: web}}, port: 80")
        + &server("t", "externalWorkloadSelector: {matchLabels: {app: vm}}, port: 80");
    let (code, out) = check(&alone).await;
    assert_eq!(code, 0, "{out}");
    for unknown in [
        "no Pod or workload is in these manifests: what Server default/s selects could not be checked",
        "no ExternalWorkload of namespace default is in these manifests: what Server default/t selects could not be checked",
    ] {
        assert!(out.lines().any(|line| line == unknown), "{unknown} is not in\n{out}");
    }
}

#[tokio::test]
async fn server_of_external_workloads_is_reported_if_it_selects_none_or_none_with_the_port() {
    for (spec, texts) in [
        (
            "externalWorkloadSelector: {matchLabels: {app: wm}}, port: 5432",
            &[
                "Server default/s spec.externalWorkloadSelector: externalWorkloadSelector app=wm matches no \
                 ExternalWorkload (nearest: app=vm of ExternalWorkload vm)",
                "correct the selector, or the labels of the ExternalWorkloads",
            ][..],
        ),
        (
            "externalWorkloadSelector: {matchLabels: {app: web}}, port: 80",
            &["(Deployment web-a has these labels, which podSelector selects)"],
        ),
        (
            "podSelector: {matchLabels: {app: vm}}, port: 5432",
            &["(ExternalWorkload vm has these labels, which externalWorkloadSelector selects)"],
        ),
        (
            "externalWorkloadSelector: {matchLabels: {app: vm}}, port: dv",
            &["spec.port: port dv names no port of the ExternalWorkloads", "did you mean db?"],
        ),
    ] {
        let yaml = format!("{}{WORKLOAD}", with_server(&format!("{spec}, proxyProtocol: opaque")));
        expect_one(&check(&yaml).await, texts);
    }
    for spec in [
        "externalWorkloadSelector: {matchLabels: {app: vm}}, port: db",
        "externalWorkloadSelector: {}, port: 99",
    ] {
        expect_nothing(&check(&format!("{}{WORKLOAD}", with_server(spec))).await);
    }
}

#[tokio::test]
async fn servers_for_the_same_port_of_the_same_pods_are_reported_once() {
    const BOTH: &str = "Server default/t spec.port: Server default/s is for port 8080 of Deployment web-a too: Linkerd's \
                        proxies apply only one of the two";
    for (one, other, texts) in [
        ("port: 8080", "port: 8080", &[BOTH, "; keep one Server for a port [server_conflict]"][..]),
        ("port: http", "port: 8080", &[BOTH]),
        ("port: 8080", "port: http", &[BOTH]),
        (
            "port: http",
            "port: http, proxyProtocol: opaque",
            &[BOTH, "while clients take the port for opaque, because one of the two is"],
        ),
    ] {
        let yaml = with_server(&format!("podSelector: {{matchLabels: {{app: web}}}}, {one}"))
            + &server("t", &format!("podSelector: {{matchLabels: {{v: a}}}}, {other}"));
        expect_one(&check(&yaml).await, texts);
    }
}

#[tokio::test]
async fn servers_for_other_ports_or_other_pods_are_not_reported() {
    for (one, other) in [
        ("podSelector: {}, port: 8080", "podSelector: {}, port: 8081"),
        ("podSelector: {matchLabels: {v: a}}, port: http", "podSelector: {matchLabels: {v: b}}, port: http"),
        ("podSelector: {matchLabels: {v: a}}, port: 8080", "podSelector: {matchLabels: {v: b}}, port: http"),
        ("podSelector: {}, port: http", "podSelector: {}, port: 8888"),
    ] {
        expect_nothing(&check(&(with_server(one) + &server("t", other))).await);
    }
}

#[tokio::test]
async fn servers_for_pods_of_one_stateful_set_are_no_conflict() {
    let of = |pod: &str| {
        format!(
            "podSelector: {{matchLabels: {{app: web, statefulset.kubernetes.io/pod-name: {pod}}}}}, port: 8080"
        )
    };
    let both = with_server(&of("web-0")) + &server("t", &of("web-1"));
    expect_nothing(&check(&both).await);

    let of_all = "podSelector: {matchLabels: {app: web}}, port: 8080";
    let both = with_server(of_all) + &server("t", of_all);
    expect_one(&check(&both).await, &["server_conflict"]);
}

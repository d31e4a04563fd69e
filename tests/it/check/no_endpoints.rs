//! Services that no ready endpoint serves, with the first reason that applies.

use super::check;

/// A Service of this name with these lines of its spec.
fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n{spec}\n---\n")
}

/// A Deployment whose Pods have these labels and these fields of a container.
fn deployment(name: &str, labels: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: \
         {{{labels}}}}}\n  template:\n    metadata: {{labels: {{{labels}}}}}\n    spec: {{containers: [{{name: main, image: \
         x{container}}}]}}\n---\n"
    )
}

fn web(selector: &str) -> String {
    service("web", &format!("  selector: {{{selector}}}\n  ports: [{{port: 80, targetPort: 8080}}]"))
}

/// Expects these lines of warnings, without the name of the file and the object, and no others.
#[track_caller]
fn expect(got: &(i32, String), warnings: &[&str]) {
    let (code, out) = got;
    let found: Vec<_> = out.lines().filter(|line| line.ends_with(']')).collect();
    let expected: Vec<_> = warnings.iter().map(|warning| format!("a.yaml:{warning}")).collect();
    assert_eq!(found, expected, "{out}");
    assert_eq!(*code, i32::from(!warnings.is_empty()), "{out}");
}

const PORT: &str = ", ports: [{name: http, containerPort: 8080}]";

#[tokio::test]
async fn selector_with_a_typo_is_reported_with_the_nearest_labels() {
    let pods = deployment("web", "app: web", PORT);
    for (selector, nearest) in [
        ("app: wbe", "nearest: app=web of Deployment web"),
        ("app: Web", "nearest: app=web of Deployment web"),
        ("ap: web", "nearest: app=web of Deployment web"),
        ("app: shop", "Pods there have app=web"),
        ("tier: front", "no Pod there has a label tier"),
    ] {
        let text = selector.replace(": ", "=");
        expect(
            &check(&(web(selector) + &pods)).await,
            &[&format!(
                "5: Service default/web spec.selector: selector {text} matches no Pod ({nearest}): clients get no \
                 endpoints on port 80; correct the selector, or the labels of the Pods [selector_matches_nothing]"
            )],
        );
    }
}

#[tokio::test]
async fn selector_of_another_version_is_reported_with_the_versions_that_exist() {
    let pods = deployment("web-v1", "app: web, version: v1", "") + &deployment("db", "app: db", "");
    let (_, out) = check(&(web("app: web, version: canary") + &pods)).await;
    assert!(out.contains("matches no Pod (nearest: version=v1 of Deployment web-v1)"), "{out}");
}

#[tokio::test]
async fn selector_that_matches_in_another_namespace_is_reported_with_that_namespace() {
    let pods = deployment("web", "app: web", PORT).replace("{name: web}", "{name: web, namespace: shop}");
    let (code, out) = check(&(web("app: web") + &pods)).await;
    assert!(out.contains("matches no Pod (Deployment web of namespace shop has these labels)"), "{out}");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn target_port_that_no_container_names_is_reported_with_the_names_that_exist() {
    let named = |target: &str| {
        service("web", &format!("  selector: {{app: web}}\n  ports:\n  - port: 80\n    targetPort: {target}"))
    };
    let pods = deployment("web", "app: web", PORT);
    expect(
        &check(&(named("htpp") + &pods)).await,
        &[
            "8: Service default/web spec.ports[0].targetPort: targetPort htpp names no container port of the Pods that web \
           selects (there is http): clients get no endpoints on port 80; did you mean http? [no_target_port]",
        ],
    );
    expect(&check(&(named("http") + &pods)).await, &[]);
    let (_, out) = check(&(named("http") + &deployment("web", "app: web", ""))).await;
    assert!(
        out.contains("targetPort http names no container port of the Pods that web selects (they name none)"),
        "{out}"
    );
}

#[tokio::test]
async fn only_the_ports_without_endpoints_are_reported() {
    let ports = "  selector: {app: web}\n  ports:\n  - {name: http, port: 80, targetPort: http}\n  - {name: admin, port: 81, \
                 targetPort: admin}\n  - {name: more, port: 82, targetPort: admin}";
    expect(
        &check(&(service("web", ports) + &deployment("web", "app: web", PORT))).await,
        &[
            "8: Service default/web spec.ports[1].targetPort: targetPort admin names no container port of the Pods that web \
           selects (there is http): clients get no endpoints on ports 81, 82; name a container port admin, or write its \
           number [no_target_port]",
        ],
    );
}

/// An EndpointSlice of this name with these fields of its metadata, and these conditions and fields of its endpoint.
fn slice(metadata: &str, endpoint: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{{metadata}}}\naddressType: IPv4\nports: [{{port: \
         8080}}]\nendpoints: [{{addresses: [192.0.2.1]{endpoint}}}]\n---\n"
    )
}

#[tokio::test]
async fn service_without_selector_is_reported_with_the_slice_that_may_be_meant() {
    let service = service("web", "  ports: [{port: 80}]");
    let other = deployment("db", "app: db", "");
    let labelled = |namespace: &str, name: &str| {
        format!("name: {name}-1, namespace: {namespace}, labels: {{kubernetes.io/service-name: {name}}}")
    };
    let endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: wbe}\nsubsets: [{addresses: [{ip: 192.0.2.1}], ports: \
                     [{port: 8080}]}]\n---\n";
    for (slice, hint) in [
        (String::new(), ""),
        (slice("name: web-1", ""), " (EndpointSlice default/web-1 has no label kubernetes.io/service-name)"),
        (
            slice(&labelled("default", "wbe"), ""),
            " (EndpointSlice default/wbe-1 is of Service default/wbe, which does not exist)",
        ),
        (slice(&labelled("shop", "web"), ""), " (namespace shop has some, of a Service of this name there)"),
        // Nothing is mirrored from an Endpoints object without a Service.
        (endpoints.to_owned(), ""),
    ] {
        let (code, out) = check(&format!("{service}{other}{slice}")).await;
        let why = format!(
            "a.yaml:4: Service default/web spec: it has no selector, and no EndpointSlice or Endpoints is of default/web{hint}: \
             clients get no endpoints on port 80; add a selector, or an EndpointSlice with the label \
             kubernetes.io/service-name: web [no_endpoint_slice]"
        );
        assert!(code == 1 && out.lines().any(|line| line == why), "{out}");
    }
}

#[tokio::test]
async fn endpoints_that_are_listed_and_not_given_out_are_reported_with_the_reason() {
    let plain = service("web", "  ports:\n  - port: 80");
    let named = service("web", "  ports:\n  - {name: http, port: 80}");
    let of_web = "name: web-1, labels: {kubernetes.io/service-name: web}";
    for (service, endpoint, why) in [
        (
            &plain,
            ", conditions: {ready: false}",
            "its only endpoint is not ready: clients get no endpoints on port 80 [no_ready_endpoint]",
        ),
        (
            &plain,
            ", targetRef: {kind: Pod, name: web-0, namespace: default}",
            "endpoint 192.0.2.1 is left out: its Pod default/web-0 does not exist: clients get no endpoints on port 80 \
             [endpoints_excluded]",
        ),
        (
            &named,
            "",
            "no EndpointSlice of it has a port named http (there is one without a name): clients get no endpoints on port 80; a \
             slice names its ports as the Service does [no_target_port]",
        ),
    ] {
        let got = check(&format!("{service}{}", slice(of_web, endpoint))).await;
        expect(&got, &[&format!("6: Service default/web spec.ports[0]: {why}")]);
    }
    expect(&check(&format!("{plain}{}", slice(of_web, ""))).await, &[]);
}

#[tokio::test]
async fn services_that_are_served_are_not_reported() {
    let stateful = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db, selector: {matchLabels: \
                    {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: x, image: x}]}}}\n---\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: one, labels: {app: one}}\nspec: {containers: [{name: x, image: \
               x}]}\nstatus: {phase: Running, podIP: 192.0.2.9, conditions: [{type: Ready, status: \"False\"}]}\n---\n";
    let other = deployment("other", "app: other", "");
    for (name, yaml) in [
        (
            "headless, for a StatefulSet",
            service("db", "  clusterIP: None\n  selector: {app: db}\n  ports: [{port: 5432}]") + stateful,
        ),
        ("headless, without ports", service("db", "  clusterIP: None\n  selector: {app: x}") + &other),
        (
            "one Pod of a StatefulSet",
            service(
                "db-0",
                "  selector: {statefulset.kubernetes.io/pod-name: db-0}\n  ports: [{port: 5432}]",
            ) + stateful,
        ),
        (
            "not ready, and published",
            service("one", "  publishNotReadyAddresses: true\n  selector: {app: one}\n  ports: [{port: 80}]")
                + pod,
        ),
        ("UDP alone", service("dns", "  selector: {app: x}\n  ports: [{port: 53, protocol: UDP}]") + &other),
        (
            "ExternalName",
            service("x", "  type: ExternalName\n  externalName: example.com\n  ports: [{port: 80}]") + &other,
        ),
    ] {
        let (code, out) = check(&yaml).await;
        assert_eq!(code, 0, "{name}: {out}");
    }
}

//! How much a warning about a ServiceProfile names, and what is not reported because it is no mistake.

use super::{WEB, check, expect_nothing, expect_one};

const FQDN: &str = "web.default.svc.cluster.local";

fn profile(namespace: &str, overrides: &str) -> String {
    format!(
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {{name: {FQDN}, namespace: {namespace}}}\n\
         spec: {{routes: [], dstOverrides: [{overrides}]}}\n---\n"
    )
}

fn split() -> &'static str {
    "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {name: s}\n\
     spec: {service: web, backends: [{service: web-a, weight: 1}]}\n---\n"
}

fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n")
}

fn overrides(authorities: &[&str]) -> String {
    authorities.iter().map(|to| format!("{{authority: '{to}', weight: 1}}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn overridden_split_names_five_namespaces_and_five_overrides() {
    let client = |index: usize| {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: c, namespace: n{index}}}\nspec: {{containers: [{{name: c, image: \
             x}}]}}\n---\n"
        );
        pod + &profile(&format!("n{index}"), &overrides(&["web-a.default.svc.cluster.local"]))
    };
    let clients: String = (1..=7).map(client).collect();
    let got = check(&[WEB, split(), &clients].concat()).await;
    expect_one(&got, &["in namespace n1, n2, n3, n4, n5, 2 more come before the split"]);

    let many = vec!["web-a.default.svc.cluster.local"; 7];
    let got = check(&[WEB, split(), &profile("default", &overrides(&many))].concat()).await;
    let share = "14.29 % to web-a.default.svc.cluster.local:80";
    expect_one(&got, &[&format!("proxies send {}, the rest to 2 more and do not", [share; 5].join(", "))]);
}

#[tokio::test]
async fn overridden_split_shows_the_port_of_its_apex_and_no_override_without_weight() {
    let web = WEB.replace("port: 80,", "port: 9080,");
    let to = "{authority: web-a.default.svc.cluster.local, weight: 1}, {authority: web-b.default.svc.cluster.local, weight: 0}";
    let got = check(&[&web, split(), &profile("default", to)].concat()).await;
    expect_one(
        &got,
        &["proxies send 100.00 % to web-a.default.svc.cluster.local:9080 and do not follow the split"],
    );
}

#[tokio::test]
async fn profile_without_any_service_or_pod_in_the_folder_is_not_odd() {
    let to = overrides(&["web-a.default.svc.cluster.local"]);
    expect_nothing(&check(&profile("default", &to)).await);
    // Clients of namespace shop may be anywhere if no Pod of the Service is known either.
    let service = service("web", "selector: {app: web}, ports: [{port: 80}]")
        + &service("web-a", "selector: {app: web}, ports: [{port: 80}]");
    expect_nothing(&check(&(service + &profile("shop", &to))).await);
}

#[tokio::test]
async fn profile_of_a_misspelled_service_is_reported_with_the_one_that_was_meant() {
    let misspelled = profile("default", "").replace(FQDN, "wbe.default.svc.cluster.local");
    expect_one(
        &check(&[WEB, &misspelled].concat()).await,
        &["there is no Service default/wbe", "did you mean web.default.svc.cluster.local? [profile_unused]"],
    );
}

#[tokio::test]
async fn override_to_a_service_that_lacks_the_port_or_has_no_endpoints_is_reported() {
    let more = service("ext", "type: ExternalName, externalName: example.com")
        + &service("other", "selector: {app: web}, ports: [{port: 81, targetPort: 8080}]")
        + &service("bare", "clusterIP: None, selector: {app: web}, ports: [{port: 81, targetPort: 8080}]");
    for (to, text) in [
        ("ext.default.svc.cluster.local", "Service default/ext is an ExternalName and has no endpoints"),
        ("other.default.svc.cluster.local", "Service default/other has no port 80"),
        ("other.default.svc.cluster.local:82", "Service default/other has no port 82"),
    ] {
        let got = check(&[WEB, &more, &profile("default", &overrides(&[to]))].concat()).await;
        expect_one(&got, &["spec.dstOverrides[0].authority: ", text]);
    }
    for to in ["other.default.svc.cluster.local:81", "bare.default.svc.cluster.local:99"] {
        expect_nothing(&check(&[WEB, &more, &profile("default", &overrides(&[to]))].concat()).await);
    }
}

#[tokio::test]
async fn overrides_behind_the_hundredth_are_not_inspected() {
    let good = "web-a.default.svc.cluster.local";
    for (place, is_reported) in [(99, true), (100, false)] {
        let mut to = vec![good; 101];
        to[place] = "nowhere.default.svc.cluster.local";
        let (_, out) = check(&[WEB, &profile("default", &overrides(&to))].concat()).await;
        assert_eq!(out.contains("there is no Service default/nowhere"), is_reported, "{place}:\n{out}");
    }
}

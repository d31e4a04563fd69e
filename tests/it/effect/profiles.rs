//! ServiceProfiles that apply to no client, and parts of them that are left out.

use super::{WEB, check, expect_nothing, expect_one};

const FQDN: &str = "web.default.svc.cluster.local";

/// The services and a profile of this name, in this namespace, with this spec.
fn with_profile(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "{WEB}apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  routes: []\n{spec}"
    )
}

fn with_condition(condition: &str) -> String {
    let route = format!("  routes:\n  - name: r\n    condition:\n{condition}");
    with_profile(FQDN, "default", "").replace("  routes: []\n", &route)
}

#[tokio::test]
async fn profile_whose_name_no_client_asks_for_is_reported_with_the_name_that_was_meant() {
    const MEANT: &str = "did you mean web.default.svc.cluster.local?";
    for (name, expect) in [
        ("web", MEANT),
        ("web.default", MEANT),
        ("web.default.svc", MEANT),
        ("web.svc.cluster.local", MEANT),
        ("web.default.svc.cluster.locl", MEANT),
        ("web.default.svc.example.org", MEANT),
        ("pod-0.web.default.svc.cluster.local", "named for one endpoint of Service default/web"),
        ("api.example.com", "no client asks for that name (--cluster-domain cluster.local)"),
    ] {
        let got = check(&with_profile(name, "default", "")).await;
        expect_one(&got, &["ServiceProfile default/", " metadata.name: ", expect, "[bad_profile]"]);
    }
}

#[tokio::test]
async fn profile_of_a_service_applies_in_its_namespace_and_in_those_of_clients() {
    expect_nothing(&check(&with_profile(FQDN, "default", "")).await);
    let client = "apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: shop}\n\
                  spec: {containers: [{name: c, image: x}]}\n---\n";
    expect_nothing(&check(&format!("{client}{}", with_profile(FQDN, "shop", ""))).await);
}

#[tokio::test]
async fn profile_in_a_namespace_without_clients_is_reported() {
    let got = check(&with_profile(FQDN, "shop", "")).await;
    expect_one(
        &got,
        &["metadata.namespace: in namespace shop", "move it to namespace default", "[profile_unused]"],
    );
}

#[tokio::test]
async fn profile_of_a_service_that_does_not_exist_is_reported() {
    let got = check(&with_profile("wep.default.svc.cluster.local", "default", "")).await;
    expect_one(&got, &["there is no Service default/wep", "[profile_unused]"]);
}

#[tokio::test]
async fn profile_of_an_external_name_is_reported() {
    let yaml = with_profile("ext.default.svc.cluster.local", "default", "")
        + "---\napiVersion: v1\nkind: Service\nmetadata: {name: ext}\n\
           spec: {type: ExternalName, externalName: example.com}\n";
    expect_one(&check(&yaml).await, &["Service default/ext is an ExternalName", "[profile_unused]"]);
}

#[tokio::test]
async fn route_with_an_expression_that_proxies_cannot_compile_is_reported_at_its_line() {
    for (condition, path, line, why) in [
        ("      method: GET\n      pathRegex: \"/a([\"\n", "pathRegex", 4, "unclosed"),
        ("      pathRegex: /a(?=b)\n", "pathRegex", 3, "look-around"),
        ("      pathRegex: '/(a)\\1'\n", "pathRegex", 3, "backreferences"),
        ("      pathRegex: '(*)'\n", "pathRegex", 3, "repetition operator missing expression"),
        (
            "      any:\n      - pathRegex: /a\n      - not: {pathRegex: '/b)'}\n",
            "any[1].not.pathRegex",
            5,
            "unopened group",
        ),
        ("      pathRegex: '((a{100}){100}){1000}'\n", "pathRegex", 3, "too large"),
    ] {
        let yaml = with_condition(condition);
        let first = yaml.lines().position(|line| line == "  - name: r").expect("the route") + 1;
        let place = format!("a.yaml:{}: ", first + line - 1);
        let field = format!("spec.routes[0].condition.{path}: expected a regular expression");
        expect_one(
            &check(&yaml).await,
            &[&place, &field, why, "proxies cannot use the route", "[bad_profile]"],
        );
    }
}

#[tokio::test]
async fn expressions_that_proxies_compile_are_not_reported() {
    for regex in
        ["/a", "^/a$", " /books/[^/]* ", r"/\d+/\pL+", "(?i)/A|/b", r"/(?P<id>\w{1,20})", ".*", "/a{2,5}"]
    {
        expect_nothing(&check(&with_condition(&format!("      pathRegex: '{regex}'\n"))).await);
    }
}

#[tokio::test]
async fn route_without_a_condition_or_with_no_method_is_reported() {
    for (condition, expect) in [
        ("      {}\n", "condition: expected at least one of all, any, method, not and pathRegex"),
        ("      method: 'GE T'\n", "condition.method: expected an HTTP method such as GET, found \"GE T\""),
    ] {
        expect_one(&check(&with_condition(condition)).await, &[expect, "[bad_profile]"]);
    }
    expect_nothing(&check(&with_condition("      method: purge\n")).await);
}

#[tokio::test]
async fn override_that_proxies_cannot_use_is_reported_with_what_follows() {
    const MEANT: &str = "did you mean web-a.default.svc.cluster.local?";
    for (authority, texts) in [
        ("web-a", &["found \"web-a\": requests that proxies send there fail", MEANT][..]),
        ("web-a.default.svc.cluster.locl:80", &["requests that proxies send there fail", MEANT]),
        ("web-c.default.svc.cluster.local", &["there is no Service default/web-c"]),
        ("web-a.default.svc.cluster.local:81", &["Service default/web-a has no port 81"]),
        (
            "web-a.default.svc.cluster.local:http",
            &["has no port from 1 to 65535, so proxies ignore the override"],
        ),
        ("10.1.2.3:80", &["is an address"]),
        ("fd00::1", &["is an address"]),
    ] {
        let spec = format!(
            "  dstOverrides:\n  - {{authority: web-b.default.svc.cluster.local, weight: 1}}\n  \
             - {{authority: '{authority}', weight: 1}}\n"
        );
        let got = check(&with_profile(FQDN, "default", &spec)).await;
        expect_one(&got, &[&[" spec.dstOverrides[1].authority: ", "[bad_profile]"], texts].concat());
    }
}

#[tokio::test]
async fn retry_budget_that_proxies_ignore_is_reported() {
    for (ttl, ratio, expect) in [
        ("100ms", "0.2", Some("spec.retryBudget.ttl: expected a duration from 1s to 60s")),
        ("61s", "0.2", Some("proxies ignore the retry budget")),
        ("10s", "1001", Some("spec.retryBudget.retryRatio: expected a ratio of up to 1000")),
        ("60s", "1000", None),
    ] {
        let spec = format!("  retryBudget: {{ttl: {ttl}, retryRatio: {ratio}, minRetriesPerSecond: 10}}\n");
        let got = check(&with_profile(FQDN, "default", &spec)).await;
        match expect {
            Some(expect) => expect_one(&got, &[expect]),
            None => expect_nothing(&got),
        }
    }
}

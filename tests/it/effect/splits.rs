//! Splits that proxies do not follow because of a ServiceProfile.

use super::{WEB, check, expect_nothing, expect_one};
use crate::server::Binary;

const SPLIT: &str = "
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: s}
spec:
  service: web
  backends: [{service: web-a, weight: 50}, {service: web-b, weight: 50}]
---
";

fn profile(namespace: &str, overrides: &str) -> String {
    format!(
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\n\
         metadata: {{name: web.default.svc.cluster.local, namespace: {namespace}}}\n\
         spec: {{routes: [], dstOverrides: [{overrides}]}}\n---\n"
    )
}

const TO_A: &str = "{authority: web-a.default.svc.cluster.local, weight: 3}, \
                    {authority: 'web-b.default.svc.cluster.local:80', weight: 1}";

#[tokio::test]
async fn split_with_overrides_in_the_profile_of_its_apex_is_reported_with_what_proxies_send() {
    let got = check(&[WEB, SPLIT, &profile("default", TO_A)].concat()).await;
    expect_one(
        &got,
        &[
            "a.yaml:",
            "TrafficSplit default/s spec.service: dstOverrides of ServiceProfile default/web.default.svc.cluster.local",
            "75.00 % to web-a.default.svc.cluster.local:80, 25.00 % to web-b.default.svc.cluster.local:80",
            "[split_overridden]",
        ],
    );
}

#[tokio::test]
async fn profile_without_overrides_leaves_the_split_in_force() {
    expect_nothing(&check(&[WEB, SPLIT, &profile("default", "")].concat()).await);
}

/// A Pod in this namespace.
fn client(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: client, namespace: {namespace}}}\n\
         spec: {{containers: [{{name: c, image: x}}]}}\n---\n"
    )
}

#[tokio::test]
async fn profile_in_a_namespace_of_clients_overrides_the_split_for_these_only() {
    let yaml = [WEB, SPLIT, &client("shop"), &client("bar"), &profile("shop", TO_A), &profile("bar", TO_A)];
    expect_one(
        &check(&yaml.concat()).await,
        &["in namespace bar, shop", "for clients of that namespace", "75.00 %"],
    );
}

#[tokio::test]
async fn profile_whose_overrides_have_no_weight_sends_everything_to_the_service() {
    let zeros = TO_A.replace("weight: 3", "weight: 0").replace("weight: 1", "weight: 0");
    let (code, out) = check(&[WEB, SPLIT, &profile("default", &zeros)].concat()).await;
    assert!(code == 1 && out.contains("proxies send everything to the Service itself"), "{out}");
    assert!(out.contains("spec.dstOverrides: no override has a positive weight"), "{out}");
}

#[tokio::test]
async fn start_up_line_of_a_split_has_what_proxies_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifests = [WEB, SPLIT, &profile("default", TO_A)].concat();
    std::fs::write(folder.path().join("a.yaml"), manifests).expect("written");
    let mut server = Binary::serve(folder.path()).await;
    server
        .prints(
            "default/web:80: proxies send 75.00 % to web-a.default.svc.cluster.local:80, 25.00 % to \
             web-b.default.svc.cluster.local:80 (dstOverrides of ServiceProfile default/web.default.svc.cluster.local); \
             others get web-a 50.00 % | web-b 50.00 %",
        )
        .await;
}

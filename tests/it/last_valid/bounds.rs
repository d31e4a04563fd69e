//! A TrafficSplit in a folder that has more backends than its definition allows.

use std::{fs, path::Path};

use super::warned;
use crate::{
    check::check,
    server::{Binary, copy_of_bookinfo, get_profile, next, silent},
};

/// Writes a split of `reviews` with this many backends.
fn write(folder: &Path, count: usize) {
    fs::write(folder.join("split.yaml"), split("reviews", count)).expect("written");
}

fn split(name: &str, count: usize) -> String {
    let backends: Vec<_> = (0..count).map(|i| format!("{{service: b{i}, weight: 1}}")).collect();
    format!(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{name: {name}}}\n\
         spec: {{service: reviews, backends: [{}]}}\n---\n",
        backends.join(", ")
    )
}

#[tokio::test]
async fn split_in_a_folder_with_more_than_500_backends_is_invalid_and_its_last_valid_version_stays() {
    let folder = copy_of_bookinfo();
    write(folder.path(), 500);
    let server = Binary::serve(folder.path()).await;
    let mut profile = get_profile(server.grpc, "reviews.default.svc.cluster.local:9080", "").await;
    assert_eq!(next(&mut profile).await.dst_overrides.len(), 500);

    write(folder.path(), 501);
    let message = warned(&server, &["spec.backends", "stays in force"]).await;
    assert!(message.contains("500"), "{message}");
    silent(&mut profile).await;

    write(folder.path(), 499);
    assert_eq!(next(&mut profile).await.dst_overrides.len(), 499);
}

#[tokio::test]
async fn check_of_51_splits_of_an_apex_reports_the_last_one_as_beyond_the_bound() {
    let splits: String = (0..51).map(|i| split(&format!("s{i:02}"), 1)).collect();
    let (code, out) = check(&splits).await;
    let of = |reason: &str| out.lines().filter(|line| line.ends_with(&format!("[{reason}]"))).count();
    assert_eq!((code, of("split_conflict"), of("limit_exceeded")), (1, 49, 1), "{out}");
    let wanted = "TrafficSplit default/s50 spec.service: default/reviews has more than 50 TrafficSplits";
    assert!(out.contains(wanted), "{out}");
}

#[tokio::test]
async fn check_of_501_overrides_reports_the_profile() {
    let overrides: Vec<_> =
        (0..501).map(|_| "{authority: web.default.svc.cluster.local, weight: 1}").collect();
    let profile = format!(
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {{name: web.default.svc.cluster.local}}\n\
         spec: {{routes: [], dstOverrides: [{}]}}\n",
        overrides.join(", ")
    );
    let (code, out) = check(&profile).await;
    let wanted = "spec.dstOverrides: 501 dstOverrides are listed and at most 500 are used: the last 1 (from index 500) get \
                  no traffic";
    assert!(code == 1 && out.contains(wanted) && out.contains("[limit_exceeded]"), "{out}");
}

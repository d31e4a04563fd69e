//! `switchyard plan` on BookInfo, as it is typed and what it prints.

use std::path::Path;

use crate::golden::{check, run};

mod last_endpoint;

const BOOKINFO: [&str; 3] = ["plan", "--manifests", "examples/bookinfo"];
const ISTIO: [&str; 3] = ["plan", "--manifests", "tests/data/istio-bookinfo"];

/// Plans an edit and compares what is printed.
async fn plan(name: &str, base: [&str; 3], flags: &[&str]) {
    check(&format!("plan/{name}"), &run(&[&base, flags].concat(), "").await);
}

#[tokio::test]
async fn an_edit_of_weights_is_shown_as_shares_before_and_after() {
    plan("weights", BOOKINFO, &["-f", "tests/data/plan/split-90-10.yaml"]).await;
}

#[tokio::test]
async fn with_exit_code_a_change_is_a_code_of_its_own() {
    plan("exit-code", BOOKINFO, &["-f", "tests/data/plan/split-90-10.yaml", "--exit-code"]).await;
}

#[tokio::test]
async fn a_plan_is_json_for_programs() {
    plan("json", BOOKINFO, &["-f", "tests/data/plan/split-90-10.yaml", "-o", "json"]).await;
}

#[tokio::test]
async fn a_split_that_goes_leaves_the_service_its_own_endpoints() {
    plan("no-split", BOOKINFO, &["--remove", "TrafficSplit/default/reviews", "-o", "markdown"]).await;
}

#[tokio::test]
async fn an_edit_that_brings_a_warning_says_so_with_its_place_and_code() {
    let flags = ["-f", "tests/data/plan/split-to-v4.yaml"];
    plan("warning", BOOKINFO, &flags).await;
    plan("warning-and-exit-code", BOOKINFO, &[&flags[..], &["--exit-code", "-o", "markdown"]].concat()).await;
}

#[tokio::test]
async fn what_a_workload_would_run_is_foreseen() {
    let base = "examples/bookinfo/reviews.yaml";
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(base)).expect("the example");
    let scaled = text.replace("replicas: 1", "replicas: 2");
    assert_ne!(text, scaled);
    let got = run(&[&BOOKINFO[..], &["-f", "-"]].concat(), &scaled).await;
    check("plan/replicas", &got);
}

#[tokio::test]
async fn objects_that_are_new_are_planned_with_what_they_bring() {
    plan("canary", ISTIO, &["-f", "tests/data/plan/canary.yaml"]).await;
}

#[tokio::test]
async fn what_is_there_already_changes_nothing() {
    plan("nothing", BOOKINFO, &["-f", "examples/bookinfo", "--exit-code"]).await;
    plan("nothing-in-markdown", BOOKINFO, &["-f", "examples/bookinfo", "-o", "markdown"]).await;
}

#[tokio::test]
async fn an_edit_that_cannot_be_used_is_refused_with_every_place() {
    plan(
        "broken",
        BOOKINFO,
        &["-f", "tests/data/plan/broken-split.yaml", "-f", "tests/data/plan/no-yaml.yaml"],
    )
    .await;
    plan("missing", BOOKINFO, &["-f", "tests/data/plan/none.yaml"]).await;
    plan("remove-nothing", BOOKINFO, &["--remove", "TrafficSplit/ratings"]).await;
    let edit = "tests/data/plan/split-90-10.yaml";
    plan("remove-and-apply", BOOKINFO, &["-f", edit, "--remove", "trafficsplit/reviews"]).await;
    plan("no-manifests", ["plan", "--manifests", "tests/data/none"], &["-f", edit]).await;
    let empty = run(&[&BOOKINFO[..], &["-f", "-"]].concat(), "# nothing\n").await;
    check("plan/empty", &empty);
}

#[tokio::test]
async fn invalid_object_of_an_edit_changes_nothing_and_is_a_warning() {
    plan("invalid", BOOKINFO, &["-f", "tests/data/plan/invalid-split.yaml"]).await;
}

#[tokio::test]
async fn another_namespace_is_another_object() {
    let flags = ["-f", "tests/data/plan/split-90-10.yaml", "-n", "shop"];
    plan("namespace", BOOKINFO, &flags).await;
}

#[tokio::test]
async fn nothing_in_manifests_breaks_out_of_markdown() {
    let flags = ["-f", "tests/data/plan/hostile.yaml", "-o", "markdown"];
    plan("hostile", BOOKINFO, &flags).await;
    plan("hostile-text", BOOKINFO, &flags[..2]).await;
    plan("hostile-name", BOOKINFO, &["-f", "tests/data/plan/hostile-name.yaml"]).await;
}

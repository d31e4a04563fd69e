//! Invalid objects in a folder, with servers that really run: what proxies get, and what operators read.

mod bounds;

use std::{fs, path::Path, time::Duration};

use tokio::time::sleep;

use crate::{
    golden::{check, run},
    server::{Binary, PATIENCE, copy_of_bookinfo, get_profile, next, silent},
};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// Replaces a part of the split of BookInfo.
fn edit_split(folder: &Path, from: &str, to: &str) {
    let path = folder.join("split.yaml");
    let text = fs::read_to_string(&path).expect("the example");
    assert!(text.contains(from), "{from:?} in {text}");
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

/// Waits for a warning with these words and returns it.
async fn warned(server: &Binary, words: &[&str]) -> String {
    let mut last = String::new();
    for _ in 0..PATIENCE.as_millis() / 50 {
        last = server.admin("/debug/warnings").await.1;
        let warnings: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        let messages = warnings["warnings"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|w| w["message"].as_str().unwrap_or(""));
        if let Some(message) = messages.into_iter().find(|m| words.iter().all(|word| m.contains(word))) {
            return message.to_owned();
        }
        // The folder is polled.
        sleep(Duration::from_millis(50)).await;
    }
    panic!("no warning has {words:?}: {last}");
}

#[tokio::test]
async fn typing_error_in_a_split_moves_no_traffic_and_is_reported() {
    let folder = copy_of_bookinfo();
    let mut server = Binary::serve(folder.path()).await;
    let mut profile = get_profile(server.grpc, REVIEWS, "").await;
    assert_eq!(next(&mut profile).await.dst_overrides.len(), 2);

    let valid = fs::read_to_string(folder.path().join("split.yaml")).expect("the example");
    let weight = valid.lines().find(|line| line.contains("weight: ")).expect("a weight").trim();
    for wrong in ["weight: 99O", "weight: -5", "weight: 50%"] {
        edit_split(folder.path(), weight, wrong);
        let found = wrong.trim_start_matches("weight: ");
        warned(&server, &["spec.backends[0].weight: ", found, "stays in force"]).await;
        edit_split(folder.path(), wrong, weight);
    }
    silent(&mut profile).await;
    edit_split(folder.path(), weight, "weight: 99O");
    server.logs("stays in force").await;
    let series = r#"switchyard_warnings{reason="invalid_object"}"#;
    while server.metric(series).await != 1 {
        sleep(Duration::from_millis(50)).await;
    }
    silent(&mut profile).await;
}

#[tokio::test]
async fn replica_that_starts_after_an_error_differs_from_one_that_has_the_last_valid_version() {
    let folder = copy_of_bookinfo();
    let before = Binary::serve(folder.path()).await;
    edit_split(folder.path(), "weight: ", "weight: x");
    let message = warned(&before, &["stays in force"]).await;
    assert!(message.contains("its last valid version, read at 2"), "{message}");
    assert!(message.ends_with("a server that starts now has none and ignores the object"), "{message}");

    let after = Binary::serve(folder.path()).await;
    let message = warned(&after, &["no earlier valid version is known, so the object is ignored"]).await;
    assert!(message.contains("traffic to Service reviews goes to its own endpoints"), "{message}");
    let servers = format!("{},{}", before.grpc, after.grpc);
    let got = run(&["diff", REVIEWS, "--addr", &servers, "--settle", "0"], "").await;
    let got = got.replace(&before.grpc.to_string(), "BEFORE").replace(&after.grpc.to_string(), "AFTER");
    check("diff/last-valid", &got);
}

#[tokio::test]
async fn commands_that_read_a_folder_once_ignore_an_invalid_object() {
    let folder = copy_of_bookinfo();
    edit_split(folder.path(), "weight: ", "weight: x");
    let path = folder.path().to_str().expect("text");
    let said = run(&["check", path], "").await;
    assert!(said.contains("no earlier valid version is known, so the object is ignored"), "{said}");
    assert!(said.ends_with("[exit code 1]\n"), "{said}");
    let said = run(&["why", REVIEWS, "--manifests", path], "").await;
    assert!(said.contains("not split") && said.contains("[invalid_object]"), "{said}");
}

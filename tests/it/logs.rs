//! What a server logs, and how an operator changes it while it runs.

use std::process::Output;

use tokio::time::timeout;

use crate::server::{Binary, PATIENCE, copy_of_bookinfo, switchyard};

/// What the command says of this server.
async fn log_level(server: &Binary, args: &[&str]) -> Output {
    let admin = server.admin.to_string();
    let args = [&["log-level", "--admin", &admin], args].concat();
    timeout(PATIENCE, switchyard(&args).output()).await.expect("in time").expect("it runs")
}

fn printed(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn the_level_is_shown_and_changed_while_the_server_runs_which_is_logged() {
    let folder = copy_of_bookinfo();
    let mut server = Binary::serve_with(folder.path(), &["--log-level", "error"]).await;

    assert_eq!(printed(&log_level(&server, &[]).await), (Some(0), "error\n".to_owned()));
    let changed = log_level(&server, &["switchyard=debug,info", "--for", "10m"]).await;
    let expect = "switchyard=debug,info for 600s, then error\n";
    assert_eq!(printed(&changed), (Some(0), expect.to_owned()));
    server
        .logs("the log level is switchyard=debug,info for 600s, then error from now on, as 127.0.0.1:")
        .await;
    let (code, shown) = server.admin("/debug/log-level").await;
    assert_eq!((code, shown.starts_with("switchyard=debug,info for ")), (200, true), "{shown}");

    let changed = log_level(&server, &["warn"]).await;
    assert_eq!(printed(&changed), (Some(0), "warn\n".to_owned()));
    assert_eq!(server.admin("/debug/log-level").await, (200, "warn\n".to_owned()));
}

#[tokio::test]
async fn what_became_of_a_split_is_logged() {
    let folder = copy_of_bookinfo();
    let mut server = Binary::serve(folder.path()).await;
    let file = folder.path().join("split.yaml");
    let split = std::fs::read_to_string(&file).expect("it is there");
    let moved = split.replacen("weight: 500m", "weight: 100m", 1).replacen("weight: 500m", "weight: 900m", 1);

    std::fs::write(&file, moved).expect("written");
    server.logs("default/reviews:9080 reviews-v2 50 % -> 10 %, reviews-v3 50 % -> 90 %").await;
    std::fs::remove_file(&file).expect("it was there");
    server.logs("default/reviews is not split by TrafficSplit reviews any more").await;
    server.logs("split.yaml is gone: the 1 object in it went with it, and clients are told so").await;
    std::fs::write(&file, split).expect("written");
    server.logs("default/reviews is split by TrafficSplit reviews now").await;
}

#[tokio::test]
async fn a_level_that_is_none_is_refused_by_the_command_and_by_the_server() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;

    let output = log_level(&server, &["loud"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && errors.contains("write one of trace"), "{errors}");

    let long = format!("info,{}=info", "x".repeat(5000));
    for (query, body) in [("", "loud"), ("", ""), ("", &long), ("?for=soon", "info"), ("?until=noon", "info")]
    {
        let (code, text) = server.admin_put(&format!("/debug/log-level{query}"), body).await;
        assert!(code == 400 && text.contains("write "), "{query} {code} {text}");
    }
    assert_eq!(server.admin("/debug/log-level").await, (200, "info\n".to_owned()));
}

#[tokio::test]
async fn who_may_not_see_the_cluster_may_not_change_what_is_logged() {
    let folder = copy_of_bookinfo();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef").expect("written");
    let token = token.to_str().expect("text");
    let server = Binary::serve_with(folder.path(), &["--admin-token-file", token]).await;

    assert_eq!(server.admin("/debug/log-level").await.0, 401);
    assert_eq!(server.admin_put("/debug/log-level", "off").await.0, 401);
    assert_eq!(printed(&log_level(&server, &["off"]).await).0, Some(1));
    let allowed = log_level(&server, &["warn", "--admin-token-file", token]).await;
    assert_eq!(printed(&allowed), (Some(0), "warn\n".to_owned()));
}

#[tokio::test]
async fn warnings_of_the_start_name_file_and_line() {
    let folder = copy_of_bookinfo();
    let file = folder.path().join("split.yaml");
    let split = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, split.replace("service: reviews-v3", "service: reviews-v33")).expect("written");

    let mut server = Binary::serve(folder.path()).await;

    server.logs("there is no Service default/reviews-v33").await;
    let log = server.logged();
    let line = log.lines().find(|line| line.contains("reviews-v33")).expect("it was logged");
    assert!(line.contains(": split.yaml:"), "{line}");
}

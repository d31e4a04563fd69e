//! The exit codes of every command, each provoked once: they are those that its help lists, and no others.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::timeout;

use crate::server::{Binary, PATIENCE, copy_of_bookinfo, get, next, nobody, switchyard};

const SPLIT: &str = "tests/data/plan/split-90-10.yaml";
const BOOKINFO: &str = "examples/bookinfo";

/// Runs a command and returns its exit code, with what it printed.
async fn run(args: &[&str]) -> (i32, String) {
    let output = timeout(PATIENCE, switchyard(args).output()).await.expect("it ends").expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().expect("no signal ended it"), text)
}

/// Returns the codes in the list at the end of a help text, or in the table of the documentation.
fn listed(text: &str, after: &str, row: &str) -> BTreeSet<i32> {
    let (_, list) = text.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {text}"));
    let rows = list.lines().filter_map(|line| line.strip_prefix(row));
    rows.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

#[tokio::test]
async fn command_ends_with_the_codes_that_its_help_lists_and_no_other() {
    let (folder, other) = (copy_of_bookinfo(), copy_of_bookinfo());
    std::fs::copy(SPLIT, other.path().join("split.yaml")).expect("copied");
    std::fs::write(other.path().join("odd.yaml"), "kind: Service\napiVersion: v1\nmetadata: {name: A}\n")
        .expect("written");
    let (mut server, second) = (Binary::serve(folder.path()).await, Binary::serve(other.path()).await);
    let (_kept, closed) = nobody();
    let closed = closed.to_string();
    let (grpc, admin) = (server.grpc.to_string(), server.admin.to_string());
    let both = format!("{grpc},{}", second.grpc);
    let one = format!("{grpc},{closed}");
    let odd = other.path().to_str().expect("text");
    let mut stream = get(server.grpc, "reviews.default.svc.cluster.local:9080", "").await;
    next(&mut stream).await;

    let mut ended: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (expect, args) in [
        (0, &["get", "reviews:9080", "--once", "--addr", &grpc][..]),
        (1, &["get", "reviews:9080", "--once", "--addr", &closed]),
        (1, &["get", "reviews:9080", "--once", "--addr", &admin]),
        (2, &["get", "api.example.com:443", "--once", "--addr", &grpc]),
        (2, &["get", "10.0.0.1:80", "--once", "--addr", &grpc]),
        (2, &["get", "ts/reviews", "--addr", &grpc]),
        (2, &["get"]),
        (3, &["get", "reviews:80", "--once", "--addr", &grpc]),
        (3, &["get", "nothing:80", "--once", "-o", "json", "--addr", &grpc]),
        (0, &["profile", "reviews:9080", "--once", "--addr", &grpc]),
        (1, &["profile", "reviews:9080", "--once", "--addr", &closed]),
        (2, &["profile", "reviews:x", "--once", "--addr", &grpc]),
        (3, &["profile", "reviews:80", "--once", "--addr", &grpc]),
        (0, &["streams", "--admin", &admin]),
        (0, &["streams", "svc/reviews", "--admin", &admin]),
        (1, &["streams", "--admin", &closed]),
        (1, &["streams", "--admin", &grpc]),
        (2, &["streams", "--sort", "luck", "--admin", &admin]),
        (2, &["streams", "ts/reviews", "--admin", &admin]),
        (3, &["streams", "details:9080", "--admin", &admin]),
        (0, &["log-level", "--admin", &admin]),
        (1, &["log-level", "--admin", &closed]),
        (2, &["log-level", "loud", "--admin", &admin]),
        (0, &["why", "reviews:9080", "--admin", &admin]),
        (0, &["why", "ts/reviews", "--admin", &admin]),
        (0, &["why", "trafficsplit/default/reviews", "--manifests", BOOKINFO]),
        (1, &["why", "reviews:9080", "--admin", &closed]),
        (1, &["why", "reviews:9080", "--manifests", "no/such/folder"]),
        (2, &["why", "api.example.com:443", "--admin", &admin]),
        (2, &["why", "ts/reviewz", "--admin", &admin]),
        (2, &["why", "ts/reviewz", "--manifests", BOOKINFO]),
        (3, &["why", "reviews:80", "--admin", &admin]),
        (3, &["why", "nothing:80", "--manifests", BOOKINFO]),
        (0, &["diff", "details:9080", "--addr", &both]),
        (1, &["diff", "details:9080", "--addr", &one]),
        (2, &["diff", "details:9080", "--addr", &grpc]),
        (2, &["diff", "api.example.com:443", "--addr", &both]),
        (3, &["diff", "reviews:9080", "--settle", "0", "--addr", &both]),
        (0, &["plan", "--manifests", BOOKINFO, "-f", SPLIT]),
        (0, &["plan", "--manifests", BOOKINFO, "-f", "examples/bookinfo/split.yaml", "--exit-code"]),
        (1, &["plan", "--manifests", "no/such/folder", "-f", SPLIT]),
        (1, &["plan", "--manifests", BOOKINFO, "-f", "no/such/file"]),
        (2, &["plan", "--manifests", BOOKINFO, "--remove", "reviews"]),
        (3, &["plan", "--manifests", BOOKINFO, "--remove", "deploy/reviews-v2", "--exit-code"]),
        (4, &["plan", "--manifests", BOOKINFO, "-f", SPLIT, "--exit-code"]),
        (0, &["check", BOOKINFO]),
        (1, &["check", odd]),
        (1, &["check", "no/such/folder"]),
        (2, &["check"]),
        (
            1,
            &[
                "serve",
                "--manifests",
                "no/such/folder",
                "--addr",
                "127.0.0.1:0",
                "--metrics-addr",
                "127.0.0.1:0",
            ],
        ),
        (1, &["serve", "--manifests", BOOKINFO, "--addr", &grpc, "--metrics-addr", "127.0.0.1:0"]),
        (2, &["serve", "--manifests", BOOKINFO, "--max-views", "x"]),
    ] {
        let (code, printed) = run(args).await;
        assert_eq!(code, expect, "{args:?}: {printed}");
        ended.entry(args[0]).or_default().insert(code);
    }
    drop(stream);
    server.signal("TERM").await;
    ended.entry("serve").or_default().extend(server.ended().await.code());

    let of_all = listed(include_str!("../../docs/cli.md"), "## Exit codes", "| ");
    for (command, codes) in ended {
        let (_, help) = run(&[command, "--help"]).await;
        assert_eq!(codes, listed(&help, "Exit codes:\n", "  "), "{command}");
        assert!(codes.is_subset(&of_all), "{command}: {codes:?} {of_all:?}");
    }
    for args in [&["version"][..], &["completions", "bash"], &["man"], &["help"], &["help", "plan"]] {
        assert_eq!(run(args).await.0, 0, "{args:?}");
    }
    for args in [&["version", "x"][..], &["completions", "x"], &["man", "x"], &["x"], &[]] {
        assert_eq!(run(args).await.0, 2, "{args:?}");
    }
}

#[tokio::test]
async fn why_of_a_split_is_why_of_its_apex() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let admin = server.admin.to_string();
    let (_, apex) = run(&["why", "reviews:9080", "--manifests", BOOKINFO]).await;
    for split in ["ts/reviews", "ts/reviews:9080", "trafficsplits.split.smi-spec.io/default/reviews"] {
        assert_eq!(run(&["why", split, "--manifests", BOOKINFO]).await, (0, apex.clone()), "{split}");
        let (code, from_server) = run(&["why", split, "--admin", &admin]).await;
        assert_eq!((code, from_server.lines().next()), (0, apex.lines().next()), "{split}");
    }
    let (_, missing) = run(&["why", "ts/reviewz", "--admin", &admin]).await;
    assert!(
        missing.contains("there is no valid TrafficSplit default/reviewz; did you mean reviews?"),
        "{missing}"
    );
    for command in ["get", "profile", "diff", "streams"] {
        let (_, advice) = run(&[command, "ts/reviews"]).await;
        assert!(advice.contains("`switchyard why ts/reviews` finds that Service"), "{command}: {advice}");
    }
    let (code, text) = server.admin("/debug/why?split=default/reviews&authority=x").await;
    assert_eq!((code, text.contains("exclude one another")), (400, true), "{text}");
    assert_eq!(server.admin("/debug/why?split=reviews").await.0, 400);
    assert_eq!(server.admin("/debug/why?split=default/reviews&port=0").await.0, 400);
}

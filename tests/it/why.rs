//! `switchyard why`, the whole output against files that one can read: `tests/data/golden/why`.
//!
//! The world is BookInfo with `tests/data/why/odd.yaml` beside it. How the files are written anew is in [`golden`].

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{
    golden,
    server::{Binary, switchyard},
};

/// BookInfo with something odd beside it.
fn world() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bookinfo = fs::read_dir(root.join("examples/bookinfo")).expect("BookInfo");
    let files = bookinfo.map(|file| file.expect("a file").path());
    for file in files.chain([root.join("tests/data/why/odd.yaml")]) {
        fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("a copy");
    }
    folder
}

/// Exit code, stdout and stderr.
async fn run(args: &[&str]) -> (i32, String, String) {
    let output = switchyard(&[&["why"], args].concat()).output().await.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

async fn explained(args: &[&str]) -> (i32, String, String) {
    let world = world();
    let path = world.path().to_str().expect("a test's path is text");
    run(&[args, &["--manifests", path]].concat()).await
}

async fn golden(name: &str, code: i32, args: &[&str]) {
    let (got, out, err) = explained(args).await;
    assert_eq!((got, err.as_str()), (code, ""), "{args:?}");
    golden::check(&format!("why/{name}"), &out);
}

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";
const RATINGS: &str = "ratings.default.svc.cluster.local:9080";
const STARS: &str = "stars.default.svc.cluster.local:50051";
const ON_NODE_A: &str = r#"{"ns":"default","nodeName":"node-a","pod":"productpage"}"#;

#[tokio::test]
async fn a_split_service_has_its_backends_with_their_shares() {
    golden("split", 0, &[REVIEWS]).await;
}

#[tokio::test]
async fn a_linkerd_proxy_is_given_the_service_itself_and_the_split_by_the_profile() {
    golden("leaf", 0, &[REVIEWS, "--token", ON_NODE_A]).await;
}

#[tokio::test]
async fn a_backend_is_a_service_of_its_own() {
    golden("backend", 0, &["reviews-v2.default.svc.cluster.local:9080", "--reading", "leaf"]).await;
}

#[tokio::test]
async fn an_address_has_a_reason_for_each_thing_that_is_said_of_it() {
    golden("address", 0, &[STARS, "--token", ON_NODE_A, "--address", "10.1.0.1:50051"]).await;
    golden(
        "zone_weights",
        0,
        &[STARS, "--token", ON_NODE_A, "--address", "10.1.0.1", "--ext-endpoint-zone-weights"],
    )
    .await;
    golden("address_elsewhere", 0, &[REVIEWS, "--address", "10.1.0.1"]).await;
}

#[tokio::test]
async fn splits_that_lost_and_backends_without_endpoints_have_their_reasons() {
    golden("odd_splits", 0, &[RATINGS]).await;
}

#[tokio::test]
async fn endpoints_that_are_left_out_have_their_reasons() {
    golden("hints", 0, &[STARS, "--token", ON_NODE_A]).await;
}

#[tokio::test]
async fn nodes_and_families_have_their_reasons() {
    golden("node", 0, &["nearby.default.svc.cluster.local:50051", "--token", ON_NODE_A]).await;
    golden("no_node", 3, &["nearby.default.svc.cluster.local:50051"]).await;
    golden("families", 0, &["dual.default.svc.cluster.local:50051"]).await;
    golden("ipv4_only", 0, &["dual.default.svc.cluster.local:50051", "--enable-ipv6=false"]).await;
}

#[tokio::test]
async fn an_address_of_two_backends_has_the_sum_of_their_weights() {
    let token = r#"{"split":"merged","nodeName":"node-a"}"#;
    let shared = "shared.default.svc.cluster.local:50051";
    golden("shared_address", 0, &[shared, "--token", token, "--address", "10.1.0.1"]).await;
}

#[tokio::test]
async fn a_service_profile_comes_before_any_split() {
    golden("service_profile", 0, &["productpage.default.svc.cluster.local:9080"]).await;
}

#[tokio::test]
async fn what_leads_nowhere_is_said_and_is_exit_code_3() {
    golden("external_name", 3, &["outside.default.svc.cluster.local:9080"]).await;
    golden("unknown", 3, &["nobody.default.svc.cluster.local:9080"]).await;
    golden("undeclared_port", 3, &["details.default.svc.cluster.local:1"]).await;
}

#[tokio::test]
async fn addresses_lead_to_services_and_pods_or_nowhere() {
    golden("cluster_ip", 0, &["10.96.0.77:50051"]).await;
    golden("pod_ip", 0, &["10.1.0.1:50051"]).await;
    golden("unknown_ip", 0, &["192.0.2.1:80"]).await;
}

#[tokio::test]
async fn a_server_says_the_same_of_what_it_serves() {
    let world = world();
    let server = Binary::serve(world.path()).await;
    let admin = server.admin.to_string();
    for (name, code, args) in [
        ("split", 0, &[REVIEWS][..]),
        ("leaf", 0, &[REVIEWS, "--token", ON_NODE_A]),
        ("address", 0, &[STARS, "--token", ON_NODE_A, "--address", "10.1.0.1:50051"]),
        ("odd_splits", 0, &[RATINGS]),
        ("external_name", 3, &["outside.default.svc.cluster.local:9080"]),
        ("unknown", 3, &["nobody.default.svc.cluster.local:9080"]),
        ("pod_ip", 0, &["10.1.0.1:50051"]),
    ] {
        let (got, out, err) = run(&[args, &["--admin", &admin]].concat()).await;
        assert_eq!((got, err.as_str()), (code, ""), "{args:?}");
        if std::env::var_os("SWITCHYARD_BLESS").is_none() {
            golden::check(&format!("why/{name}"), &out);
        }
    }
}

#[tokio::test]
async fn a_server_refuses_what_it_would_not_answer_in_the_same_words() {
    let server = Binary::serve(world().path()).await;
    for (query, expect) in [
        ("authority=reviews", "invalid authority \"reviews\""),
        ("authority=10.0.0.1:80&rpc=get", "Get takes names, not addresses: 10.0.0.1"),
        ("", "write authority=<service>.<namespace>.svc.cluster.local:<port>"),
        ("authority=a.b.svc.cluster.local&what=1", "write authority="),
        ("authority=a.b.svc.cluster.local&rpc=put", "rpc=get|profile|both"),
        ("authority=a.b.svc.cluster.local&address=x", "write an IP address"),
    ] {
        let (status, text) = server.admin(&format!("/debug/why?{query}")).await;
        assert_eq!(status, 400, "{query}: {text}");
        assert!(text.contains(expect), "{query}: {text}");
    }
    let admin = server.admin.to_string();
    let long = "x".repeat(100_000);
    for authority in ["reviews.example.com", "\u{1b}[2J", &long, ""] {
        let (code, out, err) = run(&[authority, "--admin", &admin]).await;
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("invalid authority") && !err.contains('\u{1b}') && err.len() < 600, "{err}");
    }
    let (code, out, _) = run(&[REVIEWS, "--admin", &admin, "--token", &long]).await;
    assert!(code == 0 && out.contains("too long to be looked at"), "{out}");
    let (status, _) =
        server.admin("/debug/why?authority=reviews.default.svc.cluster.local:9080&rpc=profile").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn nobody_there_is_exit_code_1() {
    let (code, out, err) = run(&[REVIEWS, "--admin", "127.0.0.1:1"]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("cannot connect to the admin port at 127.0.0.1:1"), "{err}");
}

#[tokio::test]
async fn json_is_one_line_with_all_of_it() {
    let (code, out, _) = explained(&[REVIEWS, "-o", "json"]).await;
    assert_eq!((code, out.lines().count()), (0, 1));
    let explanation: switchyard::resolve::explain::Explanation =
        serde_json::from_str(&out).expect("an explanation");
    assert_eq!(explanation.authority, REVIEWS);
    assert_eq!(explanation.get.expect("Get").endpoints, 2);
}

#[tokio::test]
async fn absurd_questions_are_refused_in_the_servers_words() {
    let long = "x".repeat(100_000);
    for authority in
        ["reviews.example.com", "a b", "reviews.default.svc.cluster.local:0", "\u{1b}[2J", &long, "::1", ""]
    {
        let (code, out, err) = explained(&[authority]).await;
        assert_eq!((code, out.as_str()), (2, ""), "{authority:?}");
        assert!(err.contains("invalid authority") && err.contains("expected <service>"), "{err}");
        assert!(err.len() < 500 && !err.contains('\u{1b}'), "{err:?}");
    }
    let (code, _, err) = explained(&[REVIEWS, "--address", "reviews"]).await;
    assert!(code == 2 && err.contains("write an IP address"), "{err}");
    let (code, out, err) = run(&[REVIEWS, "--manifests", "/nowhere"]).await;
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("expected a folder of YAML files"), "{err}");
}

#[tokio::test]
async fn huge_and_broken_tokens_are_as_good_as_none() {
    let huge = format!(r#"{{"ns":"{}"}}"#, "x".repeat(100_000));
    for (token, why) in [
        (huge.as_str(), "too long to be looked at"),
        ("{", "no JSON object"),
        ("\u{1b}]0;x\u{7}", "no JSON object"),
        (r#"{"ns":"\u001b[2J"}"#, "a Linkerd proxy's"),
    ] {
        let (code, out, _) = explained(&[REVIEWS, "--token", token]).await;
        assert_eq!(code, 0);
        assert!(out.contains(why) && !out.contains(['\u{1b}', '\u{7}']), "{out}");
        assert!(out.len() < 20_000, "{}", out.len());
    }
}

#[tokio::test]
async fn control_characters_of_manifests_are_shown_and_not_obeyed() {
    let world = tempfile::tempdir().expect("a folder");
    let evil = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{port: 80}]}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: evil, namespace: default}
spec:
  service: web
  backends: [{service: "evil\e[2J\r\n└─ given", weight: 1}]
"#;
    fs::write(world.path().join("evil.yaml"), evil).expect("a file");
    let path = world.path().to_str().expect("text");
    let (_, out, _) = run(&["web.default.svc.cluster.local", "--manifests", path]).await;
    assert!(out.contains(r#"found "evil\u{1b}[2J\r\n"#) && !out.contains(['\u{1b}', '\r']), "{out}");
    assert!(!out.lines().any(|line| line.starts_with("└─ given")), "{out}");
}

#[tokio::test]
async fn where_a_token_is_wanted_it_has_to_be_shown() {
    let (world, secret) = (world(), tempfile::NamedTempFile::new().expect("a file"));
    fs::write(secret.path(), "0123456789abcdef").expect("a token");
    let flag = ["--admin-token-file", secret.path().to_str().expect("text")];
    let server = Binary::serve_with(world.path(), &flag).await;
    let admin = server.admin.to_string();
    let (code, out, err) = run(&[REVIEWS, "--admin", &admin]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("wants its token") && err.contains("--admin-token-file"), "{err}");
    let (code, out, err) = run(&[&[REVIEWS, "--admin", &admin], &flag[..]].concat()).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
}

#[tokio::test]
async fn what_could_not_be_read_is_said_for_it_may_be_why() {
    let world = world();
    let server = Binary::serve(world.path()).await;
    let broken = world.path().join("split.yaml");
    fs::write(&broken, "foo: [\n").expect("written");
    let admin = server.admin.to_string();
    let from_server = ["reviews.default.svc.cluster.local:9080", "--admin", &admin];
    let mut said = String::new();
    for _ in 0..200 {
        said = run(&from_server).await.1;
        if said.contains("split.yaml") {
            break;
        }
        // The folder is looked at now and then, and nobody says when.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(said.contains("split by TrafficSplit default/reviews"), "the last good version: {said}");
    assert!(said.contains("split.yaml:2: expected a value") && said.contains("[unreadable_file]"), "{said}");

    let path = world.path().to_str().expect("a test's path is text");
    let said = run(&["reviews.default.svc.cluster.local:9080", "--manifests", path]).await.1;
    assert!(said.contains("not split") && said.contains("[unreadable_file]"), "{said}");
}

#[tokio::test]
async fn a_folder_and_a_server_are_not_asked_at_once() {
    let (code, _, error) = run(&["a.b:1", "--manifests", "x", "--admin", "127.0.0.1:1"]).await;
    assert!(code == 2 && error.contains("cannot be used with"), "{code} {error}");
}

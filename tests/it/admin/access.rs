//! Who is shown the cluster at the admin port of a real server, and what may be asked there.

use std::{fs, time::Duration};

use tokio::time::sleep;

use super::feed::Feed;
use crate::{
    server::{Binary, PATIENCE, copy_of_bookinfo, http, http_get, switchyard},
    tls::authority::{Authority, Pair, Secret, WEB, text},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What shows the cluster.
const SHOWN: [&str; 5] = [
    "/debug/streams",
    "/debug/warnings",
    "/debug/log-level",
    "/debug/why?authority=reviews.default.svc.cluster.local:9080",
    "/api/endpoints?namespace=default&name=reviews",
];
/// What does not.
const OPEN: [&str; 8] =
    ["/", "/assets/page.js", "/assets/page.css", "/live", "/ping", "/ready", "/ports", "/metrics"];

#[tokio::test]
async fn a_server_with_a_token_shows_the_cluster_to_whoever_has_it_as_it_is_now() {
    let manifests = copy_of_bookinfo();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).expect("written");
    let server = Binary::serve_with(manifests.path(), &["--admin-token-file", &text(&file)]).await;
    let with = async |path: &str, token: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: elsewhere\r\nauthorization: Bearer {token}\r\n");
        http(server.admin, &head).await.expect("an answer").0
    };

    for path in SHOWN {
        let (code, body) = http_get(server.admin, path).await.expect("an answer");
        assert!(code == 401 && body.contains("Authorization: Bearer"), "{path}: {code} {body}");
        assert_eq!((with(path, "wrong-wrong-wrong").await, with(path, TOKEN).await), (401, 200), "{path}");
    }
    for path in OPEN {
        assert_eq!(http_get(server.admin, path).await.expect("an answer").0, 200, "{path}");
    }
    let admin = server.admin.to_string();
    let command = async |file: Option<&str>| {
        let file: Vec<_> = file.into_iter().flat_map(|file| ["--admin-token-file", file]).collect();
        let output = switchyard(&[&["streams", "--admin", &admin][..], &file].concat()).output().await;
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    let (code, errors) = command(None).await;
    assert!(
        code == Some(1)
            && errors.contains("wants its token: give the file that has it with --admin-token-file"),
        "{errors}"
    );
    assert_eq!(command(Some(&text(&file))).await, (Some(3), String::new()), "there is no stream");

    let mut feed = Feed::open_with(&server, &format!("authorization: Bearer {TOKEN}\r\n")).await;
    while feed.next().await.1["synced"] != true {}

    fs::write(&file, TOKEN.replace('0', "1")).expect("written");
    let mut looks = 0;
    while with("/debug/warnings", TOKEN).await != 401 {
        looks += 1;
        assert!(looks < PATIENCE.as_millis() / 50, "the old token still counts");
        // The file is looked at now and then; nobody says when.
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(with("/debug/warnings", &TOKEN.replace('0', "1")).await, 200);
    // Whoever follows with the old one learns nothing more.
    fs::remove_file(manifests.path().join("split.yaml")).expect("it was there");
    let rest = feed.rest().await;
    assert!(rest.ends_with("0\r\n\r\n") && !rest.contains("reviews"), "{rest}");
}

#[tokio::test]
async fn a_server_does_not_start_with_a_token_that_is_none() {
    let manifests = copy_of_bookinfo();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("token");
    fs::write(&file, "short").expect("written");
    let manifests = text(manifests.path());
    let args = ["serve", "--manifests", &manifests, "--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
    let output = switchyard(&[&args[..], &["--admin-token-file", &text(&file)]].concat()).output().await;
    let output = output.expect("it runs");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("there are only 5 characters in it; expected one line"), "{errors}");
}

#[tokio::test]
async fn nothing_is_changed_by_asking_and_nothing_else_than_asking_is_understood() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    for path in SHOWN.into_iter().chain(OPEN) {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n");
            // The one thing that can be set wants to be told to what.
            let expect = if (method, path) == ("PUT", "/debug/log-level") { 400 } else { 405 };
            assert_eq!(http(server.admin, &head).await.expect("an answer").0, expect, "{method} {path}");
        }
    }
    let rebound = "GET /debug/warnings HTTP/1.1\r\nhost: rebound.example:9996\r\n";
    assert_eq!(http(server.admin, rebound).await.expect("an answer").0, 403);
}

#[tokio::test]
async fn over_tls_whoever_has_a_name_that_is_allowed_is_shown_the_cluster_and_probes_need_none() {
    let manifests = copy_of_bookinfo();
    let ca = Authority::new("ca");
    let secret = Secret::of(&ca.server(), Some(&ca));
    let (cert, key, roots) = (secret.text("tls.crt"), secret.text("tls.key"), secret.text("ca.crt"));
    let mut flags = vec!["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &roots];
    flags.extend(["--admin-tls", "--admin-allow-clients", WEB]);
    let server = Binary::serve_with(manifests.path(), &flags).await;
    let shown_to = |pair: &Pair| {
        secret.write("me.crt", &pair.cert);
        secret.write("me.key", &pair.key);
        [secret.text("me.crt"), secret.text("me.key")]
    };
    let admin = server.admin.to_string();
    let ask = async |flags: &[&str]| {
        let output = switchyard(&[&["streams", "--admin", &admin], flags].concat()).output().await;
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };

    let trusting = ["--admin-tls-ca", &roots];
    let [me, my_key] = shown_to(&ca.issue(&[WEB]));
    let as_me = [&trusting[..], &["--admin-tls-cert", &me, "--admin-tls-key", &my_key]].concat();
    assert_eq!(ask(&as_me).await, (Some(3), String::new()), "there is no stream");
    // Over loopback, without a certificate: as without TLS.
    assert_eq!(ask(&trusting).await.0, Some(3));
    let [me, my_key] = shown_to(&Authority::new("another").issue(&[WEB]));
    let (code, errors) =
        ask(&[&trusting[..], &["--admin-tls-cert", &me, "--admin-tls-key", &my_key]].concat()).await;
    assert!(code == Some(1) && errors.contains("does not answer as an admin port does"), "{code:?} {errors}");
    let (code, errors) = ask(&[]).await;
    assert!(code == Some(1) && !errors.is_empty(), "plain HTTP is not understood: {errors}");
}

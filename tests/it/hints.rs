//! What `get` and `profile` print about a port or a Service that does not exist.

use std::process::Output;

use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    abuse::{raw::frames::message, requests},
    server::{Binary, PATIENCE, switchyard},
};

const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.10, selector: {app: reviews}, ports: [{name: http, port: 9080}, {name: admin, port: 9090}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec: {clusterIP: None, selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: reviewz, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: many}
spec:
  selector: {app: reviews}
  ports: [{name: a, port: 1}, {name: b, port: 2}, {name: c, port: 3}, {name: d, port: 4}, {name: e, port: 5},
    {name: f, port: 6}, {name: g, port: 7}, {name: h, port: 8}, {name: i, port: 9}, {name: j, port: 10},
    {name: k, port: 11}, {name: l, port: 12}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews}
spec:
  selector: {matchLabels: {app: reviews}}
  template:
    metadata: {labels: {app: reviews}}
    spec: {containers: [{name: main, image: main, ports: [{containerPort: 9080}]}]}
";

const PORTS: &str = "note: Service default/reviews has no port 80; it has 9080 (http), 9090 (admin)\n";

async fn serve() -> (TempDir, Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("all.yaml"), SERVICES).expect("written");
    let server = Binary::serve(folder.path()).await;
    (folder, server)
}

/// Exit code, standard output and standard error.
async fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = timeout(PATIENCE, switchyard(args).output()).await.expect("it ends").expect("it runs");
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn question_for_a_missing_port_or_name_gets_a_note_with_what_exists() {
    let (_folder, server) = serve().await;
    let addr = server.grpc.to_string();
    let similar = "note: there is no Service default/reviewz; did you mean reviews?\n";
    let many = "note: Service default/many has no port 80; it has 1 (a), 2 (b), 3 (c), 4 (d), 5 (e), 6 (f), 7 (g), \
                8 (h), 9 (i), 10 (j) and 2 more\n";
    for (command, target, code, note) in [
        ("get", "reviews:80", 3, PORTS),
        ("get", "reviews", 3, PORTS),
        ("get", "reviews:9080", 0, ""),
        ("profile", "reviews:80", 3, PORTS),
        ("profile", "10.96.0.10:80", 3, PORTS),
        ("profile", "reviews:9080", 0, ""),
        ("get", "many:80", 3, many),
        // Clients of a headless Service may use any number.
        ("get", "pods:80", 0, ""),
        ("profile", "pods:80", 3, "note: Service default/pods has no port 80; it has 9080 (http)\n"),
        ("get", "reviewz:9080", 3, similar),
        ("profile", "reviewz:9080", 3, similar),
        // Names of other namespaces are not revealed.
        ("get", "reviews.shop:80", 3, "note: there is no Service shop/reviews; did you mean reviewz?\n"),
        ("get", "reviews.elsewhere:80", 3, ""),
        ("get", "nothing-like-it:80", 3, ""),
        ("profile", "10.1.2.3:80", 0, ""),
    ] {
        let (exit, out, err) = run(&[command, target, "--once", "--addr", &addr]).await;
        assert_eq!((exit, err.as_str()), (Some(code), note), "{command} {target}: {out}");
    }
}

#[tokio::test]
async fn note_leaves_json_on_standard_output_as_it_is() {
    let (_folder, server) = serve().await;
    let addr = server.grpc.to_string();
    let (code, out, err) = run(&["get", "reviews:80", "--once", "-o", "json", "--addr", &addr]).await;
    assert_eq!((code, err.as_str()), (Some(3), PORTS));
    let answer: serde_json::Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(answer["no_endpoints"]["exists"], true, "{out}");
}

#[tokio::test]
async fn hint_is_sent_only_to_a_client_that_asks_for_it() {
    let (_folder, server) = serve().await;
    let client = requests::connect(TcpStream::connect(server.grpc).await.expect("connected")).await;
    for (asks, target, expect) in [
        (true, "reviews.default.svc.cluster.local:80", Some(PORTS.trim_start_matches("note: ").trim_end())),
        (false, "reviews.default.svc.cluster.local:80", None),
        (true, "reviews.default.svc.cluster.local:9080", None),
    ] {
        let request = if asks { requests::good().header("switchyard-hint", "1") } else { requests::good() };
        let asking = async {
            let request = request.body(()).expect("a request");
            let (response, mut body) =
                client.clone().ready().await.expect("open").send_request(request, false).expect("sent");
            body.send_data(message(target).into(), true).expect("sent");
            response.await.expect("answered")
        };
        let response = timeout(PATIENCE, asking).await.expect("in time");
        let hint =
            response.headers().get("switchyard-hint").map(|hint| hint.to_str().expect("text").to_owned());
        assert_eq!(hint.as_deref(), expect, "{target} {asks}");
        let names: Vec<_> = response.headers().keys().map(http::HeaderName::as_str).collect();
        let others: Vec<_> =
            names.into_iter().filter(|name| !["switchyard-hint", "date"].contains(name)).collect();
        assert_eq!(others, ["content-type"]);
    }
}

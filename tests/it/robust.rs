//! What is thrown at a server: bad requests, bad folders, clients that stall or die, signals.

use std::{fs, time::Duration};

use prost::Message as _;
use switchyard::pb::destination::{Update, update};
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::server::{
    Binary, LEAF, PATIENCE, ask, client, copy_of_bookinfo, get, get_profile, next, silent, switchyard,
};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

fn is_add_of(update: &Update, count: usize) -> bool {
    matches!(&update.update, Some(update::Update::Add(set)) if set.addrs.len() == count)
}

#[tokio::test]
async fn only_what_can_never_name_anything_is_invalid() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut client = client(server.grpc).await;
    let long = "x".repeat(1 << 20);
    for authority in
        ["", "linkerd.io", "reviews", "reviews.default.svc.cluster.local:0", "10.0.0.1:80", "[::1]:80", &long]
    {
        let refused = client.get(ask(authority, "")).await.expect_err("no such thing");
        assert_eq!(refused.code(), Code::InvalidArgument, "{authority:.40}");
        assert!(refused.message().contains("<service>.<namespace>.svc.cluster.local"), "{refused}");
        assert!(refused.message().len() < 512);
    }
    let mut unknown = get(server.grpc, "nobody.default.svc.cluster.local:80", "").await;
    let expect = update::Update::NoEndpoints(switchyard::pb::destination::NoEndpoints { exists: false });
    assert_eq!(next(&mut unknown).await.update, Some(expect));
    silent(&mut unknown).await;
}

#[tokio::test]
async fn no_token_fails_a_request() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    for (token, endpoints) in
        [("", 2), ("{", 2), ("x".repeat(1 << 20).as_str(), 2), (LEAF, 3), ("ns:default", 3)]
    {
        assert!(
            is_add_of(&next(&mut get(server.grpc, REVIEWS, token).await).await, endpoints),
            "{token:.20}"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_or_no_request_is_refused_alone() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut healthy = get(server.grpc, REVIEWS, "").await;
    next(&mut healthy).await;
    let mut client = client(server.grpc).await;

    let huge = client.get(ask(REVIEWS, &"x".repeat(3 << 20))).await.expect_err("over the limit");
    assert_eq!(huge.code(), Code::ResourceExhausted, "{huge}");
    let mut raw = tonic::client::Grpc::new(
        tonic::transport::Channel::from_shared(format!("http://{}", server.grpc))
            .expect("valid")
            .connect_lazy(),
    );
    raw.ready().await.expect("connected");
    let path = http::uri::PathAndQuery::from_static("/io.linkerd.proxy.destination.Destination/Nothing");
    let codec = tonic_prost::ProstCodec::<_, Update>::default();
    let unknown =
        raw.unary(tonic::Request::new(ask(REVIEWS, "")), path, codec).await.expect_err("no such method");
    assert_eq!(unknown.code(), Code::Unimplemented);
    assert!(unknown.message().contains("Get and GetProfile"), "{unknown}");

    silent(&mut healthy).await;
    assert!(is_add_of(&next(&mut get(server.grpc, REVIEWS, "").await).await, 2));
}

#[tokio::test]
async fn linkerds_own_client_is_served() {
    use linkerd2_proxy_api::destination::{
        GetDestination, destination_client::DestinationClient, protocol_hint, update::Update as Theirs,
    };
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", server.grpc)).expect("valid");
    let mut client = DestinationClient::new(channel.connect().await.expect("connected"));
    let request = |token: &str| GetDestination {
        scheme: String::new(),
        path: REVIEWS.to_owned(),
        context_token: token.to_owned(),
    };

    let mut updates = client.get(request("")).await.expect("opens").into_inner();
    let Some(Theirs::Add(set)) = updates.message().await.expect("no error").expect("a message").update else {
        panic!("an add first");
    };
    let token = r#"{"ns":"default","nodeName":"n","pod":"p"}"#;
    let mut profiles = client.get_profile(request(token)).await.expect("opens").into_inner();
    let profile = profiles.message().await.expect("no error").expect("a message");

    assert_eq!(set.addrs.iter().map(|addr| addr.weight).collect::<Vec<_>>(), [500_000_000, 500_000_000]);
    assert_eq!(set.metric_labels["service"], "reviews");
    let hint = set.addrs[0].protocol_hint.as_ref().and_then(|hint| hint.protocol.as_ref());
    assert_eq!(hint, None::<&protocol_hint::Protocol>);
    let names: Vec<_> =
        profile.dst_overrides.iter().map(|dst| (dst.authority.as_str(), dst.weight)).collect();
    assert_eq!(
        names,
        [
            ("reviews-v2.default.svc.cluster.local:9080", 5000),
            ("reviews-v3.default.svc.cluster.local:9080", 5000)
        ]
    );
}

#[tokio::test]
async fn reflection_and_health_are_there() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", server.grpc)).expect("valid");
    let channel = channel.connect().await.expect("connected");

    let request = |what| ServerReflectionRequest { host: String::new(), message_request: Some(what) };
    let requests = [
        request(MessageRequest::ListServices(String::new())),
        request(MessageRequest::FileContainingSymbol("io.linkerd.proxy.destination.Destination".to_owned())),
    ];
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let stream = reflection.server_reflection_info(futures::stream::iter(requests)).await;
    let mut answers = stream.expect("opens").into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = next(&mut answers).await.message_response else {
        panic!("a list");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for name in ["io.linkerd.proxy.destination.Destination", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    let Some(MessageResponse::FileDescriptorResponse(files)) = next(&mut answers).await.message_response
    else {
        panic!("files");
    };
    let file =
        prost_types::FileDescriptorProto::decode(&files.file_descriptor_proto[0][..]).expect("a descriptor");
    assert_eq!(file.service[0].name(), "Destination");

    let mut health = HealthClient::new(channel);
    for service in ["", "io.linkerd.proxy.destination.Destination"] {
        let mut watch = health
            .watch(HealthCheckRequest { service: service.to_owned() })
            .await
            .expect("opens")
            .into_inner();
        // Serving only after the first sync, which may come a moment after the port is open.
        while next(&mut watch).await.status != 1 {}
    }
}

#[tokio::test]
async fn clients_that_never_read_or_die_disturb_nobody() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut healthy = get(server.grpc, REVIEWS, "").await;
    assert!(is_add_of(&next(&mut healthy).await, 2));

    let mut unread = Vec::new();
    for _ in 0..4 {
        let client = client(server.grpc).await;
        let opened = (0..2500).map(|_| {
            let mut client = client.clone();
            async move { client.get(ask(REVIEWS, "")).await.expect("opens").into_inner() }
        });
        unread.extend(timeout(PATIENCE, futures::future::join_all(opened)).await.expect("all open in time"));
    }
    assert_eq!(server.metric(r#"switchyard_streams{rpc="get"}"#).await, 10_001);

    let split = fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("kind: TrafficSplit")))
        .expect("the example has a split");
    fs::remove_file(split).expect("removed");
    // The split's two endpoints get new weights and the third appears: one message.
    assert!(is_add_of(&next(&mut healthy).await, 3));

    drop(unread);
    let freed = async {
        while server.metric(r#"switchyard_streams{rpc="get"}"#).await > 1 {
            // The server learns of closed connections in its own time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, freed).await.expect("every stream of the dead clients is freed");
    silent(&mut healthy).await;
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_let_go() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };
    let folder = copy_of_bookinfo();
    let flags = ["--keepalive-interval", "100ms", "--keepalive-timeout", "100ms"];
    let server = Binary::serve_with(folder.path(), &flags).await;
    let mut healthy = get(server.grpc, REVIEWS, "").await;
    next(&mut healthy).await;

    // The preface and an empty SETTINGS frame: a client that speaks HTTP/2 once and never again.
    let mut dead = TcpStream::connect(server.grpc).await.expect("connected");
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("written");
    let mut heard = Vec::new();
    timeout(PATIENCE, dead.read_to_end(&mut heard)).await.expect("closed in time").expect("closed in order");

    silent(&mut healthy).await;
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut client = client(server.grpc).await;
    let mut request = tonic::Request::new(ask(REVIEWS, ""));
    request.metadata_mut().insert("x-large", "x".repeat(20 << 10).parse().expect("text"));

    // HTTP/2 says 431, which tonic's client shows when the stream is read.
    let refused = async { client.get(request).await?.into_inner().message().await };
    refused.await.expect_err("16 KiB are taken");

    assert!(is_add_of(&next(&mut get(server.grpc, REVIEWS, "").await).await, 2));
}

#[tokio::test]
async fn sigterm_ends_every_stream_with_unavailable() {
    let folder = copy_of_bookinfo();
    let mut server =
        Binary::serve_with(folder.path(), &["--drain-delay", "1s", "--drain-window", "500ms"]).await;
    let mut update = get(server.grpc, REVIEWS, "").await;
    let mut profile = get_profile(server.grpc, REVIEWS, "").await;
    next(&mut update).await;
    next(&mut profile).await;
    assert_eq!(server.admin("/ready").await.0, 200);

    server.signal("TERM").await;

    let unready = async {
        while server.admin("/ready").await.0 != 503 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_millis(900), unready).await.expect("not ready before the streams end");
    assert_eq!(server.admin("/live").await.0, 200);
    for ended in [
        timeout(PATIENCE, update.message()).await.expect("in time").expect_err("a status"),
        timeout(PATIENCE, profile.message()).await.expect("in time").expect_err("a status"),
    ] {
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    }
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn what_is_no_stream_of_ours_does_not_hold_up_the_end() {
    let folder = copy_of_bookinfo();
    let mut server =
        Binary::serve_with(folder.path(), &["--drain-window", "100ms", "--drain-timeout", "600s"]).await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", server.grpc)).expect("valid");
    let channel = channel.connect().await.expect("connected");
    let mut health = HealthClient::new(channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("opens").into_inner();
    next(&mut watch).await;
    // Headers whose message never comes.
    let mut raw = tonic::client::Grpc::new(channel);
    raw.ready().await.expect("connected");
    let path = http::uri::PathAndQuery::from_static("/io.linkerd.proxy.destination.Destination/Get");
    let codec = tonic_prost::ProstCodec::<switchyard::pb::destination::GetDestination, Update>::default();
    let never = tonic::Request::new(futures::stream::pending());
    let unsent = tokio::spawn(async move { raw.streaming(never, path, codec).await.map(|_| ()) });
    // One connection keeps the order: once this is answered those headers are there.
    health.check(HealthCheckRequest::default()).await.expect("answered");

    server.signal("TERM").await;

    assert!(server.ended().await.success());
    let ended = timeout(PATIENCE, unsent).await.expect("in time").expect("no panic");
    assert_eq!(ended.expect_err("there is no answer").code(), Code::Unavailable);
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let folder = copy_of_bookinfo();
    let flags = ["--drain-delay", "600s", "--drain-timeout", "600s"];
    let mut server = Binary::serve_with(folder.path(), &flags).await;
    let mut stream = get(server.grpc, REVIEWS, "").await;
    next(&mut stream).await;

    server.signal("INT").await;
    while server.admin("/ready").await.0 != 503 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // At once it is the same signal, sent to a process and to its group.
    server.signal("INT").await;
    let soon = timeout(Duration::from_millis(500), server.ended()).await;
    assert!(soon.is_err(), "it goes on draining");
    server.signal("INT").await;

    assert!(server.ended().await.success());
}

#[tokio::test]
async fn nobody_is_waited_for_where_nobody_is() {
    let folder = copy_of_bookinfo();
    let flags = ["--drain-window", "600s", "--drain-timeout", "1000s"];
    let mut server = Binary::serve_with(folder.path(), &flags).await;
    server.signal("TERM").await;
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn draining_is_bounded_whatever_clients_do() {
    let folder = copy_of_bookinfo();
    let flags = ["--drain-window", "600s", "--drain-timeout", "300ms"];
    let mut server = Binary::serve_with(folder.path(), &flags).await;
    let mut stream = get(server.grpc, REVIEWS, "").await;
    next(&mut stream).await;

    server.signal("TERM").await;

    assert!(server.ended().await.success());
}

/// Runs the binary to its end: exit code, standard output, standard error.
async fn run(args: &[&str]) -> (i32, String, String) {
    let output = timeout(PATIENCE, switchyard(args).output()).await.expect("in time").expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let free = ["--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
    let (code, _, error) = run(&[&["serve", "--manifests", "/nonexistent/folder"][..], &free].concat()).await;
    assert_eq!(code, 1);
    assert!(error.contains("/nonexistent/folder"), "{error}");

    let (code, _, error) = run(&[&["serve"][..], &free].concat()).await;
    assert_eq!(code, 1);
    assert!(error.contains("--manifests"), "{error}");

    let folder = copy_of_bookinfo();
    let first = Binary::serve(folder.path()).await;
    let taken = first.grpc.to_string();
    let folder = folder.path().to_str().expect("text");
    let (code, _, error) =
        run(&["serve", "--manifests", folder, "--addr", &taken, "--metrics-addr", "127.0.0.1:0"]).await;
    assert_eq!(code, 1);
    assert!(error.contains(&taken) && error.contains("--addr"), "{error}");
}

#[tokio::test]
async fn an_empty_folder_is_served_and_may_be_filled() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Binary::serve(folder.path()).await;
    let mut stream = get(server.grpc, "web.default.svc.cluster.local:80", "").await;
    assert!(
        matches!(next(&mut stream).await.update, Some(update::Update::NoEndpoints(none)) if !none.exists)
    );

    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    fs::write(folder.path().join("web.yaml"), service).expect("written");

    assert!(matches!(next(&mut stream).await.update, Some(update::Update::NoEndpoints(none)) if none.exists));
}

#[tokio::test]
async fn check_finds_what_is_odd_and_where() {
    let (code, out, error) = run(&["check", "examples/bookinfo"]).await;
    assert_eq!((code, error.as_str()), (0, ""), "{out}");

    let folder = copy_of_bookinfo();
    let odd = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata:\n  name: odd\nspec:\n  \
               service: ratings\n  backends:\n  - service: ratings\n    weight: 0.0001\n  - service: nobody\n    weight: 1\n";
    fs::write(folder.path().join("odd.yaml"), odd).expect("written");
    let path = folder.path().to_str().expect("text");

    let (code, out, _) = run(&["check", path]).await;
    assert_eq!(code, 1);
    assert!(out.contains("odd.yaml:9: TrafficSplit default/odd spec.backends[0].weight: "), "{out}");
    assert!(out.contains("odd.yaml:10: TrafficSplit default/odd spec.backends[1].service: "), "{out}");

    let (code, out, _) = run(&["check", path, "-o", "json"]).await;
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let reasons: Vec<_> =
        report["warnings"].as_array().expect("a list").iter().map(|w| w["reason"].as_str()).collect();
    assert_eq!(reasons, [Some("odd_weight"), Some("backend_missing")]);
}

#[tokio::test]
async fn check_finds_a_kind_that_is_nearly_ours_and_says_what_it_skipped() {
    let folder = copy_of_bookinfo();
    let text = |kind: &str, group: &str, name: &str| {
        format!("apiVersion: {group}\nkind: {kind}\nmetadata: {{ name: {name} }}\n---\n")
    };
    let slips = text("Trafficsplit", "split.smi-spec.io/v1alpha2", "a")
        + &text("TrafficSplit", "split.smi-sepc.io/v1alpha2", "b")
        + &text("CronJob", "batch/v1", "c");
    let file = folder.path().join("slips.yaml");
    fs::write(&file, slips).expect("written");
    let (path, file) = (folder.path().to_str().expect("text"), file.to_str().expect("text"));

    for path in [path, file] {
        let (code, out, _) = run(&["check", path]).await;
        assert_eq!(code, 1, "{out}");
        let kind =
            format!("{file}:2: TrafficSplit default/a: kind: expected TrafficSplit, found \"Trafficsplit\"");
        let group =
            format!("{file}:5: TrafficSplit default/b: apiVersion: expected split.smi-spec.io/v1alpha1 to");
        assert!(out.contains(&kind) && out.contains(&group), "{out}");
        let skipped = out.lines().last().expect("a line");
        assert!(skipped.starts_with("skipped, ") && skipped.contains("1 CronJob"), "{out}");
    }
    let (code, out, _) = run(&["plan", "-f", file, "--manifests", "examples/bookinfo"]).await;
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("expected TrafficSplit, found"), "{out}");
}

#[tokio::test]
async fn get_and_profile_show_the_first_answer() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let addr = server.grpc.to_string();

    let (code, out, error) = run(&["get", REVIEWS, "--addr", &addr, "--once"]).await;
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(out.matches("50.00 %").count(), 2, "{out}");
    assert!(out.contains("reviews-v2-") && out.contains("500000000"), "{out}");

    let (code, out, _) = run(&["get", REVIEWS, "--addr", &addr, "--once", "-o", "json"]).await;
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 1);
    serde_json::from_str::<serde_json::Value>(&out).expect("JSON");

    let (code, out, _) = run(&["profile", REVIEWS, "--addr", &addr, "--once"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("reviews-v3.default.svc.cluster.local:9080"), "{out}");

    assert_eq!(run(&["get", "nobody.default.svc.cluster.local:80", "--addr", &addr, "--once"]).await.0, 3);
    assert_eq!(run(&["get", "nobody.example.com", "--addr", &addr, "--once"]).await.0, 2);
    drop(server);
    let (code, _, error) = run(&["get", REVIEWS, "--addr", "127.0.0.1:1", "--once"]).await;
    assert_eq!(code, 1);
    assert!(error.contains("127.0.0.1:1"), "{error}");
}

//! What is counted is what clients were told: every message, of whatever kind, at one and the same point.

use std::{fs, path::Path};

use switchyard::pb::destination::update::Update;
use tonic::Code;

use crate::server::{Binary, ask, client, copy_of_bookinfo, get, get_profile, next};

const WEB: &str = "web.default.svc.cluster.local:80";

/// A Service with a slice of these addresses, and two backends for a split.
fn web(addresses: &[&str]) -> String {
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n---\n"
        )
    };
    let slice = |service: &str, addresses: &[&str]| {
        let endpoints: Vec<_> =
            addresses.iter().map(|address| format!("{{addresses: [{address}]}}")).collect();
        format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {service}-1, \
             labels: {{kubernetes.io/service-name: {service}}}}}\naddressType: IPv4\n\
             ports: [{{name: http, port: 8080, protocol: TCP}}]\nendpoints: [{}]\n---\n",
            endpoints.join(", ")
        )
    };
    [service("web"), service("a"), slice("web", addresses), slice("a", &["10.0.1.1"])].concat()
}

const SPLIT: &str = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {name: web}\n\
                     spec: {service: web, backends: [{service: web, weight: 1}, {service: a, weight: 1}]}\n";

fn save(folder: &Path, name: &str, text: &str) {
    let temporary = folder.join(format!(".{name}.swp"));
    fs::write(&temporary, text).expect("written");
    fs::rename(temporary, folder.join(name)).expect("renamed");
}

/// Waits until a metric has this value: what is counted after the bytes were handed over may come after them.
async fn becomes(server: &Binary, series: &str, expect: u64) {
    let mut seen = None;
    for _ in 0..1000 {
        seen = Some(server.metric(series).await);
        if seen == Some(expect) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{series} is {seen:?}, not {expect}");
}

fn of_method(name: &str, method: &str, code: Option<&str>) -> String {
    let code = code.map_or_else(String::new, |code| format!(r#",grpc_code="{code}""#));
    let service = "io.linkerd.proxy.destination.Destination";
    format!(
        r#"grpc_server_{name}{{grpc_type="server_stream",grpc_service="{service}",grpc_method="{method}"{code}}}"#
    )
}

#[tokio::test]
async fn every_message_of_every_kind_is_counted_once_and_timed_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    save(folder.path(), "web.yaml", &web(&["10.0.0.1", "10.0.0.2"]));
    let server = Binary::serve(folder.path()).await;
    let mut endpoints = get(server.grpc, WEB, "").await;
    let mut profile = get_profile(server.grpc, WEB, "").await;
    next(&mut profile).await;

    let edits: [(&[&str], &[&str]); 5] = [
        (&["10.0.0.1", "10.0.0.2"], &["add"]),
        (&["10.0.0.2", "10.0.0.3"], &["add", "remove"]),
        (&["10.0.0.2"], &["remove"]),
        (&[], &["no_endpoints"]),
        (&["10.0.0.4"], &["add"]),
    ];
    let mut told = 0;
    for (addresses, expect) in edits {
        save(folder.path(), "web.yaml", &web(addresses));
        for expect in expect {
            let kind = match next(&mut endpoints).await.update.expect("not empty") {
                Update::Add(_) => "add",
                Update::Remove(_) => "remove",
                Update::NoEndpoints(_) => "no_endpoints",
            };
            assert_eq!(kind, *expect);
            told += 1;
        }
    }
    save(folder.path(), "split.yaml", SPLIT);
    assert!(!next(&mut profile).await.dst_overrides.is_empty());
    next(&mut endpoints).await;
    told += 1;

    becomes(&server, r#"switchyard_messages_sent_total{rpc="get"}"#, told).await;
    becomes(&server, r#"switchyard_messages_sent_total{rpc="get_profile"}"#, 2).await;
    becomes(&server, &of_method("msg_sent_total", "Get", None), told).await;
    becomes(&server, &of_method("msg_sent_total", "GetProfile", None), 2).await;
    // The first message of a stream tells of no event.
    becomes(&server, "switchyard_event_to_wire_seconds_count", (told - 1) + (2 - 1)).await;
    becomes(&server, r#"endpoints_updates{cluster="local"}"#, 5).await;
    becomes(&server, "profile_updates", 1).await;
}

#[tokio::test]
async fn a_call_is_counted_by_how_it_ends() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let mut client = client(server.grpc).await;
    let stream = client.get(ask("reviews.default.svc.cluster.local:9080", "")).await.expect("a stream");
    becomes(&server, r#"endpoints_subscribers{cluster="local"}"#, 1).await;
    let refused = client.get_profile(ask("nonsense", "")).await.expect_err("no authority");
    assert_eq!(refused.code(), Code::InvalidArgument);
    becomes(&server, &of_method("handled_total", "Get", Some("Canceled")), 0).await;

    drop(stream);

    becomes(&server, &of_method("handled_total", "Get", Some("Canceled")), 1).await;
    becomes(&server, r#"switchyard_streams_ended_total{reason="by_client"}"#, 1).await;
    becomes(&server, r#"endpoints_subscribers{cluster="local"}"#, 0).await;
    becomes(&server, &of_method("handled_total", "GetProfile", Some("InvalidArgument")), 1).await;
    becomes(&server, &of_method("handling_seconds_count", "Get", None), 1).await;
    becomes(&server, &of_method("started_total", "GetProfile", None), 1).await;
    becomes(&server, &of_method("msg_received_total", "GetProfile", None), 1).await;
}

//! An API server that has a large cluster, in which nothing happens: just enough of one to be listed and
//! watched. Objects are written when they are asked for, none is kept.

use std::{collections::HashMap, io, net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

mod objects;

pub(crate) use self::objects::{DEPLOYMENTS, NODES, PODS};
use self::objects::{Pods, node_metadata, replica_set_metadata, service, slice};

/// The version of every list.
const VERSION: &str = "2000000";
/// So much is written at once.
const CHUNK: usize = 64 << 10;

/// How lists are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// In the form of a watch, where that is asked for.
    Streamed,
    /// Page by page; to ask for anything else is an error.
    Paged,
}

/// Kinds that have objects, as their paths end: how many, and of which kind a list of them is.
const KINDS: [(&str, usize, &str); 5] = [
    ("/api/v1/services", DEPLOYMENTS, "ServiceList"),
    ("/apis/discovery.k8s.io/v1/endpointslices", DEPLOYMENTS, "EndpointSliceList"),
    ("/api/v1/pods", PODS, "PodList"),
    ("/api/v1/nodes", NODES, "PartialObjectMetadataList"),
    ("/apis/apps/v1/replicasets", DEPLOYMENTS, "PartialObjectMetadataList"),
];

/// Custom kinds that are defined, with no objects.
const GROUPS: [(&str, &str); 4] = [
    ("split.smi-spec.io", "v1alpha1"),
    ("linkerd.io", "v1alpha2"),
    ("policy.linkerd.io", "v1beta3"),
    ("workload.linkerd.io", "v1beta1"),
];

/// Writes objects of one kind.
#[derive(Default)]
struct Writer {
    pods: Pods,
}

impl Writer {
    fn write(&mut self, path: &str, number: usize, text: &mut String) {
        match path {
            "/api/v1/services" => service(number, text),
            "/apis/discovery.k8s.io/v1/endpointslices" => slice(number, text),
            "/api/v1/pods" => self.pods.write(number, text),
            "/api/v1/nodes" => node_metadata(number, text),
            _ => replica_set_metadata(number, text),
        }
    }
}

/// How many bytes all objects of each kind are, written once: what the server itself costs.
pub(super) fn write_all() -> Vec<(&'static str, usize, usize)> {
    let mut text = String::new();
    let size = |(path, count, _): (&'static str, usize, &str)| {
        let (mut writer, mut bytes) = (Writer::default(), 0);
        for number in 0..count {
            text.clear();
            writer.write(path, number, &mut text);
            bytes += text.len();
        }
        (path.rsplit('/').next().unwrap_or(path), count, bytes)
    };
    KINDS.map(size).to_vec()
}

/// Serves until it is dropped; where.
pub(super) async fn start(lists: Lists) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who hangs up has heard enough.
            tokio::spawn(async move { _ = connection(stream, lists).await });
        }
    });
    Ok(address)
}

async fn connection(stream: TcpStream, lists: Lists) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        // No request has a body.
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        answer(&mut stream, lists, path, &query).await?;
    }
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    lists: Lists,
    path: &str,
    query: &HashMap<&str, &str>,
) -> io::Result<()> {
    if path == "/apis" {
        let group = |(name, version)| {
            let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
            json!({ "name": name, "versions": [version], "preferredVersion": version })
        };
        let groups = json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": GROUPS.map(group) });
        return whole(stream, "200 OK", &groups.to_string()).await;
    }
    let (_, count, kind) = KINDS.into_iter().find(|kind| kind.0 == path).unwrap_or(("", 0, "List"));
    let is_streamed = query.contains_key("sendInitialEvents");
    if is_streamed && lists == Lists::Paged {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 422,
            "reason": "Invalid",
            "message": "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        });
        return whole(stream, "422 Unprocessable Entity", &status.to_string()).await;
    }
    if !query.contains_key("watch") {
        return page(stream, path, count, kind, query).await;
    }
    stream.write_all(head("200 OK", "Transfer-Encoding: chunked").as_bytes()).await?;
    let mut text = String::new();
    if is_streamed {
        let mut writer = Writer::default();
        for number in 0..count {
            text.push_str(r#"{"type":"ADDED","object":"#);
            writer.write(path, number, &mut text);
            text.push_str("}\n");
            if text.len() >= CHUNK {
                chunk(stream, &mut text).await?;
            }
        }
        text.push_str(&bookmark(&json!({ "k8s.io/initial-events-end": "true" })));
    }
    // The head on its own does not show that there is an answer; a bookmark is due now and then anyway.
    text.push_str(&bookmark(&json!({})));
    chunk(stream, &mut text).await?;
    let time = query.get("timeoutSeconds").and_then(|time| time.parse().ok()).unwrap_or(1_800);
    sleep(Duration::from_secs(time)).await;
    text.push_str(&bookmark(&json!({})));
    chunk(stream, &mut text).await?;
    stream.write_all(b"0\r\n\r\n").await
}

/// A page of a list.
async fn page(
    stream: &mut BufReader<TcpStream>,
    path: &str,
    count: usize,
    kind: &str,
    query: &HashMap<&str, &str>,
) -> io::Result<()> {
    let number = |key| query.get(key).and_then(|text: &&str| text.parse::<usize>().ok());
    let begin = number("continue").unwrap_or(0);
    let end = count.min(begin.saturating_add(number("limit").unwrap_or(count)));
    let mut metadata = json!({ "resourceVersion": VERSION });
    if end < count {
        metadata["continue"] = end.to_string().into();
        metadata["remainingItemCount"] = (count - end).into();
    }
    let mut text = format!(r#"{{"kind":"{kind}","apiVersion":"v1","metadata":{metadata},"items":["#);
    stream.write_all(head("200 OK", "Transfer-Encoding: chunked").as_bytes()).await?;
    let mut writer = Writer::default();
    for number in begin..end {
        if number > begin {
            text.push(',');
        }
        writer.write(path, number, &mut text);
        if text.len() >= CHUNK {
            chunk(stream, &mut text).await?;
        }
    }
    text.push_str("]}\n");
    chunk(stream, &mut text).await?;
    stream.write_all(b"0\r\n\r\n").await
}

fn bookmark(annotations: &serde_json::Value) -> String {
    let object = json!({ "metadata": { "resourceVersion": VERSION, "annotations": annotations } });
    format!("{}\n", json!({ "type": "BOOKMARK", "object": object }))
}

fn head(status: &str, length: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{length}\r\n\r\n")
}

async fn whole(stream: &mut BufReader<TcpStream>, status: &str, text: &str) -> io::Result<()> {
    let head = head(status, &format!("Content-Length: {}", text.len()));
    stream.write_all(format!("{head}{text}").as_bytes()).await
}

async fn chunk(stream: &mut BufReader<TcpStream>, text: &mut String) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n", text.len()).as_bytes()).await?;
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).await?;
    text.clear();
    Ok(())
}

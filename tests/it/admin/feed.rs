//! The page's files and its feed, as they are on the wire.

use std::{fmt::Write as _, fs, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::server::{Binary, PATIENCE, copy_of_bookinfo, http_get};

/// The head of an answer and its body.
async fn ask(server: &Binary, path: &str, headers: &str) -> (String, String) {
    let mut socket = TcpStream::connect(server.admin).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = String::new();
    socket.read_to_string(&mut text).await.expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_lowercase(), body.to_owned())
}

/// A feed that is read event by event.
pub(super) struct Feed {
    socket: TcpStream,
    text: String,
}

impl Feed {
    pub(super) async fn open(server: &Binary) -> Self {
        Self::open_with(server, "").await
    }

    /// The same with more headers.
    pub(super) async fn open_with(server: &Binary, headers: &str) -> Self {
        let mut socket = TcpStream::connect(server.admin).await.expect("it listens");
        let request = format!("GET /api/live HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.expect("it reads");
        let mut feed = Self { socket, text: String::new() };
        let head = feed.up_to("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        feed
    }

    async fn up_to(&mut self, end: &str) -> String {
        let mut piece = vec![0; 64 << 10];
        loop {
            if let Some((before, after)) = self.text.split_once(end) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.text = after;
                return before;
            }
            let read =
                timeout(PATIENCE, self.socket.read(&mut piece)).await.expect("in time").expect("no error");
            assert!(read > 0, "it goes on");
            self.text += std::str::from_utf8(&piece[..read]).expect("text");
        }
    }

    /// All that is still said until it ends.
    pub(super) async fn rest(mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.socket.read_to_string(&mut rest)).await.expect("it ends").expect("text");
        self.text + &rest
    }

    /// The next event: its name and what it says. Sizes of chunks between them are passed over.
    pub(super) async fn next(&mut self) -> (String, Value) {
        let text = self.up_to("\n\n").await;
        let (_, text) = text.split_once("event: ").expect("an event");
        let (name, data) = text.split_once('\n').expect("two lines");
        (name.to_owned(), serde_json::from_str(data.trim_start_matches("data: ")).expect("JSON"))
    }
}

#[tokio::test]
async fn a_browser_is_given_the_page_and_others_an_index() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let (head, body) = ask(&server, "/", "accept: text/html,*/*;q=0.8\r\n").await;
    assert!(head.contains("content-type: text/html") && body.contains("<title>Switchyard</title>"), "{head}");
    for header in [
        "default-src 'none'; script-src 'self';",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "vary: accept",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    let (head, body) = ask(&server, "/", "accept: */*\r\n").await;
    assert!(head.contains("content-type: text/plain") && body.starts_with("Switchyard admin\n"), "{head}");

    let (head, body) = ask(&server, "/assets/page.js", "").await;
    assert!(head.contains("content-type: text/javascript") && body.contains("import"), "{head}");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("it has one");
    let (head, body) = ask(&server, "/assets/page.js", &format!("if-none-match: {tag}\r\n")).await;
    assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{head}");
    assert_eq!(http_get(server.admin, "/assets/..%2fpage.rs").await.expect("an answer").0, 404);
}

#[tokio::test]
async fn a_feed_says_everything_and_then_what_differs() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut feed = Feed::open(&server).await;
    let (name, mut state) = feed.next().await;
    assert_eq!(name, "whole");
    while state["synced"] != json!(true) {
        state = feed.next().await.1;
    }

    let path = folder.path().join("split.yaml");
    let split = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, split.replacen("weight: 500m", "weight: 1500m", 1)).expect("written");

    // Who looks how far the streams are may say something first.
    let step = loop {
        let (name, step) = feed.next().await;
        assert_eq!(name, "step");
        if step.get("services").is_some() {
            break step;
        }
    };
    let services = step["services"].as_array().expect("a list");
    assert_eq!(services.iter().map(|card| &card["name"]).collect::<Vec<_>>(), ["reviews"], "and nobody else");
    assert_eq!(services[0]["split"]["ports"][0]["parts"][0]["share"], json!(750_000_000));
    assert_eq!(step["timeline"][0]["moves"][0]["to"], json!(750_000_000));
}

#[tokio::test]
async fn endpoints_are_listed_for_whoever_asks() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let (code, body) =
        http_get(server.admin, "/api/endpoints?namespace=default&name=reviews-v2").await.expect("an answer");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((code, &body["total"], &body["endpoints"][0]["state"]), (200, &json!(1), &json!("ready")));
    assert_eq!(body["endpoints"][0]["owner"], json!("deployment reviews-v2"));
    for (path, expect) in
        [("/api/endpoints?namespace=default&name=nobody", 404), ("/api/endpoints?name=reviews", 400)]
    {
        assert_eq!(http_get(server.admin, path).await.expect("an answer").0, expect, "{path}");
    }
}

#[tokio::test]
async fn so_many_feeds_are_served_and_probes_beside_them() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let mut feeds = Vec::new();
    for _ in 0..switchyard::picture::WATCHERS {
        feeds.push(Feed::open(&server).await);
    }
    let (code, body) = http_get(server.admin, "/api/live").await.expect("an answer");
    assert!(code == 503 && body.contains("128 pages are open"), "{code} {body}");
    assert_eq!(http_get(server.admin, "/ready").await.expect("an answer").0, 200);
    drop(feeds);
    let mut looks = 0;
    // A feed that nobody reads any more is noticed when it is next written to, at the latest.
    while http_get(server.admin, "/api/endpoints?namespace=default&name=reviews").await.expect("an answer").0
        != 200
    {
        looks += 1;
        assert!(looks < PATIENCE.as_millis() / 50, "the feeds are still there");
        sleep(Duration::from_millis(50)).await;
    }
}

const STUCK: usize = 20;
const SERVICES: usize = 1000;

/// Splits of all services, whose first backend has this weight.
fn splits(weight: usize) -> String {
    let mut text = String::new();
    for n in 0..SERVICES {
        _ = write!(
            text,
            "---\napiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{ name: s{n} }}\n\
             spec: {{ service: s{n}, backends: [{{ service: a, weight: {weight} }}, {{ service: b, weight: 10 }}] }}\n"
        );
    }
    text
}

#[tokio::test]
async fn feeds_that_are_not_read_cost_a_picture_and_not_what_they_miss() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut services = String::new();
    let names = (0..SERVICES).map(|n| format!("s{n}"));
    for name in names.chain(["a".to_owned(), "b".to_owned()]) {
        _ = write!(
            services,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\nspec: {{ ports: [{{ port: 80 }}] }}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{ name: {name}, labels: \
             {{ kubernetes.io/service-name: {name} }} }}\nports: [{{ port: 80 }}]\nendpoints: [{{ addresses: [10.1.1.1] }}]\n"
        );
    }
    let edit = |weight: usize| {
        let made = folder.path().join(".splits");
        fs::write(&made, splits(weight)).expect("written");
        fs::rename(made, folder.path().join("splits.yaml")).expect("in its place");
    };
    fs::write(folder.path().join("services.yaml"), services).expect("written");
    edit(1);
    let server = Binary::serve(folder.path()).await;
    let mut healthy = Feed::open(&server).await;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("it can be small");
        let mut socket = socket.connect(server.admin).await.expect("it listens");
        socket.write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it reads");
        stuck.push(socket);
    }
    let mut before = 0;
    for weight in 2..=16 {
        edit(weight);
        // The healthy one follows, so that each edit is a step of some 400 kB of its own.
        let last = format!("s{}", SERVICES - 1);
        let is_last = |card: &Value| {
            card["name"] == json!(last)
                && card["split"]["ports"][0]["parts"][0]["weight"] == json!(weight.to_string())
        };
        while !healthy.next().await.1["services"].as_array().is_some_and(|cards| cards.iter().any(is_last)) {}
        if weight == 6 {
            before = server.resident();
        }
    }
    let grown = server.resident().saturating_sub(before);
    // Ten steps for twenty of them: queued they would be 80 MB.
    assert!(grown < 24 << 10, "{grown} KiB");
    drop(stuck);
}

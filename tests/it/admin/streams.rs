//! What is shown of a stream is what that stream was told, at `/debug/streams` and by `switchyard streams`.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use switchyard::{
    client::Endpoints,
    pb::destination::Update,
    streams::{OpenStream, Told},
};
use tokio::time::sleep;
use tonic::Streaming;

use crate::{
    server::{
        Binary, InProcess, LEAF, PATIENCE, ask, client, copy_of_bookinfo, get, get_profile, http_get, next,
        nobody, switchyard,
    },
    slow::{WEB, edit, first_list, narrow_client},
};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// The streams that a server shows.
async fn shown(admin: SocketAddr, query: &str) -> Vec<OpenStream> {
    let (code, body) = http_get(admin, &format!("/debug/streams?{query}")).await.expect("an answer");
    assert_eq!(code, 200, "{body}");
    // The body is in chunks, whose sizes are lines of their own.
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Waits for the streams to be as they must come to be.
async fn shown_once(
    admin: SocketAddr,
    query: &str,
    mut right: impl FnMut(&[OpenStream]) -> bool,
) -> Vec<OpenStream> {
    let mut last = Vec::new();
    for _ in 0..PATIENCE.as_millis() / 20 {
        last = shown(admin, query).await;
        if right(&last) {
            return last;
        }
        // There is nobody to tell us: what is asked for is what others see.
        sleep(Duration::from_millis(20)).await;
    }
    panic!("never came to be: {last:#?}");
}

fn told(stream: &OpenStream) -> &Told {
    stream.told.as_ref().expect("it was told something")
}

/// What a client has after so many messages.
async fn read(stream: &mut Streaming<Update>, messages: u64) -> BTreeMap<String, u32> {
    let mut endpoints = Endpoints::new();
    for _ in 0..messages {
        endpoints.fold(next(stream).await);
    }
    endpoints.iter().map(|endpoint| (endpoint.addr.to_string(), endpoint.message.weight)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_stream_is_shown_with_what_it_has_and_how_far_that_is_behind() {
    let server = InProcess::start().await;
    server.batches.send(first_list(2)).await.expect("the controller runs");
    let mut healthy = get(server.addr, WEB, r#"{"split":"merged","pod":"healthy"}"#).await;
    next(&mut healthy).await;
    let mut narrow = narrow_client(server.addr).await;
    let token = r#"{"split":"merged","pod":"stalled","ns":"shop"}"#;
    let mut stalled = narrow.get(ask(WEB, token)).await.expect("opens").into_inner();
    shown_once(server.admin, "pod=stalled", |streams| streams.len() == 1 && streams[0].told.is_some()).await;
    for a in 2..=50 {
        server.batches.send(edit(a)).await.expect("the controller runs");
        next(&mut healthy).await;
    }

    let behind = shown_once(server.admin, "behind=true&addresses=true", |streams| {
        streams.len() == 1 && streams[0].versions_behind >= 45
    })
    .await;
    let all = shown_once(server.admin, "addresses=true", |streams| {
        streams.iter().any(|stream| stream.pod.as_deref() == Some("healthy") && stream.behind_seconds == 0.0)
    })
    .await;

    let stream = &behind[0];
    assert_eq!((stream.pod.as_deref(), stream.namespace.as_deref()), (Some("stalled"), Some("shop")));
    assert!(stream.behind_seconds > 0.0);
    let current = all.iter().find(|stream| stream.pod.as_deref() == Some("healthy")).expect("it is open");
    assert_eq!((current.messages, current.versions_behind), (50, 0));
    assert_ne!(told(current).digest, told(stream).digest);
    assert!(told(current).version > told(stream).version);
    // What is shown is what the client finds when it reads what it was sent until then.
    let has = read(&mut stalled, stream.messages).await;
    assert_eq!(has, told(stream).addresses.iter().cloned().collect());
    // And when it has read on it is as current as the other.
    next(&mut stalled).await;
    let after = shown_once(server.admin, "pod=stalled", |streams| streams[0].behind_seconds == 0.0).await;
    assert_eq!(told(&after[0]).digest, told(current).digest);
    assert_eq!(after[0].id, stream.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_found_by_who_asks_and_what_for_and_are_gone_when_they_end() {
    let server = InProcess::start().await;
    server.batches.send(first_list(1)).await.expect("the controller runs");
    let token = r#"{"ns":"shop","pod":"front","nodeName":"n1"}"#;
    let mut one = get(server.addr, WEB, token).await;
    let mut two = get(server.addr, "a.d.svc.cluster.local:80", "").await;
    let mut three = get_profile(server.addr, WEB, token).await;
    next(&mut one).await;
    next(&mut two).await;
    next(&mut three).await;

    let all = shown(server.admin, "").await;
    let client =
        all.iter().find(|stream| stream.pod.is_none()).and_then(|s| s.client.clone()).expect("one has none");
    for (query, count) in [
        ("", 3),
        ("pod=front", 2),
        ("node=n1&rpc=get", 1),
        ("rpc=GetProfile", 1),
        ("namespace=shop", 2),
        ("namespace=other", 0),
        ("reading=merged", 1),
        ("reading=leaf", 1),
        ("authority=web.d", 2),
        ("client=127.0.0.1", 3),
        (&format!("client={client}"), 1),
        (&format!("id={}", all[0].id), 1),
        ("behind=true", 0),
    ] {
        let found = shown_once(server.admin, query, |streams| streams.len() == count).await;
        assert!(found.iter().all(|stream| stream.bytes > 0 && stream.messages == 1), "{found:?}");
    }
    let profile = shown(server.admin, "rpc=getprofile").await;
    assert_eq!(
        told(&profile[0]).shares.keys().collect::<Vec<_>>(),
        ["a.d.svc.cluster.local:80", "b.d.svc.cluster.local:80"]
    );
    let (code, text) = http_get(server.admin, "/debug/streams?pot=front").await.expect("an answer");
    assert!(code == 400 && text.contains("pot") && text.contains("write id, authority"), "{code} {text}");

    drop((one, three));
    shown_once(server.admin, "", |streams| streams.len() == 1).await;
}

/// Exit code, stdout and stderr of `switchyard streams`, with what differs each time left out.
async fn streams(servers: &[SocketAddr], flags: &[&str]) -> (i32, String, String) {
    let admin = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let output =
        switchyard(&[&["streams", "--admin", &admin], flags].concat()).output().await.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// A line without blanks in a row, addresses of clients and lengths of time.
fn plain(line: &str) -> String {
    let words = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).map(|word| {
        if word.starts_with("127.0.0.1:") {
            "CLIENT"
        } else if word.ends_with(" ms") || word.ends_with(" s") {
            "TIME"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join("  ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_shows_the_streams_of_bookinfo() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let token = r#"{"ns":"default","pod":"productpage-v1-0","nodeName":"n1"}"#;
    let mut profile = get_profile(server.grpc, REVIEWS, token).await;
    let mut merged = get(server.grpc, REVIEWS, "").await;
    let mut leaf = get(server.grpc, "ratings.default.svc.cluster.local:9080", LEAF).await;
    let mut nothing = get(server.grpc, "nothing.default.svc.cluster.local:80", "").await;
    next(&mut profile).await;
    next(&mut merged).await;
    next(&mut leaf).await;
    next(&mut nothing).await;

    let (code, text, errors) = streams(&[server.admin], &[]).await;

    let lines: Vec<_> = text.lines().map(plain).collect();
    let versions: Vec<_> =
        lines.iter().filter_map(|line| line.split("  ").nth(5)?.parse::<u64>().ok()).collect();
    assert_eq!(versions.len(), 4, "{text}");
    let cells = |line: &str| {
        let mut cells: Vec<_> = line.split("  ").map(str::to_owned).collect();
        // The version is a number of this run, bytes are for tests of the wire.
        for place in [5, 10] {
            if cells.get(place).is_some_and(|cell| cell.parse::<u64>().is_ok()) {
                cells[place] = "N".to_owned();
            }
        }
        cells.join("  ")
    };
    let lines: Vec<_> = lines.iter().map(|line| cells(line)).collect();
    assert_eq!(
        lines,
        [
            "CLIENT  POD  NODE  AUTHORITY  READING  VERSION  BEHIND  AGE  SENT  MESSAGES  BYTES  WAS TOLD",
            "CLIENT  -  -  nothing.default.svc.cluster.local:80  merged  N  -  TIME  TIME  1  N  no such service",
            "CLIENT  -  -  ratings.default.svc.cluster.local:9080  leaf  N  -  TIME  TIME  1  N  1 endpoint",
            "CLIENT  -  -  reviews.default.svc.cluster.local:9080  merged  N  -  TIME  TIME  1  N  2 endpoints: reviews-v2 50.00 % | reviews-v3 50.00 %",
            "CLIENT  default/productpage-v1-0  n1  reviews.default.svc.cluster.local:9080  profile  N  -  TIME  TIME  1  N  reviews-v2 50.00 % | reviews-v3 50.00 %",
            "",
            "4 streams, 0 behind",
        ],
        "{text}"
    );
    assert_eq!((code, errors.as_str()), (0, ""));

    let (code, text, _) = streams(&[server.admin], &["--reading", "leaf", "--addresses", "-o", "json"]).await;
    let stream: serde_json::Value = serde_json::from_str(&text).expect("one object");
    assert_eq!((code, stream["server"].as_str()), (0, Some(server.admin.to_string().as_str())));
    assert_eq!(stream["told"]["addresses"][0][1], 10_000);
    let (code, text, _) = streams(&[server.admin], &["--pod", "nobody"]).await;
    assert_eq!((code, text.as_str()), (3, "0 streams, 0 behind\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_all_are_shown_and_who_does_not_answer_is_named() {
    let manifests = copy_of_bookinfo();
    let (one, two) = (Binary::serve(manifests.path()).await, Binary::serve(manifests.path()).await);
    let mut streams_of = Vec::new();
    for server in [&one, &two, &two] {
        let mut stream = get(server.grpc, REVIEWS, "").await;
        next(&mut stream).await;
        streams_of.push(stream);
    }

    let (code, text, _) = streams(&[one.admin, two.admin], &["-o", "json"]).await;
    let digests: Vec<_> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("an object")["told"]["digest"].to_string()
        })
        .collect();
    assert_eq!(code, 0);
    assert!(
        digests.len() == 3 && digests.iter().all(|digest| *digest == digests[0]),
        "replicas agree: {text}"
    );

    let (_socket, gone) = nobody();
    let (code, text, errors) = streams(&[one.admin, gone], &["--limit", "1"]).await;
    assert_eq!(code, 1);
    assert!(text.ends_with("1 stream, 0 behind\n"), "{text}");
    assert!(errors.contains(&format!("cannot connect to the admin port at {gone}")), "{errors}");
    let (code, text, errors) = streams(&[gone], &[]).await;
    assert!(
        (code, text.as_str()) == (1, "") && errors.contains("is `switchyard serve` running there?"),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_holds_nobody_up() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpSocket,
    };
    const STREAMS: usize = 3000;
    let server = InProcess::start().await;
    server.batches.send(first_list(2)).await.expect("the controller runs");
    let connection = client(server.addr).await;
    let open =
        (0..STREAMS).map(|_| {
            let mut client = connection.clone();
            async move {
                client.get(ask(WEB, r#"{"split":"merged","ns":"shop"}"#)).await.expect("opens").into_inner()
            }
        });
    let mut open = futures::future::join_all(open).await;
    for stream in &mut open {
        next(stream).await;
    }
    let mut readers = Vec::new();
    for _ in 0..50 {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Or the system would take all of the answer for it.
        socket.set_recv_buffer_size(4096).expect("set");
        let mut reader = socket.connect(server.admin).await.expect("connects");
        reader.write_all(b"GET /debug/streams HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("asks");
        reader.read_exact(&mut [0; 64]).await.expect("begins to answer");
        readers.push(reader);
    }

    server.batches.send(edit(7)).await.expect("the controller runs");

    for stream in &mut open {
        next(stream).await;
    }
    assert_eq!(shown(server.admin, "").await.len(), STREAMS);
    // Who stopped reads on and finds all of it.
    let mut text = String::new();
    let mut reader = readers.swap_remove(0);
    while !text.ends_with("\r\n0\r\n\r\n") {
        let mut piece = [0; 65_536];
        let size = reader.read(&mut piece).await.expect("reads on");
        text.push_str(std::str::from_utf8(&piece[..size]).expect("text"));
    }
    assert_eq!(text.matches("\"authority\"").count(), STREAMS);
}

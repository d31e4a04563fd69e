//! Shares of a client: one that takes all it can get is refused in words, and others have their part all the same.

use std::fmt::Write as _;

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::{Response, request};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{
    REVIEWS, Victim,
    raw::frames::message,
    requests::{Outcome, connect, good, outcome},
};
use crate::server::{Binary, PATIENCE};

/// A connection from another address of this machine than the server's.
async fn from(address: u8, server: &Binary) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, address], 0).into()).expect("all of 127.0.0.0/8 is ours");
    timeout(PATIENCE, socket.connect(server.grpc)).await.expect("in time").expect("it listens")
}

/// What a request is answered, whose connection is kept.
async fn ask(address: u8, server: &Binary, authority: &str) -> (Outcome, SendRequest<Bytes>) {
    let mut client = connect(from(address, server).await).await;
    let outcome = outcome(&mut client, good(), &[message(authority)], true).await;
    (outcome, client)
}

fn is_refused(outcome: &Outcome, words: &str) -> bool {
    matches!(outcome, Outcome::Grpc(8, said) if said.contains(words) && said.contains("--client-share"))
}

#[tokio::test]
async fn client_alone_gets_a_third_of_the_connections_and_others_come_in() {
    let mut victim = Victim::start(&["--max-connections", "60"]).await;
    let mut kept = Vec::new();
    let refused = loop {
        let (outcome, client) = ask(2, &victim.server, REVIEWS).await;
        if outcome != Outcome::Answered {
            break outcome;
        }
        kept.push(client);
    };
    assert!(is_refused(&refused, "127.0.0.2 has "), "{refused:?}");
    assert!((19..=20).contains(&kept.len()), "{} connections", kept.len());
    assert_eq!(ask(3, &victim.server, REVIEWS).await.0, Outcome::Answered);
    assert!(victim.server.metric(r#"switchyard_limits_hit_total{limit="client_share"}"#).await > 0);

    drop(kept);
    victim.is_unharmed().await;
}

/// Opens a stream, or returns how it is refused. Nothing of its answer is read.
async fn open(
    client: &SendRequest<Bytes>,
    request: request::Builder,
    message: Vec<u8>,
) -> Result<Response<RecvStream>, Outcome> {
    let mut client = client.clone().ready().await.expect("there is room");
    let (response, mut body) =
        client.send_request(request.body(()).expect("a request"), false).expect("taken");
    body.send_data(message.into(), true).expect("it is open");
    let response = timeout(PATIENCE, response).await.expect("in time").expect("answered");
    super::requests::status_of(response.headers()).map_or(Ok(response), Err)
}

/// Streams that one connection from this address may open, and how the next one is refused.
async fn streams(address: u8, server: &Binary, authority: impl Fn(usize) -> String) -> (usize, Outcome) {
    let client = connect(from(address, server).await).await;
    let mut kept = Vec::new();
    loop {
        match open(&client, good(), message(&authority(kept.len()))).await {
            Ok(response) => kept.push(response),
            Err(refused) => return (kept.len(), refused),
        }
    }
}

#[tokio::test]
async fn client_alone_gets_a_third_of_the_streams() {
    let mut victim = Victim::start(&["--max-streams", "300"]).await;
    let (opened, refused) = streams(2, &victim.server, |_| REVIEWS.to_owned()).await;
    assert!((98..=100).contains(&opened), "{opened} streams");
    assert!(is_refused(&refused, "streams"), "{refused:?}");
    victim.is_unharmed().await;
}

#[tokio::test]
async fn client_alone_gets_a_third_of_the_views_and_the_same_questions_are_free() {
    let mut victim = Victim::start(&["--max-views", "300"]).await;
    let distinct = |n: usize| format!("nobody-{n}.default.svc.cluster.local:80");
    let (opened, refused) = streams(2, &victim.server, distinct).await;
    assert!((96..=100).contains(&opened), "{opened} views");
    assert!(is_refused(&refused, "different questions"), "{refused:?}");

    // Those views are there for a moment still.
    assert_eq!(ask(2, &victim.server, REVIEWS).await.0, Outcome::Answered, "another client asks it already");
    assert_eq!(ask(3, &victim.server, &distinct(100_000)).await.0, Outcome::Answered);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn views_of_a_large_headless_service_have_a_bound_in_bytes() {
    /// A slice has at most a thousand endpoints.
    const SLICES: usize = 10;
    let slices = r#"switchyard_objects{kind="EndpointSlice"}"#;
    let mut victim = Victim::start(&[]).await;
    let mut large = "apiVersion: v1\nkind: Service\nmetadata: {name: large}\n\
         spec: {clusterIP: None, ports: [{port: 80}]}\n"
        .to_owned();
    for slice in 0..SLICES {
        _ = write!(
            large,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n\
             metadata: {{name: large-{slice}, labels: {{kubernetes.io/service-name: large}}}}\n\
             ports: [{{port: 80}}]\nendpoints:\n"
        );
        for n in 0..1000 {
            _ = writeln!(large, "- addresses: [10.9.{}.{}]", 4 * slice + n / 250, n % 250);
        }
    }
    let before = victim.server.metric(slices).await;
    std::fs::write(victim.folder.path().join("large.yaml"), large).expect("written");
    let client = connect(from(2, &victim.server).await).await;
    let authority = |port: usize| format!("large.default.svc.cluster.local:{port}");
    let read = async {
        while victim.server.metric(slices).await == before {
            tokio::time::sleep(super::LOOK).await;
        }
    };
    timeout(PATIENCE, read).await.expect("it is read");

    let mut kept = Vec::new();
    let refused = loop {
        // The window is small, and 3.7 MB wait for it.
        match open(&client, good(), message(&authority(1000 + kept.len()))).await {
            Ok(response) => kept.push(response),
            Err(refused) => break refused,
        }
        assert!(kept.len() < 100, "no bound in sight");
    };

    assert!(is_refused(&refused, "bytes of answers"), "{refused:?}");
    // 384 MiB, of which one client has a third.
    assert!((24..=29).contains(&kept.len()), "{} views", kept.len());
    let resident = victim.server.resident() / 1024;
    assert!(resident < 450, "{resident} MiB");
    assert_eq!(ask(3, &victim.server, &authority(999)).await.0, Outcome::Answered);
    drop((kept, client));
    victim.is_unharmed().await;
}

#[tokio::test]
async fn watches_of_health_are_streams_of_their_client() {
    let mut victim = Victim::start(&["--max-streams", "300"]).await;
    let client = connect(from(2, &victim.server).await).await;
    let mut kept = Vec::new();
    let refused = loop {
        let request = http::Request::post("http://test/grpc.health.v1.Health/Watch")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        match open(&client, request, vec![0; 5]).await {
            Ok(response) => kept.push(response),
            Err(refused) => break refused,
        }
        assert!(kept.len() < 300, "no bound in sight");
    };
    assert!(is_refused(&refused, "streams"), "{refused:?}");
    assert!((98..=100).contains(&kept.len()), "{} watches", kept.len());

    drop((kept, client));
    let again = async {
        while ask(2, &victim.server, REVIEWS).await.0 != Outcome::Answered {
            tokio::time::sleep(super::LOOK).await;
        }
    };
    timeout(PATIENCE, again).await.expect("their places come back");
    victim.is_unharmed().await;
}

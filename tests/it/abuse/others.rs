//! The services beside ours on the same port: health and reflection are reachable by everybody who may ask, and are
//! given no more room than a name takes.

use bytes::Bytes;
use futures::future::join_all;
use h2::{
    SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{Request, request};
use tokio::net::TcpStream;

use super::{
    REVIEWS, Victim,
    process::Process,
    raw::frames::message,
    requests::{self, Outcome, connect, good, outcome},
};

/// Each takes one message first of all, if only of a stream of them.
const METHODS: [&str; 4] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The prefix of a message of this length.
fn announces(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes()].concat()
}

fn to(method: &str) -> request::Builder {
    Request::post(format!("http://test/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// A request of which only the headers were sent.
async fn begun(client: &SendRequest<Bytes>, method: &str) -> (ResponseFuture, SendStream<Bytes>) {
    let request = to(method).body(()).expect("a request");
    let mut client = client.clone().ready().await.expect("there is room");
    client.send_request(request, false).expect("it is taken")
}

/// OUT_OF_RANGE; or, from reflection, the end of its stream without an answer, for that is how tonic's ends whatever
/// goes wrong with a request.
fn is_refusal(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Grpc(11 | 0, _))
}

#[tokio::test]
async fn a_message_of_megabytes_is_refused_before_it_comes() {
    let mut victim = Victim::start(&[]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    for method in METHODS {
        for length in [4097, 4 << 20, u32::MAX] {
            let outcome = outcome(&mut client, to(method), &[announces(length)], false).await;
            assert!(is_refusal(&outcome), "{method} with {length} bytes: {outcome:?}");
        }
    }
    assert_eq!(outcome(&mut client, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

/// What would be set aside for so many at once is four gigabytes.
#[tokio::test]
async fn many_that_announce_megabytes_are_given_none_of_it() {
    const AT_ONCE: usize = 1000;
    let mut victim = Victim::start(&[]).await;
    let process = Process::serving(victim.folder.path());
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let client = connect(socket).await;
    let before = process.resident();
    for method in METHODS {
        let announced = [announces(4 << 20), vec![0; 10]].concat();
        let asked = (0..AT_ONCE).map(|_| {
            let (mut client, pieces) = (client.clone(), [announced.clone()]);
            async move { outcome(&mut client, to(method), &pieces, false).await }
        });
        assert!(join_all(asked).await.iter().all(is_refusal), "{method}");
    }
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "it grew by {grown} KiB");
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn request_whose_message_does_not_come_ends_in_the_time_of_a_request() {
    let mut victim = Victim::start(&["--request-timeout", "300ms"]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    for method in METHODS {
        let outcome = outcome(&mut client, to(method), &[vec![0]], false).await;
        // tonic ends a reflection stream in silence if reading its request fails.
        let is_silent = method.contains("Reflection") && matches!(outcome, Outcome::Grpc(0, _));
        let is_late = |words: &str| words.contains("--request-timeout");
        assert!(
            matches!(&outcome, Outcome::Grpc(4, words) if is_late(words)) || is_silent,
            "{method}: {outcome:?}"
        );
    }
    drop(client);
    victim.is_unharmed().await;
}

/// Their decoders would take a hundred megabytes.
#[tokio::test]
async fn many_half_messages_hold_little_and_others_are_refused_in_words() {
    const AT_ONCE: usize = 1500;
    let mut victim = Victim::start(&["--max-concurrent-streams", "8000"]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let client = connect(socket).await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..AT_ONCE {
        let (answer, mut body) = begun(&client, METHODS[0]).await;
        // A refused stream may be over already.
        _ = body.send_data(vec![0].into(), false);
        held.push((Box::pin(answer), body));
    }
    let mut probe = client.clone();
    let outcome = outcome(&mut probe, to(METHODS[0]), &[announces(0)], true).await;
    assert!(
        matches!(&outcome, Outcome::Grpc(8, words) if words.contains("health and reflection")),
        "{outcome:?}"
    );
    for (answer, _) in &mut held {
        refused += usize::from(futures::FutureExt::now_or_never(answer).is_some());
    }
    assert_eq!(refused, AT_ONCE - 1024);
    // The Destination service has no part in it.
    assert_eq!(requests::outcome(&mut probe, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    drop((held, probe, client));
    victim.is_unharmed().await;
}

#[tokio::test]
async fn requests_without_a_message_are_let_go_with_their_client() {
    const HELD: u32 = 100;
    let mut victim = Victim::start(&["--max-concurrent-streams", "1000"]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let client = connect(socket).await;
    let mut held = Vec::new();
    for method in METHODS {
        for _ in 0..HELD {
            let (answer, mut body) = begun(&client, method).await;
            // One byte of a prefix, and then nothing more.
            body.send_data(vec![0].into(), false).expect("it is open");
            held.push((answer, body));
        }
    }
    // They are in nobody's way, not even on their own connection.
    let mut same = client.clone();
    assert_eq!(outcome(&mut same, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    victim.tells_of_a_change().await;
    drop((held, same, client));
    victim.is_unharmed().await;
}

//! Requests in good HTTP/2 that are no good gRPC, or not of ours.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request, request};
use tokio::{net::TcpStream, time::timeout};

use super::{REVIEWS, Victim, raw::frames::message};
use crate::server::PATIENCE;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A message.
    Answered,
    /// A status of gRPC.
    Grpc(i32, String),
    /// A status of HTTP that is no success.
    Http(u16),
    /// No answer: the stream was reset or the connection closed.
    Cut(String),
}

/// A client of HTTP/2 and nothing above it.
pub(crate) async fn connect(socket: TcpStream) -> SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(socket).await.expect("the server speaks HTTP/2");
    tokio::spawn(async move {
        // How it ends is seen by the requests on it.
        _ = connection.await;
    });
    client
}

/// A good request without its message.
pub(crate) fn good() -> request::Builder {
    Request::post("http://test/io.linkerd.proxy.destination.Destination/Get")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// Sends a request, and these pieces after it; `end` says that there are no more.
pub(super) async fn outcome(
    client: &mut SendRequest<Bytes>,
    request: request::Builder,
    pieces: &[Vec<u8>],
    end: bool,
) -> Outcome {
    let asking = async {
        let request = request.body(()).expect("a request");
        let empty = pieces.is_empty() && end;
        let (response, mut body) = client.clone().ready().await?.send_request(request, empty)?;
        for (index, piece) in pieces.iter().enumerate() {
            let last = end && index + 1 == pieces.len();
            // The server may have said no to it before it is all sent.
            if body.send_data(piece.clone().into(), last).is_err() {
                break;
            }
        }
        let response = response.await?;
        if !response.status().is_success() {
            return Ok(Outcome::Http(response.status().as_u16()));
        }
        if let Some(status) = status_of(response.headers()) {
            return Ok(status);
        }
        let mut answer = response.into_body();
        if let Some(data) = answer.data().await {
            data?;
            return Ok(Outcome::Answered);
        }
        let trailers = answer.trailers().await?.expect("an answer has a message or a status");
        Ok(status_of(&trailers).expect("a status"))
    };
    let outcome = timeout(PATIENCE, asking).await.expect("answered in time");
    outcome.unwrap_or_else(|error: h2::Error| Outcome::Cut(error.to_string()))
}

pub(crate) fn status_of(headers: &HeaderMap) -> Option<Outcome> {
    let text = |name| Some(headers.get(name)?.to_str().expect("text").to_owned());
    let code = text("grpc-status")?.parse().expect("a number");
    Some(Outcome::Grpc(code, text("grpc-message").unwrap_or_default().replace("%20", " ")))
}

const INTERNAL: &[i32] = &[13];
const UNIMPLEMENTED: &[i32] = &[12];
/// OUT_OF_RANGE, or RESOURCE_EXHAUSTED.
const TOO_LARGE: &[i32] = &[8, 11];

#[tokio::test]
async fn what_is_no_message_is_refused_in_words_and_alone() {
    let mut victim = Victim::start(&[]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    let four_gigabytes = vec![0, 0xff, 0xff, 0xff, 0xff];
    let whole = message(REVIEWS);
    for (what, pieces, end, codes) in [
        ("nothing", vec![], true, INTERNAL),
        ("nothing, in a frame", vec![vec![]], true, INTERNAL),
        ("half a prefix", vec![vec![0, 0]], true, INTERNAL),
        ("half a message", vec![whole[..whole.len() - 1].to_vec()], true, INTERNAL),
        ("a claim of 4 GB", vec![four_gigabytes.clone()], false, TOO_LARGE),
        ("a claim of 4 GB with more to come", vec![four_gigabytes, vec![0; 1 << 20]], false, TOO_LARGE),
        ("compressed without saying how", vec![[&[1], &whole[1..]].concat()], true, INTERNAL),
        ("compressed in a way there is not", vec![[&[7], &whole[1..]].concat()], true, INTERNAL),
        ("no protobuf", vec![vec![0, 0, 0, 0, 3, 0xff, 0xff, 0xff]], true, INTERNAL),
    ] {
        let outcome = outcome(&mut client, good(), &pieces, end).await;
        let Outcome::Grpc(code, words) = &outcome else { panic!("{what}: {outcome:?}") };
        assert!(codes.contains(code) && !words.is_empty(), "{what}: {outcome:?}");
    }
    // The same connection is as good as before.
    assert_eq!(outcome(&mut client, good(), &[whole], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_message_in_pieces_or_with_more_after_it_is_a_request() {
    let mut victim = Victim::start(&[]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    let whole = message(REVIEWS);
    let bytes: Vec<_> = whole.iter().map(|byte| vec![*byte]).collect();
    for (what, pieces, end) in [
        ("byte by byte", bytes, true),
        ("without an end", vec![whole.clone()], false),
        ("twice", vec![whole.clone(), whole.clone()], true),
        ("with noise after it", vec![whole.clone(), vec![0xff; 60_000]], false),
    ] {
        assert_eq!(outcome(&mut client, good(), &pieces, end).await, Outcome::Answered, "{what}");
    }
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn what_is_not_ours_is_unimplemented() {
    let mut victim = Victim::start(&[]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    for path in [
        "/",
        "/nowhere",
        "/io.linkerd.proxy.destination.Destination",
        "/io.linkerd.proxy.destination.Destination/",
        "/io.linkerd.proxy.destination.Destination/get",
        "/io.linkerd.proxy.destination.Destination/Get/",
        "/io.linkerd.proxy.destination.Destination/../Get",
        &format!("/{}", "x".repeat(8_000)),
    ] {
        let request = Request::post(format!("http://test{path}")).header("content-type", "application/grpc");
        let outcome = outcome(&mut client, request, &[message(REVIEWS)], true).await;
        let Outcome::Grpc(code, sentence) = outcome else { panic!("{path:.60}: {outcome:?}") };
        assert!(UNIMPLEMENTED.contains(&code), "{path:.60}: {code}");
        assert!((20..500).contains(&sentence.len()), "{path:.60}: {sentence}");
    }
    assert_eq!(outcome(&mut client, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

/// What is odd about a request beside its message may be passed over or refused; it may not do harm.
#[tokio::test]
async fn odd_headers_do_no_harm() {
    let mut victim = Victim::start(&[]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    let mut requests = vec![
        good().method(Method::GET),
        good().method(Method::PUT),
        good().method(Method::OPTIONS),
        Request::connect("test:80"),
        Request::post("http://test/io.linkerd.proxy.destination.Destination/Get?a=b"),
        good().header("content-type", "text/html"),
        good().header("content-length", "1"),
        good().header("content-length", "-1"),
        good().header("expect", "100-continue"),
        good().header("grpc-encoding", "gzip"),
        good().header("grpc-encoding", "no such"),
        good().header("grpc-timeout", "1n"),
        good().header("grpc-timeout", "99999999H"),
        good().header("grpc-timeout", "soon"),
        good().header("x-bin", [0xff, 0x80, b' '].as_slice()),
        good().version(http::Version::HTTP_2).header("host", "somebody.else"),
    ];
    requests.push((0..400).fold(good(), |request, number| request.header(format!("x-{number}"), "x")));
    for request in requests {
        outcome(&mut client, request, &[message(REVIEWS)], true).await;
    }
    assert_eq!(outcome(&mut client, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn headers_over_the_limit_are_refused_one_by_one_or_with_their_connection() {
    let mut victim = Victim::start(&["--max-header-bytes", "4096"]).await;
    let many = |count| (0..count).fold(good(), |request, number| request.header(format!("x-{number}"), "x"));
    for request in [
        good().header("x-large", "x".repeat(5_000)),
        good().header("x-large", "x".repeat(100_000)),
        many(200),
        many(10_000),
    ] {
        let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
        let mut client = connect(socket).await;
        let outcome = outcome(&mut client, request, &[message(REVIEWS)], true).await;
        assert_ne!(outcome, Outcome::Answered);
    }
    victim.is_unharmed().await;
}

/// A request that is opened and never made must not be waited for without end.
#[tokio::test]
async fn a_message_that_does_not_come_is_waited_for_so_long() {
    let mut victim = Victim::start(&["--request-timeout", "300ms"]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;
    let whole = message(REVIEWS);
    for pieces in [vec![], vec![whole[..1].to_vec()], vec![whole[..whole.len() - 1].to_vec()]] {
        let outcome = outcome(&mut client, good(), &pieces, false).await;
        assert!(matches!(outcome, Outcome::Grpc(4, _)), "{outcome:?}");
    }
    assert_eq!(victim.server.metric(r#"switchyard_limits_hit_total{limit="request_time"}"#).await, 3);
    assert_eq!(outcome(&mut client, good(), &[whole], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

//! The sentence of each status that a request can end with.

use http::Request;
use prost::Message as _;
use switchyard::pb::destination::GetDestination;
use tokio::net::TcpStream;

use super::{
    REVIEWS, Victim,
    raw::frames::message,
    requests::{Outcome, connect, good, outcome},
};

const HEALTH: &str = "grpc.health.v1.Health/Check";
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn to(path: &str) -> http::request::Builder {
    Request::post(format!("http://test/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// A message behind its prefix; `flag` is 1 for one that is compressed.
fn framed(flag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[flag], &length[..], body].concat()
}

/// A `GetDestination` with a token of so many bytes.
fn with_token(length: usize) -> Vec<u8> {
    let context_token = "x".repeat(length);
    let request = GetDestination { scheme: String::new(), path: REVIEWS.to_owned(), context_token };
    framed(0, &request.encode_to_vec())
}

/// A field of a protobuf message whose value is a short text.
fn text_field(number: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    framed(0, &[&[number << 3 | 2, length], text.as_bytes()].concat())
}

#[tokio::test]
async fn status_of_every_bad_request_has_a_sentence_that_names_what_is_right() {
    let flags = ["--max-views", "1", "--max-request-bytes", "200", "--max-header-bytes", "1024"];
    let mut victim = Victim::start(&[&flags[..], &["--request-timeout", "500ms"]].concat()).await;
    let mut client = connect(TcpStream::connect(victim.server.grpc).await.expect("connected")).await;
    let whole = message(REVIEWS);
    let body = &whole[5..];
    let example = ".svc.cluster.local:";
    let methods = "io.linkerd.proxy.destination.Destination (Get and GetProfile)";
    let wanted = "io.linkerd.proxy.destination.GetDestination";
    let only = "Destination has the methods Get and GetProfile";
    let json = || {
        Request::post("http://test/io.linkerd.proxy.destination.Destination/Get")
            .header("content-type", "application/json")
    };
    for (what, request, pieces, ends, code, part) in [
        ("a short name", good(), vec![message("reviews:9080")], true, 3, example),
        ("another domain", good(), vec![message("a.b.svc.x:80")], true, 3, example),
        ("a bad port", good(), vec![message("a.b.svc.cluster.local:x")], true, 3, "1 to 65535"),
        ("Get of an IP address", good(), vec![message("10.0.0.1:80")], true, 3, "GetProfile"),
        ("nothing", good(), vec![], true, 13, wanted),
        ("half a message", good(), vec![whole[..9].to_vec()], true, 13, wanted),
        ("no protobuf", good(), vec![framed(0, &[0xff; 3])], true, 13, wanted),
        (
            "JSON",
            json(),
            vec![br#"{"path":"reviews"}"#.to_vec()],
            true,
            13,
            "content-type is not application/grpc",
        ),
        ("an unknown flag", good(), vec![framed(7, body)], true, 13, "it has to be 0"),
        (
            "compressed",
            good().header("grpc-encoding", "gzip"),
            vec![framed(1, body)],
            true,
            12,
            "send it uncompressed",
        ),
        ("compressed somehow", good(), vec![framed(1, body)], true, 13, "send it uncompressed"),
        ("a large message", good(), vec![with_token(300)], true, 8, "--max-request-bytes"),
        (
            "large headers",
            good().header("x", "x".repeat(2000)),
            vec![whole.clone()],
            true,
            8,
            "--max-header-bytes",
        ),
        ("a late message", good(), vec![whole[..9].to_vec()], false, 4, "--request-timeout"),
        ("another view", good(), vec![message("a.b.svc.cluster.local:80")], true, 8, "--max-views"),
        ("no path", to(""), vec![whole.clone()], true, 12, methods),
        ("an unknown service", to("a.B/Get"), vec![whole.clone()], true, 12, methods),
        (
            "an unknown method",
            to("io.linkerd.proxy.destination.Destination/List"),
            vec![whole.clone()],
            true,
            12,
            only,
        ),
        (
            "an unknown method of health",
            to("grpc.health.v1.Health/List"),
            vec![whole.clone()],
            true,
            12,
            methods,
        ),
        (
            "health of an unknown service",
            to(HEALTH),
            vec![text_field(1, "a.B")],
            true,
            5,
            "reports no health",
        ),
        ("health of nothing", to(HEALTH), vec![], true, 13, "request message"),
        ("health, no protobuf", to(HEALTH), vec![framed(0, &[0xff; 3])], true, 13, "Protobuf"),
        (
            "health, large",
            to(HEALTH),
            vec![text_field(1, &"x".repeat(120)), vec![]],
            true,
            5,
            "reports no health",
        ),
        (
            "health, compressed",
            to(HEALTH).header("grpc-encoding", "gzip"),
            vec![framed(1, body)],
            true,
            12,
            "gzip",
        ),
        (
            "reflection of an unknown symbol",
            to(REFLECTION),
            vec![text_field(4, "a.B")],
            true,
            5,
            "'a.B' not found",
        ),
        ("reflection of nothing", to(REFLECTION), vec![framed(0, &[])], true, 3, "MessageRequest"),
    ] {
        let outcome = outcome(&mut client, request, &pieces, ends).await;
        let Outcome::Grpc(found, sentence) = &outcome else { panic!("{what}: {outcome:?}") };
        assert_eq!((*found, sentence.contains(part)), (code, true), "{what}: {sentence}");
        assert!((20..600).contains(&sentence.len()) && sentence.contains(' '), "{what}: {sentence}");
    }
    assert_eq!(outcome(&mut client, good(), &[whole], true).await, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

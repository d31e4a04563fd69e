//! Clients of another protocol on the gRPC port.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{REVIEWS, Victim, raw::Raw};
use crate::{
    abuse::raw::frames::{PREFACE, get},
    server::PATIENCE,
};

/// What the server writes until it closes the connection, of as much as arrives.
async fn answer(addr: SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let mut socket = TcpStream::connect(addr).await.expect("connected");
    socket.set_nodelay(true).expect("it is TCP");
    for piece in pieces {
        // It may be closed already.
        _ = socket.write_all(piece).await;
    }
    let mut answer = Vec::new();
    _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("closed in time");
    answer
}

#[tokio::test]
async fn http1_client_is_answered_where_the_pages_are() {
    let mut victim = Victim::start(&["--log-level", "info,switchyard::grpc=debug"]).await;
    let addr = victim.server.grpc;
    let port = format!("on the admin port, {} of this host", victim.server.admin.port());
    let large = vec![b'x'; 20_000];
    for pieces in [
        &[&b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"[..]][..],
        &[b"HEAD /metrics HTTP/1.0\r\n\r\n"],
        &[b"P", b"OST /api HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}"],
        &[b"PUT / HTTP/1.1\r\nhost: test\r\ncontent-length: 20000\r\n\r\n", &large],
        &[b"GET / HTTP/1.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: \r\n\r\n"],
    ] {
        let answer = String::from_utf8(answer(addr, pieces).await).expect("text and nothing else");
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("This is the gRPC port") && answer.contains(&port), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
    }
    victim.server.logs("the client speaks HTTP/1").await;
    let ended = victim.server.metric(r#"switchyard_connections_ended_total{reason="protocol"}"#).await;
    assert_eq!(ended, 5);
    victim.is_unharmed().await;
}

/// A client that never stops sending is not listened to.
#[tokio::test]
async fn http1_client_that_sends_without_end_is_closed() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::on(TcpStream::connect(victim.server.grpc).await.expect("connected"));
    timeout(PATIENCE, raw.send_deaf(&[b'A'; 64 * 1024])).await.expect("closed in time");
    victim.is_unharmed().await;
}

#[tokio::test]
async fn client_of_another_protocol_is_logged_and_closed() {
    let mut victim = Victim::start(&["--log-level", "info,switchyard::grpc=debug"]).await;
    for (bytes, log) in [
        (
            &b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                [..],
            "the client speaks TLS",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the client speaks neither"),
    ] {
        let answer = answer(victim.server.grpc, &[bytes]).await;
        assert!(!answer.starts_with(b"HTTP/1.1"), "{}", answer.escape_ascii());
        victim.server.logs(log).await;
    }
    victim.is_unharmed().await;
}

/// The server waits with its settings for as many bytes of a client as tell HTTP/2 from HTTP/1, and for no more.
#[tokio::test]
async fn settings_are_sent_after_the_first_word_of_a_client() {
    let mut victim = Victim::start(&[]).await;
    let mut socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    socket.write_all(&PREFACE[..4]).await.expect("written");
    let mut head = [0; 9];
    timeout(PATIENCE, socket.read_exact(&mut head)).await.expect("in time").expect("settings");
    assert_eq!(head[3], super::raw::frames::kind::SETTINGS);
    drop(socket);
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&get(1, REVIEWS)).await;
    raw.until(|heard| heard.opened == 1).await;
    drop(raw);
    victim.is_unharmed().await;
}

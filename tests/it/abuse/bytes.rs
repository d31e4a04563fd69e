//! Connections that never become HTTP/2, or stop halfway.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    REVIEWS, SHORT_KEEPALIVE, Victim,
    raw::{
        Raw,
        frames::{PREFACE, get, get_headers, settings, streams},
    },
};
use crate::server::PATIENCE;

/// A ClientHello of TLS 1.3 as far as any server would read it.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    hello.resize(517, 0x5a);
    hello
}

/// Noise that is the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..length).map(|_| random.u8(..)).collect()
}

#[tokio::test]
async fn what_is_no_http2_is_hung_up_on() {
    let mut victim = Victim::start(&[]).await;
    for (what, bytes) in [
        ("noise", noise(1 << 20)),
        ("zeros", vec![0; 1 << 20]),
        ("TLS", client_hello()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("an upgrade", b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_vec()),
        ("a preface with an error in it", PREFACE.to_ascii_lowercase()),
        ("noise after a preface", [PREFACE, &noise(1 << 20)].concat()),
    ] {
        let mut raw = Raw::on(TcpStream::connect(victim.server.grpc).await.expect("connected"));
        raw.send(&bytes).await;
        let heard = raw.until_ended().await;
        assert_eq!((heard.opened, heard.refused), (0, 0), "{what}");
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_preface_that_is_cut_off_ends_with_its_connection() {
    let mut victim = Victim::start(&[]).await;
    let whole = [PREFACE, &settings(&[])].concat();
    for length in 0..whole.len() {
        let mut socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
        socket.write_all(&whole[..length]).await.expect("written");
        socket.shutdown().await.expect("half closed");
        let mut heard = Vec::new();
        // Whether it closes in order or with a reset is all the same.
        _ = timeout(PATIENCE, socket.read_to_end(&mut heard)).await.expect("closed in time");
    }
    victim.is_unharmed().await;
}

/// A client that says no more may still listen: its half of the connection is closed, not the server's.
/// Servers hang up at that, as ours may; what it must not do is keep the streams of one who left.
#[tokio::test]
async fn a_client_that_closes_its_half_and_then_the_rest_leaves_nothing() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    let mut halves = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect(victim.server.grpc, &[]).await;
        let requests: Vec<u8> = streams(10).flat_map(|stream| get(stream, REVIEWS)).collect();
        raw.send(&requests).await;
        raw.until(|heard| heard.opened == 10).await;
        raw.half_close().await;
        halves.push(raw);
    }
    victim.tells_of_a_change().await;
    drop(halves);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_frame_that_never_ends_is_hung_up_on() {
    let mut victim = Victim::start(&SHORT_KEEPALIVE).await;
    let mut stopped = Vec::new();
    for whole in [settings(&[(4, 0), (5, 1 << 20)]), get_headers(1), get(1, REVIEWS)] {
        for length in [1, 8, 9, whole.len() - 1] {
            let mut raw = Raw::connect(victim.server.grpc, &[]).await;
            raw.polite = false;
            raw.send(&whole[..length]).await;
            stopped.push(raw);
        }
    }
    for raw in &mut stopped {
        raw.until_ended().await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing() {
    let mut victim = Victim::start(&[]).await;
    for _ in 0..2_000 {
        drop(TcpStream::connect(victim.server.grpc).await.expect("connected"));
    }
    victim.is_unharmed().await;
}

/// The time for the first bytes of a connection, which HTTP/2 knows nothing of.
const SHORT_REQUEST_TIME: [&str; 2] = ["--request-timeout", "300ms"];

#[tokio::test]
async fn one_that_connects_and_says_nothing_is_hung_up_on() {
    let mut victim = Victim::start(&SHORT_REQUEST_TIME).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(victim.server.grpc).await.expect("connected"));
    }
    for socket in &mut silent {
        // It reads what the server says first, and does not even acknowledge that.
        let ended = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "hung up on in time");
    }
    victim.is_unharmed().await;
    assert_eq!(victim.server.metric(r#"switchyard_limits_hit_total{limit="request_time"}"#).await, 200);
}

#[tokio::test]
async fn one_that_dribbles_its_preface_is_hung_up_on() {
    let mut victim = Victim::start(&SHORT_REQUEST_TIME).await;
    let mut raw = Raw::on(TcpStream::connect(victim.server.grpc).await.expect("connected"));
    let dribble = async {
        for byte in PREFACE {
            raw.send(&[*byte]).await;
            // A byte now and then, so that something comes within any time that starts anew with each.
            if timeout(2 * super::LOOK, raw.read()).await.is_ok() && raw.heard.ended {
                return;
            }
        }
        raw.until_ended().await;
    };
    timeout(PATIENCE, dribble).await.expect("closed in time");
    victim.is_unharmed().await;
}

#[tokio::test]
async fn one_that_has_greeted_may_be_silent_as_long_as_it_likes() {
    let victim = Victim::start(&SHORT_REQUEST_TIME).await;
    let mut client = crate::server::client(victim.server.grpc).await;
    // Several times the time that a request may take; there is nothing to wait for.
    sleep(4 * std::time::Duration::from_millis(300)).await;
    let mut updates = client.get(crate::server::ask(REVIEWS, "")).await.expect("opens").into_inner();
    crate::server::next(&mut updates).await;
    victim.comes_to(2, 2).await;
}

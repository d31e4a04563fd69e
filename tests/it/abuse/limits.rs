//! Limits: who goes over one is told so in words, everybody else notices nothing, and what was used up comes
//! back.

use std::net::{IpAddr, Ipv4Addr};

use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tonic::{Code, Status};

use super::{
    LOOK, REVIEWS, Victim,
    raw::{
        Heard, Raw,
        frames::{get, message, streams},
    },
    requests::{self, Outcome, connect, good},
};
use crate::server::{PATIENCE, ask, client, get as open, next};

const EXHAUSTED: i32 = Code::ResourceExhausted as i32;

/// How often a limit was hit.
async fn hits(victim: &Victim, limit: &str) -> u64 {
    victim.server.metric(&format!("switchyard_limits_hit_total{{limit=\"{limit}\"}}")).await
}

/// A connection from an address of this machine.
async fn from(address: u8, victim: &Victim) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, address));
    socket.bind((address, 0).into()).expect("all of 127.0.0.0/8 is ours");
    timeout(PATIENCE, socket.connect(victim.server.grpc)).await.expect("in time").expect("a server is there")
}

/// Asks, and drops the stream if there is one.
async fn asked(victim: &Victim, authority: &str) -> Result<(), Status> {
    let mut client = client(victim.server.grpc).await;
    client.get(ask(authority, "")).await?.into_inner().message().await.map(|_| ())
}

/// What RESOURCE_EXHAUSTED says, which is a sentence for people with this word in it.
fn assert_exhausted(refused: &Status, word: &str) {
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains(word) && refused.message().contains(' '), "{refused}");
}

/// Waits until a request is taken again.
async fn comes_to_be_taken(victim: &Victim, authority: &str) {
    let taken = async {
        while asked(victim, authority).await.is_err() {
            // The server learns in its own time that another has gone.
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, taken).await.expect("taken in time");
}

#[tokio::test]
async fn connections_are_counted() {
    let victim = Victim::start(&[]).await;
    assert_eq!(victim.server.metric("switchyard_connections").await, 1);
    let another = open(victim.server.grpc, REVIEWS, "").await;
    assert_eq!(victim.server.metric("switchyard_connections").await, 2);
    drop(another);
    victim.comes_to(1, 1).await;
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_closed() {
    let mut victim = Victim::start(&["--max-connections", "3"]).await;
    let mut second = open(victim.server.grpc, REVIEWS, "").await;
    next(&mut second).await;
    let mut third = open(victim.server.grpc, REVIEWS, "").await;
    next(&mut third).await;

    let refused = asked(&victim, REVIEWS).await.expect_err("there are three");
    assert_exhausted(&refused, "connections");
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&get(1, REVIEWS)).await;
    assert_eq!(raw.until_ended().await.refused, 1);
    assert!(hits(&victim, "connections").await >= 2);

    // The others know nothing of it, and when one goes there is room.
    victim.tells_of_a_change().await;
    next(&mut second).await;
    drop(third);
    comes_to_be_taken(&victim, REVIEWS).await;
    drop(second);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn those_over_the_limit_cannot_pile_up() {
    let mut victim = Victim::start(&["--max-connections", "10", "--request-timeout", "300ms"]).await;
    // They ask nothing, so that nothing can be refused.
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Raw::on(TcpStream::connect(victim.server.grpc).await.expect("connected")));
    }
    for raw in &mut silent {
        raw.until_ended().await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn streams_over_the_limit_of_their_connection_are_refused() {
    let mut victim = Victim::start(&["--max-concurrent-streams", "10"]).await;
    // It does not care what the server says of how many it may open.
    let mut raw = Raw::connect(victim.server.grpc, &[]).await;
    raw.send(&streams(100).flat_map(|stream| get(stream, REVIEWS)).collect::<Vec<_>>()).await;
    let all = |heard: &Heard| (heard.opened + heard.refused) as usize + heard.resets.len() >= 100;
    let heard = raw.until(all).await;
    assert_eq!(heard.opened, 10, "{heard:?}");
    // Those on other connections have a limit of their own.
    asked(&victim, REVIEWS).await.expect("its first");
    victim.comes_to(11, 2).await;
    drop(raw);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_stream_over_the_limit_of_its_connection_is_told_so() {
    let mut victim = Victim::start(&["--max-concurrent-streams", "10"]).await;
    let mut client = client(victim.server.grpc).await;
    let mut ten = Vec::new();
    for _ in 0..10 {
        ten.push(client.get(ask(REVIEWS, "")).await.expect("opens").into_inner());
    }

    let eleventh = timeout(PATIENCE, client.get(ask(REVIEWS, ""))).await.expect("not left to wait");

    assert_exhausted(&eleventh.expect_err("there are ten"), "streams");
    assert_eq!(hits(&victim, "streams").await, 1);
    for stream in &mut ten {
        next(stream).await;
    }
    ten.pop();
    let room = async {
        while client.get(ask(REVIEWS, "")).await.is_err() {
            // The server learns in its own time that one has gone.
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, room).await.expect("there is room again");
    drop((ten, client));
    victim.is_unharmed().await;
}

#[tokio::test]
async fn an_address_that_opens_streams_too_fast_is_told_so_and_no_other() {
    const BURST: u32 = 20;
    let flags = ["--max-stream-rate", "1", "--max-stream-burst", &BURST.to_string()];
    let mut victim = Victim::start(&flags).await;
    let mut fast = connect(from(2, &victim).await).await;
    let start = Instant::now();
    let mut taken = 0;
    let refused = loop {
        match requests::outcome(&mut fast, good(), &[message(REVIEWS)], true).await {
            Outcome::Answered => taken += 1,
            refused => break refused,
        }
        // One more each second, however slowly this runs.
        let more = u32::try_from(start.elapsed().as_secs()).expect("minutes") + 1;
        assert!(taken <= BURST + more, "{taken} in {more} s");
    };
    assert!(taken >= BURST, "{taken}: {refused:?}");
    assert!(matches!(&refused, Outcome::Grpc(EXHAUSTED, words) if words.contains(' ')), "{refused:?}");
    assert!(hits(&victim, "stream_rate").await >= 1);

    // A new connection of the same address is no way around it.
    let mut again = connect(from(2, &victim).await).await;
    for _ in 0..BURST {
        _ = requests::outcome(&mut again, good(), &[message(REVIEWS)], true).await;
    }
    assert!(hits(&victim, "stream_rate").await >= u64::from(BURST / 2));
    // Another address has its own, and the server's own is free.
    let mut other = connect(from(3, &victim).await).await;
    assert_eq!(requests::outcome(&mut other, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    let mut own = connect(from(1, &victim).await).await;
    for _ in 0..3 * BURST {
        assert_eq!(requests::outcome(&mut own, good(), &[message(REVIEWS)], true).await, Outcome::Answered);
    }
    // And in a while there is one more.
    let allowed = async {
        while requests::outcome(&mut fast, good(), &[message(REVIEWS)], true).await != Outcome::Answered {
            // A token comes each second.
            sleep(10 * LOOK).await;
        }
    };
    timeout(PATIENCE, allowed).await.expect("allowed again");
    drop((fast, again, other, own));
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_told_so() {
    let mut victim = Victim::start(&["--max-request-bytes", "1000"]).await;
    asked(&victim, &"x".repeat(900)).await.expect_err("no name, but no longer than allowed");
    assert_eq!(hits(&victim, "request_bytes").await, 0);

    let refused = asked(&victim, &"x".repeat(1001)).await.expect_err("too long");

    assert_exhausted(&refused, "1000");
    assert_eq!(hits(&victim, "request_bytes").await, 1);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn headers_over_the_limit_are_told_so() {
    let mut victim = Victim::start(&["--max-header-bytes", "4096"]).await;
    let socket = TcpStream::connect(victim.server.grpc).await.expect("connected");
    let mut client = connect(socket).await;

    let large = good().header("x-large", "x".repeat(5_000));
    let refused = requests::outcome(&mut client, large, &[message(REVIEWS)], true).await;

    assert!(matches!(&refused, Outcome::Grpc(EXHAUSTED, words) if words.contains("4096")), "{refused:?}");
    assert_eq!(hits(&victim, "header_bytes").await, 1);
    let good = requests::outcome(&mut client, good(), &[message(REVIEWS)], true).await;
    assert_eq!(good, Outcome::Answered);
    drop(client);
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_view_over_the_limit_is_told_so_and_shared_ones_are_free() {
    let mut victim = Victim::start(&["--max-views", "3"]).await;
    let name = |number: u32| format!("s{number}.default.svc.cluster.local:80");
    let mut others = Vec::new();
    for number in 0..2 {
        let mut stream = open(victim.server.grpc, &name(number), "").await;
        next(&mut stream).await;
        others.push(stream);
    }

    let refused = asked(&victim, &name(2)).await.expect_err("there are three");
    assert_exhausted(&refused, "views");
    assert_eq!(hits(&victim, "views").await, 1);
    // What is watched already may be watched by more.
    for _ in 0..10 {
        asked(&victim, REVIEWS).await.expect("no new view");
    }
    drop(others);
    comes_to_be_taken(&victim, &name(2)).await;
    victim.is_unharmed().await;
}

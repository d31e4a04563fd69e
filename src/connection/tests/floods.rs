//! Clients that do too much of what is allowed.

use tokio::io::{AsyncReadExt, AsyncWriteExt, split};

use super::{
    frames::{PING, frame, greeting, request, streams},
    *,
};

/// Says all of this, or as much as is taken before the end, and hears everything.
async fn say(client: DuplexStream, said: Vec<u8>) {
    let (mut read, mut write) = split(client);
    let reading = async {
        let mut heard = Vec::new();
        _ = read.read_to_end(&mut heard).await;
    };
    tokio::join!(reading, async { _ = write.write_all(&said).await });
}

#[tokio::test(start_paused = true)]
async fn pings_without_end_are_a_flood() {
    let (mut server, client) = serve(ENDLESS, |_| {});
    let said = [greeting(), frame(PING, 0, 0, &[0; 8]).repeat(100_000)].concat();
    say(client, said).await;
    assert_eq!(server.ended().await, Ended::Flood);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_refused_without_end_are_a_flood() {
    // No limit of HTTP/2 is in the way.
    let (mut server, client) = serve(ENDLESS, |http| _ = http.max_concurrent_streams(100_000));
    let requests = streams().take(20_000).flat_map(|stream| request(stream, "/refused"));
    say(client, greeting().into_iter().chain(requests).collect()).await;
    assert_eq!(server.ended().await, Ended::Flood);
    assert!(server.peer.is_flooding());
    assert!(server.peer.requests() < 10_000, "it is over soon after that");
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_answered_are_no_flood() {
    let (mut server, client) = serve(ENDLESS, |http| _ = http.max_concurrent_streams(100_000));
    let client = Client::on(client).await;
    for _ in 0..10_000 {
        _ = client.ask("/done").await.expect("answered");
    }
    client.vanish().await;
    assert_eq!(server.ended().await, Ended::ByClient);
    assert_eq!(server.peer.requests(), 10_000);
}

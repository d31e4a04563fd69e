//! Streams and HTTP/2 in one task: what is written together, and what goes with what.

use std::sync::atomic::Ordering;

use tokio::{io::AsyncWriteExt, task::yield_now};

use super::{
    frames::{END_HEADERS, HEADERS, block, frame, greeting, request, streams},
    *,
};

/// As many as a busy proxy has.
const MANY: usize = 100;

#[tokio::test(start_paused = true)]
async fn what_many_streams_are_told_at_once_is_one_write() {
    let (mut server, client) = serve(ENDLESS, |_| {});
    let client = Client::on(client).await;
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let answer = client.ask("/").await.expect("answered");
        streams.push((server.opened().await, answer));
    }
    // `h2` flushes after each piece of 256 bytes or more.
    for length in [1, 255, 256, 300, 500] {
        settle().await;
        let before = server.writes.load(Ordering::Relaxed);
        for (answers, _) in &streams {
            answers.send(Frame::data(vec![7; length].into())).expect("it is open");
        }
        for (_, answer) in &mut streams {
            let got = answer.data().await.expect("more").expect("no error");
            assert_eq!(got.len(), length);
            answer.flow_control().release_capacity(length).expect("it was taken");
        }
        assert_eq!(server.writes.load(Ordering::Relaxed) - before, 1, "messages of {length} bytes");
    }
}

/// Lets both ends do what they have to.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_resets_its_stream_alone() {
    let (mut server, client) = serve(ENDLESS, |_| {});
    let client = Client::on(client).await;
    let mut answer = client.ask("/").await.expect("answered");
    let answers = server.opened().await;

    let error = client.ask("/panic").await.expect_err("there is no answer");
    assert!(error.is_reset(), "{error}");

    answers.send(Frame::data(Bytes::from_static(b"unharmed"))).expect("it is open");
    assert_eq!(answer.data().await.expect("more").expect("no error"), "unharmed");
    _ = client.ask("/done").await.expect("answered");
    assert_eq!(server.peer.streams(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_leaves_nothing() {
    let (mut server, client) = serve(ENDLESS, |_| {});
    let client = Client::on(client).await;
    let (mut told, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        told.push(client.ask("/").await.expect("answered"));
        answers.push(server.opened().await);
    }
    client.vanish().await;

    assert_eq!(server.ended().await, Ended::ByClient);

    assert!(answers.iter().all(mpsc::UnboundedSender::is_closed));
    assert_eq!(server.held(), 0);
}

/// For a CONNECT that announces a body hyper gives up the connection at once and in order. What it handed over in
/// the same poll was never polled, and holds what would hold it.
#[tokio::test(start_paused = true)]
async fn streams_that_come_with_the_end_of_their_connection_go_with_it() {
    let (mut server, mut client) = serve(ENDLESS, |_| {});
    let mut said = greeting();
    let mut streams = streams();
    for stream in streams.by_ref().take(MANY) {
        said.extend(request(stream, "/"));
    }
    let connect = block(&[(":method", "CONNECT"), (":authority", "test"), ("content-length", "5")]);
    said.extend(frame(HEADERS, END_HEADERS, streams.next().expect("endless"), &connect));
    client.write_all(&said).await.expect("there is room");

    server.ended().await;

    assert_eq!(server.peer.requests(), MANY, "all of them came");
    assert_eq!(server.held(), 0);
    assert!(server.opened.recv().await.is_none(), "none was polled, or the test shows nothing");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_before_its_end_leaves_nothing() {
    let (mut server, client) = serve(ENDLESS, |_| {});
    let client = Client::on(client).await;
    let answer = client.ask("/").await.expect("answered");
    let answers = server.opened().await;

    server.ended.abort();
    let stopped = (&mut server.ended).await.expect_err("it is stopped");
    assert!(stopped.is_cancelled());

    assert!(answers.is_closed());
    assert_eq!(server.held(), 0);
    drop(answer);
}

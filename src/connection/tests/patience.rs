//! How long a connection may be there for nothing.

use tokio::{io::AsyncWriteExt, time::sleep};

use super::{frames::greeting, *};

const A_DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn one_that_does_not_greet_is_silent_after_a_while() {
    let greeting = greeting();
    for said in [&[][..], &greeting[..1], &greeting[..greeting.len() - 1]] {
        let start = Instant::now();
        let (mut server, mut client) = serve(PATIENCE, |_| {});
        client.write_all(said).await.expect("there is room");

        assert_eq!(server.ended().await, Ended::Silent, "{said:?}");

        assert_eq!(start.elapsed(), GREETING_TIME, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_greets_at_the_last_moment_is_not_silent() {
    let (mut server, mut client) = serve(ENDLESS, |_| {});
    sleep(GREETING_TIME - Duration::from_millis(1)).await;
    client.write_all(&greeting()).await.expect("there is room");
    assert!(timeout(A_DAY, server.ended()).await.is_err(), "it may stay for ever");
}

#[tokio::test(start_paused = true)]
async fn one_without_a_stream_is_told_to_go_after_a_while() {
    let (mut server, client) = serve(PATIENCE, |_| {});
    let start = Instant::now();
    let client = Client::on(client).await;

    // The client takes it for a goodbye, which it was told in order, and not for a failure.
    client.ended.await.expect("no panic").expect("it is told");

    assert_eq!(server.ended().await, Ended::Idle);
    assert_eq!(start.elapsed(), IDLE_TIME);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_told_to_go_and_does_not_answer_is_let_go() {
    let (mut server, mut client) = serve(PATIENCE, |_| {});
    let start = Instant::now();
    client.write_all(&greeting()).await.expect("there is room");
    assert_eq!(server.ended().await, Ended::Idle);
    assert_eq!(start.elapsed(), IDLE_TIME + GOODBYE);
}

#[tokio::test(start_paused = true)]
async fn one_with_a_stream_is_not_idle_and_is_once_that_has_ended() {
    let (mut server, client) = serve(PATIENCE, |_| {});
    let client = Client::on(client).await;
    let answer = client.ask("/").await.expect("answered");
    let answers = server.opened().await;
    assert!(timeout(3 * IDLE_TIME, server.ended()).await.is_err());

    let end = Instant::now();
    drop(answers);
    assert_eq!(server.ended().await, Ended::Idle);
    assert_eq!(end.elapsed(), IDLE_TIME);
    drop(answer);
}

#[tokio::test(start_paused = true)]
async fn streams_that_begin_and_end_within_one_poll_keep_it() {
    let (mut server, client) = serve(PATIENCE, |_| {});
    let client = Client::on(client).await;
    for _ in 0..5 {
        assert!(timeout(IDLE_TIME * 9 / 10, server.ended()).await.is_err());
        _ = client.ask("/done").await.expect("answered");
    }
    let last = Instant::now();
    assert_eq!(server.ended().await, Ended::Idle);
    assert_eq!(last.elapsed(), IDLE_TIME);
}

#[tokio::test(start_paused = true)]
async fn closing_before_the_greeting_ends_it_at_once() {
    let (mut server, _client) = serve(PATIENCE, |_| {});
    let start = Instant::now();
    server.close(Ended::Drained);
    assert_eq!(server.ended().await, Ended::Drained);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn closing_lets_an_open_stream_go_on_to_its_trailers() {
    let (mut server, client) = serve(PATIENCE, |_| {});
    let client = Client::on(client).await;
    let mut answer = client.ask("/").await.expect("answered");
    let answers = server.opened().await;

    server.close(Ended::Drained);
    // Longer than any patience, for a stream that is open is what the connection is for.
    assert!(timeout(3 * IDLE_TIME, server.ended()).await.is_err());
    client.ask("/done").await.expect_err("it is told to ask somebody else");

    answers.send(Frame::data(Bytes::from_static(b"still here"))).expect("it is open");
    assert_eq!(answer.data().await.expect("more").expect("no error"), "still here");
    let trailers = http::HeaderMap::from_iter([(http::header::EXPIRES, "now".parse().expect("text"))]);
    answers.send(Frame::trailers(trailers.clone())).expect("it is open");
    drop(answers);
    assert_eq!(answer.trailers().await.expect("no error"), Some(trailers));
    assert_eq!(server.ended().await, Ended::Drained);
}

#[tokio::test(start_paused = true)]
async fn the_first_reason_for_closing_counts() {
    let (mut server, mut client) = serve(PATIENCE, |_| {});
    client.write_all(&greeting()).await.expect("there is room");
    // It is told to go for being idle, and does not.
    sleep(IDLE_TIME + GOODBYE / 2).await;
    server.close(Ended::Drained);
    assert_eq!(server.ended().await, Ended::Idle);
}

//! The reason that is given for an end.

use hyper_util::rt::TokioTimer;
use tokio::io::AsyncWriteExt;

use super::{
    frames::{END_HEADERS, HEADERS, PREFACE, frame, goaway, greeting, request},
    *,
};

/// What comes of a client that says this and then closes its end.
async fn end_of(said: &[&[u8]]) -> Ended {
    let (mut server, mut client) = serve(PATIENCE, |_| {});
    client.write_all(&said.concat()).await.expect("there is room");
    client.shutdown().await.expect("it is open");
    server.ended().await
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_a_ping_is_unreachable() {
    let (interval, patience) = (Duration::from_secs(10), Duration::from_secs(5));
    let (mut server, mut client) = serve(ENDLESS, |http| {
        http.timer(TokioTimer::new()).keep_alive_interval(interval).keep_alive_timeout(patience);
    });
    let start = Instant::now();
    client.write_all(&[greeting(), request(1, "/")].concat()).await.expect("there is room");
    let answers = server.opened().await;

    assert_eq!(server.ended().await, Ended::Unreachable);

    assert!(start.elapsed() >= interval + patience);
    assert!(answers.is_closed());
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_pings_is_there() {
    let (mut server, client) = serve(ENDLESS, |http| {
        http.timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5));
    });
    let client = Client::on(client).await;
    let _answer = client.ask("/").await.expect("answered");
    let _answers = server.opened().await;
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, server.ended()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_2_breaks_its_rules() {
    let headers_of_no_stream = frame(HEADERS, END_HEADERS, 0, b"");
    let no_headers = frame(HEADERS, END_HEADERS, 1, &[0xff; 20]);
    for said in [
        &[&b"GET / HTTP/1.1\r\nhost: test\r\nuser-agent: somebody\r\n\r\n"[..]][..],
        &[PREFACE, &[0xff; 100]],
        &[&greeting(), &headers_of_no_stream],
        &[&greeting(), &no_headers],
        &[&greeting(), &request(2, "/")],
    ] {
        assert_eq!(end_of(said).await, Ended::Protocol, "{said:x?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_is_the_reason_however_it_goes() {
    let (greeting, request) = (greeting(), request(1, "/"));
    let codes: Vec<_> = [h2::Reason::NO_ERROR, h2::Reason::INTERNAL_ERROR, h2::Reason::ENHANCE_YOUR_CALM]
        .into_iter()
        .map(|code| goaway(code.into()))
        .collect();
    let mut all = vec![vec![&greeting[..]], vec![&greeting, &request]];
    for goaway in &codes {
        all.push(vec![&greeting, goaway]);
        all.push(vec![&greeting, &request, goaway]);
    }
    for said in all {
        assert_eq!(end_of(&said).await, Ended::ByClient, "{said:x?}");
    }
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let labels: std::collections::BTreeSet<_> = Ended::ALL.into_iter().map(Ended::as_str).collect();
    assert_eq!(labels.len(), Ended::ALL.len());
    let of_metrics = |label: &&str| label.chars().all(|char| char.is_ascii_lowercase() || char == '_');
    assert!(labels.iter().all(of_metrics));
}

//! How a watch begins and ends, without a server; and once with one.

use std::{io, pin::pin, time::Duration};

use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{Answer, Received, View, show};
use crate::{
    cli::{
        AskTlsArgs, Output, ServerArgs,
        args::OutputArgs,
        exit::{Exit, Failure},
    },
    client::HostPort,
};

/// Shows numbers: the first as it is, the others in brackets, those that came together in one pair.
struct Numbers;

impl View<u32> for Numbers {
    const TOGETHER: Duration = Duration::from_millis(20);

    fn first(&mut self, out: &mut dyn io::Write, first: Received<u32>, _: bool) -> io::Result<Answer> {
        write!(out, "{}", first.message)?;
        Ok(if first.message == 0 { Answer::Nothing } else { Answer::Something })
    }

    fn more(&mut self, out: &mut dyn io::Write, messages: Vec<Received<u32>>) -> io::Result<()> {
        let numbers: Vec<_> = messages.iter().map(|received| received.message).collect();
        write!(out, " {numbers:?}")
    }
}

/// Each number after its delay in milliseconds; then the stream stays open.
fn numbers(numbers: &[(u64, u32)]) -> impl Stream<Item = Result<u32, Status>> {
    stream::iter(numbers.to_vec()).then(async |(millis, number)| {
        sleep(Duration::from_millis(millis)).await;
        Ok(number)
    })
}

/// What is written until Ctrl-C comes after a second, and how it ends.
async fn run(
    once: bool,
    messages: impl Stream<Item = Result<u32, Status>>,
) -> (String, Result<Exit, String>) {
    let args = ServerArgs {
        addr: HostPort::new("h", 1),
        token: String::new(),
        once,
        timeout: Duration::from_millis(500),
        output: OutputArgs { format: Output::Table },
        tls: AskTlsArgs::default(),
    };
    let deadline = Some(Instant::now() + args.timeout);
    let interrupt = pin!(sleep(Duration::from_secs(1)));
    let mut out = Vec::new();
    let end = show(&args, deadline, pin!(messages), interrupt, Numbers, &mut out, || ()).await;
    let end = end.map_err(|failure: Failure| format!("{}: {failure}", failure.exit().code()));
    (String::from_utf8(out).unwrap(), end)
}

#[tokio::test(start_paused = true)]
async fn shows_what_belongs_together_together() {
    let open = numbers(&[(0, 1), (5, 2), (15, 3), (10, 4), (30, 5), (0, 6)]).chain(stream::pending());
    assert_eq!(run(false, open).await, ("1 [2, 3] [4] [5, 6]".into(), Ok(Exit::Success)));
}

#[tokio::test(start_paused = true)]
async fn once_is_over_after_the_first() {
    for (first, exit) in [(0, Exit::Attention), (7, Exit::Success)] {
        let (out, end) = run(true, numbers(&[(100, first), (0, 8)])).await;
        assert_eq!((out, end), (first.to_string(), Ok(exit)));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_limited_only_before_the_first_message() {
    let (out, end) = run(false, stream::pending()).await;
    let error = end.unwrap_err();
    assert!(error.starts_with("1: h:1 is connected but gave no answer within 500ms: a server"), "{error}");
    assert_eq!(out, "");

    let quiet = numbers(&[(499, 1), (400, 2)]).chain(stream::pending());
    assert_eq!(run(false, quiet).await, ("1 [2]".into(), Ok(Exit::Success)));
}

#[tokio::test(start_paused = true)]
async fn ends_are_told() {
    let refused = stream::iter([Err(Status::invalid_argument("no port 0"))]);
    let (_, end) = run(false, refused).await;
    assert_eq!(end.unwrap_err(), "2: the server at h:1 refused the request: INVALID_ARGUMENT: no port 0");

    let ended = numbers(&[(0, 1), (5, 2)]).chain(stream::iter([Err(Status::unavailable("bye"))]));
    let (out, end) = run(false, ended).await;
    assert_eq!(out, "1 [2]", "what came before the end is shown");
    assert_eq!(end.unwrap_err(), "1: the server at h:1 ended the stream: UNAVAILABLE: bye");

    let (_, end) = run(false, numbers(&[(0, 1)])).await;
    assert_eq!(end.unwrap_err(), "1: the server at h:1 ended the stream: OK: no reason given");
}

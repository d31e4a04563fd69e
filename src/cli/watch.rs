//! Watching a stream: the first answer within a time limit, then each change until somebody ends it.
//!
//! What a message looks like is for a [`View`] to say; here is only when it is shown, and how it ends.

use std::{
    future::Future,
    io::{self, Write},
    pin::{Pin, pin},
    time::Duration,
};

use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, Streaming};

use super::{
    ServerArgs,
    exit::{Exit, Failure},
    moment::Moment,
    style::{NOTE, paint, tame},
};
use crate::client::{Client, StreamError};

/// A message, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Received<M> {
    pub(super) at: Moment,
    pub(super) message: M,
}

impl<M> Received<M> {
    fn now(message: M) -> Self {
        Self { at: Moment::now(), message }
    }
}

/// How the messages of a stream are shown.
pub(super) trait View<M> {
    /// Messages that come within this time of one another are shown together: one change of the cluster can
    /// be two messages (`add`, then `remove`), and the shares in between were never meant.
    const TOGETHER: Duration = Duration::ZERO;

    /// Shows the first answer. With `once` nothing follows. Says whether there is anything in it.
    fn first(&mut self, out: &mut dyn Write, first: Received<M>, once: bool) -> io::Result<Answer>;

    /// Shows what came after it: one message, or several that belong together.
    fn more(&mut self, out: &mut dyn Write, messages: Vec<Received<M>>) -> io::Result<()>;
}

/// What the first answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Something,
    /// No endpoints, or the empty profile.
    Nothing,
}

/// Connects, opens a stream with `open`, and shows it until it ends or the user does (Ctrl-C).
pub(super) async fn watch<M, V, F>(
    args: &ServerArgs,
    open: impl FnOnce(Client) -> F,
    view: V,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure>
where
    V: View<M>,
    F: Future<Output = Result<Streaming<M>, Status>>,
{
    let mut interrupt = pin!(interrupted());
    let limit = if args.timeout.is_zero() { Duration::MAX } else { args.timeout };
    // Too far away to be a moment is no limit at all.
    let deadline = Instant::now().checked_add(limit);
    let tls = args.tls.open()?;
    let client = tokio::select! {
        client = Client::connect_with(&args.addr, tls.as_ref(), limit) => client.map_err(Failure::connecting)?.with_hints(),
        () = &mut interrupt => return Err(Failure::Interrupted),
    };
    // The stream may open only with its first message, so the deadline is around both.
    let messages = futures::stream::once(open(client.clone())).flat_map(|opened| match opened {
        Ok(stream) => stream.left_stream(),
        Err(status) => futures::stream::iter([Err(status)]).right_stream(),
    });
    let note = || {
        if let Some(hint) = client.hint() {
            // It is only a note, whether or not it can be written.
            _ = writeln!(err, "{} {}", paint(NOTE, "note:"), tame(hint));
        }
    };
    let shown = show(args, deadline, pin!(messages), interrupt, view, out, note).await;
    match (shown, client.fault()) {
        (Ok(exit), _) => Ok(exit),
        (Err(_), Some(fault)) => Err(Failure::Tls { addr: args.addr.to_dial(), fault }.of_port().await),
        (Err(failure), None) => Err(failure.of_port().await),
    }
}

/// The part of [`watch`] behind the connection; `answered` is called once the first answer is shown.
async fn show<M, V: View<M>>(
    args: &ServerArgs,
    deadline: Option<Instant>,
    mut messages: Pin<&mut impl Stream<Item = Result<M, Status>>>,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
    mut view: V,
    out: &mut dyn Write,
    answered: impl FnOnce(),
) -> Result<Exit, Failure> {
    let addr = || args.addr.to_dial();
    let first = tokio::select! {
        first = next(messages.as_mut()) => first.map_err(|error| Failure::before_first(addr(), error))?,
        () = &mut interrupt => return Err(Failure::Interrupted),
        () = reached(deadline) => return Err(Failure::Silent { addr: addr(), timeout: args.timeout }),
    };
    let answer = view.first(out, first, args.once)?;
    out.flush()?;
    answered();
    if args.once {
        return Ok(if answer == Answer::Nothing { Exit::Attention } else { Exit::Success });
    }
    loop {
        let (batch, end) = tokio::select! {
            gathered = gather(messages.as_mut(), V::TOGETHER) => gathered,
            () = &mut interrupt => return Ok(Exit::Success),
        };
        if !batch.is_empty() {
            view.more(out, batch)?;
            out.flush()?;
        }
        if let Some(error) = end {
            return Err(Failure::after_first(addr(), error));
        }
    }
}

async fn next<M>(
    mut messages: Pin<&mut impl Stream<Item = Result<M, Status>>>,
) -> Result<Received<M>, StreamError> {
    match messages.next().await {
        Some(Ok(message)) => Ok(Received::now(message)),
        Some(Err(status)) => Err(status.into()),
        None => Err(StreamError::Ended),
    }
}

/// The next message with those that follow it within `window`, and how the stream ended, if it did.
async fn gather<M>(
    mut messages: Pin<&mut impl Stream<Item = Result<M, Status>>>,
    window: Duration,
) -> (Vec<Received<M>>, Option<StreamError>) {
    let mut batch = Vec::new();
    match next(messages.as_mut()).await {
        Ok(message) => batch.push(message),
        Err(error) => return (batch, Some(error)),
    }
    if window.is_zero() {
        return (batch, None);
    }
    let until = Instant::now() + window;
    loop {
        match timeout_at(until, next(messages.as_mut())).await {
            Ok(Ok(message)) => batch.push(message),
            Ok(Err(error)) => return (batch, Some(error)),
            Err(_) => return (batch, None),
        }
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C.
pub(super) async fn interrupted() {
    // Without a handler Ctrl-C ends the process by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;

//! `switchyard diff`: what several servers answer, side by side.
//!
//! Each is asked for endpoints and profile as a new client would ask it. A change reaches one server before another,
//! so those that differ are asked again for a while before it is said.

mod ask;
mod json;
mod text;
mod ways;

use std::io::Write;

use futures::future::join_all;
use tokio::time::{Duration, Instant, sleep};

use self::{ask::Answers, ways::Ways};
use super::{
    DiffArgs, Output,
    exit::{Exit, Failure},
    style::{ERROR, paint},
};
use crate::client::{ClientTls, HostPort};

/// How long lies between two times of asking servers that differ.
const AGAIN: Duration = Duration::from_millis(100);

/// A server, and what came of asking it.
struct Replica {
    addr: HostPort,
    tls: Option<ClientTls>,
    answers: Result<Answers, Failure>,
}

pub(super) async fn run(args: &DiffArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, Failure> {
    let servers = args.servers().await?;
    let mut replicas = ask_all(args, servers).await;
    let until = Instant::now() + args.settle;
    while Ways::of(&replicas).differ() && Instant::now() < until {
        sleep(AGAIN).await;
        replicas =
            ask_all(args, replicas.into_iter().map(|replica| (replica.addr, replica.tls)).collect()).await;
    }
    let (answered, failed): (Vec<_>, Vec<_>) = replicas.into_iter().partition(|r| r.answers.is_ok());
    if answered.is_empty()
        && let Some(Replica { answers: Err(failure), .. }) =
            failed.iter().find(|replica| matches!(&replica.answers, Err(f) if f.exit() == Exit::Usage))
    {
        // All were asked the same.
        return Err(Failure::Usage(failure.to_string()));
    }
    let ways = Ways::of(&answered);
    match args.output.format {
        Output::Table => text::write(out, &args.target.authority(), &ways)?,
        Output::Json => json::write(out, &args.target.authority(), &ways, &failed)?,
    }
    out.flush()?;
    for failure in failed.iter().filter_map(|replica| replica.answers.as_ref().err()) {
        _ = writeln!(err, "{} {failure}", paint(ERROR, "error:"));
    }
    Ok(match (ways.differ(), failed.is_empty() && ways.replicas() > 1) {
        (true, _) => Exit::Attention,
        (false, false) => Exit::Failed,
        (false, true) => Exit::Success,
    })
}

/// Asks all at the same time.
async fn ask_all(args: &DiffArgs, servers: Vec<(HostPort, Option<ClientTls>)>) -> Vec<Replica> {
    let ask = async |(addr, tls): (HostPort, Option<ClientTls>)| {
        let answers = ask::ask(args, &addr, tls.as_ref()).await;
        Replica { addr, tls, answers }
    };
    join_all(servers.into_iter().map(ask)).await
}

#[cfg(test)]
mod tests;

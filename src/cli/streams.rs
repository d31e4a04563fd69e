//! `switchyard streams`: what each open stream was last told, by one server or by all replicas.

mod text;

use std::{cmp::Ordering, io::Write, pin::pin};

use futures::future::join_all;
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{
    Output, Reading, RpcName, SortBy, StreamsArgs,
    exit::{Exit, Failure},
    moment::Moment,
    style::{ERROR, paint},
    terminal::{self, Terminal},
    watch::interrupted,
};
use crate::{
    client::{AdminClient, AdminError},
    streams::OpenStream,
};

/// The lines above the page of a watch: the time, and an empty one.
const TIME_LINES: usize = 2;

/// How many streams of one server are taken: more than a server has, and some hundred megabytes.
const MOST: usize = 500_000;

/// A stream, and whose it is.
#[derive(Clone, Debug, Serialize)]
struct Row {
    /// The server's admin port.
    server: String,
    #[serde(flatten)]
    stream: OpenStream,
}

pub(super) async fn run(
    args: &StreamsArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure> {
    let servers = args.admin.open_all(args.all).await?;
    let path = path(args);
    let Some(period) = args.watch else { return look(args, &servers, &path, out, err).await };
    let mut interrupt = pin!(interrupted());
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Without it the size is read with each tick.
    let mut resizes = signal(SignalKind::window_change()).ok();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = resized(&mut resizes) => {}
            () = &mut interrupt => return Ok(Exit::Success),
        }
        let is_table = args.output.format == Output::Table;
        if is_table {
            // Tables fit the width that is known before they are made.
            Terminal::read();
        }
        let (mut page, mut errors) = (Vec::new(), Vec::new());
        tokio::select! {
            // A server that does not answer may come back.
            looked = look(args, &servers, &path, &mut page, &mut errors) => { looked?; }
            () = &mut interrupt => return Ok(Exit::Success),
        }
        if is_table {
            let terminal = Terminal::get();
            // To the upper left, and nothing below: taken out again where no terminal is.
            write!(out, "\u{1b}[H\u{1b}[2J{}\n\n", Moment::now().local())?;
            // What did not answer is a part of the screen.
            page.splice(0..0, errors.drain(..));
            page = terminal::fit(&page, TIME_LINES, terminal);
        }
        out.write_all(&page)?;
        out.flush()?;
        _ = err.write_all(&errors);
    }
}

/// Waits until the terminal has another size.
async fn resized(resizes: &mut Option<Signal>) {
    let resized = match resizes {
        Some(resizes) => resizes.recv().await,
        None => None,
    };
    if resized.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Shows the streams as they are.
async fn look(
    args: &StreamsArgs,
    servers: &[AdminClient],
    path: &str,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure> {
    let answers = join_all(servers.iter().map(|server| ask(server, path))).await;
    let target = target(args);
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (server, answer) in servers.iter().zip(answers) {
        match answer {
            Ok(streams) => {
                let server = server.addr().to_string();
                let wanted = streams.into_iter().filter(|stream| {
                    target.as_ref().is_none_or(|wanted| is_wanted(&stream.authority, wanted))
                });
                rows.extend(wanted.map(|stream| Row { server: server.clone(), stream }));
            }
            Err(error) => failed.push(error),
        }
    }
    if failed.len() == servers.len()
        && let Some(error) = failed.pop()
    {
        return Err(error.into());
    }
    rows.sort_by(|a, b| order(args.sort, &a.stream, &b.stream));
    let found = rows.len();
    if args.limit > 0 {
        rows.truncate(args.limit);
    }
    match args.output.format {
        Output::Table => text::write(&rows, found, servers.len() - failed.len(), out)?,
        Output::Json => {
            for row in &rows {
                writeln!(out, "{}", serde_json::to_string(row).expect("numbers and text"))?;
            }
        }
    }
    out.flush()?;
    for error in &failed {
        _ = writeln!(err, "{} {error}", paint(ERROR, "error:"));
    }
    Ok(match (failed.is_empty(), found) {
        (false, _) => Exit::Failed,
        (true, 0) => Exit::Attention,
        (true, _) => Exit::Success,
    })
}

async fn ask(server: &AdminClient, path: &str) -> Result<Vec<OpenStream>, AdminError> {
    let mut lines = server.lines(path).await?;
    let mut streams = Vec::new();
    while streams.len() < MOST
        && let Some(line) = lines.next().await?
    {
        let stream = serde_json::from_slice(&line).map_err(|error| AdminError::Broken {
            addr: server.addr().clone(),
            why: format!("a line is no stream ({error}); is that a Switchyard of this version?"),
        })?;
        streams.push(stream);
    }
    Ok(streams)
}

/// The authority of the Service that the streams are for, if one is given.
fn target(args: &StreamsArgs) -> Option<String> {
    let target = args.target.as_ref()?;
    Some(target.authority("default", &args.cluster_domain).to_ascii_lowercase())
}

/// Returns whether a stream's authority is the wanted one, or one of its ports if that has no port. The server only
/// compares a part of the text.
fn is_wanted(authority: &str, wanted: &str) -> bool {
    authority.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What is asked of each server.
fn path(args: &StreamsArgs) -> String {
    let StreamsArgs { authority, namespace, pod, node, client, reading, rpc, behind, id, addresses, .. } =
        args;
    let authority = authority.clone().or_else(|| target(args));
    let reading = reading.map(|reading| match reading {
        Reading::Merged => "merged".to_owned(),
        Reading::Leaf => "leaf".to_owned(),
    });
    let rpc = rpc.map(|rpc| match rpc {
        RpcName::Get => "Get".to_owned(),
        RpcName::GetProfile => "GetProfile".to_owned(),
    });
    let id = id.map(|id| id.to_string());
    let texts = [
        ("authority", &authority),
        ("namespace", namespace),
        ("pod", pod),
        ("node", node),
        ("client", client),
        ("reading", &reading),
        ("rpc", &rpc),
        ("id", &id),
    ];
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in texts {
        query.extend_pairs(value.iter().map(|value| (key, value)));
    }
    let flags = [("behind", behind), ("addresses", addresses)];
    query.extend_pairs(flags.into_iter().filter(|(_, on)| **on).map(|(key, _)| (key, "true")));
    format!("/debug/streams?{}", query.finish())
}

fn order(by: SortBy, a: &OpenStream, b: &OpenStream) -> Ordering {
    let largest = |a: f64, b: f64| b.total_cmp(&a);
    let first = match by {
        SortBy::Authority => Ordering::Equal,
        SortBy::Client => a.client.cmp(&b.client),
        SortBy::Pod => (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)),
        SortBy::Behind => largest(lateness(a), lateness(b)),
        SortBy::Age => largest(a.age_seconds, b.age_seconds),
        SortBy::Sent => {
            largest(a.sent_seconds_ago.unwrap_or(f64::INFINITY), b.sent_seconds_ago.unwrap_or(f64::INFINITY))
        }
        SortBy::Messages => b.messages.cmp(&a.messages),
        SortBy::Bytes => b.bytes.cmp(&a.bytes),
    };
    let then = |s: &OpenStream| (s.authority.clone(), s.rpc.clone(), s.client.clone(), s.id);
    first.then_with(|| then(a).cmp(&then(b)))
}

/// For how long it has not what is true, whether it does not take it or the connection does not.
fn lateness(stream: &OpenStream) -> f64 {
    stream.behind_seconds.max(stream.unwritten_seconds)
}

#[cfg(test)]
mod tests {
    use super::is_wanted;

    #[test]
    fn target_without_a_port_is_every_port_of_that_service_and_no_other_service() {
        let reviews = "reviews.default.svc.cluster.local";
        for (authority, wanted, expect) in [
            ("reviews.default.svc.cluster.local:9080", "reviews.default.svc.cluster.local", true),
            (reviews, reviews, true),
            ("reviews.default.svc.cluster.local:80", "reviews.default.svc.cluster.local:80", true),
            ("reviews.default.svc.cluster.local:8080", "reviews.default.svc.cluster.local:80", false),
            ("reviews.default.svc.cluster.local:8080", "reviews.default.svc.cluster.local:808", false),
            ("my-reviews.default.svc.cluster.local:80", "reviews.default.svc.cluster.local:80", false),
            ("r-0.reviews.default.svc.cluster.local:80", reviews, false),
        ] {
            assert_eq!(is_wanted(authority, wanted), expect, "{authority} {wanted}");
        }
    }
}

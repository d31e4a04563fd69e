//! `switchyard log-level`: what servers log, shown or changed.

use std::io::Write;

use futures::future::join_all;

use super::{
    LogLevelArgs,
    exit::{Exit, Failure},
    style::{ERROR, paint},
};
use crate::client::{AdminClient, AdminError};

pub(super) async fn run(
    args: &LogLevelArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure> {
    let servers = args.admin.open_all(args.all).await?;
    let answers = join_all(servers.iter().map(|server| ask(server, args))).await;
    let mut failed = Vec::new();
    for (server, answer) in servers.iter().zip(answers) {
        match answer {
            Ok(level) if servers.len() == 1 => writeln!(out, "{level}")?,
            Ok(level) => writeln!(out, "{}  {level}", server.addr())?,
            Err(error) => failed.push(error),
        }
    }
    if failed.len() == servers.len()
        && let Some(error) = failed.pop()
    {
        return Err(error.into());
    }
    out.flush()?;
    for error in &failed {
        _ = writeln!(err, "{} {error}", paint(ERROR, "error:"));
    }
    Ok(if failed.is_empty() { Exit::Success } else { Exit::Failed })
}

/// What one server logs, after the change if one is asked for.
async fn ask(server: &AdminClient, args: &LogLevelArgs) -> Result<String, AdminError> {
    const PATH: &str = "/debug/log-level";
    let answer = match (&args.level, args.time) {
        (None, _) => server.get(PATH).await?,
        (Some(level), None) => server.put(PATH, level.clone()).await?,
        (Some(level), Some(time)) => {
            server.put(&format!("{PATH}?for={}ms", time.as_millis()), level.clone()).await?
        }
    };
    Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
}

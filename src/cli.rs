//! The command line: what can be typed (`args`), and for each command what runs.
//!
//! `get`, `profile` and `diff` live here whole: ask, fold what comes, show it (as text or as JSON). `plan` reads and
//! shows what [`crate::plan`] finds. `serve` and
//! `check` are only parsed here; [`crate::serve`] and [`crate::check`] do the work.

mod args;
mod closed;
mod command_line;
mod diff;
mod duration;
mod exit;
mod get;
mod json;
mod log_level;
mod moment;
mod pages;
mod percent;
mod plan;
mod profile;
mod streams;
mod style;
mod table;
mod terminal;
mod version;
mod watch;
mod why;

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

pub(crate) use self::args::some_duration;
pub use self::args::{
    AdminAccessArgs, AdminArgs, AnswerArgs, ApexOverride, AskTlsArgs, AskerArgs, CheckArgs, Cli, Command,
    CompletionsArgs, DiffArgs, DrainArgs, GetArgs, LimitArgs, LogFormat, LogLevelArgs, ManArgs, MeshArgs,
    Output, OutputArgs, PlanArgs, PlanOutput, ProfileArgs, Reading, RemoteTargetArgs, RpcName, ServeArgs,
    ServerArgs, SortBy, StreamsArgs, Target, TargetArgs, TlsArgs, TransportMode, VersionArgs, WhyArgs,
    WhyTarget,
};
pub use self::command_line::parse;
use self::{
    exit::{Exit, Failure},
    terminal::{Terminal, Wrapping},
};
use crate::logs::{self, StandardError};

/// Runs what was typed, on the standard streams.
pub async fn run(cli: Cli) -> ExitCode {
    let follows = cli.command.follows();
    let width = if cli.command.is_text() { Terminal::read().width } else { None };
    let stdout = BufWriter::new(anstream::stdout());
    let mut out: Box<dyn Write> = match width {
        Some(_) => Box::new(Wrapping::new(stdout, || Terminal::get().width.unwrap_or(usize::MAX))),
        None => Box::new(stdout),
    };
    // A server ends also if its standard error is not read.
    let serves = matches!(cli.command, Command::Serve(_));
    let mut err: Box<dyn Write> = if serves { Box::new(StandardError) } else { Box::new(anstream::stderr()) };
    let run = run_with(cli, &mut *out, &mut *err);
    let code = if follows {
        tokio::select! {
            code = run => code,
            () = closed::stdout_closed() => Exit::Success.code(),
        }
    } else {
        run.await
    };
    if serves {
        logs::finish().await;
    }
    ExitCode::from(code)
}

/// Runs what was typed; answers go to `out`, errors to `err`. Returns the exit code.
pub async fn run_with(cli: Cli, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let result = match cli.command {
        // Boxed: everything the server is made of would otherwise lie in this function's future.
        Command::Serve(args) => Box::pin(crate::serve::run(*args))
            .await
            .map(|()| Exit::Success)
            .map_err(|error| Failure::Serve(error.into())),
        Command::Check(args) => {
            let code = crate::check::run(args, out, err);
            return match out.flush() {
                Err(error) => report(Failure::Output(error), err),
                Ok(()) => code,
            };
        }
        Command::Get(args) => get::run(args, out, err).await,
        Command::Profile(args) => profile::run(args, out, err).await,
        Command::Streams(args) => streams::run(&args, out, err).await,
        Command::LogLevel(args) => log_level::run(&args, out, err).await,
        Command::Completions(args) => pages::completions(&args, out),
        Command::Man(args) => pages::man(&args, out),
        Command::Why(args) => why::run(*args, out).await,
        Command::Diff(args) => Box::pin(diff::run(&args, out, err)).await,
        Command::Plan(args) => Box::pin(plan::run(*args, out)).await,
        Command::Version(args) => version::run(&args, out),
    };
    // Also after an error: what came before it is worth seeing.
    let flushed = out.flush();
    match result.and_then(|exit| Ok(flushed.map(|()| exit)?)) {
        Ok(exit) => exit.code(),
        Err(failure) => report(failure, err),
    }
}

/// Says what failed, and returns the exit code for it.
fn report(failure: Failure, err: &mut dyn Write) -> u8 {
    match failure {
        // Whoever read our output has read enough: `switchyard get … | head -1`.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success.code(),
        failure => {
            let _ = writeln!(err, "{} {failure}", style::paint(style::ERROR, "error:"));
            failure.exit().code()
        }
    }
}

#[cfg(test)]
mod tests;

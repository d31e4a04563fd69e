//! What can be typed: the commands and their flags, with the help texts people read.

mod admin;
mod answers;
mod check;
mod common;
mod diff;
mod drain;
mod get;
mod http2;
mod limits;
mod log_level;
mod mesh;
mod pages;
mod parse;
mod plan;
mod profile;
mod serve;
mod streams;
mod target;
mod tls;
mod why;

use clap::{Arg, ArgAction, Args, Parser, Subcommand};

use crate::version;

pub(crate) use self::parse::some_duration;
pub use self::{
    admin::{AdminAccessArgs, AdminArgs},
    answers::{AnswerArgs, ApexOverride},
    check::CheckArgs,
    common::{AskerArgs, Output, OutputArgs, ServerArgs},
    diff::DiffArgs,
    drain::DrainArgs,
    get::{GetArgs, Reading},
    limits::LimitArgs,
    log_level::LogLevelArgs,
    mesh::{MeshArgs, TransportMode},
    pages::{CompletionsArgs, ManArgs},
    plan::{PlanArgs, PlanOutput},
    profile::ProfileArgs,
    serve::{LogFormat, ServeArgs},
    streams::{RpcName, SortBy, StreamsArgs},
    target::{RemoteTargetArgs, Target, TargetArgs, WhyTarget},
    tls::{AskTlsArgs, TlsArgs},
    why::WhyArgs,
};

/// A Destination server for Linkerd proxies and other clients, with SMI TrafficSplit
///
/// Switchyard answers where the endpoints of a service are, how its traffic is split, and every change of
/// that, over Linkerd's Destination API (gRPC).
#[derive(Clone, Debug, Parser)]
#[command(
    name = "switchyard",
    version = version::LONG,
    max_term_width = 100,
    disable_help_flag = true,
    arg = help_flag(),
    after_help = EXAMPLES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # Serve a folder of Kubernetes manifests; edits are followed
  switchyard serve --manifests examples/bookinfo

  # Ask it, in a second terminal, and watch
  switchyard get reviews:9080

  # What was each proxy told?
  switchyard streams

Every flag can be set in the environment: --cluster-domain is SWITCHYARD_CLUSTER_DOMAIN.

Exit codes:
  0  done, and nothing needs attention; also when a watch is ended or the reader of its output is gone
  1  not done: no server, a stream that the server ended, an input that cannot be read; for `check` also manifests that
     do not pass
  2  wrong usage, or the server answered INVALID_ARGUMENT
  3  done, and what was found needs attention: nothing serves the target, no stream matches, servers differ, an edit
     brings warnings or takes the last endpoint of a Service
  4  `plan --exit-code`: answers change, and nothing needs attention";

/// `-h` and `--help`, which are both short: `switchyard help COMMAND` prints the whole text.
fn help_flag() -> Arg {
    let help = "Print this; `switchyard help COMMAND` prints all of it";
    Arg::new("help").short('h').long("help").global(true).action(ArgAction::HelpShort).help(help)
}

impl Command {
    /// Whether the command waits or follows, changes nothing, and ends early when its output has no reader.
    pub(super) fn follows(&self) -> bool {
        match self {
            Self::Get(_)
            | Self::Profile(_)
            | Self::Streams(_)
            | Self::Why(_)
            | Self::Diff(_)
            | Self::Plan(_) => true,
            // A change of the log level is made whether or not its answer is read.
            Self::Serve(_)
            | Self::Check(_)
            | Self::LogLevel(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Version(_) => false,
        }
    }

    /// Whether the output is text for people, which may be wrapped to the width of a terminal.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Get(args) => args.server.output.format == Output::Table,
            Self::Profile(args) => args.server.output.format == Output::Table,
            Self::Streams(args) => args.output.format == Output::Table,
            Self::Why(args) => args.output.format == Output::Table,
            Self::Diff(args) => args.output.format == Output::Table,
            Self::Check(args) => args.output.format == Output::Table,
            Self::Plan(args) => args.output == PlanOutput::Table,
            Self::Serve(_) | Self::LogLevel(_) | Self::Completions(_) | Self::Man(_) | Self::Version(_) => {
                false
            }
        }
    }
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the Destination API
    ///
    /// Flags that Linkerd's destination controller has too are spelled as there. Durations are written
    /// 300ms, 5s or 1m30s.
    Serve(Box<ServeArgs>),
    /// Ask a server for the endpoints of a service, and watch them
    ///
    /// Prints the first answer as a table, then each change as it comes: `+` added, `~` changed,
    /// `-` removed, `=` what the shares of the backends are now.
    Get(GetArgs),
    /// Ask a server for the profile of a service (its splits among it), and watch it
    ///
    /// Prints the first answer, then each change as it comes: `+` added, `~` changed, `-` removed,
    /// `=` what the shares are now.
    Profile(ProfileArgs),
    /// Say why a client is told what it is told about a service
    ///
    /// Prints the whole derivation as a tree: which Service, which split and which others lost, each backend
    /// with its share, every endpoint that is given out or left out and why, the profile, and everything odd.
    /// With --address also every reason for what is said of one endpoint.
    Why(Box<WhyArgs>),
    /// Read manifests and report everything odd in them
    ///
    /// Reads what `switchyard serve --manifests` would read, and says of everything odd in which file and
    /// line it is, in which object, and what would be right.
    Check(CheckArgs),
    /// Show what each open stream of a server was last told, and how far behind it is
    ///
    /// It asks the admin port, which reads what it shows from the streams themselves; a new stream would be told
    /// what is true now, and say nothing of the others.
    Streams(Box<StreamsArgs>),
    /// Show or change what a server logs
    ///
    /// Without a level it is shown. A change is logged with the address that asked for it.
    LogLevel(Box<LogLevelArgs>),
    /// Write the completions of a shell
    Completions(CompletionsArgs),
    /// Write the man page
    Man(ManArgs),
    /// Compare what several servers answer, and show where they differ
    ///
    /// Each is asked for the endpoints and the profile, as a new client would ask. Answers are compared by what they
    /// say, whatever the order.
    Diff(Box<DiffArgs>),
    /// Show what an edit would change: shares of the traffic, endpoints, warnings; nothing is applied
    ///
    /// Compares what every client would be told before and after, over a folder of manifests or a cluster.
    Plan(Box<PlanArgs>),
    /// Print the version
    Version(VersionArgs),
}

/// `switchyard version`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  switchyard version
  switchyard version -o json")]
pub struct VersionArgs {
    /// How to print it.
    #[command(flatten)]
    pub output: OutputArgs,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command};

    fn parse(line: &str) -> Result<Command, String> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    #[test]
    fn clap_finds_no_fault() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_variable_and_every_command_examples() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let examples = command.get_after_help().expect(name).to_string();
            assert!(examples.contains(&format!("  switchyard {name}")), "{name}");
            for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
                let Some(flag) = arg.get_long() else { continue };
                let variable = format!("SWITCHYARD_{}", flag.to_uppercase().replace('-', "_"));
                assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(variable.as_str()), "{name}");
                assert!(arg.get_help().is_some(), "{name} {flag}");
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let top = Cli::command();
        let commands = top.get_subcommands().chain([&top]);
        let lines: Vec<String> = commands
            .flat_map(|command| {
                command.get_after_help().unwrap().to_string().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter_map(|line| {
                line.strip_prefix("  ").filter(|line| line.starts_with("switchyard ")).map(str::to_owned)
            })
            .collect();
        assert!(lines.len() >= 10);
        for line in lines {
            // What a shell would make of it.
            let line = line.split(['|', '>']).next().unwrap().trim_end().replace('\'', "");
            assert!(parse(&line).is_ok(), "{line}: {:?}", parse(&line));
        }
    }
}

//! `switchyard log-level`, as typed.

use std::time::Duration;

use clap::{Args, builder::BoolishValueParser};

use super::{AdminArgs, parse};
use crate::logs;

/// `switchyard log-level`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # What is logged?
  switchyard log-level

  # More of it for a while, then again what it was
  switchyard log-level info,switchyard=debug --for 10m

  # Less, until the next change, of all replicas
  switchyard log-level warn --all --admin switchyard-headless.switchyard:9996

Exit codes:
  0  done
  1  a server did not answer, or does not let you
  2  wrong usage")]
pub struct LogLevelArgs {
    /// What to log: trace, debug, info, warn, error or off; also per module, as info,switchyard=debug
    #[arg(value_name = "LEVEL", value_parser = logs::filter)]
    pub level: Option<String>,

    /// Log so for this time, at most 24h, and then as before
    #[arg(long = "for", env = "SWITCHYARD_FOR", value_name = "DURATION", requires = "level", value_parser = parse::some_duration)]
    pub time: Option<Duration>,

    /// Ask all servers behind the names in --admin, each of their addresses: the replicas of a headless Service
    #[arg(long, env = "SWITCHYARD_ALL", value_parser = BoolishValueParser::new())]
    pub all: bool,

    /// Whom to ask.
    #[command(flatten)]
    pub admin: AdminArgs,
}

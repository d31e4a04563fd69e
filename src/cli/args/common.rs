//! Flags that several commands have.

use std::time::Duration;

use clap::{Args, ValueEnum, builder::BoolishValueParser};

use super::{AskTlsArgs, Reading, parse};
use crate::client::HostPort;

/// What an answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people
    #[default]
    Table,
    /// JSON for programs
    Json,
}

/// `--output`.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArgs {
    /// Text for people, or JSON for programs (one object a line)
    #[arg(short = 'o', long = "output", value_enum, default_value_t, env = "SWITCHYARD_OUTPUT")]
    pub format: Output,
}

/// How to ask a server: the flags that `get` and `profile` share.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The server to ask, as host:port
    ///
    /// One that listens on every address (`:8086`, `0.0.0.0:8086`) is asked on the loopback address, so
    /// that SWITCHYARD_ADDR can be the same for the server and for you.
    #[arg(long, env = "SWITCHYARD_ADDR", value_name = "HOST:PORT", default_value = "127.0.0.1:8086", value_parser = parse::server)]
    pub addr: HostPort,

    /// The context token to send, verbatim
    ///
    /// A proxy sends {"ns":"…","nodeName":"…","pod":"…"}.
    #[arg(
        long,
        env = "SWITCHYARD_TOKEN",
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub token: String,

    /// Stop after the first answer
    #[arg(long, env = "SWITCHYARD_ONCE", value_parser = BoolishValueParser::new())]
    pub once: bool,

    /// How long to wait for the connection and the first answer together; 0 waits for ever
    ///
    /// A server says nothing before it has read all of its source.
    #[arg(long, env = "SWITCHYARD_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse::duration)]
    pub timeout: Duration,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whether and how to speak TLS. The last, for what comes after it would be listed under its heading.
    #[command(flatten)]
    pub tls: AskTlsArgs,
}

/// As whom to ask: what `diff` and `why` share.
#[derive(Clone, Debug, Args)]
pub struct AskerArgs {
    /// The context token of the client in question, verbatim
    ///
    /// A proxy sends {"ns":"…","nodeName":"…","pod":"…"}. It decides how a split is answered, in which zone
    /// and on which node the client is, and whose ServiceProfile holds.
    #[arg(
        long,
        env = "SWITCHYARD_TOKEN",
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub token: String,

    /// How a split is answered: as weighted endpoints of its backends, or not at all
    ///
    /// Short for --token '{"split":"merged"}' or '{"split":"leaf"}'.
    #[arg(long, env = "SWITCHYARD_READING", value_enum, conflicts_with = "token")]
    pub reading: Option<Reading>,
}

impl AskerArgs {
    /// The context token to send.
    #[must_use]
    pub fn token(&self) -> &str {
        self.reading.map_or(&self.token, |reading| reading.token())
    }
}

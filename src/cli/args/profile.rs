//! `switchyard profile`, as typed.

use clap::Args;

use super::{RemoteTargetArgs, ServerArgs};

/// `switchyard profile`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProfileArgs {
    /// What to ask for.
    #[command(flatten)]
    pub target: RemoteTargetArgs,

    /// How to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

const EXAMPLES: &str = "\
Examples:
  # Which services share the traffic to reviews? Then watch
  switchyard profile reviews:9080

  # As a proxy in namespace shop asks, by ClusterIP, once
  switchyard profile 10.96.12.7:9080 --token '{\"ns\":\"shop\"}' --once

  # The weights, one message a line
  switchyard profile reviews:9080 -o json | jq -c .profile.dst_overrides

Exit codes:
  0  fine, also when you end it with Ctrl-C
  1  no server, or it ended the stream
  2  wrong usage, or the server said INVALID_ARGUMENT
  3  --once, and the answer was the empty profile";

//! `switchyard get`, as typed.

use clap::{Args, ValueEnum};

use super::{RemoteTargetArgs, ServerArgs};

/// `switchyard get`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct GetArgs {
    /// What to ask for.
    #[command(flatten)]
    pub target: RemoteTargetArgs,

    /// How a split is answered: as weighted endpoints of its backends, or not at all
    ///
    /// Short for --token '{"split":"merged"}' or '{"split":"leaf"}'. Without either the server answers
    /// merged; a Linkerd proxy (by its token) gets the leaf reading, because it follows the split that
    /// `switchyard profile` shows by itself.
    #[arg(long, env = "SWITCHYARD_READING", value_enum, conflicts_with = "token")]
    pub reading: Option<Reading>,

    /// How to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// How a split is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reading {
    /// The backends' endpoints, weighted by the split
    Merged,
    /// The service's own endpoints, all with the same weight
    Leaf,
}

impl Reading {
    /// The token that asks for it.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Merged => r#"{"split":"merged"}"#,
            Self::Leaf => r#"{"split":"leaf"}"#,
        }
    }
}

impl GetArgs {
    /// The context token to send.
    #[must_use]
    pub fn token(&self) -> &str {
        self.reading.map_or(&self.server.token, |reading| reading.token())
    }

    /// The reading, as far as one can know it from here.
    #[must_use]
    pub fn known_reading(&self) -> Option<Reading> {
        let default = self.server.token.is_empty().then_some(Reading::Merged);
        self.reading.or(default)
    }
}

const EXAMPLES: &str = "\
Examples:
  # Where does traffic to reviews go? Then watch
  switchyard get reviews:9080

  # As a Linkerd proxy sees a service, once
  switchyard get reviews-v2.default:9080 --reading leaf --once

  # The addresses, one message a line
  switchyard get reviews:9080 -n default -o json | jq -r '.add.addrs[]?.addr'

  # Over TLS, from a server that asks who you are
  switchyard get reviews:9080 --tls-ca ca.crt --tls-cert me.crt --tls-key me.key

Exit codes:
  0  fine, also when you end it with Ctrl-C
  1  no server, or it ended the stream
  2  wrong usage, or the server said INVALID_ARGUMENT
  3  --once, and there are no endpoints";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{GetArgs, Reading};
    use crate::cli::{Cli, Command};

    fn parse(flags: &[&str]) -> Result<GetArgs, String> {
        match Cli::try_parse_from([&["switchyard", "get", "a.b.svc.cluster.local"], flags].concat()) {
            Ok(Cli { command: Command::Get(args) }) => Ok(args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_reading_is_a_token() {
        let token = r#"{"ns":"a"}"#;
        for (flags, sent, known) in [
            (&[][..], "", Some(Reading::Merged)),
            (&["--reading", "merged"], r#"{"split":"merged"}"#, Some(Reading::Merged)),
            (&["--reading=leaf"], r#"{"split":"leaf"}"#, Some(Reading::Leaf)),
            (&["--token", token], token, None),
            (&["--token", ""], "", Some(Reading::Merged)),
        ] {
            let args = parse(flags).unwrap();
            assert_eq!((args.token(), args.known_reading()), (sent, known), "{flags:?}");
        }
        let both = parse(&["--reading", "leaf", "--token", "x"]).unwrap_err();
        assert!(both.contains("cannot be used with"), "{both}");
    }
}

//! `switchyard diff`, as typed.

use std::{collections::BTreeSet, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use tokio::net::lookup_host;

use super::{AskTlsArgs, AskerArgs, OutputArgs, RemoteTargetArgs, parse};
use crate::{
    cli::exit::Failure,
    client::{ClientTls, HostPort},
};

/// `switchyard diff`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// What to ask for.
    #[command(flatten)]
    pub target: RemoteTargetArgs,

    /// The servers to compare, as host:port; repeated, or with commas between
    #[arg(long, env = "SWITCHYARD_ADDR", value_name = "HOST:PORT", value_delimiter = ',', default_value = "127.0.0.1:8086", value_parser = parse::server)]
    pub addr: Vec<HostPort>,

    /// Compare all servers behind the names in --addr, each of their addresses: the replicas of a headless Service
    #[arg(long, env = "SWITCHYARD_ALL", value_parser = BoolishValueParser::new())]
    pub all: bool,

    /// As whom to ask.
    #[command(flatten)]
    pub asker: AskerArgs,

    /// How long servers that differ are asked again before it is said: a change may be on its way to one of them
    #[arg(long, env = "SWITCHYARD_SETTLE", value_name = "DURATION", default_value = "2s", value_parser = parse::duration)]
    pub settle: Duration,

    /// How long to wait for the connection and the answers of a server together; 0 waits for ever
    #[arg(long, env = "SWITCHYARD_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse::duration)]
    pub timeout: Duration,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whether and how to speak TLS. The last, for what comes after it would be listed under its heading.
    #[command(flatten)]
    pub tls: AskTlsArgs,
}

/// So many servers are compared at most: each is a connection at the same time.
const SERVERS: usize = 256;

impl DiffArgs {
    /// The servers to compare, each once, and how to speak TLS with it.
    pub(in crate::cli) async fn servers(&self) -> Result<Vec<(HostPort, Option<ClientTls>)>, Failure> {
        let tls = self.tls.open()?;
        let mut servers: Vec<(HostPort, Option<ClientTls>)> = Vec::new();
        for addr in self.addr.iter().map(HostPort::to_dial) {
            let found = if self.all { lookup(&addr).await? } else { vec![addr.clone()] };
            // A server is proved by the name that was asked for, not by the address that was found.
            let tls = tls.as_ref().map(|tls| tls.clone().expecting(&addr.host));
            let new: Vec<_> = found.into_iter().filter(|a| servers.iter().all(|(b, _)| a != b)).collect();
            servers.extend(new.into_iter().map(|addr| (addr, tls.clone())));
        }
        if servers.len() < 2 && !self.all {
            let text =
                "there is only one server to ask; repeat --addr, or compare all behind a name with --all";
            return Err(Failure::Usage(text.to_owned()));
        }
        if servers.len() > SERVERS {
            let count = servers.len();
            return Err(Failure::Usage(format!(
                "found {count} servers; at most {SERVERS} can be compared at once"
            )));
        }
        Ok(servers)
    }
}

/// Every address of a name.
async fn lookup(addr: &HostPort) -> Result<Vec<HostPort>, Failure> {
    let found = lookup_host((addr.host.as_str(), addr.port)).await;
    let found = found.map_err(|error| Failure::Name { name: addr.host.clone(), why: error.to_string() })?;
    let each_once: BTreeSet<_> = found.collect();
    Ok(each_once.into_iter().map(|addr| HostPort::new(addr.ip().to_string(), addr.port())).collect())
}

const EXAMPLES: &str = "\
Examples:
  # Do two servers answer the same?
  switchyard diff reviews:9080 --addr 127.0.0.1:8086,127.0.0.1:18086

  # Do all replicas, as a Linkerd proxy asks them?
  switchyard diff reviews:9080 --all --addr switchyard-headless.switchyard:8086 --reading leaf

  # In a script that waits for a roll-out to be everywhere
  switchyard diff reviews:9080 --all --settle 30s -o json | jq .equal

Exit codes:
  0  equal
  1  a server could not be asked (which and why is said) and the others are equal, or only one was found
  2  wrong usage, or the servers said INVALID_ARGUMENT
  3  they differ";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::DiffArgs;
    use crate::cli::{Cli, Command};

    fn parse(flags: &str) -> Result<DiffArgs, String> {
        let line = format!("switchyard diff a.b.svc.cluster.local {flags}");
        match Cli::try_parse_from(line.split_whitespace()) {
            Ok(Cli { command: Command::Diff(args) }) => Ok(*args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn servers_are_those_that_are_named_each_once() {
        for (flags, expect) in [
            ("--addr 127.0.0.1:1,127.0.0.1:2 --addr :1", &["127.0.0.1:1", "127.0.0.1:2"][..]),
            ("--addr 127.0.0.1:1 --all", &["127.0.0.1:1"]),
        ] {
            let servers = parse(flags).unwrap().servers().await.unwrap();
            let addrs: Vec<_> = servers.iter().map(|(addr, _)| addr.to_string()).collect();
            assert_eq!(addrs, expect, "{flags}");
        }
        let error = parse("").unwrap().servers().await.unwrap_err();
        assert!(error.to_string().starts_with("there is only one server to ask; repeat --addr"));
        let many: Vec<_> = (1..=257).map(|port| format!("127.0.0.1:{port}")).collect();
        let error = parse(&format!("--addr {}", many.join(","))).unwrap().servers().await.unwrap_err();
        assert_eq!(error.to_string(), "found 257 servers; at most 256 can be compared at once");
    }

    #[test]
    fn a_reading_is_a_token() {
        assert_eq!(parse("--reading leaf").unwrap().asker.token(), r#"{"split":"leaf"}"#);
        assert_eq!(parse("--token x").unwrap().asker.token(), "x");
        assert!(parse("--token x --reading leaf").unwrap_err().contains("cannot be used with"));
    }
}

//! `switchyard why`, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, builder::BoolishValueParser};

use super::{AdminArgs, ApexOverride, MeshArgs, OutputArgs, Reading, parse};
use crate::resolve::{Options, explain::Spot};

/// `switchyard why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhyArgs {
    /// The service (or its ClusterIP, or the IP of a pod) and its port
    ///
    /// For example reviews.default.svc.cluster.local:9080; without a port it is 80.
    pub authority: String,

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

    /// Say everything of this address: each reason for its weight, labels, identity and hints
    #[arg(long, env = "SWITCHYARD_ADDRESS", value_name = "IP[:PORT]")]
    pub address: Option<Spot>,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whom to ask.
    #[command(flatten)]
    pub admin: AdminArgs,

    /// Or nobody.
    #[command(flatten)]
    pub local: LocalArgs,
}

impl WhyArgs {
    /// The token of the client in question.
    #[must_use]
    pub fn token(&self) -> &str {
        self.reading.map_or(&self.token, |reading| reading.token())
    }
}

/// Explaining manifests without a server: what a server would be told with these flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Without a server")]
pub struct LocalArgs {
    /// Explain what these manifests mean, a folder or one file, without asking a server
    ///
    /// Then --admin does not count. The flags below are those of `switchyard serve`, and count only then.
    #[arg(long, env = "SWITCHYARD_MANIFESTS", value_name = "PATH")]
    pub manifests: Option<PathBuf>,

    /// The cluster's DNS domain
    #[arg(long, env = "SWITCHYARD_CLUSTER_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::cluster_domain)]
    pub cluster_domain: String,

    /// Whether a service with IPv6 endpoints is answered with them
    #[arg(long, env = "SWITCHYARD_ENABLE_IPV6", value_name = "BOOL", default_value = "true", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub enable_ipv6: bool,

    /// Whether the profile of a service without a split names the service itself
    #[arg(long, env = "SWITCHYARD_APEX_OVERRIDE", value_name = "WHEN", value_enum, default_value_t)]
    pub apex_override: ApexOverride,

    /// What proxies are told of meshed endpoints. The last, for what comes after it would be listed under its
    /// heading.
    #[command(flatten)]
    pub mesh: MeshArgs,
}

impl LocalArgs {
    /// What the answers depend on.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            ipv6: self.enable_ipv6,
            apex_override: self.apex_override == ApexOverride::Always,
            mesh: std::sync::Arc::new(self.mesh.clone().into()),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  # Why does traffic to reviews go where it goes?
  switchyard why reviews.default.svc.cluster.local:9080

  # As the proxy of a pod on node-1 is answered
  switchyard why reviews.default.svc.cluster.local:9080 --token '{\"ns\":\"shop\",\"nodeName\":\"node-1\"}'

  # Everything about one address
  switchyard why reviews.default.svc.cluster.local:9080 --address 10.244.1.7

  # Without a server
  switchyard why reviews.default.svc.cluster.local:9080 --manifests examples/bookinfo

Exit codes:
  0  fine
  1  no server, or the manifests cannot be read
  2  wrong usage, or a server would say INVALID_ARGUMENT
  3  nothing serves it: there are no endpoints, or the profile is the empty one";

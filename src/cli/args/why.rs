//! `switchyard why`, as typed.

use std::path::PathBuf;

use clap::Args;

use super::{AdminArgs, AnswerArgs, AskerArgs, OutputArgs, WhyTarget, parse};
use crate::resolve::explain::Spot;

/// `switchyard why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhyArgs {
    /// The Service and its port: reviews:9080, reviews.shop:9080, svc/reviews:9080, the full name, or ts/reviews
    ///
    /// ts/NAME is the Service that the TrafficSplit splits, on its first port unless one is given (ts/reviews:9080). Short
    /// names are completed with --namespace and --cluster-domain. Without a port a Service is asked for on 80. An IP
    /// address is a cluster IP, or the IP of a Pod.
    #[arg(value_name = "SERVICE:PORT")]
    pub target: WhyTarget,

    /// The namespace of a Service or TrafficSplit whose name is given without one
    #[arg(short = 'n', long, env = "SWITCHYARD_NAMESPACE", value_name = "NAMESPACE", default_value = "default", value_parser = parse::namespace)]
    pub namespace: String,

    /// As whom to ask.
    #[command(flatten)]
    pub asker: AskerArgs,

    /// Say everything of this address: each reason for its weight, labels, identity and hints
    #[arg(long, env = "SWITCHYARD_ADDRESS", value_name = "IP[:PORT]")]
    pub address: Option<Spot>,

    /// Explain what these manifests mean (a folder, one file, or - for standard input) without asking a server
    ///
    /// Then no --admin may be given, and answers depend on the flags of `switchyard serve`, which count only then.
    #[arg(long, env = "SWITCHYARD_MANIFESTS", value_name = "PATH", conflicts_with = "admin")]
    pub manifests: Option<PathBuf>,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whom to ask.
    #[command(flatten)]
    pub admin: AdminArgs,

    /// On what answers depend: as for `switchyard serve`, and only with --manifests. The last, for what comes after it
    /// would be listed under its heading.
    #[command(flatten)]
    pub answers: AnswerArgs,
}

const EXAMPLES: &str = "\
Examples:
  # Why does traffic to reviews go where it goes?
  switchyard why reviews:9080

  # Which Service does a TrafficSplit split, and what comes of it?
  switchyard why ts/reviews

  # As the proxy of a pod on node-1 is answered
  switchyard why reviews:9080 --token '{\"ns\":\"shop\",\"nodeName\":\"node-1\"}'

  # Everything about one address
  switchyard why reviews:9080 --address 10.244.1.7

  # Without a server
  switchyard why reviews:9080 --manifests examples/bookinfo

Exit codes:
  0  fine
  1  no server, or the manifests cannot be read
  2  wrong usage, or a server would answer INVALID_ARGUMENT, or there is no such TrafficSplit
  3  nothing serves it: there are no endpoints, or the profile is the empty one";

//! `switchyard check`, as typed.

use std::path::PathBuf;

use clap::Args;

use super::{common::OutputArgs, parse};

/// `switchyard check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// A folder of manifests (sub-folders too), one file, or - for standard input
    pub path: PathBuf,

    /// The cluster's DNS domain, for names that are written in full
    #[arg(long, env = "SWITCHYARD_CLUSTER_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::cluster_domain)]
    pub cluster_domain: String,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,
}

const EXAMPLES: &str = "\
Examples:
  switchyard check examples/bookinfo
  switchyard check split.yaml -o json
  kustomize build overlays/prod | switchyard check -

Exit codes:
  0  nothing odd
  1  something odd, or the manifests cannot be read
  2  wrong usage";

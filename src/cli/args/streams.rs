//! `switchyard streams`, as typed.

use std::time::Duration;

use clap::{Args, ValueEnum, builder::BoolishValueParser};

use super::{AdminArgs, OutputArgs, Reading, Target, parse};

/// `switchyard streams`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StreamsArgs {
    /// Only streams for this Service, with or without a port: reviews:9080, reviews.shop, svc/reviews, or an IP address
    ///
    /// A name without a namespace is in `default`: --namespace is that of the clients.
    #[arg(value_name = "SERVICE[:PORT]", conflicts_with = "authority")]
    pub target: Option<Target>,

    /// The cluster's DNS domain, with which short names are completed
    #[arg(long, env = "SWITCHYARD_CLUSTER_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::cluster_domain)]
    pub cluster_domain: String,

    /// Ask all servers behind the names in --admin, each of their addresses: the replicas of a headless Service
    #[arg(long, env = "SWITCHYARD_ALL", value_parser = BoolishValueParser::new())]
    pub all: bool,

    /// Only streams whose authority has this in it
    #[arg(long, env = "SWITCHYARD_AUTHORITY", value_name = "TEXT")]
    pub authority: Option<String>,

    /// Only streams of clients in this namespace (by their token, as --pod and --node)
    #[arg(short, long, env = "SWITCHYARD_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,

    /// Only streams of this Pod
    #[arg(long, env = "SWITCHYARD_POD", value_name = "NAME")]
    pub pod: Option<String>,

    /// Only streams of clients on this node
    #[arg(long, env = "SWITCHYARD_NODE", value_name = "NAME")]
    pub node: Option<String>,

    /// Only streams from this address, with or without its port
    #[arg(long, env = "SWITCHYARD_CLIENT", value_name = "IP[:PORT]")]
    pub client: Option<String>,

    /// Only streams that read splits in this way
    #[arg(long, env = "SWITCHYARD_READING", value_enum)]
    pub reading: Option<Reading>,

    /// Only streams of this method
    #[arg(long, env = "SWITCHYARD_RPC", value_enum)]
    pub rpc: Option<RpcName>,

    /// Only streams that have not taken all that is true
    #[arg(long, env = "SWITCHYARD_BEHIND", value_parser = BoolishValueParser::new())]
    pub behind: bool,

    /// Only the stream with this number, as JSON output names it
    #[arg(long, env = "SWITCHYARD_ID", value_name = "NUMBER")]
    pub id: Option<u64>,

    /// List each address that a stream was told, with its weight
    #[arg(long, env = "SWITCHYARD_ADDRESSES", value_parser = BoolishValueParser::new())]
    pub addresses: bool,

    /// What comes first: the largest number, or the first name
    #[arg(long, env = "SWITCHYARD_SORT", value_name = "BY", value_enum, default_value_t)]
    pub sort: SortBy,

    /// Show so many at most; 0 is all
    #[arg(long, env = "SWITCHYARD_LIMIT", value_name = "NUMBER", default_value_t = 0)]
    pub limit: usize,

    /// Show them again and again, so long apart
    #[arg(short, long, env = "SWITCHYARD_WATCH", value_name = "DURATION", num_args = 0..=1, default_missing_value = "2s", value_parser = parse::some_duration)]
    pub watch: Option<Duration>,

    /// Text for people, or JSON for programs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whom to ask.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// A method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RpcName {
    /// Get
    Get,
    /// GetProfile
    GetProfile,
}

/// By what streams are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// What was asked for, then the client
    #[default]
    Authority,
    /// The client's address
    Client,
    /// The client's namespace and Pod
    Pod,
    /// How long it has not taken what is true
    Behind,
    /// How long it has been open
    Age,
    /// How long ago it was last sent something
    Sent,
    /// How many messages it was sent
    Messages,
    /// How many bytes it was sent
    Bytes,
}

const EXAMPLES: &str = "\
Examples:
  # Every stream of one server
  switchyard streams

  # Those for one Service
  switchyard streams reviews:9080

  # Who has not taken what is true, the longest first, again every second
  switchyard streams --behind --sort behind --watch 1s

  # What the proxy of one Pod was told about reviews, by all replicas, address by address
  switchyard streams --all --admin switchyard-headless.switchyard:9996 --pod web-7d9c --authority reviews --addresses

  # Are all proxies told the same?
  switchyard streams --authority reviews. -o json | jq -r .told.digest

Exit codes:
  0  shown
  1  a server did not answer; what the others said is shown
  2  wrong usage
  3  there is no such stream";

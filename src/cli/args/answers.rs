//! The flags on which answers depend, whoever gives them: a server, or a command that works out what one would say.

use std::sync::Arc;

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

use super::{MeshArgs, parse};
use crate::{model::Name, resolve::Options};

/// On what answers depend besides the objects.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Answers")]
pub struct AnswerArgs {
    /// The cluster's DNS domain
    ///
    /// Services are asked for as name.namespace.svc.DOMAIN.
    #[arg(long, env = "SWITCHYARD_CLUSTER_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::cluster_domain)]
    pub cluster_domain: String,

    /// Answer with IPv6 endpoints too
    ///
    /// If false, clients get IPv4 addresses only.
    #[arg(long, env = "SWITCHYARD_ENABLE_IPV6", value_name = "BOOL", default_value = "true", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub enable_ipv6: bool,

    /// When a profile without a split overrides to itself
    ///
    /// With it a proxy asks for the service's endpoints here also where Linkerd's policy controller is
    /// missing, and follows a later split on busy connections. `never` is for clusters where that
    /// controller serves HTTPRoutes.
    #[arg(long, env = "SWITCHYARD_APEX_OVERRIDE", value_name = "WHEN", value_enum, default_value_t)]
    pub apex_override: ApexOverride,

    /// What proxies are told of endpoints that have a proxy of their own. The last, for what comes after it
    /// would be listed under its heading.
    #[command(flatten)]
    pub mesh: MeshArgs,
}

impl AnswerArgs {
    /// The cluster's domain, and what else answers depend on.
    #[must_use]
    pub fn into_parts(self) -> (Name, Options) {
        // A flag that nobody uses does not compile.
        let Self { cluster_domain, enable_ipv6, apex_override, mesh } = self;
        let options = Options {
            ipv6: enable_ipv6,
            apex_override: apex_override == ApexOverride::Always,
            mesh: Arc::new(mesh.into()),
        };
        (Name::from(cluster_domain), options)
    }
}

/// When the profile of a service without a split names the service itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ApexOverride {
    /// Always
    #[default]
    Always,
    /// Never: such a profile has no overrides
    Never,
}

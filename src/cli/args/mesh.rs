//! The flags of `switchyard serve` about meshed endpoints.

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

use super::{http2, parse};
use crate::{model::PortRanges, pb::destination::Http2ClientParams, resolve::MeshOptions};

/// What proxies are told of endpoints that have a proxy of their own. Names and defaults are Linkerd's.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Meshed endpoints")]
pub struct MeshArgs {
    /// Namespace of Linkerd's control plane
    ///
    /// Only Pods that belong to it are given an identity.
    #[arg(long, env = "SWITCHYARD_CONTROLLER_NAMESPACE", value_name = "NAMESPACE", default_value = "linkerd", value_parser = parse::namespace)]
    pub controller_namespace: String,

    /// Trust domain of identities; empty = none
    ///
    /// Where a pod has an identity, proxies speak mutual TLS to it. It is the trust domain that the control
    /// plane was installed with.
    #[arg(long, env = "SWITCHYARD_IDENTITY_TRUST_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::trust_domain)]
    pub identity_trust_domain: String,

    /// Proxies may speak HTTP/2 to each other
    ///
    /// This holds whatever their applications speak.
    #[arg(long, env = "SWITCHYARD_ENABLE_H2_UPGRADE", value_name = "BOOL", default_value = "true", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub enable_h2_upgrade: bool,

    /// To which port of a meshed pod proxies connect
    #[arg(
        long,
        env = "SWITCHYARD_OUTBOUND_TRANSPORT_MODE",
        value_name = "MODE",
        value_enum,
        default_value_t
    )]
    pub outbound_transport_mode: TransportMode,

    /// Ports of plain bytes, as 25,3306,4000-4010
    ///
    /// They are opaque where no annotation says otherwise. The annotation config.linkerd.io/opaque-ports of a pod, a
    /// service or an external workload replaces
    /// the list. Linkerd's chart sets 25,587,3306,4444,5432,6379,9300,11211.
    #[arg(long, env = "SWITCHYARD_DEFAULT_OPAQUE_PORTS", value_name = "PORTS", default_value = "", hide_default_value = true, value_parser = parse::ports)]
    pub default_opaque_ports: PortRanges,

    /// HTTP/2 between proxies, as JSON
    ///
    /// Empty = as the proxies like. For example
    /// {"keep_alive":{"interval":{"seconds":10},"timeout":{"seconds":3},"while_idle":true}}.
    /// There are also flow_control (initial_connection_window_size, initial_stream_window_size,
    /// adaptive_flow_control) and internals (max_concurrent_reset_streams, max_frame_size,
    /// max_send_buf_size).
    #[arg(long, env = "SWITCHYARD_MESHED_HTTP2_CLIENT_PARAMS", value_name = "JSON", default_value = "", hide_default_value = true, value_parser = http2::params)]
    pub meshed_http2_client_params: Params,

    /// Ten times the weight in the client's zone
    #[arg(long, env = "SWITCHYARD_EXT_ENDPOINT_ZONE_WEIGHTS", value_name = "BOOL", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub ext_endpoint_zone_weights: bool,
}

/// Under another name than `Option`, which clap would take for a flag that may be left out: this one may be
/// there and say nothing.
type Params = Option<Http2ClientParams>;

/// To which port of a meshed pod proxies connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TransportMode {
    /// To the port of the application, but for opaque traffic
    #[default]
    Transparent,
    /// Always to that of the other proxy, which is told in a header where to go on
    TransportHeader,
}

impl From<MeshArgs> for MeshOptions {
    fn from(args: MeshArgs) -> Self {
        // A flag that nobody uses does not compile.
        let MeshArgs {
            controller_namespace,
            identity_trust_domain,
            enable_h2_upgrade,
            outbound_transport_mode,
            default_opaque_ports,
            meshed_http2_client_params,
            ext_endpoint_zone_weights,
        } = args;
        Self {
            controller_namespace: controller_namespace.into(),
            trust_domain: identity_trust_domain.into(),
            h2_upgrade: enable_h2_upgrade,
            transport_header: outbound_transport_mode == TransportMode::TransportHeader,
            opaque_ports: default_opaque_ports,
            http2: meshed_http2_client_params,
            zone_weights: ext_endpoint_zone_weights,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::{
        cli::{Cli, Command},
        model::PortRanges,
        pb::destination::{Http2ClientParams, http2_client_params::Internals},
        resolve::MeshOptions,
    };

    fn parse(flags: &str) -> Result<MeshOptions, String> {
        let line = format!("switchyard serve {flags}");
        match Cli::try_parse_from(line.split_whitespace()) {
            Ok(Cli { command: Command::Serve(args) }) => Ok(args.answers.mesh.into()),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        assert_eq!(parse(""), Ok(MeshOptions::default()));
    }

    #[test]
    fn each_flag_is_heard() {
        let default = MeshOptions::default;
        let ports = PortRanges::new([25..=25, 4000..=4010]);
        let internals = Internals { max_frame_size: 5, ..Internals::default() };
        let http2 = Http2ClientParams { internals: Some(internals), ..Http2ClientParams::default() };
        for (flags, expected) in [
            ("--controller-namespace mesh", MeshOptions { controller_namespace: "mesh".into(), ..default() }),
            ("--identity-trust-domain a.b.", MeshOptions { trust_domain: "a.b".into(), ..default() }),
            ("--identity-trust-domain=", MeshOptions { trust_domain: "".into(), ..default() }),
            ("--enable-h2-upgrade=false", MeshOptions { h2_upgrade: false, ..default() }),
            (
                "--outbound-transport-mode transport-header",
                MeshOptions { transport_header: true, ..default() },
            ),
            ("--outbound-transport-mode transparent", default()),
            ("--default-opaque-ports 4000-4010,25,", MeshOptions { opaque_ports: ports, ..default() }),
            ("--default-opaque-ports=", default()),
            (
                r#"--meshed-http2-client-params {"internals":{"max_frame_size":5}}"#,
                MeshOptions { http2: Some(http2), ..default() },
            ),
            ("--meshed-http2-client-params=", default()),
            ("--ext-endpoint-zone-weights", MeshOptions { zone_weights: true, ..default() }),
        ] {
            assert_eq!(parse(flags), Ok(expected), "{flags}");
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (flags, expect) in [
            ("--controller-namespace=", "write the name of a namespace, for example linkerd"),
            ("--controller-namespace A", "write the name of a namespace"),
            ("--identity-trust-domain a..b", "write a DNS domain, for example cluster.local"),
            ("--outbound-transport-mode opaque", "possible values: transparent, transport-header"),
            ("--default-opaque-ports 25,http", "\"http\" is no port; write numbers and ranges"),
            ("--meshed-http2-client-params {", "write a JSON object"),
            ("--ext-endpoint-zone-weights=ten", "value was not a boolean"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(expect), "{flags}: {error}");
        }
    }
}

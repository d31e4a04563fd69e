//! `switchyard serve`, as typed.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

use super::{AdminAccessArgs, AnswerArgs, DrainArgs, LimitArgs, TlsArgs, parse};
use crate::{client::HostPort, logs};

/// `switchyard serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Serve these Kubernetes manifests: a folder (sub-folders too), one file, or - for standard input
    ///
    /// Edits are followed, except of standard input, which is read once to its end. No cluster is needed: pods, endpoints and cluster IPs that the manifests leave
    /// out are made up. Without it a cluster is watched.
    #[arg(
        help_heading = "Source",
        long,
        env = "SWITCHYARD_MANIFESTS",
        value_name = "PATH",
        conflicts_with = "kubeconfig"
    )]
    pub manifests: Option<PathBuf>,

    /// Watch the cluster of this kubeconfig
    ///
    /// Default: KUBECONFIG or ~/.kube/config, else the cluster around. A Pod needs no flag: the
    /// ServiceAccount's token and certificates are used, and read again when they change.
    #[arg(help_heading = "Source", long, env = "SWITCHYARD_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Report warnings about a TrafficSplit as Events on it
    ///
    /// Needs the verbs create and patch for events.k8s.io. All replicas together write each Event once.
    #[arg(help_heading = "Source", long, env = "SWITCHYARD_EVENTS", value_name = "BOOL", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub events: bool,

    /// Where to serve gRPC [127.0.0.1:8086 with --manifests, else 0.0.0.0:8086]
    ///
    /// `:8086` is every local address; port 0 takes a free port and says which. The port is Linkerd's.
    #[arg(help_heading = "Ports", long, env = "SWITCHYARD_ADDR", value_name = "HOST:PORT")]
    pub addr: Option<HostPort>,

    /// Where to serve the admin port (HTTP)
    ///
    /// /live, /ready and /metrics are for whoever can reach it; what shows the cluster is for this machine only,
    /// unless --admin-token-file or --admin-allow-clients say otherwise. In a Pod it has to be :9996, for a
    /// kubelet's probes and Prometheus come from outside. The port is Linkerd's.
    #[arg(
        help_heading = "Ports",
        long,
        env = "SWITCHYARD_METRICS_ADDR",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9996"
    )]
    pub metrics_addr: HostPort,

    /// Who may see the cluster there.
    #[command(flatten)]
    pub admin: AdminAccessArgs,

    /// Keep a backend's last endpoints so long; 0 = off
    ///
    /// They are kept after its weight went to 0. A proxy that picks an empty backend waits three seconds and fails
    /// the request; in this time it
    /// learns the new weights. Only streams with the leaf reading are held.
    #[arg(help_heading = "Answers", long, env = "SWITCHYARD_LEAF_DRAIN", value_name = "DURATION", default_value = "300ms", value_parser = parse::duration)]
    pub leaf_drain: Duration,

    /// Doubt the loss of most objects at once for so long; 0 = not at all
    ///
    /// An unmounted folder, a clone in progress and an API server that lost its data look like this for a while: what
    /// was known is served meanwhile, with a warning. A file or an object that is deleted is believed at once.
    #[arg(help_heading = "Answers", long, env = "SWITCHYARD_EMPTY_AFTER", value_name = "DURATION", default_value = "30s", value_parser = parse::duration)]
    pub empty_after: Duration,

    /// Quiet time before an HTTP/2 ping; 0 = never
    ///
    /// The ping asks whether the client is alive.
    #[arg(help_heading = "Connections", long, env = "SWITCHYARD_KEEPALIVE_INTERVAL", value_name = "DURATION", default_value = "10s", value_parser = parse::duration)]
    pub keepalive_interval: Duration,

    /// Time for the answer to such a ping
    ///
    /// The connection is closed after it.
    #[arg(help_heading = "Connections", long, env = "SWITCHYARD_KEEPALIVE_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = parse::some_duration)]
    pub keepalive_timeout: Duration,

    /// What clients may do.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// How it ends.
    #[command(flatten)]
    pub drain: DrainArgs,

    /// What to log: info, or info,switchyard=debug
    ///
    /// Levels are trace, debug, info, warn, error and off.
    #[arg(help_heading = "Logging", long, env = "SWITCHYARD_LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = logs::filter)]
    pub log_level: String,

    /// How to log (always to stderr)
    #[arg(
        help_heading = "Logging",
        long,
        env = "SWITCHYARD_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: LogFormat,

    /// Send spans to this collector, as http://host:4317
    ///
    /// The collector speaks OTLP over gRPC. A span is a batch of changes that was applied, a stream from its first
    /// answer to its end, a list or a watch
    /// of a kind. Spans that cannot be sent are lost; nothing waits for them.
    #[cfg(feature = "otel")]
    #[arg(help_heading = "Logging", long, env = "SWITCHYARD_OTLP_ENDPOINT", value_name = "URL", value_parser = logs::endpoint)]
    pub otlp_endpoint: Option<logs::Endpoint>,

    /// Who may ask. It and what comes after it are listed under headings of their own.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// On what answers depend. The last, for what comes after it would be listed under its heading.
    #[command(flatten)]
    pub answers: AnswerArgs,
}

impl ServeArgs {
    /// Where to serve gRPC.
    #[must_use]
    pub fn addr(&self) -> HostPort {
        // On a desk only for this machine, in a cluster for everybody.
        let host = if self.manifests.is_some() { "127.0.0.1" } else { "0.0.0.0" };
        self.addr.clone().unwrap_or_else(|| HostPort::new(host, 8086))
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    #[default]
    Plain,
    /// One JSON object a line
    Json,
}

const EXAMPLES: &str = "\
Examples:
  # A folder of manifests, no cluster needed
  switchyard serve --manifests examples/bookinfo

  # What kustomize or Helm renders
  kustomize build overlays/prod | switchyard serve --manifests -

  # The same on free ports
  switchyard serve --manifests examples/bookinfo --addr 127.0.0.1:0 --metrics-addr 127.0.0.1:0

  # For others too, behind a load balancer that needs five seconds to notice
  switchyard serve --manifests /etc/manifests --addr :8086 --drain-delay 5s --log-format json

  # Over TLS, and only for the workloads of one namespace
  switchyard serve --tls-cert tls.crt --tls-key tls.key --tls-client-ca ca.crt --allow-clients '*.web.serviceaccount.identity.linkerd.cluster.local'

Signals: SIGTERM and SIGINT (Ctrl-C) shut down gracefully, a second one stops at once.

Exit codes:
  0  shut down after a signal
  1  cannot start (what is wrong is said), or failed
  2  wrong usage";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use super::{LogFormat, ServeArgs};
    use crate::cli::{ApexOverride, Cli, Command};

    fn parse(flags: &str) -> Result<ServeArgs, String> {
        let line = format!("switchyard serve {flags}");
        match Cli::try_parse_from(line.split_whitespace()) {
            Ok(Cli { command: Command::Serve(args) }) => Ok(*args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse("").unwrap();
        assert_eq!(args.answers.cluster_domain, "cluster.local");
        assert!(args.answers.enable_ipv6);
        assert_eq!((args.answers.apex_override, args.log_format), (ApexOverride::Always, LogFormat::Plain));
        assert_eq!(args.leaf_drain, Duration::from_millis(300));
        assert_eq!(args.keepalive_interval, Duration::from_secs(10));
        assert_eq!(args.keepalive_timeout, Duration::from_secs(5));
        assert_eq!(args.log_level, "info");
        assert_eq!(args.drain.delay, Duration::ZERO);
        assert_eq!(args.drain.window, Duration::from_secs(5));
        assert_eq!(args.drain.timeout, Duration::from_secs(15));
    }

    #[test]
    fn where_it_listens() {
        for (flags, grpc, admin) in [
            ("", "0.0.0.0:8086", "127.0.0.1:9996"),
            ("--manifests x", "127.0.0.1:8086", "127.0.0.1:9996"),
            ("--manifests x --addr :8086", ":8086", "127.0.0.1:9996"),
            ("--metrics-addr :9996", "0.0.0.0:8086", ":9996"),
            ("--addr 127.0.0.1:0 --metrics-addr [::1]:0", "127.0.0.1:0", "[::1]:0"),
        ] {
            let args = parse(flags).unwrap();
            assert_eq!(
                (args.addr().to_string().as_str(), args.metrics_addr.to_string().as_str()),
                (grpc, admin)
            );
        }
    }

    #[test]
    fn a_delay_may_take_all_the_time_there_is() {
        let args = parse("--drain-delay 20s --drain-timeout 20s").unwrap();
        assert_eq!(args.drain.delay, args.drain.timeout);
    }

    #[test]
    fn the_settings_of_the_deployment_are_understood_and_let_the_kubelet_ask() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let flag = |setting: &str| {
            let (variable, value) = setting.split_once('=').unwrap();
            let named = serve.get_arguments().find(|arg| arg.get_env().is_some_and(|env| env == variable));
            let name =
                named.and_then(|arg| arg.get_long()).unwrap_or_else(|| panic!("no flag has {variable}"));
            format!("--{name}={value}")
        };
        let settings = include_str!("../../../deploy/base/settings.env");
        let settings = settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let args = parse(&settings.map(flag).collect::<Vec<_>>().join(" ")).unwrap();
        assert_eq!(args.metrics_addr.to_string(), ":9996");
    }

    #[test]
    fn booleans_as_in_go() {
        for (flags, expect) in [
            ("--enable-ipv6", true),
            ("--enable-ipv6=true", true),
            ("--enable-ipv6=false", false),
            ("--enable-ipv6 false", false),
            ("--enable-ipv6=0", false),
        ] {
            assert_eq!(parse(flags).unwrap().answers.enable_ipv6, expect, "{flags}");
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (flags, expect) in [
            ("--addr 8086", "there is no port; write host:port, [ipv6]:port or :port"),
            ("--keepalive-timeout 0", "write a duration above 0"),
            ("--leaf-drain 300", "write a number with its unit: 300ms, 5s or 1m30s"),
            ("--drain-window=-1s", "write a number with its unit"),
            ("--log-level warning", "write one of trace, debug, info, warn, error, off"),
            ("--cluster-domain a..b", "write a DNS domain, for example cluster.local"),
            (
                "--drain-delay 20s --drain-window 3s",
                "--drain-delay 20s is longer than --drain-timeout 15s, which would cut all streams off before the \
                 first could be ended in peace; make the timeout at least delay and --drain-window together, here \
                 --drain-timeout 23s\n\nUsage:",
            ),
            ("--apex-override sometimes", "possible values: always, never"),
            ("--max-concurrent-streams 0", "0 is not in 1.."),
            ("--enable-ipv6=maybe", "value was not a boolean"),
            ("somewhere", "unexpected argument 'somewhere'"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(expect), "{flags}: {error}");
        }
    }
}

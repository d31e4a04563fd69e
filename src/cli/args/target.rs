//! The Service or IP address that a command is about, as typed: one parser for every command that has one.

use std::{net::IpAddr, str::FromStr};

use clap::Args;

use super::parse;
use crate::model::{Kind, names_kind};

/// The target and the namespace of a short name.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// The Service and its port: reviews:9080, reviews.shop:9080, svc/reviews:9080 or the full name
    ///
    /// Short names are completed with --namespace and --cluster-domain, as in reviews.default.svc.cluster.local:9080.
    /// Without a port it is 80. `profile`, `why` and `diff` also take an IP address: a cluster IP, or the IP of a Pod.
    #[arg(value_name = "SERVICE:PORT")]
    pub target: Target,

    /// The namespace of a Service whose name is given without one
    #[arg(short = 'n', long, env = "SWITCHYARD_NAMESPACE", value_name = "NAMESPACE", default_value = "default", value_parser = parse::namespace)]
    pub namespace: String,
}

/// The target of a command that asks a server, which knows its cluster domain by itself.
#[derive(Clone, Debug, Args)]
pub struct RemoteTargetArgs {
    /// The target.
    #[command(flatten)]
    pub target: TargetArgs,

    /// The cluster's DNS domain, with which short names are completed
    #[arg(long, env = "SWITCHYARD_CLUSTER_DOMAIN", value_name = "DOMAIN", default_value = "cluster.local", value_parser = parse::cluster_domain)]
    pub cluster_domain: String,
}

impl TargetArgs {
    /// Returns the authority to ask for, complete.
    #[must_use]
    pub fn authority(&self, cluster_domain: &str) -> String {
        self.target.authority(&self.namespace, cluster_domain)
    }
}

impl RemoteTargetArgs {
    /// Returns whether it is an IP address, which only has a profile.
    #[must_use]
    pub fn is_ip(&self) -> bool {
        self.target.target.is_ip()
    }

    /// Returns the authority to ask for, complete.
    #[must_use]
    pub fn authority(&self) -> String {
        self.target.authority(&self.cluster_domain)
    }
}

/// A Service or an IP address, with or without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: Host,
    /// With its colon; empty if none was given.
    port: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// `reviews`, `reviews.shop`, `svc/reviews` or `shop/reviews`.
    Service { name: String, namespace: Option<String> },
    /// `reviews.shop.svc` or `reviews-0.reviews.shop.svc`: only the cluster domain is missing.
    WithoutDomain(String),
    /// An IP address, a full name, or a name that only the server can refuse.
    Complete(String),
}

impl Target {
    /// Returns the authority as a server takes it. Names without a namespace are in `namespace`.
    #[must_use]
    pub fn authority(&self, namespace: &str, cluster_domain: &str) -> String {
        let port = &self.port;
        match &self.host {
            Host::Service { name, namespace: own } => {
                format!("{name}.{}.svc.{cluster_domain}{port}", own.as_deref().unwrap_or(namespace))
            }
            Host::WithoutDomain(name) => format!("{name}.{cluster_domain}{port}"),
            Host::Complete(name) => format!("{name}{port}"),
        }
    }

    /// Returns whether it is an IP address, which only has a profile.
    #[must_use]
    pub fn is_ip(&self) -> bool {
        matches!(&self.host, Host::Complete(host) if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!("a target has no scheme; write {rest:?} without {scheme}://"));
        }
        if let Some((kind, name)) = text.split_once('/') {
            return of_object(kind, name);
        }
        let (host, port) = split_port(text);
        let host = match host.split('.').collect::<Vec<_>>()[..] {
            _ if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() => Host::Complete(host.to_owned()),
            [name] if !name.is_empty() => Host::Service { name: name.to_owned(), namespace: None },
            [name, namespace] if !namespace.is_empty() => {
                Host::Service { name: name.to_owned(), namespace: Some(namespace.to_owned()) }
            }
            [.., svc] if svc.eq_ignore_ascii_case("svc") => Host::WithoutDomain(host.to_owned()),
            _ => Host::Complete(host.to_owned()),
        };
        Ok(Self { host, port: port.to_owned() })
    }
}

/// What `why` explains: a Service, an IP address, or the Service that a TrafficSplit splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyTarget {
    /// `ts/reviews`, `ts/shop/reviews` or `trafficsplit/reviews:9080`.
    Split {
        /// As written.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// The port of its apex; the first one if none is given.
        port: Option<u16>,
    },
    /// Anything else.
    Other(Target),
}

impl FromStr for WhyTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, rest)) =
            text.split_once('/').filter(|(kind, _)| names_kind(kind, Kind::TrafficSplit.as_str()))
        else {
            return text.parse().map(Self::Other);
        };
        let (object, port) = split_port(rest);
        let port = match port.strip_prefix(':') {
            None => None,
            Some(number) => match number.parse() {
                Ok(number @ 1..) => Some(number),
                _ => return Err(format!("{number:?} is no port from 1 to 65535")),
            },
        };
        let (namespace, name) = match object.split('/').collect::<Vec<_>>()[..] {
            [name] if !name.is_empty() => (None, name),
            [namespace, name] if !name.is_empty() => (Some(parse::namespace(namespace)?), name),
            _ => return Err(format!("write {kind}/NAME or {kind}/NAMESPACE/NAME, with or without :PORT")),
        };
        Ok(Self::Split { namespace, name: name.to_owned(), port })
    }
}

/// Reads `svc/NAME`, `svc/NAMESPACE/NAME` or `NAMESPACE/NAME`, as kubectl and the messages of `switchyard` write a
/// Service.
fn of_object(kind: &str, rest: &str) -> Result<Target, String> {
    if names_kind(kind, Kind::TrafficSplit.as_str()) {
        let name = rest.rsplit('/').next().unwrap_or(rest);
        return Err(format!(
            "it names a TrafficSplit, and traffic is asked for by Service: write the one that it splits (its \
             spec.service), for example svc/{name}; `switchyard why ts/{rest}` finds that Service"
        ));
    }
    let is_service = names_kind(kind, Kind::Service.as_str());
    match rest.split('/').collect::<Vec<_>>()[..] {
        [name] if is_service && !name.is_empty() => name.parse(),
        [namespace, name] if is_service => in_namespace(namespace, name),
        [name] if !is_other_kind(kind) => in_namespace(kind, name),
        _ => Err(format!("{kind:?} names no Service: write svc/NAME:PORT or NAME.NAMESPACE:PORT")),
    }
}

fn in_namespace(namespace: &str, name: &str) -> Result<Target, String> {
    parse::namespace(namespace)?;
    let (name, port) = split_port(name);
    if name.is_empty() || name.contains('.') {
        return Err("write NAMESPACE/NAME:PORT or NAME.NAMESPACE:PORT".to_owned());
    }
    let host = Host::Service { name: name.to_owned(), namespace: Some(namespace.to_owned()) };
    Ok(Target { host, port: port.to_owned() })
}

/// Returns whether it is a resource type other than Service. A namespace of that name is written behind a dot.
fn is_other_kind(kind: &str) -> bool {
    const WORKLOADS: [&str; 5] =
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicationController", "Rollout"];
    Kind::ALL.into_iter().map(Kind::as_str).chain(WORKLOADS).any(|known| names_kind(kind, known))
}

/// Splits `host:port` before the colon. A bare IPv6 address has no port.
fn split_port(text: &str) -> (&str, &str) {
    match text.rfind(':') {
        Some(colon) if !text.ends_with(']') && text.parse::<IpAddr>().is_err() => text.split_at(colon),
        _ => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, WhyTarget};

    #[test]
    fn split_is_a_target_of_why_in_every_form_of_kubectl() {
        for (text, expect) in [
            ("ts/reviews", (None, "reviews", None)),
            ("ts/reviews:9080", (None, "reviews", Some(9080))),
            ("trafficsplit/shop/reviews", (Some("shop"), "reviews", None)),
            ("trafficsplits.split.smi-spec.io/my.split:80", (None, "my.split", Some(80))),
            ("TrafficSplit.v1alpha2.split.smi-spec.io/reviews", (None, "reviews", None)),
        ] {
            let (namespace, name, port) = expect;
            let namespace = namespace.map(str::to_owned);
            let expect = WhyTarget::Split { namespace, name: name.to_owned(), port };
            assert_eq!(text.parse(), Ok(expect), "{text}");
        }
        for text in ["svc/reviews:9080", "reviews", "shop/reviews:80", "10.0.0.1:80"] {
            assert_eq!(text.parse(), text.parse().map(WhyTarget::Other), "{text}");
        }
        for text in ["ts/", "ts/a/b/c", "ts/A_B/c", "ts/a:0", "ts/a:x", "ts/a:70000", "deploy/web"] {
            assert!(text.parse::<WhyTarget>().is_err(), "{text}");
        }
    }

    fn authority(text: &str) -> String {
        match text.parse::<Target>() {
            Ok(target) => target.authority("shop", "k8s.example"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn short_name_is_completed_with_namespace_and_domain() {
        for (text, expect) in [
            ("reviews", "reviews.shop.svc.k8s.example"),
            ("reviews:9080", "reviews.shop.svc.k8s.example:9080"),
            ("reviews.web:9080", "reviews.web.svc.k8s.example:9080"),
            ("reviews.web.svc:9080", "reviews.web.svc.k8s.example:9080"),
            ("reviews-0.reviews.web.svc:9080", "reviews-0.reviews.web.svc.k8s.example:9080"),
            ("svc/reviews:9080", "reviews.shop.svc.k8s.example:9080"),
            ("Service/reviews", "reviews.shop.svc.k8s.example"),
            ("services/reviews.web:9080", "reviews.web.svc.k8s.example:9080"),
            ("svc/web/reviews:9080", "reviews.web.svc.k8s.example:9080"),
            ("web/reviews:9080", "reviews.web.svc.k8s.example:9080"),
        ] {
            assert_eq!(authority(text), expect, "{text}");
        }
    }

    #[test]
    fn complete_name_and_address_are_left_as_they_are() {
        for text in [
            "reviews.default.svc.cluster.local:9080",
            "reviews.default.svc.k8s.example",
            "reviews.default.svc.k8s.example.:9080",
            "REVIEWS.Default.SVC.cluster.local:9080",
            "api.example.com:443",
            "reviews.default.:80",
            "10.0.0.1:80",
            "10.0.0.1",
            "[fd00::1]:80",
            "[fd00::1]",
            "fd00::1",
            "",
            ":9080",
        ] {
            assert_eq!(authority(text), text);
        }
    }

    #[test]
    fn target_that_is_no_service_is_refused_with_what_to_write() {
        for (text, expect) in [
            (
                "ts/reviews",
                "it names a TrafficSplit, and traffic is asked for by Service: write the one that it splits (its spec.service), for example svc/reviews",
            ),
            ("trafficsplits.split.smi-spec.io/reviews", "it names a TrafficSplit"),
            ("deploy/web", "\"deploy\" names no Service: write svc/NAME:PORT"),
            ("pod/web-1:80", "\"pod\" names no Service"),
            ("http://reviews:9080", "a target has no scheme; write \"reviews:9080\" without http://"),
            ("A_B/reviews", "write the name of a namespace"),
            ("web/reviews.web:80", "write NAMESPACE/NAME:PORT"),
            ("svc/", "\"svc\" names no Service: write svc/NAME:PORT"),
        ] {
            let error = authority(text);
            assert!(error.starts_with(&format!("error: {expect}")), "{text}: {error}");
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for (text, expect) in [
            ("10.0.0.1", true),
            ("10.0.0.1:80", true),
            ("[fd00::1]:80", true),
            ("[fd00::1]", true),
            ("web.d.svc.cluster.local:80", false),
            ("10.0.0.1.nip.io:80", false),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().is_ip(), expect, "{text}");
        }
    }
}

//! What a client asks for: `host:port`, parsed once into a [`Host`] and a port.
//!
//! The rules are those of Linkerd's destination service, with two courtesies: one trailing dot is accepted,
//! and letters match without regard to case. A real proxy answers 500 to everybody after INVALID_ARGUMENT,
//! so only what can never name anything is refused here.

use std::{fmt, net::IpAddr};

use crate::model::{Name, NsName};

/// The longest authority that is looked at, in bytes. A DNS name has at most 253, a port six with its colon.
pub(crate) const MAX_LENGTH: usize = 300;
/// How much of a refused authority is repeated in the error, in characters.
const QUOTED: usize = 80;
/// The port of an authority that names none.
const DEFAULT_PORT: u16 = 80;

/// A parsed authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Who is meant.
    pub host: Host,
    /// The port, 1..=65535.
    pub port: u16,
}

/// The host part of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `service.namespace.svc.<cluster domain>`.
    Service(NsName),
    /// `instance.service.namespace.svc.<cluster domain>`: one endpoint of a service by its host name.
    Instance(Name, NsName),
    /// An IP address.
    Ip(IpAddr),
}

/// Why an authority names nothing, with what a valid one looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAuthority {
    given: String,
    problem: &'static str,
    cluster_domain: Name,
}

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid authority {:?}: {}; expected <service>.<namespace>.svc.{domain}:<port> \
             or <hostname>.<service>.<namespace>.svc.{domain}:<port>",
            self.given,
            self.problem,
            domain = self.cluster_domain
        )
    }
}

impl std::error::Error for InvalidAuthority {}

/// That `Get` was asked of an address, with what can be asked instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressForGet {
    /// The address.
    pub ip: IpAddr,
    /// The cluster domain.
    pub cluster_domain: Name,
}

impl fmt::Display for AddressForGet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Get takes names, not addresses: {}; expected <service>.<namespace>.svc.{}:<port>, or ask GetProfile",
            self.ip, self.cluster_domain
        )
    }
}

impl std::error::Error for AddressForGet {}

impl Authority {
    /// Parses `host:port` or `host` (port 80) within a cluster domain such as `cluster.local`.
    ///
    /// # Errors
    /// [`InvalidAuthority`] if it is too long, has no valid port, or its host is neither an IP address nor
    /// a name of two or three labels before `svc.<cluster domain>`.
    pub fn parse(text: &str, cluster_domain: &Name) -> Result<Self, InvalidAuthority> {
        parse(text, cluster_domain.as_str()).map_err(|problem| InvalidAuthority {
            given: text.chars().take(QUOTED).collect(),
            problem,
            cluster_domain: cluster_domain.clone(),
        })
    }
}

fn parse(text: &str, cluster_domain: &str) -> Result<Authority, &'static str> {
    if text.len() > MAX_LENGTH {
        return Err("it is longer than any DNS name");
    }
    let (host, port) = split_host_port(text)?;
    if let Ok(ip) = host.parse() {
        return Ok(Authority { host: Host::Ip(ip), port });
    }
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let name =
        strip_domain(host, cluster_domain).ok_or("it is not a service name of this cluster's domain")?;
    let labels: Vec<&str> = name.split('.').collect();
    if !labels.iter().all(|label| is_dns_label(label)) {
        return Err("a label of the name is empty, too long or has a character that no name has");
    }
    let host = match labels[..] {
        [service, namespace] => Host::Service(NsName::new(namespace, service)),
        [instance, service, namespace] => Host::Instance(instance.into(), NsName::new(namespace, service)),
        _ => return Err("it has too few or too many labels before \"svc\""),
    };
    Ok(Authority { host, port })
}

/// Splits at the port the way Go's `net.SplitHostPort` does, because that is what proxies were built with.
fn split_host_port(text: &str) -> Result<(&str, u16), &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a \"[\" is never closed")?;
        (host, rest.strip_prefix(':').ok_or("an IPv6 address in brackets needs a port")?)
    } else {
        match text.split_once(':') {
            None => return Ok((text, DEFAULT_PORT)),
            Some((_, port)) if port.contains(':') => return Err("it has too many colons"),
            Some(split) => split,
        }
    };
    // Go's Atoi takes a sign and leading zeros, and so does `u32::from_str`.
    match port.parse::<u32>().ok().and_then(|port| u16::try_from(port).ok()) {
        Some(port) if port != 0 => Ok((host, port)),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

/// What stands before `.svc.<cluster domain>`; both in lower case.
fn strip_domain<'a>(host: &'a str, cluster_domain: &str) -> Option<&'a str> {
    let rest = if cluster_domain.is_ascii() && cluster_domain.len() <= host.len() {
        let (rest, suffix) = host.split_at_checked(host.len() - cluster_domain.len())?;
        suffix.eq_ignore_ascii_case(cluster_domain).then_some(rest)?
    } else {
        return None;
    };
    rest.strip_suffix(".svc.")
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whom a TrafficSplit means by `spec.service` or a backend's `service`: `name`, `name.ns`, `name.ns.svc` or
/// `name.ns.svc.<cluster domain>`, with or without a trailing dot, in any case.
///
/// # Errors
/// [`ForeignReference`] if it is none of these or its namespace is not the split's own: a split must not
/// redirect another team's traffic.
pub fn local_reference(
    text: &str,
    namespace: &Name,
    cluster_domain: &Name,
) -> Result<Name, ForeignReference> {
    let lower = text.to_ascii_lowercase();
    let lower = lower.strip_suffix('.').unwrap_or(&lower);
    let (name, qualified) = match lower.split_once('.') {
        None => (lower, None),
        Some((name, rest)) => (name, Some(rest)),
    };
    let domain = cluster_domain.as_str().to_ascii_lowercase();
    let is_local = qualified.is_none_or(|rest| {
        let after_namespace = rest.strip_prefix(namespace.as_str());
        after_namespace.is_some_and(|rest| match rest.strip_prefix(".svc") {
            Some(rest) => rest.is_empty() || rest.strip_prefix('.') == Some(domain.as_str()),
            None => rest.is_empty(),
        })
    });
    if is_local && is_dns_label(name) { Ok(name.into()) } else { Err(ForeignReference) }
}

/// A reference that does not lead to a Service of the split's own namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignReference;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let got = match Authority::parse(text, &"mycluster.local".into()) {
            Ok(Authority { host: Host::Service(name), port }) => format!("service {name} {port}"),
            Ok(Authority { host: Host::Instance(i, name), port }) => format!("instance {i} of {name} {port}"),
            Ok(Authority { host: Host::Ip(ip), port }) => format!("ip {ip} {port}"),
            Err(e) => e.problem.to_owned(),
        };
        assert_eq!(got, expect, "{text:?}");
    }

    #[test]
    fn names_of_the_cluster_domain() {
        check("name1.ns.svc.mycluster.local:8989", "service ns/name1 8989");
        check("name1.ns.svc.mycluster.local", "service ns/name1 80");
        check("name1.ns.svc.mycluster.local.:80", "service ns/name1 80");
        check("Name1.NS.svc.MyCluster.Local:80", "service ns/name1 80");
        check("name1.ns.svc.mycluster.local:+80", "service ns/name1 80");
        check("name1.ns.svc.mycluster.local:080", "service ns/name1 80");
        check("pod-0.name1.ns.svc.mycluster.local:80", "instance pod-0 of ns/name1 80");
    }

    #[test]
    fn addresses() {
        check("10.0.0.1:80", "ip 10.0.0.1 80");
        check("10.0.0.1", "ip 10.0.0.1 80");
        check("[::1]:80", "ip ::1 80");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let domain = "it is not a service name of this cluster's domain";
        for text in [
            "",
            "linkerd.io",
            "foo",
            "foo.ns",
            "foo.ns.svc",
            "foo.ns.svc.cluster.local:80",
            "svc.mycluster.local:80",
            "name1.ns.svc.mycluster.local..:80",
            "foo.nsvc.mycluster.local",
            "ü.ns.svc.mycluster.löcal:80",
        ] {
            check(text, domain);
        }
        let port = "its port is not a number from 1 to 65535";
        for bad in ["0", "65536", "x", "", "-1", "99999999999", "8 0"] {
            check(&format!("name1.ns.svc.mycluster.local:{bad}"), port);
        }
        check("::1", "it has too many colons");
        check("a:b:c", "it has too many colons");
        check("[::1]", "an IPv6 address in brackets needs a port");
        check("[::1", "a \"[\" is never closed");
        check("ns.svc.mycluster.local:80", "it has too few or too many labels before \"svc\"");
        check("a.b.c.d.svc.mycluster.local:80", "it has too few or too many labels before \"svc\"");
        check(
            "a..svc.mycluster.local:80",
            "a label of the name is empty, too long or has a character that no name has",
        );
        check(
            "<b>.ns.svc.mycluster.local",
            "a label of the name is empty, too long or has a character that no name has",
        );
        check(&"a".repeat(1 << 20), "it is longer than any DNS name");
    }

    #[test]
    fn a_refusal_is_short_and_says_what_is_valid() {
        let error = Authority::parse(&"x".repeat(1 << 20), &"cluster.local".into())
            .expect_err("too long")
            .to_string();
        assert!(
            error.len() < 512 && error.contains("<service>.<namespace>.svc.cluster.local:<port>"),
            "{error}"
        );
    }

    #[test]
    fn references_stay_in_their_namespace() {
        let refer = |text| local_reference(text, &"d".into(), &"cluster.local".into()).map(|n| n.to_string());
        for text in
            ["web", "web.d", "web.d.svc", "web.d.svc.", "web.d.svc.cluster.local", "WEB.D.svc.Cluster.Local."]
        {
            assert_eq!(refer(text), Ok("web".to_owned()), "{text}");
        }
        for text in [
            "",
            ".",
            "web.other",
            "web.other.svc.cluster.local",
            "web.d.svc.example.org",
            "a.b.c",
            "web/d",
            "web.svc",
            "x y",
        ] {
            assert_eq!(refer(text), Err(ForeignReference), "{text:?}");
        }
    }
}

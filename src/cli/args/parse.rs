//! Values that need more than `FromStr`: each error says what would be right.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use rustls_pki_types::ServerName;

use crate::{client::HostPort, model::PortRanges};

/// `300ms`, `5s`, `1m30s`, or a plain `0`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    SpanParser::new()
        .parse_unsigned_duration(text)
        .map_err(|_| "write a number with its unit: 300ms, 5s or 1m30s".to_owned())
}

/// A duration that must pass.
pub(crate) fn some_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("write a duration above 0".to_owned()),
        some => Ok(some),
    }
}

/// A server to connect to: needs a port other than 0.
pub(super) fn server(text: &str) -> Result<HostPort, String> {
    match text.parse::<HostPort>() {
        Ok(addr) if addr.port == 0 => Err("port 0 is only for listening".to_owned()),
        Ok(addr) => Ok(addr),
        Err(error) => Err(error.to_string()),
    }
}

/// What a server's certificate is for.
pub(super) fn server_name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned()).map_err(|_| "write a DNS name or an IP address".to_owned())
}

/// A cluster domain in lower case, without dots around it.
pub(super) fn cluster_domain(text: &str) -> Result<String, String> {
    let domain = text.trim_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.split('.').all(label) {
        Ok(domain)
    } else {
        Err("write a DNS domain, for example cluster.local".to_owned())
    }
}

/// A trust domain, spelled like a cluster domain; empty where there are no identities.
pub(super) fn trust_domain(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { cluster_domain(text) }
}

/// The name of a namespace.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    match cluster_domain(text) {
        Ok(label) if label == text && !label.contains('.') => Ok(label),
        _ => Err("write the name of a namespace, for example linkerd".to_owned()),
    }
}

/// A list of ports and ranges of ports; empty for none.
pub(super) fn ports(text: &str) -> Result<PortRanges, String> {
    let (ports, unknown) = PortRanges::parse(text, |_| Vec::new());
    match unknown.first() {
        None => Ok(ports),
        Some(item) => Err(format!(
            "{item:?} is no port; write numbers and ranges from 0 to 65535, for example 25,3306,4000-4010"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{cluster_domain, duration, server};

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("300ms", 300),
            ("5s", 5000),
            ("1.5s", 1500),
            ("1m30s", 90_000),
            ("2 hours", 7_200_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "-5s", "5s ago", "s", "five", "1y", "5x", "99999999999999999999s"] {
            assert!(duration(text).unwrap_err().starts_with("write a number"), "{text}");
        }
    }

    #[test]
    fn servers_have_a_port() {
        assert_eq!(server("h:1").unwrap().to_string(), "h:1");
        assert_eq!(server("h:0"), Err("port 0 is only for listening".into()));
        assert!(server("h").unwrap_err().starts_with("there is no port"));
    }

    #[test]
    fn cluster_domains() {
        for (text, expect) in [
            ("cluster.local", Some("cluster.local")),
            ("Cluster.Local.", Some("cluster.local")),
            (".k8s", Some("k8s")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("a b", None),
            ("-a.b", None),
            ("http://x", None),
        ] {
            assert_eq!(cluster_domain(text).ok().as_deref(), expect, "{text}");
        }
    }
}

//! `host:port` as people type it for a listener or a server.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// How many connections may wait to be accepted. The usual 128 overflow when a thousand proxies reconnect
/// at once, and each one dropped comes back only after a second.
const BACKLOG: u32 = 4096;

/// A host (name or IP address, or nothing: every local address) and a port.
///
/// Written `host:port`, `[v6]:port` or, as in Go, `:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or IP address without brackets; empty for "every local address".
    pub host: String,
    /// The port; 0 lets the system choose when listening.
    pub port: u16,
}

impl HostPort {
    /// Both parts as they are.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Where to connect to reach a server that listens here: a server on every address is asked on the
    /// loopback one.
    #[must_use]
    pub fn to_dial(&self) -> Self {
        let host = match self.host.parse() {
            _ if self.host.is_empty() => "127.0.0.1",
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => "127.0.0.1",
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => "::1",
            _ => &self.host,
        };
        Self::new(host, self.port)
    }

    /// Listens here. Without a host that is on `[::]`, which takes IPv4 as well, or on `0.0.0.0` where the
    /// machine has no IPv6.
    ///
    /// # Errors
    /// A name that does not resolve, and what the last address tried said.
    pub async fn listen(&self) -> io::Result<TcpListener> {
        let candidates = if self.host.is_empty() {
            vec![
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, self.port)),
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port)),
            ]
        } else {
            lookup_host((self.host.as_str(), self.port)).await?.collect()
        };
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for addr in candidates {
            match listen(addr) {
                Ok(listener) => return Ok(listener),
                // The port is taken: the other family must not hide it.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server must not wait for the old one's connections to leave TIME_WAIT.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Why a text is no [`HostPort`]; says what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write host:port, [ipv6]:port or :port, for example 127.0.0.1:8086")]
pub struct BadHostPort(&'static str);

impl FromStr for HostPort {
    type Err = BadHostPort;

    fn from_str(text: &str) -> Result<Self, BadHostPort> {
        if text.contains("://") {
            return Err(BadHostPort("an address has no scheme"));
        }
        let (host, port) = text.rsplit_once(':').ok_or(BadHostPort("there is no port"))?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let v6 = rest.strip_suffix(']').ok_or(BadHostPort("the port is missing after ]"))?;
                if v6.parse::<Ipv6Addr>().is_err() {
                    return Err(BadHostPort("what is in the brackets is no IPv6 address"));
                }
                v6
            }
            None if host.contains(':') => return Err(BadHostPort("an IPv6 address needs brackets")),
            None => host,
        };
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#[]".contains(c)) {
            return Err(BadHostPort("the host is neither a name nor an IP address"));
        }
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten();
        let port = port.ok_or(BadHostPort("the port is no number from 0 to 65535"))?;
        Ok(Self::new(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::HostPort;

    #[test]
    fn parses_what_people_type() {
        for (text, host, port, dial) in [
            (":8086", "", 8086, "127.0.0.1:8086"),
            ("127.0.0.1:8086", "127.0.0.1", 8086, "127.0.0.1:8086"),
            ("0.0.0.0:0", "0.0.0.0", 0, "127.0.0.1:0"),
            ("[::]:80", "::", 80, "[::1]:80"),
            ("[fd00::1]:80", "fd00::1", 80, "[fd00::1]:80"),
            ("localhost:65535", "localhost", 65535, "localhost:65535"),
            ("linkerd-dst.linkerd.svc:8086", "linkerd-dst.linkerd.svc", 8086, "linkerd-dst.linkerd.svc:8086"),
        ] {
            let parsed: HostPort = text.parse().unwrap();
            assert_eq!(parsed, HostPort::new(host, port), "{text}");
            assert_eq!(parsed.to_string(), text);
            assert_eq!(parsed.to_dial().to_string(), dial, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expect) in [
            ("", "there is no port"),
            ("localhost", "there is no port"),
            ("localhost:", "the port is no number from 0 to 65535"),
            ("localhost:http", "the port is no number from 0 to 65535"),
            ("localhost:+80", "the port is no number from 0 to 65535"),
            ("localhost:65536", "the port is no number from 0 to 65535"),
            ("http://localhost:80", "an address has no scheme"),
            ("::1", "an IPv6 address needs brackets"),
            ("[::1]", "the port is missing after ]"),
            ("[nope]:80", "what is in the brackets is no IPv6 address"),
            ("a b:80", "the host is neither a name nor an IP address"),
            ("a/b:80", "the host is neither a name nor an IP address"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{expect}; write host:port")), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn listens_on_a_free_port_and_says_when_one_is_taken() {
        for text in ["127.0.0.1:0", ":0", "localhost:0"] {
            let listener = text.parse::<HostPort>().unwrap().listen().await.unwrap();
            let taken = listener.local_addr().unwrap();
            assert_ne!(taken.port(), 0, "{text}");
            let again = HostPort::new(taken.ip().to_string(), taken.port()).listen().await.unwrap_err();
            assert_eq!(again.kind(), std::io::ErrorKind::AddrInUse, "{text}");
        }
    }
}

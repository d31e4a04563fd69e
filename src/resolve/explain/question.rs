//! What can be asked for an explanation of.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{
    authority::{AddressForGet, Authority, Host, InvalidAuthority},
    context::{Because, Context},
    model::Name,
};

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the client asks for.
    pub authority: Authority,
    /// Who it says it is.
    pub context: Context,
    /// What of its token chose the reading.
    pub because: Because,
    /// Which answers.
    pub rpc: Rpc,
    /// An address of which everything is to be known.
    pub spot: Option<Spot>,
}

/// Which answers are explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rpc {
    /// That of `Get`.
    Get,
    /// That of `GetProfile`.
    Profile,
    /// Those of both.
    #[default]
    Both,
}

/// An address, with or without a port. Written `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The address.
    pub ip: IpAddr,
    /// The port; any if there is none.
    pub port: Option<u16>,
}

/// Why there is nothing to explain: the server answers INVALID_ARGUMENT, in the same words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// The authority names nothing.
    #[error(transparent)]
    Authority(#[from] InvalidAuthority),
    /// `Get` is asked of an address.
    #[error(transparent)]
    Address(#[from] AddressForGet),
}

impl Question {
    /// What a client asks with this path and token.
    ///
    /// # Errors
    /// [`InvalidQuestion`] if it would be refused.
    pub fn parse(
        authority: &str,
        token: &str,
        rpc: Rpc,
        spot: Option<Spot>,
        domain: &Name,
    ) -> Result<Self, InvalidQuestion> {
        let authority = Authority::parse(authority, domain)?;
        if let (Rpc::Get, Host::Ip(ip)) = (rpc, &authority.host) {
            return Err(AddressForGet { ip: *ip, cluster_domain: domain.clone() }.into());
        }
        let (context, because) = Context::explained(token);
        Ok(Self { authority, context, because, rpc, spot })
    }
}

impl FromStr for Spot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: addr.ip(), port: Some(addr.port()) });
        }
        text.parse()
            .map(|ip| Self { ip, port: None })
            .map_err(|_| "write an IP address, with or without a port: 10.0.0.1 or 10.0.0.1:80".to_owned())
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]:80"] {
            assert_eq!(text.parse::<Spot>().unwrap().to_string(), text);
        }
        for text in ["", "reviews", "10.0.0.1:", "10.0.0.1:70000", "[fd00::1]", "10.0.0.1:80:80"] {
            assert!(text.parse::<Spot>().unwrap_err().starts_with("write an IP address"), "{text}");
        }
    }

    #[test]
    fn what_a_server_refuses_is_refused_in_its_words() {
        let ask = |authority, rpc| {
            Question::parse(authority, "", rpc, None, &"cluster.local".into())
                .map(|_| ())
                .map_err(|e| e.to_string())
        };
        assert_eq!(ask("a.b.svc.cluster.local", Rpc::Get), Ok(()));
        assert_eq!(ask("10.0.0.1:80", Rpc::Both), Ok(()));
        assert!(
            ask("10.0.0.1:80", Rpc::Get).unwrap_err().starts_with("Get takes names, not addresses: 10.0.0.1")
        );
        assert!(ask("reviews", Rpc::Both).unwrap_err().starts_with("invalid authority \"reviews\""));
    }
}

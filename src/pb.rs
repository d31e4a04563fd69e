//! The messages and the service of Linkerd's Destination API, generated from `proto/` by `build.rs`.
//!
//! One module for each protobuf package. They are siblings here as in the packages' names, because the
//! generated code refers from one to another with `super::`.
//!
//! By hand there are only the conversions of addresses. How an answer is put into messages, and what the
//! fields of a request mean, is none of this module's business.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Package `io.linkerd.proxy.destination`: the service, its client, and what they exchange.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "generated"
)]
pub mod destination {
    tonic::include_proto!("io.linkerd.proxy.destination");
}

/// Package `io.linkerd.proxy.http_types`: methods, for the conditions of routes.
#[expect(missing_docs, reason = "generated: methods and schemes are named by what they are")]
pub mod http_types {
    tonic::include_proto!("io.linkerd.proxy.http_types");
}

/// Package `io.linkerd.proxy.meta`: references to objects of the cluster.
pub mod meta {
    tonic::include_proto!("io.linkerd.proxy.meta");
}

/// Package `io.linkerd.proxy.net`: addresses.
pub mod net {
    tonic::include_proto!("io.linkerd.proxy.net");
}

/// All files of `proto/` and their imports, comments included, as an encoded `FileDescriptorSet`: what
/// server reflection shows to a client that has no proto files of its own.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("switchyard_descriptor");

/// Why a message is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The IP is absent, or present and empty.
    #[error("an address without an IP")]
    NoIp,
    /// The port does not fit into 16 bits.
    #[error("port {0} is above 65535")]
    Port(u32),
}

impl From<IpAddr> for net::IpAddress {
    fn from(ip: IpAddr) -> Self {
        let ip = match ip {
            IpAddr::V4(v4) => net::ip_address::Ip::Ipv4(v4.to_bits()),
            IpAddr::V6(v6) => net::ip_address::Ip::Ipv6(v6.into()),
        };
        Self { ip: Some(ip) }
    }
}

impl TryFrom<&net::IpAddress> for IpAddr {
    type Error = InvalidAddress;

    fn try_from(message: &net::IpAddress) -> Result<Self, InvalidAddress> {
        match message.ip {
            Some(net::ip_address::Ip::Ipv4(bits)) => Ok(Self::V4(bits.into())),
            Some(net::ip_address::Ip::Ipv6(halves)) => Ok(Self::V6(halves.into())),
            None => Err(InvalidAddress::NoIp),
        }
    }
}

impl From<Ipv6Addr> for net::IPv6 {
    fn from(v6: Ipv6Addr) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = v6.octets();
        Self {
            first: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            last: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        }
    }
}

impl From<net::IPv6> for Ipv6Addr {
    fn from(halves: net::IPv6) -> Self {
        Self::from_bits(u128::from(halves.first) << 64 | u128::from(halves.last))
    }
}

/// The flow label and the zone of an IPv6 address have no place in the message and are left behind.
impl From<SocketAddr> for net::TcpAddress {
    fn from(addr: SocketAddr) -> Self {
        Self { ip: Some(addr.ip().into()), port: addr.port().into() }
    }
}

/// Port 0 passes: whether it makes sense is for the caller to say.
impl TryFrom<&net::TcpAddress> for SocketAddr {
    type Error = InvalidAddress;

    fn try_from(message: &net::TcpAddress) -> Result<Self, InvalidAddress> {
        let ip = message.ip.as_ref().ok_or(InvalidAddress::NoIp)?.try_into()?;
        let port = message.port.try_into().map_err(|_| InvalidAddress::Port(message.port))?;
        Ok(Self::new(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::{
        FILE_DESCRIPTOR_SET, InvalidAddress,
        net::{IPv6, IpAddress, TcpAddress, ip_address::Ip},
    };
    use std::net::SocketAddr;

    fn message(ip: Ip, port: u32) -> TcpAddress {
        TcpAddress { ip: Some(IpAddress { ip: Some(ip) }), port }
    }

    #[test]
    fn addresses_are_big_endian_and_come_back() {
        for (text, expect) in [
            ("10.0.0.1:80", message(Ip::Ipv4(0x0A00_0001), 80)),
            ("255.254.253.252:65535", message(Ip::Ipv4(0xFFFE_FDFC), 65535)),
            ("0.0.0.0:0", message(Ip::Ipv4(0), 0)),
            ("[::1]:443", message(Ip::Ipv6(IPv6 { first: 0, last: 1 }), 443)),
            (
                "[2001:db8:3:4:5:6:7:8]:1",
                message(Ip::Ipv6(IPv6 { first: 0x2001_0db8_0003_0004, last: 0x0005_0006_0007_0008 }), 1),
            ),
            // Mapped into IPv6 is still IPv6: the other side must connect to what it is told.
            ("[::ffff:10.0.0.1]:80", message(Ip::Ipv6(IPv6 { first: 0, last: 0xFFFF_0A00_0001 }), 80)),
        ] {
            let addr: SocketAddr = text.parse().unwrap();
            assert_eq!(TcpAddress::from(addr), expect, "{text}");
            assert_eq!(SocketAddr::try_from(&expect), Ok(addr), "{text}");
        }
    }

    #[test]
    fn an_address_needs_an_ip_and_a_port_of_16_bits() {
        for (message, expect) in [
            (TcpAddress { ip: None, port: 80 }, InvalidAddress::NoIp),
            (TcpAddress { ip: Some(IpAddress { ip: None }), port: 80 }, InvalidAddress::NoIp),
            (message(Ip::Ipv4(1), 65536), InvalidAddress::Port(65536)),
            (message(Ip::Ipv4(1), u32::MAX), InvalidAddress::Port(u32::MAX)),
        ] {
            assert_eq!(SocketAddr::try_from(&message), Err(expect));
        }
    }

    #[test]
    fn reflection_can_serve_the_descriptors_with_their_comments() {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .build_v1();
        assert!(reflection.is_ok());

        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        for file in files.iter().filter(|file| file.package().starts_with("io.linkerd.")) {
            let locations = &file.source_code_info.as_ref().expect("source info").location;
            let commented = locations.iter().filter(|location| location.leading_comments.is_some()).count();
            assert!(commented > file.message_type.len(), "{}: {commented} comments", file.name());
        }
    }
}

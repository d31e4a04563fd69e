//! Ports for programs that must be told theirs.

use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that Linux gives to outgoing connections, so that none of them takes the port of a server
/// that is stopped for a while.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A port of the loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let mut tries = (0..1000).map(|_| fastrand::u16(RANGE));
    tries.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}

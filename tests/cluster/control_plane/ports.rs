//! Ports for programs that must be told theirs.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    sync::Mutex,
};

/// Below the ports that Linux gives to outgoing connections, so that none of them takes the port of a server
/// that is stopped for a while.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Ports that were given out: whoever has one may not listen yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of the loopback that nobody listens on, and that nobody else is given.
pub(crate) fn free_port() -> u16 {
    let mut given = GIVEN.lock().expect("nothing panics while it holds this lock");
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut tries = (0..1000).map(|_| fastrand::u16(RANGE));
    tries.find(|port| is_free(port) && given.insert(*port)).expect("a free port")
}

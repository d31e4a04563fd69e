//! What answers at an address that did not answer as expected: the other port of a Switchyard, perhaps.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{AdminClient, HostPort};

/// How long finding out may take: it only makes an error clearer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// The port on which an admin port is looked for.
const ADMIN_PORT: u16 = 9996;
/// The first bytes of an HTTP/2 client: the preface and empty settings.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The length of the head of a frame, where the type is, and the type of settings, with which an HTTP/2 server begins.
const FRAME_HEAD: usize = 9;
const FRAME_TYPE: usize = 3;
const SETTINGS: u8 = 4;

/// Where a server listens, as its admin port answers at `/ports`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ports {
    /// Where it serves gRPC.
    pub grpc: String,
}

/// Returns where gRPC is, if an admin port without TLS answers at this address.
pub async fn grpc_of_admin_port(addr: &HostPort) -> Option<HostPort> {
    // Boxed, for the client of the admin port asks in turn what another port is.
    let answer =
        Box::pin(AdminClient::new(addr, None, None, PROBE_TIMEOUT).get_plain("/ports")).await.ok()?;
    let ports: Ports = serde_json::from_slice(&answer).ok()?;
    let grpc: HostPort = ports.grpc.parse().ok()?;
    // A server that listens on every address is asked where its admin port is.
    Some(if grpc.to_dial() == grpc { grpc } else { HostPort::new(addr.to_dial().host, grpc.port) })
}

/// Returns whether a server speaks HTTP/2 without TLS at this address.
pub(super) async fn speaks_http2(addr: &HostPort) -> bool {
    let head = async {
        let mut socket = TcpStream::connect((addr.host.as_str(), addr.port)).await.ok()?;
        socket.write_all(HTTP2_PREFACE).await.ok()?;
        let mut head = [0; FRAME_HEAD];
        socket.read_exact(&mut head).await.ok()?;
        Some(head)
    };
    matches!(timeout(PROBE_TIMEOUT, head).await, Ok(Some(head)) if head[FRAME_TYPE] == SETTINGS)
}

/// Returns the admin port of the server whose gRPC port this is, if it is the usual one on the same host.
pub(super) async fn admin_of_grpc_port(addr: &HostPort) -> Option<HostPort> {
    let admin = HostPort::new(addr.host.clone(), ADMIN_PORT);
    let grpc = grpc_of_admin_port(&admin).await?;
    (grpc.port == addr.port).then_some(admin)
}

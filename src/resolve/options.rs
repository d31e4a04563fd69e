//! What the operator chose that answers depend on.

use std::sync::Arc;

use crate::{
    model::{Name, PortRanges},
    pb::destination::Http2ClientParams,
};

/// What the operator chose that answers depend on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether IPv6 addresses are given out (`--enable-ipv6`).
    pub ipv6: bool,
    /// Whether a service without overrides of its own is given one to itself (`--apex-override`).
    pub apex_override: bool,
    /// What concerns meshed endpoints.
    pub mesh: Arc<MeshOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self { ipv6: true, apex_override: true, mesh: Arc::default() }
    }
}

/// What the operator chose about meshed endpoints: the flags of Linkerd's destination controller.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshOptions {
    /// `--controller-namespace`: only Pods that belong to the control plane there have an identity.
    pub controller_namespace: Name,
    /// `--identity-trust-domain`; empty if there are no identities.
    pub trust_domain: Name,
    /// `--enable-h2-upgrade`: whether proxies may speak HTTP/2 to one another whatever the client speaks.
    pub h2_upgrade: bool,
    /// `--outbound-transport-mode=transport-header`: all connections go to the other proxy's inbound port.
    pub transport_header: bool,
    /// `--default-opaque-ports`: for workloads and services that do not list their own.
    pub opaque_ports: PortRanges,
    /// `--meshed-http2-client-params`.
    pub http2: Option<Http2ClientParams>,
    /// `--ext-endpoint-zone-weights`: endpoints in the client's own zone weigh ten times as much.
    pub zone_weights: bool,
}

impl Default for MeshOptions {
    fn default() -> Self {
        Self {
            controller_namespace: "linkerd".into(),
            trust_domain: "cluster.local".into(),
            h2_upgrade: true,
            transport_header: false,
            opaque_ports: PortRanges::default(),
            http2: None,
            zone_weights: false,
        }
    }
}

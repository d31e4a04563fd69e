//! The arguments of Kubernetes' programs. What is not said here is as in any cluster.

use super::keys::Keys;

/// The addresses of Services, of both IP families.
const SERVICES: &str = "10.96.0.0/16,fd00:10:96::/112";

/// Where the programs find each other.
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) etcd_peers: u16,
    pub(crate) api_server: u16,
}

pub(crate) fn etcd(ports: &Ports, data: &str) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{}", ports.etcd);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peers);
    flags(&[
        ("name", "test"),
        ("data-dir", data),
        ("listen-client-urls", &clients),
        ("advertise-client-urls", &clients),
        ("listen-peer-urls", &peers),
        ("initial-advertise-peer-urls", &peers),
        ("initial-cluster", &format!("test={peers}")),
        ("log-level", "warn"),
        // What is written outlives the program but not the machine.
        ("unsafe-no-fsync", "true"),
    ])
}

pub(crate) fn api_server(ports: &Ports, keys: &Keys) -> Vec<String> {
    flags(&[
        ("etcd-servers", &format!("http://127.0.0.1:{}", ports.etcd)),
        ("bind-address", "127.0.0.1"),
        ("secure-port", &ports.api_server.to_string()),
        // The endpoint of the Service `kubernetes` must not be a loopback address. Nobody connects to it; like
        // any API server's it has no Pod.
        ("advertise-address", "192.0.2.1"),
        ("service-cluster-ip-range", SERVICES),
        ("authorization-mode", "Node,RBAC"),
        ("client-ca-file", &keys.path("ca.crt")),
        ("tls-cert-file", &keys.path("server.crt")),
        ("tls-private-key-file", &keys.path("server.key")),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
        ("service-account-key-file", &keys.path("accounts.pub")),
        ("service-account-signing-key-file", &keys.path("accounts.key")),
    ])
}

pub(crate) fn controller_manager(keys: &Keys, kubeconfig: &str) -> Vec<String> {
    flags(&[
        ("kubeconfig", kubeconfig),
        ("leader-elect", "false"),
        ("secure-port", "0"),
        // Nodes say nothing while the API server is away, and are none the worse for it.
        ("node-monitor-grace-period", "10m"),
        ("use-service-account-credentials", "true"),
        ("service-account-private-key-file", &keys.path("accounts.key")),
        ("root-ca-file", &keys.path("ca.crt")),
    ])
}

pub(crate) fn scheduler(kubeconfig: &str) -> Vec<String> {
    flags(&[("kubeconfig", kubeconfig), ("leader-elect", "false"), ("secure-port", "0")])
}

pub(crate) fn kwok(kubeconfig: &str, stages: &str) -> Vec<String> {
    flags(&[
        ("kubeconfig", kubeconfig),
        ("config", stages),
        ("manage-all-nodes", "true"),
        ("node-lease-duration-seconds", "40"),
    ])
}

fn flags(flags: &[(&str, &str)]) -> Vec<String> {
    flags.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

//! What is said of an endpoint, wherever it is named.

use std::collections::BTreeMap;

use switchyard::{
    model::{ExternalWorkload, LabelSet, Mirror, NsName, OwnerRef, Pod, Selector, ServerPort},
    pb::{
        destination::{
            AuthorityOverride, ProtocolHint, TlsIdentity, WeightedAddr,
            protocol_hint::{H2, Opaque, OpaqueTransport, Protocol},
            tls_identity::{DnsLikeIdentity, Strategy, UriLikeIdentity},
        },
        meta,
    },
};

use super::Oracle;

const CONTROL_PLANE: &str = "linkerd.io/control-plane-ns";

impl Oracle<'_> {
    /// Of a Pod's port, by all the numbers that it has; nothing if its proxy does not say what one must know.
    pub(super) fn said_of_pod(self, pod: &Pod, ports: &[u16]) -> Option<WeightedAddr> {
        let spec = &pod.spec;
        let control_plane = label(pod, CONTROL_PLANE).filter(|namespace| !namespace.is_empty());
        let account = &*spec.service_account;
        let (kind, owner) = self.owner(pod);
        let mut labels = BTreeMap::from([
            ("pod".to_owned(), pod.name.name.to_string()),
            ("serviceaccount".to_owned(), account.to_owned()),
            (owner_label(&kind), owner),
        ]);
        labels.extend(control_plane.map(|namespace| ("control_plane_ns".to_owned(), namespace.to_owned())));
        let hash = label(pod, "pod-template-hash").filter(|hash| !hash.is_empty());
        labels.extend(hash.map(|hash| ("pod_template_hash".to_owned(), hash.to_owned())));
        let mut said = WeightedAddr {
            metric_labels: labels,
            resource_ref: Some(resource("core", "Pod", &pod.name, 0)),
            ..WeightedAddr::default()
        };

        let skipped = ports.iter().any(|port| spec.skip_inbound_ports.contains(*port));
        let Some(control_plane) = control_plane.filter(|_| !skipped) else { return Some(said) };
        let mesh = &self.options.mesh;
        if mesh.controller_namespace.as_str() == control_plane && !mesh.trust_domain.as_str().is_empty() {
            let (namespace, domain) = (&pod.name.namespace, &mesh.trust_domain);
            let name = format!("{account}.{namespace}.serviceaccount.identity.{control_plane}.{domain}");
            said.tls_identity = Some(TlsIdentity {
                strategy: Some(Strategy::DnsLikeIdentity(DnsLikeIdentity { name: name.clone() })),
                server_name: Some(DnsLikeIdentity { name }),
            });
        }
        let (admin, control) = (spec.proxy.admin?, spec.proxy.control?);
        let opaque = self.is_opaque_on_pod(pod, ports);
        let mut hint = self.hint(opaque, mesh.h2_upgrade);
        let is_its_own = ports.iter().any(|port| [admin, control].contains(port));
        if (opaque || mesh.transport_header) && !is_its_own {
            hint.opaque_transport = Some(OpaqueTransport { inbound_port: spec.proxy.inbound?.into() });
        }
        (said.protocol_hint, said.http2) = (Some(hint), mesh.http2);
        Some(said)
    }

    pub(super) fn said_of_workload(self, workload: &ExternalWorkload, port: u16) -> WeightedAddr {
        let mut labels = BTreeMap::from([("external_workload".to_owned(), workload.name.name.to_string())]);
        labels.extend(workload.owner.as_ref().map(|o| (owner_label(&o.kind), o.name.to_string())));
        let (mesh, opaque) = (&self.options.mesh, self.is_opaque_on_workload(workload, port));
        let mut hint = self.hint(opaque, true);
        if opaque || mesh.transport_header {
            let proxy = workload.ports.iter().find(|(name, _)| **name == *"linkerd-proxy");
            let inbound_port = proxy.map_or(4143, |(_, number)| (*number).into());
            hint.opaque_transport = Some(OpaqueTransport { inbound_port });
        }
        let identity = UriLikeIdentity { uri: workload.identity.to_string() };
        WeightedAddr {
            metric_labels: labels,
            tls_identity: Some(TlsIdentity {
                strategy: Some(Strategy::UriLikeIdentity(identity)),
                server_name: Some(DnsLikeIdentity { name: workload.server_name.to_string() }),
            }),
            protocol_hint: Some(hint),
            http2: mesh.http2,
            resource_ref: Some(resource("workload.linkerd.io", "ExternalWorkload", &workload.name, 0)),
            ..WeightedAddr::default()
        }
    }

    /// Of an address behind which nothing is known but, maybe, that it is a gateway; `port` is what was asked for.
    pub(super) fn said_of_address(self, mirror: Option<&Mirror>, port: u16) -> WeightedAddr {
        let mut said = WeightedAddr::default();
        let Some(mirror) = mirror else { return said };
        said.authority_override = mirror
            .remote_name
            .as_ref()
            .map(|name| AuthorityOverride { authority_override: format!("{name}:{port}") });
        if let Some(identity) = &mirror.gateway_identity {
            let identity = DnsLikeIdentity { name: identity.to_string() };
            let strategy = Some(Strategy::DnsLikeIdentity(identity));
            said.tls_identity = Some(TlsIdentity { strategy, server_name: None });
            said.protocol_hint = Some(self.hint(false, true)).filter(|_| self.options.mesh.h2_upgrade);
            said.http2 = self.options.mesh.http2;
        }
        said
    }

    fn hint(self, opaque: bool, h2: bool) -> ProtocolHint {
        let protocol = match (opaque, h2) {
            (true, _) => Some(Protocol::Opaque(Opaque {})),
            (false, true) => Some(Protocol::H2(H2 {})),
            (false, false) => None,
        };
        ProtocolHint { protocol, opaque_transport: None }
    }

    pub(super) fn is_opaque_on_pod(self, pod: &Pod, ports: &[u16]) -> bool {
        let listed = pod.spec.opaque_ports.as_ref().unwrap_or(&self.options.mesh.opaque_ports);
        let mut servers = self.opaque_servers(&pod.name.namespace);
        ports.iter().any(|port| listed.contains(*port))
            || servers.any(|server| {
                let its = match &server.port {
                    ServerPort::Number(number) => ports.contains(number),
                    ServerPort::Name(name) => {
                        pod.spec.ports.iter().any(|port| port.name == *name && ports.contains(&port.port))
                    }
                };
                its && server.pods.as_ref().is_some_and(|pods| pods.selects(|key| label(pod, key)))
            })
    }

    pub(super) fn is_opaque_on_workload(self, workload: &ExternalWorkload, port: u16) -> bool {
        let selects = |selector: &Selector| selector.selects(|key| value(&workload.labels, key));
        let mut servers = self.opaque_servers(&workload.name.namespace);
        workload.opaque_ports.as_ref().unwrap_or(&self.options.mesh.opaque_ports).contains(port)
            || servers.any(|server| {
                let its = match &server.port {
                    ServerPort::Number(number) => *number == port,
                    ServerPort::Name(name) => workload.ports.iter().any(|p| *p == (name.clone(), port)),
                };
                its && server.workloads.as_ref().is_some_and(selects)
            })
    }

    /// What a user wrote that the Pod came of: kind and name.
    fn owner(self, pod: &Pod) -> (String, String) {
        let Some(owner) = &pod.spec.owner else { return ("pod".to_owned(), pod.name.name.to_string()) };
        let name = NsName { namespace: pod.name.namespace.clone(), name: owner.name.clone() };
        let above: Option<&OwnerRef> = match &*owner.kind {
            "ReplicaSet" => self.replica_set(&name).and_then(|set| set.owner.as_ref()).filter(|above| {
                let kind = above.kind.to_lowercase();
                ["job", "statefulset", "daemonset", "deployment"].contains(&kind.as_str())
            }),
            "Job" => self.job(&name).and_then(|job| job.owner.as_ref()),
            _ => None,
        };
        let owner = above.unwrap_or(owner);
        (owner.kind.to_string(), owner.name.to_string())
    }
}

fn owner_label(kind: &str) -> String {
    let kind = kind.to_lowercase();
    if kind == "job" { "k8s_job".to_owned() } else { kind }
}

fn label<'p>(pod: &'p Pod, key: &str) -> Option<&'p str> {
    value(&pod.labels, key).or_else(|| value(&pod.own_labels, key))
}

fn value<'l>(labels: &'l LabelSet, key: &str) -> Option<&'l str> {
    labels.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
}

pub(super) fn with_label(mut said: WeightedAddr, key: &str, value: &str) -> WeightedAddr {
    said.metric_labels.insert(key.to_owned(), value.to_owned());
    said
}

pub(super) fn resource(group: &str, kind: &str, name: &NsName, port: u16) -> meta::Metadata {
    let resource = meta::Resource {
        group: group.to_owned(),
        kind: kind.to_owned(),
        name: name.name.to_string(),
        namespace: name.namespace.to_string(),
        section: String::new(),
        port: port.into(),
    };
    meta::Metadata { kind: Some(meta::metadata::Kind::Resource(resource)) }
}

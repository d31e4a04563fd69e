//! Kubernetes objects as YAML, in namespace `ns` unless said otherwise, each with the line that ends a document.

use std::fmt::Write;

mod pod;

pub(super) use pod::{Pod, meshed, plain};

/// The service and the port that most cases ask for.
pub(super) const NAME1: &str = "name1.ns.svc.mycluster.local:8989";

/// The annotation that says which ports are opaque.
pub(super) const OPAQUE_PORTS: &str = "config.linkerd.io/opaque-ports";
/// The annotation that says which ports a proxy does not see.
pub(super) const SKIP_PORTS: &str = "config.linkerd.io/skip-inbound-ports";
/// The label that says to which control plane a Pod belongs.
pub(super) const CONTROL_PLANE: &str = "linkerd.io/control-plane-ns";

/// A ClusterIP Service. Ports are words, `8989` or `8989/name`; other words are fields of `spec` as in
/// `clusterIP=10.0.0.1`.
pub(super) fn service(name: &str, words: &str) -> String {
    annotated_service(name, words, "{}")
}

/// The same with annotations, a YAML mapping.
pub(super) fn annotated_service(name: &str, words: &str, annotations: &str) -> String {
    let (mut ports, mut fields) = (Vec::new(), String::new());
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some((field, value)) => write!(fields, ", {field}: {value}").expect("a String takes all"),
            None => {
                let (port, name) = word.split_once('/').unwrap_or((word, ""));
                ports.push(format!("{{name: '{name}', port: {port}}}"));
            }
        }
    }
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: ns, annotations: {annotations}}}, \
         spec: {{ports: [{}]{fields}}}}}\n---\n",
        ports.join(", ")
    )
}

/// An EndpointSlice of a Service, called as the Service. Ports as of [`service`]; an endpoint is
/// `address=pod@zone#hostname`, all but the address optional; of an ExternalWorkload `address=ew/name`.
pub(super) fn slice(service: &str, ports: &str, endpoints: &str) -> String {
    named_slice(service, service, ports, endpoints)
}

/// The same with a name of its own.
pub(super) fn named_slice(name: &str, service: &str, ports: &str, endpoints: &str) -> String {
    let metadata = format!("name: {name}, namespace: ns, labels: {{kubernetes.io/service-name: {service}}}");
    slice_with(&metadata, ports, endpoints)
}

/// The same with this inside of `metadata`.
pub(super) fn slice_with(metadata: &str, ports: &str, endpoints: &str) -> String {
    let port = |word: &str| {
        let (port, name) = word.split_once('/').unwrap_or((word, ""));
        format!("{{name: '{name}', port: {port}, protocol: TCP}}")
    };
    let ports: Vec<_> = ports.split_whitespace().map(port).collect();
    let is_v6 = endpoints.contains("::");
    let endpoints: Vec<_> = endpoints.split_whitespace().map(endpoint).collect();
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: {}, metadata: {{{metadata}}}, \
         ports: [{}], endpoints: [{}]}}\n---\n",
        if is_v6 { "IPv6" } else { "IPv4" },
        ports.join(", "),
        endpoints.join(", ")
    )
}

fn endpoint(word: &str) -> String {
    let (word, hostname) = word.split_once('#').unwrap_or((word, ""));
    let (word, zone) = word.split_once('@').unwrap_or((word, ""));
    let (address, target) = word.split_once('=').unwrap_or((word, ""));
    let mut text = format!("{{addresses: ['{address}'], conditions: {{ready: true}}");
    if !hostname.is_empty() {
        write!(text, ", hostname: {hostname}").expect("a String takes all");
    }
    if !zone.is_empty() {
        write!(text, ", zone: {zone}").expect("a String takes all");
    }
    if let Some(workload) = target.strip_prefix("ew/") {
        write!(text, ", targetRef: {{kind: ExternalWorkload, namespace: ns, name: {workload}}}")
            .expect("a String takes all");
    } else if !target.is_empty() {
        write!(text, ", targetRef: {{kind: Pod, namespace: ns, name: {target}}}")
            .expect("a String takes all");
    }
    text + "}"
}

/// A Node in a zone.
pub(super) fn node(name: &str, zone: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: {zone}}}}}}}\
         \n---\n"
    )
}

/// A Server of Pods with the label `app`, opaque unless the protocol says otherwise.
pub(super) fn server(name: &str, app: &str, port: &str, protocol: &str) -> String {
    server_with(
        &format!("name: {name}, namespace: ns"),
        &format!("podSelector: {{matchLabels: {{app: {app}}}}}"),
        port,
        protocol,
    )
}

/// The same with this inside of `metadata`, and this as its selector.
pub(super) fn server_with(metadata: &str, selector: &str, port: &str, protocol: &str) -> String {
    format!(
        "{{apiVersion: policy.linkerd.io/v1beta3, kind: Server, metadata: {{{metadata}}}, \
         spec: {{{selector}, port: {port}, proxyProtocol: {protocol}}}}}\n---\n"
    )
}

/// A ServiceProfile of `name1` with this `spec`.
pub(super) fn service_profile(namespace: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: linkerd.io/v1alpha2, kind: ServiceProfile, \
         metadata: {{name: name1.ns.svc.mycluster.local, namespace: {namespace}}}, spec: {spec}}}\n---\n"
    )
}

/// A split of a service: `a=1 b=2`.
pub(super) fn split(apex: &str, backends: &str) -> String {
    let backend = |word: &str| {
        let (service, weight) = word.split_once('=').expect("service=weight");
        format!("{{service: {service}, weight: {weight}}}")
    };
    let backends: Vec<_> = backends.split_whitespace().map(backend).collect();
    format!(
        "{{apiVersion: split.smi-spec.io/v1alpha2, kind: TrafficSplit, metadata: {{name: split, namespace: ns}}, \
         spec: {{service: {apex}, backends: [{}]}}}}\n---\n",
        backends.join(", ")
    )
}

/// `ownerReferences` of `Kind/name Kind/name`, the first of which is the controller.
pub(super) fn owner_references(owners: &str) -> String {
    let owner = |(index, word): (usize, &str)| {
        let (kind, name) = word.split_once('/').expect("Kind/name");
        format!(
            "{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u{index}, controller: {}}}",
            index == 0
        )
    };
    let owners: Vec<_> = owners.split_whitespace().enumerate().map(owner).collect();
    format!("ownerReferences: [{}]", owners.join(", "))
}

/// A ReplicaSet that runs nothing of its own.
pub(super) fn replica_set(name: &str, owners: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: {name}, namespace: ns, {}}}, \
         spec: {{replicas: 0, selector: {{matchLabels: {{rs: {name}}}}}, \
         template: {{metadata: {{labels: {{rs: {name}}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}}}\n---\n",
        owner_references(owners)
    )
}

/// A Job.
pub(super) fn job(name: &str, owners: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, namespace: ns, {}}}, \
         spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: i}}]}}}}}}}}\n---\n",
        owner_references(owners)
    )
}

/// `name1` on port 8989 with one Pod, `name1-1` at 172.17.0.12.
pub(super) fn name1(pod: &Pod) -> String {
    [service("name1", "8989"), slice("name1", "8989", "172.17.0.12=name1-1"), pod.yaml()].concat()
}

/// The same, headless, so that every port number leads to the Pod.
pub(super) fn headless1(pod: &Pod) -> String {
    name1(pod).replace(&service("name1", "8989"), &service("name1", "8989 clusterIP=None"))
}

/// The `add` of `name1` with one endpoint, of which this is said.
pub(super) fn add1(endpoint: &str) -> String {
    format!("add {{namespace=ns service=name1}} {endpoint}")
}

/// What is said in `Get` of [`meshed`] Pod `name1-1` as it comes: it is reached at this address, with this hint.
pub(super) fn meshed1(addr: &str, hint: &str) -> String {
    let identity = "default.ns.serviceaccount.identity.linkerd.trust.domain";
    format!(
        "{addr} 10000 {hint} tls={identity} sni=same ref=core/Pod/ns/name1-1 \
         {{control_plane_ns=linkerd pod=name1-1 serviceaccount=default zone= zone_locality=unknown}}"
    )
}

/// What is said in `GetProfile` of a [`meshed`] Pod as it comes.
pub(super) fn profile_of(pod: &str, addr: &str, hint: &str) -> String {
    let identity = "default.ns.serviceaccount.identity.linkerd.trust.domain";
    format!(
        "endpoint {addr} 10000 {hint} tls={identity} sni=same ref=core/Pod/ns/{pod} \
         {{control_plane_ns=linkerd namespace=ns pod={pod} serviceaccount=default zone=}}"
    )
}

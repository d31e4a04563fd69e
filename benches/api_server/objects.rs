//! The objects, as an API server writes them: with everything that nobody here reads.
//!
//! All Pods of a Deployment come from one text with holes in it, so that writing them costs little beside
//! reading them, and nothing of them is kept.

use serde_json::{Value, json};

/// Each with a Service and a slice of its own.
pub(crate) const DEPLOYMENTS: usize = 5_000;
/// Pods of a Deployment.
pub(super) const REPLICAS: usize = 10;
pub(crate) const PODS: usize = DEPLOYMENTS * REPLICAS;
pub(crate) const NODES: usize = 500;

const DEPLOYMENTS_OF_NAMESPACE: usize = 50;
const TIME: &str = "2025-01-31T12:00:05Z";
const WORDS: [&str; 10] = [
    "checkout",
    "payments",
    "catalog",
    "inventory",
    "search",
    "ledger",
    "profile",
    "shipping",
    "pricing",
    "gateway",
];
/// Holes in the text of a Pod.
const HOLES: [&str; 6] = ["@name@", "@uid@", "@ip@", "@node@", "@host@", "@version@"];

/// One of the Deployments.
#[derive(Clone, Copy)]
struct Deployment(usize);

impl Deployment {
    fn namespace(self) -> String {
        format!("team-{:03}", self.0 / DEPLOYMENTS_OF_NAMESPACE)
    }

    fn app(self) -> String {
        let kind = ["api", "worker"][self.0 / WORDS.len() % 2];
        format!("{}-{kind}-{:04}", WORDS[self.0 % WORDS.len()], self.0)
    }

    /// What its template hashes to.
    fn hash(self) -> String {
        letters(self.0, 10)
    }

    fn replica_set(self) -> String {
        format!("{}-{}", self.app(), self.hash())
    }

    fn pod(self, ordinal: usize) -> String {
        format!("{}-{}", self.replica_set(), letters(self.0 * REPLICAS + ordinal, 5))
    }
}

/// Letters as Kubernetes makes up names of; not the same for two numbers.
fn letters(number: usize, count: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // It has no factor in common with any power of 27.
    let mut rest = number * 7_368_787 + 1_234_577;
    let mut text = String::with_capacity(count);
    for place in 0..count {
        text.push(char::from(LETTERS[(rest + place) % LETTERS.len()]));
        rest /= LETTERS.len();
    }
    text
}

fn uid(kind: usize, number: usize) -> String {
    format!("{kind:08x}-6c1e-4f7a-9d3b-{number:012x}")
}

fn version(number: usize) -> String {
    (1_000_000 + number).to_string()
}

fn node(number: usize) -> String {
    format!("ip-10-0-{}-{}.eu-west-1.compute.internal", number % NODES / 250, number % NODES % 250)
}

fn zone(number: usize) -> &'static str {
    ["eu-west-1a", "eu-west-1b", "eu-west-1c"][number % NODES % 3]
}

fn ip(number: usize) -> String {
    format!("10.{}.{}.{}", 128 + number / 62_500, number / 250 % 250, 1 + number % 250)
}

/// `metadata` that every object has.
fn metadata(kind: usize, number: usize, name: &str, namespace: &str, managed: Value) -> Value {
    json!({
        "name": name,
        "namespace": namespace,
        "uid": uid(kind, number),
        "resourceVersion": version(number),
        "creationTimestamp": TIME,
        "managedFields": managed,
    })
}

/// An entry of `managedFields`.
fn managed(manager: &str, api_version: &str, subresource: &str, fields: &Value) -> Value {
    let mut entry = json!({
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": TIME,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entry
}

/// As `fieldsV1` names fields.
fn fields(names: &[&str]) -> Value {
    names.iter().map(|name| (format!("f:{name}"), json!({}))).collect::<serde_json::Map<_, _>>().into()
}

/// Services.
pub(super) fn service(number: usize, text: &mut String) {
    let deployment = Deployment(number);
    let (app, namespace) = (deployment.app(), deployment.namespace());
    let written = json!({
        "f:metadata": { "f:annotations": { ".": {}, "f:meta.helm.sh/release-name": {} }, "f:labels": fields(&[
            "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/name",
        ]) },
        "f:spec": {
            "f:internalTrafficPolicy": {},
            "f:ports": {
                ".": {},
                "k:{\"port\":80,\"protocol\":\"TCP\"}": fields(&["name", "port", "protocol", "targetPort"]),
                "k:{\"port\":9090,\"protocol\":\"TCP\"}": fields(&["name", "port", "protocol", "targetPort"]),
            },
            "f:selector": {}, "f:sessionAffinity": {}, "f:type": {},
        },
    });
    let mut metadata = metadata(1, number, &app, &namespace, json!([managed("helm", "v1", "", &written)]));
    metadata["labels"] = json!({
        "app.kubernetes.io/instance": app,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": app,
    });
    metadata["annotations"] =
        json!({ "meta.helm.sh/release-name": app, "meta.helm.sh/release-namespace": namespace });
    let address = format!("10.{}.{}.{}", 96 + number / 62_500, number / 250 % 250, 1 + number % 250);
    let service = json!({
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {
            "ports": [
                { "name": "http", "protocol": "TCP", "port": 80, "targetPort": "http" },
                { "name": "metrics", "protocol": "TCP", "port": 9090, "targetPort": "metrics" },
            ],
            "selector": { "app.kubernetes.io/name": app },
            "clusterIP": address,
            "clusterIPs": [address],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": { "loadBalancer": {} },
    });
    text.push_str(&service.to_string());
}

/// EndpointSlices: one for each Service, which is what Kubernetes makes of ten Pods.
pub(super) fn slice(number: usize, text: &mut String) {
    let deployment = Deployment(number);
    let (app, namespace) = (deployment.app(), deployment.namespace());
    let name = format!("{app}-{}", letters(number, 5));
    let written = json!({
        "f:addressType": {},
        "f:endpoints": {},
        "f:metadata": {
            "f:annotations": { ".": {}, "f:endpoints.kubernetes.io/last-change-trigger-time": {} },
            "f:generateName": {},
            "f:labels": fields(&["endpointslice.kubernetes.io/managed-by", "kubernetes.io/service-name"]),
            "f:ownerReferences": { ".": {}, format!("k:{{\"uid\":\"{}\"}}", uid(1, number)): {} },
        },
        "f:ports": {},
    });
    let written = managed("kube-controller-manager", "discovery.k8s.io/v1", "", &written);
    let mut metadata = metadata(2, number, &name, &namespace, json!([written]));
    metadata["generateName"] = format!("{app}-").into();
    metadata["generation"] = 12.into();
    metadata["labels"] = json!({
        "app.kubernetes.io/instance": app,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": app,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": app,
    });
    metadata["annotations"] = json!({ "endpoints.kubernetes.io/last-change-trigger-time": TIME });
    metadata["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "Service", "name": app, "uid": uid(1, number),
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let endpoint = |ordinal| {
        let pod = number * REPLICAS + ordinal;
        json!({
            "addresses": [ip(pod)],
            "conditions": { "ready": true, "serving": true, "terminating": false },
            "targetRef": {
                "kind": "Pod",
                "namespace": namespace,
                "name": deployment.pod(ordinal),
                "uid": uid(3, pod),
            },
            "nodeName": node(pod),
            "zone": zone(pod),
        })
    };
    let slice = json!({
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": (0..REPLICAS).map(endpoint).collect::<Vec<_>>(),
        "ports": [
            { "name": "http", "port": 8080, "protocol": "TCP" },
            { "name": "metrics", "port": 9090, "protocol": "TCP" },
        ],
    });
    text.push_str(&slice.to_string());
}

/// Nodes, their metadata only.
pub(super) fn node_metadata(number: usize, text: &mut String) {
    let name = node(number);
    let mut metadata = metadata(
        4,
        number,
        &name,
        "",
        json!([
            managed(
                "kubelet",
                "v1",
                "",
                &json!({ "f:metadata": {
            "f:annotations": fields(&["csi.volume.kubernetes.io/nodeid", "alpha.kubernetes.io/provided-node-ip"]),
            "f:labels": fields(&[
                "beta.kubernetes.io/arch", "beta.kubernetes.io/os", "kubernetes.io/arch",
                "kubernetes.io/hostname", "kubernetes.io/os", "node.kubernetes.io/instance-type",
            ]),
        } })
            ),
            managed(
                "aws-cloud-controller-manager",
                "v1",
                "",
                &json!({ "f:metadata": { "f:labels": fields(&[
            "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
            "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
        ]) } })
            ),
        ]),
    );
    metadata["labels"] = json!({
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": "eu-west-1",
        "failure-domain.beta.kubernetes.io/zone": zone(number),
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m6i.4xlarge",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": zone(number),
    });
    metadata["annotations"] = json!({
        "alpha.kubernetes.io/provided-node-ip": format!("10.0.{}.{}", number / 250, number % 250),
        "csi.volume.kubernetes.io/nodeid": format!("{{\"ebs.csi.aws.com\":\"i-{number:017x}\"}}"),
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    });
    metadata_only(metadata, text);
}

/// ReplicaSets, their metadata only.
pub(super) fn replica_set_metadata(number: usize, text: &mut String) {
    let deployment = Deployment(number);
    let (app, namespace) = (deployment.app(), deployment.namespace());
    let written = json!({
        "f:metadata": {
            "f:annotations": fields(&[
                "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas",
                "deployment.kubernetes.io/revision",
            ]),
            "f:labels": fields(&["app.kubernetes.io/name", "pod-template-hash"]),
            "f:ownerReferences": { ".": {}, format!("k:{{\"uid\":\"{}\"}}", uid(6, number)): {} },
        },
        "f:spec": { "f:replicas": {}, "f:selector": {}, "f:template": { "f:metadata": {}, "f:spec": fields(&[
            "containers", "dnsPolicy", "restartPolicy", "schedulerName", "securityContext", "serviceAccountName",
            "terminationGracePeriodSeconds", "volumes",
        ]) } },
    });
    let written = managed("kube-controller-manager", "apps/v1", "", &written);
    let mut metadata = metadata(5, number, &deployment.replica_set(), &namespace, json!([written]));
    metadata["generation"] = 1.into();
    metadata["labels"] = json!({
        "app.kubernetes.io/instance": app,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/version": format!("1.{}.0", number % 40),
        "pod-template-hash": deployment.hash(),
    });
    metadata["annotations"] = json!({
        "deployment.kubernetes.io/desired-replicas": REPLICAS.to_string(),
        "deployment.kubernetes.io/max-replicas": (REPLICAS + 3).to_string(),
        "deployment.kubernetes.io/revision": "7",
        "meta.helm.sh/release-name": app,
        "meta.helm.sh/release-namespace": namespace,
    });
    metadata["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "Deployment", "name": app, "uid": uid(6, number),
        "controller": true, "blockOwnerDeletion": true,
    }]);
    metadata_only(metadata, text);
}

fn metadata_only(metadata: Value, text: &mut String) {
    let object =
        json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata });
    text.push_str(&object.to_string());
}

/// Text, and the hole that follows it.
type Piece = (String, Option<usize>);

/// Pods, one after the other.
#[derive(Default)]
pub(super) struct Pods {
    /// The Deployment of the last one, and its text.
    template: Option<(usize, Vec<Piece>)>,
}

impl Pods {
    pub(super) fn write(&mut self, number: usize, text: &mut String) {
        let (deployment, ordinal) = (number / REPLICAS, number % REPLICAS);
        let template = match &self.template {
            Some((of, template)) if *of == deployment => template,
            _ => &self.template.insert((deployment, pieces(&pod(Deployment(deployment)).to_string()))).1,
        };
        // Neighbours are on different Nodes.
        let host = number % NODES;
        let values = [
            Deployment(deployment).pod(ordinal),
            uid(3, number),
            ip(number),
            node(number),
            format!("10.0.{}.{}", host / 250, host % 250),
            version(number),
        ];
        for (piece, hole) in template {
            text.push_str(piece);
            text.push_str(hole.map_or("", |hole| &values[hole]));
        }
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    loop {
        let next = HOLES.iter().enumerate().filter_map(|(hole, mark)| Some((rest.find(mark)?, hole))).min();
        let Some((place, hole)) = next else {
            pieces.push((rest.to_owned(), None));
            return pieces;
        };
        pieces.push((rest[..place].to_owned(), Some(hole)));
        rest = &rest[place + HOLES[hole].len()..];
    }
}

/// What a container has that nobody here reads.
fn container(name: &str, image: &str, env: &Value, ports: &Value, probes: [(&str, u16); 2]) -> Value {
    let probe = |(path, port): (&str, u16)| {
        json!({
            "httpGet": { "path": path, "port": port, "scheme": "HTTP" },
            "initialDelaySeconds": 10, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
            "failureThreshold": 3,
        })
    };
    json!({
        "name": name,
        "image": image,
        "ports": ports,
        "env": env,
        "resources": {
            "limits": { "cpu": "1", "memory": "512Mi" },
            "requests": { "cpu": "100m", "memory": "128Mi" },
        },
        "volumeMounts": [
            { "name": "config", "mountPath": "/etc/app" },
            {
                "name": "kube-api-access-x7k2p", "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            },
        ],
        "livenessProbe": probe(probes[0]),
        "readinessProbe": probe(probes[1]),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": { "drop": ["ALL"] }, "runAsUser": 2102, "runAsNonRoot": true,
            "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
    })
}

fn variable(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// A meshed Pod of a Deployment, with holes for what is its own.
fn pod(deployment: Deployment) -> Value {
    let (app, namespace) = (deployment.app(), deployment.namespace());
    let downward = |name: &str, path: &str| {
        json!({
            "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } },
        })
    };
    let secret = |name: &str| {
        json!({
            "name": name, "valueFrom": { "secretKeyRef": { "name": app, "key": name.to_lowercase() } },
        })
    };
    let app_env = json!([
        variable("LOG_LEVEL", "info"),
        variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.monitoring:4317"),
        variable("OTEL_SERVICE_NAME", &app),
        secret("DATABASE_URL"),
        secret("SESSION_KEY"),
        downward("POD_IP", "status.podIP"),
    ]);
    let proxy_env = json!([
        downward("_pod_name", "metadata.name"),
        downward("_pod_ns", "metadata.namespace"),
        downward("_pod_nodeName", "spec.nodeName"),
        variable("LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED", "false"),
        variable("LINKERD2_PROXY_LOG", "warn,linkerd=info,hickory=error,[{headers}]=off,[{request}]=off"),
        variable("LINKERD2_PROXY_LOG_FORMAT", "plain"),
        variable(
            "LINKERD2_PROXY_DESTINATION_SVC_ADDR",
            "linkerd-dst-headless.linkerd.svc.cluster.local.:8086",
        ),
        variable("LINKERD2_PROXY_POLICY_SVC_ADDR", "linkerd-policy.linkerd.svc.cluster.local.:8090"),
        variable("LINKERD2_PROXY_POLICY_WORKLOAD", "{\"ns\":\"$(_pod_ns)\", \"pod\":\"$(_pod_name)\"}\n"),
        variable("LINKERD2_PROXY_INBOUND_DEFAULT_POLICY", "all-unauthenticated"),
        variable("LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS", "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,fd00::/8"),
        variable("LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "0.0.0.0:4190"),
        variable("LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "0.0.0.0:4191"),
        variable("LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS", "127.0.0.1:4140"),
        variable("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "0.0.0.0:4143"),
        variable("LINKERD2_PROXY_INBOUND_IPS", "$(_pod_ip)"),
        variable("LINKERD2_PROXY_INBOUND_PORTS", "8080,9090"),
        variable("LINKERD2_PROXY_DESTINATION_PROFILE_SUFFIXES", "svc.cluster.local."),
        variable("LINKERD2_PROXY_DESTINATION_CONTEXT", "{\"ns\":\"$(_pod_ns)\", \"pod\":\"$(_pod_name)\"}\n"),
        variable("LINKERD2_PROXY_IDENTITY_DIR", "/var/run/linkerd/identity/end-entity"),
        variable(
            "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
            "$(_pod_sa).$(_pod_ns).serviceaccount.identity.linkerd.cluster.local",
        ),
        variable(
            "LINKERD2_PROXY_IDENTITY_SVC_ADDR",
            "linkerd-identity-headless.linkerd.svc.cluster.local.:8080"
        ),
    ]);
    let port = |name: &str, port: u16| json!({ "name": name, "containerPort": port, "protocol": "TCP" });
    let app_ports = json!([port("http", 8080), port("metrics", 9090)]);
    let proxy_ports = json!([port("linkerd-proxy", 4143), port("linkerd-admin", 4191)]);
    let image = format!("registry.example.org/{namespace}/{app}:1.{}.0", deployment.0 % 40);
    let proxy_image = "cr.l5d.io/linkerd/proxy:edge-25.1.1";
    let status = |name: &str, image: &str| {
        json!({
            "name": name,
            "state": { "running": { "startedAt": TIME } },
            "lastState": {},
            "ready": true,
            "restartCount": 0,
            "image": image,
            "imageID": format!("{image}@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            "containerID": "containerd://2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "started": true,
        })
    };
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": TIME });
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let written_container = fields(&[
        "env",
        "image",
        "imagePullPolicy",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "volumeMounts",
    ]);
    let written = json!({
        "f:metadata": {
            "f:annotations": fields(&["linkerd.io/created-by", "linkerd.io/inject", "linkerd.io/proxy-version"]),
            "f:generateName": {},
            "f:labels": fields(&["app.kubernetes.io/instance", "app.kubernetes.io/name", "pod-template-hash"]),
            "f:ownerReferences": { ".": {}, format!("k:{{\"uid\":\"{}\"}}", uid(5, deployment.0)): {} },
        },
        "f:spec": {
            "f:containers": { "k:{\"name\":\"app\"}": written_container },
            "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
            "f:securityContext": {}, "f:serviceAccount": {}, "f:serviceAccountName": {},
            "f:terminationGracePeriodSeconds": {}, "f:volumes": {},
        },
    });
    let written_condition = fields(&["lastProbeTime", "lastTransitionTime", "status", "type"]);
    let status_conditions: serde_json::Map<_, _> = conditions
        .iter()
        .map(|kind| (format!("k:{{\"type\":\"{kind}\"}}"), written_condition.clone()))
        .collect();
    let reported = json!({ "f:status": {
        "f:conditions": status_conditions, "f:containerStatuses": {}, "f:hostIP": {}, "f:hostIPs": {},
        "f:phase": {}, "f:podIP": {},
        "f:podIPs": { ".": {}, "k:{\"ip\":\"@ip@\"}": { ".": {}, "f:ip": {} } }, "f:startTime": {},
    } });
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "@name@",
            "generateName": format!("{}-", deployment.replica_set()),
            "namespace": namespace,
            "uid": "@uid@",
            "resourceVersion": "@version@",
            "creationTimestamp": TIME,
            "labels": {
                "app.kubernetes.io/instance": app,
                "app.kubernetes.io/managed-by": "Helm",
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/version": format!("1.{}.0", deployment.0 % 40),
                "linkerd.io/control-plane-ns": "linkerd",
                "linkerd.io/proxy-deployment": app,
                "linkerd.io/workload-ns": namespace,
                "pod-template-hash": deployment.hash(),
            },
            "annotations": {
                "linkerd.io/created-by": "linkerd/proxy-injector edge-25.1.1",
                "linkerd.io/inject": "enabled",
                "linkerd.io/proxy-version": "edge-25.1.1",
                "linkerd.io/trust-root-sha256":
                    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "prometheus.io/port": "9090",
                "prometheus.io/scrape": "true",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": deployment.replica_set(),
                "uid": uid(5, deployment.0), "controller": true, "blockOwnerDeletion": true,
            }],
            "managedFields": [
                managed("kube-controller-manager", "v1", "", &written),
                managed("kubelet", "v1", "status", &reported),
            ],
        },
        "spec": {
            "volumes": [
                { "name": "config", "configMap": { "name": app, "defaultMode": 420 } },
                { "name": "kube-api-access-x7k2p", "projected": { "defaultMode": 420, "sources": [
                    { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                    { "configMap": {
                        "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                    } },
                ] } },
                { "name": "linkerd-identity-end-entity", "emptyDir": { "medium": "Memory" } },
            ],
            "containers": [
                container("app", &image, &app_env, &app_ports, [("/healthz", 8080), ("/readyz", 8080)]),
                container("linkerd-proxy", proxy_image, &proxy_env, &proxy_ports, [("/live", 4191), ("/ready", 4191)]),
            ],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": app,
            "serviceAccount": app,
            "nodeName": "@node@",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {
                    "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": 300,
                },
                {
                    "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": 300,
                },
            ],
            "priority": 0,
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {
            "phase": "Running",
            "conditions": conditions.iter().map(|kind| condition(kind)).collect::<Vec<_>>(),
            "hostIP": "@host@",
            "hostIPs": [{ "ip": "@host@" }],
            "podIP": "@ip@",
            "podIPs": [{ "ip": "@ip@" }],
            "startTime": TIME,
            "containerStatuses": [status("app", &image), status("linkerd-proxy", proxy_image)],
            "qosClass": "Burstable",
        },
    })
}

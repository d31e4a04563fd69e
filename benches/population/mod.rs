//! The Pods of a large cluster and what they hang on, as the API server would describe them.

use std::rc::Rc;

use serde_json::{Value, json};

/// How many Nodes the Pods are spread over.
pub(super) const NODES: usize = 1_000;

/// So many Pods share a namespace.
pub(super) const PODS_OF_NAMESPACE: usize = 1_000;

const WORDS: [&str; 12] = [
    "checkout",
    "payments",
    "catalog",
    "inventory",
    "search",
    "ledger",
    "profile",
    "shipping",
    "pricing",
    "session",
    "reviews",
    "gateway",
];

/// What Pods are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// With a ReplicaSet between.
    Deployment,
    StatefulSet,
    Job,
}

/// Some Pods with one template.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) maker: Maker,
    pub(super) namespace: String,
    /// The name that a user gave it.
    app: String,
    /// What its template hashes to.
    hash: String,
    number: usize,
}

/// One Pod.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) workload: Rc<Workload>,
    pub(super) name: String,
    /// Its place among those of its workload.
    ordinal: usize,
    /// Its place among all.
    number: usize,
}

/// So many Pods, of which each maker makes about the given part. The same ones each time.
pub(super) fn members(count: usize, parts: &[(Maker, f64)]) -> Vec<Member> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut made = vec![0_usize; parts.len()];
    let mut members: Vec<Member> = Vec::with_capacity(count);
    for number in 0.. {
        if members.len() == count {
            break;
        }
        let left = (count - members.len()).min(PODS_OF_NAMESPACE - members.len() % PODS_OF_NAMESPACE);
        let behind = |i: &usize| parts[*i].1 * members.len() as f64 - made[*i] as f64;
        let next = (0..parts.len()).max_by(|a, b| behind(a).total_cmp(&behind(b))).expect("a part");
        let maker = parts[next].0;
        let replicas = match maker {
            Maker::Deployment => random.usize(3..=30).min(left),
            Maker::StatefulSet => random.usize(1..=9).min(left),
            Maker::Job => 1,
        };
        made[next] += replicas;
        let workload = Rc::new(Workload {
            maker,
            namespace: format!("team-{:03}", members.len() / PODS_OF_NAMESPACE),
            app: format!(
                "{}-{}-{number}",
                random.choice(WORDS).expect("a word"),
                ["api", "worker"][number % 2]
            ),
            hash: letters(&mut random, 10),
            number,
        });
        for ordinal in 0..replicas {
            let (number, suffix) = (members.len(), letters(&mut random, 5));
            let name = match maker {
                Maker::StatefulSet => format!("{}-{ordinal}", workload.app),
                _ => format!("{}-{suffix}", workload.maker_name()),
            };
            members.push(Member { workload: workload.clone(), name, ordinal, number });
        }
    }
    members
}

fn letters(random: &mut fastrand::Rng, count: usize) -> String {
    (0..count).map(|_| *random.choice(b"bcdfghjklmnpqrstvwxz2456789").expect("a letter") as char).collect()
}

impl Workload {
    /// What its Pods name as their owner: a ReplicaSet, a StatefulSet or a Job.
    fn maker_name(&self) -> String {
        match self.maker {
            Maker::Deployment => format!("{}-{}", self.app, self.hash),
            Maker::StatefulSet => self.app.clone(),
            Maker::Job => format!("{}-{}", self.app, 29_000_000 + self.number),
        }
    }

    /// What stands between it and its Pods, if anything does.
    pub(super) fn between(&self) -> Option<Value> {
        let (api_version, kind, owner) = match self.maker {
            Maker::Deployment => ("apps/v1", "ReplicaSet", "Deployment"),
            Maker::Job => ("batch/v1", "Job", "CronJob"),
            Maker::StatefulSet => return None,
        };
        Some(json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": self.maker_name(),
                "namespace": self.namespace,
                "labels": { "app.kubernetes.io/name": self.app },
                "ownerReferences": [{
                    "apiVersion": api_version, "kind": owner, "name": self.app, "controller": true,
                }],
            },
            "spec": { "replicas": 1 },
        }))
    }

    /// From eight to ten.
    fn labels(&self, member: &Member) -> Value {
        let mut labels = json!({
            "app.kubernetes.io/name": self.app,
            "app.kubernetes.io/instance": format!("{}-{}", self.namespace, self.app),
            "app.kubernetes.io/version": format!("1.{}.0", self.number % 40),
            "linkerd.io/control-plane-ns": "linkerd",
            "linkerd.io/workload-ns": self.namespace,
        });
        let own = match self.maker {
            Maker::Deployment => json!({
                "pod-template-hash": self.hash,
                "linkerd.io/proxy-deployment": self.app,
                "app.kubernetes.io/managed-by": "Helm",
            }),
            Maker::StatefulSet => json!({
                "controller-revision-hash": format!("{}-{}", self.app, self.hash),
                "linkerd.io/proxy-statefulset": self.app,
                "statefulset.kubernetes.io/pod-name": member.name,
                "apps.kubernetes.io/pod-index": member.ordinal.to_string(),
            }),
            Maker::Job => json!({
                "batch.kubernetes.io/job-name": self.maker_name(),
                "batch.kubernetes.io/controller-uid": uid(self.number),
                "linkerd.io/proxy-job": self.maker_name(),
            }),
        };
        for (key, value) in own.as_object().expect("it is a mapping") {
            labels[key] = value.clone();
        }
        if self.number.is_multiple_of(2) {
            labels["app.kubernetes.io/component"] = "backend".into();
        }
        labels
    }

    fn annotations(&self) -> Value {
        let mut annotations = json!({
            "linkerd.io/inject": "enabled",
            "linkerd.io/created-by": "linkerd/proxy-injector edge-25.1.1",
            "linkerd.io/proxy-version": "edge-25.1.1",
            "linkerd.io/trust-root-sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9090",
        });
        if self.number.is_multiple_of(10) {
            annotations["config.linkerd.io/opaque-ports"] = "3306,5432".into();
        }
        if self.number % 10 == 1 {
            annotations["config.linkerd.io/skip-inbound-ports"] = "9090".into();
        }
        annotations
    }

    /// Of its own container: up to two, so that with the proxy's there are two to four.
    fn ports(&self) -> Value {
        match self.number % 4 {
            0 => json!([]),
            1 => json!([{ "name": "http", "containerPort": 8080, "protocol": "TCP" }]),
            _ => json!([
                { "name": "http", "containerPort": 8080, "protocol": "TCP" },
                { "name": "metrics", "containerPort": 9090, "protocol": "TCP" },
            ]),
        }
    }
}

fn uid(number: usize) -> String {
    format!("0b9a4d52-6c1e-4f7a-9d3b-{number:012x}")
}

fn node(number: usize) -> String {
    format!("ip-10-0-{}-{}.eu-west-1.compute.internal", number % NODES / 250, number % NODES % 250)
}

fn zone(number: usize) -> &'static str {
    ["eu-west-1a", "eu-west-1b", "eu-west-1c"][number % NODES % 3]
}

/// All Nodes.
pub(super) fn nodes() -> impl Iterator<Item = Value> {
    (0..NODES).map(|number| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": node(number),
                "labels": { "topology.kubernetes.io/zone": zone(number), "kubernetes.io/arch": "amd64" },
            },
        })
    })
}

impl Member {
    fn ip(&self) -> String {
        format!("10.{}.{}.{}", 128 + self.number / 62_500, self.number / 250 % 250, 1 + self.number % 250)
    }

    /// The Pod.
    pub(super) fn pod(&self) -> Value {
        let workload = &*self.workload;
        let kind = match workload.maker {
            Maker::Deployment => "ReplicaSet",
            Maker::StatefulSet => "StatefulSet",
            Maker::Job => "Job",
        };
        let host = self.number % NODES;
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.name,
                "namespace": workload.namespace,
                "uid": uid(self.number),
                "resourceVersion": (1_000_000 + self.number).to_string(),
                "creationTimestamp": "2025-01-31T12:00:00Z",
                "labels": workload.labels(self),
                "annotations": workload.annotations(),
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": kind, "name": workload.maker_name(), "controller": true,
                }],
            },
            "spec": {
                "serviceAccountName": workload.app,
                "nodeName": node(self.number),
                "containers": [
                    { "name": "app", "image": format!("example.org/{}", workload.app), "ports": workload.ports() },
                    proxy(),
                ],
            },
            "status": {
                "phase": "Running",
                "conditions": [{ "type": "Ready", "status": "True" }],
                "hostIP": format!("10.0.{}.{}", host / 250, host % 250),
                "podIP": self.ip(),
                "podIPs": [{ "ip": self.ip() }],
                "startTime": "2025-01-31T12:00:05Z",
            },
        })
    }

    /// Its endpoint in a slice.
    fn endpoint(&self) -> Value {
        json!({
            "addresses": [self.ip()],
            "conditions": { "ready": true, "serving": true, "terminating": false },
            "nodeName": node(self.number),
            "zone": zone(self.number),
            "targetRef": {
                "kind": "Pod", "name": self.name, "namespace": self.workload.namespace, "uid": uid(self.number),
            },
        })
    }
}

fn proxy() -> Value {
    json!({
        "name": "linkerd-proxy",
        "image": "cr.l5d.io/linkerd/proxy:edge-25.1.1",
        "env": [
            { "name": "_pod_name", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
            { "name": "LINKERD2_PROXY_LOG", "value": "warn,linkerd=info" },
            { "name": "LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "value": "0.0.0.0:4190" },
            { "name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "value": "0.0.0.0:4191" },
            { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "0.0.0.0:4143" },
        ],
        "ports": [
            { "name": "linkerd-proxy", "containerPort": 4143, "protocol": "TCP" },
            { "name": "linkerd-admin", "containerPort": 4191, "protocol": "TCP" },
        ],
    })
}

/// The name of the Service that is made for all Pods of a namespace.
pub(super) const SERVICE: &str = "everything";

/// The port of [`SERVICE`].
pub(super) const PORT: u16 = 80;

/// [`SERVICE`] of the namespace with that number.
pub(super) fn service(number: usize, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": SERVICE, "namespace": namespace },
        "spec": {
            "clusterIP": format!("10.96.{}.{}", number / 250, 1 + number % 250),
            "selector": { "linkerd.io/workload-ns": namespace },
            "ports": [{ "name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP" }],
        },
    })
}

/// One slice of [`SERVICE`], for Pods of one namespace.
pub(super) fn slice(number: usize, members: &[Member]) -> Value {
    let namespace = &members[0].workload.namespace;
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{SERVICE}-{number:05x}"),
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": SERVICE,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
        "endpoints": members.iter().map(Member::endpoint).collect::<Vec<_>>(),
    })
}

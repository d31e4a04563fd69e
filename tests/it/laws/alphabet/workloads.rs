//! What is behind endpoints: Pods and what they came of, workloads outside, and what is said of their ports.

use std::{net::IpAddr, sync::Arc};

use proptest::{
    option::{of, weighted},
    prelude::{Just, Strategy, prop_oneof},
    sample::{select, subsequence},
};
use switchyard::model::{
    Condition, ContainerPort, Controller, ExternalWorkload, LabelSet, NsName, Object, OwnerRef, Phase, Pod,
    PodSpec, ProxyPorts, Requirement, Selector, Server, ServerPort, ServerTarget,
};

use super::{address, namespace, node, some_ports};

pub(super) fn pod_name() -> impl Strategy<Value = NsName> {
    (0..5usize).prop_map(|i| NsName::new("d", format!("p{i}")))
}

pub(super) fn workload_name() -> impl Strategy<Value = NsName> {
    (0..2usize).prop_map(|i| NsName::new("d", format!("w{i}")))
}

fn owner_ref(kind: &str, name: &str) -> OwnerRef {
    OwnerRef { kind: kind.into(), name: name.into() }
}

/// Ports of containers; 8080 and 9090 are those to which slices lead most often.
fn container_ports() -> impl Strategy<Value = Vec<ContainerPort>> {
    let ports = select(vec![
        vec![],
        vec![("http", 8080, None)],
        vec![("http", 8080, Some(8080)), ("admin", 9090, None)],
        vec![("admin", 8080, Some(80)), ("http", 9090, Some(90))],
        vec![("", 8081, Some(90)), ("http", 8081, None), ("http", 9090, None)],
    ]);
    let port = |(name, port, host_port): (&str, u16, Option<u16>)| ContainerPort {
        name: name.into(),
        port,
        host_port,
    };
    ports.prop_map(move |ports| ports.into_iter().map(port).collect())
}

/// The ports of a proxy; sometimes one is not known, sometimes it is one that a service leads to.
fn proxy() -> impl Strategy<Value = ProxyPorts> {
    let ports = prop_oneof![
        6 => Just((Some(4143), Some(4191), Some(4190))),
        1 => Just((Some(4143), Some(9090), Some(8081))),
        1 => Just((None, Some(4191), Some(8080))),
        1 => Just((Some(4143), None, Some(4190))),
        1 => Just((Some(4143), Some(4191), None)),
    ];
    ports.prop_map(|(inbound, admin, control)| ProxyPorts { inbound, admin, control })
}

fn pod_spec() -> impl Strategy<Value = PodSpec> {
    let owner = prop_oneof![
        2 => Just(None),
        3 => select(vec!["r0", "r1"]).prop_map(|name| Some(owner_ref("ReplicaSet", name))),
        1 => Just(Some(owner_ref("Job", "j0"))),
        1 => Just(Some(owner_ref("StatefulSet", "r0"))),
    ];
    let skip = prop_oneof![5 => Just(None), 1 => some_ports().prop_map(Some)];
    let about = (select(vec!["default", "shop"]), owner, weighted(0.1, Just(())));
    (about, container_ports(), weighted(0.3, some_ports()), skip, proxy()).prop_map(
        |((account, owner, host_network), ports, opaque_ports, skip, proxy)| PodSpec {
            service_account: account.into(),
            owner,
            host_network: host_network.is_some(),
            ports: ports.into(),
            opaque_ports,
            skip_inbound_ports: skip.unwrap_or_default(),
            proxy,
        },
    )
}

/// Labels of which Servers select by `app`.
fn labels() -> impl Strategy<Value = LabelSet> {
    let control_plane = prop_oneof![3 => Just(Some("linkerd")), 1 => Just(Some("other")), 1 => Just(Some("")), 2 => Just(None)];
    let hash = prop_oneof![2 => Just(None), 2 => Just(Some("h0")), 1 => Just(Some(""))];
    let app = of(select(vec!["a", "b"]));
    (control_plane, hash, app).prop_map(|(control_plane, hash, app)| {
        let keys = ["linkerd.io/control-plane-ns", "pod-template-hash", "app"];
        let labels = keys.into_iter().zip([control_plane, hash, app]);
        LabelSet::new(labels.filter_map(|(key, value)| Some((key, value?))))
    })
}

pub(super) fn pod() -> impl Strategy<Value = Pod> {
    let phase = select(vec![
        Phase::Running,
        Phase::Running,
        Phase::Running,
        Phase::Pending,
        Phase::Leaving,
        Phase::Over,
    ]);
    let ips = (of(address()), of(address())).prop_map(|(first, second)| match (first, second) {
        (Some(one), Some(other)) if one.is_ipv4() != other.is_ipv4() => [Some(one), Some(other)],
        (first, _) => [first, None],
    });
    let host_ips = subsequence(vec![IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 9])], 0..=2);
    let index = weighted(0.3, select(vec!["0", "1"]));
    let about = (of(node()), ips, host_ips, phase);
    (pod_name(), about, pod_spec(), labels(), index)
        .prop_map(|(name, (node, ips, host_ips, phase), spec, labels, index)| Pod {
            name,
            node,
            ips,
            host_ips: if spec.ports.iter().any(|port| port.host_port.is_some()) {
                host_ips.into()
            } else {
                [].into()
            },
            phase,
            created: switchyard::model::Created::default(),
            spec: Arc::new(spec),
            labels: Arc::new(labels),
            own_labels: LabelSet::new(index.map(|index| ("apps.kubernetes.io/pod-index", index))),
        })
        .boxed()
}

pub(super) fn external_workload() -> impl Strategy<Value = ExternalWorkload> {
    let ports = select(vec![
        vec![],
        vec![("http", 8080)],
        vec![("linkerd-proxy", 4999), ("admin", 8080), ("http", 80)],
        vec![("http", 80), ("http", 9090)],
    ]);
    let owner = of(Just(owner_ref("WorkloadGroup", "g")));
    let ips = prop_oneof![4 => address().prop_map(|ip| vec![ip]), 1 => Just(vec![])];
    (workload_name(), ips, ports, owner, weighted(0.3, some_ports()), labels()).prop_map(
        |(name, ips, ports, owner, opaque_ports, labels)| ExternalWorkload {
            created: Default::default(),
            identity: format!("spiffe://root/{}", name.name).into(),
            server_name: format!("{}.cluster.local", name.name).into(),
            ips: ips.into(),
            ports: ports.into_iter().map(|(name, port)| (name.into(), port)).collect(),
            owner,
            opaque_ports,
            labels,
            name,
        },
    )
}

fn selector() -> impl Strategy<Value = Selector> {
    let value = |value: &str| vec![value.into()];
    let condition = select(vec![
        ("app", Condition::In(value("a"))),
        ("app", Condition::In(value("b"))),
        ("app", Condition::NotIn(value("a"))),
        ("app", Condition::Present),
        ("app", Condition::Absent),
        ("apps.kubernetes.io/pod-index", Condition::In(value("1"))),
    ]);
    let requirement = condition.prop_map(|(key, condition)| Requirement { key: key.into(), condition });
    weighted(0.8, requirement)
        .prop_map(|requirement| Selector { requirements: requirement.into_iter().collect() })
}

pub(super) fn server_port() -> impl Strategy<Value = ServerPort> {
    prop_oneof![
        select(vec![80, 8080, 9090]).prop_map(ServerPort::Number),
        select(vec!["http", "admin", ""]).prop_map(|name| ServerPort::Name(name.into())),
    ]
}

pub(super) fn server() -> impl Strategy<Value = Server> {
    let opaque = (weighted(0.8, selector()), weighted(0.4, selector()), server_port())
        .prop_map(|(pods, workloads, port)| ServerTarget { pods, workloads, port });
    (namespace(), 0..3usize, weighted(0.8, opaque)).prop_map(|(namespace, i, opaque)| Server {
        name: NsName::new(namespace, format!("v{i}")),
        opaque,
        other: None,
    })
}

/// A ReplicaSet or a Job.
pub(super) fn controller() -> impl Strategy<Value = Object> {
    let owner = of(select(vec![
        ("Deployment", "x"),
        ("Deployment", "y"),
        ("Rollout", "x"),
        ("Job", "j0"),
        ("CronJob", "x"),
    ]));
    let which = select(vec![("d", "r0"), ("d", "r0"), ("d", "r1"), ("d", "j0"), ("e", "r0")]);
    (which, owner).prop_map(|((namespace, name), owner)| {
        let owner = owner.map(|(kind, name)| owner_ref(kind, name));
        let controller = Arc::new(Controller { name: NsName::new(namespace, name), owner });
        if name == "j0" { Object::Job(controller) } else { Object::ReplicaSet(controller) }
    })
}

//! Objects that nobody asks for.

use std::sync::Arc;

use switchyard::model::{
    Condition, Controller, EndpointSlice, ExternalWorkload, LabelSet, Node, NsName, Object, OwnerRef,
    Requirement, Selector, Server, ServerPort, ServerTarget, Service, ServiceKind, ServicePort,
    ServiceProfile,
};

use crate::{
    laws::{alphabet::DOMAIN, world::lonely},
    mesh::words::running_pod,
};

/// One of each kind, but splits, that no question and no other object mentions.
pub(super) fn lonely_objects(namespace: &str) -> Vec<Object> {
    let name = lonely(namespace);
    let service = Service {
        created: Default::default(),
        name: name.clone(),
        kind: ServiceKind::ClusterIp,
        cluster_ips: vec![[10, 96, 1, 1].into()],
        selector: LabelSet::default(),
        ports: vec![ServicePort::new("http", 80)],
        local_traffic_only: false,
        multi_cluster_marker: None,
        opaque_ports: None,
    };
    let slice = EndpointSlice {
        name: name.clone(),
        service: Some(name.name.clone()),
        mirror: None,
        subsets: Vec::new(),
    };
    let profile = ServiceProfile {
        name: NsName::new(namespace, format!("lonely.{namespace}.svc.{DOMAIN}")),
        routes: Vec::new(),
        retry_budget: None,
        dst_overrides: Vec::new(),
        problems: Vec::new(),
    };
    let owner = Some(OwnerRef { kind: "Deployment".into(), name: "lonely".into() });
    let controller = Arc::new(Controller { name: name.clone(), owner });
    let lonely = Requirement { key: "app".into(), condition: Condition::In(vec!["lonely".into()]) };
    let selector = Some(Selector { requirements: vec![lonely] });
    let opaque =
        ServerTarget { pods: selector.clone(), workloads: selector, port: ServerPort::Name("http".into()) };
    let workload = ExternalWorkload {
        created: Default::default(),
        name: name.clone(),
        identity: "spiffe://root/lonely".into(),
        server_name: "lonely".into(),
        ips: [[10, 96, 1, 2].into()].into(),
        ports: [("http".into(), 80)].into(),
        owner: None,
        opaque_ports: None,
        labels: LabelSet::default(),
    };
    vec![
        Object::ReplicaSet(controller.clone()),
        Object::Job(controller),
        Object::Server(Server { name: name.clone(), opaque: Some(opaque), other: None }.into()),
        Object::ExternalWorkload(workload.into()),
        Object::Service(service.into()),
        Object::EndpointSlice(slice.clone().into()),
        Object::Endpoints(slice.into()),
        Object::Pod(running_pod(name.clone(), Some("n0".into())).into()),
        Object::Node(Node { name: NsName::new("", name.name), zone: Some("z0".into()) }.into()),
        Object::ServiceProfile(profile.into()),
    ]
}

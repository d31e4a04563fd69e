//! A small change of one object.

use std::{mem, net::IpAddr, sync::Arc};

use jiff::Timestamp;
use switchyard::model::{
    Controller, EndpointSlice, ExternalWorkload, LabelSet, Mirror, Name, Node, Object, OwnerRef, Phase, Pod,
    PortRanges, Selector, Server, ServerPort, ServerTarget, Service, ServicePort, ServiceProfile,
    TrafficSplit,
};

use super::Tweak;

impl Tweak {
    pub(super) fn apply(&self, object: &Object) -> Object {
        match object {
            Object::Service(service) => Object::Service(Arc::new(self.service(service))),
            Object::EndpointSlice(slice) => Object::EndpointSlice(Arc::new(self.slice(slice))),
            Object::Endpoints(slice) => Object::Endpoints(Arc::new(self.slice(slice))),
            Object::Pod(pod) => Object::Pod(Arc::new(self.pod(pod))),
            Object::Node(node) => Object::Node(Arc::new(Node { zone: self.name("z"), ..(**node).clone() })),
            Object::TrafficSplit(split) => Object::TrafficSplit(Arc::new(self.split(split))),
            Object::ServiceProfile(profile) => Object::ServiceProfile(Arc::new(self.profile(profile))),
            Object::ReplicaSet(set) => Object::ReplicaSet(Arc::new(self.controller(set))),
            Object::Job(job) => Object::Job(Arc::new(self.controller(job))),
            Object::Server(server) => Object::Server(Arc::new(self.server(server))),
            Object::ExternalWorkload(workload) => Object::ExternalWorkload(Arc::new(self.workload(workload))),
        }
    }

    /// `n0`, `n1`, `n2` or nothing.
    fn name(&self, prefix: &str) -> Option<Name> {
        (self.choice % 4 < 3).then(|| format!("{prefix}{}", self.choice % 4).into())
    }

    fn service(&self, service: &Service) -> Service {
        let mut service = service.clone();
        match self.part % 5 {
            4 => service.selector = LabelSet::new(self.name("").iter().map(|app| ("app", app.as_str()))),
            0 => service.local_traffic_only = !service.local_traffic_only,
            1 => _ = service.ports.pop(),
            2 => service.opaque_ports = self.ports(),
            _ => {
                let number = if self.choice.is_multiple_of(2) { 80 } else { 90 };
                service.ports.insert(0, ServicePort::new("http", number));
            }
        }
        service
    }

    fn slice(&self, slice: &EndpointSlice) -> EndpointSlice {
        let mut slice = slice.clone();
        if self.part.is_multiple_of(8) {
            slice.mirror = match slice.mirror {
                None => Some(Mirror { cluster: Some("west".into()), ..Mirror::default() }),
                Some(_) => None,
            };
            return slice;
        }
        let Some(subset) = slice.subsets.first_mut() else { return slice };
        if subset.endpoints.is_empty() {
            return slice;
        }
        let which = self.choice % subset.endpoints.len();
        match self.part % 8 {
            1 | 2 => subset.endpoints[which].ready ^= true,
            3 => subset.endpoints[which].hint_zones = self.name("z").into_iter().collect(),
            4 => _ = subset.endpoints.remove(which),
            5 => subset.endpoints[which].zone = self.name("z"),
            6 => subset.endpoints.rotate_left(which),
            _ => subset.ports.iter_mut().flatten().for_each(|port| port.port ^= 1),
        }
        slice
    }

    fn pod(&self, pod: &Pod) -> Pod {
        let mut pod = pod.clone();
        match self.part % 11 {
            0 | 8 | 9 => pod.node = self.name("n"),
            1 => pod.phase = [Phase::Pending, Phase::Running, Phase::Leaving, Phase::Over][self.choice % 4],
            2 => pod.ips = [self.address(), None],
            3 => pod.labels = Arc::new(with_label(&pod.labels, "app", ["a", "b"][self.choice % 2])),
            4 => {
                let namespace = ["linkerd", "other", ""][self.choice % 3];
                pod.labels = Arc::new(with_label(&pod.labels, "linkerd.io/control-plane-ns", namespace));
            }
            5 => Arc::make_mut(&mut pod.spec).opaque_ports = self.ports(),
            6 => Arc::make_mut(&mut pod.spec).skip_inbound_ports = self.ports().unwrap_or_default(),
            7 => {
                let proxy = &mut Arc::make_mut(&mut pod.spec).proxy;
                proxy.admin = if proxy.admin.is_some() { None } else { Some(4191) };
            }
            _ => Arc::make_mut(&mut pod.spec).owner = self.owner("ReplicaSet", "r"),
        }
        pod
    }

    fn controller(&self, controller: &Controller) -> Controller {
        Controller {
            owner: self.owner(["Deployment", "CronJob", "Rollout"][self.part % 3], "x"),
            ..controller.clone()
        }
    }

    fn server(&self, server: &Server) -> Server {
        let mut server = server.clone();
        let everything = ServerTarget {
            pods: Some(Selector::default()),
            workloads: Some(Selector::default()),
            port: ServerPort::Number(8080),
        };
        match (self.part % 3, &mut server.opaque) {
            (0, Some(_)) => server.opaque = None,
            (1, Some(opaque)) => opaque.port = ServerPort::Name(["http", "admin"][self.choice % 2].into()),
            (_, Some(opaque)) => mem::swap(&mut opaque.pods, &mut opaque.workloads),
            (_, None) => server.opaque = Some(everything),
        }
        server
    }

    fn workload(&self, workload: &ExternalWorkload) -> ExternalWorkload {
        let mut workload = workload.clone();
        match self.part % 5 {
            0 => workload.ips = self.address().into_iter().collect(),
            1 => workload.identity = format!("spiffe://root/{}", self.choice % 2).into(),
            2 => workload.owner = self.owner("WorkloadGroup", "g"),
            3 => workload.opaque_ports = self.ports(),
            _ => workload.labels = with_label(&workload.labels, "app", ["a", "b"][self.choice % 2]),
        }
        workload
    }

    /// `10.0.0.1` to `10.0.0.3`, or nothing.
    fn address(&self) -> Option<IpAddr> {
        let last = u8::try_from(self.choice % 4).expect("small");
        (last > 0).then(|| [10, 0, 0, last].into())
    }

    /// None at all, or those that a service leads to.
    fn ports(&self) -> Option<PortRanges> {
        [None, Some(vec![]), Some(vec![8080..=8080]), Some(vec![80..=80, 9090..=9090])][self.choice % 4]
            .clone()
            .map(PortRanges::new)
    }

    fn owner(&self, kind: &str, prefix: &str) -> Option<OwnerRef> {
        self.name(prefix).map(|name| OwnerRef { kind: kind.into(), name })
    }

    fn split(&self, split: &TrafficSplit) -> TrafficSplit {
        let mut split = split.clone();
        match self.part % 6 {
            0 => split.has_matches = !split.has_matches,
            1 => split.created = (self.choice % 3 < 2).then(|| Timestamp::UNIX_EPOCH + self.age()),
            2 => split.apex = ["web", "a", "b"][self.choice % 3].into(),
            _ => {
                let count = split.backends.len().max(1);
                if let Some(backend) = split.backends.get_mut(self.choice % count) {
                    backend.weight = self.weight;
                }
            }
        }
        split
    }

    fn age(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs((self.choice % 2).try_into().expect("0 or 1"))
    }

    fn profile(&self, profile: &ServiceProfile) -> ServiceProfile {
        let mut profile = profile.clone();
        match profile.dst_overrides.first_mut() {
            Some(first) => first.weight = self.weight,
            None => profile.problems.clear(),
        }
        profile
    }
}

fn with_label(labels: &LabelSet, key: &str, value: &str) -> LabelSet {
    LabelSet::new(labels.iter().chain([(key, value)]))
}

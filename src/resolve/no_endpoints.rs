//! Why no ready endpoint serves a port of a Service: the first reason that applies, in words.
//!
//! Warnings, `why` and `plan` have the reason from here. It is looked for only where a port has no ready endpoint, which
//! the first ready one rules out.

use std::{collections::BTreeSet, fmt::Write, net::IpAddr, sync::Arc};

use indexmap::IndexMap;

use super::{
    Client, Look, Options, Pools,
    endpoints::{pool_key, unsuitable},
    inspect::Inspection,
    reader::{Reader, Unfit},
    similar_labels::{selects, similar},
    split::{named_backends, winner},
    standing::Cause,
    unknown::no_pods_here,
};
use crate::{
    cluster::{Cluster, Fact, StoredEndpoint, StoredSlice, Template, is_own, label_hash},
    listed::listed,
    model::{
        Kind, LabelSet, Name, NsName, ObjectId, Pod, Problem, Reason, Service, ServiceKind, ServicePort,
        TargetPort,
    },
    nearest::nearest,
    source::{NoPods, WithoutPods},
    tame,
    weight::Milli,
};

/// Templates of Pods that a selector is matched with; if a namespace has more and none of these matches, nothing is
/// said of the selector. Matching a thousand takes some 50 microseconds.
const MAX_TEMPLATES: usize = 10_000;

/// EndpointSlices of a namespace that are looked at for one that may be meant for a Service.
const MAX_SLICES: usize = 1000;

/// Names that are listed in a sentence.
const MAX_LISTED: usize = 5;

/// Why no ready endpoint serves some ports of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEndpoints {
    /// The ports, in the order of the Service.
    pub ports: Vec<u16>,
    /// Which of the known reasons it is.
    pub reason: Reason,
    /// The field of the Service that it is about.
    pub path: String,
    /// The reason without a full stop, for example `selector app=wbe matches no Pod`.
    pub why: String,
    /// What would be right; may be empty.
    pub remedy: String,
    /// Whether it is true of the cluster that a folder is meant for, where there may be Pods that are not in the folder.
    pub is_certain: bool,
    /// Whether it is also the state of a workload that is scaled to zero or starting, and not surely a mistake.
    may_be_idle: bool,
    /// Whether a split or a ServiceProfile sends the traffic of these ports to other Services.
    is_elsewhere: bool,
}

impl NoEndpoints {
    fn new(
        reason: Reason,
        path: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (path, why, remedy) = (path.into(), why.into(), remedy.into());
        let may_be_idle = matches!(reason, Reason::NoReplicas | Reason::NotReady);
        Self {
            ports: Vec::new(),
            reason,
            path,
            why,
            remedy,
            is_certain: true,
            may_be_idle,
            is_elsewhere: false,
        }
    }

    /// The warning about the Service.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let s = if ports.len() == 1 { "" } else { "s" };
        let ports = ports.join(", ");
        let mut message = if self.is_elsewhere {
            format!(
                "{}: it has no endpoints of its own on port{s} {ports}, which matters as soon as its traffic is not sent to \
                 other Services any more",
                self.why
            )
        } else {
            format!("{}: clients get no endpoints on port{s} {ports}", self.why)
        };
        if !self.remedy.is_empty() {
            write!(message, "; {}", self.remedy).expect("writing to a string does not fail");
        }
        // Names of ports and labels come from users.
        Problem { reason: self.reason, path: self.path.clone(), message: tame::message(&message) }
    }
}

/// Looks for ports of a Service that no ready endpoint serves.
#[must_use]
pub fn inspect_service(cluster: &Cluster, options: &Options, name: &NsName) -> Inspection {
    let (found, mut reads) = search(cluster, options, name);
    // These two have it inspected in any case; most Services read nothing else.
    reads.retain(|fact| !matches!(fact, Fact::Service(of) | Fact::Endpoints(of) if of == name));
    let problems = found.iter().filter(|one| one.is_certain).map(NoEndpoints::problem);
    let problems = shared_cluster_ip(cluster, name).into_iter().chain(problems).collect();
    Inspection::new(Kind::Service, name, problems, reads)
}

/// Looks for another Service with a cluster IP of this one. No fact is read for it: both are inspected whenever the
/// Services of the address change.
fn shared_cluster_ip(cluster: &Cluster, name: &NsName) -> Option<Problem> {
    let ips = &cluster.service(name)?.cluster_ips;
    ips.iter().enumerate().find_map(|(index, ip)| {
        let claims = cluster.service_claims(*ip)?;
        let oldest = claims.oldest();
        let message = if oldest.namespace == name.namespace {
            let other = claims.owners().find(|other| *other != name)?;
            format!(
                "cluster IP {ip} is also the one of Service {other}: a client that asks for the address gets neither \
                 Service; give each its own"
            )
        } else {
            format!(
                "cluster IP {ip} belongs to Service {oldest} of another namespace, which was created first: a client \
                 that asks for the address never gets this Service; give it a cluster IP of its own"
            )
        };
        Some(Problem { reason: Reason::SharedClusterIp, path: format!("spec.clusterIPs[{index}]"), message })
    })
}

/// Returns why no ready endpoint serves ports of a Service; nothing about ports that have one.
#[must_use]
pub fn no_endpoints(cluster: &Cluster, options: &Options, service: &NsName) -> Vec<NoEndpoints> {
    search(cluster, options, service).0
}

/// Returns every fact that is read to find out why a client gets no endpoints of a Service on this port.
pub(super) fn facts(cluster: &Cluster, options: &Options, name: &NsName, port: u16) -> BTreeSet<Fact> {
    let (_, mut facts) = search(cluster, options, name);
    let (client, mut pools) = (Client::default(), Pools::default());
    let mut look = Look::new(cluster, options, &client, &mut pools);
    if let Some(service) = look.service(name) {
        look.no_endpoints_on(service, port);
    }
    facts.append(&mut look.reads);
    facts
}

fn search(cluster: &Cluster, options: &Options, name: &NsName) -> (Vec<NoEndpoints>, BTreeSet<Fact>) {
    let (client, mut pools) = (Client::default(), Pools::default());
    let mut look = Look::new(cluster, options, &client, &mut pools);
    let Some(service) = look.service(name) else { return (Vec::new(), look.reads) };
    let mut found = look.no_endpoints(service);
    // If the traffic goes to other Services, these are looked at by themselves, and only what is surely a mistake is left.
    if !found.is_empty() && look.is_elsewhere(service) {
        let is_mistake = |one: &NoEndpoints| {
            one.reason == Reason::NoTargetPort
                || one.reason == Reason::SelectorMatchesNothing && !one.may_be_idle
        };
        found.retain(is_mistake);
        found.iter_mut().for_each(|one| one.is_elsewhere = true);
    }
    found.retain(|reason| !(reason.may_be_idle && look.has_no_weight(name)));
    found.retain(|reason| !reason.ports.is_empty());
    (found, look.reads)
}

/// Pods that a selector matches.
enum Selected<'a> {
    /// Pods whose containers name these ports; `None` if their ports are not looked at.
    Pods(Option<BTreeSet<&'a str>>),
    /// Nothing.
    Nothing,
    /// Nothing among [`MAX_TEMPLATES`], and there are more.
    Unknown,
}

impl<'a> Look<'a> {
    /// Why no ready endpoint serves ports of a Service. Ports with one reason are together.
    pub(super) fn no_endpoints(&mut self, service: &'a Service) -> Vec<NoEndpoints> {
        if unsuitable(service).is_some() {
            return Vec::new();
        }
        let empty = service.ports.iter().filter(|port| !self.has_endpoints_on(service, port));
        let empty: Vec<_> = empty.collect();
        self.reasons(service, &empty)
    }

    /// The same for one port, also if the Service does not define it; `None` if it has a ready endpoint.
    pub(super) fn no_endpoints_on(&mut self, service: &'a Service, port: u16) -> Option<NoEndpoints> {
        if unsuitable(service).is_some() || self.has_endpoints(service, port) {
            return None;
        }
        let port = service.port(port).cloned().unwrap_or_else(|| ServicePort::new("", port));
        self.reasons(service, &[&port]).pop()
    }

    /// Why no ready endpoint serves each of these ports.
    fn reasons(&mut self, service: &'a Service, ports: &[&ServicePort]) -> Vec<NoEndpoints> {
        if ports.is_empty() {
            return Vec::new();
        }
        let selected = (!service.selector.is_empty()).then(|| self.selected(service));
        let slices: Vec<_> = self.cluster.slices_of(&service.name).collect();
        let lists_any = slices.iter().any(|slice| slice.endpoints().next().is_some());
        // All ports have these two.
        let of_all = match selected {
            Some(Selected::Nothing) if !lists_any => Some(self.selects_nothing(service)),
            None if !lists_any => Some(self.no_slice(service)),
            _ => None,
        };
        if let Some(found) = of_all {
            return vec![NoEndpoints { ports: ports.iter().map(|port| port.port).collect(), ..found }];
        }
        let container_ports = if let Some(Selected::Pods(names)) = selected { names } else { None };
        // By reason, in the order of the first port of each.
        let mut found: IndexMap<(Reason, String), NoEndpoints> = IndexMap::new();
        for port in ports {
            let one = match &container_ports {
                Some(names) if lacks_target(port, names) => target_missing(service, port, names),
                _ if lists_any => self.not_given_out(service, port, &slices),
                _ => pending(service),
            };
            found.entry((one.reason, one.why.clone())).or_insert(one).ports.push(port.port);
        }
        found.into_values().collect()
    }

    /// Whether a split or a ServiceProfile sends the traffic to the ports of a Service to other Services.
    fn is_elsewhere(&mut self, service: &'a Service) -> bool {
        self.reads.insert(Fact::SplitsOf(service.name.clone()));
        let split = winner(self.cluster, &service.name);
        let is_divisible = service.kind == ServiceKind::ClusterIp && unsuitable(service).is_none();
        let by_split = split
            .filter(|_| is_divisible)
            .is_some_and(|split| named_backends(self.cluster, split).any(|(_, weight)| weight > Milli::ZERO));
        let fqdn = self.cluster.fqdn(&service.name);
        by_split
            || self
                .profile_object(&service.name, &fqdn)
                .is_some_and(|custom| !custom.dst_overrides.is_empty())
    }

    /// Whether splits name a Service as a backend and give it no weight, as Flagger does with the canary between two
    /// releases, when its Deployment is scaled to zero.
    fn has_no_weight(&mut self, name: &NsName) -> bool {
        self.reads.insert(Fact::SplitsWith(name.clone()));
        let mut weights = self.cluster.weights_of_backend(name).peekable();
        weights.peek().is_some() && weights.all(|weight| weight == Milli::ZERO)
    }

    /// Returns the Pods that a Service's selector matches.
    fn selected(&mut self, service: &'a Service) -> Selected<'a> {
        let (namespace, selector) = (&service.name.namespace, &service.selector);
        self.reads.insert(Fact::PodLabels(namespace.clone()));
        if let Some(pod) = selector.get(Pod::NAME_LABEL) {
            let name = NsName { namespace: namespace.clone(), name: pod.into() };
            self.reads.insert(Fact::Pod(name.clone()));
            let resident = self.cluster.resident(&name);
            let is_selected = resident.is_some_and(|resident| selects(selector, &resident.pod.labels));
            return if is_selected { Selected::Pods(None) } else { Selected::Nothing };
        }
        let mut all = self.cluster.templates(namespace);
        let matched = all.by_ref().take(MAX_TEMPLATES);
        let mut matched = matched.filter(|template| selects(selector, &template.labels)).peekable();
        let is_matched = matched.peek().is_some();
        let names: BTreeSet<_> = matched.flat_map(container_ports).collect();
        if self.cluster.workloads_in(namespace).any(|workload| selects(selector, &workload.labels)) {
            return Selected::Pods(None);
        }
        if is_matched {
            return Selected::Pods(Some(names));
        }
        if all.next().is_some() { Selected::Unknown } else { Selected::Nothing }
    }

    /// The selector matches no Pod, and no slice lists an endpoint.
    fn selects_nothing(&mut self, service: &Service) -> NoEndpoints {
        let (namespace, selector) = (&service.name.namespace, &service.selector);
        let path = "spec.selector";
        let in_namespace = self.cluster.without_pods().iter().filter(|one| one.name.namespace == *namespace);
        let mut with_labels = in_namespace.clone();
        let matches = |one: &&WithoutPods| one.templates.iter().any(|labels| selects(selector, labels));
        if let Some(WithoutPods { kind, name, cause, .. }) = with_labels.find(matches) {
            return match cause {
                NoPods::NoReplicas => {
                    let why = format!("{kind} {name} has replicas: 0");
                    NoEndpoints::new(Reason::NoReplicas, path, why, "raise its replicas")
                }
                NoPods::Unschedulable(reasons) => {
                    let why = format!("the Pods of {kind} {name} fit no Node ({reasons})");
                    let remedy = "correct the Pod template, or the Nodes";
                    NoEndpoints::new(Reason::Unschedulable, path, why, remedy)
                }
                NoPods::NotSimulated => {
                    let why = format!(
                        "selector {} matches the Pods of {kind} {name}, and its Pods are not known in a folder",
                        text(selector)
                    );
                    NoEndpoints::new(Reason::PodsUnknown, path, why, "")
                }
            };
        }
        // Pods of another namespace that have all of its labels have this one.
        let label = selector.iter().find(|(key, _)| !is_own(key));
        let label = label.map(|(key, value)| Fact::PodLabel(label_hash(key, value)));
        self.reads.extend(label);
        let similar = similar(self.cluster, namespace, selector);
        let is_meant = similar.as_ref().is_some_and(|similar| similar.is_meant);
        // An operator gives its Pods labels that are in no manifest, and one of them is nearly always the object's name.
        let is_named = |one: &&WithoutPods| selector.iter().any(|(_, value)| value == one.name.name.as_str());
        let mut operated = in_namespace.filter(|one| one.cause == NoPods::NotSimulated);
        let named = operated.clone().find(is_named).map(|one| (one, Reason::SelectorMatchesNothing));
        let unlabelled = operated.find(|one| one.templates.is_empty()).map(|one| (one, Reason::PodsUnknown));
        if let Some((WithoutPods { kind, name, .. }, reason)) = named.or(unlabelled).filter(|_| !is_meant) {
            let why = format!(
                "selector {} matches no Pod here, and the Pods of {kind} {name} are not known in a folder",
                text(selector)
            );
            return NoEndpoints { is_certain: false, ..NoEndpoints::new(reason, path, why, "") };
        }
        if !is_meant && !self.cluster.knows_pods(namespace) {
            return self.pods_are_elsewhere(Reason::SelectorMatchesNothing, path, namespace);
        }
        let hint = similar.map(|similar| format!(" ({})", similar.text)).unwrap_or_default();
        let why = format!("selector {} matches no Pod{hint}", text(selector));
        let remedy = "correct the selector, or the labels of the Pods";
        let found = NoEndpoints::new(Reason::SelectorMatchesNothing, path, why, remedy);
        NoEndpoints { may_be_idle: !is_meant, ..found }
    }

    /// The folder has no Pods of a namespace.
    fn pods_are_elsewhere(&self, reason: Reason, path: &str, namespace: &Name) -> NoEndpoints {
        let why = no_pods_here(self.cluster, namespace);
        NoEndpoints { is_certain: false, ..NoEndpoints::new(reason, path, why, "") }
    }

    /// No selector, and no slice lists an endpoint.
    fn no_slice(&mut self, service: &Service) -> NoEndpoints {
        let (name, path) = (&service.name, "spec");
        if let Some(slice) = self.cluster.slices_of(name).next() {
            let why = format!("it has no selector, and {} lists no endpoint", slice.id);
            return NoEndpoints::new(Reason::NoEndpointSlice, path, why, "list the addresses there");
        }
        let hint = self.slice_of_another(name);
        self.reads.insert(Fact::PodLabels(name.namespace.clone()));
        if hint.is_none() && !self.cluster.knows_pods(&name.namespace) {
            return self.pods_are_elsewhere(Reason::NoEndpointSlice, path, &name.namespace);
        }
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let why = format!("it has no selector, and no EndpointSlice or Endpoints is of {name}{hint}");
        let remedy = format!(
            "add a selector, or an EndpointSlice with the label kubernetes.io/service-name: {}",
            name.name
        );
        NoEndpoints::new(Reason::NoEndpointSlice, path, why, remedy)
    }

    /// A slice that may be meant for a Service that has none.
    fn slice_of_another(&mut self, service: &NsName) -> Option<String> {
        let NsName { namespace, name } = service;
        self.reads.extend([
            Fact::SlicesIn(namespace.clone()),
            Fact::SlicesFor(name.clone()),
            Fact::ServiceNames(namespace.clone()),
        ]);
        let stray = |(id, of): (&'a ObjectId, Option<&'a NsName>)| match of {
            None => Some((id, format!("{id} has no label kubernetes.io/service-name"))),
            Some(of) if self.cluster.service(of).is_none() => {
                Some((id, format!("{id} is of Service {of}, which does not exist")))
            }
            Some(_) => None,
        };
        let in_namespace = self.cluster.slices_in(namespace).take(MAX_SLICES);
        let candidates: Vec<_> = in_namespace.filter_map(stray).collect();
        let is_named = |(id, _): &&(&ObjectId, String)| id.name.name.as_str().starts_with(name.as_str());
        if let Some((_, hint)) = candidates.iter().find(is_named).or_else(|| candidates.first()) {
            return Some(hint.clone());
        }
        let other = self.cluster.other_namespace_with_slices_of(service)?;
        Some(format!("namespace {other} has some, of a Service of this name there"))
    }

    /// Slices list endpoints, and each is excluded or not ready.
    fn not_given_out(
        &self,
        service: &Service,
        port: &ServicePort,
        slices: &[&Arc<StoredSlice>],
    ) -> NoEndpoints {
        let key = pool_key(service, port.port);
        let reader = Reader { options: self.options, key: &key };
        let (mut on_port, mut not_ready) = (0, 0);
        let mut excluded: Option<(Cause, &StoredEndpoint)> = None;
        for subset in slices.iter().flat_map(|slice| &slice.subsets) {
            let number = reader.target_port(subset);
            for stored in subset.endpoints.iter().filter(|_| number.is_some()) {
                on_port += 1;
                let cause = match reader.address(number, stored) {
                    Ok(_) | Err(Unfit::NoPort | Unfit::OtherName) => continue,
                    Err(Unfit::NotReady) => {
                        not_ready += 1;
                        continue;
                    }
                    Err(Unfit::Family) => Cause::Family,
                    Err(Unfit::Missing) => Cause::Missing,
                    Err(Unfit::Foreign) => Cause::Foreign,
                    Err(Unfit::Unknown) => Cause::Unknown,
                    Err(Unfit::Unusable(lacks)) => Cause::Proxy(lacks),
                };
                excluded.get_or_insert((cause, stored));
            }
        }
        let path = format!("spec.ports[{}]", port.index);
        match excluded {
            _ if on_port == 0 => port_not_listed(port, path, slices),
            None if not_ready == 1 => {
                NoEndpoints::new(Reason::NotReady, path, "its only endpoint is not ready", "")
            }
            None => NoEndpoints::new(
                Reason::NotReady,
                path,
                format!("none of its {not_ready} endpoints is ready"),
                "",
            ),
            Some((cause, stored)) => {
                let why = cause.sentence(&stored.endpoint.target);
                let among = if on_port > 1 {
                    format!(" (one of {on_port} that are left out or not ready)")
                } else {
                    String::new()
                };
                // Queries report a Pod that lacks a variable under this reason.
                let reason =
                    if let Cause::Proxy(_) = cause { Reason::PodUnusable } else { Reason::EndpointsExcluded };
                let path = if reason == Reason::PodUnusable { String::new() } else { path };
                let why = format!("endpoint {} is left out{among}: {why}", stored.endpoint.address);
                NoEndpoints::new(reason, path, why, "")
            }
        }
    }
}

/// The Pods are there, and no slice lists them.
fn pending(service: &Service) -> NoEndpoints {
    let ips = &service.cluster_ips;
    let address =
        if !ips.is_empty() && ips.iter().all(IpAddr::is_ipv6) { "an IPv6 address" } else { "an address" };
    let why = format!(
        "the Pods that selector {} matches are not endpoints yet: none has {address}, or all have ended",
        text(&service.selector)
    );
    NoEndpoints::new(Reason::NotReady, "spec.selector", why, "")
}

/// The names of the ports that the containers of Pods have.
fn container_ports(template: &Template) -> impl Iterator<Item = &str> {
    template.spec.ports.iter().map(|port| &*port.name).filter(|name| !name.is_empty())
}

/// Whether no container port has the name that a Service's port leads to.
fn lacks_target(port: &ServicePort, names: &BTreeSet<&str>) -> bool {
    matches!(&port.target, TargetPort::Name(name) if !names.contains(&**name))
}

fn target_missing(service: &Service, port: &ServicePort, names: &BTreeSet<&str>) -> NoEndpoints {
    let TargetPort::Name(target) = &port.target else { unreachable!("only a name can be missing") };
    let there = match names.len() {
        0 => "they name none".to_owned(),
        1 => format!("there is {}", listed(names, MAX_LISTED)),
        _ => format!("there are {}", listed(names, MAX_LISTED)),
    };
    let why = format!(
        "targetPort {target} names no container port of the Pods that {} selects ({there})",
        service.name.name
    );
    let remedy = match nearest(target, names.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("name a container port {target}, or write its number"),
    };
    NoEndpoints::new(Reason::NoTargetPort, format!("spec.ports[{}].targetPort", port.index), why, remedy)
}

/// The slices of a Service list endpoints, but no port of that name.
fn port_not_listed(port: &ServicePort, path: String, slices: &[&Arc<StoredSlice>]) -> NoEndpoints {
    let called =
        |name: &str| if name.is_empty() { "without a name".to_owned() } else { format!("named {name}") };
    let ports =
        slices.iter().flat_map(|slice| &slice.subsets).flat_map(|subset| subset.ports.iter().flatten());
    let has: BTreeSet<_> = ports.map(|port| called(&port.name)).collect();
    let there = if has.is_empty() {
        "they list no port".to_owned()
    } else {
        format!("there is one {}", listed(&has, MAX_LISTED))
    };
    let why = format!("no EndpointSlice of it has a port {} ({there})", called(&port.name));
    NoEndpoints::new(Reason::NoTargetPort, path, why, "a slice names its ports as the Service does")
}

/// A selector as `app=web,tier=front`.
fn text(selector: &LabelSet) -> String {
    selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

//! Servers that are for no port of any workload, and Servers of which Linkerd applies only one.
//!
//! A port number need not be declared by a container: Linkerd applies the Server to whatever listens there. A port name
//! is looked up among the container ports of the Pods, or the ports of the ExternalWorkloads.

use std::collections::BTreeSet;

use super::Inspection;
use crate::{
    cluster::{Cluster, Fact, Template, is_own, label_hash},
    listed::listed,
    model::{
        Condition, Kind, LabelSet, NsName, Pod, Problem, Reason, Requirement, Selector, Server, ServerPort,
        ServerTarget,
    },
    nearest::nearest,
    resolve::{
        similar_labels::{self, Similar, owner, similar, similar_workloads},
        unknown::no_pods_here,
    },
    source::{NoPods, WithoutPods},
    tame,
};

/// Templates of Pods, and ExternalWorkloads, that a selector is matched with; if a namespace has more and none of these
/// matches, nothing is reported.
const MAX_MATCHED: usize = 1000;

/// Servers for the same port that one is compared with; further ones are ignored. Linkerd's webhook refuses most that
/// would conflict, so that two are many.
const MAX_COMPARED: usize = 100;

/// Names that are listed in a sentence.
const MAX_LISTED: usize = 5;

const PODS: &str = "spec.podSelector";
const WORKLOADS: &str = "spec.externalWorkloadSelector";

/// Looks for what keeps a Server from having an effect.
pub(in crate::resolve) fn inspect_server(cluster: &Cluster, name: &NsName) -> Inspection {
    let Some(inspector) = Inspector::inspect(cluster, name) else { return Inspection::default() };
    Inspection::new(Kind::Server, name, inspector.problems, inspector.reads)
}

/// Why the selectors of a Server cannot be checked in a folder, as a sentence without a full stop, if so.
pub(in crate::resolve) fn unchecked(cluster: &Cluster, name: &NsName) -> Option<String> {
    Inspector::inspect(cluster, name)?.unchecked
}

struct Inspector<'a> {
    cluster: &'a Cluster,
    server: &'a Server,
    problems: Vec<Problem>,
    unchecked: Option<String>,
    reads: BTreeSet<Fact>,
}

impl<'a> Inspector<'a> {
    fn inspect(cluster: &'a Cluster, name: &NsName) -> Option<Self> {
        let server = cluster.server(name)?;
        let reads = BTreeSet::from([Fact::Server(name.clone())]);
        let mut inspector = Self { cluster, server, problems: Vec::new(), unchecked: None, reads };
        if let Some(target) = server.target() {
            inspector.target(target);
        }
        Some(inspector)
    }

    fn target(&mut self, target: &ServerTarget) {
        if let Some(selector) = &target.pods {
            self.pods(selector, &target.port);
        }
        if let Some(selector) = &target.workloads {
            self.workloads(selector, &target.port);
        }
        if target.pods.is_none() && target.workloads.is_none() {
            let why = "it has neither podSelector nor externalWorkloadSelector";
            self.unused("spec", why, "add the one for the workloads that it is for");
        }
    }

    /// Reports that the Server has no effect.
    fn unused(&mut self, path: &str, why: &str, remedy: &str) {
        let effect = match self.server.opaque {
            Some(_) => "marks no port as opaque",
            None => "is for no port",
        };
        // Names of ports and labels come from users.
        let message = tame::message(&format!("{why}, so the Server {effect}; {remedy}"));
        self.problems.push(Problem { reason: Reason::ServerUnused, path: path.to_owned(), message });
    }

    fn pods(&mut self, selector: &Selector, port: &ServerPort) {
        let namespace = &self.server.name.namespace;
        // Whatever Pods it selects have this label, so that those of other applications are not waited for.
        let label = labels(selector).iter().next().map(|(key, value)| Fact::PodLabel(label_hash(key, value)));
        let namespace_labels = Fact::PodLabels(namespace.clone());
        self.reads.insert(label.unwrap_or_else(|| namespace_labels.clone()));
        let mut all = self.cluster.templates(namespace);
        let selected: Vec<_> =
            all.by_ref().take(MAX_MATCHED).filter(|template| selects(selector, &template.labels)).collect();
        if selected.is_empty() {
            self.reads.insert(namespace_labels);
            if all.next().is_none() {
                self.no_pod(selector);
            }
            return;
        }
        if let ServerPort::Name(name) = port {
            let names: BTreeSet<_> = ports(&selected).map(|(name, _)| name).collect();
            if !names.contains(&**name) {
                self.reads.insert(namespace_labels);
                if all.next().is_none() && !self.without_pods().any(|one| may_have(one, selector)) {
                    let of = "container port of the Pods that podSelector matches";
                    self.no_port(name, of, "container port", &names);
                }
                return;
            }
        }
        self.conflict(&selected, port);
    }

    /// Workloads of the Server's namespace that have no Pods in a folder.
    fn without_pods(&self) -> impl Iterator<Item = &'a WithoutPods> {
        let namespace = self.server.name.namespace.clone();
        self.cluster.without_pods().iter().filter(move |one| one.name.namespace == namespace)
    }

    /// The selector matches no Pod.
    fn no_pod(&mut self, selector: &Selector) {
        let namespace = &self.server.name.namespace;
        let matches = |one: &WithoutPods| one.templates.iter().any(|labels| selects(selector, labels));
        if self.without_pods().any(matches) {
            return;
        }
        let labels = labels(selector);
        if let Some((key, value)) = labels.iter().last() {
            // Pods of another namespace that have all of its labels have this one.
            self.reads.insert(Fact::PodLabel(label_hash(key, value)));
        }
        let workload = self.cluster.workloads_in(namespace).take(MAX_MATCHED);
        let workload = workload.into_iter().find(|workload| selects(selector, &workload.labels));
        let similar = match workload {
            Some(workload) if !selector.requirements.is_empty() => Some(Similar {
                text: format!(
                    "{} {} has these labels, which externalWorkloadSelector selects",
                    Kind::ExternalWorkload,
                    workload.name.name
                ),
                is_meant: true,
            }),
            _ if self
                .cluster
                .templates(namespace)
                .any(|one| similar_labels::selects(&labels, &one.labels)) =>
            {
                None
            }
            _ => similar(self.cluster, namespace, &labels),
        };
        let is_meant = similar.as_ref().is_some_and(|similar| similar.is_meant);
        // An operator gives its Pods labels that are in no manifest, and one of them is nearly always the object's name.
        let is_operated = |one: &WithoutPods| {
            one.cause == NoPods::NotSimulated
                && (one.templates.is_empty()
                    || labels.iter().any(|(_, value)| value == one.name.name.as_str()))
        };
        if !is_meant && self.without_pods().any(is_operated) {
            return;
        }
        if !is_meant && !self.cluster.knows_pods(namespace) {
            self.unchecked = Some(no_pods_here(self.cluster, namespace));
            return;
        }
        self.no_match(PODS, selector, "Pod", similar);
    }

    fn no_match(&mut self, path: &'static str, selector: &Selector, kind: &str, similar: Option<Similar>) {
        let hint = similar.map(|similar| format!(" ({})", similar.text)).unwrap_or_default();
        let field = path.trim_start_matches("spec.");
        let why = match text(selector) {
            all if all.is_empty() => {
                format!("there is no {kind} in namespace {}", self.server.name.namespace)
            }
            text => format!("{field} {text} matches no {kind}{hint}"),
        };
        self.unused(path, &why, &format!("correct the selector, or the labels of the {kind}s"));
    }

    fn no_port(&mut self, name: &str, of: &str, kind: &str, names: &BTreeSet<&str>) {
        let there = match names.len() {
            0 => "they name none".to_owned(),
            1 => format!("there is {}", listed(names, MAX_LISTED)),
            _ => format!("there are {}", listed(names, MAX_LISTED)),
        };
        let remedy = match nearest(name, names.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("name a {kind} {name}, or write its number"),
        };
        self.unused("spec.port", &format!("port {name} names no {of} ({there})"), &remedy);
    }

    fn workloads(&mut self, selector: &Selector, port: &ServerPort) {
        let namespace = &self.server.name.namespace;
        self.reads.insert(Fact::PodLabels(namespace.clone()));
        let mut all = self.cluster.workloads_in(namespace);
        let mut names = BTreeSet::new();
        let mut is_matched = false;
        for workload in all.by_ref().take(MAX_MATCHED) {
            if !selects(selector, &workload.labels) {
                continue;
            }
            is_matched = true;
            let ServerPort::Name(name) = port else { return };
            names.extend(workload.ports.iter().map(|(name, _)| &**name).filter(|name| !name.is_empty()));
            if names.contains(&**name) {
                return;
            }
        }
        if all.next().is_some() {
            return;
        }
        if let (true, ServerPort::Name(name)) = (is_matched, port) {
            let of = "port of the ExternalWorkloads that externalWorkloadSelector matches";
            return self.no_port(name, of, "port", &names);
        }
        let kind = Kind::ExternalWorkload.as_str();
        let pods = self.cluster.templates(namespace).take(MAX_MATCHED);
        let pods = pods.filter(|template| selects(selector, &template.labels));
        // Templates with the same labels come in no particular order.
        let similar = match pods.map(owner).min() {
            Some(owner) if !selector.requirements.is_empty() => Some(Similar {
                text: format!("{owner} has these labels, which podSelector selects"),
                is_meant: true,
            }),
            _ => similar_workloads(self.cluster, namespace, &labels(selector)),
        };
        let is_meant = similar.as_ref().is_some_and(|similar| similar.is_meant);
        if !is_meant && !self.cluster.knows_workloads(namespace) {
            self.unchecked = Some(format!("no {kind} of namespace {namespace} is in these manifests"));
            return;
        }
        self.no_match(WORKLOADS, selector, kind, similar);
    }

    /// Looks for a Server that precedes this one by name and is for the same port of the same Pods. Linkerd's policy
    /// controller applies one of several, and which one is not defined.
    fn conflict(&mut self, selected: &[&'a Template], port: &ServerPort) {
        // A label that each Pod has for itself may keep two selectors apart, and no template shows it.
        if self.server.target().and_then(|target| target.pods.as_ref()).is_some_and(selects_one) {
            return;
        }
        let NsName { namespace, name } = &self.server.name;
        let same = |(of, number): &(&str, u16)| match port {
            ServerPort::Number(port) => port == number,
            ServerPort::Name(port) => **port == **of,
        };
        let other_spelling = |(of, number): (&str, u16)| match port {
            ServerPort::Number(_) => ServerPort::Name(of.into()),
            ServerPort::Name(_) => ServerPort::Number(number),
        };
        let mut spellings: BTreeSet<_> = ports(selected).filter(same).map(other_spelling).collect();
        spellings.insert(port.clone());
        self.reads.extend(spellings.iter().map(|port| Fact::ServersOn(namespace.clone(), port.clone())));
        let shared = |other: &'a Server| {
            let target = other.target()?;
            let pods = target.pods.as_ref().filter(|pods| !selects_one(pods))?;
            let both = selected.iter().filter(|template| selects(pods, &template.labels));
            let with_port = both
                .filter_map(|template| Some((owner(template), shared_port(template, port, &target.port)?)));
            Some((other, with_port.min()?))
        };
        // The Servers of each spelling come by name, so that the first one with a shared port ends the search.
        let mut left = MAX_COMPARED;
        let first_of = |port| {
            let servers = self.cluster.servers_on(namespace, port);
            let mut others = servers.take_while(|other| other.name.name < *name).take(left);
            others.find_map(|other| {
                left -= 1;
                shared(other)
            })
        };
        let first = spellings.iter().filter_map(first_of).min_by_key(|(other, _)| &other.name);
        let Some((other, (owner, number))) = first else { return };
        let opaque = match (&self.server.opaque, &other.opaque) {
            (Some(_), None) | (None, Some(_)) => {
                ", while clients take the port for opaque, because one of the two is"
            }
            _ => "",
        };
        let message = format!(
            "Server {} is for port {number} of {} too: Linkerd's proxies apply only one of the two{opaque}; keep one Server \
             for a port",
            other.name, owner
        );
        let message = tame::message(&message);
        self.problems.push(Problem { reason: Reason::ServerConflict, path: "spec.port".to_owned(), message });
    }
}

/// The number of the port of these Pods that two Servers are for, if it is one.
fn shared_port(template: &Template, one: &ServerPort, other: &ServerPort) -> Option<u16> {
    let numbers = |port: &ServerPort| -> BTreeSet<u16> {
        match port {
            ServerPort::Number(number) => BTreeSet::from([*number]),
            ServerPort::Name(name) => {
                ports(&[template]).filter(|(of, _)| **of == **name).map(|(_, number)| number).collect()
            }
        }
    };
    numbers(one).intersection(&numbers(other)).next().copied()
}

/// The container ports that have a name, of Pods of these templates.
fn ports<'a>(templates: &[&'a Template]) -> impl Iterator<Item = (&'a str, u16)> + use<'a> {
    let ports = |template: &'a Template| template.spec.ports.iter();
    let all: Vec<_> =
        templates.iter().copied().flat_map(ports).map(|port| (&*port.name, port.port)).collect();
    all.into_iter().filter(|(name, _)| !name.is_empty())
}

/// Whether a workload may have Pods that a selector matches.
fn may_have(workload: &WithoutPods, selector: &Selector) -> bool {
    workload.templates.is_empty() || workload.templates.iter().any(|labels| selects(selector, labels))
}

/// Whether a selector matches Pods with these labels. Labels that each Pod has for itself are in no template, and any value
/// of them is possible.
fn selects(selector: &Selector, labels: &LabelSet) -> bool {
    let is_shared = |one: &&Requirement| !Pod::OWN_LABELS.contains(&&*one.key);
    selector.requirements.iter().filter(is_shared).all(|one| one.holds(labels.get(&one.key)))
}

/// Whether a selector requires a label that each Pod has for itself.
fn selects_one(selector: &Selector) -> bool {
    selector.requirements.iter().any(|one| Pod::OWN_LABELS.contains(&&*one.key))
}

/// The labels that a selector requires with one value each, but for those by which Pods of one workload differ.
fn labels(selector: &Selector) -> LabelSet {
    let label = |one: &'_ Requirement| match &one.condition {
        Condition::In(values) if values.len() == 1 => Some((one.key.to_string(), values[0].to_string())),
        _ => None,
    };
    let is_shared = |(key, _): &(String, String)| !is_own(key);
    let labels: Vec<_> = selector.requirements.iter().filter_map(label).filter(is_shared).collect();
    LabelSet::new(labels.iter().map(|(key, value)| (&**key, &**value)))
}

/// A selector as `kubectl` writes it: `app=web,tier in (a, b),!legacy`.
fn text(selector: &Selector) -> String {
    let listed = |values: &[Box<str>]| listed(values, MAX_LISTED);
    let requirement = |Requirement { key, condition }: &Requirement| match condition {
        Condition::In(values) if values.len() == 1 => format!("{key}={}", values[0]),
        Condition::In(values) => format!("{key} in ({})", listed(values)),
        Condition::NotIn(values) => format!("{key} notin ({})", listed(values)),
        Condition::Present => key.to_string(),
        Condition::Absent => format!("!{key}"),
    };
    selector.requirements.iter().map(requirement).collect::<Vec<_>>().join(",")
}

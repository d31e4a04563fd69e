//! What an operator should know of objects: every way in which one does not say what its author may think, or says it
//! to no client.
//!
//! Inspecting changes no answer. It reads the same cluster as resolving does and says what it read, so that
//! it is done again only when something it looked at changes.

use std::{collections::BTreeSet, fmt::Write, net::IpAddr};

use super::{
    Client, Look, Options, Pools,
    claims::inspect_address,
    endpoints::unsuitable,
    no_endpoints::inspect_service,
    split::{named_backends, winner},
};
use crate::{
    cluster::{Cluster, Fact},
    model::{
        Backend, Kind, MAX_SPLITS_OF_APEX, NsName, ObjectId, Problem, Reason, Service, ServiceKind,
        TrafficSplit,
    },
    nearest::nearest,
    weight::Milli,
};

mod overridden;
mod profile;
mod server;

pub use self::overridden::{overriding, sent_instead};
pub(in crate::resolve) use self::{
    profile::inspect_profile,
    server::{inspect_server, unchecked},
};

/// Missing backends of one split for which a Service of a similar name is looked for; a split that names more
/// is no misspelling.
const MAX_SUGGESTIONS: usize = 5;

/// Services compared with a missing one: those that follow it and those that precede it by name, so many of each.
/// Larger than most namespaces, and a comparison takes about a microsecond.
const MAX_SIMILAR: usize = 100;

/// An object or an address that is inspected, whether or not a client subscribes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inspected {
    /// A TrafficSplit.
    Split(NsName),
    /// A ServiceProfile.
    Profile(NsName),
    /// A Service.
    Service(NsName),
    /// A Server.
    Server(NsName),
    /// The claims of an address.
    Address(IpAddr),
}

impl Inspected {
    /// Returns what is to be inspected because this fact changed, if anything.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Split(name) => Some(Self::Split(name.clone())),
            Fact::Profile(name) => Some(Self::Profile(name.clone())),
            Fact::Server(name) => Some(Self::Server(name.clone())),
            Fact::Service(name) | Fact::Endpoints(name) => Some(Self::Service(name.clone())),
            Fact::Address(ip) | Fact::ClusterIp(ip) => Some(Self::Address(*ip)),
            _ => None,
        }
    }
}

/// The warnings about an object, and the facts that they rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// In the order of the object's fields; empty if all is well, or if the object does not exist.
    pub warnings: Vec<(ObjectId, Problem)>,
    /// Every fact that was looked at; empty if the object does not exist.
    pub reads: BTreeSet<Fact>,
}

/// Looks at it for everything its author should know.
#[must_use]
pub fn inspect(cluster: &Cluster, options: &Options, inspected: &Inspected) -> Inspection {
    match inspected {
        Inspected::Split(name) => inspect_split(cluster, options, name),
        Inspected::Profile(name) => inspect_profile(cluster, name),
        Inspected::Service(name) => inspect_service(cluster, options, name),
        Inspected::Server(name) => inspect_server(cluster, name),
        Inspected::Address(ip) => inspect_address(cluster, *ip),
    }
}

/// Looks at a split for everything its author should know.
#[must_use]
pub fn inspect_split(cluster: &Cluster, options: &Options, name: &NsName) -> Inspection {
    let Some(split) = cluster.split(name) else { return Inspection::default() };
    let (client, mut pools) = (Client::default(), Pools::default());
    let mut look = Look::new(cluster, options, &client, &mut pools);
    look.reads.insert(Fact::Split(name.clone()));
    let mut problems = split.problems.clone();
    look.inspect(split, &mut problems);
    Inspection::new(Kind::TrafficSplit, name, problems, look.reads)
}

impl Inspection {
    pub(super) fn new(kind: Kind, name: &NsName, problems: Vec<Problem>, reads: BTreeSet<Fact>) -> Self {
        let id = ObjectId { kind, name: name.clone() };
        Self { warnings: problems.into_iter().map(|problem| (id.clone(), problem)).collect(), reads }
    }
}

/// The numbers of a Service's ports.
fn numbers(service: &Service) -> BTreeSet<u16> {
    service.ports.iter().map(|port| port.port).collect()
}

impl<'a> Look<'a> {
    fn inspect(&mut self, split: &'a TrafficSplit, problems: &mut Vec<Problem>) {
        let mut say = |reason, path: &str, message| {
            problems.push(Problem { reason, path: path.to_owned(), message });
        };
        if split.has_matches {
            let message = "the split has matches, so it is meant for some requests only, which cannot be said \
                           to a proxy here; it is not applied: remove spec.matches to split all requests";
            return say(Reason::MatchesUnsupported, "spec.matches", message.to_owned());
        }
        let Some(apex) = self.cluster.local_name(split, &split.apex) else {
            return say(Reason::ForeignReference, "spec.service", self.foreign(split, &split.apex));
        };
        self.reads.insert(Fact::SplitOrder(apex.clone()));
        if !self.cluster.is_considered(&apex, split) {
            let message = format!(
                "{apex} has more than {MAX_SPLITS_OF_APEX} TrafficSplits, of which the {MAX_SPLITS_OF_APEX} oldest (or \
                 first by name) are considered; this one is ignored and moves no traffic: keep one split for an apex"
            );
            return say(Reason::LimitExceeded, "spec.service", message);
        }
        if let Some(winner) = winner(self.cluster, &apex).filter(|winner| winner.name != split.name) {
            let message = format!(
                "TrafficSplit {} is older (or first by name) and already splits {apex}; this one is not \
                 applied: keep one split for an apex",
                winner.name
            );
            return say(Reason::SplitConflict, "spec.service", message);
        }
        let apex = match self.service(&apex) {
            None if !self.knows_services() => None,
            None => {
                let instead = match self.similar(&apex) {
                    Some(similar) => format!("did you mean {similar}?"),
                    None => "create it, or name an existing one".to_owned(),
                };
                let message = format!("there is no Service {apex}; {instead}");
                say(Reason::ApexMissing, "spec.service", message);
                None
            }
            Some(service) => {
                let no_cluster_ip = || {
                    let message = format!(
                        "Service {apex} is headless, so its traffic cannot be split; give it a cluster IP"
                    );
                    (service.kind == ServiceKind::Headless).then_some(message)
                };
                let problem = unsuitable(service).map(|(_, _, message)| message).or_else(no_cluster_ip);
                let is_suitable = problem.is_none();
                problem.into_iter().for_each(|message| say(Reason::ApexUnsuitable, "spec.service", message));
                is_suitable.then_some(service)
            }
        };
        if let Some(message) = apex.and_then(|apex| self.overridden(apex)) {
            say(Reason::SplitOverridden, "spec.service", message);
        }
        if named_backends(self.cluster, split).all(|(_, weight)| weight == Milli::ZERO) {
            let message = format!(
                "no backend of its own namespace has a positive weight, so {} serves its own endpoints; give one a weight",
                split.apex
            );
            say(Reason::NothingWeighted, "spec.backends", message);
        }
        // Ports of the backends that have a weight; `None` if not all of their Services exist, or there are none.
        let cluster = self.cluster;
        let weighted = named_backends(cluster, split).filter(|(_, weight)| *weight > Milli::ZERO);
        let ports = |(name, _): (NsName, Milli)| Some(numbers(cluster.service(&name)?));
        let served = weighted.map(ports).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty());
        let served: Option<BTreeSet<u16>> = served.map(|all| all.into_iter().flatten().collect());
        for port in apex.into_iter().flat_map(|apex| &apex.ports) {
            if served.as_ref().is_some_and(|served| !served.contains(&port.port)) {
                let message = format!(
                    "no backend with a weight has port {} of the apex, so nobody serves {} there; add the port to one",
                    port.port, split.apex
                );
                say(Reason::PortMissing, "spec.backends", message);
            }
        }
        let mut seen = BTreeSet::new();
        let mut missing = 0;
        for backend in &split.backends {
            let path = format!("spec.backends[{}].service", backend.index);
            let Some(name) = self.cluster.local_name(split, &backend.service) else {
                say(Reason::ForeignReference, &path, self.foreign(split, &backend.service));
                continue;
            };
            if !seen.insert(name.clone()) {
                let message =
                    format!("{} is listed more than once; its weights are added up", backend.service);
                say(Reason::DuplicateBackend, &path, message);
                continue;
            }
            if let Some((reason, mut message)) = self.inspect_backend(backend, &name, apex) {
                missing += usize::from(reason == Reason::BackendMissing);
                if reason == Reason::BackendMissing
                    && missing <= MAX_SUGGESTIONS
                    && let Some(similar) = self.similar(&name)
                {
                    write!(message, "; did you mean {similar}?").expect("writing to a string does not fail");
                }
                say(reason, &path, message);
            }
        }
    }

    fn inspect_backend(
        &mut self,
        backend: &Backend,
        name: &NsName,
        apex: Option<&'a Service>,
    ) -> Option<(Reason, String)> {
        let Some(service) = self.service(name) else {
            if !self.knows_services() {
                return None;
            }
            let message = format!(
                "there is no Service {name}; its share goes to the backends that have endpoints, if any has"
            );
            return Some((Reason::BackendMissing, message));
        };
        if let Some((_, _, message)) = unsuitable(service) {
            return Some((Reason::BackendUnsuitable, message));
        }
        let ports = || apex.into_iter().flat_map(|apex| &apex.ports).map(|port| port.port);
        let has = numbers(service);
        let missing: Vec<_> = ports().filter(|port| !has.contains(port)).map(|p| p.to_string()).collect();
        if !missing.is_empty() {
            let message = format!(
                "Service {name} lacks port {} of the apex and is left out there; add the port to it",
                missing.join(", ")
            );
            return Some((Reason::PortMissing, message));
        }
        if backend.weight == Milli::ZERO {
            return None;
        }
        let mut reasons = self.no_endpoints(service);
        let wanted: BTreeSet<u16> = ports().collect();
        reasons.iter_mut().for_each(|reason| reason.ports.retain(|empty| wanted.contains(empty)));
        reasons.retain(|reason| reason.is_certain && !reason.ports.is_empty());
        let reason = reasons.first()?;
        let empty: Vec<_> =
            reasons.iter().flat_map(|reason| &reason.ports).map(ToString::to_string).collect();
        let message = format!(
            "Service {name} has no ready endpoint on port {}: {}; its share goes to the backends that have some, if any has",
            empty.join(", "),
            reason.why
        );
        Some((Reason::BackendEmpty, message))
    }

    /// Whether a Service that is not found does not exist.
    fn knows_services(&mut self) -> bool {
        self.reads.insert(Fact::AnyService);
        self.cluster.knows_services()
    }

    /// The name of a Service of the same namespace that a misspelled name most likely stands for.
    pub(super) fn similar(&mut self, missing: &NsName) -> Option<&'a str> {
        self.reads.insert(Fact::ServiceNames(missing.namespace.clone()));
        nearest(missing.name.as_str(), self.cluster.service_names_near(missing, MAX_SIMILAR))
    }

    fn foreign(&self, split: &TrafficSplit, text: &str) -> String {
        format!(
            "{text:?} is not a Service of the split's own namespace; expected <service> or \
             <service>.{namespace}.svc.{domain}",
            namespace = split.name.namespace,
            domain = self.cluster.domain()
        )
    }
}

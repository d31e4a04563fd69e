//! Why a client is told what it is told: the whole way from a name to each endpoint.
//!
//! [`explain`] knows no rules. It has the question answered as [`resolve`](super::resolve) answers it, takes weights and
//! metadata from that answer, and asks the same functions that decided (who splits, what is left out of a pool, who is
//! selected, which overrides there are) what they decided and why. What it adds is only words. So what it says is
//! selected is what is sent; the tests have that as a law.
//!
//! An [`Explanation`] is plain owned data, for it is served as JSON and read by another process. Each decision
//! comes as a word for programs and a sentence for people. It is bounded by [`LISTED`] whatever the cluster has.

use std::{collections::BTreeSet, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::{
    Client, Look, Options, Pools, Query,
    inspect::{Inspected, inspect},
    no_endpoints::no_endpoints,
};
use crate::{
    authority::Host,
    cluster::Cluster,
    context::Context,
    model::{Kind, Name, ObjectId, Problem},
};

mod empty;
mod endpoint;
mod excerpt;
mod get;
mod of_split;
mod profile;
mod question;
mod serving;
mod split;
mod subject;

use self::serving::Search;
pub use self::{
    endpoint::{Fact, Label, Place, Said, Whereabouts},
    get::{Get, Outcome},
    of_split::authority_of_split,
    profile::{Override, OverridesFrom, ProfileKind, ProfileSaid},
    question::{InvalidQuestion, Question, Rpc, Spot},
    serving::{Count, Endpoint, Fate, Filter, Serving, Slice},
    split::{Backend, BackendState, Ignored, Splits, Standing},
    subject::{ServiceSaid, Subject, SubjectKind},
};

/// How many of anything are listed: of a service's endpoints so many that are given out and so many that are not, of
/// backends, of splits, of slices. A person reads no more, and a service of 10,000 endpoints would else be megabytes.
/// The rest is counted.
pub const LISTED: usize = 100;

/// Some of a list, and how many more there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The first [`LISTED`].
    pub items: Vec<T>,
    /// How many are left out here.
    pub more: usize,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: 0 }
    }
}

impl<T> Listed<T> {
    fn add(&mut self, item: impl FnOnce() -> T) {
        if self.items.len() < LISTED { self.items.push(item()) } else { self.more += 1 }
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.items.len() + self.more
    }
}

impl<T> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut listed = Self::default();
        items.into_iter().for_each(|item| listed.add(|| item));
        listed
    }
}

/// Why a client is told what it is told. See the module's documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked for, spelled in full.
    pub authority: String,
    /// Who asks.
    pub asker: Asker,
    /// What the name or the address leads to.
    pub subject: Subject,
    /// How the traffic to the service is divided; `None` if it leads to no service.
    pub splits: Option<Splits>,
    /// What `Get` answers; `None` if that was not asked, or cannot be asked of an address.
    pub get: Option<Get>,
    /// What `GetProfile` answers; `None` if that was not asked.
    pub profile: Option<ProfileSaid>,
    /// Everything about one address, once for each port that it has here.
    pub whereabouts: Listed<Whereabouts>,
    /// What an operator should know of the objects on the way.
    pub warnings: Listed<Oddity>,
}

impl Explanation {
    /// Whether a client that follows it gets anywhere: there are endpoints, and the profile says something.
    #[must_use]
    pub fn leads_somewhere(&self) -> bool {
        self.get.as_ref().is_none_or(|get| get.endpoints > 0)
            && self.profile.as_ref().is_none_or(|profile| profile.kind != ProfileKind::Empty)
    }

    /// Adds what was odd about where the objects come from: what could not be read explains nothing, and may be why.
    pub fn add_of_source(&mut self, oddities: impl IntoIterator<Item = Oddity>) {
        oddities.into_iter().for_each(|oddity| self.warnings.add(|| oddity));
    }
}

/// Who asks, as far as any answer depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asker {
    /// `merged` or `leaf`: how a split reaches this client.
    pub reading: String,
    /// What of the token chose that.
    pub reading_why: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its node.
    pub node: Option<String>,
    /// Its zone, or why it is not known.
    pub zone: Fact,
}

/// Something odd about an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oddity {
    /// `Kind namespace/name`.
    pub object: String,
    /// The field; empty for the object as a whole.
    pub path: String,
    /// Which of the known oddities it is.
    pub reason: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Explains the answers to a question. It costs about what answering from scratch costs.
#[must_use]
pub fn explain(cluster: &Cluster, options: &Options, question: &Question) -> Explanation {
    let mut pools = Pools::default();
    let explaining = Explaining::new(cluster, options, question);
    let node = Client { node: question.context.node.clone(), namespace: None };
    let namespace = Client { node: None, namespace: question.context.namespace.clone() };

    let mut look = Look::new(cluster, options, &namespace, &mut pools);
    let (subject, service) = explaining.subject(&mut look);
    let profile = explaining.wants(Rpc::Profile).then(|| explaining.profile(&mut look, service.as_ref()));
    let mut problems = look.warnings;

    let mut look = Look::new(cluster, options, &node, &mut pools);
    let get = explaining.get_query().filter(|_| explaining.wants(Rpc::Get));
    let told = get.map(|query| explaining.get(&mut look, &query));
    let mut search = Search { spot: question.spot, found: Vec::new() };
    let splits = service.as_ref().map(|name| explaining.splits(&mut look, name, told.as_ref(), &mut search));
    let (get, whereabouts) = match told {
        Some(told) => told.finish(&explaining, &mut look, splits.as_ref(), &mut search),
        None => (None, Vec::new()),
    };
    problems.extend(look.warnings);

    if let Some(name) = &service {
        let id = ObjectId { kind: Kind::Service, name: name.clone() };
        // Also what a folder cannot tell: here the client gets no endpoints, whatever a cluster has.
        let reasons = no_endpoints(cluster, options, name);
        problems.extend(reasons.iter().map(|reason| (id.clone(), reason.problem())));
    }
    let of_splits = service.iter().flat_map(|apex| cluster.splits_of_apex(apex)).take(LISTED);
    let profiles = service.iter().flat_map(|name| explaining.profiles_of(name)).take(LISTED);
    let of_splits = of_splits.map(|split| Inspected::Split(split.name.clone()));
    let address = match &question.authority.host {
        Host::Ip(ip) => Some(Inspected::Address(ip.to_canonical())),
        Host::Service(_) | Host::Instance(..) => None,
    };
    for inspected in of_splits.chain(profiles.map(Inspected::Profile)).chain(address) {
        problems.extend(inspect(cluster, options, &inspected).warnings);
    }
    Explanation {
        authority: explaining.authority(),
        asker: explaining.asker(),
        subject,
        splits,
        get,
        profile,
        whereabouts: whereabouts.into_iter().collect(),
        warnings: oddities(problems),
    }
}

/// Each of them once, in the order in which they were met.
fn oddities(problems: Vec<(ObjectId, Problem)>) -> Listed<Oddity> {
    let (mut seen, mut listed) = (BTreeSet::new(), Listed::default());
    for (object, Problem { reason, path, message }) in problems {
        if seen.insert((object.clone(), reason, path.clone())) {
            listed.add(|| Oddity { object: object.to_string(), path, reason: reason.to_string(), message });
        }
    }
    listed
}

/// What everything that explains needs.
struct Explaining<'a> {
    cluster: &'a Cluster,
    options: &'a Options,
    question: &'a Question,
}

impl<'a> Explaining<'a> {
    fn new(cluster: &'a Cluster, options: &'a Options, question: &'a Question) -> Self {
        Self { cluster, options, question }
    }

    fn port(&self) -> u16 {
        self.question.authority.port
    }

    fn wants(&self, rpc: Rpc) -> bool {
        self.question.rpc == Rpc::Both || self.question.rpc == rpc
    }

    /// What `Get` is asked; nothing if it is asked of an address.
    fn get_query(&self) -> Option<Query> {
        let (service, instance) = match self.question.authority.host.clone() {
            Host::Service(service) => (service, None),
            Host::Instance(instance, service) => (service, Some(instance)),
            Host::Ip(_) => return None,
        };
        let reading = self.question.context.reading;
        Some(Query::Endpoints { service, instance, port: self.port(), reading })
    }

    /// The host name of the one endpoint that is asked for.
    fn instance(&self) -> Option<&'a Name> {
        match &self.question.authority.host {
            Host::Instance(instance, _) => Some(instance),
            Host::Service(_) | Host::Ip(_) => None,
        }
    }

    fn authority(&self) -> String {
        let port = self.port();
        match &self.question.authority.host {
            Host::Service(service) => format!("{}:{port}", self.cluster.fqdn(service)),
            Host::Instance(instance, service) => format!("{instance}.{}:{port}", self.cluster.fqdn(service)),
            Host::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
        }
    }

    fn asker(&self) -> Asker {
        let Context { reading, namespace, node, .. } = &self.question.context;
        let text = |name: &Option<Name>| name.as_ref().map(Name::to_string);
        Asker {
            reading: reading.as_str().to_owned(),
            reading_why: self.question.because.to_string(),
            namespace: text(namespace),
            node: text(node),
            zone: self.zone(),
        }
    }

    /// The zone of the client, as far as one can know it.
    fn zone(&self) -> Fact {
        let Some(node) = &self.question.context.node else {
            return Fact::none("the token names no node");
        };
        match self.cluster.zone_of(node) {
            Some(zone) => Fact::of(zone, format!("label topology.kubernetes.io/zone of Node {node}")),
            None => Fact::none(format!("there is no Node {node}, or it has no topology.kubernetes.io/zone")),
        }
    }
}

/// `1 endpoint`, `2 endpoints`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

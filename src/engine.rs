//! The incremental heart: events in, changed answers out.
//!
//! The engine owns the [`Cluster`] and remembers what was answered to every [`Target`] that somebody
//! watches. A batch of events is applied as a whole, then each answer that read something the batch touched
//! is resolved once for all who must get the same. What it says is therefore always what resolving from
//! scratch would say; nothing is said of answers that came out equal.
//!
//! It has no clock, no channel and no stream: see `controller` for who drives it.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use crate::{
    cluster::{Cluster, Fact},
    dependents::Dependents,
    model::{Kind, Name, NsName, ObjectId, Problem},
    resolve::{Answer, Client, Options, Query, Sight, Target, inspect::inspect_split, resolve},
    source::Event,
};

/// What can depend on facts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Dependent {
    /// Answers that somebody watches.
    Query(Query),
    /// The warnings of a split.
    Split(NsName),
}

/// Everything in the client that decided an answer: clients in one place share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Anywhere,
    Zone(Option<Name>),
    Node(Option<Name>),
    Namespace(Option<Name>),
}

/// Something an operator should know of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The object.
    pub object: ObjectId,
    /// What is odd about it.
    pub problem: Problem,
}

/// A new answer.
#[derive(Clone, Debug)]
pub struct Change {
    /// To whom and what.
    pub target: Target,
    /// The answer from now on.
    pub answer: Arc<Answer>,
}

/// What a batch led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers that differ from before; those of `Get` come before those of `GetProfile`, so that endpoints
    /// are known before traffic is sent to them.
    pub changes: Vec<Change>,
    /// What the batch changed in the cluster.
    pub touched: BTreeSet<Fact>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Engine {
    cluster: Cluster,
    options: Options,
    /// Kinds whose first full list has not come yet. Until it is empty nothing is answered: "not looked yet"
    /// must never be said as "does not exist".
    awaited: BTreeSet<Kind>,
    /// What was touched before that.
    unseen: BTreeSet<Fact>,
    watched: BTreeMap<Query, BTreeMap<Client, Option<Arc<Answer>>>>,
    dependents: Dependents<Dependent>,
    warnings: BTreeMap<Dependent, Vec<Warning>>,
    profile_warnings: BTreeMap<NsName, Vec<Warning>>,
    resolutions: u64,
    warnings_changed: bool,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(domain: Name, options: Options) -> Self {
        Self {
            cluster: Cluster::new(domain),
            options,
            awaited: Kind::ALL.into(),
            unseen: BTreeSet::new(),
            watched: BTreeMap::new(),
            dependents: Dependents::default(),
            warnings: BTreeMap::new(),
            profile_warnings: BTreeMap::new(),
            resolutions: 0,
            warnings_changed: false,
        }
    }

    /// The state of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether every kind has been listed once, so that there are answers.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.awaited.is_empty()
    }

    /// How often anything was resolved or inspected since the start: what work the events cost.
    #[must_use]
    pub fn resolutions(&self) -> u64 {
        self.resolutions
    }

    /// All warnings that hold now, in a stable order, each once.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        let mut seen = BTreeSet::new();
        self.warnings.values().chain(self.profile_warnings.values()).flatten().filter(move |warning| {
            seen.insert((&warning.object, warning.problem.reason, &warning.problem.path))
        })
    }

    /// Whether [`Engine::warnings`] may differ from when this was last asked.
    pub fn take_warnings_changed(&mut self) -> bool {
        mem::take(&mut self.warnings_changed)
    }

    /// Applies a batch as one step.
    pub fn apply(&mut self, events: Vec<Event>) -> Outcome {
        let was_synced = self.is_synced();
        let mut touched = BTreeSet::new();
        for event in events {
            if let Event::Replace(kind, _) = &event {
                self.awaited.remove(kind);
            }
            self.cluster.apply(event, &mut touched);
        }
        if !self.is_synced() {
            self.unseen.extend(touched.iter().cloned());
            return Outcome { changes: Vec::new(), touched };
        }
        let mut dirty = BTreeSet::new();
        if was_synced {
            dirty.extend(touched.iter().flat_map(|fact| self.dependents.of(fact)).cloned());
        } else {
            dirty.extend(self.watched.keys().cloned().map(Dependent::Query));
        }
        for fact in touched.iter().chain(&mem::take(&mut self.unseen)) {
            match fact {
                Fact::Split(name) => _ = dirty.insert(Dependent::Split(name.clone())),
                Fact::Profile(name) => self.inspect_profile(name),
                _ => {}
            }
        }
        let mut changes = Vec::new();
        for dependent in dirty {
            match &dependent {
                Dependent::Query(query) => self.refresh(query, &mut changes),
                Dependent::Split(name) => self.inspect_split(name),
            }
        }
        Outcome { changes, touched }
    }

    /// Starts to keep the answer to a target; `None` until the engine [is synced](Self::is_synced), when it
    /// comes as a [`Change`].
    pub fn watch(&mut self, target: &Target) -> Option<Arc<Answer>> {
        let clients = self.watched.entry(target.query.clone()).or_default();
        if let Some(Some(answer)) = clients.get(&target.client) {
            return Some(answer.clone());
        }
        clients.insert(target.client.clone(), None);
        if !self.is_synced() {
            return None;
        }
        // Others who ask the same keep what they have: it is the answer of this state of the cluster.
        self.refresh(&target.query, &mut Vec::new());
        self.watched.get(&target.query)?.get(&target.client)?.clone()
    }

    /// Forgets a target that nobody watches any more.
    pub fn unwatch(&mut self, target: &Target) {
        let Some(clients) = self.watched.get_mut(&target.query) else { return };
        clients.remove(&target.client);
        if clients.is_empty() {
            self.watched.remove(&target.query);
            let dependent = Dependent::Query(target.query.clone());
            self.dependents.set(&dependent, BTreeSet::new());
            self.warnings_changed |= set(&mut self.warnings, dependent, Vec::new());
        }
    }

    /// What is answered to a target now, if it is watched.
    #[must_use]
    pub fn answer(&self, target: &Target) -> Option<&Arc<Answer>> {
        self.watched.get(&target.query)?.get(&target.client)?.as_ref()
    }

    /// Resolves a query for all its clients, once for each place they are in.
    fn refresh(&mut self, query: &Query, changes: &mut Vec<Change>) {
        let Some(clients) = self.watched.get_mut(query) else { return };
        let mut reads = BTreeSet::new();
        let mut warnings: Vec<Warning> = Vec::new();
        let mut sight = None;
        let mut resolved: BTreeMap<Place, Arc<Answer>> = BTreeMap::new();
        for (client, held) in clients.iter_mut() {
            let known = sight.and_then(|sight| resolved.get(&place(&self.cluster, sight, client)));
            let answer = match known {
                Some(answer) => answer.clone(),
                None => {
                    let resolution = resolve(&self.cluster, self.options, query, client);
                    self.resolutions += 1;
                    reads.extend(resolution.reads);
                    let new = resolution.warnings.into_iter();
                    warnings.extend(new.map(|(object, problem)| Warning { object, problem }));
                    sight = Some(resolution.sight);
                    // Keep the old one if it says the same: whoever holds it is seen to be current.
                    let answer = match held {
                        Some(held) if **held == *resolution.answer => held.clone(),
                        _ => resolution.answer,
                    };
                    resolved.insert(place(&self.cluster, resolution.sight, client), answer.clone());
                    answer
                }
            };
            if sight == Some(Sight::Zone) {
                reads.extend(client.node.clone().map(Fact::Node));
            }
            let same = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, &answer) || **held == *answer);
            if !same {
                *held = Some(answer.clone());
                changes
                    .push(Change { target: Target { query: query.clone(), client: client.clone() }, answer });
            }
        }
        let dependent = Dependent::Query(query.clone());
        self.dependents.set(&dependent, reads);
        self.warnings_changed |= set(&mut self.warnings, dependent, warnings);
    }

    fn inspect_split(&mut self, name: &NsName) {
        let inspection = inspect_split(&self.cluster, self.options, name);
        self.resolutions += 1;
        let dependent = Dependent::Split(name.clone());
        let exists = self.cluster.split(name).is_some();
        self.dependents.set(&dependent, if exists { inspection.reads } else { BTreeSet::new() });
        let object = ObjectId { kind: Kind::TrafficSplit, name: name.clone() };
        let warnings = inspection.problems.into_iter();
        let warnings = warnings.map(|problem| Warning { object: object.clone(), problem }).collect();
        self.warnings_changed |= set(&mut self.warnings, dependent, warnings);
    }

    fn inspect_profile(&mut self, name: &NsName) {
        let object = ObjectId { kind: Kind::ServiceProfile, name: name.clone() };
        let problems = self.cluster.profile(name).map(|profile| profile.problems.clone()).unwrap_or_default();
        let warnings = problems.into_iter();
        let warnings = warnings.map(|problem| Warning { object: object.clone(), problem }).collect();
        self.warnings_changed |= set(&mut self.profile_warnings, name.clone(), warnings);
    }
}

fn place(cluster: &Cluster, sight: Sight, client: &Client) -> Place {
    match sight {
        Sight::Same => Place::Anywhere,
        Sight::Zone => Place::Zone(client.node.as_ref().and_then(|node| cluster.zone_of(node)).cloned()),
        Sight::Node => Place::Node(client.node.clone()),
        Sight::Namespace => Place::Namespace(client.namespace.clone()),
    }
}

/// Sets the values of a key, none at all by taking it out; says whether that changed anything.
fn set<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, Vec<V>>, key: K, values: Vec<V>) -> bool {
    if values.is_empty() {
        return map.remove(&key).is_some();
    }
    match map.get(&key) {
        Some(old) if *old == values => false,
        _ => {
            map.insert(key, values);
            true
        }
    }
}

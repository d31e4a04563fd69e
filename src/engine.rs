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
    model::{Kind, Name, ObjectId, Problem},
    resolve::{
        Answer, Client, Memo, Options, Pools, Query, Sight, Target,
        inspect::{Inspected, inspect},
        resolve, resolve_from,
    },
    source::Event,
};

/// What can depend on facts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Dependent {
    /// Answers that somebody watches.
    Query(Query),
    /// Warnings about an object, whether or not a client subscribes.
    Inspected(Inspected),
}

/// Everything in the client that decided an answer: clients in one place share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Anywhere,
    Zone(Option<Name>),
    Node(Option<Name>),
    Namespace(Option<Name>),
}

/// A query that somebody watches.
#[derive(Debug, Default)]
struct Watched {
    /// What each client was answered; `None` before the first sync.
    clients: BTreeMap<Client, Option<Arc<Answer>>>,
    /// How much of a client matters in this state of the cluster; `None` before the first resolution.
    sight: Option<Sight>,
    /// The answer in each place that was asked from, in this state of the cluster.
    places: BTreeMap<Place, Arc<Answer>>,
    /// What the last answer in each place was made from.
    memos: BTreeMap<Place, Memo>,
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
    /// Endpoints of the services that somebody watches, kept current.
    pools: Pools,
    /// Kinds whose first full list has not come yet. Until it is empty nothing is answered: "not looked yet"
    /// must never be said as "does not exist".
    awaited: BTreeSet<Kind>,
    /// Objects to inspect once every kind is listed.
    unseen: BTreeSet<Inspected>,
    watched: BTreeMap<Query, Watched>,
    dependents: Dependents<Dependent>,
    warnings: BTreeMap<Dependent, Vec<Warning>>,
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
            pools: Pools::default(),
            awaited: Kind::ALL.into(),
            unseen: BTreeSet::new(),
            watched: BTreeMap::new(),
            dependents: Dependents::default(),
            warnings: BTreeMap::new(),
            resolutions: 0,
            warnings_changed: false,
        }
    }

    /// The state of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What the answers depend on beside it.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether every kind has been listed once, so that there are answers.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.awaited.is_empty()
    }

    /// How often anything was resolved, or a split inspected, since the start: what work the events cost. Whether a
    /// Service has a ready endpoint is not counted, which is known after the first one.
    #[must_use]
    pub fn resolutions(&self) -> u64 {
        self.resolutions
    }

    /// All warnings that hold now, in a stable order, each once.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        let mut seen = BTreeSet::new();
        self.warnings.values().flatten().filter(move |warning| {
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
        for event in &events {
            if let Event::Replace(kind, _) | Event::ReplaceExcept(kind, ..) = event {
                self.awaited.remove(kind);
            }
        }
        self.cluster.apply_batch(events, &mut touched);
        if !self.is_synced() {
            self.unseen.extend(self.inspected(&touched));
            return Outcome { changes: Vec::new(), touched };
        }
        let mut dirty = BTreeSet::new();
        if was_synced {
            dirty.extend(touched.iter().flat_map(|fact| self.dependents.of(fact)).cloned());
        } else {
            dirty.extend(self.watched.keys().cloned().map(Dependent::Query));
        }
        let inspected = self.inspected(&touched);
        // Services that share a cluster IP, or did.
        let of_ip = |fact: &Fact| if let Fact::ClusterIp(ip) = fact { Some(*ip) } else { None };
        let sharing = touched.iter().filter_map(of_ip).flat_map(|ip| self.cluster.services_of_ip(ip));
        dirty.extend(sharing.cloned().map(Inspected::Service).map(Dependent::Inspected));
        dirty.extend(inspected.into_iter().chain(mem::take(&mut self.unseen)).map(Dependent::Inspected));
        let mut changes = Vec::new();
        for dependent in dirty {
            match &dependent {
                Dependent::Query(query) => self.refresh(query, &mut changes),
                Dependent::Inspected(inspected) => self.inspect(inspected),
            }
        }
        Outcome { changes, touched }
    }

    /// Objects to inspect because these facts changed. Nearly every address has one object only.
    fn inspected(&self, touched: &BTreeSet<Fact>) -> BTreeSet<Inspected> {
        let matters = |inspected: &Inspected| match inspected {
            Inspected::Address(ip) => {
                self.cluster.may_be_contested(*ip)
                    || self.warnings.contains_key(&Dependent::Inspected(inspected.clone()))
            }
            _ => true,
        };
        touched.iter().filter_map(Inspected::of).filter(matters).collect()
    }

    /// Starts to keep the answer to a target; `None` until the engine [is synced](Self::is_synced), when it
    /// comes as a [`Change`].
    pub fn watch(&mut self, target: &Target) -> Option<Arc<Answer>> {
        let is_synced = self.is_synced();
        let Target { query, client } = target;
        let watched = self.watched.entry(query.clone()).or_default();
        if let Some(Some(answer)) = watched.clients.get(client) {
            return Some(answer.clone());
        }
        watched.clients.insert(client.clone(), None);
        if !is_synced {
            return None;
        }
        // Nobody else who asks the same is looked at: what they have is the answer of this state.
        let mut look = Refresh::new(&self.cluster, &self.options, &mut self.pools);
        let answer = look.answer(query, client, watched, None);
        watched.clients.insert(client.clone(), Some(answer.clone()));
        let Refresh { reads, warnings, resolutions, .. } = look;
        self.resolutions += resolutions;
        let dependent = Dependent::Query(query.clone());
        self.dependents.add(&dependent, reads);
        if !warnings.is_empty() {
            self.warnings_changed |= set(&mut self.warnings, dependent, warnings);
        }
        Some(answer)
    }

    /// Forgets a target that nobody watches any more.
    pub fn unwatch(&mut self, target: &Target) {
        let Some(watched) = self.watched.get_mut(&target.query) else { return };
        watched.clients.remove(&target.client);
        if watched.clients.is_empty() {
            for memo in watched.memos.values() {
                self.pools.exchange(&memo.used, &[]);
            }
            self.watched.remove(&target.query);
            let dependent = Dependent::Query(target.query.clone());
            self.dependents.set(&dependent, BTreeSet::new());
            self.warnings_changed |= set(&mut self.warnings, dependent, Vec::new());
        } else if let Some(sight) = watched.sight.filter(|sight| *sight != Sight::Same) {
            // Nothing is kept for a place that nobody is in any more.
            let left = place(&self.cluster, sight, &target.client);
            if !watched.clients.keys().any(|client| place(&self.cluster, sight, client) == left) {
                watched.places.remove(&left);
                if let Some(memo) = watched.memos.remove(&left) {
                    self.pools.exchange(&memo.used, &[]);
                }
            }
        }
    }

    /// What is answered to a target now, if it is watched.
    #[must_use]
    pub fn answer(&self, target: &Target) -> Option<&Arc<Answer>> {
        self.watched.get(&target.query)?.clients.get(&target.client)?.as_ref()
    }

    /// What a target is answered if nothing that is kept has any part in it: the truth that every answer has to
    /// come to. `None` if nobody watches it, and until the engine [is synced](Self::is_synced).
    #[must_use]
    pub fn audit(&self, target: &Target) -> Option<Arc<Answer>> {
        let is_watched = self
            .watched
            .get(&target.query)
            .is_some_and(|watched| watched.clients.contains_key(&target.client));
        let from_scratch = || resolve(&self.cluster, &self.options, &target.query, &target.client).answer;
        (is_watched && self.is_synced()).then(from_scratch)
    }

    /// Answers a query from scratch, for all its clients, and whatever was answered from endpoints that are kept
    /// for it and for others: what was kept for any of them is wrong. The cost is that of those queries.
    pub fn heal(&mut self, query: &Query) -> Vec<Change> {
        let Some(watched) = self.watched.get(query) else { return Vec::new() };
        let used: Vec<_> = watched.memos.values().flat_map(|memo| memo.used.clone()).collect();
        let shares =
            |memo: &Memo| memo.used.iter().any(|key| used.iter().any(|used| Pools::shares_pool(used, key)));
        let concerned = |(other, watched): (&Query, &Watched)| {
            (other == query || watched.memos.values().any(shares)).then(|| other.clone())
        };
        let concerned: Vec<_> = self.watched.iter().filter_map(concerned).collect();
        for query in &concerned {
            let memos = self.watched.get_mut(query).map(|watched| mem::take(&mut watched.memos));
            // A pool that nobody uses is gone, and made anew for whoever needs it next.
            memos.into_iter().flatten().for_each(|(_, memo)| self.pools.exchange(&memo.used, &[]));
        }
        let mut changes = Vec::new();
        concerned.iter().for_each(|query| self.refresh(query, &mut changes));
        changes
    }

    /// Has endpoints lost from all that is kept, as a bug would, and answers from that.
    #[cfg(test)]
    pub(crate) fn corrupt(&mut self) -> Vec<Change> {
        self.pools.corrupt();
        let queries: Vec<_> = self.watched.keys().cloned().collect();
        let mut changes = Vec::new();
        queries.iter().for_each(|query| self.refresh(query, &mut changes));
        changes
    }

    /// Resolves a query for all its clients, once for each place they are in.
    fn refresh(&mut self, query: &Query, changes: &mut Vec<Change>) {
        let Some(watched) = self.watched.get_mut(query) else { return };
        let mut look = Refresh::new(&self.cluster, &self.options, &mut self.pools);
        look.before = mem::take(&mut watched.memos);
        look.sight_before = watched.sight.take();
        let mut clients = mem::take(&mut watched.clients);
        watched.places.clear();
        for (client, held) in &mut clients {
            let answer = look.answer(query, client, watched, held.as_ref());
            let same = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, &answer) || **held == *answer);
            if !same {
                *held = Some(answer.clone());
                changes
                    .push(Change { target: Target { query: query.clone(), client: client.clone() }, answer });
            }
        }
        watched.clients = clients;
        for memo in look.before.values() {
            look.pools.exchange(&memo.used, &[]);
        }
        let Refresh { reads, warnings, resolutions, .. } = look;
        self.resolutions += resolutions;
        let dependent = Dependent::Query(query.clone());
        self.dependents.set(&dependent, reads);
        self.warnings_changed |= set(&mut self.warnings, dependent, warnings);
    }

    fn inspect(&mut self, inspected: &Inspected) {
        let inspection = inspect(&self.cluster, &self.options, inspected);
        // An inspection of the changed object itself is not counted: the metric is about work caused elsewhere.
        self.resolutions += u64::from(matches!(inspected, Inspected::Split(_)));
        let dependent = Dependent::Inspected(inspected.clone());
        self.dependents.set(&dependent, inspection.reads);
        let warning = |(object, problem)| Warning { object, problem };
        let warnings = inspection.warnings.into_iter().map(warning).collect();
        self.warnings_changed |= set(&mut self.warnings, dependent, warnings);
    }
}

/// Resolving a query for some of its clients, and what that came across.
struct Refresh<'e> {
    cluster: &'e Cluster,
    options: &'e Options,
    pools: &'e mut Pools,
    /// What the answers before were made from, and how much of a client mattered to them.
    before: BTreeMap<Place, Memo>,
    sight_before: Option<Sight>,
    reads: BTreeSet<Fact>,
    warnings: Vec<Warning>,
    resolutions: u64,
}

impl<'e> Refresh<'e> {
    fn new(cluster: &'e Cluster, options: &'e Options, pools: &'e mut Pools) -> Self {
        Self {
            cluster,
            options,
            pools,
            before: BTreeMap::new(),
            sight_before: None,
            reads: BTreeSet::new(),
            warnings: Vec::new(),
            resolutions: 0,
        }
    }

    /// The answer for a client: that of its place, resolved if nobody asked from there yet. If it says the
    /// same as `held`, it is `held`: whoever has that is seen to be current.
    fn answer(
        &mut self,
        query: &Query,
        client: &Client,
        watched: &mut Watched,
        held: Option<&Arc<Answer>>,
    ) -> Arc<Answer> {
        if watched.sight == Some(Sight::Zone) {
            self.reads.extend(client.node.clone().map(Fact::Node));
        }
        let known = watched.sight.and_then(|sight| watched.places.get(&place(self.cluster, sight, client)));
        if let Some(answer) = known {
            return answer.clone();
        }
        let before = self.sight_before.and_then(|sight| self.before.get(&place(self.cluster, sight, client)));
        let (resolution, memo) = resolve_from(self.cluster, self.options, self.pools, before, query, client);
        self.resolutions += 1;
        self.reads.extend(resolution.reads);
        let new = resolution.warnings.into_iter().map(|(object, problem)| Warning { object, problem });
        self.warnings.extend(new);
        let answer = held.filter(|held| ***held == *resolution.answer).cloned().unwrap_or(resolution.answer);
        watched.sight = Some(resolution.sight);
        let place = place(self.cluster, resolution.sight, client);
        watched.places.insert(place.clone(), answer.clone());
        self.pools.exchange(&[], &memo.used);
        if let Some(replaced) = watched.memos.insert(place, memo) {
            self.pools.exchange(&replaced.used, &[]);
        }
        answer
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

#[cfg(test)]
mod tests;

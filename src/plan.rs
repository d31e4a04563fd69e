//! What an edit would change: two states of a cluster, and what clients would be told in each.
//!
//! A [`Plan`] lists every destination (a service's port) whose answers differ, and for each of them the part of
//! the traffic that every backend and every endpoint has before and after. Shares are what traffic really does:
//! the weights that are answered, over their sum. The weights that the author of a split declared stand beside
//! them. Then come the warnings that the edit brings, and those that it removes.
//!
//! Where answers depend on who asks, they are compared for a client in each place ([`Place`]); those for whom
//! the same changes are listed together. Pure: it resolves as a server does, remembers nothing, applies nothing.

mod endpoints;
mod places;
mod profile;
mod share;
mod state;
mod warnings;

use std::{collections::BTreeSet, sync::Arc};

pub use self::{
    endpoints::{Answered, BackendChange, BackendPart, EndpointChange, EndpointPart, EndpointsChange},
    places::{Asker, Place},
    profile::{OverrideChange, OverridePart, ProfileChange},
    share::Share,
    state::State,
    warnings::ask_for_everything,
};
use crate::{
    cluster::Cluster,
    context::Reading,
    model::NsName,
    resolve::{Answer, Client, Options, Pools, Query, Sight, resolve_from, shares},
    status::Notice,
    view::Delta,
};

/// What an edit would change; empty if nobody would be told anything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Destinations whose answers differ, by name and port.
    pub destinations: Vec<Destination>,
    /// Warnings that hold after the edit and not before.
    pub brought: Vec<Notice>,
    /// Warnings that hold before the edit and not after.
    pub removed: Vec<Notice>,
}

/// A service's port whose answers differ, for the clients for whom they differ in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The service that is asked for.
    pub service: NsName,
    /// The port that clients ask for.
    pub port: u16,
    /// Where these clients are; empty if it is the same for everybody.
    pub clients: Vec<Place>,
    /// What changes for them. At least one of the three does.
    pub changes: Changes,
}

/// What changes of the three answers about a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// `Get` in the merged reading.
    pub merged: Option<EndpointsChange>,
    /// `Get` in the leaf reading. `None` also where no split is merged into the other one, before or after:
    /// then both readings say the same.
    pub leaf: Option<EndpointsChange>,
    /// `GetProfile`.
    pub profile: Option<ProfileChange>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        let Self { merged, leaf, profile } = self;
        merged.is_none() && leaf.is_none() && profile.is_none()
    }
}

impl Plan {
    /// What changes between two states for those who ask.
    #[must_use]
    pub fn between(before: &State, after: &State, options: &Options, asker: &Asker) -> Self {
        let ports = |state: &State| -> BTreeSet<(NsName, u16)> {
            let services = state.cluster().services();
            let ports = services.flat_map(|s| s.ports.iter().map(|port| (s.name.clone(), port.port)));
            ports.collect()
        };
        let mut destinations = Vec::new();
        for (service, port) in ports(before).into_iter().chain(ports(after)).collect::<BTreeSet<_>>() {
            let mut pair = Pair {
                before: Asked::new(before.cluster(), options),
                after: Asked::new(after.cluster(), options),
                service,
                port,
            };
            destinations.extend(pair.destinations(asker));
        }
        let (mut brought, mut removed) = warnings::differences(before.warnings(), after.warnings());
        brought.extend(warnings::emptied(before, after, options, &brought, true));
        removed.extend(warnings::emptied(after, before, options, &removed, false));
        Self { destinations, brought, removed }
    }

    /// Whether nothing at all would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { destinations, brought, removed } = self;
        destinations.is_empty() && brought.is_empty() && removed.is_empty()
    }
}

/// A cluster that can be asked, with what earlier answers about one destination left.
struct Asked<'c> {
    cluster: &'c Cluster,
    options: &'c Options,
    pools: Pools,
}

impl<'c> Asked<'c> {
    fn new(cluster: &'c Cluster, options: &'c Options) -> Self {
        Self { cluster, options, pools: Pools::default() }
    }

    /// The answer, and how much of the client it depended on.
    fn ask(&mut self, query: &Query, client: &Client) -> (Arc<Answer>, Sight) {
        let (resolution, _) = resolve_from(self.cluster, self.options, &mut self.pools, None, query, client);
        (resolution.answer, resolution.sight)
    }
}

/// A destination in both states.
struct Pair<'c> {
    before: Asked<'c>,
    after: Asked<'c>,
    service: NsName,
    port: u16,
}

impl Pair<'_> {
    /// What is to be listed of it: nothing, or an entry for all clients among whom it differs in one way.
    fn destinations(&mut self, asker: &Asker) -> Vec<Destination> {
        let clients = match asker {
            Asker::One(client) => vec![(Place::Unsaid, client.clone())],
            Asker::Everybody => self.places(),
        };
        let mut found: Vec<(Changes, Vec<Place>)> = Vec::new();
        let places = clients.len();
        for (place, client) in clients {
            let changes = self.changes(&client);
            match found.iter_mut().find(|(known, _)| *known == changes) {
                Some((_, places)) => places.push(place),
                None => found.push((changes, vec![place])),
            }
        }
        let destination = |(changes, clients): (Changes, Vec<Place>)| Destination {
            service: self.service.clone(),
            port: self.port,
            clients: if clients.len() == places { Vec::new() } else { clients },
            changes,
        };
        found.into_iter().filter(|(changes, _)| !changes.is_empty()).map(destination).collect()
    }

    /// A client in each place that any of the answers tells apart.
    fn places(&mut self) -> Vec<(Place, Client)> {
        let queries = [self.get(Reading::Merged), self.get(Reading::Leaf), self.profile()];
        let client = Client::default();
        let sights = queries
            .iter()
            .flat_map(|query| [self.before.ask(query, &client).1, self.after.ask(query, &client).1]);
        let sights: BTreeSet<Sight> = sights.collect();
        let mut services = BTreeSet::from([self.service.clone()]);
        for Asked { cluster, options, .. } in [&self.before, &self.after] {
            let backends = shares(cluster, options, &self.service, self.port).unwrap_or_default();
            services.extend(backends.into_iter().map(|backend| backend.name));
        }
        let (before, after) = (self.before.cluster, self.after.cluster);
        places::clients(before, after, (&self.service, &services), &sights)
    }

    fn get(&self, reading: Reading) -> Query {
        Query::Endpoints { service: self.service.clone(), instance: None, port: self.port, reading }
    }

    fn profile(&self) -> Query {
        Query::ServiceProfile { service: self.service.clone(), instance: None, port: self.port }
    }

    /// What changes for a client.
    fn changes(&mut self, client: &Client) -> Changes {
        let is_split = [&self.before, &self.after]
            .iter()
            .any(|asked| shares(asked.cluster, asked.options, &self.service, self.port).is_some());
        Changes {
            merged: self.endpoints(Reading::Merged, client),
            leaf: if is_split { self.endpoints(Reading::Leaf, client) } else { None },
            profile: self.profiles(client),
        }
    }

    fn endpoints(&mut self, reading: Reading, client: &Client) -> Option<EndpointsChange> {
        let query = self.get(reading);
        let (before, after) = (self.before.ask(&query, client).0, self.after.ask(&query, client).0);
        let (Answer::Endpoints(old), Answer::Endpoints(new)) = (&*before, &*after) else { return None };
        if old.delta(new) == Delta::Same {
            return None;
        }
        let side = |asked: &mut Asked<'_>| {
            endpoints::Side::new(asked.cluster, asked.options, &mut asked.pools, &query, client)
        };
        Some(EndpointsChange::between(&side(&mut self.before), &side(&mut self.after)))
    }

    fn profiles(&mut self, client: &Client) -> Option<ProfileChange> {
        let query = self.profile();
        let (before, after) = (self.before.ask(&query, client).0, self.after.ask(&query, client).0);
        let (Answer::Profile(old), Answer::Profile(new)) = (&*before, &*after) else { return None };
        (old.message != new.message).then(|| ProfileChange::between(&old.message, &new.message))
    }
}

#[cfg(test)]
mod tests;

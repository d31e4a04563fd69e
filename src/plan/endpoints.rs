//! The answers of `Get` in two states: what of the traffic each backend and each endpoint has.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use prost::Message;

use super::Share;
use crate::{
    client::Endpoint,
    cluster::Cluster,
    context::Reading,
    model::{NsName, TargetRef},
    pb::destination as pb,
    resolve::{Answer, Client, Options, Pools, Query, resolve_from, shares},
    view::{Meta, View},
    weight::Milli,
};

/// How the answer of `Get` differs between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsChange {
    /// What is answered before.
    pub before: Answered,
    /// What is answered after.
    pub after: Answered,
    /// Every backend of either state, by name. A service that is not split is its own only backend.
    pub backends: Vec<BackendChange>,
    /// Every endpoint of which anything differs, its share included, by address.
    pub endpoints: Vec<EndpointChange>,
    /// Whether the labels of the set as a whole differ; they are said only where there are endpoints.
    pub labels: bool,
}

/// The answer as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// There is no such service.
    Absent,
    /// So many endpoints; of an existing service there may be none.
    Endpoints(usize),
}

/// A backend in two states; it is there in at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendChange {
    /// Its Service.
    pub name: NsName,
    /// Its part before.
    pub before: Option<BackendPart>,
    /// Its part after.
    pub after: Option<BackendPart>,
}

/// What a backend has of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendPart {
    /// The weight that the split declares for it; `None` where no split is applied.
    pub weight: Option<Milli>,
    /// How many of the answered endpoints are its own.
    pub endpoints: usize,
    /// What of the traffic goes to it.
    pub share: Share,
}

/// An endpoint in two states; it is there in at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointChange {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its part before.
    pub before: Option<EndpointPart>,
    /// Its part after.
    pub after: Option<EndpointPart>,
    /// The fields of its metadata that differ, by their names in the protocol, if it is there in both.
    pub fields: Vec<&'static str>,
}

/// What an endpoint has of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPart {
    /// Whose endpoint it is; several backends may have it in common.
    pub backends: Vec<NsName>,
    /// What is behind it.
    pub target: TargetRef,
    /// The weight that is answered.
    pub weight: u32,
    /// What of the traffic goes to it.
    pub share: Share,
}

/// An answer of `Get` in one state, and who is behind it.
pub(super) struct Side {
    view: View,
    backends: BTreeMap<NsName, BackendPart>,
    endpoints: BTreeMap<SocketAddr, EndpointPart>,
}

impl Side {
    pub(super) fn new(
        cluster: &Cluster,
        options: &Options,
        pools: &mut Pools,
        query: &Query,
        client: &Client,
    ) -> Self {
        let (resolution, memo) = resolve_from(cluster, options, pools, None, query, client);
        let view = match &*resolution.answer {
            Answer::Endpoints(view) => view.clone(),
            Answer::Profile(_) => View::absent(),
        };
        let total = view.entries().iter().map(|entry| u64::from(entry.weight)).sum();
        let (mut backends, mut endpoints) = (declared(cluster, options, query), BTreeMap::new());
        for (service, contributions) in memo.contributions() {
            let backend: &mut BackendPart = backends.entry(service.clone()).or_default();
            let mut sum = 0;
            for contribution in contributions {
                sum += u64::from(contribution.weight);
                backend.endpoints += 1;
                let part = endpoints.entry(contribution.addr).or_insert_with(|| EndpointPart {
                    backends: Vec::new(),
                    target: contribution.target.clone(),
                    weight: 0,
                    share: Share::default(),
                });
                part.backends.push(service.clone());
                part.weight += contribution.weight;
            }
            backend.share = Share::of(sum, total);
        }
        for part in endpoints.values_mut() {
            part.share = Share::of(part.weight.into(), total);
        }
        Self { view, backends, endpoints }
    }

    fn answered(&self) -> Answered {
        if self.view.exists() { Answered::Endpoints(self.endpoints.len()) } else { Answered::Absent }
    }

    fn meta(&self, addr: SocketAddr) -> Option<&Meta> {
        self.view.entries().get(&addr).map(|entry| &entry.meta)
    }
}

/// The backends that a split declares, if one is merged into the answer.
fn declared(cluster: &Cluster, options: &Options, query: &Query) -> BTreeMap<NsName, BackendPart> {
    let Query::Endpoints { service, port, reading: Reading::Merged, .. } = query else {
        return BTreeMap::new();
    };
    let shares = shares(cluster, options, service, *port).unwrap_or_default();
    let part = |weight| BackendPart { weight: Some(weight), ..BackendPart::default() };
    shares.into_iter().map(|share| (share.name, part(share.weight))).collect()
}

impl EndpointsChange {
    pub(super) fn between(before: &Side, after: &Side) -> Self {
        let names: BTreeSet<_> = before.backends.keys().chain(after.backends.keys()).collect();
        let backend = |name: &NsName| BackendChange {
            name: name.clone(),
            before: before.backends.get(name).cloned(),
            after: after.backends.get(name).cloned(),
        };
        let addrs: BTreeSet<_> = before.endpoints.keys().chain(after.endpoints.keys()).copied().collect();
        let endpoint = |addr: SocketAddr| {
            let fields = match (before.meta(addr), after.meta(addr)) {
                (Some(old), Some(new)) if old != new => differing_fields(old, new),
                _ => Vec::new(),
            };
            let (before, after) = (before.endpoints.get(&addr).cloned(), after.endpoints.get(&addr).cloned());
            let is_same = before == after && fields.is_empty();
            (!is_same).then_some(EndpointChange { addr, before, after, fields })
        };
        Self {
            before: before.answered(),
            after: after.answered(),
            backends: names.into_iter().map(backend).collect(),
            endpoints: addrs.into_iter().filter_map(endpoint).collect(),
            labels: !before.endpoints.is_empty()
                && !after.endpoints.is_empty()
                && before.view.labels() != after.view.labels(),
        }
    }
}

/// Names of the fields in which two pieces of metadata differ; they do.
fn differing_fields(old: &Meta, new: &Meta) -> Vec<&'static str> {
    let read = |meta: &Meta| {
        let bytes = meta.parts().map(|part| &**part).concat();
        pb::WeightedAddr::decode(&*bytes).unwrap_or_default()
    };
    // The address is none of the metadata, but an endpoint has one.
    let endpoint = |meta| Endpoint { addr: SocketAddr::from(([0, 0, 0, 0], 0)), message: read(meta) };
    let fields = endpoint(old).metadata_differences(&endpoint(new));
    if fields.is_empty() { vec!["encoding"] } else { fields }
}

//! How each endpoint of a service stands: given out, not ready, or left out and why.
//!
//! The rules are those of the pools that answers are made from; here nothing is left out, so that a person can be
//! shown what a client is not told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

pub use super::metadata::LacksVariables;
use super::{
    Options,
    endpoints::{pool_key, unsuitable},
    metadata::PodPort,
    reader::Reader,
    split::winner,
};
use crate::{
    cluster::{Backing, Cluster, StoredEndpoint, StoredSlice},
    model::{NsName, Service, TargetRef, TrafficSplit},
    weight::Milli,
};

/// How an endpoint stands. The smallest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is given out on one port of its service at least.
    Ready,
    /// Its slice says that it is not ready.
    NotReady,
    /// Its slice says that it is ready, but it is given to nobody.
    LeftOut(Cause),
}

/// Why a ready endpoint is given to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The Pod or ExternalWorkload that it refers to does not exist.
    Missing,
    /// It refers to a Pod of another namespace that does not have its address.
    Foreign,
    /// It refers to a kind that nobody can vouch for.
    Unknown,
    /// It has an IPv6 address, and those are not given out.
    Family,
    /// Its slice has none of the service's ports.
    Port,
    /// Its Pod belongs to a mesh, and its proxy lacks variables that say where it listens.
    Proxy(LacksVariables),
    /// Its service is one that has no endpoints of its own to give out.
    Service,
}

impl Cause {
    /// The cause as a sentence of an endpoint, without a full stop.
    #[must_use]
    pub fn sentence(self, target: &TargetRef) -> String {
        match (self, target) {
            (Self::Missing, TargetRef::Pod(pod)) => format!("its Pod {pod} does not exist"),
            (Self::Missing, TargetRef::Workload(name)) => {
                format!("its ExternalWorkload {name} does not exist")
            }
            (Self::Missing, _) => "what it refers to does not exist".to_owned(),
            (Self::Foreign, TargetRef::Pod(pod)) => {
                format!("it refers to Pod {pod} of another namespace, which does not have its address")
            }
            (Self::Foreign, _) => "it refers to a Pod of another namespace without its address".to_owned(),
            (Self::Unknown, TargetRef::Other(kind)) => {
                format!("it refers to a {kind}; only Pods and ExternalWorkloads can be vouched for")
            }
            (Self::Unknown, _) => "it refers to something that nobody can vouch for".to_owned(),
            (Self::Family, _) => "IPv6 addresses are not given out (--enable-ipv6)".to_owned(),
            (Self::Port, _) => "its slice has none of the service's ports".to_owned(),
            (Self::Proxy(lacks), _) => {
                format!("its Pod belongs to a mesh, but its container linkerd-proxy lacks {lacks}")
            }
            (Self::Service, _) => "its service has no endpoints of its own to give out".to_owned(),
        }
    }
}

/// An endpoint and how it stands.
#[derive(Clone, Debug)]
pub struct Stand {
    /// The endpoint.
    pub stored: Arc<StoredEndpoint>,
    /// The ports on it that the service's ports lead to, sorted; shared by the endpoints of a slice.
    pub ports: Arc<[u16]>,
    /// How it stands.
    pub standing: Standing,
}

impl PartialEq for Stand {
    /// Whatever is said of an endpoint makes it another one, so that pointers tell.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.stored, &other.stored)
            && self.standing == other.standing
            && self.ports == other.ports
    }
}

/// All endpoints of a service by address. Of several with one address it is the one that stands best.
#[must_use]
pub fn stands(service: &Service, slices: &[Arc<StoredSlice>], options: &Options) -> Vec<Stand> {
    let numbers: BTreeSet<u16> = service.ports.iter().map(|port| port.port).collect();
    let keys: Vec<_> = numbers.into_iter().map(|port| pool_key(service, port)).collect();
    let has_none = unsuitable(service).is_some();
    let mut found: BTreeMap<IpAddr, Stand> = BTreeMap::new();
    for subset in slices.iter().flat_map(|slice| &slice.subsets) {
        let target = |key| Reader { options, key }.target_port(subset);
        let ports: BTreeSet<u16> = keys.iter().filter_map(target).collect();
        let ports: Arc<[u16]> = ports.into_iter().collect();
        for stored in &subset.endpoints {
            let standing = match standing(stored, &ports, options) {
                Standing::Ready if has_none => Standing::LeftOut(Cause::Service),
                standing => standing,
            };
            let address = stored.endpoint.address;
            if found.get(&address).is_none_or(|known| standing < known.standing) {
                found.insert(address, Stand { stored: stored.clone(), ports: ports.clone(), standing });
            }
        }
    }
    found.into_values().collect()
}

fn standing(stored: &StoredEndpoint, ports: &[u16], options: &Options) -> Standing {
    let endpoint = &stored.endpoint;
    if !endpoint.ready {
        return Standing::NotReady;
    }
    if !options.ipv6 && endpoint.address.is_ipv6() {
        return Standing::LeftOut(Cause::Family);
    }
    let lacks = match &stored.backing {
        Backing::Missing => return Standing::LeftOut(Cause::Missing),
        Backing::ForeignPod => return Standing::LeftOut(Cause::Foreign),
        Backing::Unknown => return Standing::LeftOut(Cause::Unknown),
        Backing::Bare(_) | Backing::Workload { .. } => None,
        Backing::Pod { class, .. } => {
            let mut lacks = ports.iter().map(|port| PodPort::new(class, *port, &options.mesh).check());
            // One port on which it can be spoken to is enough.
            let first = lacks.next().and_then(Result::err);
            first.filter(|_| lacks.all(|lacks| lacks.is_err()))
        }
    };
    match lacks {
        _ if ports.is_empty() => Standing::LeftOut(Cause::Port),
        Some(lacks) => Standing::LeftOut(Cause::Proxy(lacks)),
        None => Standing::Ready,
    }
}

/// How many addresses of a service are given out on this port of it, whoever asks.
#[must_use]
pub fn given_out(service: &Service, slices: &[Arc<StoredSlice>], port: u16, options: &Options) -> usize {
    let key = pool_key(service, port);
    let reader = Reader { options, key: &key };
    let addresses: BTreeSet<_> =
        slices.iter().flat_map(|slice| reader.ready(slice)).map(|(addr, _)| addr).collect();
    addresses.len()
}

/// Why a service has no endpoints that could be given out, if so, and what to do.
#[must_use]
pub fn no_endpoints_of_its_own(service: &Service) -> Option<String> {
    unsuitable(service).map(|(_, _, message)| message)
}

/// The split of an apex as its author declared it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The one that has precedence.
    pub split: Arc<TrafficSplit>,
    /// Its backends in order, each named once, with all that the split gives it.
    pub backends: Vec<(NsName, Milli)>,
    /// Other splits for the same apex that are considered, which do nothing.
    pub others: Vec<NsName>,
}

/// The split that concerns an apex, if any can be applied. Whether the apex can be split at all is not looked at.
#[must_use]
pub fn declared(cluster: &Cluster, apex: &NsName) -> Option<Declared> {
    let winner = winner(cluster, apex)?;
    let of_apex = cluster.considered_splits(apex);
    Some(Declared {
        split: cluster.split(&winner.name)?.clone(),
        backends: cluster.backends_of(winner).into_iter().collect(),
        others: of_apex.map(|split| split.name.clone()).filter(|name| *name != winner.name).collect(),
    })
}

//! Which endpoints of a slice a pool has, and why others are left out.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use super::{
    Options,
    classes::Classes,
    metadata::{LacksVariables, PodPort},
    pool::{Candidate, PoolKey},
};
use crate::{
    cluster::{Backing, StoredEndpoint, StoredSlice, StoredSubset},
    model::{NsName, ObjectId, TargetRef},
};

/// Endpoints of a slice that are ready but cannot be given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) count: usize,
    /// The first of them, and what it lacks.
    pub(super) example: (NsName, LacksVariables),
}

/// Why an endpoint of a slice is in no pool. What is looked at first is said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its slice does not have the port that is asked for.
    NoPort,
    /// It is not ready.
    NotReady,
    /// It is of a family that is not given out.
    Family,
    /// It has another host name than the one asked for, or none.
    OtherName,
    /// What it refers to does not exist.
    Missing,
    /// It refers to a Pod of another namespace that does not have its address.
    Foreign,
    /// It refers to something that nobody can vouch for.
    Unknown,
    /// A client could not tell how to speak to its proxy.
    Unusable(LacksVariables),
}

/// Reads the candidates of a pool from slices.
pub(super) struct Reader<'a> {
    pub(super) options: &'a Options,
    pub(super) key: &'a PoolKey,
}

impl Reader<'_> {
    /// The ready endpoints of a slice that can be given out. The family comes first of all, so that what is
    /// not given out is never what a zone is left with.
    pub(super) fn ready<'s>(
        &self,
        slice: &'s StoredSlice,
    ) -> impl Iterator<Item = (SocketAddr, &'s Arc<StoredEndpoint>)> {
        let in_subset = move |subset: &'s StoredSubset| {
            let port = self.target_port(subset);
            let fit = move |stored: &'s Arc<StoredEndpoint>| Some((self.address(port, stored).ok()?, stored));
            port.into_iter().flat_map(move |_| subset.endpoints.iter().filter_map(fit))
        };
        slice.subsets.iter().flat_map(in_subset)
    }

    /// Where an endpoint can be given out, its subset having this [target port](Self::target_port).
    pub(super) fn address(&self, port: Option<u16>, stored: &StoredEndpoint) -> Result<SocketAddr, Unfit> {
        let port = port.ok_or(Unfit::NoPort)?;
        let (endpoint, instance) = (&stored.endpoint, &self.key.instance);
        if !endpoint.ready {
            return Err(Unfit::NotReady);
        }
        if !self.options.ipv6 && endpoint.address.is_ipv6() {
            return Err(Unfit::Family);
        }
        if instance.is_some() && endpoint.hostname != *instance {
            return Err(Unfit::OtherName);
        }
        match &stored.backing {
            Backing::Bare(_) | Backing::Workload { .. } => {}
            Backing::Pod { class, .. } => {
                PodPort::new(class, port, &self.options.mesh).check().map_err(Unfit::Unusable)?;
            }
            Backing::Missing => return Err(Unfit::Missing),
            Backing::ForeignPod => return Err(Unfit::Foreign),
            Backing::Unknown => return Err(Unfit::Unknown),
        }
        Ok(SocketAddr::new(endpoint.address, port))
    }

    /// The same by address; of several endpoints with one address the first.
    pub(super) fn addresses<'s>(
        &self,
        slice: &'s StoredSlice,
    ) -> BTreeMap<SocketAddr, &'s Arc<StoredEndpoint>> {
        let mut addresses = BTreeMap::new();
        for (addr, stored) in self.ready(slice) {
            addresses.entry(addr).or_insert(stored);
        }
        addresses
    }

    pub(super) fn candidate(
        &self,
        slice: &Arc<ObjectId>,
        addr: SocketAddr,
        stored: &Arc<StoredEndpoint>,
        classes: &mut Classes,
    ) -> Candidate {
        let ports = (self.key.port, addr.port());
        let class = classes.of(stored, ports, &self.options.mesh);
        Candidate { addr, stored: stored.clone(), class, slice: slice.clone() }
    }

    pub(super) fn unusable(&self, slice: &StoredSlice) -> Option<Unusable> {
        let mut found: BTreeMap<&NsName, LacksVariables> = BTreeMap::new();
        for subset in &slice.subsets {
            let port = self.target_port(subset);
            for stored in port.into_iter().flat_map(|_| &subset.endpoints) {
                if let (Err(Unfit::Unusable(lacks)), TargetRef::Pod(pod)) =
                    (self.address(port, stored), &stored.endpoint.target)
                {
                    found.insert(pod, lacks);
                }
            }
        }
        let (pod, lacks) = found.first_key_value()?;
        Some(Unusable { count: found.len(), example: ((*pod).clone(), *lacks) })
    }

    /// The number behind the service port in a subset: that of the subset's port with the same name. A
    /// number that the service does not declare is used as it is.
    pub(super) fn target_port(&self, subset: &StoredSubset) -> Option<u16> {
        let ports = subset.ports.as_ref()?;
        match self.key.port_name.as_deref() {
            Some(name) => ports.iter().find(|port| &*port.name == name).map(|port| port.port),
            None => Some(self.key.port),
        }
    }
}

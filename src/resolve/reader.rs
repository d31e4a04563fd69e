//! Which endpoints of a slice a pool has, and why others are left out.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use super::{
    MeshOptions, Options,
    classes::Classes,
    metadata::{LacksVariable, PodPort},
    pool::{Candidate, PoolKey},
};
use crate::{
    cluster::{Backing, StoredEndpoint, StoredSlice, StoredSubset},
    model::{Endpoint, NsName, ObjectId, TargetRef},
};

/// Endpoints of a slice that are ready but cannot be given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) count: usize,
    /// The first of them, and what it lacks.
    pub(super) example: (NsName, LacksVariable),
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
            let with_port = move |port| {
                let wanted = subset.endpoints.iter().filter(|stored| self.is_wanted(&stored.endpoint));
                wanted.map(move |stored| (SocketAddr::new(stored.endpoint.address, port), stored))
            };
            self.target_port(subset).into_iter().flat_map(with_port)
        };
        let in_all = slice.subsets.iter().flat_map(in_subset);
        in_all.filter(|(addr, stored)| is_usable(&stored.backing, addr.port(), &self.options.mesh))
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
        let mut found: BTreeMap<&NsName, LacksVariable> = BTreeMap::new();
        for subset in &slice.subsets {
            let Some(port) = self.target_port(subset) else { continue };
            for stored in subset.endpoints.iter().filter(|stored| self.is_wanted(&stored.endpoint)) {
                if let (Backing::Pod { class, .. }, TargetRef::Pod(pod)) =
                    (&stored.backing, &stored.endpoint.target)
                    && let Err(lacks) = PodPort::new(class, port, &self.options.mesh).check()
                {
                    found.insert(pod, lacks);
                }
            }
        }
        let (pod, lacks) = found.first_key_value()?;
        Some(Unusable { count: found.len(), example: ((*pod).clone(), *lacks) })
    }

    /// Whether an endpoint is ready, of a family that is given out, and of the name that is asked for.
    fn is_wanted(&self, endpoint: &Endpoint) -> bool {
        let instance = &self.key.instance;
        endpoint.ready
            && (self.options.ipv6 || endpoint.address.is_ipv4())
            && (instance.is_none() || endpoint.hostname == *instance)
    }

    /// The number behind the service port in a subset: that of the subset's port with the same name. A
    /// number that the service does not declare is used as it is.
    fn target_port(&self, subset: &StoredSubset) -> Option<u16> {
        let ports = subset.ports.as_ref()?;
        match self.key.port_name.as_deref() {
            Some(name) => ports.iter().find(|port| &*port.name == name).map(|port| port.port),
            None => Some(self.key.port),
        }
    }
}

fn is_usable(backing: &Backing, port: u16, mesh: &MeshOptions) -> bool {
    match backing {
        Backing::Bare(_) | Backing::Workload { .. } => true,
        Backing::Pod { class, .. } => PodPort::new(class, port, mesh).check().is_ok(),
        Backing::Missing | Backing::Unknown => false,
    }
}

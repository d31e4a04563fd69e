//! Who is at which address: Pods at their own and at those of their nodes, and ExternalWorkloads.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
};

use super::claims::Claims;
use crate::model::{ExternalWorkload, Phase, Pod};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Pods with an address of their own, and not at its end.
    by_ip: HashMap<IpAddr, Tenants>,
    /// Pods with host ports by the addresses of their nodes.
    by_host: HashMap<IpAddr, Vec<Arc<Pod>>>,
    /// ExternalWorkloads by address and port.
    workloads: BTreeMap<(IpAddr, u16), Claims>,
    /// Keys of `workloads` that several namespaces claim.
    contested: BTreeSet<(IpAddr, u16)>,
}

/// The Pods that say they have an address: one, except for a moment.
#[derive(Clone, Debug)]
enum Tenants {
    One(Arc<Pod>),
    #[expect(clippy::box_collection, reason = "keeps the entry of the usual case at two words")]
    Many(Box<Vec<Arc<Pod>>>),
}

impl Addresses {
    /// The Pods whose own address this is.
    pub(super) fn pods_at(&self, ip: IpAddr) -> &[Arc<Pod>] {
        match self.by_ip.get(&ip) {
            None => &[],
            Some(Tenants::One(pod)) => std::slice::from_ref(pod),
            Some(Tenants::Many(pods)) => pods,
        }
    }

    /// The Pods with host ports on a node with this address.
    pub(super) fn pods_on_host(&self, ip: IpAddr) -> &[Arc<Pod>] {
        self.by_host.get(&ip).map_or(&[], Vec::as_slice)
    }

    /// The ports of this address on which ExternalWorkloads listen, with these.
    pub(super) fn workloads_at(&self, ip: IpAddr) -> impl Iterator<Item = (u16, &Claims)> {
        self.workloads.range((ip, 0)..=(ip, u16::MAX)).map(|((_, port), claims)| (*port, claims))
    }

    /// The ExternalWorkloads that listen on this port of this address.
    pub(super) fn workloads_on(&self, ip: IpAddr, port: u16) -> Option<&Claims> {
        self.workloads.get(&(ip, port))
    }

    /// The ports of this address on which ExternalWorkloads of several namespaces listen.
    pub(super) fn contested(&self, ip: IpAddr) -> impl Iterator<Item = u16> {
        self.contested.range((ip, 0)..=(ip, u16::MAX)).map(|(_, port)| *port)
    }

    /// Has an address as another has it.
    pub(super) fn take_from(&mut self, other: &Self, ip: IpAddr) {
        self.by_ip.extend(other.by_ip.get(&ip).map(|tenants| (ip, tenants.clone())));
        self.by_host.extend(other.by_host.get(&ip).map(|pods| (ip, pods.clone())));
        self.workloads.extend(other.workloads_at(ip).map(|(port, claims)| ((ip, port), claims.clone())));
        self.contested.extend(other.contested(ip).map(|port| (ip, port)));
    }

    /// Adds a Pod to its addresses, or takes it out.
    pub(super) fn set_pod(&mut self, pod: &Arc<Pod>, added: bool) {
        if pod.phase == Phase::Over {
            return;
        }
        for ip in pod.ips.iter().flatten().filter(|_| !pod.spec.host_network) {
            match self.by_ip.entry(*ip) {
                Entry::Vacant(place) if added => _ = place.insert(Tenants::One(pod.clone())),
                Entry::Vacant(_) => {}
                Entry::Occupied(mut place) => {
                    let mut all = match place.get() {
                        Tenants::One(one) => vec![one.clone()],
                        Tenants::Many(many) => Vec::clone(many),
                    };
                    change(&mut all, pod, added);
                    match all.len() {
                        0 => _ = place.remove(),
                        1 => _ = place.insert(Tenants::One(all.remove(0))),
                        _ => _ = place.insert(Tenants::Many(Box::new(all))),
                    }
                }
            }
        }
        for ip in &pod.host_ips {
            let pods = self.by_host.entry(*ip).or_default();
            change(pods, pod, added);
            if pods.is_empty() {
                self.by_host.remove(ip);
            }
        }
    }

    /// Adds an ExternalWorkload to the ports of an address, or takes it out.
    pub(super) fn set_workload(&mut self, ip: IpAddr, workload: &ExternalWorkload, added: bool) {
        for (_, port) in &workload.ports {
            let key = (ip, *port);
            let mut claims = self.workloads.remove(&key);
            Claims::set(&mut claims, workload.created, &workload.name, added);
            if claims.as_ref().is_some_and(Claims::is_contested) {
                self.contested.insert(key);
            } else {
                self.contested.remove(&key);
            }
            self.workloads.extend(claims.map(|claims| (key, claims)));
        }
    }
}

/// Adds a Pod to those of an address, by name, or takes it out.
fn change(pods: &mut Vec<Arc<Pod>>, pod: &Arc<Pod>, added: bool) {
    match (pods.binary_search_by(|other| other.name.cmp(&pod.name)), added) {
        (Ok(place), true) => pods[place] = pod.clone(),
        (Ok(place), false) => _ = pods.remove(place),
        (Err(place), true) => pods.insert(place, pod.clone()),
        (Err(_), false) => {}
    }
}

//! What the controller hands over: for each service that something changed of, pointers to what is known of it.
//!
//! It costs the controller a few clones a service, not more often than every [`PACE`](super::PACE), not for more
//! services than [`SERVICES_AT_ONCE`], and never a wait: while the last observation has not been taken, what changed
//! stays noted. How much can be noted is bounded by the number of services and ServiceProfiles.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
};

use tokio::{sync::mpsc, time::Instant};

use super::PACE;
use crate::{
    cluster::{Cluster, Fact, StoredSlice},
    model::{NsName, Service},
    resolve::{
        inspect::{overriding, sent_instead},
        standing::{Declared, declared},
    },
};

/// How many services one observation has: about half a millisecond of the controller. The others come with the next.
pub const SERVICES_AT_ONCE: usize = 1000;

/// A service as the controller knows it. Whatever changes of it makes other pointers.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The Service.
    pub service: Arc<Service>,
    /// Its slices by name.
    pub slices: Vec<Arc<StoredSlice>>,
    /// The split that it is the apex of.
    pub split: Option<Declared>,
    /// The ServiceProfile in its namespace, if that has `dstOverrides`, which come before any split.
    pub overriding: Option<NsName>,
    /// What proxies send instead of following the split, because of `dstOverrides`; as sentences.
    pub instead: Vec<String>,
}

/// What changed since the observation before.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Services with what is known of them now; `None` for one that does not exist.
    pub services: Vec<(NsName, Option<Sighting>)>,
    /// Whether nothing was left for the next one. Before the first of these not all services are known.
    pub is_whole: bool,
}

/// The controller's end: notes which services are concerned, and hands them over when it is time.
#[derive(Debug)]
pub struct Observer {
    /// Each once, the one that was noted first in front.
    waiting: VecDeque<NsName>,
    noted: HashSet<NsName>,
    /// Whether an observation is owed though nothing changed: the first one.
    owes: bool,
    next: Instant,
    to: mpsc::Sender<Observation>,
}

/// An observer, and where its observations come out. One may wait: it says all that changed, so a second one would
/// only be older.
#[must_use]
pub fn observer() -> (Observer, mpsc::Receiver<Observation>) {
    let (to, observations) = mpsc::channel(1);
    let (waiting, noted) = (VecDeque::new(), HashSet::new());
    (Observer { waiting, noted, owes: false, next: Instant::now(), to }, observations)
}

impl Observer {
    /// Notes whom these facts are about. A backend's apexes need not be noted: who takes the observation knows them.
    pub fn note(&mut self, touched: &BTreeSet<Fact>) {
        for fact in touched {
            if let Fact::Service(name) | Fact::Endpoints(name) | Fact::SplitsOf(name) = fact {
                self.note_service(name);
            } else if let Fact::Profile(profile) = fact
                && let Some(service) = service_of(profile)
            {
                self.note_service(&service);
            }
        }
    }

    /// Notes all services: everything was read for the first time.
    pub fn note_all(&mut self, cluster: &Cluster) {
        cluster.services().for_each(|service| self.note_service(&service.name));
        self.owes = true;
    }

    fn note_service(&mut self, name: &NsName) {
        if self.noted.insert(name.clone()) {
            self.waiting.push_back(name.clone());
        }
    }

    /// When to [observe](Self::observe); `None` while nothing changed, or if nobody takes it any more.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let is_due = (self.owes || !self.waiting.is_empty()) && !self.to.is_closed();
        is_due.then_some(self.next)
    }

    /// Hands over what changed, or leaves it for the next time if the last observation was not taken yet.
    pub fn observe(&mut self, cluster: &Cluster) {
        self.next = Instant::now() + PACE;
        let Ok(place) = self.to.try_reserve() else { return };
        let count = self.waiting.len().min(SERVICES_AT_ONCE);
        let names = self.waiting.drain(..count);
        let mut services = Vec::with_capacity(count);
        for name in names {
            self.noted.remove(&name);
            let sighting = sighting(cluster, &name);
            services.push((name, sighting));
        }
        self.owes = false;
        place.send(Observation { services, is_whole: self.waiting.is_empty() });
    }
}

/// What is known of a service.
pub(super) fn sighting(cluster: &Cluster, name: &NsName) -> Option<Sighting> {
    let service = cluster.service(name)?.clone();
    let slices = cluster.slices_of(name).cloned().collect();
    let overriding = overriding(cluster, name).map(|profile| profile.name.clone());
    let split = declared(cluster, name);
    let port = service.ports.first().map(|port| port.port).filter(|_| split.is_some());
    let instead = port.map(|port| sent_instead(cluster, name, port)).unwrap_or_default();
    Some(Sighting { service, slices, split, overriding, instead })
}

/// The service that a ServiceProfile may be of: `web.shop.svc.cluster.local` is of `web` in namespace `shop`, whatever the
/// namespace of the profile. It is not looked at whether there is one, nor what the cluster domain is.
fn service_of(profile: &NsName) -> Option<NsName> {
    let mut labels = profile.name.as_str().split('.');
    let (service, namespace) = (labels.next()?, labels.next()?);
    Some(NsName::new(namespace, service))
}

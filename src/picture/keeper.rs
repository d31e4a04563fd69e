//! The task that keeps the picture.
//!
//! It takes what the controller saw, makes cards of it and notes in the timeline what differs. A card is made anew for
//! each service that was seen, and for the apexes that it is a backend of. While somebody watches, each new picture is
//! shown, and once a [`SWEEP`] it looks how far the streams are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Duration, Instant, sleep_until},
};

use super::{
    Card, Event, Observation, Picture, Pictures, ServicePicture, said,
    shown::{Seen, Showing, Shown},
    streams::{Clock, sweep},
    timeline,
};
use crate::{
    model::{Name, NsName},
    resolve::{Options, standing::stands},
    status::Status,
    topic::Topics,
};

/// How often there is a new picture at most: often enough for an eye, and a bound on what a storm of events costs.
pub const PACE: Duration = Duration::from_millis(250);
/// How often it is looked how far the streams are, while somebody watches.
const SWEEP: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug)]
pub struct Keeper {
    options: Options,
    domain: Name,
    clock: Clock,
    picture: Picture,
    seen: BTreeMap<NsName, Arc<Seen>>,
    apexes_of: BTreeMap<NsName, BTreeSet<NsName>>,
    revisions: u64,
    showing: Arc<Showing>,
    came: Arc<Notify>,
}

impl Keeper {
    /// A keeper that has seen nothing yet, and where watchers come from. The options and the cluster domain are those that
    /// answers are made with.
    #[must_use]
    pub fn new(options: Options, domain: Name) -> (Self, Pictures) {
        let showing = Arc::new(watch::channel(None).0);
        let came = Arc::new(Notify::new());
        let pictures = Pictures::new(Arc::downgrade(&showing), came.clone());
        let keeper = Self {
            options,
            domain,
            clock: Clock::new(now()),
            picture: Picture { version: 1, ..Picture::default() },
            seen: BTreeMap::new(),
            apexes_of: BTreeMap::new(),
            revisions: 0,
            showing,
            came,
        };
        (keeper, pictures)
    }

    /// Runs until the controller is gone.
    pub async fn run(
        mut self,
        mut observations: mpsc::Receiver<Observation>,
        mut status: watch::Receiver<Arc<Status>>,
        topics: Arc<Topics>,
    ) {
        let (mut next_status, mut next_sweep) = (Instant::now(), Instant::now());
        loop {
            let is_watched = self.is_watched();
            let came = self.came.clone();
            tokio::select! {
                observation = observations.recv() => match observation {
                    Some(observation) => self.observe(observation, now()),
                    None => return,
                },
                changed = new_status(&mut status, next_status) => {
                    if !changed {
                        return;
                    }
                    next_status = Instant::now() + PACE;
                    let status = status.borrow_and_update().clone();
                    self.take_status(&status, now());
                }
                () = sleep_until(next_sweep), if is_watched => {
                    next_sweep = Instant::now() + SWEEP;
                    self.sweep(&topics).await;
                }
                () = came.notified() => {}
            }
            self.show();
        }
    }

    /// The picture as it is.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    fn is_watched(&self) -> bool {
        self.showing.receiver_count() > 0
    }

    /// Takes what the controller saw, at this time in milliseconds since 1970.
    pub fn observe(&mut self, observation: Observation, at: i64) {
        let mut concerned = BTreeSet::new();
        for (name, sighting) in observation.services {
            let backends = |seen: Option<&Arc<Seen>>| {
                let split = seen.and_then(|seen| seen.sighting.split.as_ref());
                split.map(|split| split.backends.clone()).unwrap_or_default()
            };
            let old = self.seen.get(&name).cloned();
            let new = sighting.map(|sighting| {
                let stands: Arc<[_]> = stands(&sighting.service, &sighting.slices, &self.options).into();
                let same = old.as_ref().filter(|old| old.stands == stands).cloned();
                let (stands, revision) = match same {
                    Some(old) => (old.stands.clone(), old.revision),
                    None => {
                        self.revisions += 1;
                        (stands, self.revisions)
                    }
                };
                Arc::new(Seen { sighting, stands, revision })
            });
            for (backend, _) in backends(old.as_ref()) {
                if let Some(apexes) = self.apexes_of.get_mut(&backend) {
                    apexes.remove(&name);
                    if apexes.is_empty() {
                        self.apexes_of.remove(&backend);
                    }
                }
            }
            for (backend, _) in backends(new.as_ref()) {
                self.apexes_of.entry(backend).or_default().insert(name.clone());
            }
            match new {
                Some(new) => _ = self.seen.insert(name.clone(), new),
                None => _ = self.seen.remove(&name),
            }
            concerned.extend(self.apexes_of.get(&name).into_iter().flatten().cloned());
            concerned.insert(name);
        }
        if !concerned.is_empty() {
            self.picture.version += 1;
        }
        let mut happened = Vec::new();
        for name in concerned {
            happened.extend(self.draw(&name));
        }
        said::lines(&happened).iter().for_each(|line| tracing::info!("{line}"));
        for event in happened {
            self.picture.timeline.push(at, event);
        }
        if observation.is_whole && !self.picture.synced {
            self.picture.synced = true;
            let cards = self.picture.services.values();
            let splits = cards.filter(|service| service.card.split.is_some()).count();
            let event = Event::Read { services: self.picture.services.len(), splits };
            self.picture.timeline.push(at, event);
            self.picture.version += 1;
        }
    }

    /// Makes the card of a service anew, and says what differs.
    fn draw(&mut self, name: &NsName) -> Vec<Event> {
        let new = self.seen.get(name).map(|seen| {
            let backend = |name: &NsName| self.seen.get(name).map(|seen| &**seen);
            let card = Card::new(seen, &self.options, seen.revision, backend);
            Arc::new(ServicePicture { seen: seen.clone(), card })
        });
        let old = match &new {
            Some(new) => self.picture.services.insert(name.clone(), new.clone()),
            None => self.picture.services.remove(name),
        };
        // What is there at the start did not happen.
        if self.picture.synced { timeline::of_service(old.as_deref(), new.as_deref()) } else { Vec::new() }
    }

    /// Takes the warnings that hold now, at this time in milliseconds since 1970.
    pub fn take_status(&mut self, status: &Status, at: i64) {
        let Some((warnings, (came, went))) = self.picture.warnings.after(&status.warnings) else { return };
        self.picture.warnings = Arc::new(warnings);
        self.picture.version += 1;
        if self.picture.synced {
            let went = went.iter().map(|notice| timeline::of_warning(notice, false));
            for event in went.chain(came.iter().map(|notice| timeline::of_warning(notice, true))) {
                self.picture.timeline.push(at, event);
            }
        }
    }

    async fn sweep(&mut self, topics: &Topics) {
        let streams = sweep(topics, &self.picture.streams, &self.domain, self.clock).await;
        if *self.picture.streams != streams {
            self.picture.streams = Arc::new(streams);
            self.picture.version += 1;
        }
    }

    /// Shows the picture if it is another one than is shown, while anybody watches.
    pub(super) fn show(&mut self) {
        let shown = self.showing.borrow().clone();
        if !self.is_watched() {
            if shown.is_some() {
                self.showing.send_replace(None);
            }
            return;
        }
        if shown.as_ref().is_none_or(|shown| shown.version() != self.picture.version) {
            let shown = Shown::new(self.picture.clone(), shown.as_deref());
            self.showing.send_replace(Some(Arc::new(shown)));
        }
    }
}

/// Waits for a new status, but not before a time; says whether there can be any more.
async fn new_status(status: &mut watch::Receiver<Arc<Status>>, not_before: Instant) -> bool {
    sleep_until(not_before).await;
    status.changed().await.is_ok()
}

/// Milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

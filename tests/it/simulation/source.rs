//! The scripted source: a cluster in which things happen, and one watch a kind that tells of them in its own time.
//!
//! Order holds within a kind only. A watch lags, says things twice, loses touch and then lists its kind anew,
//! with or without objects that it could not read; it never tells of what was not, and never goes back.

use std::collections::{BTreeSet, VecDeque};

use switchyard::{
    model::{Kind, Object},
    source::Event,
};
use tokio::time::{Duration, Instant};

use super::dice::Dice;
use crate::laws::world::{Edit, World};

/// How far behind a watch is, in milliseconds; that of Pods may be another than that of slices.
const LAGS: [u64; 7] = [0, 0, 0, 2, 10, 60, 300];
/// How long a watch is out of touch, in milliseconds.
const OUTAGES: [u64; 4] = [5, 80, 500, 3000];

/// Follows one kind.
struct Watch {
    kind: Kind,
    lag: u64,
    /// What has happened and is not told, and when it will be.
    coming: VecDeque<(Instant, Event)>,
    /// Until when it is out of touch. What happens meanwhile is in the list that follows.
    lost: Option<Instant>,
}

/// See the module's documentation.
pub(super) struct Source {
    cluster: World,
    watches: Vec<Watch>,
}

impl Source {
    /// A source that has listed nothing yet.
    pub(super) fn new(cluster: World, dice: &mut Dice) -> Self {
        let watch = |kind| Watch { kind, lag: dice.pick(&LAGS), coming: VecDeque::new(), lost: None };
        let mut source = Self { cluster, watches: Kind::ALL.map(watch).into() };
        source.lose_all(dice);
        source
    }

    /// Every watch begins anew, each in its time.
    pub(super) fn lose_all(&mut self, dice: &mut Dice) {
        let slowest = dice.pick(&[1, 40, 400]);
        let now = Instant::now();
        for watch in &mut self.watches {
            watch.lose(now + Duration::from_millis(dice.below(slowest) as u64));
        }
    }

    /// One watch is out of touch for a while.
    pub(super) fn lose_one(&mut self, dice: &mut Dice) -> Kind {
        let until = Instant::now() + Duration::from_millis(dice.pick(&OUTAGES));
        let which = dice.below(self.watches.len());
        self.watches[which].lose(until);
        self.watches[which].kind
    }

    /// Something is different in the cluster from now on.
    pub(super) fn happen(&mut self, edit: &Edit, dice: &mut Dice) {
        let Some(event) = self.cluster.edit(edit) else { return };
        let watch = self.watches.iter_mut().find(|watch| watch.kind == kind(&event)).expect("one a kind");
        if watch.lost.is_none() {
            let wait =
                Duration::from_millis(dice.below(2 * usize::try_from(watch.lag).expect("small") + 1) as u64);
            let last = watch.coming.back().map(|(due, _)| *due);
            watch.coming.push_back((last.max(Some(Instant::now() + wait)).expect("one is"), event));
        }
    }

    /// Batches of what is to be told by now.
    pub(super) fn due(&mut self, told: &World, dice: &mut Dice) -> Vec<Vec<Event>> {
        let now = Instant::now();
        let mut order: Vec<_> = (0..self.watches.len()).collect();
        dice.shuffle(&mut order);
        let again = if dice.one_in(6) { repeat(told, dice) } else { None };
        let mut batches: Vec<Vec<Event>> = again.map(|event| vec![event]).into_iter().collect();
        for which in order {
            let watch = &mut self.watches[which];
            let mut events = Vec::new();
            let is_due = watch.coming.iter().take_while(|(due, _)| *due <= now).count();
            events.extend(watch.coming.drain(..is_due).map(|(_, event)| event));
            if watch.lost.is_some_and(|until| until <= now) {
                watch.lost = None;
                events.push(list(&self.cluster, watch.kind, dice));
            }
            for event in events {
                match batches.last_mut().filter(|_| !dice.one_in(3)) {
                    Some(batch) => batch.push(event),
                    None => batches.push(vec![event]),
                }
            }
        }
        batches
    }

    /// Lists a kind of which nothing was missed.
    pub(super) fn relist(&mut self, dice: &mut Dice) -> Option<Event> {
        let which = dice.below(self.watches.len());
        let watch = &mut self.watches[which];
        if watch.lost.is_some() {
            return None;
        }
        watch.coming.clear();
        Some(list(&self.cluster, watch.kind, dice))
    }

    /// The end of all faults: nothing is lost, late or unreadable any more.
    pub(super) fn recover(&mut self) -> Vec<Event> {
        for watch in &mut self.watches {
            watch.coming.clear();
            watch.lost = None;
        }
        self.cluster.relist()
    }
}

impl Watch {
    fn lose(&mut self, until: Instant) {
        self.coming.clear();
        self.lost = Some(until);
    }
}

fn kind(event: &Event) -> Kind {
    match event {
        Event::Upsert(object) => object.kind(),
        Event::Remove(id) => id.kind,
        Event::Replace(kind, _) | Event::ReplaceExcept(kind, ..) => *kind,
        Event::Folder(_) => unreachable!("this source is a cluster"),
    }
}

/// All objects of a kind in any order; now and then some of them cannot be read.
fn list(cluster: &World, kind: Kind, dice: &mut Dice) -> Event {
    let mut objects = cluster.of_kind(kind);
    dice.shuffle(&mut objects);
    if !dice.one_in(4) {
        return Event::Replace(kind, objects);
    }
    let unreadable = objects.split_off(objects.len() - dice.below(objects.len() + 1));
    Event::ReplaceExcept(kind, objects, unreadable.iter().map(Object::id).collect::<BTreeSet<_>>())
}

/// Something that was told already.
fn repeat(told: &World, dice: &mut Dice) -> Option<Event> {
    let objects = told.objects();
    let object = objects.get(dice.below(objects.len() + 1))?;
    Some(if dice.one_in(4) {
        let kind = object.kind();
        Event::Replace(kind, told.of_kind(kind))
    } else {
        Event::Upsert(anew(object))
    })
}

/// An equal object that shares nothing with this one.
fn anew(object: &Object) -> Object {
    match object {
        Object::Service(o) => Object::Service((**o).clone().into()),
        Object::EndpointSlice(o) => Object::EndpointSlice((**o).clone().into()),
        Object::Endpoints(o) => Object::Endpoints((**o).clone().into()),
        Object::Pod(o) => Object::Pod((**o).clone().into()),
        Object::Node(o) => Object::Node((**o).clone().into()),
        Object::TrafficSplit(o) => Object::TrafficSplit((**o).clone().into()),
        other => other.clone(),
    }
}

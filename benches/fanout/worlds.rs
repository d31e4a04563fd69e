//! What is served in a row, and how it changes: the same for the floor and for ours.
//!
//! Each change of a [`World`] is exactly one answer for every stream that asked for what it touches.

use std::{fmt, str::FromStr, sync::Arc};

use switchyard::{
    context::Reading,
    model::{Kind, LabelSet, Object, ObjectId, PodSpec},
    resolve::Target,
    source::Event,
};

use crate::cluster::{self, IN_A_SLICE};

/// Numbers of the Pods that come in a rollout, from here on. An address says which one it is.
const FRESH: u32 = 20_000;

/// Replacements of a rollout.
const LONGEST_ROLLOUT: u32 = 1_000;

/// See the module's documentation. Written as `small`, `usual`, `many:1000`, `split:5000` or `rollout:100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// A service with one endpoint without a mesh, whose account changes: messages of 188 bytes with their prefix.
    Small,
    /// The same with a meshed Pod (labels, identity, hint): messages of 452 bytes.
    Usual,
    /// So many services as in `Small`, of which each changes.
    Many(u32),
    /// A split over two services with so many endpoints each, whose weights change.
    Split(u32),
    /// A service with so many endpoints, of which one after the other is replaced by a new one.
    Rollout(u32),
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small => write!(f, "small"),
            Self::Usual => write!(f, "usual"),
            Self::Many(count) => write!(f, "many:{count}"),
            Self::Split(count) => write!(f, "split:{count}"),
            Self::Rollout(count) => write!(f, "rollout:{count}"),
        }
    }
}

impl FromStr for World {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, count) = text.split_once(':').unwrap_or((text, "0"));
        let count = count.parse().map_err(|error| format!("{text}: {error}"))?;
        match name {
            "small" => Ok(Self::Small),
            "usual" => Ok(Self::Usual),
            "many" => Ok(Self::Many(count)),
            "split" => Ok(Self::Split(count)),
            "rollout" => Ok(Self::Rollout(count)),
            _ => Err(format!("no such world: {text}")),
        }
    }
}

impl World {
    /// How many services streams ask for.
    pub(super) fn services(self) -> u32 {
        if let Self::Many(count) = self { count } else { 1 }
    }

    fn service(self, index: u32) -> String {
        if let Self::Many(_) = self { format!("web-{index:04}") } else { "web".to_owned() }
    }

    /// What a stream of a service asks for, by the index of the service.
    pub(super) fn authority(self, index: u32) -> String {
        format!("{}.shop.svc.cluster.local:80", self.service(index))
    }

    /// The token with which it asks.
    pub(super) fn token(self) -> &'static str {
        if let Self::Split(_) = self { "" } else { r#"{"ns":"shop"}"# }
    }

    /// The same as the engine sees it.
    pub(super) fn target(self) -> Target {
        let reading = if let Self::Split(_) = self { Reading::Merged } else { Reading::Leaf };
        cluster::get(&self.service(0), reading)
    }

    /// What is there at first.
    pub(super) fn events(self) -> Vec<Event> {
        match self {
            Self::Split(count) => {
                let mut events = cluster::events(&[("a", count), ("b", count), ("web", 0)]);
                events.push(split(0));
                events
            }
            Self::Rollout(count) => cluster::events(&[("web", count)]),
            Self::Small | Self::Usual | Self::Many(_) => {
                let names: Vec<_> = (0..self.services()).map(|index| self.service(index)).collect();
                let services: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
                let mut events = cluster::events(&services);
                events.extend((0..self.services()).map(|index| self.account(index, 0)));
                events
            }
        }
    }

    /// The batches of every change there is, made beforehand: they come around again, in pairs that undo each
    /// other, except those of a rollout.
    pub(super) fn changes(self) -> Vec<Vec<Vec<Event>>> {
        let count = if let Self::Rollout(_) = self { LONGEST_ROLLOUT } else { 2 };
        (1..=count).map(|number| self.change(number)).collect()
    }

    /// The batches of a change, by its number, from 1 on.
    fn change(self, number: u32) -> Vec<Vec<Event>> {
        match self {
            Self::Split(_) => vec![vec![split(number)]],
            Self::Rollout(count) => vec![replaced(count, number - 1)],
            Self::Small | Self::Usual | Self::Many(_) => {
                (0..self.services()).map(|index| vec![self.account(index, number)]).collect()
            }
        }
    }

    /// The Pod of a service, with one of two accounts.
    fn account(self, service: u32, number: u32) -> Event {
        let name = self.service(service);
        let (mut spec, mut labels) = cluster::template(&name);
        let mut accounts = ["bookinfo-productpage", "bookinfo-reviews-api"];
        if self != Self::Usual {
            accounts = ["one", "two"];
            (spec, labels) = (Arc::new(PodSpec::default()), Arc::new(LabelSet::default()));
        }
        let service_account = accounts[number as usize % 2].into();
        let spec = Arc::new(PodSpec { service_account, ..(*spec).clone() });
        Event::Upsert(Object::Pod(Arc::new(cluster::pod(&name, &spec, &labels, service, 0))))
    }
}

fn split(number: u32) -> Event {
    cluster::split(["a", "b"], [[90, 10], [50, 50]][number as usize % 2])
}

/// Replacement `index` in a service: a Pod goes, its successor comes, and their slice says so.
fn replaced(count: u32, index: u32) -> Vec<Event> {
    let (spec, labels) = cluster::template("web");
    // Who is at a place once so many have been replaced, in order of their places and around again.
    let at = |place: u32, done: u32| match done.checked_sub(place + 1) {
        Some(since) => FRESH + place + since / count * count,
        None => place,
    };
    let place = index % count;
    let gone = ObjectId { kind: Kind::Pod, name: cluster::pod_of("web", at(place, index)) };
    let come = cluster::pod("web", &spec, &labels, 0, at(place, index + 1));
    let slice = place / IN_A_SLICE;
    let places = slice * IN_A_SLICE..count.min((slice + 1) * IN_A_SLICE);
    vec![
        Event::Upsert(Object::Pod(Arc::new(come))),
        Event::Upsert(cluster::slice("web", 0, slice, places.map(|place| at(place, index + 1)))),
        Event::Remove(gone),
    ]
}

/// Which replacement of a rollout an address came with.
pub(super) fn replacement_of(address: u32) -> Option<usize> {
    (address & 0xffff).checked_sub(FRESH).map(|index| index as usize)
}

//! Steps lead from any picture to the newest one, and what is drawn step by step is what is drawn from scratch.

use proptest::prelude::*;

use super::*;

/// What a page has: events worked in as the page works them in.
#[derive(Debug, Default, PartialEq)]
struct Page {
    version: u64,
    services: BTreeMap<String, Value>,
    warnings: BTreeMap<u64, Value>,
    timeline: Vec<u64>,
}

impl Page {
    fn take(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("text");
        let (name, data) = text.trim_end().split_once('\n').expect("two lines");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        if name == "event: whole" {
            *self = Self::default();
        }
        let list = |key: &str| data[key].as_array().cloned().unwrap_or_default();
        self.version = data["version"].as_u64().expect("a number");
        for gone in list("services_gone") {
            self.services.remove(&format!("{}/{}", gone[0].as_str().unwrap(), gone[1].as_str().unwrap()));
        }
        for card in list("services") {
            let key = format!("{}/{}", card["namespace"].as_str().unwrap(), card["name"].as_str().unwrap());
            self.services.insert(key, card);
        }
        for gone in list("warnings_gone") {
            self.warnings.remove(&gone.as_u64().unwrap());
        }
        for warning in list("warnings") {
            self.warnings.insert(warning["id"].as_u64().unwrap(), warning);
        }
        self.timeline.extend(list("timeline").iter().map(|entry| entry["id"].as_u64().unwrap()));
        let excess = self.timeline.len().saturating_sub(KEPT);
        self.timeline.drain(..excess);
    }
}

#[derive(Clone, Debug)]
enum Happens {
    Service(usize, bool),
    Slice(usize, Vec<i8>),
    Split(usize, Vec<(usize, u64)>),
    NoSplit(usize),
    Warned(Vec<u8>),
    /// The watcher with this number looks.
    Look(usize),
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (0..4_usize, any::<bool>()).prop_map(|(name, there)| Happens::Service(name, there)),
        (0..4_usize, prop::collection::vec(-5_i8..=5, 0..4))
            .prop_map(|(name, all)| Happens::Slice(name, all)),
        (0..4_usize, prop::collection::vec((0..4_usize, 0..3_u64), 0..4))
            .prop_map(|(apex, backends)| Happens::Split(apex, backends)),
        (0..4_usize).prop_map(Happens::NoSplit),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Happens::Warned),
        (0..3_usize).prop_map(Happens::Look),
        (0..3_usize).prop_map(Happens::Look),
    ]
}

fn notices(numbers: &[u8]) -> Vec<Notice> {
    let all: BTreeSet<_> = numbers.iter().map(|n| n % 4).collect();
    let notice = |n| Notice {
        location: None,
        object: Some(format!("TrafficSplit d/{n}")),
        path: String::new(),
        reason: Reason::BadWeight,
        message: format!("it is {n}"),
    };
    all.into_iter().map(notice).collect()
}

proptest! {
    /// Whatever happens, and whichever versions a watcher is shown: with the steps it was sent it has what one has that
    /// is sent everything; and the picture is the one that is drawn of the cluster from scratch.
    #[test]
    fn steps_lead_to_the_whole(story in prop::collection::vec(happens(), 1..40)) {
        let mut world = World::empty();
        let mut watchers: Vec<_> =
            (0..3).map(|_| (world.pictures.watch().expect("there is a place"), Page::default())).collect();
        for step in story {
            let upsert = |object| vec![SourceEvent::Upsert(object)];
            let removal = |kind, name: &str| {
                vec![SourceEvent::Remove(ObjectId { kind, name: NsName::new("d", name) })]
            };
            match step {
                Happens::Service(name, true) => world.apply(upsert(service(NAMES[name], &[80, 81]))),
                Happens::Service(name, false) => world.apply(removal(Kind::Service, NAMES[name])),
                Happens::Slice(name, all) => world.apply(upsert(slice(NAMES[name], &[80], &all))),
                Happens::Split(apex, backends) => {
                    let backends: Vec<_> = backends.iter().map(|(name, weight)| (NAMES[*name], *weight)).collect();
                    world.apply(upsert(split(NAMES[apex], NAMES[apex], &backends)));
                }
                Happens::NoSplit(apex) => world.apply(removal(Kind::TrafficSplit, NAMES[apex])),
                Happens::Warned(numbers) => {
                    let status = Status { warnings: notices(&numbers).into(), ..Status::default() };
                    world.keeper.take_status(&status, 0);
                }
                Happens::Look(number) => {
                    let (watcher, page) = &mut watchers[number];
                    if let Some(bytes) = watcher.next().now_or_never() {
                        page.take(&bytes.expect("the keeper is there"));
                    }
                }
            }
            world.look();
            world.keeper.show();
        }
        let mut fresh = (world.pictures.watch().expect("there is a place"), Page::default());
        fresh.1.take(&fresh.0.next().now_or_never().flatten().expect("there is a picture"));
        for (mut watcher, mut page) in watchers {
            if let Some(bytes) = watcher.next().now_or_never() {
                page.take(&bytes.expect("the keeper is there"));
            }
            prop_assert_eq!(&page, &fresh.1);
        }
        let (mut observer, mut observations) = observer();
        observer.note_all(world.engine.cluster());
        observer.observe(world.engine.cluster());
        let (mut scratch, _) = Keeper::new(Options::default(), "cluster.local".into());
        scratch.observe(observations.try_recv().expect("it was made"), 0);
        // A number tells that something is another thing than before, of which there is none here.
        let cards = |keeper: &Keeper| -> Vec<_> {
            let cards = keeper.picture().services.values();
            cards.map(|service| Card { revision: 0, ..service.card.clone() }).collect()
        };
        prop_assert_eq!(cards(&scratch), cards(&world.keeper));
    }
}

//! What the engine answers: the truth, whatever led to it, and with no work for what concerns nobody.

mod lonely;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, proptest},
    test_runner::TestCaseError,
};
use switchyard::{
    context::Reading,
    engine::{Engine, Warning},
    model::{Kind, Object, ObjectId},
    resolve::{Answer, Options, Target},
    source::Event,
};

use self::lonely::lonely_objects;
use super::{
    alphabet::{DOMAIN, batch, edit, objects, options, targets},
    cases,
    client::{State, first_frames, read},
    oracle::Oracle,
    simple::get,
    world::{Edit, World},
};

fn engine(options: &Options) -> Engine {
    Engine::new(DOMAIN.into(), options.clone())
}

/// An engine that is told of these objects at once.
pub(super) fn fresh(world: &World, options: &Options, targets: &[Target]) -> Engine {
    let mut engine = engine(options);
    engine.apply(world.relist());
    for target in targets {
        engine.watch(target);
    }
    engine
}

fn warnings(engine: &Engine) -> Vec<Warning> {
    engine.warnings().cloned().collect()
}

pub(super) fn held(engine: &Engine, target: &Target) -> Result<Arc<Answer>, TestCaseError> {
    engine.answer(target).cloned().ok_or_else(|| TestCaseError::fail("no answer"))
}

/// The answers are those of the oracle, which come back.
pub(super) fn check_truth(
    engine: &Engine,
    world: &World,
    options: &Options,
    targets: &[Target],
) -> Result<Vec<State>, TestCaseError> {
    let oracle = Oracle { objects: world.objects(), options };
    let check = |target| {
        let (told, truth) =
            (read(&*held(engine, target)?).map_err(TestCaseError::fail)?, oracle.answer(target));
        prop_assert_eq!(&told, &truth, "{:?}", target);
        Ok(truth)
    };
    targets.iter().map(check).collect()
}

/// Two engines say the same, to the byte.
pub(super) fn check_same(one: &Engine, other: &Engine, targets: &[Target]) -> Result<(), TestCaseError> {
    for target in targets {
        let (one, other) = (held(one, target)?, held(other, target)?);
        prop_assert_eq!(first_frames(&one), first_frames(&other), "{:?}", target);
        prop_assert_eq!(one, other);
    }
    prop_assert_eq!(warnings(one), warnings(other));
    Ok(())
}

/// Some answers of a history, of which a few are forgotten and asked again.
#[derive(Clone, Debug)]
struct History {
    options: Options,
    start: Vec<Object>,
    targets: Vec<Target>,
    /// In each batch: the edits, and by bits which targets are not watched while they happen.
    batches: Vec<(Vec<Edit>, u16)>,
}

fn history() -> impl Strategy<Value = History> {
    let batches = vec((batch(), any::<u16>().prop_map(|bits| bits & (bits >> 3) & (bits >> 5))), 0..10);
    (options(), objects(), targets(1..7), batches).prop_map(|(options, start, targets, batches)| History {
        options,
        start,
        targets,
        batches,
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn every_answer_is_the_truth_after_every_batch(history in history()) {
        let (options, targets) = (&history.options, history.targets.clone());
        let mut engine = engine(options);
        let mut world = World::new(&history.start);
        engine.apply(world.relist());
        for target in &targets {
            prop_assert!(engine.watch(target).is_some());
        }
        check_truth(&engine, &world, options, &targets)?;
        for (edits, away) in &history.batches {
            let away = |i: &usize| away >> (i % 16) & 1 == 1;
            let was: BTreeMap<_, _> = targets.iter().map(|t| (t.clone(), engine.answer(t).cloned())).collect();
            targets.iter().enumerate().filter(|(i, _)| away(i)).for_each(|(_, target)| engine.unwatch(target));

            let outcome = engine.apply(world.edit_all(edits));

            let changed: BTreeSet<_> = outcome.changes.iter().map(|change| change.target.clone()).collect();
            prop_assert_eq!(changed.len(), outcome.changes.len(), "one change of an answer in a batch");
            for (i, target) in targets.iter().enumerate() {
                if away(&i) {
                    prop_assert!(engine.answer(target).is_none() && !changed.contains(target));
                    engine.watch(target);
                } else {
                    let differs = was[target].as_ref() != engine.answer(target);
                    prop_assert_eq!(changed.contains(target), differs, "{:?}", target);
                }
            }
            check_truth(&engine, &world, options, &targets)?;
        }
    }

    #[test]
    fn incremental_equals_from_scratch(history in history(), left in 0..8usize) {
        let targets = &history.targets;
        let mut world = World::new(&history.start);
        let mut engine = fresh(&world, &history.options, targets);
        for (edits, _) in &history.batches {
            engine.apply(world.edit_all(edits));
            check_same(&engine, &fresh(&world, &history.options, targets), targets)?;
        }
        let (left, gone) = targets.split_at(left.min(targets.len()));
        gone.iter().for_each(|target| engine.unwatch(target));
        check_same(&engine, &fresh(&world, &history.options, left), left)?;
    }

    #[test]
    fn an_audit_never_finds_what_is_right_to_be_wrong(history in history()) {
        let mut engine = engine(&history.options);
        let mut world = World::new(&history.start);
        history.targets.iter().for_each(|target| _ = engine.watch(target));
        prop_assert!(history.targets.iter().all(|target| engine.audit(target).is_none()));
        engine.apply(world.relist());
        for (edits, healed) in &history.batches {
            engine.apply(world.edit_all(edits));
            for (i, target) in history.targets.iter().enumerate() {
                prop_assert_eq!(engine.audit(target), engine.answer(target).cloned(), "{:?}", target);
                // Nor does it disturb what follows if anything is made anew.
                if healed >> (i % 16) & 1 == 1 {
                    prop_assert!(engine.heal(&target.query).is_empty());
                }
            }
        }
        check_same(&engine, &fresh(&world, &history.options, &history.targets), &history.targets)?;
    }

    #[test]
    fn a_relist_of_what_is_known_costs_nothing(history in history()) {
        let mut world = World::new(&history.start);
        let mut engine = fresh(&world, &history.options, &history.targets);
        history.batches.iter().for_each(|(edits, _)| _ = engine.apply(world.edit_all(edits)));
        let before = engine.resolutions();

        let mut relist = world.relist();
        for event in &mut relist {
            if let Event::Replace(_, objects) = event {
                objects.reverse();
            }
        }
        let again = world.objects().iter().cloned().map(Event::Upsert);
        let outcome = engine.apply(relist.into_iter().chain(again).collect());

        prop_assert_eq!(engine.resolutions(), before);
        prop_assert!(outcome.changes.is_empty() && outcome.touched.is_empty(), "{:?}", outcome);
    }

    #[test]
    fn what_nobody_depends_on_costs_nothing(history in history()) {
        let mut world = World::new(&history.start);
        let mut engine = fresh(&world, &history.options, &history.targets);
        history.batches.iter().for_each(|(edits, _)| _ = engine.apply(world.edit_all(edits)));
        let before = engine.resolutions();
        for namespace in ["d", "e", "far"] {
            // A split whose Service is missing looks for Services of similar names in its own namespace, and one with a
            // backend that is empty for what that could select.
            let looked_for = |object: &Object| {
                let kinds = [Kind::Service, Kind::Pod, Kind::ExternalWorkload, Kind::EndpointSlice, Kind::Endpoints];
                kinds.contains(&object.kind()) && namespace != "far"
            };
            for object in lonely_objects(namespace).into_iter().filter(|object| !looked_for(object)) {
                engine.apply(vec![Event::Upsert(object.clone())]);
                engine.apply(vec![Event::Remove(object.id())]);
                prop_assert_eq!(engine.resolutions(), before, "{:?}", object);
            }
        }
    }
}

/// The same edits in another order: those of one object in their own, cut into other batches.
#[derive(Clone, Debug)]
struct Shuffle {
    options: Options,
    start: Vec<Object>,
    edits: Vec<Edit>,
    targets: Vec<Target>,
    /// Which object is next, and whether a batch ends after it.
    picks: Vec<(usize, bool)>,
    /// In which order the kinds are listed at first, before which of them the questions are asked.
    kinds: Vec<Kind>,
    asked_before: usize,
}

fn shuffle() -> impl Strategy<Value = Shuffle> {
    let kinds = Just(Kind::ALL.to_vec()).prop_shuffle();
    (
        options(),
        objects(),
        vec(edit(), 0..12),
        targets(1..6),
        vec((0..16usize, any::<bool>()), 1..24),
        kinds,
        0..8usize,
    )
        .prop_map(|(options, start, edits, targets, picks, kinds, asked_before)| Shuffle {
            options,
            start,
            edits,
            targets,
            picks,
            kinds,
            asked_before,
        })
}

fn id_of(event: &Event) -> ObjectId {
    match event {
        Event::Upsert(object) => object.id(),
        Event::Remove(id) => id.clone(),
        Event::Replace(..) | Event::ReplaceExcept(..) | Event::Folder(_) => {
            unreachable!("a shuffle has only edits of single objects")
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn neither_order_nor_batches_matter(shuffle in shuffle()) {
        let start = World::new(&shuffle.start);
        let mut world = start.clone();
        let events = world.edit_all(&shuffle.edits);
        let mut queues: BTreeMap<ObjectId, Vec<Event>> = BTreeMap::new();
        for event in events.into_iter().rev() {
            queues.entry(id_of(&event)).or_default().push(event);
        }

        let mut engine = engine(&shuffle.options);
        for (i, kind) in shuffle.kinds.iter().enumerate() {
            if i == shuffle.asked_before {
                shuffle.targets.iter().for_each(|target| assert!(engine.watch(target).is_none()));
            }
            prop_assert!(!engine.is_synced());
            engine.apply(vec![Event::Replace(*kind, start.of_kind(*kind))]);
        }
        shuffle.targets.iter().for_each(|target| assert!(engine.watch(target).is_some()));
        let mut batch = Vec::new();
        let mut picks = shuffle.picks.iter().cycle();
        while !queues.is_empty() {
            let (pick, ends) = picks.next().expect("picks go on for ever");
            let id = queues.keys().nth(pick % queues.len()).expect("it is in range").clone();
            let queue = queues.get_mut(&id).expect("it is there");
            batch.extend(queue.pop());
            if queue.is_empty() {
                queues.remove(&id);
            }
            if *ends {
                engine.apply(mem::take(&mut batch));
            }
        }
        engine.apply(batch);

        check_same(&engine, &fresh(&world, &shuffle.options, &shuffle.targets), &shuffle.targets)?;
        check_truth(&engine, &world, &shuffle.options, &shuffle.targets)?;
    }
}

#[test]
fn nothing_is_answered_before_every_kind_was_listed() {
    let mut engine = engine(&Options::default());
    let target = get("web", Reading::Merged);
    assert!(engine.watch(&target).is_none());
    let [last, first @ ..] = Kind::ALL;
    for kind in first {
        assert!(engine.apply(vec![Event::Replace(kind, Vec::new())]).changes.is_empty());
    }
    assert!(engine.answer(&target).is_none());
    assert_eq!(engine.apply(vec![Event::Replace(last, Vec::new())]).changes.len(), 1);
}

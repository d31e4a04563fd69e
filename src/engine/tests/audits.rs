//! What is kept is spoilt by hand, found by an audit, and made anew.

use super::*;
use crate::audit::Divergence;

fn of(service: &str, reading: Reading) -> Target {
    get(service, None, reading, "n0")
}

/// How each target's answer differs from the truth.
fn found(engine: &Engine, targets: &[Target]) -> Vec<Option<String>> {
    let compare = |target: &Target| {
        let truth = engine.audit(target).expect("it is watched");
        Divergence::of(engine.answer(target).map(|answer| &**answer), &truth).map(|d| d.to_string())
    };
    targets.iter().map(compare).collect()
}

/// Endpoints of `web`: so many that a few of them are worked in, and not all read anew.
const MANY: u16 = 40;

/// Three targets over the endpoints of `web`, and one that has nothing to do with them.
fn watched() -> (Engine, [Target; 4]) {
    let numbers: Vec<_> = (0..MANY).collect();
    let slices = [slice(0, &numbers, 4), slice(1, &[50, 51], 4)];
    let objects = [service("web", false), service("a", false), split([1, 2])];
    let pods = (0..MANY).map(|number| pod(number, 0));
    let mut engine = synced_with(&objects.into_iter().chain(slices).chain(pods).collect::<Vec<_>>());
    let targets = [
        of("web", Reading::Leaf),
        of("web", Reading::Merged),
        get("web", None, Reading::Leaf, "n1"),
        of("nobody", Reading::Leaf),
    ];
    for target in &targets {
        engine.watch(target);
    }
    (engine, targets)
}

#[test]
fn an_audit_of_what_is_right_finds_nothing() {
    let (engine, targets) = watched();
    assert_eq!(found(&engine, &targets), [const { None }; 4]);
}

#[test]
fn nothing_is_audited_before_the_first_sync_nor_what_nobody_watches() {
    let mut engine = Engine::new("cluster.local".into(), Options::default());
    let target = of("web", Reading::Leaf);
    engine.watch(&target);
    assert_eq!(engine.audit(&target), None);

    let (engine, _) = watched();
    assert_eq!(engine.audit(&of("other", Reading::Leaf)), None);
}

#[test]
fn a_pool_that_lost_an_endpoint_is_made_anew_for_all_who_answer_from_it() {
    let (mut engine, targets) = watched();
    let truth = targets.clone().map(|target| engine.answer(&target).cloned());

    engine.corrupt();
    let wrong = found(&engine, &targets);
    assert!(wrong[0].as_ref().is_some_and(|wrong| wrong.starts_with("1 missing: ")), "{wrong:?}");
    assert_eq!(wrong[3], None);

    let changes = engine.heal(&targets[0].query);
    assert_eq!(found(&engine, &targets), [const { None }; 4]);
    assert_eq!(targets.clone().map(|target| engine.answer(&target).cloned()), truth);
    let healed: BTreeSet<_> = changes.iter().map(|change| &change.target).collect();
    assert_eq!(healed, targets[..3].iter().collect(), "all but the one that has nothing to do with them");
    assert_eq!(changes.len(), healed.len(), "each once");

    let fewer: Vec<_> = (1..MANY).collect();
    engine.apply(vec![Event::Upsert(slice(0, &fewer, 4))]);
    assert_eq!(found(&engine, &targets), [const { None }; 4]);
    targets.iter().for_each(|target| engine.unwatch(target));
    assert_eq!(engine.pools.len(), (0, 0), "healing counted nobody twice");
}

#[test]
fn a_memo_that_is_wrong_is_not_started_from_again() {
    let (mut engine, targets) = watched();
    let query = &targets[0].query;
    let watched = engine.watched.get_mut(query).expect("it is watched");
    watched.memos.values_mut().for_each(Memo::corrupt);
    let numbers: Vec<_> = (0..=MANY).collect();
    engine.apply(vec![Event::Upsert(slice(0, &numbers, 4))]);
    assert!(found(&engine, &targets)[0].is_some(), "the memo has a part in the answer");

    engine.heal(query);
    engine.apply(vec![Event::Upsert(slice(0, &numbers[1..], 4))]);
    assert_eq!(found(&engine, &targets), [const { None }; 4]);
}

#[test]
fn healing_what_nobody_watches_or_what_is_right_changes_nothing() {
    let (mut engine, targets) = watched();
    assert!(engine.heal(&of("other", Reading::Leaf).query).is_empty());
    assert!(engine.heal(&targets[0].query).is_empty());
}

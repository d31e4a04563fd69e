//! The weights of a split keep what its author wrote, as closely as whole numbers can.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    test_runner::TestCaseError,
};
use switchyard::{
    context::Reading,
    engine::Engine,
    resolve::{Options, Target},
};

use super::{
    alphabet::DOMAIN,
    cases,
    client::{State, read},
    simple::{get, profile, service, slice, split},
    world::World,
};

/// A backend: its weight in thousandths, and how many endpoints it has.
type Declared = (u64, u8);

const NAMES: [&str; 5] = ["b0", "b1", "b2", "b3", "b4"];

fn world(backends: &[Declared]) -> World {
    let weights = NAMES.into_iter().zip(backends.iter().map(|(weight, _)| *weight));
    let mut objects = vec![service("web"), split(weights)];
    for (number, (name, (_, count))) in (0..).zip(NAMES.into_iter().zip(backends)) {
        objects.extend([service(name), slice(name, number, *count)]);
    }
    World::new(&objects)
}

fn merged() -> Target {
    get("web", Reading::Merged)
}

/// The weights of each backend's endpoints in the merged answer.
fn weights(engine: &Engine) -> Result<BTreeMap<String, Vec<u32>>, TestCaseError> {
    let answer = engine.answer(&merged()).ok_or_else(|| TestCaseError::fail("no answer"))?;
    let State::Endpoints { known, .. } = read(answer).map_err(TestCaseError::fail)? else {
        return Err(TestCaseError::fail("not endpoints"));
    };
    let mut weights: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for one in known.values() {
        weights.entry(one.said.metric_labels["service"].clone()).or_default().push(one.weight);
    }
    Ok(weights)
}

fn watched(world: &World) -> Engine {
    let mut engine = Engine::new(DOMAIN.into(), Options::default());
    engine.apply(world.relist());
    engine.watch(&merged());
    engine
}

fn declared() -> impl Strategy<Value = Vec<Declared>> {
    let weight = prop_oneof![
        4 => 0..100_000u64,
        1 => 0..5u64,
        1 => any::<u64>().prop_map(|weight| weight >> 1),
    ];
    vec((weight, prop_oneof![1 => 0..3u8, 1 => 0..40u8]), 1..6)
}

proptest! {
    #![proptest_config(cases(300))]

    /// `|share - W_b / W_served| <= (N + n_b) / 10^9 / (W_served / W_total)`: what rounding, and the floor of
    /// 1, can move. Without division: everything times the denominators.
    #[test]
    fn shares_are_within_the_bound(backends in declared()) {
        let weights = weights(&watched(&world(&backends)))?;

        let whole: i128 = backends.iter().map(|(weight, _)| i128::from(*weight)).sum();
        let served = backends.iter().filter(|(weight, count)| *weight > 0 && *count > 0);
        let served_weight: i128 = served.clone().map(|(weight, _)| i128::from(*weight)).sum();
        let n: i128 = served.map(|(_, count)| i128::from(*count)).sum();
        let sum: i128 = weights.values().flatten().map(|weight| i128::from(*weight)).sum();
        prop_assert!(sum <= 1_000_000_000 + n, "{} over {} endpoints", sum, n);
        for (i, (weight, count)) in backends.iter().enumerate() {
            let sent = weights.get(NAMES[i]).cloned().unwrap_or_default();
            prop_assert_eq!(sent.len(), if *weight == 0 { 0 } else { usize::from(*count) });
            prop_assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "uniform inside a backend: {:?}", sent);
            if sent.is_empty() {
                continue;
            }
            let part: i128 = sent.iter().map(|weight| i128::from(*weight)).sum();
            let off = (part * served_weight - i128::from(*weight) * sum).abs();
            prop_assert!(off * 1_000_000_000 <= (n + i128::from(*count)) * whole * sum, "b{}: {:?}", i, weights);
        }
    }

    #[test]
    fn churn_in_one_backend_leaves_the_others_alone(
        backends in declared(),
        which in 0..5usize,
        count in 0..40u8,
    ) {
        let which = which % backends.len();
        let mut engine = watched(&world(&backends));
        let before = weights(&engine)?;

        let mut changed = backends;
        changed[which].1 = count;
        engine.apply(world(&changed).relist());

        let (mut before, mut after) = (before, weights(&engine)?);
        before.remove(NAMES[which]);
        after.remove(NAMES[which]);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn overrides_fit_and_keep_every_backend_that_serves(backends in declared()) {
        let mut engine = watched(&world(&backends));
        let answer = engine.watch(&profile("web")).ok_or_else(|| TestCaseError::fail("no answer"))?;

        let State::Profile(profile) = read(&answer).map_err(TestCaseError::fail)? else {
            return Err(TestCaseError::fail("not a profile"));
        };

        let overrides = &profile.dst_overrides;
        let sum: u64 = overrides.iter().map(|dst| u64::from(dst.weight)).sum();
        prop_assert!(0 < sum && sum <= u64::from(u32::MAX), "{:?}", overrides);
        if backends.iter().any(|(weight, count)| *weight > 0 && *count > 0) {
            let said: Vec<_> = overrides.iter().map(|dst| dst.weight > 0).collect();
            let serves: Vec<_> = backends.iter().map(|(weight, count)| *weight > 0 && *count > 0).collect();
            prop_assert_eq!(said, serves);
        }
    }
}

//! Laws of all splits, shown on small cases in every order: T71 to T73.

use std::collections::{BTreeMap, BTreeSet};

use super::precedence::permutations;
use crate::mesh::{Mesh, RETURN, words};

/// Everything a client holds in the end must not depend on the order in which the objects came. What it is
/// told on the way is checked by the client itself (T72).
#[test]
fn t71_t72_any_order_of_events_leads_to_the_same_sets_by_least_messages() {
    let events = words::events(
        "service web 80; split web a=1 b=3; service a 80; endpoints a A1 X1; service b 80; endpoints b B1 X1",
    );
    let mut first_messages = BTreeSet::new();
    for order in permutations(events.len()) {
        let mut mesh = Mesh::given("endpoints web W1");
        let mut web = mesh.watch("web");
        for event in order {
            mesh.apply(vec![events[event].clone()]);
            web.merged.take();
            web.leaf.take();
        }
        web.merged.holds("A1=125M B1=375M X1=500M");
        web.leaf.holds("W1=10k");
        mesh.wait(RETURN);
        mesh.profile("web").expect("a=10000 b=30000");
        first_messages.insert(web.merged.first_message());
        web.ignore();
    }
    assert_eq!(first_messages.len(), 1, "equal state gives equal bytes");
}

#[test]
fn t71_any_order_of_removals_leads_to_nothing() {
    let objects = "service web 80; endpoints web W1; split web a=1 b=3
        service a 80; endpoints a A1; service b 80; endpoints b B1";
    let removals = words::events("- service web; - split split; - service a; - endpoints a; - endpoints b");
    for order in permutations(removals.len()) {
        let mut mesh = Mesh::given(objects);
        let mut web = mesh.watch("web");
        for removal in order {
            mesh.apply(vec![removals[removal].clone()]);
            web.merged.take();
            web.leaf.take();
        }
        web.merged.holds("absent");
        web.leaf.holds("absent");
        web.ignore();
        mesh.expect_warnings("");
    }
}

#[test]
fn t71_events_in_one_batch_and_one_by_one_lead_to_the_same() {
    let script = "endpoints a A2 A3; split web a=2 b=1; endpoints b B1; - endpoints web
        slice a-2 of a A9; - slice a-2";
    let given =
        "service web 80; endpoints web W1; service a 80; service b 80; endpoints a A1; split web a=1 b=1";
    let mut at_once = Mesh::given(given);
    let mut one_by_one = Mesh::given(given);
    let (mut fast, mut slow) = (at_once.merged("web"), one_by_one.merged("web"));
    fast.expect("add A1=500M");
    slow.expect("add A1=500M");
    at_once.edit(script);
    fast.expect("add A2..A3=333333333 B1=333333333; remove A1");
    for event in script.split([';', '\n']) {
        one_by_one.edit(event);
        slow.take();
    }
    slow.holds("A2..A3=333333333 B1=333333333");
}

/// Batches that the controller finds waiting together are one transition.
#[test]
fn batches_that_pile_up_are_one_transition() {
    let mut mesh = Mesh::given(
        "service web 80; service a 80; service b 80; endpoints a A1; endpoints b B1; split web a=1",
    );
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "empty", "a=10000");
    for script in ["split web a=0", "endpoints a", "split web b=1", "endpoints b B2", "endpoints b B3"] {
        mesh.send(words::events(script));
    }
    mesh.settle();
    web.expect("add B3=1000M; remove A1", "", "b=10000");
}

/// For each backend with endpoints, its share of the traffic differs from what the split says of those with
/// endpoints by no more than the rounding of each weight.
#[test]
fn t73_shares_are_what_the_split_says_up_to_rounding() {
    let weights: [&[u64]; 8] = [
        &[50, 50, 0],
        &[1, 99, 1],
        &[99, 1, 0],
        &[1, 1, 1],
        &[1, 2, 4],
        &[10, 100, 1500],
        &[3, 7, 11],
        &[900, 100, 1],
    ];
    let counts: [[u16; 3]; 9] = [
        [1, 1, 1],
        [1, 3, 2],
        [2, 7, 1],
        [10, 3, 0],
        [3, 500, 1],
        [5, 5, 5],
        [0, 3, 9],
        [97, 89, 83],
        [1, 0, 0],
    ];
    for weights in weights {
        for counts in counts {
            check_shares(weights, counts);
        }
    }
}

fn check_shares(weights: &[u64], counts: [u16; 3]) {
    let mut script = "service web 80; split web".to_owned();
    for (name, weight) in ["a", "b", "c"].iter().zip(weights) {
        script += &format!(" {name}={weight}");
    }
    for ((name, letter), count) in ["a", "b", "c"].iter().zip(["A", "B", "C"]).zip(counts) {
        let endpoints = if count == 0 { String::new() } else { format!("{letter}1..{letter}{count}") };
        script += &format!("; service {name} 80; endpoints {name} {endpoints}");
    }
    let mut sent: BTreeMap<char, u64> = BTreeMap::new();
    let endpoints = Mesh::given(&script).merged("web").weights();
    for (addr, weight) in &endpoints {
        *sent.entry(words::word(addr.ip()).chars().next().expect("a letter")).or_default() +=
            u64::from(*weight);
    }
    let sum: u64 = sent.values().sum();
    let total: u64 = weights.iter().sum();
    let backends = || weights.iter().zip(counts).filter(|(weight, count)| **weight > 0 && *count > 0);
    let nonempty: u64 = backends().map(|(weight, _)| weight).sum();
    let number = endpoints.len();
    for ((letter, weight), count) in ['A', 'B', 'C'].iter().zip(weights).zip(counts) {
        if *weight == 0 || count == 0 {
            assert!(!sent.contains_key(letter), "{letter} of weight {weight} with {count} endpoints is sent");
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "shares need no more than the digits of a float")]
        let (share, wanted, bound) = (
            sent[letter] as f64 / sum as f64,
            *weight as f64 / nonempty as f64,
            (number as f64 + f64::from(count)) / 1e9 / (nonempty as f64 / total as f64),
        );
        assert!((share - wanted).abs() <= bound, "{letter} in {script}: {share} for {wanted} within {bound}");
    }
}

//! Who decides: several splits for an apex, a ServiceProfile, the flag: T34 to T36, T70, D4.

use crate::mesh::{Mesh, Settings, words};
use switchyard::resolve::Options;

const SERVICES: &str = "service web 80; endpoints web W1; service a 80; endpoints a A1
    service b 80; endpoints b B1; service c 80; endpoints c C1";

#[test]
fn t34_the_older_of_two_splits_wins_and_the_other_is_warned_of() {
    let mesh =
        Mesh::given(&format!("{SERVICES}; split web name=s2 at=1 a=70 b=30; split web name=s1 at=2 b=100"));
    mesh.watch("web").expect("add A1=700M B1=300M", "add W1=10k", "a=700000 b=300000");
    mesh.expect_warnings("s1 split_conflict");
}

#[test]
fn t36_of_two_splits_of_one_age_the_first_by_name_wins_in_any_order_of_events() {
    let [one, two] = ["split web name=s1 at=5 a=1", "split web name=s2 at=5 b=1"];
    for splits in [format!("{one}\n{two}"), format!("{two}\n{one}")] {
        let mut mesh = Mesh::given(SERVICES);
        for split in splits.lines() {
            mesh.edit(split);
        }
        mesh.watch("web").expect("add A1=1000M", "add W1=10k", "a=10000");
        mesh.expect_warnings("s2 split_conflict");
    }
}

#[test]
fn t36_a_split_without_an_age_counts_as_the_newest() {
    let mesh =
        Mesh::given(&format!("{SERVICES}; split web name=s1 noage a=1; split web name=s2 at=99999 b=1"));
    mesh.merged("web").expect("add B1=1000M");
    mesh.expect_warnings("s1 split_conflict");
}

#[test]
fn t36_every_order_of_events_leads_to_the_same_winner_and_the_same_warnings() {
    let events = words::events(
        "split web name=s1 at=2 a=1; split web name=s2 at=1 b=3 c=1; split web name=s3 at=1 c=1
         service web 80; endpoints web W1",
    );
    for order in permutations(events.len()) {
        let mut mesh = Mesh::given(
            "service b 80; endpoints b B1; service c 80; endpoints c C1; service a 80; endpoints a A1",
        );
        let mut web = mesh.watch("web");
        for event in order {
            mesh.apply(vec![events[event].clone()]);
            web.merged.take();
        }
        web.merged.holds("B1=750M C1=250M");
        web.leaf.holds("W1=10k");
        mesh.profile("web").expect("b=30000 c=10000");
        mesh.expect_warnings("s1 split_conflict; s3 split_conflict");
        web.ignore();
    }
}

/// All orders of `0..n`.
pub(super) fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1).into_iter();
    shorter
        .flat_map(|order| {
            (0..n).map(move |at| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            })
        })
        .collect()
}

#[test]
fn a_split_that_cannot_be_applied_does_not_stand_in_the_way_of_the_next() {
    let mesh =
        Mesh::given(&format!("{SERVICES}; split web name=s1 at=1 matches a=1; split web name=s2 at=2 b=1"));
    mesh.merged("web").expect("add B1=1000M");
    mesh.profile("web").expect("b=10000");
    mesh.expect_warnings("s1 matches_unsupported");
}

#[test]
fn a_loser_that_changes_says_nothing() {
    let mut mesh =
        Mesh::given(&format!("{SERVICES}; split web name=s1 at=1 a=1; split web name=s2 at=2 b=1"));
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "add W1=10k", "a=10000");
    mesh.edit("split web name=s2 at=2 b=1 c=1");
    mesh.edit("- split s2");
    web.expect_nothing();
    mesh.expect_warnings("");
}

#[test]
fn an_older_split_that_appears_takes_over_at_once() {
    let mut mesh = Mesh::given(&format!("{SERVICES}; split web name=s2 at=2 a=1"));
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "add W1=10k", "a=10000");
    mesh.edit("split web name=s1 at=1 b=1");
    web.expect("add B1=1000M; remove A1", "", "b=10000");
    mesh.expect_warnings("s2 split_conflict");
}

#[test]
fn t48_a_split_with_matches_is_not_applied() {
    let mut mesh = Mesh::given(&format!("{SERVICES}; split web matches a=1"));
    let mut web = mesh.watch("web");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.expect_warnings("split matches_unsupported");
    mesh.edit("split web a=1");
    web.expect("add A1=1000M; remove W1", "", "a=10000");
    mesh.expect_warnings("");
}

#[test]
fn t70_overrides_of_a_service_profile_win_over_the_split() {
    let mut mesh = Mesh::given(&format!(
        "{SERVICES}; split web a=1; profile web to:b.d.svc.cluster.local=500m to:c.d.svc.cluster.local:81=1"
    ));
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "add W1=10k", "b=5000 c.d.svc.cluster.local:81=10000");
    mesh.edit("- profile web.d.svc.cluster.local");
    web.expect("", "", "a=10000");
    mesh.edit("profile web to:b.d.svc.cluster.local=0");
    web.expect("", "", "b=0");
}

#[test]
fn overrides_of_a_service_profile_never_overflow_either() {
    let mesh = Mesh::given("service web 80; profile web to:x.org:80=400000 to:y.org:80=400000");
    mesh.profile("web").expect("x.org:80=500000000 y.org:80=500000000");
}

#[test]
fn overrides_of_a_service_profile_are_not_zeroed_for_emptiness() {
    let mesh = Mesh::given(
        "service web 80; service a 80; service b 80; endpoints b B1
         profile web to:a.d.svc.cluster.local=1 to:b.d.svc.cluster.local=1",
    );
    mesh.profile("web").expect("a=10000 b=10000");
}

#[test]
fn a_service_without_overrides_is_its_own_if_the_operator_wants_it() {
    let never =
        Settings { options: Options { apex_override: false, ..Options::default() }, ..Settings::default() };
    let mut mesh = Mesh::with(never, SERVICES);
    let mut web = mesh.profile("web");
    web.expect("none");
    mesh.edit("split web a=1 b=0");
    web.expect("a=10000 b=0");
    mesh.edit("split web a=0 b=0");
    web.expect("web=10000");
    mesh.edit("- split split");
    web.expect("none");
}

#[test]
fn the_default_is_an_override_to_the_apex_itself() {
    let mut mesh = Mesh::given(SERVICES);
    let mut web = mesh.profile("web");
    web.expect("web=10000");
    mesh.edit("split web a=1");
    web.expect("a=10000");
    mesh.edit("- split split");
    web.expect("web=10000");
}

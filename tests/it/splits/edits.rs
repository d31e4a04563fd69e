//! What an edit makes each stream say: T24 to T33, T35, T37, T43, T44, T69.

use crate::mesh::{Mesh, RETURN};

/// `web` with W1 to W3, split over `a` with A1 and A2 and `b` with B1 and B2.
fn halves() -> Mesh {
    Mesh::given(
        "service web 80; endpoints web W1 W2 W3; split web a=50 b=50
         service a 80; endpoints a A1 A2; service b 80; endpoints b B1 B2",
    )
}

const BOTH: &str = "add A1..A2=250M B1..B2=250M";
const LEAF: &str = "add W1..W3=10k";

#[test]
fn t24_new_weights_are_one_add_and_no_remove() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("split web a=60 b=40");
    web.expect("add A1..A2=300M B1..B2=200M", "", "a=600000 b=400000");
}

#[test]
fn t25_other_weights_of_the_same_ratio_change_the_profile_only() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("split web a=1 b=1");
    web.expect("", "", "a=10000 b=10000");
}

#[test]
fn t26_a_full_switch_adds_before_it_removes() {
    let mut mesh = halves();
    mesh.edit("split web a=100 b=0");
    let mut web = mesh.watch("web");
    web.expect("add A1..A2=500M", LEAF, "a=1000000 b=0");
    mesh.edit("split web a=0 b=100");
    web.expect("add B1..B2=500M; remove A1 A2", "", "a=0 b=1000000");
}

#[test]
fn t27_a_backend_set_to_zero_leaves_after_the_other_has_taken_over() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("split web a=100 b=0");
    web.expect("add A1..A2=500M; remove B1 B2", "", "a=1000000 b=0");
}

#[test]
fn t28_growing_one_backend_says_nothing_of_the_other() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("endpoints a A1 A2 A3");
    web.expect("add A1..A3=166666667", "", "");
}

#[test]
fn t29_an_emptied_backend_is_removed_and_the_other_not_touched() {
    let mut mesh = halves();
    mesh.edit("endpoints a A1 A2 A3");
    let mut web = mesh.watch("web");
    web.expect("add A1..A3=166666667 B1..B2=250M", LEAF, "a=500000 b=500000");
    mesh.edit("endpoints a");
    web.expect("remove A1..A3", "", "a=0 b=500000");
}

#[test]
fn t30_a_replaced_pod_does_not_move_its_neighbours() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("endpoints a A2 A3");
    web.expect("add A3=250M; remove A1", "", "");
}

#[test]
fn t32_t33_a_split_comes_and_goes_in_one_transition_each() {
    let objects =
        "service web 80; endpoints web W1 A1; service a 80; endpoints a A1; service b 80; endpoints b B1";
    let mut mesh = Mesh::given(objects);
    let mut web = mesh.watch("web");
    web.expect("add W1=10k A1=10k", "add W1=10k A1=10k", "web=10000");
    mesh.edit("split web a=500m b=500m");
    web.expect("add A1=500M B1=500M; remove W1", "", "a=5000 b=5000");
    mesh.edit("- split split");
    web.expect("add W1=10k A1=10k; remove B1", "", "web=10000");
    mesh.edit("split web a=500m b=500m");
    web.expect("add A1=500M B1=500M; remove W1", "", "a=5000 b=5000");
}

#[test]
fn a_split_and_its_first_endpoints_in_one_batch_are_one_transition() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.watch("web");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.edit("split web a=1 b=3; service a 80; service b 80; endpoints a A1; endpoints b B1");
    web.expect("add A1=250M B1=750M; remove W1", "", "a=10000 b=30000");
}

#[test]
fn an_edit_of_weights_and_endpoints_in_one_batch_is_one_transition() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("split web b=75 c=25; service c 80; endpoints c C1; endpoints b B2 B3; endpoints web W1");
    web.expect("add B2..B3=375M C1=250M; remove A1 A2 B1", "remove W2 W3", "b=750000 c=250000");
}

#[test]
fn t35_the_next_split_takes_over_without_the_bare_apex_in_between() {
    let mut mesh = halves();
    mesh.edit("split web name=s1 at=1 a=70 b=30; split web name=s2 at=2 a=20 b=80; - split split");
    let mut web = mesh.watch("web");
    web.expect("add A1..A2=350M B1..B2=150M", LEAF, "a=700000 b=300000");
    mesh.edit("- split s1");
    web.expect("add A1..A2=100M B1..B2=400M", "", "a=200000 b=800000");
    mesh.expect_warnings("");
}

#[test]
fn t37_a_split_that_moves_to_another_apex_leaves_the_first_one() {
    let mut mesh = halves();
    mesh.edit("service api 80; endpoints api I1");
    let (mut web, mut api) = (mesh.watch("web"), mesh.watch("api"));
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    api.expect("add I1=10k", "add I1=10k", "api=10000");
    mesh.edit("split api a=50 b=50");
    web.expect("add W1..W3=10k; remove A1 A2 B1 B2", "", "web=10000");
    api.expect("add A1..A2=250M B1..B2=250M; remove I1", "", "a=500000 b=500000");
}

#[test]
fn t43_a_rollback_whose_split_edit_comes_first_says_each_thing_once() {
    let mut mesh = Mesh::given(
        "service web 80; endpoints web P1 P2; split web canary=10 primary=90
         service canary 80; endpoints canary C1; service primary 80; endpoints primary P1 P2",
    );
    let mut web = mesh.watch("web");
    web.expect("add C1=100M P1..P2=450M", "add P1..P2=10k", "canary=100000 primary=900000");
    mesh.edit("split web canary=0 primary=100");
    web.expect("add P1..P2=500M; remove C1", "", "canary=0 primary=1000000");
    mesh.edit("endpoints canary");
    web.expect_nothing();
    mesh.wait(RETURN);
    web.expect_nothing();
}

#[test]
fn t44_a_rollback_whose_endpoints_vanish_first_never_touches_the_primary_twice() {
    let mut mesh = Mesh::given(
        "service web 80; endpoints web P1 P2; split web canary=10 primary=90
         service canary 80; endpoints canary C1; service primary 80; endpoints primary P1 P2",
    );
    let mut web = mesh.watch("web");
    web.expect("add C1=100M P1..P2=450M", "add P1..P2=10k", "canary=100000 primary=900000");
    mesh.edit("endpoints canary");
    web.expect("remove C1", "", "canary=0 primary=900000");
    mesh.edit("split web canary=0 primary=100");
    mesh.wait(RETURN);
    web.expect("add P1..P2=500M", "", "canary=0 primary=1000000");
}

#[test]
fn t43_t44_a_rollback_in_one_batch_is_one_transition() {
    let mut mesh = Mesh::given(
        "service web 80; split web canary=10 primary=90
         service canary 80; endpoints canary C1; service primary 80; endpoints primary P1 P2",
    );
    let mut web = mesh.watch("web");
    web.expect("add C1=100M P1..P2=450M", "empty", "canary=100000 primary=900000");
    mesh.edit("endpoints canary; split web canary=0 primary=100");
    web.expect("add P1..P2=500M; remove C1", "", "canary=0 primary=1000000");
}

#[test]
fn t69_a_client_that_comes_back_is_told_everything_at_once() {
    let mut mesh = halves();
    let mut web = mesh.merged("web");
    web.expect(BOTH);
    drop(web);
    mesh.edit("split web a=60 b=40; endpoints a A3");
    let mut web = mesh.merged("web");
    web.expect("add A3=600M B1..B2=200M");
}

#[test]
fn the_same_objects_again_say_nothing() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("split web a=50 b=50; endpoints a A1 A2; service web 80; endpoints web W3 W2 W1");
    web.expect_nothing();
}

#[test]
fn an_edit_elsewhere_says_nothing_here() {
    let mut mesh = halves();
    let mut web = mesh.watch("web");
    web.expect(BOTH, LEAF, "a=500000 b=500000");
    mesh.edit("service other 80; endpoints other O1; split other name=s2 b=1 a=1");
    web.expect_nothing();
}

//! When a backend empties or comes back, its endpoints and the profile travel on two streams; which of them
//! is said first, and how much earlier (D10).

use std::time::Duration;

use crate::mesh::{DRAIN, Get, GetProfile, Mesh, RETURN, Settings, row};

/// `web` split in halves over `a` and `b`, with streams as a proxy has them: the profile, and each leaf.
struct Proxy {
    mesh: Mesh,
    profile: GetProfile,
    a: Get,
    b: Get,
}

fn proxy() -> Proxy {
    proxy_with(Settings::default())
}

fn proxy_with(settings: Settings) -> Proxy {
    let mesh = Mesh::with(
        settings,
        "service web 80; split web a=50 b=50; service a 80; endpoints a A1; service b 80; endpoints b B1",
    );
    let (mut profile, mut a, mut b) = (mesh.profile("web"), mesh.leaf("a"), mesh.leaf("b"));
    profile.expect("a=500000 b=500000");
    a.expect("add A1=10k");
    b.expect("add B1=10k");
    Proxy { mesh, profile, a, b }
}

#[test]
fn the_profile_goes_first_and_the_emptied_leaf_300_ms_later() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    b.expect("");
    mesh.wait(DRAIN - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn a_leaf_that_is_not_emptied_is_not_held() {
    let Proxy { mut mesh, profile: _profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b B2");
    b.expect("add B2=10k; remove B1");
}

#[test]
fn endpoints_that_come_back_meanwhile_were_never_gone() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN / 2);
    mesh.edit("endpoints b B1");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=500000");
    mesh.wait(2 * DRAIN);
    b.expect("");
}

#[test]
fn another_endpoint_that_comes_meanwhile_is_said_at_once() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN / 2);
    mesh.edit("endpoints b B2");
    b.expect("add B2=10k; remove B1");
    profile.expect("");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=500000");
    mesh.wait(2 * DRAIN);
    b.expect("");
}

#[test]
fn further_changes_do_not_prolong_the_hold() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN / 3);
    mesh.edit("endpoints b B2(off)");
    mesh.wait(DRAIN / 3);
    mesh.edit("split web a=60 b=40");
    profile.expect("a=600000 b=0");
    mesh.wait(DRAIN / 3 - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn a_leaf_deleted_during_the_hold_says_only_the_last_of_it() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN / 2);
    mesh.edit("- service b");
    mesh.wait(DRAIN / 2 - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("absent");
    mesh.wait(2 * DRAIN);
    b.expect("");
}

#[test]
fn a_deleted_backend_is_held_as_an_emptied_one() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("- service b; - endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("absent");
}

#[test]
fn each_emptying_is_held_anew() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    for _ in 0..3 {
        mesh.edit("endpoints b");
        profile.expect("a=500000 b=0");
        mesh.wait(DRAIN / 3);
        b.expect("");
        mesh.edit("endpoints b B1");
        mesh.wait(RETURN);
        profile.expect("a=500000 b=500000");
        b.expect("");
    }
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn on_return_the_endpoints_go_first_and_the_profile_after() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(2 * DRAIN);
    b.expect("empty");
    mesh.edit("endpoints b B1 B2");
    b.expect("add B1..B2=10k");
    profile.expect("");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=500000");
}

#[test]
fn a_missing_backend_that_appears_is_reachable_before_it_is_named() {
    let Proxy { mut mesh, mut profile, a: _a, b: _b } = proxy();
    let mut c = mesh.leaf("c");
    c.expect("absent");
    mesh.edit("split web a=50 b=50 c=50");
    profile.expect("a=500000 b=500000 c=0");
    mesh.edit("service c 80; endpoints c C1");
    c.expect("add C1=10k");
    profile.expect("");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=500000 c=500000");
}

#[test]
fn a_backend_that_returns_only_to_leave_again_says_nothing_in_the_profile() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(2 * DRAIN);
    b.expect("empty");
    mesh.edit("endpoints b B1");
    b.expect("add B1=10k");
    mesh.wait(5);
    mesh.edit("endpoints b");
    mesh.wait(DRAIN - 1);
    profile.expect("");
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn changes_while_the_profile_waits_do_not_prolong_its_wait() {
    let Proxy { mut mesh, mut profile, a: _a, b: _b } = proxy();
    let mut c = mesh.leaf("c");
    c.expect("absent");
    mesh.edit("split web a=50 b=50 c=10");
    profile.expect("a=500000 b=500000 c=0");
    mesh.edit("service c 80; endpoints c C1");
    c.expect("add C1=10k");
    let mut said = Vec::new();
    for weight in 1..=RETURN / 5 {
        mesh.wait(5);
        mesh.edit(&format!("split web a=50 b=50 c={weight}"));
        said.extend(profile.take());
    }
    assert!(!said.is_empty(), "it was put off until the changes stopped");
    assert!(said.iter().all(|profile| !profile.ends_with("c=0")), "{said:?}");
}

#[test]
fn a_leaf_that_empties_while_another_returns_still_leaves_the_profile_first() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(2 * DRAIN);
    b.expect("empty");
    mesh.edit("endpoints b B1; endpoints a");
    b.expect("add B1=10k");
    mesh.wait(RETURN);
    profile.expect("a=0 b=500000");
    mesh.wait(DRAIN - RETURN - 1);
    a.expect("");
    mesh.wait(2);
    a.expect("empty");
}

#[test]
fn merged_answers_are_never_held() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    let (mut web, mut merged_b) = (mesh.merged("web"), mesh.merged("b"));
    web.expect("add A1=500M B1=500M");
    merged_b.expect("add B1=10k");
    mesh.edit("endpoints b");
    web.expect("remove B1");
    merged_b.expect("empty");
    profile.expect("a=500000 b=0");
    mesh.edit("endpoints b B1");
    web.expect("add B1=500M");
    merged_b.expect("add B1=10k");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=500000");
    b.expect("");
}

#[test]
fn merged_answers_that_empty_wholly_are_not_held_either() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    let mut web = mesh.merged("web");
    web.expect("add A1=500M B1=500M");
    mesh.edit("endpoints a; endpoints b");
    web.expect("empty");
    a.expect("");
    b.expect("");
    mesh.wait(DRAIN + 1);
    a.expect("empty");
    b.expect("empty");
    profile.expect("");
}

#[test]
fn a_drain_of_zero_holds_nothing() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } =
        proxy_with(Settings { drain: Duration::ZERO, ..Settings::default() });
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    b.expect("empty");
    mesh.edit("endpoints b B1");
    profile.expect("a=500000 b=500000");
    b.expect("add B1=10k");
}

#[test]
fn the_drain_is_as_long_as_it_is_set() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } =
        proxy_with(Settings { drain: Duration::from_secs(2), ..Settings::default() });
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(1999);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn a_stream_that_opens_during_a_hold_is_answered_at_once_and_empties_with_the_others() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    mesh.wait(DRAIN / 2);
    let mut late = mesh.leaf("b");
    assert_eq!(late.take().len(), 1, "the first message comes at once");
    mesh.profile("web").expect("a=500000 b=0");
    mesh.wait(DRAIN / 2 + 1);
    b.expect("empty");
    late.take();
    late.holds("empty");
}

#[test]
fn a_leaf_that_nobody_watched_says_what_is_true_in_its_first_message() {
    let mut mesh = Mesh::given("service web 80; split web b=1; service b 80; endpoints b B1");
    mesh.edit("endpoints b");
    mesh.leaf("b").expect("empty");
}

#[test]
fn a_service_that_is_nobodys_backend_is_not_held() {
    let Proxy { mut mesh, profile: _profile, a: _a, b: _b } = proxy();
    mesh.edit("service lone 80; endpoints lone L1");
    let mut lone = mesh.leaf("lone");
    lone.expect("add L1=10k");
    mesh.edit("endpoints lone");
    lone.expect("empty");
}

#[test]
fn an_apex_that_is_its_own_backend_is_held_too() {
    let mut mesh =
        Mesh::given("service web 80; endpoints web W1; split web web=1 a=1; service a 80; endpoints a A1");
    let (mut web, mut profile) = (mesh.leaf("web"), mesh.profile("web"));
    web.expect("add W1=10k");
    profile.expect("web=10000 a=10000");
    mesh.edit("endpoints web");
    profile.expect("web=0 a=10000");
    mesh.wait(DRAIN - 1);
    web.expect("");
    mesh.wait(2);
    web.expect("empty");
}

#[test]
fn a_backend_leaves_the_split_and_empties_in_one_batch() {
    for split in ["split web a=50", "split web a=50 b=0", "- split split"] {
        row(split);
        let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
        mesh.edit(&format!("endpoints b; {split}"));
        profile.expect(match split {
            "split web a=50" => "a=500000",
            "split web a=50 b=0" => "a=500000 b=0",
            _ => "web=10000",
        });
        mesh.wait(DRAIN - 1);
        b.expect("");
        mesh.wait(2);
        b.expect("empty");
    }
}

#[test]
fn a_service_becomes_a_backend_and_empties_in_one_batch() {
    let Proxy { mut mesh, mut profile, a: _a, b: _b } = proxy();
    mesh.edit("service c 80; endpoints c C1");
    let mut c = mesh.leaf("c");
    c.expect("add C1=10k");
    mesh.edit("endpoints c; split web a=50 b=50 c=50");
    profile.expect("a=500000 b=500000 c=0");
    mesh.wait(DRAIN + 1);
    c.expect("empty");
}

#[test]
fn a_backend_that_loses_its_port_is_held_too() {
    let Proxy { mut mesh, mut profile, a: _a, mut b } = proxy();
    mesh.edit("service b 81; endpoints b =81 B1; endpoints b noports B1");
    profile.expect("a=500000");
    mesh.wait(DRAIN - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
}

#[test]
fn every_port_of_a_backend_is_held_for_itself() {
    let mut mesh = Mesh::given(
        "service web 80/http 90/admin; split web b=1 a=1
         service a 80/http 90/admin; service b 80/http 90/admin
         endpoints a http=80 admin=90 A1; endpoints b http=80 admin=90 B1",
    );
    let (mut http, mut admin) = (mesh.leaf("b:80"), mesh.leaf("b:90"));
    let (mut web_http, mut web_admin) = (mesh.profile("web:80"), mesh.profile("web:90"));
    http.expect("add B1=10k");
    admin.expect("add B1:90=10k");
    web_http.expect("b=10000 a=10000");
    web_admin.expect("b=10000 a=10000");
    mesh.edit("endpoints b http=80 B1");
    web_admin.expect("b=0 a=10000");
    mesh.wait(DRAIN - 1);
    admin.expect("");
    mesh.wait(2);
    admin.expect("empty");
    http.expect("");
    web_http.expect("");
}

#[test]
fn the_last_leaf_is_held_too_while_the_profile_returns_to_the_declared_weights() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    mesh.edit("endpoints a");
    profile.expect("a=0 b=500000");
    mesh.wait(DRAIN + 1);
    a.expect("empty");
    mesh.edit("endpoints b");
    mesh.wait(DRAIN - 1);
    b.expect("");
    mesh.wait(2);
    b.expect("empty");
    profile.expect("a=500000 b=500000");
}

#[test]
fn a_profile_of_an_address_follows_the_same_order() {
    let mut mesh = Mesh::given(
        "service web 80 ip=10.96.0.1; split web a=1 b=1
         service a 80; endpoints a A1; service b 80; endpoints b B1",
    );
    let (mut profile, mut b) = (mesh.profile("10.96.0.1:80"), mesh.leaf("b"));
    profile.expect("a=10000 b=10000");
    b.expect("add B1=10k");
    mesh.edit("endpoints b");
    profile.expect("a=10000 b=0");
    mesh.wait(DRAIN + 1);
    b.expect("empty");
    mesh.edit("endpoints b B1");
    b.expect("add B1=10k");
    profile.expect("");
    mesh.wait(RETURN);
    profile.expect("a=10000 b=10000");
}

#[test]
fn a_hold_ends_with_its_stream() {
    let Proxy { mut mesh, mut profile, a: _a, b } = proxy();
    mesh.edit("endpoints b");
    profile.expect("a=500000 b=0");
    drop(b);
    mesh.wait(2 * DRAIN);
    mesh.leaf("b").expect("empty");
}

#[test]
fn the_last_backend_may_blink_unnoticed() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    mesh.edit("endpoints a");
    profile.expect("a=0 b=500000");
    mesh.wait(DRAIN + 1);
    a.expect("empty");

    mesh.edit("endpoints b");
    mesh.wait(DRAIN / 2);
    mesh.edit("endpoints b B1");
    mesh.wait(2 * DRAIN);

    profile.expect("");
    b.expect("");
}

#[test]
fn the_last_backend_that_empties_takes_the_profile_with_it() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    mesh.edit("endpoints a");
    profile.expect("a=0 b=500000");
    mesh.wait(DRAIN + 1);
    a.expect("empty");

    mesh.edit("endpoints b");
    mesh.wait(DRAIN - 1);
    profile.expect("");
    b.expect("");
    mesh.wait(2);

    b.expect("empty");
    profile.expect("a=500000 b=500000");
}

#[test]
fn a_backend_that_takes_over_after_a_gap_is_named_before_the_other_goes() {
    let Proxy { mut mesh, mut profile, mut a, mut b } = proxy();
    mesh.edit("endpoints a");
    profile.expect("a=0 b=500000");
    mesh.wait(DRAIN + 1);
    a.expect("empty");

    mesh.edit("endpoints b");
    mesh.wait(DRAIN / 3);
    mesh.edit("endpoints a A2");
    a.expect("add A2=10k");
    mesh.wait(RETURN);
    profile.expect("a=500000 b=0");
    b.expect("");
    mesh.wait(DRAIN);
    b.expect("empty");
}

#[test]
fn an_edit_that_leads_to_nobody_is_not_held_where_nothing_empties() {
    let mut mesh =
        Mesh::given("service web 80; split web a=1 b=0; service a 80; endpoints a A1; service b 80");
    let mut profile = mesh.profile("web");
    profile.expect("a=10000 b=0");
    mesh.edit("split web a=0 b=1");
    profile.expect("a=0 b=10000");
}

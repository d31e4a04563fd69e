//! Many endpoints, many changes, slow readers: T67, T68.

use crate::mesh::{Mesh, words};

#[test]
fn t67_ten_thousand_endpoints_are_one_add_and_an_edit_is_another() {
    let mut mesh = Mesh::given(
        "service web 80; split web a=50 b=50
         service a 80; endpoints a A1..A5000; service b 80; endpoints b B1..B5000",
    );
    let mut web = mesh.merged("web");
    web.expect("add A1..A5000=100k B1..B5000=100k");
    mesh.edit("split web a=60 b=40");
    web.expect("add A1..A5000=120k B1..B5000=80k");
}

#[test]
fn t68_a_reader_that_missed_ten_thousand_changes_gets_two_messages_and_the_last_state() {
    let mut mesh = Mesh::given(
        "service web 80; service a 80; endpoints a A1 A2; service b 80; endpoints b B1; split web a=1 b=1",
    );
    let mut slow = mesh.watch("web");
    let mut healthy = mesh.watch("web");
    slow.expect("add A1..A2=250M B1=500M", "empty", "a=10000 b=10000");
    healthy.expect("add A1..A2=250M B1=500M", "empty", "a=10000 b=10000");
    for change in 1..=9_998 {
        mesh.edit(&format!("split web a={change} b=10000"));
        healthy.merged.take();
    }
    mesh.edit("endpoints a A2 A3");
    mesh.edit("split web a=300 b=100");
    healthy.merged.holds("A2..A3=375M B1=250M");
    healthy.ignore();
    slow.expect("add A2..A3=375M B1=250M; remove A1", "", "a=3000000 b=1000000");
}

#[test]
fn t68_changes_that_come_to_nothing_say_nothing_to_a_slow_reader() {
    let mut mesh = Mesh::given("service web 80; service a 80; endpoints a A1; split web a=1");
    let mut slow = mesh.watch("web");
    slow.expect("add A1=1000M", "empty", "a=10000");
    for _ in 0..10 {
        mesh.edit("endpoints a A2");
        mesh.edit("- split split");
        mesh.edit("- service web");
        mesh.edit("service web 80; split web a=1; endpoints a A1");
    }
    slow.expect_nothing();
}

#[test]
fn t68_a_storm_in_a_few_turns_ends_in_the_last_edit() {
    let mut mesh = Mesh::given(
        "service web 80; service a 80; endpoints a A1; service b 80; endpoints b B1; split web a=1 b=3",
    );
    let mut web = mesh.watch("web");
    web.expect("add A1=250M B1=750M", "empty", "a=10000 b=30000");
    for change in 1..=1000 {
        mesh.send(words::events(&format!("split web a={change} b=1000")));
    }
    mesh.settle();
    web.expect("add A1=500M B1=500M", "", "a=10000000 b=10000000");
}

#[test]
fn a_change_is_resolved_once_for_all_who_ask_the_same() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let streams: Vec<_> = (0..1000).map(|_| mesh.merged("web")).collect();
    let before = mesh.metrics.resolutions.get();
    mesh.edit("endpoints web W2");
    assert_eq!(mesh.metrics.resolutions.get() - before, 1);
    streams.into_iter().for_each(|mut stream| stream.expect("add W2=10k"));
}

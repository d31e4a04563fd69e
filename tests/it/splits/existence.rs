//! First messages and services that come, go, or are of a kind with no endpoints: D5, T63.

use crate::mesh::{Mesh, Settings, row, words};
use switchyard::{metrics::Format, model::Kind, source::Event};

#[test]
fn nothing_is_said_before_every_kind_was_listed_and_then_at_once() {
    let mut mesh = Mesh::unsynced(Settings::default());
    let (mut web, mut unknown) = (mesh.watch("web"), mesh.watch("unknown"));
    mesh.edit("service web 80; endpoints web W1");
    for kind in Kind::ALL.into_iter().filter(|kind| ![Kind::Service, Kind::EndpointSlice].contains(kind)) {
        web.expect_nothing();
        unknown.expect_nothing();
        mesh.apply(vec![Event::Replace(kind, Vec::new())]);
    }
    mesh.wait(10_000);
    web.expect_nothing();
    mesh.apply(vec![Event::Replace(Kind::Service, words::objects("service web 80"))]);
    web.expect_nothing();
    mesh.apply(vec![Event::Replace(Kind::EndpointSlice, words::objects("endpoints web W2"))]);
    web.expect("add W2=10k", "add W2=10k", "web=10000");
    unknown.expect("absent", "absent", "unknown");
}

#[test]
fn an_empty_cluster_is_synced_once_every_kind_was_listed_empty() {
    for listed_last in Kind::ALL {
        let mut mesh = Mesh::unsynced(Settings::default());
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != listed_last) {
            mesh.apply(vec![Event::Replace(kind, Vec::new())]);
            assert!(!mesh.is_synced(), "{kind}");
        }
        mesh.apply(vec![Event::Replace(listed_last, Vec::new())]);
        assert!(mesh.is_synced(), "{listed_last} listed last");
        assert_eq!(mesh.metrics.synced.get(), 1);
    }
}

#[test]
fn what_was_odd_before_every_kind_was_listed_is_warned_of_afterwards() {
    for listed_last in [Kind::Node, Kind::TrafficSplit, Kind::ServiceProfile] {
        row(format!("{listed_last} listed last"));
        let mut mesh = Mesh::unsynced(Settings::default());
        let list = |kind| {
            let objects = match kind {
                Kind::TrafficSplit => words::objects("split web a=1"),
                Kind::ServiceProfile => words::objects("profile web problem"),
                _ => Vec::new(),
            };
            vec![Event::Replace(kind, objects)]
        };
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != listed_last) {
            mesh.apply(list(kind));
        }
        mesh.apply(list(listed_last));
        mesh.expect_warnings(
            "split apex_missing; split backend_missing; web.d.svc.cluster.local profile_unused; \
             web.d.svc.cluster.local bad_profile",
        );
    }
}

#[test]
fn a_relist_forgets_what_it_does_not_name() {
    let mut mesh = Mesh::given(
        "service web 80; endpoints web W1; slice web-2 of web W2
         split web a=1; service a 80; endpoints a A1",
    );
    let mut web = mesh.watch("web");
    web.expect("add A1=1000M", "add W1=10k W2=10k", "a=10000");
    mesh.apply(vec![Event::Replace(Kind::TrafficSplit, Vec::new())]);
    web.expect("add W1=10k W2=10k; remove A1", "", "web=10000");
}

#[test]
fn an_unknown_service_is_watched_until_it_appears() {
    let mut mesh = Mesh::given("");
    let mut web = mesh.watch("web");
    web.expect("absent", "absent", "unknown");
    mesh.edit("service web 80");
    web.expect("empty", "empty", "web=10000");
    mesh.edit("endpoints web W1 W2");
    web.expect("add W1..W2=10k", "add W1..W2=10k", "");
}

#[test]
fn endpoints_without_their_service_do_not_make_it_exist() {
    let mut mesh = Mesh::given("endpoints web W1");
    let mut web = mesh.watch("web");
    web.expect("absent", "absent", "unknown");
    mesh.edit("service web 80");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
}

#[test]
fn a_deleted_service_does_not_exist_on_open_streams_and_comes_back_on_them() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.watch("web");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.edit("- service web");
    web.expect("absent", "absent", "unknown");
    mesh.edit("- endpoints web");
    web.expect_nothing();
    mesh.edit("service web 80; endpoints web W2");
    web.expect("add W2=10k", "add W2=10k", "web=10000");
}

#[test]
fn existence_alone_is_worth_a_message() {
    let mut mesh = Mesh::given("");
    let mut web = mesh.watch("web");
    web.expect("absent", "absent", "unknown");
    for _ in 0..3 {
        mesh.edit("service web 80");
        web.expect("empty", "empty", "web=10000");
        mesh.edit("- service web");
        web.expect("absent", "absent", "unknown");
    }
}

#[test]
fn a_service_that_is_gone_and_back_in_one_batch_was_never_gone() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.watch("web");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.edit("- service web; - endpoints web; service web 80; endpoints web W1");
    web.expect_nothing();
}

#[test]
fn a_split_of_a_missing_apex_makes_nothing_exist_and_waits_for_it() {
    let mut mesh = Mesh::given("split web a=1; service a 80; endpoints a A1");
    let mut web = mesh.watch("web");
    web.expect("absent", "absent", "unknown");
    mesh.expect_warnings("split apex_missing");
    mesh.edit("service web 80");
    web.expect("add A1=1000M", "empty", "a=10000");
    mesh.expect_warnings("");
    mesh.edit("- service web");
    web.expect("absent", "absent", "unknown");
}

#[test]
fn an_undefined_port_has_the_empty_profile_until_it_is_added() {
    let mut mesh = Mesh::given("service web 80");
    let mut web = mesh.profile("web:90");
    web.expect("unknown");
    mesh.edit("service web 80/http 90/admin");
    web.expect("web=10000");
    mesh.edit("service web 80");
    web.expect("unknown");
}

#[test]
fn an_external_name_does_not_exist_here_and_is_warned_of() {
    let mut mesh = Mesh::given("service web 80 external=example.com; endpoints web W1");
    let mut web = mesh.watch("web");
    web.expect("absent", "absent", "unknown");
    mesh.expect_warnings("web external_name");
    mesh.edit("service web 80");
    web.expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.expect_warnings("");
    mesh.edit("service web 80 external=example.com");
    web.expect("absent", "absent", "unknown");
    mesh.expect_warnings("web external_name");
}

#[test]
fn a_service_with_a_multi_cluster_marker_exists_and_is_empty_and_warned_of() {
    let mut mesh = Mesh::given("service web 80 marker; endpoints web W1");
    let mut web = mesh.leaf("web");
    web.expect("empty");
    mesh.merged("web").expect("empty");
    mesh.expect_warnings("web multi_cluster_unsupported");
    mesh.edit("service web 80");
    web.expect("add W1=10k");
    mesh.expect_warnings("");
}

#[test]
fn a_warning_about_what_a_client_asked_for_is_counted_once_a_version() {
    let mut mesh = Mesh::given("service web 80 external=example.com");
    let (one, two) = (mesh.merged("web"), mesh.leaf("web"));
    mesh.edit("service other 80");
    mesh.edit("service other 81");
    let text = Format::OpenMetrics.render(&mesh.metrics.registry());
    let raised =
        text.lines().find(|line| line.contains("warnings_raised_total") && line.contains("external_name"));
    assert!(raised.is_some_and(|line| line.ends_with(" 1")), "{raised:?} in\n{text}");
    one.ignore();
    two.ignore();
}

#[test]
fn t63_a_headless_apex_is_not_split() {
    let mesh =
        Mesh::given("service web 80 headless; endpoints web W1; split web a=1; service a 80; endpoints a A1");
    mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.expect_warnings("split apex_unsuitable");
}

#[test]
fn t63_an_external_apex_is_not_split() {
    let mesh = Mesh::given("service web 80 external=x.org; split web a=1; service a 80; endpoints a A1");
    mesh.expect_warnings("split apex_unsuitable");
    mesh.merged("web").expect("absent");
    mesh.profile("web").expect("unknown");
}

#[test]
fn t63_a_headless_backend_serves_with_its_endpoints() {
    let mesh = Mesh::given("service web 80; split web a=1; service a 80 headless; endpoints a A1");
    mesh.merged("web").expect("add A1=1000M");
    mesh.expect_warnings("");
}

#[test]
fn t63_an_external_backend_contributes_nothing_and_is_warned_of() {
    let mesh = Mesh::given(
        "service web 80; split web a=50 b=50; service a 80; endpoints a A1; service b 80 external=x.org",
    );
    mesh.merged("web").expect("add A1=500M");
    mesh.profile("web").expect("a=500000 b=0");
    mesh.expect_warnings("split backend_unsuitable");
}

#[test]
fn a_backend_with_a_multi_cluster_marker_contributes_nothing_and_is_warned_of() {
    let mesh = Mesh::given(
        "service web 80; split web a=50 b=50; service a 80; endpoints a A1
         service b 80 marker; endpoints b B1",
    );
    mesh.merged("web").expect("add A1=500M");
    mesh.profile("web").expect("a=500000 b=0");
    mesh.expect_warnings("split backend_unsuitable");
}

#[test]
fn an_apex_with_a_multi_cluster_marker_stays_empty() {
    let mesh = Mesh::given("service web 80 marker; split web a=1; service a 80; endpoints a A1");
    mesh.merged("web").expect("empty");
    mesh.leaf("web").expect("empty");
    mesh.profile("web").expect("web=10000");
    mesh.expect_warnings("split apex_unsuitable; web multi_cluster_unsupported");
}

#[test]
fn two_equal_streams_are_told_the_same() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let (mut one, mut two) = (mesh.merged("web"), mesh.merged("web"));
    one.expect("add W1=10k");
    mesh.edit("endpoints web W2");
    one.expect("add W2=10k; remove W1");
    two.expect("add W2=10k");
    mesh.edit("endpoints web W2 W3");
    one.expect("add W3=10k");
    two.expect("add W3=10k");
}

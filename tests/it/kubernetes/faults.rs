//! Everything an API server and a network can do. Whatever it is: nothing that exists is taken away while it
//! lasts, and soon after it every stream is what a new one would be.

use std::time::Duration;

use switchyard::{metrics::OfKind, source::kubernetes::Pace};

use super::{A_WHILE, Cluster, fake::Fault, hurried};

/// What is known stays known as long as the fault lasts, with streamed lists and with pages; and what has
/// happened meanwhile is known soon after. `noticed` is what it is counted as, if it is.
#[track_caller]
fn survives(fault: Fault, noticed: &'static str) {
    for streams in [true, false] {
        let mut cluster = Cluster::with("service web; endpoints web A1 A2; slice web-2 of web A3", |api| {
            api.stream_lists(streams);
        });
        let mut web = cluster.merged("web");
        cluster.becomes(&mut web, "A1..A3=10k");
        cluster.api.remember();
        cluster.edit("slice web-3 of web A4; slice web-4 of web A5; pod p; node n");
        cluster.becomes(&mut web, "A1..A5=10k");

        cluster.api.fault("*", fault);
        cluster.edit("slice web-2 of web A3 A6; - slice web-3");
        cluster.api.compact();
        cluster.wait_for(noticed, |c| noticed.is_empty() || c.failures("EndpointSlice", noticed) > 0);
        cluster.run_for(A_WHILE);
        web.listen();
        assert!(web.lost.is_empty() || web.lost == ["remove A4"], "lost {:?}", web.lost);
        assert!(cluster.is_synced());
        cluster.api.heal();

        cluster.becomes(&mut web, "A1..A3=10k A5..A6=10k");
        web.lost_only(&["remove A4"]);
        cluster.wait_for("nothing is said to be stale", |c| {
            !c.warnings().iter().any(|w| w.contains("source_stale"))
        });
    }
}

#[test]
fn connections_are_reset() {
    survives(Fault::Reset, "broken");
}

#[test]
fn packets_are_dropped() {
    survives(Fault::Silent, "silent");
}

#[test]
fn watches_fall_silent() {
    survives(Fault::SilentWatches, "silent");
}

#[test]
fn answers_are_slow() {
    survives(Fault::Slow, "");
}

#[test]
fn a_storm_of_429() {
    survives(Fault::Refuse(429), "throttled");
}

#[test]
fn a_storm_of_500() {
    survives(Fault::Refuse(500), "server_error");
}

#[test]
fn a_storm_of_503_on_lists_only() {
    survives(Fault::RefuseLists(503), "server_error");
}

#[test]
fn everything_is_forbidden_for_a_while() {
    survives(Fault::Refuse(403), "forbidden");
}

#[test]
fn everything_is_not_found_for_a_while() {
    survives(Fault::Refuse(404), "not_found");
}

#[test]
fn lists_break_off_in_the_middle() {
    survives(Fault::HalfLists, "broken");
}

#[test]
fn a_page_in_the_middle_is_an_error() {
    survives(Fault::PageError(500), "server_error");
}

#[test]
fn a_page_in_the_middle_has_expired() {
    survives(Fault::PageError(410), "gone");
}

#[test]
fn lists_are_something_else() {
    survives(Fault::NoList, "garbled");
}

#[test]
fn watches_are_gone() {
    survives(Fault::Gone, "gone");
}

#[test]
fn another_server_is_older() {
    survives(Fault::Stale, "old");
}

#[test]
fn watches_say_only_bookmarks() {
    survives(Fault::Bookmarks, "");
}

#[test]
fn watches_say_garbage() {
    survives(Fault::Garbage, "garbled");
}

#[test]
fn watches_end_at_once() {
    survives(Fault::EndAtOnce, "broken");
}

#[test]
fn a_watch_that_leads_nowhere_is_not_tried_without_a_pause() {
    for fault in [Fault::EndAtOnce, Fault::Gone, Fault::Garbage] {
        let cluster = Cluster::given("service web");
        let asked =
            |cluster: &Cluster| cluster.api.count("services watch") + cluster.api.count("services stream");
        cluster.api.fault("services", fault);
        // The open watch ends by itself within this time.
        cluster.run_for(A_WHILE * 3);
        let before = asked(&cluster);
        cluster.run_for(A_WHILE * 2);
        // At 100 ms a pause, with a list and a watch each.
        let tries = asked(&cluster) - before;
        assert!(tries <= 36, "{tries} requests with {fault:?}");
    }
}

#[test]
fn connections_that_died_unnoticed_are_not_tried_one_after_the_other() {
    // Who looks for kinds that are not there leaves connections behind that wait to be used.
    let rarely = Pace { look_for: Duration::from_secs(60), ..hurried() };
    let mut cluster = Cluster::unsynced(rarely, "service web; endpoints web A1", |api| {
        for group in ["linkerd.io", "policy.linkerd.io", "workload.linkerd.io"] {
            api.serve_group(group, &[]);
        }
    });
    cluster.wait_for("everything is read", |c| c.is_synced());
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=10k");
    let kinds = ["Service", "EndpointSlice", "Pod", "Node", "ReplicaSet", "Job", "TrafficSplit"];
    let silent = |c: &Cluster| kinds.map(|kind| c.failures(kind, "silent"));

    cluster.api.drop_packets();
    cluster.edit("endpoints web A1 A2");

    cluster.becomes(&mut web, "A1..A2=10k");
    cluster.wait_for("all notice", |c| silent(c).iter().all(|count| *count > 0));
    cluster.run_for(A_WHILE * 2);
    assert_eq!(silent(&cluster), [1; 7]);
    web.lost_only(&[]);
}

#[test]
fn garbage_that_stays_in_the_history_is_passed_by() {
    let mut cluster = Cluster::given("service web; endpoints web A1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=10k");

    cluster.api.spoil("endpointslices");
    cluster.edit("endpoints web A1 A2");

    cluster.becomes(&mut web, "A1..A2=10k");
    web.lost_only(&[]);
}

#[test]
fn only_the_watch_that_fell_silent_begins_again() {
    let mut cluster = Cluster::given("service web; endpoints web A1; pod p");
    cluster.api.fault("endpointslices", Fault::SilentWatches);
    cluster.wait_for("the silence is noticed", |c| c.failures("EndpointSlice", "silent") > 0);
    for kind in ["Service", "Pod", "Node", "TrafficSplit"] {
        for reason in ["silent", "broken", "gone"] {
            assert_eq!(cluster.failures(kind, reason), 0, "{kind} {reason}");
        }
    }
    let is_stale = |kind| cluster.metrics.stale.get_or_create(&OfKind { kind }).get();
    assert_eq!((is_stale("EndpointSlice"), is_stale("Pod")), (1, 0));

    // Watches that end in order go on where they ended.
    cluster.wait_for("some watches", |c| c.api.count("pods watch") > 4);
    assert_eq!(cluster.api.count("pods stream"), 1);
}

#[test]
fn a_cluster_restored_from_a_backup_is_believed_after_a_while() {
    let mut cluster = Cluster::given("service web; endpoints web A1 A2");
    cluster.api.remember();
    cluster.edit("endpoints web A2 A3");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A2..A3=10k");

    cluster.api.restore();
    cluster.run_for(A_WHILE);
    web.lost_only(&["remove A1"]);

    cluster.becomes(&mut web, "A1..A2=10k");
    web.lost_only(&["remove A1", "remove A3"]);
    cluster.edit("endpoints web A1 A2 A9");
    cluster.becomes(&mut web, "A1..A2=10k A9=10k");
}

#[test]
fn an_api_server_that_starts_knows_no_custom_kinds_for_a_moment() {
    let mut cluster = Cluster::given("service web; service a; endpoints a A1; split web a=1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=1000M");

    // Its discovery lacks the group, and of the kind it says that it is starting.
    cluster.api.fault("trafficsplits", Fault::Refuse(404));
    cluster.wait_for("the watch ended", |c| c.failures("TrafficSplit", "not_found") > 0);
    cluster.api.serve_group("split.smi-spec.io", &[]);
    cluster.api.fault("trafficsplits", Fault::Refuse(503));
    cluster.run_for(A_WHILE);
    web.lost_only(&[]);

    cluster.api.serve_group("split.smi-spec.io", &["v1alpha1"]);
    cluster.api.heal();
    cluster.edit("endpoints a A1 A2");
    cluster.becomes(&mut web, "A1..A2=500M");
    web.lost_only(&[]);
}

#[test]
fn a_server_that_refuses_is_not_asked_again_behind_the_followers_back() {
    let mut cluster = Cluster::given("service web");
    for (code, label) in [(429, "throttled"), (503, "server_error"), (504, "server_error")] {
        cluster.api.fault("services", Fault::Refuse(code));
        let (failures, watches) = (cluster.failures("Service", label), cluster.api.count("services watch"));
        let lists = cluster.api.count("services stream");
        cluster.wait_for("some tries", |c| c.failures("Service", label) >= failures + 4);
        let asked =
            cluster.api.count("services watch") + cluster.api.count("services stream") - watches - lists;
        let counted = usize::try_from(cluster.failures("Service", label) - failures).expect("few");
        assert!(asked <= counted + 1, "HTTP {code}: {asked} requests, {counted} failures");
    }
}

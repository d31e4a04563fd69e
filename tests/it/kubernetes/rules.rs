//! What a source that watches a cluster promises while all goes well, or an object does not.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use switchyard::{
    metrics::OfKind,
    model::{Kind, Reason},
    source::kubernetes::Pace,
};

use super::{A_WHILE, Cluster, fake::Fault, hurried};

const ONE_OF_EACH: &str = "service web; endpoints web A1; pod p; node n; rs r; job j; split web a=1; \
                           profile web.d.svc.cluster.local; server s; workload w";
const KINDS: [(&str, &str); 10] = [
    ("Service", "services"),
    ("EndpointSlice", "endpointslices"),
    ("Pod", "pods"),
    ("Node", "nodes"),
    ("ReplicaSet", "replicasets"),
    ("Job", "jobs"),
    ("TrafficSplit", "trafficsplits"),
    ("ServiceProfile", "serviceprofiles"),
    ("Server", "servers"),
    ("ExternalWorkload", "externalworkloads"),
];

#[test]
fn every_kind_is_listed_and_watched() {
    let mut cluster = Cluster::given(ONE_OF_EACH);
    for (kind, plural) in KINDS {
        assert_eq!(cluster.objects(kind), 1, "{kind}");
        cluster.wait_for(plural, |c| c.api.count(&format!("{plural} watch")) > 0);
    }

    cluster.edit(
        "service web2; endpoints web2 A1; pod p2; node n2; rs r2; job j2; split web2 a=1; \
         profile web2.d.svc.cluster.local; server s2; workload w2",
    );
    for (kind, _) in KINDS {
        cluster.wait_for(kind, |c| c.objects(kind) == 2);
    }
}

#[test]
fn lists_are_streamed_where_that_is_possible_and_come_in_pages_elsewhere() {
    let script = "service web; endpoints web A1; slice web-2 of web A2; slice web-3 of web A3";
    for (streams, pages) in [(true, 0), (false, 1)] {
        let mut cluster = Cluster::with(script, |api| api.stream_lists(streams));
        let mut web = cluster.merged("web");
        cluster.becomes(&mut web, "A1..A3=10k");
        assert_eq!(cluster.api.count("endpointslices stream"), 1, "it is tried once");
        assert_eq!(cluster.api.count("endpointslices list"), pages);
        assert_eq!(cluster.api.count("endpointslices page"), pages);
    }
}

#[test]
fn a_kind_that_is_not_defined_is_a_note_until_it_appears_and_when_it_goes() {
    let mut cluster = Cluster::with("service web; service a; endpoints a A1; split web a=1", |api| {
        for group in ["split.smi-spec.io", "linkerd.io", "policy.linkerd.io", "workload.linkerd.io"] {
            api.serve_group(group, &[]);
        }
    });
    assert!(!cluster.warns(Reason::SourceStale, &[]), "{:?}", cluster.warnings());
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "empty");

    cluster.api.serve_group("split.smi-spec.io", &["v1alpha3"]);
    cluster.becomes(&mut web, "A1=1000M");

    cluster.api.serve_group("split.smi-spec.io", &[]);
    cluster.becomes(&mut web, "empty");
    assert_eq!(cluster.objects("TrafficSplit"), 0);
    cluster.wait_for("it is only a note", |c| !c.warns(Reason::SourceStale, &[]));

    cluster.api.serve_group("split.smi-spec.io", &["v1alpha4"]);
    cluster.becomes(&mut web, "A1=1000M");
}

#[test]
fn the_version_of_a_kind_may_change() {
    let mut cluster = Cluster::given("service web; service a; endpoints a A1; split web a=1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=1000M");

    cluster.api.serve_group("split.smi-spec.io", &["v1alpha2"]);
    cluster.wait_for("the watch ended", |c| c.failures("TrafficSplit", "not_found") > 0);
    cluster.edit("service b; endpoints b B1; split web b=1");

    cluster.becomes(&mut web, "B1=1000M");
    web.lost_only(&["remove A1"]);
}

#[test]
fn a_version_that_a_group_has_because_of_another_kind_is_passed_by() {
    let mut cluster = Cluster::given("service web; service a; endpoints a A1; split web a=1");
    cluster.api.serve_others("v1alpha1");
    cluster.api.serve_group("split.smi-spec.io", &["v1alpha1", "v1alpha3"]);
    cluster.wait_for("the watch ended", |c| c.failures("TrafficSplit", "not_found") > 0);
    cluster.edit("service b; endpoints b B1; split web b=1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "B1=1000M");

    // Nor is it there at all if no version has it.
    cluster.api.serve_others("v1alpha3");
    cluster.wait_for("the kind is gone", |c| c.status.borrow().objects.get("TrafficSplit") == Some(&0));
}

#[test]
fn a_relist_is_one_step() {
    let mut cluster =
        Cluster::given("service web; endpoints web A1; slice web-2 of web A2; slice web-3 of web A3");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1..A3=10k");

    cluster.api.fault("endpointslices", Fault::Refuse(503));
    cluster.run_for(A_WHILE);
    cluster.edit("endpoints web B1; slice web-2 of web B2; - slice web-3; slice web-4 of web B3");
    cluster.api.compact();
    web.listen();
    web.said.clear();
    cluster.api.heal();

    cluster.becomes(&mut web, "B1..B3=10k");
    assert_eq!(web.said, ["add B1=10000 B2=10000 B3=10000", "remove A1 A2 A3"]);
}

#[test]
fn ready_only_once_every_kind_is_read() {
    for late in ["jobs", "endpointslices", "servers"] {
        let mut cluster = Cluster::unsynced(hurried(), ONE_OF_EACH, |api| api.fault(late, Fault::Silent));
        cluster.wait_for("the others are read", |c| c.objects("Pod") + c.objects("Node") == 2);
        cluster.run_for(A_WHILE);
        assert!(!cluster.is_synced(), "{late}");

        cluster.api.heal();
        cluster.wait_for("everything is read", |c| c.is_synced());
    }
}

#[test]
fn nothing_is_asked_on_behalf_of_a_client() {
    let calm = Pace { watch: Duration::from_secs(60), ..hurried() };
    let mut cluster = Cluster::unsynced(calm, "service web; endpoints web A1; pod p; node n", |_| ());
    cluster.wait_for("every kind is watched", |c| {
        KINDS.iter().all(|(_, plural)| c.api.count(&format!("{plural} watch")) > 0)
    });
    let before = cluster.api.heard().requests;
    for index in 0..50 {
        let mut nobody = cluster.merged(&format!("nobody-{index}"));
        cluster.becomes(&mut nobody, "absent");
        let mut web = cluster.merged("web");
        cluster.becomes(&mut web, "A1=10k");
    }
    assert_eq!(cluster.api.heard().requests, before);
}

#[test]
fn an_object_of_no_use_is_counted_and_named_and_the_watch_goes_on() {
    let mut cluster = Cluster::given("service web; endpoints web A1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=10k");
    let undecodable =
        |c: &Cluster| c.metrics.undecodable.get_or_create(&OfKind { kind: "EndpointSlice" }).get();

    let broken =
        json!({"metadata": {"name": "web", "namespace": "d"}, "addressType": "IPv4", "endpoints": "none"});
    cluster.api.put("endpointslices", broken);
    cluster.edit("slice web-2 of web A2");

    cluster.becomes(&mut web, "A1..A2=10k");
    cluster
        .wait_for("it is named", |c| c.warns(Reason::InvalidObject, &["EndpointSlice d/web", "endpoints"]));
    assert_eq!(undecodable(&cluster), 1);

    // A list that has it changes nothing of that.
    cluster.api.compact();
    cluster.wait_for("a list", |c| c.api.count("endpointslices stream") > 1);
    cluster.edit("slice web-3 of web A3");
    cluster.becomes(&mut web, "A1..A3=10k");
    web.lost_only(&[]);
    assert!(cluster.warns(Reason::InvalidObject, &["EndpointSlice d/web"]), "{:?}", cluster.warnings());
    cluster.edit("endpoints web A1 A4");
    cluster.becomes(&mut web, "A1..A4=10k");
    cluster.wait_for("all is well", |c| !c.warns(Reason::InvalidObject, &[]));
    web.lost_only(&[]);
}

#[test]
fn an_object_of_no_use_in_the_first_list_delays_nothing() {
    let cluster = Cluster::with("service web; endpoints web A1", |api| {
        api.put(
            "services",
            json!({"metadata": {"name": "odd", "namespace": "d"}, "spec": {"ports": "none"}}),
        );
    });
    assert_eq!(cluster.objects("Service"), 1);
    assert!(
        cluster.warns(Reason::InvalidObject, &["Service d/odd", "spec.ports"]),
        "{:?}",
        cluster.warnings()
    );
}

#[test]
fn a_token_that_expired_is_renewed() {
    let mut cluster = Cluster::given("service web; endpoints web A1");
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=10k");

    cluster.api.accept_token("second");
    cluster.edit("endpoints web A1 A2");
    cluster.api.compact();
    cluster.wait_for("it is refused", |c| c.failures("EndpointSlice", "unauthorized") > 0);
    cluster.run_for(A_WHILE);
    fs::write(cluster.folder.path().join("token"), "second").expect("written");

    cluster.becomes(&mut web, "A1..A2=10k");
    cluster.edit("endpoints web A1 A2 A3");
    cluster.becomes(&mut web, "A1..A3=10k");
    web.lost_only(&[]);
}

#[test]
fn how_long_a_change_took_to_get_here_is_counted_for_changes_alone() {
    let pod = |time: &str, metadata: Value| {
        let mut pod = json!({"metadata": {"name": "p", "namespace": "d", "managedFields": [
            {"manager": "kubelet", "operation": "Update", "time": time},
            {"manager": "other", "operation": "Update", "time": "2001-01-01T00:00:00Z"},
        ]}, "status": {"phase": "Running"}});
        let all = pod["metadata"].as_object_mut().expect("an object");
        all.extend(metadata.as_object().expect("an object").clone());
        pod
    };
    let long_ago = "2020-01-01T00:00:00Z";
    let mut cluster = Cluster::with("", |api| api.put("pods", pod(long_ago, json!({}))));
    cluster.wait_for("they are watched", |c| c.api.count("pods watch") > 0);
    let lag = cluster.metrics.linkerd.lag(Kind::Pod).expect("it is measured").clone();
    assert_eq!(lag.count(), 0, "what is listed may be of any age");

    cluster.api.put("pods", pod(long_ago, json!({"labels": {"changed": "once"}})));
    cluster.wait_for("the change is counted", |_| lag.count() == 1);
    assert_eq!(lag.quantile(1.0), Some(f64::INFINITY), "it took years");

    // What is about to go was not changed in any field.
    cluster.api.put("pods", pod(long_ago, json!({"deletionTimestamp": "2030-01-01T00:00:00Z"})));
    // A clock that is ahead of ours.
    cluster.api.put("pods", pod("2999-01-01T00:00:00Z", json!({"labels": {"changed": "twice"}})));
    cluster.wait_for("the second one is", |_| lag.count() == 2);
    assert_eq!(lag.quantile(0.5), Some(0.5), "it came at once");
}

#[test]
fn a_kind_ages_while_nothing_is_heard_of_it_and_the_others_do_not() {
    let mut cluster = Cluster::given("service web; endpoints web A1");
    let age = |cluster: &Cluster, kind: Kind| cluster.metrics.ages.of(kind);
    cluster.api.fault("endpointslices", Fault::Silent);
    let longer_than_a_watch = Duration::from_secs(2);
    cluster.wait_for("it has aged", |c| age(c, Kind::EndpointSlice) > longer_than_a_watch);
    assert!(age(&cluster, Kind::Service) < longer_than_a_watch, "its watch ends with a word");

    cluster.api.heal();
    cluster.wait_for("it is heard again", |c| age(c, Kind::EndpointSlice) < Duration::from_millis(500));
}

#[test]
fn a_list_that_is_not_taken_is_no_news_of_its_kind() {
    let longer_than_a_watch = Duration::from_secs(2);
    // Lists that are something else; and, as after a restore, lists and watches of a past that is not believed.
    for is_past in [false, true] {
        let pace = Pace { believe_old_after: Duration::from_secs(3600), ..hurried() };
        let mut cluster = Cluster::unsynced(pace, "service web; endpoints web A1", |_| ());
        cluster.wait_for("everything is read", |cluster| cluster.is_synced());
        cluster.api.remember();
        cluster.edit("endpoints web A1 A2");
        let mut web = cluster.merged("web");
        cluster.becomes(&mut web, "A1..A2=10k");

        let reason = if is_past {
            cluster.api.restore();
            "old"
        } else {
            cluster.api.compact();
            cluster.api.fault("endpointslices", Fault::NoList);
            "garbled"
        };
        cluster.wait_for("it has aged, whatever was said", |c| {
            c.failures("EndpointSlice", reason) > 2
                && c.metrics.ages.of(Kind::EndpointSlice) > longer_than_a_watch
        });
    }
}

#[test]
fn what_watches_a_kind_takes_the_source_down_when_it_dies() {
    // A time that cannot be doubled: there is no other way to make it panic.
    let mut cluster = Cluster::unsynced(Pace { watch: Duration::MAX, ..hurried() }, "", |_| ());
    cluster.wait_for("it ends", |c| c.follows.is_finished());
    let why = cluster.runtime.block_on(&mut cluster.follows).expect("no panic of its own");
    assert!(why.contains("what watches a kind died") && why.contains("panicked"), "{why}");
}

#[test]
fn list_that_lost_most_services_is_doubted_for_a_while() {
    for (streams, lost) in
        [(true, "- service a; - service b"), (false, "- service a; - service b; - service c")]
    {
        let pace = Pace { empty_after: Duration::from_secs(2), ..hurried() };
        let mut cluster =
            Cluster::unsynced(pace, "service a; service b; service c", |api| api.stream_lists(streams));
        cluster.wait_for("everything is read", |cluster| cluster.is_synced());
        cluster.api.fault("services", Fault::Silent);
        cluster.edit(lost);
        cluster.api.compact();
        cluster.api.heal();

        cluster.wait_for("the list is doubted", |c| c.failures("Service", "lossy") > 1);
        assert_eq!(cluster.status.borrow().objects["Service"], 3);
        cluster.wait_for("a warning says so", |c| {
            c.warnings().iter().any(|warning| warning.contains("of the 3 objects that are known"))
        });
        let left = 3 - lost.split(';').count();
        cluster.wait_for("it is believed", |c| c.status.borrow().objects["Service"] == left);
        cluster.wait_for("nothing is stale", |c| !c.warnings().iter().any(|w| w.contains("source_stale")));
    }
}

#[test]
fn list_that_lost_most_services_and_has_them_again_changes_nothing() {
    let pace = Pace { empty_after: Duration::from_secs(3600), ..hurried() };
    let mut cluster = Cluster::unsynced(pace, "service a; service b; endpoints a A1", |_| ());
    cluster.wait_for("everything is read", |cluster| cluster.is_synced());
    let mut view = cluster.merged("a");
    cluster.becomes(&mut view, "A1=10k");
    cluster.api.fault("services", Fault::Silent);
    cluster.edit("- service a; - service b");
    cluster.api.compact();
    cluster.api.heal();
    cluster.wait_for("the list is doubted", |c| c.failures("Service", "lossy") > 1);

    cluster.edit("service a; service b");

    cluster.wait_for("nothing is stale", |c| !c.warnings().iter().any(|w| w.contains("source_stale")));
    view.listen();
    assert!(view.lost.is_empty(), "{:?}", view.lost);
}

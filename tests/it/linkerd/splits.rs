//! TrafficSplit as Linkerd had it, in the profile: cases 58 to 67.

use serde_json::json;

use crate::mesh::Mesh;

const SERVICES: &str =
    "service foo 80; endpoints foo F1; service bar 80; endpoints bar B1; service baz 80; endpoints baz Z1";

#[test]
fn case_58_a_split_is_one_override_for_each_backend() {
    let mesh = Mesh::given(&format!("{SERVICES}; split foo bar=1000m"));
    let mut foo = mesh.profile("foo");
    foo.expect("bar=10000");
    assert_eq!(foo.last().dst_overrides[0].authority, "bar.d.svc.cluster.local:80");
}

#[test]
fn case_59_routes_come_from_the_profile_and_overrides_from_the_split() {
    let mut mesh = Mesh::given(&format!("{SERVICES}; profile foo route=books; split foo bar=1"));
    let mut foo = mesh.profile("foo");
    foo.expect("route=books bar=10000");
    mesh.edit("- split split");
    foo.expect("route=books foo=10000");
}

#[test]
fn case_60_overrides_of_the_profile_win_and_edits_of_the_split_say_nothing() {
    let mut mesh =
        Mesh::given(&format!("{SERVICES}; profile foo to:baz.d.svc.cluster.local=500m; split foo bar=1"));
    let mut foo = mesh.profile("foo");
    foo.expect("baz=5000");
    mesh.edit("split foo bar=2");
    foo.expect("");
}

#[test]
fn case_61_a_deleted_split_leaves_the_service_to_itself() {
    let mut mesh = Mesh::given(&format!("{SERVICES}; split foo bar=500m baz=500m"));
    let mut foo = mesh.profile("foo");
    foo.expect("bar=5000 baz=5000");
    mesh.edit("- split split");
    foo.expect("foo=10000");
}

#[test]
fn case_62_the_requested_port_and_the_cluster_ip_lead_to_the_same_override() {
    let mut mesh = Mesh::given("service foo 80/http 8080/admin ip=10.96.0.7 ip=fd00::7");
    let streams = ["foo:8080", "10.96.0.7:8080", "[fd00::7]:8080", "[::ffff:10.96.0.7]:8080"];
    let mut streams: Vec<_> = streams.iter().map(|authority| mesh.profile(authority)).collect();
    for foo in &mut streams {
        foo.expect("foo=10000");
        assert_eq!(foo.last().fully_qualified_name, "foo.d.svc.cluster.local");
        assert_eq!(foo.last().dst_overrides[0].authority, "foo.d.svc.cluster.local:8080");
    }
    let first = streams[0].last();
    assert!(streams.iter().all(|foo| foo.last() == first));
    mesh.edit("split foo bar=1; service bar 8080; endpoints bar =8080 B1");
    streams.iter_mut().for_each(|foo| foo.expect("bar=10000"));
}

#[test]
fn a_cluster_ip_that_moves_to_another_service_moves_its_profile() {
    let mut mesh = Mesh::given("service foo 80 ip=10.96.0.7; service bar 80");
    let mut profile = mesh.profile("10.96.0.7:80");
    profile.expect("foo=10000");
    mesh.edit("service foo 80; service bar 80 ip=10.96.0.7");
    profile.expect("bar=10000");
    mesh.edit("- service bar");
    profile.expect("at 10.96.0.7:80");
}

#[test]
fn cluster_ip_of_two_services_leads_to_neither_until_one_gives_it_up() {
    let mut mesh = Mesh::given("service foo 80 ip=10.96.0.7; service bar 80 ip=10.96.0.7");
    let mut profile = mesh.profile("10.96.0.7:80");
    profile.expect("at 10.96.0.7:80");
    mesh.expect_warnings("foo shared_cluster_ip; bar shared_cluster_ip");
    mesh.edit("service bar 80");
    profile.expect("foo=10000");
    mesh.expect_warnings("");
}

#[test]
fn case_63_weights_are_ten_times_the_thousandths_and_never_overflow() {
    for (backends, expect) in [
        ("bar=90 baz=10", "bar=900000 baz=100000"),
        ("bar=4000000000 baz=4000000000", "bar=500000000 baz=500000000"),
        ("bar=4000000000 baz=1m", "bar=999999999 baz=1"),
    ] {
        Mesh::given(&format!("{SERVICES}; split foo {backends}")).profile("foo").expect(expect);
    }
}

#[test]
fn case_64_odd_backends_are_listed_as_decided() {
    for (backends, expect) in [
        ("foo=1 bar=1", "foo=10000 bar=10000"),
        ("bar=0 baz=1", "bar=0 baz=10000"),
        ("bar=0 baz=0", "foo=10000"),
        ("bar=1 baz=2 bar=3", "bar=40000 baz=20000"),
        ("bar=1 missing=1", "bar=10000 missing=0"),
    ] {
        Mesh::given(&format!("{SERVICES}; split foo {backends}")).profile("foo").expect(expect);
    }
}

#[test]
fn case_65_the_oldest_split_holds_until_it_goes_or_moves() {
    let mut mesh =
        Mesh::given(&format!("{SERVICES}; split foo name=old at=1 bar=1; split foo name=new at=2 baz=1"));
    let (mut foo, mut bar) = (mesh.profile("foo"), mesh.profile("bar"));
    foo.expect("bar=10000");
    bar.expect("bar=10000");
    mesh.edit("- split old");
    foo.expect("baz=10000");
    mesh.edit("split foo name=old at=1 bar=1");
    foo.expect("bar=10000");
    mesh.edit("split bar name=old at=1 foo=1");
    foo.expect("baz=10000");
    bar.expect("foo=10000");
}

#[test]
fn case_66_the_name_of_a_split_means_nothing() {
    let mut mesh = Mesh::given(&format!("{SERVICES}; split bar name=foo baz=1"));
    let (mut foo, mut bar) = (mesh.profile("foo"), mesh.profile("bar"));
    foo.expect("foo=10000");
    bar.expect("baz=10000");
    mesh.edit("- split foo");
    foo.expect("");
    bar.expect("bar=10000");
}

#[test]
fn case_67_a_status_of_a_split_says_nothing() {
    let split = |status| {
        json!({
            "apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit",
            "metadata": {"name": "split", "namespace": "d", "creationTimestamp": "2019-08-30T00:00:00Z"},
            "spec": {"service": "foo", "backends": [{"service": "bar", "weight": 1}]},
            "status": status,
        })
    };
    let mut mesh = Mesh::given(SERVICES);
    mesh.read(&[split(json!({}))]);
    let mut foo = mesh.profile("foo");
    foo.expect("bar=10000");
    mesh.read(&[split(json!({"phase": "Ready"}))]);
    foo.expect("");
}

#[test]
fn the_profile_of_the_clients_namespace_wins_over_that_of_the_service() {
    let mut mesh =
        Mesh::given(&format!("{SERVICES}; profile foo route=servers; profile foo in=n1 route=clients"));
    let (mut inside, mut outside) = (mesh.in_namespace("n1").profile("foo"), mesh.profile("foo"));
    inside.expect("route=clients foo=10000");
    outside.expect("route=servers foo=10000");
    mesh.edit("- profile n1/foo.d.svc.cluster.local");
    inside.expect("route=servers foo=10000");
    mesh.edit("- profile foo.d.svc.cluster.local");
    inside.expect("foo=10000");
    outside.expect("foo=10000");
    mesh.edit("profile foo in=n1 to:bar.d.svc.cluster.local=1");
    inside.expect("bar=10000");
}

//! How a split may name its apex and backends, and what addresses are labelled with: T42, D7.

use crate::mesh::{Mesh, row};

const SERVICES: &str =
    "service web 80; endpoints web W1; service a 80; endpoints a A1; service b 80; endpoints b B1";

#[test]
fn t42_names_of_the_splits_own_namespace_are_understood_in_every_form() {
    for apex in [
        "web",
        "web.d",
        "web.d.svc",
        "web.d.svc.cluster.local",
        "web.d.svc.cluster.local.",
        "WEB.D.SVC.Cluster.Local",
    ] {
        for backend in ["a", "a.d", "a.d.svc", "a.d.svc.", "a.d.svc.cluster.local.", "A.d"] {
            row(format!("{apex} -> {backend}"));
            let mesh = Mesh::given(&format!("{SERVICES}; split {apex} {backend}=1"));
            mesh.watch("web").expect("add A1=1000M", "add W1=10k", "a=10000");
            mesh.expect_warnings("");
        }
    }
}

#[test]
fn t42_a_namespace_may_have_the_name_of_a_part_of_the_domain() {
    for namespace in ["svc", "cluster", "local"] {
        for backend in [
            "a",
            &format!("a.{namespace}"),
            &format!("a.{namespace}.svc"),
            &format!("a.{namespace}.svc.cluster.local"),
        ] {
            row(backend);
            let services =
                format!("service {namespace}/web 80; service {namespace}/a 80; endpoints {namespace}/a A1");
            let mesh = Mesh::given(&format!("{services}; split {namespace}/web {backend}=1"));
            mesh.merged(&format!("web.{namespace}.svc.cluster.local:80")).expect("add A1=1000M");
        }
    }
}

#[test]
fn t42_a_backend_of_another_namespace_is_ignored_with_a_warning() {
    for backend in [
        "b.other",
        "b.other.svc.cluster.local",
        "b.d.svc.example.org",
        "b.d.svc.cluster.local.example.org",
        "x.b.d",
    ] {
        row(backend);
        let mesh = Mesh::given(&format!(
            "{SERVICES}; service other/b 80; endpoints other/b O1; split web a=1 {backend}=1"
        ));
        mesh.watch("web").expect("add A1=1000M", "add W1=10k", "a=10000");
        mesh.expect_warnings("split foreign_reference");
        mesh.expect_warned_fields(&["spec.backends[1].service"]);
    }
}

#[test]
fn t42_an_apex_of_another_namespace_is_ignored_with_a_warning() {
    for apex in ["web.other", "web.other.svc.cluster.local", "web.d.svc.example.org"] {
        row(apex);
        let mesh = Mesh::given(&format!(
            "{SERVICES}; service other/web 80; endpoints other/web O1; split {apex} a=1"
        ));
        mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
        mesh.merged("web.other.svc.cluster.local:80").expect("add O1=10k");
        mesh.expect_warnings("split foreign_reference");
        mesh.expect_warned_fields(&["spec.service"]);
    }
}

#[test]
fn a_split_concerns_its_own_namespace_only() {
    let mesh = Mesh::given(&format!(
        "{SERVICES}; service other/web 80; endpoints other/web O1; split other/web a=1"
    ));
    mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.merged("web.other.svc.cluster.local:80").expect("empty");
    mesh.expect_warnings("split backend_missing");
}

#[test]
fn only_foreign_backends_leave_the_apex_itself() {
    let mesh = Mesh::given(&format!("{SERVICES}; split web a.other=1"));
    mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
}

#[test]
fn only_foreign_backends_have_weight_and_the_author_is_told_that_the_apex_serves() {
    let mesh = Mesh::given(&format!("{SERVICES}; split web a.other=1 b=0"));
    mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.expect_warnings("split foreign_reference; split nothing_weighted");
}

#[test]
fn one_backend_under_two_names_is_one_backend() {
    let mesh = Mesh::given(&format!("{SERVICES}; split web a=1 a.d.svc=1 b=2"));
    mesh.merged("web").expect("add A1=500M B1=500M");
    mesh.profile("web").expect("a=20000 b=20000");
    mesh.expect_warnings("split duplicate_backend");
}

#[test]
fn d7_labels_name_the_apex_for_the_set_and_the_backend_for_each_address() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1(pod=w-1); pod w-1; split web b=50 a=50
         service a 80; endpoints a A1(pod=a-1) X1; pod a-1; service b 80; endpoints b B1 X1",
    );
    let (mut merged, mut leaf) = (mesh.merged("web"), mesh.leaf("web"));
    merged.expect("add A1=250M B1=250M X1=500M");
    assert_eq!(merged.set_labels(), "namespace=d service=web");
    assert_eq!(
        merged.labels_of("A1"),
        "pod=a-1 service=a serviceaccount=default zone= zone_locality=unknown"
    );
    assert_eq!(merged.labels_of("B1"), "service=b zone_locality=unknown");
    assert_eq!(merged.labels_of("X1"), "service=a zone_locality=unknown", "the first backend by name");
    leaf.expect("add W1=10k");
    assert_eq!(leaf.set_labels(), "namespace=d service=web");
    assert_eq!(leaf.labels_of("W1"), "pod=w-1 serviceaccount=default zone= zone_locality=unknown");
}

#[test]
fn d7_a_backend_of_weight_zero_does_not_name_the_addresses_it_shares() {
    let mesh = Mesh::given(
        "service web 80; split web a=0 b=1; service a 80; endpoints a X1; service b 80; endpoints b X1 B1",
    );
    let mut web = mesh.merged("web");
    web.expect("add X1=500M B1=500M");
    assert_eq!(web.labels_of("X1"), "service=b zone_locality=unknown");
}

#[test]
fn d7_the_apex_as_its_own_backend_is_named_as_the_backend() {
    let mesh =
        Mesh::given("service web 80; endpoints web W1; split web web=1 a=1; service a 80; endpoints a A1");
    let mut web = mesh.merged("web");
    web.expect("add W1=500M A1=500M");
    assert_eq!(web.labels_of("W1"), "service=web zone_locality=unknown");
}

#[test]
fn d7_an_address_that_moves_to_another_backend_is_sent_again_for_its_label() {
    let mut mesh = Mesh::given(
        "service web 80; split web a=50 b=50
         service a 80; endpoints a A1 X1; service b 80; endpoints b B1 B2",
    );
    let mut web = mesh.merged("web");
    web.expect("add A1=250M X1=250M B1=250M B2=250M");
    mesh.edit("endpoints a A1 A2; endpoints b B1 X1");
    web.expect("add A2=250M X1=250M; remove B2");
    assert_eq!(web.labels_of("X1"), "service=b zone_locality=unknown");
}

#[test]
fn profiles_say_who_they_are_about() {
    let mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.profile("web");
    web.expect("web=10000");
    let profile = web.last();
    assert_eq!(profile.fully_qualified_name, "web.d.svc.cluster.local");
    assert_eq!(profile.dst_overrides[0].authority, "web.d.svc.cluster.local:80");
    let budget = profile.retry_budget.as_ref().expect("a budget");
    assert_eq!((budget.retry_ratio, budget.min_retries_per_second), (0.2, 10));
    assert_eq!(budget.ttl.as_ref().map(|ttl| ttl.seconds), Some(10));
    assert!(!profile.opaque_protocol && profile.endpoint.is_none() && profile.profile_ref.is_none());
}

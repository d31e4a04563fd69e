//! IP families of simulated addresses.

use super::*;
use crate::source::manifests::addresses::Pool;

/// A Service that selects `app: web`, with these families.
fn in_families(name: &str, families: &[&str], policy: &str) -> Value {
    let mut spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80, "name": "http" }] });
    spec["ipFamilies"] = json!(families);
    spec["ipFamilyPolicy"] = policy.into();
    service(name, spec)
}

fn deployment() -> Value {
    workload("Deployment", "web", json!({ "replicas": 3 }))
}

#[test]
fn ipv6_service_beside_another_changes_nothing_of_that_one() {
    let manifests = [web(), deployment(), pod("p", json!({}))];
    let before = World::of(&manifests);
    let six = in_families("six", &["IPv6"], "SingleStack");
    let after = World::of(&[&manifests[..], &[six]].concat());
    assert_eq!(before.slices("web"), after.slices("web"));
    assert!(before.pods().iter().all(|pod| pod.ips[1].is_none()));
    for (before, after) in before.pods().iter().zip(after.pods()) {
        assert_eq!((before.ips[0], &before.name), (after.ips[0], &after.name));
        assert!(after.ips[1].is_some_and(|ip| ip.is_ipv6()), "{after:?}");
    }
    let of_six: Vec<_> = after.endpoints("six").iter().map(|endpoint| Some(endpoint.address)).collect();
    let of_pods: Vec<_> = after.pods().iter().map(|pod| pod.ips[1]).collect();
    assert!(of_six.len() == 4 && of_six.iter().all(|ip| of_pods.contains(ip)), "{of_six:?} {of_pods:?}");
}

#[test]
fn only_pods_that_an_ipv6_service_selects_get_an_ipv6_address() {
    let set = workload("StatefulSet", "db", json!({ "replicas": 2 }));
    let mut one = in_families("one", &["IPv6"], "SingleStack");
    one["spec"]["selector"] = json!({ "statefulset.kubernetes.io/pod-name": "db-1" });
    let world = World::of(&[one, set]);
    let with: Vec<_> = world.pods().iter().map(|pod| pod.ips[1].is_some()).collect();
    assert_eq!(with, [false, true]);
}

#[test]
fn slices_of_a_dual_stack_service_have_one_family_each_and_names_of_their_own() {
    let world = World::of(&[in_families("web", &["IPv4", "IPv6"], "RequireDualStack"), deployment()]);
    let slices = world.slices("web");
    let families: Vec<Vec<bool>> = slices
        .iter()
        .map(|slice| slice.subsets[0].endpoints.iter().map(|e| e.address.is_ipv6()).collect())
        .collect();
    assert!(families.contains(&vec![true; 3]) && families.contains(&vec![false; 3]), "{families:?}");
    let of_ipv4 = World::of(&[web(), deployment()]);
    assert!(slices.contains(&of_ipv4.slices("web")[0]), "the IPv4 slice is that of an IPv4 Service");
}

#[test]
fn cluster_ips_of_both_families_are_kept_while_others_come_and_go() {
    let dual = in_families("dual", &["IPv6"], "PreferDualStack");
    let ips = |world: &World| {
        let services = world.sorted().into_iter().filter_map(|object| match object {
            Object::Service(service) if service.name.name.as_str() == "dual" => {
                Some(service.cluster_ips.clone())
            }
            _ => None,
        });
        services.flatten().collect::<Vec<_>>()
    };
    let mut world = World::of(std::slice::from_ref(&dual));
    let before = ips(&world);
    assert!(before.len() == 2 && before[0].is_ipv6() && before[1].is_ipv4(), "{before:?}");
    world.see(&[dual.clone(), in_families("other", &["IPv6"], "SingleStack"), web()]);
    assert_eq!(ips(&world), before);

    let mut with_one = dual.clone();
    with_one["spec"]["clusterIP"] = before[0].to_string().into();
    assert_eq!(ips(&World::of(&[with_one])), before, "the missing one is added");
    let mut taken = in_families("a", &["IPv6"], "SingleStack");
    taken["spec"]["clusterIP"] = before[0].to_string().into();
    world.see(&[dual, taken]);
    assert!(ips(&world)[0] != before[0] && ips(&world)[1] == before[1], "{:?}", ips(&world));
}

#[test]
fn external_workload_is_reached_by_the_family_of_the_service() {
    let workload = |name: &str, ip: &str| {
        json!({
            "apiVersion": "workload.linkerd.io/v1beta1", "kind": "ExternalWorkload",
            "metadata": { "name": name, "labels": { "app": "web" } },
            "spec": {
                "meshTLS": { "identity": "spiffe://a/b", "serverName": "b.a" },
                "workloadIPs": [{ "ip": ip }],
            },
        })
    };
    let workloads = [workload("four", "192.0.2.1"), workload("six", "2001:db8::1")];
    for (service, expect) in [
        (web(), &["192.0.2.1", "2001:db8::1"][..]),
        (in_families("web", &["IPv4"], "SingleStack"), &["192.0.2.1"]),
        (in_families("web", &["IPv6"], "SingleStack"), &["2001:db8::1"]),
        (in_families("web", &[], "PreferDualStack"), &["192.0.2.1", "2001:db8::1"]),
    ] {
        let world = World::of(&[std::slice::from_ref(&service), &workloads[..]].concat());
        let mut found: Vec<_> = world.endpoints("web").iter().map(|e| e.address.to_string()).collect();
        found.sort();
        assert_eq!(found, expect, "{service}");
    }
}

#[test]
fn full_ipv6_range_is_reported_with_its_name() {
    let mut world = World::default();
    world.controllers.pods.v6 = Pool::tiny();
    world.see(&[
        in_families("web", &["IPv6"], "SingleStack"),
        workload("Deployment", "web", json!({ "replicas": 300 })),
    ]);
    assert_eq!(world.endpoints("web").len(), 254);
    let [(key, message)] = world.outcome.shortages.as_slice() else { panic!("{:?}", world.outcome) };
    assert_eq!(key.to_string(), "Deployment default/web");
    assert!(message.contains("fd00::/120, found none for 46 of them"), "{message}");
}

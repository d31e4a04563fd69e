//! IPv6 and dual-stack Services of a folder.

use std::{net::IpAddr, path::Path};

use serde_json::Value;

use super::{AUTHORITY, WEB, endpoints, folder, run};

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: x, ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: bare, labels: {app: web}}
spec: {containers: [{name: main, image: x}]}
";

/// The Service `web` with these fields of its spec.
fn web(spec: &str) -> String {
    WEB.replace("  selector:", &format!("{spec}\n  selector:"))
}

/// Addresses of the endpoints, without their port.
#[track_caller]
fn addresses(manifests: &str) -> Vec<IpAddr> {
    let folder = folder(&[("a.yaml", manifests)]);
    let found = endpoints(folder.path(), AUTHORITY);
    let address = |(_, address): (String, String)| {
        address.parse::<std::net::SocketAddr>().unwrap_or_else(|_| panic!("{address}")).ip()
    };
    found.into_iter().map(address).collect()
}

/// The cluster IPs of the Service `web`.
#[track_caller]
fn cluster_ips(folder: &Path) -> Vec<String> {
    let ran = run(folder, &["why", AUTHORITY, "--manifests", ".", "-o", "json"]);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let mut open = vec![&value];
    while let Some(value) = open.pop() {
        if let Some(ips) = value["cluster_ips"].as_array() {
            return ips.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    panic!("no cluster IPs: {value}")
}

fn is_made_up_ipv6(ip: &IpAddr) -> bool {
    ip.to_string().starts_with("fd00:10:244::")
}

#[test]
fn service_of_ipv6_is_served_by_ipv6_addresses() {
    for spec in [
        "  ipFamilies: [IPv6]",
        "  ipFamilies: [IPv6]\n  ipFamilyPolicy: SingleStack",
        "  clusterIP: fd00:10:96::77",
        "  ipFamilies: [IPv6]\n  clusterIP: None",
    ] {
        let found = addresses(&(web(spec) + PODS));
        assert_eq!(found.len(), 3, "{spec}: {found:?}");
        assert!(found.iter().all(is_made_up_ipv6), "{spec}: {found:?}");
    }
}

#[test]
fn service_that_names_no_ipv6_keeps_its_addresses() {
    let expect = addresses(&(web("") + PODS));
    assert!(expect.iter().all(|ip| ip.to_string().starts_with("10.244.")), "{expect:?}");
    for spec in ["  ipFamilies: [IPv4]", "  ipFamilyPolicy: SingleStack", "  clusterIP: 10.96.0.7"] {
        assert_eq!(addresses(&(web(spec) + PODS)), expect, "{spec}");
    }
    let beside = web("  ipFamilies: [IPv6]").replace("name: web", "name: web6");
    assert_eq!(addresses(&(web("") + &beside + PODS)), expect, "an IPv6 Service beside it");
}

#[test]
fn dual_stack_service_gives_each_pod_by_ipv6_and_by_ipv4_without_it() {
    for spec in [
        "  ipFamilyPolicy: PreferDualStack",
        "  ipFamilyPolicy: RequireDualStack",
        "  ipFamilyPolicy: RequireDualStack\n  ipFamilies: [IPv6, IPv4]",
    ] {
        let folder = folder(&[("a.yaml", &(web(spec) + PODS))]);
        let given = |flags: &[&str]| {
            let ran = run(folder.path(), &[&["why", AUTHORITY, "--manifests", "."][..], flags].concat());
            let given = ran.out.lines().filter(|line| line.contains("─ given "));
            let given: Vec<_> = given.map(|line| line.contains("[fd00:10:244::")).collect();
            assert_eq!(ran.code, Some(0), "{ran:?}");
            given
        };
        assert_eq!(given(&[]), [true; 3], "{spec}");
        assert_eq!(given(&["--enable-ipv6=false"]), [false; 3], "{spec}");
    }
}

#[test]
fn pods_with_a_status_are_reached_at_their_addresses_of_the_family() {
    let pod = |ips: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: web}}}}\nspec: {{containers: [{{name: main, image: \
             x}}]}}\nstatus: {{phase: Running, podIPs: [{ips}], conditions: [{{type: Ready, status: 'True'}}]}}\n"
        )
    };
    let both = pod("{ip: 192.0.2.1}, {ip: '2001:db8::1'}");
    let ip = |text: &str| vec![text.parse::<IpAddr>().expect("an address")];
    assert_eq!(addresses(&(web("") + &both)), ip("192.0.2.1"));
    assert_eq!(addresses(&(web("  ipFamilies: [IPv6]") + &both)), ip("2001:db8::1"));
    let first6 = pod("{ip: '2001:db8::1'}, {ip: 192.0.2.1}");
    assert_eq!(addresses(&(web("") + &first6)), ip("2001:db8::1"), "its first address");
    assert_eq!(addresses(&(web("  ipFamilies: [IPv4]") + &first6)), ip("192.0.2.1"));

    let lacks = folder(&[("a.yaml", &(web("  ipFamilies: [IPv6]") + &pod("{ip: 192.0.2.1}")))]);
    let checked = run(lacks.path(), &["check", "."]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let why = "the Pods that selector app=web matches are not endpoints yet: none has an IPv6 address, or all have ended";
    assert!(checked.out.contains(why), "{checked:?}");
}

#[test]
fn missing_cluster_ips_are_made_up_for_each_family() {
    for (spec, expected) in [
        ("  ipFamilies: [IPv6]", &["fd00:10:96::"][..]),
        ("  ipFamilyPolicy: PreferDualStack", &["10.", "fd00:10:96::"]),
        ("  ipFamilyPolicy: RequireDualStack\n  ipFamilies: [IPv6, IPv4]", &["fd00:10:96::", "10."]),
        ("  ipFamilyPolicy: PreferDualStack\n  clusterIP: fd00:1::7", &["fd00:1::7", "10."]),
        ("", &["10."]),
    ] {
        // Without its selector too.
        for service in [web(spec), web(spec).replace("  selector: {app: web}\n", "")] {
            let folder = folder(&[("a.yaml", &(service + PODS))]);
            let found = cluster_ips(folder.path());
            assert_eq!(found.len(), expected.len(), "{spec}: {found:?}");
            for (found, expect) in found.iter().zip(expected) {
                assert!(found.starts_with(expect), "{spec}: {found:?}");
            }
        }
    }
}

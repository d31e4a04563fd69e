//! What an object of one namespace can change for clients of another: each rule of docs/tenancy.md.
//!
//! `victim` has what it had first, `attacker` may write anything in its own namespace.

use serde_json::json;

use crate::{
    mesh::Mesh,
    parity::{Case, given},
    server::switchyard,
};

const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2025-01-01T00:00:00Z";

/// Metadata of an object; an empty time is none.
fn meta(name: &str, created: &str, rest: &str) -> String {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    let created =
        if created.is_empty() { String::new() } else { format!(", creationTimestamp: '{created}'") };
    format!("{{name: {name}, namespace: {namespace}{created}{rest}}}")
}

fn workload(name: &str, created: &str, ip: &str) -> String {
    let meta = meta(name, created, "");
    let id = name.replace('/', "-");
    format!(
        "{{apiVersion: workload.linkerd.io/v1beta1, kind: ExternalWorkload, metadata: {meta}, spec: {{\
         meshTLS: {{identity: 'spiffe://td/{id}', serverName: {id}}}, workloadIPs: [{{ip: {ip}}}], ports: [{{port: 80}}]}}}}\n---\n"
    )
}

/// A Pod without a proxy, with a host port if it is not empty.
fn pod_with(name: &str, created: &str, ip: &str, host_port: &str, rest: &str, labels: &str) -> String {
    let meta = meta(name, created, &format!(", labels: {{{labels}}}{rest}"));
    let host = if host_port.is_empty() { String::new() } else { format!(", hostPort: {host_port}") };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {meta}, spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 80{host}}}]}}]}}, \
         status: {{phase: Running, hostIP: 192.168.1.1, podIP: {ip}}}}}\n---\n"
    )
}

fn pod(name: &str, created: &str, ip: &str) -> String {
    pod_with(name, created, ip, "", "", "")
}

fn service(name: &str, created: &str, ip: &str, annotations: &str) -> String {
    let meta = meta(name, created, &format!(", annotations: {{{annotations}}}"));
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {meta}, spec: {{clusterIP: {ip}, ports: [{{port: 80}}]}}}}\n---\n"
    )
}

/// A slice of a Service of its namespace; the target as a YAML mapping.
fn slice(service: &str, ip: &str, target: &str) -> String {
    let (_, short) = service.split_once('/').expect("namespace/name");
    let meta = meta(service, "", &format!(", labels: {{kubernetes.io/service-name: {short}}}"));
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {meta}, ports: [{{port: 80}}], \
         endpoints: [{{addresses: [{ip}], hostname: one, targetRef: {target}}}]}}\n---\n"
    )
}

fn to_pod(name: &str) -> String {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    format!("{{kind: Pod, namespace: {namespace}, name: {name}}}")
}

fn bare(addr: &str) -> String {
    format!("profile budget=default endpoint {addr} 10000")
}

fn is_pod(addr: &str, name: &str) -> String {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    format!(
        "{} ref=core/Pod/{namespace}/{name} {{namespace={namespace} pod={name} serviceaccount=default zone=}}",
        bare(addr)
    )
}

fn is_workload(addr: &str, name: &str) -> String {
    let id = name.replace('/', "-");
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    format!(
        "profile budget=default endpoint {addr} 10000 h2 tls=uri:spiffe://td/{id} sni={id} \
         ref=workload.linkerd.io/ExternalWorkload/{namespace}/{name} {{external_workload={name} namespace={namespace} zone=}}"
    )
}

/// The message of one warning about an object names each of these.
#[track_caller]
fn expect_warning(case: &Case, object: &str, parts: &[&str]) {
    let warnings = case.warnings_of(object);
    let [warning] = &warnings[..] else { panic!("{object}: {warnings:#?}") };
    for part in parts {
        assert!(warning.contains(part), "no {part:?} in {warning:?}");
    }
}

const AT: &str = "10.9.0.1:80";

#[test]
fn workload_of_another_namespace_does_not_take_the_address_of_an_older_one() {
    let victim = workload("victim/vm", OLD, "10.9.0.1");
    let mut case = given(&victim);
    let mut profile = case.profile(AT, "");
    profile.expect(&is_workload(AT, "victim/vm"));
    for created in [NEW, ""] {
        case.edit(&(victim.clone() + &workload("attacker/vm", created, "10.9.0.1")));
        profile.expect("");
        let parts = [
            "shared_address: port 80 of address 10.9.0.1 belongs to ExternalWorkload victim/vm",
            "no effect",
        ];
        expect_warning(&case, "ExternalWorkload attacker/vm", &parts);
        assert!(case.warnings_of("ExternalWorkload victim/vm").is_empty());
    }
    case.edit(&victim);
    profile.expect("");
    case.expect_warnings(&[]);
}

#[test]
fn address_goes_to_the_next_oldest_when_its_owner_is_deleted() {
    let next = workload("a/vm", NEW, "10.9.0.1");
    let mut case = given(&(workload("victim/vm", OLD, "10.9.0.1") + &next));
    let mut profile = case.profile(AT, "");
    profile.expect(&is_workload(AT, "victim/vm"));
    case.edit(&next);
    profile.expect(&is_workload(AT, "a/vm"));
    case.expect_warnings(&[]);
}

#[test]
fn claims_of_one_second_go_by_namespace_and_name_in_any_order_of_arrival() {
    let (a, b) = (workload("a/vm", OLD, "10.9.0.1"), workload("b/vm", OLD, "10.9.0.1"));
    for objects in [a.clone() + &b, b + &a] {
        given(&objects).profile(AT, "").expect(&is_workload(AT, "a/vm"));
    }
}

#[test]
fn workloads_of_one_namespace_with_one_address_still_exclude_each_other() {
    let both = workload("victim/a", OLD, "10.9.0.1") + &workload("victim/b", NEW, "10.9.0.1");
    let case = given(&(both + &workload("attacker/vm", NEW, "10.9.0.1")));
    case.profile(AT, "").expect(&bare(AT));
    expect_warning(&case, "ExternalWorkload attacker/vm", &["belongs to ExternalWorkload victim/a"]);
}

#[test]
fn workload_never_takes_the_address_of_a_pod_whatever_its_age() {
    for (of_pod, of_workload) in [(OLD, NEW), (NEW, OLD)] {
        let case =
            given(&(pod("victim/p", of_pod, "10.9.0.1") + &workload("attacker/vm", of_workload, "10.9.0.1")));
        case.profile(AT, "").expect(&is_pod(AT, "victim/p"));
        let parts = ["belongs to Pod victim/p of another namespace, which has it from Kubernetes"];
        expect_warning(&case, "ExternalWorkload attacker/vm", &parts);
    }
}

#[test]
fn pod_of_another_namespace_does_not_take_the_address_of_an_older_one() {
    let victim = pod("victim/p", OLD, "10.9.0.1");
    let mut case = given(&victim);
    let mut profile = case.profile(AT, "");
    profile.expect(&is_pod(AT, "victim/p"));
    case.edit(&(victim + &pod("attacker/p", NEW, "10.9.0.1")));
    profile.expect("");
    expect_warning(&case, "Pod attacker/p", &["shared_address: address 10.9.0.1 belongs to Pod victim/p"]);
}

#[test]
fn pod_on_its_way_out_or_over_does_not_keep_an_address_from_its_successor() {
    let leaving = pod_with("victim/p", OLD, "10.9.0.1", "", &format!(", deletionTimestamp: '{OLD}'"), "");
    let over = pod("victim/p", OLD, "10.9.0.1").replace("Running", "Succeeded");
    for old in [leaving, over] {
        let case = given(&(old + &pod("next/p", NEW, "10.9.0.1")));
        case.profile(AT, "").expect(&is_pod(AT, "next/p"));
        case.expect_warnings(&[]);
    }
}

#[test]
fn host_port_belongs_to_the_namespace_of_the_oldest_pod() {
    const NODE: &str = "192.168.1.1:8080";
    let victim = pod_with("victim/p", OLD, "10.9.0.1", "8080", "", "");
    let mut case = given(&victim);
    let mut profile = case.profile(NODE, "");
    profile.expect(&is_pod(NODE, "victim/p"));
    let other = pod_with("attacker/p", NEW, "10.9.0.2", "8080", "", "");
    let workload = workload("attacker/vm", OLD, "192.168.1.1").replace("port: 80}", "port: 8080}");
    case.edit(&[victim, other, workload].concat());
    profile.expect("");
    let parts = ["port 8080 of address 192.168.1.1 belongs to Pod victim/p", "hostPort"];
    expect_warning(&case, "Pod attacker/p", &parts);
    expect_warning(
        &case,
        "ExternalWorkload attacker/vm",
        &["port 8080 of address 192.168.1.1 belongs to Pod victim/p"],
    );
}

#[test]
fn reports_of_one_address_are_bounded() {
    let many = (0..200).map(|n| workload(&format!("attacker/vm-{n}"), NEW, "10.9.0.1"));
    let case = given(&(workload("victim/vm", OLD, "10.9.0.1") + &many.collect::<String>()));
    case.profile(AT, "").expect(&is_workload(AT, "victim/vm"));
    let reported =
        (0..200).filter(|n| !case.warnings_of(&format!("ExternalWorkload attacker/vm-{n}")).is_empty());
    assert_eq!(reported.count(), 50);
}

#[test]
fn endpoint_that_refers_to_a_foreign_pod_counts_only_at_an_address_of_that_pod() {
    let objects = |ip: &str| {
        [
            pod("victim/p", OLD, "10.9.0.1"),
            service("attacker/web", OLD, "10.96.0.9", ""),
            slice("attacker/web", ip, &to_pod("victim/p")),
        ]
        .concat()
    };
    let mut case = given(&objects("10.9.0.1"));
    let mut web = case.get("web.attacker.svc.mycluster.local:80", "");
    web.expect(
        "add {namespace=attacker service=web} 10.9.0.1:80 10000 ref=core/Pod/victim/p
           {pod=p serviceaccount=default zone= zone_locality=unknown}",
    );
    case.edit(&objects("10.66.6.6"));
    web.expect("no_endpoints exists=true");
    // The Pod itself moves to the address and away again.
    case.edit(&objects("10.66.6.6").replace("podIP: 10.9.0.1", "podIP: 10.66.6.6"));
    web.expect(
        "add {namespace=attacker service=web} 10.66.6.6:80 10000 ref=core/Pod/victim/p
           {pod=p serviceaccount=default zone= zone_locality=unknown}",
    );
    case.edit(&objects("10.66.6.6"));
    web.expect("no_endpoints exists=true");
    case.profile("one.web.attacker.svc.mycluster.local:80", "").expect(&bare("10.66.6.6:80"));
}

#[test]
fn slices_and_endpoints_of_another_namespace_add_nothing_to_a_service() {
    let endpoints = "{apiVersion: v1, kind: Endpoints, metadata: {name: web, namespace: attacker}, \
         subsets: [{addresses: [{ip: 10.66.6.6}], ports: [{port: 80}]}]}\n---\n";
    let case = given(
        &[
            service("victim/web", OLD, "10.96.0.9", "").as_str(),
            &slice("victim/web", "10.9.0.1", "{}"),
            &slice("attacker/web", "10.66.6.6", "{}"),
            endpoints,
        ]
        .concat(),
    );
    case.get("web.victim.svc.mycluster.local:80", "")
        .expect("add {namespace=victim service=web} 10.9.0.1:80 10000 {zone_locality=unknown}");
}

#[test]
fn server_of_another_namespace_makes_nothing_opaque() {
    let server = |namespace: &str| {
        format!(
            "{{apiVersion: policy.linkerd.io/v1beta3, kind: Server, metadata: {{name: s, namespace: {namespace}}}, \
             spec: {{podSelector: {{}}, port: 80, proxyProtocol: opaque}}}}\n---\n"
        )
    };
    let victim = pod("victim/p", OLD, "10.9.0.1");
    let mut case = given(&(victim.clone() + &server("attacker")));
    let mut profile = case.profile(AT, "");
    profile.expect(&is_pod(AT, "victim/p"));
    case.edit(&(victim + &server("victim")));
    let opaque = is_pod(AT, "victim/p").replace("profile budget", "profile opaque budget");
    profile.expect(&opaque);
}

#[test]
fn service_profile_applies_to_clients_of_its_own_namespace_only() {
    let profile = "{apiVersion: linkerd.io/v1alpha2, kind: ServiceProfile, \
         metadata: {name: web.victim.svc.mycluster.local, namespace: attacker}, \
         spec: {dstOverrides: [{authority: 'evil.attacker.svc.mycluster.local', weight: '1'}]}}\n---\n";
    let mut case = given(&service("victim/web", OLD, "10.96.0.9", ""));
    let tokens = ["", r#"{"ns":"victim"}"#, r#"{"ns":"third"}"#];
    let mut profiles = tokens.map(|token| case.profile("web.victim.svc.mycluster.local:80", token));
    profiles.iter_mut().for_each(|profile| profile.ignore());
    case.edit(&(service("victim/web", OLD, "10.96.0.9", "") + profile));
    profiles.iter_mut().for_each(|profile| profile.expect(""));
    let own = case.profile("web.victim.svc.mycluster.local:80", r#"{"ns":"attacker"}"#).said();
    assert!(own.contains("evil.attacker.svc.mycluster.local:80"), "{own}");
}

#[test]
fn split_of_another_namespace_applies_to_none_of_its_services() {
    let split = |apex: &str, backend: &str| {
        format!(
            "{{apiVersion: split.smi-spec.io/v1alpha2, kind: TrafficSplit, metadata: {{name: s, namespace: attacker}}, \
             spec: {{service: {apex}, backends: [{{service: {backend}, weight: 1}}]}}}}\n---\n"
        )
    };
    let objects = [
        service("victim/web", OLD, "10.96.0.9", ""),
        slice("victim/web", "10.9.0.1", "{}"),
        service("attacker/web", OLD, "10.96.0.10", ""),
        slice("attacker/web", "10.66.6.6", "{}"),
    ]
    .concat();
    let mut case = given(&objects);
    let mut web = case.get("web.victim.svc.mycluster.local:80", "");
    web.expect("add {namespace=victim service=web} 10.9.0.1:80 10000 {zone_locality=unknown}");
    for (apex, backend) in
        [("web.victim", "web"), ("web.victim.svc.mycluster.local", "web"), ("web", "web.victim")]
    {
        case.edit(&(objects.clone() + &split(apex, backend)));
        web.expect("");
        let own = case.get("web.attacker.svc.mycluster.local:80", "").said();
        assert!(own.contains("10.66.6.6:80 10000") && !own.contains("10.9.0.1"), "{own}");
        expect_warning_of_reason(&case, "TrafficSplit attacker/s", "foreign_reference");
    }
}

#[track_caller]
fn expect_warning_of_reason(case: &Case, object: &str, reason: &str) {
    let warnings = case.warnings_of(object);
    assert!(warnings.iter().any(|warning| warning.starts_with(reason)), "{warnings:#?}");
}

#[test]
fn replica_set_of_another_namespace_owns_no_pod() {
    let set = |namespace: &str, deployment: &str| {
        let owners = json!([{ "kind": "Deployment", "name": deployment }]);
        let metadata = json!({ "name": "web-1", "namespace": namespace, "ownerReferences": owners });
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata })
    };
    let owners = json!([{ "kind": "ReplicaSet", "name": "web-1" }]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "p", "namespace": "victim", "ownerReferences": owners },
        "status": { "phase": "Running", "podIP": "10.9.0.1" },
    });
    let mut mesh = Mesh::given("");
    mesh.read(&[pod, set("victim", "web"), set("attacker", "evil")]);
    let mut profile = mesh.profile(AT);
    profile.expect("at 10.9.0.1:80");
    let labels = &profile.last().endpoint.as_ref().expect("an endpoint").metric_labels;
    assert_eq!(labels["deployment"], "web");
}

#[test]
fn annotations_of_a_namespace_or_of_foreign_objects_change_nothing() {
    const OPAQUE: &str = "config.linkerd.io/opaque-ports: '80'";
    let victim = service("victim/web", OLD, "10.96.0.9", "") + &pod("victim/p", OLD, "10.9.0.1");
    let mut case = given(&victim);
    let mut profiles = ["web.victim.svc.mycluster.local:80", AT].map(|path| case.profile(path, ""));
    profiles.iter_mut().for_each(|profile| profile.ignore());
    let namespace = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, annotations: {{{OPAQUE}}}}}}}\n---\n"
        )
    };
    let foreign = [
        namespace("victim"),
        namespace("attacker"),
        service("attacker/web", NEW, "10.96.0.10", OPAQUE),
        pod_with("attacker/p", NEW, "10.9.0.2", "", &format!(", annotations: {{{OPAQUE}}}"), ""),
    ];
    case.edit(&(victim + &foreign.concat()));
    profiles.iter_mut().for_each(|profile| profile.expect(""));
}

#[test]
fn gateway_identity_of_a_mirrored_service_is_that_of_its_own_endpoints_only() {
    let mirror = slice("attacker/web", "10.9.0.1", "{}").replace(
        ", labels: {",
        ", annotations: {mirror.linkerd.io/remote-gateway-identity: evil.td}, labels: {mirror.linkerd.io/cluster-name: east, ",
    );
    let victim = service("victim/web", OLD, "10.96.0.9", "") + &slice("victim/web", "10.9.0.1", "{}");
    let case = given(&[victim, service("attacker/web", NEW, "10.96.0.10", ""), mirror].concat());
    case.get("web.victim.svc.mycluster.local:80", "")
        .expect("add {namespace=victim service=web} 10.9.0.1:80 10000 {zone_locality=unknown}");
    let own = case.get("web.attacker.svc.mycluster.local:80", "").said();
    assert!(own.contains("evil.td"), "{own}");
}

/// A folder refuses a second Service with a cluster IP, and a cluster nearly always does.
#[test]
fn cluster_ip_of_services_of_two_namespaces_belongs_to_the_oldest() {
    let service = |namespace: &str, created: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "web", "namespace": namespace, "creationTimestamp": created },
            "spec": { "clusterIP": "10.96.0.9", "ports": [{ "port": 80 }] },
        })
    };
    let mut mesh = Mesh::given("");
    mesh.read(&[service("victim", OLD)]);
    let mut profile = mesh.profile("10.96.0.9:80");
    profile.expect("web.victim.svc.cluster.local:80=10000");
    mesh.read(&[service("attacker", NEW)]);
    profile.expect("");
    let warnings = mesh.warnings();
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    assert_eq!(warning.object.as_deref(), Some("Service attacker/web"));
    assert!(warning.message.contains("belongs to Service victim/web"), "{warning:#?}");
    // An object that is created anew under its name is younger.
    mesh.read(&[service("victim", "2026-01-01T00:00:00Z")]);
    profile.expect("web.attacker.svc.cluster.local:80=10000");
}

#[test]
fn host_port_on_loopback_claims_no_address_of_the_node() {
    let local = |port: &str| port.replace("hostPort: 8080", "hostPort: 8080, hostIP: 127.0.0.1");
    let older = local(&pod_with("attacker/p", OLD, "10.9.0.2", "8080", "", ""));
    let case = given(&(older + &pod_with("victim/p", NEW, "10.9.0.1", "8080", "", "")));
    case.profile("192.168.1.1:8080", "").expect(&is_pod("192.168.1.1:8080", "victim/p"));
    case.expect_warnings(&[]);
}

#[tokio::test]
async fn why_names_the_owner_of_an_address_and_the_claims_without_effect() {
    let folder = tempfile::tempdir().expect("a folder");
    let both = workload("victim/vm", OLD, "10.9.0.1") + &workload("attacker/vm", NEW, "10.9.0.1");
    std::fs::write(folder.path().join("objects.yaml"), both).expect("written");
    let path = folder.path().to_str().expect("text");
    let output = switchyard(&["why", AT, "--manifests", path]).output().await.expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("claims of other namespaces have no effect: ExternalWorkload attacker/vm"),
        "{text}"
    );
    assert!(words.contains("victim/vm"), "{text}");
}

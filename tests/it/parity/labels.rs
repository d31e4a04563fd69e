//! Labels of a set and of its addresses: case 24, rules 1.3 and 1.4.

use super::{
    fixtures::{
        CONTROL_PLANE, NAME1, add1, job, meshed, name1, named_slice, plain, replica_set, service, slice,
        slice_with, split,
    },
    given,
};

/// `b=2 a=1` as `{a=1 b=2}`.
fn labels(words: &str) -> String {
    let mut words: Vec<_> = words.split_whitespace().collect();
    words.sort_unstable();
    format!("{{{}}}", words.join(" "))
}

/// Of a Pod without a proxy, with these objects beside it, these labels are said besides the usual ones.
#[track_caller]
fn check(pod: &super::fixtures::Pod, others: &str, expect: &str) {
    let case = given(&(name1(pod) + others));
    let labels = labels(&format!("pod=name1-1 zone= zone_locality=unknown {expect}"));
    case.get(NAME1, "").expect(&add1(&format!("172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1 {labels}")));
}

#[test]
fn case_24_a_meshed_pod_has_its_owner_account_and_control_plane() {
    let pod = meshed("name1-1", "172.17.0.12")
        .account("serviceaccount-name")
        .owners("ReplicationController/rc-name");
    let case = given(&name1(&pod));
    case.get(NAME1, "").expect(
        "add {namespace=ns service=name1}
           172.17.0.12:8989 10000 h2
             tls=serviceaccount-name.ns.serviceaccount.identity.linkerd.trust.domain sni=same
             ref=core/Pod/ns/name1-1
             {control_plane_ns=linkerd pod=name1-1 replicationcontroller=rc-name
              serviceaccount=serviceaccount-name zone= zone_locality=unknown}",
    );
}

#[test]
fn case_24_of_several_addresses_each_has_its_own_labels() {
    let objects = [
        service("name1", "8989"),
        slice("name1", "8989", "172.17.0.12=name1-1 172.17.0.19=name1-2 172.17.0.21"),
        plain("name1-1", "172.17.0.12").account("one").yaml(),
        plain("name1-2", "172.17.0.19").label("pod-template-hash", "67d9c").yaml(),
    ];
    given(&objects.concat()).get(NAME1, "").expect(
        "add {namespace=ns service=name1}
           172.17.0.12:8989 10000 ref=core/Pod/ns/name1-1
             {pod=name1-1 serviceaccount=one zone= zone_locality=unknown}
           172.17.0.19:8989 10000 ref=core/Pod/ns/name1-2
             {pod=name1-2 pod_template_hash=67d9c serviceaccount=default zone= zone_locality=unknown}
           172.17.0.21:8989 10000 {zone_locality=unknown}",
    );
}

#[test]
fn rule_1_4_an_owner_is_named_by_its_kind_and_an_own_owner_of_a_replica_set_or_job_stands_for_it() {
    let deployment = replica_set("rs", "Deployment/d");
    for (owners, others, expect) in [
        ("", String::new(), ""),
        ("ReplicaSet/rs Node/node", deployment.clone(), ""),
        ("StatefulSet/s", String::new(), "statefulset=s"),
        ("DaemonSet/d", String::new(), "daemonset=d"),
        ("Rollout/r", String::new(), "rollout=r"),
        ("ReplicaSet/rs", String::new(), "replicaset=rs"),
        ("ReplicaSet/rs", deployment, "deployment=d"),
        ("ReplicaSet/rs", replica_set("rs", ""), "replicaset=rs"),
        ("ReplicaSet/rs", replica_set("rs", "Rollout/r"), "replicaset=rs"),
        ("ReplicaSet/rs", replica_set("rs", "StatefulSet/s"), "statefulset=s"),
        ("ReplicaSet/rs", replica_set("rs", "Deployment/d Deployment/e"), "replicaset=rs"),
        ("Job/j", String::new(), "k8s_job=j"),
        ("Job/j", job("j", ""), "k8s_job=j"),
        ("Job/j", job("j", "CronJob/c"), "cronjob=c"),
    ] {
        crate::mesh::row(format!("{owners} {others}"));
        let pod = plain("name1-1", "172.17.0.12").owners(owners);
        check(&pod, &others, &format!("serviceaccount=default {expect}"));
    }
}

#[test]
fn rule_1_4_control_plane_and_template_hash_are_there_if_they_say_something() {
    let pod = plain("name1-1", "172.17.0.12");
    check(
        &pod.clone().label("pod-template-hash", "67d9c"),
        "",
        "serviceaccount=default pod_template_hash=67d9c",
    );
    check(&pod.clone().label("pod-template-hash", ""), "", "serviceaccount=default");
    check(&pod.clone().label(CONTROL_PLANE, ""), "", "serviceaccount=default");
    check(&pod.account("''"), "", "serviceaccount=default");
}

#[test]
fn rule_1_4_of_an_address_that_is_no_object_only_the_locality_is_said() {
    let objects = service("name1", "8989") + &slice("name1", "8989", "172.17.0.21");
    given(&objects).get(NAME1, "").expect(&add1("172.17.0.21:8989 10000 {zone_locality=unknown}"));
}

#[test]
fn rule_1_3_a_set_is_named_after_its_service_however_the_slice_says_whose_it_is() {
    let owned =
        "name: any, namespace: ns, ownerReferences: [{apiVersion: v1, kind: Service, name: name1, uid: u}]";
    let endpoints = "{apiVersion: v1, kind: Endpoints, metadata: {name: name1, namespace: ns},
        subsets: [{addresses: [{ip: 172.17.0.21}], ports: [{port: 8989}]}]}";
    for slice in [
        named_slice("any", "name1", "8989", "172.17.0.21"),
        slice_with(owned, "8989", "172.17.0.21"),
        endpoints.to_owned(),
    ] {
        let case = given(&(service("name1", "8989") + &slice));
        case.get(NAME1, "").expect(&add1("172.17.0.21:8989 10000 {zone_locality=unknown}"));
    }
}

#[test]
fn d7_in_a_merged_answer_each_address_names_its_backend_and_the_set_the_apex() {
    let objects = [
        service("name1", "8989"),
        service("one", "8989"),
        service("two", "8989"),
        slice("one", "8989", "172.17.0.12=name1-1"),
        slice("two", "8989", "172.17.0.21"),
        meshed("name1-1", "172.17.0.12").yaml(),
        split("name1", "one=1 two=1"),
    ];
    given(&objects.concat()).get(NAME1, "").expect(
        "add {namespace=ns service=name1}
           172.17.0.12:8989 500000000 h2
             tls=default.ns.serviceaccount.identity.linkerd.trust.domain sni=same ref=core/Pod/ns/name1-1
             {control_plane_ns=linkerd pod=name1-1 service=one serviceaccount=default zone= zone_locality=unknown}
           172.17.0.21:8989 500000000 {service=two zone_locality=unknown}",
    );
}

#[test]
fn a_pod_that_is_made_up_for_a_workload_belongs_to_it() {
    let stateful = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web, namespace: ns},
        spec: {replicas: 1, serviceName: name1, selector: {matchLabels: {app: web}},
        template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web-account, containers: [{name: c, image: i}]}}}}\n---\n";
    let case = given(&(service("name1", r#"8989 selector={"app":"web"}"#) + stateful));
    let mut name1 = case.get(NAME1, "");
    let said: String = name1.0.take_updates().iter().map(|(_, update)| super::text::update(update)).collect();
    let (before, after) = said.split_once("10.244.").expect("a made-up address");
    let (_, after) = after.split_once(' ').expect("more than an address");
    super::compare(
        &format!("{before}ADDRESS {after}"),
        &add1(
            "ADDRESS 10000 ref=core/Pod/ns/web-0
             {pod=web-0 serviceaccount=web-account statefulset=web zone= zone_locality=unknown}",
        ),
    );
}

//! What of made-up and completed objects meshed traffic needs.

use super::*;
use crate::model::{LabelSet, OwnerRef, Phase, PodSpec};

/// A template with everything that is read of one, under the label that [`web`] selects.
fn template() -> Value {
    json!({
        "metadata": {
            "labels": { "app": "web", "linkerd.io/control-plane-ns": "linkerd" },
            "annotations": { "config.linkerd.io/opaque-ports": "db" },
        },
        "spec": {
            "serviceAccountName": "shop",
            "containers": [
                { "name": "app", "ports": [{ "name": "db", "containerPort": 3306 }] },
                { "name": "linkerd-proxy", "env": [
                    { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "0.0.0.0:4143" },
                ]},
            ],
        },
    })
}

fn owner(kind: &str, name: &str) -> Option<OwnerRef> {
    Some(OwnerRef { kind: kind.into(), name: name.into() })
}

fn with_template(kind: &str) -> Value {
    let spec = if kind == "DaemonSet" { json!({}) } else { json!({ "replicas": 2 }) };
    let mut workload = workload(kind, "web", spec);
    workload["spec"]["template"] = template();
    workload
}

#[test]
fn made_up_pods_are_what_their_template_says_and_share_it() {
    for kind in ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"] {
        let world = World::of(&[web(), with_template(kind), node("n1", "a"), node("n2", "a")]);
        let pods = world.pods();
        assert_eq!(pods.len(), 2, "{kind}");
        for pod in &pods {
            let PodSpec { service_account, owner: of, ports, opaque_ports, proxy, .. } = &*pod.spec;
            assert_eq!((&**service_account, of), ("shop", &owner(kind, "web")), "{kind}");
            assert_eq!((ports.len(), proxy.inbound), (1, Some(4143)), "{kind}");
            assert!(opaque_ports.as_ref().is_some_and(|ports| ports.contains(3306)), "{kind}");
            assert_eq!(pod.label("linkerd.io/control-plane-ns"), Some("linkerd"), "{kind}");
            assert_eq!(pod.phase, Phase::Running, "{kind}");
            let endpoint = world.endpoints("web").into_iter().find(|e| Some(e.address) == pod.ips[0]);
            let target = endpoint.map(|endpoint| &endpoint.target);
            assert_eq!(target, Some(&TargetRef::Pod(pod.name.clone())), "{kind}");
        }
        assert!(Arc::ptr_eq(&pods[0].spec, &pods[1].spec), "{kind}");
        assert!(Arc::ptr_eq(&pods[0].labels, &pods[1].labels), "{kind}");
    }
}

#[test]
fn labels_that_differ_from_pod_to_pod_are_kept_apart() {
    let world = World::of(&[with_template("StatefulSet")]);
    for (pod, index) in world.pods().into_iter().zip(["0", "1"]) {
        let name = format!("web-{index}");
        let own = LabelSet::new([
            ("apps.kubernetes.io/pod-index", index),
            ("statefulset.kubernetes.io/pod-name", name.as_str()),
        ]);
        assert_eq!((pod.name.name.as_str(), &pod.own_labels), (name.as_str(), &own));
    }
    let world = World::of(&[with_template("Deployment")]);
    let pods = world.pods();
    let hash = pods[0].label("pod-template-hash").expect("a Deployment has given it");
    assert!(pods[0].name.name.as_str().contains(hash) && pods[0].own_labels.is_empty());
}

#[test]
fn a_pod_of_the_manifests_runs_unless_it_says_otherwise() {
    let world = World::of(&[
        pod("a-new", json!({})),
        pod("b-running", json!({ "status": running("192.0.2.1") })),
        pod("c-pending", json!({ "status": { "phase": "Pending" } })),
        pod("d-done", json!({ "status": { "phase": "Succeeded", "podIP": "192.0.2.3" } })),
        pod(
            "e-going",
            json!({ "metadata": { "name": "e-going", "deletionTimestamp": "2026-01-31T12:00:00Z" } }),
        ),
    ]);
    let pods = world.pods();
    let phases: Vec<_> = pods.iter().map(|pod| pod.phase).collect();
    assert_eq!(phases, [Phase::Running, Phase::Running, Phase::Pending, Phase::Over, Phase::Over]);
    let ips: Vec<_> = pods.iter().map(|pod| pod.ips[0].map(|ip| ip.to_string())).collect();
    assert!(ips[0].as_ref().is_some_and(|ip| ip.starts_with("10.244.")), "{ips:?}");
    assert_eq!(ips[1..], [Some("192.0.2.1".into()), None, Some("192.0.2.3".into()), None]);
}

#[test]
fn replica_sets_and_jobs_tell_the_owners_of_explicit_pods() {
    let mut set = workload("ReplicaSet", "web-abc", json!({ "replicas": 1 }));
    set["metadata"]["ownerReferences"] = json!([{ "kind": "Deployment", "name": "web", "controller": true }]);
    let mut running = pod("web-abc-1", json!({ "status": running("192.0.2.1") }));
    running["metadata"]["ownerReferences"] =
        json!([{ "kind": "ReplicaSet", "name": "web-abc", "controller": true }]);
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "j", "ownerReferences": [{ "kind": "CronJob", "name": "c" }] },
        "spec": { "template": template() },
    });
    let world = World::of(&[set, running, job]);
    let pods = world.pods();
    assert_eq!((pods.len(), world.outcome.workloads), (1, 0), "a Job is not run, the set is already");
    assert_eq!(pods[0].spec.owner, owner("ReplicaSet", "web-abc"));
    let owners: Vec<_> = world
        .sorted()
        .into_iter()
        .filter_map(|o| match o {
            Object::ReplicaSet(set) => Some(("set", set.owner.clone())),
            Object::Job(job) => Some(("job", job.owner.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(owners, [("set", owner("Deployment", "web")), ("job", owner("CronJob", "c"))]);
}

#[test]
fn workloads_outside_the_cluster_are_behind_the_services_that_select_them() {
    let outside = |name: &str, ip: Value, port: u16, status: &str| {
        json!({
            "apiVersion": "workload.linkerd.io/v1beta1", "kind": "ExternalWorkload",
            "metadata": { "name": name, "labels": { "app": "web", "topology.kubernetes.io/zone": "z" } },
            "spec": {
                "meshTLS": { "identity": "spiffe://a/b", "serverName": "b.a" },
                "workloadIPs": ip,
                "ports": [{ "name": "web", "port": port }],
            },
            "status": { "conditions": [{ "type": "Ready", "status": status }] },
        })
    };
    let (four, six) = (json!({ "ip": "10.244.0.1" }), json!({ "ip": "fd00::1" }));
    let named = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "web" }] });
    let other = json!({ "selector": { "app": "other" }, "ports": [{ "port": 80 }] });
    let world = World::of(&[
        service("web", named),
        service("other", other),
        pod(
            "p",
            json!({ "spec": { "containers": [
                { "ports": [{ "name": "web", "containerPort": 8080 }] },
            ]}}),
        ),
        outside("vm1", json!([four]), 8080, "True"),
        outside("vm2", json!([six]), 9090, "False"),
        outside("vm3", json!([]), 9090, "True"),
    ]);
    assert_eq!(world.slices("other").len(), 0);
    let slices = world.slices("web");
    let mut shown: Vec<_> = slices
        .iter()
        .flat_map(|slice| &slice.subsets)
        .flat_map(|subset| {
            let ports: Vec<_> = subset.ports.iter().flatten().map(|port| port.port).collect();
            subset.endpoints.iter().map(move |e| (ports.clone(), e))
        })
        .map(|(ports, e)| match &e.target {
            TargetRef::Workload(name) => {
                let zone = e.zone.as_ref().map(Name::as_str);
                format!("{name} {} {ports:?} {} {zone:?}", e.address, e.ready)
            }
            target => format!("{target:?} {ports:?}"),
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "Pod(default/p) [8080]",
            "default/vm1 10.244.0.1 [8080] true Some(\"z\")",
            "default/vm2 fd00::1 [9090] false Some(\"z\")",
        ]
    );
    let external = slices.iter().filter(|s| s.name.name.as_str().starts_with("linkerd-external-web-"));
    assert_eq!((slices.len(), external.count()), (3, 2), "they are not mixed with Pods");
}

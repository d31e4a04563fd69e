//! Laws of cost: ten times as many of anything cost at most twelve times the steps.
//!
//! Work is counted, not time. One pair of sizes lies below the bounds of lists, where these do not hide a quadratic
//! algorithm. Comparisons within ordered maps have a limit of their own, because a look-up among ten times as many takes
//! more of them: a set of 40 names has two levels of nodes, one of 400 three.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{MAX_BACKENDS, MAX_OVERRIDES, MAX_SPLITS_OF_APEX, Reason},
    resolve::explain::{Question, Rpc, explain},
    source::convert::convert,
    work::{Work, work_of},
};

/// Sizes of a list that are compared.
const SIZES: [(u32, u32); 2] = [(40, 400), (100, 1000)];
/// How many times the steps of the smaller size the larger one may take.
const STEPS_GROWTH: u64 = 12;
/// The same of comparisons. That of `n log n` from 40 to 400 is 16.2, and up to 18 as maps have whole levels of nodes; that of
/// `n * n` is 100.
const COMPARISONS_GROWTH: u64 = 20;

fn object(kind: Kind, name: &str, spec: &Value) -> Object {
    let api = if kind == Kind::TrafficSplit { "split.smi-spec.io/v1alpha1" } else { "v1" };
    let value = json!({
        "apiVersion": api,
        "kind": kind.as_str(),
        "metadata": { "name": name, "namespace": "d", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": spec,
    });
    convert(kind, &value).unwrap_or_else(|rejection| panic!("{rejection}: {value}"))
}

fn svc(name: &str, ports: &[u32]) -> Object {
    let ports: Vec<_> =
        ports.iter().map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
    object(Kind::Service, name, &json!({ "ports": ports }))
}

/// A split of `apex` that gives these Services the weights 1, 2, .. and its last one this weight.
fn split(name: &str, apex: &str, backends: impl IntoIterator<Item = String>, last: u32) -> Object {
    let mut listed: Vec<_> = backends
        .into_iter()
        .enumerate()
        .map(|(i, name)| json!({ "service": name, "weight": i + 1 }))
        .collect();
    if let Some(backend) = listed.last_mut() {
        backend["weight"] = last.into();
    }
    object(Kind::TrafficSplit, name, &json!({ "service": apex, "backends": listed }))
}

fn names(prefix: &str, n: u32) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

/// An engine with these objects, whose apex `web` is asked for in every way.
fn asked(objects: &[Object]) -> Engine {
    let mut engine = synced_with(objects);
    for reading in [Reading::Merged, Reading::Leaf] {
        engine.watch(&get("web", None, reading, "n"));
    }
    let query = Query::ServiceProfile { service: NsName::new("d", "web"), instance: None, port: 80 };
    engine.watch(&Target { query, client: Client::default() });
    engine
}

/// Work of an edit in an engine with these objects.
fn edit(before: &[Object], edit: Vec<Object>) -> Work {
    let mut engine = asked(before);
    let edit = edit.into_iter().map(Event::Upsert).collect();
    work_of(|| _ = engine.apply(edit))
}

#[track_caller]
fn grows_linearly(what: &str, cost: impl Fn(u32) -> Work) {
    for (small, large) in SIZES {
        let (few, many) = (cost(small), cost(large));
        let costs = format!("{what}: {small} cost {few:?}, {large} cost {many:?}");
        assert!(many.steps <= STEPS_GROWTH * few.steps, "{costs}");
        assert!(many.comparisons <= COMPARISONS_GROWTH * few.comparisons.max(1), "{costs}");
    }
}

#[test]
fn split_of_backends_costs_linear_work() {
    grows_linearly("backends", |n| {
        let mut objects: Vec<_> = names("b", n).iter().map(|name| svc(name, &[80])).collect();
        objects.extend([svc("web", &[80]), split("s", "web", names("b", n), 1)]);
        edit(&objects, vec![split("s", "web", names("b", n), 2)])
    });
}

#[test]
fn idle_backends_without_weight_cost_linear_work() {
    let unweighted = |n, apex: &str| {
        let listed: Vec<_> =
            names("b", n).iter().map(|name| json!({ "service": name, "weight": 0 })).collect();
        object(Kind::TrafficSplit, "s", &json!({ "service": apex, "backends": listed }))
    };
    // Without endpoints, so that the weights of each decide whether that is reported.
    let idle = |name: &String| {
        object(Kind::Service, name, &json!({ "selector": { "app": "gone" }, "ports": [{ "port": 80 }] }))
    };
    grows_linearly("backends of weight 0", |n| {
        let mut objects: Vec<_> = names("b", n).iter().map(idle).collect();
        objects.extend([svc("web", &[80]), unweighted(n, "web")]);
        edit(&objects, vec![unweighted(n, "other")])
    });
}

#[test]
fn split_of_missing_backends_costs_linear_work() {
    grows_linearly("missing backends", |n| {
        let objects = [svc("web", &[80]), split("s", "web", names("b", n), 1)];
        edit(&objects, vec![split("s", "web", names("b", n), 2)])
    });
}

#[test]
fn split_of_duplicates_costs_linear_work() {
    let twice = |n| names("b", n / 2).into_iter().chain(names("b", n / 2));
    grows_linearly("duplicates", |n| {
        let objects = [svc("web", &[80]), split("s", "web", twice(n), 1)];
        edit(&objects, vec![split("s", "web", twice(n), 2)])
    });
}

#[test]
fn splits_of_one_apex_cost_linear_work() {
    grows_linearly("splits of one apex", |n| {
        let one = |name: &String| split(name, "web", names("b", 2), 1);
        let mut objects: Vec<_> = names("s", n).iter().map(one).collect();
        objects.extend([svc("web", &[80]), svc("b0", &[80]), svc("b1", &[80])]);
        edit(&objects, vec![split("s0", "web", names("b", 2), 2)])
    });
}

#[test]
fn splits_of_one_apex_that_cannot_be_applied_cost_linear_work() {
    grows_linearly("splits with matches", |n| {
        let one = |name: &String| {
            let spec = json!({
                "service": "web",
                "backends": [{ "service": "b0", "weight": 1 }],
                "matches": [{ "kind": "HTTPRouteGroup", "name": "x" }],
            });
            object(Kind::TrafficSplit, name, &spec)
        };
        let mut objects: Vec<_> = names("s", n).iter().map(one).collect();
        objects.extend([svc("web", &[80]), svc("b0", &[80])]);
        edit(&objects, vec![split("s0", "web", names("b", 2), 2)])
    });
}

#[test]
fn ports_that_no_backend_has_cost_linear_work() {
    grows_linearly("ports", |n| {
        let ports: Vec<_> = (80..80 + n).rev().collect();
        let mut objects: Vec<_> = names("b", 3).iter().map(|name| svc(name, &[9999])).collect();
        objects.extend([svc("web", &ports), split("s", "web", names("b", 3), 1)]);
        edit(&objects, vec![split("s", "web", names("b", 3), 2)])
    });
}

#[test]
fn ports_that_every_backend_has_cost_linear_work() {
    grows_linearly("ports of backends", |n| {
        let ports: Vec<_> = (80..80 + n).rev().collect();
        let mut objects: Vec<_> = names("b", 3).iter().map(|name| svc(name, &ports)).collect();
        objects.extend([svc("web", &ports), split("s", "web", names("b", 3), 1)]);
        edit(&objects, vec![split("s", "web", names("b", 3), 2)])
    });
}

fn profile(overrides: u32, routes: u32, first: u32) -> Object {
    let overrides: Vec<_> = (0..overrides)
        .map(|i| json!({ "authority": format!("b{i}.d.svc.cluster.local:80"), "weight": if i == 0 { first } else { 1 } }))
        .collect();
    let routes: Vec<_> = (0..routes)
        .map(|i| json!({ "name": format!("r{i}"), "condition": { "pathRegex": format!("/{i}/{first}") } }))
        .collect();
    let spec = json!({ "dstOverrides": overrides, "routes": routes });
    object(Kind::ServiceProfile, "web.d.svc.cluster.local", &spec)
}

#[test]
fn overrides_and_routes_of_a_profile_cost_linear_work() {
    grows_linearly("overrides", |n| edit(&[svc("web", &[80]), profile(n, 0, 1)], vec![profile(n, 0, 2)]));
    grows_linearly("routes", |n| edit(&[svc("web", &[80]), profile(0, n, 1)], vec![profile(0, n, 2)]));
}

#[test]
fn explanation_of_a_split_costs_linear_work() {
    grows_linearly("explained backends", |n| {
        let mut objects: Vec<_> = names("b", n).iter().map(|name| svc(name, &[80])).collect();
        let address = |i: u32| Ipv4Addr::from_bits(0x0A00_0000 + i).to_string();
        for (i, name) in names("b", n).iter().enumerate() {
            let slice = json!({
                "metadata": { "name": name, "namespace": "d", "labels": { "kubernetes.io/service-name": name } },
                "addressType": "IPv4",
                "ports": [{ "name": "p80", "port": 80 }],
                "endpoints": [{ "addresses": [address(u32::try_from(i).expect("few"))] }],
            });
            objects.push(convert(Kind::EndpointSlice, &slice).expect("a slice"));
        }
        objects.extend([svc("web", &[80]), split("s", "web", names("b", n), 1)]);
        let engine = synced_with(&objects);
        let token = r#"{"split": "merged"}"#;
        let question =
            Question::parse("web.d.svc.cluster.local:80", token, Rpc::Both, None, &"cluster.local".into());
        let question = question.expect("a good question");
        work_of(|| _ = explain(engine.cluster(), engine.options(), &question))
    });
}

fn warnings(engine: &Engine, reason: Reason) -> Vec<String> {
    let of_reason = engine.warnings().filter(|warning| warning.problem.reason == reason);
    of_reason.map(|warning| format!("{} {}", warning.object, warning.problem.path)).collect()
}

#[test]
fn backends_beyond_the_bound_are_ignored_with_a_warning() {
    let count = u32::try_from(MAX_BACKENDS).expect("few") + 1;
    let Object::TrafficSplit(longest) = split("s", "web", names("b", count - 1), 1) else { unreachable!() };
    let Object::TrafficSplit(longer) = split("s", "web", names("b", count), 1) else { unreachable!() };

    assert!(longest.problems.is_empty());
    assert_eq!(longer.backends.len(), MAX_BACKENDS);
    assert_eq!(&*longer.backends[MAX_BACKENDS - 1].service, "b499");
    let [Problem { reason, path, message }] = &longer.problems[..] else { panic!("{:?}", longer.problems) };
    assert_eq!((*reason, path.as_str()), (Reason::LimitExceeded, "spec.backends"));
    assert_eq!(
        message,
        "501 backends are listed and at most 500 are used: the last 1 (from index 500) get no traffic, and the others \
         share all of it by their weights; shorten the list"
    );
}

#[test]
fn overrides_beyond_the_bound_are_ignored_with_a_warning() {
    let Object::ServiceProfile(profile) = profile(501, 2001, 1) else { unreachable!() };
    assert_eq!(profile.dst_overrides.len(), MAX_OVERRIDES);
    assert_eq!(profile.routes.len(), 2000);
    let paths: Vec<_> = profile.problems.iter().map(|problem| (problem.reason, &*problem.path)).collect();
    assert_eq!(paths, [(Reason::LimitExceeded, "spec.routes"), (Reason::LimitExceeded, "spec.dstOverrides")]);
}

#[test]
fn invalid_backend_beyond_the_bound_rejects_the_split() {
    let mut backends: Vec<_> =
        names("b", 501).iter().map(|name| json!({ "service": name, "weight": 1 })).collect();
    backends[500]["weight"] = (-1).into();
    let value = json!({
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "metadata": { "name": "s", "namespace": "d" },
        "spec": { "service": "web", "backends": backends },
    });
    let rejection = convert(Kind::TrafficSplit, &value).expect_err("the last weight is negative");
    assert_eq!(rejection.path, "spec.backends[500].weight");
}

#[test]
fn splits_beyond_the_bound_of_an_apex_are_ignored_until_one_before_them_goes() {
    let with_matches = |name: &String| {
        let spec = json!({
            "service": "web",
            "backends": [{ "service": "b0", "weight": 1 }],
            "matches": [{ "kind": "HTTPRouteGroup", "name": "x" }],
        });
        object(Kind::TrafficSplit, name, &spec)
    };
    let count = u32::try_from(MAX_SPLITS_OF_APEX).expect("few");
    let mut objects: Vec<_> = names("s", count).iter().map(with_matches).collect();
    objects.extend([svc("web", &[80]), svc("b0", &[80]), split("t", "web", names("b", 1), 1)]);
    let apex = NsName::new("d", "web");
    let mut engine = synced_with(&objects);
    let shares = |engine: &Engine| crate::resolve::shares(engine.cluster(), engine.options(), &apex, 80);
    assert_eq!(shares(&engine), None);
    assert_eq!(warnings(&engine, Reason::LimitExceeded), ["TrafficSplit d/t spec.service"]);

    engine.apply(vec![Event::Remove(ObjectId { kind: Kind::TrafficSplit, name: NsName::new("d", "s7") })]);
    assert_eq!(shares(&engine).map(|shares| shares.len()), Some(1));
    assert!(warnings(&engine, Reason::LimitExceeded).is_empty());
}

fn server(name: &str, expressions: u32) -> Object {
    let all: Vec<_> = (0..expressions)
        .map(|i| json!({ "key": format!("k{i}"), "operator": "NotIn", "values": ["x", "y"] }))
        .collect();
    let spec = json!({
        "podSelector": { "matchLabels": { "app": "web" }, "matchExpressions": all },
        "port": 80,
        "proxyProtocol": "opaque",
    });
    object(Kind::Server, name, &spec)
}

fn pod_of_web(name: &str) -> Object {
    let pod = json!({
        "metadata": { "name": name, "namespace": "d", "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "ports": [{ "containerPort": 80 }] }] },
        "status": { "phase": "Running" },
    });
    convert(Kind::Pod, &pod).expect("a Pod")
}

#[test]
fn servers_and_pods_of_one_batch_cost_work_in_proportion_to_their_product() {
    let cost = |servers: u32, pods: u32| {
        let all = names("s", servers).iter().map(|name| server(name, 10)).collect::<Vec<_>>();
        let pods: Vec<_> = names("p", pods).iter().map(|name| pod_of_web(name)).collect();
        work_of(|| _ = synced_with(&[pods, all].concat()))
    };
    grows_linearly("Servers", |n| cost(n, 10));
    grows_linearly("Pods", |n| cost(10, n));
}

#[test]
fn changed_servers_of_one_batch_cost_work_in_proportion_to_their_number() {
    grows_linearly("changed Servers", |n| {
        let servers =
            |expressions| names("s", n).iter().map(|name| server(name, expressions)).collect::<Vec<_>>();
        let pods: Vec<_> = names("p", 10).iter().map(|name| pod_of_web(name)).collect();
        let mut engine = synced_with(&[pods, servers(10)].concat());
        let edit = servers(9).into_iter().map(Event::Upsert).collect();
        work_of(|| _ = engine.apply(edit))
    });
}

/// Each Pod is of the class that it would have if the Servers had come before it.
#[test]
fn pods_that_come_before_servers_in_a_batch_have_their_opaque_ports() {
    let mut engine = synced_with(&[]);
    let both = [pod_of_web("p"), server("s", 0)].map(Event::Upsert);
    engine.apply(both.into());
    let opaque = |engine: &Engine| {
        let pod = engine.cluster().resident(&NsName::new("d", "p")).expect("it came");
        pod.class.opaque_by_server.to_vec()
    };
    assert_eq!(opaque(&engine), [80]);

    engine.apply(vec![
        Event::Upsert(pod_of_web("p")),
        Event::Remove(ObjectId { kind: Kind::Server, name: NsName::new("d", "s") }),
    ]);
    assert_eq!(opaque(&engine), [0; 0]);
}

/// Prints what an edit of one huge split costs, and one of an apex with thousands of them.
#[test]
#[ignore = "prints times, and proves nothing"]
#[expect(clippy::print_stderr, clippy::disallowed_types, reason = "real time is what it prints")]
fn times_of_huge_lists() {
    let time = |what: &str, before: &[Object], edit: Object| {
        let mut engine = asked(before);
        let start = std::time::Instant::now();
        let work = work_of(|| _ = engine.apply(vec![Event::Upsert(edit)]));
        eprintln!("edit of {what}: {:?}, {work:?}", start.elapsed());
    };
    for n in [50, 100, 200, 400, 5_000, 20_000] {
        let mut objects: Vec<_> = names("b", n).iter().map(|name| svc(name, &[80])).collect();
        objects.extend([svc("web", &[80]), split("s", "web", names("b", n), 1)]);
        time(&format!("a split with {n} backends"), &objects, split("s", "web", names("b", n), 2));
    }
    let one = |name: &String| split(name, "web", names("b", 2), 1);
    let mut objects: Vec<_> = names("s", 3000).iter().map(one).collect();
    objects.extend([svc("web", &[80]), svc("b0", &[80]), svc("b1", &[80])]);
    time("one of 3000 splits of an apex", &objects, split("s0", "web", names("b", 2), 2));
}

//! Objects with anything in any field.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::{Strategy, prop_assert, prop_assert_eq},
    test_runner::{TestCaseError, TestCaseResult},
};
use prost::Message;
use serde_json::{Value, json};
use switchyard::{
    engine::{Engine, Warning},
    model::{Kind, Object, Problem, Reason},
    pb::destination as pb,
    resolve::{Answer, Options, Query, Target},
    source::{
        Batch, Event, Finding,
        convert::{Rejection, convert, kind_of},
        manifests::Manifests,
    },
    status::Status,
    wire,
};

use super::{
    fuzz,
    mutation::{
        Mutation, Step, absurdities, apply, brief, mutation, on_one_way, places, remove, set, shorten, spell,
    },
    specimens::{DOMAIN, Place, kind, specimens, targets},
};

const SEEDS: &str = "proptest-regressions/it/fuzz/objects.txt";

/// No message is longer, in bytes, whatever it is about.
const LONGEST_MESSAGE: usize = 1_000;

fn read(value: &Value) -> Object {
    let kind = kind(value).expect("one of ours");
    convert(kind, value).unwrap_or_else(|rejection| panic!("{rejection} in {value:#}"))
}

fn problems(object: &Object) -> &[Problem] {
    match object {
        Object::TrafficSplit(split) => &split.problems,
        Object::ServiceProfile(profile) => &profile.problems,
        _ => &[],
    }
}

#[test]
fn specimens_are_of_every_kind_and_nothing_is_odd_about_them() {
    let kinds: Vec<_> = specimens(Place::Fuzzed).iter().filter_map(kind).collect();
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    for value in [Place::Fuzzed, Place::Spared].into_iter().flat_map(specimens) {
        let object = read(&value);
        assert!(problems(&object).is_empty(), "{object:?}");
    }
}

/// What is complained of in an object: where, and what.
fn complaints(result: &Result<Object, Rejection>) -> Vec<(&str, &str)> {
    match result {
        Ok(object) => problems(object).iter().map(|p| (p.path.as_str(), p.message.as_str())).collect(),
        Err(Rejection { path, message }) => vec![(path.as_str(), message.as_str())],
    }
}

fn check_message(message: &str) -> Result<(), String> {
    match message.trim() {
        "" => Err("a message that says nothing".into()),
        _ if message.len() > LONGEST_MESSAGE => Err(format!("a message of {} bytes", message.len())),
        _ if message.contains(char::is_control) => {
            Err(format!("a message that is not for people: {message:?}"))
        }
        _ => Ok(()),
    }
}

/// Every field of every specimen, absent or with every absurdity in its place.
#[test]
fn one_wrong_field_is_all_that_is_complained_of() {
    let mut wrong = Vec::new();
    let absurdities = absurdities();
    for specimen in specimens(Place::Fuzzed) {
        let kind = kind(&specimen).expect("one of ours");
        // These decide what the rest means, so it may be the rest that is wrong.
        let decides = |place: &Vec<Step>| matches!(spell(place).as_str(), "apiVersion" | "addressType");
        for place in places(&specimen).into_iter().filter(|place| !decides(place)) {
            for new in [None].into_iter().chain(absurdities.iter().map(Some)) {
                let mut value = specimen.clone();
                match new {
                    None => remove(&mut value, &place),
                    Some(new) => set(&mut value, &place, new.clone()),
                }
                let result = std::panic::catch_unwind(|| convert(kind, &value));
                let path = spell(&place);
                let case = || {
                    let new = new.map_or("nothing".into(), brief);
                    format!("{kind} {} with {new} at {path:?}", specimen["metadata"]["name"])
                };
                let Ok(result) = result else {
                    wrong.push(format!("{}: panicked", case()));
                    continue;
                };
                for (place, message) in complaints(&result) {
                    if !on_one_way(place, &path) || place.is_empty() && !path.is_empty() {
                        wrong.push(format!("{}: complained of {place:?}: {message}", case()));
                    }
                    wrong.extend(check_message(message).err().map(|what| format!("{}: {what}", case())));
                }
            }
        }
    }
    let shown: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} cases, among them\n{}", wrong.len(), shown.join("\n"));
}

/// Which specimen, and what is done to it.
type Case = (usize, Vec<Mutation>);

fn case() -> impl Strategy<Value = Case> {
    (0..specimens(Place::Fuzzed).len(), vec(mutation(), 1..5))
}

fn spoilt((which, mutations): &Case) -> (Kind, Value) {
    let mut value = specimens(Place::Fuzzed).swap_remove(*which);
    let kind = kind(&value).expect("one of ours");
    mutations.iter().for_each(|mutation| apply(&mut value, mutation));
    (kind, value)
}

/// The law, with the object in its error.
fn with_it_shown(
    (kind, value): &(Kind, Value),
    law: &impl Fn(Kind, &Value) -> TestCaseResult,
) -> TestCaseResult {
    law(*kind, value).map_err(|error| {
        let shown = shorten_strings(value);
        let (TestCaseError::Fail(reason) | TestCaseError::Reject(reason)) = error;
        TestCaseError::fail(format!("{reason}\nwith the {kind} {shown}"))
    })
}

/// The value with all of its strings as short as they can be told apart.
fn shorten_strings(value: &Value) -> Value {
    match value {
        Value::String(text) => shorten(text.clone(), 80).into(),
        Value::Array(items) => items.iter().map(shorten_strings).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shorten_strings(v))).collect(),
        other => other.clone(),
    }
}

/// Tries a law on every seed.
#[track_caller]
fn try_seeds(law: &impl Fn(Kind, &Value) -> TestCaseResult) {
    let seeds = seeds();
    let errors: Vec<_> = seeds.iter().filter_map(|seed| with_it_shown(seed, law).err()).collect();
    let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{} of {} seeds\n{}", errors.len(), seeds.len(), shown.join("\n\n"));
}

/// Objects that look like what once went wrong, here or elsewhere. Each is merged into the first specimen of
/// its kind.
fn seeds() -> Vec<(Kind, Value)> {
    let pod = |fields: Value| (Kind::Pod, fields);
    let many: Vec<_> = (0..500).map(|i| json!({ "service": format!("b{i}"), "weight": i })).collect();
    let seeds = vec![
        // Names that end up in the messages about others.
        (Kind::TrafficSplit, json!({ "metadata": { "name": "a\0b" } })),
        (Kind::TrafficSplit, json!({ "metadata": { "name": "9".repeat(10_000) } })),
        (Kind::TrafficSplit, json!({ "spec": { "service": "x".repeat(10_000) } })),
        (
            Kind::TrafficSplit,
            json!({ "spec": { "backends": [{ "service": "x".repeat(10_000), "weight": 1 }] } }),
        ),
        (Kind::Service, json!({ "spec": { "type": "ExternalName", "externalName": "x".repeat(10_000) } })),
        // A name, though not one.
        (Kind::Job, json!({ "metadata": { "name": 5 } })),
        // An address in two families at once, one with a zone, one with a prefix length.
        pod(json!({ "status": { "podIPs": [{ "ip": "::ffff:10.66.1.1" }, { "ip": "10.66.1.1" }] } })),
        pod(json!({ "status": { "podIPs": [{ "ip": "fe80::1%eth0" }] } })),
        pod(json!({ "status": { "podIP": "10.66.1.1/32", "hostIPs": [] } })),
        pod(
            json!({ "status": { "podIPs": [{}, { "ip": "" }, { "ip": "10.66.1.1" }, { "ip": "10.66.1.9" }] } }),
        ),
        pod(json!({ "status": { "phase": "Evaporated" } })),
        pod(json!({ "metadata": { "deletionTimestamp": "2024-01-31T12:00:00Z" } })),
        pod(json!({ "metadata": { "labels": { "app": null, "": "", "a\0b": "c\0d" } } })),
        pod(json!({ "metadata": { "annotations": {
            "config.linkerd.io/opaque-ports": "0,65535,65536,9-1,-,,db,db,nope, 80 - 90 ,١٢",
            "config.linkerd.io/skip-inbound-ports": "0-65535",
        } } })),
        pod(json!({ "spec": { "hostNetwork": true, "containers": [{ "name": "linkerd-proxy", "env": [
            { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "[::]:0" },
            { "name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "localhost:4143" },
            { "name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "value": ":4191" },
        ] }] } })),
        pod(json!({ "spec": { "containers": [{ "ports": [
            { "containerPort": 8080, "hostPort": 0, "protocol": "" },
            { "containerPort": 8080, "hostPort": 9000, "hostIP": "127.0.0.1" },
            { "containerPort": 8080, "hostPort": 9000, "protocol": "SCTP" },
        ] }] } })),
        (Kind::Service, json!({ "spec": { "clusterIP": "None", "clusterIPs": ["10.66.0.1"] } })),
        (
            Kind::Service,
            json!({ "spec": { "clusterIPs": ["10.66.0.1", "10.66.0.1"], "ports": [
            { "port": 80 }, { "port": 80, "name": "again" },
        ] } }),
        ),
        (Kind::EndpointSlice, json!({ "ports": [], "endpoints": [{ "addresses": ["::ffff:10.66.1.1"] }] })),
        (
            Kind::EndpointSlice,
            json!({ "endpoints": [
            { "addresses": ["10.66.1.1"], "targetRef": { "kind": "Pod" } },
            { "addresses": ["10.66.1.1"], "targetRef": { "kind": "Pod", "name": "web-1", "namespace": "" } },
            { "addresses": ["10.66.1.1"], "targetRef": { "kind": "ExternalWorkload", "name": "vm" } },
        ] }),
        ),
        (Kind::TrafficSplit, json!({ "spec": { "service": "web-v1", "backends": many } })),
        (
            Kind::TrafficSplit,
            json!({ "spec": { "service": "web", "backends": [
            { "service": "web", "weight": "9223372036854775807E" }, { "service": "web", "weight": "1n" },
        ] } }),
        ),
        (
            Kind::Server,
            json!({ "spec": { "podSelector": { "matchExpressions": [
            { "key": "app", "operator": "In", "values": [] }, { "key": "", "operator": "Exists" },
        ] }, "port": 0 } }),
        ),
        (Kind::Server, json!({ "spec": { "podSelector": {}, "externalWorkloadSelector": {} } })),
        (
            Kind::ExternalWorkload,
            json!({ "spec": { "workloadIPs": [{ "ip": "fe80::1%1" }], "ports": [{}] } }),
        ),
        (Kind::ReplicaSet, json!({ "spec": { "replicas": 3_000_000_000_u64 } })),
        (
            Kind::ReplicaSet,
            json!({ "metadata": { "ownerReferences": [{ "kind": "ReplicaSet", "name": "self" }] } }),
        ),
    ];
    let merged = |(kind, fields): (Kind, Value)| {
        let mut all = specimens(Place::Fuzzed).into_iter();
        let mut value = all.find(|value| value["kind"] == kind.as_str()).expect("one of every kind");
        merge(&mut value, fields);
        (kind, value)
    };
    seeds.into_iter().map(merged).collect()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

pub(super) fn bytes(answer: &Answer) -> Bytes {
    match answer {
        Answer::Endpoints(view) => wire::snapshot(view).bytes,
        Answer::Profile(profile) => profile.message.bytes.clone(),
    }
}

/// The objects of a kind in both copies.
pub(super) fn of_kind(kind: Kind) -> Vec<Object> {
    let all = [Place::Fuzzed, Place::Spared].into_iter().flat_map(specimens);
    all.filter(|value| value["kind"] == kind.as_str()).map(|value| read(&value)).collect()
}

/// What answers are, as bytes.
type Told = BTreeMap<Target, Bytes>;

fn told(engine: &Engine, place: Place) -> Told {
    let bytes = |target: &Target| bytes(engine.answer(target).expect("it is watched"));
    targets(place).into_iter().map(|target| (target.clone(), bytes(&target))).collect()
}

/// What an engine tells of each copy, and what it warns of.
fn all_told(engine: &Engine) -> (Told, Told, Vec<Warning>) {
    (told(engine, Place::Spared), told(engine, Place::Fuzzed), engine.warnings().cloned().collect())
}

/// Both copies, with everything asked that can be.
fn world() -> Engine {
    let mut engine = Engine::new(DOMAIN.into(), Options::default());
    engine.apply(Kind::ALL.into_iter().map(|kind| Event::Replace(kind, of_kind(kind))).collect());
    for target in targets(Place::Spared).iter().chain(&targets(Place::Fuzzed)) {
        assert!(engine.watch(target).is_some());
    }
    engine
}

/// The bytes are messages that a client can read.
pub(super) fn check_readable(told: &Told) -> TestCaseResult {
    for (target, bytes) in told {
        let (prefix, message) = bytes.split_first_chunk::<5>().expect("there is a message");
        let [0, length @ ..] = *prefix else { return Err(TestCaseError::fail("it is compressed")) };
        prop_assert_eq!(u32::from_be_bytes(length) as usize, message.len(), "one message");
        match target.query {
            Query::Endpoints { .. } => _ = pb::Update::decode(message).expect("an update"),
            _ => _ = pb::DestinationProfile::decode(message).expect("a profile"),
        }
    }
    Ok(())
}

/// Whatever is in an object, what is answered about others stays as it is, and once it is gone it has left no
/// trace.
fn spoils_no_answer() -> impl Fn(Kind, &Value) -> TestCaseResult {
    let before = all_told(&world());
    // Since there is no trace, one engine is enough until a case fails.
    let kept = RefCell::new(None);
    move |kind, value| {
        let result = convert(kind, value);
        for (_, message) in complaints(&result) {
            check_message(message).map_err(TestCaseError::fail)?;
        }
        let Ok(object) = result else { return Ok(()) };
        let mut engine = kept.take().unwrap_or_else(world);

        let outcome = engine.apply(vec![Event::Upsert(object)]);

        for change in outcome.changes {
            prop_assert!(!before.0.contains_key(&change.target), "{:?}", change);
        }
        let (spared, fuzzed, warnings) = all_told(&engine);
        prop_assert_eq!(&spared, &before.0);
        check_readable(&fuzzed)?;
        for warning in warnings {
            check_message(&warning.problem.message).map_err(TestCaseError::fail)?;
        }

        engine.apply(vec![Event::Replace(kind, of_kind(kind))]);

        prop_assert_eq!(&all_told(&engine), &before);
        kept.replace(Some(engine));
        Ok(())
    }
}

#[test]
fn an_object_changes_no_answer_about_others() {
    let law = spoils_no_answer();
    try_seeds(&law);
    fuzz("objects in the engine", SEEDS, 150, &case(), |case| with_it_shown(&spoilt(&case), &law));
}

/// The spared copy as manifests. Without its ReplicaSet: made-up addresses are one supply for all, which
/// another ReplicaSet may use up.
fn spared_manifest() -> String {
    let items: Vec<_> =
        specimens(Place::Spared).into_iter().filter(|value| value["kind"] != "ReplicaSet").collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

fn open(folder: &Path) -> Batch {
    Manifests::open(folder).expect("it can be read").1
}

/// All objects that were read from manifests.
fn objects(batch: &Batch) -> impl Iterator<Item = &Object> {
    batch.events.iter().flat_map(|event| match event {
        Event::Replace(_, objects) => objects.as_slice(),
        Event::Folder(_) => &[],
        other => panic!("the first batch is of lists: {other:?}"),
    })
}

fn is_spared(object: &&Object) -> bool {
    let name = object.name();
    name.namespace.as_str() == Place::Spared.namespace() || name.name.as_str().starts_with("node-spared")
}

/// What an object is called in a report; `None` if it cannot be named, which is the whole file's trouble.
fn called(kind: Kind, value: &Value) -> Option<String> {
    let name = value.pointer("/metadata/name")?.as_str().filter(|name| !name.is_empty())?;
    let namespace = match value.pointer("/metadata/namespace") {
        None | Some(Value::Null) => "",
        Some(namespace) => namespace.as_str()?,
    };
    Some(match namespace {
        _ if kind == Kind::Node => format!("{kind} {name}"),
        "" => format!("{kind} default/{name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    })
}

fn has_no_name(value: &Value) -> bool {
    let absent = |value: &Value| value.is_null() || value == "";
    let metadata = &value["metadata"];
    metadata.is_null() || metadata.is_object() && absent(&metadata["name"])
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Object(map) => map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// So deep may a manifest be nested, with some room for how levels are counted.
const DEEP: usize = 120;

/// A file that holds such an object spoils no other file, and what is wrong with it is said.
fn spoils_no_file() -> impl Fn(Kind, &Value) -> TestCaseResult {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("spared.yaml"), spared_manifest()).expect("written");
    let before: Vec<_> = objects(&open(folder.path())).filter(is_spared).cloned().collect();
    assert!(before.len() >= 25, "they are all there: {}", before.len());
    move |kind, value| {
        fs::write(folder.path().join("fuzzed.yaml"), value.to_string()).expect("written");

        let batch = open(folder.path());

        let after: Vec<_> = objects(&batch).filter(is_spared).cloned().collect();
        prop_assert_eq!(&after, &before);
        let report = batch.report.clone().expect("the first batch has one");
        let findings: Vec<_> =
            report.findings.iter().filter(|finding| finding.location.file.ends_with("fuzzed.yaml")).collect();
        for finding in &report.findings {
            check_message(&finding.message).map_err(TestCaseError::fail)?;
        }
        let text = |field: &str| value[field].as_str().unwrap_or_default();
        if kind_of(text("apiVersion"), text("kind")) == Some(kind) && depth(value) < DEEP {
            check_report(&batch, kind, value, &findings)?;
        }
        let mut engine = Engine::new(DOMAIN.into(), Options::default());
        engine.apply(batch.events);
        let shown = Status::new(&engine, &report).warnings;
        prop_assert!(
            findings.iter().all(|finding| shown.iter().any(|notice| notice.message == finding.message))
        );
        Ok(())
    }
}

/// An object of a kind that is ours is used as it is read, or the report says why it is not.
fn check_report(batch: &Batch, kind: Kind, value: &Value, findings: &[&Finding]) -> TestCaseResult {
    let result = convert(kind, value);
    let Some(called) = called(kind, value) else {
        prop_assert!(result.is_err(), "what cannot be named cannot be used: {:?}", result);
        if kind == Kind::Job && has_no_name(value) {
            // One from which others are made, each with a name of its own.
            return Ok(());
        }
        let reason = if value.pointer("/metadata/generateName").is_some_and(Value::is_string) {
            Reason::InvalidObject
        } else {
            Reason::UnreadableFile
        };
        prop_assert!(findings.iter().any(|finding| finding.reason == reason));
        return Ok(());
    };
    let is_refused = findings
        .iter()
        .any(|finding| finding.reason == Reason::InvalidObject && finding.object.as_ref() == Some(&called));
    match result {
        // What an API server refuses is more than what cannot be used.
        Ok(_) if is_refused => {}
        Err(rejection) => {
            prop_assert!(is_refused, "{} in {:?}", rejection, findings);
        }
        // A manifest has to give each weight.
        Ok(object) if lacks_weight(&object) => {
            prop_assert!(findings.iter().any(|finding| finding.reason == Reason::InvalidObject));
        }
        // Of these more is read than `convert` does, to make up what a cluster would add.
        Ok(
            Object::Server(_)
            | Object::Service(_)
            | Object::Pod(_)
            | Object::Endpoints(_)
            | Object::ReplicaSet(_)
            | Object::ExternalWorkload(_),
        ) => {}
        Ok(object) => {
            prop_assert!(findings.is_empty(), "{:?}", findings);
            prop_assert!(objects(batch).any(|other| *other == object), "{:?} is missing", object);
        }
    }
    Ok(())
}

fn lacks_weight(object: &Object) -> bool {
    let problems = match object {
        Object::TrafficSplit(split) => &split.problems,
        Object::ServiceProfile(profile) => &profile.problems,
        _ => return false,
    };
    problems.iter().any(|problem| problem.reason == Reason::BadWeight)
}

#[test]
fn a_file_spoils_no_other_file() {
    let law = spoils_no_file();
    try_seeds(&law);
    fuzz("objects in manifests", SEEDS, 30, &case(), |case| with_it_shown(&spoilt(&case), &law));
}

use std::{collections::BTreeMap, pin::Pin, sync::OnceLock};

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::advance};

use super::*;
use crate::{
    model::Kind,
    source::kubernetes::{client, kinds::RESOURCES},
};

const AGE: Duration = Duration::from_secs(60);

/// A follower of Pods that has seen version 10 and has heard nothing for [`AGE`]. Nobody serves what it asks.
async fn follower() -> Follower {
    let mut follower = follower_of(Kind::Pod);
    follower.seen = Version("10".to_owned());
    follower.heard();
    advance(AGE).await;
    follower
}

fn follower_of(kind: Kind) -> Follower {
    let resource = RESOURCES.iter().find(|resource| resource.kind == kind).expect("it is followed");
    let (pace, metrics) = (Arc::new(Pace::default()), Metrics::default());
    let notes = Arc::new(Notes::new(metrics.clone(), pace.news_after));
    let (batches, _) = mpsc::channel(1);
    Follower::new(resource, api(), batches, notes, metrics, pace)
}

/// A client that never connects. All tests share it, because preparing its TLS takes longer than a test.
fn api() -> Api {
    static API: OnceLock<Api> = OnceLock::new();
    let connect = || client(kube::Config::new("http://127.0.0.1:1".parse().expect("an address")));
    let new = || {
        let reconnect = Arc::new(move || -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(async move { connect() })
        });
        Api::new(connect().expect("no I/O yet"), reconnect, Arc::new(Pace::default()))
    };
    API.get_or_init(new).clone()
}

/// A line about a Pod of this version, which was changed long ago.
fn line(event: &str, version: &str) -> String {
    let fields = json!([{ "manager": "kubelet", "time": "2020-01-01T00:00:00Z" }]);
    let metadata =
        json!({ "name": "p", "namespace": "d", "resourceVersion": version, "managedFields": fields });
    let status = json!({ "phase": "Running" });
    json!({ "type": event, "object": { "metadata": metadata, "status": status } }).to_string()
}

/// Whether the line was taken, the age of the kind after it, and how many lags were counted.
async fn after(text: &str) -> (bool, Duration, u64) {
    let mut follower = follower().await;
    let is_taken = follower.take_line(text.as_bytes(), &mut Vec::new()).is_ok();
    let lag = follower.metrics.linkerd.lag(Kind::Pod).expect("it is measured");
    (is_taken, follower.metrics.ages.of(Kind::Pod), lag.count())
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_taken_is_news_if_only_that_nothing_happened() {
    assert_eq!(after(&line("ADDED", "11")).await, (true, Duration::ZERO, 0));
    assert_eq!(after(&line("MODIFIED", "11")).await, (true, Duration::ZERO, 1));
    assert_eq!(after(&line("DELETED", "11")).await, (true, Duration::ZERO, 0));
    assert_eq!(after(&line("BOOKMARK", "10")).await, (true, Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_garbled_or_past_is_no_news_and_tells_of_no_lag() {
    let error = json!({ "type": "ERROR", "object": { "code": 500 } }).to_string();
    for text in [&*error, "{\"type\":<html>", &line("MODIFIED", "9"), &line("BOOKMARK", "9")] {
        assert_eq!(after(text).await, (false, AGE, 0), "{text}");
    }
    assert_eq!(
        after(&line("LATER", "11")).await,
        (true, AGE, 0),
        "a word that is not understood says nothing"
    );
}

/// One valid object of the kind for each number, and objects of the kind that are not valid.
fn versions(kind: Kind, number: u8) -> (Value, Vec<Value>) {
    let ip = format!("192.0.2.{number}");
    let spec = |spec: Value| json!({ "spec": spec });
    let labels = |labels: Value| json!({ "metadata": { "labels": labels } });
    let owners = |owners: Value| json!({ "metadata": { "ownerReferences": owners } });
    let mesh = json!({ "identity": "x", "serverName": "x" });
    match kind {
        Kind::Service => (
            spec(json!({ "ports": [{ "port": number }] })),
            vec![
                spec(json!({ "ports": "none" })),
                spec(json!({ "ports": [{ "port": 80, "protocol": "tcp" }] })),
                spec(json!({ "internalTrafficPolicy": "local" })),
            ],
        ),
        Kind::EndpointSlice | Kind::Endpoints => (
            json!({ "endpoints": [{ "addresses": [ip] }] }),
            vec![json!({ "endpoints": "none" }), json!({ "endpoints": [{ "addresses": ["192.0.2.x"] }] })],
        ),
        Kind::Pod => (
            json!({ "status": { "podIP": ip } }),
            vec![json!({ "status": { "podIP": "x" } }), labels(json!([])), labels(json!({ "a": false }))],
        ),
        Kind::Node => (labels(json!({ "topology.kubernetes.io/zone": ip })), vec![labels(json!([]))]),
        Kind::ReplicaSet | Kind::Job => {
            (owners(json!([{ "kind": "Deployment", "name": ip }])), vec![owners(json!(1))])
        }
        Kind::TrafficSplit => {
            let split = |weight: Value| {
                spec(json!({ "service": "web", "backends": [{ "service": "a", "weight": weight }] }))
            };
            let invalid = [json!(-1), json!("99O"), json!("50%"), json!([])];
            let without = spec(json!({ "service": "web" }));
            (split(number.into()), invalid.map(split).into_iter().chain([without]).collect())
        }
        Kind::ServiceProfile => {
            let profile =
                |weight: Value| spec(json!({ "dstOverrides": [{ "authority": "a", "weight": weight }] }));
            let without = spec(json!({ "dstOverrides": [{ "weight": 1 }] }));
            (profile(number.into()), vec![profile(json!("x")), profile(json!(-1)), without])
        }
        Kind::Server => (
            spec(json!({ "proxyProtocol": "opaque", "port": number, "podSelector": {} })),
            vec![spec(json!({ "proxyProtocol": "opaque", "port": 0, "podSelector": {} }))],
        ),
        Kind::ExternalWorkload => (
            spec(json!({ "meshTLS": mesh, "workloadIPs": [{ "ip": ip }] })),
            vec![
                spec(json!({ "meshTLS": mesh, "workloadIPs": [{ "ip": "x" }] })),
                spec(json!({ "workloadIPs": [{ "ip": ip }] })),
            ],
        ),
    }
}

/// A change of one of three objects.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The object has the valid version of this number.
    Valid(u8),
    /// The object has one of its invalid versions.
    Invalid(u8),
    /// The object is deleted.
    Deleted,
}

/// What happens, and whether a watch reports it. What no watch reported is found in the next list.
type Happening = (usize, Change, bool);

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let change = prop_oneof![
        3 => (1..5u8).prop_map(Change::Valid),
        3 => any::<u8>().prop_map(Change::Invalid),
        1 => Just(Change::Deleted),
    ];
    vec((0..3usize, change, prop::bool::weighted(0.7)), 1..30)
}

/// Applies events as a cluster would.
fn apply(objects: &mut BTreeMap<ObjectId, Object>, events: Vec<Event>) {
    for event in events {
        match event {
            Event::Upsert(object) => _ = objects.insert(object.id(), object),
            Event::Remove(id) => _ = objects.remove(&id),
            Event::Folder(_) => {}
            Event::Replace(_, all) => *objects = all.into_iter().map(|o| (o.id(), o)).collect(),
            Event::ReplaceExcept(_, all, kept) => {
                objects.retain(|id, _| kept.contains(id));
                objects.extend(all.into_iter().map(|o| (o.id(), o)));
            }
        }
    }
}

/// Reports what happened to one follower, once as it was and once to a second one without the invalid versions, and
/// compares what both know after each report.
fn check_invalid_versions_change_nothing(kind: Kind, happenings: &[Happening]) {
    let (mut real, mut ideal) = (follower_of(kind), follower_of(kind));
    let (mut known, mut expected) = (BTreeMap::new(), BTreeMap::new());
    // By name: the uid, the object as it is, and the newest valid version of that uid that was reported.
    let mut cluster: BTreeMap<String, (u32, Value, Option<Value>)> = BTreeMap::new();
    let mut next_uid = 0;
    let mut is_behind = true;
    for (version, &(index, change, is_watched)) in (11..).zip(happenings) {
        let name = ["p", "q", "r"][index];
        let object = |uid: u32, fields: Value| {
            let mut object = json!({ "metadata": {} });
            for (field, value) in fields.as_object().expect("fields") {
                object[field] = value.clone();
            }
            let metadata = object["metadata"].as_object_mut().expect("a mapping");
            metadata.insert("name".into(), name.into());
            if kind != Kind::Node {
                metadata.insert("namespace".into(), "d".into());
            }
            metadata.insert("uid".into(), format!("u-{uid}").into());
            metadata.insert("resourceVersion".into(), version.to_string().into());
            object
        };
        let uid = cluster.get(name).map(|(uid, ..)| *uid);
        let event = match (change, uid) {
            (Change::Deleted, None) => continue,
            (Change::Deleted, Some(uid)) => {
                cluster.remove(name);
                ("DELETED", object(uid, json!({})), None)
            }
            (Change::Valid(_) | Change::Invalid(_), uid) => {
                let word = if uid.is_some() { "MODIFIED" } else { "ADDED" };
                let uid = uid.unwrap_or_else(|| {
                    next_uid += 1;
                    next_uid
                });
                let (fields, is_valid) = match change {
                    Change::Valid(number) => (versions(kind, number).0, true),
                    _ => {
                        let Change::Invalid(pick) = change else { unreachable!() };
                        let invalid = versions(kind, 1).1;
                        (invalid[usize::from(pick) % invalid.len()].clone(), false)
                    }
                };
                let object = object(uid, fields);
                let before = cluster.remove(name).and_then(|(.., valid)| valid);
                cluster.insert(name.to_owned(), (uid, object.clone(), before));
                (word, object, Some(is_valid))
            }
        };
        let (word, object, is_valid) = event;
        if is_watched && !is_behind {
            let line = json!({ "type": word, "object": object }).to_string();
            let mut events = Vec::new();
            assert!(real.take_line(line.as_bytes(), &mut events).is_ok(), "{line}");
            apply(&mut known, std::mem::take(&mut events));
            if is_valid != Some(false) {
                assert!(ideal.take_line(line.as_bytes(), &mut events).is_ok(), "{line}");
                apply(&mut expected, events);
            }
            if is_valid == Some(true) {
                cluster.get_mut(name).expect("it exists").2 = Some(object);
            }
        } else if !is_watched {
            is_behind = true;
        } else {
            // The watch has to begin anew, from a list.
            for (uid, now, valid) in cluster.values_mut() {
                let text = json!({ "kind": "List", "metadata": { "resourceVersion": "1" }, "items": [now] });
                let page = decode::page(kind, text.to_string().as_bytes()).expect("a list");
                if page.items[0].object.is_ok() {
                    *valid = Some(now.clone());
                }
                assert!(*uid > 0);
            }
            let list = |items: Vec<&Value>| {
                let metadata = json!({ "resourceVersion": version.to_string() });
                let text = json!({ "kind": "List", "metadata": metadata, "items": items }).to_string();
                let mut listed = Listed::default();
                let page = decode::page(kind, text.as_bytes()).expect("a list");
                page.items.into_iter().for_each(|read| listed.add(read));
                listed
            };
            let all = list(cluster.values().map(|(_, now, _)| now).collect());
            let valid = list(cluster.values().filter_map(|(.., valid)| valid.as_ref()).collect());
            apply(&mut known, vec![real.replacement(all)]);
            apply(&mut expected, vec![ideal.replacement(valid)]);
            is_behind = false;
        }
        assert_eq!(known, expected, "after {change:?} of {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// For any sequence of valid and invalid versions, deletions, recreations and lists of objects of any kind, what
    /// is known equals what a follower knows that never saw the invalid versions.
    #[test]
    fn invalid_versions_change_nothing(
        kind in select(RESOURCES.iter().map(|resource| resource.kind).collect::<Vec<_>>()),
        happenings in happenings(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let _entered = runtime.enter();
        check_invalid_versions_change_nothing(kind, &happenings);
    }
}

//! What a picture shows of a cluster, and what happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::{
    engine::Engine,
    model::{Kind, NsName, Object, ObjectId, Reason},
    resolve::Options,
    source::{
        Event as SourceEvent,
        convert::{self, convert},
    },
    status::{Notice, Status},
    topic::Topics,
};

mod steps;

/// An engine, what observes it, and who keeps the picture: without a task or a channel that waits.
struct World {
    engine: Engine,
    observer: Observer,
    observations: mpsc::Receiver<Observation>,
    keeper: Keeper,
    pictures: Pictures,
}

impl World {
    /// Everything was read, and there is nothing.
    fn empty() -> Self {
        Self::of(&[])
    }

    /// Everything was read: these.
    fn of(objects: &[Object]) -> Self {
        let mut engine = Engine::new("cluster.local".into(), Options::default());
        let of_kind = |kind| objects.iter().filter(|object| object.kind() == kind).cloned().collect();
        engine.apply(Kind::ALL.map(|kind| SourceEvent::Replace(kind, of_kind(kind))).into());
        let (mut observer, observations) = observer();
        observer.note_all(engine.cluster());
        let (keeper, pictures) = Keeper::new(Options::default(), "cluster.local".into());
        let mut world = Self { engine, observer, observations, keeper, pictures };
        world.look();
        world
    }

    fn apply(&mut self, events: Vec<SourceEvent>) {
        let touched = self.engine.apply(events).touched;
        self.observer.note(&touched);
    }

    /// The keeper sees what changed.
    fn look(&mut self) {
        while self.observer.due().is_some() {
            self.observer.observe(self.engine.cluster());
            let observation = self.observations.try_recv().expect("it was made");
            self.keeper.observe(observation, 0);
        }
    }

    fn edit(&mut self, objects: Vec<Object>) {
        self.apply(objects.into_iter().map(SourceEvent::Upsert).collect());
        self.look();
    }

    fn remove(&mut self, kind: Kind, name: &str) {
        self.apply(vec![SourceEvent::Remove(ObjectId { kind, name: NsName::new("d", name) })]);
        self.look();
    }

    fn card(&self, name: &str) -> &Card {
        &self.keeper.picture().services[&NsName::new("d", name)].card
    }

    /// What happened since the last time, as JSON without numbers and times.
    fn happened(&self, after: &mut u64) -> Vec<Value> {
        let timeline = &self.keeper.picture().timeline;
        let events =
            timeline.after(*after).map(|entry| serde_json::to_value(&entry.event).unwrap()).collect();
        *after = timeline.last();
        events
    }
}

fn object(value: Value) -> Object {
    let text = |key: &str| value[key].as_str().expect("it says so");
    let kind = convert::kind_of(text("apiVersion"), text("kind")).expect("a kind that is read");
    convert(kind, &value).expect("good")
}

fn service(name: &str, ports: &[u16]) -> Object {
    let ports: Vec<_> =
        ports.iter().map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
    object(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "d" },
        "spec": { "clusterIP": "10.96.0.1", "ports": ports },
    }))
}

/// A slice with an address for each number; those of negative ones are not ready.
fn slice(service: &str, ports: &[u16], addresses: &[i8]) -> Object {
    let ports: Vec<_> =
        ports.iter().map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
    let endpoints: Vec<_> = addresses
        .iter()
        .map(|n| json!({ "addresses": [format!("10.0.0.{}", n.abs())], "conditions": { "ready": *n > 0 } }))
        .collect();
    object(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": service, "namespace": "d", "labels": { "kubernetes.io/service-name": service } },
        "ports": ports, "endpoints": endpoints,
    }))
}

fn split(name: &str, apex: &str, backends: &[(&str, u64)]) -> Object {
    let backends: Vec<_> =
        backends.iter().map(|(name, weight)| json!({ "service": name, "weight": weight })).collect();
    object(json!({
        "apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit",
        "metadata": { "name": name, "namespace": "d" }, "spec": { "service": apex, "backends": backends },
    }))
}

/// `web` split over `a` and `b`, with an endpoint each.
fn world() -> World {
    let mut world = World::empty();
    let mut objects = vec![split("web", "web", &[("a", 50), ("b", 50)])];
    for (place, name) in ["web", "a", "b"].into_iter().enumerate() {
        objects.push(service(name, &[80]));
        objects.push(slice(name, &[80], &[i8::try_from(place).unwrap() + 1]));
    }
    world.edit(objects);
    world
}

fn shares(card: &Card) -> Vec<(u32, PartState)> {
    let split = card.split.as_ref().expect("it is split");
    split.ports[0].parts.iter().map(|part| (part.share, part.state)).collect()
}

#[test]
fn a_card_says_how_the_traffic_is_divided() {
    let world = world();
    assert_eq!(
        shares(world.card("web")),
        [(500_000_000, PartState::Serving), (500_000_000, PartState::Serving)]
    );
    let split = world.card("web").split.as_ref().unwrap();
    assert_eq!((split.name.as_str(), split.idle, split.ports[0].ports.as_slice()), ("web", None, &[80][..]));
    assert_eq!((world.card("a").ready, world.card("a").total, &world.card("a").split), (1, 1, &None));
}

#[test]
fn the_share_of_an_empty_backend_goes_to_the_others() {
    let mut world = world();
    world.edit(vec![slice("a", &[80], &[-2])]);
    assert_eq!(shares(world.card("web")), [(0, PartState::Empty), (1_000_000_000, PartState::Serving)]);
    world.remove(Kind::Service, "b");
    assert_eq!(shares(world.card("web")), [(0, PartState::Empty), (0, PartState::Missing)]);
    world.edit(vec![service("b", &[81]), slice("a", &[80], &[2])]);
    assert_eq!(shares(world.card("web")), [(1_000_000_000, PartState::Serving), (0, PartState::NoPort)]);
}

#[test]
fn a_split_without_a_weight_is_said_to_do_nothing() {
    let mut world = world();
    world.edit(vec![split("web", "web", &[("a", 0), ("b", 0)])]);
    let split = world.card("web").split.as_ref().unwrap();
    assert!(split.idle.unwrap().contains("positive weight") && split.ports.is_empty());
}

#[test]
fn a_card_says_which_profile_comes_before_the_split() {
    let profile = |overrides: Value| {
        object(json!({
            "apiVersion": "linkerd.io/v1alpha2", "kind": "ServiceProfile",
            "metadata": { "name": "web.d.svc.cluster.local", "namespace": "d" },
            "spec": { "dstOverrides": overrides },
        }))
    };
    let mut world = world();
    let overridden = |world: &World| world.card("web").split.as_ref().unwrap().overridden.clone();
    assert_eq!(overridden(&world), None);
    world.edit(vec![profile(json!([{ "authority": "a.d.svc.cluster.local:80", "weight": 1 }]))]);
    assert_eq!(overridden(&world).as_deref(), Some("web.d.svc.cluster.local"));
    world.edit(vec![profile(json!([]))]);
    assert_eq!(overridden(&world), None);
    let of_client = object(json!({
        "apiVersion": "linkerd.io/v1alpha2", "kind": "ServiceProfile",
        "metadata": { "name": "web.d.svc.cluster.local", "namespace": "shop" },
        "spec": { "dstOverrides": [{ "authority": "b.d.svc.cluster.local", "weight": 1 }] },
    }));
    world.edit(vec![of_client]);
    let instead = &world.card("web").split.as_ref().unwrap().instead;
    assert!(
        instead.len() == 1 && instead[0].starts_with("proxies in namespace shop send 100.00 % to b"),
        "{instead:?}"
    );
}

#[test]
fn ports_that_are_divided_alike_are_together() {
    let mut world = world();
    let ports = [80, 81, 82];
    world.edit(vec![service("web", &ports), service("a", &ports), service("b", &[80, 81])]);
    world.edit(vec![slice("a", &ports, &[2]), slice("b", &ports, &[3])]);
    let split = world.card("web").split.as_ref().unwrap();
    let groups: Vec<_> = split.ports.iter().map(|group| group.ports.clone()).collect();
    assert_eq!(groups, [vec![80, 81], vec![82]]);
}

#[test]
fn each_endpoint_says_how_it_stands() {
    let mut world = world();
    let of_pod = json!({ "addresses": ["10.0.0.9"], "targetRef": { "kind": "Pod", "name": "gone" } });
    world.edit(vec![object(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": "a", "namespace": "d", "labels": { "kubernetes.io/service-name": "a" } },
        "ports": [{ "name": "p80", "port": 8080 }],
        "endpoints": [{ "addresses": ["10.0.0.1"], "nodeName": "n1", "zone": "z1" }, of_pod,
                      { "addresses": ["10.0.0.3"], "conditions": { "ready": false } }],
    }))]);
    let endpoints = world.keeper.picture().services[&NsName::new("d", "a")].endpoints();
    let states: Vec<_> = endpoints.endpoints.iter().map(|endpoint| endpoint.state).collect();
    assert_eq!(states, ["ready", "not-ready", "left-out"]);
    assert_eq!(endpoints.endpoints[0].ports, [8080]);
    assert_eq!(endpoints.endpoints[2].why.as_deref(), Some("its Pod d/gone does not exist"));
    assert_eq!((world.card("a").ready, world.card("a").total), (1, 3));
}

#[test]
fn the_timeline_says_what_moved() {
    let mut world = world();
    let mut seen = world.keeper.picture().timeline.last();
    world.edit(vec![split("web", "web", &[("a", 90), ("b", 10)])]);
    assert_eq!(
        world.happened(&mut seen),
        [json!({ "what": "shares", "service": "d/web", "ports": [80], "edited": true, "moves": [
            { "backend": "a", "from": 500_000_000, "to": 900_000_000 },
            { "backend": "b", "from": 500_000_000, "to": 100_000_000 },
        ] })]
    );
    world.edit(vec![slice("a", &[80], &[4, 5])]);
    assert_eq!(
        world.happened(&mut seen),
        [json!({ "what": "endpoints", "service": "d/a", "added": 2, "removed": 1, "ready": 2 })]
    );
    world.edit(vec![slice("a", &[80], &[])]);
    let moves = [
        json!({ "backend": "a", "from": 900_000_000, "to": 0 }),
        json!({ "backend": "b", "from": 100_000_000, "to": 1_000_000_000 }),
    ];
    assert_eq!(
        world.happened(&mut seen),
        [
            json!({ "what": "endpoints", "service": "d/a", "added": 0, "removed": 2, "ready": 0 }),
            json!({ "what": "shares", "service": "d/web", "ports": [80], "edited": false, "moves": moves }),
        ]
    );
    world.remove(Kind::TrafficSplit, "web");
    world.edit(vec![service("new", &[80])]);
    world.remove(Kind::Service, "new");
    assert_eq!(
        world.happened(&mut seen),
        [
            json!({ "what": "split-gone", "service": "d/web", "split": "web" }),
            json!({ "what": "service-new", "service": "d/new" }),
            json!({ "what": "service-gone", "service": "d/new" }),
        ]
    );
}

#[test]
fn of_a_new_split_the_timeline_says_how_it_divides() {
    let mut world = world();
    world.remove(Kind::TrafficSplit, "web");
    world.edit(vec![service("web", &[80, 81]), service("a", &[80, 81]), slice("a", &[80, 81], &[2])]);
    let mut seen = world.keeper.picture().timeline.last();
    world.edit(vec![split("new", "web", &[("a", 3), ("b", 1)])]);
    let divided = [
        json!({ "ports": [80], "shares": [["a", 750_000_000], ["b", 250_000_000]] }),
        json!({ "ports": [81], "shares": [["a", 1_000_000_000], ["b", 0]] }),
    ];
    let new = |split, divided| json!({ "what": "split-new", "service": "d/web", "split": split, "divided": divided });
    assert_eq!(world.happened(&mut seen), [new("new", json!(divided))]);
    world.remove(Kind::TrafficSplit, "new");
    world.happened(&mut seen);
    world.edit(vec![split("none", "web", &[("a", 0)])]);
    assert_eq!(world.happened(&mut seen), [new("none", json!([]))]);
}

#[test]
fn what_was_there_at_the_start_did_not_happen() {
    let world = World::of(&[service("web", &[80]), service("a", &[80]), split("web", "web", &[("a", 1)])]);
    let mut seen = 0;
    assert_eq!(world.happened(&mut seen), [json!({ "what": "read", "services": 2, "splits": 1 })]);
}

#[test]
fn the_timeline_keeps_so_many_entries_and_no_more() {
    let mut world = world();
    for n in 0..u64::try_from(KEPT).unwrap() + 50 {
        world.edit(vec![split("web", "web", &[("a", n % 7 + 1), ("b", 10)])]);
    }
    assert_eq!(world.keeper.picture().timeline.after(0).count(), KEPT);
}

#[test]
fn an_observation_has_so_many_services_and_the_next_one_the_others() {
    let mut world = World::empty();
    let names: Vec<_> = (0..SERVICES_AT_ONCE + 1).map(|n| format!("s{n}")).collect();
    world.apply(names.iter().map(|name| SourceEvent::Upsert(service(name, &[80]))).collect());
    let mut counts = Vec::new();
    while world.observer.due().is_some() {
        world.observer.observe(world.engine.cluster());
        let observation = world.observations.try_recv().expect("it was made");
        counts.push((observation.services.len(), observation.is_whole));
    }
    assert_eq!(counts, [(SERVICES_AT_ONCE, false), (1, true)]);
}

#[test]
fn what_nobody_takes_stays_noted() {
    let mut world = world();
    world.apply(vec![SourceEvent::Upsert(slice("a", &[80], &[7]))]);
    world.observer.observe(world.engine.cluster());
    world.apply(vec![SourceEvent::Upsert(slice("b", &[80], &[8]))]);
    world.observer.observe(world.engine.cluster());
    let first = world.observations.try_recv().expect("it waited");
    assert!(world.observations.try_recv().is_err(), "one may wait, not two");
    assert!(world.observer.due().is_some());
    world.keeper.observe(first, 0);
    world.look();
    assert_eq!(
        world.keeper.picture().services[&NsName::new("d", "b")].endpoints().endpoints[0].address,
        "10.0.0.8"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_counts_streams_and_shows_those_that_are_furthest_behind() {
    use crate::{
        context::Reading,
        resolve::{Answer, Client, Query, Target},
        topic::Published,
        view::View,
    };
    let topics = Topics::default();
    let target = |name: &str| {
        let service = NsName::new("d", name);
        let query = Query::Endpoints { service, instance: None, port: 80, reading: Reading::Leaf };
        Target { query, client: Client::default() }
    };
    let published = |before: Option<&Published>| {
        let answer = Arc::new(Answer::Endpoints(View::absent()));
        Arc::new(Published::new(answer, before, tokio::time::Instant::now()))
    };
    let (late, mut late_cursor) = topics.open(&target("late"));
    let (current, mut current_cursor) = topics.open(&target("current"));
    let mut told = Vec::new();
    for (topic, cursor) in [(&late, &mut late_cursor), (&current, &mut current_cursor)] {
        topic.publish(published(None));
        let message = std::future::poll_fn(|cx| cursor.poll_next(cx)).await;
        told.push(message.frames.messages);
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(cursor.poll_next(cx))).await.is_pending());
    }
    let before = late.current().expect("it was published");
    late.publish(published(Some(&before)));
    tokio::time::advance(std::time::Duration::from_secs(3)).await;

    let clock = streams::Clock::new(10_000);
    let swept = streams::sweep(&topics, &Streams::default(), &"cluster.local".into(), clock).await;

    assert_eq!(swept.all, Tally { streams: 2, behind: 1, since: Some(7_000) });
    assert_eq!(swept.services[&NsName::new("d", "current")], Tally { streams: 1, behind: 0, since: None });
    let shown: Vec<_> =
        swept.shown.iter().map(|s| (s.authority.as_str(), s.behind_since, s.versions_behind)).collect();
    assert_eq!(
        shown,
        [("late.d.svc.cluster.local:80", Some(7_000), 1), ("current.d.svc.cluster.local:80", None, 0)]
    );
    let again = streams::sweep(&topics, &swept, &"cluster.local".into(), clock).await;
    assert_eq!(again, swept, "of which nothing changed is not sent again");
}

#[test]
fn a_watcher_that_stands_still_keeps_the_picture_it_last_had_and_no_other() {
    let mut world = world();
    let mut still = world.pictures.watch().expect("there is a place");
    let mut reading = world.pictures.watch().expect("there is a place");
    let mut pictures = Vec::new();
    for n in 1..100 {
        world.edit(vec![split("web", "web", &[("a", n), ("b", 1)])]);
        world.keeper.show();
        pictures.push(Arc::downgrade(&reading.look().now_or_never().flatten().expect("there is one")));
        reading.next().now_or_never().flatten().expect("it is new");
        if n == 10 {
            still.next().now_or_never().flatten().expect("it is new");
        }
    }
    let kept: Vec<_> = pictures
        .iter()
        .enumerate()
        .filter(|(_, picture)| picture.strong_count() > 0)
        .map(|(n, _)| n)
        .collect();
    assert_eq!(kept, [9, 98]);
    let bytes = still.next().now_or_never().flatten().expect("it is new");
    // A card, and of the timeline what it missed; not each step.
    assert!(bytes.len() < 89 * 256, "{}", bytes.len());
}

#[tokio::test(start_paused = true)]
async fn while_nobody_watches_nothing_is_kept_for_them() {
    let world = world();
    let (status, receiver) = watch::channel(Arc::new(Status::default()));
    let World { keeper, pictures, observations, observer: _observer, .. } = world;
    tokio::spawn(keeper.run(observations, receiver, Arc::new(Topics::default())));
    let mut watcher = pictures.watch().expect("there is a place");
    let picture = watcher.look().await.expect("the keeper is there");
    let seen = Arc::downgrade(&picture);
    drop((picture, watcher));

    // It looks once a second whether they are still there.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(seen.strong_count(), 0);
    drop(status);
}

#[tokio::test(start_paused = true)]
async fn so_many_may_watch_and_one_who_goes_makes_room() {
    let World { keeper: _keeper, pictures, .. } = world();
    let mut watchers: Vec<_> = (0..WATCHERS).map(|_| pictures.watch().expect("there is a place")).collect();
    assert_eq!(pictures.watch().map(drop), Err(NoPlace::TooMany));
    watchers.pop();
    assert!(pictures.watch().is_ok());
}

#[test]
fn picture_before_the_first_sync_is_not_what_a_look_gets() {
    let (mut keeper, pictures) = Keeper::new(Options::default(), "cluster.local".into());
    let mut watcher = pictures.watch().expect("there is a place");
    keeper.show();
    assert!(watcher.look().now_or_never().is_none());

    keeper.observe(Observation { is_whole: true, ..Observation::default() }, 0);
    keeper.show();
    assert!(watcher.look().now_or_never().flatten().is_some_and(|picture| picture.synced));
}

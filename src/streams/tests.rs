use std::{net::SocketAddr, task::Waker};

use super::*;
use crate::{
    blocks::Blocks,
    context::Reading,
    model::NsName,
    resolve::{Client, Target},
    topic::{Cursor, Published, Topics},
    view::{Entry, Meta},
    wire,
};

fn target(reading: Reading) -> Target {
    let query = Query::Endpoints { service: NsName::new("d", "web"), instance: None, port: 80, reading };
    Target { query, client: Client::default() }
}

/// Endpoints of these backends with these weights.
fn view(entries: &[(&str, u32)]) -> Arc<Answer> {
    let nothing: Arc<[u8]> = Arc::new([]);
    let entry = |(number, (backend, weight)): (usize, &(&str, u32))| {
        let place = wire::endpoint_labels(&[("service", backend)]);
        let meta = Meta { own: nothing.clone(), class: nothing.clone(), place };
        let last = u8::try_from(number).unwrap();
        Entry { addr: SocketAddr::from(([10, 0, 0, last], 80)), weight: *weight, meta }
    };
    let entries = entries.iter().enumerate().map(entry).collect();
    Arc::new(Answer::Endpoints(View::new(nothing.clone(), Blocks::of_sorted(entries))))
}

fn publish(topic: &Topic, answer: &Arc<Answer>) {
    let current = topic.current();
    topic.publish(Arc::new(Published::new(answer.clone(), current.as_deref(), Instant::now())));
}

fn poll(cursor: &mut Cursor) {
    while cursor.poll_next(&mut std::task::Context::from_waker(Waker::noop())).is_ready() {}
}

fn describe(topic: &Topic, addresses: bool) -> OpenStream {
    let subscriber = topic.all_subscribers().remove(0);
    let mut describer = Describer::new("cluster.local".into());
    if addresses {
        describer.describe_whole(topic, &subscriber)
    } else {
        describer.describe(topic, &subscriber)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_described_by_what_it_was_told_not_by_what_is_true() {
    let (topic, mut cursor) = Topics::default().open(&target(Reading::Merged));
    let token = r#"{"ns":"shop","pod":"front-1","nodeName":"n1","split":"merged"}"#;
    cursor.subscriber().introduce(None, Arc::new(crate::context::Context::parse(token)));
    publish(&topic, &view(&[("v1", 300), ("v2", 100), ("v1", 400)]));
    poll(&mut cursor);
    tokio::time::advance(Duration::from_secs(2)).await;
    publish(&topic, &view(&[("v1", 1)]));
    publish(&topic, &view(&[("v1", 2)]));
    tokio::time::advance(Duration::from_millis(1500)).await;

    let stream = describe(&topic, true);

    let told = stream.told.clone().expect("it was told something");
    assert_eq!(told.shares, BTreeMap::from([("v1".to_owned(), 0.875), ("v2".to_owned(), 0.125)]));
    let addresses =
        [("10.0.0.0:80".to_owned(), 300), ("10.0.0.1:80".to_owned(), 100), ("10.0.0.2:80".to_owned(), 400)];
    assert_eq!((told.exists, told.endpoints, told.addresses), (Some(true), Some(3), addresses.to_vec()));
    assert_eq!((stream.versions_behind, stream.behind_seconds), (2, 1.5));
    assert_eq!((stream.age_seconds, stream.sent_seconds_ago), (3.5, Some(3.5)));
    assert_eq!((stream.messages, stream.unwritten_seconds), (1, 0.0));
    assert_eq!(stream.authority, "web.d.svc.cluster.local:80");
    let said = (stream.namespace.as_deref(), stream.pod.as_deref(), stream.node.as_deref());
    assert_eq!(said, (Some("shop"), Some("front-1"), Some("n1")));
    assert_eq!((stream.rpc.as_str(), stream.reading.as_deref()), ("Get", Some("merged")));

    poll(&mut cursor);
    let stream = describe(&topic, false);
    assert_eq!((stream.versions_behind, stream.behind_seconds), (0, 0.0));
    assert_eq!(stream.told.expect("told").endpoints, Some(1));
}

#[tokio::test]
async fn before_the_first_answer_there_is_nothing_to_be_behind_of() {
    let (topic, mut cursor) = Topics::default().open(&target(Reading::Leaf));
    poll(&mut cursor);
    let stream = describe(&topic, false);
    assert_eq!((stream.told, stream.versions_behind, stream.behind_seconds), (None, 0, 0.0));
    assert_eq!((stream.client, stream.pod, stream.reading.as_deref()), (None, None, Some("leaf")));
}

#[test]
fn what_says_the_same_has_the_same_digest_and_nothing_else_has() {
    let Answer::Endpoints(one) = &*view(&[("v1", 300), ("v2", 100)]) else { unreachable!() };
    let Answer::Endpoints(same) = &*view(&[("v1", 300), ("v2", 100)]) else { unreachable!() };
    let digest = |view: &View| of_view(view).digest;
    assert_eq!(digest(one), digest(same));
    for other in [&[("v1", 300), ("v2", 101)][..], &[("v1", 300), ("v3", 100)], &[("v1", 300)], &[]] {
        let Answer::Endpoints(other) = &*view(other) else { unreachable!() };
        assert_ne!(digest(one), digest(other));
    }
    let Answer::Endpoints(empty) = &*view(&[]) else { unreachable!() };
    assert_ne!(digest(empty), digest(&View::absent()));
}

#[test]
fn an_authority_is_what_a_client_would_write() {
    let domain = Name::from("example.org");
    let service = NsName::new("d", "web");
    for (query, expect) in [
        (
            Query::ServiceProfile { service: service.clone(), instance: Some("web-0".into()), port: 80 },
            "web-0.web.d.svc.example.org:80",
        ),
        (Query::ServiceProfile { service, instance: None, port: 80 }, "web.d.svc.example.org:80"),
        (Query::AddressProfile { ip: [10, 0, 0, 1].into(), port: 80 }, "10.0.0.1:80"),
        (Query::AddressProfile { ip: std::net::Ipv6Addr::LOCALHOST.into(), port: 80 }, "[::1]:80"),
    ] {
        assert_eq!(authority(&query, &domain), expect);
    }
}

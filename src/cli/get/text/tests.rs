//! Messages in, text out.

use super::Text;
use crate::{
    cli::{
        Reading,
        moment::Moment,
        style::tests::plain,
        watch::{Answer, Received, View},
    },
    client::test::{add, no_endpoints, remove},
    pb::destination::{TlsIdentity, Update, WeightedAddr, update},
};

const AUTHORITY: &str = "reviews.default.svc.cluster.local:9080";

/// The text for a first message and the batches that follow it. Every message comes a millisecond after
/// the one before it.
fn shown(reading: Option<Reading>, once: bool, first: Update, more: Vec<Vec<Update>>) -> (String, Answer) {
    let mut view = Text::new(AUTHORITY, reading);
    let mut clock = (0..).map(Moment::test);
    let mut received = |message| Received { at: clock.next().unwrap(), message };
    let mut out = Vec::new();
    let answer = view.first(&mut out, received(first), once).unwrap();
    for batch in more {
        let batch = batch.into_iter().map(&mut received).collect();
        view.more(&mut out, batch).unwrap();
    }
    (plain(out), answer)
}

/// Only what is shown after a first answer of two endpoints, half and half.
fn changes(more: Vec<Vec<Update>>) -> String {
    let (text, _) = shown(None, false, half_and_half(), more);
    text.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap().1.to_owned()
}

fn half_and_half() -> Update {
    add(&[
        "10.244.2.8:9080=500000000 reviews-v3/reviews-v3-6f8-xk2",
        "10.244.1.7:9080=500000000 reviews-v2/reviews-v2-5d4-abc",
    ])
}

#[test]
fn a_split_as_a_table() {
    let first = add(&[
        "10.244.2.8:9080=166666667 reviews-v3/reviews-v3-6f8-xk2",
        "10.244.1.7:9080=500000000 reviews-v2/reviews-v2-5d4-abc",
        "[fd00::1]:9080=166666667 reviews-v3/reviews-v3-6f8-m3v",
        "10.244.11.8:9080=166666667 reviews-v3",
    ]);
    let (text, answer) = shown(Some(Reading::Merged), true, first, vec![]);
    assert_eq!(
        text,
        "\
reviews.default.svc.cluster.local:9080 (default/reviews, merged reading): 4 endpoints

ADDRESS              WEIGHT    SHARE  BACKEND     POD
10.244.1.7:9080   500000000  50.00 %  reviews-v2  reviews-v2-5d4-abc
10.244.2.8:9080   166666667  16.67 %  reviews-v3  reviews-v3-6f8-xk2
10.244.11.8:9080  166666667  16.67 %  reviews-v3  -
[fd00::1]:9080    166666667  16.67 %  reviews-v3  reviews-v3-6f8-m3v
"
    );
    assert_eq!(answer, Answer::Something);
}

#[test]
fn without_labels() {
    let mut first = add(&["10.0.0.1:80=0", "10.0.0.2:80=0"]);
    if let Some(update::Update::Add(set)) = &mut first.update {
        set.metric_labels.clear();
        set.addrs.push(WeightedAddr::default());
    }
    let (text, _) = shown(None, true, first, vec![]);
    assert_eq!(
        text,
        "\
reviews.default.svc.cluster.local:9080: 2 endpoints

ADDRESS      WEIGHT  SHARE  BACKEND  POD
10.0.0.1:80       0      -  -        -
10.0.0.2:80       0      -  -        -

14:03:07.000 ! odd     1 address skipped: no IP, or no possible port
"
    );
}

#[test]
fn nothing_in_plain_words() {
    for (first, once, expect) in [
        (no_endpoints(true), true, "\
reviews.default.svc.cluster.local:9080 (leaf reading): no endpoints: the service exists, but nothing that is ready serves this name and port
"),
        (no_endpoints(false), true, "\
reviews.default.svc.cluster.local:9080 (leaf reading): no endpoints: there is no such service (or it is an ExternalName)
"),
        (no_endpoints(false), false, "\
reviews.default.svc.cluster.local:9080 (leaf reading): no endpoints: there is no such service (or it is an ExternalName); still watching
"),
        (add(&[]), true, "\
reviews.default.svc.cluster.local:9080 (default/reviews, leaf reading): no endpoints: the set is empty
"),
        (remove(&[]), true, "\
reviews.default.svc.cluster.local:9080 (leaf reading): no endpoints: the server has not said yet whether the service exists
"),
    ] {
        let (text, answer) = shown(Some(Reading::Leaf), once, first, vec![]);
        assert_eq!(text, expect);
        assert_eq!(answer, Answer::Nothing);
    }
}

#[test]
fn a_weight_edit() {
    let edit = add(&[
        "10.244.1.7:9080=900000000 reviews-v2/reviews-v2-5d4-abc",
        "10.244.2.8:9080=100000000 reviews-v3/reviews-v3-6f8-xk2",
    ]);
    assert_eq!(
        changes(vec![vec![edit]]),
        "\
14:03:07.001 ~ changed 10.244.1.7:9080  reviews-v2  reviews-v2-5d4-abc  weight 500000000 -> 900000000, share 50.00 % -> 90.00 %
14:03:07.001 ~ changed 10.244.2.8:9080  reviews-v3  reviews-v3-6f8-xk2  weight 500000000 -> 100000000, share 50.00 % -> 10.00 %
14:03:07.001 = now     2 endpoints: reviews-v2 90.00 % | reviews-v3 10.00 %
"
    );
}

#[test]
fn one_change_in_two_messages_has_one_result() {
    let replaced = vec![
        add(&["10.244.2.9:9080=500000000 reviews-v3/reviews-v3-6f8-new-and-long"]),
        remove(&["10.244.2.8:9080"]),
    ];
    assert_eq!(
        changes(vec![replaced]),
        "\
14:03:07.001 + added   10.244.2.9:9080  reviews-v3  reviews-v3-6f8-new-and-long  weight 500000000, share 50.00 %
14:03:07.002 - removed 10.244.2.8:9080  reviews-v3  reviews-v3-6f8-xk2
14:03:07.002 = now     2 endpoints: reviews-v2 50.00 % | reviews-v3 50.00 %
"
    );
}

#[test]
fn two_changes_close_to_one_another_stay_two() {
    let batch = vec![
        remove(&["10.244.2.8:9080"]),
        add(&["10.244.2.8:9080=500000000 reviews-v3/reviews-v3-6f8-xk2"]),
        add(&["10.244.1.7:9080=1500000000 reviews-v2/reviews-v2-5d4-abc"]),
    ];
    assert_eq!(
        changes(vec![batch]),
        "\
14:03:07.001 - removed 10.244.2.8:9080  reviews-v3  reviews-v3-6f8-xk2
14:03:07.001 = now     1 endpoint: reviews-v2 100.00 %
14:03:07.002 + added   10.244.2.8:9080  reviews-v3  reviews-v3-6f8-xk2  weight 500000000, share 50.00 %
14:03:07.002 = now     2 endpoints: reviews-v2 50.00 % | reviews-v3 50.00 %
14:03:07.003 ~ changed 10.244.1.7:9080  reviews-v2  reviews-v2-5d4-abc  weight 500000000 -> 1500000000, share 50.00 % -> 75.00 %
14:03:07.003 = now     2 endpoints: reviews-v2 75.00 % | reviews-v3 25.00 %
"
    );
}

#[test]
fn others_are_not_repeated_when_their_share_moves() {
    let third = add(&["10.244.2.9:9080=250000000 reviews-v3"]);
    assert_eq!(
        changes(vec![vec![third]]),
        "\
14:03:07.001 + added   10.244.2.9:9080  reviews-v3  -                   weight 250000000, share 20.00 %
14:03:07.001 = now     3 endpoints: reviews-v2 40.00 % | reviews-v3 60.00 %
"
    );
}

#[test]
fn emptied_deleted_and_back() {
    let back = add(&["10.244.1.7:9080=10000 reviews-v2"]);
    assert_eq!(
        changes(vec![vec![no_endpoints(true)], vec![no_endpoints(false)], vec![back]]),
        "\
14:03:07.001 - removed 10.244.1.7:9080  reviews-v2  reviews-v2-5d4-abc
14:03:07.001 - removed 10.244.2.8:9080  reviews-v3  reviews-v3-6f8-xk2
14:03:07.001 = now     no endpoints: the service exists, but nothing that is ready serves this name and port
14:03:07.002 = now     no endpoints: there is no such service (or it is an ExternalName)
14:03:07.003 + added   10.244.1.7:9080  reviews-v2  -                   weight 10000, share 100.00 %
14:03:07.003 = now     1 endpoint: reviews-v2 100.00 %
"
    );
}

#[test]
fn metadata_says_so() {
    let mut update = add(&[
        "10.244.1.7:9080=500000000 reviews-v2/reviews-v2-5d4-abc",
        "10.244.2.8:9080=400000000 reviews-v3/reviews-v3-6f8-other",
    ]);
    if let Some(update::Update::Add(set)) = &mut update.update {
        set.addrs[0].tls_identity = Some(TlsIdentity::default());
        set.metric_labels.insert("zone".into(), "a\u{1b}[31m".into());
    }
    assert_eq!(
        changes(vec![vec![update]]),
        "\
14:03:07.001 ~ changed 10.244.1.7:9080  reviews-v2  reviews-v2-5d4-abc    metadata only: tls_identity
14:03:07.001 ~ changed 10.244.2.8:9080  reviews-v3  reviews-v3-6f8-other  weight 500000000 -> 400000000, share 50.00 % -> 44.44 %, metadata: metric_labels
14:03:07.001 ~ changed labels of the whole set: namespace=default service=reviews zone=a\\u{1b}[31m
14:03:07.001 = now     2 endpoints: reviews-v2 55.56 % | reviews-v3 44.44 %
"
    );
}

#[test]
fn what_a_server_should_not_send() {
    let again = half_and_half();
    assert_eq!(
        changes(vec![vec![Update::default()], vec![again], vec![remove(&["10.9.9.9:1"])], vec![add(&[])]]),
        "\
14:03:07.001 ! odd     a message that changes nothing
14:03:07.002 ! odd     2 endpoints sent again without a difference
14:03:07.003 ! odd     10.9.9.9:1 removed, but it was not there
14:03:07.004 ! odd     a message that changes nothing
"
    );
}

//! TrafficSplits and the weights in them.

use serde_json::json;

use super::{super::*, object, rejected};
use crate::model::{Reason, TrafficSplit};

#[track_caller]
fn split(fields: Value) -> TrafficSplit {
    match convert(Kind::TrafficSplit, &object(Kind::TrafficSplit, &fields)).expect("a good split") {
        Object::TrafficSplit(split) => Arc::unwrap_or_clone(split),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_split_keeps_apex_backends_and_age() {
    let read = split(json!({
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "metadata": { "creationTimestamp": "2019-05-21T10:00:00Z" },
        "spec": {
            "service": "web.d",
            "backends": [{ "service": "web-a", "weight": "500m" }, { "service": "web-b", "weight": 1 }],
        },
    }));
    assert_eq!(read.created, Some("2019-05-21T10:00:00Z".parse().expect("a time")));
    assert_eq!((&*read.apex, read.has_matches), ("web.d", false));
    let backends: Vec<_> = read.backends.iter().map(|b| (&*b.service, b.weight.get(), b.index)).collect();
    assert_eq!(backends, [("web-a", 500, 0), ("web-b", 1000, 1)]);
    assert_eq!(read.problems, []);
}

#[test]
fn an_age_that_is_none_is_said() {
    let read = |created: Value| {
        split(json!({
            "metadata": { "creationTimestamp": created },
            "spec": { "service": "web", "backends": [] },
        }))
    };
    // What `kubectl create --dry-run` writes.
    assert_eq!((read(json!(null)).created, read(json!(null)).problems), (None, vec![]));
    for wrong in [json!("yesterday"), json!(5)] {
        let read = read(wrong);
        assert_eq!(read.created, None);
        assert_eq!(read.problems[0].path, "metadata.creationTimestamp");
    }
}

#[test]
fn a_split_reads_every_spelling_of_a_weight() {
    use Reason::{BadWeight, OddWeight};
    let huge = i64::MAX.unsigned_abs();
    // T46 and T51 to T57 of the specification; milli, and the problem in v1alpha1 and in later versions.
    for (weight, milli, v1, later) in [
        (json!(5), 5000, None, None),
        (json!("5"), 5000, None, None),
        (json!("5000m"), 5000, None, None),
        (json!("500m"), 500, None, Some(OddWeight)),
        (json!(1.5), 1500, None, Some(OddWeight)),
        (json!("1.5"), 1500, None, Some(OddWeight)),
        (json!(2.0), 2000, None, None),
        (json!("1u"), 1, Some(OddWeight), Some(OddWeight)),
        (json!(0.0001), 1, Some(OddWeight), Some(OddWeight)),
        (json!(1e-10), 1, Some(OddWeight), Some(OddWeight)),
        (json!("500u"), 1, Some(OddWeight), Some(OddWeight)),
        (json!("1m"), 1, None, Some(OddWeight)),
        (json!("1001u"), 2, None, Some(OddWeight)),
        (json!(0), 0, None, None),
        (json!("0m"), 0, None, None),
        (json!(u32::MAX), 4_294_967_295_000, None, None),
        (json!(1_000_000_000_000_u64), 1_000_000_000_000_000, None, None),
        (json!(i64::MAX), huge, Some(OddWeight), Some(OddWeight)),
        (json!(u64::MAX), huge, Some(OddWeight), Some(OddWeight)),
        (json!(1e30), huge, Some(OddWeight), Some(OddWeight)),
        (json!("12345678901234567890"), huge, Some(OddWeight), Some(OddWeight)),
        (json!(12_345_678_901_234_567_890.0), huge, Some(OddWeight), Some(OddWeight)),
        (json!(-5), 0, Some(BadWeight), Some(BadWeight)),
        (json!(-0.5), 0, Some(BadWeight), Some(BadWeight)),
        (json!("-5"), 0, Some(BadWeight), Some(BadWeight)),
        (json!("abc"), 0, Some(BadWeight), Some(BadWeight)),
        (json!(""), 0, Some(BadWeight), Some(BadWeight)),
        (json!(null), 0, Some(BadWeight), Some(BadWeight)),
        (json!(true), 0, Some(BadWeight), Some(BadWeight)),
        (json!({}), 0, Some(BadWeight), Some(BadWeight)),
        (json!([]), 0, Some(BadWeight), Some(BadWeight)),
        (json!("NaN"), 0, Some(BadWeight), Some(BadWeight)),
        (json!("1e400"), 0, Some(BadWeight), Some(BadWeight)),
        (json!("0x10"), 0, Some(BadWeight), Some(BadWeight)),
        (json!(" 5"), 0, Some(BadWeight), Some(BadWeight)),
        (json!("50%"), 0, Some(BadWeight), Some(BadWeight)),
    ] {
        for (version, problem) in [("v1alpha1", v1), ("v1alpha2", later), ("v1alpha4", later)] {
            let read = split(json!({
                "apiVersion": format!("split.smi-spec.io/{version}"),
                "spec": { "service": "web", "backends": [
                    { "service": "a", "weight": 10 },
                    { "service": "b", "weight": weight },
                ]},
            }));
            let weights: Vec<_> = read.backends.iter().map(|b| b.weight.get()).collect();
            assert_eq!(weights, [10_000, milli], "{version} {weight}");
            let reasons: Vec<_> = read.problems.iter().map(|p| (p.reason, p.path.as_str())).collect();
            let expected: Vec<_> = problem.iter().map(|r| (*r, "spec.backends[1].weight")).collect();
            assert_eq!(reasons, expected, "{version} {weight}");
        }
    }
}

#[test]
fn messages_about_a_weight_say_what_was_found_and_what_is_right() {
    let read = split(json!({
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "spec": { "service": "web", "backends": [{ "service": "a" }, { "service": "b", "weight": "lots" }] },
    }));
    let messages: Vec<_> = read.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "weight is missing and counts as 0: write a quantity such as 500m or 1",
            "weight \"lots\" is no number and counts as 0: write a quantity such as 500m or 1",
        ]
    );
}

#[test]
fn a_weight_below_the_smallest_says_what_was_written_and_what_is_used() {
    for (version, weight, wrote, right) in [
        ("v1alpha1", json!("500u"), "\"500u\"", "1m and 999m"),
        ("v1alpha4", json!(0.0001), "0.0001", "1 and 999"),
    ] {
        let read = split(json!({
            "apiVersion": format!("split.smi-spec.io/{version}"),
            "spec": { "service": "web", "backends": [{ "service": "a", "weight": weight }] },
        }));
        let messages: Vec<_> = read.problems.iter().map(|p| p.message.as_str()).collect();
        let message = format!(
            "weight {wrote} is less than the smallest there is and counts as 1m: write larger ones in the same ratio, \
             such as {right}"
        );
        assert_eq!(messages, [message]);
    }
}

#[test]
fn a_backend_that_is_none_is_left_out_and_keeps_the_others_places() {
    let read = split(json!({ "spec": { "service": "web", "backends": [
        "a", { "weight": 1 }, { "service": 5, "weight": 1 }, { "service": "d", "weight": 1 }, null,
    ]}}));
    let backends: Vec<_> = read.backends.iter().map(|b| (&*b.service, b.index)).collect();
    assert_eq!(backends, [("d", 3)]);
    let problems: Vec<_> = read.problems.iter().map(|p| (p.reason, p.path.as_str())).collect();
    assert_eq!(
        problems,
        [
            (Reason::InvalidObject, "spec.backends[0]"),
            (Reason::InvalidObject, "spec.backends[1].service"),
            (Reason::InvalidObject, "spec.backends[2].service"),
            (Reason::InvalidObject, "spec.backends[4].service"),
        ]
    );
}

#[test]
fn a_split_without_backends_is_one_without_backends() {
    for backends in [json!([]), json!(null)] {
        let read = split(json!({ "spec": { "service": "web", "backends": backends } }));
        assert_eq!((read.backends.len(), read.problems.len()), (0, 0));
    }
}

#[test]
fn a_split_without_an_apex_is_rejected() {
    for (fields, path) in [
        (json!({}), "spec.service"),
        (json!({ "spec": null }), "spec.service"),
        (json!({ "spec": "x" }), "spec"),
        (json!({ "spec": { "service": "" } }), "spec.service"),
        (json!({ "spec": { "service": 5 } }), "spec.service"),
        (json!({ "spec": { "service": "web", "backends": {} } }), "spec.backends"),
        (json!({ "spec": { "service": "web", "backends": "a" } }), "spec.backends"),
    ] {
        rejected(Kind::TrafficSplit, fields, path);
    }
}

#[test]
fn a_split_notices_matches_and_forgives_a_bad_time() {
    for (matches, expected) in [
        (json!(null), false),
        (json!([]), false),
        (json!([{ "kind": "HTTPRouteGroup", "name": "g" }]), true),
        (json!("g"), true),
    ] {
        let read = split(json!({ "spec": { "service": "web", "matches": matches } }));
        assert_eq!(read.has_matches, expected, "{matches}");
    }
    for time in [json!("yesterday"), json!(5), json!(null)] {
        let fields = json!({ "metadata": { "creationTimestamp": time }, "spec": { "service": "web" } });
        assert_eq!(split(fields).created, None, "{time}");
    }
}

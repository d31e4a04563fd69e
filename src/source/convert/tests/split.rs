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
fn split_without_a_creation_time_is_used() {
    // What `kubectl create --dry-run` writes.
    let read = split(json!({
        "metadata": { "creationTimestamp": null },
        "spec": { "service": "web", "backends": [] },
    }));
    assert_eq!((read.created, read.problems), (None, vec![]));
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
        (json!("-0"), 0, None, None),
        (json!(null), 0, Some(BadWeight), Some(BadWeight)),
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
fn weight_that_is_negative_or_no_number_rejects_the_split() {
    for weight in [
        json!(-5),
        json!(-0.5),
        json!("-5"),
        json!("-1n"),
        json!("99O"),
        json!("abc"),
        json!(""),
        json!(true),
        json!({}),
        json!([]),
        json!("NaN"),
        json!("1e400"),
        json!("0x10"),
        json!(" 5"),
        json!("50%"),
    ] {
        for version in ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"] {
            let backends = json!([{ "service": "a", "weight": 10 }, { "service": "b", "weight": weight }]);
            let fields = json!({
                "apiVersion": format!("split.smi-spec.io/{version}"),
                "spec": { "service": "web", "backends": backends },
            });
            rejected(Kind::TrafficSplit, fields, "spec.backends[1].weight");
        }
    }
}

#[test]
fn messages_about_a_weight_name_what_was_found_and_what_is_right() {
    let convert = |version: &str, weight: Value| {
        let fields = json!({
            "apiVersion": format!("split.smi-spec.io/{version}"),
            "spec": { "service": "web", "backends": [{ "service": "a", "weight": weight }] },
        });
        convert(Kind::TrafficSplit, &object(Kind::TrafficSplit, &fields))
    };
    for (version, weight, message) in [
        ("v1alpha1", json!("lots"), "expected a quantity such as 500m or 1, found \"lots\""),
        ("v1alpha1", json!("-1"), "expected a quantity such as 500m or 1, found \"-1\", which is negative"),
        ("v1alpha4", json!(-5), "expected a whole number such as 50, found -5, which is negative"),
    ] {
        let rejection = convert(version, weight).expect_err("no weight");
        assert_eq!(rejection.message, message);
    }
    let read = convert("v1alpha1", json!(null)).expect("an old release of Flagger omits a weight of 0");
    let Object::TrafficSplit(read) = read else { panic!("{read:?}") };
    let message = "weight is missing and counts as 0: write a quantity such as 500m or 1";
    assert_eq!(read.problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [message]);
}

#[test]
fn weight_that_is_absent_is_rejected_where_the_source_requires_it() {
    for (kind, spec, path) in [
        (
            Kind::TrafficSplit,
            json!({ "service": "web", "backends": [{ "service": "a", "weight": 1 }, { "service": "b" }] }),
            Some("spec.backends[1].weight"),
        ),
        (
            Kind::ServiceProfile,
            json!({ "dstOverrides": [{ "authority": "a" }] }),
            Some("spec.dstOverrides[0].weight"),
        ),
        (
            Kind::TrafficSplit,
            json!({ "service": "web", "backends": [{ "service": "a", "weight": 0 }] }),
            None,
        ),
        (Kind::Service, json!({ "backends": [{}] }), None),
    ] {
        let fields = json!({ "spec": spec });
        let rejection = split::require_weights(kind, &At::root(&fields)).err();
        assert_eq!(rejection.map(|rejection| rejection.path).as_deref(), path, "{fields}");
    }
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
fn backend_that_is_none_rejects_the_split() {
    for (bad, path) in [
        (json!("a"), "spec.backends[1]"),
        (json!({ "weight": 1 }), "spec.backends[1].service"),
        (json!({ "service": 5, "weight": 1 }), "spec.backends[1].service"),
        (json!({ "service": "", "weight": 1 }), "spec.backends[1].service"),
        (json!(null), "spec.backends[1].service"),
    ] {
        let backends = json!([{ "service": "d", "weight": 1 }, bad]);
        rejected(Kind::TrafficSplit, json!({ "spec": { "service": "web", "backends": backends } }), path);
    }
}

#[test]
fn split_with_an_empty_list_of_backends_is_used() {
    let read = split(json!({ "spec": { "service": "web", "backends": [] } }));
    assert_eq!((read.backends.len(), read.problems.len()), (0, 0));
}

#[test]
fn split_without_an_apex_or_a_list_of_backends_is_rejected() {
    for (fields, path) in [
        (json!({}), "spec.service"),
        (json!({ "spec": null }), "spec.service"),
        (json!({ "spec": "x" }), "spec"),
        (json!({ "spec": { "service": "" } }), "spec.service"),
        (json!({ "spec": { "service": 5 } }), "spec.service"),
        (json!({ "spec": { "service": "web", "backends": {} } }), "spec.backends"),
        (json!({ "spec": { "service": "web", "backends": "a" } }), "spec.backends"),
        (json!({ "spec": { "service": "web", "backends": null } }), "spec.backends"),
        (json!({ "spec": { "service": "web" } }), "spec.backends"),
    ] {
        rejected(Kind::TrafficSplit, fields, path);
    }
}

#[test]
fn split_notices_matches() {
    for (matches, expected) in
        [(json!(null), false), (json!([]), false), (json!([{ "kind": "HTTPRouteGroup", "name": "g" }]), true)]
    {
        let read = split(json!({ "spec": { "service": "web", "backends": [], "matches": matches } }));
        assert_eq!(read.has_matches, expected, "{matches}");
    }
}

#[test]
fn split_with_matches_or_a_creation_time_of_the_wrong_type_is_rejected() {
    let spec = json!({ "service": "web", "backends": [] });
    let with_matches = json!({ "spec": { "service": "web", "backends": [], "matches": "g" } });
    rejected(Kind::TrafficSplit, with_matches, "spec.matches");
    for time in [json!("yesterday"), json!(5), json!("")] {
        let fields = json!({ "metadata": { "creationTimestamp": time }, "spec": spec });
        rejected(Kind::TrafficSplit, fields, "metadata.creationTimestamp");
    }
}

//! ServiceProfiles.

use serde_json::json;

use super::{super::*, object, rejected};
use crate::{
    model::{Reason, ServiceProfile},
    pb::{
        destination::{
            HttpStatusRange, PathMatch, RequestMatch, ResponseMatch, RetryBudget, request_match,
            response_match,
        },
        http_types::{HttpMethod, http_method},
    },
};

#[track_caller]
fn profile(fields: Value) -> ServiceProfile {
    match convert(Kind::ServiceProfile, &object(Kind::ServiceProfile, &fields)).expect("a good profile") {
        Object::ServiceProfile(profile) => Arc::unwrap_or_clone(profile),
        other => panic!("{other:?}"),
    }
}

fn request(r#match: request_match::Match) -> RequestMatch {
    RequestMatch { r#match: Some(r#match) }
}

fn response(r#match: response_match::Match) -> ResponseMatch {
    ResponseMatch { r#match: Some(r#match) }
}

fn path(regex: &str) -> RequestMatch {
    request(request_match::Match::Path(PathMatch { regex: regex.into() }))
}

fn method(r#type: http_method::Type) -> RequestMatch {
    request(request_match::Match::Method(HttpMethod { r#type: Some(r#type) }))
}

fn get() -> RequestMatch {
    method(http_method::Type::Registered(http_method::Registered::Get.into()))
}

#[test]
fn conditions_of_a_route_are_put_into_wire_order() {
    use request_match::{Match, Seq};
    let seq = |matches| Seq { matches };
    for (condition, expected) in [
        (json!({ "pathRegex": "/a" }), path("/a")),
        (json!({ "method": "get" }), get()),
        (json!({ "method": "brew" }), method(http_method::Type::Unregistered("BREW".into()))),
        (json!({ "not": { "method": "GET" } }), request(Match::Not(Box::new(get())))),
        (json!({ "all": [] }), request(Match::All(seq(vec![])))),
        (
            json!({ "any": [{ "pathRegex": "/a" }, { "pathRegex": "/b" }] }),
            request(Match::Any(seq(vec![path("/a"), path("/b")]))),
        ),
        (
            json!({
                "pathRegex": "/e", "not": { "pathRegex": "/d" }, "method": "GET",
                "any": [{ "pathRegex": "/b" }], "all": [{ "pathRegex": "/a" }],
            }),
            request(Match::All(seq(vec![
                request(Match::All(seq(vec![path("/a")]))),
                request(Match::Any(seq(vec![path("/b")]))),
                get(),
                request(Match::Not(Box::new(path("/d")))),
                path("/e"),
            ]))),
        ),
    ] {
        let read = profile(json!({ "spec": { "routes": [{ "name": "r", "condition": condition }] } }));
        assert_eq!(read.problems, [], "{condition}");
        assert_eq!(read.routes[0].condition, Some(expected), "{condition}");
    }
}

#[test]
fn response_classes_of_a_route_are_put_into_wire_order() {
    use response_match::{Match, Seq};
    let seq = |matches| Seq { matches };
    let status = |min, max| response(Match::Status(HttpStatusRange { min, max }));
    for (condition, expected) in [
        (json!({ "status": { "min": 500, "max": 599 } }), status(500, 599)),
        (json!({ "status": { "min": 500 } }), status(500, 500)),
        (json!({ "status": { "min": 0, "max": 404 } }), status(404, 404)),
        (
            json!({
                "not": { "status": { "min": 501 } }, "status": { "min": 500 },
                "any": [{ "status": { "min": 502 } }], "all": [{ "status": { "min": 503 } }],
            }),
            response(Match::All(seq(vec![
                response(Match::All(seq(vec![status(503, 503)]))),
                response(Match::Any(seq(vec![status(502, 502)]))),
                status(500, 500),
                response(Match::Not(Box::new(status(501, 501)))),
            ]))),
        ),
    ] {
        let read = profile(json!({ "spec": { "routes": [{
            "name": "r", "condition": { "method": "GET" },
            "responseClasses": [{ "condition": condition, "isFailure": true }],
        }]}}));
        assert_eq!(read.problems, [], "{condition}");
        let [class] = read.routes[0].response_classes.as_slice() else { panic!("{read:?}") };
        assert_eq!((class.condition.as_ref(), class.is_failure), (Some(&expected), true), "{condition}");
    }
}

#[test]
fn a_route_keeps_name_retries_and_timeout() {
    for (timeout, expected) in [
        (json!("250ms"), Some((0, 250_000_000))),
        (json!("1m30s"), Some((90, 0))),
        (json!("0s"), None),
        (json!(""), None),
        (json!(null), None),
    ] {
        let read = profile(json!({ "spec": { "routes": [{
            "name": "r", "condition": { "method": "GET" }, "isRetryable": true, "timeout": timeout,
        }]}}));
        let [route] = read.routes.as_slice() else { panic!("{read:?}") };
        assert_eq!(route.timeout.map(|t| (t.seconds, t.nanos)), expected, "{timeout}");
        assert_eq!(route.metrics_labels.get("route").map(String::as_str), Some("r"));
        assert!(route.is_retryable && route.response_classes.is_empty() && read.problems.is_empty());
    }
}

#[test]
fn a_timeout_that_is_none_costs_only_the_timeout() {
    for timeout in [json!("soon"), json!("5"), json!(5), json!("-1s")] {
        let read = profile(json!({ "spec": { "routes": [{
            "name": "r", "condition": { "method": "GET" }, "timeout": timeout,
        }]}}));
        assert_eq!(read.routes.iter().map(|r| r.timeout).collect::<Vec<_>>(), [None], "{timeout}");
        let problems: Vec<_> = read.problems.iter().map(|p| (p.reason, p.path.as_str())).collect();
        assert_eq!(problems, [(Reason::BadProfile, "spec.routes[0].timeout")], "{timeout}");
    }
}

#[test]
fn a_bad_route_is_left_out_and_the_rest_served() {
    let good = json!({ "name": "good", "condition": { "method": "GET" } });
    let class = |condition| {
        let classes = json!([{ "condition": condition }]);
        json!({ "condition": { "method": "GET" }, "responseClasses": classes })
    };
    for (bad, path) in [
        (json!("r"), "spec.routes[1]"),
        (json!(null), "spec.routes[1].condition"),
        (json!({ "name": "r" }), "spec.routes[1].condition"),
        (json!({ "condition": {} }), "spec.routes[1].condition"),
        (json!({ "condition": { "method": "" } }), "spec.routes[1].condition"),
        (json!({ "name": 1, "condition": { "method": "GET" } }), "spec.routes[1].name"),
        (json!({ "condition": { "method": 1 } }), "spec.routes[1].condition.method"),
        (json!({ "condition": { "all": {} } }), "spec.routes[1].condition.all"),
        (json!({ "condition": { "all": [{ "pathRegex": "/" }, null] } }), "spec.routes[1].condition.all[1]"),
        (json!({ "condition": { "any": [{ "not": {} }] } }), "spec.routes[1].condition.any[0].not"),
        (json!({ "condition": { "method": "GET" }, "isRetryable": "yes" }), "spec.routes[1].isRetryable"),
        (class(json!(null)), "spec.routes[1].responseClasses[0].condition"),
        (class(json!({ "status": {} })), "spec.routes[1].responseClasses[0].condition.status"),
        (class(json!({ "status": { "min": 99 } })), "spec.routes[1].responseClasses[0].condition.status.min"),
        (
            class(json!({ "status": { "max": 600 } })),
            "spec.routes[1].responseClasses[0].condition.status.max",
        ),
        (
            class(json!({ "status": { "min": 500, "max": 400 } })),
            "spec.routes[1].responseClasses[0].condition.status",
        ),
    ] {
        let read = profile(json!({ "spec": { "routes": [good, bad, good] } }));
        assert_eq!(read.routes.len(), 2, "{bad}");
        let problems: Vec<_> = read.problems.iter().map(|p| (p.reason, p.path.as_str())).collect();
        assert_eq!(problems, [(Reason::BadProfile, path)], "{bad}");
    }
}

#[test]
fn conditions_nested_too_deeply_cost_their_route() {
    let nested = |depth| (1..depth).fold(json!({ "method": "GET" }), |inner, _| json!({ "not": inner }));
    for (depth, routes) in [(32, 1), (33, 0), (100, 0)] {
        let read = profile(json!({ "spec": { "routes": [{ "condition": nested(depth) }] } }));
        assert_eq!((read.routes.len(), read.problems.len()), (routes, 1 - routes), "{depth}");
    }
}

#[test]
fn a_retry_budget_is_taken_whole_or_not_at_all() {
    let budget = |ratio: f32, min, ttl: Option<i64>| {
        let ttl = ttl.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        Some(RetryBudget { retry_ratio: ratio, min_retries_per_second: min, ttl })
    };
    for (value, expected, path) in [
        (json!(null), None, None),
        (json!({ "retryRatio": 0.5, "minRetriesPerSecond": 7, "ttl": "3s" }), budget(0.5, 7, Some(3)), None),
        // Proxies ignore a budget with such a time.
        (
            json!({ "retryRatio": 1, "minRetriesPerSecond": 0, "ttl": "0s" }),
            budget(1.0, 0, None),
            Some("spec.retryBudget.ttl"),
        ),
        (
            json!({ "retryRatio": 0.5, "minRetriesPerSecond": 7, "ttl": "3" }),
            None,
            Some("spec.retryBudget.ttl"),
        ),
        (json!({ "retryRatio": 0.5, "minRetriesPerSecond": 7 }), None, Some("spec.retryBudget.ttl")),
        (
            json!({ "retryRatio": -1, "minRetriesPerSecond": 7, "ttl": "3s" }),
            None,
            Some("spec.retryBudget.retryRatio"),
        ),
        (
            json!({ "retryRatio": "a", "minRetriesPerSecond": 7, "ttl": "3s" }),
            None,
            Some("spec.retryBudget.retryRatio"),
        ),
        (
            json!({ "retryRatio": 1, "minRetriesPerSecond": -7, "ttl": "3s" }),
            None,
            Some("spec.retryBudget.minRetriesPerSecond"),
        ),
        (json!({ "retryRatio": 1, "ttl": "3s" }), None, Some("spec.retryBudget.minRetriesPerSecond")),
        (json!([]), None, Some("spec.retryBudget")),
    ] {
        let read = profile(json!({ "spec": { "retryBudget": value } }));
        assert_eq!(read.retry_budget, expected, "{value}");
        let problems: Vec<_> = read.problems.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(problems, Vec::from_iter(path), "{value}");
    }
}

#[test]
fn overrides_keep_their_order() {
    let read = profile(json!({ "spec": { "dstOverrides": [
        { "authority": "b.d.svc.cluster.local:80", "weight": "500m" },
        { "authority": "a.d.svc.cluster.local", "weight": 1 },
    ]}}));
    let overrides: Vec<_> = read.dst_overrides.iter().map(|o| (&*o.authority, o.weight.get())).collect();
    assert_eq!(overrides, [("b.d.svc.cluster.local:80", 500), ("a.d.svc.cluster.local", 1000)]);
    assert_eq!(read.problems, []);
}

#[test]
fn override_that_cannot_be_understood_rejects_the_profile() {
    let good = json!({ "authority": "b", "weight": 1 });
    for (bad, path) in [
        (json!({ "weight": 1 }), "spec.dstOverrides[1].authority"),
        (json!({ "authority": "", "weight": 1 }), "spec.dstOverrides[1].authority"),
        (json!({ "authority": "a", "weight": "x" }), "spec.dstOverrides[1].weight"),
        (json!({ "authority": "a", "weight": -1 }), "spec.dstOverrides[1].weight"),
        (json!({ "authority": "a", "weight": "50%" }), "spec.dstOverrides[1].weight"),
        (json!(5), "spec.dstOverrides[1]"),
        (json!(null), "spec.dstOverrides[1].authority"),
    ] {
        rejected(Kind::ServiceProfile, json!({ "spec": { "dstOverrides": [good, bad] } }), path);
    }
}

#[test]
fn lists_of_a_profile_that_are_none_reject_it() {
    rejected(Kind::ServiceProfile, json!({ "spec": [] }), "spec");
    rejected(Kind::ServiceProfile, json!({ "spec": { "routes": {} } }), "spec.routes");
    rejected(Kind::ServiceProfile, json!({ "spec": { "dstOverrides": "x" } }), "spec.dstOverrides");
}

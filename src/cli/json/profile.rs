//! The JSON form of `DestinationProfile` and of what is in it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    duration,
    endpoints::{AddrJson, addr, reference},
    object,
};
use crate::pb::{
    destination::{
        DestinationProfile, RequestMatch, ResponseMatch, RetryBudget, Route, WeightedDst, request_match,
        response_match,
    },
    http_types::{HttpMethod, http_method},
};

#[derive(Serialize)]
pub(super) struct Profile<'a> {
    profile: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    fully_qualified_name: &'a str,
    opaque_protocol: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_budget: Option<Value>,
    dst_overrides: Vec<Override<'a>>,
    routes: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<AddrJson<'a>>,
    #[serde(flatten)]
    references: Map<String, Value>,
}

#[derive(Serialize)]
struct Override<'a> {
    authority: &'a str,
    weight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend_ref: Option<Value>,
}

pub(super) fn profile(profile: &DestinationProfile) -> Profile<'_> {
    let dst_override = |dst: &'_ WeightedDst| dst.backend_ref.as_ref().map(reference);
    Profile {
        profile: Fields {
            fully_qualified_name: &profile.fully_qualified_name,
            opaque_protocol: profile.opaque_protocol,
            retry_budget: profile.retry_budget.as_ref().map(retry_budget),
            dst_overrides: profile
                .dst_overrides
                .iter()
                .map(|dst| Override {
                    authority: &dst.authority,
                    weight: dst.weight,
                    backend_ref: dst_override(dst),
                })
                .collect(),
            routes: profile.routes.iter().map(route).collect(),
            endpoint: profile.endpoint.as_ref().map(addr),
            references: object([
                ("parent_ref", profile.parent_ref.as_ref().map(reference)),
                ("profile_ref", profile.profile_ref.as_ref().map(reference)),
            ]),
        },
    }
}

fn retry_budget(budget: &RetryBudget) -> Value {
    object([
        ("retry_ratio", Some(ratio(budget.retry_ratio))),
        ("min_retries_per_second", Some(budget.min_retries_per_second.into())),
        ("ttl", budget.ttl.as_ref().map(|ttl| duration(ttl).into())),
    ])
    .into()
}

/// The shortest decimal that is this `f32`: 0.2, where the nearest `f64` would be 0.20000000298023224.
fn ratio(ratio: f32) -> Value {
    ratio.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn route(route: &Route) -> Value {
    let classes = route.response_classes.iter().map(|class| {
        let condition = class.condition.as_ref().map(response_match);
        Value::from(object([("condition", condition), ("is_failure", Some(class.is_failure.into()))]))
    });
    object([
        ("metrics_labels", Some(json!(route.metrics_labels))),
        ("condition", route.condition.as_ref().map(request_match)),
        ("response_classes", Some(classes.collect())),
        ("is_retryable", Some(route.is_retryable.into())),
        ("timeout", route.timeout.as_ref().map(|timeout| duration(timeout).into())),
    ])
    .into()
}

/// `null` for a condition without content.
fn request_match(condition: &RequestMatch) -> Value {
    use request_match::Match;
    let all = |seq: &request_match::Seq| seq.matches.iter().map(request_match).collect::<Value>();
    match &condition.r#match {
        None => Value::Null,
        Some(Match::All(seq)) => json!({ "all": all(seq) }),
        Some(Match::Any(seq)) => json!({ "any": all(seq) }),
        Some(Match::Not(not)) => json!({ "not": request_match(not) }),
        Some(Match::Path(path)) => json!({ "path": { "regex": path.regex } }),
        Some(Match::Method(method)) => json!({ "method": self::method(method) }),
    }
}

fn response_match(condition: &ResponseMatch) -> Value {
    use response_match::Match;
    let all = |seq: &response_match::Seq| seq.matches.iter().map(response_match).collect::<Value>();
    match &condition.r#match {
        None => Value::Null,
        Some(Match::All(seq)) => json!({ "all": all(seq) }),
        Some(Match::Any(seq)) => json!({ "any": all(seq) }),
        Some(Match::Not(not)) => json!({ "not": response_match(not) }),
        Some(Match::Status(range)) => json!({ "status": { "min": range.min, "max": range.max } }),
    }
}

/// `GET`, also where the protocol has a number for it.
fn method(method: &HttpMethod) -> Value {
    match &method.r#type {
        None => Value::Null,
        Some(http_method::Type::Unregistered(name)) => json!(name),
        Some(http_method::Type::Registered(number)) => match http_method::Registered::try_from(*number) {
            Ok(registered) => json!(registered.as_str_name()),
            Err(_) => json!(number),
        },
    }
}

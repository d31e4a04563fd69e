//! Routes of a ServiceProfile, in the form of the wire.
//!
//! A condition with several fields means all of them; they go out in the order in which Linkerd's own server
//! writes them, because proxies compare profiles as they are.

use std::{collections::BTreeMap, time::Duration};

use super::{Rejection, go_duration, path_regex::PathRegexes, profile::bad_profile, read::At};
use crate::{
    model::Problem,
    pb::{
        destination::{
            HttpStatusRange, PathMatch, RequestMatch, ResponseClass, ResponseMatch, Route, request_match,
            response_match,
        },
        http_types::{HttpMethod, http_method},
    },
};

/// How deep conditions may be nested. Nobody writes more than three or four; proxies read them recursively.
const MAX_DEPTH: usize = 32;

/// One route. A timeout that cannot be read costs the timeout, anything else the route.
pub(super) fn route(
    at: &At<'_, '_>,
    regexes: &PathRegexes,
    problems: &mut Vec<Problem>,
) -> Result<Route, Rejection> {
    let name = at.get("name")?.text()?.unwrap_or_default();
    let condition = request_match(&at.get("condition")?, regexes, MAX_DEPTH)?;
    let mut response_classes = Vec::new();
    for class in at.get("responseClasses")?.items()? {
        response_classes.push(ResponseClass {
            condition: Some(response_match(&class.get("condition")?, MAX_DEPTH)?),
            is_failure: class.get("isFailure")?.flag()?.unwrap_or(false),
        });
    }
    let is_retryable = at.get("isRetryable")?.flag()?.unwrap_or(false);
    let timeout = timeout(&at.get("timeout")?).unwrap_or_else(|rejection| {
        problems.push(bad_profile(rejection));
        None
    });
    Ok(Route {
        condition: Some(condition),
        response_classes,
        metrics_labels: BTreeMap::from([("route".into(), name.into())]),
        is_retryable,
        timeout,
    })
}

fn timeout(at: &At<'_, '_>) -> Result<Option<prost_types::Duration>, Rejection> {
    match at.text()? {
        None | Some("") => Ok(None),
        Some(text) => {
            let duration =
                go_duration::parse(text).ok_or_else(|| at.wrong("a duration such as 250ms or 1.5s"))?;
            Ok(proto_duration(duration))
        }
    }
}

/// A duration of the wire, where zero is said by absence.
pub(super) fn proto_duration(duration: Duration) -> Option<prost_types::Duration> {
    let seconds = i64::try_from(duration.as_secs()).ok()?;
    let nanos = i32::try_from(duration.subsec_nanos()).ok()?;
    (!duration.is_zero()).then_some(prost_types::Duration { seconds, nanos })
}

fn request_match(at: &At<'_, '_>, regexes: &PathRegexes, depth: usize) -> Result<RequestMatch, Rejection> {
    use request_match::{Match, Seq};

    let depth = deeper(at, depth)?;
    let child = |at: &At<'_, '_>| request_match(at, regexes, depth);
    let mut matches = Vec::new();
    if let Some(all) = children(&at.get("all")?, child)? {
        matches.push(Match::All(Seq { matches: all }));
    }
    if let Some(any) = children(&at.get("any")?, child)? {
        matches.push(Match::Any(Seq { matches: any }));
    }
    let method_at = at.get("method")?;
    if let Some(method) = method_at.text()?.filter(|m| !m.is_empty()) {
        matches.push(Match::Method(http_method(&method_at, method)?));
    }
    let not = at.get("not")?;
    if !not.is_absent() {
        matches.push(Match::Not(Box::new(child(&not)?)));
    }
    let regex_at = at.get("pathRegex")?;
    if let Some(regex) = regex_at.text()?.filter(|r| !r.is_empty()) {
        regexes.check(&regex_at, regex)?;
        matches.push(Match::Path(PathMatch { regex: regex.into() }));
    }
    let one = |m| RequestMatch { r#match: Some(m) };
    match matches.len() {
        0 => {
            Err(at.reject("expected at least one of all, any, method, not and pathRegex, found none of them"))
        }
        1 => Ok(RequestMatch { r#match: matches.pop() }),
        _ => Ok(one(Match::All(Seq { matches: matches.into_iter().map(one).collect() }))),
    }
}

fn response_match(at: &At<'_, '_>, depth: usize) -> Result<ResponseMatch, Rejection> {
    use response_match::{Match, Seq};

    let depth = deeper(at, depth)?;
    let child = |at: &At<'_, '_>| response_match(at, depth);
    let mut matches = Vec::new();
    if let Some(all) = children(&at.get("all")?, child)? {
        matches.push(Match::All(Seq { matches: all }));
    }
    if let Some(any) = children(&at.get("any")?, child)? {
        matches.push(Match::Any(Seq { matches: any }));
    }
    let status = at.get("status")?;
    if !status.is_absent() {
        matches.push(Match::Status(status_range(&status)?));
    }
    let not = at.get("not")?;
    if !not.is_absent() {
        matches.push(Match::Not(Box::new(child(&not)?)));
    }
    let one = |m| ResponseMatch { r#match: Some(m) };
    match matches.len() {
        0 => Err(at.reject("expected at least one of all, any, status and not, found none of them")),
        1 => Ok(ResponseMatch { r#match: matches.pop() }),
        _ => Ok(one(Match::All(Seq { matches: matches.into_iter().map(one).collect() }))),
    }
}

/// The conditions in a list, if there is a list. An empty one is kept: `all: []` matches everything.
fn children<T>(
    at: &At<'_, '_>,
    child: impl Fn(&At<'_, '_>) -> Result<T, Rejection>,
) -> Result<Option<Vec<T>>, Rejection> {
    if at.is_absent() {
        return Ok(None);
    }
    let mut children = Vec::new();
    for item in at.items()? {
        children.push(child(&item)?);
    }
    Ok(Some(children))
}

fn deeper(at: &At<'_, '_>, depth: usize) -> Result<usize, Rejection> {
    let more = || at.reject(format!("expected at most {MAX_DEPTH} conditions in one another, found more"));
    depth.checked_sub(1).ok_or_else(more)
}

/// A method. Proxies ignore a condition with one that is no token, and match more than was meant.
fn http_method(at: &At<'_, '_>, method: &str) -> Result<HttpMethod, Rejection> {
    let method = method.to_uppercase();
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        return Err(at.wrong("an HTTP method such as GET"));
    }
    let r#type = match http_method::Registered::from_str_name(&method) {
        Some(registered) => http_method::Type::Registered(registered.into()),
        None => http_method::Type::Unregistered(method),
    };
    Ok(HttpMethod { r#type: Some(r#type) })
}

fn status_range(at: &At<'_, '_>) -> Result<HttpStatusRange, Rejection> {
    const RANGE: &str = "a status from 100 to 599";
    let bound = |field| -> Result<Option<u32>, Rejection> {
        let at = at.get(field)?;
        match at.whole(RANGE)?.filter(|n| *n != 0) {
            Some(n) if !(100..=599).contains(&n) => Err(at.wrong(RANGE)),
            bound => Ok(bound),
        }
    };
    let (min, max) = (bound("min")?, bound("max")?);
    match (min.or(max), max.or(min)) {
        (Some(min), Some(max)) if min <= max => Ok(HttpStatusRange { min, max }),
        (Some(min), Some(max)) => Err(at.reject(format!("expected min not above max, found {min} to {max}"))),
        _ => Err(at.reject("expected min or max or both, found neither")),
    }
}

//! `linkerd.io` ServiceProfile: overrides and the retry budget; its routes are in [`routes`].
//!
//! A route or a retry budget that cannot be understood is left out with a [`Problem`], and the rest is served.
//! An override that cannot be understood rejects the profile: without it traffic would go elsewhere.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Rejection, go_duration,
    path_regex::PathRegexes,
    read::At,
    routes,
    split::{WeightStyle, limit, weight},
};
use crate::{
    model::{MAX_OVERRIDES, MAX_ROUTES, NsName, Problem, ProfileOverride, Reason, ServiceProfile},
    pb::destination::RetryBudget,
};

/// What proxies take of a retry budget; they ignore one outside of these bounds.
const MAX_RETRY_RATIO: f32 = 1000.0;
const RETRY_TTLS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

pub(super) fn profile(name: NsName, root: &At<'_, '_>) -> Result<ServiceProfile, Rejection> {
    let spec = root.get("spec")?;
    let mut problems = Vec::new();
    let mut routes = Vec::new();
    let regexes = PathRegexes::default();
    let listed = spec.get("routes")?;
    for at in listed.items()?.take(MAX_ROUTES) {
        routes.extend(or_problem(routes::route(&at, &regexes, &mut problems), &mut problems));
    }
    problems.extend(limit(&listed, MAX_ROUTES, "routes", |ignored| {
        format!("{ignored} are left out, and their requests have no route's timeouts, retries and metrics")
    })?);
    let mut dst_overrides = Vec::new();
    let listed = spec.get("dstOverrides")?;
    for (index, at) in listed.items()?.enumerate() {
        // Entries beyond the bound are read as well: an invalid one rejects the profile wherever it is.
        let (is_used, ignored) = (index < MAX_OVERRIDES, &mut Vec::new());
        let dst = dst_override(index, &at, if is_used { &mut problems } else { ignored })?;
        dst_overrides.extend(is_used.then_some(dst));
    }
    problems.extend(limit(&listed, MAX_OVERRIDES, "dstOverrides", |ignored| {
        format!("{ignored} get no traffic, and the others share all of it by their weights")
    })?);
    let opaque_ports = spec.get("opaquePorts")?;
    if opaque_ports.value().as_array().is_some_and(|ports| !ports.is_empty()) {
        let message =
            "spec.opaquePorts has no effect; annotate the Service with config.linkerd.io/opaque-ports";
        problems.push(bad_profile(opaque_ports.reject(message)));
    }
    let budget = spec.get("retryBudget")?;
    let retry_budget = if budget.is_absent() {
        None
    } else {
        let read = retry_budget(&budget, &mut problems);
        or_problem(read, &mut problems)
    };
    Ok(ServiceProfile { name, routes, retry_budget, dst_overrides, problems })
}

/// The part that was read, or a note that it is left out.
fn or_problem<T>(read: Result<T, Rejection>, problems: &mut Vec<Problem>) -> Option<T> {
    read.map_err(|rejection| problems.push(bad_profile(rejection))).ok()
}

/// A part of a profile that is left out.
pub(super) fn bad_profile(Rejection { path, message }: Rejection) -> Problem {
    Problem { reason: Reason::BadProfile, path, message }
}

fn dst_override(
    index: usize,
    at: &At<'_, '_>,
    problems: &mut Vec<Problem>,
) -> Result<ProfileOverride, Rejection> {
    let authority = at.get("authority")?.required_text("the host, or host:port, to send traffic to")?.into();
    let weight = weight(&at.get("weight")?, WeightStyle::Quantity, problems)?;
    Ok(ProfileOverride { authority, weight, index })
}

/// All three of its fields or none: Linkerd's own server never mixes them with defaults either.
fn retry_budget(at: &At<'_, '_>, problems: &mut Vec<Problem>) -> Result<RetryBudget, Rejection> {
    let ratio = at.get("retryRatio")?;
    let retry_ratio =
        ratio.value().as_f64().and_then(to_f32).ok_or_else(|| ratio.wrong("a ratio such as 0.2"))?;
    let minimum = at.get("minRetriesPerSecond")?;
    let min_retries_per_second = minimum.whole("a whole number such as 10")?;
    let ttl = at.get("ttl")?;
    let duration =
        ttl.text()?.and_then(go_duration::parse).ok_or_else(|| ttl.wrong("a duration such as 10s"))?;
    let mut ignored = |at: &At<'_, '_>, wanted: &str| {
        let Rejection { path, message } = at.wrong(wanted);
        let message = format!("{message}: proxies ignore the retry budget and retry no request");
        problems.push(bad_profile(Rejection { path, message }));
    };
    if retry_ratio > MAX_RETRY_RATIO {
        ignored(&ratio, "a ratio of up to 1000");
    }
    if !RETRY_TTLS.contains(&duration) {
        ignored(&ttl, "a duration from 1s to 60s");
    }
    Ok(RetryBudget {
        retry_ratio,
        min_retries_per_second: min_retries_per_second.ok_or_else(|| minimum.wrong("a number such as 10"))?,
        ttl: routes::proto_duration(duration),
    })
}

/// A ratio as the wire has it, if it is one: not negative, and not infinite there either.
fn to_f32(ratio: f64) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "to the nearest float of the wire; checked below")]
    let narrow = ratio as f32;
    (narrow.is_finite() && narrow >= 0.0).then_some(narrow)
}

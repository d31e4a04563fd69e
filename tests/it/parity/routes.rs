//! Routes, timeouts and budgets of ServiceProfiles: cases 54 and 55, rules 3.10 to 3.12. How each condition is
//! read is tested where it is read, in `source::convert`.

use super::{
    fixtures::{NAME1, service, service_profile},
    given,
};

/// A ServiceProfile with this `spec`: its profile has this budget and these lines, and the operator is warned or
/// not.
#[track_caller]
fn check(spec: &str, budget: &str, lines: &str, warned: bool) {
    crate::mesh::row(spec);
    let case = given(&(service("name1", "8989") + &service_profile("ns", spec)));
    case.profile(NAME1, "").expect(&format!(
        "profile name1.ns.svc.mycluster.local budget={budget} parent=core/Service/ns/name1:8989
           profile=linkerd.io/ServiceProfile/ns/name1.ns.svc.mycluster.local
           {lines}"
    ));
    let object = warned.then_some("ServiceProfile ns/name1.ns.svc.mycluster.local");
    case.expect_warnings(object.as_slice());
}

/// The same of one route `a` with these fields; the route is said like this, or left out.
#[track_caller]
fn check_route(fields: &str, expect: Option<&str>, warned: bool) {
    let line = expect.map(|expect| format!("route {{route=a}} {expect}")).unwrap_or_default();
    let itself = "to name1.ns.svc.mycluster.local:8989 10000";
    check(&format!("{{routes: [{{name: a, {fields}}}]}}"), "default", &format!("{line} {itself}"), warned);
}

#[test]
fn case_54_several_fields_of_a_condition_mean_all_of_them_in_one_order() {
    for (condition, expect) in [
        ("pathRegex: /a", "path=/a"),
        ("pathRegex: /a, method: get", "all(GET path=/a)"),
        ("pathRegex: /a, not: {method: BREW}", "all(not(method=BREW) path=/a)"),
        ("any: [{method: GET}, {method: POST}], pathRegex: /a", "all(any(GET POST) path=/a)"),
        ("all: [{method: GET}], any: [{pathRegex: /a}], method: PUT", "all(all(GET) any(path=/a) PUT)"),
    ] {
        check_route(&format!("condition: {{{condition}}}"), Some(expect), false);
    }
}

#[test]
fn case_54_several_fields_of_a_response_condition_mean_all_of_them_in_one_order() {
    let route = |condition: &str| {
        format!(
            "condition: {{pathRegex: /a}}, responseClasses: [{{condition: {{{condition}}}, isFailure: true}}]"
        )
    };
    for (condition, expect) in [
        ("status: {min: 500, max: 599}", "500..599"),
        ("status: {min: 500, max: 599}, not: {status: {min: 503, max: 503}}", "all(500..599 not(503..503))"),
        (
            "any: [{status: {min: 404, max: 404}}], all: [{status: {min: 400, max: 499}}]",
            "all(all(400..499) any(404..404))",
        ),
    ] {
        check_route(&route(condition), Some(&format!("path=/a failure:{expect}")), false);
    }
}

#[test]
fn rule_6_3_a_bound_of_a_status_that_is_missing_is_the_other_one() {
    for status in ["{min: 503}", "{max: 503}", "{min: 0, max: 503}", "{min: 503, max: 503}"] {
        let class = format!("{{condition: {{status: {status}}}}}");
        let route = format!("condition: {{pathRegex: /a}}, responseClasses: [{class}]");
        check_route(&route, Some("path=/a success:503..503"), false);
    }
}

#[test]
fn case_54_a_route_that_means_nothing_is_left_out_and_reported() {
    let class = |condition: &str| format!("condition: {{pathRegex: /a}}, responseClasses: [{{{condition}}}]");
    for route in [
        "condition: {}".to_owned(),
        "condition: {not: {}}".to_owned(),
        "condition: {any: [{}]}".to_owned(),
        class("condition: {}"),
        class("condition: {status: {}}"),
        class("condition: {status: {min: 600, max: 700}}"),
        class("condition: {status: {min: 99, max: 200}}"),
        class("condition: {status: {min: 500, max: 400}}"),
    ] {
        check_route(&route, None, true);
    }
}

#[test]
fn case_54_only_the_bad_route_is_left_out_and_the_stream_goes_on() {
    let routes = |bad: &str| {
        let route = |name: &str, condition: &str| format!("{{name: {name}, condition: {condition}}}");
        let routes = [route("a", "{pathRegex: /a}"), route("b", bad), route("c", "{pathRegex: /c}")];
        service("name1", "8989") + &service_profile("ns", &format!("{{routes: [{}]}}", routes.join(", ")))
    };
    let is = |b: &str| {
        format!(
            "profile name1.ns.svc.mycluster.local budget=default parent=core/Service/ns/name1:8989
               profile=linkerd.io/ServiceProfile/ns/name1.ns.svc.mycluster.local
               route {{route=a}} path=/a {b} route {{route=c}} path=/c
               to name1.ns.svc.mycluster.local:8989 10000"
        )
    };
    let mut case = given(&routes("{}"));
    let mut name1 = case.profile(NAME1, "");
    name1.expect(&is(""));
    case.edit(&routes("{pathRegex: /b}"));
    name1.expect(&is("route {route=b} path=/b"));
    case.edit(&routes("{not: {}}"));
    name1.expect(&is(""));
}

#[test]
fn case_55_a_timeout_is_a_duration_as_go_writes_it_or_absent() {
    for (timeout, expect, warned) in [
        ("", "", false),
        (", timeout: 200ms", "timeout=200ms", false),
        (", timeout: 1.5s", "timeout=1.5s", false),
        (", timeout: 1m30s", "timeout=90s", false),
        (", timeout: ''", "", false),
        (", timeout: 0s", "", false),
        (", timeout: soon", "", true),
        (", timeout: '3'", "", true),
    ] {
        check_route(
            &format!("condition: {{pathRegex: /a}}{timeout}"),
            Some(&format!("path=/a {expect}")),
            warned,
        );
    }
}

#[test]
fn case_55_a_retry_budget_is_taken_whole() {
    let itself = "to name1.ns.svc.mycluster.local:8989 10000";
    for (budget, expect, warned) in [
        ("{retryRatio: 0.5, minRetriesPerSecond: 3, ttl: 20s}", "0.5/3/20s", false),
        ("{retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s}", "default", false),
        ("{retryRatio: 0.5, minRetriesPerSecond: 3, ttl: 0s}", "0.5/3/none", true),
        ("{retryRatio: 0.5, minRetriesPerSecond: 3, ttl: soon}", "default", true),
    ] {
        check(&format!("{{retryBudget: {budget}}}"), expect, itself, warned);
    }
}

#[test]
fn rule_3_12_overrides_keep_what_they_name_and_lack_a_port_only_on_paper() {
    let overrides = "[
        {authority: 'a.ns.svc.mycluster.local:80', weight: 500m}, {authority: b.ns.svc.mycluster.local, weight: 1},
        {authority: c.example.com, weight: 0}]";
    check(
        &format!("{{dstOverrides: {overrides}}}"),
        "default",
        "to a.ns.svc.mycluster.local:80 5000
         to b.ns.svc.mycluster.local:8989 10000
         to c.example.com:8989 0",
        true,
    );
}

//! Messages in, text out.

use super::Text;
use crate::{
    cli::{
        moment::Moment,
        style::tests::plain,
        watch::{Answer, Received, View},
    },
    client::test::endpoint,
    pb::{
        destination::{DestinationProfile, RetryBudget, Route, TlsIdentity, WeightedDst},
        meta::{Metadata, Resource, metadata},
    },
};

fn profile(overrides: &[(&str, u32)]) -> DestinationProfile {
    let resource = Resource {
        kind: "Service".into(),
        name: "reviews".into(),
        namespace: "default".into(),
        port: 9080,
        ..Resource::default()
    };
    let ttl = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    let dst = |&(authority, weight): &(&str, u32)| WeightedDst {
        authority: authority.to_owned(),
        weight,
        backend_ref: None,
    };
    DestinationProfile {
        fully_qualified_name: "reviews.default.svc.cluster.local".into(),
        retry_budget: Some(RetryBudget { retry_ratio: 0.2, min_retries_per_second: 10, ttl }),
        dst_overrides: overrides.iter().map(dst).collect(),
        parent_ref: Some(Metadata { kind: Some(metadata::Kind::Resource(resource)) }),
        ..DestinationProfile::default()
    }
}

const V2: &str = "reviews-v2.default.svc.cluster.local:9080";
const V3: &str = "reviews-v3.default.svc.cluster.local:9080";

fn half_and_half() -> DestinationProfile {
    profile(&[(V2, 5000), (V3, 5000)])
}

fn route(name: &str, millis: i32) -> Route {
    Route {
        metrics_labels: [("route".to_owned(), name.to_owned())].into(),
        timeout: (millis > 0).then(|| prost_types::Duration { seconds: 0, nanos: millis * 1_000_000 }),
        is_retryable: millis > 0,
        ..Route::default()
    }
}

fn first(message: DestinationProfile, once: bool) -> (String, Answer) {
    let mut out = Vec::new();
    let received = Received { at: Moment::test(0), message };
    let answer = Text::new("reviews.default.svc.cluster.local:9080").first(&mut out, received, once).unwrap();
    (plain(out), answer)
}

/// What is shown when the one follows the other.
fn change(before: DestinationProfile, after: DestinationProfile) -> String {
    let mut view = Text::new("reviews.default.svc.cluster.local:9080");
    let at = Moment::test(0);
    view.first(&mut Vec::new(), Received { at: at.clone(), message: before }, false).unwrap();
    let mut out = Vec::new();
    view.more(&mut out, vec![Received { at, message: after }]).unwrap();
    plain(out)
}

#[test]
fn a_split() {
    let (text, answer) = first(half_and_half(), true);
    assert_eq!(
        text,
        "\
reviews.default.svc.cluster.local:9080: 2 overrides

name          reviews.default.svc.cluster.local
opaque        no
retry budget  20 % of requests, at least 10 a second, over 10s
parent        Service default/reviews port 9080

AUTHORITY                                  WEIGHT    SHARE
reviews-v2.default.svc.cluster.local:9080    5000  50.00 %
reviews-v3.default.svc.cluster.local:9080    5000  50.00 %
"
    );
    assert_eq!(answer, Answer::Something);
}

#[test]
fn routes_and_no_overrides() {
    let mut message = profile(&[]);
    message.opaque_protocol = true;
    message.routes = vec![route("GET /b", 250), route("GET /a", 0), Route::default()];
    assert_eq!(
        first(message, false).0,
        "\
reviews.default.svc.cluster.local:9080: no overrides: traffic goes to the service itself

name          reviews.default.svc.cluster.local
opaque        yes
retry budget  20 % of requests, at least 10 a second, over 10s
parent        Service default/reviews port 9080

ROUTE      TIMEOUT  RETRYABLE
GET /b      0.250s  yes
GET /a           -  no
(unnamed)        -  no

"
    );
}

#[test]
fn an_endpoint() {
    let message = DestinationProfile {
        endpoint: Some(endpoint("10.0.0.1:80=10000 x/reviews-v1-0")),
        ..DestinationProfile::default()
    };
    assert_eq!(
        first(message, true).0,
        "\
reviews.default.svc.cluster.local:9080: a single endpoint

opaque        no
endpoint      10.0.0.1:80 (pod reviews-v1-0)
"
    );
}

#[test]
fn the_empty_profile_is_explained() {
    for (once, expect) in [(true, "\
reviews.default.svc.cluster.local:9080: the empty profile: the server knows no such service or port
"), (false, "\
reviews.default.svc.cluster.local:9080: the empty profile: the server knows no such service or port; still watching
")] {
        let (text, answer) = first(DestinationProfile::default(), once);
        assert_eq!((text.as_str(), answer), (expect, Answer::Nothing));
    }
}

#[test]
fn changes() {
    let with = |change: fn(&mut DestinationProfile)| {
        let mut profile = half_and_half();
        change(&mut profile);
        profile
    };
    let endpoint_with_identity = {
        let mut message =
            DestinationProfile { endpoint: Some(endpoint("10.0.0.1:80=1")), ..DestinationProfile::default() };
        message.endpoint.as_mut().unwrap().tls_identity = Some(TlsIdentity::default());
        message
    };
    for (before, after, expect) in [
        (half_and_half(), profile(&[(V2, 9000), (V3, 1000)]), "\
14:03:07.000 ~ changed reviews-v2.default.svc.cluster.local:9080  weight 5000 -> 9000, share 50.00 % -> 90.00 %
14:03:07.000 ~ changed reviews-v3.default.svc.cluster.local:9080  weight 5000 -> 1000, share 50.00 % -> 10.00 %
14:03:07.000 = now     reviews-v2 90.00 % | reviews-v3 10.00 %
"),
        (half_and_half(), profile(&[(V2, 5000), ("reviews-v2.other.svc.cluster.local:9080", 15_000)]), "\
14:03:07.000 + added   reviews-v2.other.svc.cluster.local:9080    weight 15000, share 75.00 %
14:03:07.000 - removed reviews-v3.default.svc.cluster.local:9080
14:03:07.000 = now     reviews-v2.default.svc.cluster.local:9080 25.00 % | reviews-v2.other.svc.cluster.local:9080 75.00 %
"),
        (half_and_half(), profile(&[]), "\
14:03:07.000 - removed reviews-v2.default.svc.cluster.local:9080
14:03:07.000 - removed reviews-v3.default.svc.cluster.local:9080
14:03:07.000 = now     no overrides: traffic goes to the service itself
"),
        (half_and_half(), profile(&[(V3, 5000), (V2, 5000)]), "\
14:03:07.000 ~ changed overrides: only their order or their references
"),
        (half_and_half(), half_and_half(), "\
14:03:07.000 ! odd     the same profile again
"),
        (half_and_half(), DestinationProfile::default(), "\
14:03:07.000 - removed now the empty profile: the server knows no such service or port; still watching
"),
        (DestinationProfile::default(), profile(&[(V2, 5000)]), "\
14:03:07.000 + added   reviews-v2.default.svc.cluster.local:9080  weight 5000, share 100.00 %
14:03:07.000 ~ changed name: none -> reviews.default.svc.cluster.local
14:03:07.000 ~ changed retry budget: none -> 20 % of requests, at least 10 a second, over 10s
14:03:07.000 ~ changed parent: none -> Service default/reviews port 9080
14:03:07.000 = now     reviews-v2 100.00 %
"),
        (
            with(|profile| profile.routes = vec![route("a", 1), route("b", 1), route("c", 1)]),
            with(|profile| {
                profile.routes = vec![route("b", 2), route("c", 1), route("d", 1)];
                profile.opaque_protocol = true;
                profile.retry_budget = None;
            }),
            "\
14:03:07.000 ~ changed opaque: no -> yes
14:03:07.000 ~ changed retry budget: 20 % of requests, at least 10 a second, over 10s -> none
14:03:07.000 ~ changed routes: - a, ~ b, + d (now 3)
",
        ),
        (
            with(|profile| profile.routes = vec![route("a", 1), route("b", 1)]),
            with(|profile| profile.routes = vec![route("b", 1), route("a", 1)]),
            "\
14:03:07.000 ~ changed routes: only their order (now 2)
",
        ),
        (
            DestinationProfile { endpoint: Some(endpoint("10.0.0.1:80=1")), ..DestinationProfile::default() },
            endpoint_with_identity,
            "\
14:03:07.000 ~ changed details that only -o json shows
",
        ),
    ] {
        assert_eq!(change(before, after), expect);
    }
}

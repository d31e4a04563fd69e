//! How answers are told apart, and what of them is shown.

use super::{Replica, ask::Answers, json, text, ways::Ways};
use crate::{
    cli::style::tests::plain,
    client::{
        Endpoints, HostPort,
        test::{add, no_endpoints},
    },
    pb::destination::{DestinationProfile, ProtocolHint, Route, Update, WeightedDst, update},
};

/// A replica that said this; its port is its number.
fn replica(number: u16, said: Update, profile: DestinationProfile) -> Replica {
    let mut endpoints = Endpoints::new();
    endpoints.fold(said);
    let answers = Ok(Answers::new(Some(endpoints), profile));
    Replica { addr: HostPort::new("h", number), tls: None, answers }
}

fn profile(overrides: &[(&str, u32)]) -> DestinationProfile {
    let dst = |(authority, weight): &(&str, u32)| WeightedDst {
        authority: (*authority).to_owned(),
        weight: *weight,
        backend_ref: None,
    };
    DestinationProfile { dst_overrides: overrides.iter().map(dst).collect(), ..DestinationProfile::default() }
}

#[track_caller]
fn check(replicas: &[Replica], expect: &str) {
    let mut out = Vec::new();
    text::write(&mut out, "a:80", &Ways::of(replicas)).unwrap();
    assert_eq!(plain(out), expect);
}

#[test]
fn the_order_of_what_is_said_makes_no_difference() {
    let one =
        replica(1, add(&["1.0.0.1:80=1 a/p", "1.0.0.2:80=2 b/q"]), profile(&[("a:80", 1), ("b:80", 2)]));
    let two =
        replica(2, add(&["1.0.0.2:80=2 b/q", "1.0.0.1:80=1 a/p"]), profile(&[("b:80", 2), ("a:80", 1)]));
    check(&[one, two], "equal: 2 replicas answer the same: 2 endpoints, 2 overrides\n");

    let nothing = |number| replica(number, no_endpoints(false), DestinationProfile::default());
    check(&[nothing(1)], "nothing to compare: only 1 replica answers: no such service, the empty profile\n");
    check(&[], "");
}

#[test]
fn only_what_differs_is_shown_by_who_says_what() {
    let mut third = add(&["1.0.0.1:80=1", "1.0.0.2:80=3"]);
    if let Some(update::Update::Add(set)) = &mut third.update {
        set.addrs[1].protocol_hint = Some(ProtocolHint::default());
    }
    let replicas = [
        replica(1, add(&["1.0.0.1:80=1", "1.0.0.2:80=1"]), profile(&[("a:80", 1), ("b:80", 1)])),
        replica(2, add(&["1.0.0.1:80=1"]), profile(&[("a:80", 1)])),
        replica(3, third, profile(&[("a:80", 1), ("b:80", 1)])),
        replica(4, add(&["1.0.0.1:80=1"]), profile(&[("a:80", 1)])),
    ];
    check(
        &replicas,
        "\
different: 4 replicas answer a:80 in 3 ways
  h:1
  h:2, h:4
  h:3

Get
ENDPOINT    h:1          h:2 +1      h:3          DIFFERS
endpoints   2 endpoints  1 endpoint  2 endpoints
1.0.0.2:80  1 (50.00 %)  -           3 (75.00 %)  not there

GetProfile
OVERRIDE  h:1          h:2 +1  h:3          DIFFERS
b:80      1 (50.00 %)  -       1 (50.00 %)  weight
",
    );
}

#[test]
fn fields_of_a_profile_that_differ_are_named() {
    let with_routes = |routes| DestinationProfile {
        routes: vec![Route::default(); routes],
        opaque_protocol: routes == 1,
        ..profile(&[("a:80", 1)])
    };
    let replicas = [1, 2].map(|number| replica(number, add(&["1.0.0.1:80=1"]), with_routes(number.into())));
    let mut out = Vec::new();
    text::write(&mut out, "a:80", &Ways::of(&replicas)).unwrap();
    let out = plain(out);
    assert!(out.contains("\nGet: equal\n\nGetProfile\n"), "{out}");
    assert!(out.contains("\nopaque_protocol  true       false\nroutes           #"), "{out}");
}

#[test]
fn what_is_too_much_to_read_is_counted_but_in_json() {
    let many = |number: u16, weight: u16| {
        let addrs: Vec<_> = (0..100).map(|i| format!("1.0.0.{i}:80={weight}")).collect();
        let addrs: Vec<_> = addrs.iter().map(String::as_str).collect();
        replica(number, add(&addrs), DestinationProfile::default())
    };
    let replicas: Vec<_> = (1..=12).map(|number| many(number, number)).collect();
    let ways = Ways::of(&replicas);
    let mut out = Vec::new();
    text::write(&mut out, "a:80", &ways).unwrap();
    let out = plain(out);
    assert!(out.contains("\nand 50 more; -o json has all answers\nand 4 more ways; -o json"), "{out}");
    let mut out = Vec::new();
    json::write(&mut out, "a:80", &ways, &[]).unwrap();
    assert_eq!(plain(out).matches("\"addr\"").count(), 1200);
}

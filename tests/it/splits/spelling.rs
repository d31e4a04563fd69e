//! Weights and splits as users spell them, read from JSON: T31, T46 to T48, T51, T53 to T57.

use serde_json::{Value, json};
use switchyard::{
    model::{Kind, NsName, ObjectId},
    source::{Event, convert::convert},
};

use crate::mesh::{Mesh, RETURN, row};

const SERVICES: &str =
    "service web 80; endpoints web W1; service a 80; endpoints a A1 A2; service b 80; endpoints b B1 B2";
const VERSIONS: [&str; 4] = ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"];

/// A split of `web` over `a` and `b` with these weights; absent where there is none.
fn split(version: &str, a: Option<Value>, b: Option<Value>) -> Value {
    let backend = |name: &str, weight: Option<Value>| {
        let mut backend = json!({"service": name});
        if let Some(weight) = weight {
            backend["weight"] = weight;
        }
        backend
    };
    json!({
        "apiVersion": format!("split.smi-spec.io/{version}"), "kind": "TrafficSplit",
        "metadata": {"name": "split", "namespace": "d", "creationTimestamp": "2019-08-30T00:00:00Z"},
        "spec": {"service": "web", "backends": [backend("a", a), backend("b", b)]},
    })
}

#[track_caller]
fn check(version: &str, a: Value, b: Value, merged: &str, profile: &str, warnings: &str) {
    row(format!("{version} {a} : {b}"));
    let mut mesh = Mesh::given(SERVICES);
    mesh.read(&[split(version, Some(a), Some(b))]);
    mesh.watch("web").expect(&format!("add {merged}"), "add W1=10k", profile);
    mesh.expect_warnings(warnings);
}

const HALVES: &str = "A1..A2=250M B1..B2=250M";

#[test]
fn t46_numbers_and_quantities_mean_the_same_in_every_version() {
    for version in VERSIONS {
        for five in
            [json!(5), json!("5"), json!("5000m"), json!(5.0), json!("5.0"), json!("+5"), json!("5e0")]
        {
            check(version, five, json!(5), HALVES, "a=50000 b=50000", "");
        }
    }
}

#[test]
fn t46_an_object_that_was_relabelled_unconverted_keeps_its_ratio() {
    let odd = "split odd_weight; split odd_weight";
    check("v1alpha1", json!("500m"), json!("500m"), HALVES, "a=5000 b=5000", "");
    check("v1alpha2", json!("500m"), json!("500m"), HALVES, "a=5000 b=5000", odd);
    check("v1alpha1", json!(90), json!(10), "A1..A2=450M B1..B2=50M", "a=900000 b=100000", "");
}

#[test]
fn t47_without_splits_nothing_is_split_and_one_of_any_version_is_picked_up_later() {
    for version in VERSIONS {
        let mut mesh = Mesh::given(SERVICES);
        let mut web = mesh.watch("web");
        web.expect("add W1=10k", "add W1=10k", "web=10000");
        mesh.read(&[split(version, Some(json!(1)), Some(json!(1)))]);
        web.expect("add A1..A2=250M B1..B2=250M; remove W1", "", "a=10000 b=10000");
    }
}

#[test]
fn t48_matches_are_noticed_in_json() {
    let matches = json!([{"kind": "HTTPRouteGroup", "name": "canary"}]);
    for (matches, applied) in [(matches, false), (json!([]), true), (Value::Null, true)] {
        let mut mesh = Mesh::given(SERVICES);
        let mut object = split("v1alpha3", Some(json!(1)), Some(json!(1)));
        object["spec"]["matches"] = matches;
        mesh.read(&[object]);
        let merged = if applied { "add A1..A2=250M B1..B2=250M" } else { "add W1=10k" };
        mesh.merged("web").expect(merged);
        mesh.expect_warnings(if applied { "" } else { "split matches_unsupported" });
    }
}

#[test]
fn t51_weights_beyond_all_bounds_keep_their_ratio() {
    let even = |weight: Value, warnings: &str| {
        check("v1alpha1", weight.clone(), weight, HALVES, "a=500000000 b=500000000", warnings);
    };
    even(json!(u32::MAX), "");
    even(json!(i64::MAX), "split odd_weight; split odd_weight");
    even(json!(u64::MAX), "split odd_weight; split odd_weight");
    even(json!(1e30), "split odd_weight; split odd_weight");
    even(json!("1e30"), "split odd_weight; split odd_weight");
    even(json!("12345678901234567890"), "split odd_weight; split odd_weight");
    even(json!("99999999999999999999999"), "split odd_weight; split odd_weight");
    even(json!("16Ei"), "split odd_weight; split odd_weight");
}

/// A split over which a version with this weight comes: it stays as it was, because the new version is rejected.
#[track_caller]
fn check_rejected(version: &str, weight: Value) {
    row(format!("{version} {weight}"));
    let bad = split(version, Some(weight), Some(json!(10)));
    let rejection = convert(Kind::TrafficSplit, &bad).expect_err("it is no weight");
    assert_eq!(rejection.path, "spec.backends[0].weight", "{rejection}");
    let mut mesh = Mesh::given(SERVICES);
    mesh.read(&[split(version, Some(json!(1)), Some(json!(1)))]);
    let mut web = mesh.watch("web");
    web.expect("add A1..A2=250M B1..B2=250M", "add W1=10k", "a=10000 b=10000");
    let id = ObjectId { kind: Kind::TrafficSplit, name: NsName::new("d", "split") };

    mesh.apply(vec![Event::ReplaceExcept(Kind::TrafficSplit, vec![], [id].into())]);

    mesh.wait(RETURN);
    web.expect_nothing();
}

#[test]
fn t53_a_negative_weight_rejects_the_split() {
    check_rejected("v1alpha2", json!(-5));
    check_rejected("v1alpha1", json!("-5"));
    check_rejected("v1alpha1", json!("-1n"));
}

#[test]
fn t54_what_is_no_weight_rejects_the_split() {
    for garbage in [
        json!("abc"),
        json!(""),
        json!(true),
        json!({}),
        json!([]),
        json!("NaN"),
        json!("1e400"),
        json!("0x10"),
        json!(" 5"),
        json!("5 "),
        json!("5%"),
        json!("1.2.3"),
        json!("5M5"),
        json!("ü"),
        json!("Infinity"),
        json!("99O"),
    ] {
        check_rejected("v1alpha1", garbage.clone());
        check_rejected("v1alpha4", garbage);
    }
}

#[test]
fn t55_a_fraction_is_exact_and_odd_where_whole_numbers_belong() {
    let odd = "split odd_weight; split odd_weight";
    check("v1alpha2", json!(1.5), json!(1.5), HALVES, "a=15000 b=15000", odd);
    check("v1alpha1", json!("1.5"), json!("1500m"), HALVES, "a=15000 b=15000", "");
}

#[test]
fn t56_an_absent_weight_is_zero_with_a_warning() {
    let mut mesh = Mesh::given(SERVICES);
    mesh.read(&[split("v1alpha1", None, Some(json!(1)))]);
    mesh.watch("web").expect("add B1..B2=500M", "add W1=10k", "a=0 b=10000");
    mesh.expect_warnings("split bad_weight");
}

#[test]
fn t57_sub_milli_quantities_round_up() {
    check("v1alpha1", json!("1u"), json!("1u"), HALVES, "a=10 b=10", "split odd_weight; split odd_weight");
    check("v1alpha1", json!("1n"), json!("1m"), HALVES, "a=10 b=10", "split odd_weight");
}

#[test]
fn t12_units_may_be_mixed() {
    check("v1alpha1", json!("1"), json!("500m"), "A1..A2=333333333 B1..B2=166666667", "a=10000 b=5000", "");
    check("v1alpha1", json!("1k"), json!(1000), HALVES, "a=10000000 b=10000000", "");
}

#[test]
fn t31_metadata_of_a_split_says_nothing() {
    let mut mesh = Mesh::given(SERVICES);
    let mut object = split("v1alpha1", Some(json!("500m")), Some(json!("500m")));
    mesh.read(&[object.clone()]);
    let mut web = mesh.watch("web");
    web.expect("add A1..A2=250M B1..B2=250M", "add W1=10k", "a=5000 b=5000");
    object["metadata"]["labels"] = json!({"x": "y"});
    object["metadata"]["annotations"] = json!({"x": "y"});
    object["metadata"]["resourceVersion"] = json!("123");
    object["metadata"]["generation"] = json!(7);
    object["status"] = json!({"phase": "Fine"});
    mesh.read(&[object]);
    mesh.wait(RETURN);
    web.expect_nothing();
}

#[test]
fn split_without_backends_serves_the_apex() {
    let mut mesh = Mesh::given(SERVICES);
    let mut object = split("v1alpha2", None, None);
    object["spec"]["backends"] = json!([]);
    mesh.read(&[object]);
    mesh.watch("web").expect("add W1=10k", "add W1=10k", "web=10000");
    mesh.expect_warnings("split nothing_weighted");
}

#[test]
fn split_whose_backends_are_missing_or_no_list_or_not_all_objects_is_rejected() {
    let good = json!({"service": "a", "weight": 1});
    for (backends, path) in [
        (Value::Null, "spec.backends"),
        (json!({}), "spec.backends"),
        (json!("a"), "spec.backends"),
        (json!([good, "a"]), "spec.backends[1]"),
        (json!([good, {"weight": 5}]), "spec.backends[1].service"),
    ] {
        let mut object = split("v1alpha2", None, None);
        object["spec"]["backends"] = backends;
        let rejection = convert(Kind::TrafficSplit, &object).expect_err("it is no split");
        assert_eq!(rejection.path, path, "{object}");
    }
}

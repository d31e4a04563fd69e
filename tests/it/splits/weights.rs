//! What a split gives to each endpoint and says in the profile: T01 to T15, T21 to T23, T38 to T41, T45, T49,
//! T50, T52, T57, T58.

use crate::mesh::{Mesh, row};

/// A service `web` with W1, W2 and W3, split over backends with these endpoints.
fn split(backends: &str, endpoints: &str) -> Mesh {
    let mut script = format!("service web 80; endpoints web W1 W2 W3; split web {backends}\n");
    for line in endpoints.split(';').map(str::trim) {
        let (name, words) = line.split_once(' ').unwrap_or((line, ""));
        script += &format!("service {name} 80; endpoints {name} {words}\n");
    }
    Mesh::given(&script)
}

/// First answers: backends, their endpoints, the profile's overrides, the merged set.
#[track_caller]
fn check(id: &str, backends: &str, endpoints: &str, profile: &str, merged: &str) {
    row(id);
    let mesh = split(backends, endpoints);
    mesh.watch("web").expect(&format!("add {merged}"), "add W1..W3=10k", profile);
    mesh.expect_warnings("");
}

#[test]
fn t01_without_a_split_every_endpoint_weighs_the_same() {
    let mesh = Mesh::given("service web 80; endpoints web W1 W2 W3");
    mesh.watch("web").expect("add W1..W3=10k", "add W1..W3=10k", "web=10000");
    mesh.expect_warnings("");
}

#[test]
fn t02_to_t13_shares_are_parts_per_billion_and_overrides_are_linkerds() {
    check("T02", "a=500m b=500m", "a A1; b B1", "a=5000 b=5000", "A1=500M B1=500M");
    check("T03", "a=50 b=50", "a A1; b B1", "a=500000 b=500000", "A1=500M B1=500M");
    check("T04", "a=50 b=50", "a A1; b B1..B3", "a=500000 b=500000", "A1=500M B1..B3=166666667");
    check("T05", "a=50 b=50", "a A1..A2; b B1..B7", "a=500000 b=500000", "A1..A2=250M B1..B7=71428571");
    check("T06", "a=1 b=99", "a A1; b B1", "a=10000 b=990000", "A1=10M B1=990M");
    check("T07", "a=1 b=99", "a A1..A10; b B1..B3", "a=10000 b=990000", "A1..A10=1M B1..B3=330M");
    check("T08", "a=99 b=1", "a A1..A3; b B1..B1000", "a=990000 b=10000", "A1..A3=330M B1..B1000=10k");
    check(
        "T09",
        "a=1 b=1 c=1",
        "a A1; b B1; c C1",
        "a=10000 b=10000 c=10000",
        "A1=333333333 B1=333333333 C1=333333333",
    );
    check(
        "T10",
        "a=1 b=2 c=4",
        "a A1..A5; b B1..B5; c C1..C5",
        "a=10000 b=20000 c=40000",
        "A1..A5=28571429 B1..B5=57142857 C1..C5=114285714",
    );
    check(
        "T11",
        "a=10m b=100m c=1500m",
        "a A1; b B1; c C1",
        "a=100 b=1000 c=15000",
        "A1=6211180 B1=62111801 C1=931677019",
    );
    check("T12", "a=1 b=500m", "a A1; b B1", "a=10000 b=5000", "A1=666666667 B1=333333333");
    check("T13", "a=100 b=0", "a A1 A2; b B1 B2", "a=1000000 b=0", "A1=500M A2=500M");
}

#[test]
fn t14_a_split_of_zeros_is_the_apex_itself_and_a_warning() {
    let mesh = split("a=0 b=0", "a A1; b B1");
    mesh.watch("web").expect("add W1..W3=10k", "add W1..W3=10k", "web=10000");
    mesh.expect_warnings("split nothing_weighted");
}

#[test]
fn t15_a_single_backend_of_weight_zero_never_gets_everything() {
    let mesh = split("a=0", "a A1");
    mesh.watch("web").expect("add W1..W3=10k", "add W1..W3=10k", "web=10000");
    mesh.expect_warnings("split nothing_weighted");
}

#[test]
fn a_split_without_backends_is_the_apex_itself_and_a_warning() {
    let mesh = Mesh::given("service web 80; endpoints web W1 W2 W3; split web");
    mesh.watch("web").expect("add W1..W3=10k", "add W1..W3=10k", "web=10000");
    mesh.expect_warnings("split nothing_weighted");
}

#[test]
fn t21_an_address_of_two_backends_appears_once_with_the_sum() {
    let merged = "A1..A3=75M B1..B3=175M X1=250M";
    check("T21", "a=30 b=70", "a X1 A1..A3; b X1 B1..B3", "a=300000 b=700000", merged);
}

#[test]
fn t22_being_an_endpoint_of_the_apex_adds_nothing() {
    let mesh = Mesh::given(
        "service web 80; endpoints web B1 B2; split web a=50 b=50
         service a 80; endpoints a A1; service b 80; endpoints b B1 B2",
    );
    mesh.watch("web").expect("add A1=500M B1=250M B2=250M", "add B1=10k B2=10k", "a=500000 b=500000");
}

#[test]
fn t23_an_address_that_leaves_one_of_its_backends_stays_with_the_others_share() {
    let mut mesh = split("a=30 b=70", "a X1 A1..A3; b X1 B1..B3");
    let mut web = mesh.merged("web");
    web.expect("add A1..A3=75M B1..B3=175M X1=250M");
    mesh.edit("endpoints b B1..B3");
    web.expect("add X1=75M B1..B3=233333333");
}

#[test]
fn t38_the_apex_among_its_backends_means_its_own_endpoints() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1 W2 W3; split web web=900 a=100; service a 80; endpoints a A1",
    );
    mesh.watch("web").expect("add W1..W3=300M A1=100M", "add W1..W3=10k", "web=9000000 a=1000000");
    mesh.expect_warnings("");
}

#[test]
fn t39_a_split_to_itself_alone_keeps_the_ratios() {
    let mesh = Mesh::given("service web 80; endpoints web W1 W2 W3; split web web=1");
    mesh.watch("web").expect("add W1..W3=333333333", "add W1..W3=10k", "web=10000");
    mesh.expect_warnings("");
}

#[test]
fn t40_a_backend_that_is_the_apex_of_another_split_is_not_expanded() {
    let mesh = Mesh::given(
        "service web 80; service a 80; service c 80; endpoints a A1 A2; endpoints c C1
         split web name=s1 a=1; split a name=s2 c=1",
    );
    mesh.watch("web").expect("add A1..A2=500M", "empty", "a=10000");
    mesh.watch("a").expect("add C1=1000M", "add A1..A2=10k", "c=10000");
}

#[test]
fn t41_splits_in_a_circle_are_one_level_each() {
    let mesh = Mesh::given(
        "service web 80; service a 80; endpoints web W1; endpoints a A1
         split web name=s1 a=1; split a name=s2 web=1",
    );
    mesh.watch("web").expect("add A1=1000M", "add W1=10k", "a=10000");
    mesh.watch("a").expect("add W1=1000M", "add A1=10k", "web=10000");
}

#[test]
fn t45_endpoints_of_weight_zero_are_never_sent() {
    let mesh = split("canary=0 primary=100", "canary C1 C2; primary P1 P2");
    let mut web = mesh.merged("web");
    web.expect("add P1..P2=500M");
    mesh.profile("web").expect("canary=0 primary=1000000");
    mesh.expect_warnings("");
}

#[test]
fn t49_overrides_that_would_overflow_are_scaled_to_a_billion() {
    check("T49", "a=300000 b=300000", "a A1; b B1", "a=500000000 b=500000000", "A1=500M B1=500M");
}

#[test]
fn t50_scaling_keeps_the_ratio() {
    check("T50", "a=429497 b=1", "a A1; b B1", "a=999997671 b=2328", "A1=999997672 B1=2328");
}

#[test]
fn overrides_are_sent_as_they_are_up_to_the_last_sum_that_fits() {
    // Overrides are multiples of 10, so 4294967290 is the largest sum below 2^32.
    check("fits", "a=429496 b=729m", "a A1; b B1", "a=4294960000 b=7290", "A1=999998303 B1=1697");
    check("one more", "a=429496 b=730m", "a A1; b B1", "a=999998300 b=1699", "A1=999998300 B1=1700");
}

#[test]
fn t52_the_smallest_share_is_one_and_never_nothing() {
    let merged = "A1..A3=1 B1=1000M";
    check("T52", "a=1m b=1000000000", "a A1..A3; b B1", "a=1 b=999999999", merged);
}

#[test]
fn t52_the_floor_may_level_what_is_left_of_a_split() {
    // Accepted: the price of never touching another backend's weights.
    let mut mesh = split("a=1m b=2m c=1000000000", "a A1; b B1; c C1");
    let mut web = mesh.merged("web");
    web.expect("add A1=1 B1=1 C1=1000M");
    mesh.edit("endpoints c");
    web.expect("remove C1");
}

#[test]
fn t57_less_than_a_thousandth_is_a_thousandth() {
    check("T57", "a=1u b=1u", "a A1; b B1", "a=10 b=10", "A1=500M B1=500M");
}

#[test]
fn t58_a_backend_that_is_listed_twice_has_the_sum() {
    let mesh = split("a=30 a=20 b=50", "a A1; b B1");
    mesh.watch("web").expect("add A1=500M B1=500M", "add W1..W3=10k", "a=500000 b=500000");
    mesh.expect_warnings("split duplicate_backend");
}

#[test]
fn overrides_are_in_the_order_of_the_split() {
    check(
        "order",
        "c=1 a=2 b=3",
        "a A1; b B1; c C1",
        "c=10000 a=20000 b=30000",
        "A1=333333333 B1=500M C1=166666667",
    );
}

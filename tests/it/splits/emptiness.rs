//! Backends that are missing, empty, or come back: T16 to T20, and a backend's weight in the profile (D10).

use crate::mesh::{DRAIN, Mesh, RETURN, Settings};
use switchyard::resolve::Options;

const LEAF: &str = "add W1..W3=10k";

#[track_caller]
fn given(objects: &str) -> Mesh {
    Mesh::given(&format!("service web 80; endpoints web W1 W2 W3; split web a=50 b=50; {objects}"))
}

#[test]
fn t16_a_missing_backend_leaves_its_share_to_the_others() {
    let mesh = given("service a 80; endpoints a A1 A2");
    mesh.watch("web").expect("add A1..A2=250M", LEAF, "a=500000 b=0");
    mesh.expect_warnings("split backend_missing");
    mesh.expect_warned_fields(&["spec.backends[1].service"]);
}

#[test]
fn t17_a_backend_that_appears_says_nothing_of_the_others() {
    let mut mesh = given("service a 80; endpoints a A1 A2");
    let mut web = mesh.watch("web");
    web.expect("add A1..A2=250M", LEAF, "a=500000 b=0");
    mesh.edit("service b 80; endpoints b B1 B2");
    mesh.wait(RETURN);
    web.expect("add B1..B2=250M", "", "a=500000 b=500000");
    mesh.expect_warnings("");
}

#[test]
fn t18_an_empty_backend_leaves_its_share_to_the_others() {
    let mesh = given("service a 80; endpoints a A1 A2; service b 80; endpoints b B1(off)");
    mesh.watch("web").expect("add A1..A2=250M", LEAF, "a=500000 b=0");
    mesh.expect_warnings("split backend_empty");
}

#[test]
fn t19_if_all_backends_are_empty_there_is_nothing_and_not_the_apex() {
    let mesh = given("service a 80; service b 80; endpoints b");
    mesh.watch("web").expect("empty", LEAF, "a=500000 b=500000");
    mesh.expect_warnings("split backend_empty; split backend_empty");
}

#[test]
fn t20_if_all_backends_are_missing_there_is_nothing_and_not_the_apex() {
    let mesh = given("");
    mesh.watch("web").expect("empty", LEAF, "a=500000 b=500000");
    mesh.expect_warnings("split backend_missing; split backend_missing");
}

#[test]
fn backends_of_weight_zero_do_not_stand_in_for_empty_ones() {
    let mut mesh = given("service a 80; endpoints a A1; service b 80; endpoints b B1");
    mesh.edit("split web a=100 b=0; endpoints a");
    mesh.watch("web").expect("empty", LEAF, "a=1000000 b=0");
}

#[test]
fn all_backends_gone_and_one_back() {
    let mut mesh = given("service a 80; endpoints a A1; service b 80; endpoints b B1 B2");
    let mut web = mesh.watch("web");
    web.expect("add A1=500M B1..B2=250M", LEAF, "a=500000 b=500000");
    mesh.edit("endpoints a; endpoints b");
    mesh.wait(DRAIN);
    web.expect("empty", "", "");
    mesh.edit("endpoints b B2");
    mesh.wait(RETURN);
    web.expect("add B2=500M", "", "a=0 b=500000");
    mesh.edit("endpoints a A2");
    mesh.wait(RETURN);
    web.expect("add A2=500M", "", "a=500000 b=500000");
}

#[test]
fn the_last_backend_gone_brings_the_declared_weights_back() {
    let mut mesh = given("service a 80; endpoints a A1; service b 80; endpoints b B1");
    let mut web = mesh.watch("web");
    web.expect("add A1=500M B1=500M", LEAF, "a=500000 b=500000");
    mesh.edit("endpoints a");
    web.expect("remove A1", "", "a=0 b=500000");
    mesh.edit("endpoints b");
    mesh.wait(DRAIN);
    web.expect("empty", "", "a=500000 b=500000");
}

#[test]
fn an_empty_backend_changes_no_other_override_also_when_they_are_scaled() {
    let mut mesh =
        given("service a 80; endpoints a A1; service b 80; endpoints b B1; service c 80; endpoints c C1");
    mesh.edit("split web a=300000 b=300000 c=400000");
    let mut web = mesh.profile("web");
    web.expect("a=300000000 b=300000000 c=400000000");
    mesh.edit("endpoints b");
    web.expect("a=300000000 b=0 c=400000000");
    mesh.edit("endpoints b B2");
    mesh.wait(RETURN);
    web.expect("a=300000000 b=300000000 c=400000000");
}

#[test]
fn a_backend_is_empty_for_one_port_and_not_for_another() {
    let mesh = Mesh::given(
        "service web 80/http 90/admin; split web a=1 b=1
         service a 80/http 90/admin; endpoints a http=80 admin=90 A1
         service b 80/http 90/admin; endpoints b http=80 B1",
    );
    mesh.profile("web:80").expect("a=10000 b=10000");
    mesh.profile("web:90").expect("a=10000 b=0");
    mesh.merged("web:90").expect("add A1:90=500M");
    mesh.expect_warnings("split backend_empty");
}

#[test]
fn endpoints_whose_pod_is_unknown_do_not_count() {
    let mut mesh = given("service a 80; endpoints a A1; service b 80; endpoints b B1(pod=b-1) B2(other)");
    let mut web = mesh.watch("web");
    web.expect("add A1=500M", LEAF, "a=500000 b=0");
    mesh.edit("pod b-1");
    mesh.wait(RETURN);
    web.expect("add B1=500M", "", "a=500000 b=500000");
    mesh.edit("- pod b-1");
    web.expect("remove B1", "", "a=500000 b=0");
}

#[test]
fn endpoints_of_a_family_that_is_not_given_out_do_not_count() {
    let ipv4 = Settings { options: Options { ipv6: false, ..Options::default() }, ..Settings::default() };
    let mesh = Mesh::with(
        ipv4,
        "service web 80; endpoints web W1 W2 W3; split web a=50 b=50
         service a 80; endpoints a A1; service b 80; endpoints b B1v6",
    );
    mesh.leaf("b").expect("empty");
    mesh.watch("web").expect("add A1=500M", LEAF, "a=500000 b=0");
    mesh.expect_warnings("split backend_empty");
}

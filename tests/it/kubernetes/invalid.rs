//! Objects whose new version is invalid, in a cluster: the last valid version stays in force.

use serde_json::{Value, json};
use switchyard::model::Reason;

use super::{A_WHILE, Cluster, fake::Fault};

const SERVICES: &str = "service web; endpoints web W1; service a; endpoints a A1; service b; endpoints b B1";

/// TrafficSplit `d/web` with that uid, all of whose traffic goes to `backend`, if the weight is valid.
fn split(uid: &str, backend: &str, weight: Value) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "d", "uid": uid},
        "spec": {"service": "web", "backends": [{"service": backend, "weight": weight}]},
    })
}

#[test]
fn split_with_a_bad_weight_keeps_its_last_valid_version_until_it_is_valid_or_deleted() {
    let mut cluster = Cluster::with(SERVICES, |api| api.put("trafficsplits", split("u-1", "a", json!(1))));
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=1000M");

    for bad in [json!("99O"), json!(-5), json!("50%")] {
        cluster.api.put("trafficsplits", split("u-1", "b", bad.clone()));
        let words = ["TrafficSplit d/web", "spec.backends[0].weight", "resourceVersion 1", "stays in force"];
        cluster.wait_for("it is named", |c| {
            c.warns(Reason::InvalidObject, &words)
                && c.warns(Reason::InvalidObject, &[bad.as_str().unwrap_or("-5")])
        });
    }
    // A list that has the invalid version leaves it in force as well.
    cluster.api.compact();
    cluster.wait_for("a list", |c| c.api.count("trafficsplits stream") > 1);
    cluster.run_for(A_WHILE);
    cluster.becomes(&mut web, "A1=1000M");
    web.lost_only(&[]);

    cluster.api.delete("trafficsplits", "d/web");
    cluster.becomes(&mut web, "W1=10k");
    cluster.wait_for("nothing is left of it", |c| !c.warns(Reason::InvalidObject, &[]));

    cluster.api.put("trafficsplits", split("u-2", "b", json!(-5)));
    let words = ["no earlier valid version", "traffic to Service web goes to its own endpoints"];
    cluster.wait_for("it is ignored", |c| c.warns(Reason::InvalidObject, &words));
    cluster.becomes(&mut web, "W1=10k");
    cluster.api.put("trafficsplits", split("u-2", "b", json!(5)));
    cluster.becomes(&mut web, "B1=1000M");
}

#[test]
fn split_recreated_between_lists_in_an_invalid_version_is_another_object() {
    for (uid, held) in [("u-1", "A1=1000M"), ("u-2", "W1=10k")] {
        let mut cluster =
            Cluster::with(SERVICES, |api| api.put("trafficsplits", split("u-1", "a", json!(1))));
        let mut web = cluster.merged("web");
        cluster.becomes(&mut web, "A1=1000M");

        cluster.api.fault("trafficsplits", Fault::Refuse(503));
        cluster.run_for(A_WHILE);
        cluster.api.delete("trafficsplits", "d/web");
        cluster.api.put("trafficsplits", split(uid, "b", json!("x")));
        cluster.api.compact();
        cluster.api.heal();

        let word = if uid == "u-1" { "stays in force" } else { "no earlier valid version" };
        cluster.wait_for("it is named", |c| c.warns(Reason::InvalidObject, &["TrafficSplit d/web", word]));
        cluster.becomes(&mut web, held);
    }
}

#[test]
fn split_whose_definition_is_removed_has_no_last_valid_version() {
    let mut cluster = Cluster::with(SERVICES, |api| api.put("trafficsplits", split("u-1", "a", json!(1))));
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=1000M");
    cluster.api.put("trafficsplits", split("u-1", "b", json!("x")));
    cluster.wait_for("it is in force", |c| c.warns(Reason::InvalidObject, &["stays in force"]));

    cluster.api.serve_group("split.smi-spec.io", &[]);
    cluster.becomes(&mut web, "W1=10k");
    cluster.api.serve_group("split.smi-spec.io", &["v1alpha1"]);
    cluster.wait_for("it is ignored", |c| {
        c.warns(Reason::InvalidObject, &["TrafficSplit d/web", "no earlier valid version"])
    });
    cluster.becomes(&mut web, "W1=10k");
}

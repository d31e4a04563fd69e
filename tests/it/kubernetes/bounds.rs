//! Lists of objects in a cluster that are longer than their bounds, which a definition without `maxItems` admits.

use serde_json::{Value, json};
use switchyard::model::Reason;

use super::Cluster;

/// TrafficSplit `d/web` whose traffic goes to `a`, but for its last backend, of `count`, which is `b`.
fn split(count: usize) -> Value {
    let mut backends = vec![json!({"service": "a", "weight": 1}); count];
    backends[count - 1]["service"] = "b".into();
    json!({
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"service": "web", "backends": backends},
    })
}

#[test]
fn split_in_a_cluster_with_more_than_500_backends_uses_the_first_500_with_a_warning() {
    const SERVICES: &str =
        "service web; endpoints web W1; service a; endpoints a A1; service b; endpoints b B1";
    let mut cluster = Cluster::with(SERVICES, |api| api.put("trafficsplits", split(500)));
    let mut web = cluster.merged("web");
    cluster.becomes(&mut web, "A1=998M B1=2M");
    assert!(!cluster.warns(Reason::LimitExceeded, &[]));

    cluster.api.put("trafficsplits", split(501));
    cluster.becomes(&mut web, "A1=1000M");
    let words = ["TrafficSplit d/web", "501 backends are listed and at most 500 are used"];
    cluster.wait_for("it is named", |c| c.warns(Reason::LimitExceeded, &words));

    cluster.api.put("trafficsplits", split(2));
    cluster.becomes(&mut web, "A1=500M B1=500M");
    cluster.wait_for("nothing is left of it", |c| !c.warns(Reason::LimitExceeded, &[]));
}

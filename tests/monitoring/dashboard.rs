//! Every query of the dashboard and of the alerts, asked of a real Prometheus that scrapes a server which is in use.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    deployed,
    prometheus::Prometheus,
    rules,
    server::{Binary, ask, client, copy_of_bookinfo, get, get_profile, next},
};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// Panels that show nothing of a server which serves a folder and with which nothing is wrong, and why.
const EMPTY: [(&str, &str); 2] = [
    ("Informer lag, p99", "a folder has no API server that could be late"),
    ("Lists and watches that failed", "nor one that could fail"),
];

/// What Grafana puts in for its variables, if all is chosen.
fn filled(query: &str) -> String {
    let filled = query.replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "10s");
    assert!(!filled.contains('$'), "a variable that nobody fills: {query}");
    filled
}

fn dashboard() -> Value {
    serde_json::from_str(&deployed("grafana/switchyard.json")).expect("JSON")
}

/// The queries of each panel, by its title.
fn queries(dashboard: &Value) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let queries = |panel: &Value| -> Vec<_> {
        panel["targets"].as_array().expect("targets").iter().map(|target| text(&target["expr"])).collect()
    };
    panels.map(|panel| (text(&panel["title"]), queries(panel))).collect()
}

/// The split with these weights for v2 and v3.
fn weigh(folder: &Path, weights: [&str; 2]) {
    let split = format!(
        "apiVersion: split.smi-spec.io/v1alpha1\nkind: TrafficSplit\nmetadata: {{name: reviews}}\nspec:\n  \
         service: reviews\n  backends:\n  - {{service: reviews-v2, weight: {}}}\n  \
         - {{service: reviews-v3, weight: {}}}\n",
        weights[0], weights[1]
    );
    fs::write(folder.join("next"), split).expect("written");
    fs::rename(folder.join("next"), folder.join("split.yaml")).expect("renamed");
}

#[tokio::test]
#[ignore = "needs Prometheus: apt-get install prometheus"]
async fn every_panel_shows_what_a_server_in_use_does_and_no_alert_is_broken() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let mut endpoints = get(server.grpc, REVIEWS, "").await;
    let mut profile = get_profile(server.grpc, REVIEWS, "").await;
    next(&mut endpoints).await;
    next(&mut profile).await;
    let prometheus = Prometheus::scrape(server.admin, &rules()).await;
    let scraped = async |prometheus: &Prometheus, times: u32| {
        let enough = format!("count_over_time(switchyard_synced[10s]) >= {times}");
        prometheus.query(&enough).await.is_ok_and(|found| !found.is_empty())
    };
    prometheus.wait_for("a scrape", async |prometheus| scraped(prometheus, 1).await).await;

    // After the first scrape, for rates are of what changes between two.
    weigh(manifests.path(), ["1", "3"]);
    next(&mut endpoints).await;
    next(&mut profile).await;
    // Its last valid version stays in force, with a warning.
    weigh(manifests.path(), ["1", "odd"]);
    let mut passing = client(server.grpc).await;
    passing.get(ask("nonsense", "")).await.expect_err("no authority");
    drop(passing.get(ask(REVIEWS, "")).await.expect("the stream opens"));
    drop(passing);
    let over = "increase(switchyard_streams_ended_total[10s]) > 0 and on () \
                increase(switchyard_warnings_raised_total[10s]) > 0";
    prometheus
        .wait_for("all of it is scraped", async |prometheus| {
            prometheus.query(over).await.is_ok_and(|found| !found.is_empty())
        })
        .await;

    assert_eq!(prometheus.scrape_error().await, None);
    let mut wrong = Vec::new();
    for (title, queries) in queries(&dashboard()) {
        for query in queries {
            let found = prometheus.query(&filled(&query)).await;
            let shows = found.as_ref().is_ok_and(|found| found.iter().any(|value| value.is_finite()));
            let may_be_empty = EMPTY.iter().any(|(empty, _)| *empty == title);
            if found.is_err() || shows == may_be_empty {
                wrong.push(format!("{title}: {query}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let evaluated = async |prometheus: &Prometheus| {
        prometheus.alerts().await.iter().all(|alert| alert.health != "unknown")
    };
    prometheus.wait_for("every alert is evaluated", evaluated).await;
    for alert in prometheus.alerts().await {
        assert_eq!((alert.health.as_str(), alert.error.as_str()), ("ok", ""), "{alert:?}");
        assert_eq!(alert.state, "inactive", "nothing is wrong: {alert:?}");
        prometheus.query(&alert.query).await.unwrap_or_else(|error| panic!("{}: {error}", alert.name));
    }

    for variable in dashboard()["templating"]["list"].as_array().expect("variables") {
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        let inner = query.strip_prefix("label_values(").and_then(|query| query.strip_suffix(')'));
        let (series, label) = inner.and_then(|inner| inner.rsplit_once(", ")).expect("the values of a label");
        let values = prometheus.label_values(label, &filled(series)).await.expect("it can be asked");
        assert_eq!(values.len(), 1, "{query}: {values:?}");
    }

    for linkerds in LINKERDS {
        let found = prometheus.query(linkerds).await.unwrap_or_else(|error| panic!("{linkerds}: {error}"));
        assert!(found.iter().any(|value| *value > 0.0), "{linkerds}: {found:?}");
    }
}

/// What people ask Linkerd's destination controller, in sums over all services.
const LINKERDS: [&str; 8] = [
    "sum(endpoints_subscribers)",
    "sum(rate(endpoints_updates[10s]))",
    "sum(profile_subscribers)",
    "sum(rate(profile_updates[10s]))",
    r#"service_cache_size{cluster="local"}"#,
    r#"sum(rate(grpc_server_handled_total{grpc_code!="OK"}[10s])) by (grpc_service, grpc_method)"#,
    "sum(rate(grpc_server_msg_sent_total[10s])) by (grpc_type)",
    "process_resident_memory_bytes",
];

#[test]
fn no_panel_lies_upon_another_and_each_explains_itself() {
    let dashboard = dashboard();
    let grid = |panel: &Value, field: &str| panel["gridPos"][field].as_u64().expect("a number");
    let mut taken = BTreeMap::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("text").to_owned();
        assert!(
            panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
            "{title} explains nothing"
        );
        for x in grid(panel, "x")..grid(panel, "x") + grid(panel, "w") {
            for y in grid(panel, "y")..grid(panel, "y") + grid(panel, "h") {
                assert!(x < 24, "{title} is too wide");
                let other = taken.insert((x, y), title.clone());
                assert_eq!(other, None, "{title} lies upon it");
            }
        }
    }
    let titles = queries(&dashboard);
    assert_eq!(titles.len(), dashboard["panels"].as_array().expect("panels").len(), "two have one title");
    for (empty, _) in EMPTY {
        assert!(titles.contains_key(empty), "{empty} is no panel");
    }
}

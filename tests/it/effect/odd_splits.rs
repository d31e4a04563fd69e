//! Splits that do not divide the traffic as they say: the start-up line, the card of the page and the line of `check` show
//! what clients get.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{WEB, check};
use crate::server::{Binary, PATIENCE};

struct Case {
    name: &'static str,
    yaml: &'static str,
    /// The start-up lines of splits.
    start: &'static [&'static str],
    /// The split of the card of the Service: why it is idle, the other splits, what proxies send instead, and of each group
    /// of ports the backends with their states and shares in percent. `null` if the card has none.
    page: Value,
    /// What the lines of `check` about splits have, one text for each line.
    check: &'static [&'static str],
    /// The Service of the card.
    service: &'static str,
}

const HALVES: &str = "backends: [{service: web-a, weight: 50}, {service: web-b, weight: 50}]";

fn cases() -> Vec<Case> {
    let halves = || json!([[[80], [["web-a", "serving", 50], ["web-b", "serving", 50]]]]);
    let card = |idle: Value, others: Value, instead: Value, ports: Value| json!({ "idle": idle, "others": others, "instead": instead, "ports": ports });
    let divided = |ports: Value| card(json!(null), json!([]), json!([]), ports);
    let idle = |why: &str| card(json!(why), json!([]), json!([]), json!([]));
    const CLUSTER_IP: &str = "only a Service with a cluster IP can be split, so this split does nothing";
    const WEIGHT: &str = "no backend has a positive weight, so the service serves itself";
    vec![
        Case {
            name: "split that is followed",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, HALVES}",
            start: &["default/web:80 -> web-a 50.00 % | web-b 50.00 %"],
            page: divided(halves()),
            check: &[],
            service: "web",
        },
        Case {
            name: "older split of the same apex",
            yaml: "kind: TrafficSplit\nmetadata: {name: a}\nspec: {service: web, HALVES}\n---\n\
                   kind: TrafficSplit\nmetadata: {name: b}\nspec: {service: web, backends: [{service: web-a, weight: 1}]}",
            start: &[
                "default/web:80 -> web-a 50.00 % | web-b 50.00 %",
                "TrafficSplit default/b is not applied: TrafficSplit default/a already splits default/web",
            ],
            page: card(json!(null), json!(["b"]), json!([]), halves()),
            check: &["default/b spec.service: TrafficSplit default/a is older (or first by name)"],
            service: "web",
        },
        Case {
            name: "all weights zero",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 0}, {service: web-b, weight: 0}]}",
            start: &[
                "default/web:80 -> its own endpoints (TrafficSplit default/s is not applied: no backend of its namespace has a \
                 positive weight)",
            ],
            page: idle(WEIGHT),
            check: &["so web serves its own endpoints; give one a weight [nothing_weighted]"],
            service: "web",
        },
        Case {
            name: "no backends",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, backends: []}",
            start: &[
                "default/web:80 -> its own endpoints (TrafficSplit default/s is not applied: no backend of",
            ],
            page: idle(WEIGHT),
            check: &["[nothing_weighted]"],
            service: "web",
        },
        Case {
            name: "all backends in another namespace",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a.shop, weight: 1}]}",
            start: &[
                "default/web:80 -> its own endpoints (TrafficSplit default/s is not applied: no backend of",
            ],
            page: idle(WEIGHT),
            check: &["[nothing_weighted]", "\"web-a.shop\" is not a Service of the split's own namespace"],
            service: "web",
        },
        Case {
            name: "headless apex",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: bare, HALVES}\n---\n\
                   kind: Service\nmetadata: {name: bare}\n\
                   spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}",
            start: &[
                "default/bare:80 -> its own endpoints (TrafficSplit default/s is not applied: the Service is headless)",
            ],
            page: idle(CLUSTER_IP),
            check: &["Service default/bare is headless, so its traffic cannot be split"],
            service: "bare",
        },
        Case {
            name: "ExternalName apex",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: ext, HALVES}\n---\n\
                   kind: Service\nmetadata: {name: ext}\nspec: {type: ExternalName, externalName: example.com}",
            start: &[
                "default/ext -> no endpoints (TrafficSplit default/s is not applied: the Service is an ExternalName)",
            ],
            page: idle(CLUSTER_IP),
            check: &["Service default/ext is an ExternalName"],
            service: "ext",
        },
        Case {
            name: "missing apex",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: wbe, HALVES}",
            start: &[
                "default/wbe -> no endpoints (TrafficSplit default/s is not applied: there is no Service default/wbe)",
            ],
            page: json!(null),
            check: &["there is no Service default/wbe; did you mean web? [apex_missing]"],
            service: "wbe",
        },
        Case {
            name: "apex in another namespace",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web.shop, HALVES}",
            start: &[
                "TrafficSplit default/s is not applied: its apex \"web.shop\" is not a Service of its namespace",
            ],
            page: json!(null),
            check: &["spec.service: \"web.shop\" is not a Service of the split's own namespace"],
            service: "web",
        },
        Case {
            name: "split with matches",
            yaml: "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, matches: [{kind: HTTPRouteGroup, name: x}], HALVES}",
            start: &[
                "default/web:80 -> its own endpoints (TrafficSplit default/s is not applied: it has matches)",
            ],
            page: json!(null),
            check: &["spec.matches: the split has matches"],
            service: "web",
        },
        Case {
            name: "split with matches beside one without",
            yaml: "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: a}\n\
                   spec: {service: web, matches: [{kind: HTTPRouteGroup, name: x}], backends: [{service: web-a, weight: 1}]}\n\
                   ---\nkind: TrafficSplit\nmetadata: {name: b}\nspec: {service: web, HALVES}",
            start: &[
                "default/web:80 -> web-a 50.00 % | web-b 50.00 %",
                "TrafficSplit default/a is not applied: it has matches",
            ],
            page: card(json!(null), json!(["a"]), json!([]), halves()),
            check: &["default/a spec.matches: the split has matches"],
            service: "web",
        },
        Case {
            name: "missing backend",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 50}, {service: web-z, weight: 50}]}",
            start: &["default/web:80 -> web-a 100.00 % | web-z (no endpoints)"],
            page: divided(json!([[[80], [["web-a", "serving", 100], ["web-z", "missing", 0]]]])),
            check: &["spec.backends[1].service: there is no Service default/web-z"],
            service: "web",
        },
        Case {
            name: "backend without endpoints",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 1}, {service: old, weight: 99}]}\n---\n\
                   kind: Service\nmetadata: {name: old}\nspec: {selector: {app: old}, ports: [{port: 80}]}",
            start: &["default/web:80 -> web-a 100.00 % | old (no endpoints)"],
            page: divided(json!([[[80], [["web-a", "serving", 100], ["old", "empty", 0]]]])),
            check: &["Service default/old has no ready endpoint on port 80"],
            service: "web",
        },
        Case {
            name: "every backend without endpoints",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, backends: [{service: old, weight: 99}]}\n---\n\
                   kind: Service\nmetadata: {name: old}\nspec: {selector: {app: old}, ports: [{port: 80}]}",
            start: &["default/web:80 -> old (no endpoints)"],
            page: divided(json!([[[80], [["old", "empty", 0]]]])),
            check: &["Service default/old has no ready endpoint on port 80"],
            service: "web",
        },
        Case {
            name: "backend without the port",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 50}, {service: old, weight: 50}]}\n---\n\
                   kind: Service\nmetadata: {name: old}\nspec: {selector: {app: web}, ports: [{port: 81, targetPort: 8080}]}",
            start: &["default/web:80 -> web-a 100.00 % | old (no endpoints)"],
            page: divided(json!([[[80], [["web-a", "serving", 100], ["old", "no-port", 0]]]])),
            check: &["Service default/old lacks port 80 of the apex"],
            service: "web",
        },
        Case {
            name: "backend without one of two ports",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: two, backends: [{service: two, weight: 50}, {service: web-a, weight: 50}]}\n---\n\
                   kind: Service\nmetadata: {name: two}\n\
                   spec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: \
                   8080}]}",
            start: &[
                "default/two:80 -> two 50.00 % | web-a 50.00 %",
                "default/two:81 -> two 100.00 % | web-a (no endpoints)",
            ],
            page: divided(json!([
                [[80], [["two", "serving", 50], ["web-a", "serving", 50]]],
                [[81], [["two", "serving", 100], ["web-a", "no-port", 0]]],
            ])),
            check: &["Service default/web-a lacks port 81 of the apex"],
            service: "two",
        },
        Case {
            name: "backend in another namespace",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 50}, {service: web-b.shop, weight: 50}]}",
            start: &["default/web:80 -> web-a 100.00 %"],
            page: divided(json!([[[80], [["web-a", "serving", 100]]]])),
            check: &["\"web-b.shop\" is not a Service of the split's own namespace"],
            service: "web",
        },
        Case {
            name: "ExternalName backend",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 50}, {service: ext, weight: 50}]}\n---\n\
                   kind: Service\nmetadata: {name: ext}\nspec: {type: ExternalName, externalName: example.com}",
            start: &["default/web:80 -> web-a 100.00 % | ext (no endpoints)"],
            page: divided(json!([[[80], [["web-a", "serving", 100], ["ext", "unsuitable", 0]]]])),
            check: &["Service default/ext is an ExternalName"],
            service: "web",
        },
        Case {
            name: "ServiceProfile of the apex's namespace",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, HALVES}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local}\n\
                   spec: {dstOverrides: [{authority: web-a.default.svc.cluster.local, weight: 1}]}",
            start: &[
                "default/web:80: proxies send 100.00 % to web-a.default.svc.cluster.local:80 (dstOverrides of \
                      ServiceProfile default/web.default.svc.cluster.local); others get web-a 50.00 % | web-b 50.00 %",
            ],
            page: card(
                json!(null),
                json!([]),
                json!([
                    "proxies send 100.00 % to web-a.default.svc.cluster.local:80 (dstOverrides of ServiceProfile \
                        default/web.default.svc.cluster.local)"
                ]),
                halves(),
            ),
            check: &[
                "proxies send 100.00 % to web-a.default.svc.cluster.local:80 and do not follow the split; remove",
            ],
            service: "web",
        },
        Case {
            name: "ServiceProfile without overrides",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, HALVES}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local}\nspec: {routes: []}",
            start: &["default/web:80 -> web-a 50.00 % | web-b 50.00 %"],
            page: divided(halves()),
            check: &[],
            service: "web",
        },
        Case {
            name: "ServiceProfile of a client's namespace",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\nspec: {service: web, HALVES}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local, namespace: shop}\n\
                   spec: {dstOverrides: [{authority: web-a.default.svc.cluster.local, weight: 1}]}\n---\n\
                   apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: shop}\nspec: {containers: [{name: c, image: x}]}",
            start: &[
                "default/web:80: proxies in namespace shop send 100.00 % to web-a.default.svc.cluster.local:80 \
                      (dstOverrides of ServiceProfile shop/web.default.svc.cluster.local); others get web-a 50.00 % | web-b 50.00 %",
            ],
            page: card(
                json!(null),
                json!([]),
                json!([
                    "proxies in namespace shop send 100.00 % to web-a.default.svc.cluster.local:80 (dstOverrides of \
                        ServiceProfile shop/web.default.svc.cluster.local)"
                ]),
                halves(),
            ),
            check: &["in namespace shop come before the split for clients of that namespace"],
            service: "web",
        },
        Case {
            name: "ServiceProfiles of the apex's and of clients' namespaces, one without overrides",
            yaml: "kind: TrafficSplit\nmetadata: {name: s}\n\
                   spec: {service: web, backends: [{service: web-a, weight: 0}]}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local}\n\
                   spec: {dstOverrides: [{authority: web-a.default.svc.cluster.local, weight: 1}]}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local, namespace: bar}\n\
                   spec: {routes: []}\n---\n\
                   kind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local, namespace: shop}\n\
                   spec: {dstOverrides: [{authority: web-b.default.svc.cluster.local, weight: 1}]}\n---\n\
                   apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: shop}\nspec: {containers: [{name: c, image: x}]}\n---\n\
                   apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: bar}\nspec: {containers: [{name: c, image: x}]}",
            start: &[
                "default/web:80: proxies send 100.00 % to web-a.default.svc.cluster.local:80 (dstOverrides of \
                      ServiceProfile default/web.default.svc.cluster.local); proxies in namespace bar follow the split \
                      (ServiceProfile bar/web.default.svc.cluster.local); proxies in namespace shop send 100.00 % to \
                      web-b.default.svc.cluster.local:80 (dstOverrides of ServiceProfile \
                      shop/web.default.svc.cluster.local); others get its own endpoints (TrafficSplit default/s is not applied",
            ],
            page: card(
                json!(WEIGHT),
                json!([]),
                json!([
                    "proxies send 100.00 % to web-a.default.svc.cluster.local:80 (dstOverrides of ServiceProfile \
                     default/web.default.svc.cluster.local)",
                    "proxies in namespace bar follow the split (ServiceProfile bar/web.default.svc.cluster.local)",
                    "proxies in namespace shop send 100.00 % to web-b.default.svc.cluster.local:80 (dstOverrides of \
                     ServiceProfile shop/web.default.svc.cluster.local)",
                ]),
                json!([]),
            ),
            check: &[
                "[nothing_weighted]",
                "those of clients of namespace shop send 100.00 % to web-b.default.svc.cluster.local:80",
            ],
            service: "web",
        },
    ]
}

/// The manifests of a case, with what all of them share written out.
fn manifests(yaml: &str) -> String {
    let version = |kind: &str| match kind {
        "TrafficSplit" => "split.smi-spec.io/v1alpha2",
        "ServiceProfile" => "linkerd.io/v1alpha2",
        _ => "v1",
    };
    let document = |text: &str| {
        let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).expect("a kind");
        let api = if text.contains("apiVersion") {
            String::new()
        } else {
            format!("apiVersion: {}\n", version(kind))
        };
        format!("{api}{text}\n---\n")
    };
    let yaml = yaml.replace("HALVES", HALVES);
    WEB.to_owned() + &yaml.split("\n---\n").map(document).collect::<String>()
}

#[tokio::test]
async fn start_up_line_page_and_check_show_what_clients_get_of_every_split() {
    for Case { name, yaml, start, page, check: expected, service } in cases() {
        let yaml = manifests(yaml);
        let (_, out) = check(&yaml).await;
        let of_splits: Vec<_> = out.lines().filter(|line| line.contains(": TrafficSplit ")).collect();
        let is_same = |(text, line): (&&str, &&str)| line.contains(text);
        assert!(
            of_splits.len() == expected.len() && expected.iter().zip(&of_splits).all(is_same),
            "{name}: {expected:#?} is not what check prints:\n{out}"
        );

        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.yaml"), &yaml).expect("written");
        let mut server = Binary::serve(folder.path()).await;
        server.prints("Try, in another terminal").await;
        let printed = server.printed();
        let lines: Vec<_> =
            printed.lines().filter_map(|line| line.strip_prefix("  split")).map(str::trim).collect();
        let starts = |(text, line): (&&str, &&str)| line.starts_with(text);
        assert!(
            lines.len() == start.len() && start.iter().zip(&lines).all(starts),
            "{name}: {start:#?} is not what serve prints:\n{printed}"
        );
        assert_eq!(split_of(&first_picture(&server).await, service), page, "{name}");
    }
}

/// The first synced state that the page is sent.
async fn first_picture(server: &Binary) -> Value {
    let mut socket = TcpStream::connect(server.admin).await.expect("it listens");
    socket.write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it reads");
    let mut text = String::new();
    let mut piece = vec![0; 64 << 10];
    let read_on = async {
        loop {
            for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                match serde_json::from_str::<Value>(line) {
                    Ok(state) if state["synced"] == json!(true) => return state,
                    _ => {}
                }
            }
            let read = socket.read(&mut piece).await.expect("no error");
            text += std::str::from_utf8(&piece[..read]).expect("text");
        }
    };
    timeout(PATIENCE.max(Duration::from_secs(1)), read_on).await.expect("in time")
}

/// The split of a card, as [`Case::page`] has it.
fn split_of(state: &Value, service: &str) -> Value {
    let cards = state["services"].as_array().expect("a list");
    let Some(card) = cards.iter().find(|card| card["name"] == json!(service)) else { return Value::Null };
    let split = &card["split"];
    if split.is_null() {
        return Value::Null;
    }
    let part = |part: &Value| {
        let share = part["share"].as_u64().expect("a number") / 10_000_000;
        json!([part["service"], part["state"], share])
    };
    let port = |port: &Value| {
        let parts: Vec<_> = port["parts"].as_array().expect("a list").iter().map(part).collect();
        json!([port["ports"], parts])
    };
    let ports: Vec<_> = split["ports"].as_array().expect("a list").iter().map(port).collect();
    json!({ "idle": split["idle"], "others": split["others"], "instead": split["instead"], "ports": ports })
}

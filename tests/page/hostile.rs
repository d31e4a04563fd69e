//! A cluster whose every text would like to be a script.

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    server::{Server, split, write},
};

const IMAGE: &str = "<img src=x onerror=\"window.pwned=1;alert(1)\">";
const SCRIPT: &str = "</script><script>window.pwned=2;alert(2)</script>";
const SVG: &str = "\"><svg onload=window.pwned=3>";
const LINK: &str = "javascript:window.pwned=4";

#[test]
#[ignore = "needs chromium and chromedriver"]
fn what_is_named_like_a_script_is_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let quoted = |text: &str| serde_json::to_string(text).expect("text");
    let (image, script, svg, link) = (quoted(IMAGE), quoted(SCRIPT), quoted(SVG), quoted(LINK));
    let service = |name: &str, namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, namespace: {namespace}, labels: {{ a: {script}, \
             {svg}: b }}, annotations: {{ a: {image}, {link}: {svg}, config.linkerd.io/opaque-ports: {image} }} }}\n\
             spec: {{ selector: {{ app: web }}, ports: [{{ name: {svg}, port: 80 }}] }}\n---\n"
        )
    };
    let slice = |service: &str, namespace: &str| {
        format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{ name: {service}, \
             namespace: {namespace}, labels: {{ kubernetes.io/service-name: {service} }} }}\nports: [{{ name: {svg}, \
             port: 80 }}]\nendpoints:\n- {{ addresses: [10.1.1.1], nodeName: {image}, zone: {script} }}\n- {{ \
             addresses: [10.1.1.2], targetRef: {{ kind: Pod, name: {image} }} }}\n- {{ addresses: [10.1.1.3], \
             targetRef: {{ kind: {svg}, name: {link} }} }}\n---\n"
        )
    };
    // What an API server refuses is in warnings, with its texts; where it takes any text, the page has it elsewhere.
    let mut objects = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{ name: web, annotations: {{ a: {image} }} }}\nspec: {{ selector: \
         {{ app: web }}, ports: [{{ port: 80 }}] }}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         addressType: IPv4\nmetadata: {{ name: web-1, labels: {{ kubernetes.io/service-name: web }} }}\nports: [{{ \
         port: 80 }}]\nendpoints:\n- {{ addresses: [10.1.1.1], zone: {script}, targetRef: {{ kind: Pod, name: {image} \
         }} }}\n- {{ addresses: [10.1.1.3], targetRef: {{ kind: {svg}, name: {link} }} }}\n---\n"
    );
    objects += &(service("web", "shop") + &service(&image, "default") + &service(&script, &svg));
    objects += &(slice("web", "default") + &slice(&image, "default"));
    objects += &format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: {image} }}\nspec:\n  replicas: 2\n  selector: {{ \
         matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web, x: {script} }}, annotations: \
         {{ y: {svg} }} }}\n    spec: {{ serviceAccountName: {image}, containers: [{{ name: {script}, image: {image} }}] }}\n"
    );
    write(folder.path(), "objects.yaml", &objects);
    write(
        folder.path(),
        "split.yaml",
        &split("web", "web", &[(IMAGE, 1), (SCRIPT, 2), (SVG, 3), ("web", 1)]),
    );
    write(folder.path(), "named.yaml", &split(IMAGE, "web", &[("web", 1)]));
    write(folder.path(), "other.yaml", &split(SVG, SCRIPT, &[(LINK, 1)]));
    write(
        folder.path(),
        "broken.yaml",
        &format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {image}: [\n"),
    );
    let server = Server::of(folder, &[]);
    let browser = Browser::start();
    browser.open(&server.url);
    browser
        .until("document.querySelector('.service') && document.querySelector('#n-warnings').innerText > 0");
    // Everything that can be opened is.
    for _ in 0..3 {
        browser.js(
            "document.querySelectorAll('[role=treeitem][aria-expanded=false]').forEach((row) => row.click())",
        );
        browser.until(
            "![...document.querySelectorAll('.note')].some((note) => note.innerText.startsWith('Looking'))",
        );
    }
    server.write("split.yaml", &split("web", "web", &[(IMAGE, 1), (SCRIPT, 2), (SVG, 3), ("web", 9)]));
    browser.until("document.querySelector('.weight').innerText === 'weight 9'");
    is_only_text(&browser);
}

/// Names that no cluster has, for sources let them through no more than Kubernetes does: the page does not rest on that.
#[test]
#[ignore = "needs chromium and chromedriver"]
fn what_a_feed_says_is_text_whatever_it_is() {
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let part = |service: &str, share: u32| {
        json!({ "service": service, "weight": SVG, "declared": share, "share": share, "ready": 1, "total": 2,
                "state": "serving" })
    };
    let card = |parts: Value| {
        json!({ "namespace": SVG, "name": IMAGE, "kind": SCRIPT, "ports": [[80, SCRIPT]], "ready": 1, "total": 2,
                "split": { "name": SCRIPT, "others": [SVG], "idle": SVG, "overridden": IMAGE, "instead": [IMAGE], "ports": [
                    { "ports": [80], "parts": parts }, { "ports": [81], "parts": [] }] },
                "note": SCRIPT, "revision": 1 })
    };
    let stream = json!({ "id": 1, "client": IMAGE, "namespace": SCRIPT, "pod": SVG, "node": IMAGE, "rpc": SCRIPT,
                         "reading": SVG, "authority": IMAGE, "version": 3, "shares": { SCRIPT: 0.5, SVG: 0.5 },
                         "versions_behind": 2, "behind_since": 1, "opened": 1, "messages": 1, "bytes": 1 });
    let entries: Vec<_> = ["split-new", "service-gone", "warning-new", SCRIPT]
        .into_iter()
        .enumerate()
        .map(|(id, what)| {
            json!({ "id": id + 1, "at": 1, "what": what, "service": IMAGE, "split": SCRIPT, "object": SVG,
                    "message": IMAGE, "ports": [80], "moves": [],
                    "divided": [{ "ports": [80], "shares": [[SVG, 1]] }] })
        })
        .collect();
    let own = json!({ "namespace": SVG, "name": SCRIPT, "kind": SCRIPT, "ports": [], "ready": 1, "total": 2,
                      "split": null, "note": null, "revision": 1 });
    let whole = event(
        "whole",
        json!({ "version": 1, "synced": true, "server": IMAGE, "warnings_total": 1,
                "services": [card(json!([part(SCRIPT, 400_000_000), part(SVG, 600_000_000)])), own],
                "warnings": [{ "id": 1, "location": IMAGE, "object": SCRIPT, "path": SVG, "reason": IMAGE,
                               "message": SCRIPT }],
                "timeline": entries,
                "streams": { "total": 1, "behind": 1, "services": { format!("{SVG}/{IMAGE}"):
                             { "streams": 1, "behind": 1, "since": 1 } }, "shown": [stream] } }),
    );
    let moved = json!({ "id": 9, "at": 1, "what": "shares", "service": IMAGE, "ports": [80], "edited": true,
                        "moves": [{ "backend": SCRIPT, "from": 1, "to": 2 }] });
    let step = event(
        "step",
        json!({ "version": 2, "synced": true, "warnings_total": 1, "timeline": [moved],
                "services": [card(json!([part(SCRIPT, 700_000_000), part(SVG, 300_000_000)]))] }),
    );
    let endpoint = json!({ "address": IMAGE, "ports": [80], "state": "left-out", "why": SCRIPT, "target": SVG,
                           "owner": IMAGE, "meshed": true, "node": SCRIPT, "zone": SVG });
    let endpoints = json!({ "revision": 1, "total": 1, "endpoints": [endpoint] });
    let feed = json!([whole, step]);
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.before_the_page(&format!(
        "const real = fetch; window.fetch = async (path, more) => {{
           if (path === 'api/live') {{
             return new Response(new ReadableStream({{ start(to) {{
               for (const text of {feed}) to.enqueue(new TextEncoder().encode(text));
             }} }}));
           }}
           return String(path).startsWith('api/') ? Response.json({endpoints}) : real(path, more);
         }};"
    ));
    browser.open(&server.url);
    browser.until("document.querySelector('.service') && document.querySelector('.stream') && document.querySelector('.text .move')");
    for _ in 0..3 {
        browser.js(
            "document.querySelectorAll('[role=treeitem][aria-expanded=false]').forEach((row) => row.click())",
        );
    }
    browser.until("document.querySelectorAll('.endpoint').length > 1");
    is_only_text(&browser);
}

/// All the hostile texts are on the page, and none of them is more than text.
fn is_only_text(browser: &Browser) {
    let text = browser.js("return document.body.textContent");
    let text = text.as_str().expect("text");
    for hostile in [IMAGE, SCRIPT, SVG] {
        assert!(text.contains(hostile), "{hostile} is shown as it is:\n{text}");
    }
    assert_eq!(browser.js("return window.pwned ?? null"), json!(null));
    let alien = "img, iframe, object, embed, a[href^=javascript], svg:not(header svg), script:not([src='assets/page.js'])";
    assert_eq!(
        browser.js(&format!("return [...document.querySelectorAll(\"{alien}\")].map((it) => it.outerHTML)")),
        json!([])
    );
    let with_handler = "return [...document.querySelectorAll('*')].filter((it) => \
         [...it.attributes].some(({ name }) => name.startsWith('on'))).length";
    assert_eq!(browser.js(with_handler), json!(0));
    assert_eq!(browser.complaints(), [""; 0], "the policy had nothing to forbid");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn the_policy_forbids_what_the_page_does_not_do() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.open(&server.url);
    browser.until("document.querySelector('.service')");
    let refused = browser.js(
        "try { document.body.innerHTML = '<b>x</b>'; return 'made'; } catch (error) { return error.name; }",
    );
    assert_eq!(refused, json!("TypeError"), "no text becomes an element");
    browser
        .js("const it = document.createElement('img'); it.src = '//127.0.0.2/x'; document.body.append(it)");
    browser
        .until("!document.querySelector('img').complete || document.querySelector('img').naturalWidth === 0");
    let complaints = browser.complaints();
    assert!(complaints.iter().any(|text| text.contains("img-src")), "{complaints:?}");
}

//! What a person sees and does.

use serde_json::json;

use crate::{
    browser::{Browser, DOWN, END, ENTER, ESCAPE, HOME, LEFT, RIGHT, UP},
    server::{Server, Stream},
};

/// The width of a backend's part of the bar as it is drawn, of 1.
const WIDTH: &str = "(name) => { const piece = document.querySelector(`.piece[data-backend=\"${name}\"]`); \
     return piece.getBoundingClientRect().width / piece.parentElement.getBoundingClientRect().width; }";

fn opened(server: &Server) -> Browser {
    let browser = Browser::start();
    browser.open(&server.url);
    browser.until(
        "document.querySelector('#live').dataset.state === 'live' && document.querySelector('.service')",
    );
    browser
}

/// That a backend's part of the bar is so wide and labelled so.
fn has(backend: &str, share: f64) -> String {
    format!(
        "Math.abs(({WIDTH})('{backend}') - {share}) < 0.005 && [...document.querySelectorAll('.backend')].some((row) => \
         row.innerText.includes('{backend}') && row.querySelector('.number').innerText.startsWith('{} '.trim()))",
        share * 100.0
    )
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn an_edit_of_a_weight_moves_the_bar() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    browser.until(&has("reviews-v2", 0.5));

    server.weigh(9, 1);
    browser.until(&has("reviews-v2", 0.9));
    browser.until(&has("reviews-v3", 0.1));
    browser.until("document.querySelector('#timeline-list li').innerText.includes('90')");

    // The bar is the same element, so that it moved and did not jump.
    browser.js("document.querySelector('.piece').mark = true");
    server.weigh(1, 3);
    browser.until(&has("reviews-v2", 0.25));
    assert_eq!(browser.js("return document.querySelector('.piece').mark"), json!(true));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_warning_and_a_lost_backend_are_said() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    server.write(
        "split.yaml",
        &crate::server::split("reviews", "reviews", &[("reviews-v2", 1), ("reviews-v9", 1)]),
    );
    browser.until("document.querySelector('#warning-list').innerText.includes('reviews-v9')");
    browser.until(
        "document.querySelector('.backend[data-state=missing]').innerText.includes('no such Service')",
    );
    browser.until(&has("reviews-v2", 1.0));
    browser.until("document.querySelector('.service .warned').innerText.includes('1')");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn streams_are_counted_and_said_to_be_up_to_date() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    let stream = Stream::open(&server, "reviews.default.svc.cluster.local:9080");
    browser.until("document.querySelector('#n-streams').innerText === '1'");
    browser.until(
        "document.querySelector('.stream .authority').innerText === 'reviews.default.svc.cluster.local:9080'",
    );
    browser.until("document.querySelector('.stream .state').innerText === 'up to date'");
    browser.until("document.querySelector('.stream .told').innerText.includes('reviews-v2 50')");
    server.weigh(9, 1);
    browser.until("document.querySelector('.stream .told').innerText.includes('reviews-v2 90')");
    drop(stream);
    browser.until("document.querySelector('#n-streams').innerText === '0'");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn everything_can_be_done_by_keyboard() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    let active =
        "document.getElementById(document.querySelector('#tree').getAttribute('aria-activedescendant'))";
    let is =
        |name: &str| browser.until(&format!("{active}?.getAttribute('aria-label').startsWith('{name}')"));

    browser.press(['/']);
    browser.until("document.activeElement.id === 'filter'");
    browser.press("rat".chars());
    browser.until("document.querySelectorAll('.service').length === 1");
    browser.press([ESCAPE]);
    browser.until("document.querySelectorAll('.service').length === 6");
    browser.press([ESCAPE]);
    browser.until("document.activeElement.id === 'tree'");
    is("reviews in default");
    browser.press([DOWN]);
    is("backend reviews-v2");
    browser.until(&format!("{active}.getAttribute('aria-expanded') === 'false'"));
    browser.press([RIGHT]);
    browser.until("document.querySelector('.endpoint').innerText.includes('reviews-v2')");
    browser.press([DOWN]);
    browser.until(&format!("{active}.classList.contains('endpoint') && {active}.ariaLevel === '3'"));
    browser.press([LEFT]);
    is("backend reviews-v2");
    browser.press([LEFT]);
    browser.until("!document.querySelector('.endpoint')");
    browser.press([UP, ENTER]);
    is("reviews in default");
    browser.until("!document.querySelector('.backend')");
    browser.press([ENTER, END]);
    is("reviews-v3 in default");
    browser.press([HOME]);
    is("reviews in default");
    // What has the focus is seen to have it.
    browser.until(&format!("getComputedStyle({active}).outlineStyle === 'solid'"));
    assert_eq!(
        browser.js("return document.querySelector('[role=tree] [role=treeitem]').ariaSetSize"),
        json!("6")
    );
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn while_the_server_is_away_the_page_says_that_it_is_old_and_comes_back() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    let address = server.url.trim_start_matches("http://").to_owned();
    let folder = server.end();
    browser.until("!document.querySelector('#stale').hidden && document.body.classList.contains('old')");
    browser.until("/What you see is from \\d/.test(document.querySelector('#stale-text').innerText)");
    browser.until("document.querySelector('#live-text').innerText === 'Not connected'");

    let server = Server::at(folder, &address, &[]);
    server.weigh(4, 1);
    browser.js("document.querySelector('#retry').click()");
    browser.until(&has("reviews-v2", 0.8));
    browser.until("document.querySelector('#stale').hidden && !document.body.classList.contains('old')");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_split_that_goes_and_comes_is_said_by_its_kind_and_its_shares() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    let said = |text: &str, times: usize| {
        let all = "[...document.querySelectorAll('#timeline-list .text')].map((it) => it.innerText.replaceAll('\\u00a0', ' '))";
        browser.until(&format!("{all}.filter((it) => it === '{text}').length === {times}"));
    };
    let none = "# nothing\n";
    let gone = "default/reviews is not split any more, as it was by TrafficSplit reviews";
    server.write("split.yaml", none);
    said(gone, 1);
    server.weigh(1, 1);
    said("default/reviews is split now, by TrafficSplit reviews: reviews-v2 50 %, reviews-v3 50 %", 1);
    server.write("split.yaml", none);
    said(gone, 2);
    server.weigh(0, 0);
    said("default/reviews is split now, by TrafficSplit reviews, which does nothing", 1);
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_profile_that_comes_before_the_split_is_said() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    server.write(
        "profile.yaml",
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: { name: reviews.default.svc.cluster.local }\n\
         spec: { dstOverrides: [{ authority: 'reviews-v1.default.svc.cluster.local:9080', weight: 1 }] }\n",
    );
    let note = "document.querySelector('.note')";
    browser.until(&format!("{note}?.innerText.includes('reviews.default.svc.cluster.local')"));
    // All of it can be read.
    browser.until(&format!("{note}.scrollWidth <= {note}.clientWidth"));
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_server_that_hangs_is_not_called_live() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    server.hang();
    browser.until("document.querySelector('#live-text').innerText === 'Not connected'");
    browser.until("/nothing was heard .* What you see is from \\d/.test(document.querySelector('#stale-text').innerText)");

    server.go_on();
    server.weigh(4, 1);
    browser.until(&has("reviews-v2", 0.8));
    browser.until("document.querySelector('#live-text').innerText === 'Live'");
    browser.until("document.querySelector('#stale').hidden && !document.body.classList.contains('old')");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn before_the_first_event_the_page_is_connecting() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.before_the_page(
        "const real = window.fetch;
         window.fetch = async (path, options) => {
           if (path !== 'api/live') return real(path, options);
           const response = await real(path, options);
           const held = new Promise((resolve) => { window.letGo = resolve; });
           window.answered = true;
           const { readable, writable } = new TransformStream({ async transform(chunk, to) { await held; to.enqueue(chunk); } });
           response.body.pipeTo(writable).catch(() => {});
           return new Response(readable, { status: 200, headers: response.headers });
         };",
    );
    browser.open(&server.url);
    browser.until("window.answered");
    // Two frames, so that whatever the answer leads to has been drawn.
    browser.js("requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }))");
    browser.until("window.drawn");
    assert_eq!(browser.js("return document.querySelector('#live-text').innerText"), json!("Connecting"));
    browser.js("window.letGo()");
    browser.until(
        "document.querySelector('#live-text').innerText === 'Live' && document.querySelector('.service')",
    );
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn nothing_is_asked_of_anybody_else() {
    let server = Server::of_bookinfo();
    let browser = opened(&server);
    browser.js("document.querySelector('.backend').click()");
    browser.until("document.querySelector('.endpoint')");
    let asked = browser.asked();
    assert!(asked.len() > 10, "{asked:?}");
    for url in asked {
        let own = url.strip_prefix(&server.url).is_some_and(|rest| rest.starts_with('/'));
        // What the browser opens itself before it is told anything.
        assert!(own || url.starts_with("data:") || url.starts_with("chrome:"), "{url}");
    }
}

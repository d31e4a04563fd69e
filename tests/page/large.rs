//! A thousand services with ten thousand endpoints.

use std::fmt::Write as _;

use serde_json::json;
use tempfile::TempDir;

use crate::{
    browser::{Browser, END},
    server::{Server, split, write},
};

const SERVICES: usize = 1000;
const ENDPOINTS_EACH: usize = 10;
/// More elements than this are not on screen. All rows would be 15,000 and more.
const ELEMENTS: u64 = 2500;

/// Services of which every tenth is split over the next two.
fn world() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for tens in 0..SERVICES / 10 {
        let mut text = String::new();
        for n in tens * 10..tens * 10 + 10 {
            _ = write!(
                text,
                "apiVersion: v1\nkind: Service\nmetadata: {{ name: s{n:04} }}\nspec: {{ ports: [{{ name: http, port: 80 }}] }}\n\
                 ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{ name: s{n:04}, \
                 labels: {{ kubernetes.io/service-name: s{n:04} }} }}\nports: [{{ name: http, port: 8080 }}]\nendpoints:\n"
            );
            for e in 0..ENDPOINTS_EACH {
                _ = writeln!(text, "- {{ addresses: [10.{}.{}.{e}] }}", n / 250, n % 250);
            }
            text += "---\n";
        }
        let [apex, a, b] = [0, 1, 2].map(|n| format!("s{:04}", tens * 10 + n));
        text += &split(&apex, &apex, &[(&a, 50), (&b, 50)]);
        write(folder.path(), &format!("services-{tens:03}.yaml"), &text);
    }
    folder
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn what_is_off_screen_is_not_drawn_and_a_change_arrives() {
    let folder = world();
    let last = std::fs::read_to_string(folder.path().join("services-099.yaml")).expect("it was written");
    let server = Server::of(folder, &[]);
    let browser = Browser::start();
    browser.open(&server.url);
    browser.until("document.querySelector('#n-services').innerText.replace(/\\D/g, '') === '1000'");
    let elements = || browser.js("return document.querySelectorAll('*').length").as_u64().expect("a number");
    assert!(elements() < ELEMENTS, "{}", elements());

    // All of it opened, and scrolled to the end.
    browser.js("document.querySelector('#tree').focus()");
    browser.js(
        "const tree = document.querySelector('#tree'); let n = 0; for (const row of tree.querySelectorAll('[aria-expanded=false]')) \
         { if (n++ < 8) row.click(); }",
    );
    browser.until("document.querySelector('.endpoint')");
    browser.press([END]);
    browser
        .until("[...document.querySelectorAll('.service')].some((row) => row.innerText.includes('s0999'))");
    assert!(elements() < ELEMENTS, "{}", elements());

    // A split far away is edited: seen once it is looked for.
    server.write("services-099.yaml", &last.replacen("weight: 50", "weight: 150", 1));
    browser.until("document.querySelector('#timeline-list').innerText.includes('s0990')");
    browser.press("/s0990".chars());
    browser.until("document.querySelector('.piece[data-backend=s0991]')?.dataset.share === '750000000'");
    assert!(elements() < ELEMENTS, "{}", elements());

    // All endpoints of one service at once.
    let mut many = String::from(
        "apiVersion: v1\nkind: Service\nmetadata: { name: wide }\nspec: { ports: [{ name: http, port: 80 }] }\n",
    );
    for n in 0..10_000 {
        if n % 1000 == 0 {
            _ = write!(
                many,
                "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{ name: \
                 wide-{n}, labels: {{ kubernetes.io/service-name: wide }} }}\nports: [{{ name: http, port: 8080 }}]\n\
                 endpoints:\n"
            );
        }
        _ = writeln!(many, "- {{ addresses: [10.{}.{}.{}] }}", 100 + n / 62_500, n / 250 % 250, n % 250);
    }
    server.write("wide.yaml", &many);
    browser.js("document.querySelector('#filter').value = 'wide'; document.querySelector('#filter').dispatchEvent(new Event('input'))");
    browser.until("document.querySelector('.service')?.innerText.includes('10000/10000')");
    browser.js("document.querySelector('.service').click()");
    browser.until("document.querySelector('.endpoint')?.ariaSetSize === '10000'");
    assert!(elements() < ELEMENTS, "{}", elements());
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.js("return document.querySelector('.endpoint').ariaPosInSet"), json!("1"));
}

//! How the page looks: on a phone, light and dark, and to those who see little or cannot bear movement.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    browser::{Browser, TAB},
    server::{Server, Stream, split},
};

/// The texts on screen that stand out too little from what is behind them: WCAG's AA wants 4.5, and 3 for large ones.
const PALE: &str = r#"
const parse = (text) => {
  const canvas = (parse.canvas ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }));
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let it = element; it; it = it.parentElement) {
    const colour = parse(getComputedStyle(it).backgroundColor);
    if (colour[3] > 250) return colour;
  }
  return [255, 255, 255, 255];
};
const pale = [];
for (const element of document.querySelectorAll('body *')) {
  const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
  if (!text || !element.checkVisibility() || element.closest('.unseen, .skip')) continue;
  const style = getComputedStyle(element);
  const [a, b] = [light(parse(style.color)), light(behind(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
  if (ratio < (isLarge ? 3 : 4.5)) pale.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return pale;
"#;

/// What makes the page wider than it is.
const WIDE: &str = "return document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('body *')]\
     .filter((it) => it.getBoundingClientRect().right > innerWidth + 1).map((it) => it.className) : []";

/// The example after an edit, with something to warn of, opened.
fn scene(server: &Server, browser: &Browser) -> Vec<Stream> {
    let authorities = ["reviews", "reviews", "ratings", "details"];
    let streams =
        authorities.map(|name| Stream::open(server, &format!("{name}.default.svc.cluster.local:9080")));
    browser.open(&server.url);
    browser.until("document.querySelector('.backend')");
    server.weigh(80, 20);
    browser.until("document.querySelector('.number')?.innerText.startsWith('80')");
    server.write("ratings.split.yaml", &split("ratings", "ratings", &[("ratings", 90), ("ratings-v2", 10)]));
    browser.until("document.querySelector('.warning') && document.querySelectorAll('.stream').length === 4");
    browser.until(
        "[...document.querySelectorAll('.backend')].find((row) => row.innerText.includes('reviews-v2'))",
    );
    browser.js("[...document.querySelectorAll('.backend')].find((row) => row.innerText.includes('reviews-v2')).click()");
    browser.until("document.querySelector('.endpoint')");
    // Nothing moves any more.
    browser.until("document.getAnimations().every((it) => it.playState !== 'running' || it.animationName === 'breathe')");
    streams.into()
}

fn keep(browser: &Browser, name: &str) {
    if std::env::var_os("SWITCHYARD_SCREENSHOTS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(name), browser.screenshot()).expect("written");
    }
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn light_and_dark_are_as_the_system_has_it_or_as_was_chosen_and_can_be_read() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    let paper = || browser.js("return getComputedStyle(document.body).backgroundColor");
    browser.prefer("prefers-color-scheme", "light");
    let _streams = scene(&server, &browser);
    let light = paper();
    assert_eq!(browser.js(PALE), json!([]));
    keep(&browser, "page-light.png");

    browser.prefer("prefers-color-scheme", "dark");
    let dark = paper();
    assert_ne!(light, dark);
    assert_eq!(browser.js(PALE), json!([]));
    keep(&browser, "page-dark.png");

    browser.js("document.querySelector('#theme').click()");
    assert_eq!(paper(), light, "chosen to be light");
    browser.open(&server.url);
    browser.until("document.querySelector('.service')");
    assert_eq!(paper(), light, "and light when it is loaded again");
    browser.js("document.querySelector('#theme').click()");
    browser.prefer("prefers-color-scheme", "light");
    assert_eq!(paper(), dark, "chosen to be dark");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn on_a_phone_one_part_is_shown_at_a_time_and_nothing_is_cut_off() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.resize(390, 844);
    let _streams = scene(&server, &browser);
    keep(&browser, "page-phone.png");
    for view in ["services", "streams", "warnings", "timeline"] {
        browser.js(&format!("document.querySelector('nav [data-view={view}]').click()"));
        browser.until(&format!("document.querySelector('#{view}').checkVisibility()"));
        assert_eq!(
            browser.js("return document.querySelectorAll('main section:not([hidden])').length"),
            json!(4)
        );
        let shown = "return [...document.querySelectorAll('main section')].filter((it) => it.checkVisibility()).map((it) => it.id)";
        assert_eq!(browser.js(shown), json!([view]));
        for width in [320, 390, 700, 900] {
            browser.resize(width, 844);
            assert_eq!(browser.js(WIDE), json!([]), "{view} at {width}");
        }
        browser.resize(390, 844);
        assert_eq!(browser.js(PALE), json!([]), "{view}");
    }
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn who_cannot_bear_movement_sees_none() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.prefer("prefers-reduced-motion", "reduce");
    browser.open(&server.url);
    browser.until("document.querySelector('.piece')?.dataset.share === '500000000'");
    browser.js("window.moved = 0; addEventListener('transitionrun', () => { window.moved += 1 }, true)");
    server.weigh(9, 1);
    browser.until("document.querySelector('.piece').dataset.share === '900000000'");
    assert_eq!(browser.js("return [window.moved, document.getAnimations().length]"), json!([0, 0]));
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn whoever_goes_through_it_with_tab_comes_to_every_part() {
    let server = Server::of_bookinfo();
    let browser = Browser::start();
    browser.open(&server.url);
    browser.until("document.querySelector('.service') && document.querySelector('.entry')");
    let mut came = Vec::new();
    for _ in 0..9 {
        browser.press([TAB]);
        let focused =
            browser.js("const it = document.activeElement; return it.id || it.className || it.tagName");
        came.push(focused.as_str().expect("text").to_owned());
    }
    for part in ["skip", "theme", "filter", "tree", "timeline-list"] {
        assert!(came.iter().any(|it| it == part), "{part} in {came:?}");
    }
}

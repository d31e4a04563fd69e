//! A server that shows itself only to those who have its token.

use std::fs;

use serde_json::json;

use crate::{
    browser::{Browser, ENTER},
    server::{Server, bookinfo},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_token_is_asked_for_kept_in_the_tab_and_never_put_into_an_address() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).expect("written");
    let server = Server::of(bookinfo(), &["--admin-token-file", file.to_str().expect("text")]);
    let browser = Browser::start();
    browser.open(&server.url);
    browser.until("document.querySelector('#door').open && document.activeElement.id === 'token'");
    browser.until("/^Put in the token in the file .*--admin-token-file/.test(document.querySelector('#door-why').innerText)");
    assert_eq!(browser.js("return document.querySelectorAll('.service').length"), json!(0));

    browser.press("wrong-wrong-wrong".chars().chain([ENTER]));
    browser.until("document.querySelector('#door-title').innerText === 'This is not the token'");
    browser.until(
        "document.querySelector('#door-why').innerText.startsWith('The token that was sent was refused')",
    );
    browser.until("!document.querySelector('#door').innerText.includes('Authorization')");
    browser.press(TOKEN.chars().chain([ENTER]));
    browser.until("!document.querySelector('#door').open && document.querySelector('.service')");
    // What is asked for later has it too, and so has the page when it is loaded again.
    browser.js("document.querySelector('.backend').click()");
    browser.until("document.querySelector('.endpoint')");
    browser.open(&server.url);
    browser.until("document.querySelector('.service') && !document.querySelector('#door').open");

    let asked = browser.asked();
    assert!(asked.iter().all(|url| !url.contains(TOKEN)), "{asked:?}");
    assert_eq!(browser.js("return document.cookie + JSON.stringify(localStorage)"), json!("{}"));
}

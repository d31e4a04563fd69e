//! The page for people who would rather look: its files, which are in the program, and the headers that keep it to
//! itself.
//!
//! The files say nothing of the cluster, so anybody may load them. What the page shows it reads from
//! [`feed`](super::feed), where one has to be let in.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::Path,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Admin, probes};

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset { name: $name, kind: $kind, text: include_str!(concat!("page/", $name)) }
    };
}

const INDEX: Asset = asset!("index.html", HTML);

/// What [`INDEX`] loads, in the order of their names.
const ASSETS: [Asset; 13] = [
    asset!("changes.js", JS),
    asset!("colours.js", JS),
    asset!("feed.js", JS),
    asset!("icon.svg", SVG),
    asset!("list.js", JS),
    asset!("page.css", CSS),
    asset!("page.js", JS),
    asset!("rows.js", JS),
    asset!("services.js", JS),
    asset!("state.js", JS),
    asset!("streams.js", JS),
    asset!("theme.js", JS),
    asset!("words.js", JS),
];

/// Nothing is loaded from anywhere else, nothing inline runs, no text can become a script, and nobody can put the page
/// into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Stands for the content of all files, so that a browser asks for them again when any of them is another one.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    ASSETS.iter().chain([&INDEX]).for_each(|asset| asset.text.hash(&mut hasher));
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("digits in quotes")
});

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/", get(index)).route("/assets/{name}", get(asset))
}

/// The page for a browser, the plain index for everybody else.
async fn index(headers: HeaderMap) -> Response {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut response = if accepts.flat_map(|value| value.split(',')).any(is_html) {
        answer(&INDEX, &headers)
    } else {
        probes::index().await.into_response()
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn is_html(range: &str) -> bool {
    let kind = range.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/html")
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.binary_search_by(|asset| asset.name.cmp(&name)) {
        Ok(place) => answer(&ASSETS[place], &headers),
        Err(_) => (StatusCode::NOT_FOUND, "no file of the page has this name\n").into_response(),
    }
}

fn answer(asset: &Asset, headers: &HeaderMap) -> Response {
    // Kept, but never used without asking: a server of another version has other files.
    let kept = [(ETAG, TAG.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    let tag = TAG.to_str().expect("it is made of digits");
    let has = |value: &HeaderValue| value.to_str().is_ok_and(|tags| tags.contains(tag));
    if headers.get_all(IF_NONE_MATCH).iter().any(has) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, asset.kind)], asset.text).into_response()
}

/// Adds what keeps a browser from doing anything else with an answer than showing it.
pub(super) async fn guarded(mut response: Response) -> Response {
    let set = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_name() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.name));
    }

    #[test]
    fn files_name_each_other_and_nothing_that_is_elsewhere() {
        for asset in ASSETS.iter().chain([&INDEX]) {
            // The name of a namespace is no address that anything is loaded from.
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http:") && !text.contains("https:"), "{}", asset.name);
            assert!(!text.contains("innerHTML") && !text.contains("style="), "{}", asset.name);
        }
        let all: String = ASSETS.iter().chain([&INDEX]).map(|asset| asset.text).collect();
        for asset in &ASSETS {
            assert!(all.contains(asset.name), "nobody loads {}", asset.name);
        }
    }

    #[test]
    fn only_who_asks_for_html_is_given_the_page() {
        for (range, expect) in [
            ("text/html", true),
            (" Text/HTML;q=0.9", true),
            ("*/*", false),
            ("text/plain", false),
            ("application/xhtml+xml", false),
            ("", false),
        ] {
            assert_eq!(is_html(range), expect, "{range:?}");
        }
    }
}

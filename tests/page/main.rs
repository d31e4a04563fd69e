//! The page in a real browser: Chromium, driven over WebDriver, against the real server.
//!
//! They are ignored where Debian's packages `chromium` and `chromium-driver` are missing:
//!
//! ```text
//! cargo test --test page -- --include-ignored --test-threads=2
//! ```
//!
//! With `SWITCHYARD_SCREENSHOTS=1` [`looks`] writes the pictures of `docs/images`.

mod browser;
mod door;
mod hostile;
mod large;
mod live;
mod looks;
mod server;

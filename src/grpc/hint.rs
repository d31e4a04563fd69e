//! The response header with the likely mistake in a question, for clients that ask for it.
//!
//! A request with the header [`HEADER`] (any value) is answered with a header of the same name if [`hint()`] finds a
//! mistake. Proxies do not send it, so their streams neither wait for the controller nor get another header.

use http::{HeaderName, HeaderValue};
use tokio::time::{Duration, timeout};

use crate::{
    controller::Directory,
    resolve::{Target, hint::hint},
};

/// The name of the header in requests and responses.
pub(crate) const HEADER: &str = "switchyard-hint";
pub(super) const NAME: HeaderName = HeaderName::from_static(HEADER);

/// The longest hint in bytes; a longer one is left out. Ten ports with the longest names have some 800.
const MAX_LENGTH: usize = 1024;
/// How long a response waits for its hint. The controller may be busy, and the first message is not held up for longer.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Returns the hint for a target; `None` before the first sync, and if the controller is too busy.
pub(super) async fn of(directory: &Directory, target: &Target) -> Option<HeaderValue> {
    let query = target.query.clone();
    let hint = directory.inspect(move |engine| {
        engine.is_synced().then(|| hint(engine.cluster(), engine.options(), &query)).flatten()
    });
    let hint = timeout(MAX_WAIT, hint).await.ok()?.ok()??;
    let is_text = hint.len() <= MAX_LENGTH && hint.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_text.then(|| HeaderValue::from_str(&hint).ok()).flatten()
}

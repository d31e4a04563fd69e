//! Requests to the API server, and everything that can go wrong with them.
//!
//! Every wait has a deadline: a peer that neither answers nor hangs up is as gone as one that does.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{
    Method, Request,
    header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER},
};
use http_body::Body as _;
use kube::{Client, client::Body};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::{Connect, decode::Refusal, kinds::Resource, pace::Pace};

/// The longest text that is taken: a page of a list, or an object. etcd takes no object above 1.5 MiB and a
/// page has 500 of them, mostly of a few KiB.
const LONGEST: usize = 256 << 20;

/// Every word for why a request, or what it led to, came to nothing, as labels of metrics.
pub(crate) const TROUBLES: [&str; 12] = [
    "broken",
    "silent",
    "garbled",
    "old",
    "lossy",
    "unauthorized",
    "forbidden",
    "not_found",
    "gone",
    "throttled",
    "server_error",
    "refused",
];

/// Why a request, or what it led to, came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The API server could not be reached, or the connection broke.
    Broken(String),
    /// Nothing came for so long.
    Silent(Duration),
    /// The API server refuses.
    Refused(Refusal),
    /// What came is not what was asked for.
    Garbled(String),
    /// The answer is older than what is known.
    Old,
    /// The list lacks so many of the objects that are known.
    Lossy {
        /// How many it lacks.
        lost: usize,
        /// How many are known.
        known: usize,
        /// How long such a list is doubted.
        doubted: Duration,
    },
}

impl Trouble {
    /// The HTTP code of a refusal.
    pub(super) fn code(&self) -> Option<u16> {
        if let Self::Refused(refusal) = self { Some(refusal.code) } else { None }
    }

    /// How long the API server asks to be left alone.
    pub(super) fn retry_after(&self) -> Duration {
        if let Self::Refused(refusal) = self { refusal.retry_after } else { Duration::ZERO }
    }

    /// One of [`TROUBLES`].
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Broken(_) => "broken",
            Self::Silent(_) => "silent",
            Self::Garbled(_) => "garbled",
            Self::Old => "old",
            Self::Lossy { .. } => "lossy",
            Self::Refused(refusal) => match refusal.code {
                401 => "unauthorized",
                403 => "forbidden",
                404 => "not_found",
                410 => "gone",
                429 => "throttled",
                500..=599 => "server_error",
                _ => "refused",
            },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => f.write_str(why),
            Self::Silent(time) => write!(f, "nothing came for {time:?}"),
            Self::Refused(Refusal { code, message, .. }) if message.is_empty() => write!(f, "HTTP {code}"),
            Self::Refused(Refusal { code, message, .. }) => write!(f, "HTTP {code}: {message}"),
            Self::Garbled(why) => {
                write!(f, "expected JSON of the Kubernetes API, found something else: {why}")
            }
            Self::Old => f.write_str("the answer is older than what is known"),
            Self::Lossy { lost, known, doubted } => write!(
                f,
                "a list lacks {lost} of the {known} objects that are known; they are served unless lists lack them for \
                 {doubted:?} (--empty-after)"
            ),
        }
    }
}

/// The API server, for all who ask it.
#[derive(Clone)]
pub(super) struct Api {
    connect: Connect,
    client: Arc<Mutex<(Client, Instant)>>,
    pace: Arc<Pace>,
}

impl Api {
    pub(super) fn new(client: Client, connect: Connect, pace: Arc<Pace>) -> Self {
        Self { connect, client: Arc::new(Mutex::new((client, Instant::now()))), pace }
    }

    /// Asks for the objects of a resource; the answer as it comes.
    pub(super) async fn get(&self, resource: &Resource, path: &str, query: &str) -> Result<Answer, Trouble> {
        let accept = match (resource.metadata_only, query.contains("watch=true")) {
            (false, _) => "application/json",
            (true, false) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            (true, true) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        };
        self.send(Method::GET, &format!("{path}?{query}"), accept, None).await
    }

    /// The versions in which a group is served; none if there is no such group.
    pub(super) async fn versions_of(&self, group: &str) -> Result<Vec<String>, Trouble> {
        #[derive(Deserialize)]
        struct Group {
            name: String,
            versions: Vec<GroupVersion>,
        }
        #[derive(Deserialize)]
        struct GroupVersion {
            version: String,
        }
        #[derive(Deserialize)]
        struct Groups {
            groups: Vec<Group>,
        }
        // The list of all groups: of a group that is not there the API server says the same as of one that it
        // has not learned of yet.
        let text = self.send(Method::GET, "/apis", "application/json", None).await?.whole().await?;
        let groups: Groups = serde_json::from_slice(&text).map_err(|e| Trouble::Garbled(e.to_string()))?;
        let group = groups.groups.into_iter().find(|found| found.name == group);
        Ok(group.into_iter().flat_map(|group| group.versions).map(|version| version.version).collect())
    }

    /// One request; a body that is sent is JSON, and to PATCH with it is to merge it.
    pub(super) async fn send(
        &self,
        method: Method,
        uri: &str,
        accept: &'static str,
        body: Option<&Value>,
    ) -> Result<Answer, Trouble> {
        let content =
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(uri).header(ACCEPT, accept);
        let request = match body {
            Some(body) => {
                request.header(CONTENT_TYPE, content).body(Body::from(body.to_string().into_bytes()))
            }
            None => request.body(Body::empty()),
        };
        let request = request.map_err(|error| Trouble::Broken(error.to_string()))?;
        let client = self.client.lock().expect("nothing panics while it holds this lock").0.clone();
        let response = match timeout(self.pace.answer, client.send(request)).await {
            Err(_) => return Err(Trouble::Silent(self.pace.answer)),
            Ok(Err(error)) => return Err(Trouble::Broken(causes(&error))),
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let retry_after = Duration::from_secs(retry_after.unwrap_or(0));
        let answer =
            Answer { body: response.into_body(), buffer: BytesMut::new(), patience: self.pace.answer };
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.whole().await.unwrap_or_default();
        let refusal: Refusal = serde_json::from_slice(&text).unwrap_or_default();
        Err(Trouble::Refused(Refusal { code: status.as_u16(), retry_after, ..refusal }))
    }

    /// Reads the credentials anew and connects anew: those that we have are not accepted any more, or other
    /// connections that wait to be used may be as dead as the one that fell silent.
    pub(super) async fn renew(&self) {
        {
            let mut held = self.client.lock().expect("nothing panics while it holds this lock");
            if held.1.elapsed() < self.pace.renewal {
                return;
            }
            held.1 = Instant::now();
        }
        let Ok(connected) = timeout(self.pace.answer, (self.connect)()).await else {
            tracing::warn!(
                "the credentials for the API server could not be read anew in time; those in use are tried on, and if they \
                 are refused clients are told what is known"
            );
            return;
        };
        match connected {
            Ok(client) => self.client.lock().expect("nothing panics while it holds this lock").0 = client,
            Err(error) => tracing::warn!(
                "cannot read the credentials for the API server anew: {error}; those in use are tried on, and if \
                 they are refused clients are told what is known"
            ),
        }
    }
}

/// An error with what caused it, as far as each says something new.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// The answer to a request, as it comes.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    buffer: BytesMut,
    /// How long it may pause where it should flow.
    patience: Duration,
}

impl Answer {
    /// All of it.
    pub(super) async fn whole(mut self) -> Result<Bytes, Trouble> {
        while self.more(Instant::now() + self.patience).await? {}
        Ok(self.buffer.freeze())
    }

    /// The next line, without its end; `None` at the end. `deadline` is for all of it.
    pub(super) async fn line(&mut self, deadline: Instant) -> Result<Option<Bytes>, Trouble> {
        let mut seen = 0;
        loop {
            if let Some(line) = self.buffered_line(seen) {
                return Ok(Some(line));
            }
            seen = self.buffer.len();
            if !self.more(deadline).await? {
                let rest = self.buffer.split().freeze();
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
    }

    /// The next line if all of it is here already.
    pub(super) fn ready_line(&mut self) -> Option<Bytes> {
        self.buffered_line(0)
    }

    fn buffered_line(&mut self, seen: usize) -> Option<Bytes> {
        let end = seen + self.buffer[seen..].iter().position(|byte| *byte == b'\n')?;
        let line = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        Some(line)
    }

    /// Reads on; whether anything came.
    async fn more(&mut self, deadline: Instant) -> Result<bool, Trouble> {
        let waited = Instant::now();
        loop {
            let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut self.body).poll_frame(cx));
            let frame = match timeout_at(deadline, frame).await {
                Err(_) => return Err(Trouble::Silent(waited.elapsed())),
                Ok(None) => return Ok(false),
                Ok(Some(Err(error))) => return Err(Trouble::Broken(causes(&error))),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            self.buffer.extend_from_slice(&data);
            if self.buffer.len() > LONGEST {
                return Err(Trouble::Garbled(format!("more than {LONGEST} bytes in one piece")));
            }
            return Ok(true);
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_can_go_wrong_has_one_of_the_known_words_and_each_word_is_used() {
        let refused = (400..600).map(|code| Trouble::Refused(Refusal { code, ..Refusal::default() }));
        let others = [
            Trouble::Broken(String::new()),
            Trouble::Silent(Duration::ZERO),
            Trouble::Garbled(String::new()),
            Trouble::Old,
            Trouble::Lossy { lost: 2, known: 2, doubted: Duration::ZERO },
        ];
        let used: BTreeSet<_> = refused.chain(others).map(|trouble| trouble.label()).collect();
        assert_eq!(used, TROUBLES.into());
    }
}

//! One kind, listed and then watched, for ever.
//!
//! What was heard is never unsaid because of an error: a list becomes one replacement when all of it is here
//! and is surely no older than what is known, and everything else that can happen (a connection that breaks
//! or falls silent, a refusal, a version that is gone) only leads to another try.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{
    sync::mpsc::Sender,
    time::{Duration, Instant, sleep},
};
use tracing::Instrument;

use super::{
    api::{Answer, Api, Trouble},
    backoff::Backoff,
    decode::{self, Invalid, Line, Read, Version},
    interner::Interner,
    kinds::Resource,
    last_valid::{LastValid, Uid},
    notes::Notes,
    pace::Pace,
};
use crate::{
    metrics::{Metrics, WatchRestart},
    model::{Kind, NsName, Object, ObjectId},
    source::{Batch, Event, loss},
    spans,
};

/// Objects a page.
const PAGE: u32 = 500;
/// Events that become visible in one step, if they came in one piece.
const BATCH: usize = 1000;
/// So often in a row a group has to be missing before a kind counts as not there.
const MISSING: u32 = 3;
/// So many watches in a row may end without a word, not even a bookmark. A cluster that was restored from a
/// backup says nothing to those who have seen more than it has.
const WORDLESS: u32 = 3;

/// What follows one kind.
pub(super) struct Follower {
    pub(super) resource: &'static Resource,
    pub(super) api: Api,
    pub(super) batches: Sender<Batch>,
    pub(super) notes: Arc<Notes>,
    pub(super) metrics: Metrics,
    pace: Arc<Pace>,
    /// The newest version that was heard of.
    seen: Version,
    backoff: Backoff,
    /// Which objects have a valid version.
    valid: LastValid,
    /// Whether it was ever said what there is of the kind.
    is_known: bool,
    /// Whether lists can be streamed; found out by trying.
    streams_lists: bool,
    /// Whether the next list is read in pages all the same.
    pages_next: bool,
}

/// Nobody takes batches any more: the program ends.
pub(super) struct Closed;

/// What a list said. While a large one is read this is most of what there is, so nothing is kept of an object
/// but the object.
#[derive(Default)]
struct Listed {
    objects: Vec<Object>,
    valid: LastValid,
    invalid: BTreeMap<ObjectId, (Uid, Invalid)>,
    version: Version,
    /// Not kept longer than the list: the cluster shares as well, and what both keep neither would drop.
    interner: Interner,
}

impl Listed {
    fn add(&mut self, read: Read) {
        match read.object {
            Ok(object) => {
                self.invalid.remove(&read.id);
                let object = self.interner.share(object);
                self.valid.record(object.name().clone(), read.uid, &read.version);
                self.objects.push(object);
            }
            Err(invalid) => {
                let name = &read.id.name;
                if self.valid.version(name, read.uid).is_none() && self.valid.remove(name) {
                    self.objects.retain(|object| object.name() != name);
                }
                self.invalid.insert(read.id, (read.uid, invalid));
            }
        }
    }

    /// The list of that version. Each has one; a `Status` or an empty object has not.
    fn of(self, version: Version) -> Result<Self, Trouble> {
        if version.0.is_empty() {
            return Err(Trouble::Garbled("a list without a version".to_owned()));
        }
        Ok(Self { version, ..self })
    }

    fn take_out(&mut self, id: &ObjectId) {
        self.objects.retain(|object| object.name() != &id.name);
        self.valid.remove(&id.name);
        self.invalid.remove(id);
    }
}

impl Follower {
    pub(super) fn new(
        resource: &'static Resource,
        api: Api,
        batches: Sender<Batch>,
        notes: Arc<Notes>,
        metrics: Metrics,
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            resource,
            api,
            batches,
            notes,
            metrics,
            backoff: Backoff::new(pace.first_wait, pace.longest_wait),
            pace,
            seen: Version::default(),
            valid: LastValid::default(),
            is_known: false,
            streams_lists: true,
            pages_next: false,
        }
    }

    /// Follows the kind until nobody listens.
    pub(super) async fn run(mut self) -> Result<(), Closed> {
        let mut old_since: Option<Instant> = None;
        let mut lossy_since: Option<Instant> = None;
        loop {
            let version = match self.version().await? {
                Some(version) => version,
                None => continue,
            };
            let path = self.resource.path(&version);
            let span = spans::list(self.resource.kind);
            let listed = match self.list(&path).instrument(span.clone()).await {
                Ok(listed) => {
                    span.record("objects", listed.objects.len());
                    drop(span);
                    listed
                }
                Err(trouble) => {
                    span.record("failed", trouble.label());
                    drop(span);
                    // Only lists that lack the same for as long, one after the other, are believed.
                    lossy_since = None;
                    self.fail(&trouble).await?;
                    continue;
                }
            };
            if listed.version.is_before(&self.seen) {
                let since = *old_since.get_or_insert_with(Instant::now);
                if since.elapsed() < self.pace.believe_old_after {
                    self.fail(&Trouble::Old).await?;
                    continue;
                }
                tracing::warn!(
                    kind = %self.resource.kind,
                    "the API server has answered with an older state than ours for {:?}; taking it: clients are told \
                     what was true once, as if it were a cluster restored from a backup",
                    self.pace.believe_old_after
                );
            }
            old_since = None;
            if let Some(trouble) = self.loss(&listed) {
                let since = *lossy_since.get_or_insert_with(Instant::now);
                if since.elapsed() < self.pace.empty_after {
                    self.fail(&trouble).await?;
                    continue;
                }
                tracing::warn!(kind = %self.resource.kind, "{trouble}; that time is over: they are gone");
            }
            lossy_since = None;
            self.heard();
            self.seen = listed.version.clone();
            self.replace(listed).await?;
            self.watch(&path).await?;
        }
    }

    /// Trouble with a list that lacks too many known objects to be believed at once.
    fn loss(&self, listed: &Listed) -> Option<Trouble> {
        let kind = self.resource.kind;
        let is_invalid = |name: &NsName| listed.invalid.contains_key(&ObjectId { kind, name: name.clone() });
        let (known, lost) = self.valid.lacking_in(&listed.valid, is_invalid);
        let most = matches!(kind, Kind::Service | Kind::EndpointSlice) && loss::takes_most(lost, known);
        let doubted = self.pace.empty_after;
        (most || loss::takes_all(lost, known)).then_some(Trouble::Lossy { lost, known, doubted })
    }

    /// The version to ask for, once the kind is there; `None` to look again.
    async fn version(&mut self) -> Result<Option<String>, Closed> {
        if !self.resource.optional {
            return Ok(Some(self.resource.versions[0].to_owned()));
        }
        let mut missing = 0;
        loop {
            match self.api.versions_of(self.resource.group).await {
                Ok(served) => {
                    match self.first_of(&served).await {
                        Ok(Some(version)) => return Ok(Some(version.to_owned())),
                        Ok(None) => {}
                        Err(trouble) => {
                            self.fail(&trouble).await?;
                            continue;
                        }
                    }
                    missing += 1;
                    if missing < MISSING {
                        sleep(self.pace.look_again).await;
                        continue;
                    }
                    // An API server that starts may not know yet what it serves, but then it says so.
                    let path = self.resource.path(self.resource.versions[0]);
                    match self.api.get(self.resource, &path, "limit=1").await {
                        Ok(_) => return Ok(Some(self.resource.versions[0].to_owned())),
                        Err(trouble) if self.is_absence(&trouble) => self.absent().await?,
                        Err(trouble) => {
                            self.fail(&trouble).await?;
                            continue;
                        }
                    }
                    sleep(self.pace.look_for.mul_f64(0.5 + fastrand::f64())).await;
                }
                Err(trouble) => {
                    self.fail(&trouble).await?;
                    missing = 0;
                }
            }
        }
    }

    /// The first version that is understood and served. A group has one version because of another kind of it,
    /// so only asking for this kind tells.
    async fn first_of(&self, served: &[String]) -> Result<Option<&'static str>, Trouble> {
        let is_served = |version: &&'static str| served.iter().any(|served| served == version);
        for version in self.resource.versions.iter().copied().filter(is_served) {
            match self.api.get(self.resource, &self.resource.path(version), "limit=1").await {
                Err(trouble) if trouble.code() == Some(404) => {}
                // It is there; what may be done with it is another question.
                Err(trouble) if trouble.code() == Some(403) => return Ok(Some(version)),
                Err(trouble) => return Err(trouble),
                Ok(_) => return Ok(Some(version)),
            }
        }
        Ok(None)
    }

    /// Whether an answer for a kind that discovery does not know means that it is not there. That it may not be
    /// read means so only where nothing of it was ever known.
    fn is_absence(&self, trouble: &Trouble) -> bool {
        let was_never_there = !self.is_known || self.notes.is_absent(self.resource.kind);
        trouble.code() == Some(404) || trouble.code() == Some(403) && was_never_there
    }

    /// The whole list: streamed where the API server can do that, else page by page. A streamed list that came
    /// to nothing is tried in pages next: something between may not let streams through.
    async fn list(&mut self, path: &str) -> Result<Listed, Trouble> {
        if self.streams_lists && !std::mem::take(&mut self.pages_next) {
            match self.stream_list(path).await {
                Err(Trouble::Refused(refusal)) if matches!(refusal.code, 400 | 405 | 422) => {
                    self.streams_lists = false;
                }
                Err(trouble @ (Trouble::Silent(_) | Trouble::Broken(_) | Trouble::Garbled(_))) => {
                    self.pages_next = true;
                    return Err(trouble);
                }
                listed => return listed,
            }
        }
        let (mut listed, mut query) = (Listed::default(), format!("limit={PAGE}"));
        loop {
            let text = self.api.get(self.resource, path, &query).await?.whole().await?;
            let page =
                decode::page(self.resource.kind, &text).map_err(|e| Trouble::Garbled(e.to_string()))?;
            page.items.into_iter().for_each(|read| listed.add(read));
            match page.next {
                // All pages are of the version of the first.
                Some(next) => query = format!("limit={PAGE}&continue={}", escaped(&next)),
                None => return listed.of(page.version),
            }
        }
    }

    /// A list in the form of a watch that begins with everything.
    async fn stream_list(&mut self, path: &str) -> Result<Listed, Trouble> {
        let query =
            "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let mut answer = self.api.get(self.resource, path, query).await?;
        let mut listed = Listed::default();
        loop {
            let text = answer.line(Instant::now() + self.pace.answer).await?;
            let Some(text) = text else {
                return Err(Trouble::Broken("the list broke off".to_owned()));
            };
            match decode::line(self.resource.kind, &text).map_err(|e| Trouble::Garbled(e.to_string()))? {
                Some(Line::Exists(read)) => listed.add(read),
                Some(Line::Gone(gone, _)) => listed.take_out(&gone),
                Some(Line::Bookmark(version, true)) => return listed.of(version),
                Some(Line::Failed(refusal)) => return Err(Trouble::Refused(refusal)),
                Some(Line::Bookmark(_, false)) | None => {}
            }
        }
    }

    /// Watches from what was seen last until the list has to be read anew.
    async fn watch(&mut self, path: &str) -> Result<(), Closed> {
        let mut wordless = 0;
        let mut all_is_well = true;
        while wordless < WORDLESS {
            let began = Instant::now();
            let time = self.pace.watch.mul_f64(1.0 + fastrand::f64() / 4.0);
            let query = format!(
                "watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                escaped(&self.seen.0),
                time.as_secs().max(1)
            );
            let span = spans::watch(self.resource.kind);
            let outcome = match self.api.get(self.resource, path, &query).instrument(span.clone()).await {
                Ok(answer) => {
                    if wordless == 0 && all_is_well {
                        self.current().await?;
                    }
                    let taking = self.take_events(answer, time + self.pace.grace);
                    let outcome = taking.instrument(span.clone()).await?;
                    wordless += u32::from(outcome.is_err());
                    outcome
                }
                Err(trouble) => Err(trouble),
            };
            if let Err(trouble) = &outcome {
                span.record("failed", trouble.label());
            }
            drop(span);
            all_is_well = outcome.is_ok();
            match outcome {
                Ok(true) => {
                    wordless = 0;
                    if began.elapsed() < time / 8 {
                        sleep(self.backoff.next()).await;
                    }
                }
                Ok(false) => {
                    wordless += 1;
                    if began.elapsed() < time / 2 {
                        self.fail(&Trouble::Broken("the watch ended as soon as it had begun".to_owned()))
                            .await?;
                    }
                }
                Err(trouble) if is_about_the_version(&trouble) => return self.fail(&trouble).await,
                Err(trouble) => self.fail(&trouble).await?,
            }
        }
        Ok(())
    }

    /// Takes what a watch says, to its end; whether that was anything.
    async fn take_events(
        &mut self,
        mut answer: Answer,
        time: Duration,
    ) -> Result<Result<bool, Trouble>, Closed> {
        let deadline = Instant::now() + time;
        let mut said_anything = false;
        loop {
            let mut text = match answer.line(deadline).await {
                Ok(Some(text)) => Some(text),
                Ok(None) => return Ok(Ok(said_anything)),
                Err(trouble) => return Ok(Err(trouble)),
            };
            let mut events = Vec::new();
            let mut outcome = Ok(());
            while let Some(line) = text {
                outcome = self.take_line(&line, &mut events);
                text = if outcome.is_ok() && events.len() < BATCH { answer.ready_line() } else { None };
            }
            self.send(events).await?;
            if let Err(trouble) = outcome {
                return Ok(Err(trouble));
            }
            // Only now: one that is taken and then comes to nothing, again and again, is no progress.
            if !said_anything {
                said_anything = true;
                self.current().await?;
                self.backoff.reset();
            }
        }
    }

    fn take_line(&mut self, text: &[u8], events: &mut Vec<Event>) -> Result<(), Trouble> {
        let line = decode::line(self.resource.kind, text).map_err(|e| Trouble::Garbled(e.to_string()))?;
        let Some(line) = line else { return Ok(()) };
        // What is past is no news, and nothing of it is noted.
        if line.version().is_some_and(|version| version.is_before(&self.seen)) {
            return Err(Trouble::Old);
        }
        let version = match line {
            Line::Exists(read) => {
                self.count_lag(read.changed);
                match read.object {
                    Ok(object) => {
                        self.notes.valid(&read.id);
                        self.valid.record(object.name().clone(), read.uid, &read.version);
                        events.push(Event::Upsert(object));
                    }
                    Err(invalid) => {
                        let in_force = self.valid.version(&read.id.name, read.uid);
                        self.notes.invalid(&read.id, &invalid, in_force.clone());
                        if in_force.is_none() && self.valid.remove(&read.id.name) {
                            // The object that had this name before is gone.
                            events.push(Event::Remove(read.id));
                        }
                    }
                }
                read.version
            }
            Line::Gone(id, version) => {
                self.notes.valid(&id);
                self.valid.remove(&id.name);
                events.push(Event::Remove(id));
                version
            }
            Line::Bookmark(version, _) => version,
            Line::Failed(refusal) => return Err(Trouble::Refused(refusal)),
        };
        if !version.0.is_empty() {
            self.seen = version;
        }
        self.heard();
        Ok(())
    }

    /// The API server said something of the kind that was taken, if only that nothing happened.
    fn heard(&self) {
        self.metrics.ages.heard(self.resource.kind);
    }

    /// Counts how long it took a change to get here.
    fn count_lag(&self, changed: Option<Timestamp>) {
        if let Some((changed, lag)) = changed.zip(self.metrics.linkerd.lag(self.resource.kind)) {
            // Clocks differ, and what seems to come from the future came at once.
            let since = Duration::try_from(Timestamp::now().duration_since(changed)).unwrap_or_default();
            lag.observe(since, 1);
        }
    }

    /// Replaces all there is of the kind in one step.
    async fn replace(&mut self, listed: Listed) -> Result<(), Closed> {
        let event = self.replacement(listed);
        self.send(vec![event]).await
    }

    /// The event for a list. An object that is invalid now keeps its last valid version, if it is the same object
    /// still.
    fn replacement(&mut self, listed: Listed) -> Event {
        let Listed { objects, mut valid, invalid, .. } = listed;
        self.notes.listed(self.resource.kind);
        self.is_known = true;
        let mut kept = BTreeSet::new();
        for (id, (uid, invalid)) in invalid {
            // A streamed list may itself have had a valid version of it before.
            if valid.version(&id.name, uid).is_none() && self.valid.version(&id.name, uid).is_some() {
                valid.keep(&id.name, &self.valid);
                kept.insert(id.clone());
            }
            self.notes.invalid(&id, &invalid, valid.version(&id.name, uid));
        }
        self.valid = valid;
        if kept.is_empty() {
            Event::Replace(self.resource.kind, objects)
        } else {
            Event::ReplaceExcept(self.resource.kind, objects, kept)
        }
    }

    /// The kind is not there: nothing of it exists.
    async fn absent(&mut self) -> Result<(), Closed> {
        self.heard();
        if self.notes.absent(self.resource.kind) {
            tracing::info!(
                kind = %self.resource.kind,
                "the cluster does not define this kind ({}); going on without, and looking for it",
                self.resource.group
            );
            self.seen = Version::default();
            self.valid = LastValid::default();
            self.is_known = true;
            self.send(vec![Event::Replace(self.resource.kind, Vec::new())]).await?;
        }
        self.backoff.reset();
        self.send(Vec::new()).await
    }

    /// All is well: what is known is current.
    async fn current(&mut self) -> Result<(), Closed> {
        self.notes.current(self.resource.kind);
        self.send(Vec::new()).await
    }

    /// Notes what went wrong and waits until it is time to try again.
    async fn fail(&mut self, trouble: &Trouble) -> Result<(), Closed> {
        let kind = self.resource.kind;
        let asked = trouble.retry_after().min(self.pace.longest_wait);
        let wait = self.backoff.next() + asked;
        let mut events = Vec::new();
        if trouble.code() == Some(403) && !self.resource.is_needed() && !self.is_known {
            self.is_known = true;
            self.notes.without(kind);
            events.push(Event::Replace(kind, Vec::new()));
        }
        self.notes.behind(self.resource, trouble);
        tracing::debug!(%kind, "{trouble}; trying again in {wait:?}");
        let restart = WatchRestart { kind: kind.as_str(), reason: trouble.label() };
        self.metrics.watch_restarts.get_or_create(&restart).inc();
        self.send(events).await?;
        if matches!(trouble, Trouble::Silent(_)) || trouble.code() == Some(401) {
            self.api.renew().await;
        }
        sleep(wait).await;
        Ok(())
    }

    /// Sends events, and where things stand if that is news.
    async fn send(&self, events: Vec<Event>) -> Result<(), Closed> {
        let report = self.notes.news();
        if events.is_empty() && report.is_none() {
            return if self.batches.is_closed() { Err(Closed) } else { Ok(()) };
        }
        self.batches.send(Batch { events, report, since: Some(Instant::now()) }).await.map_err(|_| Closed)
    }
}

/// Whether a watch from the same version would have no better end: the version is too old or not understood,
/// the kind is gone, what follows cannot be read, or a second truth speaks.
fn is_about_the_version(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Old | Trouble::Garbled(_) => true,
        Trouble::Refused(refusal) => {
            refusal.code == 504
                || (400..500).contains(&refusal.code) && !matches!(refusal.code, 401 | 403 | 408 | 429)
        }
        Trouble::Broken(_) | Trouble::Silent(_) | Trouble::Lossy { .. } => false,
    }
}

/// A value of a query. Versions and tokens are opaque, so whatever is not plain is escaped.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests;

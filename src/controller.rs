//! The one task that changes anything: it takes batches from the source, runs the [`Engine`], and makes new
//! answers known through [`Topics`].
//!
//! Everything that can make it work arrives in one `select!`. It never waits for a subscriber; what it sends
//! back is a cursor. Several batches that have piled up are applied as one step.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future, mem,
    ops::Bound,
    pin::pin,
    sync::{Arc, Weak},
    vec,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    cluster::Fact,
    engine::{Change, Engine, Outcome},
    hold::{Holds, Lead},
    metrics::{Because, Linkerd, Metrics, OfKind},
    model::{Kind, ObjectId, Reason},
    picture::Observer,
    resolve::{Answer, Query, Target},
    shares::{Hold, Parties, Refused, Shares},
    source::{Batch, Report},
    spans,
    status::{Notice, Status},
    topic::{Cursor, Published, Topic, Topics},
};

mod audits;
pub mod heartbeat;
mod look;

use self::{audits::Audits, look::Look};
pub use self::{audits::Pace, heartbeat::Heartbeat, look::Uninspected};

/// How many bytes all views together may have unless [`Controller::limit_views`] says otherwise: with the rest of the
/// server it fits in the memory that `deploy/` gives it.
pub const MAX_VIEW_BYTES: u64 = 384 << 20;
/// Cost of a view besides its endpoints, in bytes: measured, with its topic and indexes.
const VIEW_BYTES: u64 = 6 << 10;
/// Cost of an endpoint of a view, in bytes: in the view and its pool 152, and about 360 in its first message.
const ENDPOINT_BYTES: u64 = 512;
/// So many views, and bytes of views, a client may have however little is free.
const VIEWS_FLOOR: u64 = 64;
const VIEW_BYTES_FLOOR: u64 = 1 << 20;
/// How long a view that nobody watches is kept: a client that reconnects finds it as it was. Proxies come back within
/// a few hundred milliseconds.
pub const VIEW_LINGER: Duration = Duration::from_secs(3);
/// How many different views are kept unless [`Controller::limit_views`] says otherwise: as many as there are services
/// and ports in the largest clusters, several times over. Each costs some kilobytes.
pub const MAX_VIEWS: usize = 200_000;
/// How often what is no longer needed is looked for: views, and bytes that nobody asks for.
const REAPING: Duration = Duration::from_secs(1);
/// How many views are looked at each time: a few milliseconds, in which nothing is made known.
const REAPED_AT_ONCE: usize = 20_000;
/// How many batches may wait. The controller takes all that do in one step, so a source that fills this is made to
/// wait for one.
pub const BATCHES: usize = 1024;
/// How many requests for a first view may wait; further ones wait in their own stream.
const WANTS: usize = 1024;
/// How many may wait to look at the engine; further ones wait where they are. One look is taken in a turn, so that streams
/// come before curiosity.
const LOOKS: usize = 16;
/// How many batches or requests are taken in one turn: all that wait, for what is told together is written together.
const TURN: usize = 1024;
/// How long one turn resolves first answers. Those that are left wait for the next turn, so that batches come between.
const ANSWERING: Duration = Duration::from_millis(20);

/// So few answers are never worth looking through.
const FEW: usize = 64;

/// A request for a target without a view, and the parties of its client.
type Want = (Target, Parties, oneshot::Sender<Result<Cursor, Unavailable>>);

/// Why there is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The controller is gone.
    #[error("this server is shutting down; ask another one")]
    ShuttingDown,
    /// It would be one view too many.
    #[error("{}", .0.describe("different questions", "--max-views"))]
    Views(Refused),
    /// The views have too many bytes.
    #[error("{}", .0.describe("bytes of answers", "--max-view-bytes"))]
    ViewBytes(Refused),
}

/// A view that is kept, and what is counted of it as long as it is. The client that asked first is charged, with the bytes
/// of the answer if no other view has them.
#[derive(Debug)]
struct Kept {
    topic: Arc<Topic>,
    bytes: Hold,
    _view: Hold,
}

/// Where streams get their cursors from. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Directory {
    topics: Arc<Topics>,
    wants: mpsc::Sender<Want>,
    looks: mpsc::Sender<Look>,
    heartbeat: Heartbeat,
}

impl Directory {
    /// A cursor into the answers to a target, for a client that is known by this.
    ///
    /// # Errors
    /// [`Unavailable`] says why there is none.
    pub async fn subscribe(&self, target: &Target, parties: &Parties) -> Result<Cursor, Unavailable> {
        if let Some(cursor) = self.topics.subscribe(target) {
            return Ok(cursor);
        }
        let (reply, cursor) = oneshot::channel();
        let want = (target.clone(), parties.clone(), reply);
        self.wants.send(want).await.map_err(|_| Unavailable::ShuttingDown)?;
        cursor.await.unwrap_or(Err(Unavailable::ShuttingDown))
    }

    /// What `look` finds in the engine, between two steps of the controller. The controller does nothing else meanwhile:
    /// copy out what is needed, and work on it elsewhere. It goes on if `look` panics.
    ///
    /// # Errors
    /// [`Uninspected`] says why nothing was found.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Uninspected> {
        let (look, found) = Look::new(look);
        self.looks.send(look).await.map_err(|_| Uninspected::ShuttingDown)?;
        found.await.unwrap_or(Err(Uninspected::ShuttingDown))
    }

    /// Whether the controller completes its turns.
    #[must_use]
    pub fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// The topics, to wake or to count.
    #[must_use]
    pub fn topics(&self) -> &Arc<Topics> {
        &self.topics
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Controller {
    engine: Engine,
    topics: Arc<Topics>,
    /// The same topics, for the only one who publishes in them.
    watched: BTreeMap<Target, Kept>,
    wants: mpsc::Receiver<Want>,
    looks: mpsc::Receiver<Look>,
    lead: Lead,
    holds: Holds,
    report: Arc<Report>,
    /// Whether a batch was applied. Before the first one, which brings the report of what was read already, the places of
    /// objects are not known, and no warning is logged.
    has_batch: bool,
    /// What has been logged of each object, so that it is logged once for each of its versions.
    logged: BTreeMap<ObjectId, BTreeSet<(Reason, String)>>,
    /// What is made known of each answer, by the address of the answer.
    known: HashMap<usize, Weak<Published>>,
    views: Arc<Shares>,
    view_bytes: Arc<Shares>,
    /// The last view that was looked at, if there are more after it.
    reaped: Option<Target>,
    audits: Audits,
    status: watch::Sender<Arc<Status>>,
    metrics: Metrics,
    heartbeat: Heartbeat,
    /// Who hears of what changed, for people who look.
    observer: Option<Observer>,
}

impl Controller {
    /// A controller and the directory that leads to it.
    #[must_use]
    pub fn new(
        engine: Engine,
        lead: Lead,
        status: watch::Sender<Arc<Status>>,
        metrics: Metrics,
    ) -> (Self, Directory) {
        let (sender, wants) = mpsc::channel(WANTS);
        let (look_sender, looks) = mpsc::channel(LOOKS);
        let topics = Arc::new(Topics::default());
        let heartbeat = Heartbeat::new(metrics.controller_stalled.clone());
        let directory = Directory {
            topics: topics.clone(),
            wants: sender,
            looks: look_sender,
            heartbeat: heartbeat.clone(),
        };
        let controller = Self {
            engine,
            topics,
            watched: BTreeMap::new(),
            wants,
            looks,
            lead,
            holds: Holds::default(),
            report: Arc::new(Report::default()),
            has_batch: false,
            logged: BTreeMap::new(),
            known: HashMap::new(),
            views: Shares::new(MAX_VIEWS as u64, 0.0, 0),
            view_bytes: Shares::new(MAX_VIEW_BYTES, 0.0, 0),
            reaped: None,
            audits: Audits::default(),
            status,
            metrics,
            heartbeat,
            observer: None,
        };
        (controller, directory)
    }

    /// Keeps at most so many different views with so many bytes. A client may have this fraction of what is free of
    /// either; 0 for all.
    #[must_use]
    pub fn limit_views(self, views: u64, bytes: u64, client_share: f64) -> Self {
        let views = Shares::new(views, client_share, VIEWS_FLOOR);
        let view_bytes = Shares::new(bytes, client_share, VIEW_BYTES_FLOOR);
        Self { views, view_bytes, ..self }
    }

    /// Audits at another pace than the usual one.
    #[must_use]
    pub fn pace_audits(self, pace: Pace) -> Self {
        Self { audits: Audits::new(pace), ..self }
    }

    /// Has an observer hear of what changes.
    #[must_use]
    pub fn observed_by(mut self, mut observer: Observer) -> Self {
        if self.engine.is_synced() {
            observer.note_all(self.engine.cluster());
        }
        self.observer = Some(observer);
        self
    }

    /// Runs until the source or the last directory is gone.
    pub async fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        let mut reaping = interval(REAPING);
        reaping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut audit = pin!(sleep_until(Instant::now()));
        let (mut new_batches, mut new_wants) = (Vec::new(), Vec::new());
        let mut waiting = Vec::new().into_iter();
        loop {
            let due = self.holds.next_due();
            let observed = self.observer.as_ref().and_then(Observer::due);
            tokio::select! {
                taken = batches.recv_many(&mut new_batches, TURN) => {
                    if taken == 0 {
                        return;
                    }
                    self.heartbeat.begin("applying a batch of events", taken);
                    self.apply(mem::take(&mut new_batches));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.heartbeat.begin("publishing answers that were held", 1);
                    self.publish_due();
                }
                taken = self.wants.recv_many(&mut new_wants, TURN), if waiting.len() == 0 => {
                    if taken == 0 {
                        return;
                    }
                    waiting = mem::take(&mut new_wants).into_iter();
                    self.answer_some(&mut waiting);
                }
                () = future::ready(()), if waiting.len() > 0 => self.answer_some(&mut waiting),
                Some(look) = self.looks.recv() => {
                    self.heartbeat.begin("copying out what an explanation or an audit needs", 1);
                    look.take(&self.engine, &self.metrics);
                }
                () = sleep_until(observed.unwrap_or_else(Instant::now)), if observed.is_some() => {
                    self.heartbeat.begin("observing services for the page", 1);
                    if let Some(observer) = &mut self.observer {
                        observer.observe(self.engine.cluster());
                    }
                }
                _ = reaping.tick() => {
                    self.heartbeat.begin("removing views without subscribers", self.watched.len());
                    // Where views are short, those that somebody watches come first.
                    let short = self.views.lacks(1) || self.view_bytes.lacks(VIEW_BYTES);
                    self.reap(if short { Duration::ZERO } else { VIEW_LINGER });
                }
                () = &mut audit, if self.engine.is_synced() && !self.watched.is_empty() => {
                    self.heartbeat.begin("auditing a view", 1);
                    audit.as_mut().reset(self.audit());
                }
            }
            // What is asked for can be odd as well.
            if self.has_batch && self.engine.take_warnings_changed() {
                self.show_status(&BTreeSet::new(), true);
            }
            self.metrics.views.set(saturate(self.watched.len()));
            self.metrics.view_bytes.set(i64::try_from(self.view_bytes.total()).unwrap_or(i64::MAX));
            let done = self.engine.resolutions().saturating_sub(self.metrics.resolutions.get());
            self.metrics.resolutions.inc_by(done);
            self.heartbeat.complete();
        }
    }

    fn apply(&mut self, batches: Vec<Batch>) {
        let was_synced = self.engine.is_synced();
        let mut events = Vec::new();
        let mut report = None;
        // A step is as old as the oldest event in it.
        let now = Instant::now();
        let since = batches.iter().filter_map(|batch| batch.since).min().unwrap_or(now);
        let count = batches.len();
        for batch in batches {
            events.extend(batch.events);
            report = batch.report.or(report);
            self.metrics.batches.inc();
        }
        let span = spans::batch(count, events.len()).entered();
        let Outcome { changes, touched } = self.engine.apply(events);
        span.record("changes", changes.len());
        let topics = self.publish(changes, &touched, since);
        span.record("topics", topics);
        drop(span);
        self.has_batch = true;
        if let Some(report) = &report {
            let new = report.findings.iter().filter(|finding| !self.report.findings.contains(finding));
            new.for_each(|finding| self.log(&Notice::of_finding(finding)));
            self.report = report.clone();
        }
        let synced = self.engine.is_synced() != was_synced;
        match &mut self.observer {
            Some(observer) if synced => observer.note_all(self.engine.cluster()),
            Some(observer) if was_synced => observer.note(&touched),
            _ => {}
        }
        if synced || report.is_some() || !touched.is_empty() {
            // Seen to here; nothing is left for the end of the turn.
            let is_new = self.engine.take_warnings_changed() || synced || report.is_some();
            self.show_status(&touched, is_new);
        }
    }

    /// Makes changes known, or holds those that have to wait for another; in how many topics something new was shown.
    fn publish(&mut self, changes: Vec<Change>, touched: &BTreeSet<Fact>, since: Instant) -> usize {
        let now = Instant::now();
        let mut steps = Steps::since(since, &self.metrics.linkerd);
        for Change { target, answer } in changes {
            let Some(Kept { topic, .. }) = self.watched.get(&target) else { continue };
            let wait = topic.current().and_then(|current| {
                let is_backend = match &target.query {
                    Query::Endpoints { service, .. } => {
                        self.engine.cluster().is_backend(service)
                            || touched.contains(&Fact::SplitsWith(service.clone()))
                    }
                    Query::ServiceProfile { .. } | Query::AddressProfile { .. } => false,
                };
                self.lead.of(&target, is_backend, current.answer(), &answer)
            });
            match wait {
                Some(wait) => self.holds.hold(target, now + wait),
                None => {
                    self.holds.release(&target);
                    steps.publish(topic, answer);
                }
            }
        }
        let topics = steps.shown.len();
        for published in steps.wake() {
            self.know(&published);
        }
        topics
    }

    /// Makes known what was held and still holds.
    fn publish_due(&mut self) {
        // They are late on purpose, which is nobody's slowness.
        let mut steps = Steps::since(Instant::now(), &self.metrics.linkerd);
        for target in self.holds.take_due(Instant::now()) {
            if let (Some(Kept { topic, .. }), Some(answer)) =
                (self.watched.get(&target), self.engine.answer(&target))
            {
                steps.publish(topic, answer.clone());
            }
        }
        for published in steps.wake() {
            self.know(&published);
        }
    }

    /// Answers requests that wait, in their order, for as long as [`ANSWERING`].
    fn answer_some(&mut self, waiting: &mut vec::IntoIter<Want>) {
        self.heartbeat.begin("resolving first answers", waiting.len());
        let began = Instant::now();
        for want in waiting {
            self.answer(want);
            if began.elapsed() >= ANSWERING {
                return;
            }
        }
    }

    fn answer(&mut self, (target, parties, reply): Want) {
        // Nobody waits for it any more, as in a storm of clients that come and go.
        if reply.is_closed() {
            return;
        }
        let is_new = !self.watched.contains_key(&target);
        let holds = match is_new.then(|| self.holds_for_view(&parties)).transpose() {
            Ok(holds) => holds,
            Err(refused) => {
                _ = reply.send(Err(refused));
                return;
            }
        };
        let (topic, cursor) = self.topics.open(&target);
        let answer = self.engine.watch(&target);
        if let Some((view, mut bytes)) = holds {
            let is_shared = |answer: &Arc<Answer>| {
                self.known.get(&Arc::as_ptr(answer).addr()).is_some_and(|known| known.strong_count() > 0)
            };
            bytes.set(cost(answer.as_ref().filter(|answer| !is_shared(answer))));
            self.watched.insert(target, Kept { topic: topic.clone(), bytes, _view: view });
        }
        if let Some(answer) = answer
            && topic.current().is_none()
        {
            let published = self.published(answer);
            topic.publish(published);
        }
        // A stream that did not wait for its cursor drops it, and the view is reaped in its time.
        _ = reply.send(Ok(cursor));
    }

    /// Holds for a new view of this client: one view, and its bytes.
    fn holds_for_view(&self, parties: &Parties) -> Result<(Hold, Hold), Unavailable> {
        let view = self.views.take(parties, 1).map_err(Unavailable::Views)?;
        let bytes = self.view_bytes.take(parties, VIEW_BYTES).map_err(Unavailable::ViewBytes)?;
        Ok((view, bytes))
    }

    /// An answer made known for the first time in a topic: as in a topic that somebody else asked the same in,
    /// so that both share its bytes too.
    fn published(&mut self, answer: Arc<Answer>) -> Arc<Published> {
        let known = self.known.get(&Arc::as_ptr(&answer).addr()).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let published = Arc::new(Published::new(answer, None, Instant::now()));
            self.know(&published);
            published
        })
    }

    /// Remembers what is known of an answer for as long as any topic has it.
    fn know(&mut self, published: &Arc<Published>) {
        if self.known.len() > 2 * self.watched.len() + FEW {
            self.known.retain(|_, published| published.strong_count() > 0);
        }
        self.known.insert(Arc::as_ptr(published.answer()).addr(), Arc::downgrade(published));
    }

    /// Lets go of views that nobody watched for so long, and of bytes that nobody asks for. Of very many views it looks
    /// at some each time.
    fn reap(&mut self, linger: Duration) {
        let after = self.reaped.take().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut idle, mut last) = (Vec::new(), None);
        // Views have grown or shrunk since they were asked for. Of those that share an answer one has its bytes.
        let mut counted = HashSet::new();
        for (target, kept) in self.watched.range_mut((after, Bound::Unbounded)).take(REAPED_AT_ONCE) {
            if self.topics.reap(target, linger) {
                idle.push(target.clone());
            } else {
                kept.topic.cool();
                let answer = self.engine.answer(target);
                kept.bytes.set(cost(answer.filter(|answer| counted.insert(Arc::as_ptr(answer)))));
            }
            last = Some(target.clone());
        }
        // From the beginning again after the last one.
        self.reaped = last.filter(|last| self.watched.last_key_value().is_some_and(|(end, _)| end != last));
        for target in idle {
            self.watched.remove(&target);
            self.holds.release(&target);
            self.audits.forget(&target, &self.metrics);
            self.engine.unwatch(&target);
        }
    }

    /// Shows the state after something was touched; `is_new` says whether the warnings may be others than before.
    fn show_status(&mut self, touched: &BTreeSet<Fact>, is_new: bool) {
        let status = if is_new {
            Status::new(&self.engine, &self.report)
        } else {
            Status::with_warnings(&self.engine, self.status.borrow().warnings.clone())
        };
        self.metrics.synced.set(status.synced.into());
        for kind in Kind::ALL {
            let count = status.objects.get(kind.as_str()).copied().unwrap_or_default();
            self.metrics.objects.get_or_create(&OfKind { kind: kind.as_str() }).set(saturate(count));
        }
        // A new version of an object is logged again, also if what is odd about it is the same.
        let is_new = touched
            .iter()
            .filter_map(object_of)
            .fold(is_new, |is_new, object| self.logged.remove(&object).is_some() || is_new);
        if is_new {
            self.log_warnings(&status);
        }
        self.status.send_replace(Arc::new(status));
    }

    /// Logs and counts warnings that are new, each once for a version of its object.
    fn log_warnings(&mut self, status: &Status) {
        let known = self.engine.warnings().filter(|warning| {
            let logged = self.logged.entry(warning.object.clone()).or_default();
            logged.insert((warning.problem.reason, warning.problem.path.clone()))
        });
        let new: Vec<_> = known.map(|warning| Notice::of_warning(warning, &self.report)).collect();
        new.iter().for_each(|notice| self.log(notice));
        for reason in Reason::ALL {
            let count = status.warnings.iter().filter(|warning| warning.reason == reason).count();
            self.metrics.warnings.get_or_create(&Because { reason: reason.as_str() }).set(saturate(count));
        }
    }

    fn log(&self, notice: &Notice) {
        self.metrics.warned.get_or_create(&Because { reason: notice.reason.as_str() }).inc();
        if notice.reason == Reason::SourceStale {
            // The source says it of all its kinds in one line, with what it means.
            tracing::debug!(reason = %notice.reason, "{notice}");
        } else {
            tracing::warn!(reason = %notice.reason, "{notice}");
        }
    }
}

/// The object that a fact is about, if warnings can be about it.
fn object_of(fact: &Fact) -> Option<ObjectId> {
    let (kind, name) = match fact {
        Fact::Service(name) => (Kind::Service, name),
        Fact::Pod(name) => (Kind::Pod, name),
        Fact::Split(name) => (Kind::TrafficSplit, name),
        Fact::Profile(name) => (Kind::ServiceProfile, name),
        _ => return None,
    };
    Some(ObjectId { kind, name: name.clone() })
}

/// Cost of a view in bytes; without the answer if another view is charged for it.
fn cost(answer: Option<&Arc<Answer>>) -> u64 {
    let answer = match answer.map(|answer| &**answer) {
        Some(Answer::Endpoints(view)) => ENDPOINT_BYTES * view.entries().len() as u64,
        Some(Answer::Profile(profile)) => profile.message.bytes.len() as u64,
        None => 0,
    };
    VIEW_BYTES + answer
}

fn saturate(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Publications of one moment: topics that had the same answer and get the same share one transition, so
/// that it is compared and encoded once.
struct Steps<'t> {
    since: Instant,
    /// Those that got something new. They are woken when all did: a connection with streams in many of them then
    /// writes once.
    shown: Vec<&'t Topic>,
    /// By the version before and the answer after; the latter is kept alive by what is published.
    made: HashMap<(Option<u64>, *const Answer), Arc<Published>>,
    counted: &'t Linkerd,
}

impl<'t> Steps<'t> {
    /// Steps that are due to what the source said then.
    fn since(since: Instant, counted: &'t Linkerd) -> Self {
        Self { since, shown: Vec::new(), made: HashMap::new(), counted }
    }

    fn publish(&mut self, topic: &'t Topic, answer: Arc<Answer>) {
        let current = topic.current();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current.answer(), &answer) || **current.answer() == *answer)
        {
            return;
        }
        // The first answer differs from none, whether the source was read before it was asked for or after.
        match *answer {
            _ if current.is_none() => {}
            Answer::Endpoints(_) => _ = self.counted.endpoints_updates.inc(),
            Answer::Profile(_) => _ = self.counted.profile_updates.inc(),
        }
        let key = (current.as_ref().map(|current| current.version()), Arc::as_ptr(&answer));
        let published = self
            .made
            .entry(key)
            .or_insert_with(|| Arc::new(Published::new(answer, current.as_deref(), self.since)));
        topic.show(published.clone());
        self.shown.push(topic);
    }

    /// Wakes who has something new, and yields what that is.
    fn wake(self) -> Vec<Arc<Published>> {
        self.shown.iter().for_each(|topic| topic.wake_waiting());
        self.made.into_values().collect()
    }
}

#[cfg(test)]
mod tests;

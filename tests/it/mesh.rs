//! A small mesh for tests: objects written as [words], the real controller under paused time, and clients
//! that hold what a Linkerd proxy would hold ([streams]).
//!
//! A test reads as given, action, expectation:
//!
//! ```ignore
//! let mut mesh = Mesh::given("service web 80; service a 80; endpoints a A1; split web a=1");
//! let mut web = mesh.merged("web");
//! web.expect("add A1=1000M");
//! mesh.edit("endpoints a A1 A2");
//! web.expect("add A1=500M A2=500M");
//! ```
//!
//! Nothing is asynchronous here: the mesh owns a runtime whose time stands still unless a test
//! [waits](Mesh::wait), so every call returns when the controller has nothing left to do at that moment.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use switchyard::{
    authority::{Authority, Host},
    context::Reading,
    controller::{BATCHES, Controller, Directory},
    engine::Engine,
    hold::Lead,
    metrics::Metrics,
    model::{Kind, Name},
    resolve::{Client, Options, Query, Target},
    source::{
        Batch, Event,
        convert::{convert, kind_of},
    },
    status::{Notice, Status},
    topic::Cursor,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::yield_now,
    time::advance,
};

pub(crate) mod streams;
pub(crate) mod words;

pub(crate) use streams::{Get, GetProfile};

/// The namespace of everything that names none.
pub(crate) const NAMESPACE: &str = "d";
/// The cluster's domain.
pub(crate) const DOMAIN: &str = "cluster.local";
/// How long an emptied leaf is held, the default of `--leaf-drain`.
pub(crate) const DRAIN: u64 = 300;
/// Longer than a profile waits for endpoints that came back, and far shorter than the drain.
pub(crate) const RETURN: u64 = 50;

/// Turns of the scheduler after which the controller has done all it can do without time passing.
const TURNS: usize = 32;

/// See the module's documentation.
pub(crate) struct Mesh {
    runtime: Runtime,
    batches: mpsc::Sender<Batch>,
    pub(crate) directory: Directory,
    status: watch::Receiver<Arc<Status>>,
    pub(crate) metrics: Metrics,
}

/// What of a mesh a test may want otherwise.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) options: Options,
    pub(crate) drain: Duration,
    pub(crate) domain: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self { options: Options::default(), drain: Duration::from_millis(DRAIN), domain: DOMAIN }
    }
}

impl Mesh {
    /// A mesh that is synced and has these objects.
    #[track_caller]
    pub(crate) fn given(script: &str) -> Self {
        Self::with(Settings::default(), script)
    }

    /// The same with other settings.
    #[track_caller]
    pub(crate) fn with(settings: Settings, script: &str) -> Self {
        let mut mesh = Self::unsynced(settings);
        mesh.sync();
        mesh.edit(script);
        mesh
    }

    /// A mesh whose source has said nothing yet.
    pub(crate) fn unsynced(settings: Settings) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let (batches, receiver) = mpsc::channel(BATCHES);
        let (status_sender, status) = watch::channel(Arc::default());
        let metrics = Metrics::default();
        let engine = Engine::new(settings.domain.into(), settings.options);
        let lead = Lead { drain: settings.drain };
        let (controller, directory) = Controller::new(engine, lead, status_sender, metrics.clone());
        runtime.spawn(controller.run(receiver));
        let mesh = Self { runtime, batches, directory, status, metrics };
        mesh.settle();
        mesh
    }

    /// Says of every kind that there is nothing of it.
    pub(crate) fn sync(&mut self) {
        self.apply(Kind::ALL.map(|kind| Event::Replace(kind, Vec::new())).into());
    }

    /// One batch of events, written as words.
    #[track_caller]
    pub(crate) fn edit(&mut self, script: &str) {
        self.apply(words::events(script));
    }

    /// One batch of objects as a source would read them: JSON of Kubernetes objects.
    #[track_caller]
    pub(crate) fn read(&mut self, objects: &[Value]) {
        let object = |value: &Value| {
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            let kind = kind_of(&text("apiVersion"), &text("kind")).expect("a kind that is read");
            Event::Upsert(convert(kind, value).expect("an object that can be used"))
        };
        self.apply(objects.iter().map(object).collect());
    }

    /// One batch of events.
    pub(crate) fn apply(&mut self, events: Vec<Event>) {
        self.send(events);
        self.settle();
    }

    /// A batch that the controller has not taken yet: what is sent before it gets its turn piles up.
    pub(crate) fn send(&mut self, events: Vec<Event>) {
        self.feed(Batch { events, ..Batch::default() });
    }

    /// The same with what the source has to report.
    pub(crate) fn feed(&mut self, batch: Batch) {
        self.batches.try_send(batch).expect("room for a batch");
    }

    /// Lets the controller do what it can do now.
    pub(crate) fn settle(&self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                yield_now().await;
            }
        });
    }

    /// Runs a client of the mesh until it is done; what it waits for has to come without time passing.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Lets time pass, millisecond by millisecond, or in larger steps if it is long.
    pub(crate) fn wait(&self, millis: u64) {
        let step = if millis > 5000 { 100 } else { 1 };
        for _ in 0..millis.div_ceil(step) {
            self.runtime.block_on(advance(Duration::from_millis(step)));
            self.settle();
        }
    }

    /// Whether an operator is told that every kind has been read.
    pub(crate) fn is_synced(&self) -> bool {
        self.status.borrow().synced
    }

    /// What the operator is warned of: objects and reasons, as in `split bad_weight; s2 split_conflict`.
    #[track_caller]
    pub(crate) fn expect_warnings(&self, expect: &str) {
        let warnings = self.warnings();
        let object = |notice: &Notice| {
            let object = notice.object.clone().unwrap_or_default();
            object.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let mut got: Vec<_> = warnings.iter().map(|w| format!("{} {}", object(w), w.reason)).collect();
        got.sort();
        let mut expect: Vec<_> = expect.split(';').map(str::trim).filter(|w| !w.is_empty()).collect();
        expect.sort_unstable();
        assert_eq!(got, expect, "the warnings are {warnings:#?}");
    }

    /// The warnings, without those of Services that have no ready endpoint: nearly every script has such Services, and
    /// is about something else.
    pub(crate) fn warnings(&self) -> Vec<Notice> {
        let warnings = self.status.borrow().warnings.to_vec();
        warnings.into_iter().filter(|notice| !is_of_empty_service(notice)).collect()
    }

    /// The warnings of Services that have no ready endpoint.
    pub(crate) fn warnings_of_empty_services(&self) -> Vec<Notice> {
        let warnings = self.status.borrow().warnings.to_vec();
        warnings.into_iter().filter(is_of_empty_service).collect()
    }

    /// Which fields the operator is warned of, in order.
    #[track_caller]
    pub(crate) fn expect_warned_fields(&self, expect: &[&str]) {
        let mut got: Vec<_> = self.warnings().iter().map(|w| w.path.clone()).collect();
        got.sort();
        assert_eq!(got, expect);
    }

    /// A stream of `Get` in the merged reading. `web`, `web:8080`, `host.web` or a whole authority.
    #[track_caller]
    pub(crate) fn merged(&self, authority: &str) -> Get {
        self.anybody().merged(authority)
    }

    /// A stream of `Get` in the leaf reading.
    #[track_caller]
    pub(crate) fn leaf(&self, authority: &str) -> Get {
        self.anybody().leaf(authority)
    }

    /// A stream of `GetProfile`.
    #[track_caller]
    pub(crate) fn profile(&self, authority: &str) -> GetProfile {
        self.anybody().profile(authority)
    }

    /// Both readings and the profile of one service.
    #[track_caller]
    pub(crate) fn watch(&self, authority: &str) -> Watch {
        Watch { merged: self.merged(authority), leaf: self.leaf(authority), profile: self.profile(authority) }
    }

    /// A place in the answers to a target.
    pub(crate) fn cursor(&self, target: &Target) -> Cursor {
        let cursor = self.block_on(self.directory.subscribe(target, &Default::default()));
        self.settle();
        cursor.expect("the controller runs")
    }

    fn anybody(&self) -> Asker<'_> {
        Asker { mesh: self, client: Client::default() }
    }

    /// A client on this node.
    pub(crate) fn on_node(&self, node: &str) -> Asker<'_> {
        Asker { mesh: self, client: Client { node: Some(node.into()), namespace: None } }
    }

    /// A client in this namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Asker<'_> {
        Asker { mesh: self, client: Client { node: None, namespace: Some(namespace.into()) } }
    }
}

/// A client of the mesh.
pub(crate) struct Asker<'a> {
    mesh: &'a Mesh,
    client: Client,
}

impl Asker<'_> {
    #[track_caller]
    pub(crate) fn merged(&self, authority: &str) -> Get {
        self.get(authority, Reading::Merged)
    }

    #[track_caller]
    pub(crate) fn leaf(&self, authority: &str) -> Get {
        self.get(authority, Reading::Leaf)
    }

    #[track_caller]
    fn get(&self, authority: &str, reading: Reading) -> Get {
        let Authority { host, port } = parse(authority);
        let (service, instance) = match host {
            Host::Service(service) => (service, None),
            Host::Instance(instance, service) => (service, Some(instance)),
            Host::Ip(ip) => panic!("Get takes no address: {ip}"),
        };
        let target = self.target(Query::Endpoints { service, instance, port, reading });
        Get::new(self.cursor(&target), self.mesh.directory.clone(), target)
    }

    #[track_caller]
    pub(crate) fn profile(&self, authority: &str) -> GetProfile {
        let Authority { host, port } = parse(authority);
        let query = match host {
            Host::Service(service) => Query::ServiceProfile { service, instance: None, port },
            Host::Instance(instance, service) => {
                Query::ServiceProfile { service, instance: Some(instance), port }
            }
            Host::Ip(ip) => Query::AddressProfile { ip, port },
        };
        GetProfile::new(self.cursor(&self.target(query)), port)
    }

    fn target(&self, query: Query) -> Target {
        Target { query, client: self.client.clone() }
    }

    fn cursor(&self, target: &Target) -> Cursor {
        self.mesh.cursor(target)
    }
}

/// Both readings and the profile of one service.
pub(crate) struct Watch {
    pub(crate) merged: Get,
    pub(crate) leaf: Get,
    pub(crate) profile: GetProfile,
}

impl Watch {
    /// What was said in the merged reading, in the leaf reading, and of the profile.
    #[track_caller]
    pub(crate) fn expect(&mut self, merged: &str, leaf: &str, profile: &str) {
        self.merged.expect(merged);
        self.leaf.expect(leaf);
        self.profile.expect(profile);
    }

    /// None of the three is looked at to its end.
    pub(crate) fn ignore(self) {
        self.merged.ignore();
        self.leaf.ignore();
        self.profile.ignore();
    }

    /// Nothing was said on any of the three.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.expect("", "", "");
    }
}

/// `web:8080` means `web.d.svc.cluster.local:8080`; an address or a whole name means itself.
#[track_caller]
fn parse(authority: &str) -> Authority {
    let whole = authority.contains(".svc") || authority.parse::<std::net::SocketAddr>().is_ok();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let short = || format!("{host}.{NAMESPACE}.svc.{DOMAIN}:{port}");
    let text = if whole { authority.to_owned() } else { short() };
    Authority::parse(&text, &Name::from(DOMAIN)).expect("a valid authority")
}

/// Names the row of a table, so that a failure tells which one it was.
#[expect(clippy::print_stdout, reason = "shown for tests that fail only")]
pub(crate) fn row(name: impl std::fmt::Display) {
    println!("{name}");
}

/// A shared flag that a waker sets.
#[derive(Default)]
pub(crate) struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Woken {
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, std::sync::atomic::Ordering::SeqCst)
    }
}

fn is_of_empty_service(notice: &Notice) -> bool {
    notice.reason.is_about_endpoints()
        && notice.object.as_ref().is_some_and(|object| object.starts_with("Service "))
}

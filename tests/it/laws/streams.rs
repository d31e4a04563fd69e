//! What streams are told, through the real controller: differences that lead to the truth, and nothing else.
//!
//! Time is paused and moves only when everybody waits, so every history is the same each time.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::select,
    test_runner::TestCaseError,
};
use switchyard::{
    context::Reading,
    controller::{Controller, Directory, Pace, VIEW_LINGER},
    engine::Engine,
    hold::Lead,
    metrics::{Metrics, Rpc},
    model::Object,
    resolve::{Options, Query, Target},
    source::{Batch, Event},
    topic::Cursor,
};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, sleep},
};

use super::{
    alphabet::{DOMAIN, batch, objects, options, targets},
    cases,
    client::{State, Stream},
    oracle::Oracle,
    world::{Edit, World},
};

/// How long a profile may lag behind what it sends traffic to.
const RETURN_LAG: Duration = Duration::from_millis(20);
/// So often that each history is audited in most of its states.
const AUDITS: Pace = Pace { turn: Duration::from_millis(11), round: Duration::ZERO };
/// Timers fire at full milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// A controller that runs, and the truth of every moment.
pub(super) struct Server {
    pub(super) directory: Directory,
    pub(super) metrics: Metrics,
    batches: mpsc::Sender<Batch>,
    options: Options,
    drain: Duration,
    world: World,
    /// What was true from when on.
    past: Vec<(Instant, World)>,
}

impl Server {
    pub(super) fn start(start: &[Object], options: Options, drain: Duration) -> Self {
        let (metrics, (batches, receiver)) = (Metrics::default(), mpsc::channel(1024));
        let engine = Engine::new(DOMAIN.into(), options.clone());
        let (controller, directory) =
            Controller::new(engine, Lead { drain }, Default::default(), metrics.clone());
        tokio::spawn(controller.pace_audits(AUDITS).run(receiver));
        let world = World::new(start);
        let past = vec![(Instant::now(), world.clone())];
        let server = Self { directory, metrics, batches, options, drain, world, past };
        server.send(server.world.relist());
        server
    }

    fn send(&self, events: Vec<Event>) {
        self.batches.try_send(Batch { events, ..Batch::default() }).expect("the controller keeps up");
    }

    pub(super) fn edit(&mut self, edits: &[Edit]) {
        let events = self.world.edit_all(edits);
        self.send(events);
        self.past.push((Instant::now(), self.world.clone()));
    }

    pub(super) fn truth(&self, target: &Target) -> State {
        self.oracle(&self.world).answer(target)
    }

    /// What will be true after these edits.
    pub(super) fn after(&self, edits: &[Edit]) -> impl Fn(&Target) -> State + use<> {
        let (mut world, options) = (self.world.clone(), self.options.clone());
        world.edit_all(edits);
        move |target| Oracle { objects: world.objects(), options: &options }.answer(target)
    }

    /// Everything that a stream may show now: what is true, or what was before a hold that still lasts.
    pub(super) fn allowed(&self, target: &Target) -> Vec<State> {
        let held = match &target.query {
            Query::Endpoints { reading: Reading::Merged, .. } => Duration::ZERO,
            Query::Endpoints { reading: Reading::Leaf, .. } => self.drain,
            // Weights that only say that nobody is left wait for the last one's endpoints to go.
            Query::ServiceProfile { .. } | Query::AddressProfile { .. } if self.nobody_lately(target) => {
                self.drain
            }
            Query::ServiceProfile { .. } | Query::AddressProfile { .. } => RETURN_LAG.min(self.drain),
        };
        if held.is_zero() {
            return vec![self.truth(target)];
        }
        self.recent(held).map(|world| self.oracle(world).answer(target)).collect()
    }

    fn oracle<'a>(&'a self, world: &'a World) -> Oracle<'a> {
        Oracle { objects: world.objects(), options: &self.options }
    }

    /// The worlds that were true until this long ago, and the one that is.
    fn recent(&self, time: Duration) -> impl Iterator<Item = &World> {
        let ends = self.past.iter().skip(1).map(|(since, _)| Some(*since)).chain([None]);
        let lasted = move |end: &Option<Instant>| end.is_none_or(|end| end.elapsed() <= time + TICK);
        self.past.iter().zip(ends).filter(move |(_, end)| lasted(end)).map(|((_, world), _)| world)
    }

    /// Whether nobody was behind the split of a profile at some moment of the last drain.
    fn nobody_lately(&self, target: &Target) -> bool {
        self.recent(self.drain).any(|world| self.oracle(world).nobody_is_ready(target))
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A stream that looks only when it is told to.
pub(super) struct Subscriber {
    target: Target,
    cursor: Cursor,
    stream: Stream,
    /// Whether it was told that there is something to see; at first there may be.
    woken: Arc<Woken>,
}

impl Subscriber {
    pub(super) async fn join(server: &Server, target: &Target) -> Self {
        let cursor =
            server.directory.subscribe(target, &Default::default()).await.expect("the controller runs");
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { target: target.clone(), cursor, stream: Stream::default(), woken }
    }

    pub(super) fn state(&self) -> Option<&State> {
        self.stream.state()
    }

    /// Looks once: whatever it missed comes in one piece, and then nothing.
    pub(super) fn look(&mut self) -> Result<(), TestCaseError> {
        let waker = self.woken.clone().into();
        let mut cx = Context::from_waker(&waker);
        let profile = !matches!(self.target.query, Query::Endpoints { .. });
        let woken = self.woken.0.load(Ordering::SeqCst);
        if let Poll::Ready(frames) = self.cursor.poll_next(&mut cx) {
            prop_assert!(woken, "there is something new, and nobody said so");
            self.stream.take(&frames.frames, profile).map_err(TestCaseError::fail)?;
            prop_assert!(self.cursor.poll_next(&mut cx).is_pending(), "the newest state comes in one step");
        }
        self.woken.0.store(false, Ordering::SeqCst);
        Ok(())
    }
}

/// Runs with time that moves by itself.
pub(super) fn paused<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(future)
}

/// Something happens, time passes, some look.
#[derive(Clone, Debug)]
struct Step {
    /// Batches that arrive at once.
    batches: Vec<Vec<Edit>>,
    pause: u64,
    /// By bits: who looks, and who leaves for another to come.
    looks: u8,
    leaves: u8,
}

#[derive(Clone, Debug)]
struct Play {
    options: Options,
    drain: u64,
    start: Vec<Object>,
    targets: Vec<Target>,
    /// Which target each follows.
    subscribers: Vec<usize>,
    steps: Vec<Step>,
}

fn play(drain: u64) -> impl Strategy<Value = Play> {
    let pause = select(vec![1, 1, 1, 10, 25, 150, 400]);
    let leaves = prop_oneof![4 => Just(0), 1 => any::<u8>()];
    let step = (vec(batch(), 1..3), pause, any::<u8>(), leaves)
        .prop_map(|(batches, pause, looks, leaves)| Step { batches, pause, looks, leaves });
    (options(), objects(), targets(1..3), vec(0..6usize, 1..7), vec(step, 0..14)).prop_map(
        move |(options, start, targets, subscribers, steps)| Play {
            options,
            drain,
            start,
            targets,
            subscribers,
            steps,
        },
    )
}

async fn perform(play: &Play) -> Result<(), TestCaseError> {
    let mut server = Server::start(&play.start, play.options.clone(), Duration::from_millis(play.drain));
    let target = |i: usize| &play.targets[play.subscribers[i] % play.targets.len()];
    let mut subscribers = Vec::new();
    for i in 0..play.subscribers.len() {
        subscribers.push(Subscriber::join(&server, target(i)).await);
    }
    sleep(TICK).await;
    for step in &play.steps {
        step.batches.iter().for_each(|edits| server.edit(edits));
        sleep(Duration::from_millis(step.pause)).await;
        for (i, subscriber) in subscribers.iter_mut().enumerate() {
            if step.leaves >> (i % 8) & 1 == 1 {
                *subscriber = Subscriber::join(&server, target(i)).await;
            }
            if step.looks >> (i % 8) & 1 == 1 {
                subscriber.look()?;
                let (shown, allowed) = (subscriber.state(), server.allowed(target(i)));
                let shown = shown.ok_or_else(|| TestCaseError::fail("no first message"))?;
                prop_assert!(allowed.contains(shown), "{:?}\n{:?}\n{:?}", target(i), shown, allowed);
            }
        }
    }
    sleep(server.drain + RETURN_LAG + TICK).await;
    for (i, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.look()?;
        prop_assert_eq!(subscriber.state(), Some(&server.truth(target(i))), "{:?}", target(i));
    }
    drop(subscribers);
    sleep(VIEW_LINGER * 2).await;
    prop_assert_eq!(server.directory.topics().len(), 0);
    prop_assert_eq!(server.metrics.views.get(), 0);
    let rpcs = ["get", "get_profile"].map(|rpc| Rpc { rpc });
    let audits = rpcs.each_ref().map(|rpc| server.metrics.audits.get_or_create(rpc).get());
    prop_assert!(audits[0] + audits[1] > 0);
    let false_alarms = rpcs.map(|rpc| server.metrics.audit_divergences.get_or_create(&rpc).get());
    prop_assert_eq!(false_alarms, [0, 0]);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn streams_lead_to_the_truth(play in play(0)) {
        paused(perform(&play))?;
    }

    #[test]
    fn streams_lead_to_the_truth_when_some_answers_are_held(play in play(300)) {
        paused(perform(&play))?;
    }
}

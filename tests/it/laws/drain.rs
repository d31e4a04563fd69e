//! A backend that empties leaves the split before its endpoints go, and comes back after them.

use std::{collections::BTreeMap, slice};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_assert, prop_oneof, proptest},
    sample::select,
    test_runner::TestCaseError,
};
use switchyard::{context::Reading, model::Object, resolve::Options};
use tokio::time::{Duration, Instant, sleep};

use super::{
    cases,
    client::State,
    simple::{self, get, profile, service, split},
    streams::{Server, Subscriber, paused},
    world::Edit,
};

pub(crate) const BACKENDS: [&str; 3] = ["a", "b", "web"];

/// An edit of the split's weights or of one backend's endpoints.
pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let weights = [select(vec![0, 1, 50]), select(vec![1, 50]), select(vec![0, 9])];
    let scale = (prop_oneof![4 => Just(0), 2 => 0..3u8], prop_oneof![1 => Just(0), 1 => 1..3u8]);
    prop_oneof![
        1 => weights.prop_map(|weights| Edit::Put(split(BACKENDS.into_iter().zip(weights)))),
        4 => scale.prop_map(|(number, count)| {
            Edit::Put(simple::slice(BACKENDS[usize::from(number)], number, count))
        }),
    ]
}

pub(crate) fn start() -> Vec<Object> {
    let mut objects = vec![split([("a", 50), ("b", 50)])];
    for (number, backend) in (0..).zip(BACKENDS) {
        objects.extend([service(backend), simple::slice(backend, number, 1)]);
    }
    objects
}

/// How long before its endpoints a backend leaves, and after them it comes back.
const DRAIN: Duration = Duration::from_millis(300);
const RETURN_LAG: Duration = Duration::from_millis(20);
/// Looks are this far apart.
const TICK: Duration = Duration::from_millis(1);

fn serves(state: Option<&State>) -> bool {
    matches!(state, Some(State::Endpoints { known, .. }) if !known.is_empty())
}

/// One backend as a proxy sees it: its weight in the profile, its endpoints, and since when.
struct Leaf {
    service: &'static str,
    stream: Subscriber,
    has_weight: bool,
    serves: bool,
    since: Instant,
    last_weight: Instant,
}

/// What a proxy knows: a profile, and the endpoints of every service it may name.
struct Proxy {
    profile: Subscriber,
    leaves: Vec<Leaf>,
    /// When nobody was there to take any traffic; then it does not matter where it is sent.
    nobody: Instant,
}

impl Proxy {
    async fn new(server: &Server) -> Self {
        let followed = Subscriber::join(server, &profile("web")).await;
        let mut leaves = Vec::new();
        let since = Instant::now();
        for service in BACKENDS {
            let stream = Subscriber::join(server, &get(service, Reading::Leaf)).await;
            leaves.push(Leaf { service, stream, has_weight: true, serves: true, since, last_weight: since });
        }
        Self { profile: followed, leaves, nobody: since }
    }

    /// Wherever traffic is sent, somebody is there to take it; the profile tells of one who leaves well
    /// before the endpoints do, and of one who comes after them.
    fn look(&mut self, somebody: bool) -> Result<(), TestCaseError> {
        self.profile.look()?;
        let weights = weights(self.profile.state());
        if !somebody {
            self.nobody = Instant::now();
        }
        let matters = self.nobody.elapsed() > DRAIN + RETURN_LAG;
        for leaf in &mut self.leaves {
            leaf.stream.look()?;
            let (had_weight, served) = (leaf.has_weight, leaf.serves);
            (leaf.has_weight, leaf.serves) =
                (weights.contains_key(leaf.service), serves(leaf.stream.state()));
            if matters {
                prop_assert!(leaf.serves || !leaf.has_weight, "{} is empty: {:?}", leaf.service, weights);
                let early = leaf.last_weight.elapsed() + RETURN_LAG + TICK >= DRAIN;
                prop_assert!(!served || leaf.serves || early, "{} went too soon", leaf.service);
                let after = served && leaf.since.elapsed() >= TICK;
                prop_assert!(had_weight || !leaf.has_weight || after, "{} came too soon", leaf.service);
            }
            if served != leaf.serves {
                leaf.since = Instant::now();
            }
            if leaf.has_weight {
                leaf.last_weight = Instant::now();
            }
        }
        Ok(())
    }
}

/// The backends to which a profile sends traffic.
fn weights(profile: Option<&State>) -> BTreeMap<&str, u32> {
    let Some(State::Profile(profile)) = profile else { return BTreeMap::new() };
    let overrides = profile.dst_overrides.iter();
    let named = overrides.map(|dst| (dst.authority.split('.').next().unwrap_or_default(), dst.weight));
    named.filter(|(_, weight)| *weight > 0).collect()
}

/// Whether anybody is there to take traffic.
fn somebody_serves(server: &Server) -> bool {
    let truth = server.truth(&profile("web"));
    weights(Some(&truth)).keys().any(|service| serves(Some(&server.truth(&get(service, Reading::Leaf)))))
}

proptest! {
    #![proptest_config(cases(150))]

    /// Pauses are multiples of seven, so that nothing ends in the very moment in which something else happens.
    #[test]
    fn a_backend_leaves_the_split_before_its_endpoints_go(
        steps in vec((edit(), select(vec![7, 14, 28, 105, 147, 287, 308])), 0..14),
    ) {
        paused(async {
            let mut server = Server::start(&start(), Options::default(), DRAIN);
            let mut proxy = Proxy::new(&server).await;
            for (edit, pause) in &steps {
                server.edit(slice::from_ref(edit));
                let somebody = somebody_serves(&server);
                for _ in 0..*pause {
                    sleep(TICK).await;
                    proxy.look(somebody)?;
                }
                let (told, allowed) = (proxy.profile.state(), server.allowed(&profile("web")));
                prop_assert!(told.is_some_and(|told| allowed.contains(told)), "late: {:?}", told);
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}

//! Services of hundreds of endpoints, of which few change at a time: what they share with what was true before
//! stays true.

mod happens;
mod objects;

use std::sync::Arc;

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest},
    test_runner::TestCaseError,
};
use switchyard::{
    context::Reading,
    engine::Engine,
    model::{Name, Object},
    resolve::{Answer, Client, MeshOptions, Options, Target},
    wire,
};

use self::{
    happens::{Happens, happens, happens_to_few},
    objects::{start, start_of_one},
};
use super::{
    answers::{check_same, check_truth, fresh, held},
    cases,
    client::{Stream, first_frames},
    simple::{get, profile},
    world::World,
};

fn targets() -> Vec<Target> {
    let from = |node: Option<&str>, target: Target| {
        let client = Client { node: node.map(Name::from), namespace: None };
        Target { client, ..target }
    };
    vec![
        get("web", Reading::Merged),
        from(Some("n0"), get("web", Reading::Merged)),
        from(Some("n0"), get("web", Reading::Leaf)),
        get("a", Reading::Leaf),
        from(Some("n1"), get("a", Reading::Leaf)),
        from(Some("n1"), get("b", Reading::Merged)),
        profile("web"),
    ]
}

/// Somebody who looks at one answer, and maybe not each time.
struct Reader {
    has: Arc<Answer>,
    stream: Stream,
}

impl Reader {
    fn new(engine: &Engine, target: &Target) -> Result<Self, TestCaseError> {
        let has = held(engine, target)?;
        let mut stream = Stream::default();
        let is_profile = matches!(*has, Answer::Profile(_));
        stream.take(&first_frames(&has), is_profile).map_err(TestCaseError::fail)?;
        Ok(Self { has, stream })
    }

    fn look(&mut self, now: &Arc<Answer>) -> Result<(), TestCaseError> {
        let frames = match (&*self.has, &**now) {
            (Answer::Endpoints(had), Answer::Endpoints(has)) => wire::delta(&had.delta(has), has),
            (Answer::Profile(had), Answer::Profile(has)) if had.message == has.message => None,
            (_, Answer::Profile(has)) => Some(has.message.clone()),
            _ => return Err(TestCaseError::fail("an answer of another form")),
        };
        let is_profile = matches!(**now, Answer::Profile(_));
        frames.map_or(Ok(()), |frames| self.stream.take(&frames, is_profile)).map_err(TestCaseError::fail)?;
        self.has = now.clone();
        Ok(())
    }
}

/// A few things happen at once, and some look, by bits.
#[derive(Clone, Debug)]
struct Large {
    zone_weights: bool,
    start: Vec<Object>,
    steps: Vec<(Vec<Happens>, u8)>,
}

fn large() -> impl Strategy<Value = Large> {
    let steps = vec((vec(happens(), 1..4), any::<u8>()), 1..10);
    let few = vec((vec(happens_to_few(), 1..3), any::<u8>()), 1..30);
    let what = prop_oneof![(start(), steps), (start_of_one(), few)];
    (any::<bool>(), what).prop_map(|(zone_weights, (start, steps))| Large { zone_weights, start, steps })
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn a_large_service_changes_a_little_at_a_time(large in large()) {
        let mesh = MeshOptions { zone_weights: large.zone_weights, ..MeshOptions::default() };
        let options = Options { mesh: Arc::new(mesh), ..Options::default() };
        let (targets, mut world) = (targets(), World::new(&large.start));
        let mut engine = fresh(&world, &options, &targets);
        let readers: Result<Vec<_>, _> = targets.iter().map(|target| Reader::new(&engine, target)).collect();
        let mut readers = readers?;
        for (happens, looks) in &large.steps {
            let mut events = Vec::new();
            for one in happens {
                let edits = one.edits(&world);
                events.extend(world.edit_all(&edits));
            }
            engine.apply(events);
            let truth = check_truth(&engine, &world, &options, &targets)?;
            for (i, (reader, target)) in readers.iter_mut().zip(&targets).enumerate() {
                if looks >> i & 1 == 1 {
                    reader.look(&held(&engine, target)?)?;
                    prop_assert_eq!(reader.stream.state(), Some(&truth[i]), "{:?}", target);
                }
            }
        }
        check_same(&engine, &fresh(&world, &options, &targets), &targets)?;
    }
}

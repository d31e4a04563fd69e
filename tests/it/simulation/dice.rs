//! Everything that is left to chance, from one seed.

use proptest::{
    prelude::{BoxedStrategy, Strategy},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use switchyard::{
    model::Object,
    resolve::{Options, Target},
};

use crate::laws::{
    alphabet::{edit, objects, options, targets},
    drain,
    world::Edit,
};

/// What a cluster and its clients are made of: the alphabet of the laws. One for all seeds of a thread, because
/// it takes longer to build than to use.
pub(super) struct Alphabet {
    pub(super) objects: BoxedStrategy<Vec<Object>>,
    pub(super) edit: BoxedStrategy<Edit>,
    /// Of a split and what is behind it, so that the same answers change often.
    pub(super) division: BoxedStrategy<Edit>,
    pub(super) options: BoxedStrategy<Options>,
    pub(super) targets: BoxedStrategy<Vec<Target>>,
}

impl Alphabet {
    pub(super) fn new() -> Self {
        Self {
            objects: objects().boxed(),
            edit: edit().boxed(),
            division: drain::edit().boxed(),
            options: options().boxed(),
            targets: targets(1..3).boxed(),
        }
    }
}

/// See the module's documentation.
pub(super) struct Dice {
    rng: fastrand::Rng,
    runner: TestRunner,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // What the server itself leaves to chance: the moment at which a stream ends when it drains.
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let strategies = TestRng::from_seed(RngAlgorithm::XorShift, &rng.u128(1..).to_le_bytes());
        Self { rng, runner: TestRunner::new_with_rng(Config::default(), strategies) }
    }

    /// Yes, once in so many times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.rng.usize(..times) == 0
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.rng.usize(..end)
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        self.rng.shuffle(list);
    }

    /// Something of the alphabet.
    pub(super) fn draw<T: std::fmt::Debug>(&mut self, from: &BoxedStrategy<T>) -> T {
        from.new_tree(&mut self.runner).expect("nothing is filtered out").current()
    }
}

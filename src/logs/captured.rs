//! What is logged while a test runs, line by line.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
};

use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::LevelFilter,
    fmt::{self, MakeWriter},
    layer::{Filter, SubscriberExt},
};

/// Never logs anything. Where there is a second subscriber, all are asked whether a line is wanted when it is first
/// come across; if there is only one, that of the thread which comes across it is, which has none in other tests.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// The lines logged in this thread while it is kept.
#[derive(Debug)]
pub(crate) struct Captured {
    lines: Lines,
    _guard: DefaultGuard,
}

impl Captured {
    /// Captures what is logged at this level and above.
    pub(crate) fn at(level: tracing::Level) -> Self {
        Self::with(LevelFilter::from_level(level))
    }

    /// Captures what passes a filter.
    pub(crate) fn with(filter: impl Filter<Registry> + Send + Sync + 'static) -> Self {
        LazyLock::force(&SECOND);
        let lines = Lines::default();
        let layer = fmt::layer().with_ansi(false).without_time().with_target(false);
        let layer = layer.with_writer(lines.clone()).with_filter(filter);
        let logs = tracing_subscriber::registry().with(layer);
        Self { lines, _guard: tracing::subscriber::set_default(logs) }
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.lines.lock()).lines().map(|line| line.trim().to_owned()).collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }
}

impl io::Write for &Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.lock().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

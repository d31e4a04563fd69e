//! What is logged: set up once for the process, and changed while it runs.
//!
//! Lines go to standard error, as text or as JSON, and nothing waits for its reader (`standard_error`). Which ones do is
//! a [`filter`] that an operator may change for a while: the filter before it comes back by itself. Of each kind of line
//! so many a second are written at most (`rate`).

use std::{
    fmt,
    io::{self, Write},
    panic::PanicHookInfo,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use tokio::{
    task::AbortHandle,
    time::{Duration, Instant, sleep_until},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::FilterExt,
    layer::{Filter, SubscriberExt},
    reload::{self, Handle},
    util::SubscriberInitExt,
};

use self::rate::PerKind;
use crate::cli::LogFormat;

#[cfg(test)]
pub(crate) mod captured;
#[cfg(feature = "otel")]
mod otel;
mod rate;
mod standard_error;
mod targets;

#[cfg(feature = "otel")]
pub use self::otel::endpoint;
pub(crate) use self::standard_error::{StandardError, finish};

/// Where spans go, as text; never anywhere without the feature `otel`.
pub type Endpoint = String;

/// The longest filter that is understood, in bytes: some dozens of modules.
pub const MAX_FILTER: usize = 1024;
/// The longest time for which a filter may replace another: what is meant to last longer is meant to last.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The client of the API server logs each failure that it also returns; we say what a failure means.
const NO_ECHO: &str = "kube_client::client::builder=off";

/// A level, or a list of `module=level`, as `tracing_subscriber::EnvFilter` understands them.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "off"];
    let text = text.trim();
    if text.len() > MAX_FILTER {
        return Err(format!("write at most {MAX_FILTER} bytes, for example info,switchyard=debug"));
    }
    // The filter takes any bare word for a module, so that a misspelt level would silence everything.
    for word in text.split(',').map(str::trim) {
        if !word.contains(['=', '[']) && !LEVELS.contains(&word.to_ascii_lowercase().as_str()) {
            let levels = LEVELS.join(", ");
            return Err(format!("write one of {levels}, or module=level separated by commas"));
        }
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => targets::check(text).map(|()| text.to_owned()),
        Err(error) => Err(format!("{error}; write for example info,switchyard=debug")),
    }
}

/// Those of this process, which has one subscriber of what is logged as a whole; `None` once that is somebody else's.
static LOGS: OnceLock<Option<Logs>> = OnceLock::new();

/// The logs of this process. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Logs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    handle: Handle<EnvFilter, Registry>,
    per_kind: PerKind,
    levels: Mutex<Levels>,
    #[cfg(feature = "otel")]
    exporter: Mutex<Option<otel::Exporter>>,
}

#[derive(Debug)]
struct Levels {
    now: String,
    /// What holds when the time of `now` is over, and when that is.
    then: Option<(String, Instant)>,
    /// What waits for that.
    waiting: Option<AbortHandle>,
}

/// How many lines were not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unwritten {
    /// There were too many of their kind.
    pub(crate) rate: u64,
    /// Standard error was not read.
    pub(crate) unread: u64,
}

/// Writes a panic whatever is logged, in place of the standard library's hook, which waits for the reader.
fn panicked(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = std::backtrace::Backtrace::capture();
    let thread = thread.name().unwrap_or("without a name");
    _ = StandardError.write_all(format!("thread {thread} {panic}\n{backtrace}\n").as_bytes());
}

/// What is logged, and how long that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The filter that holds.
    pub now: String,
    /// The filter that holds next, and in which time; `None` if this one stays.
    pub then: Option<(String, Duration)>,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.then {
            None => f.write_str(&self.now),
            // To the second: what is read is over by then.
            Some((then, time)) => write!(f, "{} for {}s, then {then}", self.now, time.as_secs()),
        }
    }
}

impl Logs {
    /// Sets up what this process logs, and where its spans go, if anywhere. Only its first server can: others log with
    /// that one's. `None` if something else in the process logs already, which goes on then: neither level nor spans
    /// are ours to say.
    #[must_use]
    pub fn init(level: &str, format: LogFormat, spans_to: Option<&Endpoint>) -> Option<Self> {
        let first = || {
            let (filter, logs) = Self::new(level);
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(StandardError)
                .with_ansi(io::IsTerminal::is_terminal(&io::stderr()));
            let lines = match format {
                LogFormat::Plain => lines.boxed(),
                LogFormat::Json => lines.json().boxed(),
            };
            let lines = tracing_subscriber::registry().with(lines.with_filter(filter));
            #[cfg(feature = "otel")]
            let lines = lines.with(logs.export(spans_to).map(|exporter| exporter.layer()));
            #[cfg(not(feature = "otel"))]
            debug_assert_eq!(spans_to, None, "there is no flag that sets it");
            if lines.try_init().is_err() {
                if let Some(endpoint) = spans_to {
                    tracing::warn!(
                        "no spans are sent to {endpoint}, because this program has its own subscriber"
                    );
                }
                return None;
            }
            std::panic::set_hook(Box::new(panicked));
            Some(logs)
        };
        LOGS.get_or_init(first).clone()
    }

    /// What this process logs, if that was [set up](Self::init) here.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        LOGS.get().cloned().flatten()
    }

    /// Logs with this [`filter`], and what decides which lines are written.
    fn new(level: &str) -> (impl Filter<Registry> + Send + Sync + use<>, Self) {
        let (layer, handle) = reload::Layer::new(env_filter(level));
        let per_kind = PerKind::default();
        let filter = FilterExt::<Registry>::and(layer, per_kind.clone());
        let levels = Levels { now: level.to_owned(), then: None, waiting: None };
        let shared = Shared {
            handle,
            per_kind,
            levels: Mutex::new(levels),
            #[cfg(feature = "otel")]
            exporter: Mutex::default(),
        };
        (filter, Self { shared: Arc::new(shared) })
    }

    /// What sends spans, if it can be made.
    #[cfg(feature = "otel")]
    fn export(&self, spans_to: Option<&Endpoint>) -> Option<otel::Exporter> {
        let exporter = otel::Exporter::open(spans_to?).inspect_err(|error| {
            // Nothing is logged yet.
            anstream::eprintln!("warning: no spans are sent (--otlp-endpoint): {error}");
        });
        let mut held = self.shared.exporter.lock().expect("nothing panics while it holds this lock");
        *held = exporter.ok();
        held.clone()
    }

    /// Lines that were not written since the start.
    pub(crate) fn unwritten(&self) -> Unwritten {
        Unwritten { rate: self.shared.per_kind.left_out(), unread: standard_error::dropped() }
    }

    /// Sends the spans that are left, at the end of the process; waits some seconds for that at most.
    pub async fn send_spans(&self) {
        #[cfg(feature = "otel")]
        {
            let exporter =
                self.shared.exporter.lock().expect("nothing panics while it holds this lock").take();
            if let Some(exporter) = exporter {
                exporter.finish().await;
            }
        }
    }

    /// What is logged.
    #[must_use]
    pub fn level(&self) -> Level {
        let levels = self.shared.lock();
        let left = |until: &Instant| until.saturating_duration_since(Instant::now());
        let then = levels.then.as_ref().map(|(then, until)| (then.clone(), left(until)));
        Level { now: levels.now.clone(), then }
    }

    /// Logs with another [`filter`] from now on, as somebody asked: for this time, at most [`LONGEST`], or until the next change. What
    /// comes back after a time is what was there for good, however often it was replaced for a while.
    ///
    /// # Errors
    /// What is wrong with the filter or the time, and what would be right.
    pub fn set(&self, text: &str, time: Option<Duration>, who: &str) -> Result<Level, String> {
        let now = filter(text)?;
        if time.is_some_and(|time| time.is_zero() || time > LONGEST) {
            return Err("write a time of up to 24h, for example 10m, or none".to_owned());
        }
        let mut levels = self.shared.lock();
        let for_good = levels.then.take().map_or_else(|| levels.now.clone(), |(then, _)| then);
        let then = time.map(|time| (for_good.clone(), time));
        let level = Level { now: now.clone(), then };
        // Whoever reads the log shall see it, though it may be silent before this and after.
        self.shared.apply(&format!("{},{}=warn", levels.now, module_path!()));
        tracing::warn!("the log level is {level} from now on, as {who} asked");
        self.shared.apply(&now);
        levels.now = now;
        if let Some(before) = levels.waiting.take() {
            before.abort();
        }
        if let Some(time) = time {
            let until = Instant::now() + time;
            levels.then = Some((for_good, until));
            let shared = self.shared.clone();
            levels.waiting = Some(tokio::spawn(async move { shared.put_back(until).await }).abort_handle());
        }
        Ok(level)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().expect("nothing panics while it holds this lock")
    }

    fn apply(&self, level: &str) {
        // It fails only if the subscriber with this filter is gone, which that of a process never is.
        _ = self.handle.reload(env_filter(level));
    }

    /// Waits until the time of a filter is over, and has the one that is there for good again.
    async fn put_back(&self, until: Instant) {
        sleep_until(until).await;
        let mut levels = self.lock();
        // Another change may have come in this very moment.
        let Some((then, _)) = levels.then.take_if(|(_, due)| *due == until) else { return };
        self.apply(&then);
        levels.now = then;
        let now = levels.now.clone();
        drop(levels);
        tracing::info!("the time of another log level is over: {now} again");
    }
}

fn env_filter(level: &str) -> EnvFilter {
    EnvFilter::new(format!("{level},{NO_ECHO}"))
}

#[cfg(test)]
impl Logs {
    /// Logs of this thread, with a filter of their own.
    pub(crate) fn captured(level: &str) -> (captured::Captured, Self) {
        let (filter, logs) = Self::new(level);
        (captured::Captured::with(filter), logs)
    }
}

#[cfg(test)]
mod tests;

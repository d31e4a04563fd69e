//! Standard error, written by a thread of its own: a reader that does not read costs lines and nothing else.
//!
//! A caller queues a line and does not wait, so that a full pipe stops neither the controller nor a stream.

use std::{
    io::{self, Write},
    sync::{LazyLock, Mutex, PoisonError},
};

use tokio::{
    task::spawn_blocking,
    time::{Duration, timeout},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait for the reader; with [`LONGEST`] at most 16 MiB. Further ones are dropped and counted.
const QUEUE: usize = 1024;
/// The longest line in bytes; a longer one is cut. Long lists in our own lines are cut much earlier.
const LONGEST: usize = 16 * 1024;
/// End of a line that was cut.
const CUT: &str = "... (the rest of this line is left out)\n";
/// How long the end of the process waits for lines that are left.
const FLUSH: Duration = Duration::from_secs(1);

struct Thread {
    lines: NonBlocking,
    dropped: ErrorCounter,
    /// Ends the thread when it is dropped, after the lines that are left.
    end: Mutex<Option<WorkerGuard>>,
}

/// The thread of this process, which starts with the first line.
static THREAD: LazyLock<Thread> = LazyLock::new(|| {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).thread_name("logs");
    let (lines, end) = builder.finish(anstream::stderr());
    Thread { dropped: lines.error_counter(), lines, end: Mutex::new(Some(end)) }
});

/// Writes whole lines to standard error and never waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = THREAD.lines.clone();
        if line.len() <= LONGEST {
            lines.write_all(line)?;
        } else {
            let text = String::from_utf8_lossy(&line[..LONGEST - CUT.len()]);
            lines.write_all(format!("{text}{CUT}").as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for StandardError {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// How many lines were dropped because the reader did not read, since the start.
pub(super) fn dropped() -> u64 {
    u64::try_from(THREAD.dropped.dropped_lines()).unwrap_or(u64::MAX)
}

/// Waits for the lines that are left, a second at most. Later lines are lost.
pub(crate) async fn finish() {
    let end = THREAD.end.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Dropping it waits, and prints if it waits in vain.
    _ = timeout(FLUSH, spawn_blocking(move || drop(end))).await;
}

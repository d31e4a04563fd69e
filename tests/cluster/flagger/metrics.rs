//! In the place of Prometheus: says of any workload what the test wants to be measured.

use std::{
    io::{BufRead as _, BufReader, Result, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread::{self, JoinHandle},
};

/// The 99th percentile of every latency, in milliseconds.
const LATENCY: u8 = 10;

/// A server that answers Prometheus queries.
pub(crate) struct Metrics {
    addr: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    /// Of 100 requests, how many succeed.
    success: AtomicU8,
    over: AtomicBool,
}

impl Metrics {
    /// Serves on a free port; everything succeeds.
    pub(crate) fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let state = Arc::new(State { success: AtomicU8::new(100), over: AtomicBool::new(false) });
        let shared = state.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::Relaxed) {
                    break;
                }
                // Whoever goes away in the middle asks again.
                _ = stream.and_then(|stream| answer(&stream, &shared));
            }
        });
        Self { addr, state, thread: Some(thread) }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Says how many of 100 requests succeed from now on.
    pub(crate) fn set_success(&self, percent: u8) {
        self.state.success.store(percent, Ordering::Relaxed);
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        // One more connection, for the thread to see it.
        _ = TcpStream::connect(self.addr);
        _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One request, one answer. The queries are Flagger's own for Linkerd; any other is about whether we are there.
fn answer(stream: &TcpStream, state: &State) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let query = lines.next().transpose()?.unwrap_or_default();
    // The headers are read too: closing a connection with unread bytes would reset it.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let value = if query.contains("response_latency_ms_bucket") {
        LATENCY
    } else if query.contains("response_total") {
        state.success.load(Ordering::Relaxed)
    } else {
        1
    };
    let body = format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[0,"{value}"]}}]}}}}"#
    );
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

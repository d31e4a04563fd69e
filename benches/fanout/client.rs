//! Many streams on few connections, by a client so cheap that what is measured is the server.
//!
//! All of it runs on one thread, with a task for each connection and one buffer for all. A read is counted as a
//! whole: what is looked at per message is only its length. That every stream was told everything once is
//! checked between rounds.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    sync::Notify,
    task::JoinSet,
    time::{Duration, Instant, timeout},
};

use super::{
    Outcome,
    child::clock,
    frames::{self, Ask, Frame},
    messages::{Messages, added},
    worlds::replacement_of,
};

/// How much is read at once.
const BUFFER: usize = 256 << 10;
/// Bytes of a connection after which its window is opened again: half of it.
const REOPEN: u32 = 1 << 30;
/// How long anything may take. More is a message that was lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all connections of a client have told so far.
#[derive(Default)]
struct Board {
    /// Messages on streams that are not stuck.
    messages: Cell<u64>,
    /// When there are so many messages, somebody is to be told.
    goal: Cell<u64>,
    reached: Notify,
    at: Cell<Option<Instant>>,
    /// When how many messages came, if that is of interest.
    arrivals: RefCell<Option<Vec<(Instant, u32)>>>,
    /// For each replacement of a rollout, when it last came to a stream, and to how many it did.
    replacements: RefCell<Vec<(u64, u32)>>,
    /// What went wrong first.
    trouble: RefCell<Option<String>>,
}

impl Board {
    fn add(&self, messages: u32) {
        if messages == 0 {
            return;
        }
        let (before, goal) = (self.messages.get(), self.goal.get());
        self.messages.set(before + u64::from(messages));
        if let Some(arrivals) = &mut *self.arrivals.borrow_mut() {
            arrivals.push((Instant::now(), messages));
        }
        if before < goal && self.messages.get() >= goal {
            self.at.set(Some(Instant::now()));
            self.reached.notify_one();
        }
    }

    fn fail(&self, why: String) {
        self.trouble.borrow_mut().get_or_insert(why);
        self.reached.notify_one();
    }
}

/// One connection, as far as it has been read.
struct Connection {
    streams: Vec<(Messages, bool)>,
    /// The start of a frame of which the rest is still to come.
    part: Vec<u8>,
    unacknowledged: u32,
    /// What is to be written.
    out: Vec<u8>,
    /// Whether it is not to be read any more.
    stopped: bool,
}

impl Connection {
    fn new(asks: &[Ask]) -> Self {
        let streams = asks.iter().map(|ask| (Messages::default(), ask.stuck)).collect();
        Self { streams, part: Vec::new(), unacknowledged: 0, out: Vec::new(), stopped: false }
    }

    /// Reads what is there, through a buffer that is nobody's between two polls.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut TcpStream,
        buffer: &RefCell<Vec<u8>>,
        board: &Board,
    ) -> Poll<Result<(), String>> {
        let buffer = &mut *buffer.borrow_mut();
        buffer[..self.part.len()].copy_from_slice(&self.part);
        let mut read = ReadBuf::new(buffer);
        read.advance(self.part.len());
        ready!(Pin::new(stream).poll_read(cx, &mut read)).map_err(|error| error.to_string())?;
        let filled = read.filled();
        if filled.len() == self.part.len() {
            return Poll::Ready(Err("the connection was closed".to_owned()));
        }
        self.part.clear();
        let rest = self.take(filled, board)?;
        self.part.extend_from_slice(&filled[rest..]);
        Poll::Ready(Ok(()))
    }

    /// Takes all whole frames, and says where the rest begins.
    fn take(&mut self, filled: &[u8], board: &Board) -> Result<usize, String> {
        let looks = !board.replacements.borrow().is_empty();
        let (mut start, mut come) = (0, 0);
        while let Some((frame, length)) = frames::read(&filled[start..]) {
            match frame {
                Frame::Data { place, payload } => {
                    let payload = &filled[start..][payload];
                    self.unacknowledged += u32::try_from(payload.len()).expect("at most a frame");
                    let (messages, stuck) = self.streams.get_mut(place).ok_or("a stream nobody opened")?;
                    let before = messages.count;
                    if looks {
                        messages.read(payload, Some(&mut |message| look(message, board)));
                    } else {
                        messages.read(payload, None);
                    }
                    come += if *stuck { 0 } else { messages.count - before };
                }
                Frame::Answer(answer) => self.out.extend_from_slice(&answer),
                Frame::End(why) => return Err(why),
                Frame::Other => {}
            }
            start += length;
        }
        board.add(come);
        if self.unacknowledged >= REOPEN {
            frames::window_update(&mut self.out, 0, self.unacknowledged);
            self.unacknowledged = 0;
        }
        Ok(start)
    }
}

/// Notes which replacements a message tells of.
fn look(message: &[u8], board: &Board) {
    for index in added(message).filter_map(replacement_of) {
        if let Some((last, count)) = board.replacements.borrow_mut().get_mut(index) {
            (*last, *count) = (clock(), *count + 1);
        }
    }
}

/// The connections of a client. Dropping it closes them.
pub(super) struct Client {
    board: Rc<Board>,
    connections: Vec<Rc<RefCell<Connection>>>,
    tasks: JoinSet<()>,
    /// How many streams are not stuck.
    healthy: Cell<u64>,
}

impl Client {
    /// Opens connections with these streams, all at once, and waits for the first answer of each; says how long
    /// that took. Must be called within a `LocalSet`.
    pub(super) async fn open(
        addr: SocketAddr,
        connections: &[Vec<Ask>],
        token: &str,
    ) -> Outcome<(Self, Duration)> {
        let healthy = connections.iter().flatten().filter(|ask| !ask.stuck).count() as u64;
        let (board, buffer) = (Rc::new(Board::default()), Rc::new(RefCell::new(vec![0; BUFFER])));
        let requests: Vec<_> = connections.iter().map(|asks| frames::requests(asks, token)).collect();
        let connections =
            connections.iter().map(|asks| Rc::new(RefCell::new(Connection::new(asks)))).collect();
        let mut client = Self { board, connections, tasks: JoinSet::new(), healthy: Cell::new(healthy) };
        client.board.goal.set(healthy);
        let start = Instant::now();
        for (connection, requests) in client.connections.iter().zip(requests) {
            let (connection, board, buffer) = (connection.clone(), client.board.clone(), buffer.clone());
            client.tasks.spawn_local(async move {
                if let Err(why) = run(addr, requests, connection, &buffer, &board).await {
                    board.fail(why);
                }
            });
        }
        let took = client.reached(start).await?;
        Ok((client, took))
    }

    /// Closes all connections.
    pub(super) fn close(&mut self) {
        self.tasks.abort_all();
    }

    /// From now on, waits for so many more messages on each healthy stream than there have been.
    pub(super) fn expect(&self, each: u64) {
        self.board.goal.set(self.board.messages.get() + each * self.healthy.get());
        self.board.at.set(None);
    }

    /// Waits until they have come; says how long after `start` that was.
    pub(super) async fn reached(&self, start: Instant) -> Outcome<Duration> {
        let come = async {
            while self.board.trouble.borrow().is_none() {
                if let Some(at) = self.board.at.get() {
                    return Ok(at - start);
                }
                self.board.reached.notified().await;
            }
            Err(self.board.trouble.borrow().clone().unwrap_or_default())
        };
        let late = || {
            let missing = self.board.goal.get() - self.board.messages.get();
            format!("{missing} messages have not come within {PATIENCE:?}")
        };
        Ok(timeout(PATIENCE, come).await.map_err(|_| late())??)
    }

    /// Messages that have come on healthy streams.
    pub(super) fn messages(&self) -> u64 {
        self.board.messages.get()
    }

    /// Waits until nothing has come for a while, after changes of which streams may be told several in one.
    pub(super) async fn quiet(&self) {
        const A_WHILE: Duration = Duration::from_millis(300);
        loop {
            let before = self.messages();
            tokio::time::sleep(A_WHILE).await;
            if self.messages() == before {
                return;
            }
        }
    }

    /// How many messages each healthy stream has been told.
    pub(super) fn counts(&self) -> Vec<u32> {
        let healthy = |connection: &Rc<RefCell<Connection>>| -> Vec<u32> {
            let connection = connection.borrow();
            connection
                .streams
                .iter()
                .filter(|(_, stuck)| !stuck)
                .map(|(messages, _)| messages.count)
                .collect()
        };
        self.connections.iter().flat_map(healthy).collect()
    }

    /// Fails unless every healthy stream has been told exactly so much more than before.
    pub(super) fn check(&self, before: &[u32], more: u32) -> Outcome<()> {
        for (stream, (now, before)) in self.counts().into_iter().zip(before).enumerate() {
            if now != before + more {
                let told = now - before;
                return Err(format!("stream {stream} was told {told} messages, expected {more}").into());
            }
        }
        Ok(())
    }

    /// Notes from now on when messages come.
    pub(super) fn time_arrivals(&self) {
        *self.board.arrivals.borrow_mut() = Some(Vec::new());
    }

    /// When how many came since this was last asked.
    pub(super) fn take_arrivals(&self) -> Vec<(Instant, u32)> {
        self.board.arrivals.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Looks from now on for so many replacements of a rollout.
    pub(super) fn time_replacements(&self, count: usize) {
        *self.board.replacements.borrow_mut() = vec![(0, 0); count];
    }

    /// When each came to the last stream by the clock, and to how many streams it came.
    pub(super) fn replacements(&self) -> Vec<(u64, u32)> {
        self.board.replacements.borrow().clone()
    }

    /// Reads one connection once more and then never again, though it stays open.
    pub(super) fn stop_reading(&self, connection: usize) {
        let mut connection = self.connections[connection].borrow_mut();
        connection.stopped = true;
        for (_, stuck) in connection.streams.iter_mut().filter(|(_, stuck)| !stuck) {
            *stuck = true;
            self.healthy.set(self.healthy.get() - 1);
        }
    }
}

async fn run(
    addr: SocketAddr,
    requests: Vec<u8>,
    connection: Rc<RefCell<Connection>>,
    buffer: &RefCell<Vec<u8>>,
    board: &Board,
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(addr).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.write_all(&requests).await.map_err(failed)?;
    drop(requests);
    loop {
        poll_fn(|cx| connection.borrow_mut().poll_read(cx, &mut stream, buffer, board)).await?;
        let out = std::mem::take(&mut connection.borrow_mut().out);
        if !out.is_empty() {
            stream.write_all(&out).await.map_err(failed)?;
        }
        if connection.borrow().stopped {
            return std::future::pending().await;
        }
    }
}

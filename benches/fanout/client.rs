//! Many streams on few connections, by a client so cheap that what is measured is the server.
//!
//! All of it runs on one thread, with a task for each connection and one buffer for all. A read is counted as a
//! whole: what is looked at per message is only its length. That every stream was told everything once is
//! checked between rounds.

use std::{
    cell::RefCell,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Duration, Instant, timeout},
};

use super::{
    Outcome,
    board::Board,
    frames::{self, Ask, Frame},
    messages::Messages,
};

/// How much is read at once.
const BUFFER: usize = 256 << 10;
/// Bytes of a connection after which its window is opened again: half of it.
const REOPEN: u32 = 1 << 30;
/// How long anything may take. More is a message that was lost.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let (mut start, mut come, mut bytes) = (0, 0, 0);
        while let Some((frame, length)) = frames::read(&filled[start..]) {
            match frame {
                Frame::Data { place, payload } => {
                    let payload = &filled[start..][payload];
                    bytes += u32::try_from(payload.len()).expect("at most a frame");
                    let (messages, stuck) = self.streams.get_mut(place).ok_or("a stream nobody opened")?;
                    let before = messages.count;
                    if looks {
                        messages.read(payload, Some(&mut |message| board.look(message)));
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
        board.add(come, bytes);
        self.unacknowledged += bytes;
        if self.unacknowledged >= REOPEN {
            frames::window_update(&mut self.out, 0, self.unacknowledged);
            self.unacknowledged = 0;
        }
        Ok(start)
    }
}

/// The connections of a client. Dropping it closes them.
pub(super) struct Client {
    board: Rc<Board>,
    connections: Vec<Rc<RefCell<Connection>>>,
    tasks: JoinSet<()>,
    /// How many streams are not stuck.
    healthy: u64,
}

impl Client {
    /// Opens connections with these streams, all at once, and waits for the first answer of each; says how long
    /// that took. Must be called within a `LocalSet`.
    pub(super) async fn open(
        addr: SocketAddr,
        connections: &[Vec<Ask>],
        token: &str,
    ) -> Outcome<(Self, Duration)> {
        Self::open_with(addr, connections, token, None).await
    }

    /// The same, with so large a buffer of each connection in the system, which is soon full.
    pub(super) async fn open_with(
        addr: SocketAddr,
        connections: &[Vec<Ask>],
        token: &str,
        buffer_size: Option<u32>,
    ) -> Outcome<(Self, Duration)> {
        let healthy = connections.iter().flatten().filter(|ask| !ask.stuck).count() as u64;
        let (board, buffer) = (Rc::new(Board::default()), Rc::new(RefCell::new(vec![0; BUFFER])));
        let requests: Vec<_> = connections.iter().map(|asks| frames::requests(asks, token)).collect();
        let connections =
            connections.iter().map(|asks| Rc::new(RefCell::new(Connection::new(asks)))).collect();
        let mut client = Self { board, connections, tasks: JoinSet::new(), healthy };
        client.board.goal.set(healthy);
        let start = Instant::now();
        for (connection, requests) in client.connections.iter().zip(requests) {
            let (connection, board, buffer) = (connection.clone(), client.board.clone(), buffer.clone());
            client.tasks.spawn_local(async move {
                if let Err(why) = run(addr, requests, connection, &buffer, &board, buffer_size).await {
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
        self.board.goal.set(self.board.messages.get() + each * self.healthy);
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

    /// Bytes that have come, prefixes included.
    pub(super) fn bytes(&self) -> u64 {
        self.board.bytes.get()
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

    /// Reads each connection once more and then never again, though they stay open.
    pub(super) fn stop_reading(&self) {
        self.connections.iter().for_each(|connection| connection.borrow_mut().stopped = true);
    }
}

async fn run(
    addr: SocketAddr,
    requests: Vec<u8>,
    connection: Rc<RefCell<Connection>>,
    buffer: &RefCell<Vec<u8>>,
    board: &Board,
    buffer_size: Option<u32>,
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let socket = TcpSocket::new_v4().map_err(failed)?;
    if let Some(size) = buffer_size {
        socket.set_recv_buffer_size(size).map_err(failed)?;
    }
    let mut stream = socket.connect(addr).await.map_err(failed)?;
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

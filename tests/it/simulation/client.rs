//! A client: it asks, reads in its own way, hangs up and asks again, and checks what it comes to hold.

use switchyard::resolve::Target;
use tokio::time::{Duration, Instant};
use tonic::Code;

use super::{
    connection::Connection,
    dice::Dice,
    held::Held,
    history::TICK,
    line::{Line, Piece},
    request,
    server::{DRAIN_WINDOW, Server},
    trace::{Trace, fingerprint},
};

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// In the very moment in which there is something.
    AtOnce,
    /// Whenever it was told that there is something.
    Eager,
    /// Now and then.
    Slow,
    /// Not at all, for as long as there are faults.
    Stuck,
}

/// When somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// While the server is about to take what it was told.
    Between,
    /// After everything that could be done was done.
    Settled,
}

enum Place {
    /// Not connected, and not before then.
    Away(Instant),
    /// On a stream of the server with this number.
    On {
        line: Line,
        server: usize,
        opened: bool,
        on_wire: bool,
        /// Whether its connection was broken.
        cut: bool,
        /// When it first looked after that server began to stop.
        stopping: Option<Instant>,
    },
}

/// How a question gets to a server.
pub(super) struct Way<'a> {
    pub(super) server: &'a Server,
    /// Over HTTP/2, if there is a connection.
    pub(super) connection: Option<&'a Connection>,
}

/// The shortest and the longest time before a client asks again after a failure: doubled each time, as a
/// Linkerd proxy does it.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];
/// How long a client stays away that hung up by itself, in milliseconds: up to more than the life of a view
/// nobody watches.
const AWAY: [u64; 7] = [0, 0, 0, 3, 80, 500, 16_000];

/// See the module's documentation.
pub(super) struct Client {
    name: usize,
    temper: Temper,
    place: Place,
    backoff: Duration,
    held: Held,
}

impl Client {
    pub(super) fn new(name: usize, target: Target, dice: &mut Dice) -> Self {
        let tempers = [Temper::AtOnce, Temper::Eager, Temper::Eager, Temper::Slow, Temper::Stuck];
        let from = Instant::now() + Duration::from_millis(dice.pick(&[0, 0, 0, 30, 900]));
        Self {
            name,
            temper: dice.pick(&tempers),
            place: Place::Away(from),
            backoff: BACKOFF[0],
            held: Held::new(target),
        }
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn temper(&self) -> Temper {
        self.temper
    }

    /// It reads no more in the very moment, but in its turn: in which order the streams of a server hear of its
    /// end is up to nobody.
    pub(super) fn calm_down(&mut self) {
        if self.temper == Temper::AtOnce {
            self.temper = Temper::Eager;
        }
        if let Place::On { line, .. } = &self.place {
            line.calm_down();
        }
    }

    /// From now on it reads whatever there is, and asks without waiting.
    pub(super) fn mend(&mut self) {
        self.temper = Temper::Eager;
        self.backoff = BACKOFF[0];
        if let Place::Away(until) = &mut self.place {
            *until = Instant::now();
        }
    }

    /// Asks, if it is time to; now and then it changes its mind before it is answered.
    pub(super) fn ask(&mut self, way: &Way<'_>, dice: &mut Dice, trace: &mut Trace) -> Result<(), String> {
        self.ask_again(way, trace)?;
        if let Place::On { opened: false, .. } = self.place
            && dice.one_in(12)
        {
            self.hang_up(dice, trace);
        }
        Ok(())
    }

    /// Asks, if it is time to.
    pub(super) fn ask_again(&mut self, way: &Way<'_>, trace: &mut Trace) -> Result<(), String> {
        match self.place {
            Place::Away(until) if until <= Instant::now() => {}
            _ => return Ok(()),
        }
        let (server, target, on_wire) = (way.server, self.held.target(), way.connection.is_some());
        trace.note(format_args!("client {} asks server {}", self.name, server.number));
        let call = match way.connection {
            Some(connection) => connection.call(target),
            None => request::call(server.destination.clone(), target),
        };
        // HTTP/2 wakes with locks held.
        let mut line = Line::ask(call, self.temper == Temper::AtOnce && !on_wire);
        self.held.begin();
        let pieces = line.listen(false)?;
        self.place =
            Place::On { line, server: server.number, opened: false, on_wire, cut: false, stopping: None };
        pieces.into_iter().try_for_each(|piece| self.take(piece, server, 0, trace))
    }

    /// Its connection, if that is how it reads, is about to break.
    pub(super) fn cut(&mut self) {
        if let Place::On { on_wire: true, cut, .. } = &mut self.place {
            *cut = true;
        }
    }

    /// Whether something may be on its way that nobody knows of.
    pub(super) fn is_on_wire(&self) -> bool {
        matches!(self.place, Place::On { on_wire: true, .. })
    }

    /// Leaves without a word.
    pub(super) fn hang_up(&mut self, dice: &mut Dice, trace: &mut Trace) {
        if matches!(self.place, Place::On { .. }) {
            let away = dice.pick(&AWAY);
            trace.note(format_args!("client {} hangs up for {away} ms", self.name));
            self.place = Place::Away(Instant::now() + Duration::from_millis(away));
        }
    }

    /// Reads what there is; `anyway` also if nobody said that there is anything. Says whether there was.
    pub(super) fn look(
        &mut self,
        servers: &[Server],
        when: When,
        anyway: bool,
        trace: &mut Trace,
    ) -> Result<bool, String> {
        let Place::On { line, server, on_wire, .. } = &mut self.place else { return Ok(false) };
        let (server, on_wire) = (&servers[*server], *on_wire);
        let pieces = line.listen(anyway)?;
        let came = !pieces.is_empty();
        let data = pieces.iter().filter(|piece| matches!(piece, Piece::Data(_))).count();
        // What was not taken right now may be older.
        let is_late = on_wire || self.temper == Temper::AtOnce;
        let floor = match when {
            _ if is_late => None,
            When::Between => Some(server.settled()),
            When::Settled => server.history.floor(self.held.target()),
        };
        for piece in pieces {
            self.take(piece, server, floor.unwrap_or_default(), trace)?;
        }
        if when == When::Settled {
            if data > 1 && !is_late {
                return Err(format!("{data} steps, where the newest state comes in one"));
            }
            self.check_settled(server)?;
        }
        Ok(came)
    }

    fn check_settled(&mut self, server: &Server) -> Result<(), String> {
        let Place::On { opened, stopping, .. } = &mut self.place else { return Ok(()) };
        if !*opened {
            return Err("asked, and no stream was opened".to_owned());
        }
        self.held.check_current(server)?;
        if !server.is_stopping() {
            return Ok(());
        }
        let since = stopping.get_or_insert_with(Instant::now);
        if since.elapsed() > DRAIN_WINDOW + TICK {
            return Err("a stream that outlives its server".to_owned());
        }
        Ok(())
    }

    fn take(&mut self, piece: Piece, server: &Server, floor: usize, trace: &mut Trace) -> Result<(), String> {
        match piece {
            Piece::Opened => {
                if let Place::On { opened, .. } = &mut self.place {
                    *opened = true;
                }
            }
            Piece::Data(bytes) => {
                let (name, print) = (self.name, fingerprint(&bytes));
                trace.note(format_args!("client {name} is told {} bytes {print:016x}", bytes.len()));
                self.backoff = BACKOFF[0];
                self.held.take(server, &bytes, floor)?;
            }
            Piece::End(code) => {
                trace.note(format_args!("client {} is cut off: {code:?}", self.name));
                let is_cut = matches!(self.place, Place::On { cut: true, .. });
                if !is_cut && (code != Code::Unavailable || !server.is_stopping()) {
                    return Err(format!("a stream ended with {code:?}"));
                }
                self.place = Place::Away(Instant::now() + self.backoff);
                self.backoff = BACKOFF[1].min(2 * self.backoff);
            }
        }
        Ok(())
    }
}

//! One run: a cluster, a source, one server after another and their clients, all from one seed.

mod end;

use switchyard::{
    context::Reading,
    resolve::{self, Options, Query, Target},
    source::Event,
};
use tokio::{
    task::yield_now,
    time::{Duration, sleep},
};

use super::{
    client::{Client, Temper, Way, When},
    connection::Connection,
    dice::{Alphabet, Dice},
    history::TICK,
    server::{DRAIN_WINDOW, Server},
    source::Source,
    trace::Trace,
};
use crate::laws::{
    drain,
    simple::{get, profile},
    world::World,
};

/// How long nothing happens between two steps, in milliseconds: up to more than the life of a view nobody watches.
const PAUSES: [u64; 13] = [1, 1, 1, 2, 5, 8, 12, 22, 25, 90, 310, 4000, 16_000];
/// The same where answers are held: many changes in one hold.
const WITHIN_HOLDS: [u64; 4] = [6, 9, 13, 22];

/// See the module's documentation.
pub(super) struct Play<'a> {
    alphabet: &'a Alphabet,
    dice: Dice,
    options: Options,
    leaf_drain: Duration,
    /// Whether it is mostly about one split.
    is_divided: bool,
    source: Source,
    servers: Vec<Server>,
    clients: Vec<Client>,
    /// Whether clients speak HTTP/2.
    on_wire: bool,
    /// The connection that they share, to the newest server.
    connection: Option<Connection>,
    /// Those to servers that stop.
    old_connections: Vec<Connection>,
    trace: &'a mut Trace,
}

impl<'a> Play<'a> {
    pub(super) fn new(seed: u64, alphabet: &'a Alphabet, trace: &'a mut Trace) -> Self {
        let mut dice = Dice::new(seed);
        let options = dice.draw(&alphabet.options);
        let is_divided = !dice.one_in(3);
        let mut objects = dice.draw(&alphabet.objects);
        if is_divided {
            objects.extend(drain::start());
        }
        let source = Source::new(World::new(&objects), &mut dice);
        let leaf_drain = Duration::from_millis(if dice.one_in(3) { 300 } else { 0 });
        let mut targets = if is_divided { Vec::new() } else { dice.draw(&alphabet.targets) };
        let usual = [get("web", Reading::Merged), get("a", Reading::Leaf), profile("web")];
        targets.extend(usual.iter().map(elsewhere));
        targets.extend(usual);
        dice.shuffle(&mut targets);
        targets.truncate(1 + dice.below(4));
        let clients = 2 + dice.below(4);
        let clients = (0..clients)
            .map(|name| Client::new(name, targets[name % targets.len()].clone(), &mut dice))
            .collect();
        let on_wire = dice.one_in(5);
        let connection = None;
        let mut play = Self {
            alphabet,
            dice,
            options,
            leaf_drain,
            is_divided,
            source,
            servers: Vec::new(),
            clients,
            on_wire,
            connection,
            old_connections: Vec::new(),
            trace,
        };
        play.start_server();
        play
    }

    fn start_server(&mut self) {
        // Over HTTP/2 streams hear of the end in an order that is up to nobody, so they do not throw for it.
        let drain = if self.on_wire { Duration::ZERO } else { DRAIN_WINDOW };
        self.servers.push(Server::start(self.servers.len(), &self.options, self.leaf_drain, drain));
    }

    /// # Errors
    /// What was seen that must never be, in words.
    pub(super) async fn run(mut self) -> Result<(), String> {
        for _ in 0..10 + self.dice.below(30) {
            self.happen().await?;
            self.tell().await?;
            self.act().await?;
            self.settle().await?;
        }
        self.end().await
    }

    fn server(&mut self) -> &mut Server {
        self.servers.last_mut().expect("there is always one")
    }

    /// Something happens in the cluster, and things go wrong.
    async fn happen(&mut self) -> Result<(), String> {
        let edits = self.dice.pick(&[0, 1, 1, 1, 2, 3]);
        for _ in 0..edits {
            let is_odd = !self.is_divided || self.dice.one_in(4);
            let edits = if is_odd { &self.alphabet.edit } else { &self.alphabet.division };
            let edit = self.dice.draw(edits);
            self.source.happen(&edit, &mut self.dice);
        }
        if self.dice.one_in(12) {
            let kind = self.source.lose_one(&mut self.dice);
            self.trace.note(format_args!("the watch of {kind} is lost"));
        }
        if self.dice.one_in(60) {
            self.trace.note(format_args!("another server takes over"));
            self.clients.iter_mut().for_each(Client::calm_down);
            self.server().stop();
            self.source.lose_all(&mut self.dice);
            self.start_server();
            self.old_connections.extend(self.connection.take());
            // The streams of the one that stops have heard of it.
            yield_now().await;
        }
        if self.dice.one_in(20)
            && let Some(connection) = self.connection.take()
        {
            self.trace.note(format_args!("the connection breaks"));
            self.clients.iter_mut().for_each(Client::cut);
            drop(connection);
            yield_now().await;
        }
        if self.dice.one_in(15)
            && let Some(event) = self.source.relist(&mut self.dice)
        {
            self.send(vec![event])?;
        }
        Ok(())
    }

    /// The source says what it has to; some clients look while the server is still at it.
    async fn tell(&mut self) -> Result<(), String> {
        let told = self.servers.last().expect("there is always one").told();
        for batch in self.source.due(told, &mut self.dice) {
            self.send(batch)?;
            if self.dice.one_in(3) {
                yield_now().await;
            }
            if self.dice.one_in(4) {
                let which = self.dice.below(self.clients.len());
                if self.clients[which].temper() != Temper::Stuck {
                    let anyway = self.dice.one_in(3);
                    self.look(which, When::Between, anyway)?;
                }
            }
        }
        // Whether what is told or what is asked comes first is for the dice to say, not for the server.
        yield_now().await;
        Ok(())
    }

    fn send(&mut self, batch: Vec<Event>) -> Result<(), String> {
        self.trace.events(&batch);
        self.server().tell(batch)
    }

    fn look(&mut self, which: usize, when: When, anyway: bool) -> Result<bool, String> {
        let client = &mut self.clients[which];
        client.look(&self.servers, when, anyway, self.trace).map_err(|why| {
            format!("client {which}, {:?}, {:?}: {why}", client.temper(), client.held().target())
        })
    }

    async fn connect(&mut self) -> Result<(), String> {
        if self.on_wire && self.connection.is_none() {
            let destination = self.server().destination.clone();
            self.connection = Some(Connection::open(destination, &mut self.dice).await?);
        }
        Ok(())
    }

    /// Clients come and go.
    async fn act(&mut self) -> Result<(), String> {
        self.connect().await?;
        let server = self.servers.last().expect("there is always one");
        let way = Way { server, connection: self.connection.as_ref() };
        for client in &mut self.clients {
            if self.dice.one_in(25) {
                client.hang_up(&mut self.dice, self.trace);
            }
            client.ask(&way, &mut self.dice, self.trace)?;
        }
        yield_now().await;
        Ok(())
    }

    /// Time passes until nobody has anything left to do, and clients look.
    async fn settle(&mut self) -> Result<(), String> {
        let is_held = !self.leaf_drain.is_zero() && self.dice.one_in(2);
        let pause = self.dice.pick(if is_held { &WITHIN_HOLDS } else { &PAUSES[..] });
        self.pass(Duration::from_millis(pause)).await?;
        for which in 0..self.clients.len() {
            let looks = match self.clients[which].temper() {
                Temper::AtOnce | Temper::Eager => true,
                Temper::Slow => self.dice.one_in(6),
                Temper::Stuck => false,
            };
            if looks {
                let anyway = self.dice.one_in(5);
                self.read_up(which, anyway).await?;
            }
        }
        Ok(())
    }

    /// A client reads all there is, and is current then.
    async fn read_up(&mut self, which: usize, anyway: bool) -> Result<(), String> {
        // Reading makes room for more.
        while self.clients[which].is_on_wire() && self.look(which, When::Between, anyway)? {
            self.pass(TICK).await?;
        }
        self.look(which, When::Settled, anyway)?;
        Ok(())
    }

    /// Time moves only when everybody waits.
    async fn pass(&mut self, time: Duration) -> Result<(), String> {
        sleep(time).await;
        // What was due in this moment is done before anything else happens in it.
        yield_now().await;
        self.servers.iter_mut().try_for_each(Server::note_settled)
    }
}

/// The same question from another place, where the answer may be another one.
fn elsewhere(target: &Target) -> Target {
    let client = match &target.query {
        Query::Endpoints { .. } => resolve::Client { node: Some("n0".into()), namespace: None },
        Query::ServiceProfile { .. } | Query::AddressProfile { .. } => {
            resolve::Client { node: None, namespace: Some("e".into()) }
        }
    };
    Target { query: target.query.clone(), client }
}

//! One run: a cluster, a source, one server after another and their clients, all from one seed.

use switchyard::{
    context::Reading,
    controller::VIEW_LINGER,
    engine::Engine,
    model::Name,
    resolve::{Options, Target},
};
use tokio::{
    task::yield_now,
    time::{Duration, sleep},
};

use super::{
    client::{Client, Temper, When},
    dice::{Alphabet, Dice},
    history::{RETURN_LAG, TICK},
    server::{DRAIN_WINDOW, Server},
    source::Source,
    trace::Trace,
};
use crate::laws::{
    alphabet::DOMAIN,
    client::read,
    simple::{get, profile},
    world::World,
};

/// How long nothing happens between two steps, in milliseconds.
const PAUSES: [u64; 10] = [1, 1, 1, 2, 5, 20, 25, 90, 310, 4000];

/// See the module's documentation.
pub(super) struct Play<'a> {
    alphabet: &'a Alphabet,
    dice: Dice,
    options: Options,
    leaf_drain: Duration,
    source: Source,
    servers: Vec<Server>,
    clients: Vec<Client>,
    trace: &'a mut Trace,
}

impl<'a> Play<'a> {
    pub(super) fn new(seed: u64, alphabet: &'a Alphabet, trace: &'a mut Trace) -> Self {
        let mut dice = Dice::new(seed);
        let options = dice.draw(&alphabet.options);
        let source = Source::new(World::new(&dice.draw(&alphabet.objects)), &mut dice);
        let leaf_drain = Duration::from_millis(if dice.one_in(3) { 300 } else { 0 });
        let mut targets = dice.draw(&alphabet.targets);
        targets.extend([get("web", Reading::Merged), get("a", Reading::Leaf), profile("web")]);
        dice.shuffle(&mut targets);
        targets.truncate(1 + dice.below(3));
        let clients = 1 + dice.below(5);
        let clients = (0..clients)
            .map(|name| Client::new(name, targets[name % targets.len()].clone(), &mut dice))
            .collect();
        let servers = vec![Server::start(0, &options, leaf_drain)];
        Self { alphabet, dice, options, leaf_drain, source, servers, clients, trace }
    }

    /// # Errors
    /// What was seen that must never be, in words.
    pub(super) async fn run(mut self) -> Result<(), String> {
        for _ in 0..8 + self.dice.below(25) {
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
        let edits = self.dice.pick(&[0, 0, 1, 1, 1, 2, 3]);
        for _ in 0..edits {
            let edit = self.dice.draw(&self.alphabet.edit);
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
            let next = Server::start(self.servers.len(), &self.options, self.leaf_drain);
            self.servers.push(next);
            // The streams of the one that stops have heard of it.
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

    fn send(&mut self, batch: Vec<switchyard::source::Event>) -> Result<(), String> {
        self.trace.events(&batch);
        self.server().tell(batch)
    }

    fn look(&mut self, which: usize, when: When, anyway: bool) -> Result<(), String> {
        let client = &mut self.clients[which];
        client.look(&self.servers, when, anyway, self.trace).map_err(|why| {
            format!("client {which}, {:?}, {:?}: {why}", client.temper(), client.held().target())
        })
    }

    /// Clients come and go.
    async fn act(&mut self) -> Result<(), String> {
        let server = self.servers.last().expect("there is always one");
        for client in &mut self.clients {
            if self.dice.one_in(14) {
                client.hang_up(&mut self.dice, self.trace);
            }
            client.ask(server, &mut self.dice, self.trace)?;
        }
        yield_now().await;
        Ok(())
    }

    /// Time passes until nobody has anything left to do, and clients look.
    async fn settle(&mut self) -> Result<(), String> {
        let pause = self.dice.pick(&PAUSES);
        self.pass(Duration::from_millis(pause)).await;
        for which in 0..self.clients.len() {
            let looks = match self.clients[which].temper() {
                Temper::AtOnce | Temper::Eager => true,
                Temper::Slow => self.dice.one_in(6),
                Temper::Stuck => false,
            };
            if looks {
                let anyway = self.dice.one_in(5);
                self.look(which, When::Settled, anyway)?;
            }
        }
        Ok(())
    }

    /// Time moves only when everybody waits.
    async fn pass(&mut self, time: Duration) {
        sleep(time).await;
        // What was due in this moment is done before anything else happens in it.
        yield_now().await;
        self.servers.iter_mut().for_each(Server::note_settled);
    }

    /// Faults end, and everybody comes to what is true; then nothing is left of those who go.
    async fn end(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("all faults end"));
        let events = self.source.recover();
        self.send(events)?;
        yield_now().await;
        for _ in 0..3 {
            self.clients.iter_mut().for_each(Client::mend);
            let server = self.servers.last().expect("there is always one");
            for client in &mut self.clients {
                client.ask_again(server, self.trace)?;
            }
            yield_now().await;
            for which in 0..self.clients.len() {
                self.look(which, When::Between, false)?;
            }
            self.pass(DRAIN_WINDOW + self.leaf_drain + RETURN_LAG + TICK).await;
            for which in 0..self.clients.len() {
                self.look(which, When::Settled, false)?;
            }
        }
        let server = self.servers.last().expect("there is always one");
        let newest = server.history.len() - 1;
        for (which, client) in self.clients.iter().enumerate() {
            let target = client.held().target();
            let fresh = fresh(server.told(), &self.options, target)?;
            let held = client.held().state();
            if held != Some(&fresh) || fresh != *server.history.truth(target, newest) {
                return Err(format!(
                    "client {which}, {target:?}: in the end it holds {held:#?}, not {fresh:#?}"
                ));
            }
        }
        self.clients.clear();
        self.pass(VIEW_LINGER * 2).await;
        for server in &self.servers {
            let (topics, views) = (server.directory.topics().len(), server.metrics.views.get());
            if (topics, views) != (0, 0) {
                return Err(format!("{topics} topics and {views} views are left when everybody is gone"));
            }
        }
        Ok(())
    }
}

/// What somebody is told who asks a server that was just told all this.
fn fresh(world: &World, options: &Options, target: &Target) -> Result<crate::laws::client::State, String> {
    let mut engine = Engine::new(Name::from(DOMAIN), options.clone());
    engine.apply(world.relist());
    read(&*engine.watch(target).ok_or("no answer")?)
}

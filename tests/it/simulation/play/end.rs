//! How a run ends: everybody comes to what is true, goes, and nothing is left of them.

use switchyard::{
    controller::VIEW_LINGER,
    engine::Engine,
    model::{Kind, Name},
    resolve::{Options, Target},
    source::Event,
};
use tokio::task::yield_now;

use super::Play;
use crate::{
    laws::{
        alphabet::DOMAIN,
        client::{State, read},
        world::World,
    },
    simulation::{
        client::{Client, Way, When},
        history::{RETURN_LAG, TICK},
        server::DRAIN_WINDOW,
    },
};

impl Play<'_> {
    /// Faults end, and everybody comes to what is true; then nothing is left of those who go.
    pub(super) async fn end(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("all faults end"));
        let events = self.source.recover();
        self.send(events)?;
        yield_now().await;
        for _ in 0..3 {
            self.clients.iter_mut().for_each(Client::mend);
            self.connect().await?;
            let server = self.servers.last().expect("there is always one");
            let way = Way { server, connection: self.connection.as_ref() };
            for client in &mut self.clients {
                client.ask_again(&way, self.trace)?;
            }
            yield_now().await;
            for which in 0..self.clients.len() {
                self.look(which, When::Between, false)?;
            }
            self.pass(DRAIN_WINDOW + self.leaf_drain + RETURN_LAG + TICK).await?;
            for which in 0..self.clients.len() {
                self.read_up(which, false).await?;
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
        self.pass(VIEW_LINGER * 2).await?;
        for server in &self.servers {
            let (topics, views) = (server.directory.topics().len(), server.metrics.views.get());
            if (topics, views) != (0, 0) {
                return Err(format!("{topics} topics and {views} views are left when everybody is gone"));
            }
        }
        self.check_idle().await
    }

    /// Whatever happens where nobody asks for anything costs nothing. Splits are looked at in any case, so they go
    /// first.
    async fn check_idle(&mut self) -> Result<(), String> {
        self.send(vec![Event::Replace(Kind::TrafficSplit, Vec::new())])?;
        self.pass(TICK).await?;
        let before = self.server().metrics.resolutions.get();
        self.send(Kind::ALL.map(|kind| Event::Replace(kind, Vec::new())).into())?;
        self.pass(TICK).await?;
        match self.server().metrics.resolutions.get() - before {
            0 => Ok(()),
            more => Err(format!("{more} answers were looked for, and nobody is there")),
        }
    }
}

/// What somebody is told who asks a server that was just told all this.
fn fresh(world: &World, options: &Options, target: &Target) -> Result<State, String> {
    let mut engine = Engine::new(Name::from(DOMAIN), options.clone());
    engine.apply(world.relist());
    read(&*engine.watch(target).ok_or("no answer")?)
}

//! One change for many streams: the floor and ours in turn, round by round, both with all streams open.

use tokio::time::{Duration, Instant, sleep};

use super::{
    Outcome,
    client::Client,
    frames::Ask,
    server::{Server, Which},
    table::{Line, median},
    worlds::World,
};

/// A row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) world: World,
    pub(super) streams: u32,
    pub(super) connections: u32,
    /// Servers started anew.
    pub(super) passes: u32,
    /// Changes in a pass.
    pub(super) rounds: u32,
    /// Storms in a pass, the first one included, in which the server has never had as many streams.
    pub(super) storms: u32,
    /// What must be reached as parts of the floor's.
    pub(super) bounds: Bounds,
}

/// See [`Row`]; `None` is only reported.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) last: Option<f64>,
    pub(super) cpu: Option<f64>,
    pub(super) memory: Option<f64>,
    /// Kilobytes of a stream.
    pub(super) kilobytes: Option<f64>,
    pub(super) storm: Option<f64>,
}

/// Between two changes, so that what a server does after its last byte is not in the way of the next.
pub(super) const REST: Duration = Duration::from_millis(4);

/// So many streams, spread over connections; the services they ask for take turns in such a way that no
/// connection asks for one twice if it can be helped.
pub(super) fn asks(world: World, streams: u32, connections: u32) -> Vec<Vec<Ask>> {
    let mut asks = vec![Vec::new(); connections as usize];
    let of_service = (streams / world.services()).max(1);
    for stream in 0..streams {
        let authority = world.authority(stream / of_service);
        asks[(stream % connections) as usize].push(Ask { authority, stuck: false });
    }
    asks
}

/// What one server did in a pass.
struct Pass {
    /// Bytes of a message.
    bytes: f64,
    /// Milliseconds until the last stream was told.
    last: f64,
    /// Microseconds of CPU for a message.
    cpu: f64,
    /// Kilobytes for a stream.
    memory: f64,
    /// Milliseconds until all were answered first.
    storm: f64,
    /// Microseconds of CPU for a stream.
    storm_cpu: f64,
}

/// A server with its clients.
pub(super) struct Side {
    pub(super) server: Server,
    pub(super) client: Client,
    asks: Vec<Vec<Ask>>,
    world: World,
    streams: f64,
    lasts: Vec<Duration>,
    storms: Vec<(Duration, Duration)>,
    /// Bytes of a message in the last rounds.
    pub(super) bytes: f64,
    /// Bytes of memory that the streams added.
    pub(super) memory: f64,
}

impl Side {
    /// A server that has answered all streams once, and is at rest.
    pub(super) async fn open(which: Which, world: World, asks: Vec<Vec<Ask>>) -> Outcome<Self> {
        let mut server = Server::start(which, world).await?;
        // What a server makes with its first streams is not what the others cost.
        let few: Vec<_> = asks[0].iter().take(10).cloned().collect();
        let (client, _) = Client::open(server.addr, &[few], world.token()).await?;
        if !matches!(world, World::Rollout(_)) {
            for _ in 0..2 {
                client.expect(1);
                let start = Instant::now();
                server.tell("change").await?;
                client.reached(start).await?;
            }
        }
        drop(client);
        server.idle().await?;
        let before = server.memory()?;
        let (client, storm) = storm(&server, &asks, world).await?;
        let memory = server.memory()? - before;
        let streams = f64::from(u32::try_from(client.counts().len())?);
        Ok(Self {
            server,
            client,
            asks,
            world,
            streams,
            lasts: Vec::new(),
            storms: vec![storm],
            bytes: 0.0,
            memory,
        })
    }

    /// Makes a change and waits until everybody was told.
    pub(super) async fn round(&mut self) -> Outcome<()> {
        self.client.expect(1);
        let start = Instant::now();
        self.server.tell("change").await?;
        self.lasts.push(self.client.reached(start).await?);
        sleep(REST).await;
        Ok(())
    }

    /// The middle of the milliseconds until the last stream was told.
    pub(super) fn last(&self) -> f64 {
        median(self.lasts.iter().map(|last| last.as_secs_f64() * 1e3))
    }

    /// Opens all streams anew.
    async fn storm_again(&mut self) -> Outcome<()> {
        self.client.close();
        self.server.idle().await?;
        let (client, storm) = storm(&self.server, &self.asks, self.world).await?;
        self.client = client;
        self.storms.push(storm);
        Ok(())
    }
}

/// Opens all streams; says how long that took, and how much CPU.
async fn storm(server: &Server, asks: &[Vec<Ask>], world: World) -> Outcome<(Client, (Duration, Duration))> {
    let before = server.cpu()?;
    let (client, took) = Client::open(server.addr, asks, world.token()).await?;
    server.idle().await?;
    Ok((client, (took, server.cpu()? - before)))
}

/// Rounds on several servers in turn; the CPU that each took for a message, in microseconds.
pub(super) async fn take_turns(sides: &mut [Side], rounds: u32) -> Outcome<Vec<f64>> {
    let mut starts = Vec::new();
    for side in &mut *sides {
        starts.push((side.server.cpu()?, side.client.counts(), side.client.bytes()));
    }
    for _ in 0..rounds {
        for side in &mut *sides {
            side.round().await?;
        }
    }
    let mut cpus = Vec::new();
    for (side, (before, counts, bytes)) in sides.iter_mut().zip(starts) {
        side.server.idle().await?;
        side.client.check(&counts, rounds)?;
        let messages = f64::from(rounds) * side.streams;
        side.bytes = (side.client.bytes() - bytes) as f64 / messages;
        cpus.push((side.server.cpu()? - before).as_secs_f64() * 1e6 / messages);
    }
    Ok(cpus)
}

impl Row {
    /// The same on a tenth of the streams, once.
    pub(super) fn quick(self) -> Self {
        Self {
            streams: self.streams / 10,
            connections: self.connections / 10,
            passes: 1,
            rounds: 5,
            storms: 1,
            ..self
        }
    }

    async fn pass(&self, order: [Which; 2]) -> Outcome<[Pass; 2]> {
        let asks = asks(self.world, self.streams, self.connections);
        let mut sides = Vec::new();
        for which in order {
            sides.push(Side::open(which, self.world, asks.clone()).await?);
        }
        let cpus = take_turns(&mut sides, self.rounds).await?;
        for _ in 1..self.storms {
            for side in &mut sides {
                side.storm_again().await?;
            }
        }
        let passes = sides.iter().zip(cpus).map(|(side, cpu)| Pass {
            bytes: side.bytes,
            last: side.last(),
            cpu,
            memory: side.memory / 1024.0 / side.streams,
            storm: median(side.storms.iter().map(|(took, _)| took.as_secs_f64() * 1e3)),
            storm_cpu: median(side.storms.iter().map(|(_, cpu)| cpu.as_secs_f64() * 1e6)) / side.streams,
        });
        let [one, other] = passes.collect::<Vec<_>>().try_into().map_err(|_| "two servers")?;
        Ok(if order[0] == Which::Ours { [one, other] } else { [other, one] })
    }

    /// Measures it. Of each figure the middle pass counts, by the ratio in that pass.
    pub(super) async fn run(&self) -> Outcome<Vec<Line>> {
        let mut passes = Vec::new();
        for pass in 0..self.passes {
            let order = [Which::Floor, Which::Ours];
            let order = if pass % 2 == 0 { order } else { [order[1], order[0]] };
            passes.push(self.pass(order).await?);
        }
        let line = |what, unit, bound, figure: fn(&Pass) -> f64| {
            let mut pairs: Vec<_> = passes.iter().map(|pass| pass.each_ref().map(figure)).collect();
            pairs.sort_by(|a, b| (a[0] / a[1]).total_cmp(&(b[0] / b[1])));
            Line::ratio(self.name, what, pairs[pairs.len() / 2], unit, bound)
        };
        let Bounds { last, cpu, memory, kilobytes, storm } = self.bounds;
        let stream = median(passes.iter().map(|[ours, _]| ours.memory));
        Ok(vec![
            line("bytes a message", "B", Some(1.0), |pass| pass.bytes),
            line("last stream told", "ms", last, |pass| pass.last),
            line("CPU a message", "us", cpu, |pass| pass.cpu),
            line("memory a stream", "kB", memory, |pass| pass.memory),
            Line::value(self.name, "memory a stream, in kB", stream, "kB", kilobytes),
            line("first answers of all", "ms", storm, |pass| pass.storm),
            line("CPU a first answer", "us", None, |pass| pass.storm_cpu),
        ])
    }
}

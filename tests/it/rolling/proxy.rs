//! A client that reconnects as Linkerd's proxy does: any end of a stream is a wait that doubles, then another
//! server, and meanwhile what it knew holds. The first message of a stream is everything there is.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use switchyard::pb::destination::{
    DestinationProfile, Update, destination_client::DestinationClient, update,
};
use tokio::{
    sync::watch,
    time::{Duration, sleep, timeout},
};
use tonic::{Status, Streaming, transport::Channel};

use crate::{
    abuse::REVIEWS,
    server::{LEAF, PATIENCE, ask},
};

/// The backoff of a proxy whose control plane is on loopback.
const LEAST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const JITTER: f64 = 0.1;

/// What a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The endpoints of `reviews`, weighted by its split.
    Merged,
    /// All of them.
    Leaf,
    /// The split.
    Profile,
}

/// What it was told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Streams that were answered.
    pub(super) streams: u32,
    /// The most attempts in a row that came to nothing.
    pub(super) worst: usize,
    /// What came of those that came to nothing.
    pub(super) failures: Vec<String>,
    /// The number of the change that it was told of last.
    pub(super) change: u32,
    /// What it knew and then did not.
    pub(super) lost: Vec<String>,
    /// Endpoints, or backends, and their weights.
    known: BTreeMap<String, u32>,
}

/// One stream's worth of a proxy. It ends with its test.
pub(super) struct Proxy {
    pub(super) ask: Ask,
    pub(super) told: watch::Sender<Told>,
    servers: Vec<Server>,
}

/// A server as a proxy's balancer sees it.
struct Server {
    addr: SocketAddr,
    /// Its connection, kept as long as it is good.
    connection: Mutex<Option<DestinationClient<Channel>>>,
}

impl Proxy {
    pub(super) fn start(ask: Ask, addresses: Vec<SocketAddr>) -> Arc<Self> {
        let servers = addresses.into_iter().map(|addr| Server { addr, connection: Mutex::default() });
        let proxy = Arc::new(Self { ask, told: watch::Sender::default(), servers: servers.collect() });
        let runs = Arc::downgrade(&proxy);
        tokio::spawn(async move {
            let mut failed = 0_usize;
            while let Some(proxy) = runs.upgrade() {
                let streams = proxy.told.borrow().streams;
                // It lasts as long as its stream does, and the test may end before.
                let ended = proxy.follow().await;
                failed = if proxy.told.borrow().streams > streams { 0 } else { failed + 1 };
                if failed > 0 {
                    proxy.told.send_modify(|told| {
                        told.worst = told.worst.max(failed);
                        told.failures.push(ended);
                    });
                }
                let doublings = i32::try_from(failed.min(10)).expect("few");
                let wait = LEAST_WAIT.mul_f64(2_f64.powi(doublings));
                sleep(wait.min(LONGEST_WAIT).mul_f64(1.0 + JITTER * fastrand::f64())).await;
            }
        });
        proxy
    }

    /// One attempt: asks a server that is there, and takes what it says to the end. How it ended, for people.
    async fn follow(&self) -> String {
        let Some((server, client)) = self.connected().await else { return "no server".to_owned() };
        let ended = match self.ask {
            Ask::Merged => self.endpoints(client, "").await,
            Ask::Leaf => self.endpoints(client, LEAF).await,
            Ask::Profile => self.profile(client).await,
        };
        // A server that goes away says so to all of a connection, which the balancer then takes for gone.
        if ended.is_err() {
            *server.connection.lock().expect("nobody panics with it") = None;
        }
        format!("{}: {ended:?}", server.addr)
    }

    /// A server that has a connection, or gets one: those that cannot be reached are no choice of the balancer.
    async fn connected(&self) -> Option<(&Server, DestinationClient<Channel>)> {
        let mut servers: Vec<_> = self.servers.iter().collect();
        fastrand::shuffle(&mut servers);
        for server in servers {
            let kept = server.connection.lock().expect("nobody panics with it").clone();
            let client = match kept {
                Some(client) => Some(client),
                None => connect(server.addr).await,
            };
            if let Some(client) = client {
                *server.connection.lock().expect("nobody panics with it") = Some(client.clone());
                return Some((server, client));
            }
        }
        None
    }

    async fn endpoints(&self, mut client: DestinationClient<Channel>, token: &str) -> Result<(), Status> {
        let mut updates: Streaming<Update> = client.get(ask(REVIEWS, token)).await?.into_inner();
        let mut first = true;
        while let Some(update) = updates.message().await? {
            self.take_update(update, first);
            first = false;
        }
        Ok(())
    }

    fn take_update(&self, update: Update, first: bool) {
        let mut known = if first { BTreeMap::new() } else { self.told.borrow().known.clone() };
        match update.update.expect("an update says something") {
            update::Update::Add(set) => {
                known.extend(set.addrs.iter().map(|addr| (format!("{:?}", addr.addr), addr.weight)));
            }
            update::Update::Remove(set) => {
                assert!(!first, "a stream begins with what there is: {set:?}");
                for addr in set.addrs {
                    known.remove(&format!("{:?}", Some(addr)));
                }
            }
            update::Update::NoEndpoints(_) => known.clear(),
        }
        self.know(known, first);
    }

    async fn profile(&self, mut client: DestinationClient<Channel>) -> Result<(), Status> {
        let mut profiles = client.get_profile(ask(REVIEWS, LEAF)).await?.into_inner();
        let mut first = true;
        while let Some(DestinationProfile { dst_overrides, .. }) = profiles.message().await? {
            let backends = dst_overrides.into_iter().map(|dst| (dst.authority, dst.weight));
            self.know(backends.collect(), first);
            first = false;
        }
        Ok(())
    }

    /// Takes what holds now. Nothing of what was known ever goes in these tests.
    fn know(&self, known: BTreeMap<String, u32>, first: bool) {
        let least = known.values().min().copied().unwrap_or_default();
        // Change n makes the smaller share n thousandths, and the endpoints n + 2.
        let change = match self.ask {
            Ask::Merged => least / 1_000_000,
            Ask::Profile => least / 10_000,
            Ask::Leaf => u32::try_from(known.len()).expect("few").saturating_sub(2),
        };
        self.told.send_modify(|told| {
            let gone = told.known.keys().filter(|one| !known.contains_key(*one));
            told.lost.extend(gone.cloned());
            told.streams += u32::from(first);
            told.change = change;
            told.known = known;
        });
    }
}

async fn connect(addr: SocketAddr) -> Option<DestinationClient<Channel>> {
    let channel = Channel::from_shared(format!("http://{addr}")).expect("a valid address");
    let connecting = timeout(PATIENCE, channel.connect()).await.expect("refused or not, in time");
    connecting.ok().map(DestinationClient::new)
}

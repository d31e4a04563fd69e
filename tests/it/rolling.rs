//! Three servers that are restarted one after another, under clients that reconnect as Linkerd's proxy does.
//!
//! What a proxy does when a stream ends it does by itself: it waits a little and asks whichever server there is,
//! and routes by what it knew until it is told better. So what a restart may cost is that wait. It may not cost
//! an endpoint, nor wait after wait.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use tokio::time::{Duration, sleep, timeout};

use crate::{
    abuse::write_split,
    server::{Binary, PATIENCE, copy_of_bookinfo},
    storm::sized,
};

mod proxy;

use self::proxy::{Ask, Proxy, Told};

const SERVERS: usize = 3;

/// Addresses that stay the same over restarts. They are in a part of 127.0.0.0/8 that nobody else has, so that
/// no other test takes one while its server is away.
fn addresses() -> [SocketAddr; SERVERS] {
    let (second, third) = (fastrand::u8(64..), fastrand::u8(1..));
    [1, 2, 3].map(|fourth| (IpAddr::from(Ipv4Addr::new(127, second, third, fourth)), 8086).into())
}

/// Gives the last Deployment of `reviews` a second Pod.
fn add_a_pod(folder: &Path) {
    let path = folder.join("reviews.yaml");
    let text = fs::read_to_string(&path).expect("it is there");
    let (before, after) = text.rsplit_once("replicas: 1").expect("it has one");
    fs::write(path, format!("{before}replicas: 2{after}")).expect("written");
}

async fn start(folder: &Path, addr: SocketAddr) -> Binary {
    let (folder, addr) = (folder.to_str().expect("a test's path is text"), addr.to_string());
    let flags = ["serve", "--manifests", folder, "--addr", &addr, "--metrics-addr", "127.0.0.1:0"];
    let drain = ["--drain-window", "500ms", "--drain-timeout", "10s"];
    Binary::start(&[&flags[..], &drain].concat()).await
}

/// Waits until all of them are like this.
async fn all(proxies: &[Arc<Proxy>], what: &str, like: impl Fn(&Told) -> bool) {
    for proxy in proxies {
        let (ask, mut told) = (proxy.ask, proxy.told.subscribe());
        let is = timeout(PATIENCE, told.wait_for(&like)).await;
        assert!(is.is_ok(), "{ask:?} never {what}: {:?}", proxy.told.borrow());
    }
}

/// Restarts each in turn, as soon as the one before is ready.
async fn roll(signal: &str) {
    let folder = copy_of_bookinfo();
    write_split(folder.path(), 1);
    let addresses = addresses();
    let mut servers = Vec::new();
    for addr in addresses {
        servers.push(start(folder.path(), addr).await);
    }
    let asks = [Ask::Leaf, Ask::Merged, Ask::Profile].into_iter().cycle();
    let proxies: Vec<_> =
        asks.take(sized(60, 3_000)).map(|ask| Proxy::start(ask, addresses.to_vec())).collect();
    all(&proxies, "was told", |told| told.change == 1).await;

    for (server, addr) in servers.iter_mut().zip(addresses) {
        server.signal(signal).await;
        server.ended().await;
        *server = start(folder.path(), addr).await;
        let ready = async {
            while server.admin("/ready").await.0 != 200 {
                // It reads its manifests.
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ready).await.expect("ready in time");
    }

    write_split(folder.path(), 2);
    add_a_pod(folder.path());
    all(&proxies, "was told of the change", |told| told.change == 2).await;
    for proxy in &proxies {
        let told = proxy.told.borrow().clone();
        assert_eq!(told.lost, Vec::<String>::new(), "{:?}", proxy.ask);
        // One wait is what the end of a stream costs. Another may come of a server that is gone between the connection
        // and the request, or is not back yet, which each restart can do to a client once.
        assert!(told.worst <= SERVERS, "{} waits in a row of {:?}: {told:?}", told.worst + 1, proxy.ask);
    }
    assert!(proxies.iter().any(|proxy| proxy.told.borrow().streams > 1), "somebody's stream was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_loses_an_endpoint_or_waits_for_long() {
    roll("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_if_they_are_killed() {
    roll("KILL").await;
}

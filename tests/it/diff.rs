//! `switchyard diff` of servers that really run, as it is typed and what it prints.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    golden::{check, run},
    server::{Binary, InProcess, copy_of_bookinfo, nobody},
};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// Compares servers and what is printed. Addresses are called by letters, which are as wide.
async fn diff(name: &str, authority: &str, addrs: &[SocketAddr], flags: &[&str]) {
    let addrs: Vec<_> = addrs.iter().map(ToString::to_string).collect();
    let servers = addrs.join(",");
    let args = [&["diff", authority, "--addr", &servers], flags].concat();
    let mut got = run(&args, "").await;
    for (addr, letter) in addrs.iter().zip('A'..) {
        let port = addr.rsplit_once(':').expect("host:port").1;
        got = got.replace(addr, &format!("127.0.0.1:{}", letter.to_string().repeat(port.len())));
    }
    check(&format!("diff/{name}"), &got);
}

/// A server of BookInfo in which v2 has this part of a thousand.
async fn serve(part: u32) -> Binary {
    let folder = copy_of_bookinfo();
    edit(folder.path(), part);
    // It has been read when the server is there; nothing of it is needed any more.
    Binary::serve(folder.path()).await
}

fn edit(folder: &Path, part: u32) {
    let split = folder.join("split.yaml");
    let text = fs::read_to_string(&split).expect("the example");
    let (head, _) = text.split_once("  - service").expect("backends");
    let backend = |name: &str, weight: u32| format!("  - service: {name}\n    weight: {weight}m\n");
    let backends = backend("reviews-v2", part) + &backend("reviews-v3", 1000 - part);
    fs::write(split, head.to_owned() + &backends).expect("written");
}

/// A server behind this waits a moment with everything.
async fn slow(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                // So slow that the others have answered long before.
                sleep(Duration::from_millis(500)).await;
                let mut far = TcpStream::connect(to).await.expect("a server is there");
                _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    addr
}

#[tokio::test]
async fn servers_that_say_the_same_are_equal_however_slow_one_is() {
    let (a, b) = (serve(500).await, serve(500).await);
    let c = slow(b.grpc).await;
    diff("equal", REVIEWS, &[a.grpc, b.grpc, c], &[]).await;
    diff("equal-leaf", REVIEWS, &[a.grpc, c], &["--reading", "leaf"]).await;
    diff("equal-unknown", "nobody.default.svc.cluster.local:80", &[a.grpc, b.grpc], &[]).await;
}

#[tokio::test]
async fn servers_that_differ_are_shown_side_by_side() {
    let (a, b, c) = (serve(500).await, serve(900).await, serve(500).await);
    let flags = ["--settle", "0"];
    diff("different", REVIEWS, &[a.grpc, b.grpc, c.grpc], &flags).await;
    diff("different-json", REVIEWS, &[a.grpc, b.grpc, c.grpc], &["--settle", "0", "-o", "json"]).await;
    diff("different-leaf", REVIEWS, &[a.grpc, b.grpc], &["--settle", "0", "--reading", "leaf"]).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_named_and_the_others_are_compared() {
    let (a, b, (_socket, gone)) = (serve(500).await, serve(500).await, nobody());
    // It has read nothing yet, so it says nothing.
    let unsynced = InProcess::start().await;
    let silent = unsynced.addr;
    let flags = ["--timeout", "5s"];
    diff("failed", REVIEWS, &[a.grpc, gone, b.grpc, silent], &flags).await;
    diff("failed-json", REVIEWS, &[a.grpc, gone], &["-o", "json"]).await;
    diff("failed-all", REVIEWS, &[gone, silent], &flags).await;

    let c = serve(900).await;
    diff("failed-and-different", REVIEWS, &[a.grpc, gone, c.grpc], &["--settle", "0"]).await;
}

#[tokio::test]
async fn what_no_server_understands_is_wrong_usage() {
    let (a, b) = (serve(500).await, serve(500).await);
    diff("invalid", "reviews.example.com", &[a.grpc, b.grpc], &[]).await;
    diff("one", REVIEWS, &[a.grpc], &[]).await;
    diff("all-of-one", REVIEWS, &[a.grpc], &["--all"]).await;
}

#[tokio::test]
async fn a_change_that_is_on_its_way_is_waited_for() {
    let folders = [copy_of_bookinfo(), copy_of_bookinfo()];
    let servers = [Binary::serve(folders[0].path()).await, Binary::serve(folders[1].path()).await];
    edit(folders[0].path(), 100);
    let late = folders[1].path().to_owned();
    let edits = tokio::spawn(async move {
        // Long enough for the first server to have taken its edit, so that they do differ.
        sleep(Duration::from_secs(1)).await;
        edit(&late, 100);
    });

    sleep(Duration::from_millis(500)).await;
    diff("settles", REVIEWS, &servers.each_ref().map(|server| server.grpc), &["--settle", "15s"]).await;
    edits.await.expect("written");
}

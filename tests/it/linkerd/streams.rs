//! Many streams, and streams that come back: cases 69 and 72; and when a server is ready, of case 70. How it ends
//! its streams is in `robust`.

use std::{sync::Arc, time::Duration};

use switchyard::{
    admin,
    controller::{Controller, VIEW_LINGER},
    engine::Engine,
    hold::Lead,
    metrics::Metrics,
    picture::Pictures,
    resolve::Options,
    status::Status,
};
use tokio::{net::TcpListener, sync::watch};

use crate::{mesh::Mesh, server::http_get};

#[test]
fn case_69_a_thousand_streams_each_get_their_first_message_and_every_change() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1; service other 80");
    let mut streams: Vec<_> =
        (0..1000).map(|n| if n % 2 == 0 { mesh.merged("web") } else { mesh.leaf("web") }).collect();
    streams.iter_mut().for_each(|web| web.expect("add W1=10k"));
    mesh.edit("endpoints web W2");
    streams.iter_mut().for_each(|web| web.expect("add W2=10k; remove W1"));
}

#[test]
fn case_69_a_thousand_targets_each_get_their_own_answer() {
    let objects: String = (1..=1000).map(|n| format!("service s{n} 80; endpoints s{n} E{n}; ")).collect();
    let mesh = Mesh::given(&objects);
    for n in 1..=1000 {
        mesh.merged(&format!("s{n}")).expect(&format!("add E{n}=10k"));
    }
}

#[test]
fn case_72_a_client_that_comes_back_is_told_the_whole_set_in_one_add() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1 W2");
    for _ in 0..3 {
        let mut web = mesh.leaf("web");
        web.expect("add W1..W2=10k");
        drop(web);
        mesh.edit("endpoints web W3 W4 W5");
        let mut web = mesh.leaf("web");
        web.expect("add W3..W5=10k");
        drop(web);
        mesh.edit("endpoints web W1 W2");
    }
}

#[test]
fn case_72_a_view_that_nobody_watched_for_long_is_dropped_and_made_anew() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    mesh.leaf("web").expect("add W1=10k");
    let views = || mesh.directory.topics().len();
    assert_eq!(views(), 1);
    let linger = VIEW_LINGER.saturating_mul(2) + Duration::from_millis(10);
    mesh.wait(u64::try_from(linger.as_millis()).expect("a short time"));
    assert_eq!(views(), 0);
    mesh.edit("endpoints web W2");
    mesh.leaf("web").expect("add W2=10k");
}

#[test]
fn a_view_that_somebody_watches_is_never_dropped() {
    let mut mesh = Mesh::given("service web 80; endpoints web W1");
    let mut web = mesh.leaf("web");
    web.expect("add W1=10k");
    mesh.wait(60_000);
    mesh.edit("endpoints web W2");
    web.expect("add W2=10k; remove W1");
}

#[tokio::test]
async fn case_70_a_server_is_ready_once_its_source_has_been_read_and_until_it_is_about_to_stop() {
    let (status, receiver) = watch::channel(Arc::new(Status::default()));
    let (sender, _) = watch::channel(Arc::new(Status::default()));
    let engine = Engine::new("cluster.local".into(), Options::default());
    let (_controller, directory) =
        Controller::new(engine, Lead { drain: Duration::ZERO }, sender, Metrics::default());
    let admin = admin::Admin::new(
        Metrics::default().registry(),
        receiver,
        directory,
        "cluster.local".into(),
        Pictures::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(admin::serve(listener, admin.clone(), admin::Access::default(), None));
    let code = async |path| http_get(addr, path).await.expect("an answer").0;

    assert_eq!((code("/ready").await, code("/live").await, code("/ping").await), (503, 200, 200));
    status.send_replace(Arc::new(Status { synced: true, ..Status::default() }));
    assert_eq!(code("/ready").await, 200);
    admin.set_draining();
    assert_eq!((code("/ready").await, code("/live").await, code("/nothing").await), (503, 200, 404));
}

//! Files that change while connections are open. Time is paused: only the looks at the files take any.

use std::{sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use switchyard::{metrics::Format, tls::Tls};
use tokio::time::sleep;

use super::{
    authority::{Authority, Pair, Secret},
    link::{Link, client},
};

/// One look at the files, which are looked at every two seconds.
const LOOK: Duration = Duration::from_millis(2100);
/// Time for what is in the files to be seen twice, and once more.
const SETTLED: Duration = Duration::from_secs(7);

/// What is watched, followed in the background.
fn follow(secret: &Secret) -> (Tls, Registry) {
    let tls = Tls::open(secret.files()).expect("good files");
    let mut registry = Registry::default();
    tls.register(&mut registry);
    tokio::spawn(tls.clone().follow());
    (tls, registry)
}

fn metric(registry: &Registry, name: &str) -> u64 {
    let page = Format::OpenMetrics.render(registry);
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect(name).parse().expect("a number")
}

/// How often files were taken into use, and whether those that are there now are refused.
fn counts(registry: &Registry) -> (u64, u64) {
    (metric(registry, "tls_reloads_total"), metric(registry, "tls_files_refused"))
}

async fn shows(tls: &Tls, trusted: &Authority, pair: &Pair) {
    let link = Link::open(tls, &client(trusted, None)).await.expect("let in");
    assert!(link.shown() == pair.der(), "another certificate is shown");
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_for_new_connections_and_ends_no_old_one() {
    let (ca, next_ca) = (Authority::new("ca"), Authority::new("next"));
    let (old, new) = (ca.server(), next_ca.server());
    let mut secret = Secret::of(&old, None);
    let (tls, registry) = follow(&secret);
    let mut link = Link::open(&tls, &client(&ca, None)).await.expect("let in");
    sleep(SETTLED).await;
    shows(&tls, &ca, &old).await;
    assert_eq!(counts(&registry), (0, 0));

    secret.swap(&new, None);
    sleep(SETTLED).await;

    shows(&tls, &next_ca, &new).await;
    assert!(link.shown() == old.der());
    link.works().await;
    assert_eq!(counts(&registry), (1, 0));
    // The same in a new place is nothing new.
    secret.swap(&new, None);
    sleep(SETTLED).await;
    assert_eq!(counts(&registry), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_is_taken_out_lets_in_nobody_new_and_ends_no_old_connection() {
    let (ca, removed, kept) = (Authority::new("ca"), Authority::new("removed"), Authority::new("kept"));
    let server = ca.server();
    let mut secret = Secret::of(&server, Some(&removed));
    let (tls, _registry) = follow(&secret);
    // One configuration: a session that could be resumed would be.
    let of_removed = client(&ca, Some(&removed.issue(&["a"])));
    let mut link = Link::open(&tls, &of_removed).await.expect("let in");

    secret.swap(&server, Some(&kept));
    sleep(SETTLED).await;

    Link::open(&tls, &of_removed).await.expect_err("its CA is gone");
    Link::open(&tls, &client(&ca, Some(&kept.issue(&["b"])))).await.expect("let in");
    link.works().await;
    assert_eq!(link.identity().as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_broken_pair_keeps_the_old_one_until_it_is_mended() {
    let ca = Authority::new("ca");
    let (old, new) = (ca.server(), ca.server());
    let mut secret = Secret::of(&old, None);
    let (tls, registry) = follow(&secret);

    let mismatched = Pair { key: old.key.clone(), ..new.clone() };
    for broken in [&mismatched, &Pair { cert: String::new(), ..new.clone() }] {
        secret.swap(broken, None);
        sleep(SETTLED).await;
        shows(&tls, &ca, &old).await;
        assert_eq!(counts(&registry), (0, 1));
    }
    std::fs::remove_file(secret.path("..data")).expect("removed");
    sleep(SETTLED).await;
    shows(&tls, &ca, &old).await;
    assert_eq!(counts(&registry), (0, 1));

    secret.swap(&new, None);
    sleep(SETTLED).await;
    shows(&tls, &ca, &new).await;
    assert_eq!(counts(&registry), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_is_no_trouble_any_more() {
    let ca = Authority::new("ca");
    let old = ca.server();
    let secret = Secret::of(&old, None);
    let (_tls, registry) = follow(&secret);

    secret.write("tls.key", "nothing");
    sleep(SETTLED).await;
    assert_eq!(counts(&registry), (0, 1));
    secret.write("tls.key", &old.key);
    sleep(SETTLED).await;

    assert_eq!(counts(&registry), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn half_written_files_are_never_used_nor_complained_of() {
    let ca = Authority::new("ca");
    let (old, new) = (ca.server(), ca.server());
    let secret = Secret::of(&old, None);
    let (tls, registry) = follow(&secret);
    let whole = format!("{}{}", new.cert, ca.pem());

    // Each of these is seen once: the first half of the certificate; that without its chain, which would be
    // good by itself with its key; all of it with the old key.
    for (cert, key) in
        [(&new.cert[..new.cert.len() / 2], &old.key), (new.cert.as_str(), &new.key), (&whole, &old.key)]
    {
        secret.write("tls.crt", cert);
        secret.write("tls.key", key);
        sleep(LOOK).await;
        assert_eq!(counts(&registry), (0, 0));
        shows(&tls, &ca, &old).await;
    }
    secret.write("tls.key", &new.key);
    sleep(SETTLED).await;

    shows(&tls, &ca, &new).await;
    assert_eq!(counts(&registry), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn when_the_certificate_in_use_ends_can_be_scraped() {
    let ca = Authority::new("ca");
    let mut secret = Secret::of(&ca.issue_expired(&["localhost"]), None);
    let (tls, registry) = follow(&secret);
    // 2020-02-01.
    assert_eq!(metric(&registry, "tls_certificate_expiry_timestamp_seconds"), 1_580_515_200);
    let of_ca = client(&ca, None);
    let refused = Link::open(&tls, &of_ca).await.expect_err("it is over");
    assert!(refused.client.contains("expired"), "{refused:?}");

    secret.swap(&ca.server(), None);
    sleep(SETTLED).await;

    assert!(metric(&registry, "tls_certificate_expiry_timestamp_seconds") > 1_580_515_200);
    Link::open(&tls, &Arc::clone(&of_ca)).await.expect("let in");
}

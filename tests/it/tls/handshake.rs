//! Who comes in, and as whom.

use std::sync::Arc;

use switchyard::tls::Tls;
use tokio_rustls::rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{
    authority::{Authority, Secret, WEB},
    link::{Link, client, client_of},
};

fn open(secret: &Secret) -> Tls {
    Tls::open(secret.files()).expect("good files")
}

#[tokio::test]
async fn without_a_client_ca_whoever_trusts_the_server_comes_in_as_nobody() {
    let ca = Authority::new("ca");
    let tls = open(&Secret::of(&ca.server(), None));
    let shown = ca.issue(&[WEB]);

    for (versions, version) in [(&[&TLS13], ProtocolVersion::TLSv1_3), (&[&TLS12], ProtocolVersion::TLSv1_2)]
    {
        let link = Link::open(&tls, &client_of(versions, &ca, None)).await.expect("let in");
        assert_eq!((link.version(), link.alpn(), link.identity()), (Some(version), Some(&b"h2"[..]), None));
        // It is not asked for the certificate it has.
        let link = Link::open(&tls, &client_of(versions, &ca, Some(&shown))).await.expect("let in");
        assert_eq!(link.identity(), None);
    }

    let refused = Link::open(&tls, &client(&Authority::new("another"), None)).await.expect_err("not trusted");
    assert!(refused.client.contains("UnknownIssuer"), "{refused:?}");
}

#[tokio::test]
async fn with_a_client_ca_only_its_clients_come_in() {
    let (ca, clients) = (Authority::new("ca"), Authority::new("clients"));
    let tls = open(&Secret::of(&ca.server(), Some(&clients)));

    let names = [WEB, "spiffe://cluster.local/ns/default/sa/web"];
    for versions in [&[&TLS13], &[&TLS12]] {
        let link =
            Link::open(&tls, &client_of(versions, &ca, Some(&clients.issue(&names)))).await.expect("let in");
        assert_eq!(link.identity(), Some(format!("{}, {WEB}", names[1])));

        for (shows, expect) in [
            (None, "peer sent no certificates"),
            (Some(ca.issue(&names)), "UnknownIssuer"),
            // The same name, and another key.
            (Some(Authority::new("clients").issue(&names)), "BadSignature"),
            (Some(clients.issue_expired(&names)), "expired"),
        ] {
            let refused =
                Link::open(&tls, &client_of(versions, &ca, shows.as_ref())).await.expect_err(expect);
            assert!(refused.server.contains(expect), "{expect}: {refused:?}");
            assert!(refused.client.contains("received fatal alert"), "{expect}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn each_connection_proves_anew_who_it_is() {
    let ca = Authority::new("ca");
    let tls = open(&Secret::of(&ca.server(), Some(&ca)));
    for versions in [&[&TLS13], &[&TLS12]] {
        // One configuration remembers the sessions of its connections.
        let client = client_of(versions, &ca, Some(&ca.issue(&[WEB])));
        for _ in 0..3 {
            let link = Link::open(&tls, &client).await.expect("let in");
            assert!(matches!(
                link.kind(),
                Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
            ));
        }
    }
}

#[tokio::test]
async fn who_says_nothing_of_http_2_may_come_in_and_who_wants_something_else_may_not() {
    let ca = Authority::new("ca");
    let tls = open(&Secret::of(&ca.server(), None));
    let with_alpn = |protocols: &[&[u8]]| {
        let mut config = ClientConfig::clone(&client(&ca, None));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    };

    // A Linkerd proxy, for one.
    assert_eq!(Link::open(&tls, &with_alpn(&[])).await.expect("let in").alpn(), None);
    let refused = Link::open(&tls, &with_alpn(&[b"http/1.1"])).await.expect_err("no gRPC");
    assert!(refused.client.contains("NoApplicationProtocol"), "{refused:?}");
}

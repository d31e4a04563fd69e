//! A connection between a client of rustls and `Tls`, without a network.

use std::{io, sync::Arc};

use switchyard::tls::{Identity, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::ring::default_provider,
        pki_types::CertificateDer,
        version::{TLS12, TLS13},
    },
};

use super::authority::{Authority, Pair};

/// A client that trusts this CA, and shows this certificate if it is asked for one.
pub(crate) fn client(trusts: &Authority, shows: Option<&Pair>) -> Arc<ClientConfig> {
    client_of(&[&TLS13, &TLS12], trusts, shows)
}

/// The same, of these versions of TLS only.
pub(crate) fn client_of(
    versions: &[&'static SupportedProtocolVersion],
    trusts: &Authority,
    shows: Option<&Pair>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.der()).expect("a CA");
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("ring has suites for them")
        .with_root_certificates(roots);
    let mut config = match shows {
        None => builder.with_no_client_auth(),
        Some(pair) => builder.with_client_auth_cert(vec![pair.der()], pair.key_der()).expect("a pair"),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A connection on which both sides have heard the other.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: tokio_rustls::client::TlsStream<DuplexStream>,
    pub(crate) server: tokio_rustls::server::TlsStream<DuplexStream>,
}

impl Link {
    /// Shakes hands and says a word in both directions. Errors are those of both sides.
    pub(crate) async fn open(tls: &Tls, client: &Arc<ClientConfig>) -> Result<Self, Refused> {
        let (near, far) = duplex(64 << 10);
        let name = "localhost".try_into().expect("a name");
        let connect = async {
            let mut stream = TlsConnector::from(client.clone()).connect(name, near).await?;
            say(&mut stream).await?;
            // With TLS 1.3 a client hears only now that the server does not want it.
            hear(&mut stream).await?;
            Ok(stream)
        };
        let accept = async {
            let mut stream = tls.acceptor().accept(far).await?;
            hear(&mut stream).await?;
            say(&mut stream).await?;
            Ok(stream)
        };
        match tokio::join!(connect, accept) {
            (Ok(client), Ok(server)) => Ok(Self { client, server }),
            (client, server) => Err(Refused { client: said(client), server: said(server) }),
        }
    }

    /// Both directions still carry words.
    pub(crate) async fn works(&mut self) {
        for _ in 0..2 {
            say(&mut self.client).await.expect("said");
            hear(&mut self.server).await.expect("heard");
            say(&mut self.server).await.expect("said");
            hear(&mut self.client).await.expect("heard");
        }
    }

    /// Who the server takes the client for.
    pub(crate) fn identity(&self) -> Option<String> {
        Identity::of_connection(self.server.get_ref().1).map(|identity| identity.to_string())
    }

    /// The certificate that the server showed.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.client.get_ref().1.peer_certificates().expect("servers show one")[0].clone().into_owned()
    }

    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.client.get_ref().1.protocol_version()
    }

    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.client.get_ref().1.alpn_protocol()
    }

    pub(crate) fn kind(&self) -> Option<HandshakeKind> {
        self.client.get_ref().1.handshake_kind()
    }
}

/// What the two sides said of a handshake that failed; empty for nothing.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) client: String,
    pub(crate) server: String,
}

fn said<T>(result: io::Result<T>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

const WORD: &[u8; 4] = b"word";

async fn say(stream: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
    stream.write_all(WORD).await?;
    stream.flush().await
}

async fn hear(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut word = [0; WORD.len()];
    stream.read_exact(&mut word).await?;
    assert_eq!(&word, WORD);
    Ok(())
}

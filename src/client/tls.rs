//! TLS of a client: whom it trusts, and what it shows when it is asked who it is.

use std::{fmt, io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    sign::SingleCertAndKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::HostPort;
use crate::tls::{OpenError, PemFile, certified_key, provider};

/// How to speak TLS to a server. Cloning shares it.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

/// Why TLS cannot be spoken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadTls {
    /// A file cannot be used.
    #[error("{0}")]
    File(#[from] OpenError),
    /// The system trusts nobody.
    #[error("there are no CAs in this system that could be trusted; name the server's with --tls-ca FILE")]
    NoSystemRoots,
}

impl ClientTls {
    /// Trusts the CAs in the file `ca`, or without it those of the system. Shows the certificate of `identity`
    /// (a file of it, and one of its key) to servers that ask. Servers must have a certificate for
    /// `server_name`, or without it for the host that is connected to.
    ///
    /// # Errors
    /// If a file cannot be used, or there is nobody to trust.
    pub fn open(
        ca: Option<&Path>,
        identity: Option<(&Path, &Path)>,
        server_name: Option<ServerName<'static>>,
    ) -> Result<Self, BadTls> {
        let roots = ca.map_or_else(system_roots, |path| roots_of(path).map_err(BadTls::from))?;
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("ring has suites for both versions")
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let cert = PemFile::read("--tls-cert", cert)?;
                let key = PemFile::read("--tls-key", key)?;
                let certified = certified_key(&cert, &key, &provider)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// The same for another protocol than gRPC's.
    #[must_use]
    pub fn speaking(mut self, alpn: &[u8]) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = vec![alpn.to_vec()];
        self
    }

    /// The same, but whoever is asked by an address must have a certificate for this host, if no other name was
    /// said: one that a name was looked up for is no other server.
    #[must_use]
    pub fn expecting(self, host: &str) -> Self {
        let named = || ServerName::try_from(host.to_owned()).ok();
        Self { server_name: self.server_name.or_else(named), ..self }
    }

    /// Speaks TLS over a connection to this address.
    pub(super) async fn handshake(
        &self,
        addr: &HostPort,
        tcp: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(addr.host.clone()).map_err(io::Error::other)?,
        };
        TlsConnector::from(self.config.clone()).connect(name, tcp).await
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, OpenError> {
    let file = PemFile::read("--tls-ca", path)?;
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots
            .add(certificate)
            .map_err(|error| file.wrong(format!("one of its certificates cannot be a CA: {error}")))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, BadTls> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(BadTls::NoSystemRoots) } else { Ok(roots) }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

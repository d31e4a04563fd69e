//! TLS of the gRPC port: the certificate it shows, whom it lets in, and who that was.
//!
//! [`Tls`] holds the configuration for new connections and follows the files it came from; a connection keeps
//! the one it began with, so that no reload ends a stream. [`Identity`] is who a client proved to be,
//! [`AllowClients`] whether that one may ask. Accepting connections, time limits of a handshake and the answers
//! to those who may not ask belong to the server ([`crate::grpc`]).
//!
//! What must hold: the certificate in use and its key belong together, whatever is in the files meanwhile; and
//! nobody comes in by a session of before: there is no resumption, each connection proves who it is.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_rustls::TlsAcceptor;

mod allow;
mod config;
mod identity;
mod pem;
mod settling;
mod spiffe;

pub use self::{
    allow::{AllowClients, BadPattern, Pattern, refusal},
    identity::{BadCertificate, Identity},
    pem::OpenError,
};
use self::{
    config::{Contents, Good},
    settling::{Settling, Sight},
};
pub(crate) use self::{
    config::{certified_key, provider},
    pem::PemFile,
};

/// How long between two looks at the files. A new certificate is there hours before the old one ends, so this is
/// only about whoever waits for it; three small files are read each time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Whether a handshake failed because the client does not speak TLS at all.
pub(crate) fn is_plain_text(error: &io::Error) -> bool {
    use tokio_rustls::rustls::{Error, InvalidMessage};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

/// Where certificates and keys are, in PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// What the server shows: its certificate, then those that lead to a CA.
    pub cert: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
    /// Whose clients may connect. Without it nobody is asked for a certificate.
    pub client_ca: Option<PathBuf>,
}

/// TLS as it is now. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Tls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: Files,
    /// What new connections get.
    good: ArcSwap<Good>,
    /// What the files held when they were opened.
    opened: u64,
    metrics: TlsMetrics,
}

#[derive(Debug, Default)]
struct TlsMetrics {
    expiry: Gauge,
    refused: Gauge,
    reloads: Counter,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used; says which, why, and what would be right.
    pub fn open(files: Files) -> Result<Self, OpenError> {
        let contents = Contents::read(&files)?;
        let good = contents.server_config()?;
        let metrics = TlsMetrics::default();
        metrics.expiry.set(good.validity.until);
        tracing::info!(
            certificate = %files.cert.display(),
            expires = %good.validity.expires(),
            client_certificates = if files.client_ca.is_some() { "required" } else { "not asked for" },
            "TLS is on"
        );
        let opened = contents.digest();
        Ok(Self { shared: Arc::new(Shared { files, good: ArcSwap::from_pointee(good), opened, metrics }) })
    }

    /// What a new connection is accepted with.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.shared.good.load().config.clone())
    }

    /// What a new connection of the admin port is accepted with: HTTP/1, and who shows no certificate comes in as nobody,
    /// for probes have none.
    #[must_use]
    pub fn admin_acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.shared.good.load().admin.clone())
    }

    /// Adds what can be counted here.
    pub fn register(&self, registry: &mut Registry) {
        let TlsMetrics { expiry, refused, reloads } = &self.shared.metrics;
        registry.register(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate in use ends, in seconds since 1970",
            expiry.clone(),
        );
        registry.register(
            "tls_files_refused",
            "1 while the certificate files cannot be used and what they held before is",
            refused.clone(),
        );
        registry.register("tls_reloads", "Certificate files taken into use after the start", reloads.clone());
    }

    /// Follows the files for as long as it is polled. Files that cannot be used change nothing, and that is said
    /// once for what they hold; connections that are open stay as they are in any case.
    pub async fn follow(self) {
        let Shared { files, good, opened, metrics } = &*self.shared;
        let mut settling = Settling::new(*opened);
        let mut dates_said = false;
        loop {
            sleep(LOOK_EVERY).await;
            let named = files.clone();
            let look = spawn_blocking(move || {
                let contents = Contents::read(&named);
                let digest = contents.as_ref().map_or_else(OpenError::digest, Contents::digest);
                (digest, contents)
            });
            // Only a panic of the reader: the next look is another try.
            let Ok((digest, contents)) = look.await else { continue };
            match settling.see(digest) {
                Sight::Nothing => {}
                Sight::Restored => {
                    metrics.refused.set(0);
                    tracing::info!("the TLS files hold what is in use again");
                }
                Sight::New => match contents.and_then(|contents| contents.server_config()) {
                    Ok(new) => {
                        settling.used();
                        dates_said = false;
                        metrics.expiry.set(new.validity.until);
                        metrics.refused.set(0);
                        metrics.reloads.inc();
                        tracing::info!(
                            certificate = %files.cert.display(),
                            expires = %new.validity.expires(),
                            "the TLS files have changed: new connections get what they hold"
                        );
                        good.store(Arc::new(new));
                    }
                    Err(error) => {
                        settling.refused();
                        metrics.refused.set(1);
                        tracing::warn!(%error, "the TLS files cannot be used: what they held before stays in use");
                    }
                },
            }
            // Dates never decide what is used: it is the client's clock that counts.
            if !dates_said && let Some(trouble) = good.load().validity.trouble(SystemTime::now()) {
                dates_said = true;
                tracing::warn!(certificate = %files.cert.display(), "the TLS certificate in use {trouble}: clients will refuse it");
            }
        }
    }
}

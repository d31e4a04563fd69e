//! From the contents of the files to what rustls accepts connections with.

use std::{
    fmt,
    hash::{DefaultHasher, Hasher},
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use rustls::{
    Error, InconsistentKeys, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Files, OpenError, PemFile};

/// gRPC is HTTP/2, and nothing else is spoken there.
const GRPC_ALPN: &[u8] = b"h2";
/// The admin port speaks HTTP/1.
const ADMIN_ALPN: &[u8] = b"http/1.1";

/// The cryptography. Named wherever it is needed, so that nothing hangs on what a process has for its default.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What the files hold, not looked into.
pub(super) struct Contents {
    cert: PemFile,
    key: PemFile,
    client_ca: Option<PemFile>,
}

/// What connections are accepted with.
pub(super) struct Good {
    pub(super) config: Arc<ServerConfig>,
    /// The same for the admin port.
    pub(super) admin: Arc<ServerConfig>,
    pub(super) validity: Validity,
}

/// From when to when a certificate counts, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    from: i64,
    pub(super) until: i64,
}

impl Contents {
    pub(super) fn read(files: &Files) -> Result<Self, OpenError> {
        Ok(Self {
            cert: PemFile::read("--tls-cert", &files.cert)?,
            key: PemFile::read("--tls-key", &files.key)?,
            client_ca: files
                .client_ca
                .as_ref()
                .map(|path| PemFile::read("--tls-client-ca", path))
                .transpose()?,
        })
    }

    /// Stands for all of it: equal contents have equal ones, others do not by chance.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in [&self.cert, &self.key].into_iter().chain(&self.client_ca) {
            file.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Looks into it.
    pub(super) fn server_config(&self) -> Result<Good, OpenError> {
        let provider = provider();
        let certified = certified_key(&self.cert, &self.key, &provider)?;
        let validity = Validity::of(&certified);
        let roots = self.client_ca.as_ref().map(|file| Ok((file, roots(file)?))).transpose()?;
        let config = |alpn: &[u8], everybody: bool| -> Result<Arc<ServerConfig>, OpenError> {
            let builder = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[&TLS13, &TLS12])
                .expect("ring has suites for both versions");
            let builder = match &roots {
                None => builder.with_no_client_auth(),
                Some((file, roots)) => {
                    let verifier =
                        WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
                    let verifier = if everybody { verifier.allow_unauthenticated() } else { verifier };
                    let verifier = verifier.build().map_err(|error| file.wrong(error.to_string()))?;
                    builder.with_client_cert_verifier(verifier)
                }
            };
            let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified.clone())));
            config.alpn_protocols = vec![alpn.to_vec()];
            // Whoever resumes a session is not asked for a certificate again: one could come in with a certificate
            // that is over, or of a CA that was removed. Proxies connect seldom and stay, so it would save little.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            Ok(Arc::new(config))
        };
        Ok(Good { config: config(GRPC_ALPN, false)?, admin: config(ADMIN_ALPN, true)?, validity })
    }
}

/// The CAs in a file.
fn roots(file: &PemFile) -> Result<Arc<RootCertStore>, OpenError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots.add(certificate).map_err(|error| {
            file.wrong(format!("one of its certificates cannot be a CA ({error}); write those of CAs"))
        })?;
    }
    Ok(roots.into())
}

/// A certificate with its chain, and its key. Both are looked into, and whether they belong together.
pub(crate) fn certified_key(
    cert: &PemFile,
    key: &PemFile,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, OpenError> {
    let chain = cert.certificates()?;
    let signing = provider.key_provider.load_private_key(key.key()?).map_err(|_| {
        key.wrong(
            "its key cannot be used; expected RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
        )
    })?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(key.wrong(format!(
            "it is not the key of the first certificate in {}; write both as they were made together",
            cert.path().display()
        ))),
        Err(error) => Err(cert.wrong(format!("its first certificate cannot be used: {error}"))),
    }
}

impl Validity {
    fn of(certified: &CertifiedKey) -> Self {
        let first = certified.cert.first().map(|certificate| X509Certificate::from_der(certificate));
        match first {
            Some(Ok((_, certificate))) => {
                let validity = certificate.validity();
                Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() }
            }
            // Both were found out before.
            Some(Err(_)) | None => Self { from: i64::MIN, until: i64::MAX },
        }
    }

    /// When it ends, for people.
    pub(super) fn expires(self) -> String {
        moment(self.until)
    }

    /// Why it does not count at this time, if so.
    pub(super) fn trouble(self, now: SystemTime) -> Option<String> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        if now > self.until {
            Some(format!("is over since {}", moment(self.until)))
        } else if now < self.from {
            Some(format!("begins only at {}", moment(self.from)))
        } else {
            None
        }
    }
}

fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}

impl fmt::Debug for Good {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Good").field("validity", &self.validity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Validity;

    #[test]
    fn a_certificate_out_of_its_dates_is_trouble() {
        let validity = Validity { from: 1000, until: 2000 };
        for (now, expect) in [
            (999, Some("begins only at 1970-01-01T00:16:40Z")),
            (1000, None),
            (2000, None),
            (2001, Some("is over since 1970-01-01T00:33:20Z")),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            assert_eq!(validity.trouble(now).as_deref(), expect);
        }
    }
}
